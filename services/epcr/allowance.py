"""The bytes of records, outcomes and readings that an organisation may store: the deployment's number, or one that an operator set for it.

Each written version counts; the current row, a copy of the newest, does not. A linked reading counts as `READING` bytes. A write, or a
batch of readings, adds a row of its own, and the relay adds the rows up, so that no write waits for another. A request counts the sum
and up to `RECENT` of the tenant's rows. An organisation therefore exceeds its allowance by the writes that are in progress at that
moment, and by those beyond `RECENT` that no relay has added up. Readings are never refused here: `max_readings` of each encounter ends
them where no encounter begins.
"""

import time
from typing import Any, LiteralString

import psycopg

from services.epcr import metrics
from shared.storage import caps
from shared.storage.caps import Cap, refusal
from shared.storage.database import AsyncConnection, Connection, set_tenant

NAME = "stored_bytes"
THINGS = "bytes of records"
RECENT, PORTION = 1000, 5000
# Of one reading with its part of the indexes, about.
READING = 400
SECONDS = 1.0
# An encounter that has begun is written on for a while: no patient's record ends because of others.
RESERVE = 0.1
USED: LiteralString = """
    SELECT coalesce((SELECT most FROM tenant_limits WHERE tenant_id = current_tenant() AND name = 'stored_bytes'), %(most)s),
        coalesce((SELECT bytes FROM stored_bytes WHERE tenant_id = current_tenant()), 0) + (
            SELECT coalesce(sum(bytes), 0)
            FROM (SELECT bytes FROM stored_bytes_added WHERE tenant_id = current_tenant() LIMIT %(recent)s) recent
        )
"""
ADD_UP: LiteralString = """
    WITH portion AS (
        DELETE FROM stored_bytes_added WHERE id = ANY (ARRAY(
            SELECT id FROM stored_bytes_added ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
        )) RETURNING tenant_id, bytes
    ), added AS (
        INSERT INTO stored_bytes AS s (tenant_id, bytes)
        SELECT tenant_id, sum(bytes) FROM portion GROUP BY tenant_id
        ON CONFLICT (tenant_id) DO UPDATE SET bytes = s.bytes + excluded.bytes
    )
    SELECT count(*) FROM portion
"""
FULLEST: LiteralString = """
    SELECT coalesce(max(s.bytes / greatest(coalesce(l.most, %s), 1)::float8), 0)
    FROM stored_bytes s LEFT JOIN tenant_limits l ON l.tenant_id = s.tenant_id AND l.name = 'stored_bytes'
"""


async def require_room(conn: AsyncConnection, most: int, *, begins: bool = False) -> None:
    """Raises a 409 Problem `limit-reached` where the tenant has used its allowance; `most` is the deployment's.

    Unless it `begins` an encounter, a write may use the reserve of a tenth beyond the allowance.
    """
    allowed, used = await (await conn.execute(USED, {"most": most, "recent": RECENT})).fetchone() or (most, 0)
    if used >= (allowed if begins else allowed * (1 + RESERVE)):
        raise refusal(Cap(THINGS, allowed, instead="ask Knogin for more"))


def add_up(most: int, conn: Connection) -> None:
    """Adds the rows of writes to the sums, in portions that commit by themselves, and measures the fullest allowance.

    A run ends after `SECONDS`: other jobs of its lane wait for it, however fast the rows come.
    """
    until, full = time.monotonic() + SECONDS, True
    while full and time.monotonic() < until:
        (count,) = conn.execute(ADD_UP, (PORTION,)).fetchone() or (0,)
        full = count == PORTION
        conn.commit()
    (ratio,) = conn.execute(FULLEST, (most,)).fetchone() or (0,)
    metrics.fullest_allowance.set(ratio)


def set_limit(conn: psycopg.Connection[Any], tenant_id: str, most: int | None) -> None:
    """As `caps.set_limit`, in bytes."""
    caps.set_limit(conn, tenant_id, NAME, most)


def show(conn: psycopg.Connection[Any], tenant_id: str, most: int) -> tuple[int, int]:
    """The tenant's allowance and the bytes it uses; `most` is the deployment's."""
    with conn.transaction():
        set_tenant(conn, tenant_id)
        allowed, used = conn.execute(USED, {"most": most, "recent": RECENT}).fetchone() or (most, 0)
    return allowed, int(used)
