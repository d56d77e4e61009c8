"""JSON Schemas of Structs as OpenAPI components, named by service, with numbers as in the JSON on the wire."""

import inspect
from collections.abc import Iterable
from typing import Any

import msgspec

from shared.contract.openapi_common import QUERY_FIELDS
from shared.web.faults import in_ecmascript
from shared.web.http import Number

REF = "#/components/schemas/{name}"
# msgspec describes a Decimal as text, but this code writes it as a JSON number.
DECIMAL = {"type": "string", "format": "decimal"}


class Schemas:
    """The schemas of a service's types: `of` gives the schema of one type, `components` are the schemas that they refer to."""

    def __init__(self, prefix: str, kinds: Iterable[Any]) -> None:
        self._kinds = list(kinds)  # kept alive, so that no other object gets the same `id()`
        made, components = msgspec.json.schema_components(self._kinds, schema_hook=_custom, ref_template=REF)
        self._by_id = {id(kind): _adapted(schema, prefix) for kind, schema in zip(self._kinds, made, strict=True)}
        self.components = {f"{prefix}.{name}": _adapted(schema, prefix) for name, schema in components.items()}

    def of(self, kind: Any) -> dict[str, Any]:
        return self._by_id[id(kind)]


def properties_of(query: type[msgspec.Struct]) -> tuple[dict[str, Any], list[str]]:
    """The parameters of a query string, and the names of those that are required. A field that may be null may be left out."""
    schema = msgspec.json.schema(query, schema_hook=_custom)
    own = schema["$defs"][schema["$ref"].rpartition("/")[2]]
    fields = {name: _in_query(name, _adapted(field, "")) for name, field in own["properties"].items()}
    return fields, own.get("required", [])


def _in_query(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    schema = {key: value for key, value in schema.items() if not (key == "default" and value is None)}
    if "enum" in schema:
        schema["enum"] = [value for value in schema["enum"] if value is not None]
    choices = [one for one in schema.pop("anyOf", []) if one != {"type": "null"}]
    schema |= choices[0] if len(choices) == 1 else {"anyOf": choices} if choices else {}
    return schema | ({"description": QUERY_FIELDS[name]} if name in QUERY_FIELDS else {})


def _custom(kind: type) -> dict[str, Any]:
    if kind is Number:
        return {"type": "number"}
    raise NotImplementedError(kind)  # msgspec's own protocol for "no schema for this type"


def _adapted(schema: Any, prefix: str) -> Any:
    if schema == DECIMAL:
        return {"type": "number"}
    if isinstance(schema, list):
        return [_adapted(item, prefix) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {name: _member(name, value, prefix) for name, value in schema.items()}


def _member(name: str, value: Any, prefix: str) -> Any:
    if name == "$ref":
        return f"#/components/schemas/{prefix}.{value.rpartition('/')[2]}"
    if name == "description" and isinstance(value, str):
        return inspect.cleandoc(value)  # as Python 3.13 does itself; the document must be equal on every version
    if name == "pattern" and isinstance(value, str):
        return in_ecmascript(value)
    adapted = _adapted(value, prefix)
    return _as_time(adapted) if name == "at" or name.endswith("_at") else adapted


def _as_time(schema: Any) -> Any:
    """Adds the format of a time. msgspec describes a time as plain text unless the Struct requires an offset; ours always have one."""
    if schema == {"type": "string"}:
        return {"type": "string", "format": "date-time"}
    if isinstance(schema, dict) and "anyOf" in schema:
        return schema | {"anyOf": [_as_time(choice) for choice in schema["anyOf"]]}
    return schema
