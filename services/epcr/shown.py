"""Schemas of what is shown, made from what is stored and the rules of what leaves: a field without a rule is in no schema."""

import types
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UNSET, UnsetType

from services.epcr.deidentify import RULES

HIDDEN = (None, "drop")


def shown(kind: type[msgspec.Struct], path: str) -> type[msgspec.Struct]:
    """`kind` as partners see it at `path` of a record: fields that are dropped are gone, what is empty is absent."""
    fields = [
        (name, field | UnsetType, UNSET)
        for name, hint in get_type_hints(kind, include_extras=True).items()
        if name in kind.__struct_fields__ and (field := _field(hint, f"{path}.{name}", RULES.get(path))) is not None
    ]
    name = path.replace("_", " ").replace(".", " ").title().replace(" ", "")
    return msgspec.defstruct(f"{name}View", fields, namespace={"__doc__": kind.__doc__}, kw_only=True)


def _field(hint: Any, path: str, inherited: Any) -> Any:
    """The type of a field that is shown, or None."""
    inner = _without_none(hint)
    struct = _struct_in(inner)
    if struct is not None and path not in RULES:
        return list[shown(struct, path)] if _is_list(inner) else shown(struct, path)
    return None if RULES.get(path, inherited) in HIDDEN else inner


def _without_none(hint: Any) -> Any:
    if get_origin(hint) not in (Union, types.UnionType):
        return hint
    return Union[tuple(one for one in get_args(hint) if one not in (type(None), UnsetType))]  # noqa: UP007 - made at run time


def _is_list(hint: Any) -> bool:
    return get_origin(get_args(hint)[0] if get_origin(hint) is Annotated else hint) is list


def _struct_in(hint: Any) -> type[msgspec.Struct] | None:
    """The Struct a hint is, or is a list of."""
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if get_origin(hint) is list:
        hint = get_args(hint)[0]
    return hint if isinstance(hint, type) and issubclass(hint, msgspec.Struct) else None
