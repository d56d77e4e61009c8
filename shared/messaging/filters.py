"""The platform's filter language over an event's data, with JSON Pointers (RFC 6901). Pure: automations and webhooks use it alike.

A filter has one form: a comparison (`pointer` and one operator), or `all`, `any`, `not` of other filters. It is true or false for
every event, and never an error. Values compare as in JSON: 1 equals 1.0 but not true, and `gt` and `lt` compare numbers only. For
a missing value `exists` is false and so is every comparison but `ne`, which is always the opposite of `eq`.

It has no patterns and no loops: the cost for an event is bounded by the number of parts and of the values in them.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType, field

from shared.web import http
from shared.web.problems import FieldError

MAX_POINTER = 256
MAX_STEPS = 16
MAX_DEPTH = 6
MAX_PARTS = 60


_INDEX = re.compile("0|[1-9][0-9]{0,8}")


class _Missing:
    """The result of a pointer to no value. Null is a value."""


MISSING: Final = _Missing()


def pointer_error(pointer: str) -> str | None:
    if pointer and not pointer.startswith("/"):
        return "a JSON Pointer begins with /"
    if len(pointer) > MAX_POINTER or pointer.count("/") > MAX_STEPS:
        return f"at most {MAX_POINTER} characters and {MAX_STEPS} steps"
    if "~" in pointer.replace("~0", "").replace("~1", ""):
        return "~ appears only as ~0 or ~1"
    return None


def resolve(pointer: str, document: Any) -> Any:
    """The value at the pointer, or MISSING. Array indexes begin at 0 and have no leading zeros."""
    for step in pointer.split("/")[1:]:
        member = step.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict):
            document = document.get(member, MISSING)
        elif isinstance(document, list) and _INDEX.fullmatch(member) and int(member) < len(document):
            document = document[int(member)]
        else:
            return MISSING
    return document


Text = Annotated[str, Meta(max_length=256)]
Scalar = Text | int | float | bool | None
Pointer = Annotated[str, Meta(max_length=MAX_POINTER)]
OPERATORS = ("eq", "ne", "in_", "gt", "lt", "exists", "prefix")
FORMS = ("pointer", "all", "any", "not_")


class Filter(http.Body, omit_defaults=True):
    """One of: `pointer` with one of `eq ne in gt lt exists prefix`; `all`, `any`: a list of filters; `not`: a filter."""

    pointer: Pointer | UnsetType = UNSET
    eq: Scalar | UnsetType = UNSET
    ne: Scalar | UnsetType = UNSET
    in_: Annotated[list[Scalar], Meta(min_length=1, max_length=100)] | UnsetType = field(default=UNSET, name="in")
    gt: float | UnsetType = UNSET
    lt: float | UnsetType = UNSET
    exists: bool | UnsetType = UNSET
    prefix: Text | UnsetType = UNSET
    all: "Annotated[list[Filter], Meta(min_length=1, max_length=50)] | UnsetType" = UNSET
    any: "Annotated[list[Filter], Meta(min_length=1, max_length=50)] | UnsetType" = UNSET
    not_: "Filter | UnsetType" = field(default=UNSET, name="not")

    def error(self) -> str | None:
        """The error of this part, without those of the filters in it."""
        forms = [name for name in FORMS if getattr(self, name) is not UNSET]
        operators = [name for name in OPERATORS if getattr(self, name) is not UNSET]
        if len(forms) != 1:
            return "one of pointer, all, any and not"
        if self.pointer is UNSET:
            return "an operator needs a pointer" if operators else None
        if len(operators) != 1:
            return "one of eq, ne, in, gt, lt, exists and prefix beside the pointer"
        return pointer_error(self.pointer)


def filter_errors(
    given: Filter, place: str, *, most_parts: int = MAX_PARTS, most_values: int | None = None
) -> list[FieldError]:
    """At most ten errors. `place` is the JSON Pointer of the filter. `most_values` limits the values of all its `in` together."""
    found: list[FieldError] = []
    values = 0
    for parts, (part, where, depth) in enumerate(_parts(given, place, 1), 1):
        if depth > MAX_DEPTH or parts > most_parts:
            return [FieldError(place, f"at most {MAX_DEPTH} levels and {most_parts} parts", limit=most_parts)]
        values += len(part.in_) if part.in_ is not UNSET else 0
        if most_values is not None and values > most_values:
            return [FieldError(place, f"at most {most_values} values in all its lists", limit=most_values)]
        reason = part.error()
        if reason is not None:
            found.append(FieldError(where, reason))
    return found[:10]


def _parts(part: Filter, place: str, depth: int) -> Iterator[tuple[Filter, str, int]]:
    """Every part with its JSON Pointer and depth, down to the first level that is too deep."""
    yield part, place, depth
    if depth > MAX_DEPTH:
        return
    for name in ("all", "any"):
        parts: list[Filter] | UnsetType = getattr(part, name)
        for index, inner in enumerate(parts if parts is not UNSET else ()):
            yield from _parts(inner, f"{place}/{name}/{index}", depth + 1)
    if part.not_ is not UNSET:
        yield from _parts(part.not_, f"{place}/not", depth + 1)


def read_filter(stored: Any) -> Filter | None:
    """A filter from the JSON of the database."""
    return None if stored is None else msgspec.convert(stored, Filter)


def as_json(given: Filter | None) -> str | None:
    """A filter as the database stores it."""
    return None if given is None else msgspec.json.encode(given).decode()


def matches(given: Filter, data: Any) -> bool:
    """Whether a filter without errors lets the event's data through."""
    if given.all is not UNSET:
        return all(matches(part, data) for part in given.all)
    if given.any is not UNSET:
        return any(matches(part, data) for part in given.any)
    if given.not_ is not UNSET:
        return not matches(given.not_, data)
    value = resolve(given.pointer or "", data)
    if given.exists is not UNSET:
        return (value is not MISSING) is given.exists
    if given.eq is not UNSET:
        return _equal(value, given.eq)
    if given.ne is not UNSET:
        return not _equal(value, given.ne)
    if given.in_ is not UNSET:
        return any(_equal(value, one) for one in given.in_)
    if given.prefix is not UNSET:
        return isinstance(value, str) and value.startswith(given.prefix)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    if given.gt is not UNSET:
        return value > given.gt
    return given.lt is not UNSET and value < given.lt


def _equal(value: Any, wanted: Any) -> bool:
    """Equal in JSON. For Python true also equals 1."""
    return isinstance(value, bool) is isinstance(wanted, bool) and value == wanted
