"""Webhooks with a rate, and thin ones."""

import time
from typing import Any

import psycopg
import pytest

from knogin import models
from knogin.webhooks import verify
from services.webhook_dispatcher import tasks
from services.webhook_dispatcher.sending import queries
from shared.storage.database import task_transaction
from tests.support.receiver import SECRET, Receiver
from tests.webhook_dispatcher.conftest import Dispatcher, Partner, event
from tests.webhook_dispatcher.test_sending import MEASURE_ALL, claim

URL = "https://integrator.example/webhooks/argus"


@pytest.fixture(autouse=True)
def idle(dispatcher: Dispatcher) -> None:
    for table in ("queue", "paces"):
        dispatcher.run(f"DELETE FROM {table}")


def known(dispatcher: Dispatcher, partner: Partner) -> None:
    """The receiver is known, and takes many at once."""
    dispatcher.run("UPDATE subscriptions SET concurrency = 64 WHERE tenant_id = %s", partner.tenant_id)


def pass_time(dispatcher: Dispatcher, seconds: float) -> None:
    """As if so much time had passed since the last claim."""
    dispatcher.run("UPDATE paces SET next_at = next_at - %s * interval '1 second'", seconds)


def test_a_claim_takes_no_more_than_the_rate_has_free(partner: Partner, dispatcher: Dispatcher) -> None:
    partner.subscribe(URL, max_per_second=5)
    known(dispatcher, partner)
    dispatcher.publish(partner.tenant_id, *["incident.updated"] * 30)
    assert len(claim(dispatcher, partner)) == 5
    pass_time(dispatcher, -60)
    assert claim(dispatcher, partner) == []
    pass_time(dispatcher, 60)
    pass_time(dispatcher, 0.65)
    assert 3 <= len(claim(dispatcher, partner)) <= 5
    pass_time(dispatcher, 3600)
    assert len(claim(dispatcher, partner)) == 5, "what was not used adds up to a second's deliveries and no more"


def test_deliveries_of_a_limited_webhook_go_out_oldest_first(partner: Partner, dispatcher: Dispatcher) -> None:
    webhook = partner.subscribe(URL, max_per_second=2)
    known(dispatcher, partner)
    dispatcher.publish(partner.tenant_id, *["incident.updated"] * 6)
    taken: list[str] = []
    for _ in range(3):
        taken += claim(dispatcher, partner)
        pass_time(dispatcher, 1)
    numbers = {one["id"]: one["sequence"] for one in partner.deliveries(webhook)}
    assert [{numbers[one] for one in taken[at : at + 2]} for at in (0, 2, 4)] == [{1, 2}, {3, 4}, {5, 6}]


def test_a_limited_webhook_holds_up_no_other(partner: Partner, dispatcher: Dispatcher) -> None:
    partner.subscribe(URL, max_per_second=1)
    partner.subscribe(URL)
    known(dispatcher, partner)
    dispatcher.publish(partner.tenant_id, *["incident.updated"] * 20)
    assert len(claim(dispatcher, partner)) == 21
    assert dispatcher.rows("SELECT count(*) AS number FROM paces") == [{"number": 1}]


def test_what_a_person_asks_for_goes_out_beyond_the_rate_and_counts(partner: Partner, dispatcher: Dispatcher) -> None:
    webhook = partner.subscribe(URL, max_per_second=1)
    known(dispatcher, partner)
    dispatcher.publish(partner.tenant_id, "incident.updated")
    assert len(claim(dispatcher, partner)) == 1
    assert partner.post(webhook + "/test").status_code == 202
    assert len(claim(dispatcher, partner)) == 1
    [row] = dispatcher.rows("SELECT next_at > now() - interval '500 milliseconds' AS counted FROM paces")
    assert row == {"counted": True}


def test_a_sender_keeps_the_rate(partner: Partner, dispatcher: Dispatcher, receiver: Receiver) -> None:
    """Judged by the slowest it may be: twelve deliveries at four a second, four of them at once, take two seconds."""
    webhook = partner.subscribe(receiver.url, max_per_second=4)
    known(dispatcher, partner)
    dispatcher.publish(partner.tenant_id, *["incident.updated"] * 12)
    began = time.monotonic()
    dispatcher.pump_until(lambda: partner.books(webhook)["delivered"] == 12)
    assert time.monotonic() - began > 1.7


