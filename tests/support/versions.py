"""Versions of states, as auth makes them."""

import time


def later(minutes: int = 1) -> int:
    """The version of a change so many minutes from now: newer than all there was, and not so far ahead that it is refused."""
    return time.time_ns() // 1_000_000 + minutes * 60_000
