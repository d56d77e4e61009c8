"""Records that a newer release wrote, as this one reads them while both run: without the fields that it does not know."""

from functools import cache
from typing import Any

from msgspec import inspect


def without_unknown(value: Any, kind: Any) -> Any:
    """`value`, as it was decoded without a type, with the fields alone that `kind` has, at every depth."""
    return _known(value, _type_of(kind))


_type_of = cache(inspect.type_info)


def _known(value: Any, kind: inspect.Type) -> Any:
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    if isinstance(kind, inspect.UnionType):
        # A field has one kind of object, or of list, and others that are neither.
        for one in kind.types:
            value = _known(value, one)
    elif isinstance(kind, inspect.StructType) and isinstance(value, dict):
        fields = {field.encode_name: field.type for field in kind.fields}
        return {name: _known(one, fields[name]) for name, one in value.items() if name in fields}
    elif isinstance(kind, inspect.ListType) and isinstance(value, list):
        return [_known(one, kind.item_type) for one in value]
    return value
