"""Apps, their governance, secrets and service tokens: the endpoints of an organisation's administrator."""

from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from services.auth import caps
from services.auth.apps import decisions, queries, rotating, rules, scopes, store, uses
from services.auth.apps.models import (
    App,
    AppChange,
    AppDraft,
    AppEvent,
    AppPage,
    AppRow,
    GovernanceChange,
    GovernanceChanged,
    GovernanceQuery,
    GovernanceTried,
    MintedServiceToken,
    RegisteredApp,
    RotateSecret,
    Scope,
    Scopes,
    Secret,
    ServiceToken,
    ServiceTokenDraft,
)
from services.auth.apps.rules import refuse
from services.auth.apps.store import insert_service_token
from services.auth.revocations import bell, watermarks
from shared.messaging import outbox
from shared.primitives import ids
from shared.storage import audit, database, idempotency
from shared.storage.caps import Cap, require_room
from shared.storage.database import AsyncConnection, tenant_transaction
from shared.web import http, identity, problems
from shared.web.http import Page
from shared.web.identity import Caller


async def list_scopes(request: Request, caller: Caller) -> Scopes:
    async with tenant_transaction(request, caller) as conn:
        tenant = await store.load_tenant(conn, caller.tenant_id)
    catalogue = scopes.catalogue(tenant.granted_scopes)
    return Scopes([Scope(name, text) for name, text in catalogue.items()], sorted(tenant.graphql_bundles))


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
        app = await store.insert_app(conn, caller.tenant_id, draft, created_by=caller.subject or caller.client_id)
        secret = await store.add_secret(conn, request.state.keyring, app) if app.has_secret else UNSET
        await decisions.note(conn, caller, None, app)
        await audit.record(conn, caller, "app.created", app.client_id, {"requested_scopes": app.requested_scopes})
        shown = await _shown(conn, app)
        registered = RegisteredApp(**msgspec.structs.asdict(shown), client_secret=secret)
        response = http.created(registered, f"/v1/platform/apps/{app.client_id}")
        return await idempotency.keep(conn, request, caller, response)


async def list_apps(request: Request, caller: Caller, page: AppPage) -> Response:
    parameters = {"status": page.status or None, "after": http.page_after(request, page), "limit": page.limit + 1}
    async with tenant_transaction(request, caller) as conn:
        found, fitting = await database.page_of(conn, AppRow, queries.APPS, parameters, page, http.SMALL)
        used = await uses.of_apps(conn, [app.client_id for app in found]) if page.usage else {}

    def shown(app: AppRow) -> App:
        return app.shown(usage=used.get(app.client_id, UNSET))

    return http.listed(request, "apps", found, fitting, lambda app: app.client_id, shown)


async def read_app(request: Request, caller: Caller, client_id: str) -> App:
    async with tenant_transaction(request, caller) as conn:
        shown = await _shown(conn, await store.load_app(conn, client_id))
        shown.usage = (await uses.of_apps(conn, [client_id]))[client_id]
        return shown


async def _shown(conn: AsyncConnection, app: AppRow) -> App:
    return app.shown(await database.every(conn, Secret, queries.LIVE_SECRETS, (app.client_id,)))


async def change_app(request: Request, caller: Caller, client_id: str, change: AppChange) -> App:
    """Withdrawing a scope ends the app's live tokens, since no token may carry more than the app is approved for."""
    async with tenant_transaction(request, caller) as conn:
        tenant = await store.hold_tenant(conn, caller.tenant_id)
        app = await changeable(conn, caller, client_id)
        refuse(rules.check_change(change, app, tenant, request.state.settings))
        named = named_fields(change)
        changed = await store.save_app(conn, app, **named)
        decided = await decisions.note(conn, caller, app, changed, change.reason)
        withdrawn = sorted(set(app.requested_scopes) - set(changed.requested_scopes))
        if withdrawn:
            await store.revoke_every_token(conn, app.client_id)
        detail = {"fields": sorted(named), "withdrawn": withdrawn} | decided.names()
        await audit.record(conn, caller, "app.changed", app.client_id, detail)
        answer = await _shown(conn, changed)
    if withdrawn:
        await bell.ring(request.state.redis)
    return answer


