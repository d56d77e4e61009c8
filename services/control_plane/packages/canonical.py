"""The canonical form of JSON (RFC 8785): equal manifests have equal bytes at every signer and verifier. Pure."""

import json
from decimal import Decimal
from typing import Any


def encode(value: Any) -> bytes:
    """The canonical bytes of a value from `strict_json.parse`. Raises ValueError for a number that a double cannot hold exactly."""
    return _text(value).encode()


def _text(value: Any) -> str:
    if isinstance(value, dict):
        # By UTF-16 code units (§3.2.3), which is not the order of code points beyond the basic plane.
        members = sorted(value.items(), key=lambda member: member[0].encode("utf-16-be"))
        return "{" + ",".join(f"{_string(name)}:{_text(member)}" for name, member in members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_text, value)) + "]"
    if isinstance(value, str):
        return _string(value)
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    # ECMAScript's notation of a double (§3.2.2.3): the shortest digits that read back equal, an exponent from 1e21 and 1e-7.
    shortest = Decimal(repr(float(value)))
    if shortest != value:
        raise ValueError(f"{value} has more digits than a double holds")
    if not shortest:
        return "0"
    sign, digits, _ = shortest.normalize().as_tuple()
    if -7 < shortest.adjusted() < 21:
        return format(shortest.normalize(), "f")
    text = "".join(map(str, digits))
    fraction = "." + text[1:] if len(text) > 1 else ""
    return f"{'-' if sign else ''}{text[0]}{fraction}e{shortest.adjusted():+d}"


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
