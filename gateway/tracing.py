"""The gateway's own trace: ids for every request, a span only if the trace is sampled."""

import random
import secrets
import time

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, get_current_span

from gateway.headers import Headers
from shared.process import telemetry

MAX_LINK = 55


class Trace:
    """One request's trace. The gateway always starts it and decides alone whether to sample it; a client's `traceparent` is only a link."""

    __slots__ = ("began", "span", "span_id", "trace_id")

    def __init__(self, share: float) -> None:
        self.began = time.perf_counter()
        self.span: Span | None = None
        if share >= 1 or random.random() < share:  # noqa: S311 a sampling decision
            self.span = telemetry.start_span("request", kind=SpanKind.SERVER, parent=Context(), attributes={})
            context = self.span.get_span_context()
            if context.is_valid:
                self.trace_id, self.span_id = f"{context.trace_id:032x}", f"{context.span_id:016x}"
            else:  # this process exports nothing
                self.trace_id, self.span_id = secrets.token_hex(16), secrets.token_hex(8)
        else:
            ids = secrets.token_hex(24)
            self.trace_id, self.span_id = ids[:32], ids[32:]

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{'00' if self.span is None else '01'}"

    def answer_headers(self) -> Headers:
        return [(b"traceresponse", self.traceparent.encode()), (b"x-trace-id", self.trace_id.encode())]

    def finish(self, name: str, status: int, outside: bytes, **attributes: str | int) -> None:
        """Ends the span and links it to `outside`, the client's own `traceparent`."""
        span = self.span
        if span is None:
            return
        span.update_name(name)
        span.set_attributes({**attributes, "http.response.status_code": status})
        if 0 < len(outside) <= MAX_LINK:
            context = get_current_span(telemetry.context_of(outside.decode("latin-1"))).get_span_context()
            if context.is_valid:
                span.add_link(context, {"kind": "client"})
        if status >= 500:
            span.set_status(Status(StatusCode.ERROR))
        span.end()
