"""Processor time of a parser over bodies of growing size."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

RUNS = 3
FLOOR = 0.002
"""Seconds. A shorter time measures the clock and the machine and not the parser."""
TIMES_FOR_TWICE = 2.9
"""The most times as long that twice the size may take; a quadratic parser takes four times as long."""


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
    have slowed one of the three sizes; the shortest time of each size counts.
    """
    reason = ""
    quarter = half = whole = float("inf")
    for runs in (1, RUNS, RUNS, RUNS):
        whole = min(whole, at(limit, runs))
        if whole < FLOOR:
            return ""
        quarter, half = min(quarter, at(limit // 4, runs)), min(half, at(limit // 2, runs))
        reason = ""
        for smaller, larger in ((quarter, half), (half, whole)):
            if larger > max(smaller, FLOOR) * TIMES_FOR_TWICE:
                reason = f"{quarter * 1e3:.1f}, {half * 1e3:.1f}, {whole * 1e3:.1f} ms for a quarter, a half and all of {limit} bytes"
        if not reason:
            return ""
    return reason
