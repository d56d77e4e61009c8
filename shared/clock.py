"""How far this process' clock is from its database's, measured once a second within a transaction that it has anyway.

Readings, records and signatures are dated by the process that makes them. A web process whose clock is over a minute off
answers 503 until it is right, and is not ready meanwhile. Leases, due times and revocations go by the database's clock alone.
"""

import logging
import time
from collections.abc import Sequence
from typing import LiteralString

ASK: LiteralString = "SELECT extract(epoch FROM clock_timestamp())::float8"
TOLERATED_SECONDS = 60.0
EVERY_SECONDS = 1.0
# A slower answer says little: the server's moment may be anywhere in between.
QUICK_SECONDS = 5.0
log = logging.getLogger(__name__)


class ClockApart(Exception):
    """This process' clock is not the database's."""


class Clock:
    """`offset` is by how many seconds this process is ahead of its database; 0 until it is measured."""

    def __init__(self) -> None:
        self.offset = 0.0
        self._asked_at = float("-inf")

    @property
    def is_apart(self) -> bool:
        return abs(self.offset) > TOLERATED_SECONDS

    @property
    def is_due(self) -> bool:
        """Whether to measure again: every second, and with each transaction while it is apart."""
        return self.is_apart or time.monotonic() - self._asked_at >= EVERY_SECONDS

    def now(self) -> float:
        """The database's time, as a Unix time."""
        return time.time() - self.offset

    def ask(self) -> float:
        """To be called just before `ASK` is sent; `measured` takes what it returns, with the row of the answer."""
        self._asked_at = time.monotonic()
        return self._asked_at

    def measured(self, row: Sequence[float] | None, asked_at: float) -> None:
        took = time.monotonic() - asked_at
        if row is None or took > QUICK_SECONDS:
            return
        was_apart = self.is_apart
        self.offset = time.time() - took / 2 - row[0]
        if self.is_apart != was_apart:
            level, state = (logging.ERROR, "is wrong") if self.is_apart else (logging.WARNING, "is right again")
            log.log(level, "the clock of this process %s", state, extra={"offset_seconds": round(self.offset, 1)})

    def require(self) -> None:
        """Raises ClockApart."""
        if self.is_apart:
            raise ClockApart


clock = Clock()
