"""The door from the queue: waking a sender, the work of the relay, the end of a partition."""

import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import msgspec
import psycopg
import pytest
import yaml
from prometheus_client import REGISTRY
from redis import Redis

from deploy.local.table import ROOT
from services.webhook_dispatcher import metrics, tasks
from services.webhook_dispatcher.app import create_app
from services.webhook_dispatcher.fanout.intake import Intake
from services.webhook_dispatcher.fanout.queries import PARTITIONED
from services.webhook_dispatcher.history import decision_queries
from services.webhook_dispatcher.queues import MOST_NAMED, MOST_RINGS, SENDER
from services.webhook_dispatcher.sending.measuring import Backlog
from services.webhook_dispatcher.sending.sender import named_in
from services.webhook_dispatcher.settings import Settings
from services.webhook_dispatcher.subscriptions import apps
from shared.messaging import broker
from shared.messaging.messages import Received as Message
from shared.messaging.messages import WebhookTenant
from shared.messaging.relay import Envelope
from shared.primitives import ids
from shared.process.settings import load
from shared.storage import partitions
from shared.storage.database import task_transaction
from tests.support.alone import client_of, environment_of
from tests.support.clocks import run_ahead
from tests.support.messages import sealed
from tests.support.receiver import Receiver
from tests.webhook_dispatcher.conftest import Dispatcher, Partner, event


@pytest.fixture
def idle(dispatcher: Dispatcher) -> Dispatcher:
    """With nothing left over from other tests."""
    dispatcher.run("DELETE FROM queue")
    return dispatcher


def test_a_bell_rings_after_what_was_fanned_out_is_committed(
    partner: Partner, idle: Dispatcher, settings: Settings, redis_url: str
) -> None:
    """It names whom something waits for, and takes no more than a bounded place in Redis."""
    webhook = partner.subscribe("https://integrator.example/").rpartition("/")[2]
    message = Message(ids.uuid7(), partner.tenant_id, datetime.now(UTC), None, event("incident.updated"))
    with Redis.from_url(redis_url) as redis:
        redis.delete(broker.bell_key(SENDER))
        with task_transaction(idle.pool) as conn:
            Intake(settings).fan_out(conn, [message])
            assert redis.llen(broker.bell_key(SENDER)) == 0
        [ring] = redis.lrange(broker.bell_key(SENDER), 0, -1)
        assert named_in(ring) == [webhook]
        for _ in range(MOST_RINGS + 1):
            Intake(settings).ring([webhook] * (MOST_NAMED + 1))
        rings = redis.lrange(broker.bell_key(SENDER), 0, -1)
        assert (len(rings), len(named_in(rings[0]))) == (MOST_RINGS, MOST_NAMED)
        redis.delete(broker.bell_key(SENDER))


@pytest.mark.parametrize("ring", [b"", b"1", b"\xff wh_1", b"org_01m8c796bwfacvdbq930nddqyc"])
def test_a_ring_that_names_no_webhook_wakes_for_anyone(ring: bytes) -> None:
    assert named_in(ring) == []


def test_an_event_that_no_webhook_takes_is_stored_for_apps_that_fetch_it(partner: Partner, idle: Dispatcher) -> None:
    partner.subscribe("https://integrator.example/", "incident.closed")
    published = idle.publish(partner.tenant_id, "incident.closed", "incident.updated")
    stored = idle.rows("SELECT id FROM events WHERE tenant_id = %s ORDER BY id", partner.tenant_id)
    assert [row["id"] for row in stored] == published
    assert len(idle.rows("SELECT id FROM deliveries WHERE tenant_id = %s", partner.tenant_id)) == 1


def test_partitions_are_made_ahead_and_dropped_behind_with_what_waits_in_them(
    partner: Partner, idle: Dispatcher
) -> None:
    partner.subscribe("https://integrator.example/")
    idle.publish(partner.tenant_id, "incident.updated", "incident.updated")
    old = datetime.now(UTC) - timedelta(days=40)
    for table in PARTITIONED:
        idle.run("SELECT ensure_partition(%s::regclass, %s)", table, old.date())
    expired = ids.id_of("dlv", uuid.UUID(int=int(old.timestamp() * 1000) << 80))
    idle.run("UPDATE queue SET delivery_id = %s, delivery_at = %s WHERE sequence = 1", expired, old)
    with task_transaction(idle.pool) as conn:
        tasks.make_partitions(conn)
        tasks.Expiry(30).go_on(conn)
    [kept] = idle.rows("SELECT sequence FROM queue")
    assert kept["sequence"] == 2
    names = [row["name"] for row in idle.rows("SELECT inhrelid::regclass::text AS name FROM pg_inherits")]
    assert not any(old.strftime("%Y%m%d") in name for name in names)
    ahead = (datetime.now(UTC) + timedelta(days=8)).strftime("%Y%m%d")
    assert {f"{table}_{ahead}" for table in PARTITIONED} <= set(names)


