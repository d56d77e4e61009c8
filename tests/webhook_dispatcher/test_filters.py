"""Filters of webhooks: they let events through, count the others, and can be tried on events of the past."""

import json
from typing import Any

import httpx2
import msgspec
import pytest

from services.webhook_dispatcher.fanout import intake, waiting
from services.webhook_dispatcher.fanout.waiting import Waiting
from shared.messaging.messages import Event
from shared.storage.database import task_transaction
from tests.support.receiver import Receiver
from tests.webhook_dispatcher.conftest import WEBHOOKS, Dispatcher, Partner, event

URL = "https://integrator.example/webhooks/argus"
HIGH = {"pointer": "/priority", "eq": "high"}
TRY = f"{WEBHOOKS}/try-filter"


def publish(dispatcher: Dispatcher, partner: Partner, *priorities: str, name: str = "incident.updated") -> list[str]:
    events = [event(name, priority=priority) for priority in priorities]
    dispatcher.fan_out([(partner.tenant_id, one) for one in events])
    return [one.event_id for one in events]


def delivered(partner: Partner, webhook: str) -> list[str]:
    return [delivery["event_id"] for delivery in reversed(partner.deliveries(webhook))]


def test_only_events_that_the_filter_lets_through_are_delivered(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook, all_of_them = partner.subscribe(receiver.url, filter=HIGH), partner.subscribe(URL)
    high, low, high_again = publish(dispatcher, partner, "high", "low", "high")
    assert delivered(partner, webhook) == [high, high_again]
    assert delivered(partner, all_of_them) == [high, low, high_again]
    books = partner.books(webhook)
    assert (books["accepted"], books["first_sequence"], books["last_sequence"], books["complete"]) == (2, 1, 2, True)
    dispatcher.pump_until(lambda: len(receiver.requests) == 2)
    assert sorted(receiver.ids()) == sorted([high, high_again])


def test_an_event_without_the_member_is_not_let_through(partner: Partner, dispatcher: Dispatcher) -> None:
    dispatcher.approve(partner, "*")
    webhook = partner.subscribe(URL, "incident.updated", "device.enrolled", filter=HIGH)
    dispatcher.publish(partner.tenant_id, "device.enrolled")
    assert delivered(partner, webhook) == []
    assert partner.get(webhook).json()["filtered"]["last_event_type"] == "device.enrolled"


def test_events_that_were_held_back_are_counted_and_the_last_is_named(partner: Partner, dispatcher: Dispatcher) -> None:
    """Otherwise a person cannot tell a strict filter from a platform that sends nothing."""
    webhook, other = partner.subscribe(URL, filter=HIGH), partner.subscribe(URL)
    assert "filtered" not in partner.get(webhook).json()
    ids = publish(dispatcher, partner, "high", "low", "low")
    filtered = partner.get(webhook).json()["filtered"]
    assert (filtered["events"], filtered["last_event_id"], filtered["last_event_type"]) == (
        2,
        ids[-1],
        "incident.updated",
    )
    [last] = publish(dispatcher, partner, "low")
    shown = next(one for one in partner.get(WEBHOOKS).json()["webhooks"] if one["id"] in webhook)
    assert (shown["filtered"]["events"], shown["filtered"]["last_event_id"]) == (3, last)
    assert "filtered" not in partner.get(other).json()


def test_a_message_that_comes_twice_is_counted_once(partner: Partner, dispatcher: Dispatcher) -> None:
    webhook = partner.subscribe(URL, filter=HIGH)
    one: tuple[str, Event] = (partner.tenant_id, event("incident.updated", priority="low"))
    dispatcher.fan_out([one])
    dispatcher.fan_out([one])
    assert partner.get(webhook).json()["filtered"]["events"] == 1


def test_another_filter_counts_anew_and_the_same_one_goes_on(partner: Partner, dispatcher: Dispatcher) -> None:
    webhook = partner.subscribe(URL, filter=HIGH)
    publish(dispatcher, partner, "low")
    assert partner.put(webhook, {"filter": HIGH}).json()["filtered"]["events"] == 1
    assert "filtered" not in partner.put(webhook, {"filter": {"pointer": "/priority", "ne": "high"}}).json()
    [low] = publish(dispatcher, partner, "low")
    assert delivered(partner, webhook) == [low]
    removed = partner.put(webhook, {"filter": None}).json()
    assert removed["filter"] is None
    assert partner.put(webhook, {"description": "x"}).json()["filter"] is None


def test_a_webhook_shows_its_filter(partner: Partner) -> None:
    given = {"all": [HIGH, {"not": {"pointer": "/units", "exists": False}}, {"pointer": "/type", "in": ["fire", None]}]}
    webhook = partner.subscribe(URL, filter=given)
    assert partner.get(webhook).json()["filter"] == given
    assert partner.get(partner.subscribe(URL)).json()["filter"] is None


PART = {"pointer": "/a", "eq": 1}


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({}, "/filter"),
        ({"pointer": "/a"}, "/filter"),
        ({"any": [HIGH, {"eq": 1}]}, "/filter/any/1"),
        ({"all": [{"any": [PART] * 9}, {"any": [PART] * 9}]}, "/filter"),
        ({"any": [{"pointer": "/a", "in": [1] * 51}] * 2}, "/filter"),
        ({"pointer": "/a", "in": ["é" * 256] * 17}, "/filter"),
        ({"not": {"not": {"not": {"not": {"not": {"not": PART}}}}}}, "/filter"),
        ({"pointer": "/a", "matches": ".*"}, "/filter/matches"),
        ([], "/filter"),
        ("x", "/filter"),
    ],
)
def test_a_filter_that_does_not_fit_is_refused_by_place(partner: Partner, given: Any, pointer: str) -> None:
    body = {"url": URL, "events": ["incident.updated"], "filter": given}
    for answer in (partner.post(WEBHOOKS, body), partner.post(TRY, {"events": body["events"], "filter": given})):
        assert answer.status_code == 422, answer.text
        assert pointer in [error["pointer"] for error in answer.json()["errors"]]


