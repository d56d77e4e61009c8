"""Daily partitions: made ahead and dropped behind by the worker, by nobody else."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from deploy.local.databases import Database
from shared import partitions
from tests.shared.support import scalar

TABLE = """
    CREATE TABLE readings (tenant_id text NOT NULL, at timestamptz NOT NULL) PARTITION BY RANGE (at);
    ALTER TABLE readings OWNER TO epcr_migrator;
"""
NAMES = "SELECT array_agg(inhrelid::regclass::text ORDER BY 1) FROM pg_inherits WHERE inhparent = 'readings'::regclass"


@pytest.fixture
def worker(producer: Database) -> Iterator[psycopg.Connection]:
    with psycopg.connect(producer.admin) as conn:
        conn.execute(TABLE)
    with psycopg.connect(producer.migrator) as conn:
        conn.execute("SELECT tenant_table('readings'), worker_writes_all('readings')")
    with psycopg.connect(producer.worker, autocommit=True) as conn:
        yield conn


def day(offset: int) -> str:
    return "readings_" + (datetime.now(UTC).date() + timedelta(days=offset)).strftime("%Y%m%d")


def test_partitions_stand_ready_and_are_made_once(producer: Database, worker: psycopg.Connection) -> None:
    for _ in range(2):
        partitions.ensure(worker, "readings", days_ahead=2, days_back=1)
    assert scalar(producer.admin, NAMES) == [day(offset) for offset in (-1, 0, 1, 2)]
    worker.execute("INSERT INTO readings VALUES ('org_1', now()), ('org_1', now() + interval '2 days')")
    with pytest.raises(psycopg.errors.CheckViolation):
        worker.execute("INSERT INTO readings VALUES ('org_1', now() + interval '4 days')")


def test_what_is_older_than_it_may_be_is_dropped_whole(producer: Database, worker: psycopg.Connection) -> None:
    partitions.ensure(worker, "readings", days_ahead=0, days_back=4)
    assert partitions.drop_older(worker, "readings", days=2) == 2
    assert scalar(producer.admin, NAMES) == [day(offset) for offset in (-2, -1, 0)]
    assert partitions.drop_older(worker, "readings", days=2) == 0


def test_a_partition_asked_directly_shows_nothing(producer: Database, worker: psycopg.Connection) -> None:
    partitions.ensure(worker, "readings", days_ahead=0)
    worker.execute("INSERT INTO readings VALUES ('org_1', now())")
    for dsn in (producer.app, producer.worker):
        with psycopg.connect(dsn) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute(f"SELECT * FROM {day(0)}".encode())


def test_the_app_role_neither_makes_nor_drops_partitions(producer: Database, worker: psycopg.Connection) -> None:
    with psycopg.connect(producer.app, autocommit=True) as conn:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            partitions.ensure(conn, "readings")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            partitions.drop_older(conn, "readings", 1)
