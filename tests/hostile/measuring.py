"""Processor time of a parser over bodies of growing size."""

import gc
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

RUNS = 3
ROUNDS = 8
FLOOR = 0.002
"""Seconds. A shorter time measures the clock and the machine and not the parser."""
TIMES_FOR_TWICE = 2.9
"""The most times as long that twice the size may take; a quadratic parser takes four times as long."""


def seconds(read: Callable[[Any], object], body: Any, refusals: tuple[type[BaseException], ...]) -> float:
    """The shortest of several runs, because others use the machine too; without the garbage of the tests before."""
    best = float("inf")
    for _ in range(RUNS):
        gc.disable()
        began = time.process_time()
        with suppress(*refusals):
            read(body)
        best = min(best, time.process_time() - began)
        gc.enable()
        if best > 1:
            break
    return best


def grows_faster_than_linearly(at: Callable[[int], float], limit: int) -> str:
    """The measured times if the parser does, otherwise "". A busy machine slows runs, so the shortest of up to `ROUNDS` counts."""
    sizes = (limit // 4, limit // 2, limit)
    best = dict.fromkeys(sizes, float("inf"))
    for _ in range(ROUNDS):
        for size in reversed(sizes):
            best[size] = min(best[size], at(size))
            if best[limit] < FLOOR:
                return ""
        quarter, half, whole = best.values()
        pairs = ((quarter, half), (half, whole))
        if all(larger <= max(smaller, FLOOR) * TIMES_FOR_TWICE for smaller, larger in pairs):
            return ""
    quarter, half, whole = best.values()
    return f"{quarter * 1e3:.1f}, {half * 1e3:.1f}, {whole * 1e3:.1f} ms for a quarter, a half and all of {limit} bytes"
