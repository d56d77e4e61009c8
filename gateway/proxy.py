"""Streams a request to a service and the answer back to the client."""

import asyncio
import time
from collections.abc import Callable
from functools import partial

from gateway import headers, problems, refused, refused_bytes
from gateway.call import Call
from gateway.connection import Broken, ClientGone, Connection, Slow, UpstreamError
from gateway.metrics import places_refused, upstream_failures, upstream_retries
from gateway.problems import Answer, Refusal
from gateway.refused_bytes import LEFT_SECONDS
from gateway.upstream import Refused, Sender, Unreachable, Upstream
from shared.fairness.places import Crowded, Gone, Group, NoPlace

COLLECTED = 64 * 1024
"""Bytes of a body that are read before the request goes to the service."""
FREE = 4 * 1024
"""Bytes of a body that need no place among the unfinished ones."""
IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
WAIT_SECONDS = 1.0
"""For a place at the service."""
CLIENT_CLOSED = 499
"""Status in the log for an exchange whose client left, as in nginx."""


class Body:
    """The client's body: `first` is read before the exchange, the rest during it. Raises Refusal beyond the limit (413), or
    beyond the part that is read while the budget of refused bytes is exceeded (429)."""

    def __init__(self, call: Call, limit: int) -> None:
        self._receive = call.receive
        self._payer = call.payer
        self._limit = limit
        self._most = limit if call.payer is None or call.payer.most is None else min(limit, call.payer.most)
        self.size = 0
        self.ended_at = 0.0
        self.chunked = call.length is None
        self.first = b""
        self.more = call.length != 0

    async def open(self, hold: Callable[[], bool]) -> None:
        """Reads the first part, which is all of a short body: a slow sender then holds no place at the service. Raises ClientGone.

        If `hold` refuses the memory for it, the first part ends there, and the body is one that still arrives.
        """
        parts: list[bytes] = []
        held = False
        while self.more and self.size < COLLECTED:
            parts.append(await self.read())
            if self.more and self.size > FREE and not held:
                held = hold()
                if not held:
                    break
        self.first = b"".join(parts)

    async def read(self) -> bytes:
        """The next part, framed for the service (chunked, or as it is)."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientGone("client gone")
        part: bytes = message["body"]
        self.more = message["more_body"]
        self.size += len(part)
        if self.size > self._most:
            if self._payer is not None and self.size <= self._limit:
                raise self._payer.refusal(time.time())
            self.charge()
            raise problems.too_large(self._limit)
        if not self.more:
            self.ended_at = time.monotonic()
        if not self.chunked:
            return part
        framed = b"%x\r\n%s\r\n" % (len(part), part) if part else b""
        return framed if self.more else framed + b"0\r\n\r\n"

    def charge(self) -> None:
        """The bytes that were read count as refused."""
        if self._payer is not None and self.size:
            self._payer.charge(self.size)

    def charge_for_leaving(self) -> None:
        """For a client that left. One that waited for its answer, or whose body broke off, is not charged."""
        if not self.more and time.monotonic() - self.ended_at < LEFT_SECONDS:
            self.charge()


async def forward(call: Call, upstream: Upstream, identity: bytes, body_limit: int, sender: Sender) -> None:
    """Sends the service's answer to the client. Raises Refusal when there is none. Places count for `sender`."""
    body = Body(call, body_limit)
    connection: Connection | None = None
    place: Group | None = None
    head = b""
    upstream.earn_retry()
    try:
        await body.open(partial(call.client.hold, sender))
        place = upstream.places.take(sender)
        if place is None:
            waiter = call.client.exchange = upstream.places.waiter(sender)
            place = await upstream.places.wait(waiter, WAIT_SECONDS)
            _require_client(call)
        head = _head(call, identity)
        connection = await (_receive if body.more else _exchange)(call, upstream, head, body, sender)
        is_refused = refused_bytes.is_refused(connection.status, connection.headers)
        if is_refused:
            body.charge()
        if is_refused or connection.status in refused.STATUSES:
            call.refusal = refused.read(connection.headers)
        await _return(call, connection)
    except (ClientGone, Gone):
        if connection is None and head:
            body.charge_for_leaving()
        call.status = CLIENT_CLOSED
    except NoPlace as error:
        raise _without_place(call, upstream, error) from error
    except UpstreamError as error:
        call.reason = _count(upstream, error, sender)
        call.client.break_off()
    finally:
        call.client.exchange = None
        if connection is not None:
            upstream.release(connection, asyncio.get_running_loop().time())
        if place is not None:
            upstream.places.leave(place)


