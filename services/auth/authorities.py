"""Notifies control-plane of ended grants, tokens, consents and roles, on which automations rest. Triggers write the rows."""

import time
from datetime import datetime
from itertools import groupby
from typing import LiteralString

import msgspec
from psycopg.rows import class_row

from services.auth import metrics
from shared.messaging import outbox
from shared.messaging.messages import AuthorityEnded
from shared.storage.database import Connection, set_tenant
from shared.storage.turns import tenants_of

PORTION = 500
SHARE = 100
"""Rows of one tenant in a portion."""
SECONDS = 1.0
# A portion: the first row of each tenant before the second of any. Another relay may take rows of the same portion; each is deleted once.
TAKE: LiteralString = (
    tenants_of("ended_authorities")  # noqa: S608 (from constants of the code)
    + """, numbered AS (
        SELECT one.id, row_number() OVER (PARTITION BY t.tenant_id ORDER BY one.id) AS place
        FROM tenants t CROSS JOIN LATERAL (
            SELECT e.id FROM ended_authorities e WHERE e.tenant_id = t.tenant_id ORDER BY e.id LIMIT %(share)s) AS one
    )
    DELETE FROM ended_authorities WHERE id = ANY (ARRAY(SELECT id FROM numbered ORDER BY place, id LIMIT %(portion)s))
    RETURNING tenant_id, grant_id, user_id, client_id, scopes_left, ended_at
"""
)
# The table is mostly empty, so that the planner knows nothing of a crowd in it and would sort all rows of a tenant for each portion.
BY_INDEX: LiteralString = """
    SELECT set_config(name, 'off', true) FROM unnest(ARRAY['enable_seqscan', 'enable_bitmapscan', 'enable_sort']) AS name
"""
OLDEST: LiteralString = """
    SELECT extract(epoch FROM clock_timestamp() - ended_at)::float8 FROM ended_authorities ORDER BY id LIMIT 1
"""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `ended_authorities`."""

    tenant_id: str
    grant_id: str | None
    user_id: str | None
    client_id: str | None
    scopes_left: list[str] | None
    ended_at: datetime


def send_ended(conn: Connection, seconds: float = SECONDS) -> None:
    """Sends portions, one at least, until the time is used or no row is left. Each is a transaction of its own."""
    until = time.monotonic() + seconds
    while _send(conn) and time.monotonic() < until:
        pass
    oldest = conn.execute(OLDEST).fetchone()
    metrics.oldest_ended_authority.set(max(0.0, oldest[0]) if oldest is not None else 0)
    conn.commit()


def _send(conn: Connection) -> int:
    conn.execute(BY_INDEX)
    with conn.cursor(row_factory=class_row(Ended)) as cursor:
        ended = cursor.execute(TAKE, {"share": SHARE, "portion": PORTION}).fetchall()
    ended.sort(key=lambda one: (one.tenant_id, one.ended_at))
    for tenant_id, theirs in groupby(ended, key=lambda one: one.tenant_id):
        set_tenant(conn, tenant_id)
        notices = (
            AuthorityEnded(
                grant_id=one.grant_id,
                user_id=one.user_id,
                client_id=one.client_id,
                scopes_left=one.scopes_left,
                ended_at=one.ended_at,
            )
            for one in theirs
        )
        outbox.add_sync(conn, tenant_id, *notices)
    conn.commit()
    return len(ended)
