"""Compares the trail with its seals all the time: new entries each minute, and all of them in passes, in portions of some seconds.

The state is one row (`audit_checks`) with a place for each. New entries wait for no pass, however long it takes; a pass finds a change of
an old entry. Organisations read the result for their own trail (`shared.trail`), alerts tell the operator.
"""

import logging
import time
from collections.abc import Callable, Iterator
from typing import LiteralString, NamedTuple
from uuid import UUID

import msgspec

from shared.process import metrics
from shared.storage import audit_check
from shared.storage.audit_check import NIL, Broken, Place
from shared.storage.database import Connection

NEW_SECONDS = 4.0
"""Of work in a run over new entries, at most. After each step a run rests for as long, so that other work has the processors too."""
SECONDS = 2.0
"""Of work in a run of a pass; the next one goes on."""
MOST_SECONDS = 8.0
"""Of work in a run of a pass that is behind: one that would not end in `PASS_DAYS`."""
PASS_DAYS = 30
AGAIN_HOURS = 24
"""So long after its beginning, a pass that is over begins with the first entry again."""
CHAINED = UUID(int=1)
"""Where a pass is at the end of the chain, and has not looked for entries without a seal."""
BEGIN: LiteralString = (
    "INSERT INTO audit_checks (head, place, began_at) VALUES ('{}', '{}', now()) ON CONFLICT DO NOTHING"
)
HEAD: LiteralString = "SELECT head::text FROM audit_checks"
HELD: LiteralString = """
    UPDATE audit_checks SET checked_at = clock_timestamp(), checked_position = %(batches)s, checked_hash = decode(%(hash)s, 'hex'),
        new_fault = NULL,
        sealed_until = coalesce((SELECT sealed_at FROM audit_batches WHERE position = %(batches)s), sealed_until)
"""
# A fault stays until a run reaches the end of the new entries.
KEEP_NEW: LiteralString = """
    UPDATE audit_checks SET head = %(head)s::jsonb, new_fault = coalesce(%(fault)s, new_fault),
        fault = coalesce(%(fault)s, new_fault, old_fault)
    RETURNING coalesce(extract(epoch FROM checked_at), 0)::float8, broken
"""
BEGUN: LiteralString = """
    SELECT head::text, place::text, extract(epoch FROM now() - began_at)::float8, coalesce(passed_at >= began_at, false),
        extract(epoch FROM coalesce(passed_at, began_at))::float8
    FROM audit_checks
"""
KEEP_ALL: LiteralString = """
    UPDATE audit_checks SET place = %(place)s::jsonb, old_fault = %(fault)s, fault = coalesce(%(fault)s, new_fault),
        began_at = CASE WHEN %(anew)s THEN now() ELSE began_at END,
        passed_at = CASE WHEN %(passed)s THEN clock_timestamp() ELSE passed_at END
    RETURNING extract(epoch FROM coalesce(passed_at, began_at))::float8, broken
"""
log = logging.getLogger(__name__)


class Walked(NamedTuple):
    """`place` is before a fault, where there is one: the next run meets it first, or goes on once it is gone."""

    place: Place
    is_over: bool
    fault: str | None = None


def check_new(conn: Connection) -> int:
    """Compares the entries since the last run for `NEW_SECONDS`. Returns 0 if there were none, else 1."""
    conn.execute(BEGIN)
    [(text,)] = conn.execute(HEAD).fetchall()
    begin = msgspec.json.decode(text, type=Place)
    reached = _walk(_new(conn, begin), begin, lambda _: NEW_SECONDS)
    if reached.is_over:
        conn.execute(HELD, {"batches": reached.place.batches, "hash": reached.place.hash})
    kept = {"head": msgspec.json.encode(reached.place).decode(), "fault": reached.fault}
    [(checked_at, broken)] = conn.execute(KEEP_NEW, kept).fetchall()
    metrics.audit_checked.set(checked_at)
    metrics.audit_broken.set(broken)
    return int(reached.place != begin or not reached.is_over)


def check_all(conn: Connection) -> int:
    """Goes on with the pass over all entries. Returns 0 if the next one is not due, else 1.

    A run takes `SECONDS`, and up to `MOST_SECONDS` while less of the trail than of `PASS_DAYS` is done, so that a pass takes longer than
    these only where the bound does not do.
    """
    row = conn.execute(BEGUN).fetchone()
    if row is None:
        return 0
    head, place, age, is_passed, passed_at = row
    if is_passed and age < AGAIN_HOURS * 3600:
        metrics.audit_passed.set(passed_at)
        metrics.audit_pass_ratio.set(1)
        return 0
    head, begin = msgspec.json.decode(head, type=Place), msgspec.json.decode("{}" if is_passed else place, type=Place)
    rows = max(1, 2 * head.entries)
    due = 0 if is_passed else rows * min(1, age / (PASS_DAYS * 86400))
    reached = _walk(_all(conn, begin), begin, lambda place: MOST_SECONDS if place.rows < due else SECONDS)
    kept = {
        "place": msgspec.json.encode(reached.place).decode(),
        "fault": reached.fault,
        "anew": is_passed,
        "passed": reached.is_over,
    }
    [(passed_at, broken)] = conn.execute(KEEP_ALL, kept).fetchall()
    metrics.audit_passed.set(passed_at)
    metrics.audit_pass_ratio.set(1 if reached.is_over else min(1, reached.place.rows / rows))
    metrics.audit_broken.set(broken)
    return 1


def _new(conn: Connection, head: Place) -> Iterator[Place]:
    if head.batches:
        audit_check.require_head(conn, head.head)
    yield from audit_check.walk(conn, head)


def _all(conn: Connection, place: Place) -> Iterator[Place]:
    """The chain, then the entries by id. Among those no new batch comes first, so that a run meets the fault of the last one."""
    if place.after == NIL:
        for reached in audit_check.chained(conn, place):
            yield (place := reached)
        yield (place := msgspec.structs.replace(place, after=CHAINED))
    if place.after == CHAINED:
        place = msgspec.structs.replace(place, after=NIL)
    yield from audit_check.covered(conn, place)


def _walk(steps: Iterator[Place], begin: Place, most: Callable[[Place], float]) -> Walked:
    """Makes at least one step forward, if there is one, and works for the seconds that `most` gives at the place that it reached."""
    place, worked, began = begin, 0.0, time.monotonic()
    try:
        for reached in steps:
            place, took = reached, time.monotonic() - began
            worked += took
            if place != begin and worked >= most(place):
                return Walked(place, is_over=False)
            time.sleep(took)
            began = time.monotonic()
    except Broken as broken:
        log.error("the audit trail does not hold: %s", broken)
        return Walked(place, is_over=False, fault=str(broken))
    return Walked(place, is_over=True)
