"""Apps, their secrets and service tokens inside a tenant's transaction, and the messages to services that store apps."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from services.auth.apps import credentials, queries
from services.auth.apps.credentials import secret_purpose
from services.auth.apps.models import AppDraft, AppRow, Tenant
from services.auth.oauth.tokens import Claims, jti_at
from services.auth.revocations import watermarks
from shared.messaging import outbox
from shared.messaging.messages import ClinicalApp, GraphqlApp, Message, PlatformApp, WebhookApp
from shared.primitives import ids
from shared.primitives.crypto import Keyring
from shared.storage import database
from shared.storage.database import AsyncConnection
from shared.web import problems


async def load_tenant(conn: AsyncConnection, tenant_id: str) -> Tenant:
    return await database.found(conn, Tenant, queries.TENANT, (tenant_id,))


async def hold_tenant(conn: AsyncConnection, tenant_id: str) -> Tenant:
    """The tenant. No operator takes anything from it before this transaction ends. Call it before taking any lock."""
    await conn.execute(queries.HOLD_TENANT, (tenant_id,))
    return await load_tenant(conn, tenant_id)


async def load_app(conn: AsyncConnection, client_id: str, *, lock: bool = False) -> AppRow:
    """Raises a 404 Problem for anything that is not a live app of this tenant."""
    if not ids.is_id(client_id, "app"):
        raise problems.not_found()
    return await database.found(conn, AppRow, queries.APP_FOR_UPDATE if lock else queries.APP, (client_id,))


async def insert_app(
    conn: AsyncConnection,
    tenant_id: str,
    draft: AppDraft,
    *,
    first_party: bool = False,
    created_by: str | None = None,
) -> AppRow:
    row = msgspec.structs.asdict(draft) | {
        "client_id": ids.new_id("app"),
        "tenant_id": tenant_id,
        "first_party": first_party,
        "jwks": _json(draft.jwks),
        "created_by": created_by,
    }
    app = await database.found(conn, AppRow, queries.INSERT_APP, row)
    await outbox.add(conn, tenant_id, *app_messages(app))
    return app


async def save_app(conn: AsyncConnection, app: AppRow, **changes: Any) -> AppRow:
    """Writes `changes` to a locked app, and sends the app's new state to the services that store it."""
    row = msgspec.structs.asdict(msgspec.structs.replace(app, **changes))
    saved = await database.found(conn, AppRow, queries.UPDATE_APP, row | {"jwks": _json(row["jwks"])})
    await outbox.add(conn, app.tenant_id, *app_messages(saved))
    return saved


def _json(value: dict[str, Any] | None) -> Jsonb | None:
    return Jsonb(value) if value is not None else None


def app_messages(app: AppRow) -> list[Message]:
    """One message for each service that stores a part of an app, with that part."""
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


async def add_secret(conn: AsyncConnection, keyring: Keyring, app: AppRow) -> str:
    """Makes a secret and returns it. Only its MAC is stored."""
    secret = credentials.new_secret()
    await insert_secret(conn, app, keyring.mac(secret.encode(), secret_purpose(app.client_id)))
    return secret


async def insert_secret(conn: AsyncConnection, app: AppRow, mac: bytes) -> None:
    await conn.execute(queries.INSERT_SECRET, (ids.new_id("sec"), app.tenant_id, app.client_id, mac))


async def revoke_service_tokens(conn: AsyncConnection, client_id: str) -> int:
    """Ends the app's live service tokens, one watermark each. Returns how many there were."""
    rows = await (await conn.execute(queries.REVOKE_SERVICE_TOKENS, (client_id,))).fetchall()
    await watermarks.revoke_all(conn, "grant", [grant_id for (grant_id,) in rows])
    return len(rows)


async def revoke_every_token(conn: AsyncConnection, client_id: str) -> None:
    """Ends every access token and service token of the app under one watermark."""
    await conn.execute(queries.REVOKE_SERVICE_TOKENS, (client_id,))
    await watermarks.revoke(conn, "client", client_id)


async def insert_service_token(
    conn: AsyncConnection,
    app: AppRow,
    wanted: list[str],
    expires_in: int,
    *,
    aud: list[str],
    environment: str,
    minted_by: str | None = None,
) -> tuple[str, Claims]:
    """Writes the row of a new token. Returns its id and the claims to sign. It ends when the person `minted_by` leaves.

    The app must be locked, so that the token comes either before a revocation or after it.
    """
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
    token_id, created_at = ids.new_id("tok"), datetime.fromtimestamp(issued, UTC)
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
            "minted_by": minted_by,
        },
    )
    return token_id, claims
