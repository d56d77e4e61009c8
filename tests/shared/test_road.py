"""Tenants share the road to a consumer: however many messages one has, the next of each other goes with one of the next claims."""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from typing import Any
from uuid import UUID

import psycopg
import pytest
from redis import Redis

from deploy.local.databases import Database
from shared.messaging import crowding, relay
from shared.messaging.crowding import Room
from shared.messaging.messages import Received
from shared.messaging.relay import Relay, Row
from shared.storage import jobs
from shared.storage.database import Connection
from tests.shared.support import (
    ACKS,
    QUEUE,
    acknowledging,
    consuming,
    effect,
    effects,
    link,
    publish,
    relay_of,
    running,
    scalar,
    unacknowledged,
    worker_of,
)
from tests.support.messages import acknowledgement
from tests.support.waiting import wait_for

ROOM = Room(calls=5, bytes=crowding.MAX_BYTES, again=True)
WHALE = "org_whale"
# Older than the messages of others, and in the order of their ids.
CROWD = """
    INSERT INTO outbox (id, tenant_id, consumer, name, body, attempts, send_at)
    SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(number), 12, '0'))::uuid, %(tenant)s, 'device_ingest', 'n',
        jsonb_build_object('filler', repeat('x', %(size)s)), %(attempts)s, now() - interval '1 hour' + number * interval '1 ms'
    FROM generate_series(%(first)s::integer, %(first)s + %(rows)s - 1) AS number
"""


def crowd(
    database: Database, rows: int, tenant: str = WHALE, attempts: int = 0, first: int = 1, size: int = 10
) -> None:
    with psycopg.connect(database.admin, autocommit=True) as conn:
        parameters = {"tenant": tenant, "rows": rows, "attempts": attempts, "first": first, "size": size}
        conn.execute(CROWD, parameters)
        conn.execute("ANALYZE outbox")


@pytest.fixture
def sender(producer: Database, redis_url: str) -> Relay:
    return relay_of(producer, redis_url, outbox_resend_seconds=3_600)


def claim(sender: Relay, room: Room = ROOM) -> list[Row]:
    with sender.pool.connection() as conn:
        return list(itertools.chain(*sender._claim(conn, "device_ingest", room)))


def tenants(rows: list[Row]) -> Counter[str]:
    return Counter(row.tenant_id for row in rows)


def test_a_tenant_with_many_messages_delays_no_other(producer: Database, sender: Relay) -> None:
    crowd(producer, 20_000)
    for number in range(20):
        publish(producer, link(), tenant=f"org_{number}")
    claimed = tenants(claim(sender))
    assert claimed == {f"org_{number}": 1 for number in range(20)} | {WHALE: relay.BATCH - 20}


def test_a_tenant_alone_gets_every_place(producer: Database, sender: Relay) -> None:
    crowd(producer, 3_000)
    assert [tenants(claim(sender))[WHALE] for _ in range(3)] == [relay.BATCH] * 3


def test_tenants_with_many_messages_get_equal_parts_of_a_claim_that_is_full(producer: Database, sender: Relay) -> None:
    for number in range(7):
        crowd(producer, 300 * (number + 1), f"org_{number}", first=1 + 10_000 * number)
    claimed = tenants(claim(sender))
    assert claimed.total() == relay.BATCH
    assert max(claimed.values()) - min(claimed.values()) <= 1


def test_places_that_some_leave_go_to_those_with_more(producer: Database, sender: Relay) -> None:
    crowd(producer, 50, "org_few")
    for number in range(2):
        crowd(producer, 2_000, f"org_{number}", first=10_000 * (number + 1))
    claimed = tenants(claim(sender))
    assert claimed.total() == relay.BATCH
    assert claimed["org_few"] == 50
    assert min(claimed["org_0"], claimed["org_1"]) >= relay.BATCH // 3


