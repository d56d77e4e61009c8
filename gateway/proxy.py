"""Passes a request to a service and its answer back, both as streams."""

import asyncio

from gateway import headers, pace, problems
from gateway.call import Call
from gateway.connection import Broken, ClientGone, Connection, Slow, UpstreamError
from gateway.metrics import places_refused, upstream_failures, upstream_retries
from gateway.pace import Begun
from gateway.places import Client, Crowded, NoPlace, Sender
from gateway.problems import Answer, Refusal
from gateway.upstream import Refused, Unreachable, Upstream

COLLECTED = 64 * 1024
"""Bytes of a body that are awaited before the service hears of the request: as many as are buffered for a connection in any case."""
IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
CLIENT_CLOSED = 499
"""What the log says of an exchange whose client left (nginx's word for it)."""


class Body:
    """The client's body: its first part at hand, the rest still to come. Raises Refusal (413) past the limit."""

    def __init__(self, call: Call, limit: int) -> None:
        self._receive = call.receive
        self._limit = limit
        self._size = 0
        self.chunked = call.length is None
        self.first = b""
        self.more = call.length != 0

    async def open(self) -> None:
        """Reads the first part: all of a short body, since who sends one slowly shall hold no place at the service. Raises ClientGone."""
        parts: list[bytes] = []
        while self.more and self._size < COLLECTED:
            parts.append(await self.read())
        self.first = b"".join(parts)

    async def read(self) -> bytes:
        """The next part, framed as it goes to the service."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientGone("client gone")
        part: bytes = message["body"]
        self.more = message["more_body"]
        self._size += len(part)
        if self._size > self._limit:
            raise problems.too_large(self._limit)
        if not self.chunked:
            return part
        framed = b"%x\r\n%s\r\n" % (len(part), part) if part else b""
        return framed if self.more else framed + b"0\r\n\r\n"


async def forward(call: Call, upstream: Upstream, identity: bytes, body_limit: int, sender: Sender) -> None:
    """Answers `call` with the service's answer. Raises Refusal where there is none. `sender` is on whose account its places are."""
    body = Body(call, body_limit)
    connection: Connection | None = None
    place: Client | None = None
    begun: Begun | None = None
    now = asyncio.get_running_loop().time
    upstream.earn_retry()
    try:
        await body.open()
        place = upstream.places.take(sender)
        if place is None:
            place = await _wait(call, upstream, sender)
            _require_client(call)
        begun = upstream.pace.begin(sender)
        if begun is None:
            begun = await _wait_in_line(call, upstream, sender)
            _require_client(call)
        head = _head(call, identity)
        connection = await (_receive if body.more else _exchange)(call, upstream, head, body, sender)
        await _return(call, connection)
    except ClientGone:
        call.status = CLIENT_CLOSED
    except NoPlace as error:
        raise _no_place(call, upstream, error) from error
    except UpstreamError as error:
        _broke_off(call, upstream, error, sender)
    finally:
        call.client.exchange = None
        if connection is not None:
            upstream.release(connection, now())
        if begun is not None:
            pace.end(begun)
        if place is not None:
            upstream.places.leave(place)


async def _wait(call: Call, upstream: Upstream, sender: Sender) -> Client:
    waiter = call.client.exchange = upstream.places.waiter(sender)
    return await upstream.places.wait(sender, waiter)


async def _wait_in_line(call: Call, upstream: Upstream, sender: Sender) -> Begun:
    waiter = call.client.exchange = upstream.pace.waiter(sender)
    return await upstream.pace.wait(sender, waiter)


def _require_client(call: Call) -> None:
    """Raises ClientGone where the client left in the very moment when its wait ended."""
    if call.client.running is None or call.client.running.disconnected:
        raise ClientGone("client gone")


async def _receive(call: Call, upstream: Upstream, head: bytes, body: Body, sender: Sender) -> Connection:
    """An exchange whose body is still on its way, which takes a place among those as well."""
    place = upstream.receiving.take(sender)
    if place is None:
        raise upstream.receiving.refusal(sender)
    try:
        return await _exchange(call, upstream, head, body, sender)
    finally:
        upstream.receiving.leave(place)


async def _exchange(call: Call, upstream: Upstream, head: bytes, body: Body, sender: Sender) -> Connection:
    """Sends the request and waits for the answer's head. Tries a second time where that is harmless and the budget allows."""
    harmless = not body.more and (call.method in IDEMPOTENT or call.incoming.idempotent)
    try:
        try:
            return await _attempt(call, upstream, head, body)
        except UpstreamError as error:
            unheard = isinstance(error, Unreachable) or error.stale
            if not (harmless and unheard and upstream.may_retry()):
                raise
            upstream_retries.labels(upstream.name).inc()
            return await _attempt(call, upstream, head, body, fresh=True)
    except ClientGone:
        raise
    except UpstreamError as error:
        raise _refusal(call, upstream, error, sender) from error


