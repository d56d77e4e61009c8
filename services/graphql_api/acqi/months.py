"""Whole months of facts and aggregates: rebuilt while counting goes on, and deleted together after retention."""

from collections.abc import Callable
from datetime import date, timedelta
from itertools import groupby
from typing import Any

import msgspec
import psycopg
from psycopg_pool import ConnectionPool

from services.graphql_api.acqi import queries
from services.graphql_api.acqi.counting import Tallies, add, add_tallies, decode_facts
from services.graphql_api.acqi.indicators import contributions
from shared.storage.database import Connection, set_tenant

AT_ONCE = 1_000
Progress = Callable[[str, date, int], None]


def rebuild(pool: ConnectionPool[Connection], tenant_id: str | None, progress: Progress) -> int:
    """Rebuilds every month of one tenant, or of all, and calls `progress` after each month. Returns the number of encounters."""
    with pool.connection() as conn:
        rows = conn.execute(queries.MONTHS_WITH_FACTS, {"tenant_id": tenant_id}).fetchall()
    total = 0
    for tenant, month in sorted({(tenant, month) for tenant, month, _ in rows}):
        with pool.connection() as conn:
            read = rebuild_month(conn, tenant, month)
        total += read
        progress(tenant, month, read)
    return total


def rebuild_month(conn: psycopg.Connection[Any], tenant_id: str, month: date) -> int:
    """Rebuilds one month in one transaction. Counting into this month waits for it, into other months does not."""
    conn.execute("SET LOCAL statement_timeout = 0")
    conn.execute("SET LOCAL lock_timeout = '60s'")
    set_tenant(conn, tenant_id)
    conn.execute(queries.LOCK_MONTH_ALONE, (tenant_id, str(month)))
    tallies: Tallies = {}
    read = 0
    with conn.cursor("facts_of_month") as facts_of_month:
        facts_of_month.itersize = AT_ONCE
        facts_of_month.execute(queries.FACTS_OF_MONTH, (tenant_id, month, _after(month)))
        while rows := facts_of_month.fetchmany(AT_ONCE):
            read += len(rows)
            # Adds these encounters to the tallies, and stores the outcomes that have changed.
            changed: list[tuple[str, str, str]] = []
            for encounter_id, text, before in rows:
                facts = decode_facts(text)
                outcomes = contributions(facts)
                add(tallies, facts.day, outcomes, 1)
                if msgspec.json.decode(before) != outcomes:
                    changed.append((msgspec.json.encode(outcomes).decode(), tenant_id, encounter_id))
            with conn.cursor() as cursor:
                cursor.executemany(queries.SET_OUTCOMES, changed)
    conn.execute(queries.FORGET_MONTH, (tenant_id, month, _after(month)))
    add_tallies(conn, tenant_id, tallies)
    conn.execute(queries.BUMP_VERSION, (tenant_id,))
    return read


def expire(conn: psycopg.Connection[Any], days: int) -> None:
    """Deletes the months that ended at least `days` ago: one transaction per tenant, with locks in the order of counting."""
    while expired := set(conn.execute(queries.EXPIRED_MONTHS, {"days": days}).fetchall()):
        conn.commit()
        for tenant_id, months in groupby(sorted(expired), key=lambda row: row[0]):
            set_tenant(conn, tenant_id)
            _delete(conn, tenant_id, [month for _, month in months])
            conn.commit()


def _delete(conn: psycopg.Connection[Any], tenant_id: str, months: list[date]) -> None:
    for month in months:
        conn.execute(queries.LOCK_MONTH_ALONE, (tenant_id, str(month)))
    conn.execute(queries.LOCK_FACTS, (tenant_id, months[0], _after(months[-1]), months))
    for statement in (queries.FORGET_FACTS, queries.FORGET_MONTH):
        for month in months:
            conn.execute(statement, (tenant_id, month, _after(month)))
    conn.execute(queries.BUMP_VERSION, (tenant_id,))


def _after(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)
