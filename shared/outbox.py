"""Messages out: written in the transaction of what they tell, sent by the relay, kept until the consumer acknowledges."""

from typing import Any, LiteralString

import psycopg

from shared import http, ids, tracing
from shared.database import AsyncConnection, Connection
from shared.messages import Message, consumer_of, name_of

ADD: LiteralString = """
    INSERT INTO outbox (id, tenant_id, consumer, name, body, traceparent) VALUES (%s, %s, %s, %s, %s::jsonb, %s)
"""


async def add(conn: AsyncConnection, tenant_id: str, *messages: Message) -> None:
    """Leaves messages for their consumers; they go out if, and only if, this transaction commits."""
    if not messages:
        return
    async with conn.cursor() as cursor:
        await cursor.executemany(ADD, [row(tenant_id, message) for message in messages])
    conn.has_messages = True


def add_sync(conn: psycopg.Connection[Any], tenant_id: str, *messages: Message, traceparent: str | None = None) -> None:
    """The same in a task. `traceparent` is the trace the messages belong to, where it is not the current one."""
    if not messages:
        return
    with conn.cursor() as cursor:
        cursor.executemany(ADD, [row(tenant_id, message, traceparent) for message in messages])
    if isinstance(conn, Connection):
        conn.has_messages = True


def row(tenant_id: str, message: Message, traceparent: str | None = None) -> tuple[Any, ...]:
    """The parameters of `ADD`, for callers that write many rows in one statement of their own."""
    body = http.encode(message).decode()
    return ids.uuid7(), tenant_id, consumer_of(message), name_of(message), body, traceparent or tracing.traceparent()
