"""Claims of tokens (RFC 9068 §2.2), refresh tokens, tokens that clients present, and the codes and grants behind them.

A refresh token is a grant, a generation and a MAC: one row per grant knows every token it ever had. Each use makes the next
generation. The same token within the grace period gets the same successor, because the client may have lost the answer. Any older
token is reuse: one of two holders is a thief, and the whole family ends (RFC 9700 §4.14.2).
"""

import hmac
import os
import re
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple, cast

import jwt
import msgspec
from msgspec import UNSET, UnsetType

from services.auth.apps import scopes
from services.auth.oauth import queries
from services.auth.oauth.clients import MAX_JWT, Client
from services.auth.people import roles as people
from services.auth.people.roles import Role
from services.auth.revocations import watermarks
from shared.primitives.crypto import Keyring, base64url_encode
from shared.storage import database
from shared.storage.database import AsyncConnection
from shared.web.scopes import Mode


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """The payload of every token. Codes, refresh families and service tokens are revoked by their `grant_id`.

    `deidentification` is the app's mode; a change of mode revokes the token. Tokens of older versions of auth lack it.
    `amr` (RFC 9068 §2.2.1) is there after a sign-in with a second factor.
    """

    iss: str
    aud: list[str]
    sub: str
    client_id: str
    tenant_id: str
    scope: str
    iat: int
    exp: int
    jti: str
    token_use: Literal["access", "service"]
    grant_id: str
    environment: Literal["production", "sandbox"]
    deidentification: Mode = "exact"
    amr: list[str] | UnsetType = UNSET


AFTER_SECOND_FACTOR = ["pwd", "otp", "mfa"]
"""RFC 8176 §2: a password, a code of the authenticator or a recovery code, more than one factor."""


def jti_at(milliseconds: int) -> str:
    """A UUIDv7 (RFC 9562 §5.7) of that millisecond of the database's clock. Revocation compares it with watermarks."""
    randomness = int.from_bytes(os.urandom(10), "big")
    number = (
        (milliseconds << 80) | (0x7 << 76) | ((randomness >> 68) << 64) | (0b10 << 62) | (randomness & (1 << 62) - 1)
    )
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


# --- Refresh tokens ---------------------------------------------------------------------------------------------------

REFRESH_PREFIX = "knr_"
_TOKEN = re.compile(r"knr_(?P<grant>[0-7][0-9a-z]{25})\.(?P<generation>[1-9][0-9]{0,8})\.(?P<mac>[A-Za-z0-9_-]{43})")
IDLE = timedelta(days=30)
LONGEST_FAMILY = timedelta(days=180)


class WrittenRefresh(NamedTuple):
    grant_id: str
    generation: int
    mac: str


def write_refresh(grant_id: str, generation: int, seed: bytes, keyring: Keyring) -> str:
    """Writes a refresh token. It needs the seed of the row and the key of the settings."""
    suffix = grant_id.removeprefix("gnt_")
    return f"{REFRESH_PREFIX}{suffix}.{generation}.{base64url_encode(keyring.mac(_signed(grant_id, generation, seed), 'refresh'))}"


def read_refresh(text: str) -> WrittenRefresh | None:
    """The parts of a refresh token, not verified yet; None for other text."""
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
    """The meaning of a token of `generation` when `newest` is the last one issued."""
    if generation >= newest:
        return "next"
    if generation == newest - 1 and rotated_at is not None and now - rotated_at <= grace:
        return "again"
    return "reuse"


def family_expires_at(created_at: datetime, now: datetime) -> datetime:
    """A family ends after 30 days without use, and after 180 days in any case."""
    return min(now + IDLE, created_at + LONGEST_FAMILY)


# --- Tokens that clients present (RFC 7009, RFC 7662) -----------------------------------------------------------------

ALGORITHMS = ["RS256"]


class AccessToken:
    """An access token with a valid signature; `revoked` comes from the database."""

    def __init__(self, claims: Claims) -> None:
        self.claims = claims
        self.revoked = False

    def check_client(self, client: Client) -> bool:
        return client.get_client_id() == self.claims.client_id

    def is_expired(self) -> bool:
        return False

    def is_revoked(self) -> bool:
        return self.revoked


class GrantRow(msgspec.Struct, frozen=True, kw_only=True):
    """A user's permission for an app. `seed` goes into its refresh tokens, `generation` counts them.

    `awaited_mapping` is a changed mapping of roles that the relay has not applied to the user yet.
    """

    grant_id: str
    tenant_id: str
    client_id: str
    user_id: str
    scopes: list[str]
    audience: list[str]
    offline: bool
    seed: bytes
    generation: int
    rotated_at: datetime | None
    created_at: datetime
    expires_at: datetime
    role: Role | None
    roles: list[str]
    awaited_mapping: dict[str, list[str]] | None
    second_factor: bool
    is_live: bool


