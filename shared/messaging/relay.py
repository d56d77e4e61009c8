"""The relay: takes due rows from the outbox and hands them to the consumers' queues, many in one signed Celery call.

Each consumer has its own queue. The relay sends only as much as the queue has room for; the rest waits in the outbox and does not delay
other consumers. Tenants take turns: of a tenant with new messages the oldest goes with one of the next claims, however many another has.
"""

import itertools
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from typing import LiteralString, NamedTuple, Protocol
from uuid import UUID

import msgspec
import psycopg
from celery import Celery
from kombu.exceptions import KombuError
from psycopg.rows import class_row
from redis import RedisError, ResponseError

from shared.messaging import authenticity, broker
from shared.messaging.authenticity import Envelope
from shared.messaging.crowding import Crowding, Room
from shared.messaging.messages import acknowledgements_queue, batches_queue, consumers_of
from shared.primitives.crypto import Signer
from shared.process import liveness, metrics, redis_clients, telemetry
from shared.process.settings import required
from shared.storage.database import IN_TURN, Connection, open_tasks_pool
from shared.storage.jobs import Periodic, PeriodicRunner

IN_TURN_LAZILY: LiteralString = IN_TURN + ", set_config('synchronous_commit', 'off', true)"
# ORDER BY keeps the planner from reading the table from its beginning, where most rows belong to a consumer that is far behind.
DUE: LiteralString = """
    SELECT one FROM unnest(%s::text[]) AS one
    WHERE (SELECT true FROM outbox WHERE consumer = one AND acknowledged_at IS NULL AND attempts = 0 AND send_at <= now()
            ORDER BY send_at LIMIT 1)
        OR (SELECT true FROM outbox WHERE consumer = one AND acknowledged_at IS NULL AND attempts > 0 AND send_at <= now()
            ORDER BY send_at LIMIT 1)
"""
# Sent again after one, two and then always four times `OUTBOX_RESEND_SECONDS`: nothing waits longer when a consumer is back.
# One index for new rows and one for rows sent before, so that neither scan reads the other's rows. It updates by key, not by a join: the
# planner cannot know how few rows there are, and would read the whole table.
MARK_SENT: LiteralString = """
    UPDATE outbox SET attempts = least(attempts, 1000000000) + 1,
        send_at = now() + make_interval(secs => %(resend)s * power(2, least(attempts, 2)) * (0.9 + random() * 0.2))
"""
# A body that is longer than any message is not read, and is "" here.
SENT: LiteralString = """
    RETURNING id, tenant_id, consumer, CASE WHEN length <= 4194304 THEN body::text ELSE '' END AS body,
        traceparent, created_at, attempts
"""
# The next tenants after `after` with new messages for a consumer. A loose index scan: the cost does not depend on how many messages wait.
WAITING: LiteralString = """
    WITH RECURSIVE walk AS (
        (SELECT tenant_id, 1 AS step FROM outbox
            WHERE consumer = %(consumer)s AND acknowledged_at IS NULL AND attempts = 0 AND tenant_id > %(after)s
            ORDER BY tenant_id LIMIT 1)
        UNION ALL
        SELECT (SELECT o.tenant_id FROM outbox o
            WHERE o.consumer = %(consumer)s AND o.acknowledged_at IS NULL AND o.attempts = 0 AND o.tenant_id > w.tenant_id
            ORDER BY o.tenant_id LIMIT 1), w.step + 1
        FROM walk w WHERE w.tenant_id IS NOT NULL AND w.step < %(most)s
    )
    SELECT tenant_id FROM walk WHERE tenant_id IS NOT NULL
"""
# New messages in turns: the oldest of each tenant, then the second of each, up to its share; `rest` gives tenants with more the places that
# others leave. Messages sent before get every second place. The pairs are compared, and not their parts, so that no other index fits.
DUE_ROWS: LiteralString = """
    WITH turns AS (
        SELECT one.*, row_number() OVER (PARTITION BY turn ORDER BY send_at, id) AS round, turn
        FROM unnest(%(tenants)s::text[]) WITH ORDINALITY AS walked (tenant, turn) CROSS JOIN LATERAL (
            SELECT id, send_at, length AS size FROM outbox
            WHERE consumer = %(consumer)s AND acknowledged_at IS NULL AND attempts = 0
                AND (tenant_id, send_at) >= (walked.tenant, '-infinity') AND (tenant_id, send_at) <= (walked.tenant, now())
            ORDER BY tenant_id, send_at LIMIT %(share)s FOR UPDATE SKIP LOCKED) AS one
    ), rest AS (
        SELECT id, send_at, length AS size FROM outbox
        WHERE consumer = %(consumer)s AND acknowledged_at IS NULL AND attempts = 0 AND send_at <= now()
        ORDER BY send_at LIMIT CASE WHEN (SELECT count(*) FROM turns) < %(rest)s THEN %(rest)s ELSE 0 END FOR UPDATE SKIP LOCKED
    ), again AS (
        SELECT id, send_at, length AS size FROM outbox
        WHERE consumer = %(consumer)s AND acknowledged_at IS NULL AND attempts > 0 AND send_at <= now()
        ORDER BY send_at LIMIT CASE WHEN %(again)s THEN %(rows)s ELSE 0 END FOR UPDATE SKIP LOCKED
    ), placed AS (
        SELECT id, size, row_number() OVER (ORDER BY round, turn, send_at, id) AS place FROM (
            TABLE turns
            UNION ALL
            SELECT r.*, NULL, NULL FROM rest r WHERE NOT EXISTS (SELECT FROM turns t WHERE t.id = r.id)) AS first
        UNION ALL
        SELECT id, size, row_number() OVER (ORDER BY send_at, id) FROM again
    ), due AS (
        SELECT id, size, sum(size) OVER in_order - size AS before, row_number() OVER in_order AS number
        FROM placed WINDOW in_order AS (ORDER BY place, id)
    )
"""
# The rows for one claim, locked. The first goes alone where it is longer than the room.
CHOSEN: LiteralString = """
    SELECT number, id, size FROM due
    WHERE number <= %(rows)s AND before + CASE WHEN number = 1 THEN 0 ELSE size END <= %(bytes)s
"""
CANDIDATES: LiteralString = DUE_ROWS + CHOSEN
CLAIM: LiteralString = f"{MARK_SENT} WHERE id = ANY (%(ids)s) {SENT}"
# A row that cannot be sent becomes a dead letter of its own service.
SET_ASIDE: LiteralString = """
    WITH gone AS (
        DELETE FROM outbox WHERE id = %(id)s AND acknowledged_at IS NULL RETURNING id, tenant_id, name, body, traceparent
    )
    INSERT INTO dead_letters (message_id, tenant_id, producer, name, body, traceparent, occurred_at, error)
    SELECT id, left(tenant_id, 1024), %(service)s, left(name, 256), body, left(traceparent, 1024), now(), %(reason)s FROM gone
    ON CONFLICT DO NOTHING
"""
# Errors that the content of a row causes.
UNSENDABLE = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.InternalError,
    psycopg.errors.ProgramLimitExceeded,
)
# Of a message's text, in characters. In a call, where quotes are escaped, it is twice as long.
LONGEST = 4 << 20
CALL_MESSAGES = 200
CALL_BYTES = 512 * 1024
BATCH = 1000
# Tenants whose new messages share one claim; where more wait, the next claim begins after them.
TENANTS = 100
# Each writer of messages rings the bell. This is for rings that were lost with Redis, and for messages that are due again.
POLL_SECONDS = 2.0
RETRY_SECONDS = 1.0
# After a batch, for messages that had no room in it: a worker empties 20 calls in some tenths of a second.
SOON_SECONDS = 0.1
# Least time from one batch's start to the next's: messages written meanwhile share a call. A single message goes at once.
PACE_SECONDS = 0.02
log = logging.getLogger(__name__)


