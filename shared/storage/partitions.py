"""Tables partitioned by UTC day: partitions are made ahead of time, and whole partitions are dropped after their retention."""

import time
from datetime import UTC, date, datetime, timedelta
from typing import Any, LiteralString

import psycopg
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from shared.process import metrics
from shared.storage.database import AsyncConnection, Connection

ENSURE: LiteralString = "SELECT ensure_partition(%s::regclass, %s)"
# Leaves a table alone whose partition of today exists: to make another would wait for every query of the table, and all others behind it.
ENSURE_TODAY: LiteralString = """
    SELECT ensure_partitions_around_today(name::regclass) FROM unnest(%s::text[]) AS name
    WHERE to_regclass(name || to_char(now() AT TIME ZONE 'UTC', '"_"YYYYMMDD')) IS NULL
"""
DROP: LiteralString = "SELECT drop_partitions_before(%s::regclass, %s)"
OLDEST: LiteralString = """
    SELECT to_date(right(min(c.relname::text COLLATE "C"), 8), 'YYYYMMDD') FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = %s::regclass AND c.relname ~ '_[0-9]{8}$'
"""
NOW: LiteralString = "SELECT now()"
# To make or drop a partition needs the whole table for a moment. While a long query reads it, everybody else waits behind that wish.
BRIEFLY: LiteralString = "SET LOCAL lock_timeout = '100ms'"
TRIES = 10
PAUSE_SECONDS = 0.2


class Daily:
    """Makes the partitions around today before a process first writes on a day, in a separate transaction, where the relay has not.

    The relay makes 8 days ahead each hour, so only after 8 days without it is today's missing; writes continue even then.
    A default partition instead would never be dropped, and would block the creation of the day's partition.
    """

    def __init__(self, *tables: str) -> None:
        self._tables = list(tables)
        self._ready: date | None = None

    async def ensure(self, pool: AsyncConnectionPool[AsyncConnection]) -> None:
        today = _today()
        if self._ready != today:
            async with pool.connection() as conn:
                await conn.execute(ENSURE_TODAY, (self._tables,))
            self._ready = today

    async def ensure_over(self, conn: AsyncConnection) -> None:
        """The same over a connection in autocommit mode."""
        today = _today()
        if self._ready != today:
            await conn.execute(ENSURE_TODAY, (self._tables,))
            self._ready = today

    def ensure_sync(self, pool: ConnectionPool[Connection]) -> None:
        """The same for tasks."""
        today = _today()
        if self._ready != today:
            with pool.connection() as conn:
                conn.execute(ENSURE_TODAY, (self._tables,))
            self._ready = today


def ensure(conn: psycopg.Connection[Any], table: str, days_ahead: int = 7, days_back: int = 0) -> None:
    """Makes the partitions from `days_back` days ago to `days_ahead` days ahead, where they are missing.

    Commits, and leaves a day for the next call if it cannot have the table for a moment.
    """
    today = now(conn).date()
    for offset in range(-days_back, days_ahead + 1):
        _briefly(conn, ENSURE, (table, today + timedelta(days=offset)))


def drop_older(conn: psycopg.Connection[Any], table: str, days: int) -> int:
    """Drops every partition whose whole day is more than `days` days ago. Returns the number dropped.

    Commits before and after each, and leaves the rest for the next call if it cannot have the table for a moment.
    """
    before, dropped = now(conn).date() - timedelta(days=days), 0
    while (oldest := _oldest(conn, table)) is not None and oldest < before:
        if not _briefly(conn, DROP, (table, oldest + timedelta(days=1))):
            break
        dropped += 1
    measure(conn, table, days)
    return dropped


def is_behind(conn: psycopg.Connection[Any], table: str, days: int) -> bool:
    """Whether `drop_older` left a partition for its next call."""
    oldest = _oldest(conn, table)
    return oldest is not None and oldest < now(conn).date() - timedelta(days=days)


def measure(conn: psycopg.Connection[Any], table: str, days: int) -> None:
    """Sets `retention_overdue_seconds`: for how long the oldest partition has been past `days` days."""
    oldest, overdue = _oldest(conn, table), 0.0
    if oldest is not None:
        until = datetime(oldest.year, oldest.month, oldest.day, tzinfo=UTC) + timedelta(days=days + 1)
        overdue = max(0.0, (now(conn) - until).total_seconds())
    metrics.retention_overdue.labels(table).set(overdue)


def now(conn: psycopg.Connection[Any]) -> datetime:
    """The database's time. By its own clock a process that is a month ahead would drop a month too much."""
    row = conn.execute(NOW).fetchone()
    conn.commit()
    assert row is not None
    return row[0].astimezone(UTC)


def _oldest(conn: psycopg.Connection[Any], table: str) -> date | None:
    row = conn.execute(OLDEST, (table,)).fetchone()
    conn.commit()
    return row[0] if row else None


def _briefly(conn: psycopg.Connection[Any], statement: LiteralString, parameters: tuple[Any, ...]) -> bool:
    """Whether the statement, in a transaction of its own, got its locks in one of a few short tries."""
    conn.commit()
    for _ in range(TRIES):
        try:
            with conn.transaction():
                conn.execute(BRIEFLY)
                conn.execute(statement, parameters)
        except psycopg.errors.LockNotAvailable:
            time.sleep(PAUSE_SECONDS)
        else:
            return True
    return False


def _today() -> date:
    return datetime.now(UTC).date()
