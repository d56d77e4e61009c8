"""The clock of this process beside its database's.

Observations, records and signatures get their time from the process that makes them, so its clock is compared with the database's once a
second, in a transaction that is open anyway. A web process whose clock is wrong by over a minute answers 503 and is not ready. Leases, due
times and revocations use only the database's clock.
"""

import logging
import time
from collections.abc import Sequence
from typing import LiteralString

ASK_CLOCK: LiteralString = "SELECT extract(epoch FROM clock_timestamp())::float8"
CLOCK_TOLERATED_SECONDS = 60.0
CLOCK_EVERY_SECONDS = 1.0
# A slower answer is ignored: the server may have read its clock at any moment of the wait.
CLOCK_QUICK_SECONDS = 5.0
log = logging.getLogger(__name__)


class ClockApart(Exception):
    """This process's clock differs from the database's by more than `CLOCK_TOLERATED_SECONDS`."""


class Clock:
    """`offset` is the number of seconds that this process's clock is ahead of its database's; 0 until it is measured."""

    def __init__(self) -> None:
        self.offset = 0.0
        self._asked_at = float("-inf")

    @property
    def is_apart(self) -> bool:
        return abs(self.offset) > CLOCK_TOLERATED_SECONDS

    @property
    def is_due(self) -> bool:
        """Whether to measure again: every second, and in each transaction while the clock is wrong."""
        return self.is_apart or time.monotonic() - self._asked_at >= CLOCK_EVERY_SECONDS

    def now(self) -> float:
        """The database's time, as a Unix time."""
        return time.time() - self.offset

    def ask(self) -> float:
        """Call this just before sending `ASK_CLOCK`, then pass its result and the row of the answer to `measured`."""
        self._asked_at = time.monotonic()
        return self._asked_at

    def measured(self, row: Sequence[float] | None, asked_at: float) -> None:
        took = time.monotonic() - asked_at
        if row is None or took > CLOCK_QUICK_SECONDS:
            return
        was_apart = self.is_apart
        self.offset = time.time() - took / 2 - row[0]
        if self.is_apart != was_apart:
            level, state = (logging.ERROR, "is wrong") if self.is_apart else (logging.WARNING, "is right again")
            log.log(level, "the clock of this process %s", state, extra={"offset_seconds": round(self.offset, 1)})

    def require(self) -> None:
        """Raises ClockApart if the clock is wrong."""
        if self.is_apart:
            raise ClockApart


clock = Clock()
