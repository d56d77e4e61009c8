"""Encryption that opens only with two things: a key of the server, and a secret that the server does not store."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.primitives.crypto import Keyring

NONCE = 12


def seal(keyring: Keyring, secret: str, value: bytes, context: str) -> bytes:
    """AES-256-GCM under HKDF of the secret's MAC. `context` names the place of the value."""
    nonce = os.urandom(NONCE)
    return nonce + AESGCM(_key(keyring.mac(secret.encode(), context))).encrypt(nonce, value, context.encode())


def unseal(keyring: Keyring, secret: str, sealed: bytes, context: str) -> bytes | None:
    """None for another secret, another place, or a key that is gone."""
    for mac in keyring.macs(secret.encode(), context):
        try:
            return AESGCM(_key(mac)).decrypt(sealed[:NONCE], sealed[NONCE:], context.encode())
        except (InvalidTag, ValueError):
            continue
    return None


def _key(mac: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=b"knogin console twofold").derive(mac)
