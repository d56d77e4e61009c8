"""Consumers do not affect each other: messages that one does not take neither fill Redis nor slow others, and all recover by themselves."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from redis import Redis
from redis.exceptions import OutOfMemoryError

from deploy.local.databases import Database
from deploy.local.plan import new_secret
from deploy.local.redis_server import RedisServer
from shared.messaging import crowding
from shared.messaging.crowding import Crowding
from shared.messaging.messages import EncounterLink, acknowledgements_queue, batches_queue
from tests.shared.support import (
    ACKS,
    QUEUE,
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
from tests.support.child import start_child
from tests.support.waiting import PATIENCE, wait_for

pytestmark = pytest.mark.full

ROOT = Path(__file__).parents[2]
DEAD = batches_queue("graphql_api", "epcr")
ACKNOWLEDGEMENTS = {each: acknowledgements_queue("epcr", each) for each in ("device_ingest", "graphql_api")}
FILL = """
    INSERT INTO outbox (id, tenant_id, consumer, name, body, attempts, send_at)
    SELECT gen_random_uuid(), 'org_1', 'graphql_api', 'graphql_api.encounter_facts.v1',
        jsonb_build_object('name', 'graphql_api.encounter_facts.v1', 'filler', repeat('x', %s)), %s, now() - interval '1 hour'
    FROM generate_series(1, %s)
"""


def fill(database: Database, rows: int, size: int = 100, attempts: int = 0) -> None:
    """Messages for a dead consumer. A busy machine would not write all of them before the time-out of a statement."""
    with psycopg.connect(database.admin, autocommit=True) as conn:
        for written in range(0, rows, 10_000):
            conn.execute(FILL, (size, attempts, min(10_000, rows - written)))
        conn.execute("ANALYZE outbox")


@contextmanager
def redis_of(folder: Path, megabytes: int) -> Iterator[RedisServer]:
    """A Redis with so many megabytes."""
    server = RedisServer(folder, new_secret())
    configuration = server._configuration
    server._configuration = lambda: configuration().replace("512mb", f"{megabytes}mb")
    server.start()
    server.wait()
    try:
        yield server
    finally:
        server.stop()


def test_a_dead_consumer_gets_as_much_as_its_queue_holds_and_others_all(
    producer: Database, consumer: Database, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New messages were once always sent, even if the consumer's queue was full."""
    monkeypatch.setattr(crowding, "MAX_CALLS", 10)
    fill(producer, 20_000)
    with (
        consuming("device_ingest", consumer, redis_url),
        acknowledging(producer, redis_url),
        running(relay_of(producer, redis_url, outbox_resend_seconds=3_600)),
        Redis.from_url(redis_url) as redis,
    ):
        wait_for(lambda: redis.llen(DEAD) == 10)
        publish(producer, link())
        wait_for(lambda: effects(consumer) == (1, 1))
        assert redis.llen(DEAD) == 10
    sent = scalar(producer.admin, "SELECT count(*) FROM outbox WHERE consumer = 'graphql_api' AND attempts > 0")
    assert sent == 2_000


def test_a_queue_is_bounded_by_its_bytes_too(producer: Database, redis_url: str) -> None:
    """Of messages that are larger than a call."""
    fill(producer, 20, size=2_000_000)
    sender = relay_of(producer, redis_url)
    with Redis.from_url(redis_url) as redis:
        for _ in range(10):
            sender.send_due()
        size: Any = redis.memory_usage(DEAD)
        assert crowding.MAX_BYTES <= size < 4 * crowding.MAX_BYTES
        assert redis.llen(DEAD) < crowding.MAX_CALLS


def test_a_queue_of_messages_of_any_size_is_bounded_by_its_calls(producer: Database, redis_url: str) -> None:
    fill(producer, 1_000, size=50_000)
    sender = relay_of(producer, redis_url)
    with Redis.from_url(redis_url) as redis:
        for _ in range(10):
            sender.send_due()
        assert crowding.MAX_CALLS <= redis.llen(DEAD) <= crowding.MAX_CALLS + 1


def test_what_compresses_well_takes_no_more_room_in_a_queue(producer: Database, redis_url: str) -> None:
    """The claim once counted their compressed size in the table, a sixtieth: one batch filled a queue five times over."""
    message = EncounterLink(encounter_id="enc_1", link="linked", observation_ids=["obs_" + "0" * 26] * 7_000)
    publish(producer, *[message] * 300)
    relay_of(producer, redis_url).send_due()
    with Redis.from_url(redis_url) as redis:
        size: Any = redis.memory_usage(QUEUE, samples=0)
    assert size < 2 * crowding.CLAIM_BYTES


