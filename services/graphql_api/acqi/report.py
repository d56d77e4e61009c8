"""Metrics of one tenant over a range of whole UTC days, computed from a snapshot of its aggregates."""

import math
from bisect import bisect_left
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from typing import NamedTuple

import msgspec

from services.graphql_api.acqi.cache import Counts, Period, Snapshot
from services.graphql_api.acqi.definitions import Indicator
from services.graphql_api.acqi.indicators import BY_NAME
from services.graphql_api.acqi.suppression import NOTHING_WITHHELD, ByMonth, Withheld, Withholding, cell, related

LONGEST_DAYS = 3_660
SPARKLINE_MONTHS = 12


class InvalidRange(Exception):
    """The message names the fault of the range."""


class Days(NamedTuple):
    """From the first day to the day after the last."""

    start: date
    end: date


def of_days(start: datetime, end: datetime) -> Days:
    """The days of a span of time. The span is half-open: an `end` at midnight is no part of it. Raises InvalidRange."""
    if start >= end:
        raise InvalidRange("fromDate must be before toDate.")
    first = start.astimezone(UTC).date()
    last = (end.astimezone(UTC) - timedelta(microseconds=1)).date()
    if (last - first).days >= LONGEST_DAYS:
        raise InvalidRange(f"A range has at most {LONGEST_DAYS} days.")
    if last == date.max:
        raise InvalidRange("toDate is too late.")
    return Days(first, last + timedelta(days=1))


def check_is_published(days: Days, today: date) -> None:
    """Raises InvalidRange unless the range is whole months that have ended, as it must be where small counts are withheld."""
    latest = today.replace(day=1)
    if days.start.day != 1 or days.end.day != 1 or days.end > latest:
        raise InvalidRange(
            "Small counts are withheld here, so a range is of whole calendar months (UTC) that have ended: "
            f"from the first of a month to the first of another, {latest.isoformat()} at the latest."
        )


def cut(days: Days) -> tuple[list[date], list[date]]:
    """(days, months) of the range: the first days of its whole months, and the days outside of them."""
    single: list[date] = []
    months: list[date] = []
    day = days.start
    while day < days.end:
        following = next_month(day)
        if day.day == 1 and following <= days.end:
            months.append(day)
            day = following
        else:
            single.append(day)
            day += timedelta(days=1)
    return single, months


def sparkline(days: Days) -> list[date]:
    """The first days of twelve months. The last of the months has the range's last day."""
    last = days.end - timedelta(days=1)
    count = last.year * 12 + last.month - 1
    return [_first(number) for number in range(count - SPARKLINE_MONTHS + 1, count + 1)]


def next_month(day: date) -> date:
    number = day.year * 12 + day.month
    return date.max if number >= 12 * 10_000 else _first(number)


