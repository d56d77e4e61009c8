"""Refresh tokens, access tokens that a client presents, and the grants and codes they come from.

A refresh token is a grant, a generation and a MAC: one row per grant knows every token it ever had. Each use makes the next
generation. The same token within the grace period gets the same successor, because the client may have lost the answer. Any older
token is reuse: one of two holders is a thief, and the whole family ends (RFC 9700 §4.14.2).
"""

import hmac
import re
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple, cast

import jwt
import msgspec
from psycopg.rows import class_row

from services.auth.oauth import queries
from services.auth.oauth.clients import Client
from services.auth.oauth.models import CodeRow, GrantRow
from services.auth.revocations import watermarks
from services.auth.tokens import Claims
from shared.crypto import Keyring
from shared.database import AsyncConnection
from shared.encoding import base64url_encode

REFRESH_PREFIX = "knr_"
_TOKEN = re.compile(r"knr_(?P<grant>[0-7][0-9a-z]{25})\.(?P<generation>[1-9][0-9]{0,8})\.(?P<mac>[A-Za-z0-9_-]{43})")
IDLE = timedelta(days=30)
LONGEST_FAMILY = timedelta(days=180)


class WrittenRefresh(NamedTuple):
    grant_id: str
    generation: int
    mac: str


def write_refresh(grant_id: str, generation: int, seed: bytes, keyring: Keyring) -> str:
    """Both the row's seed and the key from the settings are needed to make one."""
    suffix = grant_id.removeprefix("gnt_")
    return f"{REFRESH_PREFIX}{suffix}.{generation}.{base64url_encode(keyring.mac(_signed(grant_id, generation, seed), 'refresh'))}"


def read_refresh(text: str) -> WrittenRefresh | None:
    """What a refresh token claims to be; None for text that could not be one."""
    found = _TOKEN.fullmatch(text)
    if found is None:
        return None
    return WrittenRefresh(f"gnt_{found['grant']}", int(found["generation"]), found["mac"])


def is_genuine(token: WrittenRefresh, seed: bytes, keyring: Keyring) -> bool:
    macs = keyring.macs(_signed(token.grant_id, token.generation, seed), "refresh")
    return any(hmac.compare_digest(base64url_encode(mac), token.mac) for mac in macs)


def _signed(grant_id: str, generation: int, seed: bytes) -> bytes:
    return f"{grant_id}.{generation}.".encode() + seed


Use = Literal["next", "again", "reuse"]


def use_of(generation: int, newest: int, rotated_at: datetime | None, now: datetime, grace: timedelta) -> Use:
    """What presenting `generation` means while `newest` is the last one given out."""
    if generation >= newest:
        return "next"
    if generation == newest - 1 and rotated_at is not None and now - rotated_at <= grace:
        return "again"
    return "reuse"


def family_expires_at(created_at: datetime, now: datetime) -> datetime:
    """A family ends after 30 days without use, and after 180 days whatever happens."""
    return min(now + IDLE, created_at + LONGEST_FAMILY)


ALGORITHMS = ["RS256"]


class AccessToken:
    """One we signed; `revoked` is what the database says of it."""

    def __init__(self, claims: Claims) -> None:
        self.claims = claims
        self.revoked = False

    def check_client(self, client: Client) -> bool:
        return client.get_client_id() == self.claims.client_id

    def is_expired(self) -> bool:
        return False

    def is_revoked(self) -> bool:
        return self.revoked


class RefreshToken:
    """A genuine one; only the newest generation of its grant is current."""

    def __init__(self, grant: GrantRow, is_current: bool) -> None:
        self.grant = grant
        self.is_current = is_current

    def check_client(self, client: Client) -> bool:
        return client.get_client_id() == self.grant.client_id

    def is_expired(self) -> bool:
        return not self.grant.is_live

    def is_revoked(self) -> bool:
        return not self.is_current


