"""An executor that leaves the event loop to others while it completes long lists.

graphql-core completes a list, with all fields of its items, in one step. Here it stops between two items once its part of this turn of the
loop is used, and goes on with the next turn.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from typing import Any

from graphql.execution import Executor

SECONDS = 0.005
SHORT = 8
"""Items of a list that is completed in one step."""


class Pace:
    """The time that one operation has used of this turn of the loop, over all its tasks."""

    def __init__(self) -> None:
        self._turn = 0
        self._began = time.monotonic()

    async def rest(self) -> None:
        while time.monotonic() - self._began > SECONDS:
            turn = self._turn
            await asyncio.sleep(0)
            if turn == self._turn:  # the first task of the operation in this turn
                self._turn += 1
                self._began = time.monotonic()


class PacedExecutor(Executor[Any]):
    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._pace = Pace()

    def complete_list_value(
        self, return_type: Any, field_details_list: Any, info: Any, path: Any, result: Any, position_context: Any
    ) -> Any:
        if isinstance(result, list | tuple) and len(result) > SHORT:
            result = self._in_turns(result)
        return super().complete_list_value(return_type, field_details_list, info, path, result, position_context)

    async def _in_turns(self, items: Iterable[Any]) -> AsyncIterator[Any]:
        for item in items:
            await self._pace.rest()
            yield item
