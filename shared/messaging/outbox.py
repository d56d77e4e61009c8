"""Messages to send: written in the transaction of their cause, sent by the relay, kept until the consumer acknowledges."""

from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import psycopg

from shared.messaging.messages import Message, consumer_of, name_of
from shared.primitives import ids
from shared.process import telemetry
from shared.storage.database import AsyncConnection, Connection
from shared.web import http

ADD: LiteralString = """
    INSERT INTO outbox (id, tenant_id, consumer, name, body, traceparent) VALUES (%s, %s, %s, %s, %s::jsonb, %s)
"""
# One portion of the table in the order of ids, which is the order of time. Returns the last id, and how many rows are sent again.
REPLAY: LiteralString = """
    WITH looked AS (
        SELECT id FROM outbox WHERE id > %(after)s ORDER BY id LIMIT %(portion)s
    ), again AS (
        UPDATE outbox SET acknowledged_at = NULL, attempts = 0, send_at = now()
        WHERE id = ANY (ARRAY(SELECT id FROM looked)) AND created_at >= %(since)s AND isfinite(created_at) AND acknowledged_at IS NOT NULL
        RETURNING 1
    )
    SELECT (SELECT id FROM looked ORDER BY id DESC LIMIT 1), (SELECT count(*) FROM again)
"""
PORTION = 10_000


async def add(conn: AsyncConnection, tenant_id: str, *messages: Message) -> None:
    """Adds messages for their consumers; they are sent if, and only if, this transaction commits."""
    if not messages:
        return
    async with conn.cursor() as cursor:
        await cursor.executemany(ADD, [row(tenant_id, message) for message in messages])
    conn.has_messages = True


def add_sync(conn: psycopg.Connection[Any], tenant_id: str, *messages: Message, traceparent: str | None = None) -> None:
    """The same in a task. `traceparent` is the messages' trace, if it is not the current one."""
    if not messages:
        return
    with conn.cursor() as cursor:
        cursor.executemany(ADD, [row(tenant_id, message, traceparent) for message in messages])
    if isinstance(conn, Connection):
        conn.has_messages = True


def row(tenant_id: str, message: Message, traceparent: str | None = None) -> tuple[Any, ...]:
    """The parameters of `ADD`, for callers that write many rows in their own statement."""
    body = http.encode(message).decode()
    return ids.uuid7(), tenant_id, consumer_of(message), name_of(message), body, traceparent or telemetry.traceparent()


def replay(conn: psycopg.Connection[Any], since: datetime) -> int:
    """Marks acknowledged messages written since `since` to be sent again, each portion in its own transaction.

    Returns the number of messages."""
    after, total = UUID(int=0), 0
    while True:
        parameters = {"after": after, "since": since, "portion": PORTION}
        end, number = conn.execute(REPLAY, parameters).fetchone() or (None, 0)
        conn.commit()
        total += number
        if end is None:
            return total
        after = end
