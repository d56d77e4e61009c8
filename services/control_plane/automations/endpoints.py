"""Automations over HTTP: an app makes and reads its own, an administrator sees and stops those of the whole organisation."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import UNSET
from psycopg.rows import class_row
from psycopg.types.json import Jsonb
from starlette.requests import Request
from starlette.responses import Response

from services.control_plane import caps
from services.control_plane.access import BASE
from services.control_plane.automations import authority, interest, queries, rules, runs
from services.control_plane.automations.models import (
    Automation,
    AutomationChange,
    AutomationDraft,
    AutomationPage,
    Run,
    RunPage,
)
from services.control_plane.releases.rules import user_of
from shared import audit, http, idempotency, ids, pagination, problems
from shared.database import AsyncConnection, tenant_transaction
from shared.identity import Caller

ADMINISTRATOR = "platform:apps"


async def create_automation(request: Request, caller: Caller, draft: AutomationDraft) -> Response:
    rules.check(draft.trigger, draft.action)
    async with tenant_transaction(request, caller) as conn:
        stored = await idempotency.stored(conn, request, caller)
        if stored is not None:
            return stored
        await rules.check_granted(conn, caller, draft.trigger, draft.action)
        await _require_room(conn, request, caller)
        automation = await _insert(conn, caller, draft)
        await interest.tell(conn, caller.tenant_id)
        await audit.record(conn, caller, "automation.created", automation.id, {"event_type": automation.event_type})
        answer = http.created(automation.view(), f"{BASE}/automations/{automation.id}")
        return await idempotency.keep(conn, request, caller, answer)


async def list_automations(request: Request, caller: Caller, page: AutomationPage) -> Response:
    client_id = page.client_id if caller.has(ADMINISTRATOR) else caller.client_id
    where = {"client_id": client_id, "after": pagination.after(request, page), "limit": page.limit + 1}
    async with tenant_transaction(request, caller) as conn, conn.cursor(row_factory=class_row(Automation)) as cursor:
        await cursor.execute(queries.LIST, where)
        rows, next_cursor = pagination.slice_page(request, await cursor.fetchall(), page, lambda row: row.id)
    content = {"automations": [row.view() for row in rows], "next_cursor": next_cursor}
    return http.json(content, headers=pagination.link_header(request, next_cursor))


async def read_automation(request: Request, caller: Caller, automation_id: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        automation = await _find(conn, caller, automation_id)
    return http.json(automation.view())


async def change_automation(request: Request, caller: Caller, automation_id: str, change: AutomationChange) -> Response:
    """Only its own app says what an automation does; an administrator names it, stops it and starts it again."""
    async with tenant_transaction(request, caller) as conn:
        automation = await _find(conn, caller, automation_id, queries.LOCK)
        row = _changed(caller, automation, change)
        if change.trigger is not UNSET or change.action is not UNSET or change.enabled is True:
            trigger, action = rules.read(row)
            rules.check(trigger, action)
            if automation.client_id == caller.client_id:
                await rules.check_granted(conn, caller, trigger, action)
        automation = await _fetch(conn, queries.UPDATE, row)
        await interest.tell(conn, caller.tenant_id)
        named = [name for name in change.__struct_fields__ if getattr(change, name) is not UNSET]
        await audit.record(conn, caller, "automation.changed", automation.id, {"fields": named})
    return http.json(automation.view())


async def delete_automation(request: Request, caller: Caller, automation_id: str) -> Response:
    """Its runs go with it."""
    async with tenant_transaction(request, caller) as conn:
        automation = await _find(conn, caller, automation_id, queries.LOCK)
        await conn.execute(queries.DELETE, (automation.id,))
        await interest.tell(conn, caller.tenant_id)
        await audit.record(conn, caller, "automation.deleted", automation.id)
    return http.no_content()


async def list_automation_runs(request: Request, caller: Caller, automation_id: str, page: RunPage) -> Response:
    async with tenant_transaction(request, caller) as conn:
        automation = await _find(conn, caller, automation_id)
        return await _runs(conn, request, caller, page, automation.id)


async def list_runs(request: Request, caller: Caller, page: RunPage) -> Response:
    """Of all the caller's automations; `?status=dead` are the dead letters."""
    async with tenant_transaction(request, caller) as conn:
        return await _runs(conn, request, caller, page, None)


