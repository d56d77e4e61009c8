"""Long lists are shown in portions, so that they hold the event loop for a moment at a time: the portions, and graphql-core's executor
that shows rows in them.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from graphql import GraphQLOutputType, GraphQLResolveInfo
from graphql.execution.collect_fields import FieldDetailsList
from graphql.execution.executor import Executor
from graphql.pyutils import AwaitableOrValue, Path, gather_with_cancel

from shared.web.portions import PAUSE
from shared.web.problems import Problem

Result = TypeVar("Result")
PORTION = 0.005
"""Seconds of showing rows before others have the loop. A row takes some 150 µs."""


class Passage:
    """Rows are shown until a portion is used up. The rest of each list then waits for portions, one list in each round of the loop.

    With `turn`, all rows wait for one, which is held while lists are shown, never while anything is loaded. Its first Problem, and each
    other error of it, is `refused` and the error of all lists that wait or will wait.
    """

    def __init__(self, turn: Callable[[], AbstractAsyncContextManager[None]] | None = None) -> None:
        self.refused: Exception | None = None
        self._turn = turn
        self._entered: asyncio.Future[None] | None = None
        self._has_turn = False
        self._was_admitted = False
        self._task: asyncio.Task[None] | None = None  # kept, because the loop keeps weak references
        self._began: float | None = None
        self._turns = asyncio.Lock()
        self._waiting: set[object] = set()
        self._clear = asyncio.Event()

    @property
    def takes_turns(self) -> bool:
        return self._turn is not None

    def is_free(self) -> bool:
        """Whether a row may be shown at once. The portion begins with the first row of a round of the loop."""
        if self._turn is not None and not self._has_turn:
            return False
        if self._began is None:
            self._began = time.perf_counter()

            def end() -> None:
                self._began = None

            asyncio.get_running_loop().call_soon(end)
            return True
        return time.perf_counter() - self._began < PORTION

    def later(self, show: Callable[[], bool], answer: Callable[[], Awaitable[Result]]) -> asyncio.Task[Result]:
        """Calls `show`, which shows rows while the passage is free, once a portion until it returns True. Then gives the answer."""
        place = object()
        self._waiting.add(place)
        loop = asyncio.get_running_loop()
        if self._turn is not None and self._entered is None:
            self._entered = loop.create_future()
            self._task = loop.create_task(self._hold(self._turn, self._entered))
        task = loop.create_task(self._shown(show, answer, place))

        def done(ended: asyncio.Task[Result]) -> None:
            # Also of a list that is cancelled before its turn. The executor handles an error; nobody needs that of a cancelled list.
            self._leave(place)
            if not ended.cancelled():
                ended.exception()

        task.add_done_callback(done)
        return task

    async def clear(self) -> None:
        """Waits until every list is shown to its end, so that the keys of all rows can be loaded together."""
        while self._waiting:
            self._clear.clear()
            await self._clear.wait()

    async def _shown(self, show: Callable[[], bool], answer: Callable[[], Awaitable[Result]], place: object) -> Result:
        try:
            is_whole = False
            while not is_whole:
                async with self._turns:
                    if self._entered is not None:
                        await asyncio.shield(self._entered)
                    await asyncio.sleep(0)
                    self._began = None  # at least one row is shown
                    is_whole = show()
        finally:
            self._leave(place)
        return await answer()

    async def _hold(self, turn: Callable[[], AbstractAsyncContextManager[None]], entered: asyncio.Future[None]) -> None:
        """Holds a turn until no list waits. An admitted answer waits again where the line is full."""
        while self._waiting:
            try:
                async with turn():
                    self._has_turn = self._was_admitted = True
                    entered.set_result(None)
                    await self.clear()
                    # A list that comes from now on waits for a turn of its own.
                    self._has_turn, self._entered = False, None
                return
            except Exception as error:
                if not self._was_admitted or not isinstance(error, Problem):
                    self.refused = error
                    entered.set_exception(error)
                    entered.exception()  # it is not lost where no list waits any more
                    return
                await asyncio.sleep(PAUSE)
        self._entered = None

    def _leave(self, place: object) -> None:
        self._waiting.discard(place)
        if not self._waiting:
            self._clear.set()


class PortionedExecutor(Executor[Any]):
    """The answer is the same. Awaitable parts of rows are awaited when the list is shown to its end."""

    def complete_iterable_value(
        self,
        item_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        items: Iterable[Any],
        position_context: Any,
    ) -> AwaitableOrValue[list[Any]]:
        passage: Passage = info.context.passage
        rows = _Rows(self, list(items), (item_type, field_details_list, info), path, position_context)
        if not rows.show(passage):
            return passage.later(lambda: rows.show(passage), rows.awaited)
        return rows.awaited() if rows.awaitable else rows.shown


class _Rows:
    """A list of which the first rows are shown; `awaitable` are the indexes of those that await something."""

    def __init__(
        self, executor: PortionedExecutor, items: list[Any], about: tuple[Any, Any, Any], path: Path, position: Any
    ) -> None:
        self.shown: list[Any] = []
        self.awaitable: list[int] = []
        self._executor = executor
        self._items = items
        self._about = about
        self._path = path
        self._position = position

    def show(self, passage: Passage) -> bool:
        """Shows rows while the passage is free. Returns whether the list is at its end."""
        try:
            while len(self.shown) < len(self._items):
                if not passage.is_free():
                    return False
                self._show_next()
        except Exception:
            # As graphql-core does: awaitable parts of other rows end in the background.
            others = [self.shown[index] for index in self.awaitable]
            others += [item for item in self._items[len(self.shown) :] if self._executor.is_awaitable(item)]
            if others:
                self._executor.settle_in_background(others)
            raise
        return True

    async def awaited(self) -> list[Any]:
        found = await gather_with_cancel(*(self.shown[index] for index in self.awaitable))
        for index, value in zip(self.awaitable, found, strict=True):
            self.shown[index] = value
        return self.shown

    def _show_next(self) -> None:
        index = len(self.shown)
        item, path = self._items[index], self._path.add_key(index, None)
        if self._executor.is_awaitable(item):
            item_type, fields, info = self._about
            completed: Awaitable[Any] = self._executor.complete_awaitable_list_item_value(
                item, item_type, fields, info, path, self._position
            )
            self.shown.append(completed)
            self.awaitable.append(index)
        elif self._executor.complete_list_item_value(item, self.shown, *self._about, path, self._position):
            self.awaitable.append(index)
