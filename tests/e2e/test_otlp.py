"""Processes send spans by OTLP, as any collector expects. The test decodes them with OpenTelemetry's own protobuf definitions."""

import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import httpx2
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.support.running import RunningStack


class Told(NamedTuple):
    """A received span; ids are hexadecimal, and the values of `attributes` are text."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, str]


class Collector:
    """Accepts `POST /v1/traces` as in the OTLP/HTTP specification."""

    def __init__(self) -> None:
        self.spans: list[Told] = []
        collector = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                wanted = (self.path, self.headers["content-type"]) == ("/v1/traces", "application/x-protobuf")
                if wanted:
                    collector.take(ExportTraceServiceRequest.FromString(body))
                self.send_response(200 if wanted else 400)
                self.send_header("content-type", "application/x-protobuf")
                self.end_headers()
                self.wfile.write(ExportTraceServiceResponse().SerializeToString())

            def log_message(self, format: str, *args: object) -> None:
                """Logs nothing; the test checks the received spans."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, request: ExportTraceServiceRequest) -> None:
        for resource in request.resource_spans:
            of = {one.key: one.value.string_value for one in resource.resource.attributes}
            for scope in resource.scope_spans:
                for span in scope.spans:
                    ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
                    attributes = {one.key: str(one.value).strip() for one in span.attributes}
                    self.spans.append(Told(of["service.name"], span.name, *ids, attributes))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


def test_a_request_is_one_trace_at_the_collector_when_the_last_process_has_ended(
    collector: Collector, tmp_path: Path, in_memory: Path | None
) -> None:
    exported = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    settings = json.dumps({"gateway": exported, "auth": exported})
    running = RunningStack(tmp_path / "state", "--only", "auth", data=in_memory, KNOGIN_SETTINGS=settings)
    stack = running.start()
    with stack.client("auth", stack.admin_token) as client:
        answer: httpx2.Response = client.get("/v1/platform/apps?limit=7")
    assert answer.status_code == 200
    assert running.stop() == 0  # a process sends its remaining spans before it ends
    running.delete()
    mine = [span for span in collector.spans if span.trace_id == answer.headers["x-trace-id"]]
    door = next(span for span in mine if span.service == "gateway")
    assert (door.name, door.parent_id) == ("GET /v1/platform", "")
    inside = next(span for span in mine if span.parent_id == door.span_id)
    assert (inside.service, inside.name) == ("auth", "GET /v1/platform/apps")
    said = " ".join(f"{name} {value}" for span in mine for name, value in span.attributes.items())
    assert "limit" not in said
    assert "eyJ" not in said
    assert "gateway.upstream" in said
