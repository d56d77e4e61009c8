"""Tables partitioned by UTC day: partitions are made ahead of time and dropped, whole, behind it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, LiteralString

import psycopg

ENSURE: LiteralString = "SELECT ensure_partition(%s::regclass, %s)"
DROP: LiteralString = "SELECT drop_partitions_before(%s::regclass, %s)"


def ensure(conn: psycopg.Connection[Any], table: str, days_ahead: int = 7, days_back: int = 0) -> None:
    """Makes the partitions from `days_back` days ago to `days_ahead` days ahead, where they are missing."""
    today = _today()
    for offset in range(-days_back, days_ahead + 1):
        conn.execute(ENSURE, (table, today + timedelta(days=offset)))


def drop_older(conn: psycopg.Connection[Any], table: str, days: int) -> int:
    """Drops every partition that lies wholly more than `days` days ago. Returns how many."""
    row = conn.execute(DROP, (table, _today() - timedelta(days=days))).fetchone()
    return int(row[0]) if row else 0


def _today() -> date:
    return datetime.now(UTC).date()
