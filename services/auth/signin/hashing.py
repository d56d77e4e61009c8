"""Checks passwords off the event loop, a few at a time, because argon2 takes 64 MiB and a core each. The waiting line is bounded.

Known devices and strangers take turns, and so do networks. In a full line the network with the most waiting loses its last request, so
that a flood delays only its own network.

Slow checks are for accounts whose owners no guesses may keep out: one at a time, and each is followed by a rest, so that guesses are
few. There all strangers together take turns with each organisation whose browsers have its pass, then the accounts of the passes do, then
networks: a right password from such a browser waits for about two checks and one of each other account, any other one for about one
check of each network that guesses. Copies of one pass are one account, from however many networks they come.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

import anyio
from starlette.requests import Request

from services.auth.signin import metrics, passwords
from shared.fairness.places import Group, NoPlace, Places
from shared.web.identity import caller as caller_of
from shared.web.identity import networks_of

Result = TypeVar("Result")
# The Retry-After of a refused request: about the time that a full line takes.
BUSY_SECONDS = 5
WAIT_SECONDS = 20.0
# Rests of slow checks, in multiples of the check's time.
SLOW_REST = 9.0


class Hashing:
    """`at_once` checks run, and `waiting` wait."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self._limiter = anyio.CapacityLimiter(at_once)
        self._places = Places(at_once, waiting=waiting)
        self._slow = Places(1, waiting=waiting)

    async def run_slowly(self, work: Callable[[], Result], path: Sequence[str]) -> Result:
        """Raises NoPlace if the line is full. `path` holds the organisation and the account of the browser's pass, and the networks."""
        place = await self._entered(self._slow, path)
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            # One at a time, so it delays no known device, and no flood of guesses at other accounts delays it.
            return await self.run(work, path[2:], known=True)
        finally:
            loop.call_later(SLOW_REST * (loop.time() - began), self._slow.leave, place)

    async def run(self, work: Callable[[], Result], path: Sequence[str], *, known: bool = False) -> Result:
        """Raises NoPlace if the line is full. `path` holds the networks of the request, the widest first."""
        place = await self._entered(self._places, ("known" if known else "", *path))
        try:
            return await anyio.to_thread.run_sync(work, limiter=self._limiter)
        finally:
            self._places.leave(place)

    async def _entered(self, places: Places, path: Sequence[str]) -> Group:
        try:
            with metrics.hashing_waiting.track_inprogress():
                return await places.enter(path, WAIT_SECONDS)
        except NoPlace:
            metrics.hashing_refused.inc()
            raise


async def verify(request: Request, stored: str | None, password: str, *, known: bool = False) -> bool:
    """Raises NoPlace."""
    return await _hashing(request).run(_check(stored, password), _networks(request), known=known)


async def verify_slowly(request: Request, stored: str | None, password: str, group: tuple[str, str]) -> bool:
    """Raises NoPlace. `group` is the account's tenant and the user of the browser's pass if that is an active one there, else empty."""
    return await _hashing(request).run_slowly(_check(stored, password), (*group, *_networks(request)))


def _check(stored: str | None, password: str) -> Callable[[], bool]:
    cut = password[: passwords.MAX_LENGTH + 1]
    return lambda: passwords.verify(stored, cut)


async def hash_password(request: Request, password: str) -> str:
    """Hashes a new password. It waits with known devices, because the password or link before was correct. Raises NoPlace."""
    return await _hashing(request).run(lambda: passwords.hash_password(password), _networks(request), known=True)


def _hashing(request: Request) -> Hashing:
    return request.state.hashing


def _networks(request: Request) -> tuple[str, str]:
    return networks_of(caller_of(request).address)
