"""Signing keys as they stand in the database."""

from datetime import datetime
from typing import Any

import msgspec

# Whose audit trail tells of what belongs to no tenant, as keys do: `tenant audit platform` shows it.
PLATFORM = "platform"


class SigningKeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """`private_key` is encrypted PKCS#8. `removed_at` is when the JWKS stops to publish the key; None while nothing follows it."""

    kid: str
    private_key: bytes
    public_jwk: dict[str, Any]
    published_at: datetime
    activates_at: datetime
    removed_at: datetime | None
