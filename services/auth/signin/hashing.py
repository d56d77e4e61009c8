"""Passwords off the event loop, few at a time: argon2 takes 64 MiB and a core each. Those that wait are bounded and fair.

Addresses take turns. Where all places are taken, the address with the most waiting loses its last one, so that a flood costs the
address it comes from. Known devices have places of their own and go first, so that strangers cannot keep them waiting.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TypeVar

import anyio
from starlette.requests import Request

from services.auth.signin import metrics, passwords
from services.auth.signin.throttle import network_of
from shared.identity import caller as caller_of

Result = TypeVar("Result")
Place = asyncio.Future[None]
# What a browser is told to wait when there was no place: about as long as all that wait take together.
BUSY_SECONDS = 5


class Busy(Exception):
    """Too many passwords wait to be checked."""


class Waiting:
    """Places to wait in, a line for each address."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._lines: dict[str, deque[Place]] = {}
        self.number = 0

    def join(self, network: str, place: Place) -> None:
        """Raises Busy, or has the last one of the longest line raise it."""
        if self.number >= self._places:
            self._make_room(network)
        self._lines.setdefault(network, deque()).append(place)
        self.number += 1

    def next(self) -> Place | None:
        """The first of the line whose turn it is, which goes to the end of the turns."""
        if not self._lines:
            return None
        network = next(iter(self._lines))
        line = self._lines.pop(network)
        place = line.popleft()
        self.number -= 1
        if line:
            self._lines[network] = line
        return place

    def leave(self, network: str, place: Place) -> None:
        line = self._lines.get(network, deque())
        if place in line:
            line.remove(place)
            self.number -= 1
        if not line:
            self._lines.pop(network, None)

    def _make_room(self, network: str) -> None:
        longest = max(self._lines.values(), key=len, default=deque[Place]())
        if len(longest) <= len(self._lines.get(network, ())) + 1:
            raise Busy
        place = longest.pop()
        if not place.done():  # done: cancelled, and about to learn it
            place.set_exception(Busy())
        self.number -= 1


class Hashing:
    """`at_once` run, and `places` wait; as many more of known devices."""

    def __init__(self, at_once: int, places: int) -> None:
        self._limiter = anyio.CapacityLimiter(at_once)
        self._free = at_once
        self._known, self._others = Waiting(places), Waiting(places)

    async def run(self, work: Callable[[], Result], network: str, *, known: bool = False) -> Result:
        """Raises Busy where there is no place to wait."""
        try:
            await self._enter(network, self._known if known else self._others)
        except Busy:
            metrics.hashing_refused.inc()
            raise
        try:
            return await anyio.to_thread.run_sync(work, limiter=self._limiter)
        finally:
            self._pass_on()

    async def _enter(self, network: str, waiting: Waiting) -> None:
        if self._free:
            self._free -= 1
            return
        place: Place = asyncio.get_running_loop().create_future()
        waiting.join(network, place)
        self._show()
        try:
            await place
        except asyncio.CancelledError:
            waiting.leave(network, place)
            if not place.cancelled() and place.exception() is None:  # its turn had just come
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        while (place := self._known.next() or self._others.next()) is not None:
            if not place.done():  # done: cancelled, and about to learn it
                place.set_result(None)
                break
        else:
            self._free += 1
        self._show()

    def _show(self) -> None:
        metrics.hashing_waiting.set(self._known.number + self._others.number)


async def verify(request: Request, stored: str | None, password: str, *, known: bool = False) -> bool:
    """Raises Busy."""
    cut = password[: passwords.MAX_LENGTH + 1]
    return await _hashing(request).run(lambda: passwords.verify(stored, cut), _network(request), known=known)


async def hash_password(request: Request, password: str) -> str:
    """Of a person whose password or link was right: it waits as known devices do. Raises Busy."""
    return await _hashing(request).run(lambda: passwords.hash_password(password), _network(request), known=True)


def _hashing(request: Request) -> Hashing:
    return request.state.hashing


def _network(request: Request) -> str:
    return network_of(caller_of(request).address)
