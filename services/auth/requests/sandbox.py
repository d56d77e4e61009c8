"""A sandbox tenant: the capabilities of the one that asked, an admin app and user of its own, and nothing real in it."""

from typing import NamedTuple

from services.auth.apps import scopes, store
from services.auth.apps.models import App, AppDraft, Tenant
from services.auth.requests.models import SandboxDetails
from services.auth.tenants import queries
from services.auth.tenants.announcing import announce_async
from services.auth.tenants.bootstrap import ADMIN_APP
from services.auth.tenants.operations import OPERATOR, Refused
from shared import audit, ids
from shared.database import AsyncConnection, aset_tenant
from shared.identity import Caller

DEMO_APP = "Demo data"
DEMO_SCOPES = ["argus:devices:write", "argus:epcr:write", "argus:incidents:write"]
DEMO_BUNDLE = "incident-management"


class Sandbox(NamedTuple):
    tenant_id: str
    client_id: str
    user_id: str
    demo_client_id: str | None


async def make(conn: AsyncConnection, parent: Tenant, wanted: SandboxDetails, request_id: str) -> Sandbox:
    """The sandbox, in the transaction of `conn`, which is left set to it. Raises Refused where the address has a user.

    Neither app has a secret yet: the admin's is made when the tenant fetches it, the demo data's never.
    """
    tenant_id = ids.new_id("org")
    await aset_tenant(conn, tenant_id)
    name = wanted.name or f"{parent.name} (sandbox)"
    bundles = sorted({*parent.graphql_bundles, DEMO_BUNDLE})
    row = (tenant_id, name, parent.granted_scopes, bundles, parent.federation)
    await conn.execute(queries.INSERT_SANDBOX, row)
    await _record(conn, tenant_id, "tenant.created", tenant_id, request_id)
    await announce_async(conn, tenant_id)
    user_id = await _insert_user(conn, tenant_id, wanted.admin_email, request_id)
    catalogue = [scope for scope in scopes.catalogue(parent.granted_scopes) if scope != scopes.OFFLINE_ACCESS]
    admin = await _insert_app(conn, tenant_id, ADMIN_APP, [scopes.PLATFORM_APPS, *catalogue], bundles, request_id)
    demo = None
    if wanted.demo_data:
        demo = await _insert_app(conn, tenant_id, DEMO_APP, DEMO_SCOPES, [DEMO_BUNDLE], request_id)
    return Sandbox(tenant_id, admin.client_id, user_id, demo.client_id if demo else None)


async def _insert_user(conn: AsyncConnection, tenant_id: str, email: str, request_id: str) -> str:
    user_id = ids.new_id("usr")
    made = await conn.execute(queries.INSERT_USER, (user_id, tenant_id, email, email.partition("@")[0]))
    if not made.rowcount:
        raise Refused("the address asked for has a user already: decline, so that they ask again with another")
    await _record(conn, tenant_id, "user.created", user_id, request_id)
    return user_id


async def _insert_app(
    conn: AsyncConnection, tenant_id: str, name: str, wanted: list[str], bundles: list[str], request_id: str
) -> App:
    draft = AppDraft(name=name, grant_types=["client_credentials"], requested_scopes=wanted)
    app = await store.insert_app(conn, tenant_id, draft, first_party=True, bundles=bundles)
    await _record(conn, tenant_id, "app.created", app.client_id, request_id)
    return app


async def _record(conn: AsyncConnection, tenant_id: str, action: str, subject_id: str, request_id: str) -> None:
    operator = Caller(tenant_id=tenant_id, client_id=OPERATOR)
    await audit.record(conn, operator, action, subject_id, {"request": request_id})
