"""Periodic jobs: one run at a time however many relays there are, and a failing job affects no other."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import Mock

import psycopg
import pytest
from prometheus_client import REGISTRY
from psycopg import sql

from deploy.local.databases import Database
from shared.messaging import outbox
from shared.process import metrics
from shared.storage import jobs as shared_jobs
from shared.storage.database import Connection, open_tasks_pool, task_transaction
from shared.storage.jobs import LOCK, MOST_TIMEOUTS, Kept, Periodic, PeriodicRunner, apart
from tests.shared.support import OneAtATime, link, publish, scalar
from tests.support.waiting import PATIENCE, wait_for


@pytest.fixture
def pool(producer: Database) -> Iterator[Any]:
    pool = open_tasks_pool(producer.worker, max_size=4)
    yield pool
    pool.close()


@contextmanager
def at_work(pool: Any, *jobs: Periodic, written: Callable[[], object] = lambda: None) -> Iterator[PeriodicRunner]:
    stopping = threading.Event()
    runner = PeriodicRunner(pool, list(jobs), stopping, written)
    runner.start()
    try:
        yield runner
    finally:
        stopping.set()
        runner.join(PATIENCE)
        assert not runner.is_alive()


def test_a_job_that_fails_stops_no_other_and_is_tried_again(pool: Any) -> None:
    failures: list[int] = []
    done: list[int] = []

    def fail(conn: Connection) -> None:
        failures.append(1)
        conn.execute("SELECT 1 / 0")

    with at_work(pool, Periodic("fails", 0.01, fail), Periodic("works", 0.01, lambda conn: done.append(1))):
        wait_for(lambda: len(failures) > 2 and len(done) > 2)


def test_a_job_without_work_rests_until_the_bell_rings_and_one_with_work_goes_on(pool: Any) -> None:
    found = [0, 0, 1, 1, 1, 0]
    runs: list[int] = []
    others: list[int] = []

    def job(conn: Connection) -> int:
        runs.append(found[len(runs)] if len(runs) < len(found) else 0)
        return runs[-1]

    rests = Periodic("rests", 0.01, job, rest_seconds=3600)
    with at_work(pool, rests, Periodic("works", 0.01, lambda conn: others.append(1))) as runner:
        wait_for(lambda: len(others) > 20)
        assert runs == [0]
        runner.wake()
        wait_for(lambda: len(runs) == 2)
        wait_for(lambda: late("rests") == 0)
        runner.wake()
        wait_for(lambda: len(runs) == len(found))
        number = len(others)
        wait_for(lambda: len(others) > number + 20)
        assert runs == found


def test_messages_of_a_job_go_out_at_once(pool: Any) -> None:
    done: list[int] = []
    written: list[int] = []

    def job(conn: Connection) -> None:
        done.append(1)
        if len(done) == 2:
            outbox.add_sync(conn, "org_1", link())

    with at_work(pool, Periodic("writes now and then", 0.01, job), written=lambda: written.append(len(done))):
        wait_for(lambda: len(done) > 4)
    assert written == [2]


def late(name: str) -> float:
    """For how many seconds the job has been due."""
    [family] = metrics.periodic_late.collect()
    [sample] = [sample for sample in family.samples if sample.labels == {"task": name}]
    return sample.value


def test_a_job_that_fails_or_hangs_is_late_and_one_that_succeeds_is_not(pool: Any) -> None:
    done: list[int] = []
    released = threading.Event()

    def fail(conn: Connection) -> None:
        raise ValueError

    jobs = (
        Periodic("never succeeds", 0.01, fail),
        Periodic("hangs", 3600, lambda conn: released.wait(30), lane="hangs"),
        Periodic("succeeds", 3600, lambda conn: done.append(1)),
    )
    with at_work(pool, *jobs):
        wait_for(lambda: done and late("never succeeds") > 0.2 and late("hangs") > 0.2)
        assert late("succeeds") == 0
        released.set()
        wait_for(lambda: late("hangs") == 0)


def test_a_job_is_late_where_another_relay_has_its_lock_until_it_succeeds_here(pool: Any, producer: Database) -> None:
    """Whether the other relay succeeds shows in its own metric, and the alert takes the least of all."""
    done: list[int] = []
    jobs = Periodic("elsewhere", 0.01, lambda conn: None), Periodic("here", 0.01, lambda conn: done.append(1))
    with psycopg.connect(producer.worker) as other:
        other.execute(LOCK, ("elsewhere",))
        with at_work(pool, *jobs):
            wait_for(lambda: len(done) > 20)
            wait_for(lambda: late("elsewhere") > 0.2)
            other.rollback()
            wait_for(lambda: late("elsewhere") < 0.1)


def test_a_job_runs_once_at_a_time_whichever_relay_it_is(pool: Any) -> None:
    measured = OneAtATime()
    job = Periodic("alone", 0.001, measured.run)
    with at_work(pool, job), at_work(pool, job), at_work(pool, job):
        wait_for(lambda: measured.runs > 20)
    assert measured.overlaps == 0


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
    monkeypatch.setattr(shared_jobs, "PORTION", 10)
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
        shared_jobs.expire(conn)
    assert scalar(producer.admin, "SELECT count(*) FROM outbox WHERE acknowledged_at IS NULL") == 1
    assert scalar(producer.admin, "SELECT count(*) FROM outbox") == 1
    assert scalar(producer.admin, "SELECT count(*) FROM inbox") in (29, 30)


def overdue(table: str) -> float:
    figure: Any = metrics.retention_overdue.labels(table)
    return figure._value.get()


def test_a_pass_cut_short_keeps_what_it_did_and_says_how_far_behind_it_is(
    producer: Database, pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_jobs, "PORTION", 10)
    with psycopg.connect(producer.admin) as conn:
        conn.execute(
            """INSERT INTO inbox SELECT gen_random_uuid(), 'org_1', now() - interval '30 days' - make_interval(hours => age)
               FROM generate_series(1, 35) AS age"""
        )
        conn.execute(
            "INSERT INTO failures (message_id, tenant_id, last_error, failed_at)"
            " VALUES (gen_random_uuid(), 'org_1', 'e', now() - interval '31 days')"
        )
    rules = [Kept("inbox", "received_at", days=30), Kept("failures", "failed_at", days=30)]
    with pool.connection() as conn:
        assert (
            shared_jobs.forget(conn, rules, seconds=1e-9) == 11
        )  # a portion of each, oldest first, so that no table waits behind a large one
        assert overdue("inbox") == pytest.approx(25 * 3600, abs=60)
        assert overdue("failures") == 0
        with pool.connection() as other:
            assert other.execute("SELECT count(*) FROM inbox").fetchone() == (25,)
        assert shared_jobs.forget(conn, rules) == 25
    assert overdue("inbox") == 0


def test_a_pass_rests_longer_than_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    now, rests = 0.0, []

    def execute_slowly(*arguments: object) -> Any:
        nonlocal now
        now += 0.1
        return Mock(rowcount=shared_jobs.PORTION if now < 0.35 else 0)

    monkeypatch.setattr(shared_jobs, "time", Mock(monotonic=lambda: now, sleep=rests.append))
    shared_jobs.forget(Mock(execute=execute_slowly), [Kept("inbox", "received_at", days=30)])
    assert rests == pytest.approx([0.1 * shared_jobs.REST] * 3)
    assert shared_jobs.REST >= 1


def test_large_rows_are_deleted_in_smaller_portions_instead_of_never(
    producer: Database, pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A portion of the usual size would be cut off at the statement time-out, again and again."""
    monkeypatch.setattr(shared_jobs, "_most", {})
    monkeypatch.setattr(shared_jobs, "PORTION", 8)
    with psycopg.connect(producer.admin) as conn:
        conn.execute(
            """CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.1); RETURN old; END $$;
               CREATE TRIGGER slowly BEFORE DELETE ON inbox FOR EACH ROW EXECUTE FUNCTION slowly()"""
        )
        conn.execute(
            "INSERT INTO inbox SELECT gen_random_uuid(), 'org_1', now() - interval '31 days' FROM generate_series(1, 6)"
        )
    with pool.connection() as conn:
        conn.execute("SET statement_timeout = '350ms'")
        conn.commit()
        assert shared_jobs.forget(conn, [Kept("inbox", "received_at", days=30)]) == 6
    assert shared_jobs._most["inbox"] <= 4


