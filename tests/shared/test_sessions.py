"""Somebody with the role of web processes keeps a service's workers waiting for a few seconds, and not again and again.

Each attacker undoes the time-outs of its session, as any session may.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, LiteralString, NamedTuple

import psycopg
import pytest
from psycopg import sql

from deploy.local.databases import Database
from deploy.local.table import SERVICES, by_name
from shared.process import metrics
from shared.storage import locks, sessions
from shared.storage.database import open_tasks_pool
from shared.storage.jobs import Periodic, PeriodicRunner
from tests.support.cluster import TestDatabases
from tests.support.waiting import PATIENCE, joined, wait_for

NAMES = [service.name for service in SERVICES]
WATCH = Periodic("end sessions in the way", sessions.EVERY_SECONDS, sessions.end_those_in_the_way, lane=sessions.LANE)
UNDO = "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET transaction_timeout = 0"
# Tables from which the role may delete, so that it may lock them whole.
LOCKABLE: LiteralString = """
    SELECT c.oid::regclass::text FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
        AND NOT c.relispartition AND has_table_privilege(%s, c.oid, 'DELETE') AND has_table_privilege(%s, c.oid, 'SELECT') ORDER BY 1
"""
ENDED: LiteralString = "SELECT reason FROM ended_sessions ORDER BY ended_at"
QUEUED: LiteralString = """
    SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
WAITING: LiteralString = "SELECT count(*) FROM pg_locks WHERE relation = 'queue'::regclass AND NOT granted"
KEY: LiteralString = """
    INSERT INTO idempotency_keys (tenant_id, client_id, key_digest, request_digest, answer) VALUES ('org_1', 'app_1', '', '', '')
"""
TENANT: LiteralString = "SELECT set_config('app.tenant_id', 'org_1', false)"


class Attack(NamedTuple):
    """The statements by which a session of the web role keeps a lock, and one with which a worker then waits for it."""

    held: str
    wanted: str


@pytest.fixture
def lent(databases: TestDatabases) -> Iterator[Callable[[str], Database]]:
    """Databases whose web role may connect again after the test."""
    made: list[Database] = []

    def of(service: str) -> Database:
        made.append(databases.fresh(service))
        return made[-1]

    yield of
    for database in made:
        with psycopg.connect(database.admin, autocommit=True) as admin:
            app = sql.Identifier(f"{by_name(database.service).database}_app")
            admin.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(database.name), app))
        databases.take_back(database)


@contextmanager
def watched(database: Database, number: int = 1) -> Iterator[None]:
    """Relays look for sessions in the way."""
    stopping = threading.Event()
    pools = [open_tasks_pool(database.worker, max_size=1) for _ in range(number)]
    runners = [PeriodicRunner(pool, [WATCH], stopping) for pool in pools]
    for runner in runners:
        runner.start()
    try:
        yield
    finally:
        stopping.set()
        for runner, pool in zip(runners, pools, strict=True):
            runner.join(PATIENCE)
            pool.close()


@contextmanager
def session(address: str, *statements: str) -> Iterator[psycopg.Connection[Any]]:
    conn = psycopg.connect(address, autocommit=True)
    try:
        for statement in (UNDO, *statements):
            conn.execute(statement.encode())
        yield conn
    finally:
        conn.close()


