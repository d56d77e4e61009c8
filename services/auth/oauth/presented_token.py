"""A token that a client asks about or gives back (RFC 7009, RFC 7662), read against our own keys. Pure."""

from datetime import datetime
from typing import Any, cast

import jwt
import msgspec

from services.auth.oauth.client import Client
from services.auth.oauth.models import GrantRow
from services.auth.tokens import Claims

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
