"""TLS contexts with client certificates. Each holds all public authorities, some 0.7 MiB, and takes 7 ms of a core to make.

So `MOST_CONTEXTS` bounds those of a process at 90 MiB: those in use, also by idle connections, and those kept for the next delivery. A
tenant uses no more of them than are left to others (as of the slots, lanes.py); a delivery beyond waits within its deadline.
"""

import asyncio
import ssl
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

from services.webhook_dispatcher.sending.access import Identity, load

MOST_CONTEXTS = 128
# In threads, which name look-ups need too.
MADE_AT_ONCE = 2


class UnusableCertificate(Exception):
    """OpenSSL cannot use the certificate."""


class Certificate(NamedTuple):
    """A tenant's certificate: its encrypted bytes, and a call that decrypts them or raises UnreadableCiphertext."""

    tenant_id: str
    sealed: bytes
    opened: Callable[[], Identity]


class Contexts:
    """`make` gives a context without a certificate; `evicted` ends the idle connections of one that is not kept any more."""

    def __init__(self, make: Callable[[], ssl.SSLContext], evicted: Callable[[ssl.SSLContext], None]) -> None:
        self._make = make
        self._evicted = evicted
        self._places = asyncio.Semaphore(MADE_AT_ONCE)
        self._making: dict[bytes, asyncio.Task[ssl.SSLContext]] = {}
        self._kept: OrderedDict[bytes, ssl.SSLContext] = OrderedDict()
        self._used: Counter[bytes] = Counter()
        self._used_of: Counter[str] = Counter()
        self._waiting: deque[tuple[str, bytes, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def lend(self, certificate: Certificate) -> AsyncIterator[ssl.SSLContext]:
        """Waits for room. Deliveries with one certificate share its context, and wait for one making of it.

        Raises UnreadableCiphertext or UnusableCertificate.
        """
        tenant_id, sealed, opened = certificate
        while not self._has_room(tenant_id, sealed):
            await self._wait(tenant_id, sealed)
        self._used_of[tenant_id] += not self._used[sealed]
        self._used[sealed] += 1
        # One that shares a context leaves the room for the next one.
        self._wake()
        try:
            yield self._kept.get(sealed) or await self._made(sealed, opened)
        finally:
            self._give_back(tenant_id, sealed)

    async def _made(self, sealed: bytes, opened: Callable[[], Identity]) -> ssl.SSLContext:
        """A caller that is cancelled ends the making for no other."""
        task = self._making.get(sealed)
        if task is None:
            task = self._making[sealed] = asyncio.create_task(self._make_one(sealed, opened()))
            task.add_done_callback(lambda done: self._ended(sealed, done))
        return await asyncio.shield(task)

    async def _make_one(self, sealed: bytes, identity: Identity) -> ssl.SSLContext:
        def made() -> ssl.SSLContext:
            context = self._make()
            load(context, identity)
            return context

        async with self._places:
            try:
                context = self._kept[sealed] = await asyncio.to_thread(made)
            except ssl.SSLError as error:
                raise UnusableCertificate from error
        self._evict()
        return context

    def _ended(self, sealed: bytes, task: asyncio.Task[ssl.SSLContext]) -> None:
        del self._making[sealed]
        if not task.cancelled():
            task.exception()  # each waiter has got it; it is no error of its own

    def _has_room(self, tenant_id: str, sealed: bytes) -> bool:
        return sealed in self._used or self._used_of[tenant_id] < MOST_CONTEXTS - len(self._used)

    async def _wait(self, tenant_id: str, sealed: bytes) -> None:
        waits = (tenant_id, sealed, asyncio.get_running_loop().create_future())
        self._waiting.append(waits)
        try:
            await waits[2]
        except asyncio.CancelledError:
            self._wake()
            raise
        finally:
            self._waiting.remove(waits)

    def _give_back(self, tenant_id: str, sealed: bytes) -> None:
        self._used[sealed] -= 1
        if self._used[sealed]:
            return
        del self._used[sealed]
        self._used_of[tenant_id] -= 1
        if not self._used_of[tenant_id]:
            del self._used_of[tenant_id]
        if sealed in self._kept:
            self._kept.move_to_end(sealed)
        self._wake()

    def _wake(self) -> None:
        """The first delivery for which there is room."""
        for tenant_id, sealed, future in self._waiting:
            if not future.done() and self._has_room(tenant_id, sealed):
                future.set_result(None)
                break

    def _evict(self) -> None:
        """Forgets those that were used longest ago, and are not in use."""
        while len(self._kept) > MOST_CONTEXTS:
            oldest = next(sealed for sealed in self._kept if sealed not in self._used)
            self._evicted(self._kept.pop(oldest))
