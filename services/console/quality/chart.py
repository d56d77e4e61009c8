"""Geometry of a trend: a line of monthly values with the band of its confidence interval, for a template that draws SVG.

Shares have an axis from 0 to a round figure, at most 100 %; a month that is suppressed or has no cases breaks the line, since a line
through it would claim a value. Lengths are in units of the drawing's view box.
"""

import math
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

WIDTH, HEIGHT = 720, 290
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 12, 54
Z95 = 1.959963984540054
STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60)


class Month(NamedTuple):
    """The counts of one month. A month without a value has no cases, or too few to be shown (`suppressed`)."""

    start: date
    numerator: int | None
    denominator: int | None
    value: float | None

    @property
    def suppressed(self) -> bool:
        return self.denominator is None


class Dot(NamedTuple):
    month: Month
    x: float
    y: float
    low: float | None
    high: float | None


class Tick(NamedTuple):
    at: float
    value: float


class Gap(NamedTuple):
    """A month without a value."""

    month: Month
    x: float


class Chart(NamedTuple):
    """`lines` and `bands` are the `d` of paths. `months` names the ticks of the horizontal axis."""

    lines: list[str]
    bands: list[str]
    dots: list[Dot]
    gaps: list[Gap]
    ticks: list[Tick]
    months: list[tuple[float, date]]
    is_share: bool

    @property
    def floor(self) -> float:
        return HEIGHT - BOTTOM


def wilson(numerator: int, denominator: int) -> tuple[float, float]:
    """The 95 % score interval of a share (E. B. Wilson, 1927)."""
    share, square = numerator / denominator, Z95 * Z95
    centre = share + square / (2 * denominator)
    half = Z95 * math.sqrt(share * (1 - share) / denominator + square / (4 * denominator * denominator))
    whole = 1 + square / denominator
    return max(0.0, (centre - half) / whole), min(1.0, (centre + half) / whole)


def chart(months: Sequence[Month], *, is_share: bool) -> Chart:
    """Raises ValueError without months."""
    if not months:
        raise ValueError("a trend has at least one month")
    intervals = [
        wilson(month.numerator, month.denominator)
        if is_share and month.value is not None and month.denominator and month.numerator is not None
        else None
        for month in months
    ]
    top, step = _scale(months, intervals, is_share)
    width = (WIDTH - LEFT - RIGHT) / max(1, len(months) - 1)

    def across(place: int) -> float:
        return round(LEFT + place * width, 1) if len(months) > 1 else WIDTH / 2

    def up(value: float) -> float:
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top), 1)

    runs: list[list[Dot]] = [[]]
    gaps: list[Gap] = []
    for place, (month, interval) in enumerate(zip(months, intervals, strict=True)):
        if month.value is None:
            gaps.append(Gap(month, across(place)))
            runs.append([])
            continue
        low, high = (up(interval[0]), up(interval[1])) if interval else (None, None)
        runs[-1].append(Dot(month, across(place), up(month.value), low, high))
    every = -(-len(months) // 12)
    return Chart(
        lines=["M" + "L".join(f"{dot.x} {dot.y}" for dot in run) for run in runs if len(run) > 1],
        bands=[_band(run) for run in runs if is_share and len(run) > 1],
        dots=[dot for run in runs for dot in run],
        gaps=gaps,
        ticks=[Tick(up(number * step), number * step) for number in range(round(top / step) + 1)],
        months=[(across(place), month.start) for place, month in enumerate(months) if place % every == 0],
        is_share=is_share,
    )


def _scale(
    months: Sequence[Month], intervals: Sequence[tuple[float, float] | None], is_share: bool
) -> tuple[float, float]:
    """The top of the axis and the distance of its ticks: at most six of them."""
    values = [month.value for month in months if month.value is not None]
    highest = max([*values, *(interval[1] for interval in intervals if interval)], default=1.0 if is_share else 10.0)
    highest = highest or (0.1 if is_share else 1.0)
    step = next((one for one in STEPS if highest / one <= 5), STEPS[-1] * math.ceil(highest / 5 / STEPS[-1]))
    top = step * math.ceil(round(highest / step, 9))
    return (min(1.0, top), min(step, 1.0)) if is_share and top >= 1 else (top, step)


def _band(run: Sequence[Dot]) -> str:
    upper = [f"{dot.x} {dot.high}" for dot in run]
    lower = [f"{dot.x} {dot.low}" for dot in reversed(run)]
    return "M" + "L".join([*upper, *lower]) + "Z"
