"""The filter of a trigger: a small language over an event's data, true or false for every event and never an error.

A filter has one form: a comparison (`pointer` and one operator) or `all`, `any`, `not` of others. Values are compared as JSON has
them: 1 and 1.0 are equal, 1 and true are not, and `gt` and `lt` know numbers alone. Where nothing stands, `exists` is false and so is
every comparison but `ne`, which is always what `eq` is not.
"""

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType, field

from services.control_plane.automations import pointers
from shared import http
from shared.problems import FieldError

MAX_DEPTH = 6
MAX_PARTS = 60
Text = Annotated[str, Meta(max_length=256)]
Scalar = Text | int | float | bool | None
Pointer = Annotated[str, Meta(max_length=pointers.MAX_LENGTH)]
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


def objections(given: Filter, place: str) -> list[FieldError]:
    """What is wrong with it, each with the JSON Pointer to it; `place` is where the filter itself stands. At most ten."""
    found: list[FieldError] = []
    for parts, (part, where, depth) in enumerate(_walk(given, place, 1), 1):
        if depth > MAX_DEPTH or parts > MAX_PARTS:
            return [FieldError(place, f"at most {MAX_DEPTH} levels and {MAX_PARTS} parts")]
        reason = _objection(part)
        if reason is not None:
            found.append(FieldError(where, reason))
    return found[:10]


def matches(given: Filter, data: Any) -> bool:
    """Whether the event's data is what the filter, which has no objections, asks for."""
    if given.all is not UNSET:
        return all(matches(part, data) for part in given.all)
    if given.any is not UNSET:
        return any(matches(part, data) for part in given.any)
    if given.not_ is not UNSET:
        return not matches(given.not_, data)
    return _compares(given, pointers.resolve(given.pointer or "", data))


def _compares(given: Filter, value: Any) -> bool:
    if given.exists is not UNSET:
        return (value is not pointers.MISSING) is given.exists
    if given.eq is not UNSET:
        return _equal(value, given.eq)
    if given.ne is not UNSET:
        return not _equal(value, given.ne)
    if given.in_ is not UNSET:
        return any(_equal(value, one) for one in given.in_)
    if given.prefix is not UNSET:
        return isinstance(value, str) and value.startswith(given.prefix)
    return _is_number(value) and (value > given.gt if given.gt is not UNSET else value < given.lt)


def _equal(value: Any, wanted: Any) -> bool:
    """As JSON has it: Python alone would take true for 1."""
    return isinstance(value, bool) is isinstance(wanted, bool) and value == wanted


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _objection(part: Filter) -> str | None:
    forms = [name for name in FORMS if getattr(part, name) is not UNSET]
    operators = [name for name in OPERATORS if getattr(part, name) is not UNSET]
    if len(forms) != 1:
        return "one of pointer, all, any and not"
    if part.pointer is UNSET:
        return "an operator stands beside a pointer" if operators else None
    if len(operators) != 1:
        return "one of eq, ne, in, gt, lt, exists and prefix beside the pointer"
    return pointers.objection(part.pointer)


def _walk(part: Filter, place: str, depth: int) -> Iterator[tuple[Filter, str, int]]:
    """Every part with where it stands; no deeper than one level too deep."""
    yield part, place, depth
    if depth > MAX_DEPTH:
        return
    for name in ("all", "any"):
        parts: list[Filter] | UnsetType = getattr(part, name)
        for index, below in enumerate(parts if parts is not UNSET else ()):
            yield from _walk(below, f"{place}/{name}/{index}", depth + 1)
    if part.not_ is not UNSET:
        yield from _walk(part.not_, f"{place}/not", depth + 1)


def read(kept: Any) -> Filter | None:
    """A filter as the database has it."""
    return None if kept is None else msgspec.convert(kept, Filter)