def _without_place(call: Call, upstream: Upstream, error: NoPlace) -> Refusal:
    is_share = isinstance(error, Crowded) and upstream.places.taken < upstream.places.total
    reason = "share" if is_share else "full"
    call.reason = f"places_{reason}"
    places_refused.labels(upstream.name, reason).inc()
    if is_share:
        return problems.crowded()
    return problems.unavailable("The service behind this path is busy; try again.")


def _require_client(call: Call) -> None:
    """Raises ClientGone if the client left just when its wait ended."""
    if call.client.running is None or call.client.running.disconnected:
        raise ClientGone("client gone")


async def _receive(call: Call, upstream: Upstream, head: bytes, body: Body, sender: Sender) -> Connection:
    """An exchange whose body is still arriving: it also takes one of the places for such exchanges."""
    place = upstream.receiving.take(sender)
    if place is None:
        raise upstream.receiving.refusal(sender)
    try:
        return await _exchange(call, upstream, head, body, sender)
    finally:
        upstream.receiving.leave(place)


async def _exchange(call: Call, upstream: Upstream, head: bytes, body: Body, sender: Sender) -> Connection:
    """Sends the request and waits for the answer's head. Retries once if that is safe and within the budget."""
    harmless = not body.more and (call.method in IDEMPOTENT or call.incoming.idempotent)
    try:
        try:
            return await _attempt(call, upstream, head, body)
        except UpstreamError as error:
            unanswered = isinstance(error, Unreachable) or error.stale
            if not (harmless and unanswered and upstream.may_retry()):
                raise
            upstream_retries.labels(upstream.name).inc()
            return await _attempt(call, upstream, head, body, fresh=True)
    except ClientGone:
        raise
    except UpstreamError as error:
        call.reason = _count(upstream, error, sender)
        if isinstance(error, Unreachable | Refused):
            raise problems.unavailable("The service behind this path is not available; try again.") from error
        raise problems.too_slow() if isinstance(error, Slow) else problems.bad_gateway() from error


async def _attempt(call: Call, upstream: Upstream, head: bytes, body: Body, *, fresh: bool = False) -> Connection:
    connection = await upstream.acquire(fresh=fresh)
    try:
        call.client.exchange = connection
        connection.start(head + body.first, bodiless=call.method == "HEAD")
        if body.more:
            # If the answer or the end comes while the client still sends, this wakes `receive` with an empty part.
            connection.nudge = call.client.running.message_event.set
        while body.more and not connection.status and connection.error is None:
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
    if connection.complete:
        parts: list[bytes] = []
        while (part := await connection.chunk()) is not None:
            parts.append(part)
        whole = b"".join(parts)
        if not connection.sized and connection.status not in (204, 304) and call.method != "HEAD":
            fields.append((b"content-length", b"%d" % len(whole)))
        await call.client.answer(Answer(connection.status, fields, whole))
    elif call.http_version == "1.0" and not connection.sized:
        await call.client.answer_until_close(Answer(connection.status, fields, b""), connection.chunk)
    else:
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


def _count(upstream: Upstream, error: UpstreamError, sender: Sender) -> str:
    kind = type(error).__name__.lower()
    upstream_failures.labels(upstream.name, kind).inc()
    if isinstance(error, Broken | Slow):
        upstream.breaker.failed(asyncio.get_running_loop().time(), sender.tenant)
    return kind
