"""Schemas of de-identified parts, made from the stored Structs and the table of rules: a field without a rule is in no schema."""

import types
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UNSET, UnsetType

from services.epcr.deidentification.projection import RULES

HIDDEN = (None, "drop")


def view_of(kind: type[msgspec.Struct], path: str) -> type[msgspec.Struct]:
    """`kind` as partners read it at `path` of a record: without the dropped fields, and each other field optional."""
    fields = [
        (name, field | UnsetType, UNSET)
        for name, hint in get_type_hints(kind, include_extras=True).items()
        if name in kind.__struct_fields__ and (field := _field(hint, f"{path}.{name}", RULES.get(path))) is not None
    ]
    name = path.replace("_", " ").replace(".", " ").title().replace(" ", "")
    return msgspec.defstruct(f"{name}View", fields, namespace={"__doc__": kind.__doc__}, kw_only=True)


def _field(hint: Any, path: str, inherited: Any) -> Any:
    """The type of a field that is shown, or None."""
    if get_origin(hint) in (Union, types.UnionType):
        hint = Union[tuple(one for one in get_args(hint) if one not in (type(None), UnsetType))]  # noqa: UP007 - made at run time
    plain = _without_annotation(hint)
    is_list = get_origin(plain) is list
    inner = _without_annotation(get_args(plain)[0]) if is_list else plain
    if isinstance(inner, type) and issubclass(inner, msgspec.Struct) and path not in RULES:
        return list[view_of(inner, path)] if is_list else view_of(inner, path)
    return None if RULES.get(path, inherited) in HIDDEN else hint


def _without_annotation(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint
