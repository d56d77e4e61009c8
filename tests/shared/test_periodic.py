"""Recurring work: one at a time however many relays there are, and one job's failure is its own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from deploy.local.databases import Database
from shared import housekeeping
from shared.database import Connection, open_tasks_pool
from shared.periodic import LOCK, Periodic, PeriodicRunner
from tests.shared.support import link, publish, scalar
from tests.support.waiting import wait_for


@pytest.fixture
def pool(producer: Database) -> Iterator[Any]:
    pool = open_tasks_pool(producer.worker, max_size=4)
    yield pool
    pool.close()


@contextmanager
def at_work(pool: Any, *jobs: Periodic) -> Iterator[None]:
    stopping = threading.Event()
    runner = PeriodicRunner(pool, list(jobs), stopping)
    runner.start()
    try:
        yield
    finally:
        stopping.set()
        runner.join(10)
        assert not runner.is_alive()


def test_a_job_that_fails_stops_no_other_and_is_tried_again(pool: Any) -> None:
    failures: list[int] = []
    done: list[int] = []

    def fail(conn: Connection) -> None:
        failures.append(1)
        conn.execute("SELECT 1 / 0")

    with at_work(pool, Periodic("fails", 0.01, fail), Periodic("works", 0.01, lambda conn: done.append(1))):
        wait_for(lambda: len(failures) > 2 and len(done) > 2)


def test_a_job_runs_once_at_a_time_whichever_relay_it_is(pool: Any) -> None:
    inside = threading.Lock()
    overlaps: list[int] = []
    done: list[int] = []

    def alone(conn: Connection) -> None:
        if not inside.acquire(blocking=False):
            overlaps.append(1)
            return
        conn.execute("SELECT pg_sleep(0.01)")
        done.append(1)
        inside.release()

    job = Periodic("alone", 0.001, alone)
    with at_work(pool, job), at_work(pool, job), at_work(pool, job):
        wait_for(lambda: len(done) > 20)
    assert overlaps == []


def test_a_job_another_relay_is_at_is_passed_over(producer: Database, pool: Any) -> None:
    done: list[str] = []
    jobs = [
        Periodic("held", 0.01, lambda conn: done.append("held")),
        Periodic("free", 0.01, lambda conn: done.append("free")),
    ]
    with psycopg.connect(producer.worker) as other:
        other.execute(LOCK, ("held",))
        with at_work(pool, *jobs):
            wait_for(lambda: done.count("free") > 3)
            assert "held" not in done
            other.rollback()
            wait_for(lambda: "held" in done)


def test_what_a_job_wrote_is_kept_and_what_it_asked_for_runs_after(producer: Database, pool: Any) -> None:
    heard: list[int] = []

    def job(conn: Connection) -> None:
        conn.execute("INSERT INTO inbox (message_id, tenant_id) VALUES (gen_random_uuid(), 'org_1')")
        conn.after_commit(lambda: heard.append(scalar(producer.admin, "SELECT count(*) FROM inbox")))

    with at_work(pool, Periodic("writes", 3600, job)):
        wait_for(lambda: heard)
    assert heard == [1]


def test_retention_clears_everything_old_in_one_round_and_nothing_young(
    producer: Database, pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "PORTION", 10)
    publish(producer, *(link() for _ in range(5)))
    with psycopg.connect(producer.admin) as conn:
        conn.execute("UPDATE outbox SET created_at = now() - interval '40 days'")
        conn.execute(
            "UPDATE outbox SET acknowledged_at = now() - interval '8 days' WHERE id <> (SELECT min(id::text)::uuid FROM outbox)"
        )
        conn.execute(
            """INSERT INTO inbox SELECT gen_random_uuid(), 'org_1', now() - make_interval(days => age)
               FROM generate_series(1, 60) AS age"""
        )
    with pool.connection() as conn:
        housekeeping.expire(conn)
    assert scalar(producer.admin, "SELECT count(*) FROM outbox WHERE acknowledged_at IS NULL") == 1
    assert scalar(producer.admin, "SELECT count(*) FROM outbox") == 1
    assert scalar(producer.admin, "SELECT count(*) FROM inbox") in (29, 30)