def _first(number: int) -> date:
    return date(max(1, number // 12), number % 12 + 1, 1)


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One month of a sparkline."""

    period_start: str
    numerator: int | None
    denominator: int | None
    value: float | None


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One indicator over one range. For a time, numerator and denominator are both the number of times measured.

    Figures that few ask for are computed when they are read. `times` are those of an indicator of times, unless they are withheld.
    """

    name: str
    description: str
    definition_version: str
    unit: str
    value: float | None
    numerator: int | None
    denominator: int | None
    excluded: int | None
    unknown: int | None
    suppressed: bool
    times: "Times | None" = None
    sparkline: Sequence[Point] = ()

    @property
    def ci95_low(self) -> float | None:
        interval = self._interval()
        return interval[0] if interval else None

    @property
    def ci95_high(self) -> float | None:
        interval = self._interval()
        return interval[1] if interval else None

    @property
    def p90(self) -> float | None:
        return self.times.quantile(0.9) if self.times else None

    @property
    def mean(self) -> float | None:
        return self.times.mean() if self.times else None

    def _interval(self) -> tuple[float, float] | None:
        if self.times or self.numerator is None or self.denominator is None:
            return None
        return wilson(self.numerator, self.denominator)


def metric(indicator: Indicator, counts: Counts, sparkline: Sequence[Point], withheld: Withheld) -> Metric:
    fraction = cell(indicator, counts)
    numerator, denominator = fraction.numerator, fraction.denominator
    hidden = withheld.fraction
    times = Times(counts.bins) if indicator.is_time and not hidden else None
    return Metric(
        name=indicator.name,
        description=indicator.description,
        definition_version=indicator.version,
        unit=indicator.unit,
        value=None if hidden else times.quantile(0.5) if times else ratio(numerator, denominator),
        numerator=None if hidden else numerator,
        denominator=None if hidden else denominator,
        excluded=None if withheld.excluded else counts.excluded,
        unknown=None if withheld.unknown else counts.unknown,
        suppressed=hidden,
        times=times,
        sparkline=sparkline,
    )


def point(indicator: Indicator, month: date, counts: Counts, *, hidden: bool) -> Point:
    timed = indicator.is_time
    fraction = cell(indicator, counts)
    numerator, denominator = fraction.numerator, fraction.denominator
    return Point(
        period_start=f"{month.isoformat()}T00:00:00Z",
        numerator=None if hidden else numerator,
        denominator=None if hidden else denominator,
        value=None if hidden else Times(counts.bins).quantile(0.5) if timed else ratio(numerator, denominator),
    )


def periods(days: Days) -> list[Period]:
    """The periods whose sum is the range."""
    single, months = cut(days)
    return [Period("day", day) for day in single] + [Period("month", month) for month in months]


def trend(days: Days) -> list[Period]:
    """The months of a sparkline."""
    return [Period("month", month) for month in sparkline(days)]


def metrics(
    snapshot: Snapshot, names: Sequence[str], whole: Sequence[Period], months: Sequence[Period]
) -> list[Metric]:
    """One metric per name, in that order; the snapshot holds all of `whole` and `months`.

    Where small counts are withheld, `whole` is of months alone (`check_is_published`).
    """
    totals, line = snapshot.total(whole, names), _by_month(snapshot, months, names)
    # By the months of the range and the trend, with the indicators that share their cases.
    inside, trends = None, [None] * len(line)
    if snapshot.suppress:
        inside = Withholding(_by_month(snapshot, whole, related(names)))
        trends = [Withholding([month]) for month in _by_month(snapshot, months, related(names))]
    found: list[Metric] = []
    for name in names:
        indicator = BY_NAME[name]
        points = [
            point(indicator, month, counts[name], hidden=trend is not None and trend.hides_fraction(name))
            for trend, (month, counts) in zip(trends, line, strict=True)
        ]
        withheld = NOTHING_WITHHELD if inside is None else inside.of(name)
        found.append(metric(indicator, totals[name], points, withheld))
    return found


def _by_month(snapshot: Snapshot, months: Sequence[Period], names: Collection[str]) -> ByMonth:
    return [(month.start, snapshot.total((month,), names)) for month in months]


Z95 = 1.959963984540054


def ratio(numerator: int, denominator: int) -> float | None:
    """None, not 0, without cases."""
    return numerator / denominator if denominator else None


def wilson(numerator: int, denominator: int) -> tuple[float, float] | None:
    """The 95 % Wilson score interval (E. B. Wilson, 1927), None without cases."""
    if denominator == 0:
        return None
    share = numerator / denominator
    scale = 1 + Z95**2 / denominator
    centre = (share + Z95**2 / (2 * denominator)) / scale
    margin = Z95 / scale * math.sqrt(share * (1 - share) / denominator + Z95**2 / (4 * denominator**2))
    low = 0.0 if numerator == 0 else max(0.0, centre - margin)
    high = 1.0 if numerator == denominator else min(1.0, centre + margin)
    return low, high


class Times:
    """Times that `bins` counts by tenths of a minute. Figures are in minutes, None without times."""

    def __init__(self, bins: Sequence[int]) -> None:
        self._reached = list(accumulate(bins))
        """How many times are that long at most, by tenths."""
        self._number = self._reached[-1] if self._reached else 0

    def quantile(self, share: float) -> float | None:
        """The nearest-rank quantile."""
        if not self._number:
            return None
        return bisect_left(self._reached, max(1, math.ceil(share * self._number))) / 10

    def mean(self) -> float | None:
        if not self._number:
            return None
        # A time of t tenths is missing from the first t counts of `_reached`.
        tenths = len(self._reached) * self._number - sum(self._reached)
        return tenths / self._number / 10
