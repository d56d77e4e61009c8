"""Group commit: requests that arrive while a commit is under way share the next one.

A lone request is written at once; under load each commit carries all that gathered during the one before. A further writer beside one
at work is worth its transaction only for what is many already: two with half the rows each cost the same twice. Nobody is answered
before the commit that holds their items.
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

from shared import logs, problems
from shared.clock import ClockApart
from shared.outages import is_outage

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")
Write = Callable[[Sequence[Item]], Awaitable[list[Outcome]]]

# Rows that must be waiting before they are not left to the writer at work: behind a batch, which takes long, they soon are.
MANY = 16
# Rows that may wait at once. Beyond them a caller is told to come back, before memory is the limit.
MAX_WAITING = 20_000
# SQLSTATE classes of a server that is not there or has no room: 08 connection, 53 resources, 57 operator.
log = logging.getLogger(__name__)


class GroupCommit(Generic[Item, Outcome]):
    """`write` writes items in one transaction and gives an outcome for each, in order. At most `writers` of them run at a time."""

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
        """The outcomes of `items`, which are written together, once they are committed. Raises what `write` raised for them."""
        if self._waiting + len(items) > MAX_WAITING:
            raise problems.unavailable("Too many observations are waiting to be written; try again.")
        future: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        self._queue.append((items, future))
        self._waiting += len(items)
        self._start()
        return await future

    async def close(self) -> None:
        """Returns once all that was submitted is settled."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _start(self) -> None:
        if self._waiting >= (self._many if self._writing else 1) and self._writing < self._writers:
            self._writing += 1
            # In a context of its own: the work belongs to many requests, not to the trace of the one that started it.
            task = asyncio.get_running_loop().create_task(self._drain(), context=contextvars.Context())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _drain(self) -> None:
        # Seeing an empty queue and standing down is one step: what is submitted after it starts a new writer.
        try:
            while self._queue:
                await self._settle(self._take())
        finally:
            self._writing -= 1

    def _take(self) -> list[tuple[Sequence[Item], asyncio.Future[list[Outcome]]]]:
        group = [self._queue.popleft()]
        size = len(group[0][0])
        while self._queue and size + len(self._queue[0][0]) <= self._rows:
            group.append(self._queue.popleft())
            size += len(group[-1][0])
        self._waiting -= size
        return group

    async def _settle(self, group: list[tuple[Sequence[Item], asyncio.Future[list[Outcome]]]]) -> None:
        """Writes a group; when that fails for what is in it, each submission alone, so that one cannot spoil the others."""
        try:
            outcomes = iter(await self._write([item for items, _ in group for item in items]))
        except Exception as error:  # whatever it is, those who wait must hear of it
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
    """Whether the database is away or slow, or the clock wrong: trying again item by item would only keep everyone waiting."""
    return is_outage(error) or isinstance(error, PoolTimeout | psycopg.errors.QueryCanceled | ClockApart)
