"""From an event to a signed request, recorded, and tried again where it failed."""

import time
from typing import Any

import httpx2
import msgspec
import pytest

from services.webhook_dispatcher.fanout.intake import EventRefused, time_of
from shared.primitives import ids
from tests.support.receiver import Receiver, always, answer
from tests.webhook_dispatcher.conftest import SECRET, Dispatcher, Partner, event
from tests.webhook_dispatcher.test_sending import claim

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def statuses(partner: Partner, webhook: str) -> list[str]:
    return [delivery["status"] for delivery in partner.deliveries(webhook)]


def test_an_event_arrives_signed_in_its_trace_and_is_recorded(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    [event_id] = dispatcher.publish(partner.tenant_id, "incident.updated", traceparent=TRACEPARENT)
    dispatcher.pump_until(lambda: receiver.requests)
    [request] = receiver.requests
    body = request.verified_by(SECRET)
    assert set(body) == {"type", "timestamp", "data"}
    assert body["type"] == "incident.updated"
    assert request.headers["webhook-id"] == event_id
    assert request.headers["traceparent"].startswith("00-4bf92f3577b34da6a3ce929d0e0e4736-")
    assert request.headers["user-agent"].startswith("Knogin-Webhooks/")
    assert request.headers["content-type"] == "application/json"
    [delivery] = partner.deliveries(webhook)
    assert delivery["status"] == "succeeded"
    assert delivery["attempt"] == 1
    assert delivery["event_id"] == event_id
    assert delivery["response_status"] == 200
    assert delivery["response_body"] == "ok"
    assert delivery["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert delivery["sequence"] == 1
    assert delivery["error"] is None
    assert delivery["next_attempt_at"] is None
    assert delivery["duration_ms"] > 0


def test_a_failed_delivery_is_tried_again_with_the_same_id_a_new_time_and_the_same_bytes(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    receiver.behaviour = always(answer(500, body=b"not now"))
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: len(receiver.requests) == 2)
    receiver.behaviour = always(answer(204))
    dispatcher.pump_until(lambda: statuses(partner, webhook) == ["succeeded"])
    assert len(set(receiver.ids())) == 1
    assert len({request.body for request in receiver.requests}) == 1
    assert all(request.verified_by(SECRET) for request in receiver.requests)
    [delivery] = partner.deliveries(webhook)
    assert delivery["attempt"] == len(receiver.requests)
    history = partner.get(f"{webhook}/deliveries/{delivery['id']}").json()
    assert [attempt["response_status"] for attempt in history["attempts"]] == [
        204,
        *[500] * (len(receiver.requests) - 1),
    ]
    assert history["attempts"][-1]["response_body"] == "not now"
    assert history["request_body"].encode() == receiver.requests[0].body


def test_a_delivery_is_given_up_after_the_last_rung_and_can_be_retried_by_hand(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    receiver.behaviour = always(answer(500))
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: statuses(partner, webhook) == ["failed"])
    assert len(receiver.requests) == 4
    assert partner.books(webhook) == {
        "accepted": 1, "delivered": 0, "pending": 0, "given_up": 1, "first_sequence": 1, "last_sequence": 1, "complete": True,
    }  # fmt: skip
    receiver.behaviour = always(answer(200))
    [delivery] = partner.deliveries(webhook, status="failed")
    assert delivery["error"] == "http_status: the receiver answered 500"
    answer_to_retry = partner.post(f"{webhook}/deliveries/{delivery['id']}/retry")
    assert (answer_to_retry.status_code, answer_to_retry.json()["status"]) == (202, "queued")
    dispatcher.pump_until(lambda: statuses(partner, webhook) == ["succeeded"])
    assert len(receiver.requests) == 5
    assert partner.books(webhook)["delivered"] == 1


@pytest.mark.parametrize("tail", ["/deliveries/{id}/retry", "/recover?since=2026-01-01T00:00:00Z"])
def test_a_call_that_sends_again_has_one_effect_though_its_answer_was_lost(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, tail: str
) -> None:
    webhook = partner.subscribe(receiver.url)
    receiver.behaviour = always(answer(500))
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: statuses(partner, webhook) == ["failed"])
    receiver.behaviour = always(answer(200))
    [delivery] = partner.deliveries(webhook, status="failed")
    path, key = webhook + tail.format(id=delivery["id"]), {"idempotency_key": "once"}
    first = partner.post(path, **key)
    dispatcher.release()
    dispatcher.pump_until(lambda: statuses(partner, webhook) == ["succeeded"])
    sent = len(receiver.requests)
    second = partner.post(path, **key)
    assert (first.status_code, second.status_code, second.json()) == (202, 202, first.json())
    assert second.headers["idempotent-replayed"] == "true"
    dispatcher.pump_until(lambda: dispatcher.rows("SELECT 1 FROM queue WHERE delivery_id = %s", delivery["id"]) == [])
    assert len(receiver.requests) == sent
    assert statuses(partner, webhook) == ["succeeded"]
    other = partner.post(webhook + "/recover?since=2026-02-01T00:00:00Z", **key)
    assert other.status_code == 422


def test_a_delivery_that_succeeded_can_be_sent_once_more_and_stays_succeeded_if_that_fails(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: statuses(partner, webhook) == ["succeeded"])
    receiver.behaviour = always(answer(500))
    [delivery] = partner.deliveries(webhook)
    partner.post(f"{webhook}/deliveries/{delivery['id']}/retry")
    dispatcher.pump_until(lambda: partner.deliveries(webhook)[0]["attempt"] == 2)
    assert statuses(partner, webhook) == ["succeeded"]
    assert len(receiver.requests) == 2
    assert dispatcher.rows("SELECT 1 FROM queue WHERE delivery_id = %s", delivery["id"]) == []


def test_retry_after_holds_the_next_attempt_back(partner: Partner, dispatcher: Dispatcher, receiver: Receiver) -> None:
    webhook = partner.subscribe(receiver.url)
    receiver.behaviour = always(answer(503, "retry-after: 3600\r\n"))
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: statuses(partner, webhook) == ["retrying"])
    [waits] = dispatcher.rows(
        "SELECT extract(epoch FROM due_at - now())::float8 AS due, (SELECT extract(epoch FROM slowed_until - now())::float8"
        " FROM subscriptions WHERE id = subscription_id) AS slowed FROM queue WHERE tenant_id = %s",
        partner.tenant_id,
    )
    assert 3590 < waits["due"] < 4000
    assert 3590 < waits["slowed"] <= 3600
    assert partner.get(webhook).json()["slowed_until"] is not None
    assert partner.deliveries(webhook)[0]["next_attempt_at"] > partner.deliveries(webhook)[0]["attempted_at"]


