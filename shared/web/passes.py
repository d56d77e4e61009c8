"""The pass: a cookie that auth gives at a sign-in and the gateway checks while the browser's network is over its rate.

It is a JWT that auth's token keys sign, with a type and an audience of its own. It admits nobody and names nobody: with it, a
browser's requests count by its account and organisation, which appear as MACs under keys of auth.
"""

import msgspec

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


def cookie_name(issuer: str) -> str:
    """`__Host-` binds the cookie to https and this host. Over plain http browsers refuse the prefix."""
    return "__Host-knogin-pass" if issuer.startswith("https://") else "knogin-pass"
