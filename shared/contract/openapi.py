"""Makes the OpenAPI 3.1 document from the services' route entries; the schemas come from the Structs that the code reads and writes.

Schemas are named by service, with numbers as in the JSON on the wire. Client generators read the document:
`tests/docs/test_generators.py` has the reasons for the forms that are chosen here.
"""

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from shared.contract import openapi_common as common
from shared.web import http
from shared.web.http import Number
from shared.web.routing import AnyOf, Content, Operation, Part, path_parameters
from shared.web.strict_json import in_ecmascript

SCHEMAS = "#/components/schemas/"
# msgspec describes a Decimal as text, but this code writes it as a JSON number.
DECIMAL = {"type": "string", "format": "decimal"}
BOOLEANS = ({"enum": [True]}, {"enum": [False]})


class Schemas:
    """The schemas of a service's types: `of` gives the schema of one type, `components` are the schemas that they refer to.

    `texts` are the descriptions of other Structs and fields: a Struct by its name, a field by Struct and name or by its name alone,
    because drafts, changes and answers have the same fields.
    """

    def __init__(self, prefix: str, kinds: Iterable[Any], texts: Mapping[str, str]) -> None:
        self._texts = texts
        self._kinds = list(kinds)  # kept alive, so that no other object gets the same `id()`
        self._prefix = prefix
        self._unions: dict[str, Any] = {}
        made, components = msgspec.json.schema_components(
            self._kinds, schema_hook=_custom, ref_template=SCHEMAS + prefix + ".{name}"
        )
        structs = _structs(self._kinds)
        self._by_id = {id(kind): self._adapted(schema) for kind, schema in zip(self._kinds, made, strict=True)}
        self.components = {
            f"{prefix}.{name}": self._component(schema, structs.get(name)) for name, schema in components.items()
        } | self._unions

    def of(self, kind: Any) -> dict[str, Any]:
        return self._by_id[id(kind)]

    def _component(self, schema: Any, struct: type[msgspec.Struct] | None) -> Any:
        adapted = self._adapted(schema)
        adapted.pop("title", None)  # generators name classes by it, and two services may have the same
        names = [kind.__name__ for kind in struct.__mro__] if struct else []
        for name, member in adapted.get("properties", {}).items():
            if "discriminator" in member:
                member = self._named_union(name, member)
            if name.rpartition("_")[2] in ("at", "until", "timestamp"):
                member = _as_time(member)
            own = next((self._texts[f"{kind}.{name}"] for kind in names if f"{kind}.{name}" in self._texts), "")
            text = own or ("" if "$ref" in member else self._texts.get(name, ""))  # a target has its own description
            adapted["properties"][name] = member | (
                {"description": text} if text and "description" not in member else {}
            )
        # An answer always has all its fields; of a body, fields with a default may be left out.
        if struct is not None and not issubclass(struct, http.Body) and not struct.__struct_config__.omit_defaults:
            tag, fields = struct.__struct_config__.tag_field, msgspec.structs.fields(struct)
            sent = ([tag] if tag else []) + [one.encode_name for one in fields if one.default is not msgspec.UNSET]
            adapted |= {"required": sent} if sent else {}
        if names and "description" not in adapted and names[0] in self._texts:
            adapted["description"] = self._texts[names[0]]
        return adapted

    def _named_union(self, name: str, schema: dict[str, Any]) -> dict[str, Any]:
        """A union whose members a tag tells apart is a `oneOf` with a name of its own."""
        union = f"{self._prefix}.{name.capitalize()}"
        members, discriminator = schema["anyOf"], dict(schema["discriminator"])
        own = SCHEMAS + self._prefix
        discriminator["mapping"] = {
            tag: f"{own}.{target.rpartition('/')[2].removeprefix(self._prefix + '.')}"
            for tag, target in discriminator["mapping"].items()
        }
        made = {"description": self._texts.get(name, ""), "oneOf": members, "discriminator": discriminator}
        if self._unions.setdefault(union, made) != made:
            raise ValueError(f"two unions would be {union}")
        rest = {key: value for key, value in schema.items() if key not in ("anyOf", "discriminator")}
        return {"$ref": SCHEMAS + union} | rest

    def _adapted(self, schema: Any) -> Any:
        if schema == DECIMAL:
            return {"type": "number"}
        if schema in BOOLEANS:
            return {"type": "boolean"}
        if isinstance(schema, list):
            return [self._adapted(item) for item in schema]
        if not isinstance(schema, dict):
            return schema
        if schema == {"type": "object"}:
            return schema | {"additionalProperties": True}
        adapted: dict[str, Any] = {}
        for name, value in schema.items():
            if name == "description" and isinstance(value, str):
                adapted[name] = inspect.cleandoc(value)  # as Python 3.13 does itself; equal on every version
            elif name == "pattern" and isinstance(value, str):
                adapted[name] = in_ecmascript(value)
            elif name != "default" or value is not None:
                adapted[name] = self._adapted(value)
        return adapted