def read_access_token(text: str, keys: list[dict[str, Any]], issuer: str, *, expired_too: bool) -> AccessToken | None:
    """None for anything but an access token of ours: signature, typ, issuer and, unless `expired_too`, time are checked."""
    try:
        header = jwt.get_unverified_header(text)
        jwk = next(key for key in keys if key["kid"] == header.get("kid"))
        if header.get("typ") != "at+jwt":
            return None
        claims = jwt.decode(
            text,
            jwt.PyJWK(jwk, "RS256").key,
            algorithms=ALGORITHMS,
            issuer=issuer,
            options={"verify_aud": False, "verify_exp": not expired_too, "require": ["exp", "iat", "jti"]},
        )
        return AccessToken(msgspec.convert(claims, Claims))
    except (jwt.PyJWTError, StopIteration, ValueError, TypeError, RecursionError, msgspec.ValidationError):
        return None


def jti_milliseconds(jti: str) -> int:
    return int(jti.replace("-", "")[:12], 16)


def introspection(token: AccessToken | RefreshToken) -> dict[str, Any]:
    """The members of RFC 7662 §2.2."""
    if isinstance(token, RefreshToken):
        grant = token.grant
        return {
            "active": True,
            "token_type": "refresh_token",
            "client_id": grant.client_id,
            "sub": grant.user_id,
            "scope": " ".join(grant.scopes),
            "iat": _unix(grant.created_at),
            "exp": _unix(grant.expires_at),
        }
    return {"active": True, "token_type": "Bearer"} | cast("dict[str, Any]", msgspec.to_builtins(token.claims))


def _unix(moment: datetime) -> int:
    return int(moment.timestamp())


class RedeemedCode:
    """A burned code with its grant (Authlib's AuthorizationCodeMixin)."""

    code_challenge_method = "S256"

    def __init__(self, code: CodeRow, grant: GrantRow) -> None:
        self.code = code
        self.grant = grant
        self.code_challenge = code.code_challenge

    def get_redirect_uri(self) -> str | None:
        """What the token request must repeat: nothing, if the authorization request did not name it."""
        return self.code.redirect_uri if self.code.redirect_uri_named else None

    def get_scope(self) -> str:
        return " ".join(self.grant.scopes)


class PresentedRefresh:
    """A genuine refresh token with its grant (Authlib's TokenMixin)."""

    def __init__(self, grant: GrantRow) -> None:
        self.grant = grant

    def check_client(self, client: Client) -> bool:
        return client.get_client_id() == self.grant.client_id

    def get_scope(self) -> str:
        return " ".join(self.grant.scopes)


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
    conn: AsyncConnection, keyring: Keyring, client: Client, token: WrittenRefresh, grace: timedelta
) -> Redemption:
    """Locks the grant, so that of two uses at once the second sees what the first did. Reuse revokes the family."""
    grant = await lock_grant(conn, token.grant_id, client)
    if grant is None or not is_genuine(token, grant.seed, keyring):
        return Redemption(None, refused_because="The refresh token is not one of this app's.")
    if not grant.is_live or not grant.offline:
        return Redemption(None, refused_because="The user's grant has expired or was revoked.")
    use = use_of(token.generation, grant.generation, grant.rotated_at, datetime.now(UTC), grace)
    if use == "reuse":
        await revoke_grant(conn, grant.grant_id, "refresh token used twice")
        return Redemption(None, refused_because="The refresh token was used before: the whole family is revoked.")
    return Redemption(grant, token.generation + 1)


async def advance(conn: AsyncConnection, grant: GrantRow, generation: int) -> None:
    expires_at = family_expires_at(grant.created_at, datetime.now(UTC))
    parameters = {"grant_id": grant.grant_id, "generation": generation, "expires_at": expires_at}
    await conn.execute(queries.NEXT_GENERATION, parameters)


async def revoke_grant(conn: AsyncConnection, grant_id: str, why: str) -> bool:
    """Ends a family: no more refreshing, and its access tokens are refused. False if it had ended before."""
    return bool(await watermarks.revoke_grants(conn, [grant_id], why))
