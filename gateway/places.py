"""Places at a service, shared fairly: between tenants first, then between the clients of each.

Who is alone gets most of the places, and none of the last. A tenant may hold up to `TENANT_SHARE` times as many as are free (the
dynamic threshold of Choudhury and Hahne): what one holds shrinks as others come, and a newcomer always finds a free one.
A client may hold up to `CLIENT_SHARE` times as many as its tenant can still get. Of 256 places one client alone gets 182,
two tenants 114 each, ten 25 each.
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
"""Stands for the tenant of all callers without a token; each address is a client of it."""


class Sender(NamedTuple):
    """On whose account a place is taken."""

    tenant: str
    client: str


class NoPlace(UpstreamError):
    """No place became free in time. `reason` is a metric label."""

    reason = "full"


class Crowded(NoPlace):
    """The sender, or its tenant, already holds its share of the places."""

    reason = "share"


class Tenant:
    """What one tenant holds; `queue` are its clients that wait, the next one first."""

    __slots__ = ("clients", "held", "name", "queue", "waiting")

    def __init__(self, name: str) -> None:
        self.name = name
        self.held = 0
        self.waiting = 0
        self.clients: dict[str, Client] = {}
        self.queue: deque[Client] = deque()


class Client:
    """What one client of a tenant holds, and its requests that wait, in the order in which they came."""

    __slots__ = ("held", "name", "tenant", "waiters")

    def __init__(self, name: str, tenant: Tenant) -> None:
        self.name = name
        self.tenant = tenant
        self.held = 0
        self.waiters: deque[Waiter] = deque()


class Waiter:
    """A request that waits for a place. Stands in for its exchange, so that it learns when its client leaves."""

    __slots__ = ("future",)

    def __init__(self, future: "asyncio.Future[None]") -> None:
        self.future = future

    def client_gone(self) -> None:
        if not self.future.done():
            self.future.set_exception(ClientGone("client gone"))


class Places:
    """`total` places, at most `most` of them for one client. Every place taken is left again, whatever happens meanwhile."""

    def __init__(self, total: int, most: int | None = None) -> None:
        self.total = total
        self.held = 0
        self.waiting = 0
        self._most = most or total
        self._half = total // 2
        self._tenants: dict[str, Tenant] = {}
        self._queue: deque[Tenant] = deque()

    def take(self, sender: Sender) -> Client | None:
        """A place for `sender` if it may have one now, in front of nobody who waits."""
        tenant = self._tenants.get(sender.tenant)
        client = tenant.clients.get(sender.client) if tenant is not None else None
        if client is None:
            client = self._new(sender)
        # While half of the places are free, nobody has its share: the common case, in one comparison.
        if client.waiters or not ((self.held < self._half and client.held < self._most) or self._may(client)):
            return None
        client.held += 1
        client.tenant.held += 1
        self.held += 1
        return client

    def refusal(self, sender: Sender) -> NoPlace:
        """Why `sender` gets no place now."""
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
        """Gives a place back, to whoever waits and holds less than its share, in turn."""
        client.held -= 1
        client.tenant.held -= 1
        self.held -= 1
        if self._queue:
            self._admit()

    def tidy(self) -> None:
        """Forgets those who neither hold a place nor wait; called now and then, since they mostly come back."""
        for name, tenant in list(self._tenants.items()):
            tenant.clients = {
                client.name: client for client in tenant.clients.values() if client.held or client.waiters
            }
            if not tenant.clients:
                del self._tenants[name]

    def largest(self) -> int:
        """Places that the tenant with the most of them holds."""
        return max((tenant.held for tenant in self._tenants.values()), default=0)

    def _may(self, client: Client) -> bool:
        free = self.total - self.held
        allowance = TENANT_SHARE * free - client.tenant.held
        # A place more for a tenant is also one free place less, so that it can still get a `1 + TENANT_SHARE`th of its allowance.
        return allowance > 0 and client.held < min(self._most, CLIENT_SHARE * allowance / (1 + TENANT_SHARE))

    def _new(self, sender: Sender) -> Client:
        tenant = self._tenants.setdefault(sender.tenant, Tenant(sender.tenant))
        return tenant.clients.setdefault(sender.client, Client(sender.client, tenant))

    def _admit(self) -> None:
        """Lets in whoever waits and may, one of each tenant after the other."""
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
        """The client of `tenant` whose turn it is, and that may have a place."""
        for _ in range(len(tenant.queue)):
            client = tenant.queue[0]
            tenant.queue.rotate(-1)
            if self._may(client):
                return client
        return None

    def _give_up(self, client: Client, waiter: Waiter) -> None:
        """Ends a wait that was not successful; or that was, in the very moment when it was ended."""
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
