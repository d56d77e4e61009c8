"""An event for thousands of webhooks: its deliveries are made in portions, in turns of the tenants, each once."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from services.webhook_dispatcher.fanout import intake, waiting
from services.webhook_dispatcher.fanout.waiting import Waiting
from shared.messaging.messages import Event
from shared.storage.database import task_transaction
from tests.webhook_dispatcher.conftest import Dispatcher, Partner, event

ROOT = Path(__file__).parents[2]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, dispatcher: Dispatcher) -> Dispatcher:
    """Scaled down: transactions of 20 deliveries instead of 5,000, portions of 10 webhooks instead of 1,000."""
    monkeypatch.setattr(intake, "MOST_DELIVERIES", 20)
    monkeypatch.setattr(waiting, "PORTION", 10)
    dispatcher.run("DELETE FROM waiting_events")
    return dispatcher


def webhooks(dispatcher: Dispatcher, partner: Partner, number: int) -> None:
    partner.subscribe("https://integrator.example/")
    dispatcher.run(
        """INSERT INTO subscriptions (id, tenant_id, client_id, url, events, live_events, secret, secret_fingerprint)
           SELECT id || '_' || number, tenant_id, client_id, url, events, live_events, secret, secret_fingerprint
           FROM subscriptions, generate_series(2, %s) AS number WHERE tenant_id = %s""",
        number, partner.tenant_id,
    )  # fmt: skip


def counts(dispatcher: Dispatcher, partner: Partner) -> tuple[int, int, int]:
    """Deliveries, distinct pairs of event and webhook among them, and waiting ones in the queue."""
    [row] = dispatcher.rows(
        """SELECT count(*) AS made, count(DISTINCT (event_id, subscription_id)) AS pairs,
            (SELECT count(*) FROM queue WHERE tenant_id = %s) AS queued FROM deliveries WHERE tenant_id = %s""",
        *[partner.tenant_id] * 2,
    )  # fmt: skip
    return row["made"], row["pairs"], row["queued"]


def go_on(dispatcher: Dispatcher, waiting: Waiting, seconds: float) -> None:
    with task_transaction(dispatcher.pool) as conn:
        waiting.go_on(conn, seconds)


def published(partner: Partner, number: int) -> list[tuple[str, Event]]:
    return [(partner.tenant_id, event("incident.updated")) for _ in range(number)]


def test_many_deliveries_are_made_in_portions_and_few_at_once(http: httpx2.Client, small: Dispatcher) -> None:
    large, little = Partner(http), Partner(http)
    webhooks(small, large, 25)
    webhooks(small, little, 2)
    batch = published(large, 3) + published(little, 3)
    small.fan_out(batch)
    assert counts(small, little) == (6, 6, 6)
    assert counts(small, large) == (0, 0, 0)
    small.fan_out(batch)
    made = Waiting(small.intake)
    go_on(small, made, 0)
    assert counts(small, large) == (10, 10, 10)
    go_on(small, made, 30)
    assert counts(small, large) == (75, 75, 75)
    numbers = small.rows(
        "SELECT last_sequence, (SELECT array_agg(sequence ORDER BY event_id) FROM deliveries d WHERE d.subscription_id = s.id) AS made"
        " FROM subscriptions s WHERE tenant_id = %s",
        large.tenant_id,
    )
    assert [(row["last_sequence"], row["made"]) for row in numbers] == [(3, [1, 2, 3])] * 25
    assert small.rows("SELECT FROM waiting_events") == []
    small.fan_out(batch)
    assert (counts(small, large)[0], small.rows("SELECT FROM waiting_events")) == (75, [])


def test_tenants_with_waiting_events_take_turns(http: httpx2.Client, small: Dispatcher) -> None:
    first, second = Partner(http), Partner(http)
    for one, number in ((first, 40), (second, 1)):
        webhooks(small, one, 25)
        small.fan_out(published(one, number))
        if one is second:
            small.fan_out(published(one, 2))
    made = Waiting(small.intake)
    for _ in range(7):
        go_on(small, made, 0)
    assert abs(counts(small, first)[0] - counts(small, second)[0]) <= 10


def test_an_event_whose_portion_fails_is_put_off_and_the_others_go_on(
    http: httpx2.Client, small: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    partner = Partner(http)
    webhooks(small, partner, 25)
    batch = published(partner, 2)
    small.fan_out(batch)
    bad = batch[0][1].event_id
    make = waiting.make_portion

    def fails(conn: Any, one: Any, named: list[str]) -> int:
        if one.event_id == bad:
            conn.execute("SELECT 1 / 0")
        return make(conn, one, named)

    monkeypatch.setattr(waiting, "make_portion", fails)
    go_on(small, Waiting(small.intake), 30)
    assert counts(small, partner) == (25, 25, 25)
    [row] = small.rows("SELECT event_id, failures, due_at > now() AS later FROM waiting_events")
    assert row == {"event_id": bad, "failures": 1, "later": True}


KILLED = """
import sys, time
from services.webhook_dispatcher.fanout import waiting
from shared.storage.database import open_tasks_pool
waiting.PORTION = 10
class Silent:
    def ring(self, named):
        print("portion", flush=True)
        sys.stdin.readline()
