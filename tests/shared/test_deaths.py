"""A message that kills its worker is counted before it is applied, set aside after a few deaths, and stops no other."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import ConnectionPool, PoolTimeout

from deploy.local.databases import Database
from shared.messaging import dead_letters, worker
from shared.messaging.authenticity import Envelope
from shared.messaging.messages import Received
from shared.storage.database import Connection
from tests.shared.support import (
    acknowledging,
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
from tests.shared.test_outbox import batch, envelopes
from tests.support.child import start_child
from tests.support.waiting import wait_for

ROOT = Path(__file__).parents[2]
KILLER = "enc_killer"
MOST_STARTS = 12


def started(consumer: Database, redis_url: str) -> subprocess.Popen[bytes]:
    """A worker as a process, which a message to `KILLER` kills by SIGKILL."""
    environment = {
        "WORKER_DATABASE_URL": consumer.worker,
        "REDIS_URL": redis_url,
        "KILLER": KILLER,
        "DEAD_SECONDS": "0.1",
    }
    command = [sys.executable, "-m", "tests.shared.program", "device_ingest"]
    return start_child(command, env=os.environ | environment, cwd=ROOT, stdout=subprocess.DEVNULL)


@pytest.mark.full
def test_a_message_that_kills_its_worker_is_set_aside_and_all_others_have_their_effect(
    producer: Database, consumer: Database, redis_url: str
) -> None:
    publish(producer, *(link(f"enc_{number}") for number in range(20)), link(KILLER), *(link() for _ in range(20)))
    starts = 0
    with running(relay_of(producer, redis_url, outbox_resend_seconds=0.3)), acknowledging(producer, redis_url):
        worker = started(consumer, redis_url)
        try:
            while unacknowledged(producer):
                wait_for(lambda worker=worker: worker.poll() is not None or unacknowledged(producer) == 0)
                if worker.poll() is not None:
                    starts += 1
                    assert starts <= MOST_STARTS, "the worker is killed again and again"
                    publish(producer, link("enc_meanwhile"))
                    worker = started(consumer, redis_url)
        finally:
            worker.terminate()  # it finishes its present batch, which may be a repetition
            worker.wait()
    assert effects(consumer) == (40 + starts, 40 + starts)
    with psycopg.connect(consumer.admin) as conn:
        letters = conn.execute("SELECT tenant_id, body ->> 'encounter_id', error FROM dead_letters").fetchall()
    assert [letter[:2] for letter in letters] == [("org_1", KILLER)]
    assert letters[0][2] == "its worker ended 3 times while it applied this message alone"
    assert starts >= dead_letters.MAX_DEATHS
    assert scalar(consumer.admin, "SELECT count(*) FROM begun") == 0


def died(consumer: Database, *batches: Sequence[Envelope]) -> None:
    """Leaves the rows of workers that ended."""
    with psycopg.connect(consumer.worker) as conn:
        for each in batches:
            conn.execute(dead_letters.BEGIN, (uuid4(), [one.id for one in each], [one.tenant_id for one in each]))


def test_the_mates_of_a_suspect_are_applied_each_alone_and_it_comes_last(
    producer: Database, consumer: Database, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "DEAD_SECONDS", 0)
    publish(producer, *(link(f"enc_{number}") for number in range(6)))
    first, second, *_ = found = envelopes(producer)
    died(consumer, [first, second], [first])
    got: list[list[str]] = []

    def applied(conn: Connection, received: Sequence[Received[Any]]) -> None:
        effect(conn, received)
        got.append([each.body.encounter_id for each in received])

    worker_of("device_ingest", consumer, redis_url, applied).consumer.consume(*batch(found))
    assert got == [["enc_2", "enc_3", "enc_4", "enc_5"], ["enc_1"], ["enc_0"]]
    assert scalar(consumer.admin, "SELECT count(*) FROM begun") == 0


def test_suspects_for_which_a_batch_has_no_time_come_again(
    producer: Database, consumer: Database, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a batch of them would take an hour on a disk that is stalled."""
    monkeypatch.setattr(dead_letters, "DEAD_SECONDS", 0)
    monkeypatch.setattr(worker, "ONE_BY_ONE_SECONDS", 0.2)
    publish(producer, *(link(f"enc_{number}") for number in range(3)))
    found = envelopes(producer)
    died(consumer, found)
    got: list[str] = []

    def applied(conn: Connection, received: Sequence[Received[Any]]) -> None:
        effect(conn, received)
        got.extend(each.body.encounter_id for each in received)
        time.sleep(0.3)

    consuming = worker_of("device_ingest", consumer, redis_url, applied).consumer
    for times in (1, 2, 3):
        consuming.consume(*batch(found))
        assert len(got) == times
    assert effects(consumer) == (3, 3)


