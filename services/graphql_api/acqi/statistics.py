"""From counts to a figure: ratio with its interval, median and 90th percentile of times."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

Z95 = 1.959963984540054


def ratio(numerator: int, denominator: int) -> float | None:
    """None, not 0, when there is nothing to count."""
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


def quantile(bins: Sequence[int], share: float) -> float | None:
    """The nearest-rank quantile of times counted by tenths of a minute, in minutes."""
    reached = list(accumulate(bins))
    if not reached or reached[-1] == 0:
        return None
    rank = max(1, math.ceil(share * reached[-1]))
    return bisect_left(reached, rank) / 10
