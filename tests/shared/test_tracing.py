"""One trace from the caller to the last worker connects HTTP, outbox, queue and consumer, without personal data."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from deploy.local.databases import Database
from shared.messaging import outbox
from shared.process import telemetry
from shared.process.spans import FileExporter
from shared.process.spans import provider as spans_of_process
from shared.storage import database
from shared.web import http, problems
from shared.web.identity import Caller
from shared.web.routing import resource
from shared.web.serving import TracingMiddleware
from tests.shared.asking import Answer, ask
from tests.shared.support import acknowledging, consuming, link, relay_of, running, unacknowledged
from tests.support.waiting import wait_for

TRACE = "0af7651916cd43dd8448eb211c80319c"
SAMPLED = f"00-{TRACE}-b7ad6b7169203331-01"
UNSAMPLED = f"00-{TRACE}-b7ad6b7169203331-00"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    kept = InMemorySpanExporter()
    provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(1.0)), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(telemetry, "_tracer", provider.get_tracer("test"))
    yield kept
    provider.shutdown()


class Silent:
    def ring(self) -> None:
        """The relay of these tests polls, so there is nothing to ring."""


async def create(request: Request) -> Response:
    async with database.tenant_transaction(request, Caller(tenant_id="org_1")) as conn:
        await outbox.add(conn, "org_1", link("enc_personal"))
    return http.json({}, 201)


async def fail(request: Request) -> Response:
    raise RuntimeError("Mario Rossi")


app = Starlette(
    routes=[resource("/things/{id}", POST=create, GET=fail)],
    middleware=[Middleware(TracingMiddleware)],
    exception_handlers=problems.exception_handlers,
)


def posted(producer: Database, traceparent: str | None) -> Answer:
    async def whole() -> Answer:
        async with database.open_pool(producer.app) as pool:
            headers = {} if traceparent is None else {"traceparent": traceparent}
            state = {"pool": pool, "bell": Silent()}
            return await ask(app, "POST", "/things/42", headers=headers, query=b"name=Rossi", state=state)

    return asyncio.run(whole())


def delivered(producer: Database, consumer: Database, redis_url: str) -> None:
    with (
        consuming("device_ingest", consumer, redis_url),
        acknowledging(producer, redis_url),
        running(relay_of(producer, redis_url, outbox_resend_seconds=3600)),  # no second copy on a busy machine
    ):
        wait_for(lambda: unacknowledged(producer) == 0)


def named(spans: InMemorySpanExporter, name: str) -> ReadableSpan:
    [found] = [span for span in spans.get_finished_spans() if span.name == name]
    return found


def parent_of(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


def id_of(span: ReadableSpan) -> int:
    context = span.get_span_context()
    assert context
    return context.span_id


def test_a_call_its_message_and_its_effect_are_one_trace(
    producer: Database, consumer: Database, redis_url: str, spans: InMemorySpanExporter
) -> None:
    answer = posted(producer, SAMPLED)
    delivered(producer, consumer, redis_url)
    assert answer.headers["x-trace-id"] == TRACE
    server = named(spans, "POST /things/{id}")
    assert parent_of(server) == 0xB7AD6B7169203331
    assert answer.headers["traceresponse"] == f"00-{TRACE}-{id_of(server):016x}-01"
    for name in ("outbox wait", "queue wait", "consume"):
        assert parent_of(named(spans, name)) == id_of(server)
    assert {span.context.trace_id for span in spans.get_finished_spans() if span.context} == {int(TRACE, 16)}


def test_a_span_holds_neither_query_nor_id_nor_what_was_said(
    producer: Database, consumer: Database, redis_url: str, spans: InMemorySpanExporter
) -> None:
    posted(producer, SAMPLED)
    delivered(producer, consumer, redis_url)
    text = " ".join(f"{span.name} {dict(span.attributes or {})}" for span in spans.get_finished_spans())
    for secret in ("Rossi", "/things/42", "enc_personal", "org_1"):
        assert secret not in text


def test_what_was_not_sampled_stays_so_to_the_end_and_keeps_its_id(
    producer: Database, consumer: Database, redis_url: str, spans: InMemorySpanExporter
) -> None:
    answer = posted(producer, UNSAMPLED)
    delivered(producer, consumer, redis_url)
    assert answer.headers["x-trace-id"] == TRACE
    assert spans.get_finished_spans() == ()


@pytest.mark.parametrize("traceparent", [None, "", "nonsense", f"00-{'0' * 32}-b7ad6b7169203331-01", "00-é-b-01"])
@pytest.mark.usefixtures("spans")
def test_a_call_without_a_usable_trace_begins_one(traceparent: str | None) -> None:
    headers = {} if traceparent is None else {"traceparent": traceparent}
    answer = asyncio.run(ask(app, path="/nowhere", headers=headers))
    assert int(answer.headers["x-trace-id"], 16) not in (0, int(TRACE, 16))
    assert answer.headers["traceresponse"].split("-")[1] == answer.headers["x-trace-id"]


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nowhere", 404), ("GET", "/things/1", 500), ("PUT", "/things/1", 405)]
)
def test_every_answer_names_its_trace_traced_or_not(method: str, path: str, status: int) -> None:
    answer = asyncio.run(ask(app, method, path))
    assert answer.status == status
    assert answer.headers["traceresponse"].split("-")[1] == answer.headers["x-trace-id"] == answer.json()["trace_id"]


def test_a_failed_call_marks_its_span_with_the_kind_of_error_alone(spans: InMemorySpanExporter) -> None:
    asyncio.run(ask(app, path="/things/1"))
    span = named(spans, "GET /things/{id}")
    assert span.status.description in (None, "RuntimeError")
    assert not span.status.is_ok
    assert span.events == ()


def test_an_error_inside_a_span_is_recorded_by_its_type(spans: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="Rossi"), telemetry.span("work", answer=42):
        raise ValueError("Mario Rossi")
    span = named(spans, "work")
    assert (span.status.description, span.events, dict(span.attributes or {})) == ("ValueError", (), {"answer": 42})


def test_work_that_belongs_to_no_trace_makes_no_spans(spans: InMemorySpanExporter) -> None:
    with telemetry.unsampled(), telemetry.span("poll"):
        assert telemetry.trace_id()
    assert spans.get_finished_spans() == ()


def test_spans_are_written_as_lines_of_json(tmp_path: Path) -> None:
    file = tmp_path / "spans.jsonl"
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(FileExporter(str(file), "epcr")))
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("outer"), tracer.start_as_current_span("inner", attributes={"n": 1}):
        pass
    provider.shutdown()
    lines: list[dict[str, Any]] = [json.loads(line) for line in file.read_text().splitlines()]
    inner, outer = lines
    assert (inner["name"], outer["name"], inner["service"]) == ("inner", "outer", "epcr")
    assert inner["parent_id"] == outer["span_id"]
    assert outer["parent_id"] is None
    assert inner["trace_id"] == outer["trace_id"]
    assert inner["attributes"] == {"n": 1}
    assert inner["end_ns"] >= inner["start_ns"] > 0
    assert file.stat().st_mode & 0o077 == 0


def test_spans_are_written_soon_after_they_end_and_the_last_before_the_process_does(tmp_path: Path) -> None:
    file = tmp_path / "spans.jsonl"
    provider = spans_of_process("epcr", str(file), "", 1.0)
    tracer = provider.get_tracer("test")
    tracer.start_span("first").end()
    wait_for(file.read_text, what="the first span")
    for number in range(3):
        tracer.start_span(f"last {number}").end()
    provider.shutdown()
    names = [json.loads(line)["name"] for line in file.read_text().splitlines()]
    assert names == ["first", "last 0", "last 1", "last 2"]
