"""What operators decide of integration requests: each one transaction, under the worker role, with all that approval opens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from psycopg.rows import class_row

from services.auth.apps import store
from services.auth.apps.models import Tenant
from services.auth.requests import queries, sandbox
from services.auth.requests.models import (
    BundlesDetails,
    FederationDetails,
    IntegrationRequest,
    PlatformDetails,
    SandboxDetails,
    TelephonyDetails,
)
from services.auth.settings import Settings
from services.auth.tenants import queries as tenant_queries
from services.auth.tenants.announcing import announce_async
from services.auth.tenants.operations import OPERATOR, Refused
from shared import audit, ids, outbox
from shared.database import AsyncConnection, aset_tenant, open_pool
from shared.identity import Caller
from shared.messages import Event
from shared.settings import required

NOTHING_MADE: dict[str, str | None] = {
    "sandbox_tenant_id": None,
    "sandbox_client_id": None,
    "sandbox_user_id": None,
    "demo_client_id": None,
}


@asynccontextmanager
async def operating(settings: Settings) -> AsyncIterator[AsyncConnection]:
    """One transaction that sees every tenant's requests."""
    dsn = required(settings.worker_database_url, "WORKER_DATABASE_URL")
    async with open_pool(dsn, max_size=1) as pool, pool.connection() as conn:
        yield conn


async def requests(conn: AsyncConnection, status: str | None, tenant_id: str | None) -> list[IntegrationRequest]:
    """Of every tenant, oldest first."""
    async with conn.cursor(row_factory=class_row(IntegrationRequest)) as cursor:
        await cursor.execute(queries.OF_EVERYONE, {"status": status, "tenant_id": tenant_id})
        return await cursor.fetchall()


async def find(conn: AsyncConnection, request_id: str, *, lock: bool = False) -> IntegrationRequest:
    async with conn.cursor(row_factory=class_row(IntegrationRequest)) as cursor:
        await cursor.execute(queries.FIND_TO_CHANGE if lock else queries.FIND, (request_id,))
        found = await cursor.fetchone()
    if found is None:
        raise Refused(f"there is no request {request_id}")
    return found


async def approve(conn: AsyncConnection, request_id: str, reason: str | None) -> IntegrationRequest:
    """Opens what was asked for. Raises Refused for one that is decided, or of a suspended tenant."""
    request, tenant = await _pending(conn, request_id)
    if tenant.status != "active":
        raise Refused(f"{tenant.tenant_id} is {tenant.status}")
    made = await _open(conn, request, tenant)
    return await _decide(conn, request, tenant, "approved", reason, made)


async def decline(conn: AsyncConnection, request_id: str, reason: str) -> IntegrationRequest:
    """The tenant reads the reason, and may ask again. Raises Refused for one that is decided."""
    request, tenant = await _pending(conn, request_id)
    return await _decide(conn, request, tenant, "declined", reason, NOTHING_MADE)


async def _pending(conn: AsyncConnection, request_id: str) -> tuple[IntegrationRequest, Tenant]:
    """The request, locked against its withdrawal, and its tenant, whose the transaction is from here on."""
    request = await find(conn, request_id, lock=True)
    if request.status != "pending":
        raise Refused(f"{request_id} is {request.status} already")
    await aset_tenant(conn, request.tenant_id)
    return request, await store.load_tenant(conn, request.tenant_id)


async def _open(conn: AsyncConnection, request: IntegrationRequest, tenant: Tenant) -> dict[str, str | None]:
    """What approval does; returns the columns of a sandbox."""
    wanted, detail = request.wanted(), {"request": request.id}
    match wanted:
        case SandboxDetails():
            made = await sandbox.make(conn, tenant, wanted, request.id)
            await aset_tenant(conn, tenant.tenant_id)
            return dict(zip(NOTHING_MADE, made, strict=True))
        case PlatformDetails() | TelephonyDetails():
            await conn.execute(tenant_queries.GRANT_SCOPES, (wanted.scopes, tenant.tenant_id))
            await _record(conn, tenant, "tenant.scopes_granted", detail | {"scopes": wanted.scopes})
        case BundlesDetails():
            await conn.execute(tenant_queries.GRANT_BUNDLES, (wanted.bundles, tenant.tenant_id))
            await _record(conn, tenant, "tenant.bundles_granted", detail | {"bundles": wanted.bundles})
        case FederationDetails():
            await conn.execute(tenant_queries.OPEN_FEDERATION, (tenant.tenant_id,))
            await _record(conn, tenant, "tenant.federation_opened", detail)
    await announce_async(conn, tenant.tenant_id)
    return NOTHING_MADE


async def _record(conn: AsyncConnection, tenant: Tenant, action: str, detail: dict[str, Any]) -> None:
    operator = Caller(tenant_id=tenant.tenant_id, client_id=OPERATOR)
    await audit.record(conn, operator, action, tenant.tenant_id, detail)


async def _decide(
    conn: AsyncConnection,
    request: IntegrationRequest,
    tenant: Tenant,
    status: str,
    reason: str | None,
    made: dict[str, str | None],
) -> IntegrationRequest:
    async with conn.cursor(row_factory=class_row(IntegrationRequest)) as cursor:
        await cursor.execute(queries.DECIDE, {"id": request.id, "status": status, "reason": reason} | made)
        decided = await cursor.fetchone()
    assert decided is not None
    operator = Caller(tenant_id=request.tenant_id, client_id=OPERATOR)
    detail = {"capability": request.capability} | {name: value for name, value in made.items() if value}
    await audit.record(conn, operator, f"integration_request.{status}", request.id, detail)
    await outbox.add(conn, request.tenant_id, _decided(decided, test=tenant.environment == "sandbox"))
    return decided


def _decided(request: IntegrationRequest, *, test: bool) -> Event:
    return Event(
        event_id=ids.new_id("evt"),
        type="integration_request.decided",
        timestamp=request.decided_at or datetime.now(UTC),
        data={"request_id": request.id, "capability": request.capability, "decision": request.status},
        test=test,
    )
