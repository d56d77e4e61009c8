"""Processes die and Redis restarts empty: no message is lost, and every effect happens once."""

import os
import signal
import threading

from redis import Redis

from tests.e2e.conftest import Integration
from tests.support.receiver import SECRET, after
from tests.support.waiting import wait_for

WAITS = "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'operator_figures'::regclass AND NOT granted)"


def freeze(integration: Integration, service: str, process: str) -> int:
    pid = integration.stack.pid(service, process)
    os.kill(pid, signal.SIGSTOP)
    return pid


def test_epcrs_web_process_killed_between_commit_and_relay_loses_nothing(integration: Integration) -> None:
    relay = freeze(integration, "epcr", "relay")
    encounter_id = integration.create_encounter().json()["id"]
    integration.stack.kill("epcr", "web")
    os.kill(relay, signal.SIGCONT)
    wait_for(lambda: integration.arrivals_of(encounter_id))
    wait_for(lambda: unacknowledged(integration, "epcr") == 0)
    assert len(integration.arrivals_of(encounter_id)) == 1
    with integration.api() as client:
        path = f"/api/v1/epcr/encounters/{encounter_id}"
        wait_for(lambda: client.get(path).status_code == 200)


def test_the_relay_killed_with_messages_to_send_loses_nothing(integration: Integration) -> None:
    freeze(integration, "epcr", "relay")
    encounter_id = integration.create_encounter().json()["id"]
    integration.stack.kill("epcr", "relay")
    wait_for(lambda: integration.arrivals_of(encounter_id))
    wait_for(lambda: unacknowledged(integration, "epcr") == 0)
    assert len(integration.arrivals_of(encounter_id)) == 1


def test_a_sender_killed_mid_delivery_delivers_again_under_the_same_id(integration: Integration) -> None:
    opening = threading.Event()
    integration.receiver.behaviour = after(opening)
    encounter_id = integration.create_encounter().json()["id"]
    wait_for(lambda: integration.arrivals_of(encounter_id))
    integration.stack.kill("webhook-dispatcher", "sender")
    opening.set()
    wait_for(lambda: len(integration.arrivals_of(encounter_id)) == 2)
    first, second = integration.arrivals_of(encounter_id)
    assert first.id == second.id
    assert first.verified_by(SECRET) == second.verified_by(SECRET)


def test_redis_emptied_with_messages_in_it_loses_nothing(integration: Integration) -> None:
    worker = freeze(integration, "webhook-dispatcher", "worker")
    encounter_id = integration.create_encounter().json()["id"]
    wait_for(lambda: sent(integration, "epcr"))
    with Redis.from_url(integration.stack.described["redis_url"]) as redis:
        redis.flushall()
    os.kill(worker, signal.SIGCONT)
    wait_for(lambda: integration.arrivals_of(encounter_id))
    wait_for(lambda: unacknowledged(integration, "epcr") == 0)
    assert len(integration.arrivals_of(encounter_id)) == 1


def unacknowledged(integration: Integration, service: str) -> int:
    with integration.stack.database(service, "admin") as conn:
        return conn.execute("SELECT 1 FROM outbox WHERE acknowledged_at IS NULL").rowcount


def sent(integration: Integration, service: str) -> bool:
    """Whether every message for the dispatcher has left this service's outbox at least once."""
    with integration.stack.database(service, "admin") as conn:
        waiting = conn.execute(
            "SELECT bool_and(attempts > 0) FROM outbox WHERE consumer = 'webhook_dispatcher' AND acknowledged_at IS NULL"
        )
        return waiting.fetchone() == (True,)


def test_a_job_that_waits_for_a_lock_holds_up_no_message(integration: Integration) -> None:
    with integration.stack.database("epcr", "admin") as admin:
        admin.execute("LOCK TABLE operator_figures IN ACCESS EXCLUSIVE MODE")
        wait_for(lambda: admin.execute(WAITS).fetchone() == (True,), what="a job of the relay that waits for the lock")
        encounter_id = integration.create_encounter().json()["id"]
        wait_for(lambda: integration.arrivals_of(encounter_id))
        wait_for(lambda: admin.execute(WAITS).fetchone() == (True,), what="the job that still waits")
