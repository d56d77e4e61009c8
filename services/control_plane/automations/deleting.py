"""The relay deletes the runs of deleted automations in portions, and then the automation.

The request only marks the automation, of which there may be millions of runs. From then on nobody sees it or its runs, and none begins.
"""

import logging
import time

import psycopg
from prometheus_client import Gauge

from services.control_plane.automations import queries
from shared.process import telemetry
from shared.storage.database import Connection, is_outage, set_tenant
from shared.storage.jobs import REST, Periodic
from shared.storage.turns import Turns

PORTION = 1000
SECONDS = 4.0
log = logging.getLogger(__name__)

oldest = Gauge("oldest_deleted_automation_seconds", "Age of the oldest deletion of an automation whose runs are left")


class Deleting:
    def __init__(self) -> None:
        self._turns = Turns(queries.NEXT_DELETED)
        self._most: dict[str, int] = {}

    def work_off(self, conn: Connection, seconds: float = SECONDS) -> int:
        """Does portions, each a transaction, until nothing is deleted or the time is used. Returns their number.

        Tenants have turns. After an error a tenant has no further turn in the pass. A portion that PostgreSQL cut off at its time-out is
        followed by smaller ones.
        """
        until, portions, failed = time.monotonic() + seconds, 0, set[str]()
        while row := self._turns.next(conn, failed):
            tenant_id, automation_id = row
            most = self._most.get(automation_id, PORTION)
            began = time.monotonic()
            try:
                set_tenant(conn, tenant_id)
                where = {"tenant_id": tenant_id, "id": automation_id, "most": most}
                if is_last := conn.execute(queries.DELETE_RUNS, where).rowcount < most:
                    # Not where a run was passed over that another transaction holds.
                    conn.execute(queries.DELETE, where)
                conn.commit()
                self._most.pop(automation_id, None)
                if not is_last and most < PORTION:
                    self._most[automation_id] = 2 * most
            except Exception as error:  # one automation's rows must not stop the deletion of others
                if is_outage(error):
                    raise
                conn.rollback()
                log.error("runs of %s are not deleted: %s", automation_id, telemetry.describe(error))
                failed.add(tenant_id)
                if isinstance(error, psycopg.errors.QueryCanceled):
                    self._most[automation_id] = max(1, most // 4)
            portions += 1
            if time.monotonic() >= until:
                break
            # As retention does: other work gets most of the disk.
            time.sleep(REST * (time.monotonic() - began))
        conn.rollback()
        (age,) = conn.execute(queries.OLDEST_DELETED).fetchone() or (0,)
        oldest.set(max(0, age))
        return portions


def periodic() -> list[Periodic]:
    return [Periodic("delete automations", 10, Deleting().work_off, lane="retention", behind=oldest)]
