"""A lost machine sends nothing on any connection: clients notice within seconds and use its successor."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import psycopg
import pytest
from redis import Redis

from deploy.local.databases import Database
from deploy.local.plan import new_secret
from deploy.local.redis_server import RedisServer
from shared.process import redis_clients
from shared.storage.database import UNAVAILABLE, open_pool, open_tasks_pool, task_transaction
from tests.shared.support import EFFECTS, acknowledging, consuming, effects, link, publish, relay_of, running
from tests.shared.test_fail_over import WRITE, of_both, until_written, writes
from tests.support import network
from tests.support.cluster import TestDatabases, start_cluster
from tests.support.standby import Standby
from tests.support.waiting import wait_for

BELL = "bell"

pytestmark = [network.needed, pytest.mark.full]


@pytest.fixture
def own_network() -> Iterator[None]:
    with network.own_network():
        yield


def test_a_primary_that_is_gone_without_a_word_is_given_up(
    own_network: None, tmp_path: Path, in_memory: Path | None
) -> None:
    primary = start_cluster(tmp_path / "primary", within=in_memory)
    standby = Standby(tmp_path / "standby", primary.password, durable=False, within=in_memory)
    made = TestDatabases(primary)
    try:
        here = made.fresh("epcr")
        standby.follow(primary)
        both = replace(here, app=of_both(here.app, standby), worker=of_both(here.worker, standby))
        with open_tasks_pool(both.worker, max_size=4) as tasks:
            assert attempts(tasks)
            assert asyncio.run(lose(both, primary.port, standby)) < 30
            with network.cut(*network.to_port(primary.port)):
                wait_for(lambda: attempts(tasks))
    finally:
        made.close()
        for each in (primary, standby):
            each.stop()
            each.delete()


def attempts(pool: object) -> bool:
    try:
        with task_transaction(pool) as conn:  # pyright: ignore[reportArgumentType]
            conn.execute(WRITE.encode())
    except UNAVAILABLE:
        return False
    return True


async def lose(both: Database, port: int, standby: Standby) -> float:
    """Seconds from the promotion to the first write."""
    async with open_pool(both.app, min_size=4) as pool:
        await pool.wait()
        for _ in range(8):
            await writes(pool)
        with network.cut(*network.to_port(port)):
            standby.promote()
            return await until_written(pool)


@pytest.fixture
def lost_and_replaced(own_network: None, tmp_path: Path) -> Iterator[tuple[RedisServer, Callable[[], None]]]:
    """A Redis, and a call that cuts its network and puts an empty one in its place."""
    server = RedisServer(tmp_path / "redis", new_secret())
    server.start()
    server.wait()

    def lose() -> None:
        with network.cut(*network.to_port(server.port)):
            assert server.server
            server.server.kill()
            server.server.wait()
            wait_for(lambda: not connected(server.port), what="the connections to be given up")
            server.launch()
        server.wait()

    yield server, lose
    server.stop()


def connected(port: int) -> bool:
    """Whether this process has a connection to that port that it does not yet know to be dead."""
    connections = psutil.Process().net_connections("tcp")
    return any(one.raddr and one.raddr.port == port and one.status == "ESTABLISHED" for one in connections)


def test_a_worker_and_a_relay_notice_that_redis_is_another_one(
    lost_and_replaced: tuple[RedisServer, Callable[[], None]], tmp_path: Path, in_memory: Path | None
) -> None:
    server, lose = lost_and_replaced
    cluster = start_cluster(tmp_path / "cluster", within=in_memory)
    made = TestDatabases(cluster)
    try:
        producer, consumer = made.fresh("epcr"), made.fresh("device_ingest")
        with psycopg.connect(consumer.admin) as conn:
            conn.execute(EFFECTS)
        with (
            consuming("device_ingest", consumer, server.url),
            acknowledging(producer, server.url),
            running(relay_of(producer, server.url)),
        ):
            publish(producer, link("enc_1"))
            wait_for(lambda: effects(consumer) == (1, 1))
            lose()
            publish(producer, link("enc_2"))
            wait_for(lambda: effects(consumer) == (2, 2))
    finally:
        made.close()
        cluster.stop()
        cluster.delete()


def test_a_subscriber_hears_another_redis(
    lost_and_replaced: tuple[RedisServer, Callable[[], None]],
) -> None:
    server, lose = lost_and_replaced
    rung = threading.Event()

    async def listen() -> None:
        listening = asyncio.create_task(redis_clients.follow(server.url, BELL, rung.set))
        await asyncio.to_thread(wait_for, heard, 10)
        rung.clear()
        await asyncio.to_thread(lose)
        await asyncio.to_thread(wait_for, heard, 40)
        listening.cancel()

    def heard() -> bool:
        with Redis.from_url(server.url) as redis:
            redis.publish(BELL, "1")
        return rung.wait(0.2)

    asyncio.run(listen())
