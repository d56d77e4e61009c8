"""Typed, time-ordered ids: a prefix and a UUIDv7 (RFC 9562 §5.7) in 26 characters of Crockford base32, in the format of TypeID."""

import os
import re
import threading
import time
import uuid

PLATFORM_TENANT = "org_" + "0" * 26
"""The platform's own tenant, whose people are its operators. `new_id` makes this id for no other."""
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]
_VALUE = {character: value for value, character in enumerate(ALPHABET)}
# 26 characters have 130 bits but a UUID has 128, so the first character is at most 7.
_SUFFIX = re.compile(r"[0-7][0-9a-hjkmnp-tv-z]{25}")

_AHEAD = 10_000 * 4096
_lock = threading.Lock()
_last = 0


def uuid7() -> uuid.UUID:
    """A UUIDv7: 48 bits of milliseconds, 12 bits of their fraction, 62 random bits.

    It sorts after all earlier ones of this process, unless the clock was set back by more than ten seconds (RFC 9562 §6.2).
    """
    return uuid.UUID(int=_number())


def new_id(prefix: str) -> str:
    """`new_id("enc")` → `enc_01jd…`."""
    return f"{prefix}_{_encode(_number())}"


def id_of(prefix: str, value: uuid.UUID) -> str:
    """The id with this UUID; `uuid_of` is the inverse."""
    return f"{prefix}_{_encode(value.int)}"


def is_id(value: str, prefix: str) -> bool:
    """Whether `value` is an id that `new_id(prefix)` could have made."""
    head, _, suffix = value.rpartition("_")
    return head == prefix and _SUFFIX.fullmatch(suffix) is not None


def uuid_of(value: str) -> uuid.UUID:
    """The UUID in an id. Raises ValueError for a malformed id."""
    suffix = value.rpartition("_")[2]
    if not _SUFFIX.fullmatch(suffix):
        raise ValueError("not an id")
    number = 0
    for character in suffix:
        number = number << 5 | _VALUE[character]
    return uuid.UUID(int=number)


def milliseconds(value: uuid.UUID) -> int:
    """Unix milliseconds at which a UUIDv7 was made."""
    return value.int >> 80


def _number() -> int:
    global _last
    with _lock:
        moment = time.time_ns() * 4096 // 1_000_000
        _last = moment = moment if moment < _last - _AHEAD else max(moment, _last + 1)
    milliseconds, fraction = divmod(moment, 4096)
    randomness = int.from_bytes(os.urandom(8), "big") & ((1 << 62) - 1)
    return (milliseconds << 80) | (0x7 << 76) | (fraction << 64) | (0b10 << 62) | randomness


def _encode(number: int) -> str:
    # Ten bits at a time: an id is made for every row and event.
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -10, -10)])
