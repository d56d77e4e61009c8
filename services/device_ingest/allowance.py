"""The observations that an organisation may store: the deployment's number, or one that an operator set for it.

The relay counts observations as it announces them, a second after they were written, and takes a day's number back when the day's
partition is dropped. The INSERT compares the count. An organisation therefore exceeds its allowance by the observations that it
sends before the next announcement.
"""

from datetime import timedelta
from typing import Any, LiteralString

import psycopg

from services.device_ingest import metrics
from shared.storage import caps, partitions
from shared.storage.caps import Cap, refusal
from shared.storage.database import AsyncConnection, Connection, set_tenant
from shared.web.problems import Problem

NAME = "observations"
PORTION = 5000
USED: LiteralString = """
    SELECT coalesce((SELECT most FROM tenant_limits WHERE tenant_id = current_tenant() AND name = 'observations'), %s),
        coalesce((SELECT observations FROM stored_observations WHERE tenant_id = current_tenant()), 0)
"""
FULLEST: LiteralString = """
    SELECT coalesce(max(s.observations / greatest(coalesce(l.most, %s), 1)::float8), 0)
    FROM stored_observations s LEFT JOIN tenant_limits l ON l.tenant_id = s.tenant_id AND l.name = 'observations'
"""
FORGET: LiteralString = """
    WITH dropped AS (
        DELETE FROM stored_by_day WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM stored_by_day WHERE day < %s ORDER BY day, tenant_id LIMIT %s FOR UPDATE
        )) RETURNING tenant_id, observations
    ), taken_back AS (
        UPDATE stored_observations s SET observations = greatest(0, s.observations - d.observations)
        FROM (SELECT tenant_id, sum(observations) AS observations FROM dropped GROUP BY tenant_id) d
        WHERE s.tenant_id = d.tenant_id
    )
    SELECT count(*) FROM dropped
"""


async def full(conn: AsyncConnection, most: int) -> Problem | None:
    """The 409 Problem `limit-reached` where the tenant has used its allowance; `most` is the deployment's."""
    allowed, used = await (await conn.execute(USED, (most,))).fetchone() or (most, 0)
    return refusal(Cap("observations", allowed, instead="ask Knogin for more")) if used >= allowed else None


def forget_days(conn: Connection, days: int) -> None:
    """Takes back the numbers of days that are past retention, in portions that commit by themselves."""
    before, count = partitions.now(conn).date() - timedelta(days=days), PORTION
    while count == PORTION:
        (count,) = conn.execute(FORGET, (before, PORTION)).fetchone() or (0,)
        conn.commit()


def measure(most: int, conn: Connection) -> None:
    (ratio,) = conn.execute(FULLEST, (most,)).fetchone() or (0,)
    metrics.fullest_allowance.set(ratio)


def set_limit(conn: psycopg.Connection[Any], tenant_id: str, most: int | None) -> None:
    """As `caps.set_limit`."""
    caps.set_limit(conn, tenant_id, NAME, most)


def show(conn: psycopg.Connection[Any], tenant_id: str, most: int) -> tuple[int, int]:
    """The tenant's allowance and the observations it stores; `most` is the deployment's."""
    with conn.transaction():
        set_tenant(conn, tenant_id)
        allowed, used = conn.execute(USED, (most,)).fetchone() or (most, 0)
    return allowed, used
