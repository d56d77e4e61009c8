"""Portions of one operation at the event loop, so that long lists hold it for a moment at a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

Result = TypeVar("Result")
PORTION = 0.005
"""Seconds of showing rows before others have the loop. A row takes some 150 µs."""


class Passage:
    """Rows are shown until a portion is used up. The rest of each list then waits for portions, one list in each round of the loop."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._turns = asyncio.Lock()
        self._waiting: set[object] = set()
        self._clear = asyncio.Event()

    def is_free(self) -> bool:
        """Whether a row may be shown at once. The portion begins with the first row of a round of the loop."""
        if self._began is None:
            self._began = time.perf_counter()
            asyncio.get_running_loop().call_soon(self._end)
            return True
        return time.perf_counter() - self._began < PORTION

    def later(self, show: Callable[[], bool], answer: Callable[[], Awaitable[Result]]) -> asyncio.Task[Result]:
        """Calls `show`, which shows rows while the passage is free, once a portion until it returns True. Then gives the answer."""
        place = object()
        self._waiting.add(place)
        task = asyncio.get_running_loop().create_task(self._shown(show, answer, place))

        def done(ended: asyncio.Task[Result]) -> None:
            # Also of a list that is cancelled before its turn. An error is the executor's matter, or nobody's any more.
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
                    await asyncio.sleep(0)
                    self._began = None  # at least one row is shown
                    is_whole = show()
        finally:
            self._leave(place)
        return await answer()

    def _leave(self, place: object) -> None:
        self._waiting.discard(place)
        if not self._waiting:
            self._clear.set()

    def _end(self) -> None:
        self._began = None
