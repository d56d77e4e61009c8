"""The web process of a service: its server (uvicorn), and its outermost layer.

The server sends each answer in one write and ends without losing requests in flight or on their way. The layer has trace, access line,
metrics, and the answer to an exception that was not caught.
"""

import asyncio
import gc
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from functools import lru_cache
from types import FrameType
from typing import Any

import uvicorn
from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.process import liveness, metrics, telemetry
from shared.web import heavy, problems

LINGER_SECONDS = 1.0
TICK_SECONDS = 1.0
LEAVING: "set[Callable[[], None]]" = set()
"""Called when this process begins to drain: endpoints that hold answers back must then give them."""


class CalmServer(uvicorn.Server):
    """Wakes once a second, to renew the date of its answers, and at once when it is to end. uvicorn's own server wakes ten times."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._leaving = asyncio.Event()

    async def main_loop(self) -> None:
        # A multiple of ten renews the date.
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_SECONDS):
                    await self._leaving.wait()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._leaving.set()


class Server(CalmServer):
    """Returns after SIGTERM. uvicorn's own server raises the signal again, which would end the process before its spans are written.

    `working` is set while it takes new requests.
    """

    def __init__(self, config: uvicorn.Config, working: threading.Event | None = None) -> None:
        super().__init__(config)
        self.working = working or threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            liveness.watch(asyncio.get_running_loop())
            self.working.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.working.clear()
        for leave in list(LEAVING):
            leave()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        if threading.current_thread() is threading.main_thread():
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


class DrainingProtocol(HttpToolsProtocol):
    """After SIGTERM keeps idle connections for `LINGER_SECONDS`: a request may be on its way, and a POST must not be sent twice.

    Answers in that time have `connection: close`, so that the gateway opens new connections.
    """

    draining = False
    transport: Any

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # pyright: ignore[reportArgumentType]
        self.transport = Joining(transport, self.loop)

    def shutdown(self) -> None:
        self.draining = True
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False
        else:

            def leave() -> None:
                if not self.transport.is_closing() and (self.cycle is None or self.cycle.response_complete):
                    self.transport.close()

            self.loop.call_later(LINGER_SECONDS, leave)

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if self.draining:
            self.cycle.keep_alive = False


class Joining:
    """A transport that holds a write until the end of the loop's turn and sends it together with the next one.

    uvicorn writes the head and the body of an answer separately: two system calls, two packets, two wake-ups of the reader.
    """

    __slots__ = ("_held", "_loop", "_transport")

    def __init__(self, transport: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held = b""

    def write(self, data: bytes) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held + data)
        elif data:
            self._held = data
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Sends the held write if no other followed. Drops it if the connection has closed."""
        held, self._held = self._held, b""
        if held and not self._transport.is_closing():
            self._transport.write(held)

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


YOUNG = 50_000
"""Objects more than were freed, after which the garbage collector looks for cycles. The largest record and the body that it is made from
are 10,000; by default it looks after 2,000, ten times for each such body, and finds nothing, because requests make no cycles."""


def freeze() -> None:
    """Excludes all present objects from garbage collection; a full collection with them would block the loop for 40 ms or more.

    Makes collections of later objects rare. Each one stops all threads of the process.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])


def serve(app: Any, host: str, port: int, fd: int | None, working: threading.Event, **options: Any) -> None:
    """Serves until the process ends. Idle connections live longer here than in the gateway, so that none closes during a request."""
    freeze()
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=options.pop("http", DrainingProtocol),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=20,
        **options,
    )
    # Not through uvicorn's `fd`, which treats it as a UNIX socket without TCP_NODELAY, so that answers wait 40 ms for an ACK.
    server = Server(config, working)
    try:
        server.run(sockets=None if fd is None else [socket.socket(fileno=fd)])
    finally:
        heavy.line.close()
    telemetry.shutdown_tracing()
    if not server.started:
        raise SystemExit("the application did not start")


METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# Cached, because finding the metric for a set of labels costs more than counting, and there are few sets.
count, seconds_of = lru_cache(4096)(metrics.requests.labels), lru_cache(4096)(metrics.request_seconds.labels)
PROBES = frozenset({"/livez", "/readyz", "/metrics"})


class TracingMiddleware:
    """Continues the caller's trace, returns it in `traceresponse` and `x-trace-id`, and writes one log line per request.

    Logs, spans and metrics have the route's template instead of the path, so they contain no ids and query strings.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self.app(scope, receive, send)
            return
        await _Exchange(self.app, scope, receive, send).run()


class _Exchange:
    def __init__(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        self.app, self.scope, self.receive, self.send = app, scope, receive, send
        self.status = 0
        self.began = time.perf_counter()
        given = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"), None)
        parent = telemetry.context_of(given)
        if not trace.get_current_span(parent).get_span_context().is_valid:
            parent = None
        self.span = telemetry.start_span(
            scope["method"], kind=SpanKind.SERVER, parent=parent, attributes={"http.request.method": scope["method"]}
        )
        named = self.span.get_span_context()
        self.context = trace.set_span_in_context(self.span) if named.is_valid else telemetry.new_root()
        self.named = named if named.is_valid else trace.get_current_span(self.context).get_span_context()
        self.trace_id = format(self.named.trace_id, "032x")

    async def run(self) -> None:
        with telemetry.attached(self.context):
            try:
                await self.app(self.scope, self.receive, self._send)
            except Exception as error:
                logging.getLogger("error").exception("unhandled", exc_info=error)
                self.span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                if self.status == 0:
                    request = Request(self.scope, self.receive)
                    response = await problems.render_unexpected(request, error)
                    await response(self.scope, self.receive, self._send)
            finally:
                seconds = time.perf_counter() - self.began
                method = self.scope["method"] if self.scope["method"] in METHODS else "OTHER"
                # The template of the route that answered, else a fixed name: metrics keep every label for ever.
                route = getattr(self.scope.get("route"), "path", None)
                route = route or self.scope.get("state", {}).get("route_template") or "(none)"
                count(route, method, self.status).inc()
                seconds_of(route, method).observe(seconds)
                if self.span.is_recording():
                    self.span.update_name(f"{method} {route}")
                    self.span.set_attributes({"http.route": route, "http.response.status_code": self.status})
                    if self.status >= 500:
                        self.span.set_status(Status(StatusCode.ERROR))
                self.span.end()
                caller = self.scope.get("caller")
                telemetry.log_access(
                    method,
                    route,
                    self.status,
                    seconds,
                    self.trace_id,
                    (caller.tenant_id if caller is not None else telemetry.tenant.get()),
                )

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [
                *message.get("headers", ()),
                (b"traceresponse", telemetry.format_traceparent(self.named).encode()),
                (b"x-trace-id", self.trace_id.encode()),
            ]
        await self.send(message)
