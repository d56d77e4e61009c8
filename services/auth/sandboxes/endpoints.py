"""The endpoints of an organisation's administrator: sandboxes that need no operator, their reset, scenarios and end.

A request writes into the tenant of a sandbox only after it read, under row-level security, the row by which its own tenant made it.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.auth import caps
from services.auth.apps import scopes, store
from services.auth.apps.models import AppDraft, Tenant
from services.auth.apps.rules import refuse
from services.auth.revocations import bell, watermarks
from services.auth.sandboxes import queries, work
from services.auth.sandboxes.models import (
    MOST_ADVANCED,
    SANDBOXES,
    ClockAdvance,
    CreatedSandbox,
    SandboxDraft,
    SandboxPage,
    SandboxRow,
    SandboxTenant,
    Scenario,
    ScenarioName,
)
from services.auth.tenants.operations import ADMIN_APP, tenant_messages
from shared.messaging import outbox
from shared.messaging.messages import SandboxTask
from shared.messaging.sandboxes import MISSION, Year
from shared.primitives import ids
from shared.storage import audit, database, idempotency
from shared.storage.caps import Cap, refusal
from shared.storage.database import AsyncConnection, aset_tenant, tenant_transaction
from shared.web import http, problems
from shared.web.identity import Caller
from shared.web.problems import FieldError

MOST_SCENARIOS, MOST_RESETS, MOST_GRANTS = 500, 20, 5000
"""Of a sandbox: scenarios between two resets, resets on one UTC day, and live grants whose end an advance of the clock moves."""
SCENARIOS: dict[ScenarioName, tuple[str, ...]] = {
    "arrest": ("graphql_api", "epcr", "device_ingest"),
    "failing_receiver": ("webhook_dispatcher",),
    "revoked_tokens": (),
}
"""The services that act in each scenario."""


async def create_sandbox(request: Request, caller: Caller, draft: SandboxDraft) -> Response:
    if not draft.name.isprintable():
        refuse([FieldError("/name", "holds invisible characters")])
    async with tenant_transaction(request, caller) as conn:
        if (answer := await idempotency.stored(conn, request, caller)) is not None:
            return answer
        parent, settings = await store.hold_tenant(conn, caller.tenant_id), request.state.settings
        if parent.environment == "sandbox":
            raise problems.conflict("A sandbox has no sandbox of its own.")
        owner = parent.tenant_id
        await caps.require(conn, settings, owner, "sandboxes", queries.COUNT, (owner,))
        await caps.require(conn, settings, owner, "sandboxes_a_day", queries.COUNT_OF_DAY, (owner,))
        made = await _make(conn, request, caller, parent, draft)
        response = http.created(made, f"{SANDBOXES}/{made.id}")
        return await idempotency.keep(conn, request, caller, response)


async def _make(
    conn: AsyncConnection, request: Request, caller: Caller, parent: Tenant, draft: SandboxDraft
) -> CreatedSandbox:
    """The tenant, its administrator app with a secret, and the first portion of its data."""
    name, new_id = draft.name.strip() or f"{parent.name} (sandbox)", ids.new_id("org")
    tenant = await database.found(conn, Tenant, queries.MAKE_TENANT, (new_id, name))
    await aset_tenant(conn, tenant.tenant_id)
    there = Caller(tenant_id=tenant.tenant_id, client_id=caller.client_id, subject=caller.subject)
    await outbox.add(conn, tenant.tenant_id, *tenant_messages(tenant))
    catalogue = [scope for scope in scopes.catalogue(tenant.granted_scopes) if scope != scopes.OFFLINE_ACCESS]
    wanted = [scopes.PLATFORM_APPS, scopes.PLATFORM_AUDIT, *catalogue]
    app_draft = AppDraft(
        name=ADMIN_APP,
        grant_types=["client_credentials"],
        requested_scopes=wanted,
        graphql_bundles=list(tenant.graphql_bundles),
    )
    app = await store.insert_app(conn, tenant.tenant_id, app_draft, first_party=True)
    secret = await store.add_secret(conn, request.state.keyring, app)
    await audit.record(conn, there, "tenant.created", tenant.tenant_id, {"by": caller.tenant_id})
    await audit.record(conn, there, "app.created", app.client_id, {"first_party": True})
    await aset_tenant(conn, caller.tenant_id)
    row: dict[str, Any] = {
        "id": ids.new_id("sbx"),
        "tenant_id": caller.tenant_id,
        "sandbox_tenant_id": tenant.tenant_id,
        "name": name,
        "client_id": app.client_id,
        "seed": draft.seed,
    }
    sandbox = await database.found(conn, SandboxRow, queries.INSERT, row)
    await audit.record(conn, caller, "sandbox.created", sandbox.id, {"tenant": tenant.tenant_id})
    await _send(conn, sandbox, work.portion_of(sandbox))
    shown = msgspec.structs.asdict(sandbox.shown())
    return CreatedSandbox(**shown, client_secret=secret, scopes=wanted)


async def list_sandboxes(request: Request, caller: Caller, page: SandboxPage) -> Response:
    parameters = {"state": page.state or None, "after": http.page_after(request, page), "limit": page.limit + 1}
    async with tenant_transaction(request, caller) as conn:
        found, fitting = await database.page_of(conn, SandboxRow, queries.LIST, parameters, page, http.SMALL)
    return http.listed(request, "sandboxes", found, fitting, lambda row: row.id, SandboxRow.shown)


async def read_sandbox(request: Request, caller: Caller, sandbox_id: str) -> SandboxTenant:
    async with tenant_transaction(request, caller) as conn:
        return (await _load(conn, sandbox_id)).shown()


async def reset_sandbox(request: Request, caller: Caller, sandbox_id: str) -> Response:
    """Erases the data in portions, and writes the year before now. 409 while other work on it is under way."""
    async with tenant_transaction(request, caller) as conn:
        if (answer := await idempotency.stored(conn, request, caller)) is not None:
            return answer
        sandbox = await _load(conn, sandbox_id, lock=True)
        if sandbox.state in ("deleting", "deleted"):
            raise problems.conflict(f"The sandbox is {sandbox.state}.", state=sandbox.state)
        has_stopped, resets = await (await conn.execute(queries.RESETTABLE, (sandbox.id,))).fetchone() or (False, 0)
        if sandbox.state != "ready" and not has_stopped:
            raise problems.conflict("The sandbox is in work already; try again when it is ready.", state=sandbox.state)
        if resets >= MOST_RESETS:
            raise refusal(Cap("resets a day", MOST_RESETS, "A sandbox", "wait until tomorrow (UTC), or make another"))
        begun = await _begin(conn, caller, sandbox, "resetting")
        return await idempotency.keep(conn, request, caller, http.json(begun.shown(), status=202))


async def delete_sandbox(request: Request, caller: Caller, sandbox_id: str) -> Response:
    """Its tokens end at once. Its data go in portions; a repetition changes nothing."""
    async with tenant_transaction(request, caller) as conn:
        sandbox = await _load(conn, sandbox_id, lock=True)
        if sandbox.state not in ("deleting", "deleted"):
            closed = await database.found(conn, Tenant, queries.CLOSE_TENANT, (sandbox.id,))
            await aset_tenant(conn, closed.tenant_id)
            await outbox.add(conn, closed.tenant_id, *tenant_messages(closed))
            there = Caller(tenant_id=closed.tenant_id, client_id=caller.client_id, subject=caller.subject)
            await audit.record(conn, there, "tenant.suspended", closed.tenant_id, {"by": caller.tenant_id})
            await aset_tenant(conn, caller.tenant_id)
            await _begin(conn, caller, sandbox, "deleting")
            await _revoke(conn, caller, closed.tenant_id)
    await bell.ring(request.state.redis)
    return http.no_content()


async def run_scenario(request: Request, caller: Caller, sandbox_id: str, scenario: str) -> Response:
    for name in SCENARIOS:
        if name == scenario:
            break
    else:
        raise problems.not_found(f"There is no such scenario; there are {', '.join(SCENARIOS)}.")
    async with tenant_transaction(request, caller) as conn:
        if (answer := await idempotency.stored(conn, request, caller)) is not None:
            return answer
        sandbox = await _load(conn, sandbox_id, lock=True)
        if sandbox.state != "ready":
            raise problems.conflict("Scenarios are for a sandbox that is ready.", state=sandbox.state)
        if sandbox.scenarios >= MOST_SCENARIOS:
            raise refusal(Cap("scenarios", MOST_SCENARIOS, "A sandbox", "reset it"))
        sandbox = await database.found(conn, SandboxRow, queries.COUNT_SCENARIO, (sandbox.id,))
        await audit.record(conn, caller, "sandbox.scenario", sandbox.id, {"scenario": name})
        now = datetime.now(UTC)
        sent = [work.message(sandbox, part, name, number=sandbox.scenarios, at=now) for part in SCENARIOS[name]]
        await _send(conn, sandbox, *sent)
        made = _made(sandbox, name, sent[0]) if sent else Scenario(scenario=name)
        response = await idempotency.keep(conn, request, caller, http.json(made, status=202))
        if name == "revoked_tokens":
            await _revoke(conn, caller, sandbox.sandbox_tenant_id)
    if name == "revoked_tokens":
        await bell.ring(request.state.redis)
    return response


async def advance_sandbox_clock(request: Request, caller: Caller, sandbox_id: str, advance: ClockAdvance) -> Response:
    """Ends of secrets and grants move at once, the waits of deliveries in portions. 409 while other work on the sandbox is under way."""
    async with tenant_transaction(request, caller) as conn:
        if (answer := await idempotency.stored(conn, request, caller)) is not None:
            return answer
        sandbox = await _load(conn, sandbox_id, lock=True)
        if sandbox.state != "ready":
            raise problems.conflict("Only the clock of a sandbox that is ready can be advanced.", state=sandbox.state)
        if sandbox.advanced_seconds + advance.seconds > MOST_ADVANCED:
            raise refusal(Cap("seconds ahead", MOST_ADVANCED, "A sandbox's clock", "reset the sandbox"))
        row = {"id": sandbox.id, "seconds": advance.seconds}
        sandbox = await database.found(conn, SandboxRow, queries.ADVANCE, row)
        await aset_tenant(conn, sandbox.sandbox_tenant_id)
        own = {"tenant_id": sandbox.sandbox_tenant_id, "seconds": advance.seconds, "most": MOST_GRANTS}
        await conn.execute(queries.ADVANCE_SECRETS, own)
        if (await conn.execute(queries.ADVANCE_GRANTS, own)).rowcount > MOST_GRANTS:
            raise refusal(
                Cap("live grants", MOST_GRANTS, "A sandbox whose clock is advanced", "revoke some, or reset it")
            )
        await aset_tenant(conn, caller.tenant_id)
        await audit.record(conn, caller, "sandbox.clock_advanced", sandbox.id, {"seconds": advance.seconds})
        await _send(conn, sandbox, work.portion_of(sandbox))
        return await idempotency.keep(conn, request, caller, http.json(sandbox.shown(), status=202))


def _made(sandbox: SandboxRow, name: ScenarioName, task: SandboxTask) -> Scenario:
    year = Year(sandbox.sandbox_tenant_id, task)
    if name == "failing_receiver":
        return Scenario(scenario=name, webhook_id=year.webhook_id)
    case = year.scenario("arrest", MISSION)
    return Scenario(
        scenario=name,
        encounter_id=case.encounter_id,
        incident_id=case.incident_id,
        device_id=case.device_id,
    )


async def _begin(conn: AsyncConnection, caller: Caller, sandbox: SandboxRow, state: str) -> SandboxRow:
    begun = await database.found(conn, SandboxRow, queries.BEGIN, {"id": sandbox.id, "state": state})
    await audit.record(conn, caller, f"sandbox.{state}", sandbox.id, {"generation": begun.generation})
    await _send(conn, begun, work.portion_of(begun))
    return begun


async def _send(conn: AsyncConnection, sandbox: SandboxRow, *messages: Any) -> None:
    await aset_tenant(conn, sandbox.sandbox_tenant_id)
    await outbox.add(conn, sandbox.sandbox_tenant_id, *messages)
    await aset_tenant(conn, sandbox.tenant_id)


async def _revoke(conn: AsyncConnection, caller: Caller, tenant_id: str) -> None:
    """Ends every token of the sandbox, as the last statements of the transaction."""
    await aset_tenant(conn, tenant_id)
    await watermarks.revoke(conn, "tenant", tenant_id)
    await aset_tenant(conn, caller.tenant_id)


async def _load(conn: AsyncConnection, sandbox_id: str, *, lock: bool = False) -> SandboxRow:
    if not ids.is_id(sandbox_id, "sbx"):
        raise problems.not_found()
    return await database.found(conn, SandboxRow, queries.FIND_TO_CHANGE if lock else queries.FIND, (sandbox_id,))
