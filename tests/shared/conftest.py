"""Fixtures of the messaging tests: two services' databases, and a Redis that may be stopped."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from deploy.local.databases import Database
from deploy.local.plan import new_secret
from deploy.local.redis_server import RedisServer
from tests.shared.support import EFFECTS, OPEN
from tests.support.cluster import end_others


@pytest.fixture(autouse=True)
def close_what_is_open() -> Iterator[None]:
    yield
    while OPEN:
        OPEN.pop()()


@pytest.fixture
def producer(fresh_database: Callable[[str], Database]) -> Database:
    return fresh_database("epcr")


@pytest.fixture
def consumer(fresh_database: Callable[[str], Database]) -> Iterator[Database]:
    """With a table of effects. Without it the database is as it was, so that another test can have it."""
    database = fresh_database("device_ingest")
    with psycopg.connect(database.admin) as conn:
        conn.execute(EFFECTS)
    yield database
    with psycopg.connect(database.admin, autocommit=True) as conn:
        end_others(conn)
        conn.execute("DROP TABLE effects")


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A separate Redis for this test, which may stop and start it."""
    server = RedisServer(tmp_path / "redis", new_secret())
    server.start()
    server.wait()
    yield server
    server.stop()
