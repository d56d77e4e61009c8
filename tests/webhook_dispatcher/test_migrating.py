"""A long queue of the version before 0006 comes through the migrations whole, in portions, and without a rewrite."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from deploy.local.databases import Database
from deploy.local.table import ROOT
from shared.storage import migrate

pytestmark = pytest.mark.full

FILES = sorted((ROOT / "services" / "webhook_dispatcher" / "migrations").glob("*.sql"))
WAITING = 50_000
LEAVE = """
    INSERT INTO queue (delivery_id, delivery_at, tenant_id, subscription_id, event_id, event_at, event_type, sequence, due_at, leased, rung)
    SELECT 'dlv_' || lpad(n::text, 9, '0'), now(), 'org_1', %s, 'evt_' || n, now(), 'incident.created', n,
        CASE WHEN n %% 5 > 0 THEN now() END, n %% 5 = 1, n %% 2
    FROM generate_series(%s::integer, %s) AS n
"""
SUBSCRIBE = """
    INSERT INTO subscriptions (id, tenant_id, client_id, url, events, live_events, secret, secret_fingerprint)
    VALUES ('wh_1', 'org_1', 'app_1', 'https://integrator.example/', '{*}', '{*}', '', '')
"""
NO_REWRITE = """
    CREATE FUNCTION refuse_rewrite() RETURNS event_trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF pg_relation_size(pg_event_trigger_table_rewrite_oid()) > 1000000 THEN
            RAISE EXCEPTION 'a long table is rewritten: %', pg_event_trigger_table_rewrite_oid()::regclass;
        END IF;
    END $$;
    CREATE EVENT TRIGGER no_rewrite ON table_rewrite EXECUTE FUNCTION refuse_rewrite();
"""
STOP_HALFWAY = """
    CREATE FUNCTION stop_halfway() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (SELECT count(*) FROM queue) >= 25000 THEN RAISE EXCEPTION 'stopped'; END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER stop_halfway BEFORE INSERT ON queue FOR EACH STATEMENT EXECUTE FUNCTION stop_halfway();
"""
STAGES = "SELECT stage, count(*) FROM queue GROUP BY 1 ORDER BY 1"


class Older:
    """A database that has the migrations before `until`."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder / "webhook_dispatcher" / "migrations"
        self.folder.mkdir(parents=True)
        self.admin = psycopg.connect(database.admin, autocommit=True)

    def migrate(self, until: str = "9") -> None:
        for file in FILES:
            if file.name < until:
                shutil.copy(file, self.folder)
        roles = migrate.role_of(self.database.app), migrate.role_of(self.database.worker)
        migrate.migrate(self.database.migrator, *roles, [migrate.SHARED, self.folder])


@pytest.fixture
def older(fresh_database: Callable[[str], Database], tmp_path: Path) -> Iterator[Older]:
    """In the database of another service, whose tables have other names."""
    older = Older(fresh_database("device_ingest"), tmp_path)
    older.migrate("0005_w")
    older.admin.execute(SUBSCRIBE)
    older.admin.execute(NO_REWRITE)
    yield older
    older.admin.close()


def expected(first: int, last: int) -> dict[int, int]:
    """How many of these are at each stage."""
    stages = [5 if n % 5 == 1 else 4 if n % 5 == 0 else 4 if n % 2 else 3 for n in range(first, last + 1)]
    return {stage: stages.count(stage) for stage in sorted(set(stages))}


def test_a_long_queue_is_not_rewritten_and_comes_back_whole(older: Older) -> None:
    older.admin.execute(LEAVE, ("wh_1", 1, WAITING))
    older.admin.execute(LEAVE, ("wh_gone", WAITING + 1, WAITING + 10))
    older.migrate("0006")
    # A delivery of the version that still runs.
    older.admin.execute(LEAVE, ("wh_1", WAITING + 11, WAITING + 11))
    older.migrate()
    assert dict(older.admin.execute(STAGES).fetchall()) == expected(1, WAITING) | {5: expected(1, WAITING)[5] + 1}
    assert older.admin.execute("SELECT to_regclass('queue_aside')").fetchone() == (None,)
    with psycopg.connect(older.database.worker) as conn:
        assert conn.execute("SELECT count(*) FROM queue").fetchone() == (WAITING + 1,)


def test_a_stop_halfway_loses_and_doubles_none(older: Older) -> None:
    older.admin.execute(LEAVE, ("wh_1", 1, WAITING))
    older.migrate("0009")
    older.admin.execute(STOP_HALFWAY)
    with pytest.raises(psycopg.errors.RaiseException, match="stopped"):
        older.migrate()
    sizes = "SELECT (SELECT count(*) FROM queue), (SELECT count(*) FROM queue_aside)"
    assert older.admin.execute(sizes).fetchone() == (30_000, WAITING - 30_000)
    older.admin.execute("DROP TRIGGER stop_halfway ON queue")
    older.migrate()
    assert dict(older.admin.execute(STAGES).fetchall()) == expected(1, WAITING)


def test_a_short_queue_and_one_that_has_its_stages_stay(older: Older) -> None:
    older.admin.execute(LEAVE, ("wh_1", 1, 100))
    before = older.admin.execute("SELECT 'queue'::regclass::oid").fetchone()
    older.migrate("0006")
    assert older.admin.execute("SELECT 'queue'::regclass::oid").fetchone() == before
    older.migrate()
    older.admin.execute(LEAVE, ("wh_1", 101, WAITING))
    older.admin.execute("DELETE FROM migrations WHERE name LIKE 'webhook_dispatcher/000%waiting_%'")
    older.migrate()
    assert older.admin.execute("SELECT 'queue'::regclass::oid").fetchone() == before
    assert dict(older.admin.execute(STAGES).fetchall()) == expected(1, WAITING)