def test_a_table_that_cannot_be_worked_off_holds_up_no_other_and_its_delay_is_measured(
    producer: Database, pool: Any
) -> None:
    old = "INSERT INTO inbox SELECT gen_random_uuid(), 'org_1', now() - interval '40 days'"
    with psycopg.connect(producer.admin) as conn:
        conn.execute(old)
        conn.execute(DEAD, ("org_1",))
        conn.execute(
            """CREATE FUNCTION never() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'a damaged page'; END $$;
               CREATE TRIGGER never BEFORE DELETE ON inbox FOR EACH ROW EXECUTE FUNCTION never()"""
        )
    rules = [Kept("inbox", "received_at", days=30), Kept("dead_letters", "died_at", days=90)]
    with pool.connection() as conn, pytest.raises(psycopg.errors.RaiseException):
        shared_jobs.forget(conn, rules)
    assert scalar(producer.admin, "SELECT count(*) FROM dead_letters WHERE died_at < now() - interval '90 days'") == 0
    overdue = REGISTRY.get_sample_value("retention_overdue_seconds", {"table": "inbox"}) or 0
    assert 9 * 86_400 < overdue < 11 * 86_400


def test_portions_are_as_large_as_before_soon_after_a_disk_stood_still(
    producer: Database, pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_jobs, "_most", {"inbox": 1})
    with psycopg.connect(producer.admin) as conn:
        conn.execute(
            "INSERT INTO inbox SELECT gen_random_uuid(), 'org_1', now() - interval '31 days' FROM generate_series(1, 3000)"
        )
    with pool.connection() as conn:
        assert shared_jobs.forget(conn, [Kept("inbox", "received_at", days=30)], seconds=60) == 3000
    assert shared_jobs._most["inbox"] == shared_jobs.PORTION


