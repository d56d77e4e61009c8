"""What an access token says (RFC 9068 §2.2). Pure."""

import os
from typing import Literal

import msgspec

from shared.deidentification import Mode


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """The payload of every token. `grant_id` is what a code, a refresh family or a service token is revoked by.

    `deidentification` is the app's mode, whose change revokes the token; it is absent from tokens of older versions of auth.
    """

    iss: str
    aud: list[str]
    sub: str
    client_id: str
    tenant_id: str
    scope: str
    iat: int
    exp: int
    jti: str
    token_use: Literal["access", "service"]
    grant_id: str
    environment: Literal["production", "sandbox"]
    deidentification: Mode = "exact"


def jti_at(milliseconds: int) -> str:
    """A UUIDv7 (RFC 9562 §5.7) of that millisecond: revocation compares it with watermarks, both on the database's clock."""
    randomness = int.from_bytes(os.urandom(10), "big")
    number = (
        (milliseconds << 80) | (0x7 << 76) | ((randomness >> 68) << 64) | (0b10 << 62) | (randomness & (1 << 62) - 1)
    )
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
