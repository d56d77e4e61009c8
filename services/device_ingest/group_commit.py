"""Group commit: requests that arrive while a commit is under way share the next one.

A single request is written at once. Under load each commit carries the requests that arrived during the commit before it. A second
writer starts only for many rows, because two transactions with half the rows each cost twice as much. A request is answered after the
commit of its items. Parties (organisations) take turns: a commit takes one request of each, then a second one of each, and so on.
"""

import asyncio
import contextvars
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice
from typing import Generic, TypeVar

from psycopg.errors import QueryCanceled
from psycopg_pool import PoolTimeout

from shared.process import telemetry
from shared.storage.database import ClockApart, is_outage
from shared.web import problems

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")
Write = Callable[[Sequence[Item]], Awaitable[list[Outcome]]]
Waiting = tuple[Sequence[Item], asyncio.Future[list[Outcome]]]

# Waiting rows that start a second writer, as happens soon behind a large batch.
MANY = 16
# Rows that may wait at once, which bounds memory. No party has more waiting than places stay free, so that another always finds some.
MAX_WAITING = 20_000
log = logging.getLogger(__name__)


class GroupCommit(Generic[Item, Outcome]):
    """`write` writes items in one transaction and returns their outcomes in order. At most `writers` writes run at a time.

    `party` names whose an item is; the items of one request have the same.
    """

    def __init__(self, write: Write[Item, Outcome], *, rows: int, writers: int, party: Callable[[Item], str]) -> None:
        self._write = write
        self._party = party
        self._rows = rows
        self._writers = writers
        self._many = min(rows, MANY)
        # The requests of each party, in the order of the parties' turns, and the number of their rows.
        self._queues: dict[str, deque[Waiting[Item, Outcome]]] = {}
        self._rows_of: Counter[str] = Counter()
        self._waiting = 0
        self._writing = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def submit(self, items: Sequence[Item]) -> list[Outcome]:
        """The outcomes of `items` after the commit of all of them.

        Raises the error of their `write`, or Problem where too many wait: 429 if they are the party's own, else 503.
        """
        party = self._party(items[0])
        if self._rows_of[party] + len(items) > MAX_WAITING - self._waiting:
            if not self._rows_of[party]:
                raise problems.unavailable("Too many observations are waiting to be written; try again.")
            raise problems.too_many("Too many of your organisation's observations are waiting to be written.")
        future: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(party, deque()).append((items, future))
        self._rows_of[party] += len(items)
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
            while self._queues:
                await self._settle(self._next_group())
        finally:
            self._writing -= 1

    def _next_group(self) -> "list[Waiting[Item, Outcome]]":
        """Takes a request of each party in turn, as long as the rows fit in a commit; the first in any case."""
        group: list[Waiting[Item, Outcome]] = []
        room = self._rows
        while self._queues:
            party, queue = next(iter(self._queues.items()))
            number = len(queue[0][0])
            if group and number > room:
                break
            group.append(queue.popleft())
            del self._queues[party]
            if queue:
                self._queues[party] = queue
            self._rows_of[party] -= number
            if not self._rows_of[party]:
                del self._rows_of[party]
            self._waiting -= number
            room -= number
        return group

    async def _settle(self, group: "list[Waiting[Item, Outcome]]") -> None:
        """Writes a group. After an error that is no outage, writes each submission alone, so that one cannot fail the others."""
        try:
            outcomes = iter(await self._write([item for items, _ in group for item in items]))
        except Exception as error:  # any error ends the wait of its requests
            # An unreachable or slow database, or a wrong clock: single writes would only prolong every wait.
            is_in_vain = is_outage(error) or isinstance(error, PoolTimeout | QueryCanceled | ClockApart)
            if len(group) == 1 or is_in_vain:
                for _, future in group:
                    if not future.done():
                        future.set_exception(error)
                return
            log.warning("group of %d failed, written one by one: %s", len(group), telemetry.describe(error))
            for submission in group:
                await self._settle([submission])
            return
        for items, future in group:
            mine = list(islice(outcomes, len(items)))
            if not future.done():
                future.set_result(mine)
