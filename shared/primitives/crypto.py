"""base64url, signatures of services, and encryption at rest.

base64url (RFC 4648 §5) is without padding and decoded strictly: each sequence of bytes has one text.

Signatures are Ed25519 (RFC 8032): each service has one private key and the public keys of all services. A signature covers its purpose
and its parts with their lengths, so a signature of a batch of messages is valid for nothing else. Keys are rotated with overlap:
`SERVICE_PUBLIC_KEYS` lists all valid keys of a service.

Encryption is AES-256-GCM under versioned keys, from which keyed MACs are derived too.
"""

import base64
import binascii
import hashlib
import hmac
import os
import re

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_ALPHABET = re.compile(r"[A-Za-z0-9_-]*")


def base64url_encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def base64url_decode(text: str) -> bytes:
    """Raises ValueError for padding, characters outside the alphabet, an impossible length or bits beyond the last byte."""
    if not _ALPHABET.fullmatch(text):
        raise ValueError("not base64url")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    if base64url_encode(data) != text:
        raise ValueError("not base64url")
    return data


PUBLIC_FORM = "<service>/<kid>:<base64url of 32 bytes>, separated by commas"


class Signer:
    """Signs with a service's private key, from `<kid>:<base64url of the 32-byte seed>`. Raises ValueError for anything else."""

    def __init__(self, text: str) -> None:
        self.kid, _, seed = text.partition(":")
        if not _is_name(self.kid):
            raise ValueError("a key's id is 1 to 64 letters, digits, dashes or underscores")
        self._key = Ed25519PrivateKey.from_private_bytes(base64url_decode(seed))

    def public_text(self, service: str) -> str:
        """The entry of `SERVICE_PUBLIC_KEYS` that belongs to this key."""
        return f"{service}/{self.kid}:{base64url_encode(self._key.public_key().public_bytes_raw())}"

    def sign(self, purpose: str, *parts: str | bytes) -> str:
        """`<kid>.<base64url signature>` over the purpose and the parts."""
        return f"{self.kid}.{base64url_encode(self._key.sign(_framed(purpose, parts)))}"


class PublicKeys:
    """The public keys of all services, from `SERVICE_PUBLIC_KEYS`. Raises ValueError for a malformed text."""

    def __init__(self, text: str) -> None:
        self._keys: dict[tuple[str, str], Ed25519PublicKey] = {}
        for part in text.split(","):
            name, _, encoded = part.strip().partition(":")
            service, _, kid = name.partition("/")
            if not _is_name(service) or not _is_name(kid):
                raise ValueError(PUBLIC_FORM)
            self._keys[service, kid] = Ed25519PublicKey.from_public_bytes(base64url_decode(encoded))

    def verify(self, service: str, signature: str, purpose: str, *parts: str | bytes) -> bool:
        """Whether `service` signed these parts for this purpose with one of its valid keys."""
        kid, _, encoded = signature.partition(".")
        key = self._keys.get((service, kid))
        if key is None:
            return False
        try:
            key.verify(base64url_decode(encoded), _framed(purpose, parts))
        except (InvalidSignature, ValueError):
            return False
        return True


def identity_keys(text: str) -> dict[str, Ed25519PublicKey]:
    """The gateways' keys for identity headers by id, from `IDENTITY_PUBLIC_KEYS`. Raises ValueError for a malformed text."""
    keys: dict[str, Ed25519PublicKey] = {}
    for part in text.split(","):
        kid, _, encoded = part.strip().partition(":")
        try:
            keys[kid] = Ed25519PublicKey.from_public_bytes(base64url_decode(encoded))
        except ValueError:
            raise ValueError("IDENTITY_PUBLIC_KEYS is <kid>:<base64url of 32 bytes>, separated by commas") from None
    return keys


def _framed(purpose: str, parts: tuple[str | bytes, ...]) -> bytes:
    """Writes each part after its length, so that no two lists of parts have the same bytes."""
    encoded = [purpose.encode(), *(part.encode() if isinstance(part, str) else part for part in parts)]
    return b"".join(len(part).to_bytes(8, "big") + part for part in encoded)


def _is_name(text: str) -> bool:
    return 0 < len(text) <= 64 and text.isascii() and all(each.isalnum() or each in "-_" for each in text)


NONCE = 12


def private_keys(text: str) -> dict[str, Ed25519PrivateKey]:
    """Ed25519 keys by id, from `<kid>:<base64url of the 32-byte seed>` separated by commas. Raises ValueError for anything else."""
    pairs = [part.strip().partition(":") for part in text.split(",")]
    return {kid: Ed25519PrivateKey.from_private_bytes(base64url_decode(seed)) for kid, _, seed in pairs}


def public_jwks(text: str) -> dict[str, list[dict[str, str]]]:
    """The JWK Set (RFC 7517, RFC 8037 §2) with the public halves of `private_keys`."""
    return {
        "keys": [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "kid": kid,
                "use": "sig",
                "alg": "EdDSA",
                "x": base64url_encode(key.public_key().public_bytes_raw()),
            }
            for kid, key in private_keys(text).items()
        ]
    }


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

    @property
    def versions(self) -> list[int]:
        """Of all keys, the current one first."""
        return list(self._mac_keys)

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

    def seal(self, data: bytes, purpose: str) -> bytes:
        """The version of the current key and the MAC of `data` under it: 33 bytes for a row that is stored beside them."""
        return bytes([self._current]) + self.mac(data, purpose)

    def is_sealed(self, data: bytes, purpose: str, seal: bytes) -> bool:
        """Whether `seal` is that of `data` under one of our keys."""
        key = self._mac_keys.get(seal[0]) if seal else None
        return key is not None and hmac.compare_digest(_mac(key, data, purpose), seal[1:])


def _mac(key: bytes, data: bytes, purpose: str) -> bytes:
    return hmac.digest(key, purpose.encode() + b"\0" + data, hashlib.sha256)


def _derive(key: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=b"knogin " + purpose).derive(key)
