"""HTTP endpoints of automations. An app manages its own; an administrator sees and stops those of the whole organisation."""

from datetime import UTC, datetime
from typing import Any, LiteralString

from msgspec import UNSET
from msgspec.structs import asdict
from starlette.requests import Request
from starlette.responses import Response

from services.control_plane import caps
from services.control_plane.access import BASE
from services.control_plane.automations import queries, rules, runs
from services.control_plane.automations.lifecycle import jsonb, new_row, send_interest
from services.control_plane.automations.models import (
    Automation,
    AutomationChange,
    AutomationDraft,
    AutomationPage,
    AutomationRow,
    Run,
    RunPage,
)
from shared.primitives import ids
from shared.storage import audit, idempotency
from shared.storage.database import AsyncConnection, found, page_of, tenant_transaction
from shared.web import http, problems
from shared.web.identity import Caller

ADMINISTRATOR = "platform:apps"
# Few runs have these states, however long the history. They have an index of their own.
UNSETTLED = frozenset({"queued", "running", "failed", "dead"})


async def create_automation(request: Request, caller: Caller, draft: AutomationDraft) -> Response:
    rules.check(draft.trigger, draft.action)
    async with tenant_transaction(request, caller) as conn:
        if stored := await idempotency.stored(conn, request, caller):
            return stored
        await rules.check_granted(conn, caller, draft.trigger, draft.action)
        await caps.require(conn, request.state.settings, caps.AUTOMATIONS_OF_APP, caller.client_id)
        await caps.require(conn, request.state.settings, caps.AUTOMATIONS, caller.tenant_id)
        row = new_row(caller.tenant_id, caller.client_id, draft, list(caller.scopes))
        row |= {"grant_id": caller.grant_id, "made_for": caller.person_id}
        automation = await found(conn, AutomationRow, queries.INSERT, row)
        await send_interest(conn, caller.tenant_id)
        await audit.record(conn, caller, "automation.created", automation.id, {"event_type": automation.event_type})
        answer = http.created(automation.shown(), f"{BASE}/automations/{automation.id}")
        return await idempotency.keep(conn, request, caller, answer)


async def list_automations(request: Request, caller: Caller, page: AutomationPage) -> Response:
    client_id = page.client_id if caller.has(ADMINISTRATOR) else caller.client_id
    parameters = {"client_id": client_id, "after": http.page_after(request, page), "limit": page.limit + 1}
    async with tenant_transaction(request, caller) as conn:
        rows, fitting = await page_of(conn, AutomationRow, queries.LIST, parameters, page, AutomationDraft.max_bytes)
    return http.listed(request, "automations", rows, fitting, lambda row: row.id, AutomationRow.shown)


async def read_automation(request: Request, caller: Caller, automation_id: str) -> Automation:
    async with tenant_transaction(request, caller) as conn:
        automation = await _load(conn, caller, automation_id)
    return automation.shown()


async def change_automation(
    request: Request, caller: Caller, automation_id: str, change: AutomationChange
) -> Automation:
    """Only its own app changes an automation's trigger and action; an administrator renames, stops and starts it."""
    async with tenant_transaction(request, caller) as conn:
        automation = await _load(conn, caller, automation_id, queries.LOCK)
        row = _changed(caller, automation, change)
        if change.trigger is not UNSET or change.action is not UNSET or change.enabled is True:
            trigger = automation.read_trigger() if change.trigger is UNSET else change.trigger
            action = automation.read_action() if change.action is UNSET else change.action
            rules.check(trigger, action)
            if automation.client_id == caller.client_id:
                await rules.check_granted(conn, caller, trigger, action)
        automation = await found(conn, AutomationRow, queries.UPDATE, row)
        await send_interest(conn, caller.tenant_id)
        given = [name for name in change.__struct_fields__ if getattr(change, name) is not UNSET]
        await audit.record(conn, caller, "automation.changed", automation.id, {"fields": given})
    return automation.shown()


async def delete_automation(request: Request, caller: Caller, automation_id: str) -> Response:
    """Hides it and its runs, which the relay deletes: there may be millions."""
    async with tenant_transaction(request, caller) as conn:
        automation = await _load(conn, caller, automation_id, queries.LOCK)
        await conn.execute(queries.MARK_DELETED, (automation.id,))
        await send_interest(conn, caller.tenant_id)
        await audit.record(conn, caller, "automation.deleted", automation.id)
    return http.no_content()