with open_tasks_pool(sys.argv[1], max_size=1).connection() as conn:
    while True:
        waiting.Waiting(Silent()).go_on(conn, 0)
        time.sleep(0.05)
"""


def test_a_relay_that_is_killed_between_portions_makes_each_delivery_once(
    http: httpx2.Client, small: Dispatcher
) -> None:
    partner = Partner(http)
    webhooks(small, partner, 35)
    small.fan_out(published(partner, 2))
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, small.database.worker],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as killed:
            assert killed.stdout is not None
            assert killed.stdout.readline() == b"portion\n"
            os.kill(killed.pid, signal.SIGKILL)
    made, pairs, queued = counts(small, partner)
    assert made == pairs == queued == 30
    go_on(small, Waiting(small.intake), 30)
    assert counts(small, partner) == (70, 70, 70)


def test_no_app_role_writes_a_waiting_event(small: Dispatcher) -> None:
    with psycopg.connect(small.database.app) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("DELETE FROM waiting_events")


@pytest.mark.parametrize(
    "change",
    [
        "live_events = array_fill('incident.updated'::text, ARRAY[5000])",
        "live_events = '{{incident.updated,incident.closed},{a,b}}'",
        "live_events = ARRAY['incident.updated', NULL]",
        "events = ARRAY[repeat('x', 1000000)]",
        "events = '{{a,b},{c,d}}'",
        "client_id = repeat('x', 1000000)",
        "id = repeat('x', 300)",
    ],
)
def test_a_role_of_a_web_process_stores_no_listener_that_the_workers_cannot_read(
    partner: Partner, dispatcher: Dispatcher, change: str
) -> None:
    """They read those of all organisations of a batch."""
    partner.subscribe("https://integrator.example/")
    with psycopg.connect(dispatcher.database.app) as conn:
        conn.execute("SELECT set_config('app.tenant_id', %s, false)", (partner.tenant_id,))
        with pytest.raises(psycopg.errors.CheckViolation):
            conn.execute(f"UPDATE subscriptions SET {change}".encode())


def test_the_longest_listener_that_the_api_takes_is_stored(partner: Partner, dispatcher: Dispatcher) -> None:
    partner.subscribe("https://integrator.example/")
    types = [f"{number:03}." + "x" * 124 for number in range(50)]
    dispatcher.run(
        "UPDATE subscriptions SET events = %s, live_events = %s, client_id = repeat('\U0001f691', 128) WHERE tenant_id = %s",
        types, types, partner.tenant_id,
    )  # fmt: skip
    dispatcher.run("UPDATE subscriptions SET events = '{}', live_events = '{}' WHERE tenant_id = %s", partner.tenant_id)


@pytest.mark.parametrize("number", [2**63 - 1, 10**18, -1])
def test_a_number_that_no_webhook_reaches_stops_no_other_webhook_of_its_organisation(
    partner: Partner, dispatcher: Dispatcher, number: int
) -> None:
    forged, other = (partner.subscribe("https://integrator.example/") for _ in range(2))
    dispatcher.run("UPDATE subscriptions SET last_sequence = %s WHERE id = %s", number, forged.rpartition("/")[2])
    dispatcher.fan_out(published(partner, 2))
    assert (len(partner.deliveries(forged)), len(partner.deliveries(other))) == (0, 2)
