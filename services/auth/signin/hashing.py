"""Passwords off the event loop, few at a time: argon2 takes 64 MiB and a core each. Those that wait are bounded and fair.

Networks take turns. Where all places are taken, the network with the most waiting loses its last one, so that a flood costs the
network it comes from. Known devices have places of their own and go first, so that strangers cannot keep them waiting.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import anyio
from starlette.requests import Request

from services.auth.lines import Busy, Lines, Turns, networks_of
from services.auth.signin import metrics, passwords
from shared.identity import caller as caller_of

Result = TypeVar("Result")
# What a browser is told to wait when there was no place: about as long as all that wait take together.
BUSY_SECONDS = 5


class Hashing:
    """`at_once` run, and `places` wait; as many more of known devices."""

    def __init__(self, at_once: int, places: int) -> None:
        self._limiter = anyio.CapacityLimiter(at_once)
        self._known, self._others = Lines(places), Lines(places)
        self._turns = Turns(at_once, self._known, self._others)

    async def run(self, work: Callable[[], Result], path: Sequence[str], *, known: bool = False) -> Result:
        """Raises Busy where there is no place to wait. `path` are the networks that it comes from, the widest first."""
        try:
            with metrics.hashing_waiting.track_inprogress():
                await self._turns.enter(self._known if known else self._others, path)
        except Busy:
            metrics.hashing_refused.inc()
            raise
        try:
            return await anyio.to_thread.run_sync(work, limiter=self._limiter)
        finally:
            self._turns.leave()


async def verify(request: Request, stored: str | None, password: str, *, known: bool = False) -> bool:
    """Raises Busy."""
    cut = password[: passwords.MAX_LENGTH + 1]
    return await _hashing(request).run(lambda: passwords.verify(stored, cut), _networks(request), known=known)


async def hash_password(request: Request, password: str) -> str:
    """Of a person whose password or link was right: it waits as known devices do. Raises Busy."""
    return await _hashing(request).run(lambda: passwords.hash_password(password), _networks(request), known=True)


def _hashing(request: Request) -> Hashing:
    return request.state.hashing


def _networks(request: Request) -> tuple[str, str]:
    return networks_of(caller_of(request).address)
