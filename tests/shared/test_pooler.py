"""Behind a pooler in transaction mode each transaction may use another server connection, and no code may depend on which."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from deploy.local.databases import Database
from shared.storage import audit_check, jobs, migrate
from shared.storage.database import aset_tenant, open_pool, open_tasks_pool, task_transaction, tenant_transaction
from shared.storage.jobs import Periodic, PeriodicRunner
from shared.web.identity import Caller
from tests.shared.asking import request
from tests.shared.support import (
    OneAtATime,
    acknowledging,
    consuming,
    effects,
    link,
    publish,
    relay_of,
    running,
    scalar,
    unacknowledged,
)
from tests.support import pooler
from tests.support.waiting import PATIENCE, wait_for

pytestmark = pytest.mark.skipif(not pooler.PROGRAM, reason="pgbouncer is not installed; Debian's pgbouncer has it")

# Web processes and workers may write this table.
WRITE = """
    INSERT INTO idempotency_keys (tenant_id, client_id, key_digest, request_digest, answer)
    VALUES (%s, 'app', uuid_send(gen_random_uuid()), '', '')
"""


@pytest.fixture
def pooled_producer(producer: Database) -> Iterator[Database]:
    with pooler.pooled(producer) as database:
        yield database


@pytest.fixture
def pooled_consumer(consumer: Database) -> Iterator[Database]:
    with pooler.pooled(consumer) as database:
        yield database


def test_every_transaction_has_the_time_outs_and_none_is_refused(pooled_producer: Database) -> None:
    async def asked() -> list[Any]:
        async with open_pool(pooled_producer.app, min_size=4) as pool:
            return await asyncio.gather(*(one(pool) for _ in range(12)))

    async def one(pool: Any) -> list[Any]:
        async with pool.connection() as conn:
            return [await (await conn.execute(f"SHOW {name}".encode())).fetchone() for name in migrate.SESSIONS]

    expected = [(value,) for value in migrate.SESSIONS.values()]
    assert asyncio.run(asked()) == [expected] * 12
    with open_tasks_pool(pooled_producer.worker, max_size=4) as pool, task_transaction(pool) as conn:
        assert [conn.execute(f"SHOW {name}".encode()).fetchone() for name in migrate.SESSIONS] == expected


def test_tenants_stand_apart_over_two_server_connections_that_all_share(pooled_producer: Database) -> None:
    """It runs often enough that statements are prepared, on server connections where other clients prepared other statements."""

    async def many() -> list[Any]:
        async with open_pool(pooled_producer.app, min_size=10) as pool:
            return await asyncio.gather(*(of_tenant(pool, f"org_{number}") for number in range(30)))

    async def of_tenant(pool: Any, tenant: str) -> set[Any]:
        seen: set[Any] = set()
        for _ in range(20):
            async with pool.connection() as conn:
                await aset_tenant(conn, tenant)
                await conn.execute(WRITE, (tenant,))
                seen |= set(
                    await (
                        await conn.execute("SELECT DISTINCT tenant_id FROM idempotency_keys WHERE %s = %s", (1, 1))
                    ).fetchall()
                )
            async with pool.connection() as conn:
                seen.add((await (await conn.execute("SELECT count(*) FROM idempotency_keys")).fetchone())[0])
        return seen

    assert asyncio.run(many()) == [{(f"org_{number}",), 0} for number in range(30)]
    assert scalar(pooled_producer.admin, "SELECT count(*) FROM idempotency_keys") == 600
    servers = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'epcr_app' AND datname = current_database()"
    assert scalar(pooled_producer.admin, servers) <= 2


def test_requests_of_many_tenants_stand_apart_over_two_server_connections(pooled_producer: Database) -> None:
    """Each begins its transaction and sets its tenant in one round trip."""

    async def many() -> list[Any]:
        async with open_pool(pooled_producer.app, min_size=10) as pool:
            return await asyncio.gather(*(of_tenant(pool, f"org_{number}") for number in range(30)))

    async def of_tenant(pool: Any, tenant: str) -> set[Any]:
        asked = request()
        asked.state.pool = pool
        seen: set[Any] = set()
        for _ in range(10):
            async with tenant_transaction(asked, Caller(tenant_id=tenant, client_id="app_1")) as conn:
                await conn.execute(WRITE, (tenant,))
                seen |= set(await (await conn.execute("SELECT DISTINCT tenant_id FROM idempotency_keys")).fetchall())
        return seen

    assert asyncio.run(many()) == [{(f"org_{number}",)} for number in range(30)]
    assert scalar(pooled_producer.admin, "SELECT count(*) FROM idempotency_keys") == 300


def test_messages_go_from_outbox_to_effect_and_are_acknowledged(
    pooled_producer: Database, pooled_consumer: Database, redis_url: str
) -> None:
    for number in range(300):
        publish(pooled_producer, link(f"enc_{number}"), tenant=f"org_{number % 3}")
    with (
        consuming("device_ingest", pooled_consumer, redis_url),
        acknowledging(pooled_producer, redis_url),
        running(relay_of(pooled_producer, redis_url)),
        running(relay_of(pooled_producer, redis_url)),
    ):
        wait_for(lambda: unacknowledged(pooled_producer) == 0)
    assert effects(pooled_consumer) == (300, 300)


def test_periodic_work_is_done_once_at_a_time_by_however_many_relays(pooled_producer: Database) -> None:
    job = OneAtATime()
    stopping = threading.Event()
    with open_tasks_pool(pooled_producer.worker, max_size=4) as pool:
        runners = [PeriodicRunner(pool, [Periodic("alone", 0.001, job.run)], stopping) for _ in range(3)]
        for runner in runners:
            runner.start()
        wait_for(lambda: job.runs > 20)
        stopping.set()
        for runner in runners:
            runner.join(PATIENCE)
    assert job.overlaps == 0
    # No client may keep a lock of a session that went back to the pooler.
    assert scalar(pooled_producer.admin, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0


def test_the_audit_trail_is_sealed_through_it_by_several_relays(pooled_producer: Database) -> None:
    with psycopg.connect(pooled_producer.admin) as conn:
        conn.execute(
            """INSERT INTO audit (id, tenant_id, client_id, action, subject_id, trace_id)
               SELECT uuidv7(), 'org_1', 'app_1', 'read', 'enc_1', '' FROM generate_series(1, 12000)"""
        )
    with open_tasks_pool(pooled_producer.worker, max_size=4) as pool, ThreadPoolExecutor(3) as threads:

        def seal(_: int) -> int:
            with pool.connection() as conn:
                return jobs.seal(conn)

        assert sum(threads.map(seal, range(3))) == 12_000
        with pool.connection() as conn:
            assert audit_check.check(conn).entries == 12_000


def test_a_migration_runs_through_it(pooled_producer: Database, producer: Database, tmp_path: Any) -> None:
    """As when `migrate` does not have the server's own address; only indexes made concurrently need that address."""
    folder = tmp_path / "things" / "migrations"
    folder.mkdir(parents=True)
    (folder / "0001_things.sql").write_text("CREATE TABLE things (tenant_id text); SELECT tenant_table('things');")
    as_worker = pooler.replace(producer, app=producer.migrator)
    with pooler.pooled(as_worker) as through:
        roles = migrate.role_of(producer.app), migrate.role_of(producer.worker)
        assert migrate.migrate(through.app, *roles, [migrate.SHARED, folder]) == ["things/0001_things.sql"]
    assert (
        scalar(producer.admin, "SELECT relowner::regrole::text FROM pg_class WHERE relname = 'things'") == "epcr_owner"
    )
