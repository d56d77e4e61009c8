"""The second factor: time-based one-time codes (RFC 6238), each good once. Pure."""

import hmac
import time

from pyotp import random_base32
from pyotp.totp import TOTP

STEP_SECONDS = 30
# One step before and after, for clocks and slow fingers (RFC 6238 §5.2).
WINDOW = (0, -1, 1)


def new_secret() -> str:
    """160 bits in base32, as authenticator apps read it."""
    return random_base32()


def uri(secret: str, email: str) -> str:
    """The otpauth URI to scan or type in."""
    return TOTP(secret).provisioning_uri(name=email, issuer_name="Knogin")


def step_of(secret: str, code: str, now: float | None = None) -> int | None:
    """The time step `code` is right for, or None. The caller remembers it, so that no code is taken twice."""
    current = int((time.time() if now is None else now) // STEP_SECONDS)
    typed = code.replace(" ", "").encode("utf-8", "replace")
    matching = [
        current + offset
        for offset in WINDOW
        if hmac.compare_digest(TOTP(secret).generate_otp(current + offset).encode(), typed)
    ]
    return matching[0] if matching else None


def context(user_id: str) -> bytes:
    """What the stored secret is encrypted for."""
    return f"users/{user_id}/totp".encode()
