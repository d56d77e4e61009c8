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
PER_TENANT = 64
PER_CLIENT = 32


class _Line:
    """Tenants take turns, and none fills more than half of the queue; the requests of each come in their order."""

    def __init__(self) -> None:
        self.tenants = Turns(1, WAITING, PER_TENANT, rest=3.0)
        self.clients = Turns(WAITING + 1, 0, PER_CLIENT)


_lines: WeakKeyDictionary[asyncio.AbstractEventLoop, _Line] = WeakKeyDictionary()


@asynccontextmanager
async def turn(request: Request, *, heavy: bool) -> AsyncIterator[None]:
    """Around work that holds the event loop, where it is `heavy`. Raises Problem: 429 where too much of the caller's waits, 503 of all."""
    if not heavy:
        yield
        return
    loop = asyncio.get_running_loop()
    line = _lines.get(loop) or _lines.setdefault(loop, _Line())
    caller: Any = request.scope.get("caller")
    client = "" if caller is None else caller.client_id or caller.address
    # All callers without a token share the turns of one tenant, as they share its places at the gateway.
    tenant = "" if caller is None else caller.tenant_id
    try:
        async with line.clients.take(client), line.tenants.take(tenant):
            yield
    except Crowded as crowded:
        raise _refusal(crowded) from None


def _refusal(crowded: Crowded) -> problems.Problem:
    if not crowded.by_key:
        return problems.unavailable("Too many large requests are being read; try again.")
    most = f"At most {PER_CLIENT} large requests of one client, and {PER_TENANT} of one organisation, are read at once"
    return problems.Problem(429, "Too many requests", f"{most}; wait for their answers.", headers={"retry-after": "1"})