def test_a_batch_that_another_worker_applies_now_is_no_death(
    producer: Database, consumer: Database, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "DEAD_SECONDS", 0)
    publish(producer, link("enc_1"))
    later = worker_of("device_ingest", consumer, redis_url).consumer
    found = envelopes(producer)

    def while_applied(conn: Connection, received: Sequence[Received[Any]]) -> None:
        effect(conn, received)
        assert later._deaths.suspects(later.pool, [each.id for each in received]) == {}

    worker_of("device_ingest", consumer, redis_url, while_applied).consumer.consume(*batch(found))
    assert effects(consumer) == (1, 1)
    assert scalar(consumer.admin, "SELECT count(*) FROM failures") == 0


def test_an_error_is_no_death(
    producer: Database, consumer: Database, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(conn: Connection, received: Sequence[Received[Any]]) -> None:
        raise RuntimeError

    monkeypatch.setattr(dead_letters, "DEAD_SECONDS", 0)
    publish(producer, link("enc_1"), link("enc_2"))
    worker = worker_of("device_ingest", consumer, redis_url, failing).consumer
    for _ in range(2):
        worker._deaths._swept = float("-inf")
        worker.consume(*batch(envelopes(producer)))
    with psycopg.connect(consumer.admin) as conn:
        assert conn.execute("SELECT attempts, deaths FROM failures").fetchall() == [(2, None)] * 2
    assert scalar(consumer.admin, "SELECT count(*) FROM begun") == 0


@pytest.mark.full
def test_outages_while_a_living_worker_applies_a_message_are_no_deaths_of_it(
    producer: Database, consumer: Database, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database goes away while the message is applied, comes back, and another worker counts before the first one is at work again."""
    monkeypatch.setattr(dead_letters, "DEAD_SECONDS", 0)
    monkeypatch.setattr(dead_letters, "SWEEP_SECONDS", 0)
    user = str(conninfo_to_dict(consumer.worker)["user"])
    role = sql.Identifier(user)
    publish(producer, link("enc_1"))
    found = envelopes(producer)

    def cut_off(conn: Connection, received: Sequence[Received[Any]]) -> None:
        with psycopg.connect(consumer.admin, autocommit=True) as admin:
            admin.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(role))
            admin.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s", (user,))
        effect(conn, received)

    worker = worker_of("device_ingest", consumer, redis_url, cut_off).consumer
    for _ in range(dead_letters.MAX_DEATHS + 1):
        worker.consume(*batch(found))
        with psycopg.connect(consumer.admin, autocommit=True) as admin:
            admin.execute(sql.SQL("ALTER ROLE {} LOGIN").format(role))
        another = worker_of("device_ingest", consumer, redis_url).consumer
        another._deaths.suspects(another.pool, [found[0].id])
        wait_for(lambda: usable(worker.pool), what="the pool to find the database again")
    worker_of("device_ingest", consumer, redis_url).consumer.consume(*batch(found))
    assert dead_letters.newest(worker.pool, 10) == []
    assert effects(consumer) == (1, 1)


def usable(pool: ConnectionPool[Connection]) -> bool:
    with suppress(PoolTimeout, psycopg.OperationalError), pool.connection(1) as conn:
        return conn.execute("SELECT 1").fetchone() is not None
    return False


def test_a_message_that_had_its_effect_is_no_dead_letter_however_many_workers_ended(
    producer: Database, consumer: Database, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "DEAD_SECONDS", 0)
    publish(producer, link("enc_1"))
    found = envelopes(producer)
    worker = worker_of("device_ingest", consumer, redis_url).consumer
    worker.consume(*batch(found))
    died(consumer, found)
    for _ in range(dead_letters.MAX_DEATHS):
        worker._deaths._swept = float("-inf")
        worker._deaths.suspects(worker.pool, [found[0].id])
        died(consumer, found)
    worker._deaths._swept = float("-inf")
    worker.consume(*batch(found))
    assert dead_letters.newest(worker.pool, 10) == []
    assert effects(consumer) == (1, 1)


def test_a_dead_letter_that_is_retried_begins_anew(
    producer: Database, consumer: Database, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "DEAD_SECONDS", 0)
    publish(producer, link(KILLER))
    found = envelopes(producer)
    worker = worker_of("device_ingest", consumer, redis_url).consumer
    for _ in range(dead_letters.MAX_DEATHS):
        died(consumer, found)
        worker._deaths._swept = float("-inf")
        worker._deaths.suspects(worker.pool, [found[0].id])
    worker.consume(*batch(found))
    assert [letter[0] for letter in dead_letters.newest(worker.pool, 10)] == [str(found[0].id)]
    assert effects(consumer) == (0, 0)
    assert worker.revive(str(found[0].id))
    worker.consume(*batch(found))
    assert effects(consumer) == (1, 1)
    assert dead_letters.newest(worker.pool, 10) == []
