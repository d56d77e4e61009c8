"""A tenant's metrics of one range, worked out from a snapshot of its aggregates."""

from collections.abc import Mapping, Sequence
from datetime import date

from services.graphql_api.acqi import ranges
from services.graphql_api.acqi.definitions import BY_NAME
from services.graphql_api.acqi.metrics import Counts, Metric, Withheld, cell, metric, point
from services.graphql_api.acqi.outcome import Indicator
from services.graphql_api.acqi.ranges import Days
from services.graphql_api.acqi.snapshot import Period, Snapshot
from services.graphql_api.acqi.suppression import Cell, is_answered


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
    """One metric per name, in that order; the snapshot holds all of `whole` and `months`.

    Where small counts are withheld, `whole` is of months alone (`ranges.check_is_published`).
    """
    totals, line = snapshot.total(whole), _by_month(snapshot, months)
    inside = _by_month(snapshot, whole) if snapshot.suppress else None
    return [_metric(name, totals[name], line, inside) for name in names]


ByMonth = list[tuple[date, Mapping[str, Counts]]]


def _by_month(snapshot: Snapshot, months: Sequence[Period]) -> ByMonth:
    return [(month.start, snapshot.total((month,))) for month in months]


def _metric(name: str, total: Counts, line: ByMonth, inside: ByMonth | None) -> Metric:
    """`inside`: the months of the range where small counts are withheld, else None."""
    indicator = BY_NAME[name]
    points = [
        point(indicator, month, counts[name], hidden=inside is not None and cell(indicator, counts[name]).is_small)
        for month, counts in line
    ]
    withheld = Withheld() if inside is None else _withheld(indicator, inside)
    return metric(indicator, total, points, withheld)


def _withheld(indicator: Indicator, inside: ByMonth) -> Withheld:
    months, counts = [month for month, _ in inside], [of_month[indicator.name] for _, of_month in inside]
    return Withheld(
        fraction=not is_answered(months, [cell(indicator, one) for one in counts]),
        excluded=not is_answered(months, [Cell(one.excluded, one.excluded) for one in counts]),
        unknown=not is_answered(months, [Cell(one.unknown, one.unknown) for one in counts]),
    )
