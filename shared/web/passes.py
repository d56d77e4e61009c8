"""The pass: a cookie that auth gives at a sign-in. It shows in which lines and by which rates a browser is served during a flood.

It is a JWT that auth's token keys sign, with a type and an audience of its own. It admits nobody and names nobody: the account and its
organisation appear as MACs under keys of auth.
"""

from collections.abc import Callable

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

TYPE = "pass+jwt"
AUDIENCE = "sign-in"
LIFETIME = 30 * 86_400
"""Seconds. A key that signs no more is published for as long."""
LONGEST = 2048


class Pass(msgspec.Struct, frozen=True):
    """The claims. `sub` is the account, `org` its organisation; every pass of an account has the same."""

    iss: str
    exp: int
    sub: str
    org: str
    aud: str = AUDIENCE


def read(text: bytes | str, issuer: str, key_of: Callable[[str], RSAPublicKey | None]) -> tuple[str, Pass] | None:
    """The id of the key and the claims of a genuine pass that has not expired, else None. `key_of` finds a trusted key."""
    if not 0 < len(text) <= LONGEST:
        return None
    try:
        header = jwt.get_unverified_header(text)
        kid: str = header.get("kid", "")
        key = key_of(kid)
        if key is None or header.get("typ") != TYPE or "crit" in header:
            return None
        claims = jwt.decode(text, key, algorithms=["RS256"], issuer=issuer, audience=AUDIENCE)
        return kid, msgspec.convert(claims, Pass)
    except (jwt.InvalidTokenError, msgspec.ValidationError, ValueError, OverflowError, RecursionError):
        return None


def cookie_name(issuer: str) -> str:
    """`__Host-` binds the cookie to https and this host. Over plain http browsers refuse the prefix."""
    return "__Host-knogin-pass" if issuer.startswith("https://") else "knogin-pass"
