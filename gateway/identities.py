"""Makes the identity headers that services trust: one per caller, address and service, reused for several requests."""

import time

import msgspec

from gateway.tokens import Token
from shared.web.identity import Caller, SigningKey, Statement, mint, sign

FRESH_SECONDS = 15.0
KEPT = 10_000
"""Headers for tokens, in each of two generations: a client uses a token from as many addresses as its network has."""
ANONYMOUS = 10_000
AUTH = "auth"


class Identities:
    def __init__(self, signing_key: str) -> None:
        self._key = SigningKey(signing_key)
        self.public_text = self._key.public_text()
        self._young: dict[tuple[Token, str, str], tuple[float, bytes]] = {}
        self._old: dict[tuple[Token, str, str], tuple[float, bytes]] = {}
        self._anonymous: dict[tuple[str, str], tuple[float, bytes]] = {}
        self._internal: tuple[float, str] = (0.0, "")

    def of(self, token: Token, address: str, audience: str, now: float) -> bytes:
        """The header for a token used from an address, for one service."""
        key = token, address, audience
        kept = self._young.get(key) or self._old.get(key)
        if kept is not None and 0 <= now - kept[0] < FRESH_SECONDS:
            return kept[1]
        if len(self._young) >= KEPT:
            self._young, self._old = {}, self._young
        caller = msgspec.structs.replace(token.caller, address=address)
        header = mint(caller, self._key, audience, now, made_ms=token.made_ms, kid=token.kid).encode()
        self._young[key] = (now, header)
        return header

    def anonymous(self, address: str, audience: str, now: float) -> bytes:
        """The header for a caller without a token, for one service."""
        kept = self._anonymous.get((address, audience))
        if kept is not None and 0 <= now - kept[0] < FRESH_SECONDS:
            return kept[1]
        if len(self._anonymous) >= ANONYMOUS:
            self._anonymous.clear()
        header = mint(Caller(address=address), self._key, audience, now).encode()
        self._anonymous[address, audience] = (now, header)
        return header

    def narrowed(self, statement: Statement, audience: str, scopes: frozenset[str]) -> str:
        """The header of the same caller for another service: fewer scopes, the same expiry, revoked with the same token."""
        caller = msgspec.structs.replace(statement.caller, scopes=scopes)
        return sign(msgspec.structs.replace(statement, caller=caller, aud=audience), self._key)

    def internal(self) -> str:
        """The gateway's own header, for its calls to auth."""
        now = time.time()
        if not 0 <= now - self._internal[0] < FRESH_SECONDS:
            caller = Caller(client_id="gateway", scopes=frozenset({"internal:gateway"}), token_use="service")  # noqa: S106 a kind, no secret
            self._internal = (now, mint(caller, self._key, AUTH, now))
        return self._internal[1]