DEAD = """
    INSERT INTO dead_letters (message_id, tenant_id, producer, name, body, occurred_at, error, died_at)
    SELECT gen_random_uuid(), %s, 'auth', 'n', '{}', now(), 'e', now() - make_interval(days => age) FROM generate_series(81, 100) AS age
"""


def test_dead_letters_are_deleted_after_their_retention_and_the_audit_trail_has_their_number(
    producer: Database, pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_jobs, "PORTION", 15)
    with psycopg.connect(producer.admin) as conn:
        for tenant in ("org_1", "org_2"):
            conn.execute(DEAD, (tenant,))
    with pool.connection() as conn:
        shared_jobs.expire(conn)
    assert scalar(producer.admin, "SELECT count(*) FROM dead_letters") in (18, 20)
    assert scalar(producer.admin, "SELECT max(died_at) > now() - interval '82 days' FROM dead_letters")
    deleted = 40 - scalar(producer.admin, "SELECT count(*) FROM dead_letters")
    with psycopg.connect(producer.admin) as conn:
        entries = conn.execute(
            """SELECT tenant_id, client_id, action, subject_id, sum((detail ->> 'rows')::integer), count(*) FROM audit
               GROUP BY 1, 2, 3, 4 ORDER BY 1"""
        ).fetchall()
    assert [entry[:5] for entry in entries] == [
        (tenant, "retention", "dead_letters.expired", tenant, deleted // 2) for tenant in ("org_1", "org_2")
    ]
    assert max(entry[5] for entry in entries) == 2  # one for each portion


def test_retention_passes_over_rows_that_others_hold(producer: Database, pool: Any) -> None:
    with psycopg.connect(producer.admin) as held, pool.connection() as conn:
        held.execute(
            "INSERT INTO inbox SELECT gen_random_uuid(), 'org_1', now() - interval '31 days' FROM generate_series(1, 3)"
        )
        held.commit()
        held.execute("SELECT FROM inbox LIMIT 1 FOR UPDATE")
        assert shared_jobs.forget(conn, [Kept("inbox", "received_at", days=30)]) == 2


def test_a_job_of_another_lane_does_not_wait_for_a_slow_one(pool: Any) -> None:
    released, done = threading.Event(), threading.Event()
    slow = Periodic("slow", 3600, lambda conn: released.wait(30), lane="slow")
    with at_work(pool, slow, Periodic("quick", 0.01, lambda conn: done.set())):
        assert done.wait(PATIENCE)
        released.set()


@pytest.fixture
def rows(producer: Database) -> list[int]:
    """The keys of rows in a table `worked`, which the worker may write."""
    with psycopg.connect(producer.admin) as conn:
        conn.execute(
            "CREATE TABLE worked (id integer PRIMARY KEY, times integer NOT NULL DEFAULT 0 CHECK (id <> 2 OR times = 0))"
        )
        conn.execute("INSERT INTO worked SELECT generate_series(1, 6)")
        conn.execute("GRANT SELECT, UPDATE ON worked TO PUBLIC")
    return [*range(1, 7)]


def worked(producer: Database) -> list[int]:
    with psycopg.connect(producer.admin) as conn:
        return [id for (id,) in conn.execute("SELECT id FROM worked WHERE times > 0 ORDER BY id").fetchall()]


def one_pass(pool: Any, rows: list[int], work: Any, **settings: str) -> list[int]:
    """The rows that a pass sets aside."""
    aside: list[int] = []
    with task_transaction(pool) as conn:
        for name, value in settings.items():
            conn.execute(sql.SQL("SET LOCAL {} = {}").format(sql.Identifier(name), sql.Literal(value)))
        apart(conn, "work", {row: row for row in rows}, lambda some: work(conn, some), aside.append)
    return aside


def add(conn: Connection, rows: Sequence[int]) -> None:
    conn.execute("UPDATE worked SET times = times + 1 WHERE id = ANY(%s)", (rows,))


def test_a_row_that_no_statement_takes_is_set_aside_and_all_others_are_worked_on(
    pool: Any, producer: Database, rows: list[int]
) -> None:
    assert one_pass(pool, rows, add) == [2]
    assert worked(producer) == [1, 3, 4, 5, 6]


def test_a_row_that_somebody_locks_waits_for_the_next_pass(pool: Any, producer: Database, rows: list[int]) -> None:
    with psycopg.connect(producer.admin) as other:
        other.execute("UPDATE worked SET times = 0 WHERE id = 4")
        assert one_pass(pool, rows, add, lock_timeout="50ms") == [2]
        assert worked(producer) == [1, 3, 5, 6]
    assert one_pass(pool, [4], add) == []
    assert worked(producer) == [1, 3, 4, 5, 6]


def test_a_locked_table_sets_no_row_aside(pool: Any, producer: Database, rows: list[int]) -> None:
    tried: list[Sequence[int]] = []

    def noted(conn: Connection, some: Sequence[int]) -> None:
        tried.append(some)
        add(conn, some)

    with psycopg.connect(producer.admin) as other:
        other.execute("LOCK TABLE worked")
        assert one_pass(pool, rows, noted, lock_timeout="50ms") == []
    assert tried == [rows, [1], [2]]


def test_a_disk_that_stands_still_sets_no_row_aside_and_a_row_that_always_takes_too_long_is(
    pool: Any, rows: list[int]
) -> None:
    def all_slow(conn: Connection, some: Sequence[int]) -> None:
        conn.execute("SELECT pg_sleep(5)")

    def one_slow(conn: Connection, some: Sequence[int]) -> None:
        conn.execute("SELECT pg_sleep(5)" if 3 in some else "SELECT 1")

    assert one_pass(pool, rows, all_slow, statement_timeout="50ms") == []
    assert one_pass(pool, rows, lambda conn, some: None) == []
    passes = [one_pass(pool, rows, one_slow, statement_timeout="50ms") for _ in range(MOST_TIMEOUTS + 1)]
    assert passes == [*[[]] * (MOST_TIMEOUTS - 1), [3], []]
