"""Checks answers of the running system against the published contract."""

import copy
import json
import re
from functools import cache
from typing import Any

import httpx
import jsonschema_rs

import gateway.docs
from deploy.docs.examples import JSON

# Schemas that allow more members than they describe.
OPEN = {"Problem", "OAuthError", "graphql.ErrorExtensions"}


def check(response: httpx.Response) -> None:
    """An httpx response hook. Raises AssertionError for a status, representation or body that the contract does not describe."""
    request = response.request
    found = operation_of("GET" if request.method == "HEAD" else request.method, request.url.path)
    if found is None or response.status_code == 421:  # a request to another host is not part of the contract
        return
    path, operation = found
    place = f"{request.method} {path} {response.status_code}"
    described = operation["responses"].get(str(response.status_code))
    assert described is not None, f"{place}: the status is not described"
    described = _resolved(described)
    response.read()
    _check_headers(place, response, described)
    if request.method == "HEAD" or "content" not in described:
        assert not response.content, f"{place}: a body where none is described"
        return
    media = response.headers.get("content-type", "").partition(";")[0]
    assert media in described["content"], f"{place}: {media!r} is not described"
    if JSON.fullmatch(media) and "schema" in described["content"][media]:
        _check_body(place, response.content, json.dumps(described["content"][media]["schema"]))


def operation_of(method: str, path: str) -> tuple[str, dict[str, Any]] | None:
    """The operation of a request, by method and path template; exact paths come before templates."""
    for template, pattern, operations in _paths():
        if pattern.fullmatch(path) and method.lower() in operations:
            return template, operations[method.lower()]
    return None


def _check_headers(place: str, response: httpx.Response, described: dict[str, Any]) -> None:
    assert re.fullmatch("[0-9a-f]{32}", response.headers.get("x-trace-id", "")), f"{place}: no x-trace-id"
    for name in ("location", "link", "etag", "retry-after"):
        if name in response.headers:
            assert name in {header.lower() for header in described["headers"]}, f"{place}: {name} is not described"


def _check_body(place: str, body: bytes, schema: str) -> None:
    error = next(_validator(schema).iter_errors(json.loads(body)), None)
    assert error is None, f"{place}: {'/'.join(map(str, error.instance_path))}: {error.message}"


def _resolved(node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        target: Any = contract()
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node


@cache
def contract() -> dict[str, Any]:
    return json.loads((gateway.docs.FILES / "openapi.json").read_bytes())


@cache
def _paths() -> list[tuple[str, re.Pattern[str], dict[str, Any]]]:
    templates = sorted(contract()["paths"], key=lambda path: path.count("{"))
    return [
        (path, re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))), contract()["paths"][path])
        for path in templates
    ]


@cache
def _validator(schema: str) -> Any:
    whole = {"components": {"schemas": _closed_schemas()}} | json.loads(schema)
    return jsonschema_rs.validator_for(whole, validate_formats=True)


@cache
def _closed_schemas() -> dict[str, Any]:
    """Every component without additional properties, so that the check finds a field that is not described."""
    schemas = copy.deepcopy(contract()["components"]["schemas"])
    for name, schema in schemas.items():
        if name not in OPEN and "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return schemas