async def _attempt(call: Call, upstream: Upstream, head: bytes, body: Body, *, fresh: bool = False) -> Connection:
    connection = await upstream.acquire(fresh=fresh)
    try:
        call.client.exchange = connection
        connection.start(head + body.first, bodiless=call.method == "HEAD")
        if body.more:
            # An answer, or an end, while the client is still sending: `receive` wakes with nothing.
            connection.nudge = call.client.running.message_event.set
        while body.more and not connection.answered and connection.error is None:
            await connection.write(await body.read())
        connection.unsent = body.more
        await connection.answer()
    except BaseException:
        connection.close()
        upstream.release(connection, 0)
        raise
    upstream.breaker.succeeded()
    return connection


async def _return(call: Call, connection: Connection) -> None:
    call.status = connection.status
    fields = [*headers.returned(connection.headers), *call.answer]
    if connection.status in (204, 304):
        fields = [field for field in fields if field[0] != b"content-length"]
    # HTTP/1.0 knows no chunks: what has no length is collected for it.
    if connection.done or (call.http_version == "1.0" and not connection.sized):
        await _return_whole(call, connection, fields)
    else:
        await _return_parts(call, connection, fields)


async def _return_whole(call: Call, connection: Connection, fields: headers.Headers) -> None:
    parts: list[bytes] = []
    while (part := await connection.chunk()) is not None:
        parts.append(part)
    whole = b"".join(parts)
    if not connection.sized and connection.status not in (204, 304) and call.method != "HEAD":
        fields.append((b"content-length", b"%d" % len(whole)))
    await call.client.answer(Answer(connection.status, fields, whole))


async def _return_parts(call: Call, connection: Connection, fields: headers.Headers) -> None:
    await call.send({"type": "http.response.start", "status": connection.status, "headers": fields})
    while (part := await connection.chunk()) is not None:
        last = connection.finished
        await call.send({"type": "http.response.body", "body": part, "more_body": not last})
        if last:
            return
    await call.send({"type": "http.response.body", "body": b"", "more_body": False})


def _head(call: Call, identity: bytes) -> bytes:
    lines = [b"%s %s HTTP/1.1\r\n" % (call.method.encode(), call.target)]
    lines.append(b"host: %s\r\n" % call.incoming.host)
    lines += [b"%s: %s\r\n" % field for field in call.incoming.passing]
    if call.length:
        lines.append(b"content-length: %d\r\n" % call.length)
    elif call.length is None:
        lines.append(b"transfer-encoding: chunked\r\n")
    elif call.method in ("POST", "PUT", "PATCH"):
        lines.append(b"content-length: 0\r\n")
    lines.append(b"traceparent: %s\r\nx-knogin-identity: %s\r\n\r\n" % (call.trace.traceparent.encode(), identity))
    return b"".join(lines)


def _refusal(call: Call, upstream: Upstream, error: UpstreamError, sender: Sender) -> Refusal:
    """The answer to a client whose service did not answer."""
    call.reason = _count(upstream, error, sender)
    if isinstance(error, Unreachable | Refused):
        return problems.unavailable("The service behind this path is not available; try again.")
    return problems.too_slow() if isinstance(error, Slow) else problems.bad_gateway()


def _no_place(call: Call, upstream: Upstream, error: NoPlace) -> Refusal:
    """429 for who holds its share already, 503 for who meets a service whose places are all taken."""
    call.reason = f"places_{error.reason}"
    places_refused.labels(upstream.name, error.reason).inc()
    if isinstance(error, Crowded):
        return problems.crowded()
    return problems.unavailable("The service behind this path is busy; try again.")


def _broke_off(call: Call, upstream: Upstream, error: UpstreamError, sender: Sender) -> None:
    """The answer has begun, so that breaking the connection is the only way to say that it is not whole."""
    call.reason = _count(upstream, error, sender)
    call.client.transport.abort()


def _count(upstream: Upstream, error: UpstreamError, sender: Sender) -> str:
    kind = type(error).__name__.lower()
    upstream_failures.labels(upstream.name, kind).inc()
    if isinstance(error, Broken | Slow):
        upstream.breaker.failed(asyncio.get_running_loop().time(), sender.tenant)
    return kind