async def delete_app(request: Request, caller: Caller, client_id: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        app = await changeable(conn, caller, client_id)
        deleted = await database.found(conn, AppRow, queries.DELETE_APP, (app.client_id,))
        await outbox.add(conn, app.tenant_id, *store.app_messages(deleted))
        for statement in queries.END_WITH_APP:
            await conn.execute(statement, (app.client_id,))
        await watermarks.revoke(conn, "client", app.client_id)
        await audit.record(conn, caller, "app.deleted", app.client_id)
    await bell.ring(request.state.redis)
    return http.no_content()


async def disable_app(request: Request, caller: Caller, client_id: str) -> App:
    """Ends every live token at once. Secrets and grants of users stay for the day the app is enabled again."""
    async with tenant_transaction(request, caller) as conn:
        app = await changeable(conn, caller, client_id)
        if app.status == "active":
            app = await _with_status(conn, caller, app, "disabled")
            await store.revoke_every_token(conn, app.client_id)
            await audit.record(conn, caller, "app.disabled", app.client_id)
        answer = await _shown(conn, app)
    await bell.ring(request.state.redis)
    return answer


async def enable_app(request: Request, caller: Caller, client_id: str) -> App:
    async with tenant_transaction(request, caller) as conn:
        app = await changeable(conn, caller, client_id)
        if app.status == "disabled":
            app = await _with_status(conn, caller, app, "active")
            await audit.record(conn, caller, "app.enabled", app.client_id)
        return await _shown(conn, app)


async def _with_status(
    conn: AsyncConnection, caller: Caller, app: AppRow, status: Literal["active", "disabled"]
) -> AppRow:
    changed = await store.save_app(conn, app, status=status)
    await decisions.note(conn, caller, app, changed)
    return changed


async def change_governance(
    request: Request, caller: Caller, client_id: str, query: GovernanceQuery, change: GovernanceChange
) -> Response:
    """Turning service tokens off ends the live ones; another mode of de-identification ends every token of the app.

    Every gateway refuses them within a second.
    """
    revoked = 0
    async with tenant_transaction(request, caller) as conn:
        tenant = await store.hold_tenant(conn, caller.tenant_id)
        app = await changeable(conn, caller, client_id)
        refuse(rules.check_governance(change, app, tenant, request.state.settings))
        if query.dry_run:
            counts = await (await conn.execute(queries.RECENT_COUNTS, (app.client_id,))).fetchall()
            reasons = rules.would_refuse(change, app, [rules.Count(*row) for row in counts])
            return http.json(GovernanceTried(dry_run=True, would_refuse=sum(reasons.values()), by_reason=reasons))
        named = named_fields(change)
        changed = await store.save_app(conn, app, **named)
        decided = await decisions.note(conn, caller, app, changed, change.reason)
        has_other_mode = changed.deidentification != app.deidentification
        if has_other_mode or not changed.allow_service_tokens:
            revoked = await store.revoke_service_tokens(conn, app.client_id)
        if has_other_mode:
            await store.revoke_every_token(conn, app.client_id)
        detail = {"fields": sorted(named)} | decided.names()
        await audit.record(conn, caller, "app.governance_changed", app.client_id, detail)
    if revoked or has_other_mode:
        await bell.ring(request.state.redis)
    within = watermarks.EFFECTIVE_WITHIN_SECONDS
    return http.json(GovernanceChanged(app.client_id, changed.governance, revoked, within))


async def list_events(request: Request, caller: Caller, client_id: str, page: Page) -> Response:
    """Refused token calls of the last 30 days. An app may read its own, so that its integrator needs no administrator."""
    if caller.client_id != client_id:
        identity.require(request, scopes.PLATFORM_APPS)
    parameters = {"client_id": client_id, "after": http.page_after(request, page), "limit": page.limit + 1}
    async with tenant_transaction(request, caller) as conn:
        await store.load_app(conn, client_id)
        found = await database.every(conn, AppEvent, queries.APP_EVENTS, parameters)
    return http.listed(request, "events", found, page, lambda row: row.id)


# --- Secrets and service tokens ---------------------------------------------------------------------------------------


async def rotate_secret(request: Request, caller: Caller, client_id: str, rotation: RotateSecret) -> Response:
    async with tenant_transaction(request, caller) as conn:
        if (answer := await idempotency.stored(conn, request, caller)) is not None:
            return answer
        app = await changeable(conn, caller, client_id)
        rotated = await rotating.rotate(conn, request.state.keyring, caller, app, rotation)
        response = await idempotency.keep(conn, request, caller, http.json(rotated))
    if not rotation.overlap_seconds:
        await bell.ring(request.state.redis)
    return response


async def end_secret(request: Request, caller: Caller, client_id: str, secret_id: str) -> Response:
    """Ends the old secret before its overlap is over. Tokens that it obtained live on until they expire."""
    async with tenant_transaction(request, caller) as conn:
        app = await changeable(conn, caller, client_id)
        if not ids.is_id(secret_id, "sec"):
            raise problems.not_found()
        live = await database.every(conn, Secret, queries.LIVE_SECRETS, (app.client_id,))
        secret = next((one for one in live if one.id == secret_id), None)
        if secret is None:
            raise problems.not_found()
        if secret.expires_at is None:
            raise problems.conflict("This is the app's present secret; rotate it instead.")
        await conn.execute(queries.END_SECRET, (secret.id, app.client_id))
        await audit.record(conn, caller, "app.secret_ended", app.client_id, {"secret": secret.id})
    return http.no_content()


async def mint_service_token(request: Request, caller: Caller, client_id: str, draft: ServiceTokenDraft) -> Response:
    await request.state.keys.fresh()
    async with tenant_transaction(request, caller) as conn:
        if (answer := await idempotency.stored(conn, request, caller)) is not None:
            return answer
        tenant = await store.hold_tenant(conn, caller.tenant_id)
        if tenant.status != "active":
            raise problems.conflict("This organisation is suspended.")
        app = await changeable(conn, caller, client_id)
        wanted = rules.scopes_of_service_token(app, draft)
        settings, instead = request.state.settings, "revoke some first"
        cap = Cap("live service tokens", settings.most_service_tokens_of_app, "An app", instead)
        await require_room(conn, cap, app.client_id, queries.COUNT_SERVICE_TOKENS, (app.client_id,))
        count = queries.COUNT_SERVICE_TOKENS_OF_TENANT
        await caps.require(conn, settings, app.tenant_id, "service_tokens", count, (app.tenant_id,))
        issuer, audience = request.state.settings.issuer, request.state.settings.api_base_url
        token_id, claims = await insert_service_token(
            conn,
            app,
            wanted,
            draft.expires_in,
            aud=[issuer, audience],
            environment=tenant.environment,
            minted_by=caller.person_id,
        )
        await audit.record(
            conn, caller, "service_token.minted", token_id, {"client_id": app.client_id, "scopes": wanted}
        )
        minted = MintedServiceToken(
            id=token_id,
            token=request.state.keys.signer().sign(claims),
            scopes=wanted,
            expires_at=datetime.fromtimestamp(claims.exp, UTC),
        )
        response = http.created(minted, f"/v1/platform/apps/{app.client_id}/service-tokens/{token_id}")
        response = await idempotency.keep(conn, request, caller, response)
    request.state.activity.count(app.tenant_id, app.client_id, rules.SERVICE_TOKEN)
    request.state.activity.scopes_used(app.tenant_id, app.client_id, wanted)
    return response


async def list_service_tokens(request: Request, caller: Caller, client_id: str, page: Page) -> Response:
    parameters = {"client_id": client_id, "after": http.page_after(request, page), "limit": page.limit + 1}
    async with tenant_transaction(request, caller) as conn:
        await store.load_app(conn, client_id)
        found = await database.every(conn, ServiceToken, queries.SERVICE_TOKENS, parameters)
    return http.listed(request, "service_tokens", found, page, lambda row: row.id)


async def revoke_service_token(request: Request, caller: Caller, client_id: str, token_id: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        app = await changeable(conn, caller, client_id)
        if not ids.is_id(token_id, "tok"):
            raise problems.not_found()
        row = await (await conn.execute(queries.REVOKE_SERVICE_TOKEN, (token_id, app.client_id))).fetchone()
        if row is None:
            raise problems.not_found()
        await watermarks.revoke(conn, "grant", row[0])
        await audit.record(conn, caller, "service_token.revoked", token_id, {"client_id": app.client_id})
    await bell.ring(request.state.redis)
    return http.no_content()


async def changeable(conn: AsyncConnection, caller: Caller, client_id: str) -> AppRow:
    """The app, locked. Raises Problem: 404 for another tenant's app, 403 for the caller's own and for first-party apps."""
    app = await store.load_app(conn, client_id, lock=True)
    if app.client_id == caller.client_id:
        raise problems.forbidden("A token cannot change the app it was issued to.")
    if app.first_party:
        raise problems.forbidden("First-party apps are changed by Knogin's operators alone.")
    return app


def named_fields(change: AppChange | GovernanceChange) -> dict[str, Any]:
    """The app's fields that a change names."""
    named = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not msgspec.UNSET}
    named.pop("reason", None)
    return named
