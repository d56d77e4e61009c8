"""The console's sessions, as far as the gateway tells them apart: by a hash of the cookie, which it cannot check.

A browser with an invented cookie counts by itself; the rate of its network limits all of them together.
"""

import re
from hashlib import sha256

from gateway.headers import Headers

# `__Host-knogin-console`, or over plain http `knogin-<stack>-console`.
COOKIE = re.compile(rb"(?:^|;)\s*(?:__Host-knogin|knogin-[0-9a-z]{1,20})-console=([A-Za-z0-9_-]{43})\s*(?:;|$)")


def session_of(fields: Headers) -> str:
    """The rate-limit key of a request's session; "" without a cookie of its form."""
    for name, value in fields:
        if name == b"cookie" and (found := COOKIE.search(value)):
            return sha256(found[1]).hexdigest()[:32]
    return ""
