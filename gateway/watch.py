"""The deadlines and the number of client connections. One sweep checks all deadlines, instead of one timer for each."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from gateway.problems import Answer, Refusal
from shared.fairness.places import Places

LINGER_SECONDS = 2.0
UNFINISHED = 1_000
"""Large heads, and first parts of bodies, that the process holds: 64 MiB. A container has 512 MiB."""


class Watched(Protocol):
    deadline: float
    network: str

    def expired(self) -> None: ...


class Watch:
    """`now` is a coarse monotonic clock. `refuse` makes and records the answer to a request that could not be parsed.

    A body has `body_seconds`, and one second more for every `body_rate` bytes that arrived.
    One client network may hold at most as many connections as are free, so that none takes the last ones. `network_of` gives
    the network of an address, or "" if the address may hold any number of connections.
    `unfinished` are the places for requests that are not whole and larger than a few KiB. Callers without a token, and heads before a token
    is read, are one organisation.
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
        network_of: Callable[[str], str],
    ) -> None:
        self.head_seconds = head_seconds
        self.body_seconds = body_seconds
        self.body_rate = body_rate
        self.idle_seconds = idle_seconds
        self.linger_seconds = LINGER_SECONDS
        self.most = most
        self.unfinished = Places(UNFINISHED, shares=(1, 2))
        self.refuse = refuse
        self.now = time.monotonic()
        self._connections: set[Watched] = set()
        self._network_of = network_of
        self._of_network: Counter[str] = Counter()

    @property
    def count(self) -> int:
        return len(self._connections)

    def add(self, connection: Watched, address: str) -> bool:
        """False when there are already too many connections, in total or from the network of `address`."""
        network = self._network_of(address)
        free = self.most - len(self._connections)
        if free <= (self._of_network[network] if network else 0):
            return False
        connection.network = network
        self._of_network[network] += 1
        self._connections.add(connection)
        return True

    def remove(self, connection: Watched) -> None:
        if connection not in self._connections:
            return
        self._connections.remove(connection)
        self._of_network[connection.network] -= 1
        if not self._of_network[connection.network]:
            del self._of_network[connection.network]

    def sweep(self) -> None:
        self.now = time.monotonic()
        for connection in [late for late in self._connections if late.deadline < self.now]:
            connection.expired()
