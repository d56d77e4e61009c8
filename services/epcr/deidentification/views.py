"""Schemas of de-identified parts, made from the stored Structs and the table of rules: a field without a rule is in no schema."""

import types
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UNSET, UnsetType

from services.epcr.deidentification.projection import RULES

HIDDEN = (None, "drop")


def view_of(kind: type[msgspec.Struct], path: str) -> type[msgspec.Struct]:
    """`kind` as partners read it at `path` of a record: without the dropped fields, and each other field optional."""
    fields: list[tuple[str, Any, Any]] = []
    for name, hint in get_type_hints(kind, include_extras=True).items():
        if name not in kind.__struct_fields__:
            continue
        at = f"{path}.{name}"
        if get_origin(hint) in (Union, types.UnionType):
            hint = Union[tuple(one for one in get_args(hint) if one not in (type(None), UnsetType))]  # noqa: UP007 - made at run time
        plain = _without_annotation(hint)
        is_list = get_origin(plain) is list
        inner = _without_annotation(get_args(plain)[0]) if is_list else plain
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct) and at not in RULES:
            view = view_of(inner, at)
            fields.append((name, (list[view] if is_list else view) | UnsetType, UNSET))
        elif RULES.get(at, RULES.get(path)) not in HIDDEN:
            fields.append((name, hint | UnsetType, UNSET))
    title = path.replace("_", " ").replace(".", " ").title().replace(" ", "")
    return msgspec.defstruct(f"{title}View", fields, namespace={"__doc__": kind.__doc__}, kw_only=True)


def _without_annotation(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint
