"""Shares the places at a service fairly: first between tenants, then between the clients of each tenant.

A tenant may hold up to `TENANT_SHARE` times as many places as are free (the dynamic threshold of Choudhury and Hahne). A tenant
alone gets most of the places but not the last ones. Its share shrinks as other tenants come, and a new tenant always finds a free
place. A client may hold up to `CLIENT_SHARE` times as many places as its tenant can still get. Of 256 places one client alone gets
182, two tenants get 114 each, ten get 25 each.
"""

import asyncio
from collections import deque
from typing import NamedTuple

from gateway.connection import ClientGone, UpstreamError

TENANT_SHARE = 4
CLIENT_SHARE = 8
WAIT_SECONDS = 1.0
CLIENT_WAITING = 16
TENANT_WAITING = 32
ANONYMOUS = "anonymous"
"""The tenant of all callers without a token; each address is one of its clients."""


class Sender(NamedTuple):
    """The tenant and the client that a place counts for."""

    tenant: str
    client: str


class NoPlace(UpstreamError):
    """No place became free in time. `reason` is a metric label."""

    reason = "full"


class Crowded(NoPlace):
    """The sender, or its tenant, already holds its share of the places."""

    reason = "share"


class Tenant:
    """The places that one tenant holds (`held`); `queue` are its waiting clients, the next one first."""

    __slots__ = ("clients", "held", "name", "queue", "waiting")

    def __init__(self, name: str) -> None:
        self.name = name
        self.held = 0
        self.waiting = 0
        self.clients: dict[str, Client] = {}
        self.queue: deque[Client] = deque()


class Client:
    """The places that one client of a tenant holds (`held`); `waiters` are its waiting requests in order of arrival."""

    __slots__ = ("held", "name", "tenant", "waiters")

    def __init__(self, name: str, tenant: Tenant) -> None:
        self.name = name
        self.tenant = tenant
        self.held = 0
        self.waiters: deque[Waiter] = deque()


class Waiter:
    """A request that waits for a place. The connection notifies it, as it would an exchange, when the client leaves."""

    __slots__ = ("future",)

    def __init__(self, future: "asyncio.Future[None]") -> None:
        self.future = future

    def client_gone(self) -> None:
        if not self.future.done():
            self.future.set_exception(ClientGone("client gone"))


class Places:
    """`total` places, at most `most` of them for one client. Each place taken must be given back with `leave`."""

    def __init__(self, total: int, most: int | None = None) -> None:
        self.total = total
        self.held = 0
        self.waiting = 0
        self._most = most or total
        self._half = total // 2
        self._tenants: dict[str, Tenant] = {}
        self._queue: deque[Tenant] = deque()

    def take(self, sender: Sender) -> Client | None:
        """A place for `sender` if it may have one now; None if not, or if requests of the same client wait already."""
        tenant = self._tenants.get(sender.tenant)
        client = tenant.clients.get(sender.client) if tenant is not None else None
        if client is None:
            client = self._new(sender)
        # While half of the places are free, no sender has reached its share: one comparison decides the common case.
        if client.waiters or not ((self.held < self._half and client.held < self._most) or self._may(client)):
            return None
        client.held += 1
        client.tenant.held += 1
        self.held += 1
        return client

    def refusal(self, sender: Sender) -> NoPlace:
        """The reason why `sender` gets no place now."""
        return NoPlace("all places are taken") if self.held >= self.total else Crowded(f"{sender.client} has its share")

    def waiter(self, sender: Sender) -> Waiter:
        """Puts a request into the queue. Raises NoPlace where too many of the same sender wait already."""
        client = self._new(sender)
        tenant = client.tenant
        if len(client.waiters) >= CLIENT_WAITING or tenant.waiting >= TENANT_WAITING:
            raise self.refusal(sender)
        waiter = Waiter(asyncio.get_running_loop().create_future())
        if not client.waiters:
            if not tenant.queue:
                self._queue.append(tenant)
            tenant.queue.append(client)
        client.waiters.append(waiter)
        tenant.waiting += 1
        self.waiting += 1
        return waiter

    async def wait(self, sender: Sender, waiter: Waiter) -> Client:
        """The place that `waiter` gets within `WAIT_SECONDS`. Raises NoPlace, or ClientGone when its client leaves first."""
        client = self._tenants[sender.tenant].clients[sender.client]
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await waiter.future
        except TimeoutError:
            self._give_up(client, waiter)
            raise self.refusal(sender) from None
        except BaseException:
            self._give_up(client, waiter)
            raise
        return client

    def leave(self, client: Client) -> None:
        """Gives a place back; the next waiting sender below its share gets it."""
        client.held -= 1
        client.tenant.held -= 1
        self.held -= 1
        if self._queue:
            self._admit()

    def tidy(self) -> None:
        """Removes tenants and clients that neither hold a place nor wait; called regularly, not at once, because most come back."""
        for name, tenant in list(self._tenants.items()):
            tenant.clients = {
                client.name: client for client in tenant.clients.values() if client.held or client.waiters
            }
            if not tenant.clients:
                del self._tenants[name]

    def largest(self) -> int:
        """The most places that one tenant holds."""
        return max((tenant.held for tenant in self._tenants.values()), default=0)

    def _may(self, client: Client) -> bool:
        free = self.total - self.held
        allowance = TENANT_SHARE * free - client.tenant.held
        # One more place for a tenant is one free place less, so it can still get only `allowance / (1 + TENANT_SHARE)` places.
        return allowance > 0 and client.held < min(self._most, CLIENT_SHARE * allowance / (1 + TENANT_SHARE))

    def _new(self, sender: Sender) -> Client:
        tenant = self._tenants.setdefault(sender.tenant, Tenant(sender.tenant))
        return tenant.clients.setdefault(sender.client, Client(sender.client, tenant))

    def _admit(self) -> None:
        """Gives free places to waiting requests that may have one, one tenant after the other."""
        passed = 0
        while self._queue and passed < len(self._queue) and self.held < self.total:
            tenant = self._queue[0]
            client = self._next_of(tenant)
            self._queue.rotate(-1)
            passed += 1
            if client is not None:
                waiter = client.waiters[0]
                self._dequeue(client, waiter)
                if not waiter.future.done():
                    client.held += 1
                    tenant.held += 1
                    self.held += 1
                    waiter.future.set_result(None)
                passed = 0

    def _next_of(self, tenant: Tenant) -> Client | None:
        """The next waiting client of `tenant` that may have a place."""
        for _ in range(len(tenant.queue)):
            client = tenant.queue[0]
            tenant.queue.rotate(-1)
            if self._may(client):
                return client
        return None

    def _give_up(self, client: Client, waiter: Waiter) -> None:
        """Ends a wait without a place. If the place came at the same moment, gives it back."""
        future = waiter.future
        if future.done() and not future.cancelled() and future.exception() is None:
            self.leave(client)
            return
        if waiter in client.waiters:
            self._dequeue(client, waiter)

    def _dequeue(self, client: Client, waiter: Waiter) -> None:
        tenant = client.tenant
        client.waiters.remove(waiter)
        tenant.waiting -= 1
        self.waiting -= 1
        if not client.waiters:
            tenant.queue.remove(client)
            if not tenant.queue:
                self._queue.remove(tenant)
