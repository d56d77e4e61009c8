"""A primary that is lost or becomes a standby is an outage: meanwhile "try again", and no error a second after its successor is there."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from deploy.local.databases import Database
from deploy.local.postgres import Cluster
from shared.storage import database
from shared.storage.database import (
    UNAVAILABLE,
    AsyncConnection,
    aset_tenant,
    is_outage,
    open_pool,
    open_tasks_pool,
    task_transaction,
)
from tests.shared.asking import request
from tests.shared.support import EFFECTS, acknowledging, consuming, effects, link, publish, relay_of, running, scalar
from tests.support.cluster import TestDatabases, start_cluster
from tests.support.standby import Standby, lose, read_only
from tests.support.waiting import PATIENCE, Control, wait_for

pytestmark = pytest.mark.full

# Web processes and workers may write this table.
WRITE = """
    INSERT INTO idempotency_keys (tenant_id, client_id, key_digest, request_digest, answer)
    VALUES ('org_1', 'app', uuid_send(gen_random_uuid()), '', '')
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, in_memory: Path | None) -> Iterator[Cluster]:
    """A separate server for this file, which may be made read-only."""
    cluster = start_cluster(tmp_path_factory.mktemp("primary"), within=in_memory)
    yield cluster
    cluster.stop()
    cluster.delete()


@pytest.fixture(scope="module")
def own(cluster: Cluster) -> Iterator[Callable[[str], Database]]:
    made = TestDatabases(cluster)
    yield made.fresh
    made.close()


@pytest.fixture
def demoted(cluster: Cluster) -> Iterator[Callable[[bool], None]]:
    yield lambda on: read_only(cluster, on)
    read_only(cluster, False)


async def writes(pool: AsyncConnectionPool[AsyncConnection]) -> None:
    async with pool.connection() as conn:
        await aset_tenant(conn, "org_1")
        await conn.execute(WRITE.encode())


async def until_written(pool: AsyncConnectionPool[AsyncConnection]) -> float:
    """Seconds until a write succeeds. Every failure before must count as an outage."""
    began = time.monotonic()
    while True:
        try:
            await writes(pool)
        except UNAVAILABLE:
            assert time.monotonic() - began < PATIENCE
            await asyncio.sleep(0.05)
        else:
            return time.monotonic() - began


def writing(database: Database) -> Control:
    """A write with a new connection."""

    def write() -> None:
        with psycopg.connect(database.worker) as conn:
            conn.execute(b"SELECT set_config('app.tenant_id', 'org_1', true)")
            conn.execute(WRITE.encode())
            conn.rollback()

    return Control(write)


def test_a_server_that_became_read_only_is_given_up_and_found_again(
    own: Callable[[str], Database], demoted: Callable[[bool], None]
) -> None:
    here = own("epcr")

    async def go() -> float:
        async with open_pool(here.app, min_size=4) as pool:
            await pool.wait()
            await writes(pool)
            demoted(True)
            await wait_until_refused(pool)
            with pytest.raises(UNAVAILABLE):
                await database.ping(pool)
            demoted(False)
            recovered = await until_written(pool)
            await database.ping(pool)
            return recovered

    assert asyncio.run(go()) < writing(here).allows(10)


