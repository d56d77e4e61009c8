"""The signature of an export: a JWS (RFC 7515) in its compact form, by an Ed25519 key (RFC 8037) of the service.

The private key is derived from the service's encryption key, so it needs no setting, and a new encryption key brings a new signing key.
"""

import hashlib

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.primitives.crypto import Keyring, base64url_encode
from shared.trail.models import AuditKey, AuditKeys, ExportStatement

PURPOSE = "signature of exports of the audit trail"
TYPE = "audit-export+jws"


def keys(keyring: Keyring) -> AuditKeys:
    """The public keys of all encryption keys of the service, the one that signs first."""
    return AuditKeys([_public(_private(seed)) for seed in keyring.macs(b"", PURPOSE)])


def signed(statement: ExportStatement, keyring: Keyring) -> str:
    key = _private(keyring.mac(b"", PURPOSE))
    header = {"alg": "EdDSA", "kid": _public(key).kid, "typ": TYPE}
    text = ".".join(base64url_encode(msgspec.json.encode(part)) for part in (header, statement))
    return f"{text}.{base64url_encode(key.sign(text.encode()))}"


def _private(seed: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(seed)


def _public(key: Ed25519PrivateKey) -> AuditKey:
    x = base64url_encode(key.public_key().public_bytes_raw())
    # The thumbprint of RFC 7638: the required members alone, in order.
    thumbprint = hashlib.sha256(msgspec.json.encode({"crv": "Ed25519", "kty": "OKP", "x": x})).digest()
    return AuditKey(kid=base64url_encode(thumbprint), x=x)
