"""A few places for work that costs much, given out in turn by key, so that whoever asks often waits longer than whoever asks once."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Crowded(Exception):
    """So many wait already that another would wait too long. `by_key` says that they are of the same key."""

    def __init__(self, *, by_key: bool) -> None:
        super().__init__()
        self.by_key = by_key


class Turns:
    """At most `places` at work and `waiting` in the queue; of one key at most `per_key`, at work and waiting together.

    A place that was held for a second stays empty for `rest` seconds afterwards.
    """

    def __init__(self, places: int, waiting: int, per_key: int, rest: float = 0) -> None:
        self._free = places
        self._room = waiting
        self._per_key = per_key
        self._rest = rest
        self._held: dict[str, int] = {}
        self._queues: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def take(self, key: str) -> AsyncIterator[None]:
        """Waits for a place and holds it. Raises Crowded."""
        held = self._held.get(key, 0)
        if held >= self._per_key:
            raise Crowded(by_key=True)
        self._held[key] = held + 1
        try:
            await self._enter(key)
            loop = asyncio.get_running_loop()
            began = loop.time()
            try:
                yield
            finally:
                if self._rest:
                    loop.call_later(self._rest * (loop.time() - began), self._leave)
                else:
                    self._leave()
        finally:
            self._held[key] -= 1
            if not self._held[key]:
                del self._held[key]

    async def _enter(self, key: str) -> None:
        if self._free:
            self._free -= 1
            return
        if not self._room:
            raise Crowded(by_key=False)
        self._room -= 1
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(key, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._forget(key, turn)
            else:  # given the place in the same moment
                self._leave()
            raise

    def _forget(self, key: str, turn: asyncio.Future[None]) -> None:
        queue = self._queues.get(key)
        if queue is None or turn not in queue:  # its turn came when it was cancelled already, and went to the next one
            return
        self._room += 1
        queue.remove(turn)
        if not queue:
            del self._queues[key]

    def _leave(self) -> None:
        """Hands the place to the first of the next key; a key that has more waiting goes to the end."""
        while self._queues:
            key, queue = self._queues.popitem(last=False)
            turn = queue.popleft()
            if queue:
                self._queues[key] = queue
            self._room += 1
            if not turn.done():  # done: cancelled, and about to learn it
                turn.set_result(None)
                return
        self._free += 1
