"""The revocations that the gateway follows from auth, and whether they are recent enough to trust.

A bell in Redis makes a follower whose connection is dead ask again sooner."""

import time
from collections.abc import Awaitable, Callable

from gateway.metrics import revocations_age, revocations_filled, revocations_listed
from shared.web.revocations import TOTAL_MARKS, WAIT_SECONDS, Answer, Follower, Marks


class Revocations:
    """`fetch(after, wait)` asks auth for changes. `published` is called with the ids of the keys that auth publishes."""

    def __init__(
        self,
        fetch: Callable[[int, float], Awaitable[Answer]],
        max_staleness: float,
        published: Callable[[list[str]], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.marks = Marks()
        self._max_staleness = max_staleness
        wait = min(WAIT_SECONDS, max_staleness / 3)
        self._follower = Follower(self.marks, fetch, wait=wait, published=published, clock=clock)
        self.learned = self._follower.learned
        self.ring = self._follower.ring
        self.run = self._follower.run
        self.poll = self._follower.poll
        revocations_age.set_function(lambda: self._follower.age)
        revocations_listed.set_function(lambda: self.marks.count)
        revocations_filled.set_function(lambda: self.marks.count / TOTAL_MARKS)

    @property
    def version(self) -> int:
        """Grows with every change."""
        return self.marks.version

    @property
    def usable(self) -> bool:
        """False after auth has not answered for `max_staleness` seconds: a revoked token could pass."""
        return self._follower.age <= self._max_staleness
