"""Messages received: one Celery task takes a batch, applies the new messages in one transaction, and acknowledges to the producer.

Only messages that their producer signed and may send are applied; see `authenticity`.
"""

import logging
import threading
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, LiteralString, Protocol, Union
from uuid import UUID

import msgspec
from celery import Celery, signals
from celery.exceptions import SecurityWarning
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind
from psycopg_pool import ConnectionPool
from redis import Redis

from shared.messaging import authenticity, broker, dead_letters
from shared.messaging.authenticity import Envelope, Refusal
from shared.messaging.messages import MESSAGES, Message, Received, acknowledgements_queue, name_of
from shared.primitives.crypto import PublicKeys, Signer
from shared.process import liveness, metrics, redis_clients, telemetry
from shared.process.settings import required
from shared.storage.database import (
    BY_KEY,
    UNAVAILABLE,
    Connection,
    is_contention,
    is_outage,
    open_tasks_pool,
    task_transaction,
)
from shared.storage.partitions import Daily

NEW: LiteralString = """
    INSERT INTO inbox (message_id, tenant_id)
    SELECT id, tenant_id FROM jsonb_to_recordset(%s::jsonb) AS message (id uuid, tenant_id text)
    ON CONFLICT DO NOTHING RETURNING message_id
"""
KNOWN: LiteralString = "SELECT true FROM inbox WHERE message_id = %s"
# By key: without `coalesce`, the index of unacknowledged messages would serve the other conditions. Where statistics are older than all
# that waits, the planner would read all of it for each acknowledgement.
ACKNOWLEDGED: LiteralString = """
    UPDATE outbox SET acknowledged_at = now() WHERE id = ANY(%s) AND coalesce(consumer = %s AND acknowledged_at IS NULL, false)
"""
BY_KEY_LAZILY: LiteralString = BY_KEY + ", set_config('synchronous_commit', 'off', true)"
LOCKS_WITHIN: LiteralString = "SELECT set_config('lock_timeout', %s, true)"
# Least time from one acknowledgement to a producer to the next: those of batches done meanwhile share a call. A single one goes at once.
APART_SECONDS = 0.1
MOST_TOGETHER = 1000
"""Messages whose acknowledgement does not wait for more."""
# Of a batch that failed, messages are taken one by one during ONE_BY_ONE_SECONDS: one of each tenant, then a second one. After a message
# that took SLOW_SECONDS, the tenant's other messages wait until they are sent again: the same lock or time-out would slow them too. Nor
# does a message wait longer for a lock, so that forty tenants with locked rows leave time for the others. ONE_BY_ONE_SECONDS is longer than
# PostgreSQL lets a statement run, so that one such message leaves time for those of others.
ONE_BY_ONE_SECONDS, SLOW_SECONDS = 20.0, 0.5
log = logging.getLogger(__name__)


Handler = Callable[[Connection, Sequence[Received[Any]]], object]


class WorkerSettings(Protocol):
    @property
    def worker_database_url(self) -> str | None: ...
    @property
    def redis_url(self) -> str: ...
    @property
    def service_signing_key(self) -> str | None: ...
    @property
    def service_public_keys(self) -> str | None: ...


class Acknowledgements:
    """Gathers acknowledgements that follow one another, because each call costs a signature, its check and a task of the producer.

    If the process dies, producers send those messages again, and they are acknowledged then. `send` takes a producer and ids of messages.
    """

    def __init__(self, send: Callable[[str, list[UUID]], object]) -> None:
        self._send = send
        self._lock = threading.Lock()
        self._waiting: dict[str, list[UUID]] = {}
        self._next_at: dict[str, float] = {}

    def add(self, producer: str, ids: list[UUID]) -> None:
        with self._lock:
            waiting, wait = self._waiting.get(producer), self._next_at.get(producer, 0.0) - time.monotonic()
            together = ids if waiting is None else [*waiting, *ids]
            if wait > 0 and len(together) < MOST_TOGETHER:
                self._waiting[producer] = together
                if waiting is None:
                    timer = threading.Timer(wait, self.flush, (producer,))
                    timer.daemon = True
                    timer.start()
                return
            self._waiting.pop(producer, None)
            self._next_at[producer] = time.monotonic() + APART_SECONDS
        self._send(producer, together)

    def flush(self, *producers: str) -> None:
        """Sends all that wait for these producers; without any, for every producer."""
        with self._lock:
            gathered = {each: self._waiting.pop(each, []) for each in producers or [*self._waiting]}
            self._next_at |= dict.fromkeys(gathered, time.monotonic() + APART_SECONDS)
        for producer, ids in gathered.items():
            if ids:
                self._send(producer, ids)


