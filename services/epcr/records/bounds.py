"""Values that are no data: texts of white space alone, and numbers outside the bounds that the contract shows.

Only sent values are checked, because a stored record must stay readable: these bounds are no constraints of the types.
"""

import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any, get_args, get_type_hints

import msgspec

from services.epcr.records.care import Item
from shared.web.problems import FieldError


def faults(sent: Any, pointer: str = "") -> Iterator[FieldError]:
    """The blank texts and the numbers out of bounds in `sent`. A withdrawn entry may have them, as it was stored."""
    if isinstance(sent, str):
        if is_blank(sent):
            yield FieldError(pointer, "is blank", "pattern")
    elif isinstance(sent, list):
        for at, one in enumerate(sent):
            yield from faults(one, f"{pointer}/{at}")
    elif isinstance(sent, msgspec.Struct) and not (isinstance(sent, Item) and sent.entered_in_error):
        numbers = bounds_of(type(sent), getattr(sent, "unit", None))
        for field in msgspec.structs.fields(sent):
            value = getattr(sent, field.name)
            if isinstance(value, Decimal) and field.name in numbers:
                low, high = numbers[field.name]
                if not low <= value <= high:
                    detail = f"is not between {low} and {high}"
                    yield FieldError(
                        f"{pointer}/{field.name}", detail, "range", limit=float(low if value < low else high)
                    )
            elif isinstance(value, str | list | msgspec.Struct):
                yield from faults(value, f"{pointer}/{field.name}")


def is_blank(text: str) -> bool:
    """Whether nothing of the text can be seen: separators, control characters and others without a form."""
    return not text[:1].isalnum() and all(unicodedata.category(one)[0] in "ZC" for one in text)


@cache
def bounds_of(kind: type[Any], unit: str | None = None) -> dict[str, tuple[Decimal, Decimal]]:
    """The lowest and highest value of each number that has both in its schema, of the `unit` where they depend on it."""
    found: dict[str, tuple[Decimal, Decimal]] = {}
    for name, hint in get_type_hints(kind, include_extras=True).items():
        for option in (hint, *get_args(hint)):
            for meta in getattr(option, "__metadata__", ()):
                schema = meta.extra_json_schema or {} if isinstance(meta, msgspec.Meta) else {}
                schema = schema.get("x-ranges", {}).get(unit, schema)
                if {"minimum", "maximum"} <= schema.keys():
                    found[name] = Decimal(str(schema["minimum"])), Decimal(str(schema["maximum"]))
    return found
