"""One trace from the partner's call to the last worker: W3C trace context over HTTP, outbox rows and Celery headers."""

import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import (
    INVALID_SPAN_CONTEXT,
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_VERSION_00 = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_propagator = TraceContextTextMapPropagator()
_tracer = trace.NoOpTracer()
_provider: "TracerProvider | None" = None


def configure(service: str, *, spans_file: str = "", otlp_endpoint: str = "", sampler_arg: float = 1.0) -> None:
    """Starts exporting this process's spans. Call it after any fork: the exporter is a thread."""
    from shared.process import spans

    global _tracer, _provider
    _provider = spans.provider(service, spans_file, otlp_endpoint, sampler_arg)
    _tracer = _provider.get_tracer("knogin")


def shutdown() -> None:
    """Sends the spans that still wait; call it before the process ends."""
    if _provider is not None:
        _provider.shutdown()


@contextmanager
def span(
    name: str,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    parent: str | None = None,
    links: Sequence[str] = (),
    start_ns: int | None = None,
    **attributes: Any,
) -> Iterator[Span]:
    """A span around a block; `parent` and `links` are traceparents. Attributes never hold a query string, body, token or SQL parameter."""
    context = context_of(parent) if parent else None
    with _tracer.start_as_current_span(
        name,
        context,
        kind,
        attributes,
        [Link(trace.get_current_span(context_of(link)).get_span_context()) for link in links],
        start_ns,
        record_exception=False,
        set_status_on_exception=False,
    ) as current:
        try:
            yield current
        except BaseException as error:
            # Only the type: exceptions' texts quote values.
            current.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise


def start(name: str, *, kind: SpanKind, parent: Context | None, attributes: dict[str, Any]) -> Span:
    """A span that the caller must end; it is not the current span. For a parent that is not sampled it is a placeholder with its ids."""
    above = trace.get_current_span(parent).get_span_context() if parent is not None else INVALID_SPAN_CONTEXT
    if above.is_valid and not above.trace_flags.sampled:
        return NonRecordingSpan(above)
    return _tracer.start_span(name, parent, kind, attributes)


def record(name: str, parent: str | None, start_ns: int, end_ns: int, **attributes: Any) -> None:
    """A span for an interval that has ended already, such as a message's wait in a queue."""
    finished = _tracer.start_span(name, context_of(parent), attributes=attributes, start_time=start_ns)
    finished.end(max(start_ns, end_ns))


def context_of(traceparent: str | None) -> Context:
    """The context that a traceparent (W3C Trace Context §3.2) names; an empty one for None or a malformed text."""
    if not traceparent:
        return Context()
    found = _VERSION_00.fullmatch(traceparent)
    if found is None:  # it may have a later version
        return _propagator.extract({"traceparent": traceparent}, Context())
    named = SpanContext(int(found[1], 16), int(found[2], 16), is_remote=True, trace_flags=TraceFlags(int(found[3], 16)))
    return trace.set_span_in_context(NonRecordingSpan(named), Context()) if named.is_valid else Context()


def traceparent() -> str | None:
    """The current span as W3C `traceparent`, or None outside any trace."""
    context = trace.get_current_span().get_span_context()
    return format_traceparent(context) if context.is_valid else None


def trace_id() -> str:
    """The current trace id, 32 hexadecimal digits, or "" outside any trace."""
    context = trace.get_current_span().get_span_context()
    return format(context.trace_id, "032x") if context.is_valid else ""


def format_traceparent(context: SpanContext) -> str:
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def new_root() -> Context:
    """A context for a request without a trace: a new trace id, not sampled, so that the request can still be found in the logs."""
    fresh = SpanContext(
        secrets.randbits(128) or 1, secrets.randbits(64) or 1, is_remote=False, trace_flags=TraceFlags(0)
    )
    return trace.set_span_in_context(NonRecordingSpan(fresh), Context())


@contextmanager
def attached(context: Context) -> Iterator[None]:
    token = otel_context.attach(context)
    try:
        yield
    finally:
        otel_context.detach(token)


@contextmanager
def unsampled() -> Iterator[None]:
    """For polling and other work outside any caller's trace: the block makes no spans."""
    with attached(new_root()):
        yield
