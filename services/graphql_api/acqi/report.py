"""A tenant's metrics of one range, worked out from a snapshot of its aggregates."""

from collections.abc import Sequence

from services.graphql_api.acqi import ranges
from services.graphql_api.acqi.definitions import BY_NAME
from services.graphql_api.acqi.metrics import Metric, Point, metric, point
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
    return [_metric(snapshot, name, whole, months) for name in names]


def _metric(snapshot: Snapshot, name: str, whole: Sequence[Period], months: Sequence[Period]) -> Metric:
    indicator, suppress = BY_NAME[name], snapshot.suppress
    line: list[Point] = [
        point(indicator, month.start, snapshot.counts(name, (month,)), suppress=suppress) for month in months
    ]
    return metric(indicator, snapshot.counts(name, whole), line, suppress=suppress)
