"""Refresh tokens: a grant, a generation and a MAC, so that one row per grant knows every token it ever had. Pure.

Each use makes the next generation. The same token again within the grace gets the same successor: an answer was lost.
Anything older is reuse: one of two holders is a thief, and the whole family ends (RFC 9700 §4.14.2).
"""

import hmac
import re
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from shared.crypto import Keyring
from shared.encoding import base64url_encode

PREFIX = "knr_"
_TOKEN = re.compile(r"knr_(?P<grant>[0-7][0-9a-z]{25})\.(?P<generation>[1-9][0-9]{0,8})\.(?P<mac>[A-Za-z0-9_-]{43})")
IDLE = timedelta(days=30)
LONGEST = timedelta(days=180)


class RefreshToken(NamedTuple):
    grant_id: str
    generation: int
    mac: str


def write(grant_id: str, generation: int, seed: bytes, keyring: Keyring) -> str:
    """Both the row's seed and the key from the settings are needed to make one."""
    suffix = grant_id.removeprefix("gnt_")
    return (
        f"{PREFIX}{suffix}.{generation}.{base64url_encode(keyring.mac(_signed(grant_id, generation, seed), 'refresh'))}"
    )


def read(text: str) -> RefreshToken | None:
    """What a refresh token claims to be; None for text that could not be one."""
    found = _TOKEN.fullmatch(text)
    if found is None:
        return None
    return RefreshToken(f"gnt_{found['grant']}", int(found["generation"]), found["mac"])


def is_genuine(token: RefreshToken, seed: bytes, keyring: Keyring) -> bool:
    macs = keyring.macs(_signed(token.grant_id, token.generation, seed), "refresh")
    return any(hmac.compare_digest(base64url_encode(mac), token.mac) for mac in macs)


def _signed(grant_id: str, generation: int, seed: bytes) -> bytes:
    return f"{grant_id}.{generation}.".encode() + seed


Use = Literal["next", "again", "reuse"]


def use_of(generation: int, newest: int, rotated_at: datetime | None, now: datetime, grace: timedelta) -> Use:
    """What presenting `generation` means while `newest` is the last one given out."""
    if generation >= newest:
        return "next"
    if generation == newest - 1 and rotated_at is not None and now - rotated_at <= grace:
        return "again"
    return "reuse"


def expires_at(created_at: datetime, now: datetime) -> datetime:
    """A family ends after 30 days without use, and after 180 days whatever happens."""
    return min(now + IDLE, created_at + LONGEST)
