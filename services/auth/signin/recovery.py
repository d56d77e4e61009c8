"""Recovery codes: what opens the second factor, once each, when the authenticator is lost. Pure."""

import secrets

# Crockford's base32: no letter that is read as a digit. Ten characters are 50 bits, and guessing is slowed down as for passwords.
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
HALF = 5
COUNT = 10
PURPOSE = "recovery code"
_AS_MEANT = str.maketrans("oil", "011", "- \t\u00a0")


def new_codes() -> list[str]:
    """Ten different codes such as `4kd7q-0xw2m`."""
    codes: set[str] = set()
    while len(codes) < COUNT:
        characters = "".join(secrets.choice(ALPHABET) for _ in range(2 * HALF))
        codes.add(f"{characters[:HALF]}-{characters[HALF:]}")
    return sorted(codes)


def to_mac(user_id: str, typed: str) -> bytes | None:
    """What is MACed for a code of this user, however it was typed; None for what cannot be one."""
    code = typed.lower().translate(_AS_MEANT)
    if len(code) != 2 * HALF or not set(code) <= set(ALPHABET):
        return None
    return f"{user_id}.{code}".encode()
