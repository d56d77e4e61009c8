"""Limits how many bytes of large bodies and large answers one process holds, and shares them between tenants and their clients.

A request reserves its bytes before it reads them, and holds them until its answer is sent. A tenant may hold as many bytes as are free
afterwards (the dynamic threshold of Choudhury and Hahne): a tenant alone gets half of the bytes, and a tenant without any gets the
free ones. A client of a tenant, or a network of callers without a token, may hold as many as its tenant leaves free: alone a third of
all bytes. Nothing waits here; a request over the limit is refused at once.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from weakref import WeakKeyDictionary

from starlette.requests import Request
from starlette.types import Scope

from shared.web import problems
from shared.web.identity import party_of

TOTAL = 96 << 20
"""Bytes, of the 512 MiB of a container; connections to the database keep copies of their largest values."""
FREE_OF_CHARGE = 64 << 10
"""Bytes. The gateway's places limit the number of smaller bodies and answers."""


class Memory:
    """`total` bytes to share. A path names the groups of a holder, the widest first, such as its tenant and its client."""

    def __init__(self, total: int = TOTAL) -> None:
        self.free = total
        self._held = Counter[tuple[str, ...]]()

    def take(self, path: Sequence[str], size: int) -> None:
        """Raises a Problem: 429 where the tenant holds its share, 503 where others hold nearly all."""
        if self.fits(path, size):
            self._add(path, size)
            return
        # All callers without a token are one tenant, and not one organisation.
        if not self._held[tuple(path if not path[0] else path[:1])]:
            raise problems.unavailable("Too many large bodies are held; try again.")
        detail = "Your organisation's large requests under way fill its share of the memory for them; wait for their answers."
        raise problems.too_many(detail)

    def take_now(self, path: Sequence[str], size: int) -> bool:
        """Whether `size` bytes were taken."""
        fits = self.fits(path, size)
        if fits:
            self._add(path, size)
        return fits

    def fits(self, path: Sequence[str], size: int) -> bool:
        left = self.free - size
        if left < 0:
            return False
        for group in _groups(path):
            held = self._held[group]
            if held and held + size > left:
                return False
            if len(group) == 1:
                left -= held + size
        return True

    def give_back(self, path: Sequence[str], size: int) -> None:
        self._add(path, -size)

    def _add(self, path: Sequence[str], size: int) -> None:
        self.free -= size
        for group in _groups(path):
            self._held[group] += size
            if not self._held[group]:
                del self._held[group]


def _groups(path: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(path[:depth]) for depth in range(1, len(path) + 1)]


_memories: WeakKeyDictionary[asyncio.AbstractEventLoop, Memory] = WeakKeyDictionary()


def reserve(request: Request, size: int, tenant: str | None = None) -> None:
    """Reserves `size` bytes for the caller's tenant, or for `tenant`, until `release`. Raises a Problem: 429, 503."""
    if size <= FREE_OF_CHARGE:
        return
    owner = party_of(request.scope.get("caller")) if tenant is None else (tenant,)
    _memory().take(owner, size)
    request.scope.setdefault("reserved", []).append((owner, size))


def release(scope: Scope) -> None:
    """Gives back all that the request reserved."""
    for owner, size in scope.pop("reserved", ()):
        _memory().give_back(owner, size)


def _memory() -> Memory:
    loop = asyncio.get_running_loop()
    return _memories.get(loop) or _memories.setdefault(loop, Memory())
