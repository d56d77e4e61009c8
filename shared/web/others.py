"""Whether a web process serves others beside its long work, which rests between its portions while it does.

All requests of an event loop count but those that are left out, as the long work itself.
"""

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from starlette.types import Scope

LATELY = 1.0
"""Seconds in which the next request of others is expected after the end of one."""


class Others:
    """The requests of one event loop."""

    def __init__(self) -> None:
        self._under_way = set[int]()
        self._last = -math.inf

    @contextmanager
    def counted(self, scope: Scope) -> Iterator[None]:
        """Around the work of a request."""
        key = id(scope)
        self._under_way.add(key)
        try:
            yield
        finally:
            if key in self._under_way:
                self._under_way.remove(key)
                self._last = asyncio.get_running_loop().time()

    def leave_out(self, scope: Scope) -> None:
        """Others no longer include this request."""
        self._under_way.discard(id(scope))

    def are_served(self) -> bool:
        """Whether a request of others is under way, or one ended lately."""
        return bool(self._under_way) or asyncio.get_running_loop().time() - self._last < LATELY


_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Others] = WeakKeyDictionary()


def of_this_loop() -> Others:
    loop = asyncio.get_running_loop()
    return _loops.get(loop) or _loops.setdefault(loop, Others())
