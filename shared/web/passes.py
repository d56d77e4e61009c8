"""The pass: a cookie that auth gives at a sign-in. It shows in which lines and by which rates a browser is served during a flood.

It is a JWT that auth's token keys sign, with a type and an audience of its own. It admits nobody and names nobody: the account and its
organisation appear as MACs under keys of auth.
"""

import time
from collections.abc import Callable
from typing import Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from shared.primitives.encoding import base64url_decode

TYPE = "pass+jwt"
AUDIENCE = "sign-in"
LIFETIME = 30 * 86_400
"""Seconds. A key that signs no more is published for as long."""
LONGEST = 2048


class Pass(msgspec.Struct, frozen=True):
    """The claims. `sub` is the account, `org` its organisation; every pass of an account has the same.

    `holder` is the account's id, encrypted for auth, which looks up whether the account still exists. It is empty in older passes.
    """

    iss: str
    exp: int
    sub: str
    org: str
    aud: str = AUDIENCE
    holder: str = ""


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    alg: Literal["RS256"]
    typ: Literal["pass+jwt"]
    kid: str


_header = msgspec.json.Decoder(_Header).decode
_claims = msgspec.json.Decoder(Pass).decode
_PADDING, _HASH = PKCS1v15(), SHA256()


def read(text: str, issuer: str, key_of: Callable[[str], RSAPublicKey | None]) -> tuple[str, Pass] | None:
    """The id of the key and the claims of a genuine pass that has not expired, else None. `key_of` finds a trusted key.

    Not by PyJWT, which takes five times as long to refuse a forged one.
    """
    if not 0 < len(text) <= LONGEST:
        return None
    signed, _, signature = text.rpartition(".")
    header, _, payload = signed.partition(".")
    try:
        kid = _header(base64url_decode(header)).kid
        key = key_of(kid)
        if key is None:
            return None
        key.verify(base64url_decode(signature), signed.encode(), _PADDING, _HASH)
        claims = _claims(base64url_decode(payload))
    except (InvalidSignature, ValueError, msgspec.DecodeError, RecursionError):
        return None
    is_ours = claims.iss == issuer and claims.aud == AUDIENCE and claims.exp > time.time()
    return (kid, claims) if is_ours else None


def cookie_name(issuer: str) -> str:
    """`__Host-` binds the cookie to https and this host. Over plain http browsers refuse the prefix."""
    return "__Host-knogin-pass" if issuer.startswith("https://") else "knogin-pass"
