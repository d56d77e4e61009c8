"""Reading and changing apps inside a tenant's transaction, and telling the services that follow them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from services.auth.apps import credentials, queries
from services.auth.apps.credentials import secret_purpose
from services.auth.apps.models import App, AppDraft, SecretRow, Tenant
from services.auth.revocations import watermarks
from services.auth.tokens import Claims, jti_at
from shared import ids, outbox, problems
from shared.crypto import Keyring
from shared.database import AsyncConnection
from shared.messages import ClinicalApp, GraphqlApp, Message, PlatformApp, WebhookApp


async def load_tenant(conn: AsyncConnection, tenant_id: str) -> Tenant:
    async with conn.cursor(row_factory=class_row(Tenant)) as cursor:
        await cursor.execute(queries.TENANT, (tenant_id,))
        tenant = await cursor.fetchone()
    if tenant is None:
        raise problems.not_found()
    return tenant


async def hold_tenant(conn: AsyncConnection, tenant_id: str) -> Tenant:
    """The tenant, from which nothing is taken before this transaction ends. To be called before anything is locked."""
    await conn.execute(queries.HOLD_TENANT, (tenant_id,))
    return await load_tenant(conn, tenant_id)


async def load_app(conn: AsyncConnection, client_id: str, *, lock: bool = False) -> App:
    """Raises a 404 Problem for anything that is not a live app of this tenant."""
    if not ids.is_id(client_id, "app"):
        raise problems.not_found()
    async with conn.cursor(row_factory=class_row(App)) as cursor:
        await cursor.execute(queries.APP_FOR_UPDATE if lock else queries.APP, (client_id,))
        app = await cursor.fetchone()
    if app is None:
        raise problems.not_found()
    return app


async def insert_app(
    conn: AsyncConnection,
    tenant_id: str,
    draft: AppDraft,
    *,
    first_party: bool = False,
    bundles: list[str] | None = None,
) -> App:
    row = msgspec.structs.asdict(draft) | {
        "client_id": ids.new_id("app"),
        "tenant_id": tenant_id,
        "first_party": first_party,
        "jwks": _json(draft.jwks),
        "graphql_bundles": bundles or [],
    }
    app = await _returned(conn, queries.INSERT_APP, row)
    await outbox.add(conn, tenant_id, *announcements(app))
    return app


async def save_app(conn: AsyncConnection, app: App, **changes: Any) -> App:
    """Writes `changes` to an app that is locked, and announces what it is now."""
    row = msgspec.structs.asdict(msgspec.structs.replace(app, **changes))
    saved = await _returned(conn, queries.UPDATE_APP, row | {"jwks": _json(row["jwks"])})
    await outbox.add(conn, app.tenant_id, *announcements(saved))
    return saved


def _json(value: dict[str, Any] | None) -> Jsonb | None:
    return Jsonb(value) if value is not None else None


async def _returned(conn: AsyncConnection, query: Any, row: dict[str, Any]) -> App:
    async with conn.cursor(row_factory=class_row(App)) as cursor:
        await cursor.execute(query, row)
        app = await cursor.fetchone()
    if app is None:
        raise problems.not_found()
    return app


def announcements(app: App) -> list[Message]:
    """The app's whole state for each service that keeps a part of it."""
    common: dict[str, Any] = {"client_id": app.client_id, "version": app.version, "status": app.status}
    return [
        WebhookApp(**common, approved_events=app.approved_events),
        PlatformApp(
            **common,
            approved_events=app.approved_events,
            graphql_bundles=app.graphql_bundles,
            requested_scopes=app.requested_scopes,
        ),
        GraphqlApp(**common, graphql_bundles=app.graphql_bundles),
        ClinicalApp(**common, pseudonym_domain=app.pseudonym_domain, deidentification=app.deidentification),
    ]


async def add_secret(conn: AsyncConnection, keyring: Keyring, app: App) -> str:
    """A new secret for the app, returned this once; only its MAC is kept."""
    secret = credentials.new_secret()
    await insert_secret(conn, app, keyring.mac(secret.encode(), secret_purpose(app.client_id)))
    return secret


async def insert_secret(conn: AsyncConnection, app: App, mac: bytes) -> None:
    await conn.execute(queries.INSERT_SECRET, (ids.new_id("sec"), app.tenant_id, app.client_id, mac))


async def live_secrets(conn: AsyncConnection, client_id: str) -> list[SecretRow]:
    async with conn.cursor(row_factory=class_row(SecretRow)) as cursor:
        await cursor.execute(queries.LIVE_SECRETS, (client_id,))
        return await cursor.fetchall()


async def revoke_service_tokens(conn: AsyncConnection, client_id: str) -> int:
    """Ends the app's live service tokens, one watermark each. Returns how many there were."""
    rows = await (await conn.execute(queries.REVOKE_SERVICE_TOKENS, (client_id,))).fetchall()
    await watermarks.revoke_all(conn, "grant", [grant_id for (grant_id,) in rows])
    return len(rows)


async def revoke_every_token(conn: AsyncConnection, client_id: str) -> None:
    """Ends everything the app holds, access and service tokens alike, under one watermark."""
    await conn.execute(queries.REVOKE_SERVICE_TOKENS, (client_id,))
    await watermarks.revoke(conn, "client", client_id)


async def insert_service_token(
    conn: AsyncConnection, app: App, wanted: list[str], expires_in: int, *, aud: list[str], environment: str
) -> tuple[str, Claims]:
    """The row of a new token and what is to be signed. The app must be locked: its state orders mint and revocation."""
    row = await (await conn.execute(queries.CLOCK)).fetchone()
    assert row is not None
    issued = int(row[0]) // 1000
    claims = Claims(
        iss=aud[0],
        aud=aud,
        sub=app.client_id,
        client_id=app.client_id,
        tenant_id=app.tenant_id,
        scope=" ".join(wanted),
        iat=issued,
        exp=issued + expires_in,
        jti=jti_at(row[0]),
        token_use="service",
        grant_id=ids.new_id("gnt"),
        environment="sandbox" if environment == "sandbox" else "production",
        deidentification=app.deidentification,
    )
    token_id = ids.new_id("tok")
    created_at = datetime.fromtimestamp(issued, UTC)
    await conn.execute(
        queries.INSERT_SERVICE_TOKEN,
        {
            "id": token_id,
            "tenant_id": app.tenant_id,
            "client_id": app.client_id,
            "jti": claims.jti,
            "grant_id": claims.grant_id,
            "scopes": wanted,
            "created_at": created_at,
            "expires_at": created_at + timedelta(seconds=expires_in),
        },
    )
    return token_id, claims
