"""Strict HTTP/1.1 on uvicorn's httptools protocol: refuses every request that two parsers could read differently."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from gateway import framing, target
from gateway.problems import Answer, Refusal, malformed
from gateway.upstream import ANONYMOUS
from gateway.watch import Watch
from shared.fairness.places import Group

FIELDS = 100
HEAD_LIMIT = 32 * 1024
UNREAD = 4 * 1024
"""Bytes of a body that wait for the exchange; then the connection is not read on."""
FREE_HEAD = 8 * 1024
"""Bytes of a head that need no place among the unfinished ones."""
METHODS = frozenset({b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"})
CLOSE = (b"connection", b"close")
NEVER = float("inf")


class GatewayProtocol(HttpToolsProtocol):
    """Adds limits, deadlines and problem documents. `exchange`, if set, is notified when the client leaves."""

    transport: Any
    app: Any
    parser: Any

    def __init__(self, *args: Any, watch: Watch, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.watch = watch
        self.deadline = NEVER
        self.network = ""
        self.stalled = False
        self.refused = False
        self.draining = False
        self.in_head = False
        self.heads = 0
        self.head_bytes = self.held_bytes = 0
        self.holds: list[Group] = []
        self.holds_of_pipeline: list[Group] = []
        self.head_is_held = False
        self.framing: list[tuple[bytes, bytes]] = []
        self.running: RequestResponseCycle | None = None
        self.serving = 0
        self.is_lost = False
        self.exchange: Any = None

    # Connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # pyright: ignore[reportArgumentType]
        if not self.watch.add(self, self.client[0] if self.client else ""):
            self.transport.abort()
        self.deadline = self.watch.now + self.watch.head_seconds

    def connection_lost(self, exc: Exception | None) -> None:
        self.watch.remove(self)
        self._let_go()
        super().connection_lost(exc)
        self.pipeline.clear()
        if self.running is not None:  # uvicorn notified only `cycle`, the last of the pipelined requests
            self.running.disconnected = True
            self.running.message_event.set()
        if self.exchange is not None:
            self.exchange.client_gone()
        self.is_lost = True
        self._forget()

    def request_ended(self) -> None:
        """Called after each request that was passed to the application."""
        self.serving -= 1
        self._forget()

    def _forget(self) -> None:
        """Frees a closed connection with its last request. They refer to each other, and a garbage collection would stop the loop."""
        if self.is_lost and not self.serving:
            self.cycle: Any = None
            self.running = None

    def data_received(self, data: bytes) -> None:
        if self.refused:
            return
        between = not self.in_head and (self.cycle is None or not self.cycle.more_body)
        alone = self.heads + 1 if between else self.heads
        try:
            self._feed(data)
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._refuse(cause if isinstance(cause, Refusal) else malformed("The request is not well-formed HTTP/1.1."))
            return
        if self.in_head and self.heads == alone:  # all of `data` belongs to one head that the parser still buffers
            self.held_bytes += len(data)
            if self.held_bytes > HEAD_LIMIT:
                self._refuse(_head_too_large())
            elif not self._may_hold_head(self.held_bytes):
                self._refuse(_no_memory())

    def hold(self, party: tuple[str, str]) -> bool:
        """Whether `party` (organisation and client) may hold one more large part, until the requests of this connection are answered."""
        place = self.watch.unfinished.take(party)
        if place is None:
            return False
        self.holds.append(place)
        return True

    def _let_go(self) -> None:
        for place in (*self.holds, *self.holds_of_pipeline):
            self.watch.unfinished.leave(place)
        self.holds.clear()
        self.holds_of_pipeline.clear()

    def _may_hold_head(self, size: int) -> bool:
        if size > FREE_HEAD and not self.head_is_held:
            self.head_is_held = self.hold((ANONYMOUS, self.network))
            return self.head_is_held
        return True

    def _feed(self, data: bytes) -> None:
        while True:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                # The gateway may ignore an upgrade; the request had no body (see on_headers_complete).
                data = data[upgrade.args[0] :]

    def shutdown(self) -> None:
        """Drains: a busy connection ends after its answer; an idle one may still send a request for `linger_seconds`."""
        self.draining = True
        if self.running is not None:
            self.running.keep_alive = False
        else:
            self.deadline = min(self.deadline, self.watch.now + self.watch.linger_seconds)

    def expired(self) -> None:
        """Called at a deadline: of an idle connection, a head, a body, or a client that does not read."""
        waiting = self.in_head or (self.running is not None and self.running.more_body)
        if self.stalled:
            self.transport.abort()
        elif waiting and not self.refused:
            self._refuse(Refusal(408, "Request timeout", "The request did not arrive in time.", close=True))
        else:
            self._close()

    def _close(self) -> None:
        """Closes after the last write; aborts at the next deadline, because a client that does not read would keep it open."""
        if self.transport.is_closing():
            self.transport.abort()
        else:
            self.transport.close()
            self.deadline = self.watch.now + self.watch.body_seconds

    def _settle(self) -> None:
        """Sets the deadline for the connection's present state.

        Only an exchange with a complete request has no deadline here: the upstream's time limit applies to it.
        """
        receiving = self.cycle is not None and self.cycle.more_body
        if self.stalled or (receiving and not self.pipeline and not self.in_head):
            self.deadline = self.watch.now + self.watch.body_seconds
        elif self.in_head:
            self.deadline = self.watch.now + self.watch.head_seconds
        elif self.running is not None:
            self.deadline = NEVER
        else:
            self.deadline = self.watch.now + (self.watch.linger_seconds if self.draining else self.watch.idle_seconds)

    def pause_writing(self) -> None:
        super().pause_writing()
        self.stalled = True
        self._settle()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.stalled = False
        if not self.refused and not self.transport.is_closing():
            self._settle()

    # Parser callbacks

    def on_message_begin(self) -> None:
        self.url = b""
        self.headers = []
        self.framing = []
        self.in_head = True
        self.heads += 1
        self.head_bytes = self.held_bytes = 0
        self.head_is_held = False
        self.deadline = self.watch.now + self.watch.head_seconds

    def on_url(self, url: bytes) -> None:
        self.url += url
        if len(self.url) > target.LIMIT:
            raise Refusal(414, "URI too long", f"The request target may have at most {target.LIMIT} bytes.", close=True)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.in_head:
            return  # a trailer; trailers are not passed on
        name = name.lower()
        if name in framing.FIELDS:
            self.framing.append((name, value))
        self.headers.append((name, value))
        self.head_bytes += len(name) + len(value) + 4
        if self.head_bytes > HEAD_LIMIT or len(self.headers) > FIELDS:
            raise _head_too_large()

    def on_headers_complete(self) -> None:
        self.in_head = False
        parser = self.parser
        version = parser.get_http_version()
        method = parser.get_method()
        if version not in ("1.1", "1.0"):
            raise Refusal(505, "HTTP version not supported", "HTTP/1.1 is spoken here.", close=True)
        if method not in METHODS:
            allow = b", ".join(sorted(METHODS))
            raise Refusal(
                405, "Method not allowed", "This method is not used here.", headers=[(b"allow", allow)], close=True
            )
        if not self._may_hold_head(self.head_bytes):
            raise _no_memory()
        if self.running is not None:
            place = self.watch.unfinished.take((ANONYMOUS, self.network))
            if place is None:
                raise _no_memory()
            self.holds_of_pipeline.append(place)
        host, length, expects = framing.read(self.framing, version)
        if parser.should_upgrade() and length != 0:
            raise malformed("A request with a body cannot ask for an upgrade.")
        where = target.parse(self.url, host)
        # Holds until the parser reports the end of the request, not until its announced length has come.
        self.deadline = self.watch.now + self.watch.body_seconds
        scope: Any = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "method": method.decode(),
            "root_path": "",
            "path": where.path,
            "raw_path": where.raw_path,
            "query_string": where.query,
            "headers": self.headers,
            "state": self.app_state,
            "extensions": {},
            "gateway.host": target.host_name(host),
            "gateway.target": where.raw,
            "gateway.length": length,
            "gateway.connection": self,
        }
        self._begin(scope, expects, keep_alive=version != "1.0" and not self.draining and parser.should_keep_alive())

    def _begin(self, scope: Any, expects: bool, *, keep_alive: bool) -> None:
        self.cycle = RequestResponseCycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=expects,
            keep_alive=keep_alive,
            on_response=self.on_response_complete,
        )
        if self.running is None:
            self._run(self.cycle)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))
            self._settle()

    def _run(self, cycle: RequestResponseCycle) -> None:
        self.running = cycle
        self.serving += 1
        self._start_asgi_task(cycle, self.app)

    def on_body(self, body: bytes) -> None:
        cycle = self.cycle
        if cycle.response_complete:  # the rest of the body is dropped and does not extend the deadline
            return
        cycle.body += body
        if len(cycle.body) > UNREAD:
            self.flow.pause_reading()
        cycle.message_event.set()
        self.deadline += len(body) / self.watch.body_rate

    def on_message_complete(self) -> None:
        self.cycle.more_body = False
        self.cycle.message_event.set()
        if not self.pipeline:
            self.flow.resume_reading()  # a long last part paused it, and the end of the connection would not be noticed
        self._settle()

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        self.exchange = None
        self.running = None
        if not self.pipeline and not self.in_head:
            self._let_go()
        if self.transport.is_closing():
            self.deadline = self.watch.now + self.watch.body_seconds
            return
        if len(self.pipeline) <= 1:  # else further requests wait already
            self.flow.resume_reading()
        if self.refused:
            self._close()
        elif self.pipeline:
            cycle, _ = self.pipeline.pop()
            self.watch.unfinished.leave(self.holds_of_pipeline.pop())
            cycle.keep_alive = cycle.keep_alive and not self.draining
            self._run(cycle)
            self._settle()
        elif not self.in_head and not self.cycle.more_body:  # else the deadline of the head or the body stays
            self._settle()

    # Answers

    async def answer(self, answer: Answer) -> None:
        """Sends a complete answer to the running request in one write, where ASGI needs two."""
        if self.flow.write_paused:
            await self.flow.drain()
        cycle = self.running
        if cycle is None or cycle.disconnected:
            return
        if cycle.more_body and not cycle.keep_alive:
            self.conclude(answer._replace(headers=[*answer.headers, CLOSE]))
            return
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        self._write(answer if cycle.keep_alive else answer._replace(headers=[*answer.headers, CLOSE]))
        if not cycle.keep_alive:
            self._close()
        self.on_response_complete()

    async def answer_until_close(self, answer: Answer, chunk: Callable[[], Awaitable[bytes | None]]) -> None:
        """Sends an answer without a length part by part, and closes: HTTP/1.0 has no chunked coding (RFC 9112 §6.3).

        `chunk` gives the next part, and None after the last one.
        """
        cycle = self.running
        if cycle is None or cycle.disconnected:
            return
        cycle.response_started = True
        self._write(answer._replace(headers=[*answer.headers, CLOSE]))
        while (part := await chunk()) is not None:
            self.transport.write(part)
            if self.flow.write_paused:
                await self.flow.drain()
        if cycle.disconnected:
            return
        cycle.response_complete = True
        cycle.message_event.set()
        self._close()
        self.on_response_complete()

    def break_off(self) -> None:
        """Ends the connection in the middle of an answer by a reset: an answer without a length would look complete after a close."""
        linger = struct.pack("ii", 1, 0)
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.transport.abort()

    def conclude(self, answer: Answer) -> None:
        """Answers the running request and ends the connection.

        It reads and drops the client's bytes for `linger_seconds`: closing at once could send a reset that destroys the answer.
        """
        self.refused = True
        self.in_head = False
        self.exchange = None
        self.pipeline.clear()
        self._let_go()
        if self.running is not None:
            self.running.response_started = self.running.response_complete = True
            self.running.message_event.set()
            self.running = None
        self._write(answer)
        self.flow.resume_reading()
        self.deadline = self.watch.now + self.watch.linger_seconds

    def _write(self, answer: Answer) -> None:
        parts = [STATUS_LINE[answer.status]]
        for name, value in (*self.server_state.default_headers, *answer.headers):
            parts += (name, b": ", value, b"\r\n")
        parts += (b"\r\n", answer.body)
        self.transport.write(b"".join(parts))

    def _refuse(self, refusal: Refusal) -> None:
        """Refuses a request that could not be parsed. Finishes the response in progress first, then closes the connection."""
        if self.running is not None and (self.running is not self.cycle or not self.running.more_body):
            self.refused = True
            self.running.keep_alive = False
            self.pipeline.clear()
            self.flow.pause_reading()
        elif self.running is not None and self.running.response_started:
            self.transport.abort()
        else:
            gone, self.exchange = self.exchange, None
            self.conclude(self.watch.refuse(refusal))
            if gone is not None:
                gone.client_gone()


def _no_memory() -> Refusal:
    return Refusal(
        503,
        "Service unavailable",
        "Too many unfinished requests are held; try again.",
        headers=[(b"retry-after", b"1")],
        close=True,
    )


def _head_too_large() -> Refusal:
    return Refusal(
        431,
        "Request header fields too large",
        f"At most {FIELDS} fields of {HEAD_LIMIT} bytes together are read.",
        close=True,
    )
