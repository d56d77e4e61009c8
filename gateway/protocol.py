"""HTTP/1.1 as strictly as a gateway must read it, on uvicorn's httptools protocol: what two parsers could read differently is refused."""

import asyncio
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from gateway import framing, target
from gateway.problems import Answer, Refusal, malformed
from gateway.watch import Watch

FIELDS = 100
HEAD_LIMIT = 32 * 1024
METHODS = frozenset({b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"})
CLOSE = (b"connection", b"close")
NEVER = float("inf")


class GatewayProtocol(HttpToolsProtocol):
    """Adds limits, deadlines and problem documents. `exchange`, where set, is told when the client leaves."""

    transport: Any
    app: Any
    parser: Any

    def __init__(self, *args: Any, watch: Watch, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.watch = watch
        self.deadline = NEVER
        self.household = ""
        self.stalled = False
        self.refused = False
        self.draining = False
        self.in_head = False
        self.heads = 0
        self.head_bytes = self.held_bytes = 0
        self.framing: list[tuple[bytes, bytes]] = []
        self.running: RequestResponseCycle | None = None
        self.exchange: Any = None

    # Connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # pyright: ignore[reportArgumentType]
        if not self.watch.add(self, self.client[0] if self.client else ""):
            self.transport.abort()
        self.deadline = self.watch.now + self.watch.head_seconds

    def connection_lost(self, exc: Exception | None) -> None:
        self.watch.remove(self)
        super().connection_lost(exc)
        self.pipeline.clear()
        if self.running is not None:  # it is not `cycle`, which uvicorn has told, where others wait behind it
            self.running.disconnected = True
            self.running.message_event.set()
        if self.exchange is not None:
            self.exchange.client_gone()

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
        if self.in_head and self.heads == alone:  # all of it belongs to one head, which the parser still holds back
            self.held_bytes += len(data)
            if self.held_bytes > HEAD_LIMIT:
                self._refuse(_head_too_large())

    def _feed(self, data: bytes) -> None:
        while True:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                # An upgrade is a wish that may be ignored; the request had no body (see on_headers_complete).
                data = data[upgrade.args[0] :]

    def shutdown(self) -> None:
        """Drains: a busy connection ends with its answer; an idle one has a moment to send one more request."""
        self.draining = True
        if self.running is not None:
            self.running.keep_alive = False
        else:
            self.deadline = min(self.deadline, self.watch.now + self.watch.linger_seconds)

    def expired(self) -> None:
        """A deadline passed: of an idle connection, a head, a body, or a client that does not read."""
        waiting = self.in_head or (self.running is not None and self.running.more_body)
        if self.stalled:
            self.transport.abort()
        elif waiting and not self.refused:
            self._refuse(Refusal(408, "Request timeout", "The request did not arrive in time.", close=True))
        else:
            self._close()

    def _close(self) -> None:
        """Closes once all is written; aborts at the next deadline, since a client that does not read would keep it open for ever."""
        if self.transport.is_closing():
            self.transport.abort()
        else:
            self.transport.close()
            self.deadline = self.watch.now + self.watch.body_seconds

    def _settle(self) -> None:
        """Sets the deadline of the state that the connection is in now.

        Only an exchange whose request is whole has none here: how long its service may take is the upstream's to say.
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
        self.deadline = self.watch.now + self.watch.head_seconds

    def on_url(self, url: bytes) -> None:
        self.url += url
        if len(self.url) > target.LIMIT:
            raise Refusal(414, "URI too long", f"The request target may have at most {target.LIMIT} bytes.", close=True)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.in_head:
            return  # a trailer; none is passed on
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
        host, length, expects = framing.read(self.framing, version)
        if parser.should_upgrade() and length != 0:
            raise malformed("A request with a body cannot ask for an upgrade.")
        where = target.parse(self.url, host)
        # Until the parser says that the request is whole, whatever its fields say.
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
        self._start_asgi_task(cycle, self.app)

    def on_body(self, body: bytes) -> None:
        if self.cycle.response_complete:  # what is left of it is thrown away, and buys no time
            return
        super().on_body(body)
        self.deadline += len(body) / self.watch.body_rate

    def on_message_complete(self) -> None:
        self.cycle.more_body = False
        self.cycle.message_event.set()
        self._settle()

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        self.exchange = None
        self.running = None
        if self.transport.is_closing():
            self.deadline = self.watch.now + self.watch.body_seconds
            return
        self.flow.resume_reading()
        if self.refused:
            self._close()
        elif self.pipeline:
            cycle, _ = self.pipeline.pop()
            cycle.keep_alive = cycle.keep_alive and not self.draining
            self._run(cycle)
            self._settle()
        elif not self.in_head and not self.cycle.more_body:  # else their own deadline goes on
            self._settle()

    # Answers

    async def answer(self, answer: Answer) -> None:
        """Answers the running request with what is all at hand: one write, where ASGI needs two."""
        if self.flow.write_paused:
            await self.flow.drain()
        cycle = self.running
        if cycle is None or cycle.disconnected:
            return
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        self._write(answer if cycle.keep_alive else answer._replace(headers=[*answer.headers, CLOSE]))
        if not cycle.keep_alive:
            self._close()
        self.on_response_complete()

    def conclude(self, answer: Answer) -> None:
        """Answers the running request and ends the connection.

        For a moment it still takes in what the client is sending: a reset would overtake the answer.
        """
        self.refused = True
        self.in_head = False
        self.exchange = None
        self.pipeline.clear()
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
        """Answers what could not be read. What is being answered already is finished first, and its answer is then the last."""
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


def _head_too_large() -> Refusal:
    return Refusal(
        431,
        "Request header fields too large",
        f"At most {FIELDS} fields of {HEAD_LIMIT} bytes together are read.",
        close=True,
    )
