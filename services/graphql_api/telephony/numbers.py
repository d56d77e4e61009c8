"""Telephone numbers (ITU-T E.164) and their prefixes in routes."""

import re
from typing import NamedTuple

NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
PREFIX = re.compile(r"\+[1-9][0-9]{0,13}")


class Pattern(NamedTuple):
    """One number, or every number with this beginning."""

    digits: str
    exact: bool

    def __str__(self) -> str:
        return self.digits if self.exact else self.digits + "*"

    def matches(self, number: str) -> bool:
        return number == self.digits if self.exact else number.startswith(self.digits)


def number(text: str) -> str:
    """An E.164 number with its `+`; spaces, dots, hyphens and brackets are dropped. Raises ValueError."""
    bare = re.sub(r"[ .()\-]", "", text)
    if not NUMBER.fullmatch(bare):
        raise ValueError("not an E.164 number such as +390551234567")
    return bare


def pattern(text: str) -> Pattern:
    """`+390551234567` is one number, `+39055*` every number with that beginning. Raises ValueError."""
    if text.endswith("*"):
        prefix = re.sub(r"[ .()\-]", "", text[:-1])
        if not PREFIX.fullmatch(prefix):
            raise ValueError("not the beginning of an E.164 number such as +39055*")
        return Pattern(prefix, False)
    return Pattern(number(text), True)


def beginnings(number: str) -> list[str]:
    """Every prefix a route to this number may have, longest first."""
    return [number[:length] for length in range(len(number), 1, -1)]
