"""A small system for tests: one producer and one consumer with real tables, queues, relays and workers."""

import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import msgspec
import psycopg
from celery.contrib.testing.worker import start_worker
from celery.exceptions import SecurityWarning
from redis import RedisError

from deploy.local.databases import Database
from shared.messaging import broker, outbox
from shared.messaging.broker import Call
from shared.messaging.messages import EncounterLink, Message, Received, acknowledgements_queue, batches_queue, queues_of
from shared.messaging.relay import Relay
from shared.messaging.worker import create_worker
from shared.process import redis_clients
from shared.storage.database import Connection
from tests.support.kept import Kept
from tests.support.messages import PUBLIC_KEYS, signing_key
from tests.support.waiting import PATIENCE

EFFECTS = "CREATE TABLE effects (message_id uuid); GRANT ALL ON effects TO PUBLIC"
QUEUE = batches_queue("device_ingest", "epcr")
ACKS = acknowledgements_queue("epcr", "device_ingest")
Handle = Callable[[Connection, Sequence[Received[Any]]], object]


class Settings(msgspec.Struct, kw_only=True):
    worker_database_url: str | None
    redis_url: str
    outbox_resend_seconds: float = 0.2
    service_signing_key: str | None = None
    service_public_keys: str | None = PUBLIC_KEYS


def link(encounter_id: str = "enc_1") -> EncounterLink:
    return EncounterLink(encounter_id=encounter_id, link="linked", observation_ids=["obs_1"])


def effect(conn: Connection, received: Sequence[Received[Any]]) -> None:
    """An effect that tests can count, in the transaction of its inbox row, so that a repeated effect shows."""
    for message in received:
        conn.execute("INSERT INTO effects (message_id) VALUES (%s)", (message.id,))


class OneAtATime:
    """A job that counts its runs, and the calls that came while another one ran."""

    def __init__(self) -> None:
        self.runs = self.overlaps = 0
        self._inside = threading.Lock()

    def run(self, conn: Connection) -> None:
        if not self._inside.acquire(blocking=False):
            self.overlaps += 1
            return
        conn.execute("SELECT pg_sleep(0.01)")
        self.runs += 1
        self._inside.release()


def publish(database: Database, *messages: Message, tenant: str = "org_1") -> None:
    with psycopg.connect(database.app) as conn:
        conn.execute("SELECT set_config('app.tenant_id', %s, true)", (tenant,))
        outbox.add_sync(conn, tenant, *messages)


# Open connections of the current test's relays and workers, closed in its teardown; the garbage collector would do so in a later test.
OPEN: list[Callable[[], object]] = []
_kept: dict[str, Kept] = {}


def relay_of(database: Database, redis_url: str, **settings: Any) -> Relay:
    signing: dict[str, Any] = {"service_signing_key": signing_key("epcr")} | settings
    relay = Relay("epcr", Settings(worker_database_url=database.worker, redis_url=redis_url, **signing))
    OPEN.extend((relay.pool.close, relay.redis.close))
    return relay


@contextmanager
def running(relay: Relay) -> Iterator[Relay]:
    thread = threading.Thread(target=relay.run, daemon=True)
    thread.start()
    try:
        yield relay
    finally:
        relay.stopping.set()
        with suppress(RedisError):
            relay.redis.lpush(broker.bell_key(relay.service), "1")  # or it waits for the bell until it polls
        thread.join(PATIENCE)
        assert not thread.is_alive()


@contextmanager
def consuming(service: str, database: Database, redis_url: str, handle: Handle = effect) -> Iterator[Any]:
    """A Celery worker in a thread that serves `service`'s queues. Only one at a time, because Celery traces tasks through a global."""
    celery = worker_of(service, database, redis_url, handle)
    started: Any = start_worker(
        celery, pool="threads", concurrency=2, queues=queues_of(service), perform_ping_check=False
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # tests may run as root
        with started:
            yield celery


@contextmanager
def acknowledging(database: Database, redis_url: str) -> Iterator[None]:
    """The producer's half of a worker. Celery allows one app per process, so this takes calls from the queue by hand."""
    worker = worker_of("epcr", database, redis_url)
    stopping = threading.Event()

    def take_calls() -> None:
        while not stopping.is_set():
            try:
                _take_calls(worker, redis_url, stopping)
            except (
                RedisError,
                OSError,
                psycopg.OperationalError,
            ):  # a lost acknowledgement comes again after its message
                stopping.wait(0.1)

    thread = threading.Thread(target=take_calls, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(PATIENCE)


def _take_calls(worker: Any, redis_url: str, stopping: threading.Event) -> None:
    with redis_clients.client(redis_url) as redis:
        while not stopping.is_set():
            answer: Any = redis.brpop([ACKS], timeout=0.2)
            if answer is not None:
                worker.consumer.acknowledge(*msgspec.json.decode(answer[1], type=Call).args)


def worker_of(service: str, database: Database, redis_url: str, handle: Handle = effect) -> Any:
    settings = Settings(
        worker_database_url=database.worker, redis_url=redis_url, service_signing_key=signing_key(service)
    )
    worker: Any = create_worker(service, settings, {EncounterLink: handle})
    OPEN.append(worker.consumer.close)
    return worker


def scalar(dsn: str, statement: Any, *parameters: object) -> Any:
    rows = kept(dsn).rows(statement, parameters)
    return rows[0][0] if rows else None


def kept(dsn: str) -> Kept:
    """The connection of this test to that address."""
    if dsn not in _kept:
        _kept[dsn] = Kept(dsn)
        OPEN.append(lambda: _kept.pop(dsn).close())
    return _kept[dsn]


def unacknowledged(database: Database) -> int:
    return scalar(database.admin, "SELECT count(*) FROM outbox WHERE acknowledged_at IS NULL")


def effects(database: Database) -> tuple[int, int]:
    """How many messages had their effect, and how many effects there were. Equal numbers mean that none happened twice."""
    [row] = kept(database.admin).rows("SELECT count(DISTINCT message_id), count(*) FROM effects")
    return row
