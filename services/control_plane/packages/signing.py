"""The statement that a version's signature covers, and its verification. Pure.

The signature covers the package's id, the version and the whole manifest with the content's digest: a signed version cannot be moved
to another package or number, nor get another manifest or content.
"""

from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.control_plane.packages import canonical
from services.control_plane.packages.models import Jwk
from shared.primitives import published
from shared.primitives.crypto import base64url_decode, base64url_encode

# Points of small order, without their sign bit. Anybody can sign under such a key.
_P = 2**255 - 19
_ORDER_EIGHT = (
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
)
WEAK = frozenset(
    [number.to_bytes(32, "little") for number in (0, 1, _P - 1, _P, _P + 1)]
    + [bytes.fromhex(one) for one in _ORDER_EIGHT]
)


def statement(package_id: str, manifest: dict[str, Any]) -> bytes:
    """The bytes to sign for the body of a new version. Raises ValueError for numbers that have no canonical form."""
    signed = {name: value for name, value in manifest.items() if name != "signature"}
    return canonical.encode(signed | {"package_id": package_id})


def is_signed(public_key: bytes, signed: bytes, signature: str) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(base64url_decode(signature), signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def public_key_of(jwk: Jwk) -> bytes:
    """The 32 bytes of a key. Raises ValueError for a malformed key, one of small order, or one whose private half is published."""
    key = base64url_decode(jwk.x)
    if len(key) != 32 or base64url_encode(key) != jwk.x:
        raise ValueError("not 32 bytes in base64url")
    if key[:31] + bytes([key[31] & 0x7F]) in WEAK:
        raise ValueError("a point of small order, under which anybody can sign")
    if jwk.x in published.KEYS:
        raise ValueError(published.REASON)
    return key
