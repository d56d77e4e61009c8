"""Signs deliveries as Standard Webhooks 1.0, over `{id}.{timestamp}.{body}`: HMAC-SHA256 (`v1`), and Ed25519 (`v1a`)."""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Sequence
from functools import lru_cache

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.webhook_dispatcher.sending.access import Grant, Identity
from shared.primitives.crypto import Keyring

PREFIX = "whsec_"
PUBLIC_PREFIX = "whpk_"
SHORTEST, LONGEST = 16, 256
USER_AGENT = "Knogin-Webhooks/1.0 (+https://knogin.com/api/docs)"
MOST_DECRYPTED = 8192


class UnusableSecret(ValueError):
    """The text is a public key, or neither a `whsec_` secret nor 16 to 256 characters. The message names the fault."""


class Vault:
    """Encrypts secrets and custom headers of subscriptions, and caches recent decryptions."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._decrypt = lru_cache(MOST_DECRYPTED)(keyring.decrypt)
        self.signer = lru_cache(MOST_DECRYPTED)(self._signer)

    def seal_secret(self, subscription_id: str, secret: str) -> bytes:
        return self._keyring.encrypt(signing_key(secret), _context(subscription_id, "secret"))

    def seal_headers(self, subscription_id: str, headers: dict[str, str]) -> bytes | None:
        """None where there are no headers."""
        if not headers:
            return None
        return self._keyring.encrypt(msgspec.json.encode(headers), _context(subscription_id, "headers"))

    def key(self, subscription_id: str, sealed: bytes) -> bytes:
        return self._decrypt(sealed, _context(subscription_id, "secret"))

    def seal_signing_key(self, subscription_id: str, key: Ed25519PrivateKey) -> bytes:
        return self._keyring.encrypt(key.private_bytes_raw(), _context(subscription_id, "signing key"))

    def _signer(self, subscription_id: str, sealed: bytes) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(
            self._keyring.decrypt(sealed, _context(subscription_id, "signing key"))
        )

    def seal_identity(self, subscription_id: str, identity: Identity) -> bytes:
        return self._keyring.encrypt(msgspec.json.encode(identity), _context(subscription_id, "identity"))

    def identity(self, subscription_id: str, sealed: bytes) -> Identity:
        opened = self._keyring.decrypt(sealed, _context(subscription_id, "identity"))
        return msgspec.json.decode(opened, type=Identity)

    def seal_grant(self, subscription_id: str, grant: Grant) -> bytes:
        return self._keyring.encrypt(msgspec.json.encode(grant), _context(subscription_id, "grant"))

    def grant(self, subscription_id: str, sealed: bytes) -> Grant:
        return msgspec.json.decode(self._decrypt(sealed, _context(subscription_id, "grant")), type=Grant)

    def seal_contacts(self, client_id: str, emails: Sequence[str]) -> bytes:
        return self._keyring.encrypt(msgspec.json.encode(emails), _context(client_id, "contacts"))

    def contacts(self, client_id: str, sealed: bytes) -> list[str]:
        opened = self._keyring.decrypt(sealed, _context(client_id, "contacts"))
        return msgspec.json.decode(opened, type=list[str])

    def headers(self, subscription_id: str, sealed: bytes) -> dict[str, str]:
        opened = self._decrypt(sealed, _context(subscription_id, "headers"))
        return msgspec.json.decode(opened, type=dict[str, str])


def generate_secret() -> str:
    """A fresh secret: `whsec_` and 32 random bytes in base64."""
    return PREFIX + base64.b64encode(os.urandom(32)).decode()


def signing_key(secret: str) -> bytes:
    """The HMAC key of a secret: the decoded bytes after `whsec_`, or the UTF-8 bytes of any other text."""
    if secret.startswith(PUBLIC_PREFIX):
        raise UnusableSecret("a whpk_ key is public; a secret is not")
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


def public_text(key: Ed25519PrivateKey) -> str:
    """The public key as receivers get it: `whpk_` and 32 bytes in base64."""
    return PUBLIC_PREFIX + base64.b64encode(key.public_key().public_bytes_raw()).decode()


def signature_header(
    keys: Sequence[bytes], message_id: str, timestamp: int, body: bytes, signers: Sequence[Ed25519PrivateKey] = ()
) -> str:
    """`v1,<base64>` for each of `keys` and `v1a,<base64>` for each of `signers`, separated by spaces.

    During a rotation the old and the new one verify.
    """
    content = signed_content(message_id, timestamp, body)
    signatures = [f"v1,{_base64(hmac.digest(key, content, hashlib.sha256))}" for key in keys]
    return " ".join(signatures + [f"v1a,{_base64(signer.sign(content))}" for signer in signers])


def fingerprint(key: bytes) -> str:
    """The first 12 hexadecimal digits of a key's SHA-256: its holder can compute them, and they do not reveal the key."""
    return hashlib.sha256(key).hexdigest()[:12]


def request_headers(
    event_id: str, timestamp: int, keys: Sequence[bytes], body: bytes, signers: Sequence[Ed25519PrivateKey] = ()
) -> dict[str, str]:
    """The headers of an attempt; `timestamp` is the attempt's own, `webhook-id` the event's in every attempt."""
    return {
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature_header(keys, event_id, timestamp, body, signers),
    }


def _base64(signature: bytes) -> str:
    return base64.b64encode(signature).decode()


def _context(subscription_id: str, kind: str) -> bytes:
    return f"webhook {subscription_id} {kind}".encode()
