"""The tests' platform: answers the public API as the contract's examples do, so that the console runs alone.

`answers/<area>.py` may hold `ANSWERS`, a mapping of `"GET /v1/platform/apps/{client_id}"` to an answer in the place of the example: a
value, an `Answer`, a `Response` that is no JSON, or a function of the request. Codes of sign-ins are ids of `Person`s.
"""

import importlib
import json
import pkgutil
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deploy.local.table import ROOT
from shared.primitives import ids
from shared.web.scopes import OF_CONSOLE
from tests.console import answers

DOCUMENT = ROOT / "gateway" / "docs" / "static" / "openapi.json"
HOSTILE = "\"'><img src=x onerror=\"document.title='caught'\"><script>document.title='caught'</script>{{7*7}}${7*7}"
"""Shown as text, it changes no title."""
MACHINE = re.compile(r"[a-z0-9_.:/-]*|\d{4}-\d\d-\d\dT.*|https?://[^\s\"'<>]*", re.ASCII)

HEADERS = re.compile("request_headers|response_headers")
WRITTEN = re.compile(
    "name|title|description|display|text|note|comment|detail|reason|emails?|url|given|family|city|subject_id|actor|device|manufacturer"
    "|model|serial_number|number|vehicle_id|cad_incident_id|unit|value|request_body|response_body|(request|response)_headers|error"
    "|last_error|resolved_address|provider_roles|entity_id|domain|app_name|decision_reason"
)
"""Names of members whose texts others write, even where an example looks like a machine's word."""


class Answer(NamedTuple):
    """An answer with its status and headers."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = {}


Given = Any | Answer | Callable[[Request], Any]


@dataclass
class Person:
    """Who signs in. `scopes` are those of their tokens."""

    user_id: str = field(default_factory=lambda: ids.new_id("usr"))
    tenant_id: str = field(default_factory=lambda: ids.new_id("org"))
    client_id: str = field(default_factory=lambda: ids.new_id("app"))
    name: str = "Ada Rossi"
    email: str = "ada@riviera.example"
    tenant_name: str = "Riviera Emergency Services"
    environment: str = "production"
    scopes: tuple[str, ...] = tuple(OF_CONSOLE)
    lives: int = 3600
    signed_in_ago: float | None = 0
    """Seconds since the person signed in to auth; None where auth does not know."""


class Platform:
    """An ASGI application. `calls` are the requests that it answered: method, path with query, token."""

    def __init__(self) -> None:
        self.people: dict[str, Person] = {}
        self.tokens: dict[str, Person] = {}
        self.refreshes: dict[str, Person] = {}
        self.calls: list[tuple[str, str, str]] = []
        self.overrides: dict[str, Given] = {}
        self.hostile = False
        self.scripts = False
        self.secret = ""  # in the query of every receiver's address
        self.always: Answer | None = None  # to every call but those of signing in
        self.given_back: list[str] = []
        self._made = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": message["type"] + ".complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        request = Request(scope, receive)
        await request.body()
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        query = f"?{request.url.query}" if request.url.query else ""
        self.calls.append((request.method, request.url.path + query, token))
        response = await self._answer(request, token)
        response.headers["x-trace-id"] = f"{len(self.calls):032x}"
        await response(scope, receive, send)

    async def _answer(self, request: Request, token: str) -> Response:
        if request.url.path == "/v1/oauth/token":
            return await self._token(request)
        if request.url.path == "/v1/oauth/revoke":
            self.given_back.append(dict(parse_qsl((await request.body()).decode()))["token"])
            return Response(None, 200)
        is_public = request.url.path.startswith("/api/docs/")
        person = Person() if is_public else self.tokens.get(token)
        if person is None:
            return problem(401, "unauthorized")
        is_me = request.url.path == "/v1/platform/me"
        given = (None if is_me else self.always) or self._given(request.method, request.url.path, person)
        if callable(given) and not isinstance(given, Response):
            given = given(request)
        if isinstance(given, Response):
            return given
        answer = given if isinstance(given, Answer) else Answer(given)
        body = hostile(answer.body) if self.hostile else scripting(answer.body) if self.scripts else answer.body
        body = with_secret(body, self.secret) if self.secret else body
        return JSONResponse(body, answer.status, dict(answer.headers))

    def _given(self, method: str, path: str, person: Person) -> Any:
        if path == "/v1/platform/me" and "GET /v1/platform/me" not in self.overrides:
            ago = person.signed_in_ago
            return {
                "client_id": person.client_id,
                "person": {"user_id": person.user_id, "email": person.email, "name": person.name},
                "organisation": {
                    "tenant_id": person.tenant_id,
                    "name": person.tenant_name,
                    "environment": person.environment,
                },
                "scopes": list(person.scopes),
                "signed_in_at": ago if ago is None else (datetime.now(UTC) - timedelta(seconds=ago)).isoformat(),
            }
        for known in (self.overrides, _of_areas(), _examples()):
            for call, given in known.items():
                if matches(call, method, path):
                    return given
        return Answer({"type": "https://knogin.com/api/docs#not-found", "detail": "Nothing here."}, 404)

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        source = self.people if form.get("grant_type") == "authorization_code" else self.refreshes
        person = source.get(form.get("code") or form.get("refresh_token", ""))
        if person is None or form.get("client_id") != person.client_id or "client_assertion" not in form:
            return JSONResponse({"error": "invalid_grant"}, 400)
        self._made += 1
        access, refresh = f"access-{self._made}-{person.user_id}", f"refresh-{self._made}-{person.user_id}"
        self.tokens[access] = self.refreshes[refresh] = person
        return JSONResponse(
            {
                "token_type": "Bearer",
                "access_token": access,
                "refresh_token": refresh,
                "expires_in": person.lives,
                "scope": " ".join(person.scopes),
            }
        )

    def expect(self, person: Person) -> str:
        """The code of a sign-in of that person."""
        code = f"code-{time.monotonic_ns()}"
        self.people[code] = person
        return code

    def asked(self, method: str = "", path: str = "") -> list[str]:
        """The paths of the calls so far, with their queries."""
        return [target for verb, target, _ in self.calls if verb.startswith(method) and target.startswith(path)]


def problem(status: int, slug: str, **members: Any) -> Response:
    document = {"type": f"https://knogin.com/api/docs#{slug}", "title": slug, "status": status} | members
    return JSONResponse(document, status, media_type="application/problem+json")


def matches(call: str, method: str, path: str) -> bool:
    """Whether `GET /v1/apps/{id}` is the call of that path."""
    verb, _, template = call.partition(" ")
    pattern = re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(template))
    return verb == method and re.fullmatch(pattern, path) is not None


def hostile(value: Any, name: str = "") -> Any:
    """The value with a hostile text behind every text that is no machine's word, or that a partner, a receiver or a device writes."""
    if isinstance(value, dict):
        return {key: hostile(member, name if HEADERS.fullmatch(name) else key) for key, member in value.items()}
    if isinstance(value, list):
        return [hostile(member, name) for member in value]
    if isinstance(value, str) and (WRITTEN.fullmatch(name) or not MACHINE.fullmatch(value)):
        return value + HOSTILE
    return value


