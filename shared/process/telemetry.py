"""Traces and logs of a process.

One trace leads from the partner's call to the last worker: W3C trace context over HTTP, outbox rows and Celery headers. Logs are JSON
lines on standard output, each with service, trace id and tenant. Exceptions appear as type and place, never with their text.
"""

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
import contextlib
import logging
import sys
import time
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

_VERSION_00 = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_propagator = TraceContextTextMapPropagator()
_tracer = trace.NoOpTracer()
_provider: "TracerProvider | None" = None


def configure_tracing(service: str, *, spans_file: str = "", otlp_endpoint: str = "", sampler_arg: float = 1.0) -> None:
    """Starts exporting this process's spans. Call it after any fork: the exporter is a thread."""
    from shared.process import spans

    global _tracer, _provider
    _provider = spans.provider(service, spans_file, otlp_endpoint, sampler_arg)
    _tracer = _provider.get_tracer("knogin")


def shutdown_tracing() -> None:
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


def start_span(name: str, *, kind: SpanKind, parent: Context | None, attributes: dict[str, Any]) -> Span:
    """A span that the caller must end; it is not the current span. For a parent that is not sampled it is a placeholder with its ids."""
    above = trace.get_current_span(parent).get_span_context() if parent is not None else INVALID_SPAN_CONTEXT
    if above.is_valid and not above.trace_flags.sampled:
        return NonRecordingSpan(above)
    return _tracer.start_span(name, parent, kind, attributes)


def record_span(name: str, parent: str | None, start_ns: int, end_ns: int, **attributes: Any) -> None:
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


tenant: ContextVar[str | None] = ContextVar("tenant", default=None)
# Data that logging collects for each record unless these are set (Python's logging HOWTO, Optimization).
_UNUSED = {"_srcfile": None} | dict.fromkeys(
    ("logThreads", "logProcesses", "logMultiprocessing", "logAsyncioTasks"), False
)
# The service whose access lines are written; empty if the log level is above INFO.
_accessed = ""
_encode = msgspec.json.Encoder().encode
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}


class JsonFormatter(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self.service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": moment(record.created),
            "level": record.levelname.lower(),
            "service": self.service,
            "logger": record.name,
            "message": "task failed" if _quotes_values(record) else record.getMessage(),
            "trace_id": trace_id() or None,
            "tenant_id": tenant.get(),
        }
        if not _quotes_values(record):
            line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = describe(record.exc_info[1])
        return msgspec.json.encode(line, enc_hook=str).decode()


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def moment(seconds: float) -> str:
    """Seconds since 1970 as RFC 3339 with milliseconds. The text of the second is cached, because many lines share it."""
    second, milliseconds = divmod(int(seconds * 1000), 1000)
    return f"{_second(second)}.{milliseconds:03d}Z"


def _quotes_values(record: logging.LogRecord) -> bool:
    """Whether Celery wrote a failed task's arguments and its exception's text into the record."""
    return record.name == "celery.app.trace" and record.levelno >= logging.WARNING


def describe(error: BaseException | None) -> str:
    """An exception's type and the place where it was raised, without its text, because database drivers quote values in it."""
    if error is None:
        return ""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno} {frames[-1].name}" if frames else ""
    road = " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames[-6:-1]))
    return f"{type(error).__name__}{place}" + (f" < {road}" if road else "")


def log_access(method: str, route: str, status: int, seconds: float, trace_id: str, tenant_id: str | None) -> None:
    """Writes the log line of one request, in the same form as all others. `logging` itself would take a sixth of a short request's time."""
    if _accessed:
        line = {
            "at": moment(time.time()),
            "level": "info",
            "service": _accessed,
            "logger": "access",
            "message": f"{method} {route} {status}",
            "trace_id": trace_id,
            "tenant_id": tenant_id,
            "status": status,
            "ms": round(seconds * 1000, 1),
        }
        # With a full disk or a closed pipe the line is lost, but the request succeeds, as in `logging`.
        with contextlib.suppress(OSError):
            sys.stdout.write(_encode(line).decode() + "\n")
            sys.stdout.flush()


def configure_logs(service: str, level: str = "INFO") -> None:
    global _accessed
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    _accessed = service if root.isEnabledFor(logging.INFO) else ""
    # No line contains this data, and finding the caller's frame and thread costs more than writing the line.
    for name, value in _UNUSED.items():
        setattr(logging, name, value)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "celery", "kombu"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    # `access` writes the line of each request, with the trace id and without the query string.
    logging.getLogger("uvicorn.access").disabled = True
    for name in ("httpx2", "httpcore2", "psycopg.pool", "celery.app.trace", "celery.worker.strategy", "authlib"):
        logging.getLogger(name).setLevel("WARNING")
