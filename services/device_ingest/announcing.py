"""Announces new observations to subscribers: one event for each device and encounter, with the count since the last one.

A pass visits the tenants with waiting announcements in turns, and begins where the last one ended. However many announcements of one
tenant wait, another tenant's go out in the same pass or the next. A pass is one transaction: after a kill it is done again.
"""

import logging
import time
from collections.abc import Mapping

from services.device_ingest import messages, metrics, queries
from shared.messaging import outbox
from shared.process import telemetry
from shared.storage.database import Connection, is_outage

# Tenants of one portion, and announcements of each that it takes in any case. Room that tenants leave is for those with more.
TENANTS = 100
SHARE = 50
# Seconds after which a pass begins no further portion.
SECONDS = 0.5
log = logging.getLogger(__name__)


class Announcing:
    def __init__(self) -> None:
        self._after = ""

    def __call__(self, conn: Connection) -> None:
        """A pass: each waiting tenant at most once, so that a device and encounter have at most one event in a pass."""
        until = time.monotonic() + SECONDS
        while self._portion(conn) and time.monotonic() < until:
            pass

    def _portion(self, conn: Connection) -> bool:
        """Whether tenants after those of this portion may wait. If not, the next portion begins with the first tenant."""
        walked = conn.execute(queries.WAITING_TENANTS, {"after": self._after, "tenants": TENANTS, "share": SHARE})
        waiting = dict(walked.fetchall())
        self._after = list(waiting)[-1] if len(waiting) == TENANTS else ""
        try:
            with conn.transaction():
                announce(conn, shares(waiting))
        except Exception as error:  # one tenant's fault must not stop the others
            if is_outage(error):
                raise
            for tenant_id, number in waiting.items():
                try:
                    with conn.transaction():
                        announce(conn, {tenant_id: number})
                except Exception as fault:
                    if is_outage(fault):
                        raise
                    log.error("observations of %s not announced: %s", tenant_id, telemetry.describe(fault))
        return bool(self._after)


def shares(waiting: Mapping[str, int]) -> dict[str, int]:
    """The announcements to take of each tenant. `waiting` is the number that wait, counted up to `SHARE`."""
    more = [tenant_id for tenant_id, number in waiting.items() if number == SHARE]
    room = TENANTS * SHARE - sum(waiting.values())
    return dict(waiting) | dict.fromkeys(more, SHARE + room // max(1, len(more)))


def announce(conn: Connection, turns: Mapping[str, int]) -> None:
    """Replaces the oldest announcements of each tenant, as many as `turns` says, by events in the outbox."""
    taken = conn.execute(queries.TAKE_ANNOUNCEMENTS, (list(turns), list(turns.values()))).fetchall()
    rows = [
        outbox.row(tenant_id, messages.observations_recorded(*counted, test=test), traceparent)
        for tenant_id, *counted, test, traceparent in taken
    ]
    if rows:
        conn.execute(queries.ADD_EVENTS, [list(column) for column in zip(*rows, strict=True)])
        conn.has_messages = True


def measure(conn: Connection) -> None:
    (age,) = conn.execute(queries.OLDEST_ANNOUNCEMENT).fetchone() or (0,)
    metrics.announcements_behind.set(max(0, age))
