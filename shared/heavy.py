"""Requests that take long to read take turns, and get a quarter of the time; the longest are read in a thread beside the event loop."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import copy_context
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from starlette.requests import Request

from shared import problems
from shared.turns import Crowded, Turns

LARGE = 8 << 10
"""Bytes. The worst body of that size is decoded, or all its faults are found, within a few milliseconds."""
ASIDE = 32 << 10
"""Bytes. A body of that size holds the loop for a millisecond or two; a larger one is left to a thread."""
SWITCH_SECONDS = 0.00002
"""How long that thread keeps the interpreter while the loop wants it: set by each web process, see `sys.setswitchinterval`.

A request waits that long after each of its exchanges with the database, some ten times.
"""
WAITING = 128
PER_TENANT = 64
PER_CLIENT = 32


Result = TypeVar("Result")


class _Line:
    """Tenants take turns, and none fills more than half of the queue; the requests of each come in their order."""

    def __init__(self) -> None:
        self.tenants = Turns(1, WAITING, PER_TENANT, rest=3.0)
        self.clients = Turns(WAITING + 1, 0, PER_CLIENT)
        self.thread = ThreadPoolExecutor(1, "large-bodies")


_lines: WeakKeyDictionary[asyncio.AbstractEventLoop, _Line] = WeakKeyDictionary()


@asynccontextmanager
async def turn(request: Request, *, heavy: bool) -> AsyncIterator[None]:
    """Around work that holds the event loop, where it is `heavy`. Raises Problem: 429 where too much of the caller's waits, 503 of all."""
    if not heavy:
        yield
        return
    line = _line()
    caller: Any = request.scope.get("caller")
    client = "" if caller is None else caller.client_id or caller.address
    # All callers without a token share the turns of one tenant, as they share its places at the gateway.
    tenant = "" if caller is None else caller.tenant_id
    try:
        async with line.clients.take(client), line.tenants.take(tenant):
            yield
    except Crowded as crowded:
        raise _refusal(crowded) from None


async def aside(work: Callable[[], Result]) -> Result:
    """The result of `work`, done in the one thread for it: others are answered meanwhile. A caller that leaves waits for its end too."""
    done = asyncio.get_running_loop().run_in_executor(_line().thread, copy_context().run, work)
    try:
        return await asyncio.shield(done)
    finally:
        await asyncio.wait([done])


def _line() -> _Line:
    loop = asyncio.get_running_loop()
    return _lines.get(loop) or _lines.setdefault(loop, _Line())


def _refusal(crowded: Crowded) -> problems.Problem:
    if not crowded.by_key:
        return problems.unavailable("Too many large requests are being read; try again.")
    most = f"At most {PER_CLIENT} large requests of one client, and {PER_TENANT} of one organisation, are read at once"
    return problems.Problem(429, "Too many requests", f"{most}; wait for their answers.", headers={"retry-after": "1"})