def test_a_slowed_receiver_is_left_alone_even_by_new_events(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    receiver.behaviour = always(answer(429, "retry-after: 3600\r\n"))
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: statuses(partner, webhook) == ["retrying"])
    healthy = Partner(partner.http)
    other = healthy.subscribe(receiver.url)
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.publish(healthy.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: healthy.deliveries(other)[0]["attempt"] == 1)
    assert sorted(statuses(partner, webhook)) == ["queued", "retrying"]
    assert len(receiver.requests) == 2


def test_the_same_event_published_twice_is_delivered_once(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    twice = event("incident.updated")
    dispatcher.fan_out([(partner.tenant_id, twice), (partner.tenant_id, twice)])
    dispatcher.fan_out([(partner.tenant_id, twice)])
    dispatcher.pump_until(lambda: statuses(partner, webhook) == ["succeeded"])
    assert receiver.ids() == [twice.event_id]
    assert partner.books(webhook)["accepted"] == 1


def test_an_event_with_recipients_reaches_their_subscriptions_alone(
    http: httpx2.Client, partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    colleague, stranger, named = Partner(http, partner.tenant_id), Partner(http), "epcr.identity.corrected"
    for one in (partner, colleague, stranger):
        dispatcher.approve(one, "epcr.*")
    mine, theirs = partner.subscribe(receiver.url, named), colleague.subscribe(receiver.url, named)
    elsewhere = stranger.subscribe(receiver.url, named)
    for recipients in ([partner.caller.client_id, stranger.caller.client_id], [], ["app_of_nobody"]):
        one = msgspec.structs.replace(event(named), recipients=recipients)
        dispatcher.fan_out([(partner.tenant_id, one), (partner.tenant_id, one)])
    dispatcher.publish(partner.tenant_id, named)
    dispatcher.pump_until(lambda: statuses(partner, mine) == ["succeeded"] * 2)
    assert len(colleague.deliveries(theirs)) == 1
    assert stranger.deliveries(elsewhere) == []
    stored = "SELECT count(*) AS count FROM events WHERE tenant_id = %s"
    assert dispatcher.rows(stored, partner.tenant_id) == [{"count": 3}], "what no app may read is not stored"
    assert b"app_" not in b"".join(request.body for request in receiver.requests)


def test_an_event_of_a_type_for_every_app_names_no_apps(partner: Partner, dispatcher: Dispatcher) -> None:
    """A filter may be tried on past events of all types but those for named apps: it must not reveal one that was for others."""
    one = msgspec.structs.replace(event("incident.updated"), recipients=[partner.client_id])
    with pytest.raises(EventRefused, match="named apps"):
        dispatcher.fan_out([(partner.tenant_id, one)])


def test_an_event_reaches_the_subscriptions_of_its_tenant_and_type_alone(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    mine = partner.subscribe(receiver.url, "incident.updated", "incident.closed")
    other_type = partner.subscribe(receiver.url, "incident.created")
    stranger = Partner(partner.http)
    theirs = stranger.subscribe(receiver.url)
    dispatcher.publish(partner.tenant_id, "incident.closed", "incident.updated")
    dispatcher.pump_until(lambda: statuses(partner, mine) == ["succeeded"] * 2)
    assert partner.deliveries(other_type) == []
    assert stranger.deliveries(theirs) == []
    assert [one["sequence"] for one in partner.deliveries(mine)] == [2, 1]


@pytest.mark.parametrize("change", [{"patient_name": "Canary Jones"}, {"version": "one"}, {"incident_id": "inc_1"}])
def test_an_event_that_breaks_its_schema_is_not_sent(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, change: dict[str, Any]
) -> None:
    webhook = partner.subscribe(receiver.url)
    with pytest.raises(EventRefused):
        dispatcher.publish(partner.tenant_id, "incident.updated", **change)
    assert partner.deliveries(webhook) == []


def test_410_disables_the_webhook_keeps_its_events_and_tells_the_others(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    dispatcher.approve(partner, "incident.*", "webhook.*")
    webhook = partner.subscribe(receiver.url)
    receiver.behaviour = always(answer(410))
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: not partner.get(webhook).json()["enabled"])
    shown = partner.get(webhook).json()
    assert shown["disabled_reason"] == "gone"
    [told] = dispatcher.rows("SELECT body FROM outbox WHERE tenant_id = %s", partner.tenant_id)
    assert told["body"]["type"] == "webhook.disabled"
    assert told["body"]["data"] == {"webhook_id": shown["id"], "reason": "gone"}
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.run("UPDATE queue SET due_at = now() WHERE tenant_id = %s", partner.tenant_id)
    assert claim(dispatcher, partner) == []
    assert partner.books(webhook)["pending"] == 2


def test_a_deleted_webhook_takes_its_waiting_deliveries_with_it(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    receiver.behaviour = always(answer(503, "retry-after: 3600\r\n"))
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: statuses(partner, webhook) == ["retrying"])
    assert partner.call("DELETE", webhook).status_code == 204
    assert dispatcher.rows("SELECT 1 FROM queue WHERE tenant_id = %s", partner.tenant_id) == []
    assert partner.get(webhook).status_code == 404
    assert partner.get(webhook + "/deliveries").status_code == 404


def test_custom_headers_are_sent_and_their_values_never_shown(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url, headers={"Authorization": "Bearer canary", "X-Site": "milan"})
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: statuses(partner, webhook) == ["succeeded"])
    assert receiver.requests[0].headers["authorization"] == "Bearer canary"
    assert receiver.requests[0].headers["x-site"] == "milan"
    assert partner.get(webhook).json()["headers"] == ["Authorization", "X-Site"]
    [delivery] = partner.deliveries(webhook)
    history = partner.get(f"{webhook}/deliveries/{delivery['id']}")
    sent = history.json()["attempts"][0]["request_headers"]
    assert sent["Authorization"] == sent["webhook-signature"] == "(redacted)"
    assert sent["webhook-id"] == delivery["event_id"]
    assert "canary" not in history.text


def test_during_a_rotation_both_secrets_verify_and_afterwards_the_new_one_alone(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    new = "a brand new secret"
    changed = partner.put(webhook, {"secret": new}).json()
    assert changed["previous_secret_expires_at"] is not None
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: len(receiver.requests) == 1)
    assert receiver.requests[0].verified_by(SECRET)
    assert receiver.requests[0].verified_by(new.encode())
    dispatcher.run(
        "UPDATE subscriptions SET previous_secret_expires_at = now() WHERE tenant_id = %s", partner.tenant_id
    )
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: len(receiver.requests) == 2)
    assert receiver.requests[1].verified_by(new.encode())
    signatures = receiver.requests[1].headers["webhook-signature"].split()
    assert [one.partition(",")[0] for one in signatures] == ["v1", "v1a"]


def test_a_rotation_asked_for_twice_is_one(partner: Partner, dispatcher: Dispatcher, receiver: Receiver) -> None:
    webhook = partner.subscribe(receiver.url)
    for _ in range(2):
        assert partner.put(webhook, {"secret": "a brand new secret"}).status_code == 200
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: len(receiver.requests) == 1)
    assert receiver.requests[0].verified_by(SECRET)
    assert receiver.requests[0].verified_by(b"a brand new secret")