def attacks(database: Database) -> list[Attack]:
    """On a table, on rows, and with an advisory lock that senders and others take; each is kept while the session does nothing."""
    app = f"{by_name(database.service).database}_app"
    with psycopg.connect(database.admin) as admin:
        lockable = [name for (name,) in admin.execute(LOCKABLE, (app, app))]
    table = "queue" if "queue" in lockable else lockable[-1]
    return [
        Attack(f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE", f"SELECT FROM {table} LIMIT 1"),
        Attack("BEGIN; SELECT FROM idempotency_keys FOR UPDATE", "DELETE FROM idempotency_keys"),
        Attack(f"SELECT pg_advisory_lock({locks.SENDER_CLAIM})", f"SELECT pg_advisory_xact_lock({locks.SENDER_CLAIM})"),
    ]


def take(database: Database, statement: str) -> None:
    """As a worker does: it waits 5 s at most, and tries again. On a busy machine a relay may be late once."""
    for patience in (1, 0):
        try:
            with psycopg.connect(database.worker) as worker:
                worker.execute(statement.encode())
            return
        except psycopg.errors.LockNotAvailable:
            if not patience:
                raise


def ended(database: Database) -> list[str]:
    with psycopg.connect(database.admin) as admin:
        return [reason for (reason,) in admin.execute(ENDED)]


@pytest.mark.parametrize("service", NAMES)
def test_no_lock_that_a_web_role_keeps_stops_a_worker(lent: Callable[[str], Database], service: str) -> None:
    database = lent(service)
    with psycopg.connect(database.app, autocommit=True) as conn:
        conn.execute(TENANT)
        conn.execute(KEY)
    counted = metrics.sessions_ended._value.get()
    made = attacks(database)
    with watched(database):
        for attack in made:
            with session(database.app, TENANT, attack.held) as attacker:
                take(database, attack.wanted)
                with pytest.raises(psycopg.OperationalError):
                    attacker.execute("SELECT 1")
    assert ended(database) == ["in the way"] * len(made)
    assert metrics.sessions_ended._value.get() == counted + len(made)


def test_who_comes_back_at_once_stops_no_worker_and_is_soon_let_in_no_more(lent: Callable[[str], Database]) -> None:
    """Twelve sessions take one lock in turns, and each comes back when it is ended. A worker takes it all the same, ten times."""
    database = lent("webhook-dispatcher")
    stopping, refused = threading.Event(), threading.Event()

    def attack() -> None:
        while not stopping.is_set():
            try:
                with session(database.app, "BEGIN; LOCK TABLE queue IN ACCESS EXCLUSIVE MODE") as conn:
                    conn.execute("SELECT pg_sleep(10)")
            except psycopg.OperationalError as error:
                if "permission denied for database" in str(error):
                    refused.set()
                    return

    attackers = [threading.Thread(target=attack, daemon=True) for _ in range(12)]
    with psycopg.connect(database.app, autocommit=True) as honest, watched(database, 2):
        for one in attackers:
            one.start()
        try:
            for _ in range(10):
                take(database, "UPDATE queue SET attempt = attempt")
            # On a slow machine more than a minute may pass until ten were ended; each worker that waits ends another.
            wait_for(lambda: refused.is_set() or take(database, "UPDATE queue SET attempt = attempt"))
            take(database, "UPDATE queue SET attempt = attempt")
            assert honest.execute("SELECT 1").fetchone() == (1,)
        finally:
            stopping.set()
        for one in attackers:
            joined(one)
        wait_for(lambda: metrics.web_role_closed._value.get() == 1)
        with psycopg.connect(database.admin, autocommit=True) as admin:  # a minute later
            admin.execute("UPDATE ended_sessions SET ended_at = ended_at - interval '2 minutes'")
        wait_for(lambda: metrics.web_role_closed._value.get() == 0)
        psycopg.connect(database.app).close()


def test_a_transaction_that_is_too_old_ends_though_nobody_waits_for_it(lent: Callable[[str], Database]) -> None:
    """Senders pass over rows that are locked, and so nobody waits for them."""
    database = lent("webhook-dispatcher")
    with psycopg.connect(database.admin, autocommit=True) as admin:
        text = admin.execute("SELECT pg_get_functiondef('end_sessions_in_the_way'::regproc)").fetchone()
        assert text is not None
        with session(database.app, TENANT, KEY, "BEGIN; SELECT FROM idempotency_keys FOR UPDATE") as attacker:
            with psycopg.connect(database.worker, autocommit=True) as worker:
                assert worker.execute(sessions.END).fetchone() == ([], 0, True, True)
                pid = attacker.info.backend_pid
                # An older one, where the function reads it.
                admin.execute(
                    text[0].replace("eldest interval := '60 seconds'", "eldest interval := '0 seconds'").encode()
                )
                try:
                    assert worker.execute(sessions.END).fetchone() == ([f"{pid}: too old"], 1, True, True)
                finally:
                    admin.execute(text[0].encode())
            with pytest.raises(psycopg.OperationalError):
                attacker.execute("SELECT 1")


def test_a_web_session_that_waits_itself_is_spared_at_first(lent: Callable[[str], Database]) -> None:
    """The worker waits for an honest session, and that for a session that keeps its lock: only this one is ended."""
    database = lent("epcr")
    with (
        session(database.app, "SELECT pg_advisory_lock(2)") as attacker,
        session(database.app, "SELECT pg_advisory_lock(1)") as honest,
    ):
        got: list[object] = []
        waits = threading.Thread(target=lambda: got.append(honest.execute("SELECT pg_advisory_lock(2)").fetchone()))
        waits.start()
        with psycopg.connect(database.worker) as worker, watched(database):
            with contextlib.suppress(psycopg.errors.LockNotAvailable):
                worker.execute("SELECT pg_advisory_xact_lock(1)")
            waits.join(PATIENCE)
            assert got
            with pytest.raises(psycopg.OperationalError):
                attacker.execute("SELECT 1")


def test_many_that_have_a_lock_in_turns_are_not_ended_for_a_worker_that_waits_long(
    lent: Callable[[str], Database],
) -> None:
    """Calls of one organisation may queue for a lock of their own, and no organisation can close a service by that."""
    database = lent("epcr")
    over: list[object] = []

    def call() -> None:
        with psycopg.connect(database.app, options="-c lock_timeout=60s") as conn:
            conn.execute("SELECT pg_advisory_xact_lock(1), pg_sleep(0.15)")
            over.append(1)

    calls = [threading.Thread(target=call) for _ in range(30)]
    with psycopg.connect(database.admin) as admin, watched(database):
        with psycopg.connect(database.worker, options="-c lock_timeout=60s") as worker:
            admin.execute("SELECT pg_advisory_xact_lock(1)")
            for one in calls:
                one.start()
            wait_for(lambda: admin.execute(QUEUED).fetchone() == (len(calls),))
            begin = threading.Timer(0.5, admin.rollback)
            begin.start()
            worker.execute("SELECT pg_advisory_xact_lock(1)")
            assert len(over) > 20
        for one in (*calls, begin):
            joined(one)
    assert ended(database) == []
    assert len(over) == len(calls)


def test_a_lock_in_exchange_for_the_workers_own_stops_no_worker(lent: Callable[[str], Database]) -> None:
    """The attacker has the table for which a sender waits, asks for the sender's lock just before PostgreSQL would look for a deadlock, and
    in the other attack takes the question back and repeats it, so that its own deadlock is never looked for."""
    database = lent("webhook-dispatcher")
    claim = f"SELECT pg_advisory_xact_lock({locks.SENDER_CLAIM})"
    with psycopg.connect(database.admin, autocommit=True) as look, watched(database):
        for patience in ("0", "800ms"):
            with session(database.app, "BEGIN; LOCK TABLE queue IN ACCESS EXCLUSIVE MODE") as attacker:

                def ask(conn: psycopg.Connection[Any] = attacker, patience: str = patience) -> None:
                    wait_for(lambda: look.execute(WAITING).fetchone() == (1,))
                    time.sleep(0.6)
                    conn.execute(f"SET lock_timeout = '{patience}'; SAVEPOINT before".encode())
                    with contextlib.suppress(psycopg.OperationalError):
                        while True:
                            with contextlib.suppress(psycopg.errors.LockNotAvailable):
                                conn.execute(claim.encode())
                            conn.execute("ROLLBACK TO before")

                asks = threading.Thread(target=ask)
                asks.start()
                with psycopg.connect(database.worker) as worker:
                    worker.execute(claim.encode())
                    worker.execute("SELECT FROM queue LIMIT 1 FOR UPDATE")
                joined(asks)
    assert ended(database) == ["in the way"] * 2


def test_a_session_that_commits_all_the_time_is_not_spared_for_the_disk(lent: Callable[[str], Database]) -> None:
    """Waits for a timer are in the place of waits for the disk, which a test's database does not have."""
    database = lent("epcr")
    loop = "DO $$ BEGIN LOOP PERFORM pg_sleep(0.05); COMMIT; END LOOP; END $$"
    with psycopg.connect(database.admin, autocommit=True) as admin:
        found = admin.execute("SELECT pg_get_functiondef('end_sessions_in_the_way'::regproc)").fetchone()
        assert found is not None
        admin.execute(found[0].replace("('IO', 'LWLock')", "('Timeout')").encode())
        try:
            for statement, is_ended in ((loop, True), ("BEGIN; SELECT pg_sleep(6)", False)):
                with session(database.app, "SELECT pg_advisory_lock(1)") as conn, watched(database):

                    def hold(conn: psycopg.Connection[Any] = conn, statement: str = statement) -> None:
                        with contextlib.suppress(psycopg.OperationalError):
                            conn.execute(statement.encode())

                    holds = threading.Thread(target=hold)
                    holds.start()
                    with psycopg.connect(database.worker) as worker:
                        if is_ended:
                            worker.execute("SELECT pg_advisory_xact_lock(1)")
                        else:
                            with pytest.raises(psycopg.errors.LockNotAvailable):
                                worker.execute("SELECT pg_advisory_xact_lock(1)")
                    joined(holds)
        finally:
            admin.execute(found[0].encode())
    assert ended(database) == ["in the way"]


def test_where_the_owner_has_no_right_to_end_them_it_is_shown(lent: Callable[[str], Database]) -> None:
    database = lent("epcr")
    with psycopg.connect(database.admin, autocommit=True) as admin, psycopg.connect(database.worker) as worker:
        admin.execute("REVOKE epcr_app FROM epcr_owner")
        try:
            assert worker.execute(sessions.END).fetchone() == ([], 0, True, False)
        finally:
            admin.execute("GRANT epcr_app TO epcr_owner")


def test_no_role_of_a_process_keeps_the_relays_from_looking(lent: Callable[[str], Database]) -> None:
    database = lent("epcr")
    for address in (database.app, database.worker):
        with psycopg.connect(address, autocommit=True) as conn:
            for statement in (
                "LOCK TABLE ended_sessions IN ROW EXCLUSIVE MODE",
                "SELECT FROM ended_sessions FOR KEY SHARE",
                "DELETE FROM ended_sessions",
                "DELETE FROM sessions_in_the_way",
                "INSERT INTO ended_sessions VALUES (1, now(), now(), 'x')",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege), conn.transaction():
                    conn.execute(statement.encode())
    with psycopg.connect(database.app) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute(sessions.END)