def test_all_faults_of_a_webhook_are_named_at_once(partner: Partner) -> None:
    body = {
        "url": "http://10.0.0.1/",
        "events": ["incident.exploded", "incident.updated", "incident.updated"],
        "filter": {"any": [{}, {"pointer": "x", "eq": 1}]},
        "secret": "short",
        "headers": {"Host": "internal"},
    }
    answer = partner.post(WEBHOOKS, body)
    pointers = ["/url", "/events/0", "/events/2", "/filter/any/0", "/filter/any/1", "/secret", "/headers/Host"]
    assert (answer.status_code, [error["pointer"] for error in answer.json()["errors"]]) == (422, pointers)
    changed = partner.put(partner.subscribe(URL), body)
    assert [error["pointer"] for error in changed.json()["errors"]] == pointers


def test_a_filter_is_tried_on_the_events_of_the_past(partner: Partner, dispatcher: Dispatcher) -> None:
    partner.subscribe(URL)
    partner.subscribe(URL, "incident.closed", filter={"pointer": "/type", "eq": "nothing"})
    high, low = publish(dispatcher, partner, "high", "low")
    [closed] = publish(dispatcher, partner, "high", name="incident.closed")
    tried = partner.post(TRY, {"events": ["incident.updated", "incident.closed"], "filter": HIGH}).json()
    assert (tried["looked_at"], tried["matched"]) == (3, 2)
    assert {one["event_id"]: one["matches"] for one in tried["events"]} == {closed: True, low: False, high: True}
    assert [one["event_id"] for one in tried["events"]] == sorted([high, low, closed], reverse=True)
    tried = partner.post(TRY, {"events": ["incident.created"], "filter": HIGH}).json()
    assert tried == {"looked_at": 0, "matched": 0, "events": []}


def test_a_trial_looks_at_a_hundred_events(partner: Partner, dispatcher: Dispatcher) -> None:
    partner.subscribe(URL)
    ids = publish(dispatcher, partner, *["low"] * 120)
    tried = partner.post(TRY, {"events": ["incident.updated"], "filter": HIGH}).json()
    assert (tried["looked_at"], tried["matched"]) == (100, 0)
    assert {one["event_id"] for one in tried["events"]} == set(sorted(ids)[20:])