def properties_of(query: type[msgspec.Struct], texts: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The parameters of a query string, and the names of those that are required. A field that may be null may be left out."""
    made = Schemas("", [query], texts)
    own = made.components[made.of(query)["$ref"].removeprefix(SCHEMAS)]
    parameters: dict[str, Any] = {}
    for name, field in own["properties"].items():
        schema = dict(field)
        if "enum" in schema:
            schema["enum"] = [value for value in schema["enum"] if value is not None]
        choices = [one for one in schema.pop("anyOf", []) if one != {"type": "null"}]
        parameters[name] = schema | (choices[0] if len(choices) == 1 else {"anyOf": choices} if choices else {})
    return parameters, own.get("required", [])


def _structs(kinds: list[Any]) -> dict[str, type[msgspec.Struct]]:
    """Every Struct that the types hold, by its name."""
    found: dict[str, type[msgspec.Struct]] = {}

    def walk(node: Any) -> None:
        if isinstance(node, msgspec.inspect.StructType):
            if node.cls.__name__ in found:
                return
            found[node.cls.__name__] = node.cls
        if isinstance(node, msgspec.inspect.Type | msgspec.inspect.Field):
            for name in node.__struct_fields__:
                walk(getattr(node, name))
        elif isinstance(node, tuple):
            for one in node:
                walk(one)

    for node in msgspec.inspect.multi_type_info(kinds):
        walk(node)
    return found


def _custom(kind: type) -> dict[str, Any]:
    if kind is Number:
        return {"type": "number"}
    raise NotImplementedError(kind)  # msgspec's own protocol for "no schema for this type"


def _as_time(schema: Any) -> Any:
    """Adds the format of a time. msgspec describes a time as plain text unless the Struct requires an offset; ours always have one."""
    if isinstance(schema, dict) and schema.keys() <= {"type", "description"} and schema.get("type") == "string":
        return {"type": "string", "format": "date-time"} | schema
    if isinstance(schema, dict) and "anyOf" in schema:
        return schema | {"anyOf": [_as_time(choice) for choice in schema["anyOf"]]}
    return schema


JSON, PROBLEM_JSON = "application/json", "application/problem+json"
BYTES = {"type": "string", "format": "binary"}


def document(
    info: dict[str, Any], servers: list[dict[str, Any]], parts: Iterable[Part], texts: Mapping[str, str]
) -> dict[str, Any]:
    """The whole contract. Operations keep their order in the lists; schemas are sorted by name."""
    parts = list(parts)
    paths: dict[str, dict[str, Any]] = {}
    schemas: dict[str, Any] = dict(common.SCHEMAS)
    for part in parts:
        made = Schemas(part.prefix, [kind for operation in part.operations for kind in _kinds(operation)], texts)
        schemas |= made.components
        for operation in part.operations:
            path = paths.setdefault(operation.path, {})
            path[operation.method.lower()] = _operation(part, operation, made, texts)
    used = {
        answer.get("$ref") for path in paths.values() for one in path.values() for answer in one["responses"].values()
    }
    problems = {f"Problem{status}": _problem(status, text) for status, text in common.MEANINGS.items()}
    return {
        "openapi": "3.1.0",
        "info": info,
        "servers": servers,
        "tags": [{"name": part.tag, "description": part.description} for part in parts],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "headers": common.HEADERS,
            "parameters": common.PARAMETERS,
            "responses": {
                name: problem for name, problem in problems.items() if f"#/components/responses/{name}" in used
            },
        },
    }


def _kinds(operation: Operation) -> Iterable[Any]:
    """Every type that needs a schema."""
    yield from _flat(operation.shown_body or operation.body)
    yield from _flat(operation.form)
    for answer in operation.answers.values():
        yield from _flat(answer)


def _flat(kind: Any) -> Iterable[Any]:
    if isinstance(kind, Content):
        yield from _flat(kind.kind)
    elif isinstance(kind, tuple):
        for one in kind:
            yield from _flat(one)
    elif kind is not None and not isinstance(kind, Mapping):
        yield kind


def _operation(part: Part, operation: Operation, schemas: Schemas, texts: Mapping[str, str]) -> dict[str, Any]:
    security: list[dict[str, list[str]]] = []
    if operation.authenticates_client:
        security = [{"client": []}, {}]
    elif operation.scope is not None:
        security = [{"oauth2": [operation.scope] if operation.scope else []}]
    described: dict[str, Any] = {
        "tags": [part.tag],
        "operationId": operation.name,
        "summary": operation.summary,
        "description": operation.description,
        "deprecated": operation.deprecated is not None,
        "x-sunset": operation.deprecated and operation.deprecated.sunset.isoformat(),
        "parameters": _parameters(part, operation, texts),
        "requestBody": _request_body(operation, schemas),
        "responses": _responses(operation, schemas),
        "security": security,
    }
    return {name: value for name, value in described.items() if value or name == "security"}


def _request_body(operation: Operation, schemas: Schemas) -> dict[str, Any] | None:
    kind, media = operation.shown_body or operation.body, JSON
    if operation.form is not None:
        kind, media = operation.form, "application/x-www-form-urlencoded"
    if isinstance(kind, Content):
        return {"required": operation.body_required, "content": {kind.media: {"schema": BYTES}}}
    if kind is None:
        return None
    content: dict[str, Any] = {"schema": _schema(kind, schemas)}
    if operation.example is not None:
        content["example"] = operation.example
    return {"required": operation.body_required, "content": {media: content}}


def _schema(kind: Any, schemas: Schemas) -> Any:
    if isinstance(kind, AnyOf):
        return {"anyOf": [_schema(one, schemas) for one in kind.kinds]}
    return kind if isinstance(kind, Mapping) else schemas.of(kind)


def _responses(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    responses: dict[int, Any] = {}
    for status, kind in operation.answers.items():
        contents = kind if isinstance(kind, tuple) and not isinstance(kind, AnyOf) else (Content(JSON, kind),)
        response: dict[str, Any] = {
            "description": common.ANSWERED.get(status, "Done"),
            "headers": common.headers_of(
                status,
                operation.has_etag or "If-Match" in operation.headers,
                "Idempotency-Key" in operation.headers,
                "Range" in operation.headers,
            ),
        }
        if kind is not None:
            response["content"] = {
                media: {"schema": BYTES if one is None else _schema(one, schemas)} for media, one in contents
            }
        responses[status] = response
    if operation.has_etag:
        responses[304] = {"description": common.ANSWERED[304], "headers": common.headers_of(304, True, False)}
    statuses = {400, 429, 502, 503, 504}
    statuses |= {401, 403} if operation.scope is not None else set()
    statuses |= {404} if "{" in operation.path else set()
    statuses |= {413} if operation.method in ("POST", "PUT", "PATCH") else set()
    statuses |= {415, 422} if operation.body is not None else set()
    statuses |= {422} if operation.query is not None and operation.errors == "problem" else set()
    statuses |= {422} if "Idempotency-Key" in operation.headers else set()  # the key may belong to another request
    refusals = {status: common.MEANINGS[status] for status in sorted(statuses)} | dict(operation.refusals)
    for status, text in refusals.items():
        responses.setdefault(status, _refusal(operation, status, text))
    if operation.deprecated is not None:
        for status, one in responses.items():
            whole = _problem(status, common.MEANINGS[status]) if "$ref" in one else one
            responses[status] = whole | {"headers": whole["headers"] | common.OF_DEPRECATED}
    return {str(status): responses[status] for status in sorted(responses)}


def _refusal(operation: Operation, status: int, text: str) -> dict[str, Any]:
    if operation.errors == "oauth" and status in common.OAUTH_STATUSES:
        both = {JSON: {"schema": {"$ref": "#/components/schemas/OAuthError"}}} | _problem(status, text)["content"]
        return _problem(status, text) | {"content": both}
    if operation.errors == "page" and status == 400:
        return _problem(status, text) | {
            "content": {"text/html": {"schema": {"type": "string"}}} | _problem(status, text)["content"]
        }
    if common.MEANINGS.get(status) == text:
        return {"$ref": f"#/components/responses/Problem{status}"}
    return _problem(status, text)


def _problem(status: int, text: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    headers = common.headers_of(status, False, False)
    return {"description": text, "headers": headers, "content": {PROBLEM_JSON: {"schema": schema}}}


def _parameters(part: Part, operation: Operation, texts: Mapping[str, str]) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = []
    for name in path_parameters(operation.path):
        text = {"description": texts[name]} if name in texts else {}
        parameter = (
            {"name": name, "in": "path", "required": True} | text | {"schema": {"type": "string", "minLength": 1}}
        )
        parameters.append(parameter | ({"example": part.ids[name]} if name in part.ids else {}))
    if operation.query is not None:
        fields, required = properties_of(operation.query, texts)
        for name, schema in fields.items():
            text = {"description": schema.pop("description")} if "description" in schema else {}
            parameters.append({"name": name, "in": "query", "required": name in required} | text | {"schema": schema})
    names = [*operation.headers, *(["If-None-Match"] if operation.has_etag else [])]
    return [*parameters, *({"$ref": f"#/components/parameters/{name}"} for name in names)]
