"""Makes versions of states like auth does."""

import time


def later(minutes: int = 1) -> int:
    """The version of a change that many minutes from now: newer than all others, and not so high that it is refused."""
    return time.time_ns() // 1_000_000 + minutes * 60_000