def test_a_rate_is_changed_and_removed(partner: Partner, dispatcher: Dispatcher) -> None:
    webhook = partner.subscribe(URL, max_per_second=1)
    known(dispatcher, partner)
    dispatcher.publish(partner.tenant_id, *["incident.updated"] * 9)
    assert len(claim(dispatcher, partner)) == 1
    assert partner.put(webhook, {"max_per_second": None}).json()["max_per_second"] is None
    assert len(claim(dispatcher, partner)) == 8


@pytest.mark.parametrize("rate", [0, 1001, 1.5, "5", True])
def test_a_rate_is_a_whole_number_of_deliveries_a_second(partner: Partner, rate: Any) -> None:
    answer = partner.post("/v1/webhooks", {"url": URL, "events": ["incident.updated"], "max_per_second": rate})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/max_per_second")


def test_deliveries_that_wait_for_a_rate_call_no_operator(partner: Partner, dispatcher: Dispatcher) -> None:
    partner.subscribe(URL, max_per_second=1)
    dispatcher.publish(partner.tenant_id, *["incident.updated"] * 3)
    dispatcher.run("UPDATE queue SET due_at = now() - interval '1 hour' WHERE tenant_id = %s", partner.tenant_id)
    with psycopg.connect(dispatcher.database.worker) as conn:
        measured = conn.execute(queries.MEASURE, MEASURE_ALL).fetchone()
    assert measured is not None
    assert measured[4] < 60 < measured[5]


def test_rows_of_paces_that_no_claim_needs_are_deleted(partner: Partner, dispatcher: Dispatcher) -> None:
    partner.subscribe(URL, max_per_second=1)
    dispatcher.publish(partner.tenant_id, "incident.updated")
    claim(dispatcher, partner)
    for expected in (1, 0):
        with task_transaction(dispatcher.pool) as conn:
            tasks.forget_paces(conn)
        assert dispatcher.rows("SELECT count(*) AS number FROM paces") == [{"number": expected}]
        pass_time(dispatcher, 7200)


def test_the_claim_of_unlimited_webhooks_writes_no_pace(partner: Partner, dispatcher: Dispatcher) -> None:
    partner.subscribe(URL)
    dispatcher.publish(partner.tenant_id, "incident.updated")
    assert len(claim(dispatcher, partner)) == 1
    assert dispatcher.rows("SELECT 1 FROM paces") == []


def test_a_thin_webhook_is_sent_the_type_the_time_and_the_id_of_the_event(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    partner.subscribe(receiver.url, payload="thin")
    dispatcher.fan_out([(partner.tenant_id, event("incident.updated", cad_incident_id="canary"))])
    dispatcher.pump_until(lambda: receiver.requests)
    [request] = receiver.requests
    body = request.verified_by(SECRET)
    assert set(body) == {"type", "timestamp", "data", "thin"}
    assert (body["type"], body["data"], body["thin"]) == ("incident.updated", {"event_id": request.id}, True)
    assert b"canary" not in request.body
    seen = verify(request.body, request.headers, SECRET)
    assert isinstance(seen, models.events.UnknownEvent)
    assert (seen.thin, seen.data) == (True, {"event_id": request.id})


def test_a_webhook_becomes_thin_and_full_again(partner: Partner, dispatcher: Dispatcher, receiver: Receiver) -> None:
    webhook = partner.subscribe(receiver.url)
    for payload, is_thin in (("thin", True), ("full", False)):
        assert partner.put(webhook, {"payload": payload}).json()["payload"] == payload
        before = len(receiver.requests)
        dispatcher.publish(partner.tenant_id, "incident.updated")
        dispatcher.pump_until(lambda before=before: len(receiver.requests) > before)
        assert ("thin" in receiver.requests[-1].json) is is_thin
    assert partner.put(webhook, {"payload": "none"}).status_code == 422


def test_a_thin_test_that_is_waited_for_shows_the_bytes_that_were_sent(partner: Partner, receiver: Receiver) -> None:
    webhook = partner.subscribe(receiver.url, payload="thin")
    shown = partner.post(webhook + "/test?wait=true").json()
    [request] = receiver.requests
    assert shown["request"]["body"].encode() == request.body
    assert (request.json["thin"], request.json["test"]) == (True, True)
