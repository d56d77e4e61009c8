"""Connections to untrusted receivers: to checked addresses, one request at a time, kept for a few seconds."""

import asyncio
import math
import socket
import ssl
import time
import zlib
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import certifi
import msgspec

from services.webhook_dispatcher.sending.addresses import Address, Policy, RefusedTarget, Resolver, Target
from shared.web.responses import Fault, ResponseReader

BODY_KEPT = 16 * 1024
HEADERS_KEPT = 40
# A request with a longer body is written in two parts, so that no copy of the body is made.
WRITTEN_AT_ONCE = 16 * 1024
CONNECT_SECONDS = 10.0
ADDRESSES_TRIED = 4
# Shorter than the idle time of common servers, so that a request seldom meets a connection that closes.
IDLE_SECONDS = 4.0
# Then the name is looked up anew, even if the connection was never idle.
OLDEST_SECONDS = 60.0
Origin = tuple[str, str, int, ssl.SSLContext | None]
FAULTS = {
    Fault.NOT_HTTP: "protocol_error: the answer is not HTTP, or its headers are too large",
    Fault.HEAD_TOO_LARGE: "protocol_error: the answer's headers or trailers are too large",
    Fault.UNANSWERED: "connection_error: the connection was closed before an answer",
    Fault.BROKEN_OFF: "connection_error: the answer broke off in its body",
}


class Outcome(msgspec.Struct, kw_only=True):
    """The result of one attempt. `retry_after` is the wait that the receiver asked for, in seconds."""

    status: int | None = None
    error: str | None = None
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    body: str | None = None
    truncated: bool = False
    retry_after: float | None = None
    address: str | None = None
    duration_ms: float = 0
    timed_out: bool = False

    @property
    def succeeded(self) -> bool:
        return self.status is not None and 200 <= self.status < 300 and self.error is None


class Broken(Exception):
    """The connection ended, or carried no valid answer. The message is for the receiver's owner.

    `stale`: it was kept from an earlier request and ended before a byte of the answer.
    """

    def __init__(self, fault: str, *, stale: bool = False) -> None:
        super().__init__(fault)
        self.stale = stale


