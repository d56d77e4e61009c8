"""Tables partitioned by UTC day: partitions are made ahead of time, and whole partitions are dropped after their retention."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, LiteralString

import psycopg
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from shared.storage.database import AsyncConnection, Connection

ENSURE: LiteralString = "SELECT ensure_partition(%s::regclass, %s)"
ENSURE_AROUND_TODAY: LiteralString = (
    "SELECT ensure_partitions_around_today(name::regclass) FROM unnest(%s::text[]) AS name"
)
DROP: LiteralString = "SELECT drop_partitions_before(%s::regclass, %s)"


class Daily:
    """Makes the partitions from 8 days ago to 8 days ahead before a process first writes on a day, in a separate transaction.

    The relay also makes them each hour; so writes continue while it is down. These are the same partitions, so retention drops them.
    A default partition instead would never be dropped, and would block the creation of the day's partition.
    """

    def __init__(self, *tables: str) -> None:
        self._tables = list(tables)
        self._ready: date | None = None

    async def ensure(self, pool: AsyncConnectionPool[AsyncConnection]) -> None:
        today = _today()
        if self._ready != today:
            async with pool.connection() as conn:
                await conn.execute(ENSURE_AROUND_TODAY, (self._tables,))
            self._ready = today

    async def ensure_over(self, conn: AsyncConnection) -> None:
        """The same over a connection in autocommit mode."""
        today = _today()
        if self._ready != today:
            await conn.execute(ENSURE_AROUND_TODAY, (self._tables,))
            self._ready = today

    def ensure_sync(self, pool: ConnectionPool[Connection]) -> None:
        """The same for tasks."""
        today = _today()
        if self._ready != today:
            with pool.connection() as conn:
                conn.execute(ENSURE_AROUND_TODAY, (self._tables,))
            self._ready = today


def ensure(conn: psycopg.Connection[Any], table: str, days_ahead: int = 7, days_back: int = 0) -> None:
    """Makes the partitions from `days_back` days ago to `days_ahead` days ahead, where they are missing."""
    today = _today()
    for offset in range(-days_back, days_ahead + 1):
        conn.execute(ENSURE, (table, today + timedelta(days=offset)))


def drop_older(conn: psycopg.Connection[Any], table: str, days: int) -> int:
    """Drops every partition whose whole day is more than `days` days ago. Returns the number dropped."""
    row = conn.execute(DROP, (table, _today() - timedelta(days=days))).fetchone()
    return int(row[0]) if row else 0


def _today() -> date:
    return datetime.now(UTC).date()
