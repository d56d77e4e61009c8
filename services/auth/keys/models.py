"""Rows of signing keys."""

from datetime import datetime
from typing import Any

import msgspec

# The tenant id in the audit trail for actions of no tenant, such as a key's rotation; `tenant audit platform` shows them.
PLATFORM = "platform"


class SigningKeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """`private_key` is encrypted PKCS#8. `removed_at` is when the JWKS stops publishing the key; None while there is no successor."""

    kid: str
    private_key: bytes
    public_jwk: dict[str, Any]
    published_at: datetime
    activates_at: datetime
    removed_at: datetime | None