def test_the_id_of_a_delivery_from_beyond_the_calendar_is_not_found(partner: Partner) -> None:
    delivery = partner.subscribe("https://integrator.example/") + "/deliveries/dlv_7zzzzzzzzzzzzzzzzzzzzzzzzz"
    assert partner.get(delivery).status_code == 404
    assert partner.post(delivery + "/retry").status_code == 404


def test_tests_are_listed_among_the_other_deliveries_by_time_also_page_by_page(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    for _ in range(3):
        dispatcher.publish(partner.tenant_id, "incident.updated")
        partner.post(f"{webhook}/test")
    queued = partner.deliveries(webhook, status="queued")
    dispatcher.pump_until(lambda: len(receiver.requests) == 6)
    listed = partner.deliveries(webhook)
    assert [one["id"].startswith("dlv_test_") for one in listed] == [True, False] * 3
    assert listed == sorted(listed, key=lambda one: one["created_at"], reverse=True)
    assert [one["id"] for one in queued] == [one["id"] for one in listed]
    for status in ("succeeded", None):
        paged, cursor = [], None
        while len(paged) < 6:
            query = {"limit": 2} | ({"status": status} if status else {}) | ({"cursor": cursor} if cursor else {})
            page = partner.get(f"{webhook}/deliveries", params=query).json()
            paged += page["deliveries"]
            cursor = page["next_cursor"]
        assert (paged, cursor) == (listed, None)


def test_queued_deliveries_are_paged_without_gap_or_repetition(partner: Partner, dispatcher: Dispatcher) -> None:
    webhook = partner.subscribe("https://integrator.example/")
    for _ in range(5):
        dispatcher.publish(partner.tenant_id, "incident.updated", "incident.updated")
    listed = partner.deliveries(webhook)
    paged, cursor = [], ""
    while cursor is not None:
        query = {"limit": 3, "status": "queued"} | ({"cursor": cursor} if cursor else {})
        page = partner.get(f"{webhook}/deliveries", params=query).json()
        paged += page["deliveries"]
        cursor = page["next_cursor"]
    assert paged == listed
    assert [one["sequence"] for one in paged] == list(range(10, 0, -1))


FILL = """
    INSERT INTO deliveries (id, at, tenant_id, subscription_id, event_id, event_at, event_type, sequence, status, troubled)
    SELECT %(stem)s || lpad(number::text, 16, '0'), %(at)s, %(tenant)s, %(webhook)s, 'evt_1', %(at)s,
        CASE WHEN number = 1 THEN 'incident.created' ELSE 'incident.updated' END, number, %(status)s, %(status)s = 'failed'
    FROM generate_series(1, %(number)s) AS number
"""
QUEUE = """
    INSERT INTO queue (delivery_id, delivery_at, tenant_id, subscription_id, event_id, event_at, event_type, sequence, due_at)
    SELECT id, at, tenant_id, subscription_id, event_id, event_at, event_type, sequence, at
    FROM deliveries WHERE subscription_id = %(webhook)s
"""


def filled(dispatcher: Dispatcher, partner: Partner, status: str, number: int) -> str:
    """The path of a webhook with that many deliveries, of which the oldest alone is an `incident.created`."""
    webhook = partner.subscribe("https://integrator.example/")
    stem = ids.new_id("dlv")[:14]
    moment = time_of(stem + "0" * 16)
    kept = {"webhook": webhook.rpartition("/")[2], "tenant": partner.tenant_id, "status": status, "number": number}
    dispatcher.owner.execute(FILL, kept | {"stem": stem, "at": moment})
    if status == "queued":
        dispatcher.owner.execute(QUEUE, kept)
    dispatcher.run("ANALYZE deliveries, queue")
    return webhook


@pytest.mark.parametrize(
    ("kept", "query"),
    [
        ("succeeded", {"event_type": "incident.created"}),
        ("succeeded", {"event_type": "incident.created", "status": "succeeded"}),
        ("failed", {"event_type": "incident.created", "status": "failed"}),
        ("queued", {"event_type": "incident.created", "status": "queued"}),
    ],
)
def test_a_call_looks_at_a_bounded_part_of_a_list_and_the_cursor_leads_on(
    partner: Partner, dispatcher: Dispatcher, kept: str, query: dict[str, str]
) -> None:
    webhook = filled(dispatcher, partner, kept, 25_001)
    pages = []
    while not pages or pages[-1]["next_cursor"] is not None:
        more = {"cursor": pages[-1]["next_cursor"]} if pages else {}
        pages.append(partner.get(f"{webhook}/deliveries", params=query | more).json())
    assert [len(page["deliveries"]) for page in pages] == [0, 0, 1]
    assert pages[-1]["deliveries"][0]["sequence"] == 1


def test_a_test_older_than_the_looked_at_deliveries_is_on_a_later_page(
    partner: Partner, dispatcher: Dispatcher
) -> None:
    webhook = partner.subscribe("https://integrator.example/")
    test = partner.post(f"{webhook}/test").json()["delivery_id"]
    dispatcher.run("UPDATE deliveries SET event_type = 'incident.created' WHERE id = %s", test)
    stem = ids.new_id("dlv")[:14]
    kept = {"webhook": webhook.rpartition("/")[2], "tenant": partner.tenant_id, "status": "succeeded", "number": 10_001}
    dispatcher.owner.execute(FILL, kept | {"stem": stem, "at": time_of(stem + "0" * 16)})
    query = {"event_type": "incident.created"}
    first = partner.get(f"{webhook}/deliveries", params=query).json()
    assert first["deliveries"] == []
    rest = partner.get(f"{webhook}/deliveries", params=query | {"cursor": first["next_cursor"]}).json()
    assert [one["sequence"] for one in rest["deliveries"]] == [1, None]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize("status", [None, "queued", "succeeded"])
def test_since_and_until_bound_a_list_by_the_time_of_its_deliveries(
    partner: Partner, dispatcher: Dispatcher, status: str | None
) -> None:
    webhook = partner.subscribe("https://integrator.example/")
    for _ in range(4):
        dispatcher.publish(partner.tenant_id, "incident.updated")
        time.sleep(0.002)
    if status == "succeeded":
        dispatcher.run("UPDATE deliveries SET status = 'succeeded' WHERE tenant_id = %s", partner.tenant_id)
    query = {"status": status} if status else {}
    newest, second, third, _ = partner.deliveries(webhook, **query)
    between = {"since": third["created_at"], "until": newest["created_at"]}
    assert partner.deliveries(webhook, **query, **between) == [second, third]
    ages = {"since": "0001-01-01T00:00:00Z", "until": "9999-12-31T23:59:59Z"}
    assert len(partner.deliveries(webhook, **query, **ages)) == 4


def test_numbers_follow_the_time_of_events_that_arrive_together(partner: Partner, dispatcher: Dispatcher) -> None:
    webhook = partner.subscribe("https://integrator.example/")
    events = [event("incident.updated") for _ in range(20)]
    dispatcher.fan_out([(partner.tenant_id, one) for one in reversed(events)])
    listed = partner.deliveries(webhook)
    assert [one["event_id"] for one in reversed(listed)] == [one.event_id for one in events]
    assert [one["sequence"] for one in reversed(listed)] == list(range(1, 21))
