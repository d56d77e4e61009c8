"""Passes of known browsers: their sign-ins count by account and organisation while strangers use up the rate of their network.

A pass is checked only then. A check costs 0.08 ms, so a network may cause a limited number of them a second; a pass that was checked
before needs no other.
"""

import time
from collections import Counter
from collections.abc import Callable
from hashlib import sha256

from gateway.headers import Headers
from gateway.keys import Keys
from gateway.metrics import passes
from shared.web.cookies import cookie_name
from shared.web.identity import PASS_LONGEST, Pass, read_pass

CHECKS = 1000
"""For one network in a second; the IPv6 networks around it may cause twice as many together."""
REMEMBERED = 10_000
RATES = frozenset({"sign_in", "saml"})
"""The rate classes beside which a pass has its own."""


class Passes:
    def __init__(self, keys: Keys, issuer: str, stack: str = "", clock: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._issuer = issuer
        self._clock = clock
        self._name = cookie_name(issuer, stack, "pass").encode()
        self._seen: dict[bytes, tuple[str, Pass]] = {}
        self._second = 0
        self._checks: Counter[str] = Counter()

    def of(self, fields: Headers, network: str, wider: tuple[tuple[str, int], ...] = ()) -> Pass | None:
        """The valid pass among a request's cookies. `wider` as for `Limits.take`."""
        text = self._cookie(fields)
        if not 0 < len(text) <= PASS_LONGEST:
            return None
        digest = sha256(text).digest()
        found = self._seen.get(digest)
        if found is None:
            second = int(self._clock())
            if second != self._second:
                self._second = second
                self._checks.clear()
            around = [block for block, _ in wider]
            if self._checks[network] >= CHECKS or any(self._checks[block] >= 2 * CHECKS for block in around):
                passes.labels("unchecked").inc()
                return None
            self._checks.update([network, *around])
            found = read_pass(text.decode("latin-1"), self._issuer, self._keys.held)
            passes.labels("refused" if found is None else "accepted").inc()
            if found is not None:
                if len(self._seen) >= REMEMBERED:
                    self._seen.clear()
                self._seen[digest] = found
        if found is None or found[1].exp <= self._clock() or self._keys.held(found[0]) is None:
            return None
        return found[1]

    def _cookie(self, fields: Headers) -> bytes:
        for name, value in fields:
            if name == b"cookie":
                for pair in value.split(b";"):
                    key, _, text = pair.strip().partition(b"=")
                    if key == self._name:
                        return text
        return b""
