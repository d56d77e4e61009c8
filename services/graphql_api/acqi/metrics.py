"""What is answered of an indicator: figures made of counts, small cells withheld where the tenant wishes."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import msgspec

from services.graphql_api.acqi.outcome import Indicator
from services.graphql_api.acqi.statistics import quantile, ratio, wilson
from services.graphql_api.acqi.suppression import Cell


class Counts(msgspec.Struct, frozen=True):
    """Cases of one indicator in one range. `bins` counts times by tenths of a minute."""

    met: int = 0
    not_met: int = 0
    excluded: int = 0
    unknown: int = 0
    bins: Sequence[int] = ()


class Withheld(NamedTuple):
    """Which of a metric's counts are not shown: its fraction with all that is computed from it, what was excluded, what is unknown."""

    fraction: bool = False
    excluded: bool = False
    unknown: bool = False


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


def metric(indicator: Indicator, counts: Counts, sparkline: Sequence[Point], withheld: Withheld) -> Metric:
    timed = indicator.unit == "min"
    fraction = cell(indicator, counts)
    numerator, denominator = fraction.numerator, fraction.denominator
    hidden = withheld.fraction
    interval = None if timed or hidden else wilson(numerator, denominator)
    return Metric(
        name=indicator.name,
        description=indicator.description,
        definition_version=indicator.version,
        unit=indicator.unit,
        value=None if hidden else _value(timed, counts, numerator, denominator),
        numerator=None if hidden else numerator,
        denominator=None if hidden else denominator,
        excluded=None if withheld.excluded else counts.excluded,
        unknown=None if withheld.unknown else counts.unknown,
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
