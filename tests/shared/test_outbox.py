"""Messages between services: nothing lost, every effect once, one bad message stops nobody."""

from collections.abc import Sequence
from typing import Any

import psycopg
import pytest
from redis import Redis

from deploy.local.databases import Database
from shared import outbox
from shared.database import Connection
from shared.relay import Relay
from shared.worker import Received
from tests.shared.support import Settings, consuming, link, running, scalar
from tests.support.waiting import wait_for

RECORD_EFFECT = "INSERT INTO failures (message_id, tenant_id, last_error) VALUES (%s, %s, 'effect')"


def effect(conn: Connection, received: Sequence[Received[Any]]) -> None:
    """An effect that can be counted, in the transaction of its inbox row."""
    for message in received:
        conn.execute(RECORD_EFFECT, (message.id, message.tenant_id))


@pytest.fixture
def producer(fresh_database: Any) -> Database:
    return fresh_database("epcr")


@pytest.fixture
def consumer(fresh_database: Any) -> Database:
    return fresh_database("device_ingest")


def publish(database: Database, *encounters: str) -> None:
    with psycopg.connect(database.app) as conn:
        conn.execute("SELECT set_config('app.tenant_id', 'org_1', true)")
        outbox.add_sync(conn, "org_1", *(link(encounter) for encounter in encounters))


def relay_of(database: Database, redis_url: str) -> Relay:
    return Relay("epcr", Settings(worker_database_url=database.worker, redis_url=redis_url))


def unacknowledged(database: Database) -> int:
    return scalar(database.admin, "SELECT count(*) FROM outbox WHERE acknowledged_at IS NULL")


def effects(database: Database) -> int:
    return scalar(database.admin, "SELECT count(*) FROM failures WHERE last_error = 'effect'")


def test_a_message_has_its_effect_and_is_acknowledged(producer: Database, consumer: Database, redis_url: str) -> None:
    publish(producer, "enc_1", "enc_2")
    with (
        consuming("device_ingest", consumer, redis_url, effect),
        consuming("epcr", producer, redis_url, effect),
        running(relay_of(producer, redis_url)),
    ):
        wait_for(lambda: unacknowledged(producer) == 0)
    assert effects(consumer) == 2
