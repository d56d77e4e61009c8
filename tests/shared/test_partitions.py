"""Daily partitions: the worker makes them ahead and drops old ones; the first process that writes also makes the days around today."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from prometheus_client import REGISTRY

from deploy.local.databases import Database
from shared.storage import partitions
from shared.storage.database import open_pool, open_tasks_pool
from shared.storage.partitions import Daily
from tests.shared.support import scalar
from tests.support.clocks import run_ahead

TABLE = """
    CREATE TABLE readings (tenant_id text NOT NULL, at timestamptz NOT NULL) PARTITION BY RANGE (at);
    ALTER TABLE readings OWNER TO epcr_owner;
"""
NAMES = """
    SELECT array_agg(inhrelid::regclass::text ORDER BY inhrelid::regclass::text) FROM pg_inherits WHERE inhparent = 'readings'::regclass
"""


@pytest.fixture
def worker(producer: Database) -> Iterator[psycopg.Connection]:
    with psycopg.connect(producer.admin) as conn:
        conn.execute(TABLE)
    with psycopg.connect(producer.migrator) as conn:
        conn.execute("SELECT tenant_table('readings'), worker_writes_all('readings')")
        conn.execute("GRANT EXECUTE ON FUNCTION ensure_partitions_around_today(regclass) TO epcr_app, epcr_worker")
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


def test_a_process_a_month_ahead_makes_and_drops_the_days_of_its_database(
    producer: Database, worker: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    partitions.ensure(worker, "readings", days_ahead=0, days_back=4)
    run_ahead(monkeypatch, partitions)
    assert partitions.drop_older(worker, "readings", days=3) == 1
    assert not partitions.is_behind(worker, "readings", days=3)
    partitions.ensure(worker, "readings", days_ahead=1)
    assert scalar(producer.admin, NAMES) == [day(offset) for offset in range(-3, 2)]
    assert overdue() == 0


def test_nobody_waits_behind_a_drop_that_waits_for_a_long_reader(
    producer: Database, worker: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A drop that waits holds its place before all others. Each of its waits ends long before theirs."""
    partitions.ensure(worker, "readings", days_ahead=0, days_back=4)
    waited: list[int] = []

    def pause(_: float) -> None:
        with psycopg.connect(producer.worker, autocommit=True) as other:
            other.execute("SET lock_timeout = '1ms'")
            other.execute("SELECT count(*) FROM readings")
        waited.append(1)

    monkeypatch.setattr(partitions.time, "sleep", pause)
    with psycopg.connect(producer.worker) as reader:
        reader.execute("SELECT count(*) FROM readings")
        assert partitions.drop_older(worker, "readings", days=2) == 0
        assert len(waited) == partitions.TRIES
        assert overdue() > 86_400
    assert partitions.drop_older(worker, "readings", days=2) == 2
    assert overdue() == 0


def test_each_partition_is_dropped_in_a_transaction_of_its_own(
    producer: Database, worker: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    partitions.ensure(worker, "readings", days_ahead=0, days_back=4)
    monkeypatch.setattr(partitions.time, "sleep", lambda _: None)
    with psycopg.connect(producer.worker) as relay, psycopg.connect(producer.admin) as reader:
        reader.execute(f"LOCK TABLE {day(-3)} IN ACCESS SHARE MODE".encode())
        assert partitions.drop_older(relay, "readings", days=2) == 1
    assert scalar(producer.admin, NAMES) == [day(offset) for offset in (-3, -2, -1, 0)]


def overdue() -> float:
    return REGISTRY.get_sample_value("retention_overdue_seconds", {"table": "readings"}) or 0


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
        partitions.ensure(worker, "readings", days_back=4)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            partitions.drop_older(conn, "readings", 1)


def around_today() -> list[str]:
    return [day(offset) for offset in range(-8, 9)]


def without(producer: Database, name: str) -> None:
    with psycopg.connect(producer.migrator) as conn:
        conn.execute(f"DROP TABLE {name}".encode())


def test_without_a_relay_the_first_write_of_each_day_finds_its_partition(
    producer: Database, worker: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def two_days(daily: Daily) -> None:
        async with open_pool(producer.app) as pool:
            await daily.ensure(pool)
            assert scalar(producer.admin, NAMES) == around_today()
            without(producer, day(0))
            await daily.ensure(pool)
            assert day(0) not in scalar(producer.admin, NAMES)  # asked once a day, not with each write
            monkeypatch.setattr(partitions, "_today", lambda: datetime.now(UTC).date() + timedelta(days=1))
            await daily.ensure(pool)

    asyncio.run(two_days(Daily("readings")))
    assert scalar(producer.admin, NAMES) == around_today()


def test_a_writer_waits_for_no_query_of_the_table_for_the_sake_of_a_later_day(
    producer: Database, worker: psycopg.Connection
) -> None:
    """Such a query is a dump or a report that began before midnight. A partition cannot be made while it runs."""
    partitions.ensure(worker, "readings", days_ahead=7)
    with psycopg.connect(producer.admin) as reader, open_tasks_pool(producer.worker, max_size=4) as pool:
        reader.execute("SELECT count(*) FROM readings")
        Daily("readings").ensure_sync(pool)
    assert scalar(producer.admin, NAMES) == [day(offset) for offset in range(8)]


def test_a_task_makes_them_too_and_several_at_once_do_not_collide(
    producer: Database, worker: psycopg.Connection
) -> None:
    with open_tasks_pool(producer.worker, max_size=8) as pool, ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: Daily("readings").ensure_sync(pool), range(8)))
    assert scalar(producer.admin, NAMES) == around_today()


def test_what_was_made_without_a_relay_is_under_row_level_security_and_dropped_with_the_rest(
    producer: Database, worker: psycopg.Connection
) -> None:
    with open_tasks_pool(producer.worker, max_size=4) as pool:
        Daily("readings").ensure_sync(pool)
    secured = """SELECT bool_and(relrowsecurity AND relforcerowsecurity) FROM pg_class
                 JOIN pg_inherits ON inhrelid = oid WHERE inhparent = 'readings'::regclass"""
    assert scalar(producer.admin, secured) is True
    assert partitions.drop_older(worker, "readings", days=2) == 6


def test_a_partition_that_could_not_be_made_is_asked_for_again(producer: Database, worker: psycopg.Connection) -> None:
    daily = Daily("readings")
    with (
        psycopg.connect(producer.admin, autocommit=True) as admin,
        open_tasks_pool(producer.worker, max_size=4) as pool,
    ):
        admin.execute("ALTER TABLE readings RENAME TO elsewhere")
        with pytest.raises(psycopg.errors.UndefinedTable):
            daily.ensure_sync(pool)
        admin.execute("ALTER TABLE elsewhere RENAME TO readings")
        daily.ensure_sync(pool)
    assert scalar(producer.admin, NAMES) == around_today()
