"""Exports the spans of a process to a file, to a collector, to both or to none."""

import logging
import os
import threading
from collections.abc import Iterator, Sequence
from queue import SimpleQueue
from typing import Any

import msgspec
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import INVALID_SPAN_CONTEXT

GATHERING_SECONDS = 0.2
log = logging.getLogger(__name__)


def provider(service: str, spans_file: str, otlp_endpoint: str, sampler_arg: float) -> TracerProvider:
    """Exports in its own threads, so it must be made after any fork. `sampler_arg` is the sampled share of traces that begin here."""
    made = TracerProvider(
        resource=Resource.create({"service.name": service}),
        sampler=ParentBased(TraceIdRatioBased(sampler_arg)),
        shutdown_on_exit=False,
    )
    if spans_file:
        made.add_span_processor(FileProcessor(FileExporter(spans_file, service)))
    if otlp_endpoint:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        exporter = OTLPSpanExporter(endpoint=otlp_endpoint.rstrip("/") + "/v1/traces")
        made.add_span_processor(BatchSpanProcessor(exporter))
    return made


class FileProcessor(SpanProcessor):
    """Exports ended spans `GATHERING_SECONDS` after the first of them. Without spans its thread sleeps; OpenTelemetry's batch
    processor would wake five times a second in each process.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._ended: SimpleQueue[ReadableSpan | None] = SimpleQueue()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="spans", daemon=True)
        self._thread.start()

    def on_end(self, span: ReadableSpan) -> None:
        self._ended.put(span)

    def shutdown(self) -> None:
        """Returns when the last span is written."""
        self._closing.set()
        self._ended.put(None)
        self._thread.join()
        self._exporter.shutdown()

    def _run(self) -> None:
        while (first := self._ended.get()) is not None:
            self._closing.wait(GATHERING_SECONDS)
            spans = [first, *self._waiting()]
            try:
                self._exporter.export(spans)
            except OSError as error:
                log.warning("%d spans not written: %s", len(spans), type(error).__name__)

    def _waiting(self) -> Iterator[ReadableSpan]:
        for _ in range(self._ended.qsize()):
            span = self._ended.get()
            if span is None:
                self._ended.put(None)
                return
            yield span


class FileExporter(SpanExporter):
    """Appends spans to a file as JSON lines. Many processes may share the file, because each batch is one O_APPEND write."""

    def __init__(self, path: str, service: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._service = service

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        lines = b""
        for span in spans:
            context = span.get_span_context() or INVALID_SPAN_CONTEXT
            line: dict[str, Any] = {
                "trace_id": format(context.trace_id, "032x"),
                "span_id": format(context.span_id, "016x"),
                "parent_id": format(span.parent.span_id, "016x") if span.parent else None,
                "name": span.name,
                "service": self._service,
                "kind": span.kind.name.lower(),
                "start_ns": span.start_time,
                "end_ns": span.end_time,
                "status": span.status.status_code.name.lower(),
                "attributes": dict(span.attributes or {}),
                "links": [format(link.context.trace_id, "032x") for link in span.links],
            }
            lines += msgspec.json.encode(line, enc_hook=str) + b"\n"
        os.write(self._file, lines)
        return SpanExportResult.SUCCESS
