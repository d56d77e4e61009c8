"""An advance of a sandbox's clock: its webhooks' waits become shorter, once, and those of nobody else."""

from typing import Any

import httpx2
import pytest

from services.webhook_dispatcher.fanout import clock
from services.webhook_dispatcher.sending import signing
from tests.support.receiver import Receiver, always, answer
from tests.webhook_dispatcher.conftest import Dispatcher, Partner
from tests.webhook_dispatcher.test_recovery import fail_for
from tests.webhook_dispatcher.test_sandbox import Sandbox

HOUR, DAY = 3600, 86_400


@pytest.fixture
def sandbox(dispatcher: Dispatcher, http: httpx2.Client) -> Sandbox:
    return Sandbox(dispatcher, http)


def failed(sandbox: Sandbox, receiver: Receiver, hours: float, number: int = 1) -> str:
    """A webhook with so many deliveries that failed once and wait for so many hours."""
    receiver.behaviour = always(answer(500))
    webhook = sandbox.partner.subscribe(receiver.url, "incident.created")
    sandbox.dispatcher.publish(sandbox.id, *["incident.created"] * number)
    sandbox.dispatcher.pump_until(lambda: len(receiver.requests) >= number)
    wait(sandbox.dispatcher, sandbox.id, hours)
    return webhook


def wait(dispatcher: Dispatcher, tenant_id: str, hours: float) -> None:
    dispatcher.run(
        "UPDATE queue SET rung = 1, due_at = now() + %s * interval '1 hour' WHERE tenant_id = %s", hours, tenant_id
    )


def hours_left(dispatcher: Dispatcher, tenant_id: str) -> list[float]:
    """Until each waiting delivery is due, in whole hours."""
    statement = (
        "SELECT round(extract(epoch FROM due_at - now()) / 3600)::integer AS hours FROM queue WHERE tenant_id = %s"
        " ORDER BY sequence"
    )
    return [row["hours"] for row in dispatcher.rows(statement, tenant_id)]


def test_a_failed_delivery_is_tried_again_at_once_after_an_advance_past_its_wait(
    sandbox: Sandbox, receiver: Receiver
) -> None:
    webhook = failed(sandbox, receiver, hours=5)
    receiver.behaviour = always(answer(200))
    sandbox.perform("advance", number=1, seconds=5 * HOUR)
    sandbox.dispatcher.pump_until(lambda: sandbox.count("queue") == 0)
    [delivery] = sandbox.partner.deliveries(webhook)
    assert (delivery["status"], delivery["attempt"]) == ("succeeded", 2)


def test_a_shorter_advance_leaves_the_rest_of_the_wait(sandbox: Sandbox, receiver: Receiver) -> None:
    failed(sandbox, receiver, hours=5)
    sandbox.perform("advance", number=1, seconds=2 * HOUR)
    assert hours_left(sandbox.dispatcher, sandbox.id) == [3]
    sandbox.perform("advance", number=2, seconds=HOUR)
    assert hours_left(sandbox.dispatcher, sandbox.id) == [2]


def test_a_portion_that_comes_twice_moves_nothing_the_second_time(
    sandbox: Sandbox, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "PORTION", 2)
    webhook = failed(sandbox, receiver, hours=9, number=5)
    fail_for(sandbox.dispatcher, sandbox.partner, 1)
    for portion, left in ((0, True), (0, True), (1, True), (0, True), (2, False), (2, False), (0, False)):
        sandbox.perform("advance", number=1, seconds=2 * HOUR, portion=portion)
        assert sandbox.left() is left, portion
    assert hours_left(sandbox.dispatcher, sandbox.id) == [7] * 5
    [row] = sandbox.dispatcher.rows(
        "SELECT round(extract(epoch FROM now() - failing_since) / 3600)::integer AS hours FROM subscriptions WHERE id = %s",
        webhook.rpartition("/")[2],
    )
    assert row["hours"] == 26
    sandbox.perform("advance", number=2, seconds=HOUR)
    sandbox.perform("advance", number=1, seconds=HOUR, portion=1)
    assert hours_left(sandbox.dispatcher, sandbox.id) == [6, 6, 7, 7, 7], "a late portion of an advance before"


def test_deliveries_of_many_webhooks_move_in_portions(
    sandbox: Sandbox, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "PORTION", 2)
    for number in (1, 3, 2):
        sandbox.partner.subscribe(receiver.url, "incident.created")
        sandbox.dispatcher.publish(sandbox.id, *["incident.created"] * number)
    wait(sandbox.dispatcher, sandbox.id, 9)
    waiting = sandbox.count("queue")
    portions = 0
    while portions == 0 or sandbox.left():
        sandbox.perform("advance", number=1, seconds=HOUR, portion=portions)
        portions += 1
        assert portions < 100
    assert hours_left(sandbox.dispatcher, sandbox.id) == [8] * waiting
    assert portions == waiting // 2 + 1


