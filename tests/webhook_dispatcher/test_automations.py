"""Automations of control-plane: they get the events they wait for, and their deliveries reach their own app's webhooks once."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.webhook_dispatcher.fanout import automations, event_types
from shared.messaging import states
from shared.messaging.authenticity import MAX_COUNTED
from shared.messaging.messages import (
    AutomationDelivery,
    AutomationInterest,
    PlatformEvent,
    Received,
    RunFinished,
    Versioned,
)
from shared.primitives import ids
from shared.storage.database import task_transaction
from tests.webhook_dispatcher.conftest import Dispatcher, Partner, event
from tests.webhook_dispatcher.receiver import Receiver, always
from tests.webhook_dispatcher.receiver import answer as response

GOLDEN = Path(__file__).parents[1] / "messages"
HTTPS = "https://integrator.example/"
TRACE = f"00-{'a' * 32}-{'b' * 16}-01"


def tell_interest(dispatcher: Dispatcher, tenant_id: str, version: int, *types: str) -> None:
    body = AutomationInterest(version=version, event_types=list(types))
    with task_transaction(dispatcher.pool) as conn:
        automations.change_interest(conn, [received(tenant_id, body)])


def received(tenant_id: str, body: Any, traceparent: str | None = TRACE) -> Received[Any]:
    return Received(ids.uuid7(), tenant_id, datetime.now(UTC), traceparent, body)


def run_of(partner: Partner, webhook: str | None = None, **changes: Any) -> AutomationDelivery:
    """A new run of an automation of the partner's app."""
    golden = msgspec.json.decode(
        (GOLDEN / "webhook_dispatcher.automation_delivery.v1.json").read_bytes(), type=AutomationDelivery
    )
    run_id = ids.new_id("run")
    named = {
        "run_id": run_id,
        "client_id": partner.caller.client_id,
        "webhook_id": webhook and webhook.rpartition("/")[2],
        "data": golden.data | {"run_id": run_id},
    }
    return msgspec.structs.replace(golden, **(named | changes))


def deliver(dispatcher: Dispatcher, partner: Partner, *runs: AutomationDelivery) -> list[RunFinished]:
    """Delivers the runs. Returns the answers to control-plane."""
    with task_transaction(dispatcher.pool) as conn:
        automations.deliver(dispatcher.intake, conn, [received(partner.tenant_id, run) for run in runs])
    return [
        msgspec.convert(row["body"], RunFinished) for row in told(dispatcher, partner, "control_plane.run_finished.v1")
    ]


def told(dispatcher: Dispatcher, partner: Partner, name: str) -> list[dict[str, Any]]:
    return dispatcher.rows(
        "SELECT body, traceparent FROM outbox WHERE tenant_id = %s AND name = %s ORDER BY created_at",
        partner.tenant_id,
        name,
    )


def passed_on(dispatcher: Dispatcher, partner: Partner) -> list[str]:
    return [
        msgspec.convert(row["body"], PlatformEvent).event_id
        for row in told(dispatcher, partner, "control_plane.event.v1")
    ]


def test_an_event_of_a_type_that_automations_wait_for_is_passed_on_whole(
    partner: Partner, dispatcher: Dispatcher
) -> None:
    tell_interest(dispatcher, partner.tenant_id, 1, "incident.created")
    event_id, _ = dispatcher.publish(partner.tenant_id, "incident.created", "incident.updated", traceparent=TRACE)
    [row] = told(dispatcher, partner, "control_plane.event.v1")
    passed = msgspec.convert(row["body"], PlatformEvent)
    assert (passed.event_id, passed.type, passed.cause) == (event_id, "incident.created", [])
    assert passed.data == event_types.catalogue()["incident.created"].example
    assert row["traceparent"] == TRACE


