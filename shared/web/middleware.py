"""The outermost layer of a service: trace, access line, metrics, and the answer to an exception that was not caught."""

import logging
import time
from functools import lru_cache

from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.process import logs, metrics, tracing
from shared.web import problems

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
        parent = tracing.context_of(_header(scope, b"traceparent"))
        if not trace.get_current_span(parent).get_span_context().is_valid:
            parent = None
        self.span = tracing.start(
            scope["method"], kind=SpanKind.SERVER, parent=parent, attributes={"http.request.method": scope["method"]}
        )
        named = self.span.get_span_context()
        self.context = trace.set_span_in_context(self.span) if named.is_valid else tracing.new_root()
        self.named = named if named.is_valid else trace.get_current_span(self.context).get_span_context()
        self.trace_id = format(self.named.trace_id, "032x")

    async def run(self) -> None:
        with tracing.attached(self.context):
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
                route = _route(self.scope)
                count(route, method, self.status).inc()
                seconds_of(route, method).observe(seconds)
                if self.span.is_recording():
                    self.span.update_name(f"{method} {route}")
                    self.span.set_attributes({"http.route": route, "http.response.status_code": self.status})
                    if self.status >= 500:
                        self.span.set_status(Status(StatusCode.ERROR))
                self.span.end()
                caller = self.scope.get("caller")
                logs.access(
                    method,
                    route,
                    self.status,
                    seconds,
                    self.trace_id,
                    (caller.tenant_id if caller is not None else logs.tenant.get()),
                )

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [
                *message.get("headers", ()),
                (b"traceresponse", tracing.format_traceparent(self.named).encode()),
                (b"x-trace-id", self.trace_id.encode()),
            ]
        await self.send(message)


def _route(scope: Scope) -> str:
    """The template of the route that answered, else a fixed name: metrics keep every label for ever, so the number must be bounded."""
    route = scope.get("route")
    return getattr(route, "path", None) or scope.get("state", {}).get("route_template") or "(none)"


def _header(scope: Scope, name: bytes) -> str | None:
    for key, value in scope["headers"]:
        if key == name:
            return value.decode("latin-1")
    return None