def test_a_trial_reveals_no_event_that_the_app_may_not_get(
    http: httpx2.Client, partner: Partner, dispatcher: Dispatcher
) -> None:
    """Its answers depend on the data: with enough filters a caller could read it."""
    named, colleague, stranger = "epcr.identity.corrected", Partner(http, partner.tenant_id), Partner(http)
    for one in (partner, colleague):
        dispatcher.approve(one, "epcr.*")
        one.subscribe(URL, named)
    dispatcher.fan_out([(partner.tenant_id, msgspec.structs.replace(event(named), recipients=[colleague.client_id]))])
    any_of_it = {"pointer": "", "exists": True}
    assert partner.post(TRY, {"events": [named], "filter": any_of_it}).json()["looked_at"] == 0
    refused = partner.post(TRY, {"events": ["incident.updated"], "filter": any_of_it})
    assert (refused.status_code, refused.json()["unapproved_events"]) == (403, ["incident.updated"])
    stranger.subscribe(URL)
    publish(dispatcher, stranger, "high")
    third = Partner(http)
    assert third.post(TRY, {"events": ["incident.updated"], "filter": any_of_it}).json()["looked_at"] == 0
    shifted = Partner(http, stranger.tenant_id, deidentification="shifted")
    assert shifted.post(TRY, {"events": ["incident.updated"], "filter": any_of_it}).status_code == 403
    reader = Partner(http, stranger.tenant_id, "webhooks:read")
    assert reader.post(TRY, {"events": ["incident.updated"], "filter": any_of_it}).status_code == 403


def test_events_in_portions_are_filtered_and_counted_too(
    partner: Partner, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MOST_DELIVERIES", 2)
    monkeypatch.setattr(waiting, "PORTION", 2)
    webhooks = [partner.subscribe(URL, filter=HIGH if number % 2 else None) for number in range(5)]
    high, low = publish(dispatcher, partner, "high", "low")
    with task_transaction(dispatcher.pool) as conn:
        Waiting(dispatcher.intake).go_on(conn, 30)
    for number, webhook in enumerate(webhooks):
        assert sorted(delivered(partner, webhook)) == sorted([high] if number % 2 else [high, low])
        filtered = partner.get(webhook).json().get("filtered")
        assert (filtered and filtered["last_event_id"]) == (low if number % 2 else None)


def test_a_test_delivery_passes_any_filter(partner: Partner, dispatcher: Dispatcher, receiver: Receiver) -> None:
    webhook = partner.subscribe(receiver.url, filter={"pointer": "/nothing", "exists": True})
    assert partner.post(webhook + "/test").status_code == 202
    dispatcher.pump_until(lambda: receiver.requests)


@pytest.mark.parametrize(
    "stored",
    [
        *("[]", '"x"', '{"pointer": 1}', '{"gt": ' + "9" * 5000 + "}", '{"not": ' * 60 + "{}" + "}" * 60),
        '{"not": ' * 2000 + json.dumps(HIGH) + "}" * 2000,
        json.dumps({"any": [HIGH] * 50 + [{"any": [HIGH] * 20}]}),
    ],
)
def test_a_filter_that_no_call_can_have_stored_holds_back_its_own_events_and_stops_no_other(
    http: httpx2.Client, partner: Partner, dispatcher: Dispatcher, stored: str
) -> None:
    partner.subscribe(URL, filter=HIGH)
    other = Partner(http)
    theirs = other.subscribe(URL)
    dispatcher.run("UPDATE subscriptions SET filter = %s::jsonb WHERE tenant_id = %s", stored, partner.tenant_id)
    dispatcher.fan_out([(one.tenant_id, event("incident.updated", priority="high")) for one in (partner, other)])
    counted = dispatcher.rows("SELECT filtered FROM subscriptions WHERE tenant_id = %s", partner.tenant_id)
    assert counted == [{"filtered": 1}]
    assert len(other.deliveries(theirs)) == 1
    assert dispatcher.rows("SELECT 1 FROM deliveries WHERE tenant_id = %s", partner.tenant_id) == []