def test_after_five_days_the_next_failure_disables_a_webhook_and_a_success_does_not(
    sandbox: Sandbox, receiver: Receiver
) -> None:
    dispatcher = sandbox.dispatcher
    webhook = failed(sandbox, receiver, hours=5)
    fail_for(dispatcher, sandbox.partner, 0.01)
    sandbox.perform("advance", number=1, seconds=5 * DAY)
    dispatcher.disable_failing()
    assert sandbox.partner.get(webhook).json()["enabled"], "it was not tried in these days"
    dispatcher.pump_until(lambda: len(receiver.requests) >= 2)
    dispatcher.disable_failing()
    shown = sandbox.partner.get(webhook).json()
    assert (shown["enabled"], shown["disabled_reason"]) == (False, "failing")
    events = dispatcher.rows("SELECT body FROM outbox WHERE tenant_id = %s", sandbox.id)
    [sent] = [row["body"] for row in events if row["body"].get("type") == "webhook.disabled"]
    assert sent["test"] is True


def test_a_receiver_that_works_again_after_the_advance_is_not_disabled(sandbox: Sandbox, receiver: Receiver) -> None:
    webhook = failed(sandbox, receiver, hours=5)
    fail_for(sandbox.dispatcher, sandbox.partner, 0.01)
    receiver.behaviour = always(answer(200))
    sandbox.perform("advance", number=1, seconds=5 * DAY)
    sandbox.dispatcher.pump_until(lambda: sandbox.count("queue") == 0)
    sandbox.dispatcher.disable_failing()
    assert sandbox.partner.get(webhook).json()["enabled"]


def test_a_pause_that_the_receiver_asked_for_ends(sandbox: Sandbox, receiver: Receiver) -> None:
    failed(sandbox, receiver, hours=0)
    sandbox.dispatcher.run(
        "UPDATE subscriptions SET slowed_until = now() + interval '50 minutes' WHERE tenant_id = %s", sandbox.id
    )
    receiver.behaviour = always(answer(200))
    sandbox.perform("advance", number=1, seconds=HOUR)
    sandbox.dispatcher.pump_until(lambda: sandbox.count("queue") == 0)


def test_an_old_signing_secret_ends(sandbox: Sandbox, receiver: Receiver) -> None:
    webhook = sandbox.partner.subscribe(receiver.url, "incident.created")
    sandbox.partner.put(webhook, {"secret": signing.generate_secret()})
    assert sandbox.partner.get(webhook).json()["previous_secret_fingerprint"]
    sandbox.perform("advance", number=1, seconds=25 * HOUR)
    assert "previous_secret_fingerprint" not in sandbox.partner.get(webhook).json()


def test_a_delivery_that_is_being_sent_is_not_sent_a_second_time(sandbox: Sandbox, receiver: Receiver) -> None:
    """Its due time is the end of the sender's lease."""
    failed(sandbox, receiver, hours=5)
    sandbox.dispatcher.run(
        "UPDATE queue SET leased = true, due_at = now() + interval '2 hours' WHERE tenant_id = %s", sandbox.id
    )
    sandbox.perform("advance", number=1, seconds=DAY)
    assert hours_left(sandbox.dispatcher, sandbox.id) == [2]


def test_nothing_counts_as_late_because_of_an_advance(sandbox: Sandbox, receiver: Receiver) -> None:
    """Otherwise the alert of late deliveries would wake somebody."""
    failed(sandbox, receiver, hours=5)
    sandbox.perform("advance", number=1, seconds=30 * DAY)
    assert hours_left(sandbox.dispatcher, sandbox.id) == [0]


def test_a_wait_of_production_never_moves_whoever_asks(
    sandbox: Sandbox, partner: Partner, dispatcher: Dispatcher
) -> None:
    """Not even where a message names the tenant of production, which auth never sends."""
    dispatcher.approve(partner, "incident.*")
    webhook = partner.subscribe("https://integrator.example/", "incident.created")
    dispatcher.publish(partner.tenant_id, "incident.created")
    wait(dispatcher, partner.tenant_id, 5)
    fail_for(dispatcher, partner, 1)
    state = "SELECT failing_since, last_failure_at, slowed_until FROM subscriptions WHERE id = %s"
    before: list[dict[str, Any]] = dispatcher.rows(state, webhook.rpartition("/")[2])
    sandbox.perform("advance", tenant_id=partner.tenant_id, number=1, seconds=5 * DAY)
    sandbox.perform("advance", number=1, seconds=5 * DAY)
    assert hours_left(dispatcher, partner.tenant_id) == [5]
    assert dispatcher.rows(state, webhook.rpartition("/")[2]) == before


def test_the_clock_of_a_deleted_sandbox_leaves_nothing(sandbox: Sandbox) -> None:
    sandbox.perform("advance", number=1, seconds=HOUR)
    assert sandbox.count("sandbox_clocks") == 1
    sandbox.erase("end")
    assert sandbox.count("sandbox_clocks") == 0
