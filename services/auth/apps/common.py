"""Common apps: apps of the platform that people of every organisation sign in to, such as the console.

An authorization request names the common app. Once the person is known, their organisation's own app takes its place: made at the first
sign-in, and brought up to date at each further one. It carries no scope and no bundle that the organisation was not granted.
"""

import re
from typing import Any

import msgspec

from services.auth.apps import queries, scopes, store
from services.auth.apps.models import AppDraft, AppRow, Tenant
from shared.primitives.ids import PLATFORM_TENANT
from shared.storage import audit, database
from shared.storage.database import AsyncConnection
from shared.web.identity import Caller

NAME = re.compile(r"[a-z]{3,20}")
PLATFORM = "platform"
"""The actor that makes an organisation's app, in the audit trail."""


class CommonApp(msgspec.Struct, frozen=True, kw_only=True):
    """`redirect_uris` and `jwks` are those of all its apps. `scopes` and `graphql_bundles` are the most that one may have."""

    name: str
    title: str
    redirect_uris: list[str]
    jwks: dict[str, Any]
    scopes: list[str]
    graphql_bundles: list[str]


async def find(conn: AsyncConnection, name: str) -> CommonApp | None:
    return await database.first(conn, CommonApp, queries.COMMON_APP, (name,)) if NAME.fullmatch(name) else None


async def of_tenant(conn: AsyncConnection, common: CommonApp, tenant_id: str) -> AppRow:
    """The organisation's own app, up to date. The tenant must be set."""
    tenant = await store.hold_tenant(conn, tenant_id)
    # These fields follow the common app and the organisation's grants.
    closed = set(scopes.ON_REQUEST) - set(tenant.granted_scopes)
    if tenant.tenant_id != PLATFORM_TENANT:
        closed |= set(scopes.OPERATORS)
    wanted = {
        "name": common.title,
        "redirect_uris": common.redirect_uris,
        "jwks": common.jwks,
        "requested_scopes": [one for one in common.scopes if one not in closed],
        "graphql_bundles": [one for one in common.graphql_bundles if one in tenant.graphql_bundles],
        "allow_service_tokens": False,
        "enforce_pkce": True,
        "approved_events": [],
    }
    app = await _load(conn, common)
    if app is None:
        await conn.execute(queries.LOCK_COMMON_APP, (f"{common.name} {tenant_id}",))
        app = await _load(conn, common) or await _make(conn, common, tenant)
    if all(getattr(app, name) == value for name, value in wanted.items()):
        return app
    app = await store.load_app(conn, app.client_id, lock=True)
    if set(app.requested_scopes) - set(wanted["requested_scopes"]):
        await store.revoke_every_token(conn, app.client_id)
    return await store.save_app(conn, app, **wanted)


async def _load(conn: AsyncConnection, common: CommonApp) -> AppRow | None:
    return await database.first(conn, AppRow, queries.APP_OF_COMMON, (common.name,))


async def _make(conn: AsyncConnection, common: CommonApp, tenant: Tenant) -> AppRow:
    draft = AppDraft(
        name=common.title,
        grant_types=["authorization_code", "refresh_token"],
        redirect_uris=common.redirect_uris,
        token_endpoint_auth_method="private_key_jwt",
        jwks=common.jwks,
    )
    app = await store.insert_app(conn, tenant.tenant_id, draft, first_party=True)
    await conn.execute(queries.SET_COMMON_APP, (common.name, app.client_id))
    maker = Caller(tenant_id=tenant.tenant_id, client_id=PLATFORM)
    await audit.record(conn, maker, "app.created", app.client_id, {"first_party": True, "common_app": common.name})
    return app