class RelaySettings(Protocol):
    @property
    def worker_database_url(self) -> str | None: ...
    @property
    def redis_url(self) -> str: ...
    @property
    def outbox_resend_seconds(self) -> float: ...
    @property
    def service_signing_key(self) -> str | None: ...


class Candidate(NamedTuple):
    """A due row, with its place in the claim; `size` is the length of its body as text, in bytes."""

    number: int
    id: UUID
    size: int


class Row(NamedTuple):
    id: UUID
    tenant_id: str
    consumer: str
    body: str
    traceparent: str | None
    created_at: datetime
    attempts: int


class Relay:
    """`working` is set while the relay can send, and cleared while the database or the broker is away."""

    def __init__(self, service: str, settings: RelaySettings, working: threading.Event | None = None) -> None:
        self.service = service
        self.resend_seconds = settings.outbox_resend_seconds
        self.signer = Signer(required(settings.service_signing_key, "SERVICE_SIGNING_KEY"))
        self.pool = open_tasks_pool(required(settings.worker_database_url, "WORKER_DATABASE_URL"), max_size=1)
        self.celery = broker.connect(service, settings.redis_url)
        self.redis = redis_clients.client(settings.redis_url)
        consumers = consumers_of(service)
        self.crowding = Crowding(
            self.redis,
            queues={each: batches_queue(each, service) for each in consumers},
            acknowledgements={each: acknowledgements_queue(service, each) for each in consumers},
        )
        self.stopping = threading.Event()
        self.working = working or threading.Event()
        self.rung: Callable[[], object] = lambda: None  # after each call of the bell
        self._turns = itertools.count()
        self._after: dict[str, str] = {}

    def run(self) -> None:
        """Sends until `stopping` is set. While the database or the broker is away it waits; this is never fatal."""
        self.working.set()
        patience = POLL_SECONDS
        while not self.stopping.is_set():
            began = time.monotonic()
            try:
                with liveness.at_work():
                    sent = self.send_due()
                self.working.set()
                patience = SOON_SECONDS if sent else min(2 * patience, POLL_SECONDS)
                if sent < BATCH:
                    # Takes all rings at once: the next batch has the rows of each, and a bell that somebody filled is empty.
                    key = broker.bell_key(self.service)
                    if self.redis.blpop([key], timeout=patience):
                        self.redis.ltrim(key, 1, 0)
                        self.rung()
                    self.stopping.wait(max(0.0, began + PACE_SECONDS - time.monotonic()))
            except (psycopg.Error, RedisError, KombuError, OSError) as error:
                self.working.clear()
                log.warning("relay waits: %s", type(error).__name__)
                self.stopping.wait(RETRY_SECONDS)
        self.working.clear()
        self.pool.close()

    def send_due(self) -> int:
        """Sends a batch to every consumer with room. Returns the number of messages.

        If the broker refuses rows, their transaction rolls back and they stay due.
        """
        return sum(self._send(consumer, room) for consumer, room in self._turn())

    def _turn(self) -> Iterator[tuple[str, Room]]:
        """The consumers with due messages and with room; each turn begins with another consumer."""
        with self.pool.connection() as conn:
            conn.execute(IN_TURN_LAZILY)
            due = [consumer for (consumer,) in conn.execute(DUE, (list(self.crowding.queues),))]
        self.crowding.measure()
        if due:
            room = self.crowding.rooms(due)
            begin = next(self._turns) % len(due)
            yield from ((consumer, room[consumer]) for consumer in (*due[begin:], *due[:begin]) if consumer in room)

    def _send(self, consumer: str, room: Room) -> int:
        sent = 0
        try:
            with self.pool.connection() as conn:
                for call in self._claim(conn, consumer, room):
                    rows, longer = sendable(call)
                    for id in longer:
                        self._set_aside(conn, id, "its body is too long")
                    if rows:
                        hand_over(self.celery, self.signer, self.service, consumer, rows)
                        sent += len(rows)
        except UNSENDABLE as error:
            log.error("messages to %s cannot be claimed together: %s", consumer, telemetry.describe(error))
            self._set_unsendable_aside(consumer, room)
            return 0
        except ResponseError as error:  # Redis is full or refuses this user; other consumers may still have their turn
            log.warning("nothing is sent to %s, Redis refused it: %s", consumer, type(error).__name__)
            return 0
        return sent

    def _claim(self, conn: Connection, consumer: str, room: Room) -> list[list[Row]]:
        """The rows of each call, at most as many calls as there is room for.

        Commits lazily: if a crash undoes the claim, the messages are sent again and their consumer recognises them.
        """
        conn.execute(IN_TURN_LAZILY)
        tenants = self._waiting(conn, consumer)
        with conn.cursor(row_factory=class_row(Candidate)) as cursor:
            candidates = cursor.execute(CANDIDATES, self._limits(consumer, room, tenants)).fetchall()
        chosen = list(itertools.islice(calls(sorted(candidates)), room.calls))
        parameters = {"ids": [one.id for call in chosen for one in call], "resend": self.resend_seconds}
        with conn.cursor(row_factory=class_row(Row)) as cursor:
            rows = {row.id: row for row in cursor.execute(CLAIM, parameters)} if chosen else {}
        self._after[consumer] = last_served(tenants, {row.tenant_id for row in rows.values()})
        return [[rows[one.id] for one in sorted(call, key=lambda one: one.id)] for call in chosen]

    def _waiting(self, conn: Connection, consumer: str) -> list[str]:
        """The tenants whose turn it is, at most `TENANTS`."""
        after, tenants = self._after.get(consumer, ""), dict[str, None]()
        for begin in dict.fromkeys((after, "")):
            if len(tenants) < TENANTS:
                walked = conn.execute(WAITING, {"consumer": consumer, "after": begin, "most": TENANTS})
                tenants |= dict.fromkeys(tenant for (tenant,) in walked)
        return list(tenants)[:TENANTS]

    def _limits(self, consumer: str, room: Room, tenants: list[str]) -> dict[str, object]:
        rows = min(BATCH, room.calls * CALL_MESSAGES)
        return {
            "consumer": consumer,
            "tenants": tenants,
            "share": -(-rows // max(1, len(tenants))),
            "rest": rows if len(tenants) > 1 else 0,
            "rows": rows,
            "again": room.again,
            "bytes": min(room.bytes, room.calls * CALL_BYTES),
            "resend": self.resend_seconds,
        }

    def _set_unsendable_aside(self, consumer: str, room: Room) -> None:
        """Tries to claim each due row alone, and sets those aside with which that fails, so that all others are claimed again."""
        with self.pool.connection() as conn:
            conn.execute(IN_TURN_LAZILY)
            limits = self._limits(consumer, room, self._waiting(conn, consumer))
            for _, id, _ in conn.execute(CANDIDATES, limits).fetchall():
                try:
                    with conn.transaction(force_rollback=True), conn.cursor(row_factory=class_row(Row)) as cursor:
                        cursor.execute(CLAIM, {"ids": [id], "resend": self.resend_seconds}).fetchall()
                except UNSENDABLE as error:
                    self._set_aside(conn, id, type(error).__name__)

    def _set_aside(self, conn: Connection, id: UUID, reason: str) -> None:
        conn.execute(SET_ASIDE, {"id": id, "service": self.service, "reason": f"it was not sent: {reason}"})
        metrics.dead_letters.labels("any").inc()
        log.error("message %s cannot be sent (%s); it is a dead letter now", id, reason)


def last_served(tenants: list[str], served: set[str]) -> str:
    """The tenant after which the next claim begins; "" if this one reached all that wait."""
    if len(tenants) < TENANTS and served.issuperset(tenants):
        return ""
    return next((tenant for tenant in reversed(tenants) if tenant in served), "")


def sendable(rows: list[Row]) -> tuple[list[Row], list[UUID]]:
    """The rows that fit into a call, and the ids of those whose body is too long."""
    longer = [row.id for row in rows if not 0 < len(row.body) <= LONGEST]
    return [row for row in rows if row.id not in longer], longer


def calls(rows: Iterable[Candidate]) -> Iterator[list[Candidate]]:
    """Groups rows into Celery calls of at most 200 messages and about half a MiB, because Celery's cost is per call."""
    call: list[Candidate] = []
    size = 0
    for row in rows:
        if call and (len(call) == CALL_MESSAGES or size + row.size > CALL_BYTES):
            yield call
            call, size = [], 0
        call.append(row)
        size += row.size
    if call:
        yield call


def hand_over(celery: Celery, signer: Signer, producer: str, consumer: str, rows: list[Row]) -> None:
    envelopes = [
        Envelope(row.id, row.tenant_id, row.created_at, row.traceparent, msgspec.Raw(row.body.encode())) for row in rows
    ]
    batch = authenticity.seal(signer, "batch", producer, consumer, msgspec.json.encode(envelopes).decode())
    broker.hand_over(celery, batches_queue(consumer, producer), broker.CONSUME, *batch)
    for row in rows:
        if row.traceparent:
            began = int(row.created_at.timestamp() * 1e9)
            telemetry.record_span(
                "outbox wait",
                row.traceparent,
                began,
                batch.sent_ns,
                **{"messaging.destination.name": consumer, "attempt": row.attempts},
            )
    again = sum(row.attempts > 1 for row in rows)
    metrics.outbox_sent.labels(consumer, "no").inc(len(rows) - again)
    metrics.outbox_sent.labels(consumer, "yes").inc(again)


def run(service: str, settings: RelaySettings, periodic: list[Periodic], working: threading.Event) -> None:
    """The relay process: the outbox in this thread, periodic jobs in others. SIGTERM and SIGINT end it after the present batch.

    `working` is set while it can send.
    """
    relay = Relay(service, settings, working)
    # Sending has a connection of its own, and each lane of jobs: one that waits or takes long keeps nobody else waiting.
    lanes = len({job.lane for job in periodic})
    with open_tasks_pool(required(settings.worker_database_url, "WORKER_DATABASE_URL"), max_size=lanes) as pool:
        runner = PeriodicRunner(pool, periodic, relay.stopping, partial(broker.ring, relay.redis, service))
        relay.rung = runner.wake
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: relay.stopping.set())
        runner.start()
        broker.end_when_locked_out(redis_clients.client(settings.redis_url))
        relay.run()
        runner.join(timeout=5)
    telemetry.shutdown_tracing()
