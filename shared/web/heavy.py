"""Heavy work of requests: most of it is made in the Line, some on the event loop, one request at a time.

A record, a bundle or a document beyond `LIGHT` bytes is made in the Line (shared/fairness/line.py). Work that needs the loop itself, such
as the decoding of a large body, takes the one place for it. Organisations and their apps take turns at both.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

from shared.fairness.line import BrokenOff, Line
from shared.fairness.places import Crowded, Gone, NoPlace, Places
from shared.web import problems
from shared.web.identity import party_of

Result = TypeVar("Result")
LIGHT = 8 << 10
"""Bytes. Work with content of that size takes a few milliseconds."""
SECONDS = 20.0
"""Until the turn of work on the loop: less than the gateway waits for an answer."""
REFUSED_SECONDS = 0.5
"""Until the next portion of an answer asks again for the place that it did not get."""
SHARE = "Your organisation's other large requests are at work; wait for their answers."
line = Line(problems.Problem)
_turns = Places(1, waiting=64)


async def made(request: Request, size: int, work: Callable[..., Result], *arguments: Any) -> Result:
    """The result of `work`, a function of a module: at once where the `size` of its content is light, else made in the Line.

    No transaction may be open around it: a connection must not wait for a turn. Raises the Problems of the work; 429 and 503 where
    there is too much work at the moment; and ClientDisconnect, before any work, where the client has left.
    """
    if size <= LIGHT:
        return work(*arguments)
    try:
        return await line.make(
            party_of(request.scope.get("caller")), work, *arguments, gone=lambda: _disconnected(request)
        )
    except BrokenOff:
        raise problems.unavailable("The answer could not be made; try again.") from None
    except (NoPlace, Gone) as error:
        raise _refusal(error) from None


async def more(request: Request, work: Callable[..., Result], *arguments: Any) -> Result:
    """The next portion of an answer that has begun: it waits for its turn as long as that takes. Raises ClientDisconnect and BrokenOff."""
    while True:
        try:
            return await line.make(party_of(request.scope.get("caller")), work, *arguments)
        except NoPlace:
            if await request.is_disconnected():
                raise ClientDisconnect from None
            # A full queue refuses at once.
            await asyncio.sleep(REFUSED_SECONDS)


@asynccontextmanager
async def turn(request: Request, *, is_heavy: bool = True, places: Places = _turns) -> AsyncIterator[None]:
    """Around work that holds the loop for more than a few milliseconds. Raises as `made` does, before the work.

    Work that waits meanwhile, for the database, has `places` of its own: nobody else's turn may depend on that.
    """
    if not is_heavy:
        yield
        return
    try:
        place = await places.enter(party_of(request.scope.get("caller")), SECONDS, lambda: _disconnected(request))
    except (NoPlace, Gone) as error:
        raise _refusal(error) from None
    try:
        yield
    finally:
        places.leave(place)


def _refusal(error: NoPlace | Gone) -> Exception:
    if isinstance(error, Gone):
        return ClientDisconnect()
    return (
        problems.too_many(SHARE)
        if isinstance(error, Crowded)
        else problems.unavailable("Many large requests wait; try again.")
    )


async def _disconnected(request: Request) -> None:
    """Returns when the client leaves. Its body is read by then, so that the server has nothing else to report."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
