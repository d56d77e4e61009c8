"""Notices to an app about its webhooks: once for each change, to its own webhooks alone, and none about a notice."""

from typing import Any

import httpx2
import msgspec
import pytest
from prometheus_client import REGISTRY

from services.webhook_dispatcher.fanout.event_types import ABOUT_WEBHOOKS
from services.webhook_dispatcher.fanout.intake import violation
from services.webhook_dispatcher.notices import notices, queries
from shared.messaging.messages import Event
from shared.storage.database import task_transaction
from tests.support.receiver import Receiver, always, answer, running
from tests.webhook_dispatcher.conftest import Dispatcher, Partner

URL = "https://integrator.example/webhooks/argus"
NOTICES = ["webhook.failing", "webhook.recovered", "delivery.exhausted"]


def send(dispatcher: Dispatcher, seconds: float = 3600) -> int:
    with task_transaction(dispatcher.pool) as conn:
        return notices.send(conn, seconds)


def sent(dispatcher: Dispatcher, partner: Partner) -> list[dict[str, Any]]:
    """The events in the outbox, which are taken out."""
    rows = dispatcher.rows("SELECT id, body FROM outbox WHERE tenant_id = %s ORDER BY id", partner.tenant_id)
    dispatcher.run("DELETE FROM outbox WHERE tenant_id = %s", partner.tenant_id)
    events = [row["body"] for row in rows if row["body"]["type"] in NOTICES]
    for event in events:
        assert violation(event["type"], event["data"]) is None
        assert event["recipients"] == [partner.client_id]
    return events


def fail_for(dispatcher: Dispatcher, partner: Partner, interval: str, last: str = "now()") -> None:
    dispatcher.run(
        f"UPDATE subscriptions SET failing_since = now() - %s::interval, last_failure_at = {last} WHERE tenant_id = %s",
        interval, partner.tenant_id,
    )  # fmt: skip


def deliver(dispatcher: Dispatcher, partner: Partner, webhook: str, *names: str) -> None:
    dispatcher.publish(partner.tenant_id, *names or ("incident.updated",))
    dispatcher.pump_until(lambda: partner.books(webhook)["pending"] == 0)


def test_an_app_is_notified_once_that_its_webhook_fails_and_once_that_it_has_recovered(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    receiver.behaviour = always(answer(503))
    deliver(dispatcher, partner, webhook)
    send(dispatcher)
    assert [one["type"] for one in sent(dispatcher, partner)] == ["delivery.exhausted"]
    fail_for(dispatcher, partner, "61 minutes")
    assert send(dispatcher) == 1
    [failing] = sent(dispatcher, partner)
    assert failing["type"] == "webhook.failing"
    assert failing["data"]["webhook_id"] in webhook
    assert (failing["data"]["error"], failing["data"]["response_status"]) == ("http_status", 503)
    assert send(dispatcher) == 0
    receiver.behaviour = always(answer(200))
    dispatcher.run("UPDATE subscriptions SET slowed_until = NULL WHERE tenant_id = %s", partner.tenant_id)
    before = len(receiver.requests)
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: len(receiver.requests) > before)
    assert send(dispatcher) == 1
    [recovered] = sent(dispatcher, partner)
    assert (recovered["type"], recovered["data"]["failing_since"]) == (
        "webhook.recovered",
        failing["data"]["failing_since"],
    )
    assert recovered["data"]["recovered_at"] > recovered["data"]["failing_since"]
    assert send(dispatcher) == 0


