"""Access tokens (RFC 9068): verified once, cached for up to a minute, checked against revocations on every use."""

import time
import uuid
from hashlib import sha256
from typing import Any

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from gateway.keys import Keys
from gateway.revocations import Revocations
from shared.primitives.ids import milliseconds
from shared.web.identity import CLOCKS_APART, Caller
from shared.web.scopes import Mode

LEEWAY = 30
LONGEST_LIFE = 30 * 86_400
LONGEST_TOKEN = 8192
REMEMBERED_SECONDS = 60.0
REMEMBERED = 20_000
TYPES = frozenset({"at+jwt", "application/at+jwt"})
REQUIRED = ["exp", "iat", "iss", "aud", "sub", "client_id", "tenant_id", "jti"]


class Invalid(Exception):
    """The token is refused. `reason` is a metric label; the text is a description for the client.

    `client_id` and `tenant_id` are of the client to which auth gave the token; empty where nothing shows that auth did."""

    def __init__(self, reason: str, description: str, client_id: str = "", tenant_id: str = "") -> None:
        super().__init__(description)
        self.reason = reason
        self.description = description
        self.client_id = client_id
        self.tenant_id = tenant_id


class TokensUncheckable(Exception):
    """No token can be checked: no keys, or revocations too old."""


class Claims(msgspec.Struct, frozen=True):
    sub: str
    client_id: str
    tenant_id: str
    jti: str
    exp: int | float
    iat: int | float
    scope: str = ""
    token_use: str = "access"  # noqa: S105 a kind, no secret
    grant_id: str | None = None
    environment: str = "production"
    deidentification: Mode = "exact"
    amr: tuple[str, ...] = ()


class Token:
    """A verified token: its caller, and the time until it must be verified again."""

    __slots__ = ("audiences", "caller", "kid", "made_ms", "reported_at", "until", "version")

    def __init__(self, caller: Caller, audiences: frozenset[str], made_ms: int, until: float, kid: str) -> None:
        self.caller = caller
        self.audiences = audiences
        self.made_ms = made_ms
        self.until = until
        self.kid = kid
        self.version = -1
        self.reported_at = 0.0


