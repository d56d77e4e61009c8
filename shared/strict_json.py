"""JSON (RFC 8259) with what it leaves open closed: no duplicate names, no NaN, bounded numbers, text PostgreSQL can hold."""

import json
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from shared import problems
from shared.problems import FieldError

MAX_DIGITS = 40
MAX_EXPONENT = 30
MAX_DEPTH = 64


class NumberOutOfBounds:
    """Stands for a number that no column could hold, in a body whose items are refused one by one."""


def parse(body: bytes, *, by_item: bool = False) -> Any:
    """The value of `body`: numbers with a fraction as exact Decimals. Raises Problem: 400 not such JSON, 422 not storable text.

    `by_item` leaves numbers and texts that cannot be stored where they are, the former as NumberOutOfBounds.
    """
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
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH:
        _refuse_depth(value)
    if not by_item and (b"\\u" in body or b"\x00" in body):
        refuse_unstorable_text(value, "")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))
        raise problems.malformed(f"The member {twice[:64]!r} stands twice in one object.")
    return members


def _exact_or_none(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent beyond what Decimal itself holds
        return None
    if len(number.as_tuple().digits) > MAX_DIGITS or abs(number.adjusted()) > MAX_EXPONENT:
        return None
    return Decimal(format(number, "f"))


def _exact(text: str) -> Decimal:
    number = _exact_or_none(text)
    if number is None:
        raise problems.malformed(f"A number has {BEYOND}.")
    return number


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise problems.malformed(f"A number has {BEYOND}.")
    return int(text)


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


def _refuse_depth(value: Any) -> None:
    """What walks the value later does so by recursion, which Python gives up on with an error of our own making."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [member for parent in level for member in _members(parent)]
        if not level:
            return
    raise problems.malformed(f"The body is nested more than {MAX_DEPTH} levels deep.")


def _members(value: Any) -> Iterable[Any]:
    """What a container holds that may hold something itself."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [member for member in inner if isinstance(member, dict | list)]


def is_storable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def refuse_unstorable_text(value: Any, pointer: str) -> None:
    """A NUL or half a surrogate pair is legal JSON and no text: PostgreSQL would refuse it later, as a 500."""
    if isinstance(value, str):
        if not is_storable(value):
            raise problems.invalid("A string is not text.", [FieldError(pointer, "holds NUL or half a surrogate pair")])
    elif isinstance(value, dict):
        for name, member in value.items():
            if not is_storable(name):
                raise problems.invalid(
                    "A name is not text.", [FieldError(pointer, "a member's name holds NUL or half a surrogate pair")]
                )
            refuse_unstorable_text(member, f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            refuse_unstorable_text(item, f"{pointer}/{index}")
