"""Compares the trail with its seals all the time: new entries each minute, and all of them each day, in portions of some seconds.

The state is one row (`audit_checks`). Organisations read its result for their own trail (`shared.trail`), alerts tell the operator.
"""

import logging
import time
from typing import LiteralString

import msgspec

from shared.process import metrics
from shared.storage import audit_check
from shared.storage.audit_check import Broken, Place
from shared.storage.database import Connection

SECONDS = 2.0
"""Of a run; the next one goes on."""
AGAIN_HOURS = 24
"""After so long a pass begins with the first entry again."""
BEGUN: LiteralString = """
    SELECT place::text, began_at < now() - make_interval(hours => %s) AND checked_at > began_at, checked_position, checked_hash
    FROM audit_checks
"""
KEEP: LiteralString = """
    INSERT INTO audit_checks (began_at, place) VALUES (now(), %(place)s::jsonb)
    ON CONFLICT (one) DO UPDATE SET place = excluded.place,
        began_at = CASE WHEN %(anew)s THEN now() ELSE audit_checks.began_at END
"""
HELD: LiteralString = """
    UPDATE audit_checks SET checked_at = clock_timestamp(), checked_position = %(batches)s, checked_hash = decode(%(hash)s, 'hex'),
        fault = NULL,
        sealed_until = coalesce((SELECT sealed_at FROM audit_batches WHERE position = %(batches)s), sealed_until)
    RETURNING extract(epoch FROM checked_at)::float8
"""
FAULT: LiteralString = """
    INSERT INTO audit_checks (began_at, place, fault) VALUES (now(), %(place)s::jsonb, %(fault)s)
    ON CONFLICT (one) DO UPDATE SET fault = excluded.fault
"""
log = logging.getLogger(__name__)


def watch(conn: Connection) -> int:
    """Goes on with the check for `SECONDS`. Returns 0 if there was nothing new, else 1."""
    row = conn.execute(BEGUN, (AGAIN_HOURS,)).fetchone()
    text, anew, position, digest = row or ("", True, 0, b"")
    begin = place = Place() if anew else msgspec.json.decode(text, type=Place)
    until, is_over = time.monotonic() + SECONDS, True
    try:
        if position:
            audit_check.require_head(conn, f"{position}:{bytes(digest).hex()}")
        for reached in audit_check.walk(conn, begin):
            place = reached
            if time.monotonic() >= until:
                is_over = False
                break
    except Broken as broken:
        log.error("the audit trail does not hold: %s", broken)
        conn.execute(FAULT, {"place": msgspec.json.encode(begin).decode(), "fault": str(broken)})
        metrics.audit_broken.set(1)
        return 1
    conn.execute(KEEP, {"place": msgspec.json.encode(place).decode(), "anew": anew})
    if is_over:
        row = conn.execute(HELD, {"batches": place.batches, "hash": place.hash}).fetchone()
        metrics.audit_broken.set(0)
        if row:
            metrics.audit_checked.set(row[0])
    return int(place != begin)
