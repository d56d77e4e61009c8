"""The statements about callers that services believe: minted once per caller and address, good for several requests."""

import time

import msgspec

from gateway.tokens import Token
from shared.identity import Caller, SigningKey, mint

FRESH_SECONDS = 30.0
ADDRESSES = 64
ANONYMOUS = 10_000


class Identities:
    def __init__(self, signing_key: str) -> None:
        self._key = SigningKey(signing_key)
        self._anonymous: dict[str, tuple[float, bytes]] = {}
        self._internal: tuple[float, str] = (0.0, "")

    def of(self, token: Token, address: str, now: float) -> bytes:
        """The header for a token used from an address."""
        kept = token.identities.get(address)
        if kept is not None and now - kept[0] < FRESH_SECONDS:
            return kept[1]
        if len(token.identities) >= ADDRESSES:
            token.identities.clear()
        header = mint(msgspec.structs.replace(token.caller, address=address), self._key, now).encode()
        token.identities[address] = (now, header)
        return header

    def anonymous(self, address: str, now: float) -> bytes:
        """The header for somebody without a token."""
        kept = self._anonymous.get(address)
        if kept is not None and now - kept[0] < FRESH_SECONDS:
            return kept[1]
        if len(self._anonymous) >= ANONYMOUS:
            self._anonymous.clear()
        header = mint(Caller(address=address), self._key, now).encode()
        self._anonymous[address] = (now, header)
        return header

    def internal(self) -> str:
        """The gateway's own, for what it asks of auth."""
        now = time.time()
        if now - self._internal[0] >= FRESH_SECONDS:
            caller = Caller(client_id="gateway", scopes=frozenset({"internal:gateway"}), token_use="service")  # noqa: S106 a kind, no secret
            self._internal = (now, mint(caller, self._key, now))
        return self._internal[1]