class Consumer:
    """Applies batches of messages with a service's handlers. Each message has its effect exactly once."""

    def __init__(
        self,
        service: str,
        settings: WorkerSettings,
        handlers: Mapping[type[Any], Handler],
        celery: Celery,
        partitions: Daily | None = None,
        redis: Redis | None = None,
    ) -> None:
        self.service = service
        self.handlers = handlers
        self.celery = celery
        self._partitions = partitions
        self._dsn = required(settings.worker_database_url, "WORKER_DATABASE_URL")
        self._signer = Signer(required(settings.service_signing_key, "SERVICE_SIGNING_KEY"))
        self._keys = PublicKeys(required(settings.service_public_keys, "SERVICE_PUBLIC_KEYS"))
        self._redis = redis or redis_clients.client(settings.redis_url)
        self._deaths = dead_letters.Deaths()
        self.acknowledgements = Acknowledgements(self._acknowledge)
        self._opening = threading.Lock()
        self._pool: ConnectionPool[Connection] | None = None

    @property
    def pool(self) -> ConnectionPool[Connection]:
        """Opened by the first task, so that no connection crosses a fork. The lock is needed because several threads may be first."""
        with self._opening:
            if self._pool is None:
                self._pool = open_tasks_pool(self._dsn, max_size=8)
            return self._pool

    def close(self) -> None:
        with self._opening:
            if self._pool is not None:
                self._pool.close()
        self._redis.close()

    def consume(self, *call: object) -> None:
        """Takes a batch that its producer's relay sealed.

        Applies the whole batch in one transaction. If that fails, it applies each message alone, so that a bad one stops no other.
        """
        try:
            batch = authenticity.unseal(self._keys, "batch", self.service, call)
            envelopes = []
            for each in authenticity.envelopes(batch):
                reason = authenticity.objection(batch.sender, self.service, each)
                if reason is None:
                    envelopes.append(each)
                else:
                    authenticity.count_refusal(Refusal(reason, batch.sender))
        except Refusal as refusal:
            authenticity.count_refusal(refusal)
            return
        if not envelopes:
            return
        producer, sent_ns = batch.sender, batch.sent_ns
        try:
            suspects = self._deaths.suspects(self.pool, [each.id for each in envelopes])
        except UNAVAILABLE as error:
            log.warning("batch left for later: %s", type(error).__name__)
            return
        trusted = [each for each in envelopes if each.id not in suspects]
        if done := self._done(producer, sent_ns, trusted):
            self.acknowledgements.add(producer, done)
        # Those with which a worker ended come last, each alone; those for which no time is left come again.
        until = time.monotonic() + ONE_BY_ONE_SECONDS
        for each in sorted((each for each in envelopes if each.id in suspects), key=lambda each: suspects[each.id]):
            if time.monotonic() >= until:
                break
            if suspects[each.id] >= dead_letters.MAX_DEATHS:
                with task_transaction(self.pool) as conn:
                    if not conn.execute(KNOWN, (each.id,)).fetchone():  # unless it had its effect
                        reason = f"its worker ended {dead_letters.MAX_DEATHS} times while it applied this message alone"
                        dead_letters.add(conn, producer, each, reason)
                self.acknowledgements.add(producer, [each.id])
            elif self._settle(producer, sent_ns, each):
                self.acknowledgements.add(producer, [each.id])

    def _done(self, producer: str, sent_ns: int, envelopes: list[Envelope]) -> list[UUID]:
        """Applies the messages. Returns the ids of those that need not be sent again and are not acknowledged yet."""
        if not envelopes:
            return []
        try:
            self._apply(envelopes, sent_ns)
        except Exception as error:  # after any error of a handler each message is tried alone
            if is_outage(error):
                log.warning("batch left for later: %s", type(error).__name__)
                return []
            log.warning("batch of %d failed, taken one by one: %s", len(envelopes), telemetry.describe(error))
            self._one_by_one(producer, sent_ns, envelopes)
            return []
        return [envelope.id for envelope in envelopes]

    def _one_by_one(self, producer: str, sent_ns: int, envelopes: list[Envelope]) -> None:
        """Acknowledges each message as soon as it is applied: the producer would send it again while others take their time."""
        slow, until = set[str](), time.monotonic() + ONE_BY_ONE_SECONDS
        places = Counter[str]()
        turns = list[tuple[int, Envelope]]()
        for envelope in envelopes:
            turns.append((places[envelope.tenant_id], envelope))
            places[envelope.tenant_id] += 1
        for _, envelope in sorted(turns, key=lambda turn: turn[0]):
            began = time.monotonic()
            if envelope.tenant_id in slow or began >= until:
                continue
            if self._settle(producer, sent_ns, envelope):
                self.acknowledgements.add(producer, [envelope.id])
            if time.monotonic() - began >= SLOW_SECONDS:
                slow.add(envelope.tenant_id)

    def _settle(self, producer: str, sent_ns: int, envelope: Envelope) -> bool:
        """Applies one message alone. True if it need not be sent again: done now, done before, or given up."""
        try:
            self._apply([envelope], sent_ns, SLOW_SECONDS)
        except Exception as error:
            if is_outage(error) or is_contention(error):
                return False
            try:
                return dead_letters.count_failure(self.pool, producer, envelope, error)
            except Exception as failure:  # the message comes again, and its mates are acknowledged all the same
                log.error("a failure of %s was not counted: %s", envelope.id, telemetry.describe(failure))
                return False
        return True

    def _prepare(self) -> None:
        """Makes the day's partitions, if the handlers write to partitioned tables."""
        if self._partitions is not None:
            self._partitions.ensure_sync(self.pool)

    def _apply(self, envelopes: list[Envelope], sent_ns: int, patience: float | None = None) -> None:
        """`patience` is the time in seconds that a statement waits for a lock, where it is less than the database's."""
        self._prepare()
        with self._deaths.begun(self.pool, envelopes) as mark, task_transaction(self.pool) as conn:
            if patience is not None:
                conn.execute(LOCKS_WITHIN, (f"{patience}s",))
            conn.execute(dead_letters.END, (mark,))
            self._perform(conn, self._new(conn, envelopes), sent_ns)

    def _perform(self, conn: Connection, new: list[Envelope], sent_ns: int) -> None:
        spans: dict[UUID, Span] = {}
        for envelope in new:
            spans[envelope.id] = trace.INVALID_SPAN
            if envelope.traceparent:
                telemetry.record_span("queue wait", envelope.traceparent, sent_ns, time.time_ns())
                parent = telemetry.context_of(envelope.traceparent)
                spans[envelope.id] = telemetry.start_span(
                    "consume", kind=SpanKind.CONSUMER, parent=parent, attributes={}
                )
        try:
            for kind, received in _by_kind(new, spans).items():
                handler = self.handlers.get(kind)
                if handler is None:
                    raise LookupError(f"{self.service} has no handler for {name_of(kind)}")
                handler(conn, received)
                conn.after_commit(lambda kind=kind, received=received: _count(kind, received))
        finally:
            for span in spans.values():
                span.end()
        if conn.has_messages:
            conn.after_commit(self.ring)

    def revive(self, message_id: str) -> bool:
        """Tries a dead letter once more at once; if it fails, it stays a dead letter. False if there is none with that id.

        A worker's role can write any row, and a row has no signature. So the message is judged like one that comes from its producer.
        Raises Refusal where that producer may not send it.
        """
        self._prepare()
        with task_transaction(self.pool) as conn:
            taken = dead_letters.take(conn, message_id)
            if taken is None:
                return False
            producer, envelope = taken
            reason = authenticity.objection(producer, self.service, envelope)
            if reason is not None:
                refusal = Refusal(reason, producer)
                authenticity.count_refusal(refusal)
                raise refusal
            self._perform(conn, self._new(conn, [envelope]), time.time_ns())
        return True

    def _new(self, conn: Connection, envelopes: list[Envelope]) -> list[Envelope]:
        # In the order of ids, so that two batches with the same messages wait for each other without a deadlock.
        ordered = sorted({envelope.id: envelope for envelope in envelopes}.values(), key=lambda envelope: envelope.id)
        rows = msgspec.json.encode([{"id": envelope.id, "tenant_id": envelope.tenant_id} for envelope in ordered])
        fresh = conn.execute(NEW, (rows.decode(),))
        ids = {row[0] for row in fresh}
        return [envelope for envelope in ordered if envelope.id in ids]

    def _acknowledge(self, producer: str, ids: list[UUID]) -> None:
        text = msgspec.json.encode(ids).decode()
        call = authenticity.seal(self._signer, "acknowledgement", self.service, producer, text)
        try:
            broker.hand_over(self.celery, acknowledgements_queue(producer, self.service), broker.ACKNOWLEDGE, *call)
        except Exception as error:
            # The producer sends these again; the inbox recognises them, and they are acknowledged then.
            log.warning("acknowledgement not sent: %s", type(error).__name__)

    def acknowledge(self, *call: object) -> None:
        """Takes an acknowledgement. It counts only for messages that were sent to the service that signed it."""
        try:
            sealed = authenticity.unseal(self._keys, "acknowledgement", self.service, call)
            ids = authenticity.acknowledged(sealed)
        except Refusal as refusal:
            authenticity.count_refusal(refusal)
            return
        with task_transaction(self.pool) as conn:
            conn.execute(BY_KEY_LAZILY)
            conn.execute(ACKNOWLEDGED, (ids, sealed.sender))

    def ring(self) -> None:
        broker.ring(self._redis, self.service)


