"""Whole months of facts and aggregates: rebuilt while counting goes on, and deleted together after retention."""

import logging
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import msgspec
import psycopg
from psycopg_pool import ConnectionPool

from services.graphql_api.acqi import queries
from services.graphql_api.acqi.counting import Tallies, add, add_tallies, as_texts, decode_facts
from services.graphql_api.acqi.indicators import judgements, outcomes_of, reasons_of
from shared.process import metrics
from shared.storage.database import Connection, set_tenant
from shared.storage.jobs import PASS_SECONDS, QUICK_SECONDS, REST

AT_ONCE = 1_000
PORTION = 5_000
# Tenants of whose facts PostgreSQL did not delete a portion in time, with the number for the next one.
_most: dict[str, int] = {}
log = logging.getLogger(__name__)
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
            # Adds these encounters to the tallies, and stores the outcomes and reasons that have changed.
            changed: list[tuple[str, str, str, str]] = []
            for encounter_id, text, before, reasons_before, is_first in rows:
                facts = decode_facts(text)
                found = judgements(facts, is_first=is_first)
                outcomes, reasons = outcomes_of(found), reasons_of(found)
                add(tallies, facts.day, outcomes, 1)
                if (msgspec.json.decode(before), msgspec.json.decode(reasons_before)) != (outcomes, reasons):
                    changed.append((*as_texts(outcomes, reasons), tenant_id, encounter_id))
            with conn.cursor() as cursor:
                cursor.executemany(queries.SET_OUTCOMES, changed)
    conn.execute(queries.FORGET_MONTH, (tenant_id, month, _after(month)))
    add_tallies(conn, tenant_id, tallies)
    conn.execute(queries.BUMP_VERSION, (tenant_id,))
    return read


def expire(conn: psycopg.Connection[Any], days: int, seconds: float = PASS_SECONDS) -> None:
    """Deletes the months that ended at least `days` ago, in portions of their facts that commit by themselves; the counts go last.

    Tenants take turns, one portion each, until nothing is left or the time is used; the next pass goes on. A tenant whose portion fails
    waits for the next pass, so that it holds up no other; after a time-out its portions are half as large, after a quick one
    twice as large again.
    """
    until, over, later = time.monotonic() + seconds, False, set[str]()
    while not over and (
        expired := [row for row in conn.execute(queries.EXPIRED_MONTHS, {"days": days}) if row[0] not in later]
    ):
        conn.commit()
        for tenant_id, month in expired:
            began = time.monotonic()
            try:
                if not _delete_portion(conn, tenant_id, month):
                    later.add(tenant_id)
                conn.commit()
            except psycopg.Error as error:
                conn.rollback()
                later.add(tenant_id)
                if isinstance(error, psycopg.errors.QueryCanceled):
                    _most[tenant_id] = max(1, _most.get(tenant_id, PORTION) // 2)
                log.warning("the month %s waits for the next pass: %s", month, type(error).__name__)
            over = time.monotonic() >= until
            if over:
                break
            time.sleep(REST * (time.monotonic() - began))
    for (overdue,) in conn.execute(queries.FACTS_OVERDUE, {"days": days}):
        metrics.retention_overdue.labels("acqi_facts").set(max(0.0, overdue or 0.0))


def _delete_portion(conn: psycopg.Connection[Any], tenant_id: str, month: date) -> bool:
    """Returns False if it deleted nothing, because counting holds all facts that are left."""
    set_tenant(conn, tenant_id)
    conn.execute(queries.LOCK_MONTH_ALONE, (tenant_id, str(month)))
    of_month = (tenant_id, month, _after(month))
    most, began = _most.get(tenant_id, PORTION), time.monotonic()
    deleted = conn.execute(queries.FORGET_FACTS, (*of_month, most)).rowcount
    if deleted == most < PORTION and time.monotonic() - began < QUICK_SECONDS:
        _most[tenant_id] = min(2 * most, PORTION)
    if conn.execute(queries.HAS_FACTS, of_month).fetchone() == (True,):
        return deleted > 0
    conn.execute(queries.FORGET_MONTH, of_month)
    conn.execute(queries.BUMP_VERSION, (tenant_id,))
    return True


def _after(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)