class Answer:
    """The received part of an answer. `status` is 0 until its headers are complete, at the monotonic second `came`."""

    def __init__(self) -> None:
        self.status = 0
        self.came = 0.0
        self.headers: list[tuple[str, str]] = []
        self.retry_after: str | None = None
        self.truncated = False
        self._kept = bytearray()
        self._inflate: Any = None

    @property
    def text(self) -> str:
        """The stored part of the body. NULs and bytes that are not UTF-8 are replaced: PostgreSQL refuses both."""
        return bytes(self._kept[:BODY_KEPT]).decode("utf-8", "replace").replace("\0", "\ufffd")

    def begin(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Keeps the first `HEADERS_KEPT` of the headers, each at most 64 and 256 characters long."""
        self.status = status
        self.came = time.monotonic()
        known = [(name.decode("latin-1"), value.decode("utf-8", "replace")) for name, value in headers]
        self.headers = [(name[:64], value[:256]) for name, value in known[:HEADERS_KEPT]]
        named = {name.lower(): value for name, value in reversed(known)}
        self.retry_after = named.get("retry-after")
        if named.get("content-encoding", "").strip().lower() in ("gzip", "x-gzip", "deflate"):
            self._inflate = zlib.decompressobj(47)

    def take(self, data: bytes) -> bool:
        """Stores the first 16 KiB of the decoded body. False when it needs no further data."""
        room = BODY_KEPT + 1 - len(self._kept)
        try:
            self._kept += self._inflate.decompress(data, room) if self._inflate is not None else data[:room]
        except zlib.error:
            self._kept[:] = b"(a body that is not the gzip it says)"
            self.truncated = True
            return False
        self.truncated = len(self._kept) > BODY_KEPT
        return not self.truncated


class Connection(ResponseReader):
    """Takes one `post`, and another while it is `reusable`. `peer` is the remote address, empty when the connection was lost at once."""

    peer: str = ""
    certificate: dict[str, Any] | None = None
    tls_version: str | None = None

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._over: asyncio.Future[None] | None = None
        self._answer = Answer()
        self._used = False
        self.made = self.idle_since = self._loop.time()
        self.reusable = True

    async def post(self, head: bytes, body: bytes, answer: Answer) -> None:
        """Sends a request and reads into `answer`, also where this is cancelled or raises Broken."""
        self.reusable = False
        if self.transport.is_closing():
            raise Broken(FAULTS[Fault.UNANSWERED], stale=self._used)
        self._answer = answer
        self._over = self._loop.create_future()
        self.expect()
        if len(body) <= WRITTEN_AT_ONCE:
            self.transport.write(head + body)
        else:
            self.transport.write(head)
            self.transport.write(body)
        try:
            await self._over
        finally:
            self._over, self._used, self.idle_since = None, True, self._loop.time()
            if not self.reusable:
                self.close()

    def close(self) -> None:
        self.reusable = False
        self.transport.abort()

    def broke(self, fault: Fault) -> None:
        """Ends the request with the error. After a complete answer it only closes the connection."""
        self.reusable = False
        if self._over is not None and not self._over.done():
            self._over.set_exception(Broken(FAULTS[fault], stale=self._used and not self.received))
        else:
            self.close()

    def _end(self, *, reusable: bool) -> None:
        self.reusable = reusable
        if self._over is not None and not self._over.done():
            self._over.set_result(None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.peer = str((transport.get_extra_info("peername") or ("",))[0])
        tls = transport.get_extra_info("ssl_object")
        if tls is not None:
            self.certificate, self.tls_version = tls.getpeercert(), tls.version()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._end(reusable=False)

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if self.status:
            self._answer.begin(self.status, self.headers)
            self.headers = []

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        if not self._answer.truncated and not self._answer.take(body):
            # The rest may be endless: the connection is dropped rather than drained.
            self._end(reusable=False)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self.complete and not self._answer.truncated:
            self._end(reusable=self.keep_alive)


@dataclass
class Exchange:
    """Facts about one request for its diagnosis. `moments` are monotonic seconds of its phases; after `until` it is not sent.

    `tls` has the client certificate of its webhook: a connection with one takes no request of another webhook.
    """

    target: Target
    until: float = math.inf
    address: str | None = None
    tls: ssl.SSLContext | None = None
    certificate: dict[str, Any] | None = None
    tls_version: str | None = None
    moments: dict[str, float] = field(default_factory=dict)

    def mark(self, moment: str) -> None:
        self.moments[moment] = time.monotonic()

    def timings(self) -> dict[str, float]:
        """Milliseconds of each phase that took place: dns, connect (with TLS), tls (a part of connect), first_byte, body, total."""
        at = self.moments
        phases = {
            "dns": ("dns_began", "dns_ended"),
            "connect": ("dns_ended" if "dns_ended" in at else "began", "connected"),
            "tls": ("tls_began", "connected"),
            "first_byte": ("connected", "answered"),
            "body": ("answered", "ended"),
            "total": ("began", "ended"),
        }
        return {
            name: round((at[end] - at[begin]) * 1000, 3)
            for name, (begin, end) in phases.items()
            if begin in at and end in at
        }


class Pool:
    def __init__(self, policy: Policy, resolver: Resolver, tls: ssl.SSLContext) -> None:
        self._policy = policy
        self._resolver = resolver
        self._tls = tls
        self._idle: defaultdict[Origin, deque[Connection]] = defaultdict(deque)

    async def post(self, exchange: Exchange, head: bytes, body: bytes, answer: Answer) -> None:
        """Sends a request over an idle or new connection and reads into `answer`.

        Raises RefusedTarget, UnknownName, Broken, ssl.SSLError, TimeoutError or OSError.
        """
        connection = await self._take(exchange)
        # A process that stood still meets its connection before its time-out, when another sender may have sent the delivery.
        if time.monotonic() > exchange.until:
            connection.close()
            raise TimeoutError
        try:
            await connection.post(head, body, answer)
        except Broken as error:
            if not error.stale:
                raise
            # It was closed while it was idle. A receiver that got the request nevertheless recognises the second by its `webhook-id`.
            connection = await self._take(exchange, fresh=True)
            await connection.post(head, body, answer)
        if connection.reusable:
            self._idle[_origin(exchange)].append(connection)

    async def _take(self, exchange: Exchange, *, fresh: bool = False) -> Connection:
        connection = None if fresh else self._kept(exchange)
        if connection is None:
            connection = await self._connect(exchange)
        exchange.mark("connected")
        if not connection.peer:
            raise Broken("connection_error: the connection was closed before an answer", stale=True)
        exchange.address = connection.peer
        exchange.certificate, exchange.tls_version = connection.certificate, connection.tls_version
        try:
            self._policy.check_peer(exchange.target, connection.peer)
        except RefusedTarget:
            connection.close()
            raise
        return connection

    async def keep_swept(self, every_seconds: float) -> None:
        """Closes connections that were idle too long, for ever."""
        while True:
            await asyncio.sleep(every_seconds)
            for origin, idle in list(self._idle.items()):
                while idle and not _is_fresh(idle[0]):
                    idle.popleft().close()
                if not idle:
                    del self._idle[origin]

    def forget(self, tls: ssl.SSLContext) -> None:
        """Closes the idle connections with the client certificate of this context."""
        for origin in [origin for origin in self._idle if origin[3] is tls]:
            for connection in self._idle.pop(origin):
                connection.close()

    def close(self) -> None:
        for idle in self._idle.values():
            for connection in idle:
                connection.close()
        self._idle.clear()

    def _kept(self, exchange: Exchange) -> Connection | None:
        idle = self._idle.get(_origin(exchange))
        while idle:
            connection = idle.pop()
            if connection.reusable and _is_fresh(connection):
                return connection
            connection.close()
        return None

    async def _connect(self, exchange: Exchange) -> Connection:
        """Connects to the first address that accepts, of those checked here. Each gets an equal share of the time."""
        target = exchange.target
        if target.literal is not None:
            return await self._connect_to(target.literal, exchange, CONNECT_SECONDS)
        exchange.mark("dns_began")
        addresses = await self._resolver.addresses(target.host)
        exchange.mark("dns_ended")
        self._policy.check_addresses(target, addresses)
        *others, last = addresses[:ADDRESSES_TRIED]
        seconds = CONNECT_SECONDS / (len(others) + 1)
        for address in others:
            try:
                return await self._connect_to(address, exchange, seconds)
            except ssl.SSLCertVerificationError:
                raise
            except OSError:
                continue
        return await self._connect_to(last, exchange, seconds)

    async def _connect_to(self, address: Address, exchange: Exchange, seconds: float) -> Connection:
        target = exchange.target
        secured = {"ssl": exchange.tls or self._tls, "server_hostname": target.name} if target.scheme == "https" else {}
        loop = asyncio.get_running_loop()
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        connected = socket.socket(family, socket.SOCK_STREAM)
        try:
            connected.setblocking(False)
            async with asyncio.timeout(seconds):
                await loop.sock_connect(connected, (str(address), target.port))
                if secured:
                    exchange.mark("tls_began")
                _, connection = await loop.create_connection(Connection, sock=connected, **secured)
        except BaseException:
            connected.close()
            raise
        return connection


def tls_context(ca_file: str) -> ssl.SSLContext:
    """TLS 1.2 or later, the public authorities, and those of WEBHOOK_CA_FILE where one is set."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file:
        context.load_verify_locations(ca_file)
    return context


def _origin(exchange: Exchange) -> Origin:
    target = exchange.target
    return target.scheme, target.host, target.port, exchange.tls


def _is_fresh(connection: Connection) -> bool:
    now = asyncio.get_running_loop().time()
    return now - connection.idle_since < IDLE_SECONDS and now - connection.made < OLDEST_SECONDS
