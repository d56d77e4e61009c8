"""A tenant's metrics of one range, worked out from a snapshot of its aggregates."""

from collections.abc import Mapping, Sequence
from datetime import date

from services.graphql_api.acqi import ranges, suppression
from services.graphql_api.acqi.definitions import BY_NAME
from services.graphql_api.acqi.metrics import Counts, Metric, cell, metric, point
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
    inside = [period.start for period in whole if period.grain == "month"]
    return [_metric(name, totals, by_month, inside if snapshot.suppress else None) for name in names]


def _metric(
    name: str,
    totals: Mapping[str, Counts],
    by_month: Sequence[tuple[date, Mapping[str, Counts]]],
    inside: Sequence[date] | None,
) -> Metric:
    """`inside`: the months wholly in the range, where small cells are withheld."""
    indicator, hidden = BY_NAME[name], frozenset[date]()
    if inside is not None:
        cells = {month: cell(indicator, counts[name]) for month, counts in by_month}
        hidden = suppression.withheld(cell(indicator, totals[name]), cells, inside)
    line = [point(indicator, month, counts[name], hidden=month in hidden) for month, counts in by_month]
    return metric(indicator, totals[name], line, suppress=inside is not None)
