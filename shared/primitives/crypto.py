"""Encryption at rest: AES-256-GCM under versioned keys, and keyed MACs derived from them."""

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.primitives.encoding import base64url_decode

NONCE = 12


class UnreadableCiphertext(Exception):
    """None of our keys encrypted these bytes for this context."""


class Keyring:
    """Keys by version. The first one encrypts, all decrypt; a new key is added in front of the old one."""

    def __init__(self, keys: dict[int, bytes]) -> None:
        self._ciphers = {version: AESGCM(_derive(key, b"encryption")) for version, key in keys.items()}
        self._current = next(iter(keys))
        self._mac_keys = {version: _derive(key, b"mac") for version, key in keys.items()}

    @classmethod
    def from_text(cls, text: str) -> "Keyring":
        """Reads `2:<base64url of 32 bytes>,1:<…>`. Raises ValueError for anything else."""
        keys: dict[int, bytes] = {}
        for part in text.split(","):
            version, _, encoded = part.strip().partition(":")
            key = base64url_decode(encoded)
            if not version.isdigit() or not 0 < int(version) < 256 or len(key) != 32 or int(version) in keys:
                raise ValueError("keys are <version 1..255>:<base64url of 32 bytes>, separated by commas")
            keys[int(version)] = key
        return cls(keys)

    @property
    def version(self) -> int:
        return self._current

    def encrypt(self, plaintext: bytes, context: bytes) -> bytes:
        """Returns version, nonce and ciphertext.

        `context` names the place of the value (table, row, column); the bytes do not decrypt in another place.
        """
        nonce = os.urandom(NONCE)
        return bytes([self._current]) + nonce + self._ciphers[self._current].encrypt(nonce, plaintext, context)

    def decrypt(self, ciphertext: bytes, context: bytes) -> bytes:
        """Raises UnreadableCiphertext when key, context or bytes differ from those of `encrypt`."""
        cipher = self._ciphers.get(ciphertext[0]) if ciphertext else None
        if cipher is None:
            raise UnreadableCiphertext
        try:
            return cipher.decrypt(ciphertext[1 : 1 + NONCE], ciphertext[1 + NONCE :], context)
        except (InvalidTag, ValueError):
            raise UnreadableCiphertext from None

    def mac(self, data: bytes, purpose: str) -> bytes:
        """HMAC-SHA256 (32 bytes) under the current key, separate for each purpose."""
        return _mac(self._mac_keys[self._current], data, purpose)

    def macs(self, data: bytes, purpose: str) -> list[bytes]:
        """The same under every key, the current one first: compare a stored MAC with each of them, since it may be of an older key."""
        return [_mac(key, data, purpose) for key in self._mac_keys.values()]


def _mac(key: bytes, data: bytes, purpose: str) -> bytes:
    return hmac.digest(key, purpose.encode() + b"\0" + data, hashlib.sha256)


def _derive(key: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=b"knogin " + purpose).derive(key)
