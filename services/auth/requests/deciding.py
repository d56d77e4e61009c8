"""Operators approve and decline integration requests. Each decision is one transaction under the worker role."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

from services.auth.apps import scopes, store
from services.auth.apps.models import AppDraft, AppRow, Tenant
from services.auth.people.roles import ADMINISTRATOR
from services.auth.requests import queries
from services.auth.requests.models import (
    BundlesDetails,
    FederationDetails,
    HandoverDetails,
    PlatformDetails,
    RequestRow,
    SandboxDetails,
    TelephonyDetails,
)
from services.auth.settings import Settings
from services.auth.tenants import queries as tenant_queries
from services.auth.tenants.operations import ADMIN_APP, OPERATOR, OperationRefused, announce_async
from shared.messaging import outbox
from shared.messaging.messages import Event
from shared.primitives import ids
from shared.process.settings import required
from shared.storage import audit, database
from shared.storage.database import AsyncConnection, aset_tenant, open_pool
from shared.web.identity import Caller

NOTHING_MADE: dict[str, str | None] = {
    "sandbox_tenant_id": None,
    "sandbox_client_id": None,
    "sandbox_user_id": None,
    "demo_client_id": None,
}


@asynccontextmanager
async def operating(settings: Settings) -> AsyncIterator[AsyncConnection]:
    """One transaction that sees the requests of every tenant."""
    dsn = required(settings.worker_database_url, "WORKER_DATABASE_URL")
    async with open_pool(dsn, max_size=1) as pool, pool.connection() as conn:
        yield conn


async def requests(conn: AsyncConnection, status: str | None, tenant_id: str | None) -> list[RequestRow]:
    """Requests of every tenant, oldest first."""
    return await database.every(conn, RequestRow, queries.OF_EVERYONE, {"status": status, "tenant_id": tenant_id})


async def find(conn: AsyncConnection, request_id: str, *, lock: bool = False) -> RequestRow:
    found = await database.first(conn, RequestRow, queries.FIND_TO_CHANGE if lock else queries.FIND, (request_id,))
    if found is None:
        raise OperationRefused(f"there is no request {request_id}")
    return found


async def approve(conn: AsyncConnection, request_id: str, reason: str | None) -> RequestRow:
    """Opens the capability. Raises OperationRefused for a request that is not pending, or of a suspended tenant."""
    request, tenant = await _pending(conn, request_id)
    if tenant.status != "active":
        raise OperationRefused(f"{tenant.tenant_id} is {tenant.status}")
    wanted, detail = request.wanted(), {"request": request.id}
    match wanted:
        case SandboxDetails():
            made = await make_sandbox(conn, tenant, wanted, request.id)
            await aset_tenant(conn, tenant.tenant_id)
            columns = dict(zip(NOTHING_MADE, made, strict=True))
            return await _decide(conn, request, tenant, "approved", reason, columns)
        case PlatformDetails() | TelephonyDetails() | HandoverDetails():
            await conn.execute(tenant_queries.GRANT_SCOPES, (wanted.scopes, tenant.tenant_id))
            await _record(conn, tenant, "tenant.scopes_granted", detail | {"scopes": wanted.scopes})
        case BundlesDetails():
            await conn.execute(tenant_queries.GRANT_BUNDLES, (wanted.bundles, tenant.tenant_id))
            await _record(conn, tenant, "tenant.bundles_granted", detail | {"bundles": wanted.bundles})
        case FederationDetails():
            await conn.execute(tenant_queries.OPEN_FEDERATION, (tenant.tenant_id,))
            await _record(conn, tenant, "tenant.federation_opened", detail)
    await announce_async(conn, tenant.tenant_id)
    return await _decide(conn, request, tenant, "approved", reason, NOTHING_MADE)


async def decline(conn: AsyncConnection, request_id: str, reason: str) -> RequestRow:
    """The tenant reads the reason and may ask again. Raises OperationRefused for a request that is not pending."""
    request, tenant = await _pending(conn, request_id)
    return await _decide(conn, request, tenant, "declined", reason, NOTHING_MADE)


async def _pending(conn: AsyncConnection, request_id: str) -> tuple[RequestRow, Tenant]:
    """The locked request and its tenant. Sets the transaction to that tenant."""
    request = await find(conn, request_id, lock=True)
    if request.status != "pending":
        raise OperationRefused(f"{request_id} is {request.status} already")
    await aset_tenant(conn, request.tenant_id)
    return request, await store.load_tenant(conn, request.tenant_id)


async def _record(conn: AsyncConnection, tenant: Tenant, action: str, detail: dict[str, Any]) -> None:
    operator = Caller(tenant_id=tenant.tenant_id, client_id=OPERATOR)
    await audit.record(conn, operator, action, tenant.tenant_id, detail)


async def _decide(
    conn: AsyncConnection,
    request: RequestRow,
    tenant: Tenant,
    status: str,
    reason: str | None,
    made: dict[str, str | None],
) -> RequestRow:
    decision = {"id": request.id, "status": status, "reason": reason} | made
    decided = await database.found(conn, RequestRow, queries.DECIDE, decision)
    operator = Caller(tenant_id=request.tenant_id, client_id=OPERATOR)
    detail = {"capability": request.capability} | {name: value for name, value in made.items() if value}
    await audit.record(conn, operator, f"integration_request.{status}", request.id, detail)
    await outbox.add(
        conn,
        request.tenant_id,
        Event(
            event_id=ids.new_id("evt"),
            type="integration_request.decided",
            timestamp=decided.decided_at or datetime.now(UTC),
            data={"request_id": decided.id, "capability": decided.capability, "decision": decided.status},
            test=(tenant.environment == "sandbox"),
        ),
    )
    return decided


# --- Sandboxes --------------------------------------------------------------------------------------------------------

DEMO_APP = "Demo data"
DEMO_SCOPES = ["argus:devices:write", "argus:epcr:write", "argus:incidents:write"]
DEMO_BUNDLE = "incident-management"


class MadeSandbox(NamedTuple):
    tenant_id: str
    client_id: str
    user_id: str
    demo_client_id: str | None


async def make_sandbox(conn: AsyncConnection, parent: Tenant, wanted: SandboxDetails, request_id: str) -> MadeSandbox:
    """Makes the sandbox and leaves the transaction of `conn` set to it. Raises OperationRefused if the address has a user.

    Neither app has a secret. The administrator app gets one when the tenant fetches it, the demo data app never.
    """
    tenant_id = ids.new_id("org")
    await aset_tenant(conn, tenant_id)
    name = wanted.name or f"{parent.name} (sandbox)"
    bundles = sorted({*parent.graphql_bundles, DEMO_BUNDLE})
    sandbox = (tenant_id, name, parent.granted_scopes, bundles, parent.federation)
    await conn.execute(tenant_queries.INSERT_SANDBOX, sandbox)
    await _record_in_sandbox(conn, tenant_id, "tenant.created", tenant_id, request_id)
    await announce_async(conn, tenant_id)
    user_id = ids.new_id("usr")
    row = (user_id, tenant_id, wanted.admin_email, wanted.admin_email.partition("@")[0], ADMINISTRATOR, None)
    made = await conn.execute(tenant_queries.INSERT_USER, row)
    if not made.rowcount:
        raise OperationRefused("the address asked for has a user already: decline, so that they ask again with another")
    await _record_in_sandbox(conn, tenant_id, "user.created", user_id, request_id)
    catalogue = [scope for scope in scopes.catalogue(parent.granted_scopes) if scope != scopes.OFFLINE_ACCESS]
    administers = [scopes.PLATFORM_APPS, scopes.PLATFORM_AUDIT, *catalogue]
    admin = await _insert_app(conn, tenant_id, ADMIN_APP, administers, bundles, request_id)
    demo = None
    if wanted.demo_data:
        demo = await _insert_app(conn, tenant_id, DEMO_APP, DEMO_SCOPES, [DEMO_BUNDLE], request_id)
    return MadeSandbox(tenant_id, admin.client_id, user_id, demo.client_id if demo else None)


async def _insert_app(
    conn: AsyncConnection, tenant_id: str, name: str, wanted: list[str], bundles: list[str], request_id: str
) -> AppRow:
    draft = AppDraft(name=name, grant_types=["client_credentials"], requested_scopes=wanted, graphql_bundles=bundles)
    app = await store.insert_app(conn, tenant_id, draft, first_party=True)
    await _record_in_sandbox(conn, tenant_id, "app.created", app.client_id, request_id)
    return app


async def _record_in_sandbox(
    conn: AsyncConnection, tenant_id: str, action: str, subject_id: str, request_id: str
) -> None:
    operator = Caller(tenant_id=tenant_id, client_id=OPERATOR)
    await audit.record(conn, operator, action, subject_id, {"request": request_id})
