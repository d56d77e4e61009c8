"""How an app authenticates: client secrets, and the public keys that it registers for private_key_jwt (RFC 7517). Pure."""

import secrets
import zlib
from typing import Any, Literal

import msgspec
from joserfc.jwk import KeySet

from shared.primitives import published
from shared.primitives.crypto import base64url_decode, base64url_encode

SECRET_PREFIX = "kns_"
_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"


def new_secret() -> str:
    """`kns_`, 43 characters of 256 random bits, and 7 of a CRC-32. The prefix finds leaks, the checksum finds typing errors."""
    random = base64url_encode(secrets.token_bytes(32))
    number, checksum = zlib.crc32(random.encode()), ""
    for _ in range(7):
        number, digit = divmod(number, 36)
        checksum = _BASE36[digit] + checksum
    return f"{SECRET_PREFIX}{random}{checksum}"


def secret_purpose(client_id: str) -> str:
    return f"client secret {client_id}"


# --- Registered keys (RFC 7517) ---------------------------------------------------------------------------------------

RSA_BITS = range(2048, 4096 + 1)
# The algorithms of a key, by its curve, or by its type if it has no curve.
KEY_ALGORITHMS = {
    "RSA": ("RS256", "PS256"),
    "P-256": ("ES256",),
    "P-384": ("ES384",),
    "Ed25519": ("EdDSA",),
    "Ed448": ("EdDSA",),
}
LONGEST_COORDINATE = 76
"""Characters of base64url: the 57 bytes of Ed448. The library would calculate with longer coordinates, so they are refused before."""
PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "k", "oth"})


class _Key(msgspec.Struct):
    """The members that this module checks. The library reads the rest."""

    kty: Literal["RSA", "EC", "OKP"]
    kid: str | None = None
    n: str = ""
    e: str = ""
    x: str = ""
    y: str = ""
    use: Literal["sig"] = "sig"

    def has_safe_size(self) -> bool:
        """A large exponent makes each verification slow."""
        if self.kty != "RSA":
            return True
        try:
            modulus, exponent = (int.from_bytes(base64url_decode(part), "big") for part in (self.n, self.e))
        except ValueError:
            return False
        return modulus.bit_length() in RSA_BITS and exponent.bit_length() <= 32


class _KeySet(msgspec.Struct, forbid_unknown_fields=True):
    keys: list[_Key]


def problem_with_jwks(jwks: dict[str, Any], most: int) -> str | None:
    """Why a JWK Set cannot authenticate a client, or None."""
    try:
        keys = msgspec.convert(jwks, _KeySet).keys
    except msgspec.ValidationError:
        return "is a JWK Set of RSA, EC or OKP keys that sign"
    if not 0 < len(keys) <= most:
        return f"holds 1 to {most} keys"
    if any(PRIVATE_MEMBERS & set(key) for key in jwks["keys"]):
        return "holds a private key; send the public half alone"
    if len(keys) > 1 and len({key.kid for key in keys if key.kid}) != len(keys):
        return "holds several keys without a different kid for each"
    if not all(key.has_safe_size() for key in keys):
        return "holds an RSA key outside 2048 to 4096 bits, or with a large exponent"
    if any(key.x in published.KEYS for key in keys):
        return f"holds a key that is {published.REASON}"
    if any(len(coordinate) > LONGEST_COORDINATE for key in keys for coordinate in (key.x, key.y)):
        return "holds a key that cannot be read"
    if not all(algorithms_of(key) for key in jwks["keys"]):
        return f"holds a key whose crv or alg is not taken; there are {', '.join(KEY_ALGORITHMS)}"
    try:
        for key in KeySet.import_key_set(jwks).keys:  # pyright: ignore[reportArgumentType]
            key.get_op_key("verify")
    except Exception:  # the library raises many kinds of errors for keys it cannot use
        return "holds a key that cannot be read"
    return None


def algorithms_of(jwk: dict[str, Any]) -> tuple[str, ...]:
    """The algorithms of the key: all of its kind, or the one in its `alg` (RFC 7517 §4.4). Empty if none is supported."""
    known = KEY_ALGORITHMS.get("RSA" if jwk["kty"] == "RSA" else str(jwk.get("crv")), ())
    return known if jwk.get("alg") is None else tuple(one for one in known if one == jwk["alg"])
