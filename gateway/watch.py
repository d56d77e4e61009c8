"""Deadlines of all client connections, kept by one sweep instead of a timer each."""

import time
from collections.abc import Callable
from typing import Protocol

from gateway.problems import Answer, Refusal

LINGER_SECONDS = 2.0


class Watched(Protocol):
    deadline: float

    def expired(self) -> None: ...


class Watch:
    """`now` is a coarse monotonic clock. `refuse` makes the answer to what could not be read, and accounts for it."""

    def __init__(
        self,
        *,
        head_seconds: float,
        body_seconds: float,
        idle_seconds: float,
        most: int,
        refuse: Callable[[Refusal], Answer],
    ) -> None:
        self.head_seconds = head_seconds
        self.body_seconds = body_seconds
        self.idle_seconds = idle_seconds
        self.linger_seconds = LINGER_SECONDS
        self.most = most
        self.refuse = refuse
        self.now = time.monotonic()
        self._connections: set[Watched] = set()

    def add(self, connection: Watched) -> bool:
        """False when there are too many connections already."""
        if len(self._connections) >= self.most:
            return False
        self._connections.add(connection)
        return True

    def remove(self, connection: Watched) -> None:
        self._connections.discard(connection)

    def sweep(self) -> None:
        self.now = time.monotonic()
        for connection in [late for late in self._connections if late.deadline < self.now]:
            connection.expired()
