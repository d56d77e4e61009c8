"""Processor time of a parser over bodies of growing size."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

RUNS = 3
FLOOR = 0.002
"""Seconds. A shorter time measures the clock and the machine and not the parser."""
TIMES_FOR_FOUR = 8.5
"""The most times as long that four times the size may take; a quadratic parser takes 16 times as long, a linear one that outgrows the
processor's cache on a busy machine up to seven."""


def seconds(
    read: Callable[[Any], object], body: Any, refusals: tuple[type[BaseException], ...], runs: int = RUNS
) -> float:
    """The shortest of several runs, because others use the machine too. Other threads of the process do not count."""
    best = float("inf")
    for _ in range(runs):
        began = time.thread_time()
        with suppress(*refusals):
            read(body)
        best = min(best, time.thread_time() - began)
        if best > 1:
            break
    return best


def grows_faster_than_linearly(at: Callable[[int, int], float], limit: int) -> str:
    """The measured times if the parser does, otherwise "". `at` measures a size in a number of runs.

    One run is enough where the growth is linear. Another growth is believed after three more measurements, since a busy machine may
    have slowed one of the two sizes; the shortest time of each size counts.
    """
    quarter = whole = float("inf")
    for runs in (1, RUNS, RUNS, RUNS):
        whole = min(whole, at(limit, runs))
        if whole < FLOOR:
            return ""
        quarter = min(quarter, at(limit // 4, runs))
        if whole <= max(quarter, FLOOR / 2) * TIMES_FOR_FOUR:
            return ""
    return f"{quarter * 1e3:.1f}, {whole * 1e3:.1f} ms for a quarter and all of {limit} bytes"
