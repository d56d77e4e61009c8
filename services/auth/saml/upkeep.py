"""Proven domains are looked at again each day: one whose record is gone for a week is proven no more, since it may be another's by then."""

import asyncio
from datetime import timedelta
from typing import Any, LiteralString

import msgspec
from psycopg.rows import class_row

from services.auth.activity import ADD_EVENT
from services.auth.saml import domains, metrics
from services.auth.saml.domains import Resolver
from services.auth.tenants.operations import SCHEDULE, record
from shared import ids, tracing
from shared.database import Connection

AGAIN = timedelta(days=1)
# A server that does not answer says nothing of the record, and is asked again sooner.
AGAIN_UNANSWERED = timedelta(hours=1)
PATIENCE = timedelta(days=7)
PORTION = 20

TAKE: LiteralString = """
    SELECT tenant_id, domain, connection_id, token, missing_since IS NOT NULL AS is_missing,
        missing_since < clock_timestamp() - %s AS is_over
    FROM saml_domains WHERE verified_at IS NOT NULL AND coalesce(checked_at, verified_at) < clock_timestamp() - %s
    ORDER BY coalesce(checked_at, verified_at) LIMIT %s FOR UPDATE SKIP LOCKED
"""
SEEN: LiteralString = """
    UPDATE saml_domains SET checked_at = clock_timestamp(), missing_since = NULL WHERE tenant_id = %s AND domain = %s
"""
UNANSWERED: LiteralString = """
    UPDATE saml_domains SET checked_at = clock_timestamp() - %s + %s WHERE tenant_id = %s AND domain = %s
"""
MISSING: LiteralString = """
    UPDATE saml_domains SET checked_at = clock_timestamp(), missing_since = coalesce(missing_since, clock_timestamp())
    WHERE tenant_id = %s AND domain = %s
"""
UNPROVE: LiteralString = """
    UPDATE saml_domains SET verified_at = NULL, checked_at = NULL, missing_since = NULL WHERE tenant_id = %s AND domain = %s
"""
COUNT_MISSING: LiteralString = "SELECT count(*) FROM saml_domains WHERE missing_since IS NOT NULL"


class Proven(msgspec.Struct, frozen=True, kw_only=True):
    """A domain whose turn it is. `is_missing` since the last look at least, `is_over` for longer than we wait."""

    tenant_id: str
    domain: str
    connection_id: str
    token: str
    is_missing: bool
    is_over: bool | None


def look_again(conn: Connection, resolver: Resolver) -> None:
    """One portion. The names are asked for all at once, so that slow servers hold the transaction for seconds at most."""
    with conn.cursor(row_factory=class_row(Proven)) as cursor:
        due = cursor.execute(TAKE, (PATIENCE, AGAIN, PORTION)).fetchall()
    for one, is_there in zip(due, asyncio.run(_ask(resolver, due)), strict=True):
        _settle(conn, one, is_there)
    counted = conn.execute(COUNT_MISSING).fetchone()
    metrics.domains_missing.set(counted[0] if counted is not None else 0)


async def _ask(resolver: Resolver, due: list[Proven]) -> list[bool | None]:
    return await asyncio.gather(*(_is_there(resolver, one) for one in due))


async def _is_there(resolver: Resolver, one: Proven) -> bool | None:
    """None where nobody answers."""
    try:
        return await domains.is_proven(resolver, one.domain, one.token)
    except domains.Unanswered:
        return None


def _settle(conn: Connection, one: Proven, is_there: bool | None) -> None:
    key = (one.tenant_id, one.domain)
    if is_there is None:
        conn.execute(UNANSWERED, (AGAIN, AGAIN_UNANSWERED, *key))
    elif is_there:
        conn.execute(SEEN, key)
    elif one.is_over:
        conn.execute(UNPROVE, key)
        _tell(
            conn,
            one,
            "domain_unproven",
            "its DNS record has been gone for a week; publish it and prove the domain anew",
        )
    else:
        conn.execute(MISSING, key)
        if not one.is_missing:
            _tell(conn, one, "domain_record_missing", "its DNS record is gone; in a week the domain is proven no more")


def _tell(conn: Connection, one: Proven, kind: str, why: str) -> None:
    """In the connection's events, where its administrator looks, and in the trail."""
    detail: dict[str, Any] = {"domain": one.domain}
    record(conn, one.tenant_id, f"saml.{kind}", one.connection_id, detail, by=SCHEDULE)
    event = (ids.new_id("aev"), one.tenant_id, one.connection_id)
    now = conn.execute("SELECT clock_timestamp()").fetchone()
    assert now is not None
    conn.execute(ADD_EVENT, (*event, now[0], kind, f"{one.domain}: {why}", tracing.trace_id()))