def test_a_recovery_after_the_owner_s_repair_is_notified_at_the_first_success_and_not_before(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    fail_for(dispatcher, partner, "2 hours")
    send(dispatcher)
    assert partner.put(webhook, {"enabled": True}).json()["failing_since"] is None
    sent(dispatcher, partner)
    assert send(dispatcher) == 0
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.release()
    dispatcher.pump_until(lambda: receiver.requests)
    assert send(dispatcher) == 1
    assert [one["type"] for one in sent(dispatcher, partner)] == ["webhook.recovered"]


@pytest.mark.parametrize(("interval", "last"), [("59 minutes", "now()"), ("2 hours", "now() - interval '2 hours'")])
def test_a_failure_that_is_short_or_alone_is_no_notice(
    partner: Partner, dispatcher: Dispatcher, interval: str, last: str
) -> None:
    partner.subscribe(URL)
    fail_for(dispatcher, partner, interval, last)
    assert send(dispatcher) == 0


@pytest.mark.parametrize("change", ["enabled = false", "paused = true"])
def test_a_stopped_webhook_is_not_called_failing(partner: Partner, dispatcher: Dispatcher, change: str) -> None:
    partner.subscribe(URL)
    fail_for(dispatcher, partner, "2 hours")
    dispatcher.run(f"UPDATE subscriptions SET {change} WHERE tenant_id = %s", partner.tenant_id)
    assert send(dispatcher) == 0


def test_given_up_deliveries_make_one_notice_in_ten_minutes_with_their_number(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    receiver.behaviour = always(answer(500))
    deliver(dispatcher, partner, webhook, *["incident.updated"] * 3)
    assert send(dispatcher) == 1
    [notice] = sent(dispatcher, partner)
    assert (notice["type"], notice["data"]["deliveries"]) == ("delivery.exhausted", 3)
    assert notice["data"]["delivery_id"] in {one["id"] for one in partner.deliveries(webhook)}
    deliver(dispatcher, partner, webhook)
    assert send(dispatcher) == 0
    dispatcher.run(
        "UPDATE subscriptions SET exhausted_noticed_at = now() - interval '11 minutes' WHERE tenant_id = %s",
        partner.tenant_id,
    )
    assert send(dispatcher) == 1
    assert [one["data"]["deliveries"] for one in sent(dispatcher, partner)] == [1]


def test_a_delivery_that_had_succeeded_and_a_test_are_not_given_up(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    deliver(dispatcher, partner, webhook)
    [delivery] = partner.deliveries(webhook)
    receiver.behaviour = always(answer(500))
    assert partner.post(f"{webhook}/deliveries/{delivery['id']}/retry").status_code == 202
    assert partner.post(webhook + "/test").status_code == 202
    dispatcher.pump_until(lambda: len(receiver.requests) == 3)
    assert send(dispatcher) == 0


def test_a_notice_that_is_given_up_makes_no_notice(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    """Two webhooks that fail would otherwise notify each other for ever."""
    dispatcher.approve(partner, "*")
    webhook = partner.subscribe(receiver.url, *sorted(ABOUT_WEBHOOKS))
    receiver.behaviour = always(answer(500))
    data = {"webhook_id": "wh_01jdkfx3c8e2r9v5m7q4t6w0ya"}
    assert set(NOTICES) < ABOUT_WEBHOOKS
    deliver(dispatcher, partner, webhook, *sorted(ABOUT_WEBHOOKS - {"delivery.exhausted"}))
    dispatcher.publish(partner.tenant_id, "delivery.exhausted", **data)
    dispatcher.pump_until(lambda: partner.books(webhook)["pending"] == 0)
    assert partner.books(webhook)["given_up"] == 4
    assert send(dispatcher) == 0


def test_a_notice_goes_to_the_other_webhooks_of_its_app_alone(
    http: httpx2.Client, partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    colleague = Partner(http, partner.tenant_id)
    for one in (partner, colleague):
        dispatcher.approve(one, "incident.*", "webhook.*")
    with running(Receiver()) as of_the_colleague:
        failing = partner.subscribe(URL, "incident.updated", "webhook.failing")
        fail_for(dispatcher, partner, "2 hours")
        other = partner.subscribe(receiver.url, "webhook.failing")
        theirs = colleague.subscribe(of_the_colleague.url, "webhook.failing")
        assert send(dispatcher) == 1
        [notice] = sent(dispatcher, partner)
        dispatcher.fan_out([(partner.tenant_id, msgspec.convert(notice, Event))])
        dispatcher.pump_until(lambda: receiver.requests)
        assert receiver.requests[0].json["data"]["webhook_id"] in failing
        assert len(partner.deliveries(other)) == 1
        assert partner.deliveries(failing) == colleague.deliveries(theirs) == []


def test_many_notices_go_out_in_portions(
    partner: Partner, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "PORTION", 3)
    for _ in range(8):
        partner.subscribe(URL)
    fail_for(dispatcher, partner, "2 hours")
    assert send(dispatcher) == 8
    assert len(sent(dispatcher, partner)) == 8


def test_a_text_as_long_as_an_error_may_be_reaches_no_process_and_stops_no_other_notice(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A role of a process can write it into any attempt."""
    webhook = partner.subscribe(receiver.url)
    receiver.behaviour = always(answer(503))
    deliver(dispatcher, partner, webhook)
    partner.subscribe(URL)
    dispatcher.run(
        "UPDATE attempts SET error = (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 1000) n) WHERE tenant_id = %s",
        partner.tenant_id,
    )
    sent(dispatcher, partner)
    fail_for(dispatcher, partner, "2 hours")
    read, noted = list[int](), notices.noted

    def measured(*arguments: Any) -> list[notices.Notice]:
        found = noted(*arguments)
        read.extend(len(str(one)) for one in found)
        return found

    monkeypatch.setattr(notices, "noted", measured)
    send(dispatcher)
    failing = [one for one in sent(dispatcher, partner) if one["type"] == "webhook.failing"]
    assert [one["data"]["error"] for one in failing] == ["unknown"] * 2
    assert max(read) < 1000


def test_a_webhook_whose_notice_fails_is_set_aside_and_stops_no_other(
    partner: Partner, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        partner.subscribe(URL)
    fail_for(dispatcher, partner, "2 hours")
    bad = dispatcher.rows("SELECT max(id) AS id FROM subscriptions WHERE tenant_id = %s", partner.tenant_id)[0]["id"]
    add = notices.outbox.add_sync

    def fails(conn: Any, tenant_id: str, event: Event) -> None:
        if event.data["webhook_id"] == bad:
            conn.execute("SELECT 1 / 0")
        add(conn, tenant_id, event)

    before = set_aside()
    monkeypatch.setattr(notices.outbox, "add_sync", fails)
    send(dispatcher)
    assert len(sent(dispatcher, partner)) == 2
    assert set_aside() == before + 1
    assert send(dispatcher) == 0


def set_aside() -> float:
    return REGISTRY.get_sample_value("rows_set_aside_total", {"work": notices.SEND_NOTICES}) or 0.0
