"""The queue door: who calls a sender and when, what the relay keeps in order, what leaves with its partition."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import psycopg
import pytest
from redis import Redis

from services.webhook_dispatcher import dispatch_queries, metrics, tasks
from services.webhook_dispatcher.settings import Settings
from shared import broker, ids
from shared.database import task_transaction
from shared.messages import WebhookTenant
from shared.relay import Envelope
from shared.settings import load
from shared.worker import Received as Message
from tests.support.environment import environment_of
from tests.support.signing import sealed
from tests.support.waiting import wait_for
from tests.webhook_dispatcher.conftest import Dispatcher, Partner, event, serving
from tests.webhook_dispatcher.receiver import Receiver, hang


@pytest.fixture
def calls(redis_url: str) -> Any:
    """How many calls wait in the senders' queue."""
    with Redis.from_url(redis_url) as redis:
        yield lambda: redis.llen(tasks.SEND)


@pytest.fixture
def idle(dispatcher: Dispatcher) -> Dispatcher:
    """With nothing left over from other tests."""
    dispatcher.run("DELETE FROM queue")
    return dispatcher


def ring_if_due(dispatcher: Dispatcher, settings: Settings) -> None:
    with task_transaction(dispatcher.pool) as conn:
        tasks.ring_if_due(conn, broker.connect(tasks.SERVICE, settings.redis_url), 1)


def test_the_relay_calls_a_sender_for_what_is_due_and_for_nothing_else(
    partner: Partner, idle: Dispatcher, settings: Settings, calls: Any
) -> None:
    partner.subscribe("https://integrator.example/")
    ring_if_due(idle, settings)
    assert calls() == 0
    idle.publish(partner.tenant_id, "incident.updated")
    idle.run("UPDATE queue SET due_at = now() + interval '1 minute'")
    ring_if_due(idle, settings)
    assert calls() == 0
    idle.run("UPDATE queue SET due_at = now()")
    ring_if_due(idle, settings)
    assert calls() == 1


def test_while_a_sender_runs_no_other_is_called(
    partner: Partner, idle: Dispatcher, settings: Settings, calls: Any
) -> None:
    partner.subscribe("https://integrator.example/")
    idle.publish(partner.tenant_id, "incident.updated")
    with psycopg.connect(idle.database.worker) as sender:
        assert sender.execute(dispatch_queries.TAKE_SENDER, {"number": 0}).fetchone() == (True,)
        ring_if_due(idle, settings)
        assert calls() == 0
    ring_if_due(idle, settings)
    assert calls() == 1


