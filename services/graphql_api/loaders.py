"""One query for many: the keys that fields of one level ask for are collected and loaded together."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

Load = Callable[[Sequence[Any]], Awaitable[Mapping[Any, Any]]]


class Loader:
    """`load` answers keys in bulk. A key it does not know gets None; an error reaches everyone who asked."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._waiting: dict[Any, asyncio.Future[Any]] = {}

    def get(self, key: Any) -> asyncio.Future[Any]:
        if not self._waiting:
            loop = asyncio.get_running_loop()
            loop.call_soon(self._begin, loop)
        if key not in self._waiting:
            self._waiting[key] = asyncio.get_running_loop().create_future()
        return self._waiting[key]

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        waiting, self._waiting = self._waiting, {}
        self._task = loop.create_task(self._answer(waiting))

    async def _answer(self, waiting: dict[Any, asyncio.Future[Any]]) -> None:
        try:
            found = await self._load(list(waiting))
        except Exception as error:  # it belongs to those who asked, not to this task
            for future in waiting.values():
                if not future.done():
                    future.set_exception(error)
            return
        for key, future in waiting.items():
            if not future.done():
                future.set_result(found.get(key))
