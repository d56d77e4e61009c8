"""Messages per second from outbox to effect to acknowledgement, with one relay and one worker process on each side.

Prints the rate of each stage alone and of the whole way.
"""

import time
from typing import Any, LiteralString

import psycopg
import pytest
from redis import Redis

from deploy.local.databases import Database
from shared.messaging.crowding import MAX_BYTES, Room
from shared.messaging.relay import hand_over
from shared.storage import jobs
from shared.storage.database import open_tasks_pool
from tests.shared.conftest import consumer as consumer
from tests.shared.conftest import producer as producer
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
    unacknowledged,
)
from tests.support.waiting import wait_for

MESSAGES = 20_000
ROOM = Room(calls=5, bytes=MAX_BYTES, again=False)
pytestmark = pytest.mark.bench


def test_messages_a_second_from_outbox_to_acknowledgement(
    producer: Database, consumer: Database, redis_url: str
) -> None:
    fill(producer)
    with consuming("device_ingest", consumer, redis_url), acknowledging(producer, redis_url):
        began = time.perf_counter()
        with running(relay_of(producer, redis_url, outbox_resend_seconds=600)):
            wait_for(lambda: unacknowledged(producer) == 0, seconds=300)
        report("outbox to acknowledgement, all in one process", began)
    assert effects(consumer) == (MESSAGES, MESSAGES)


def test_messages_a_second_of_each_stage(producer: Database, consumer: Database, redis_url: str) -> None:
    fill(producer)
    relay: Any = relay_of(producer, redis_url, outbox_resend_seconds=600)
    claimed: list[Any] = []
    claiming = sending = 0.0
    while True:
        began = time.perf_counter()
        with relay.pool.connection() as conn:
            claimed_calls = relay._claim(conn, "device_ingest", ROOM)
        claiming += time.perf_counter() - began
        if not claimed_calls:
            break
        began = time.perf_counter()
        for call in claimed_calls:
            hand_over(relay.celery, relay.signer, "epcr", "device_ingest", call)
        sending += time.perf_counter() - began
        claimed += [row for call in claimed_calls for row in call]
    print(f"\n  claim {MESSAGES / claiming:,.0f}/s · encode and hand to Redis {MESSAGES / sending:,.0f}/s")
    relay.pool.close()
    with Redis.from_url(redis_url) as redis, consuming("device_ingest", consumer, redis_url):
        began = time.perf_counter()
        wait_for(lambda: redis.llen(QUEUE) == 0 and effects(consumer)[1] == MESSAGES, seconds=300)
        report("consume and have the effect", began)
        calls_waiting = redis.llen(ACKS)
    with acknowledging(producer, redis_url):
        began = time.perf_counter()
        wait_for(lambda: unacknowledged(producer) == 0, seconds=300)
        report(f"acknowledge, {calls_waiting} calls", began)


def fill(producer: Database) -> None:
    for _ in range(MESSAGES // 1_000):
        publish(producer, *(link(f"enc_{number}") for number in range(1_000)))


def report(what: str, began: float) -> None:
    print(f"\n  {what}: {MESSAGES / (time.perf_counter() - began):,.0f} messages/s")


ROWS = 200_000
OLD: dict[str, LiteralString] = {
    "inbox": "INSERT INTO inbox SELECT gen_random_uuid(), 'org_1', now() - interval '31 days' FROM generate_series(1, %s)",
    "outbox": """INSERT INTO outbox (id, tenant_id, consumer, name, body, attempts, acknowledged_at)
        SELECT gen_random_uuid(), 'org_1', 'auth', 'n', jsonb_build_object('x', repeat('x', 300)), 1, now() - interval '8 days'
        FROM generate_series(1, %s)""",
    "idempotency_keys": """INSERT INTO idempotency_keys
        SELECT 'org_1', 'app_1', sha256(n::text::bytea), '', repeat('x', 300)::bytea, now() - interval '2 days'
        FROM generate_series(1, %s) AS n""",
}


@pytest.mark.parametrize("table", OLD)
def test_rows_a_second_that_retention_deletes(producer: Database, table: str) -> None:
    with psycopg.connect(producer.admin) as conn:
        conn.execute(OLD[table], (ROWS,))
    with open_tasks_pool(producer.worker, max_size=4) as pool, pool.connection() as conn:
        began = time.perf_counter()
        deleted = jobs.forget(conn, [rule for rule in jobs.KEPT if rule.table == table])
        print(f"\n  {table}: {deleted / (time.perf_counter() - began):,.0f} rows/s")
    assert deleted > 0
