"""Strict JSON (RFC 8259): no duplicate names, no NaN, bounded numbers, only text that PostgreSQL can store."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from shared.web import problems
from shared.web.problems import FieldError

MAX_DIGITS = 40
MAX_EXPONENT = 30
MAX_DEPTH = 64
MAX_VALUES = 32_000


class NumberOutOfBounds:
    """Replaces a number that no column could store, in a body whose items are refused one by one."""


def parse(body: bytes, *, by_item: bool = False, values: int = MAX_VALUES) -> Any:
    """The value of `body`, with fractions as exact Decimals. Raises Problem: 400 for other JSON, 422 for text that cannot be stored.

    A body with more than `values` values is refused before parsing. `by_item` keeps numbers and texts that cannot be stored;
    such numbers become NumberOutOfBounds.
    """
    _refuse_shape(body, values)
    try:
        value = (_item_decoder if by_item else _decoder).decode(body.decode())
    except UnicodeDecodeError:
        raise problems.malformed("The body is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise problems.malformed(
            f"The body is not JSON: {error.msg} at line {error.lineno} column {error.colno}."
        ) from None
    except RecursionError:
        raise problems.malformed("The body is nested too deeply.") from None
    if not by_item and (b"\\u" in body or b"\x00" in body):
        refuse_unstorable_text(value)
    return value


def _refuse_shape(body: bytes, values: int) -> None:
    """Counts values and levels before parsing, because many of them make even a short body costly. Uses only native passes."""
    opened = body.count(b"[") + body.count(b"{")
    if opened <= MAX_DEPTH and body.count(b",") + opened <= values:
        return
    found = 0
    brackets: list[bytes] = []
    for bare in _without_strings(body):
        found += bare.count(b",") + bare.count(b"[") + bare.count(b"{")
        if found > values:
            raise problems.malformed(f"The body has more than {values} values.")
        brackets.append(bare.translate(None, _NO_BRACKETS))
    # If more brackets close than open, the parser stops before the rest.
    if _depth_exceeds(b"".join(brackets)[: 2 * values], MAX_DEPTH):
        raise problems.malformed(f"The body is nested more than {MAX_DEPTH} levels deep.")


PIECE = 16 << 10
"""Bytes of one native pass, which holds the interpreter lock: other threads wait no longer than one pass."""


def _without_strings(body: bytes) -> Iterator[bytes]:
    """The bytes outside strings, piece by piece. They are right while the body is JSON; the parser refuses the rest."""
    outside = True
    start = 0
    while start < len(body):
        end = start + PIECE
        piece = body[start:end]
        if (len(piece) - len(piece.rstrip(b"\\"))) % 2:  # an escape stays whole
            end += 1
        parts = body[start:end].replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')
        yield b"".join(parts[0 if outside else 1 :: 2])
        outside ^= len(parts) % 2 == 0
        start = end


_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def _depth_exceeds(brackets: bytes, levels: int) -> bool:
    """Removes the innermost brackets, level by level. The parser refuses brackets that do not match."""
    for _ in range(levels):
        outer = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(outer) == len(brackets):
            return False
        brackets = outer
    return b"[]" in brackets or b"{}" in brackets


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))
        named = f"The member '{twice}'" if _NAME.fullmatch(twice) else "A member"
        raise problems.malformed(f"{named} occurs twice in one object.")
    return members


def _exact_or_none(text: str) -> Decimal | None:
    has_exponent = "e" in text or "E" in text
    if len(text) <= MAX_EXPONENT and not has_exponent:
        return Decimal(text)
    if len(text) > LONGEST_NUMBER:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent too large even for Decimal
        return None
    if abs(number.adjusted()) > MAX_EXPONENT:
        return None
    # One of the characters is a point or an exponent, so shorter texts cannot have too many digits.
    if len(text) > MAX_DIGITS + 1 and len(number.as_tuple().digits) > MAX_DIGITS:
        return None
    return Decimal(format(number, "f")) if has_exponent else number


def _exact(text: str) -> Decimal:
    number = _exact_or_none(text)
    if number is None:
        raise problems.malformed(f"A number has {BEYOND}.")
    return number


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise problems.malformed(f"A number has {BEYOND}.")
    return int(text)


# MAX_DIGITS digits, as many leading zeros, a sign, a point and an exponent.
LONGEST_NUMBER = 2 * MAX_DIGITS + 10
# Only a member name of this form is shown; any other could be personal data.
_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_.\-]{0,63}")
BEYOND = f"more than {MAX_DIGITS} digits or is beyond 1E±{MAX_EXPONENT}"


def _refuse_constant(name: str) -> NoReturn:
    raise problems.malformed(f"{name} is not JSON; see data_absent_reason for values a device could not give.")


_decoder = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=_exact, parse_int=_integer, parse_constant=_refuse_constant
)
_item_decoder = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_float=lambda text: NumberOutOfBounds() if (number := _exact_or_none(text)) is None else number,
    parse_int=lambda text: int(text) if len(text) <= MAX_DIGITS else NumberOutOfBounds(),
    parse_constant=_refuse_constant,
)


def is_storable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def refuse_unstorable_text(value: Any) -> None:
    """Raises a 422 Problem for a NUL or half a surrogate pair: legal JSON, but PostgreSQL would refuse it later and cause a 500."""
    found = _unstorable(value)
    if found is not None:
        where, detail = found
        pointer = "".join(f"/{step}" for step in reversed(where))
        raise problems.invalid(
            "The body contains characters that are not valid text.", [FieldError(pointer, detail, "text")]
        )


def _unstorable(value: Any) -> tuple[list[str], str] | None:
    """The path to the first such text (innermost step first) and its fault. The path is built only after a text is found."""
    if isinstance(value, str):
        return None if is_storable(value) else ([], "holds NUL or half a surrogate pair")
    if isinstance(value, dict):
        for name, member in value.items():
            if not is_storable(name):
                return [], "a member's name holds NUL or half a surrogate pair"
            if (found := _unstorable(member)) is not None:
                found[0].append(name[:64].replace("~", "~0").replace("/", "~1"))
                return found
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if (found := _unstorable(item)) is not None:
                found[0].append(str(index))
                return found
    return None