def create_worker(
    service: str,
    settings: WorkerSettings,
    handlers: Mapping[type[Any], Handler],
    partitions: Daily | None = None,
    redis: Redis | None = None,
) -> Celery:
    """The service's Celery app. `worker.consumer` has the pool for the service's own tasks; `partitions` are the tables that they write to.

    `redis` is a client that the handlers also use; it is closed with the consumer.
    """
    celery = broker.connect(service, settings.redis_url)
    consumer = Consumer(service, settings, handlers, celery, partitions, redis)
    celery.task(consumer.consume, name=broker.CONSUME, shared=False)
    celery.task(consumer.acknowledge, name=broker.ACKNOWLEDGE, shared=False)
    celery.consumer = consumer  # type: ignore[attr-defined]
    signals.task_prerun.connect(_begun)
    signals.task_postrun.connect(_ended)
    signals.worker_shutdown.connect(lambda **_: consumer.acknowledgements.flush(), weak=False)
    signals.worker_shutdown.connect(lambda **_: telemetry.shutdown_tracing(), weak=False)
    return celery


def _begun(task_id: str, **_: object) -> None:
    liveness.begin(task_id)


def _ended(task_id: str, **_: object) -> None:
    liveness.end(task_id)


def work(celery: Celery, queues: str, concurrency: int, working: threading.Event | None = None) -> None:
    """Runs a Celery worker in this process with threads, so the worker is one process. `working` is set while it takes tasks."""
    if working is not None:
        signals.worker_ready.connect(lambda **_: working.set(), weak=False)
        signals.worker_shutting_down.connect(lambda **_: working.clear(), weak=False)
    broker.end_when_locked_out(redis_clients.client(celery.conf.broker_transport_options["redis_url"]))
    # Celery configures logging unless this signal has a receiver.
    signals.setup_logging.connect(lambda **_: None, weak=False)
    # Celery warns when it runs as root, because of pickle, which no queue here accepts.
    warnings.simplefilter("ignore", SecurityWarning)
    # As `celery worker`, but without its command line, which would load every installed plug-in, a shell among them.
    process = celery.Worker(
        pool="threads",
        concurrency=concurrency,
        queues=queues,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        loglevel="INFO",
    )
    process.start()
    raise SystemExit(process.exitcode)


_any_message = Union[MESSAGES]  # noqa: UP007
_decode_body = msgspec.json.Decoder(_any_message).decode


def _by_kind(envelopes: list[Envelope], spans: Mapping[UUID, Span]) -> dict[type[Message], list[Received[Any]]]:
    kinds: dict[type[Message], list[Received[Any]]] = defaultdict(list)
    for envelope in envelopes:
        body = _decode_body(envelope.body)
        context = spans[envelope.id].get_span_context()
        parent = telemetry.format_traceparent(context) if context.is_valid else envelope.traceparent
        kinds[type(body)].append(Received(envelope.id, envelope.tenant_id, envelope.occurred_at, parent, body))
    return kinds


def _count(kind: type[Message], received: Sequence[Received[Any]]) -> None:
    now = datetime.now(UTC)
    for message in received:
        metrics.message_seconds.labels(name_of(kind)).observe(max(0.0, (now - message.occurred_at).total_seconds()))
    metrics.messages.labels(name_of(kind), "done").inc(len(received))
