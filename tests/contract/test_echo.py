"""A canary in every field of every body, form and query of the contract appears in no refusal and in no log."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

import gateway.docs
from shared.primitives.ids import new_id
from tests.contract.resources import make_all
from tests.contract.test_refusals import ALL_SCOPES
from tests.support.cases import cases
from tests.support.stack import Stack

pytestmark = pytest.mark.full

CANARY = "Aoife-Brennan-canary-7391"
CONTRACT: dict[str, Any] = json.loads((gateway.docs.FILES / "openapi.json").read_text())
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
DEPTH = 7
TIMES_WITHIN_ITSELF = 2
Path = tuple[str | int, ...]


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        found: Any = CONTRACT
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        schema = found
    return schema


def places(schema: dict[str, Any], path: Path = (), within: tuple[str, ...] = ()) -> Iterator[Path]:
    """The paths at which the schema allows a value.

    A schema that contains itself is entered twice: each of its members is met at its top and within each member that leads to it again.
    """
    entered = schema.get("$ref")
    again = within.count(entered) >= TIMES_WITHIN_ITSELF
    within = (*within, entered) if entered else within
    schema = resolved(schema)
    options = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    for option in options:
        yield from places(option, path, within)
    if len(path) < DEPTH and not again:
        for name, member in schema.get("properties", {}).items():
            yield from places(member, (*path, name), within)
        if isinstance(schema.get("items"), dict):
            yield from places(schema["items"], (*path, 0), within)
        if isinstance(schema.get("additionalProperties"), dict):
            yield from places(schema["additionalProperties"], (*path, "a"), within)
    if path and not options:
        yield path


def placed(body: Any, path: Path, value: Any) -> Any:
    """`body` with the value at `path`, and the objects and arrays on the way to it."""
    if not path:
        return value
    step, *rest = path
    if isinstance(step, int):
        return [placed(body[0] if isinstance(body, list) and body else None, tuple(rest), value)]
    members = copy.deepcopy(body) if isinstance(body, dict) else {}
    return members | {step: placed(members.get(step), tuple(rest), value)}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in CONTRACT["paths"].items():
        for method in ("get", "post", "put", "patch"):
            if method in item:
                yield (
                    method,
                    path,
                    item[method] | {"host": "auth" if path.startswith(("/v1/", "/.well-known/")) else "api"},
                )


class Sender:
    def __init__(self, stack: Stack) -> None:
        app = stack.register_app(ALL_SCOPES)
        token = stack.token(app, " ".join(ALL_SCOPES))
        made = make_all(stack, stack.admin_token, token)
        self.ids = {"client_id": made["app"], "webhook_id": made["webhook"], "encounter_id": made["encounter"]}
        self.ids |= {"device_id": made["device"], "request_id": made["request"]}
        self.clients = {
            (host, administers): stack.client(host, stack.admin_token if administers else token)
            for host in ("auth", "api")
            for administers in (False, True)
        }

    def send(self, method: str, path: str, operation: dict[str, Any], **request: Any) -> httpx2.Response:
        needed = json.dumps(operation.get("security", []))
        administers = any(scope in needed for scope in ("platform:apps", "argus:acqi:schedule"))
        host = operation["host"]
        url = path
        for parameter in operation.get("parameters", ()):
            if parameter.get("in") == "path":
                known = self.ids.get(parameter["name"]) or new_id("x")
                url = url.replace("{" + parameter["name"] + "}", known)
        return self.clients[host, administers].request(method, url, **request)


@pytest.fixture(scope="module")
def sender(stack: Stack) -> Iterator[Sender]:
    made = Sender(stack)
    yield made
    for client in made.clients.values():
        client.close()


def requests(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    content = operation.get("requestBody", {}).get("content", {})
    if JSON in content and "schema" in content[JSON]:
        example = content[JSON].get("example")
        for path in dict.fromkeys(places(content[JSON]["schema"])):
            yield {"json": placed(example, path, CANARY)}
            yield {"json": placed(example, path, [{CANARY: CANARY}])}
    if FORM in content:
        example = content[FORM].get("example") or {}
        for name, *_ in dict.fromkeys(places(content[FORM]["schema"])):
            yield {"data": example | {str(name): CANARY}}
    for parameter in operation.get("parameters", ()):
        if parameter.get("in") == "query":
            yield {"params": {parameter["name"]: CANARY}}
    yield {"params": {CANARY: CANARY}}


def test_no_refusal_repeats_what_was_refused(sender: Sender) -> None:
    with cases() as every:
        for method, path, operation in operations():
            if "/saml/{connection}" not in path:
                with every.case(f"{method.upper()} {path}"):
                    repeats_nothing(sender, method, path, operation)


def repeats_nothing(sender: Sender, method: str, path: str, operation: dict[str, Any]) -> None:
    for request in requests(operation):
        answer = sender.send(method, path, operation, **request)
        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400:
            shown = json.dumps(request)[:300]
            pointers = [error["pointer"] for error in _errors(answer)]
            text = answer.text
            for pointer in pointers:  # a pointer names the field, and a field's name may be the canary
                text = text.replace(json.dumps(pointer)[1:-1], "")
            assert CANARY not in text, shown


def _errors(answer: httpx2.Response) -> list[dict[str, Any]]:
    if not answer.headers.get("content-type", "").startswith("application/problem"):
        return []
    return answer.json().get("errors", [])


def test_no_log_line_holds_what_was_sent(stack: Stack, sender: Sender) -> None:
    """Last in this file, so that it runs after all requests."""
    for name, log in stack.logs().items():
        assert CANARY not in log, f"{name}: " + next(line for line in log.splitlines() if CANARY in line)[:300]
