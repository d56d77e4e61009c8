"""What is past retention goes by whole months: what was counted goes with what it was counted from."""

from datetime import date, timedelta
from itertools import groupby
from typing import Any

import psycopg

from services.graphql_api.acqi import queries
from shared.database import set_tenant


def expire(conn: psycopg.Connection[Any], days: int) -> None:
    """Months that ended at least `days` ago, each tenant's in a transaction of their own. Locks are taken in the order of counting."""
    while expired := set(conn.execute(queries.EXPIRED_MONTHS, {"days": days}).fetchall()):
        conn.commit()
        for tenant_id, months in groupby(sorted(expired), key=lambda row: row[0]):
            set_tenant(conn, tenant_id)
            _forget(conn, tenant_id, [month for _, month in months])
            conn.commit()


def _forget(conn: psycopg.Connection[Any], tenant_id: str, months: list[date]) -> None:
    for month in months:
        conn.execute(queries.LOCK_MONTH_ALONE, (tenant_id, str(month)))
    conn.execute(queries.LOCK_FACTS, (tenant_id, months[0], _after(months[-1]), months))
    for statement in (queries.FORGET_FACTS, queries.FORGET_MONTH):
        for month in months:
            conn.execute(statement, (tenant_id, month, _after(month)))
    conn.execute(queries.BUMP_VERSION, (tenant_id,))


def _after(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)
