"""Making a service token: its row, and the claims to sign."""

from datetime import UTC, datetime, timedelta

from services.auth.apps import queries
from services.auth.apps.models import App
from services.auth.tokens import Claims, jti_at
from shared import ids
from shared.database import AsyncConnection


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
