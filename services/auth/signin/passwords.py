"""Passwords: argon2id (RFC 9106), and the same work for an account that does not exist. Pure."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

MIN_LENGTH = 12
MAX_LENGTH = 256
# RFC 9106 §4, second recommended option: 64 MiB, 3 passes, 4 lanes.
_hasher = PasswordHasher()


@cache
def _nobody() -> str:
    return _hasher.hash("the password of nobody")


def hash_password(password: str) -> str:
    return _hasher.hash(password)


def verify(stored: str | None, password: str) -> bool:
    """Whether `password` is the one behind `stored`. Takes as long where nothing is stored."""
    try:
        _hasher.verify(stored or _nobody(), password)
    except (Argon2Error, InvalidHashError):
        return False
    return stored is not None


def needs_rehash(stored: str) -> bool:
    return _hasher.check_needs_rehash(stored)


def problem_with(password: str, email: str) -> str | None:
    """Why a new password is refused (a word of the pages' texts), or None: length decides, as NIST SP 800-63B-4 has it."""
    if len(password) < MIN_LENGTH:
        return "password_short"
    if len(password) > MAX_LENGTH:
        return "password_long"
    if len(set(password)) < 5 or password.lower() == email.lower():
        return "password_simple"
    return None
