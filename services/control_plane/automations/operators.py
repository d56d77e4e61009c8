"""Operators and automations: the acts, under the worker's role, and whose an automation is."""

from starlette.requests import Request
from starlette.responses import Response

from services.control_plane.automations import queries
from services.control_plane.automations.lifecycle import send_interest_sync
from services.control_plane.automations.models import OperatorAutomation, StoppedAutomations
from shared.operators.acts import note
from shared.operators.endpoints import READ, require_operator
from shared.operators.models import ActRefused, Asked
from shared.operators.routes import WEAK
from shared.storage.database import Connection, every, found, set_tenant, tenant_transaction
from shared.web import http
from shared.web.http import Page
from shared.web.identity import Caller
from shared.web.routing import Operation


def stop_automation(conn: Connection, asked: Asked) -> None:
    """Its runs that were due become dead, and no new one starts until its organisation enables it or an operator resumes it."""
    tenant_id = _tenant_of(conn, asked)
    if not _stop(conn, tenant_id, asked, asked.subject_id):
        raise ActRefused(f"the automation {asked.subject_id} is disabled already")
    note(conn, tenant_id, "automation.stopped", asked)


def resume_automation(conn: Connection, asked: Asked) -> None:
    """Lifts an operator's stop, and no other disabling. Runs that became dead stay so."""
    tenant_id = _tenant_of(conn, asked)
    set_tenant(conn, tenant_id)
    if not conn.execute(queries.RESUME_BY_OPERATOR, (asked.subject_id,)).rowcount:
        raise ActRefused(f"the automation {asked.subject_id} is not stopped by an operator, or its authority ended")
    send_interest_sync(conn, tenant_id)
    note(conn, tenant_id, "automation.resumed", asked)


def _tenant_of(conn: Connection, asked: Asked) -> str:
    row = conn.execute(queries.TENANT_OF, (asked.subject_id,)).fetchone()
    if row is None:
        raise ActRefused(f"there is no automation {asked.subject_id}")
    return row[0]


def stop_automations(conn: Connection, asked: Asked) -> str:
    """The same for all automations of an organisation."""
    stopped = _stop(conn, asked.subject_id, asked, None)
    if not stopped:
        raise ActRefused(f"no automation of {asked.subject_id} is enabled")
    note(conn, asked.subject_id, "automations.stopped", asked, {"automations": stopped})
    return f"automations stopped: {stopped}"


def _stop(conn: Connection, tenant_id: str, asked: Asked, automation_id: str | None) -> int:
    set_tenant(conn, tenant_id)
    parameters = {"id": automation_id, "act": asked.id, "reason": asked.reason}
    stopped = conn.execute(queries.STOP_BY_OPERATOR, parameters).rowcount
    if stopped:
        send_interest_sync(conn, tenant_id)
    return stopped


async def read_operator_automation(request: Request, caller: Caller, automation_id: str) -> OperatorAutomation:
    async with tenant_transaction(request, caller) as conn:
        return await found(conn, OperatorAutomation, queries.OF_ALL, (automation_id,))


async def list_stopped_automations(request: Request, caller: Caller, page: Page) -> Response:
    parameters = {"after": http.page_after(request, page), "limit": page.limit + 1}
    async with tenant_transaction(request, caller) as conn:
        rows = await every(conn, OperatorAutomation, queries.STOPPED_OF_ALL, parameters)
    return http.listed(request, "stopped_automations", rows, page, lambda row: row.automation_id)


OPERATIONS = [
    Operation(
        "GET",
        "/v1/operations/control-plane/stopped-automations",
        list_stopped_automations,
        "List automations that operators stopped",
        READ,
        {200: StoppedAutomations},
        "Each with its act and reason, until its organisation enables it or the act `automation.resume` lifts the stop.",
        query=Page,
        refusals=WEAK,
        guard=require_operator,
    ),
    Operation(
        "GET",
        "/v1/operations/control-plane/automations/{automation_id}",
        read_operator_automation,
        "Read whose an automation is",
        READ,
        {200: OperatorAutomation},
        "Its organisation, its app and its name, to compare before an act.",
        refusals=WEAK,
        guard=require_operator,
    ),
]
