"""The relay: takes due rows from the outbox and hands them to the consumers' queues, many in one Celery call."""

import itertools
import logging
import signal
import threading
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any, LiteralString, NamedTuple, Protocol
from uuid import UUID

import msgspec
import psycopg
from celery import Celery
from kombu.exceptions import KombuError
from psycopg.rows import class_row
from redis import RedisError

from shared import broker, metrics, tracing
from shared.database import LAZILY, Connection, open_tasks_pool
from shared.periodic import Periodic, PeriodicRunner
from shared.settings import required

CLAIM: LiteralString = """
    WITH due AS (
        SELECT id FROM outbox
        WHERE acknowledged_at IS NULL AND send_at <= now() AND (attempts = 0 OR consumer <> ALL(%(held)s))
        ORDER BY send_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    )
    UPDATE outbox SET attempts = attempts + 1,
        send_at = now() + make_interval(secs => %(resend)s * power(2, least(attempts, 6)) * (0.9 + random() * 0.2))
    FROM due WHERE outbox.id = due.id
    RETURNING outbox.id, tenant_id, consumer, body::text AS body, traceparent, created_at, attempts
"""
SENT_AGAIN: LiteralString = """
    SELECT DISTINCT consumer FROM outbox WHERE acknowledged_at IS NULL AND send_at <= now() AND attempts > 0
"""
CALL_MESSAGES = 200
CALL_BYTES = 512 * 1024
BATCH = 1000
# Calls waiting in a consumer's queue above which nothing is sent again: it is slow, not deaf.
CROWDED = 100
POLL_SECONDS = 1.0
# No batch begins sooner after the one before: what is written in the meantime goes out in one call, and one that comes alone at once.
PACE_SECONDS = 0.02
log = logging.getLogger(__name__)


class RelaySettings(Protocol):
    @property
    def worker_database_url(self) -> str | None: ...
    @property
    def redis_url(self) -> str: ...
    @property
    def outbox_resend_seconds(self) -> float: ...


class Row(NamedTuple):
    id: UUID
    tenant_id: str
    consumer: str
    body: str
    traceparent: str | None
    created_at: datetime
    attempts: int


class Envelope(msgspec.Struct, frozen=True):
    """A message on its way: ids and trace beside the body's own JSON."""

    id: UUID
    tenant_id: str
    occurred_at: datetime
    traceparent: str | None
    body: msgspec.Raw


class Relay:
    """`working` is set while what is due is sent, and not while the database or the broker is away."""

    def __init__(self, service: str, settings: RelaySettings, working: threading.Event | None = None) -> None:
        self.service = service
        self.resend_seconds = settings.outbox_resend_seconds
        self.pool = open_tasks_pool(required(settings.worker_database_url, "WORKER_DATABASE_URL"))
        self.celery = broker.connect(service, settings.redis_url)
        self.redis = broker.redis_client(settings.redis_url)
        self.stopping = threading.Event()
        self.working = working or threading.Event()

    def run(self) -> None:
        """Sends until told to stop. A dead database or broker is waited for, never fatal."""
        self.working.set()
        while not self.stopping.is_set():
            began = time.monotonic()
            try:
                sent = self.send_due()
                self.working.set()
                if sent < BATCH:
                    self._wait_for_bell()
                    self.stopping.wait(max(0.0, began + PACE_SECONDS - time.monotonic()))
            except (psycopg.Error, RedisError, KombuError, OSError) as error:
                self.working.clear()
                log.warning("relay waits: %s", type(error).__name__)
                self.stopping.wait(POLL_SECONDS)
        self.working.clear()
        self.pool.close()

    def send_due(self) -> int:
        """Sends one batch; rows stay due if the broker does not take them, since their transaction then rolls back."""
        with self.pool.connection() as conn:
            rows = self._claim(conn)
            for consumer, of_consumer in itertools.groupby(
                sorted(rows, key=lambda row: (row.consumer, row.id)), lambda row: row.consumer
            ):
                for call in calls(of_consumer):
                    hand_over(self.celery, self.service, consumer, call)
            return len(rows)

    def _claim(self, conn: Connection) -> list[Row]:
        """Lazily: a claim that a crash undoes is sent again, and known to its consumer."""
        conn.execute(LAZILY)
        with conn.cursor(row_factory=class_row(Row)) as cursor:
            return cursor.execute(
                CLAIM, {"held": self._held(conn), "limit": BATCH, "resend": self.resend_seconds}
            ).fetchall()

    def _held(self, conn: Connection) -> list[str]:
        """Consumers so far behind that sending again would only feed the queue."""
        again = conn.execute(SENT_AGAIN).fetchall()
        return [consumer for (consumer,) in again if self._length(consumer) > CROWDED]

    def _length(self, queue: str) -> int:
        length: Any = self.redis.llen(queue)
        metrics.queue_length.labels(queue).set(length)
        return int(length)

    def _wait_for_bell(self) -> None:
        self.redis.blpop([broker.bell_key(self.service)], timeout=POLL_SECONDS)


def calls(rows: Iterable[Row]) -> Iterable[list[Row]]:
    """Cuts rows into Celery calls of at most 200 messages and about half a MiB: Celery's cost is per call."""
    call: list[Row] = []
    size = 0
    for row in rows:
        if call and (len(call) == CALL_MESSAGES or size + len(row.body) > CALL_BYTES):
            yield call
            call, size = [], 0
        call.append(row)
        size += len(row.body)
    if call:
        yield call


def hand_over(celery: Celery, producer: str, consumer: str, rows: list[Row]) -> None:
    now = time.time_ns()
    envelopes = [
        Envelope(row.id, row.tenant_id, row.created_at, row.traceparent, msgspec.Raw(row.body.encode())) for row in rows
    ]
    celery.send_task(broker.CONSUME, args=[producer, now, msgspec.json.encode(envelopes).decode()], queue=consumer)
    for row in rows:
        if row.traceparent:
            began = int(row.created_at.timestamp() * 1e9)
            tracing.record(
                "outbox wait",
                row.traceparent,
                began,
                now,
                **{"messaging.destination.name": consumer, "attempt": row.attempts},
            )
    again = sum(row.attempts > 1 for row in rows)
    metrics.outbox_sent.labels(consumer, "no").inc(len(rows) - again)
    metrics.outbox_sent.labels(consumer, "yes").inc(again)


def run(service: str, settings: RelaySettings, periodic: list[Periodic], working: threading.Event) -> None:
    """The relay process: the outbox in this thread, periodic work in another. SIGTERM and SIGINT end it after the batch at hand.

    `working` is set while it sends.
    """
    relay = Relay(service, settings, working)
    runner = PeriodicRunner(relay.pool, periodic, relay.stopping)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: relay.stopping.set())
    runner.start()
    relay.run()
    runner.join(timeout=5)
    tracing.shutdown()
