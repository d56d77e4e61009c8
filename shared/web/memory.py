"""Limits how many bytes of large bodies and large answers one process holds, and shares them between tenants.

A request reserves its bytes before it reads them, and holds them until its answer is sent. A tenant may hold as many bytes as are free
afterwards (the dynamic threshold of Choudhury and Hahne): a tenant alone gets half of the bytes, and a tenant without any gets the
free ones. Nothing waits here; a request over the limit is refused at once.
"""

import asyncio
from collections import Counter
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
    """`total` bytes to share."""

    def __init__(self, total: int = TOTAL) -> None:
        self.free = total
        self._tenants = Counter[str]()

    def take(self, tenant: str, size: int) -> None:
        """Raises a Problem: 429 where the tenant holds its share, 503 where other tenants hold nearly all."""
        after = self.free - size
        held = self._tenants[tenant]
        if after < 0 or (held and held + size > after):
            if not held:
                raise problems.unavailable("Too many large bodies are held; try again.")
            detail = "Your organisation's large requests under way fill its share of the memory for them; wait for their answers."
            raise problems.too_many(detail)
        self.free = after
        self._tenants[tenant] += size

    def give_back(self, tenant: str, size: int) -> None:
        self.free += size
        self._tenants[tenant] -= size
        if not self._tenants[tenant]:
            del self._tenants[tenant]


_memories: WeakKeyDictionary[asyncio.AbstractEventLoop, Memory] = WeakKeyDictionary()


def reserve(request: Request, size: int, tenant: str | None = None) -> None:
    """Reserves `size` bytes for the caller's tenant, or for `tenant`, until `release`. Raises a Problem: 429, 503."""
    if size <= FREE_OF_CHARGE:
        return
    owner = party_of(request.scope.get("caller"))[0] if tenant is None else tenant
    _memory().take(owner, size)
    request.scope.setdefault("reserved", []).append((owner, size))


def release(scope: Scope) -> None:
    """Gives back all that the request reserved."""
    for tenant, size in scope.pop("reserved", ()):
        _memory().give_back(tenant, size)


def _memory() -> Memory:
    loop = asyncio.get_running_loop()
    return _memories.get(loop) or _memories.setdefault(loop, Memory())
