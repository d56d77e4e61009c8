"""Messages whose effect keeps failing. After the fifth failure a message becomes a dead letter with the reason, and blocks no other."""

import logging
from datetime import UTC, datetime
from typing import LiteralString

import msgspec
import psycopg
from psycopg_pool import ConnectionPool

from shared.messaging.authenticity import Envelope
from shared.process import logs, metrics
from shared.storage.database import Connection, task_transaction
from shared.storage.outages import is_outage

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
    RETURNING message_id, tenant_id, occurred_at, traceparent, coalesce(body ->> 'as_text', body::text)
"""
FORGET: LiteralString = "DELETE FROM failures WHERE message_id = %s::uuid"
log = logging.getLogger(__name__)


class _Named(msgspec.Struct):
    name: str


def count_failure(pool: ConnectionPool[Connection], producer: str, envelope: Envelope, error: Exception) -> bool:
    """True if this was the last try: the message is now a dead letter, and is acknowledged like any other."""
    reason = logs.describe(error)
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
        added = conn.execute(ADD, _row(producer, _as_text(envelope), reason)).rowcount
    if added:
        conn.after_commit(metrics.dead_letters.labels("any").inc)
        conn.after_commit(lambda: log.error("dead letter %s from %s: %s", envelope.id, producer, reason))


def _row(producer: str, envelope: Envelope, reason: str) -> tuple[object, ...]:
    body = bytes(envelope.body).decode()
    return envelope.id, envelope.tenant_id, producer, body, body, envelope.traceparent, envelope.occurred_at, reason


def _as_text(envelope: Envelope) -> Envelope:
    """The message with its JSON as one string, since `jsonb` has neither U+0000 nor every number. It died at about the time of now."""
    text = bytes(envelope.body).decode()
    body = {"name": msgspec.json.decode(text, type=_Named).name, "as_text": text}
    return Envelope(envelope.id, envelope.tenant_id, datetime.now(UTC), None, msgspec.Raw(msgspec.json.encode(body)))


def newest(pool: ConnectionPool[Connection], limit: int) -> list[tuple[str, ...]]:
    """Id, tenant, producer, name, error and time of the newest dead letters."""
    with task_transaction(pool) as conn:
        return conn.execute(LIST, (limit,)).fetchall()


def take(conn: Connection, message_id: str) -> Envelope | None:
    """Removes one dead letter and returns it, in the transaction that then applies its effect."""
    row = conn.execute(TAKE, (message_id,)).fetchone()
    conn.execute(FORGET, (message_id,))
    if row is None:
        return None
    found, tenant_id, occurred_at, traceparent, body = row
    return Envelope(found, tenant_id, occurred_at, traceparent, msgspec.Raw(body.encode()))
