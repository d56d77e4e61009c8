"""Ed25519 signatures of services (RFC 8032): each service has one private key and the public keys of all services.

A signature covers its purpose and its parts with their lengths, so a signature of a batch of messages is valid for nothing else.
Keys are rotated with overlap: `SERVICE_PUBLIC_KEYS` lists all valid keys of a service.
"""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from shared.primitives.encoding import base64url_decode, base64url_encode

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
        self._keys = dict(_entry(part) for part in text.split(","))

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


def _framed(purpose: str, parts: tuple[str | bytes, ...]) -> bytes:
    """Writes each part after its length, so that no two lists of parts have the same bytes."""
    encoded = [purpose.encode(), *(part.encode() if isinstance(part, str) else part for part in parts)]
    return b"".join(len(part).to_bytes(8, "big") + part for part in encoded)


def _entry(text: str) -> tuple[tuple[str, str], Ed25519PublicKey]:
    name, _, encoded = text.strip().partition(":")
    service, _, kid = name.partition("/")
    if not _is_name(service) or not _is_name(kid):
        raise ValueError(PUBLIC_FORM)
    return (service, kid), Ed25519PublicKey.from_public_bytes(base64url_decode(encoded))


def _is_name(text: str) -> bool:
    return 0 < len(text) <= 64 and text.isascii() and all(each.isalnum() or each in "-_" for each in text)
