"""Platform apps: the HTTP door of a tenant's admin."""

from typing import Any

from psycopg.rows import class_row
from starlette.requests import Request
from starlette.responses import Response

from services.auth import caps
from services.auth.apps import dry_run, queries, rules, scopes, store
from services.auth.apps.changing import changeable, named_fields, refuse
from services.auth.apps.models import (
    App,
    AppChange,
    AppDraft,
    AppEventRow,
    AppPage,
    GovernanceChange,
    GovernanceQuery,
)
from services.auth.apps.views import app_view, governance_view
from services.auth.revocations import bell, watermarks
from shared import audit, http, idempotency, identity, pagination
from shared.database import AsyncConnection, tenant_transaction
from shared.identity import Caller
from shared.pagination import Page


async def list_scopes(request: Request, caller: Caller) -> Response:
    """What apps of the caller's tenant may ask for."""
    async with tenant_transaction(request, caller) as conn:
        tenant = await store.load_tenant(conn, caller.tenant_id)
    catalogue = scopes.catalogue(tenant.granted_scopes)
    return http.json({"scopes": [{"name": name, "description": text} for name, text in catalogue.items()]})


async def create_app(request: Request, caller: Caller, draft: AppDraft) -> Response:
    async with tenant_transaction(request, caller) as conn:
        if (answer := await idempotency.stored(conn, request, caller)) is not None:
            return answer
        tenant, settings = await store.hold_tenant(conn, caller.tenant_id), request.state.settings
        refuse(rules.check_draft(draft, tenant, settings))
        await caps.require(conn, settings, tenant.tenant_id, "apps", queries.COUNT_APPS, (tenant.tenant_id,))
        await caps.require(
            conn, settings, tenant.tenant_id, "apps_a_day", queries.COUNT_APPS_OF_DAY, (tenant.tenant_id,)
        )
        app = await store.insert_app(conn, caller.tenant_id, draft)
        content = app_view(app)
        if app.token_endpoint_auth_method in ("client_secret_basic", "client_secret_post"):
            content["client_secret"] = await store.add_secret(conn, request.state.keyring, app)
        await audit.record(conn, caller, "app.created", app.client_id, {"requested_scopes": app.requested_scopes})
        content["secrets"] = await store.live_secrets(conn, app.client_id)
        response = http.created(content, f"/v1/platform/apps/{app.client_id}")
        return await idempotency.keep(conn, request, caller, response)


async def list_apps(request: Request, caller: Caller, page: AppPage) -> Response:
    parameters = {"status": page.status or None, "after": pagination.after(request, page), "limit": page.limit + 1}
    async with tenant_transaction(request, caller) as conn, conn.cursor(row_factory=class_row(App)) as cursor:
        await cursor.execute(queries.APPS, parameters)
        rows, next_cursor = pagination.slice_page(request, await cursor.fetchall(), page, key=lambda app: app.client_id)
    content = {"apps": [app_view(app) for app in rows], "next_cursor": next_cursor}
    return http.json(content, headers=pagination.link_header(request, next_cursor))


