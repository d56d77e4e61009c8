"""One trace id leads from the partner's call to the partner's webhook."""

from deploy.local.waterfall import Span
from tests.e2e.conftest import Integration
from tests.support.receiver import SECRET
from tests.support.waiting import wait_for


def test_one_trace_runs_from_the_call_to_the_webhook(integration: Integration) -> None:
    answer = integration.create_encounter()
    encounter_id, trace_id = answer.json()["id"], answer.headers["x-trace-id"]
    wait_for(lambda: integration.arrivals_of(encounter_id))
    arrival = integration.arrivals_of(encounter_id)[0]
    assert arrival.trace_id == trace_id
    assert arrival.verified_by(SECRET)
    delivery = arrival.headers["traceparent"].split("-")[2]
    wait_for(lambda: delivery in {span.span_id for span in integration.stack.spans(trace_id)})
    spans = wait_for(lambda: whole(integration.stack.spans(trace_id)))
    assert road(spans, of="webhook-dispatcher", span_id=delivery) == [
        "webhook-dispatcher",
        "epcr",
        "gateway",
    ]


def whole(spans: list[Span]) -> list[Span]:
    """The spans, if they include every parent and the delivery has ended; otherwise empty."""
    ids = {span.span_id for span in spans}
    complete = all(span.parent_id is None or span.parent_id in ids for span in spans)
    return spans if complete and any(span.service == "webhook-dispatcher" for span in spans) else []


def road(spans: list[Span], of: str, span_id: str) -> list[str]:
    """The services from a span up to the root, each named once."""
    by_id = {span.span_id: span for span in spans}
    services: list[str] = []
    current: Span | None = by_id[span_id]
    assert current.service == of
    while current:
        if not services or services[-1] != current.service:
            services.append(current.service)
        current = by_id.get(current.parent_id or "")
    return services


def test_waiting_in_outbox_and_queue_is_part_of_the_trace(integration: Integration) -> None:
    answer = integration.create_encounter()
    trace_id = answer.headers["x-trace-id"]
    wait_for(lambda: waits(integration.stack.spans(trace_id)) >= {"outbox wait", "queue wait"})
    spans = wait_for(lambda: whole(integration.stack.spans(trace_id)))
    roots = [span for span in spans if span.parent_id is None]
    assert [root.service for root in roots] == ["gateway"]


def waits(spans: list[Span]) -> set[str]:
    return {span.name for span in spans if span.name.endswith(" wait")}


def test_the_trace_id_stands_in_the_logs_and_in_the_deliveries_list(integration: Integration) -> None:
    answer = integration.create_encounter()
    encounter_id, trace_id = answer.json()["id"], answer.headers["x-trace-id"]
    wait_for(lambda: integration.arrivals_of(encounter_id))
    with integration.stack.client("auth", token=integration.token) as client:
        webhook_id = client.get("/v1/webhooks").json()["webhooks"][0]["id"]
        deliveries = f"/v1/webhooks/{webhook_id}/deliveries"
        wait_for(lambda: any(found["trace_id"] == trace_id for found in client.get(deliveries).json()["deliveries"]))
    # The gateway writes its log lines in groups, a moment later.
    wait_for(lambda: any("gateway" in process for process in _processes_naming(integration, trace_id)))
    wait_for(lambda: any("epcr" in process for process in _processes_naming(integration, trace_id)))


def _processes_naming(integration: Integration, trace_id: str) -> set[str]:
    return {process for process, log in integration.stack.logs().items() if trace_id in log}
