"""A webhook that stops, and comes back: nothing is lost meanwhile, and waiting deliveries arrive oldest first at a rising rate."""

import asyncio
import itertools
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.webhook_dispatcher.history import decision_queries, decisions
from services.webhook_dispatcher.sending import queries
from shared.messaging.messages import Received as Message
from shared.primitives import ids
from shared.storage.database import task_transaction
from tests.support.receiver import Receiver, always, answer
from tests.support.waiting import wait_for
from tests.webhook_dispatcher.conftest import Dispatcher, Partner, event
from tests.webhook_dispatcher.test_sending import CLAIM_ALL, MEASURE_ALL


def waiting(dispatcher: Dispatcher, partner: Partner) -> list[bool]:
    """For each unfinished delivery, oldest first, whether it is held."""
    statement = (
        "SELECT s.held AND q.stage IN (3, 4) AS held FROM queue q JOIN subscriptions s ON s.id = q.subscription_id"
        " WHERE q.tenant_id = %s ORDER BY sequence"
    )
    return [row["held"] for row in dispatcher.rows(statement, partner.tenant_id)]


def fail_for(dispatcher: Dispatcher, partner: Partner, days: float, last: str = "now()") -> None:
    dispatcher.run(
        f"UPDATE subscriptions SET failing_since = now() - %s * interval '1 day', last_failure_at = {last} WHERE tenant_id = %s",
        days,
        partner.tenant_id,
    )


def recover(dispatcher: Dispatcher, receiver: Receiver, partner: Partner, webhook: str) -> list[int]:
    """Steps the recovery to its end; how many were released in each step."""
    steps: list[int] = []
    dispatcher.work_off()
    while partner.get(webhook).json()["recovering"]:
        held = waiting(dispatcher, partner).count(True)
        dispatcher.release()
        steps.append(held - waiting(dispatcher, partner).count(True))
        released = sum(steps)
        dispatcher.pump_until(lambda released=released: len(receiver.requests) >= released)
    return steps


