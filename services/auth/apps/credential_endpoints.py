"""Secrets and service tokens of an app."""

from datetime import UTC, datetime

from msgspec import UNSET
from psycopg.rows import class_row
from starlette.requests import Request
from starlette.responses import Response

from services.auth import caps
from services.auth.apps import dry_run, queries, scopes, store
from services.auth.apps.changing import changeable, refuse
from services.auth.apps.models import App, RotateSecret, ServiceTokenDraft, ServiceTokenRow
from services.auth.apps.service_tokens import insert_service_token
from services.auth.revocations import bell, watermarks
from shared import audit, deidentification, http, idempotency, ids, outbox, pagination, problems
from shared.caps import Cap, require_room
from shared.database import AsyncConnection, tenant_transaction
from shared.identity import Caller
from shared.messages import Event
from shared.pagination import Page
from shared.problems import FieldError


async def rotate_secret(request: Request, caller: Caller, client_id: str, rotation: RotateSecret) -> Response:
    """A new secret; the one before works for the overlap, or dies at once with the tokens it obtained."""
    async with tenant_transaction(request, caller) as conn:
        if (answer := await idempotency.stored(conn, request, caller)) is not None:
            return answer
        app = await changeable(conn, caller, client_id)
        if app.token_endpoint_auth_method in ("none", "private_key_jwt"):
            raise problems.conflict("This app has no secret.")
        overlap = {"client_id": app.client_id, "overlap": rotation.overlap_seconds}
        ended = await (await conn.execute(queries.END_OTHER_SECRETS, overlap)).fetchall()
        await conn.execute(queries.FORGET_ENDED_SECRETS, overlap)
        secret = await store.add_secret(conn, request.state.keyring, app)
        if not rotation.overlap_seconds:
            await store.revoke_every_token(conn, app.client_id)
        expires_at = max((row[0] for row in ended), default=None)
        await outbox.add(conn, app.tenant_id, _secret_rotated(app, expires_at, test=caller.rehearses))
        await audit.record(conn, caller, "app.secret_rotated", app.client_id, {"overlap": rotation.overlap_seconds})
        content = {"client_id": app.client_id, "client_secret": secret, "previous_secret_expires_at": expires_at}
        response = await idempotency.keep(conn, request, caller, http.json(content))
    if not rotation.overlap_seconds:
        await bell.ring(request.state.redis)
    return response


def _secret_rotated(app: App, previous_expires_at: datetime | None, *, test: bool) -> Event:
    now = datetime.now(UTC)
    return Event(
        event_id=ids.new_id("evt"),
        type="app.secret_rotated",
        timestamp=now,
        data={
            "client_id": app.client_id,
            "rotated_at": now,
            "previous_secret_expires_at": previous_expires_at,
        },
        test=test,
    )


async def mint_service_token(request: Request, caller: Caller, client_id: str, draft: ServiceTokenDraft) -> Response:
    async with tenant_transaction(request, caller) as conn:
        if (answer := await idempotency.stored(conn, request, caller)) is not None:
            return answer
        tenant = await store.hold_tenant(conn, caller.tenant_id)
        if tenant.status != "active":
            raise problems.conflict("This organisation is suspended.")
        app = await changeable(conn, caller, client_id)
        wanted = _check_service_token(app, draft)
        await _require_room(conn, request, app)
        issuer, audience = request.state.settings.issuer, request.state.settings.api_base_url
        await request.state.keys.fresh()
        token_id, claims = await insert_service_token(
            conn, app, wanted, draft.expires_in, aud=[issuer, audience], environment=tenant.environment
        )
        await audit.record(
            conn, caller, "service_token.minted", token_id, {"client_id": app.client_id, "scopes": wanted}
        )
        content = {
            "id": token_id,
            "token": request.state.keys.signer().sign(claims),
            "scopes": wanted,
            "expires_at": datetime.fromtimestamp(claims.exp, UTC),
        }
        response = http.created(content, f"/v1/platform/apps/{app.client_id}/service-tokens/{token_id}")
        response = await idempotency.keep(conn, request, caller, response)
    request.state.activity.count(app.tenant_id, app.client_id, dry_run.SERVICE_TOKEN)
    return response


def _check_service_token(app: App, draft: ServiceTokenDraft) -> list[str]:
    """The scopes the token gets. Raises Problem: 403 not allowed here, 409 disabled, 422 scopes the app does not have."""
    if app.status != "active":
        raise problems.conflict("This app is disabled.")
    if not app.allow_service_tokens:
        raise problems.forbidden("The governance of this app does not allow service tokens.")
    held = deidentification.permitted(app.deidentification, app.requested_scopes)
    approved = [scope for scope in held if scope != scopes.OFFLINE_ACCESS]
    wanted = approved if draft.scopes is UNSET else list(dict.fromkeys(draft.scopes))
    refuse(
        [
            FieldError(f"/scopes/{index}", "is not approved for this app")
            for index, scope in enumerate(wanted)
            if not scopes.allows(approved, scope)
        ]
    )
    return wanted


async def _require_room(conn: AsyncConnection, request: Request, app: App) -> None:
    settings, instead = request.state.settings, "revoke some first"
    cap = Cap("live service tokens", settings.most_service_tokens_of_app, "An app", instead)
    await require_room(conn, cap, app.client_id, queries.COUNT_SERVICE_TOKENS, (app.client_id,))
    count = queries.COUNT_SERVICE_TOKENS_OF_TENANT
    await caps.require(conn, settings, app.tenant_id, "service_tokens", count, (app.tenant_id,))


async def list_service_tokens(request: Request, caller: Caller, client_id: str, page: Page) -> Response:
    parameters = {"client_id": client_id, "after": pagination.after(request, page), "limit": page.limit + 1}
    async with tenant_transaction(request, caller) as conn:
        await store.load_app(conn, client_id)
        async with conn.cursor(row_factory=class_row(ServiceTokenRow)) as cursor:
            await cursor.execute(queries.SERVICE_TOKENS, parameters)
            rows, next_cursor = pagination.slice_page(request, await cursor.fetchall(), page, key=lambda row: row.id)
    content = {"service_tokens": list(rows), "next_cursor": next_cursor}
    return http.json(content, headers=pagination.link_header(request, next_cursor))


async def revoke_service_token(request: Request, caller: Caller, client_id: str, token_id: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        await _revoke(conn, caller, client_id, token_id)
    await bell.ring(request.state.redis)
    return http.no_content()


async def _revoke(conn: AsyncConnection, caller: Caller, client_id: str, token_id: str) -> None:
    app = await changeable(conn, caller, client_id)
    if not ids.is_id(token_id, "tok"):
        raise problems.not_found()
    row = await (await conn.execute(queries.REVOKE_SERVICE_TOKEN, (token_id, app.client_id))).fetchone()
    if row is None:
        raise problems.not_found()
    await watermarks.revoke(conn, "grant", row[0])
    await audit.record(conn, caller, "service_token.revoked", token_id, {"client_id": app.client_id})
