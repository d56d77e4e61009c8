"""Integration requests: the endpoints of an organisation's administrator. Operators decide with `commands`."""

from typing import Any

from psycopg.types.json import Jsonb
from starlette.requests import Request
from starlette.responses import Response

from services.auth import caps
from services.auth.apps import store
from services.auth.apps.rules import refuse
from services.auth.requests import queries, rules
from services.auth.requests.models import (
    ANY_REQUEST,
    IntegrationRequest,
    RequestDraft,
    RequestPage,
    RequestRow,
    SandboxCredentials,
)
from services.auth.signin.cookies import LINK_PURPOSE, new_token
from services.auth.tenants import queries as tenant_queries
from shared.primitives import ids
from shared.primitives.crypto import Keyring
from shared.storage import audit, database, idempotency
from shared.storage.database import AsyncConnection, aset_tenant, tenant_transaction
from shared.web import http, problems
from shared.web.identity import Caller

LINK_HOURS = 168


async def create_request(request: Request, caller: Caller) -> Response:
    draft: RequestDraft = await http.decode(request, ANY_REQUEST)
    refuse(rules.check(draft.details, draft.reason))
    async with tenant_transaction(request, caller) as conn:
        if (answer := await idempotency.stored(conn, request, caller)) is not None:
            return answer
        tenant = await store.load_tenant(conn, caller.tenant_id)
        if rules.is_own_sandbox(draft.details, tenant):
            raise problems.conflict("A sandbox has no sandbox of its own.")
        if rules.has_already(draft.details, tenant):
            raise problems.conflict("Your organisation has this already.")
        count, settings = queries.COUNT, request.state.settings
        await caps.require(conn, settings, caller.tenant_id, "requests", count, (caller.tenant_id,))
        capability = str(draft.__struct_config__.tag)
        row: dict[str, Any] = {
            "id": ids.new_id("ireq"),
            "tenant_id": caller.tenant_id,
            "capability": capability,
            "details": Jsonb(draft.details, dumps=http.encode),
            "reason": draft.reason,
            "requested_by": caller.client_id,
        }
        made = await database.first(conn, RequestRow, queries.INSERT, row)
        if made is None:
            pending = await (await conn.execute(queries.PENDING, (capability,))).fetchone()
            raise problems.conflict(
                "There is a pending request for this capability.", id=pending[0] if pending else None
            )
        await audit.record(conn, caller, "integration_request.made", made.id, {"capability": made.capability})
        response = http.created(made.shown(), f"{problems.INTEGRATION_REQUESTS}/{made.id}")
        return await idempotency.keep(conn, request, caller, response)


async def list_requests(request: Request, caller: Caller, page: RequestPage) -> Response:
    parameters = {
        "capability": page.capability or None,
        "status": page.status or None,
        "after": http.page_after(request, page),
        "limit": page.limit + 1,
    }
    async with tenant_transaction(request, caller) as conn:
        found, fitting = await database.page_of(conn, RequestRow, queries.LIST, parameters, page, http.SMALL)
    return http.listed(request, "integration_requests", found, fitting, lambda row: row.id, RequestRow.shown)


async def read_request(request: Request, caller: Caller, request_id: str) -> IntegrationRequest:
    async with tenant_transaction(request, caller) as conn:
        return (await _load(conn, request_id)).shown()


async def withdraw_request(request: Request, caller: Caller, request_id: str) -> IntegrationRequest:
    """A withdrawn request stays withdrawn. A decided one is 409."""
    async with tenant_transaction(request, caller) as conn:
        found = await _load(conn, request_id, lock=True)
        if found.status in ("approved", "declined"):
            raise problems.conflict(f"The request was {found.status} already.", request_status=found.status)
        if found.status == "pending":
            found = await database.found(conn, RequestRow, queries.WITHDRAW, (found.id,))
            detail = {"capability": found.capability}
            await audit.record(conn, caller, "integration_request.withdrawn", found.id, detail)
        return found.shown()


async def fetch_credentials(request: Request, caller: Caller, request_id: str) -> Response:
    """Makes the sandbox's first secret and its administrator's password link. Only this answer shows them."""
    async with tenant_transaction(request, caller) as conn:
        if (answer := await idempotency.stored(conn, request, caller)) is not None:
            return answer
        found = await _load(conn, request_id, lock=True)
        if found.sandbox_tenant_id is None:
            raise problems.conflict("The request has no sandbox.", request_status=found.status)
        if found.credentials_at is not None:
            raise problems.conflict(
                "The credentials were fetched already; Knogin's operators give new ones.",
                credentials_at=found.credentials_at,
            )
        # A secret for the sandbox's administrator app, and a link, good once for a week, for its administrator. Only here does a
        # request of one tenant write into another. Its row names that other tenant, and only operators write the row.
        keyring: Keyring = request.state.keyring
        assert found.sandbox_tenant_id is not None
        assert found.sandbox_client_id is not None
        token = new_token()
        await aset_tenant(conn, found.sandbox_tenant_id)
        app = await store.load_app(conn, found.sandbox_client_id, lock=True)
        secret = await store.add_secret(conn, keyring, app)
        link = (keyring.mac(token.encode(), LINK_PURPOSE), found.sandbox_tenant_id, found.sandbox_user_id, LINK_HOURS)
        await conn.execute(tenant_queries.INSERT_LINK, link)
        there = Caller(tenant_id=found.sandbox_tenant_id, client_id=caller.client_id, subject=caller.subject)
        await audit.record(conn, there, "sandbox.credentials_made", app.client_id, {"request": found.id})
        await aset_tenant(conn, caller.tenant_id)
        made = SandboxCredentials(
            tenant_id=found.sandbox_tenant_id,
            client_id=app.client_id,
            client_secret=secret,
            admin_email=found.details["admin_email"],
            password_link=f"{request.state.settings.issuer}/v1/auth/password?link={token}",
        )
        await conn.execute(queries.CREDENTIALS_FETCHED, (found.id,))
        await audit.record(conn, caller, "integration_request.credentials_fetched", found.id)
        return await idempotency.keep(conn, request, caller, http.json(made))


async def _load(conn: AsyncConnection, request_id: str, *, lock: bool = False) -> RequestRow:
    if not ids.is_id(request_id, "ireq"):
        raise problems.not_found()
    return await database.found(conn, RequestRow, queries.FIND_TO_CHANGE if lock else queries.FIND, (request_id,))
