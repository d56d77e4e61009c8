"""One-time codes of the second factor: of an authenticator app (RFC 6238), and recovery codes. Pure."""

import hmac
import secrets
import time

from pyotp import random_base32
from pyotp.totp import TOTP

STEP_SECONDS = 30
# One step before and after, for wrong clocks and slow typing (RFC 6238 §5.2).
WINDOW = (0, -1, 1)


def new_secret() -> str:
    """160 bits in base32, the format of authenticator apps."""
    return random_base32()


def otpauth_uri(secret: str, email: str) -> str:
    """The otpauth URI to scan or type in."""
    return TOTP(secret).provisioning_uri(name=email, issuer_name="Knogin")


def step_of(secret: str, code: str, now: float | None = None) -> int | None:
    """The time step of a correct code, or None. The caller stores it, so that no code works twice."""
    current = int((time.time() if now is None else now) // STEP_SECONDS)
    typed = code.replace(" ", "").encode("utf-8", "replace")
    matching = [
        current + offset
        for offset in WINDOW
        if hmac.compare_digest(TOTP(secret).generate_otp(current + offset).encode(), typed)
    ]
    return matching[0] if matching else None


def secret_context(user_id: str) -> bytes:
    """The encryption context of the stored secret."""
    return f"users/{user_id}/totp".encode()


# --- Recovery codes ---------------------------------------------------------------------------------------------------

# Crockford's base32 has no letter that looks like a digit. Ten characters are 50 bits; guesses are limited as for passwords.
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
HALF = 5
RECOVERY_CODES = 10
RECOVERY_PURPOSE = "recovery code"
_AS_MEANT = str.maketrans("oil", "011", "- \t\u00a0")


def new_recovery_codes() -> list[str]:
    """Ten different codes such as `4kd7q-0xw2m`."""
    codes: set[str] = set()
    while len(codes) < RECOVERY_CODES:
        characters = "".join(secrets.choice(ALPHABET) for _ in range(2 * HALF))
        codes.add(f"{characters[:HALF]}-{characters[HALF:]}")
    return sorted(codes)


def recovery_code_text(user_id: str, typed: str) -> bytes | None:
    """The text under the MAC of this user's code, in any spelling of the code; None for other text."""
    code = typed.lower().translate(_AS_MEANT)
    if len(code) != 2 * HALF or not set(code) <= set(ALPHABET):
        return None
    return f"{user_id}.{code}".encode()