def test_one_turn_of_the_sender_delivers_and_ends_when_nothing_is_left(
    partner: Partner, idle: Dispatcher, settings: Settings, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    idle.publish(partner.tenant_id, "incident.updated")
    sender = tasks.Sender(settings)
    sender.celery = broker.connect(tasks.SERVICE, settings.redis_url)
    sender.send()
    assert partner.deliveries(webhook)[0]["status"] == "succeeded"
    assert sender.pumps == []


def test_a_second_sender_beyond_the_limit_leaves_at_once(
    partner: Partner, idle: Dispatcher, settings: Settings, receiver: Receiver
) -> None:
    partner.subscribe(receiver.url)
    idle.publish(partner.tenant_id, "incident.updated")
    with psycopg.connect(idle.database.worker) as other:
        other.execute(dispatch_queries.TAKE_SENDER, {"number": 0})
        tasks.Sender(settings).send()
        assert receiver.requests == []


def test_a_sender_told_to_stop_finishes_what_is_in_flight_and_claims_no_more(
    partner: Partner, idle: Dispatcher, settings: Settings, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    held = threading.Event()

    async def slowly(request: Any, writer: Any) -> bool:
        await asyncio.to_thread(held.wait, 10)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        return True

    receiver.behaviour = slowly
    idle.publish(partner.tenant_id, "incident.updated")
    sender = tasks.Sender(settings)
    sender.celery = broker.connect(tasks.SERVICE, settings.redis_url)
    thread = threading.Thread(target=sender.send)
    thread.start()
    wait_for(lambda: receiver.requests)
    sender.stopping.set()
    idle.publish(partner.tenant_id, "incident.updated")
    held.set()
    thread.join()
    assert sorted(one["status"] for one in partner.deliveries(webhook)) == ["queued", "succeeded"]


def test_the_next_sender_may_begin_while_this_one_waits_for_slow_receivers(
    partner: Partner, idle: Dispatcher, settings: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.webhook_dispatcher.pump.TURN", 0.2)
    monkeypatch.setattr("services.webhook_dispatcher.client.DEADLINE", 3.0)
    receiver.behaviour = hang
    partner.subscribe(receiver.url)
    idle.publish(partner.tenant_id, "incident.updated")
    sender = tasks.Sender(settings)
    sender.celery = broker.connect(tasks.SERVICE, settings.redis_url)
    thread = threading.Thread(target=sender.send)
    thread.start()
    wait_for(lambda: receiver.requests)
    with psycopg.connect(idle.database.worker, autocommit=True) as other:
        wait_for(lambda: other.execute(dispatch_queries.TAKE_SENDER, {"number": 0}).fetchone() == (True,))
    assert thread.is_alive()
    thread.join()


def test_partitions_are_made_ahead_and_dropped_behind_with_what_waits_in_them(
    partner: Partner, idle: Dispatcher
) -> None:
    partner.subscribe("https://integrator.example/")
    idle.publish(partner.tenant_id, "incident.updated", "incident.updated")
    old = datetime.now(UTC) - timedelta(days=40)
    for table in dispatch_queries.PARTITIONED:
        idle.run("SELECT ensure_partition(%s::regclass, %s)", table, old.date())
    idle.run("UPDATE queue SET delivery_at = %s WHERE sequence = 1", old)
    with task_transaction(idle.pool) as conn:
        tasks.keep_partitions(conn, 30)
    [kept] = idle.rows("SELECT sequence FROM queue")
    assert kept["sequence"] == 2
    names = [row["name"] for row in idle.rows("SELECT inhrelid::regclass::text AS name FROM pg_inherits")]
    assert not any(old.strftime("%Y%m%d") in name for name in names)
    ahead = (datetime.now(UTC) + timedelta(days=8)).strftime("%Y%m%d")
    assert {f"{table}_{ahead}" for table in dispatch_queries.PARTITIONED} <= set(names)


def test_what_is_due_and_held_is_measured_and_what_a_receiver_asked_to_wait_with_is_not_late(
    partner: Partner, idle: Dispatcher
) -> None:
    partner.subscribe("https://integrator.example/")
    idle.publish(partner.tenant_id, "incident.updated", "incident.updated", "incident.updated")
    idle.run("UPDATE queue SET due_at = NULL WHERE sequence = 2")
    idle.run("UPDATE queue SET due_at = now() - interval '1 hour' WHERE sequence = 3")

    def measured() -> tuple[float, ...]:
        with task_transaction(idle.pool) as conn:
            tasks.measure(conn)
        return tuple(gauge._value.get() for gauge in (metrics.due, metrics.held, metrics.waiting))

    assert measured() == (2, 1, 3)
    assert 3600 <= metrics.oldest._value.get() < 3700
    idle.run(
        "UPDATE subscriptions SET slowed_until = now() + interval '1 hour' WHERE tenant_id = %s", partner.tenant_id
    )
    assert measured() == (0, 1, 3)
    assert metrics.oldest._value.get() == 0


@pytest.mark.parametrize(
    "change",
    [
        {"webhook_allowed_networks": "everything"},
        {"webhook_retry_schedule": "soon"},
        {"webhook_resolver": "dns.example"},
        {"webhook_retention_days": 0},
        {"webhook_senders": 0},
    ],
)
def test_a_malformed_setting_stops_the_process_at_start(settings: Settings, change: dict[str, Any]) -> None:
    assert load(Settings, environment_of(settings)) == settings
    with pytest.raises(SystemExit, match="WEBHOOK_"):
        load(Settings, environment_of(settings, **change))


def test_after_days_without_a_relay_an_event_makes_the_partitions_it_needs(
    partner: Partner, idle: Dispatcher, settings: Settings
) -> None:
    webhook = partner.subscribe("https://integrator.example/")
    for table in dispatch_queries.PARTITIONED:
        idle.run(f"DROP TABLE {table}_{datetime.now(UTC):%Y%m%d}")
    one = event("incident.updated")
    envelope = Envelope(ids.uuid7(), partner.tenant_id, datetime.now(UTC), None, msgspec.Raw(msgspec.json.encode(one)))
    worker = tasks.create_worker(settings)
    worker.consumer.consume(*sealed("graphql_api", tasks.SERVICE, [envelope]))  # type: ignore[attr-defined]
    worker.consumer.close()  # type: ignore[attr-defined]
    assert [delivery["event_id"] for delivery in partner.deliveries(webhook)] == [one.event_id]


def test_after_days_without_a_relay_a_test_makes_the_partitions_it_needs(
    idle: Dispatcher, settings: Settings, receiver: Receiver
) -> None:
    for table in dispatch_queries.PARTITIONED:
        idle.run(f"DROP TABLE {table}_{datetime.now(UTC):%Y%m%d}")
    with serving(settings) as http:
        partner = Partner(http)
        answer = partner.post(f"{partner.subscribe(receiver.url)}/test?wait=true")
    assert (answer.status_code, answer.json()["status"]) == (200, "succeeded")


def test_a_sandboxs_older_webhooks_are_a_sandboxs_as_soon_as_auth_says_so(
    dispatcher: Dispatcher, partner: Partner, http: httpx.Client
) -> None:
    url = "http://127.0.0.1:9/hook"
    stranger = Partner(http)
    mine, theirs = (one.subscribe(url, "incident.created").rpartition("/")[2] for one in (partner, stranger))
    sandbox = WebhookTenant(tenant_id=partner.tenant_id, environment="sandbox")
    production = WebhookTenant(tenant_id=stranger.tenant_id, environment="production")
    told = [Message(ids.uuid7(), one.tenant_id, datetime.now(UTC), None, one) for one in (sandbox, production)]
    with task_transaction(dispatcher.pool) as conn:
        tasks.change_tenants(conn, told)
    rows = dispatcher.rows("SELECT id, rehearses FROM subscriptions WHERE id = ANY(%s)", [mine, theirs])
    assert {row["id"]: row["rehearses"] for row in rows} == {mine: True, theirs: False}
