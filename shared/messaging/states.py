"""Finds and lowers impossible versions of states that a consumer stores, so that the next announcement is applied.

Consumers refuse such versions now. But one that was stored before this check, or under a wrong clock, would block every genuine change
until its time comes.
"""

from collections.abc import Iterator
from typing import Any, LiteralString, NamedTuple

import psycopg

from shared.messaging.authenticity import highest_version
from shared.messaging.messages import TIMED, Versioned
from shared.storage import audit
from shared.web.identity import Caller

PORTION = 500
OPERATOR = "operator"


class Ahead(NamedTuple):
    """A stored version that is impossibly high."""

    tenant_id: str
    id: str
    version: int


def bound_of(table: Versioned, counted: int | None = None) -> int:
    """The highest possible version; `counted` is the operator's bound for versions that count changes."""
    highest = highest_version(table.kind)
    return highest if counted is None or table.kind in TIMED else min(highest, counted)


def ahead(conn: psycopg.Connection[Any], table: Versioned, counted: int | None = None) -> Iterator[list[Ahead]]:
    """All such versions of one table, in portions in the order of their keys. `conn` needs a role that sees every tenant."""
    after = ("", "")
    bound = bound_of(table, counted)
    find: LiteralString = f"""
        SELECT tenant_id, {table.id}, version FROM {table.name}
        WHERE (tenant_id, {table.id}) > (%s, %s) AND version > %s ORDER BY tenant_id, {table.id} LIMIT %s
    """  # noqa: S608 - constants of this code alone
    while rows := conn.execute(find, (*after, bound, PORTION)).fetchall():
        found = [Ahead(*row) for row in rows]
        yield found
        after = found[-1][:2]


def heal(conn: psycopg.Connection[Any], table: Versioned, found: list[Ahead], counted: int | None = None) -> int:
    """Lowers them to 0, as if no announcement had come yet, with an audit entry for each tenant. Returns the number lowered.

    A version that an announcement replaced in the meantime stays. `conn` must be in autocommit mode.
    """
    bound = bound_of(table, counted)
    lower: LiteralString = f"""
        WITH lowered AS (
            UPDATE {table.name} SET version = 0
            WHERE (tenant_id, {table.id}) IN (SELECT * FROM unnest(%s::text[], %s::text[])) AND version > %s
            RETURNING tenant_id
        )
        SELECT tenant_id, count(*) FROM lowered GROUP BY tenant_id
    """  # noqa: S608 - constants of this code alone
    with conn.transaction():
        columns = [one.tenant_id for one in found], [one.id for one in found]
        lowered = conn.execute(lower, (*columns, bound)).fetchall()
        for tenant_id, count in lowered:
            caller = Caller(tenant_id=tenant_id, client_id=OPERATOR)
            conn.execute(audit.RECORD, audit.entry(caller, "states.healed", tenant_id, {table.name: count}))
    return sum(count for _, count in lowered)
