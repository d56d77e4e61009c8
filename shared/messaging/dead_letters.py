"""Messages whose effect keeps failing, or that end their worker, by a crash or for lack of memory, so that no error can be caught.

After the fifth failure a message becomes a dead letter with the reason, and blocks no other.

A worker commits a row in `begun` before it applies a batch, and deletes it in the transaction that applies the batch. A row that is left
and not locked belongs to a worker that ended. Its messages are suspects: each is applied alone from then on. A message whose worker ended
`MAX_DEATHS` times while it applied this message alone becomes a dead letter.
"""

import logging
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, LiteralString
from uuid import UUID, uuid4

import msgspec
import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from shared.messaging.authenticity import Envelope
from shared.process import metrics, telemetry
from shared.storage.database import Connection, is_outage, task_transaction

MAX_FAILURES = 5
COUNT: LiteralString = """
    INSERT INTO failures (message_id, tenant_id, last_error) VALUES (%s, %s, %s)
    ON CONFLICT (message_id) DO UPDATE SET attempts = failures.attempts + 1, last_error = excluded.last_error, failed_at = now()
    RETURNING attempts
"""
ADD: LiteralString = """
    INSERT INTO dead_letters (message_id, tenant_id, producer, name, body, traceparent, occurred_at, error)
    VALUES (%s, %s, %s, %s::jsonb ->> 'name', %s::jsonb, %s, %s, %s) ON CONFLICT DO NOTHING
"""
LIST: LiteralString = """
    SELECT message_id::text, tenant_id, producer, name, error, died_at::text FROM dead_letters ORDER BY dead_letters.died_at DESC LIMIT %s
"""
TAKE: LiteralString = """
    DELETE FROM dead_letters WHERE message_id = %s::uuid
    RETURNING producer, message_id, tenant_id, occurred_at, traceparent, coalesce(body ->> 'as_text', body::text)
"""
FORGET: LiteralString = "DELETE FROM failures WHERE message_id = %s::uuid"
log = logging.getLogger(__name__)


class _Named(msgspec.Struct):
    name: str


def count_failure(pool: ConnectionPool[Connection], producer: str, envelope: Envelope, error: Exception) -> bool:
    """True if this was the last try: the message is now a dead letter, and is acknowledged like any other."""
    reason = telemetry.describe(error)
    with task_transaction(pool) as conn:
        row = conn.execute(COUNT, (envelope.id, envelope.tenant_id, reason)).fetchone()
        if row is None or row[0] < MAX_FAILURES:
            return False
        add(conn, producer, envelope, reason)
    return True


def add(conn: Connection, producer: str, envelope: Envelope, reason: str) -> None:
    """Makes the message a dead letter when this transaction commits, also where PostgreSQL cannot store its body or time as they are."""
    try:
        with conn.transaction():
            added = conn.execute(ADD, _row(producer, envelope, reason)).rowcount
    except psycopg.Error as error:
        if is_outage(error):
            raise
        # The JSON as one string, since `jsonb` has neither U+0000 nor every number. Its time of death is about now.
        text = bytes(envelope.body).decode()
        body = msgspec.json.encode({"name": msgspec.json.decode(text, type=_Named).name, "as_text": text})
        storable = Envelope(envelope.id, envelope.tenant_id, datetime.now(UTC), None, msgspec.Raw(body))
        added = conn.execute(ADD, _row(producer, storable, reason)).rowcount
    if added:
        conn.after_commit(metrics.dead_letters.labels("any").inc)
        conn.after_commit(lambda: log.error("dead letter %s from %s: %s", envelope.id, producer, reason))


def _row(producer: str, envelope: Envelope, reason: str) -> tuple[object, ...]:
    body = bytes(envelope.body).decode()
    return envelope.id, envelope.tenant_id, producer, body, body, envelope.traceparent, envelope.occurred_at, reason


def newest(pool: ConnectionPool[Connection], limit: int) -> list[tuple[str, ...]]:
    """Id, tenant, producer, name, error and time of the newest dead letters."""
    with task_transaction(pool) as conn:
        return conn.execute(LIST, (limit,)).fetchall()


def take(conn: Connection, message_id: str) -> tuple[str, Envelope] | None:
    """Removes one dead letter and returns its producer and it, in the transaction that then applies its effect."""
    row = conn.execute(TAKE, (message_id,)).fetchone()
    conn.execute(FORGET, (message_id,))
    if row is None:
        return None
    producer, found, tenant_id, occurred_at, traceparent, body = row
    return producer, Envelope(found, tenant_id, occurred_at, traceparent, msgspec.Raw(body.encode()))