@pytest.mark.parametrize("numbers", [1, 3])
def test_numbers_that_are_short_in_the_table_take_no_more_room_in_a_queue(
    producer: Database, redis_url: str, numbers: int
) -> None:
    """A number of ten bytes in the table has 100,000 digits as text: a batch of such messages went to Redis as a hundred MiB and more."""
    with psycopg.connect(producer.admin) as conn:
        conn.execute(
            """INSERT INTO outbox (id, tenant_id, consumer, name, body)
               SELECT gen_random_uuid(), 'org_1', 'device_ingest', 'n', ('[' || repeat('1e100000,', %s) || '1]')::jsonb
               FROM generate_series(1, 1000)""",
            (numbers,),
        )
    sender = relay_of(producer, redis_url, outbox_resend_seconds=3_600)
    with Redis.from_url(redis_url) as redis:
        while sender.send_due():
            pass
        size: Any = redis.memory_usage(QUEUE, samples=0)
        assert crowding.MAX_CALLS // 2 <= redis.llen(QUEUE) <= crowding.MAX_CALLS
    assert size < crowding.MAX_BYTES + 1_000_000


def test_long_acknowledgements_are_cut_to_the_oldest_like_many(
    producer: Database, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scaled down: 1 MiB instead of 32."""
    monkeypatch.setattr(crowding, "MAX_ACKNOWLEDGEMENTS_BYTES", 1 << 20)
    sender = relay_of(producer, redis_url, outbox_resend_seconds=0)
    publish(producer, link())
    with Redis.from_url(redis_url) as redis:
        assert sender.send_due() == 1
        for number in range(40):
            redis.lpush(ACKS, f"{number:02}" + "x" * 50_000)
        assert sender.send_due() == 0
        kept: Any = redis.lrange(ACKS, 0, -1)
    assert 10 <= len(kept) <= 21
    assert [int(item[:2]) for item in reversed(kept)] == list(range(len(kept)))


def test_many_rows_for_a_dead_consumer_cost_the_others_nothing(producer: Database, redis_url: str) -> None:
    """Half of them wait to be sent, half wait to be acknowledged; both halves are due."""
    sender = relay_of(producer, redis_url, outbox_resend_seconds=3_600)

    def least() -> float:
        took: list[float] = []
        for _ in range(10):
            publish(producer, link())
            began = time.perf_counter()
            assert sender.send_due() == 1
            took.append(time.perf_counter() - began)
        return min(took)

    with Redis.from_url(redis_url) as redis:
        redis.lpush(DEAD, *["x"] * crowding.MAX_CALLS)
        alone = least()
        fill(producer, 100_000)
        fill(producer, 100_000, attempts=5)
        assert least() < 10 * alone


def test_a_row_that_one_consumer_may_not_be_given_keeps_nothing_from_the_others(
    producer: Database, redis_url: str
) -> None:
    fill(producer, 10)
    publish(producer, link())
    with Redis.from_url(redis_url) as redis:
        redis.set(DEAD, "of the wrong kind")
        assert Crowding(redis, {"graphql_api": DEAD}, ACKNOWLEDGEMENTS).rooms(["graphql_api"]) == {}
        assert relay_of(producer, redis_url).send_due() == 1
        assert redis.llen(QUEUE) == 1


def test_consumers_have_turns(producer: Database, redis_url: str) -> None:
    fill(producer, 10)
    publish(producer, link())
    sender = relay_of(producer, redis_url)
    first = [next(iter(sender._turn()))[0] for _ in range(4)]
    assert set(first) == {"graphql_api", "device_ingest"}


def test_a_full_redis_is_drained_by_its_workers_and_all_goes_on_by_itself(
    producer: Database, consumer: Database, tmp_path: Path
) -> None:
    """There was a livelock here: kombu wrote down each message that it took, and there was no memory for that."""
    with redis_of(tmp_path / "redis", 8) as server, Redis.from_url(server.url) as redis:
        publish(producer, *(link(f"enc_{number}") for number in range(1_000)))
        sender = relay_of(producer, server.url, outbox_resend_seconds=0.5)
        sender.send_due()
        with suppress(OutOfMemoryError):
            while redis.lpush("others", "x" * 10_000):
                pass
        with (
            consuming("device_ingest", consumer, server.url),
            acknowledging(producer, server.url),
            running(sender),
        ):
            wait_for(lambda: redis.llen(QUEUE) == 0, what="the queue to be drained")
            wait_for(lambda: effects(consumer)[0] > 0)
            publish(producer, link("enc_later"))
            redis.delete("others")
            wait_for(lambda: unacknowledged(producer) == 0)
    assert effects(consumer) == (1_001, 1_001)


def used_share(redis: Redis) -> float:
    memory: Any = redis.info("memory")
    return memory["used_memory"] / memory["maxmemory"]


def test_relays_leave_a_quarter_of_redis_to_others(producer: Database, tmp_path: Path) -> None:
    with redis_of(tmp_path / "redis", 8) as server, Redis.from_url(server.url) as redis:
        while used_share(redis) < 0.8:
            redis.rpush("others", "x" * 100_000)
        publish(producer, link())
        sender = relay_of(producer, server.url)
        assert sender.send_due() == 0
        redis.delete("others")
        sender.crowding._looked = 0
        assert sender.send_due() == 1


def test_a_slow_redis_delays_and_loses_nothing(producer: Database, consumer: Database, own_redis: RedisServer) -> None:
    with (
        consuming("device_ingest", consumer, own_redis.url),
        acknowledging(producer, own_redis.url),
        running(relay_of(producer, own_redis.url)),
        Redis.from_url(own_redis.url) as redis,
    ):
        publish(producer, link("enc_1"))
        wait_for(lambda: unacknowledged(producer) == 0)
        redis.execute_command("CLIENT", "PAUSE", "7000", "ALL")  # longer than any client here waits for an answer
        publish(producer, link("enc_2"))
        wait_for(lambda: unacknowledged(producer) == 0)
    assert effects(consumer) == (2, 2)


def test_another_redis_in_its_place_is_gone_on_with(
    producer: Database, consumer: Database, own_redis: RedisServer
) -> None:
    """As after a fail-over to a server that has none of the old one's data."""
    port = own_redis.port
    with running(relay_of(producer, own_redis.url)) as sender:
        publish(producer, link("enc_1"))
        wait_for(lambda: scalar(producer.admin, "SELECT min(attempts) FROM outbox") >= 1)
        own_redis.stop()
        own_redis.start(port)
        own_redis.wait()
        with consuming("device_ingest", consumer, own_redis.url), acknowledging(producer, own_redis.url):
            wait_for(lambda: unacknowledged(producer) == 0)
        assert not sender.stopping.is_set()
    assert effects(consumer) == (1, 1)


@contextmanager
def process(program: str, database: Database, redis_url: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {
        "WORKER_DATABASE_URL": database.worker,
        "REDIS_URL": redis_url,
        "LOCKOUT_SECONDS": "1",
    }
    command = [sys.executable, "-m", "tests.shared.program", program]
    child = start_child(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def test_a_worker_that_redis_refuses_ends_so_that_it_is_started_with_its_new_password(
    consumer: Database, own_redis: RedisServer
) -> None:
    with Redis.from_url(own_redis.url) as redis, process("device_ingest", consumer, own_redis.url) as worker:
        wait_for(lambda: len(redis.client_list()) > 1, what="the worker")
        redis.config_set("requirepass", "another")
        redis.client_kill_filter(_type="normal", skipme=True)
        assert worker.wait(PATIENCE) is not None


def test_a_password_changes_under_load_while_both_are_good(
    producer: Database, consumer: Database, own_redis: RedisServer
) -> None:
    """The steps of the runbook: add the new password, roll out, remove the old one."""
    host = own_redis.url.rpartition("@")[2]
    old, new = (f"redis://service:{password}@{host}" for password in ("old", "new"))
    with Redis.from_url(own_redis.url) as admin:
        admin.execute_command("ACL", "SETUSER", "service", "on", ">old", "~*", "&*", "+@all")
        publish(producer, link("enc_1"))
        with running(relay_of(producer, old)), acknowledging(producer, old):
            with consuming("device_ingest", consumer, old):
                wait_for(lambda: unacknowledged(producer) == 0)
            admin.execute_command("ACL", "SETUSER", "service", ">new")
            publish(producer, link("enc_2"))
            with consuming("device_ingest", consumer, new):
                wait_for(lambda: unacknowledged(producer) == 0)
        admin.execute_command("ACL", "SETUSER", "service", "<old")
        admin.client_kill_filter(_type="normal", skipme=True)
        publish(producer, link("enc_3"))
        with (
            running(relay_of(producer, new)),
            acknowledging(producer, new),
            consuming("device_ingest", consumer, new),
        ):
            wait_for(lambda: unacknowledged(producer) == 0)
    assert effects(consumer) == (3, 3)