async def list_automation_runs(request: Request, caller: Caller, automation_id: str, page: RunPage) -> Response:
    async with tenant_transaction(request, caller) as conn:
        automation = await _load(conn, caller, automation_id)
        return await _list_runs(conn, request, caller, page, automation.id)


async def list_runs(request: Request, caller: Caller, page: RunPage) -> Response:
    """The runs of all the caller's automations. `?status=dead` lists the dead letters."""
    async with tenant_transaction(request, caller) as conn:
        return await _list_runs(conn, request, caller, page, None)


async def read_run(request: Request, caller: Caller, run_id: str) -> Run:
    async with tenant_transaction(request, caller) as conn:
        return await _load_run(conn, caller, run_id, queries.FIND_RUN)


async def retry_run(request: Request, caller: Caller, run_id: str) -> Run:
    """Begins a run again. If an earlier attempt had its effect, there is no second one."""
    async with tenant_transaction(request, caller) as conn:
        run = await _load_run(conn, caller, run_id, queries.LOCK_RUN_OF_CALLER)
        refusal = runs.may_retry(run.status, run.error, datetime.now(UTC) - run.created_at)
        if refusal is not None:
            raise problems.conflict(refusal, status=run.status)
        retried = await found(conn, Run, queries.RETRY, (run.id,))
        await audit.record(conn, caller, "automation_run.retried", run.id)
    return retried


def _changed(caller: Caller, automation: AutomationRow, change: AutomationChange) -> dict[str, Any]:
    """The row after the change. Raises a 403 Problem for the trigger or action of another app's automation."""
    is_own = automation.client_id == caller.client_id
    if (change.trigger is not UNSET or change.action is not UNSET) and not is_own:
        raise problems.forbidden("Only its own app changes an automation's trigger and action.")
    row = asdict(automation) | {"filter": jsonb(automation.filter), "action": jsonb(automation.action)}
    if change.name is not UNSET:
        row["name"] = change.name
    if change.trigger is not UNSET:
        row |= {"event_type": change.trigger.event_type, "filter": jsonb(change.trigger.filter)}
    if change.action is not UNSET:
        row["action"] = jsonb(change.action)
    if change.enabled is not UNSET:
        # One that is disabled already keeps its reason, such as that an operator stopped it.
        reason = automation.disabled_reason or "requested"
        row |= {"enabled": change.enabled, "disabled_reason": None if change.enabled else reason}
    if change.action is not UNSET or (change.enabled is True and automation.authority_ended):
        # A restart by an administrator adds no scope that the automation lacked.
        scopes = sorted(caller.scopes)
        if not is_own:
            scopes = rules.allowed_scopes(automation.scopes, caller.scopes, caller.scopes)
        row |= {
            "grant_id": caller.grant_id,
            "made_for": caller.person_id,
            "authorised_at": datetime.now(UTC),
            "authority_ended": False,
            "scopes": scopes,
        }
    return row


async def _list_runs(
    conn: AsyncConnection, request: Request, caller: Caller, page: RunPage, automation_id: str | None
) -> Response:
    parameters = _whose(caller) | {
        "automation_id": automation_id,
        "status": page.status,
        "of_automation": None,
        "of_status": None,
        "of_app": None,
        "after": http.page_after(request, page),
        "limit": page.limit + 1,
    }
    if page.status in UNSETTLED:
        parameters["of_status"] = page.status
    elif automation_id is not None:
        parameters["of_automation"] = automation_id
    elif not parameters["everyone"]:
        parameters["of_app"] = caller.client_id
    rows = await (await conn.execute(queries.LIST_RUNS, parameters)).fetchall()
    reached = next((run_id for _, is_last, run_id, *_ in rows if is_last), None)
    found_runs = [Run(*row) for fits, _, *row in rows if fits]
    return http.listed(request, "runs", found_runs, page, lambda run: run.id, reached=reached)


async def _load(
    conn: AsyncConnection, caller: Caller, automation_id: str, query: LiteralString = queries.FIND
) -> AutomationRow:
    if not ids.is_id(automation_id, "auto"):
        raise problems.not_found()
    return await found(conn, AutomationRow, query, _whose(caller) | {"id": automation_id})


async def _load_run(conn: AsyncConnection, caller: Caller, run_id: str, query: LiteralString) -> Run:
    if not ids.is_id(run_id, "run"):
        raise problems.not_found()
    return await found(conn, Run, query, _whose(caller) | {"id": run_id})


def _whose(caller: Caller) -> dict[str, Any]:
    return {"client_id": caller.client_id, "everyone": caller.has(ADMINISTRATOR)}
