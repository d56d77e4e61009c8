import hashlib
import json
from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from knogin import Knogin


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verify(export: bytes, keys: dict[str, str]) -> dict[str, Any]:
    """The signed statement. `keys` maps `kid` to `x`. Raises for any other export."""
    body, _, last = export.removesuffix(b"\n").rpartition(b"\n")
    signed, _, signature = json.loads(last)["signature"].rpartition(".")
    header, statement = (json.loads(decoded(part)) for part in signed.split("."))
    key = Ed25519PublicKey.from_public_bytes(decoded(keys[header["kid"]]))
    key.verify(decoded(signature), signed.encode())
    before = body + b"\n" if body else b""
    if statement["sha256"] != hashlib.sha256(before).hexdigest():
        raise ValueError("the entries are not those that were signed")
    return statement


if __name__ == "__main__":
    with Knogin(base_url="https://api.knogin.com") as client:
        trail, week = client.audit_trail, timedelta(days=7)
        keys = {key.kid: key.x for key in trail.list_audit_keys("auth").keys}
        export = trail.export_audit_entries("auth", since=datetime.now(UTC) - week)
    statement = verify(export, keys)
    print(
        statement["entries"], statement["complete"], statement["verification"]["state"]
    )
