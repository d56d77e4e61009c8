"""Calls that wait before they answer. Each uses a place at the gateway: an app, an organisation and a process have so many at a time."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import NamedTuple, Self

from prometheus_client import Gauge

from shared.web import problems, serving
from shared.web.identity import Caller

ALL = "all"


class Limit(NamedTuple):
    """Calls of a process that wait at a time, and those of one app. A refused one is tried again after `seconds`."""

    most: int
    of_app: int
    seconds: int


# A service has 256 places at the gateway.
LIMITS = {"tests": Limit(32, 2, 15), "reads": Limit(64, 8, 1)}


class Places:
    """The calls of one kind, which is a key of `LIMITS`.

    An organisation may use as many places as are left free, so that none takes the last of all. A waiting call holds no database
    connection: refused calls would otherwise keep connections from others.
    """

    def __init__(self, things: str, gauge: Gauge | None = None) -> None:
        self.closing = False
        self._things = things
        self._gauge = gauge
        self._waiting: Counter[str] = Counter()

    async def __aenter__(self) -> Self:
        """Until the block ends, calls that wait learn by `closing` that the process stops."""
        serving.LEAVING.add(self._close)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        serving.LEAVING.discard(self._close)

    def _close(self) -> None:
        self.closing = True

    @contextmanager
    def place(self, caller: Caller) -> Iterator[None]:
        """Raises a 429 Problem where the app, its organisation or this process has reached its limit."""
        waiting = self._waiting
        self.require_room(waiting[caller.client_id])
        if waiting[ALL] + waiting[caller.tenant_id] >= LIMITS[self._things].most:
            raise self._too_many(f"As many {self._things} are waited for as can be, of this organisation or of all")
        counted = (ALL, caller.tenant_id, caller.client_id)
        waiting.update(counted)
        self._measure()
        try:
            yield
        finally:
            waiting.subtract(counted)
            for key in counted:
                if not waiting[key]:
                    del waiting[key]
            self._measure()

    def require_room(self, number: int) -> None:
        """Raises a 429 Problem for an app of which so many calls wait already, wherever they do."""
        limit = LIMITS[self._things].of_app
        if number >= limit:
            raise self._too_many(f"An app waits for at most {limit} {self._things} at a time")

    def _too_many(self, reason: str) -> problems.Problem:
        detail = f"{reason}: try again when one has been answered, or without `wait`."
        return problems.too_many(detail, LIMITS[self._things].seconds)

    def _measure(self) -> None:
        if self._gauge is not None:
            self._gauge.set(self._waiting[ALL])