def test_a_relay_whose_clock_is_a_month_ahead_gives_up_and_drops_nothing_too_early(
    partner: Partner, idle: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_ahead(monkeypatch, tasks, partitions)
    partner.subscribe("https://integrator.example/")
    idle.publish(partner.tenant_id, "incident.updated", "incident.updated")
    with task_transaction(idle.pool) as conn:
        days = {table: [datetime.now(UTC).date() - timedelta(days=back) for back in (1, 29)] for table in PARTITIONED}
        for table, kept in days.items():
            for one in kept:
                idle.run("SELECT ensure_partition(%s::regclass, %s)", table, one)
        tasks.Expiry(30).go_on(conn)
        tasks.make_partitions(conn)
    assert len(idle.rows("SELECT FROM queue")) == 2
    names = {row["name"] for row in idle.rows("SELECT inhrelid::regclass::text AS name FROM pg_inherits")}
    assert {f"{table}_{one:%Y%m%d}" for table, kept in days.items() for one in kept} <= names


def test_a_backlog_that_nobody_may_drop_yet_only_delays_the_drop_and_is_not_locked(
    partner: Partner, idle: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call has time for one portion. The backlog of a disabled webhook, within retention, takes several."""
    monkeypatch.setattr(tasks, "FORGET_SECONDS", 0.0)
    monkeypatch.setattr(decision_queries, "PORTION", 2)
    partner.subscribe("https://integrator.example/")
    idle.publish(partner.tenant_id, *["incident.updated"] * 9)
    kept = datetime.now(UTC) - timedelta(days=29)
    for row in idle.rows("SELECT delivery_id FROM queue"):
        number = int(kept.timestamp() * 1000) << 80 | ids.uuid_of(row["delivery_id"]).int & (1 << 80) - 1
        new = ids.id_of("dlv", uuid.UUID(int=number))
        idle.run(
            "UPDATE queue SET delivery_id = %s, delivery_at = %s, event_at = %s WHERE delivery_id = %s",
            *(new, kept, kept, row["delivery_id"]),
        )
    old = datetime.now(UTC) - timedelta(days=40)
    idle.run("SELECT ensure_partition('events'::regclass, %s)", old.date())
    name = f"events_{old:%Y%m%d}"
    expiry = tasks.Expiry(30)

    def exists() -> bool:
        return idle.rows("SELECT to_regclass(%s) AS found", name)[0]["found"] is not None

    calls = 0
    with task_transaction(idle.pool) as conn, psycopg.connect(idle.database.worker) as sender:
        sender.execute("SELECT 1 FROM queue FOR UPDATE")
        while exists():
            calls += 1
            assert calls < 20
            expiry.go_on(conn)
            if exists():
                overdue = REGISTRY.get_sample_value("retention_overdue_seconds", {"table": "events"})
                assert (overdue or 0) > 8 * 86_400
    assert calls == 6
    assert len(idle.rows("SELECT 1 FROM queue")) == 9


def test_what_is_due_and_held_is_measured_and_what_a_receiver_asked_to_wait_with_is_not_late(
    partner: Partner, idle: Dispatcher
) -> None:
    partner.subscribe("https://integrator.example/")
    idle.publish(partner.tenant_id, "incident.updated", "incident.updated", "incident.updated")
    idle.run("UPDATE queue SET due_at = now() - interval '1 hour' WHERE sequence = 3")
    stopped = Partner(partner.http)
    stopped.put(stopped.subscribe("https://integrator.example/"), {"enabled": False})
    idle.publish(stopped.tenant_id, "incident.updated")

    def measured() -> tuple[float, ...]:
        with task_transaction(idle.pool) as conn:
            tasks.measure(conn)
        return tuple(gauge._value.get() for gauge in (metrics.due, metrics.held, metrics.waiting))

    assert measured() == (3, 1, 4)
    assert 3600 <= metrics.oldest._value.get() < 3700
    assert metrics.oldest_failing._value.get() == 0
    idle.run(
        "UPDATE subscriptions SET slowed_until = now() + interval '1 hour' WHERE tenant_id = %s", partner.tenant_id
    )
    assert measured() == (0, 1, 4)
    assert metrics.oldest._value.get() == 0


def test_what_is_due_is_measured_behind_any_number_of_stopped_webhooks(partner: Partner, idle: Dispatcher) -> None:
    """Scaled down: portions of two webhooks. Those that were measured first were always the same."""
    backlog, held, late = Backlog(portion=2), Partner(partner.http), Partner(partner.http)

    def measured(calls: int) -> tuple[float, ...]:
        with task_transaction(idle.pool) as conn:
            return [backlog.measure(conn) for _ in range(calls)][-1]

    stopped = [held.subscribe("https://integrator.example/") for _ in range(4)]
    late.subscribe("https://integrator.example/")
    for one in (held, late):
        idle.publish(one.tenant_id, "incident.updated")
    for webhook in stopped:
        held.put(webhook, {"enabled": False})
    idle.run("UPDATE queue SET due_at = now() - interval '1 hour'")
    due, kept, waiting, oldest, failing, tenants = measured(3)
    assert (due, kept, waiting, failing, tenants) == (1, 4, 5, 0, 1)
    assert 3600 <= oldest < 3700
    # Those of the other portions stay while one is measured again.
    for _ in range(3):
        assert measured(1)[0] == 1
    # An organisation with late deliveries in several portions is one.
    idle.run("UPDATE subscriptions SET enabled = true, recovering = false WHERE tenant_id = %s", held.tenant_id)
    assert measured(3)[5] == 2
    idle.run("DELETE FROM queue")
    assert measured(3) == (0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook_allowed_networks": "everything"},
        {"webhook_retry_schedule": "soon"},
        {"webhook_resolver": "dns.example"},
        {"webhook_retention_days": 0},
        {"webhook_sender_slots": 0},
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
    for table in PARTITIONED:
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
    for table in PARTITIONED:
        idle.run(f"DROP TABLE {table}_{datetime.now(UTC):%Y%m%d}")
    with client_of(create_app(settings)) as http:
        partner = Partner(http)
        answer = partner.post(f"{partner.subscribe(receiver.url)}/test?wait=true")
    assert (answer.status_code, answer.json()["status"]) == (200, "succeeded")


def test_a_sandboxs_older_webhooks_are_a_sandboxs_as_soon_as_auth_says_so(
    dispatcher: Dispatcher, partner: Partner, http: httpx2.Client
) -> None:
    url = "http://127.0.0.1:9/hook"
    stranger = Partner(http)
    mine, theirs = (one.subscribe(url, "incident.created").rpartition("/")[2] for one in (partner, stranger))
    sandbox = WebhookTenant(tenant_id=partner.tenant_id, environment="sandbox")
    production = WebhookTenant(tenant_id=stranger.tenant_id, environment="production")
    told = [Message(ids.uuid7(), one.tenant_id, datetime.now(UTC), None, one) for one in (sandbox, production)]
    with task_transaction(dispatcher.pool) as conn:
        apps.change_tenants(conn, told)
    rows = dispatcher.rows("SELECT id, rehearses FROM subscriptions WHERE id = ANY(%s)", [mine, theirs])
    assert {row["id"]: row["rehearses"] for row in rows} == {mine: True, theirs: False}


def test_a_receiver_that_fails_makes_nobody_late_but_itself(partner: Partner, idle: Dispatcher) -> None:
    """The age of the oldest due delivery pages an operator and starts senders. Neither helps a receiver that hangs."""
    healthy = Partner(partner.http)
    for each in (partner, healthy):
        each.subscribe("https://integrator.example/")
        idle.publish(each.tenant_id, "incident.updated")
    for tenant, age in ((partner.tenant_id, "2 hours"), (healthy.tenant_id, "1 minute")):
        idle.run("UPDATE queue SET due_at = now() - %s::interval WHERE tenant_id = %s", age, tenant)
    idle.run("UPDATE subscriptions SET failing_since = now() WHERE tenant_id = %s", partner.tenant_id)
    with task_transaction(idle.pool) as conn:
        tasks.measure(conn)
    assert 60 <= metrics.oldest._value.get() < 3600
    assert 7200 <= metrics.oldest_failing._value.get() < 7300


def test_the_wait_for_a_receiver_that_fails_is_no_lag_of_ours(
    partner: Partner, idle: Dispatcher, receiver: Receiver
) -> None:
    partner.subscribe(receiver.url)

    def lags() -> float:
        return REGISTRY.get_sample_value("webhook_lag_seconds_count") or 0

    for failing, counted in (("now()", 0), ("NULL", 1)):
        idle.run(f"UPDATE subscriptions SET failing_since = {failing} WHERE tenant_id = %s", partner.tenant_id)
        before, sent = lags(), len(receiver.requests)
        idle.publish(partner.tenant_id, "incident.updated")
        idle.pump_until(lambda sent=sent: len(receiver.requests) > sent)
        assert lags() == before + counted


def test_a_receiver_that_is_slow_pages_nobody_and_late_deliveries_of_several_organisations_do(
    http: httpx2.Client, idle: Dispatcher
) -> None:
    """Who sends more than the receiver takes would page an operator day and night, and hide the next fault of ours."""
    partners = [Partner(http) for _ in range(4)]
    late: list[float | None] = []
    for number, partner in enumerate(partners):
        partner.subscribe("https://integrator.example/")
        idle.publish(partner.tenant_id, "incident.updated")
        age = "0 seconds" if number == 3 else "2 minutes"
        idle.run("UPDATE queue SET due_at = now() - %s::interval WHERE tenant_id = %s", age, partner.tenant_id)
        with task_transaction(idle.pool) as conn:
            tasks.measure(conn)
        late.append(REGISTRY.get_sample_value("webhook_tenants_late"))
    assert late == [1, 2, 3, 3]
    assert [many_are_late(number, 10) for number in (1, 2, 3)] == [False, False, True]
    assert [many_are_late(1, number) for number in (0, 2, 3)] == [True, True, False]
    assert many_are_late(2, 2, 2, 2, 2)


def many_are_late(late: float, *reached: float) -> bool:
    """Whether so many organisations are late that the alert about late deliveries may page. Each sender reached so many."""
    condition = rule_of("WebhooksLate").partition(" and on () ")[2]
    return holds(condition, {"webhook_tenants_late": [late], "webhook_tenants_reached": reached})


def rule_of(name: str) -> str:
    alerts = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())["groups"]
    [rule] = [rule for group in alerts for rule in group["rules"] if rule["alert"] == name]
    return rule["expr"]


def holds(condition: str, figures: Mapping[str, Sequence[float]]) -> bool:
    """`figures` are those of each process that has the metric."""
    of_all = {"max": max, "sum": sum}
    asked = re.sub(r"(max|sum)\((\w+)\)", lambda match: str(of_all[match[1]](figures[match[2]])), condition)
    assert re.fullmatch(r"[\d. >=a-z*()]+", asked)
    return bool(eval(asked))  # noqa: S307 - of numbers and comparisons


def page(failing: float, reached: float) -> bool:
    """Whether the figures raise the alert about receivers that fail everywhere."""
    figures = {"webhook_tenants_failing": [failing], "webhook_tenants_reached": [reached]}
    return holds(rule_of("ReceiversFailEverywhere"), figures)


def figures(dispatcher: Dispatcher) -> tuple[float, float]:
    with task_transaction(dispatcher.pool) as conn:
        tasks.measure(conn)
    return metrics.tenants_failing._value.get(), REGISTRY.get_sample_value("webhook_tenants_reached") or 0


def test_receivers_of_many_organisations_that_fail_together_page_and_those_of_one_do_not(
    http: httpx2.Client, idle: Dispatcher, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics.reached, "_at", {})
    idle.run("UPDATE subscriptions SET failing_since = NULL, last_failure_at = NULL")
    partners = [Partner(http) for _ in range(6)]
    for partner in partners:
        partner.subscribe(receiver.url)
        idle.publish(partner.tenant_id, "incident.updated")
    idle.pump_until(lambda: len(receiver.requests) == 6)
    assert figures(idle) == (0, 6)
    for _ in range(9):
        partners[0].subscribe("https://gone.example/")
    idle.run(
        "UPDATE subscriptions SET failing_since = now(), last_failure_at = now() WHERE tenant_id = %s",
        partners[0].tenant_id,
    )
    assert figures(idle) == (1, 6)
    assert not page(*figures(idle))
    # All fail, and the last success was more than five minutes ago.
    tenants = [partner.tenant_id for partner in partners]
    idle.run(
        "UPDATE subscriptions SET failing_since = now(), last_failure_at = now() WHERE tenant_id = ANY(%s)", tenants
    )
    monkeypatch.setattr(metrics.reached, "SECONDS", 0.0)
    assert figures(idle) == (6, 0)
    assert page(*figures(idle))
    # Those that failed for days, or are tried rarely, are their owners' to repair.
    idle.run("UPDATE subscriptions SET failing_since = now() - interval '2 days' WHERE failing_since IS NOT NULL")
    assert figures(idle) == (0, 0)
    assert not page(*figures(idle))


@pytest.mark.parametrize(
    ("failing", "reached", "pages"),
    [(4, 0, False), (5, 0, True), (5, 5, False), (40, 39, True), (40, 900, False), (0, 0, False)],
)
def test_the_page_needs_five_organisations_and_more_that_fail_than_are_reached(
    failing: float, reached: float, pages: bool
) -> None:
    assert page(failing, reached) == pages
