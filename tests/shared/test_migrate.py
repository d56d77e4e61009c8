"""Migrations: each runs once, none may change afterwards, and two roles may use the schema but not change it."""

import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from deploy.local.databases import Database
from shared.storage import migrate
from tests.shared.support import scalar


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a service called `things`, with one migration."""
    folder = tmp_path / "things" / "migrations"
    folder.mkdir(parents=True)
    (folder / "0001_things.sql").write_text(
        "CREATE TABLE things (tenant_id text NOT NULL); SELECT tenant_table('things'); GRANT TRUNCATE ON things TO {{worker}};"
    )
    return folder


def run(database: Database, folder: Path) -> list[str]:
    roles = migrate.role_of(database.app), migrate.role_of(database.worker)
    return migrate.migrate(database.migrator, *roles, [migrate.SHARED, folder])


def test_a_migration_runs_once(producer: Database, folder: Path) -> None:
    assert migrate.pending(producer.migrator, [migrate.SHARED, folder]) == ["things/0001_things.sql"]
    assert run(producer, folder) == ["things/0001_things.sql"]
    assert run(producer, folder) == []
    assert migrate.pending(producer.migrator, [migrate.SHARED, folder]) == []


def test_roles_are_the_ones_the_processes_log_in_as(producer: Database, folder: Path) -> None:
    run(producer, folder)
    with psycopg.connect(producer.worker) as conn:
        conn.execute("TRUNCATE things")
    with psycopg.connect(producer.app) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("TRUNCATE things")


def test_a_migration_edited_after_it_ran_is_refused(producer: Database, folder: Path) -> None:
    run(producer, folder)
    (folder / "0001_things.sql").write_text("CREATE TABLE others ();")
    with pytest.raises(migrate.ChangedMigration, match=r"things/0001_things\.sql"):
        run(producer, folder)
    assert scalar(producer.admin, "SELECT to_regclass('others')") is None


def test_a_migration_that_fails_leaves_nothing_and_keeps_what_came_before(producer: Database, folder: Path) -> None:
    (folder / "0002_broken.sql").write_text("CREATE TABLE others (); SELECT 1 / 0;")
    with pytest.raises(psycopg.errors.DivisionByZero):
        run(producer, folder)
    assert scalar(producer.admin, "SELECT to_regclass('things') IS NOT NULL AND to_regclass('others') IS NULL")
    assert migrate.pending(producer.migrator, [folder]) == ["things/0002_broken.sql"]


def test_an_index_is_made_while_others_write_and_belongs_to_the_owner(producer: Database, folder: Path) -> None:
    run(producer, folder)
    (folder / "0002_index.sql").write_text(
        "-- concurrently\nCREATE INDEX CONCURRENTLY IF NOT EXISTS at_work ON things (tenant_id);\nDROP INDEX CONCURRENTLY IF EXISTS x;\n"
    )
    assert run(producer, folder) == ["things/0002_index.sql"]
    assert run(producer, folder) == []
    assert (
        scalar(producer.admin, "SELECT relowner::regrole::text FROM pg_class WHERE relname = 'at_work'") == "epcr_owner"
    )


def test_a_migration_takes_as_long_as_it_takes(producer: Database, folder: Path) -> None:
    (folder / "0002_long.sql").write_text(
        "DO $$ BEGIN ASSERT current_setting('statement_timeout') = '0' AND current_setting('lock_timeout') = '5s'; END $$;"
    )
    assert run(producer, folder) == ["things/0001_things.sql", "things/0002_long.sql"]


def test_every_session_has_the_time_outs_whatever_it_asks_for_at_its_start(producer: Database) -> None:
    for dsn in (producer.app, producer.worker):
        with psycopg.connect(dsn) as conn:
            found = [conn.execute(f"SHOW {name}".encode()).fetchone() for name in migrate.SESSIONS]
        assert found == [(value,) for value in migrate.SESSIONS.values()]


def test_two_at_once_run_each_migration_once(producer: Database, folder: Path) -> None:
    ran: list[str] = []
    both = [threading.Thread(target=lambda: ran.extend(run(producer, folder))) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert ran == ["things/0001_things.sql"]


@pytest.mark.parametrize("kind", ["app", "worker"])
def test_no_role_of_a_process_keeps_migrations_waiting(
    producer: Database, folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """It takes the lock of the versions before, each lock on their history that it may take, and reads that."""
    monkeypatch.setattr(migrate, "OTHERS_SECONDS", 2)
    with psycopg.connect(getattr(producer, kind)) as role:
        role.execute("SET idle_in_transaction_session_timeout = 0")
        role.execute("SELECT pg_advisory_lock(7402001)")
        for mode in ("ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE", "EXCLUSIVE", "ACCESS EXCLUSIVE"):
            with suppress(psycopg.errors.InsufficientPrivilege), role.transaction():
                role.execute(f"LOCK TABLE migrations IN {mode} MODE".encode())
        for strength in ("KEY SHARE", "UPDATE"):
            with suppress(psycopg.errors.InsufficientPrivilege), role.transaction():
                role.execute(f"SELECT FROM migrations FOR {strength}".encode())
        role.execute("SELECT count(*) FROM migrations")
        done = threading.Thread(target=lambda: ran.append(run(producer, folder)), daemon=True)
        ran: list[list[str]] = []
        done.start()
        done.join(30)
        assert ran == [["things/0001_things.sql"]]


def test_whoever_blocks_a_migration_is_named(producer: Database, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "OTHERS_SECONDS", 1)
    (folder / "0002_outbox.sql").write_text("SET LOCAL lock_timeout = '200ms'; ALTER TABLE outbox ADD COLUMN x text;")
    with psycopg.connect(producer.app) as reader:
        reader.execute("SELECT count(*) FROM outbox")
        with pytest.raises(
            migrate.Blocked, match=rf"process {reader.info.backend_pid} of epcr_app, AccessShareLock of outbox"
        ):
            run(producer, folder)
    with psycopg.connect(producer.migrator) as other:
        other.execute(migrate.LOCK)
        named = rf"process {other.info.backend_pid} of epcr_migrator, ShareRowExclusiveLock of migrations"
        with pytest.raises(migrate.Blocked, match=named):
            run(producer, folder)


def test_two_at_once_begin_an_empty_database(producer: Database, folder: Path) -> None:
    with psycopg.connect(producer.admin) as conn:
        conn.execute("DROP SCHEMA public CASCADE")
        conn.execute("CREATE SCHEMA public AUTHORIZATION epcr_owner")
    ran: list[str] = []
    both = [threading.Thread(target=lambda: ran.extend(run(producer, folder))) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert sorted(ran) == sorted(set(ran))
    assert "things/0001_things.sql" in ran


def test_a_database_without_any_history_lacks_everything(postgres: Any) -> None:
    names = migrate.pending(postgres.url, [migrate.SHARED])
    assert names == [f"shared/{file.name}" for file in sorted(migrate.SHARED.glob("*.sql"))]


@pytest.mark.parametrize("kind", ["app", "worker"])
@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine ()",
        "DROP TABLE outbox",
        "ALTER TABLE outbox DISABLE ROW LEVEL SECURITY",
        "DROP POLICY tenant_isolation ON outbox",
        "SELECT tenant_table('outbox')",
        "SELECT worker_writes_all('audit')",
        "INSERT INTO migrations VALUES ('x', 'x')",
        "SET ROLE epcr_owner",
        "SET ROLE epcr_migrator",
        "CREATE ROLE mine",
    ],
)
def test_the_roles_of_processes_cannot_shape_the_database(producer: Database, kind: str, statement: str) -> None:
    with psycopg.connect(getattr(producer, kind)) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute(statement.encode())


def test_a_service_cannot_connect_to_another_services_database(producer: Database, consumer: Database) -> None:
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(consumer.app, dbname=producer.name)