def scripting(value: Any) -> Any:
    """The value with a `javascript:` address in the place of every address but those of auth itself."""
    if isinstance(value, dict):
        return {name: member if name == "login_url" else scripting(member) for name, member in value.items()}
    if isinstance(value, list):
        return [scripting(member) for member in value]
    is_address = isinstance(value, str) and re.match(r"https?://", value)
    return "javascript:document.title='caught'" if is_address else value


def with_secret(value: Any, secret: str, name: str = "") -> Any:
    """The value with a secret in the query, and one before the host, of every address of a receiver or of its authorization server."""
    if isinstance(value, dict):
        return {key: with_secret(member, secret, key) for key, member in value.items()}
    if isinstance(value, list):
        return [with_secret(member, secret, name) for member in value]
    if name in ("url", "token_url") and isinstance(value, str) and value.startswith("https://"):
        return f"{value.replace('https://', f'https://user:{secret}@', 1)}?key={secret}"
    return value


@cache
def _of_areas() -> dict[str, Given]:
    found: dict[str, Given] = {}
    for module in pkgutil.iter_modules(answers.__path__):
        found |= importlib.import_module(f"tests.console.answers.{module.name}").ANSWERS
    return found


@cache
def _examples() -> dict[str, Given]:
    """The contract's example of each call's first success; paths without parameters first."""
    document = json.loads(DOCUMENT.read_text())
    found: dict[str, Given] = {}
    for path in sorted(document["paths"], key=lambda one: one.count("{")):
        for method, operation in document["paths"][path].items():
            if method not in ("get", "post", "put", "patch", "delete"):
                continue
            status, answer = next(iter(operation["responses"].items()))
            content = answer.get("content", {}).get("application/json", {})
            found[f"{method.upper()} {path}"] = Answer(content.get("example"), int(status))
    return found
