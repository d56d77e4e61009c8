"""The audit trail: who read or changed which record, through which app, in which trace. Append-only, chained by hash.

Rows are written unsealed; `seal` chains them every second. Each seal's hash covers the row and the hash before it, so that a row
changed, removed or slipped in breaks every later seal.
"""

import hashlib
import hmac
from typing import Any, LiteralString
from uuid import UUID

import msgspec
import psycopg

from shared import ids, tracing
from shared.database import AsyncConnection
from shared.identity import Caller

RECORD: LiteralString = """
    INSERT INTO audit (id, tenant_id, client_id, actor, action, subject_id, detail, trace_id)
    VALUES (%s, %s, %s, %s, %s, %s, %s::jsonb, %s)
"""
LAST: LiteralString = "SELECT position, hash FROM audit_seals ORDER BY position DESC LIMIT 1"
UNSEALED: LiteralString = """
    WITH taken AS (
        DELETE FROM audit_unsealed WHERE audit_id IN (SELECT audit_id FROM audit_unsealed ORDER BY audit_id LIMIT 1000)
        RETURNING audit_id
    )
    SELECT a.id, a.tenant_id, to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'),
        a.client_id, a.actor, a.action, a.subject_id, a.detail::text, a.trace_id
    FROM taken JOIN audit a ON a.id = taken.audit_id ORDER BY a.id
"""
SEAL: LiteralString = "INSERT INTO audit_seals (position, audit_id, tenant_id, hash) VALUES (%s, %s, %s, %s)"
CHAIN: LiteralString = """
    SELECT s.position, s.hash, a.id, a.tenant_id, to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'),
        a.client_id, a.actor, a.action, a.subject_id, a.detail::text, a.trace_id
    FROM audit_seals s LEFT JOIN audit a ON a.id = s.audit_id WHERE s.position > %s ORDER BY s.position LIMIT 1000
"""
SEALED: LiteralString = "SELECT hash FROM audit_seals WHERE position = %s"
START = bytes(32)


async def record(
    conn: AsyncConnection, caller: Caller, action: str, subject_id: str, detail: dict[str, Any] | None = None
) -> None:
    """One line of the trail, in the transaction of what it tells of. `detail` names fields, never their personal values."""
    await conn.execute(RECORD, entry(caller, action, subject_id, detail))


def entry(caller: Caller, action: str, subject_id: str, detail: dict[str, Any] | None = None) -> tuple[Any, ...]:
    """The parameters of `RECORD`, for tasks and commands."""
    text = msgspec.json.encode(detail or {}).decode()
    return ids.uuid7(), caller.tenant_id, caller.client_id, caller.subject, action, subject_id, text, tracing.trace_id()


def seal(conn: psycopg.Connection[Any]) -> int:
    """Chains what was written since; run it alone, under a lock. Returns how many rows it sealed."""
    position, last = conn.execute(LAST).fetchone() or (0, START)
    rows = conn.execute(UNSEALED).fetchall()
    seals: list[tuple[int, UUID, str, bytes]] = []
    for row in rows:
        position, last = position + 1, _hash(last, row)
        seals.append((position, row[0], row[1], last))
    if seals:
        with conn.cursor() as cursor:
            cursor.executemany(SEAL, seals)
    return len(seals)


def verify(conn: psycopg.Connection[Any]) -> tuple[int, int | None]:
    """Walks the chain: how many seals hold, and the position of the first that does not (None when all do)."""
    position, last = 0, START
    while rows := conn.execute(CHAIN, (position,)).fetchall():
        for number, sealed, *row in rows:
            last = _hash(last, row)
            if number != position + 1 or row[0] is None or not hmac.compare_digest(last, bytes(sealed)):
                return position, position + 1
            position = number
    return position, None


def head(conn: psycopg.Connection[Any]) -> str:
    """`<position>:<hash>` of the newest seal: kept outside, it shows later whether the end of the chain was cut off."""
    position, last = conn.execute(LAST).fetchone() or (0, START)
    return f"{position}:{bytes(last).hex()}"


def holds(conn: psycopg.Connection[Any], kept: str) -> bool:
    """Whether a head that was kept is still part of the chain. Raises ValueError for anything that `head` did not give."""
    position, _, digest = kept.partition(":")
    row = conn.execute(SEALED, (int(position),)).fetchone()
    return row is not None and hmac.compare_digest(bytes(row[0]), bytes.fromhex(digest))


def _hash(previous: bytes, row: Any) -> bytes:
    return hashlib.sha256(
        previous + msgspec.json.encode([str(value) if value is not None else None for value in row])
    ).digest()
