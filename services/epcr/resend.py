"""Sends the facts of finished encounters to the indicators again, in portions, while the service runs."""

import time
from collections.abc import Callable
from typing import Any, LiteralString

import psycopg

from shared.storage import audit
from shared.storage.database import set_tenant
from shared.web.identity import Caller

PORTION = 500
WAITING = 100
"""So few may be due before more are marked: late readings of others wait behind no more."""
LOOK_SECONDS = 1.0
# The next encounters of the tenant, and those of them that are finished. Facts that are due already go with their own mark, those that
# failed five times at once.
MARK: LiteralString = """
    WITH next AS (
        SELECT id, tenant_id, revision, status FROM encounters WHERE tenant_id = current_tenant() AND id > %s ORDER BY id LIMIT %s
    ), marked AS (
        INSERT INTO due_facts AS d (encounter_id, tenant_id, revision)
        SELECT id, tenant_id, revision FROM next WHERE status IN ('completed', 'handed_over')
        ON CONFLICT (encounter_id) DO UPDATE SET failures = 0, marked_at = clock_timestamp(), due_at = clock_timestamp()
            WHERE d.failures >= 5
    )
    SELECT max(id), count(*) FILTER (WHERE status IN ('completed', 'handed_over')) FROM next
"""
# Not those that failed five times, which wait for a day.
DUE: LiteralString = """
    SELECT count(*) FROM (
        SELECT FROM due_facts WHERE tenant_id = current_tenant() AND due_at < clock_timestamp() + interval '2 minutes' LIMIT %s) AS due
"""
Progress = Callable[[str, int], None]


def resend(
    conn: psycopg.Connection[Any],
    tenant_id: str,
    after: str,
    progress: Progress,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Marks the facts of each finished encounter of the tenant after that id as due; the relay sends them. Returns the number.

    Calls `progress` with the last id and the number so far after each portion, so that a run that ends goes on from there.
    """
    with conn.transaction():
        set_tenant(conn, tenant_id)
        operator = Caller(tenant_id=tenant_id, client_id="operator")
        conn.execute(audit.RECORD, audit.entry(operator, "facts.resent", tenant_id, {"after": after}))
    total = 0
    while True:
        with conn.transaction():
            set_tenant(conn, tenant_id)
            row = conn.execute(DUE, (WAITING,)).fetchone()
            due = int(row[0]) if row else 0
            last, count = (None, 0) if due >= WAITING else conn.execute(MARK, (after, PORTION)).fetchone() or (None, 0)
        if due >= WAITING:
            sleep(LOOK_SECONDS)
            continue
        if last is None:
            return total
        after, total = last, total + count
        progress(after, total)
