"""Group commit: requests that arrive while a commit is under way share the next one.

A single request is written at once. Under load each commit carries the requests that arrived during the commit before it. A second
writer starts only for many rows, because two transactions with half the rows each cost twice as much. A request is answered after the
commit of its items.
"""

import asyncio
import contextvars
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice
from typing import Generic, TypeVar

import psycopg
from psycopg_pool import PoolTimeout

from shared.process import logs
from shared.process.clock import ClockApart
from shared.storage.outages import is_outage
from shared.web import problems

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")
Write = Callable[[Sequence[Item]], Awaitable[list[Outcome]]]

# Waiting rows that start a second writer, as happens soon behind a large batch.
MANY = 16
# Rows that may wait at once. Further requests are answered 503, which bounds memory.
MAX_WAITING = 20_000
log = logging.getLogger(__name__)


class GroupCommit(Generic[Item, Outcome]):
    """`write` writes items in one transaction and returns their outcomes in order. At most `writers` writes run at a time."""

    def __init__(self, write: Write[Item, Outcome], *, rows: int, writers: int) -> None:
        self._write = write
        self._rows = rows
        self._writers = writers
        self._many = min(rows, MANY)
        self._queue: deque[tuple[Sequence[Item], asyncio.Future[list[Outcome]]]] = deque()
        self._waiting = 0
        self._writing = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def submit(self, items: Sequence[Item]) -> list[Outcome]:
        """The outcomes of `items` after the commit of all of them. Raises the error of their `write`."""
        if self._waiting + len(items) > MAX_WAITING:
            raise problems.unavailable("Too many observations are waiting to be written; try again.")
        future: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        self._queue.append((items, future))
        self._waiting += len(items)
        if self._waiting >= (self._many if self._writing else 1) and self._writing < self._writers:
            self._writing += 1
            # An empty context: the work belongs to many requests, not to the trace of the first one.
            task = asyncio.get_running_loop().create_task(self._drain(), context=contextvars.Context())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await future

    async def close(self) -> None:
        """Waits for the outcomes of all submissions."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _drain(self) -> None:
        # Nothing runs between the check of the queue and the decrement, so that a later submission starts a new writer.
        try:
            while self._queue:
                group = [self._queue.popleft()]
                size = len(group[0][0])
                while self._queue and size + len(self._queue[0][0]) <= self._rows:
                    group.append(self._queue.popleft())
                    size += len(group[-1][0])
                self._waiting -= size
                await self._settle(group)
        finally:
            self._writing -= 1

    async def _settle(self, group: list[tuple[Sequence[Item], asyncio.Future[list[Outcome]]]]) -> None:
        """Writes a group. After an error that is no outage, writes each submission alone, so that one cannot fail the others."""
        try:
            outcomes = iter(await self._write([item for items, _ in group for item in items]))
        except Exception as error:  # any error ends the wait of its requests
            if len(group) == 1 or _is_outage(error):
                for _, future in group:
                    if not future.done():
                        future.set_exception(error)
                return
            log.warning("group of %d failed, written one by one: %s", len(group), logs.describe(error))
            for submission in group:
                await self._settle([submission])
            return
        for items, future in group:
            mine = list(islice(outcomes, len(items)))
            if not future.done():
                future.set_result(mine)


def _is_outage(error: Exception) -> bool:
    """Whether the database is unreachable or slow, or the clock wrong: single writes would only prolong every wait."""
    return is_outage(error) or isinstance(error, PoolTimeout | psycopg.errors.QueryCanceled | ClockApart)
