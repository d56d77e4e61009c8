"""How tests publish: a key pair, a manifest signed with it, and the content whose digest was signed."""

import hashlib
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.primitives.crypto import base64url_encode
from tests.control_plane.conftest import Partner

CONTENT = b"PK\x03\x04 what the package holds"


class Publisher:
    """An app with a registered key and a package."""

    def __init__(self, app: Partner, name: str = "case-sync", kind: str = "connector") -> None:
        self.app = app
        self.private_key = Ed25519PrivateKey.generate()
        self.key_id = app.made("/signing-keys", {"name": "build server", "jwk": jwk(self.private_key)})["id"]
        self.package_id = app.made("/packages", {"name": name, "kind": kind})["id"]
        self.kind = kind

    @property
    def versions(self) -> str:
        return f"/packages/{self.package_id}/versions"

    def manifest(self, version: str = "1.0.0", content: bytes = CONTENT, **fields: Any) -> dict[str, Any]:
        return {
            "version": version,
            "kind": self.kind,
            "entry": "bin/start",
            "content_sha256": hashlib.sha256(content).hexdigest(),
            "key_id": self.key_id,
            "scopes": ["argus:incidents:read"],
            "event_types": ["incident.created"],
        } | fields

    def signed(self, version: str = "1.0.0", content: bytes = CONTENT, **fields: Any) -> dict[str, Any]:
        manifest = self.manifest(version, content, **fields)
        return manifest | {"signature": sign(self.private_key, self.package_id, manifest)}

    def announce(self, version: str = "1.0.0", content: bytes = CONTENT, **fields: Any) -> Any:
        return self.app.made(self.versions, self.signed(version, content, **fields))

    def publish(self, version: str = "1.0.0", content: bytes = CONTENT, **fields: Any) -> Any:
        self.announce(version, content, **fields)
        answer = self.app.put(f"{self.versions}/{version}/content", content)
        assert answer.status_code == 200, answer.text
        return answer.json()


def jwk(private_key: Ed25519PrivateKey) -> dict[str, str]:
    return {"kty": "OKP", "crv": "Ed25519", "x": base64url_encode(private_key.public_key().public_bytes_raw())}


def sign(private_key: Ed25519PrivateKey, package_id: str, manifest: dict[str, Any]) -> str:
    """As the documentation tells a partner to, in one line of his own."""
    statement = json.dumps(
        manifest | {"package_id": package_id}, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    return base64url_encode(private_key.sign(statement.encode()))