def test_what_led_to_an_event_is_passed_on_with_it_and_kept_from_subscribers(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    partner.subscribe(receiver.url, "incident.created")
    tell_interest(dispatcher, partner.tenant_id, 1, "incident.created")
    caused = msgspec.structs.replace(event("incident.created"), cause=["auto_a", "auto_b"])
    dispatcher.fan_out([(partner.tenant_id, caused)])
    [row] = told(dispatcher, partner, "control_plane.event.v1")
    assert row["body"]["cause"] == ["auto_a", "auto_b"]
    dispatcher.pump_until(lambda: receiver.requests)
    assert b"auto_" not in receiver.requests[0].body


def test_an_event_told_twice_is_passed_on_once(partner: Partner, dispatcher: Dispatcher) -> None:
    tell_interest(dispatcher, partner.tenant_id, 1, "incident.created")
    once = event("incident.created")
    dispatcher.fan_out([(partner.tenant_id, once), (partner.tenant_id, once)])
    dispatcher.fan_out([(partner.tenant_id, once)])
    assert passed_on(dispatcher, partner) == [once.event_id]


def test_an_event_of_another_tenant_is_not_passed_on(partner: Partner, dispatcher: Dispatcher) -> None:
    tell_interest(dispatcher, partner.tenant_id, 1, "incident.created")
    stranger = Partner(partner.http)
    dispatcher.publish(stranger.tenant_id, "incident.created")
    assert passed_on(dispatcher, partner) == passed_on(dispatcher, stranger) == []


def test_an_interest_that_ended_passes_nothing_on_and_an_older_one_does_not_bring_it_back(
    partner: Partner, dispatcher: Dispatcher
) -> None:
    tell_interest(dispatcher, partner.tenant_id, 2)
    tell_interest(dispatcher, partner.tenant_id, 1, "incident.created")
    dispatcher.publish(partner.tenant_id, "incident.created")
    assert passed_on(dispatcher, partner) == []


def test_the_golden_interest_is_read_whole() -> None:
    text = (GOLDEN / "webhook_dispatcher.automation_interest.v1.json").read_bytes()
    told = msgspec.json.decode(text, type=AutomationInterest)
    assert (told.version, told.event_types) == (7, ["incident.created", "incident.updated"])
    assert set(told.event_types) <= set(event_types.catalogue())


def test_a_run_reaches_the_webhook_of_its_app_that_takes_it_signed_and_in_its_trace(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    dispatcher.approve(partner, "automation.fired", "incident.*")
    webhook = partner.subscribe(receiver.url, "automation.fired")
    run = run_of(partner, webhook)
    [answer] = deliver(dispatcher, partner, run)
    assert (answer.run_id, answer.outcome) == (run.run_id, "succeeded")
    dispatcher.pump_until(lambda: receiver.requests)
    [request] = receiver.requests
    body = msgspec.json.decode(request.body)
    assert (body["data"], body["test"]) == (run.data, True)  # the golden run is of a sandbox
    assert request.headers["webhook-id"] == answer.result["event_id"]
    assert request.headers["traceparent"].split("-")[1] == "a" * 32
    assert partner.books(webhook)["delivered"] == 1


def test_without_a_name_a_run_reaches_every_webhook_that_takes_it_and_no_other(
    partner: Partner, dispatcher: Dispatcher
) -> None:
    dispatcher.approve(partner, "automation.fired", "incident.*")
    takers = [partner.subscribe(HTTPS, "automation.fired"), partner.subscribe(HTTPS, "automation.fired")]
    other = partner.subscribe(HTTPS, "incident.created")
    deliver(dispatcher, partner, run_of(partner))
    assert [len(partner.deliveries(webhook)) for webhook in [*takers, other]] == [1, 1, 0]


def test_a_run_told_again_under_another_attempt_is_delivered_once(partner: Partner, dispatcher: Dispatcher) -> None:
    dispatcher.approve(partner, "automation.fired", "incident.*")
    webhook = partner.subscribe(HTTPS, "automation.fired")
    run = run_of(partner, webhook)
    again = msgspec.structs.replace(run, attempt=2)
    answers = deliver(dispatcher, partner, run, again)
    assert [(one.attempt, one.outcome) for one in answers] == [(1, "succeeded"), (2, "succeeded")]
    assert len(partner.deliveries(webhook)) == 1


def test_two_runs_of_one_batch_are_numbered_on(partner: Partner, dispatcher: Dispatcher) -> None:
    dispatcher.approve(partner, "automation.fired", "incident.*")
    webhook = partner.subscribe(HTTPS, "automation.fired")
    deliver(dispatcher, partner, run_of(partner), run_of(partner))
    assert [one["sequence"] for one in partner.deliveries(webhook)] == [2, 1]


@pytest.mark.parametrize("events", [("incident.created",), ()], ids=["does not take it", "is not there"])
def test_a_webhook_that_does_not_take_it_is_refused(
    partner: Partner, dispatcher: Dispatcher, events: tuple[str, ...]
) -> None:
    dispatcher.approve(partner, "automation.fired", "incident.*")
    webhook = partner.subscribe(HTTPS, *events) if events else f"/{ids.new_id('wh')}"
    [answer] = deliver(dispatcher, partner, run_of(partner, webhook))
    assert (answer.outcome, answer.error) == ("refused", "no_webhook")
    assert webhook.rpartition("/")[2] in (answer.detail or "")


def test_another_apps_webhook_is_refused_even_in_the_same_tenant(partner: Partner, dispatcher: Dispatcher) -> None:
    neighbour = Partner(partner.http, partner.tenant_id)
    dispatcher.approve(neighbour, "automation.fired")
    webhook = neighbour.subscribe(HTTPS, "automation.fired")
    [answer] = deliver(dispatcher, partner, run_of(partner, webhook))
    assert answer.error == "no_webhook"
    assert neighbour.deliveries(webhook) == []


def test_another_tenants_webhook_is_refused(partner: Partner, dispatcher: Dispatcher) -> None:
    stranger = Partner(partner.http)
    dispatcher.approve(stranger, "automation.fired")
    webhook = stranger.subscribe(HTTPS, "automation.fired")
    run = run_of(partner, webhook, client_id=stranger.caller.client_id)
    assert deliver(dispatcher, partner, run)[0].error == "no_webhook"
    assert stranger.deliveries(webhook) == []


def test_a_run_whose_data_breaks_the_schema_is_refused_and_not_sent(partner: Partner, dispatcher: Dispatcher) -> None:
    dispatcher.approve(partner, "automation.fired")
    webhook = partner.subscribe(HTTPS, "automation.fired")
    [answer] = deliver(dispatcher, partner, run_of(partner, webhook, data={"run_id": "x"}))
    assert answer.error == "invalid_event"
    assert partner.deliveries(webhook) == []


def test_a_disabled_apps_runs_wait_and_are_sent_once_it_is_back(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    dispatcher.approve(partner, "automation.fired", "incident.*")
    webhook = partner.subscribe(receiver.url, "automation.fired")
    dispatcher.change_app(partner, 2, status="disabled", approved_events=["automation.fired", "incident.*"])
    deliver(dispatcher, partner, run_of(partner, webhook))
    assert [one["next_attempt_at"] for one in partner.deliveries(webhook)] == [None]
    dispatcher.change_app(partner, 3, approved_events=["automation.fired", "incident.*"])
    dispatcher.release()
    dispatcher.pump_until(lambda: receiver.requests)


def test_withdrawing_the_trigger_gives_up_what_automations_still_send_of_it(
    partner: Partner, dispatcher: Dispatcher
) -> None:
    dispatcher.approve(partner, "automation.fired", "incident.*", "device.*")
    webhook = partner.subscribe(HTTPS, "automation.fired")
    kept = run_of(partner, webhook)
    kept = msgspec.structs.replace(kept, data=kept.data | {"event_type": "device.enrolled"})
    deliver(dispatcher, partner, kept, run_of(partner, webhook))
    dispatcher.approve(partner, "automation.fired", "device.*", version=2)
    assert sorted(one["status"] for one in partner.deliveries(webhook)) == ["failed", "queued"]


def given_up(partner: Partner, dispatcher: Dispatcher, receiver: Receiver) -> tuple[str, str]:
    """A webhook with two given-up deliveries of automations, and the path of that whose trigger was withdrawn since."""
    dispatcher.approve(partner, "automation.fired", "epcr.*", "device.*")
    webhook = partner.subscribe(receiver.url, "automation.fired")
    receiver.behaviour = always(response(500))
    for trigger in ("epcr.encounter.completed", "device.enrolled"):
        run = run_of(partner, webhook)
        deliver(dispatcher, partner, msgspec.structs.replace(run, data=run.data | {"event_type": trigger}))
    dispatcher.pump_until(lambda: partner.books(webhook)["given_up"] == 2)
    dispatcher.approve(partner, "automation.fired", "device.*", version=2)
    receiver.behaviour = always(response(200))
    receiver.requests.clear()
    oldest = partner.deliveries(webhook)[-1]
    return webhook, f"{webhook}/deliveries/{oldest['id']}"


def sent_triggers(receiver: Receiver) -> list[str]:
    return [msgspec.json.decode(request.body)["data"]["event_type"] for request in receiver.requests]


def send_all(dispatcher: Dispatcher, partner: Partner, webhook: str) -> None:
    def step() -> bool:
        dispatcher.release()
        return partner.books(webhook)["pending"] == 0

    dispatcher.pump_until(step)


def test_a_retry_sends_nothing_of_a_trigger_that_was_withdrawn(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook, withdrawn = given_up(partner, dispatcher, receiver)
    answer = partner.post(f"{withdrawn}/retry")
    assert answer.status_code == 403
    assert "epcr.encounter.completed" in answer.json()["detail"]
    assert partner.books(webhook)["pending"] == 0
    newest = partner.deliveries(webhook)[0]["id"]
    assert partner.post(f"{webhook}/deliveries/{newest}/retry").status_code == 202
    send_all(dispatcher, partner, webhook)
    assert sent_triggers(receiver) == ["device.enrolled"]
    dispatcher.approve(partner, "automation.fired", "epcr.*", version=3)
    assert partner.post(f"{withdrawn}/retry").status_code == 202


def test_a_recovery_sends_nothing_of_a_trigger_that_was_withdrawn(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook, _ = given_up(partner, dispatcher, receiver)
    assert partner.post(f"{webhook}/recover?since=2020-01-01T00:00:00Z").json()["queued"] == 1
    send_all(dispatcher, partner, webhook)
    assert sent_triggers(receiver) == ["device.enrolled"]


def test_enabling_a_webhook_again_takes_back_nothing_of_a_trigger_that_was_withdrawn(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook, _ = given_up(partner, dispatcher, receiver)
    partner.put(webhook, {"enabled": False})
    partner.put(webhook, {"enabled": True})
    send_all(dispatcher, partner, webhook)
    assert sent_triggers(receiver) == ["device.enrolled"]


def test_a_receiver_that_is_back_is_sent_nothing_of_a_trigger_that_was_withdrawn(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook, _ = given_up(partner, dispatcher, receiver)
    dispatcher.run(
        "UPDATE subscriptions SET failing_since = now() - interval '1 day' WHERE tenant_id = %s", partner.tenant_id
    )
    run = run_of(partner, webhook)
    deliver(dispatcher, partner, msgspec.structs.replace(run, data=run.data | {"event_type": "device.enrolled"}))
    dispatcher.pump_until(lambda: partner.get(webhook).json()["recovering"])
    send_all(dispatcher, partner, webhook)
    assert sent_triggers(receiver) == ["device.enrolled", "device.enrolled"]


def test_a_run_that_was_on_its_way_when_its_trigger_was_withdrawn_is_refused(
    partner: Partner, dispatcher: Dispatcher
) -> None:
    dispatcher.approve(partner, "automation.fired", "device.*")
    webhook = partner.subscribe(HTTPS, "automation.fired")
    [answer] = deliver(dispatcher, partner, run_of(partner, webhook))
    assert (answer.outcome, answer.error) == ("refused", "stopped")
    assert "incident.created" in (answer.detail or "")
    assert partner.deliveries(webhook) == []


def test_automation_fired_is_for_approved_apps_alone(partner: Partner, dispatcher: Dispatcher) -> None:
    answer = partner.post("/v1/webhooks", {"url": HTTPS, "events": ["automation.fired"]})
    assert answer.status_code == 403
    assert answer.json()["unapproved_events"] == ["automation.fired"]


def test_a_count_of_changes_that_was_forged_within_what_can_be_is_healed_too(
    dispatcher: Dispatcher, partner: Partner
) -> None:
    """No change that the tenant can make in its life would have been taken again."""
    table = Versioned(AutomationInterest, "automation_interest", "tenant_id")

    def types() -> list[str]:
        [row] = dispatcher.rows("SELECT event_types FROM automation_interest WHERE tenant_id = %s", partner.tenant_id)
        return row["event_types"]

    tell_interest(dispatcher, partner.tenant_id, MAX_COUNTED)
    tell_interest(dispatcher, partner.tenant_id, 8, "incident.created")
    assert types() == []
    for found in states.ahead(dispatcher.owner, table, 1_000):
        states.heal(dispatcher.owner, table, found, 1_000)
    tell_interest(dispatcher, partner.tenant_id, 9, "incident.created")
    assert types() == ["incident.created"]
    assert list(states.ahead(dispatcher.owner, table, 1_000)) == []
