"""Deadlines of all client connections, kept by one sweep instead of a timer each."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from gateway.problems import Answer, Refusal

LINGER_SECONDS = 2.0


class Watched(Protocol):
    deadline: float
    household: str

    def expired(self) -> None: ...


class Watch:
    """`now` is a coarse monotonic clock. `refuse` makes the answer to what could not be read, and accounts for it.

    A body has `body_seconds`, and a second more for every `body_rate` bytes that came.
    One household may hold as many connections as are free, so that nobody takes the last ones; `household` names that
    of an address, or "" for one that may hold any number.
    """

    def __init__(
        self,
        *,
        head_seconds: float,
        body_seconds: float,
        body_rate: int,
        idle_seconds: float,
        most: int,
        refuse: Callable[[Refusal], Answer],
        household: Callable[[str], str],
    ) -> None:
        self.head_seconds = head_seconds
        self.body_seconds = body_seconds
        self.body_rate = body_rate
        self.idle_seconds = idle_seconds
        self.linger_seconds = LINGER_SECONDS
        self.most = most
        self.refuse = refuse
        self.now = time.monotonic()
        self._connections: set[Watched] = set()
        self._household_of = household
        self._households: Counter[str] = Counter()

    @property
    def count(self) -> int:
        return len(self._connections)

    def add(self, connection: Watched, address: str) -> bool:
        """False when there are too many connections already, in all or of that address' household."""
        household = self._household_of(address)
        free = self.most - len(self._connections)
        if free <= (self._households[household] if household else 0):
            return False
        connection.household = household
        self._households[household] += 1
        self._connections.add(connection)
        return True

    def remove(self, connection: Watched) -> None:
        if connection not in self._connections:
            return
        self._connections.remove(connection)
        self._households[connection.household] -= 1
        if not self._households[connection.household]:
            del self._households[connection.household]

    def sweep(self) -> None:
        self.now = time.monotonic()
        for connection in [late for late in self._connections if late.deadline < self.now]:
            connection.expired()
