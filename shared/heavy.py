"""Requests that take long to read take turns: while one is read nothing else runs, so that they get a quarter of the time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakKeyDictionary

from starlette.requests import Request

from shared import problems
from shared.turns import Crowded, Turns

LARGE = 8 << 10
"""Bytes. The worst body of that size is decoded, or all its faults are found, within a few milliseconds."""
WAITING = 128
PER_CLIENT = 32
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()


@asynccontextmanager
async def turn(request: Request, *, heavy: bool) -> AsyncIterator[None]:
    """Around work that holds the event loop, where it is `heavy`. Raises Problem: 429 where too much of the client's waits, 503 of all."""
    if not heavy:
        yield
        return
    loop = asyncio.get_running_loop()
    turns = _turns.get(loop) or _turns.setdefault(loop, Turns(1, WAITING, PER_CLIENT, rest=3.0))
    caller: Any = request.scope.get("caller")
    try:
        async with turns.take("" if caller is None else caller.client_id or caller.address):
            yield
    except Crowded as crowded:
        raise _refusal(crowded) from None


def _refusal(crowded: Crowded) -> problems.Problem:
    if not crowded.by_key:
        return problems.unavailable("Too many large requests are being read; try again.")
    detail = f"At most {PER_CLIENT} large requests of one client are read at once; wait for their answers."
    return problems.Problem(429, "Too many requests", detail, headers={"retry-after": "1"})