async def read_run(request: Request, caller: Caller, run_id: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        run = await _find_run(conn, caller, run_id, queries.FIND_RUN)
    return http.json(run.view())


async def retry_run(request: Request, caller: Caller, run_id: str) -> Response:
    """Has a run tried again from the beginning; its effect is still one, if an earlier attempt had it after all."""
    async with tenant_transaction(request, caller) as conn:
        run = await _find_run(conn, caller, run_id, queries.LOCK_RUN_OF_CALLER)
        refusal = runs.may_retry(run.status, run.error, rules.age(run.created_at))
        if refusal is not None:
            raise problems.conflict(refusal, status=run.status)
        async with conn.cursor(row_factory=class_row(Run)) as cursor:
            retried = await (await cursor.execute(queries.RETRY, (run.id,))).fetchone()
        await audit.record(conn, caller, "automation_run.retried", run.id)
    return http.json((retried or run).view(), status=202)


async def _insert(conn: AsyncConnection, caller: Caller, draft: AutomationDraft) -> Automation:
    row = {
        "id": ids.new_id("auto"),
        "tenant_id": caller.tenant_id,
        "client_id": caller.client_id,
        "name": draft.name,
        "event_type": draft.trigger.event_type,
        "filter": rules.kept(draft.trigger.filter),
        "action": rules.kept(draft.action),
        "scopes": sorted(caller.scopes),
        "enabled": draft.enabled,
        "grant_id": caller.grant_id,
        "made_for": user_of(caller),
    }
    return await _fetch(conn, queries.INSERT, row)


def _changed(caller: Caller, automation: Automation, change: AutomationChange) -> dict[str, Any]:
    """The row as the change leaves it. Raises a 403 Problem for what another app's automation does."""
    row = msgspec.structs.asdict(automation)
    row |= {"filter": _json(automation.filter), "action": Jsonb(automation.action)}
    if (change.trigger is not UNSET or change.action is not UNSET) and automation.client_id != caller.client_id:
        raise problems.forbidden("Only its own app says what an automation waits for and does.")
    if change.name is not UNSET:
        row["name"] = change.name
    if change.trigger is not UNSET:
        row |= {"event_type": change.trigger.event_type, "filter": rules.kept(change.trigger.filter)}
    if change.action is not UNSET:
        row |= {"action": rules.kept(change.action), "scopes": sorted(caller.scopes)}
    if change.enabled is not UNSET:
        reason = None if change.enabled else "requested"
        row |= {"enabled": change.enabled, "disabled_reason": reason}
    if change.action is not UNSET or (change.enabled is True and automation.authority_ended):
        row |= _authority(caller, automation)
    return row


def _authority(caller: Caller, automation: Automation) -> dict[str, Any]:
    """Under whose token it acts from now on: an administrator who starts it again lends it no scope that it had not."""
    scopes = sorted(caller.scopes)
    if automation.client_id != caller.client_id:
        scopes = authority.scopes(automation.scopes, caller.scopes, caller.scopes)
    now = datetime.now(UTC)
    return {
        "grant_id": caller.grant_id,
        "made_for": user_of(caller),
        "authorised_at": now,
        "authority_ended": False,
        "scopes": scopes,
    }


def _json(value: Any) -> Jsonb | None:
    return None if value is None else Jsonb(value)


async def _runs(
    conn: AsyncConnection, request: Request, caller: Caller, page: RunPage, automation_id: str | None
) -> Response:
    where = _whose(caller) | {
        "automation_id": automation_id,
        "status": page.status,
        "after": pagination.after(request, page),
        "limit": page.limit + 1,
    }
    async with conn.cursor(row_factory=class_row(Run)) as cursor:
        await cursor.execute(queries.LIST_RUNS, where)
        rows, next_cursor = pagination.slice_page(request, await cursor.fetchall(), page, lambda row: row.id)
    content = {"runs": [row.view() for row in rows], "next_cursor": next_cursor}
    return http.json(content, headers=pagination.link_header(request, next_cursor))


async def _find(conn: AsyncConnection, caller: Caller, automation_id: str, statement: Any = queries.FIND) -> Automation:
    if not ids.is_id(automation_id, "auto"):
        raise problems.not_found()
    return await _fetch(conn, statement, _whose(caller) | {"id": automation_id})


async def _fetch(conn: AsyncConnection, statement: Any, parameters: dict[str, Any]) -> Automation:
    async with conn.cursor(row_factory=class_row(Automation)) as cursor:
        automation = await (await cursor.execute(statement, parameters)).fetchone()
    if automation is None:
        raise problems.not_found()
    return automation


async def _find_run(conn: AsyncConnection, caller: Caller, run_id: str, statement: Any) -> Run:
    if not ids.is_id(run_id, "run"):
        raise problems.not_found()
    async with conn.cursor(row_factory=class_row(Run)) as cursor:
        run = await (await cursor.execute(statement, _whose(caller) | {"id": run_id})).fetchone()
    if run is None:
        raise problems.not_found()
    return run


async def _require_room(conn: AsyncConnection, request: Request, caller: Caller) -> None:
    await caps.require(conn, request.state.settings, caps.AUTOMATIONS_OF_APP, caller.client_id)
    await caps.require(conn, request.state.settings, caps.AUTOMATIONS, caller.tenant_id)


def _whose(caller: Caller) -> dict[str, Any]:
    return {"client_id": caller.client_id, "everyone": caller.has(ADMINISTRATOR)}