def test_more_tenants_than_fit_in_a_claim_have_their_turn_one_after_another(
    producer: Database, sender: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scaled down: a tenth of the tenants of a claim."""
    monkeypatch.setattr(relay, "TENANTS", 10)
    crowd(producer, 20_000)
    for number in range(34):
        publish(producer, *[link()] * 300, tenant=f"org_{number:02}")
    first = [tenants(claim(sender)) for _ in range(ceil(35 / 10))]
    assert set().union(*first) == {WHALE} | {f"org_{number:02}" for number in range(34)}
    assert all(claimed.total() == relay.BATCH for claimed in first)


def test_large_messages_keep_nobody_from_the_next_claims(producer: Database, sender: Relay) -> None:
    """Few large messages fit into a claim; the next one begins after the tenants of the last."""
    for number in range(12):
        crowd(producer, 20, f"org_{number:02}", first=1 + 100 * number, size=100_000)
    room = ROOM._replace(bytes=410_000)
    served = [tenants(claim(sender, room)) for _ in range(3)]
    assert set().union(*served) == {f"org_{number:02}" for number in range(12)}


def test_the_messages_of_a_tenant_go_out_in_their_order(producer: Database, sender: Relay) -> None:
    crowd(producer, 3_000)
    for number in range(5):
        crowd(producer, 100 * (number + 1), f"org_{number}", first=10_000 * (number + 1))
    sent: dict[str, list[UUID]] = {}
    while rows := claim(sender):
        for row in rows:
            sent.setdefault(row.tenant_id, []).append(row.id)
    assert len(sent) == 6
    assert all(ids == sorted(ids) for ids in sent.values())


def test_messages_sent_before_get_every_second_place(producer: Database, sender: Relay) -> None:
    """A million that are only not acknowledged once kept all new ones waiting, because they were older."""
    crowd(producer, 5_000, attempts=1)
    crowd(producer, 5_000, "org_new", first=100_000)
    assert tenants(claim(sender)) == {WHALE: relay.BATCH // 2, "org_new": relay.BATCH // 2}
    assert tenants(claim(sender, ROOM._replace(again=False))) == {"org_new": relay.BATCH}


@pytest.mark.full
def test_a_claim_reads_no_more_of_a_long_backlog_than_of_a_short_one(producer: Database, sender: Relay) -> None:
    def read() -> float:
        """The rows that a claim reads, of which it takes none."""
        with psycopg.connect(producer.worker) as conn:
            names = [tenant for (tenant,) in conn.execute(relay.WAITING, walked)]
            limits = sender._limits("device_ingest", ROOM, names)
            plans: list[Any] = [
                conn.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}".encode(), parameters).fetchone()
                for statement, parameters in ((relay.WAITING, walked), (relay.CANDIDATES, limits))
            ]
            conn.rollback()
        return sum(sum(rows_read(plan[0][0]["Plan"])) for plan in plans)

    walked = {"consumer": "device_ingest", "after": "", "most": relay.TENANTS}
    for number in range(20):
        publish(producer, *[link()] * 10, tenant=f"org_{number}")
    crowd(producer, 2_000)
    short = read()
    crowd(producer, 100_000, first=100_000)
    crowd(producer, 100_000, attempts=3, first=1_000_000)
    assert read() <= short + 12 * relay.BATCH


def rows_read(node: dict[str, Any]) -> Iterator[float]:
    """Of each scan of the outbox, the rows that it reads, whether kept or filtered out."""
    if node.get("Relation Name") == "outbox":
        yield (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    for child in node.get("Plans", ()):
        yield from rows_read(child)


def test_a_message_that_enters_a_full_queue_has_few_before_it(
    producer: Database, consumer: Database, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scaled down: calls of 10 messages instead of 200."""
    monkeypatch.setattr(relay, "CALL_MESSAGES", 10)
    monkeypatch.setattr(relay, "BATCH", 50)
    order: list[str] = []

    def ordered(conn: Connection, received: Sequence[Received[Any]]) -> None:
        effect(conn, received)
        order.extend(each.tenant_id for each in received)

    publish(producer, *[link() for _ in range(5_000)], tenant=WHALE)
    sender = relay_of(producer, redis_url, outbox_resend_seconds=3_600)
    with Redis.from_url(redis_url) as redis:
        while sender.send_due():
            pass
        assert redis.llen(QUEUE) == crowding.MAX_CALLS
    publish(producer, link(), tenant="org_waiting")
    with consuming("device_ingest", consumer, redis_url, ordered), running(sender):
        wait_for(lambda: "org_waiting" in order)
        # The calls of the full queue, one claim, and the calls that the two threads of the worker have taken.
        assert order.index("org_waiting") <= crowding.MAX_CALLS * 10 + 50 + 4 * 10
        assert len(order) < 5_001


def test_a_relay_looks_for_room_soon_after_it_sent_and_seldom_when_there_is_none(
    producer: Database, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue was once so long that a relay which looked once a second never found it empty."""
    monkeypatch.setattr(relay, "CALL_MESSAGES", 10)
    publish(producer, *[link()] * (10 * crowding.MAX_CALLS + 1))
    sender = relay_of(producer, redis_url, outbox_resend_seconds=3_600)
    waits: list[float] = []

    def no_bell(keys: list[str], timeout: float) -> None:
        waits.append(timeout)
        if len(waits) == 6:
            sender.stopping.set()

    monkeypatch.setattr(sender.redis, "blpop", no_bell)
    sender.run()
    assert waits == [relay.SOON_SECONDS * each for each in (1, 2, 4, 8, 16)] + [relay.POLL_SECONDS]


@pytest.mark.full
def test_a_producer_whose_worker_is_frozen_sends_on_and_all_is_acknowledged_afterwards(
    producer: Database, consumer: Database, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scaled down: 20 calls of acknowledgements instead of 2,000, for 200 calls of new messages, ten times as many."""
    monkeypatch.setattr(crowding, "MAX_ACKNOWLEDGEMENTS", 20)
    monkeypatch.setattr(relay, "CALL_MESSAGES", 5)
    publish(producer, *[link() for _ in range(1_000)])
    sender = relay_of(producer, redis_url, outbox_resend_seconds=0.5)
    with Redis.from_url(redis_url) as redis, running(sender), consuming("device_ingest", consumer, redis_url):
        wait_for(lambda: effects(consumer) == (1_000, 1_000), what="every new message")
        sender.crowding._measured = float("-inf")
        wait_for(lambda: redis.llen(ACKS) <= 20, what="the queue of acknowledgements to be cut")
        assert unacknowledged(producer) == 1_000
        with acknowledging(producer, redis_url):
            wait_for(lambda: unacknowledged(producer) == 0, what="the acknowledgements that were cut")
    assert effects(consumer) == (1_000, 1_000)
    assert scalar(producer.admin, "SELECT max(attempts) FROM outbox") > 1


def test_repetitions_wait_while_acknowledgements_do(producer: Database, redis_url: str) -> None:
    sender = relay_of(producer, redis_url, outbox_resend_seconds=0)
    publish(producer, link())
    with Redis.from_url(redis_url) as redis:
        assert sender.send_due() == 1
        redis.lpush(ACKS, *["x"] * (crowding.MAX_ACKNOWLEDGEMENTS // 2 + 1))
        assert sender.send_due() == 0
        publish(producer, link())
        assert sender.send_due() == 1
        redis.delete(ACKS)
        assert sender.send_due() == 2


@contextmanager
def crowd_after_the_statistics(producer: Database) -> Iterator[psycopg.Connection[Any]]:
    """The table had one row when it was analysed, and many pages. A hundred tenants with a hundred messages each came since."""
    with psycopg.connect(producer.admin, autocommit=True) as conn:
        conn.execute("ALTER TABLE outbox SET (autovacuum_enabled = false)")
        try:
            crowd(producer, 10_000)
            conn.execute("DELETE FROM outbox WHERE id <> (SELECT id FROM outbox LIMIT 1)")
            conn.execute("ANALYZE outbox")
            for number in range(100):
                parameters = {"tenant": f"org_{number:02}", "rows": 100, "attempts": 0, "size": 10}
                conn.execute(CROWD, parameters | {"first": 1_000 * (number + 1)})
            conn.execute("SELECT pg_stat_force_next_flush()")  # or its own reads would count later
            yield conn
        finally:
            conn.execute("ALTER TABLE outbox RESET (autovacuum_enabled)")
            conn.execute("ANALYZE outbox")


def test_a_claim_goes_by_key_where_statistics_are_older_than_all_that_waits(producer: Database, sender: Relay) -> None:
    with crowd_after_the_statistics(producer) as conn:
        before = fetched(conn)
        assert [consumer for consumer, _ in sender._turn()] == ["device_ingest"]
        claimed = claim(sender)
        sender.pool.close()  # so that its connection reports how much it read
        wait_for(lambda: fetched(conn) >= before + len(claimed))
        read = fetched(conn) - before
    assert len(claimed) == relay.BATCH
    assert read <= 3 * relay.BATCH, "two million, where each step of the walk reads all"


def test_an_acknowledgement_goes_by_key_where_statistics_are_older_than_all_that_waits(
    producer: Database, redis_url: str
) -> None:
    worker = worker_of("epcr", producer, redis_url).consumer
    with crowd_after_the_statistics(producer) as conn:
        ids = [id for (id,) in conn.execute("SELECT id::text FROM outbox LIMIT 500")]
        before = fetched(conn)
        worker.acknowledge(*acknowledgement("device_ingest", ids))
        worker.close()
        wait_for(lambda: fetched(conn) >= before + len(ids))
        read = fetched(conn) - before
    assert unacknowledged(producer) == 9_501
    assert read <= 3 * len(ids), "ten thousand, where the index of all unacknowledged ones is read"


def test_measuring_reads_few_messages_where_statistics_are_older_than_all_that_waits(
    producer: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "COUNTED", 100)
    with crowd_after_the_statistics(producer) as conn:
        before = fetched(conn)
        with psycopg.connect(producer.worker) as measuring:
            jobs.measure_outbox(measuring)  # pyright: ignore[reportArgumentType]
        wait_for(lambda: fetched(conn) >= before + 100)
        read = fetched(conn) - before
    assert read <= 200, "tens of thousands, where all that waits is sorted"


def fetched(conn: psycopg.Connection[Any]) -> int:
    query = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'outbox'"
    [(number,)] = conn.execute(query).fetchall()
    return number