async def wait_until_refused(pool: AsyncConnectionPool[AsyncConnection]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            await writes(pool)
        except psycopg.errors.ReadOnlySqlTransaction:
            return
        await asyncio.sleep(0.02)
    pytest.fail("the server never became read-only")


def test_not_one_of_the_connections_to_a_read_only_server_is_used_again(
    own: Callable[[str], Database], demoted: Callable[[bool], None]
) -> None:
    """Else they would refuse writes for half an hour, until the last of them reaches its maximum age."""
    here = own("epcr")

    async def go() -> set[int]:
        async with open_pool(here.app, min_size=4) as pool:
            await pool.wait()
            before = await backends(pool)
            demoted(True)
            await wait_until_refused(pool)
            demoted(False)
            await until_written(pool)
            return before & await backends(pool)

    assert asyncio.run(go()) == set()


async def backends(pool: AsyncConnectionPool[AsyncConnection]) -> set[int]:
    async def one() -> int:
        async with pool.connection() as conn:
            await conn.execute("SELECT pg_sleep(0.05)")
            return conn.info.backend_pid

    return set(await asyncio.gather(*(one() for _ in range(4))))


def test_tasks_give_up_a_read_only_server_too(own: Callable[[str], Database], demoted: Callable[[bool], None]) -> None:
    here = own("epcr")
    with open_tasks_pool(here.worker, max_size=4) as pool:

        def attempt() -> bool:
            try:
                with task_transaction(pool) as conn:
                    conn.execute(WRITE.encode())
            except UNAVAILABLE:
                return False
            return True

        assert attempt()
        demoted(True)
        wait_for(lambda: not attempt())
        demoted(False)
        wait_for(attempt)


def test_a_message_that_meets_a_read_only_database_waits_and_is_nobodys_failure(
    producer: Database, own: Callable[[str], Database], demoted: Callable[[bool], None], redis_url: str
) -> None:
    """Only the consumer's database fails: the producer continues, and sends again until it is acknowledged."""
    consumer = own("device_ingest")
    with psycopg.connect(consumer.admin) as conn:
        conn.execute(EFFECTS)
    with (
        consuming("device_ingest", consumer, redis_url),
        acknowledging(producer, redis_url),
        running(relay_of(producer, redis_url)),
    ):
        publish(producer, link("enc_1"))
        wait_for(lambda: effects(consumer) == (1, 1))
        demoted(True)
        publish(producer, link("enc_2"))
        wait_for(lambda: (sent_again(producer) or 0) > 2)
        assert effects(consumer) == (1, 1)
        demoted(False)
        wait_for(lambda: effects(consumer) == (2, 2))
    assert scalar(consumer.admin, "SELECT count(*) FROM failures") == 0
    assert scalar(consumer.admin, "SELECT count(*) FROM dead_letters") == 0


def sent_again(producer: Database) -> int | None:
    return scalar(producer.admin, "SELECT max(attempts) FROM outbox WHERE acknowledged_at IS NULL")


OUTAGES: list[tuple[type[psycopg.Error], bool]] = [
    (psycopg.errors.ReadOnlySqlTransaction, True),
    (psycopg.errors.AdminShutdown, True),
    (psycopg.errors.CrashShutdown, True),
    (psycopg.errors.CannotConnectNow, True),
    (psycopg.errors.IdleSessionTimeout, True),
    (psycopg.errors.TooManyConnections, True),
    (psycopg.errors.DiskFull, True),
    (psycopg.errors.IoError, True),
    (psycopg.errors.ConnectionFailure, True),
    (psycopg.OperationalError, True),
    (psycopg.errors.QueryCanceled, False),
    (psycopg.errors.LockNotAvailable, False),
    (psycopg.errors.UniqueViolation, False),
    (psycopg.errors.SerializationFailure, False),
]


@pytest.mark.parametrize(("error", "expected"), OUTAGES, ids=lambda value: getattr(value, "__name__", str(value)))
def test_which_errors_say_nothing_about_the_task(error: type[psycopg.Error], expected: bool) -> None:
    assert is_outage(error()) is expected


@pytest.mark.parametrize("error", [kind for kind, outage in OUTAGES if outage], ids=lambda kind: kind.__name__)
def test_a_request_that_meets_an_outage_is_told_to_try_again(error: type[psycopg.Error]) -> None:
    handler = next(database.exception_handlers[kind] for kind in error.__mro__ if kind in database.exception_handlers)
    response = asyncio.run(handler(request(), error()))
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert json.loads(bytes(response.body))["title"] == "Service unavailable"


def test_a_standby_that_is_promoted_takes_over_within_seconds(tmp_path: Path, in_memory: Path | None) -> None:
    primary = start_cluster(tmp_path / "primary", within=in_memory)
    standby = Standby(tmp_path / "standby", primary.password, durable=False, within=in_memory)
    made = TestDatabases(primary)
    try:
        here = made.fresh("epcr")
        standby.follow(primary)
        both = replace(here, app=of_both(here.app, standby), worker=of_both(here.worker, standby))
        written, seconds = asyncio.run(lose_and_promote(both, primary, standby))
        assert seconds < writing(both).allows(10)
        with psycopg.connect(at(here.admin, standby)) as conn:
            assert conn.execute("SELECT count(*) FROM idempotency_keys").fetchone() == (written,)
    finally:
        made.close()
        for each in (primary, standby):
            each.stop()
            each.delete()


async def lose_and_promote(both: Database, primary: Cluster, standby: Standby) -> tuple[int, float]:
    """How many writes succeeded, and the seconds from the start of the promotion to the first of them."""
    async with open_pool(both.app, min_size=4) as pool, open_pool(both.worker) as other:
        await pool.wait()
        for _ in range(20):
            await writes(pool)
        await asyncio.to_thread(standby.catch_up, primary)
        await asyncio.to_thread(lose, primary)
        with pytest.raises(UNAVAILABLE):
            await writes(pool)
        began = time.monotonic()
        await asyncio.to_thread(standby.promote)
        await until_written(pool)
        seconds = time.monotonic() - began
        await until_written(other)
        return 22, seconds


def at(url: str, cluster: Cluster) -> str:
    parts = urlsplit(url)
    return url.replace(f":{parts.port}/", f":{cluster.port}/")


def of_both(url: str, standby: Cluster) -> str:
    parts: Any = urlsplit(url)
    return url.replace(f":{parts.port}/", f":{parts.port},{parts.hostname}:{standby.port}/")
