"""Requests that take long to read take turns, and get a quarter of the time; the longest are read in a thread beside the event loop."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from contextvars import copy_context
from typing import TypeVar
from weakref import WeakKeyDictionary

from starlette.requests import ClientDisconnect, Request

from shared.web import problems
from shared.web.identity import party_of
from shared.web.turns import Busy, Gone, Lines, Turns

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
    """Tenants take turns, and so do the clients of each. In a full queue the one with the most waiting gives way."""

    def __init__(self) -> None:
        self.waiting = Lines(WAITING)
        self.turns = Turns(1, self.waiting, rest=3.0)
        self.tenants = Counter[str]()
        self.clients = Counter[str]()
        self.thread = ThreadPoolExecutor(1, "large-bodies")
        self.holder: asyncio.Task[object] | None = None


_lines: WeakKeyDictionary[asyncio.AbstractEventLoop, _Line] = WeakKeyDictionary()


@asynccontextmanager
async def turn(request: Request, *, heavy: bool) -> AsyncIterator[None]:
    """Around work that holds the event loop, where it is `heavy`.

    Raises Problem: 429 where more of the caller's waits than its share, 503 where many tenants wait with one each. Raises
    ClientDisconnect, before any work, where the client has left.
    """
    if not heavy:
        yield
        return
    line = _line()
    party = party_of(request.scope.get("caller"))
    if await request.is_disconnected():
        raise ClientDisconnect
    if line.clients[party.client] >= PER_CLIENT or line.tenants[party.tenant] >= PER_TENANT:
        raise _share_is_used()
    with _counted(line.clients, party.client), _counted(line.tenants, party.tenant):
        try:
            await line.turns.enter(line.waiting, party, gone=lambda: _disconnected(request))
        except Gone:
            raise ClientDisconnect from None
        except Busy:
            if line.tenants[party.tenant] > 1:
                raise _share_is_used() from None
            raise problems.unavailable("Too many large requests are being read; try again.") from None
        async with line.turns.held():
            line.holder = asyncio.current_task()
            try:
                yield
            finally:
                line.holder = None


async def aside(work: Callable[[], Result]) -> Result:
    """The result of `work`, done in the one thread for it: others are answered meanwhile. A caller that leaves waits for its end too.

    Raises RuntimeError outside a heavy `turn`: work without a turn would wait in a line of the thread that no tenant shares fairly,
    and be done for callers who have left.
    """
    line = _line()
    if line.holder is not asyncio.current_task():
        raise RuntimeError("work in the thread beside the event loop needs a heavy turn")
    done = asyncio.get_running_loop().run_in_executor(line.thread, copy_context().run, work)
    try:
        return await asyncio.shield(done)
    finally:
        await asyncio.wait([done])


def _line() -> _Line:
    loop = asyncio.get_running_loop()
    return _lines.get(loop) or _lines.setdefault(loop, _Line())


@contextmanager
def _counted(counts: Counter[str], key: str) -> Iterator[None]:
    counts[key] += 1
    try:
        yield
    finally:
        counts[key] -= 1
        if not counts[key]:
            del counts[key]


async def _disconnected(request: Request) -> None:
    """Returns when the client leaves. Its body is read by then, so that the server has nothing else to report."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _share_is_used() -> problems.Problem:
    most = f"At most {PER_CLIENT} large requests of one client, and {PER_TENANT} of one organisation, are read at once"
    fewer = "fewer while many organisations send them"
    return problems.too_many(f"{most}, {fewer}; wait for their answers.")