async def read_app(request: Request, caller: Caller, client_id: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        app = await store.load_app(conn, client_id)
        return http.json(app_view(app, await store.live_secrets(conn, app.client_id)))


async def change_app(request: Request, caller: Caller, client_id: str, change: AppChange) -> Response:
    """Withdrawing a scope ends the app's live tokens: none may carry more than the app is approved for."""
    async with tenant_transaction(request, caller) as conn:
        tenant = await store.hold_tenant(conn, caller.tenant_id)
        app = await changeable(conn, caller, client_id)
        refuse(rules.check_change(change, app, tenant, request.state.settings))
        named = named_fields(change)
        changed = await store.save_app(conn, app, **named)
        withdrawn = sorted(set(app.requested_scopes) - set(changed.requested_scopes))
        if withdrawn:
            await store.revoke_every_token(conn, app.client_id)
        await audit.record(
            conn, caller, "app.changed", app.client_id, {"fields": sorted(named), "withdrawn": withdrawn}
        )
        content = app_view(changed, await store.live_secrets(conn, app.client_id))
    if withdrawn:
        await bell.ring(request.state.redis)
    return http.json(content)


async def delete_app(request: Request, caller: Caller, client_id: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        app = await changeable(conn, caller, client_id)
        await store.save_app(conn, app, status="deleted")
        await conn.execute(queries.DELETE_SECRETS, (app.client_id,))
        await conn.execute(queries.DELETE_CONSENTS, (app.client_id,))
        await conn.execute(queries.REVOKE_GRANTS, (app.client_id,))
        await store.revoke_every_token(conn, app.client_id)
        await audit.record(conn, caller, "app.deleted", app.client_id)
    await bell.ring(request.state.redis)
    return http.no_content()


async def disable_app(request: Request, caller: Caller, client_id: str) -> Response:
    """Ends every live token at once; secrets and service-token grants stay as they are for the day it is enabled again."""
    async with tenant_transaction(request, caller) as conn:
        app = await changeable(conn, caller, client_id)
        if app.status == "active":
            app = await store.save_app(conn, app, status="disabled")
            await store.revoke_every_token(conn, app.client_id)
            await audit.record(conn, caller, "app.disabled", app.client_id)
        content = app_view(app, await store.live_secrets(conn, app.client_id))
    await bell.ring(request.state.redis)
    return http.json(content)


async def enable_app(request: Request, caller: Caller, client_id: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        app = await changeable(conn, caller, client_id)
        if app.status == "disabled":
            app = await store.save_app(conn, app, status="active")
            await audit.record(conn, caller, "app.enabled", app.client_id)
        return http.json(app_view(app, await store.live_secrets(conn, app.client_id)))


async def change_governance(
    request: Request, caller: Caller, client_id: str, query: GovernanceQuery, change: GovernanceChange
) -> Response:
    """Turning service tokens off ends the live ones, another mode of de-identification all that are live.

    Every gateway refuses them within a second.
    """
    revoked = 0
    async with tenant_transaction(request, caller) as conn:
        tenant = await store.hold_tenant(conn, caller.tenant_id)
        app = await changeable(conn, caller, client_id)
        refuse(rules.check_governance(change, app, tenant, request.state.settings))
        if query.dry_run:
            return http.json(await _dry_run(conn, app, change))
        named = named_fields(change)
        changed = await store.save_app(conn, app, **named)
        has_other_mode = changed.deidentification != app.deidentification
        if has_other_mode or not changed.allow_service_tokens:
            revoked = await store.revoke_service_tokens(conn, app.client_id)
        if has_other_mode:
            await store.revoke_every_token(conn, app.client_id)
        await audit.record(conn, caller, "app.governance_changed", app.client_id, {"fields": sorted(named)})
    if revoked or has_other_mode:
        await bell.ring(request.state.redis)
    content = {
        "client_id": app.client_id,
        "governance": governance_view(changed),
        "revoked_service_tokens": revoked,
        "revocation_effective_within_seconds": watermarks.EFFECTIVE_WITHIN_SECONDS,
    }
    return http.json(content)


async def _dry_run(conn: AsyncConnection, app: App, change: GovernanceChange) -> dict[str, Any]:
    rows = await (await conn.execute(queries.RECENT_COUNTS, (app.client_id,))).fetchall()
    reasons = dry_run.would_refuse(change, app, [dry_run.Count(*row) for row in rows])
    return {"dry_run": True, "would_refuse": sum(reasons.values()), "by_reason": reasons}


async def list_events(request: Request, caller: Caller, client_id: str, page: Page) -> Response:
    """Refused token calls of the last 30 days. An app may read its own: its integrator debugs alone."""
    if caller.client_id != client_id:
        identity.require(request, scopes.PLATFORM_APPS)
    parameters = {"client_id": client_id, "after": pagination.after(request, page), "limit": page.limit + 1}
    async with tenant_transaction(request, caller) as conn:
        await store.load_app(conn, client_id)
        async with conn.cursor(row_factory=class_row(AppEventRow)) as cursor:
            await cursor.execute(queries.APP_EVENTS, parameters)
            rows, next_cursor = pagination.slice_page(request, await cursor.fetchall(), page, key=lambda row: row.id)
    content = {"events": list(rows), "next_cursor": next_cursor}
    return http.json(content, headers=pagination.link_header(request, next_cursor))
