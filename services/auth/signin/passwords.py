"""Passwords: argon2id (RFC 9106), with the same work for an account that does not exist, and rules for new ones. Pure."""

import re
from collections.abc import Sequence
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from zxcvbn import zxcvbn

# NIST SP 800-63B-4 §3.1.1: 15 characters where the password is the only factor.
MIN_LENGTH = 15
MIN_LENGTH_WITH_SECOND_FACTOR = 12
MAX_LENGTH = 256
# The least number of guesses with lists of leaked passwords, words, names, keyboards, dates and facts about the person.
MIN_GUESSES = 10**10
# Only the beginning is estimated: longer texts take long, and more characters make no password weaker.
ESTIMATED_LENGTH = 72
# RFC 9106 §4, second recommended option: 64 MiB, 3 passes, 4 lanes.
_hasher = PasswordHasher()
_WORDS = re.compile(r"[^\W_]{3,}")


@cache
def _nobody() -> str:
    return _hasher.hash("the password of nobody")


def hash_password(password: str) -> str:
    return _hasher.hash(password)


def verify(stored: str | None, password: str) -> bool:
    """Whether `password` matches `stored`. Takes as long without a stored hash."""
    try:
        _hasher.verify(stored or _nobody(), password)
    except (Argon2Error, InvalidHashError):
        return False
    return stored is not None


def needs_rehash(stored: str) -> bool:
    return _hasher.check_needs_rehash(stored)


def problem_with(password: str, context: Sequence[str], *, second_factor: bool) -> str | None:
    """Why a new password is refused (a key of the pages' texts), or None.

    Checks its length and the number of guesses to find it (NIST SP 800-63B-4 §3.1.1.2). `context` holds texts that it must not rest on,
    such as the person's address and their organisation's name.
    """
    if len(password) < (MIN_LENGTH_WITH_SECOND_FACTOR if second_factor else MIN_LENGTH):
        return "password_shorter" if second_factor else "password_short"
    if len(password) > MAX_LENGTH:
        return "password_long"
    known = {"knogin", *(word for text in context for word in (text, *_WORDS.findall(text)))}
    estimate = zxcvbn(password[:ESTIMATED_LENGTH], sorted(known), max_length=ESTIMATED_LENGTH)
    return "password_simple" if estimate["guesses"] < MIN_GUESSES else None
