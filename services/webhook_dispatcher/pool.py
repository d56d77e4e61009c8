"""Connections to receivers: made only to addresses that were checked, looked at again before each request, kept a few seconds."""

import asyncio
import ssl
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

import certifi

from services.webhook_dispatcher.addresses import Address, Policy, RefusedTarget, Target
from services.webhook_dispatcher.connection import Broken, Connection
from services.webhook_dispatcher.resolver import Resolver

CONNECT_SECONDS = 10.0
ADDRESSES_TRIED = 4
# Shorter than what servers commonly grant, so that a request seldom meets a connection closing under it.
IDLE_SECONDS = 4.0
# After that its name is looked up anew, though it were never idle.
OLDEST_SECONDS = 60.0
Origin = tuple[str, str, int]


@dataclass
class Exchange:
    """What is seen of one request on its way; `moments` are monotonic seconds of its phases."""

    target: Target
    address: str | None = None
    certificate: dict[str, Any] | None = None
    tls_version: str | None = None
    moments: dict[str, float] = field(default_factory=dict)

    def mark(self, moment: str) -> None:
        self.moments[moment] = time.monotonic()


class Pool:
    def __init__(self, policy: Policy, resolver: Resolver, tls: ssl.SSLContext) -> None:
        self._policy = policy
        self._resolver = resolver
        self._tls = tls
        self._idle: defaultdict[Origin, deque[Connection]] = defaultdict(deque)

    async def take(self, exchange: Exchange, *, fresh: bool = False) -> Connection:
        """A connection to the target, kept or new. Raises RefusedTarget, UnknownName, Broken, ssl.SSLError, TimeoutError or OSError."""
        connection = None if fresh else self._kept(exchange.target)
        if connection is None:
            connection = await self._connect(exchange)
        exchange.mark("connected")
        self._check(exchange, connection)
        return connection

    def give_back(self, target: Target, connection: Connection) -> None:
        if connection.reusable:
            self._idle[_origin(target)].append(connection)

    def sweep(self) -> None:
        """Closes what has been idle too long."""
        for origin, idle in list(self._idle.items()):
            while idle and not _is_fresh(idle[0]):
                idle.popleft().close()
            if not idle:
                del self._idle[origin]

    def close(self) -> None:
        for idle in self._idle.values():
            for connection in idle:
                connection.close()
        self._idle.clear()

    def _kept(self, target: Target) -> Connection | None:
        idle = self._idle.get(_origin(target))
        while idle:
            connection = idle.pop()
            if connection.reusable and _is_fresh(connection):
                return connection
            connection.close()
        return None

    async def _connect(self, exchange: Exchange) -> Connection:
        """To the first address that takes it, each with its share of the time."""
        addresses = (await self._addresses(exchange))[:ADDRESSES_TRIED]
        for address in addresses[:-1]:
            try:
                return await self._connect_to(address, exchange.target, CONNECT_SECONDS / len(addresses))
            except ssl.SSLCertVerificationError:
                raise
            except OSError:
                continue
        return await self._connect_to(addresses[-1], exchange.target, CONNECT_SECONDS / len(addresses))

    async def _connect_to(self, address: Address, target: Target, seconds: float) -> Connection:
        secured = {"ssl": self._tls, "server_hostname": target.name} if target.scheme == "https" else {}
        async with asyncio.timeout(seconds):
            loop = asyncio.get_running_loop()
            _, connection = await loop.create_connection(Connection, str(address), target.port, **secured)
        return connection

    async def _addresses(self, exchange: Exchange) -> list[Address]:
        """Where the target is, all of it checked: the connection is made to one of these and to nothing else."""
        if exchange.target.literal is not None:
            return [exchange.target.literal]
        exchange.mark("dns_began")
        addresses = await self._resolver.addresses(exchange.target.host)
        exchange.mark("dns_ended")
        self._policy.check_addresses(exchange.target, addresses)
        return addresses

    def _check(self, exchange: Exchange, connection: Connection) -> None:
        """Looks at the far end of a connection, new or used before, in the moment it is about to carry a request."""
        if not connection.peer:
            raise Broken("connection_error: the connection was closed before an answer", stale=True)
        exchange.address = connection.peer
        exchange.certificate, exchange.tls_version = connection.certificate, connection.tls_version
        try:
            self._policy.check_peer(exchange.target, connection.peer)
        except RefusedTarget:
            connection.close()
            raise


def tls_context(ca_file: str) -> ssl.SSLContext:
    """TLS 1.2 or later, the public authorities, and those of WEBHOOK_CA_FILE where one is set."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file:
        context.load_verify_locations(ca_file)
    return context


def _origin(target: Target) -> Origin:
    return target.scheme, target.host, target.port


def _is_fresh(connection: Connection) -> bool:
    now = asyncio.get_running_loop().time()
    return now - connection.idle_since < IDLE_SECONDS and now - connection.made < OLDEST_SECONDS
