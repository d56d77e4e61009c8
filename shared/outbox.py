"""Messages out: written in the transaction of what they tell, sent by the relay, kept until the consumer acknowledges."""

import asyncio
import logging
from types import TracebackType
from typing import Any, LiteralString, Self

import psycopg
from redis import RedisError
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from shared import http, ids, tracing
from shared.broker import bell_key
from shared.database import AsyncConnection, Connection
from shared.messages import Message, consumer_of, name_of

ADD: LiteralString = """
    INSERT INTO outbox (id, tenant_id, consumer, name, body, traceparent) VALUES (%s, %s, %s, %s, %s::jsonb, %s)
"""
log = logging.getLogger(__name__)


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


class Bell:
    """Wakes this service's relay after a commit. Rings that come while one is under way become a single further one."""

    def __init__(self, redis_url: str, service: str) -> None:
        self._redis = Redis.from_url(redis_url, socket_connect_timeout=1, socket_timeout=1, retry=Retry(NoBackoff(), 0))
        self._key = bell_key(service)
        self._task: asyncio.Task[None] | None = None
        self._again = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            await self._task
        await self._redis.aclose()

    def ring(self) -> None:
        self._again = True
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._ring())

    async def _ring(self) -> None:
        while self._again:
            self._again = False
            try:
                async with self._redis.pipeline(transaction=False) as pipeline:
                    pipeline.lpush(self._key, "1")
                    pipeline.ltrim(self._key, 0, 0)
                    await pipeline.execute()
            except (RedisError, OSError) as error:
                # The relay polls as well: a bell not heard costs a second, never a message.
                log.debug("bell not rung: %s", type(error).__name__)
