"""Aggregates made anew from the facts, month by month, while counting goes on."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import msgspec
import psycopg
from psycopg_pool import ConnectionPool

from services.graphql_api.acqi import queries, tally
from services.graphql_api.acqi.counting import add_tallies, decode_facts
from services.graphql_api.acqi.definitions import contributions
from services.graphql_api.acqi.tally import Tallies
from shared.database import Connection, set_tenant

AT_ONCE = 1_000
Progress = Callable[[str, date, int], None]


def rebuild(pool: ConnectionPool[Connection], tenant_id: str | None, progress: Progress) -> int:
    """Every month of one tenant, or of all; `progress` hears of each month done. Returns how many encounters were read."""
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
    """One month in one transaction; counting into that month waits for it, no other does."""
    conn.execute("SET LOCAL statement_timeout = 0")
    conn.execute("SET LOCAL lock_timeout = '60s'")
    set_tenant(conn, tenant_id)
    conn.execute(queries.LOCK_MONTH_ALONE, (tenant_id, str(month)))
    after = (month + timedelta(days=31)).replace(day=1)
    tallies: Tallies = {}
    read = 0
    with conn.cursor("facts_of_month") as facts_of_month:
        facts_of_month.itersize = AT_ONCE
        facts_of_month.execute(queries.FACTS_OF_MONTH, (tenant_id, month, after))
        while rows := facts_of_month.fetchmany(AT_ONCE):
            read += len(rows)
            _recount(conn, tenant_id, rows, tallies)
    conn.execute(queries.FORGET_MONTH, (tenant_id, month, after))
    add_tallies(conn, tenant_id, tallies)
    conn.execute(queries.BUMP_VERSION, (tenant_id,))
    return read


def _recount(conn: psycopg.Connection[Any], tenant_id: str, rows: list[tuple[str, str, str]], tallies: Tallies) -> None:
    """Counts these encounters in, and stores what each counts for where that has changed."""
    changed: list[tuple[str, str, str]] = []
    for encounter_id, text, before in rows:
        facts = decode_facts(text)
        outcomes = contributions(facts)
        tally.add(tallies, facts.day, outcomes, 1)
        if msgspec.json.decode(before) != outcomes:
            changed.append((msgspec.json.encode(outcomes).decode(), tenant_id, encounter_id))
    with conn.cursor() as cursor:
        cursor.executemany(queries.SET_OUTCOMES, changed)
