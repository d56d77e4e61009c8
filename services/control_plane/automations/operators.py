"""The acts of operators on automations, under the worker's role."""

from services.control_plane.automations import queries
from services.control_plane.automations.lifecycle import send_interest_sync
from shared.operators.acts import note
from shared.operators.models import ActRefused, Asked
from shared.storage.database import Connection, set_tenant


def stop_automation(conn: Connection, asked: Asked) -> None:
    """Its runs that were due become dead, and no new one starts until its organisation enables it again."""
    row = conn.execute(queries.TENANT_OF, (asked.subject_id,)).fetchone()
    if row is None:
        raise ActRefused(f"there is no automation {asked.subject_id}")
    if not _stop(conn, row[0], asked.subject_id):
        raise ActRefused(f"the automation {asked.subject_id} is disabled already")
    note(conn, row[0], "automation.stopped", asked)


def stop_automations(conn: Connection, asked: Asked) -> str:
    """The same for all automations of an organisation."""
    stopped = _stop(conn, asked.subject_id, None)
    if not stopped:
        raise ActRefused(f"no automation of {asked.subject_id} is enabled")
    note(conn, asked.subject_id, "automations.stopped", asked, {"automations": stopped})
    return f"automations stopped: {stopped}"


def _stop(conn: Connection, tenant_id: str, automation_id: str | None) -> int:
    set_tenant(conn, tenant_id)
    stopped = conn.execute(queries.STOP_BY_OPERATOR, {"id": automation_id}).rowcount
    if stopped:
        send_interest_sync(conn, tenant_id)
    return stopped
