"""Private keys with which a client proves itself (RFC 7523)."""

from __future__ import annotations

from typing import Any

from .errors import ConfigurationError


def load(private_key: str | bytes) -> tuple[Any, str]:
    """The key and the JWS algorithm that fits it."""
    try:
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        from jwt.algorithms import get_default_algorithms
    except ImportError:
        raise ConfigurationError("private_key needs another package: pip install 'pyjwt[crypto]'") from None
    pem = private_key.encode() if isinstance(private_key, str) else private_key
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError):
        raise ConfigurationError("private_key is not an unencrypted PEM private key") from None
    algorithm = ""
    if isinstance(key, rsa.RSAPrivateKey):
        algorithm = "RS256"
    elif isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name == "secp256r1":
        algorithm = "ES256"
    elif isinstance(key, ed25519.Ed25519PrivateKey):
        algorithm = "EdDSA"
    if algorithm in get_default_algorithms():
        return key, algorithm
    raise ConfigurationError("private_key is neither RSA, P-256 nor Ed25519")
