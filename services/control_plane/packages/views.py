"""How packages, versions and keys are shown. Pure."""

from typing import Any

import msgspec

from services.control_plane.packages import signing
from services.control_plane.packages.models import SigningKeyRow, VersionRow


def key_view(key: SigningKeyRow) -> dict[str, Any]:
    return {
        "id": key.id,
        "client_id": key.client_id,
        "name": key.name,
        "jwk": signing.jwk_of(key.public_key, key.id),
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
    }


def version_view(version: VersionRow) -> dict[str, Any]:
    status = "published" if version.published_at is not None else "awaiting_content"
    return msgspec.structs.asdict(version) | {"status": status}
