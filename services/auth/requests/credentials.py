"""The first credentials of a sandbox. They are made when the tenant's admin fetches them, so that nobody else ever holds them."""

from typing import Any

from starlette.requests import Request

from services.auth.apps import store
from services.auth.requests.models import IntegrationRequest
from services.auth.signin.cookies import LINK_PURPOSE, new_token
from services.auth.tenants import queries
from shared import audit
from shared.crypto import Keyring
from shared.database import AsyncConnection, aset_tenant
from shared.identity import Caller

LINK_HOURS = 168


async def make(conn: AsyncConnection, request: Request, caller: Caller, made: IntegrationRequest) -> dict[str, Any]:
    """A secret for the sandbox's admin app and a link, good once for a week, for its admin user.

    The one place where a request of one tenant writes into another: the one an operator made for it, named by the row
    that only operators write.
    """
    keyring: Keyring = request.state.keyring
    assert made.sandbox_tenant_id is not None
    assert made.sandbox_client_id is not None
    token = new_token()
    await aset_tenant(conn, made.sandbox_tenant_id)
    app = await store.load_app(conn, made.sandbox_client_id, lock=True)
    secret = await store.add_secret(conn, keyring, app)
    link = (keyring.mac(token.encode(), LINK_PURPOSE), made.sandbox_tenant_id, made.sandbox_user_id, LINK_HOURS)
    await conn.execute(queries.INSERT_LINK, link)
    there = Caller(tenant_id=made.sandbox_tenant_id, client_id=caller.client_id, subject=caller.subject)
    await audit.record(conn, there, "sandbox.credentials_made", app.client_id, {"request": made.id})
    await aset_tenant(conn, caller.tenant_id)
    return {
        "tenant_id": made.sandbox_tenant_id,
        "client_id": app.client_id,
        "client_secret": secret,
        "admin_email": made.details["admin_email"],
        "password_link": f"{request.state.settings.issuer}/v1/auth/password?link={token}",
    }
