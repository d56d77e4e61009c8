"""Signs deliveries as Standard Webhooks 1.0, symmetric scheme `v1`: HMAC-SHA256 over `{id}.{timestamp}.{body}`."""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Sequence
from functools import lru_cache

import msgspec

from shared.primitives.crypto import Keyring

PREFIX = "whsec_"
SHORTEST, LONGEST = 16, 256
USER_AGENT = "Knogin-Webhooks/1.0 (+https://knogin.com/api/docs)"
MOST_DECRYPTED = 8192


class UnusableSecret(ValueError):
    """The text is neither a `whsec_` secret nor 16 to 256 characters. The message names the fault."""


class Vault:
    """Encrypts secrets and custom headers of subscriptions, and caches recent decryptions."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._decrypt = lru_cache(MOST_DECRYPTED)(keyring.decrypt)

    def seal_secret(self, subscription_id: str, secret: str) -> bytes:
        return self._keyring.encrypt(signing_key(secret), _context(subscription_id, "secret"))

    def seal_headers(self, subscription_id: str, headers: dict[str, str]) -> bytes | None:
        """None where there are no headers."""
        if not headers:
            return None
        return self._keyring.encrypt(msgspec.json.encode(headers), _context(subscription_id, "headers"))

    def key(self, subscription_id: str, sealed: bytes) -> bytes:
        return self._decrypt(sealed, _context(subscription_id, "secret"))

    def headers(self, subscription_id: str, sealed: bytes) -> dict[str, str]:
        opened = self._decrypt(sealed, _context(subscription_id, "headers"))
        return msgspec.json.decode(opened, type=dict[str, str])


def generate_secret() -> str:
    """A fresh secret: `whsec_` and 32 random bytes in base64."""
    return PREFIX + base64.b64encode(os.urandom(32)).decode()


def signing_key(secret: str) -> bytes:
    """The HMAC key of a secret: the decoded bytes after `whsec_`, or the UTF-8 bytes of any other text."""
    if not secret.startswith(PREFIX):
        if not SHORTEST <= len(secret) <= LONGEST:
            raise UnusableSecret(f"a secret has {SHORTEST} to {LONGEST} characters")
        return secret.encode()
    encoded = secret.removeprefix(PREFIX)
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise UnusableSecret("the text after whsec_ is not base64") from None
    if not SHORTEST <= len(key) <= LONGEST:
        raise UnusableSecret(f"a whsec_ secret holds {SHORTEST} to {LONGEST} bytes")
    return key


def signed_content(message_id: str, timestamp: int, body: bytes) -> bytes:
    """The bytes under the signature; `timestamp` is in Unix seconds, of this attempt."""
    return f"{message_id}.{timestamp}.".encode() + body


def signature_header(keys: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,<base64>` for each key, separated by spaces: during a rotation either secret verifies."""
    content = signed_content(message_id, timestamp, body)
    return " ".join(f"v1,{base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()}" for key in keys)


def fingerprint(key: bytes) -> str:
    """The first 12 hexadecimal digits of a key's SHA-256: its holder can compute them, and they do not reveal the key."""
    return hashlib.sha256(key).hexdigest()[:12]


def request_headers(event_id: str, timestamp: int, keys: Sequence[bytes], body: bytes) -> dict[str, str]:
    """The headers of an attempt; `timestamp` is the attempt's own, `webhook-id` the event's in every attempt."""
    return {
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature_header(keys, event_id, timestamp, body),
    }


def _context(subscription_id: str, kind: str) -> bytes:
    return f"webhook {subscription_id} {kind}".encode()