class RefreshToken:
    """A genuine refresh token. Only the newest generation of its grant is current."""

    def __init__(self, grant: GrantRow, *, is_current: bool = True) -> None:
        self.grant = grant
        self.is_current = is_current

    def check_client(self, client: Client) -> bool:
        return client.get_client_id() == self.grant.client_id

    def is_expired(self) -> bool:
        return not self.grant.is_live

    def is_revoked(self) -> bool:
        return not self.is_current

    def get_scope(self) -> str:
        return " ".join(self.grant.scopes)


def read_access_token(text: str, keys: list[dict[str, Any]], issuer: str, *, expired_too: bool) -> AccessToken | None:
    """None unless length, signature, typ, issuer and, without `expired_too`, time are valid."""
    if len(text) > MAX_JWT:
        return None
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


# --- Codes and grants -------------------------------------------------------------------------------------------------


class CodeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A code that was just used."""

    grant_id: str
    redirect_uri: str
    redirect_uri_named: bool
    code_challenge: str | None


class RedeemedCode:
    """A used code with its grant (Authlib's AuthorizationCodeMixin)."""

    code_challenge_method = "S256"

    def __init__(self, code: CodeRow, grant: GrantRow) -> None:
        self.code = code
        self.grant = grant
        self.code_challenge = code.code_challenge

    def get_redirect_uri(self) -> str | None:
        """The URI that the token request must repeat; None if the authorization request named none."""
        return self.code.redirect_uri if self.code.redirect_uri_named else None

    def get_scope(self) -> str:
        return " ".join(self.grant.scopes)


CODE_PURPOSE = "authorization code"


class NewCode(NamedTuple):
    """The code that a new grant is redeemed with; its MAC. `lives` is in seconds."""

    mac: bytes
    lives: float
    redirect_uri: str = ""
    redirect_uri_named: bool = False
    code_challenge: str | None = None


async def burn_code(
    conn: AsyncConnection, keyring: Keyring, client: Client, code: str, purpose: str = CODE_PURPOSE
) -> RedeemedCode | None:
    """Marks the code as used, also if the request fails later. A second use ends the grant of the first (RFC 6749 §4.1.2).

    `purpose` tells a device's code from an authorization code.
    """
    parameters = {"macs": keyring.macs(code.encode(), purpose), "client_id": client.get_client_id()}
    burned = await database.first(conn, CodeRow, queries.BURN_CODE, parameters)
    if burned is None:
        used = await (await conn.execute(queries.USED_CODE, parameters)).fetchone()
        if used is not None:
            await revoke_grant(conn, used[0], "code used twice")
        return None
    grant = await lock_grant(conn, burned.grant_id, client)
    return RedeemedCode(burned, grant) if grant is not None else None


async def lock_grant(conn: AsyncConnection, grant_id: str, client: Client) -> GrantRow | None:
    grant = await database.first(conn, GrantRow, queries.LOCK_GRANT, (grant_id, client.get_client_id()))
    if grant is None:
        return None
    is_over = people.exceeds(grant.scopes, grant.role, None)
    if grant.awaited_mapping is not None:
        is_over = is_over or scopes.exceeds(grant.scopes, grant.roles, grant.awaited_mapping)
    return msgspec.structs.replace(grant, is_live=grant.is_live and not is_over)


class Redemption(NamedTuple):
    """The grant of a refresh token and the next generation, or the reason for a refusal."""

    grant: GrantRow | None
    next_generation: int = 0
    refused_because: str = ""


async def redeem_refresh(
    conn: AsyncConnection, keyring: Keyring, client: Client, token: WrittenRefresh, grace: timedelta
) -> Redemption:
    """Locks the grant, so that the second of two simultaneous uses sees the first. Reuse revokes the family."""
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


async def make_room(conn: AsyncConnection, user_id: str, client_id: str, most: int) -> None:
    """Ends a person's grants for an app beyond `most`, those first that were used last the longest ago.

    Waits for the rows of no other transaction, since the caller holds the person's session. So for a moment there may be a few more.
    """
    whose = {"user_id": user_id, "client_id": client_id, "most": most}
    await conn.execute(queries.FORGET_GRANTS, whose)
    excess = await (await conn.execute(queries.EXCESS_GRANTS, whose)).fetchall()
    await watermarks.revoke_grants(conn, [grant_id for (grant_id,) in excess], "more than an app may have of a person")


async def revoke_grant(conn: AsyncConnection, grant_id: str, why: str) -> bool:
    """Ends a family: its refresh and access tokens are refused. False if it had ended before."""
    return bool(await watermarks.revoke_grants(conn, [grant_id], why))
