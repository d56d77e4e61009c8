"""Client secrets and refresh tokens: 256 random bits with a prefix to find leaks by and a checksum to tell typing errors from guesses."""

import secrets
import zlib

from shared.encoding import base64url_encode

SECRET_PREFIX = "kns_"
_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"


def new_secret() -> str:
    """`kns_` + 43 characters of randomness + 7 of CRC-32."""
    random = base64url_encode(secrets.token_bytes(32))
    return f"{SECRET_PREFIX}{random}{_checksum(random)}"


def is_well_formed(secret: str) -> bool:
    """Whether `secret` could be one of ours; what leak scanners may check without asking."""
    body = secret.removeprefix(SECRET_PREFIX)
    return secret.startswith(SECRET_PREFIX) and len(body) == 50 and _checksum(body[:43]) == body[43:]


def _checksum(text: str) -> str:
    number = zlib.crc32(text.encode("utf-8", "surrogatepass"))
    digits = ""
    for _ in range(7):
        number, digit = divmod(number, 36)
        digits = _BASE36[digit] + digits
    return digits
