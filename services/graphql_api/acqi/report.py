"""A tenant's metrics of one range, worked out from a snapshot of its aggregates."""

from collections.abc import Mapping, Sequence
from datetime import date

from services.graphql_api.acqi import ranges
from services.graphql_api.acqi.definitions import BY_NAME
from services.graphql_api.acqi.metrics import Counts, Metric, metric, point
from services.graphql_api.acqi.ranges import Days
from services.graphql_api.acqi.snapshot import Period, Snapshot


def periods(days: Days) -> list[Period]:
    """The periods that add up to the range."""
    single, months = ranges.cut(days)
    return [Period("day", day) for day in single] + [Period("month", month) for month in months]


def trend(days: Days) -> list[Period]:
    """The months of a sparkline."""
    return [Period("month", month) for month in ranges.sparkline(days)]


def metrics(
    snapshot: Snapshot, names: Sequence[str], whole: Sequence[Period], months: Sequence[Period]
) -> list[Metric]:
    """One metric per name, in that order; the snapshot holds all of `whole` and `months`."""
    totals, by_month = snapshot.total(whole), [(month.start, snapshot.total((month,))) for month in months]
    return [_metric(name, totals, by_month, snapshot.suppress) for name in names]


def _metric(
    name: str, totals: Mapping[str, Counts], by_month: Sequence[tuple[date, Mapping[str, Counts]]], suppress: bool
) -> Metric:
    indicator = BY_NAME[name]
    line = [point(indicator, month, counts[name], suppress=suppress) for month, counts in by_month]
    return metric(indicator, totals[name], line, suppress=suppress)
