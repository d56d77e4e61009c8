"""Rows of signing keys."""

from datetime import datetime
from typing import Any

import msgspec

from shared.primitives.ids import PLATFORM_TENANT

# The tenant id in the audit trail for actions of no other tenant, such as a key's rotation; `tenant audit platform` shows them.
PLATFORM = PLATFORM_TENANT
PLATFORM_BEFORE = "platform"
"""The same in entries of releases without a tenant of the platform's own."""


class SigningKeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """`private_key` is encrypted PKCS#8. `removed_at` is when the JWKS stops publishing the key; None while there is no successor."""

    kid: str
    private_key: bytes
    public_jwk: dict[str, Any]
    published_at: datetime
    activates_at: datetime
    removed_at: datetime | None
