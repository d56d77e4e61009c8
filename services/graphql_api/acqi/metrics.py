"""What is answered of an indicator: figures made of counts, small cells withheld where the tenant wishes."""

from collections.abc import Sequence
from datetime import date

import msgspec

from services.graphql_api.acqi.outcome import Indicator
from services.graphql_api.acqi.statistics import quantile, ratio, wilson
from services.graphql_api.acqi.suppression import SMALL_CELL, Cell


class Counts(msgspec.Struct, frozen=True):
    """Cases of one indicator in one range. `bins` counts times by tenths of a minute."""

    met: int = 0
    not_met: int = 0
    excluded: int = 0
    unknown: int = 0
    bins: Sequence[int] = ()


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One month of a sparkline."""

    period_start: str
    numerator: int | None
    denominator: int | None
    value: float | None


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One indicator over one range. For a time, numerator and denominator are both the number of times measured."""

    name: str
    description: str
    definition_version: str
    unit: str
    value: float | None
    numerator: int | None
    denominator: int | None
    excluded: int | None
    unknown: int | None
    ci95_low: float | None
    ci95_high: float | None
    p90: float | None
    suppressed: bool
    sparkline: Sequence[Point] = ()


def metric(indicator: Indicator, counts: Counts, sparkline: Sequence[Point], *, suppress: bool) -> Metric:
    """`suppress` withholds every count from 1 to 4, the rest of it to the whole, and what could be computed from them."""
    timed = indicator.unit == "min"
    fraction = cell(indicator, counts)
    numerator, denominator = fraction.numerator, fraction.denominator
    hidden = suppress and fraction.is_small
    interval = None if timed or hidden else wilson(numerator, denominator)
    return Metric(
        name=indicator.name,
        description=indicator.description,
        definition_version=indicator.version,
        unit=indicator.unit,
        value=None if hidden else _value(timed, counts, numerator, denominator),
        numerator=None if hidden else numerator,
        denominator=None if hidden else denominator,
        excluded=_cell(counts.excluded, suppress),
        unknown=_cell(counts.unknown, suppress),
        ci95_low=interval[0] if interval else None,
        ci95_high=interval[1] if interval else None,
        p90=quantile(counts.bins, 0.9) if timed and not hidden else None,
        suppressed=hidden,
        sparkline=sparkline,
    )


def point(indicator: Indicator, month: date, counts: Counts, *, hidden: bool) -> Point:
    timed = indicator.unit == "min"
    fraction = cell(indicator, counts)
    numerator, denominator = fraction.numerator, fraction.denominator
    return Point(
        period_start=f"{month.isoformat()}T00:00:00Z",
        numerator=None if hidden else numerator,
        denominator=None if hidden else denominator,
        value=None if hidden else _value(timed, counts, numerator, denominator),
    )


def cell(indicator: Indicator, counts: Counts) -> Cell:
    """Numerator and denominator."""
    if indicator.unit == "min":
        return Cell(sum(counts.bins), sum(counts.bins))
    return Cell(counts.met, counts.met + counts.not_met)


def _value(timed: bool, counts: Counts, numerator: int, denominator: int) -> float | None:
    return quantile(counts.bins, 0.5) if timed else ratio(numerator, denominator)


def _cell(count: int, suppress: bool) -> int | None:
    return None if suppress and 0 < count < SMALL_CELL else count