MAX_DEATHS = 3
# Longer than a living worker takes from its row to the transaction that locks it, which waits 5 s for a connection at most. Shorter than
# `OUTBOX_RESEND_SECONDS`, so that the death is counted when the batch comes again.
DEAD_SECONDS = 10.0
SWEEP_SECONDS = 5.0
BEGIN: LiteralString = "INSERT INTO begun (id, message_ids, tenant_ids) VALUES (%s, %s, %s)"
END: LiteralString = "DELETE FROM begun WHERE id = %s"
ANY_SUSPECT: LiteralString = "SELECT true FROM failures WHERE deaths IS NOT NULL ORDER BY message_id LIMIT 1"
SUSPECTS: LiteralString = "SELECT message_id, deaths FROM failures WHERE message_id = ANY(%s) AND deaths IS NOT NULL"
# Rows that are found together count as one death: one crash ends every batch of its process.
SWEEP: LiteralString = """
    WITH dead AS (
        DELETE FROM begun WHERE id = ANY (ARRAY(
            SELECT id FROM begun WHERE begun_at < now() - make_interval(secs => %s) ORDER BY begun_at LIMIT 100 FOR UPDATE SKIP LOCKED))
        RETURNING message_ids, tenant_ids, (cardinality(message_ids) = 1)::integer AS alone
    )
    INSERT INTO failures (message_id, tenant_id, attempts, last_error, deaths)
    SELECT id, min(tenant), 0, 'its worker ended', max(alone) FROM dead, unnest(message_ids, tenant_ids) AS message (id, tenant)
    GROUP BY id ORDER BY id
    ON CONFLICT (message_id) DO UPDATE SET deaths = coalesce(failures.deaths, 0) + excluded.deaths, failed_at = now()
    RETURNING message_id
"""
# For a batch of a living worker. A death that another worker has counted for it meanwhile is taken back.
END_OF_LIVING: LiteralString = """
    WITH ended AS (DELETE FROM begun WHERE id = %(mark)s RETURNING id)
    UPDATE failures SET deaths = greatest(deaths - %(alone)s, 0)
    WHERE message_id = ANY(%(message_ids)s) AND deaths IS NOT NULL AND NOT EXISTS (SELECT FROM ended)
"""
MOST_UNENDED = 1000


class Deaths:
    """Counts the deaths of a service's workers. Mostly there are none: it asks every few seconds, and not for each batch.

    A worker that lost the database while it applied a batch lives on. It ends the batch's row, or takes its death back where another
    worker has counted it, before it applies the next.
    """

    def __init__(self) -> None:
        self._swept = float("-inf")
        self._has_suspects = False
        self._unended: deque[dict[str, Any]] = deque(maxlen=MOST_UNENDED)

    def suspects(self, pool: ConnectionPool[Connection], ids: Sequence[UUID]) -> dict[UUID, int]:
        """Those of the messages with which a worker ended, and how often one ended with the message alone."""
        while self._unended:
            with pool.connection() as conn:
                conn.execute(END_OF_LIVING, self._unended[0])
            self._unended.popleft()
        if time.monotonic() - self._swept >= SWEEP_SECONDS:
            with pool.connection() as conn:
                swept = conn.execute(SWEEP, (DEAD_SECONDS,)).fetchall()
                if swept:
                    log.error("a worker ended while it applied %d messages, the first is %s", len(swept), swept[0][0])
                self._has_suspects = conn.execute(ANY_SUSPECT).fetchone() is not None
            self._swept = time.monotonic()
        if not self._has_suspects:
            return {}
        with pool.connection() as conn:
            return dict(conn.execute(SUSPECTS, (list(ids),)).fetchall())

    @contextmanager
    def begun(self, pool: ConnectionPool[Connection], envelopes: Sequence[Envelope]) -> Iterator[UUID]:
        """Commits the row of a batch. The transaction that applies it deletes the row first, by `END` and the id that this yields."""
        mark, ids = uuid4(), [each.id for each in envelopes]
        unended = {"mark": mark, "message_ids": ids, "alone": int(len(ids) == 1)}
        try:
            with pool.connection() as conn:
                conn.execute(BEGIN, (mark, ids, [each.tenant_id for each in envelopes]))
            yield mark
        except Exception:
            try:
                with pool.connection() as conn:
                    conn.execute(END, (mark,))
            except (psycopg.Error, PoolTimeout):
                self._unended.append(unended)
            raise
