"""The relay keeps the handover's lists: of arrivals by `encounter_destinations.listed_until`, so that reading one reads only rows that it
shows; and of the disclosures of the patient whom a correction gives an encounter.
"""

import time

from services.epcr import metrics
from services.epcr.handover import queries
from shared.storage.database import IN_ORDER, Connection, set_tenant

SECONDS = 1
PORTION = 1000


def keep_lists(conn: Connection) -> None:
    """Bindings whose reading is over leave the list; those of a destination whose days changed are written anew. Disclosures of a corrected
    encounter join the list of its patient.

    A portion of each in turn, in transactions of their own, until none is left or the time is up. Destinations and tenants take turns.
    """
    until, is_left = time.monotonic() + SECONDS, True
    while is_left and time.monotonic() < until:
        conn.execute(IN_ORDER)
        unlisted = conn.execute(queries.UNLIST, (PORTION,)).rowcount
        relisted = _relist(conn)
        disclosed = _list_disclosures(conn)
        is_left = unlisted == PORTION or relisted or disclosed
        conn.commit()
    (behind,) = conn.execute(queries.LISTS_BEHIND).fetchone() or (0,)
    metrics.arrivals_behind.set(max(0, behind))


def _relist(conn: Connection) -> bool:
    """A portion of the destination that has waited longest for its turn. False if none waits."""
    turn = conn.execute(queries.TAKE_RELISTING).fetchone()
    if turn is None:
        return False
    asked = {"destination_id": turn[0], "place": turn[1], "limit": PORTION}
    last, count = conn.execute(queries.RELIST, asked).fetchone() or (None, 0)
    if count == PORTION:
        conn.execute(queries.MOVE_RELISTING, asked | {"place": last})
    else:
        conn.execute(queries.END_RELISTING, asked)
    return True


def _list_disclosures(conn: Connection) -> bool:
    """A portion of one corrected encounter. False if none waits. The rest of the transaction is held to its tenant."""
    turn = conn.execute(queries.TAKE_UNLISTED).fetchone()
    if turn is None:
        return False
    tenant_id, patient_basis, encounter_id, place = turn
    set_tenant(conn, tenant_id)
    asked = {"patient_basis": patient_basis, "encounter_id": encounter_id, "place": place, "limit": PORTION}
    last, count = conn.execute(queries.LIST_DISCLOSURES, asked).fetchone() or (None, 0)
    if count == PORTION:
        conn.execute(queries.MOVE_UNLISTED, asked | {"place": last})
    else:
        conn.execute(queries.END_UNLISTED, asked)
    return True