class Tokens:
    def __init__(self, keys: Keys, revocations: Revocations, issuer: str, audiences: list[str]) -> None:
        self._keys = keys
        self._revocations = revocations
        self._issuer = issuer
        self._audiences = audiences
        self._young: dict[bytes, Token] = {}
        self._old: dict[bytes, Token] = {}

    def forget(self) -> None:
        """Drops every verified token, because a key was withdrawn."""
        self._young, self._old = {}, {}

    def known(self, text: bytes, audience: str) -> Token | None:
        """The token if it was verified before and is still valid. This is the hot path. Raises Invalid or TokensUncheckable."""
        digest = sha256(text).digest()
        token = self._young.get(digest)
        if token is None:
            token = self._old.get(digest)
            if token is None:
                return None
            self._remember(digest, token)
        if token.until <= time.time():
            return None
        self._check(token, audience)
        return token

    async def verify(self, text: bytes, audience: str) -> Token:
        """Verifies a token in full. Raises Invalid or TokensUncheckable."""
        if len(text) > LONGEST_TOKEN:
            raise Invalid("too_long", "The token is too long.")
        kid, key = await self._key(text)
        claims, audiences = self._claims(text, key)
        until = min(claims.exp + LEEWAY, time.time() + REMEMBERED_SECONDS)
        try:
            jti = uuid.UUID(claims.jti)
        except ValueError:
            jti = None
        if jti is None or jti.version != 7:
            raise Invalid("claims", "The token's jti is not a UUIDv7.")
        if claims.token_use not in ("access", "service") or claims.environment not in ("production", "sandbox"):
            raise Invalid("claims", "The token's use is unknown.")
        caller = Caller(
            tenant_id=claims.tenant_id,
            client_id=claims.client_id,
            subject=claims.sub,
            scopes=frozenset(claims.scope.split()),
            token_use="service" if claims.token_use == "service" else "access",  # noqa: S105
            grant_id=claims.grant_id,
            token_id=claims.jti,
            environment="sandbox" if claims.environment == "sandbox" else "production",
            deidentification=claims.deidentification,
            second_factor="mfa" in claims.amr,
        )
        token = Token(caller, audiences, milliseconds(jti), until, kid)
        self._check(token, audience)
        self._remember(sha256(text).digest(), token)
        return token

    def _check(self, token: Token, audience: str) -> None:
        if audience not in token.audiences:
            who = token.caller
            raise Invalid("audience", "The token is not meant for this host.", who.client_id, who.tenant_id)
        if not self._revocations.usable:
            raise TokensUncheckable
        if token.version == self._revocations.version:
            return
        who = token.caller
        if self._revocations.marks.covers(
            tenant=who.tenant_id,
            client=who.client_id,
            grant=who.grant_id,
            token=who.token_id,
            made_ms=token.made_ms,
            kid=token.kid,
        ):
            raise Invalid("revoked", "The token has been revoked.", who.client_id, who.tenant_id)
        token.version = self._revocations.version

    def _remember(self, digest: bytes, token: Token) -> None:
        if len(self._young) >= REMEMBERED:
            self._young, self._old = {}, self._young
        self._young[digest] = token

    async def _key(self, text: bytes) -> tuple[str, RSAPublicKey]:
        try:
            header = jwt.get_unverified_header(text)
        except (jwt.InvalidTokenError, ValueError, RecursionError) as error:
            raise Invalid("malformed", "The token is not a JWT.") from error
        kid = header.get("kid")
        if header.get("alg") != "RS256" or str(header.get("typ", "")).lower() not in TYPES or "crit" in header:
            raise Invalid("type", "The token is not an access token signed with RS256.")
        if not isinstance(kid, str) or not 0 < len(kid) <= 128:
            raise Invalid("kid", "The token does not name its key.")
        key = await self._keys.find(kid)
        if key is None:
            if not self._keys.ready:
                raise TokensUncheckable
            raise Invalid("kid", "The token is signed with a key this issuer does not publish.")
        return kid, key

    def _claims(self, text: bytes, key: RSAPublicKey) -> tuple[Claims, frozenset[str]]:
        try:
            payload: dict[str, Any] = jwt.decode(
                text,
                key,
                algorithms=["RS256"],
                issuer=self._issuer,
                audience=self._audiences,
                leeway=LEEWAY,
                options={"require": REQUIRED},
            )
            claims = msgspec.convert(payload, Claims)
        except jwt.ExpiredSignatureError as error:
            genuine = _read(text)
            named = (str(genuine.get(name, "")) for name in ("client_id", "tenant_id"))
            raise Invalid("expired", "The token has expired.", *named) from error
        except jwt.ImmatureSignatureError as error:
            genuine, now = _read(text), time.time()
            # Where `iat` is ahead by no more than this, our clock or auth's is wrong.
            if "nbf" not in genuine and now < float(genuine["iat"]) <= now + CLOCKS_APART:
                raise TokensUncheckable from error
            raise Invalid("claims", "The token is not valid yet.") from error
        except jwt.InvalidSignatureError as error:
            raise Invalid("signature", "The token's signature is wrong.") from error
        except (jwt.InvalidTokenError, msgspec.ValidationError, ValueError, OverflowError, RecursionError) as error:
            raise Invalid("claims", "The token's claims are not those of this issuer's access tokens.") from error
        if claims.exp - claims.iat > LONGEST_LIFE + LEEWAY:
            raise Invalid("claims", "The token lives longer than this issuer's tokens may.")
        audience = payload["aud"]
        return claims, frozenset([audience] if isinstance(audience, str) else audience)


def _read(text: bytes) -> dict[str, Any]:
    """The claims of a token whose signature was verified, and whose times are wrong."""
    return jwt.decode(text, options={"verify_signature": False})
