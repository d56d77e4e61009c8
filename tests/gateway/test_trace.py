"""One trace per request. It begins in the gateway, even if the client sends its own."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.process import telemetry
from tests.gateway.conftest import World

OUTSIDE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def spans(tmp_path: Path) -> Iterator[Any]:
    file = tmp_path / "spans"
    provider, tracer = telemetry._provider, telemetry._tracer
    telemetry.configure_tracing("gateway", spans_file=str(file))

    def read() -> list[dict[str, Any]]:
        telemetry.shutdown_tracing()
        return [json.loads(line) for line in file.read_text().splitlines()]

    yield read
    telemetry._provider, telemetry._tracer = provider, tracer


@pytest.mark.parametrize("flags", ["00", "01"])
def test_a_clients_trace_is_linked_and_can_neither_silence_nor_force_ours(flags: str, world: World, spans: Any) -> None:
    gateway = world.start(otel_traces_sampler_arg=1.0)
    with gateway.door() as door:
        token = world.issuer.token()
        reply = door.request(
            "GET",
            "/api/v1/epcr/encounters/enc_1?x=SECRET",
            token=token,
            traceparent=f"00-{OUTSIDE}-b7ad6b7169203331-{flags}",
        )
    seen = world.service.last("/api/v1/epcr/encounters/enc_1")
    ours = reply.get("x-trace-id")
    assert ours != OUTSIDE
    assert seen.get("traceparent") == reply.get("traceresponse")
    assert (seen.get("traceparent") or "").endswith("-01")
    [span] = [span for span in spans() if span["trace_id"] == ours]
    assert span["span_id"] == (seen.get("traceparent") or "").split("-")[2]
    assert (span["name"], span["kind"], span["parent_id"], span["links"]) == (
        "GET /api/v1/epcr",
        "server",
        None,
        [OUTSIDE],
    )
    assert span["attributes"] == {
        "http.request.method": "GET",
        "http.route": "/api/v1/epcr",
        "http.response.status_code": 200,
        "gateway.upstream": "epcr",
    }


def test_the_service_learns_that_a_request_is_not_sampled_and_it_has_a_trace_id(world: World, spans: Any) -> None:
    gateway = world.start(otel_traces_sampler_arg=0.0)
    with gateway.door() as door:
        reply = door.request(
            "GET", "/api/v1/epcr/x", token=world.issuer.token(), traceparent=f"00-{OUTSIDE}-b7ad6b7169203331-01"
        )
    assert (reply.get("traceresponse") or "").endswith("-00")
    assert len(reply.get("x-trace-id") or "") == 32
    assert spans() == []


@pytest.mark.parametrize("malformed", ["", "00", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "x" * 5000, "00-é-1-1"])
def test_a_malformed_traceparent_is_nothing(malformed: str, world: World, spans: Any) -> None:
    gateway = world.start(otel_traces_sampler_arg=1.0)
    with gateway.door() as door:
        assert door.request("GET", "/api/v1/epcr/x", token=world.issuer.token(), traceparent=malformed).status == 200
    assert [span["links"] for span in spans()] == [[]]


def test_a_service_that_fails_marks_the_span(world: World, spans: Any) -> None:
    gateway = world.start(otel_traces_sampler_arg=1.0)
    world.service.answers["/api/v1/epcr/x"] = lambda seen: None
    with gateway.door() as door:
        assert door.request("POST", "/api/v1/epcr/x", token=world.issuer.token(), body=b"").status == 502
    assert [span["status"] for span in spans()] == ["error"]
