"""Which line a SAML message waits in, by its RelayState, so that people's sign-ins are read while strangers flood the queue.

The RelayState of a sign-in that began here, and the cookie of a browser that signed in before, carry MACs of their own: no query to
the database. They admit nobody; they only give a place in the queue.
"""

import hmac
import secrets
import time
from collections import OrderedDict
from typing import Literal

from shared.crypto import Keyring
from shared.encoding import base64url_decode, base64url_encode

Rank = Literal["returning", "begun", "other"]
RETURNING: Rank = "returning"
"""Answers a sign-in begun in a browser that has signed in through the connection before."""
BEGUN: Rank = "begun"
"""Answers a sign-in begun in any other browser."""
OTHER: Rank = "other"
"""Any other message; also a genuine one that the identity provider began."""

RELAY_STATE = "saml relay state"
BROWSER = "saml returning browser"
RANDOM = 16
MAC = 16
EXPIRY = 4
READINGS = 3
"""Of messages with one RelayState; further ones wait as strangers' do."""
REMEMBERED = 10_000
FIELD = b"RelayState="
LONGEST = 80


def relay_state(keyring: Keyring, connection_id: str, rank: Rank, lives: int) -> str:
    """Of a request that is made now and lives for so many seconds."""
    expires = int(time.time() + lives).to_bytes(EXPIRY)
    said = (b"r" if rank == RETURNING else b"b") + expires + secrets.token_bytes(RANDOM)
    return _sealed(keyring, RELAY_STATE, connection_id, said)


def browser_token(keyring: Keyring, connection_id: str) -> str:
    """For the cookie of a browser that has just signed in through the connection."""
    return _sealed(keyring, BROWSER, connection_id, secrets.token_bytes(RANDOM))


def is_returning(keyring: Keyring, connection_id: str, token: str) -> bool:
    return _opened(keyring, BROWSER, connection_id, token) is not None


def state_in(raw: bytes) -> str:
    """The RelayState of a form or query that nobody has parsed; "" where there is none. Ours needs no escapes."""
    at = 0 if raw.startswith(FIELD) else raw.find(b"&" + FIELD) + 1
    if not raw.startswith(FIELD, at):
        return ""
    return raw[at + len(FIELD) : at + len(FIELD) + LONGEST].partition(b"&")[0].decode("latin-1")


def _sealed(keyring: Keyring, purpose: str, connection_id: str, said: bytes) -> str:
    return base64url_encode(said + keyring.mac(connection_id.encode() + b" " + said, purpose)[:MAC])


def _opened(keyring: Keyring, purpose: str, connection_id: str, token: str) -> bytes | None:
    try:
        decoded = base64url_decode(token)
    except ValueError:
        return None
    said, mac = decoded[:-MAC], decoded[-MAC:]
    expected = keyring.macs(connection_id.encode() + b" " + said, purpose)
    return said if any(hmac.compare_digest(one[:MAC], mac) for one in expected) else None


class Ranks:
    """The rank of messages; counts how often each RelayState came, as far back as REMEMBERED of them."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._readings: OrderedDict[str, int] = OrderedDict()

    def of(self, connection_id: str, raw: bytes) -> Rank:
        """Of a message to the connection; `raw` is its form or query."""
        state = state_in(raw)
        said = _opened(self._keyring, RELAY_STATE, connection_id, state) if state else None
        if said is None or len(said) != 1 + EXPIRY + RANDOM or int.from_bytes(said[1 : 1 + EXPIRY]) < time.time():
            return OTHER
        readings = self._readings[state] = self._readings.pop(state, 0) + 1
        if len(self._readings) > REMEMBERED:
            self._readings.popitem(last=False)
        if readings > READINGS:
            return OTHER
        return RETURNING if said[:1] == b"r" else BEGUN
