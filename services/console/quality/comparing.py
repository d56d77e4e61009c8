"""Compares an indicator between two periods without claiming more than the counts allow."""

import math
from typing import Literal, NamedTuple

from services.console.quality.chart import wilson

Verdict = Literal["better", "worse", "unclear", "more", "less", "same", "none"]


class Counted(NamedTuple):
    """A share of one period: None where it is suppressed."""

    numerator: int | None
    denominator: int | None


class Change(NamedTuple):
    """`points` and its 95 % interval are in percentage points."""

    points: float
    low: float
    high: float


def of_shares(now: Counted, before: Counted) -> Change | None:
    """The difference of two shares with its interval by R. G. Newcombe's method 10 (1998); None where either has no cases to show."""
    if not now.denominator or not before.denominator or now.numerator is None or before.numerator is None:
        return None
    first, second = now.numerator / now.denominator, before.numerator / before.denominator
    low1, high1 = wilson(now.numerator, now.denominator)
    low2, high2 = wilson(before.numerator, before.denominator)
    points = first - second
    low = points - math.hypot(first - low1, high2 - second)
    high = points + math.hypot(high1 - first, second - low2)
    return Change(100 * points, 100 * low, 100 * high)


def verdict(change: Change | None, improves: str) -> Verdict:
    """Better or worse only where the interval leaves out no change at all."""
    if change is None:
        return "none"
    if change.low <= 0 <= change.high:
        return "unclear"
    return "better" if (change.points > 0) == (improves == "increase") else "worse"


def of_times(now: float | None, before: float | None) -> float | None:
    """The difference of two medians, in minutes."""
    return None if now is None or before is None else now - before
