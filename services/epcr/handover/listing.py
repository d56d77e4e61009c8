"""The relay keeps the handover's lists: of arrivals by `encounter_destinations.listed_until`, so that reading one reads only rows that it
shows; and of the disclosures of the patient whom a correction gives an encounter.
"""

import logging
import time
from collections.abc import Mapping
from typing import Any, LiteralString

import psycopg

from services.epcr import metrics
from services.epcr.handover import queries
from shared.process import telemetry
from shared.storage.database import IN_ORDER, Connection, is_outage, set_tenant

SECONDS = 1
# Longer than the relay lets a session of the web role stay in the way (shared/storage/sessions.py), and shorter than others should wait.
PATIENCE: LiteralString = "SELECT set_config('lock_timeout', '3s', true)"
# After so many that failed, each of which may have waited so long, the pass is over.
MOST_FAILED, PATIENCE_SECONDS = 3, 3
PORTION = 1000
log = logging.getLogger(__name__)


def keep_lists(conn: Connection) -> None:
    """Bindings whose reading is over leave the list; those of a destination whose days changed are written anew. Disclosures of a corrected
    encounter join the list of its patient.

    A portion of each in turn, in transactions of their own, until none is left or the time is up. Destinations and tenants take turns. A
    destination or encounter whose portion fails goes behind all others, and is left until the next pass.
    """
    until, is_left, failed = time.monotonic() + SECONDS, True, list[str]()
    while is_left and len(failed) < MOST_FAILED and time.monotonic() < until + PATIENCE_SECONDS * len(failed):
        is_left = False
        for step in (_unlist, _relist, _list_disclosures):
            conn.execute(IN_ORDER)
            is_left |= step(conn, failed)
            conn.commit()
    (behind,) = conn.execute(queries.LISTS_BEHIND).fetchone() or (0,)
    metrics.arrivals_behind.set(max(0, behind))


def _unlist(conn: Connection, _: list[str]) -> bool:
    return conn.execute(queries.UNLIST, (PORTION,)).rowcount == PORTION


def _relist(conn: Connection, failed: list[str]) -> bool:
    """A portion of the destination that has waited longest for its turn. False if none waits."""
    turn = conn.execute(queries.TAKE_RELISTING, (failed,)).fetchone()
    if turn is None:
        return False
    asked = {"destination_id": turn[0], "place": turn[1], "limit": PORTION}
    if not _portion(conn, queries.RELIST, queries.MOVE_RELISTING, queries.END_RELISTING, asked):
        failed.append(turn[0])
    return True


def _list_disclosures(conn: Connection, failed: list[str]) -> bool:
    """A portion of one corrected encounter. False if none waits. The rest of the transaction is held to its tenant."""
    turn = conn.execute(queries.TAKE_UNLISTED, (failed,)).fetchone()
    if turn is None:
        return False
    tenant_id, patient_basis, encounter_id, place = turn
    set_tenant(conn, tenant_id)
    asked = {"patient_basis": patient_basis, "encounter_id": encounter_id, "place": place, "limit": PORTION}
    if not _portion(conn, queries.LIST_DISCLOSURES, queries.MOVE_UNLISTED, queries.END_UNLISTED, asked):
        failed.append(encounter_id)
    return True


def _portion(
    conn: Connection, work: LiteralString, move: LiteralString, end: LiteralString, asked: Mapping[str, Any]
) -> bool:
    """Does a portion after the `place` of `asked`, and moves its turn or ends its work. False if it failed, which moves the turn alone."""
    try:
        with conn.transaction():
            conn.execute(PATIENCE)
            last, count = conn.execute(work, asked).fetchone() or (None, 0)
            if count == PORTION:
                conn.execute(move, {**asked, "place": last})
            else:
                conn.execute(end, asked)
    except psycopg.Error as error:
        if is_outage(error):
            raise
        log.warning("a list waits for the next pass: %s", telemetry.describe(error))
        conn.execute(move, asked)
        return False
    return True
