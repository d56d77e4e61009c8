"""Makes the OpenAPI 3.1 document from the services' route entries; the schemas come from the Structs that the code reads and writes."""

from collections.abc import Iterable, Mapping
from typing import Any

from shared.contract import openapi_common as common
from shared.contract.openapi_schemas import Schemas, properties_of
from shared.web.routing import AnyOf, Content, Operation, Part, path_parameters

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
            "responses": _shared_problems(paths),
        },
    }


def _shared_problems(paths: Mapping[str, Any]) -> dict[str, Any]:
    """The refusals that several operations refer to."""
    used = {
        answer.get("$ref") for path in paths.values() for one in path.values() for answer in one["responses"].values()
    }
    problems = {f"Problem{status}": _problem(status, text) for status, text in common.MEANINGS.items()}
    return {name: problem for name, problem in problems.items() if f"#/components/responses/{name}" in used}


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
    described: dict[str, Any] = {
        "tags": [part.tag],
        "operationId": operation.name,
        "summary": operation.summary,
        "description": operation.description,
        "parameters": _parameters(part, operation, texts),
        "requestBody": _request_body(operation, schemas),
        "responses": _responses(operation, schemas),
        "security": _security(operation),
    }
    return {name: value for name, value in described.items() if value or name == "security"}


def _security(operation: Operation) -> list[dict[str, list[str]]]:
    if operation.authenticates_client:
        return [{"client": []}, {}]
    return [] if operation.scope is None else [{"oauth2": [operation.scope] if operation.scope else []}]


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
    for status, text in _refusals(operation).items():
        responses.setdefault(status, _refusal(operation, status, text))
    return {str(status): responses[status] for status in sorted(responses)}


def _refusals(operation: Operation) -> dict[int, str]:
    statuses = {400, 429, 502, 503, 504}
    statuses |= {401, 403} if operation.scope is not None else set()
    statuses |= {404} if "{" in operation.path else set()
    statuses |= {413} if operation.method in ("POST", "PUT", "PATCH") else set()
    statuses |= {415, 422} if operation.body is not None else set()
    statuses |= {422} if operation.query is not None and operation.errors == "problem" else set()
    statuses |= {422} if "Idempotency-Key" in operation.headers else set()  # the key may belong to another request
    return {status: common.MEANINGS[status] for status in sorted(statuses)} | dict(operation.refusals)


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
