"""Strict JSON (RFC 8259): no duplicate names, no NaN, bounded numbers, only text that PostgreSQL can store.

`find_faults` gives every reason why a value does not fit a type, in JSON's words. Errors never repeat the refused value.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, NoReturn, TypeVar, Union, get_args, get_origin
from uuid import UUID

import msgspec
from msgspec import Meta, UnsetType

from shared.web import external_ids, problems
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


MOST_FAULTS = 50
FAULT_LEVELS = 12
"""The search goes no deeper: each level costs one conversion of everything below it."""
NOT_TEXT = "holds NUL or half a surrogate pair"
# Only a member name of this form is shown; any other could be personal data.
_SHOWN_NAME = re.compile(r"[A-Za-z0-9_$.:/~=\-]{1,64}")
_WORDS: Mapping[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    Decimal: "number",
    bool: "boolean",
    type(None): "null",
    None: "null",
    list: "array",
    dict: "object",
    datetime: "time with an offset (RFC 3339)",
    date: "date (YYYY-MM-DD)",
    UUID: "UUID",
}
_BOUNDS: tuple[tuple[str, str, Callable[[Any, Any], bool]], ...] = (
    ("ge", "at least", lambda value, limit: value >= limit),
    ("gt", "above", lambda value, limit: value > limit),
    ("le", "at most", lambda value, limit: value <= limit),
    ("lt", "below", lambda value, limit: value < limit),
)
Converts = Callable[[Any, Any], object]
Value = TypeVar("Value")


def find_faults(value: Any, kind: Any, converts: Converts) -> list[FieldError]:
    """At most MOST + 1 faults, in the order of the fields. `converts(value, kind)` raises the errors of msgspec.convert.

    It looks only into values that do not fit, so the cost is one conversion for each level, and MOST faults.
    """
    search = _Search(converts)
    search.walk(value, kind, "")
    return search.found


def with_ids(made: Value, kind: Any) -> Value:
    """`made`, a value of `kind`. Raises ValidationError where one of its external ids is none."""
    if not _ids_fit(made, kind):
        raise msgspec.ValidationError("not an external id")
    return made


def _ids_fit(made: Any, kind: Any) -> bool:
    if isinstance(made, msgspec.Struct):
        return all(_ids_fit(getattr(made, name), member) for name, member in _with_ids(type(made)))
    if isinstance(made, str):
        return not external_ids.fault_of(made) or not any(option.is_id for option in _options(kind))
    if isinstance(made, list):
        return all(_ids_fit(item, of) for option in _options(kind) for of in get_args(option.kind) for item in made)
    return True


@cache
def _with_ids(struct: type[msgspec.Struct]) -> tuple[tuple[str, Any], ...]:
    """The fields, and their types, in which there may be external ids."""
    return tuple((field.name, field.type) for field in msgspec.structs.fields(struct) if _has_ids(field.type, set()))


def _has_ids(kind: Any, seen: set[Any]) -> bool:
    for option in _options(kind):
        parts = list(get_args(option.kind)) if option.origin is list else []
        if isinstance(option.origin, type) and issubclass(option.origin, msgspec.Struct) and option.origin not in seen:
            seen.add(option.origin)
            parts = [field.type for field in msgspec.structs.fields(option.origin)]
        if option.is_id or any(_has_ids(part, seen) for part in parts):
            return True
    return False


def pointer_of(pointer: str, name: str) -> str:
    """The pointer to a member; to the object itself if the name could be personal data."""
    return f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}" if _SHOWN_NAME.fullmatch(name) else pointer


def nearest(refused: Any, known: Iterable[str]) -> str:
    """The known name that is most similar to the refused one, or "" if none is. It compares names, and no other text.

    Capitals count as small letters."""
    if not isinstance(refused, str) or not _SHOWN_NAME.fullmatch(refused):
        return ""
    names = {name.lower(): name for name in known}
    return next((names[near] for near in get_close_matches(refused.lower(), names, 1)), "")


class _Option:
    """One of the types that a value may have, with its limits."""

    def __init__(self, kind: Any) -> None:
        self.limits: list[Meta] = []
        while get_origin(kind) is Annotated:
            kind, *metas = get_args(kind)
            self.limits += [meta for meta in metas if isinstance(meta, Meta)]
        self.kind = kind
        self.origin = get_origin(kind) or kind

    @property
    def is_id(self) -> bool:
        return any(external_ids.IS_ID in (meta.extra or ()) for meta in self.limits)

    @property
    def word(self) -> str:
        if self.origin is Literal:
            return word_of(get_args(self.kind)[0])
        if isinstance(self.origin, type) and issubclass(self.origin, msgspec.Struct):
            return "object"
        return _WORDS.get(self.origin, "number" if self.origin.__name__ == "Number" else "value")


def _options(kind: Any) -> Iterator[_Option]:
    option = _Option(kind)
    if option.origin in (Union, UnionType):
        for one in get_args(option.kind):
            if one is not UnsetType:
                yield from _options(one)
    else:
        yield option


def takes_integers(kind: Any) -> bool:
    return any(option.word == "integer" for option in _options(kind))


def word_of(value: Any) -> str:
    """The JSON type of `value`, in words."""
    for kind in (bool, int, str, type(None), list, dict):  # a bool is an int, so it comes first
        if isinstance(value, kind):
            return _WORDS[kind]
    return "number"


class _Search:
    def __init__(self, converts: Converts) -> None:
        self.found: list[FieldError] = []
        self.converts = converts

    def walk(self, value: Any, kind: Any, pointer: str) -> None:
        if len(self.found) > MOST_FAULTS:
            return
        try:
            self.converts(value, kind)
        except msgspec.ValidationError as error:
            before = len(self.found)
            options = list(_options(kind))
            # The members of an array or object with too many or too few are not read one by one.
            holding = [option for option in options if isinstance(value, list | dict) and option.origin is type(value)]
            if len(holding) == 1 and self._note_limit(value, holding[0], pointer):
                return
            if pointer.count("/") < FAULT_LEVELS:
                self._look_inside(value, options, pointer)
            if len(self.found) == before:
                self._note(value, options, pointer, error)
        except UnicodeEncodeError:
            self._add(pointer, NOT_TEXT, "text")

    def _add(self, pointer: str, detail: str, code: str, **more: Any) -> None:
        self.found.append(FieldError(pointer, detail, code, **more))

    def _look_inside(self, value: Any, options: list[_Option], pointer: str) -> None:
        for option in options:
            if isinstance(value, list) and option.origin is list:
                (inner,) = get_args(option.kind) or (Any,)
                for index, item in enumerate(value):
                    if len(self.found) > MOST_FAULTS:
                        return
                    self.walk(item, inner, f"{pointer}/{index}")
            elif isinstance(value, dict) and option.origin is dict:
                names, inner = get_args(option.kind) or (str, Any)
                for name, member in value.items():
                    if len(self.found) > MOST_FAULTS:
                        return
                    before = len(self.found)
                    self.walk(name, names, pointer)
                    if len(self.found) == before:
                        self.walk(member, inner, pointer_of(pointer, name))
        structs = [one.origin for one in options if one.word == "object" and one.origin is not dict]
        if isinstance(value, dict) and structs:
            self._object(value, structs, pointer)

    def _object(self, value: dict[str, Any], structs: list[Any], pointer: str) -> None:
        """Checks the members, against the Struct that the value's tag names if there are several."""
        tag = structs[0].__struct_config__.tag_field
        if tag is not None:
            by_tag = {one.__struct_config__.tag: one for one in structs}
            chosen = value.get(tag)
            if not isinstance(chosen, str) or chosen not in by_tag:
                detail = "Missing" if tag not in value else "Not one of those allowed"
                code = "missing" if tag not in value else "enum"
                detail, meant = f"{detail}: {', '.join(by_tag)}.", nearest(chosen, by_tag)
                self._add(f"{pointer}/{tag}", detail, code, allowed=list(by_tag), did_you_mean=meant)
                return
            struct = by_tag[chosen]
        else:
            struct = structs[0]
        fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
        for name, field in fields.items():
            if name in value:
                self.walk(value[name], field.type, f"{pointer}/{name}")
            elif field.required:
                self._add(f"{pointer}/{name}", "Required, and missing.", "missing")
        if not struct.__struct_config__.forbid_unknown_fields:
            return
        for name in value:
            if len(self.found) > MOST_FAULTS:
                return
            if name not in fields and name != tag:
                self._add(pointer_of(pointer, name), "No such field.", "unknown", did_you_mean=nearest(name, fields))

    def _note(self, value: Any, options: list[_Option], pointer: str, error: msgspec.ValidationError) -> None:
        """Adds a fault of the value itself, not of one of its members."""
        words = list(dict.fromkeys(option.word for option in options))
        fitting = [option for option in options if _has_type_of(value, option)]
        if not fitting:
            self._add(pointer, f"Expected {' or '.join(words)}, got {word_of(value)}.", "type")
            return
        if error.__cause__ is not None:  # raised by a Struct's own rule, whose text is safe to show
            # If its text begins with a field's name, the fault points to that field.
            detail = str(error.__cause__)
            field = detail.partition(" ")[0]
            if any(field in getattr(option.origin, "__struct_fields__", ()) for option in options):
                self._add(f"{pointer}/{field}", detail.removeprefix(field).lstrip(), "rule")
            else:
                self._add(pointer, detail, "rule")
            return
        allowed = [one for option in options if option.origin is Literal for one in get_args(option.kind)]
        if allowed:
            detail = f"Not one of those allowed: {', '.join(map(str, allowed))}."
            self._add(pointer, detail, "enum", allowed=allowed, did_you_mean=nearest(value, map(str, allowed)))
        elif not any(self._note_limit(value, option, pointer) for option in fitting):
            expected = " or ".join(dict.fromkeys(option.word for option in fitting))
            self._add(pointer, f"Not a well-formed {expected}.", "format")

    def _note_limit(self, value: Any, option: _Option, pointer: str) -> bool:
        for meta in option.limits:
            if isinstance(value, str | list | dict):
                unit = {str: "characters", list: "items", dict: "members"}[type(value)]
                if meta.min_length is not None and len(value) < meta.min_length:
                    self._add(pointer, f"Expected at least {meta.min_length} {unit}.", "length", limit=meta.min_length)
                    return True
                if meta.max_length is not None and len(value) > meta.max_length:
                    self._add(pointer, f"Expected at most {meta.max_length} {unit}.", "length", limit=meta.max_length)
                    return True
                if isinstance(value, str) and meta.pattern is not None and not re.search(meta.pattern, value):
                    self._add(pointer, f"Expected a string that matches {in_ecmascript(meta.pattern)}", "pattern")
                    return True
                if isinstance(value, str) and option.is_id and (fault := external_ids.fault_of(value)):
                    self._add(pointer, fault, "text")
                    return True
            elif isinstance(value, int | float | Decimal):
                for name, words, holds in _BOUNDS:
                    limit = getattr(meta, name)
                    if limit is not None and not holds(value, limit):
                        self._add(pointer, f"Expected {words} {limit}.", "range", limit=limit)
                        return True
        return False


def _has_type_of(value: Any, option: _Option) -> bool:
    """Whether JSON writes values of this option with the JSON type of `value`."""
    word = word_of(value)
    if option.origin in (datetime, date, UUID):
        return word == "string"
    if option.word == "number":
        return word in ("number", "integer")
    return word == option.word or option.origin is Any


def in_ecmascript(pattern: str) -> str:
    """A pattern of ours as JSON Schema writes it. Python's own `$` would let a line end pass, and ECMAScript has no `\\Z`."""
    return pattern.replace(r"\Z", "$")
