"""Codes and grants inside a tenant's transaction: burned, locked, continued, revoked."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from psycopg.rows import class_row

from services.auth.oauth import queries, refresh
from services.auth.oauth.client import Client
from services.auth.oauth.models import CodeRow, GrantRow, RedeemedCode
from services.auth.oauth.refresh import RefreshToken
from services.auth.revocations import watermarks
from shared.crypto import Keyring
from shared.database import AsyncConnection

CODE_PURPOSE = "authorization code"


async def burn_code(conn: AsyncConnection, keyring: Keyring, client: Client, code: str) -> RedeemedCode | None:
    """The code, used from now on whatever comes of it. A second use ends what the first one gave (RFC 6749 §4.1.2)."""
    parameters = {"macs": keyring.macs(code.encode(), CODE_PURPOSE), "client_id": client.get_client_id()}
    async with conn.cursor(row_factory=class_row(CodeRow)) as cursor:
        await cursor.execute(queries.BURN_CODE, parameters)
        burned = await cursor.fetchone()
    if burned is None:
        used = await (await conn.execute(queries.USED_CODE, parameters)).fetchone()
        if used is not None:
            await revoke_grant(conn, used[0], "code used twice")
        return None
    grant = await lock_grant(conn, burned.grant_id, client)
    return RedeemedCode(burned, grant) if grant is not None else None


async def lock_grant(conn: AsyncConnection, grant_id: str, client: Client) -> GrantRow | None:
    async with conn.cursor(row_factory=class_row(GrantRow)) as cursor:
        await cursor.execute(queries.LOCK_GRANT, (grant_id, client.get_client_id()))
        return await cursor.fetchone()


class Redemption(NamedTuple):
    """A refresh token looked at: its grant and the generation to give next, or why there is neither."""

    grant: GrantRow | None
    next_generation: int = 0
    refused_because: str = ""


async def redeem_refresh(
    conn: AsyncConnection, keyring: Keyring, client: Client, token: RefreshToken, grace: timedelta
) -> Redemption:
    """Locks the grant, so that of two uses at once the second sees what the first did. Reuse revokes the family."""
    grant = await lock_grant(conn, token.grant_id, client)
    if grant is None or not refresh.is_genuine(token, grant.seed, keyring):
        return Redemption(None, refused_because="The refresh token is not one of this app's.")
    if not grant.is_live or not grant.offline:
        return Redemption(None, refused_because="The user's grant has expired or was revoked.")
    use = refresh.use_of(token.generation, grant.generation, grant.rotated_at, datetime.now(UTC), grace)
    if use == "reuse":
        await revoke_grant(conn, grant.grant_id, "refresh token used twice")
        return Redemption(None, refused_because="The refresh token was used before: the whole family is revoked.")
    return Redemption(grant, token.generation + 1)


async def advance(conn: AsyncConnection, grant: GrantRow, generation: int) -> None:
    expires_at = refresh.expires_at(grant.created_at, datetime.now(UTC))
    parameters = {"grant_id": grant.grant_id, "generation": generation, "expires_at": expires_at}
    await conn.execute(queries.NEXT_GENERATION, parameters)


async def revoke_grant(conn: AsyncConnection, grant_id: str, why: str) -> bool:
    """Ends a family: no more refreshing, and its access tokens are refused. False if it had ended before."""
    return bool(await watermarks.revoke_grants(conn, [grant_id], why))