def test_after_five_days_of_failure_a_webhook_is_disabled_and_the_others_are_told(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    dispatcher.approve(partner, "incident.*", "webhook.disabled")
    failing = partner.subscribe("https://gone.example/")
    other = partner.subscribe(receiver.url, "webhook.disabled")
    dispatcher.run(
        "UPDATE subscriptions SET failing_since = now() - interval '5 days 1 hour', last_failure_at = now() WHERE id = %s",
        failing.rpartition("/")[2],
    )
    assert dispatcher.disable_failing() == 1
    shown = partner.get(failing).json()
    assert (shown["enabled"], shown["disabled_reason"]) == (False, "failing")
    [row] = dispatcher.rows("SELECT body FROM outbox WHERE tenant_id = %s", partner.tenant_id)
    assert row["body"]["data"] == {"webhook_id": shown["id"], "reason": "failing"}
    assert partner.get(other).json()["enabled"]
    assert dispatcher.disable_failing() == 0


@pytest.mark.parametrize("environment", ["production", "sandbox"])
@pytest.mark.parametrize("reason", ["failing", "gone"])
def test_of_a_sandbox_it_is_told_as_a_test_that_a_webhook_was_disabled(
    http: Any, dispatcher: Dispatcher, receiver: Receiver, reason: str, environment: Any
) -> None:
    partner = Partner(http, environment=environment)
    webhook = partner.subscribe(receiver.url)
    if reason == "failing":
        fail_for(dispatcher, partner, 6)
        dispatcher.disable_failing()
    else:
        receiver.behaviour = always(answer(410))
        dispatcher.publish(partner.tenant_id, "incident.updated")
        dispatcher.pump_until(lambda: not partner.get(webhook).json()["enabled"])
    [row] = dispatcher.rows("SELECT body FROM outbox WHERE tenant_id = %s", partner.tenant_id)
    told = (row["body"]["type"], row["body"]["data"]["reason"], row["body"].get("test", False))
    assert told == ("webhook.disabled", reason, environment == "sandbox")


def test_changing_a_webhook_made_before_sandboxes_were_known_marks_it(http: Any, dispatcher: Dispatcher) -> None:
    partner = Partner(http, environment="sandbox")
    webhook = partner.subscribe("https://gone.example/")
    dispatcher.run("UPDATE subscriptions SET rehearses = false WHERE tenant_id = %s", partner.tenant_id)
    partner.put(webhook, {"description": "tried"})
    fail_for(dispatcher, partner, 6)
    dispatcher.disable_failing()
    [row] = dispatcher.rows("SELECT body FROM outbox WHERE tenant_id = %s", partner.tenant_id)
    assert row["body"]["test"] is True


@pytest.mark.parametrize(("days", "last"), [(4.9, "now()"), (30, "now() - interval '29 days'")])
def test_neither_a_shorter_failure_nor_one_failure_long_ago_disables(
    partner: Partner, dispatcher: Dispatcher, days: float, last: str
) -> None:
    webhook = partner.subscribe("https://gone.example/")
    fail_for(dispatcher, partner, days, last)
    dispatcher.disable_failing()
    assert partner.get(webhook).json()["enabled"]


def test_events_for_a_disabled_webhook_are_kept_and_sent_oldest_first_at_a_rising_rate(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    partner.put(webhook, {"enabled": False})
    sent = [dispatcher.publish(partner.tenant_id, "incident.updated")[0] for _ in range(20)]
    assert waiting(dispatcher, partner) == [True] * 20
    assert partner.put(webhook, {"enabled": True}).json()["recovering"]
    late = dispatcher.publish(partner.tenant_id, "incident.updated")
    assert waiting(dispatcher, partner) == [True] * 21
    steps = recover(dispatcher, receiver, partner, webhook)
    assert steps == [1, 2, 4, 8, 6]
    order = receiver.ids()
    bounds = [sum(steps[:n]) for n in range(len(steps) + 1)]
    expected = sent + late
    for low, high in itertools.pairwise(bounds):
        assert sorted(order[low:high]) == expected[low:high]
    assert partner.books(webhook) | {"first_sequence": 1} == {
        "accepted": 21, "delivered": 21, "pending": 0, "given_up": 0, "first_sequence": 1, "last_sequence": 21,
        "complete": True,
    }  # fmt: skip
    dispatcher.publish(partner.tenant_id, "incident.updated")
    assert waiting(dispatcher, partner) == [False]


def failing_recovery(partner: Partner, dispatcher: Dispatcher, receiver: Receiver, response: bytes) -> str:
    """A webhook with six deliveries held, whose first probe has failed with this response."""
    webhook = partner.subscribe(receiver.url)
    partner.put(webhook, {"enabled": False})
    for _ in range(6):
        dispatcher.publish(partner.tenant_id, "incident.updated")
    partner.put(webhook, {"enabled": True})
    receiver.behaviour = always(response)
    dispatcher.release()
    assert waiting(dispatcher, partner) == [False, *[True] * 5]
    dispatcher.pump_until(lambda: partner.get(webhook).json()["failing_since"])
    return webhook


def pause_of(dispatcher: Dispatcher, partner: Partner) -> float:
    """Seconds until the next probe."""
    statement = (
        "SELECT extract(epoch FROM slowed_until - now())::float8 AS wait FROM subscriptions WHERE tenant_id = %s"
    )
    [row] = dispatcher.rows(statement, partner.tenant_id)
    return row["wait"]


def end_pause(dispatcher: Dispatcher, partner: Partner) -> None:
    dispatcher.run("UPDATE subscriptions SET slowed_until = NULL WHERE tenant_id = %s", partner.tenant_id)


def ladders(dispatcher: Dispatcher, partner: Partner) -> list[int]:
    rows = dispatcher.rows("SELECT rung FROM queue WHERE tenant_id = %s ORDER BY sequence", partner.tenant_id)
    return [row["rung"] for row in rows]


def test_a_recovery_stops_at_its_first_failure_and_goes_on_with_the_next_oldest_as_its_probe(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    """One delivery that its receiver will never take keeps no other back: it climbs its ladder beside the recovery."""
    webhook = failing_recovery(partner, dispatcher, receiver, answer(500, "retry-after: 3600\r\n"))
    assert ladders(dispatcher, partner) == [1, 0, 0, 0, 0, 0]
    assert dispatcher.release() == 0
    end_pause(dispatcher, partner)
    assert dispatcher.release() == 1
    assert waiting(dispatcher, partner) == [False, False, *[True] * 4]
    receiver.behaviour = always(answer(200))
    receiver.requests.clear()
    dispatcher.pump_until(lambda: len(receiver.requests) == 1)
    receiver.requests.clear()
    assert recover(dispatcher, receiver, partner, webhook)[:2] == [1, 2]
    assert partner.books(webhook)["delivered"] == 5
    [climbing] = partner.deliveries(webhook, status="retrying")
    assert (climbing["sequence"], climbing["attempt"]) == (1, 1)


def test_while_a_recovery_fails_its_probes_come_as_rarely_as_the_receiver_asked(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    failing_recovery(partner, dispatcher, receiver, answer(500, "retry-after: 3600\r\n"))
    assert 3590 < pause_of(dispatcher, partner) <= 3600
    assert dispatcher.release() == 0


@pytest.mark.parametrize(("failing_for", "pause"), [("100 seconds", 100), ("5 hours", 600)])
def test_while_a_recovery_fails_its_probes_come_after_as_long_again_as_it_has_failed_but_within_ten_minutes(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, failing_for: str, pause: float
) -> None:
    failing_recovery(partner, dispatcher, receiver, answer(500))
    assert pause_of(dispatcher, partner) < 1
    dispatcher.run(
        "UPDATE subscriptions SET failing_since = now() - %s::interval, slowed_until = NULL WHERE tenant_id = %s",
        failing_for,
        partner.tenant_id,
    )
    dispatcher.release()
    sent = len(receiver.requests)
    dispatcher.pump_until(lambda: len(receiver.requests) > sent and pause_of(dispatcher, partner))
    assert pause - 15 < pause_of(dispatcher, partner) < pause + 15


def test_a_failure_at_full_rate_holds_back_again_what_was_released(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    partner.put(webhook, {"enabled": False})
    for _ in range(12):
        dispatcher.publish(partner.tenant_id, "incident.updated")
    partner.put(webhook, {"enabled": True})
    dispatcher.run(
        "UPDATE subscriptions SET recovery_rate = 8, concurrency = 1 WHERE tenant_id = %s", partner.tenant_id
    )
    receiver.behaviour = always(answer(503, "retry-after: 3600\r\n"))
    assert dispatcher.release() == 8
    dispatcher.pump_until(lambda: partner.get(webhook).json()["slowed_until"])
    assert waiting(dispatcher, partner) == [False, *[True] * 11]
    assert len(receiver.requests) == 1


def test_what_a_recovery_used_up_while_its_receiver_failed_again_is_gathered_a_second_time(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = failing_recovery(partner, dispatcher, receiver, answer(500))
    dispatcher.pump_until(lambda: partner.books(webhook)["given_up"] == 1)
    fail_for(dispatcher, partner, 0.5)
    end_pause(dispatcher, partner)
    receiver.behaviour = always(answer(200))
    receiver.requests.clear()
    dispatcher.release()
    dispatcher.pump_until(lambda: len(receiver.requests) == 1)
    dispatcher.work_off()
    assert partner.books(webhook) | {"delivered": 1, "pending": 5, "given_up": 0} == partner.books(webhook)
    receiver.requests.clear()
    recover(dispatcher, receiver, partner, webhook)
    assert partner.books(webhook)["delivered"] == 6


def test_enabling_takes_back_what_was_given_up_since_the_failure_began(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    receiver.behaviour = always(answer(500))
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: partner.books(webhook)["given_up"] == 1)
    fail_for(dispatcher, partner, 6)
    assert dispatcher.disable_failing() == 1
    receiver.behaviour = always(answer(200))
    receiver.requests.clear()
    partner.put(webhook, {"enabled": True})
    assert partner.books(webhook)["pending"] == 1
    assert recover(dispatcher, receiver, partner, webhook) == [1]
    assert partner.books(webhook)["delivered"] == 1


def test_a_receiver_that_answers_again_after_an_outage_gets_what_it_missed_without_asking(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    receiver.behaviour = always(answer(500))
    for _ in range(3):
        dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: partner.books(webhook)["given_up"] == 3)
    fail_for(dispatcher, partner, 0.5)
    receiver.behaviour = always(answer(200))
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: partner.get(webhook).json()["recovering"])
    receiver.requests.clear()
    assert recover(dispatcher, receiver, partner, webhook) == [1, 2]
    assert partner.books(webhook)["delivered"] == 4


def test_recover_queues_what_was_given_up_since_a_time(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    receiver.behaviour = always(answer(500))
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: partner.books(webhook)["given_up"] == 2)
    since = partner.deliveries(webhook)[0]["created_at"]
    answered = partner.post(f"{webhook}/recover?since={since}")
    later = sum(one["created_at"] >= since for one in partner.deliveries(webhook))
    told = {"hastened": 0, "gathering": False}
    assert (answered.status_code, answered.json()) == (202, {"queued": later} | told)
    assert partner.post(f"{webhook}/recover?since=2020-01-01T00:00:00Z").json() == {"queued": 2 - later} | told
    assert partner.books(webhook)["pending"] == 2
    for query in ("", "?since=yesterday", "?since=2026-01-01T00:00:00", "?since=2026-01-01T00:00:00Z&until=x"):
        assert partner.post(f"{webhook}/recover{query}").status_code == 422
    partner.put(webhook, {"enabled": False})
    assert partner.post(f"{webhook}/recover?since=2020-01-01T00:00:00Z").status_code == 409


def test_a_disabled_app_pauses_its_webhooks_and_an_enabled_one_recovers_them(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.change_app(partner, 1, status="disabled")
    dispatcher.publish(partner.tenant_id, "incident.updated")
    assert partner.get(webhook).json()["paused"]
    assert waiting(dispatcher, partner) == [True, True]
    dispatcher.change_app(partner, 2, status="active")
    assert not partner.get(webhook).json()["paused"]
    assert recover(dispatcher, receiver, partner, webhook) == [1, 1]


def test_a_deleted_app_takes_its_webhooks_with_it(partner: Partner, dispatcher: Dispatcher) -> None:
    partner.subscribe("https://integrator.example/")
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.change_app(partner, 1, status="deleted")
    assert dispatcher.rows("SELECT 1 FROM subscriptions WHERE tenant_id = %s", partner.tenant_id) == []
    assert waiting(dispatcher, partner) == []


@given(st.integers(0, 3000), st.integers(1, decisions.FASTEST))
def test_a_step_never_has_more_out_than_its_rate_and_doubles_only_when_all_arrived(out: int, rate: int) -> None:
    room, following = decisions.next_step(rate, out, failing=False)
    assert room == max(0, rate - out)
    assert following == (min(decisions.FASTEST, 2 * rate) if out == 0 else rate)
    probes, after = decisions.next_step(rate, out, failing=True)
    assert (probes, after) == (1 if out == 0 else 0, 1)


def test_a_recovery_does_not_send_what_is_no_longer_approved(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url, "incident.updated", "incident.closed")
    partner.put(webhook, {"enabled": False})
    dispatcher.publish(partner.tenant_id, "incident.closed")
    dispatcher.approve(partner, "incident.updated")
    partner.put(webhook, {"enabled": True})
    assert partner.post(f"{webhook}/recover?since=2020-01-01T00:00:00Z").json()["queued"] == 0
    assert partner.books(webhook)["given_up"] == 1


def test_a_recovery_asked_for_does_not_wait_for_the_retries_of_others(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    receiver.behaviour = always(answer(500))
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: partner.books(webhook)["given_up"] == 1)
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.run("UPDATE queue SET due_at = now() + interval '1 day' WHERE tenant_id = %s", partner.tenant_id)
    receiver.behaviour = always(answer(200))
    receiver.requests.clear()
    partner.post(f"{webhook}/recover?since=2020-01-01T00:00:00Z")
    assert recover(dispatcher, receiver, partner, webhook) == [1, 1]
    assert partner.books(webhook)["delivered"] == 2


def test_what_a_dead_sender_held_is_not_sent_to_a_webhook_disabled_since(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.run(
        "UPDATE queue SET leased = true, attempt = 1, due_at = now() WHERE tenant_id = %s", partner.tenant_id
    )
    partner.put(webhook, {"enabled": False})
    partner.post(f"{webhook}/test")
    dispatcher.pump_until(lambda: receiver.requests)
    assert len(receiver.requests) == 1


def test_what_an_app_is_sent_while_it_is_deleted_does_not_stay_behind(partner: Partner, dispatcher: Dispatcher) -> None:
    partner.subscribe("https://integrator.example/")
    message = Message(ids.uuid7(), partner.tenant_id, datetime.now(UTC), None, event("incident.updated"))
    deleting = threading.Thread(target=lambda: dispatcher.change_app(partner, status="deleted"))
    with task_transaction(dispatcher.pool) as conn:
        dispatcher.intake.fan_out(conn, [message])
        deleting.start()
        blocked = "SELECT 1 FROM pg_locks WHERE NOT granted"
        wait_for(lambda: dispatcher.rows(blocked))
    deleting.join()
    assert dispatcher.rows("SELECT 1 FROM subscriptions WHERE tenant_id = %s", partner.tenant_id) == []
    assert waiting(dispatcher, partner) == []


def test_a_late_410_of_the_old_url_does_not_stop_the_new_one(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    changed = threading.Event()

    async def late(request: Any, writer: Any) -> bool:
        await asyncio.to_thread(changed.wait, 10)
        writer.write(answer(410))
        return True

    receiver.behaviour = late
    webhook = partner.subscribe(receiver.url)
    dispatcher.publish(partner.tenant_id, "incident.updated")

    def change() -> None:
        wait_for(lambda: receiver.requests)
        partner.put(webhook, {"url": "https://integrator.example/"})
        changed.set()

    changing = threading.Thread(target=change)
    changing.start()
    dispatcher.pump_until(lambda: partner.deliveries(webhook)[0]["attempt"] >= 1)
    changing.join()
    assert partner.get(webhook).json()["enabled"]


def test_what_was_given_up_in_an_outage_is_recovered_although_it_is_older_than_the_outage(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    receiver.behaviour = always(answer(500))
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: partner.books(webhook)["given_up"] == 1)
    partner.put(webhook, {"enabled": False})
    partner.put(webhook, {"enabled": True})
    assert partner.books(webhook)["pending"] == 1


def test_what_is_past_its_retention_is_given_up_and_can_not_be_sent_again(
    partner: Partner, dispatcher: Dispatcher
) -> None:
    webhook = partner.subscribe("https://integrator.example/")
    dispatcher.publish(partner.tenant_id, "incident.updated")
    old = datetime.now(UTC) - timedelta(days=40)
    [event_id] = [
        row["event_id"] for row in dispatcher.rows("SELECT * FROM queue WHERE tenant_id = %s", partner.tenant_id)
    ]
    dispatcher.run("DELETE FROM events WHERE id = %s", event_id)
    dispatcher.run("UPDATE queue SET event_at = %s WHERE event_id = %s", old, event_id)
    dispatcher.pump_until(lambda: partner.books(webhook)["given_up"] == 1)
    [delivery] = partner.deliveries(webhook)
    assert partner.post(f"{webhook}/deliveries/{delivery['id']}/retry").status_code == 409
    assert partner.post(f"{webhook}/recover?since=2020-01-01T00:00:00Z").json()["queued"] == 0


def test_the_statements_of_every_second_do_not_read_what_is_held(partner: Partner, dispatcher: Dispatcher) -> None:
    """Thirty thousand deliveries wait for webhooks that are stopped or recovering: the search for work passes them by."""
    dispatcher.run("DELETE FROM queue")
    for paused in (True, False):
        webhook = partner.subscribe("https://integrator.example/").rpartition("/")[2]
        dispatcher.run("UPDATE subscriptions SET paused = %s, recovering = true WHERE id = %s", paused, webhook)
        dispatcher.run(
            "INSERT INTO queue (delivery_id, delivery_at, tenant_id, subscription_id, event_id, event_at, event_type, sequence, due_at)"
            " SELECT 'dlv_' || %s || n, now(), %s, %s, 'evt_1', now(), 'incident.updated', n, now()"
            " FROM generate_series(1, 15000) n",
            str(paused),
            partner.tenant_id,
            webhook,
        )
    dispatcher.run("VACUUM ANALYZE queue, subscriptions")
    one = {"subscription_id": webhook}
    statements = {
        "count": (decision_queries.COUNT_RELEASED, one),
        "release": (decision_queries.RELEASE_OLDEST, one | {"room": 10, "restarts": True}),
        "end": (decision_queries.SET_RECOVERY, one | {"rate": 1}),
        "claim": (queries.CLAIM, CLAIM_ALL),
    }
    with psycopg.connect(dispatcher.database.worker) as conn:
        read = {name: pages_read(conn, *statement) for name, statement in statements.items()}
        conn.rollback()
        measuring = pages_read(conn, queries.MEASURE, MEASURE_ALL)
    assert max(read.values()) < 300, read
    # It counts up to ten thousand of each kind.
    assert measuring < 6000
    dispatcher.run("DELETE FROM queue WHERE tenant_id = %s", partner.tenant_id)


def pages_read(conn: psycopg.Connection[Any], statement: Any, parameters: dict[str, Any]) -> int:
    explained = conn.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + statement, parameters).fetchone()
    plan = explained[0][0]["Plan"] if explained else {}
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
