"""OpenAPI 3.1 made from what the code itself reads and writes: each service lists its operations, Structs give the schemas."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from shared.http import Number

REF = "#/components/schemas/{name}"
PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "A problem document (RFC 9457).",
    "required": ["type", "title", "status", "detail", "trace_id"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "trace_id": {"type": "string", "pattern": "^[0-9a-f]{32}$|^$"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
# What any call may be answered, whoever answers it: the gateway or the service.
EVERYWHERE = {400: "Malformed", 413: "Too large", 429: "Too many requests", 503: "Unavailable", 504: "Too slow"}
WITH_TOKEN = {401: "No token, or a bad one", 403: "Not allowed"}
WITH_BODY = {415: "Another content type", 422: "Does not fit"}


class Operation(NamedTuple):
    """One call: `scope` is None where no token is asked for, "" where any will do.

    `answers` maps each status of success to a type, a schema, or None for no body; `refusals` names statuses beyond those that
    every call of its kind has. `form` is a schema of an urlencoded body.
    """

    method: str
    path: str
    summary: str
    scope: str | None
    answers: Mapping[int, Any]
    description: str = ""
    body: Any = None
    body_required: bool = True
    form: Mapping[str, Any] | None = None
    query: type[msgspec.Struct] | None = None
    headers: tuple[str, ...] = ()
    refusals: Mapping[int, str] = {}
    media: str = "application/json"
    example: Any = None
    answer_example: Any = None


class Part(NamedTuple):
    """What one service adds: its operations under a tag, its schemas under a prefix of their own."""

    tag: str
    prefix: str
    server: str
    operations: list[Operation]


def document(title: str, version: str, description: str, parts: Iterable[Part]) -> dict[str, Any]:
    """The whole contract. Operations keep the order they are listed in; schemas are sorted by name."""
    paths: dict[str, dict[str, Any]] = {}
    schemas: dict[str, Any] = {"Problem": PROBLEM}
    tags = []
    for part in parts:
        tags.append({"name": part.tag})
        refer, components = _schemas(part)
        schemas |= components
        for operation in part.operations:
            path = paths.setdefault(operation.path, {"servers": [{"url": part.server}]})
            path[operation.method.lower()] = _operation(part, operation, refer)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "description": description},
        "servers": [{"url": server} for server in dict.fromkeys(part.server for part in parts)],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _schemas(part: Part) -> tuple[Any, dict[str, Any]]:
    """A function from type to schema, and the components it refers to, named apart from other services' by the prefix."""
    types = [
        kind
        for operation in part.operations
        for kind in (operation.body, *operation.answers.values())
        if _is_type(kind)
    ]
    made, components = msgspec.json.schema_components(types, schema_hook=_custom, ref_template=REF)
    by_type = {id(kind): _prefixed(schema, part.prefix) for kind, schema in zip(types, made, strict=True)}

    def refer(kind: Any) -> Any:
        return by_type[id(kind)] if _is_type(kind) else kind

    return refer, {f"{part.prefix}.{name}": _prefixed(schema, part.prefix) for name, schema in components.items()}


def _is_type(kind: Any) -> bool:
    return kind is not None and not isinstance(kind, Mapping)


def _custom(kind: type) -> dict[str, Any]:
    if kind is Number:
        return {"type": "number"}
    raise NotImplementedError(kind)  # msgspec's own protocol for "no schema for this type"


def _prefixed(schema: Any, prefix: str) -> Any:
    if isinstance(schema, dict):
        return {
            name: f"#/components/schemas/{prefix}.{value.rpartition('/')[2]}"
            if name == "$ref"
            else _prefixed(value, prefix)
            for name, value in schema.items()
        }
    if isinstance(schema, list):
        return [_prefixed(item, prefix) for item in schema]
    return schema


def _operation(part: Part, operation: Operation, refer: Any) -> dict[str, Any]:
    described: dict[str, Any] = {
        "tags": [part.tag],
        "operationId": _name(operation),
        "summary": operation.summary,
        "parameters": [*_path_parameters(operation), *_query_parameters(operation), *_header_parameters(operation)],
        "responses": _responses(operation, refer),
        "security": [] if operation.scope is None else [{"bearer": [operation.scope] if operation.scope else []}],
    }
    if operation.description:
        described["description"] = operation.description
    if operation.body is not None:
        described["requestBody"] = _body("application/json", refer(operation.body), operation)
    elif operation.form is not None:
        described["requestBody"] = _body("application/x-www-form-urlencoded", operation.form, operation)
    return described


def _body(media: str, schema: Any, operation: Operation) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": schema}
    if operation.example is not None:
        content["example"] = operation.example
    return {"required": operation.body_required, "content": {media: content}}


def _responses(operation: Operation, refer: Any) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, kind in operation.answers.items():
        response: dict[str, Any] = {"description": operation.summary}
        if kind is not None:
            response["content"] = {operation.media: {"schema": refer(kind)}}
            if operation.answer_example is not None:
                response["content"][operation.media]["example"] = operation.answer_example
        responses[str(status)] = response
    for status, meaning in _refusals(operation).items():
        responses.setdefault(
            str(status),
            {
                "description": meaning,
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            },
        )
    return dict(sorted(responses.items()))


def _refusals(operation: Operation) -> dict[int, str]:
    meanings = dict(EVERYWHERE)
    if operation.scope is not None:
        meanings |= WITH_TOKEN
    if "{" in operation.path:
        meanings[404] = "There is no such resource"
    if operation.body is not None:
        meanings |= WITH_BODY
    if operation.query is not None:
        meanings[422] = "Does not fit"
    return meanings | dict(operation.refusals)


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [_parameter(name, "path", {"type": "string"}, True) for name in re.findall(r"{(\w+)}", operation.path)]


def _query_parameters(operation: Operation) -> list[dict[str, Any]]:
    if operation.query is None:
        return []
    schema = msgspec.json.schema(operation.query, schema_hook=_custom)
    own = schema["$defs"][schema["$ref"].rpartition("/")[2]]
    required = own.get("required", [])
    return [_parameter(name, "query", field, name in required) for name, field in own["properties"].items()]


def _header_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [_parameter(name, "header", {"type": "string"}, False) for name in operation.headers]


def _parameter(name: str, place: str, schema: dict[str, Any], required: bool) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "schema": schema}


def _name(operation: Operation) -> str:
    words = re.findall(r"\w+", operation.path.removeprefix("/api").removeprefix("/v1"))
    return "_".join([operation.method.lower(), *words])
