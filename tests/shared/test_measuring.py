"""Operators see an outbox's figures for each consumer, at a cost that does not grow with the waiting messages."""

from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import REGISTRY
from redis import Redis

from deploy.local.databases import Database
from shared.messaging import crowding
from shared.messaging.crowding import Crowding
from shared.storage import jobs
from shared.storage.database import Connection
from tests.shared.support import QUEUE
from tests.shared.test_apart import ACKNOWLEDGEMENTS, DEAD, fill

ADD = """
    INSERT INTO outbox (id, tenant_id, consumer, name, body, attempts, created_at, send_at, acknowledged_at)
    SELECT gen_random_uuid(), 'org_1', %(consumer)s, 'x', '{}', %(attempts)s, now() - %(created)s * interval '1 second',
        now() - %(due)s * interval '1 second', CASE WHEN %(acknowledged)s THEN now() END
"""


@pytest.fixture
def conn(producer: Database) -> Iterator[Connection]:
    with Connection.connect(producer.admin) as conn:
        yield conn


def add(conn: Connection, consumer: str, *, created: float, due: float, attempts: int = 0, done: bool = False) -> None:
    conn.execute(
        ADD,
        {"consumer": consumer, "created": created, "due": due, "attempts": attempts, "acknowledged": done},
    )


def figure(name: str, consumer: str) -> float | None:
    return REGISTRY.get_sample_value(name, {"consumer": consumer})


def figures(consumer: str) -> list[float]:
    names = ("outbox_oldest_unacknowledged_seconds", "outbox_oldest_unsent_seconds", "outbox_messages_waiting")
    return [round(figure(name, consumer) or 0) for name in names]


def test_each_consumer_has_figures_of_its_own(conn: Connection) -> None:
    add(conn, "auth", created=500, due=-30, attempts=3)
    add(conn, "auth", created=70, due=70)
    add(conn, "epcr", created=9, due=9, attempts=1)
    add(conn, "graphql_api", created=900, due=900, done=True)
    jobs.measure_outbox(conn)
    assert figures("auth") == [500, 70, 2]
    assert figures("epcr") == [9, 0, 1]
    assert figure("outbox_messages_waiting", "graphql_api") in (None, 0)
    conn.execute("UPDATE outbox SET acknowledged_at = now()")
    jobs.measure_outbox(conn)
    assert figures("auth") == figures("epcr") == [0, 0, 0]


def test_what_is_sent_once_more_is_as_old_as_its_new_turn(conn: Connection) -> None:
    """`outbox replay` marks rows of last week as unsent; this must not look like a relay that is stuck for a week."""
    add(conn, "auth", created=600_000, due=2)
    jobs.measure_outbox(conn)
    assert figures("auth") == [600_000, 2, 1]


def test_no_backlog_is_walked_over(producer: Database, conn: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "COUNTED", 100)
    fill(producer, 30_000)
    add(conn, "epcr", created=5, due=5)
    jobs.measure_outbox(conn)
    assert figure("outbox_messages_waiting", "graphql_api") == 100
    assert figures("epcr") == [5, 5, 1]
    plan: Any = conn.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + jobs.WAITING, (100,)).fetchone()
    assert max(rows_read(plan[0][0]["Plan"])) <= 101


def rows_read(node: dict[str, Any]) -> Iterator[float]:
    """The rows that each node of a plan read, whether kept or filtered out."""
    yield node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
    for child in node.get("Plans", ()):
        yield from rows_read(child)


def test_a_consumer_that_is_full_is_known_as_held_back(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The alert for a stuck relay must ignore such a consumer."""
    monkeypatch.setattr(crowding, "MAX_CALLS", 5)
    redis = Redis.from_url(redis_url)
    room = Crowding(redis, {"device_ingest": QUEUE, "graphql_api": DEAD}, ACKNOWLEDGEMENTS)
    try:
        redis.lpush(DEAD, *range(5))
        assert list(room.rooms(["device_ingest", "graphql_api"])) == ["device_ingest"]
        assert (figure("outbox_held_back", "graphql_api"), figure("outbox_held_back", "device_ingest")) == (1, 0)
        redis.delete(DEAD)
        assert "graphql_api" in room.rooms(["graphql_api"])
        assert figure("outbox_held_back", "graphql_api") == 0
    finally:
        redis.delete(DEAD)
        redis.close()


def test_the_figures_of_all_queues_are_current_though_no_message_is_due(redis_url: str) -> None:
    """Workers are scaled by them, and an alert ignores who is held back."""
    redis = Redis.from_url(redis_url)
    room = Crowding(redis, {"device_ingest": QUEUE, "graphql_api": DEAD}, ACKNOWLEDGEMENTS)
    acknowledged = ACKNOWLEDGEMENTS["graphql_api"]
    try:
        redis.lpush(DEAD, *range(crowding.MAX_CALLS))
        redis.lpush(acknowledged, *range(3))
        room.rooms(["graphql_api"])
        assert [length(queue) for queue in (DEAD, acknowledged)] == [crowding.MAX_CALLS, 3]
        redis.delete(DEAD, acknowledged)
        room.measure()
        assert [length(queue) for queue in (DEAD, acknowledged)] == [0, 0]
        assert figure("outbox_held_back", "graphql_api") == 0
    finally:
        redis.delete(DEAD, acknowledged)
        redis.close()


def test_a_redis_that_is_full_no_longer_holds_nobody_back_though_no_message_is_due(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crowding, "LOOK_SECONDS", 0)
    redis = Redis.from_url(redis_url)
    room = Crowding(redis, {"device_ingest": QUEUE, "graphql_api": DEAD}, ACKNOWLEDGEMENTS)
    with monkeypatch.context() as full:
        full.setattr(crowding, "MAX_SHARE", -1.0)
        assert room.rooms(["graphql_api"]) == {}
        assert figure("outbox_held_back", "graphql_api") == 1
    room.measure()
    assert figure("outbox_held_back", "graphql_api") == 0
    redis.close()


def length(queue: str) -> float | None:
    return REGISTRY.get_sample_value("queue_messages", {"queue": queue})
