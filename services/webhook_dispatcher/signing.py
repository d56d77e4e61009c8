"""Standard Webhooks 1.0, symmetric scheme `v1`: HMAC-SHA256 over `{id}.{timestamp}.{body}`."""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Sequence

PREFIX = "whsec_"
SHORTEST, LONGEST = 16, 256


class UnusableSecret(ValueError):
    """The text is neither a `whsec_` secret nor 16 to 256 characters; the message says what is wrong."""


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
        raise UnusableSecret("what follows whsec_ is not base64") from None
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
    """Names a key without giving it away: the first 12 hexadecimal digits of its SHA-256, which its holder can compute."""
    return hashlib.sha256(key).hexdigest()[:12]
