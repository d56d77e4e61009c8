"""Waits a moment for a message of another service: a program that changes an app in auth and goes on at once is ahead of it."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from starlette.requests import Request

from shared.web import identity
from shared.web.identity import Caller

PATIENCE_SECONDS = 2.0
POLL = 0.1
# Calls of this process that wait at a time, and those of one organisation. A further one is decided at once.
MOST, OF_TENANT = 16, 2
_ALL = ""
_waiting: Counter[str] = Counter()


async def arrive(request: Request, caller: Caller, is_there: Callable[[], Awaitable[bool]]) -> None:
    """Waits until `is_there`, at most `PATIENCE_SECONDS`. The call itself decides afterwards.

    `is_there` must hold nothing between two looks. Raises a 401 Problem once the token is revoked.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    if await is_there() or _waiting[_ALL] >= MOST or _waiting[caller.tenant_id] >= OF_TENANT:
        return
    counted = (_ALL, caller.tenant_id)
    _waiting.update(counted)
    try:
        while time.monotonic() < until and not await request.is_disconnected():
            await asyncio.sleep(POLL)
            identity.require_admitted(request)
            if await is_there():
                return
    finally:
        _waiting.subtract(counted)
        if not _waiting[caller.tenant_id]:
            del _waiting[caller.tenant_id]
