"""Route entries: each defines method, path, scope, body and answers once; the route, the contract and its page are made from it.

Beside them are the probes: `/livez` (the process runs) and `/readyz` (it can do its work; the answer names the result of each check).
"""

import asyncio
import inspect
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from shared.web import http, identity
from shared.web.deprecation import Deprecation
from shared.web.identity import Caller
from shared.web.problems import Problem

Endpoint = Callable[[Request], Awaitable[Response]]
Guard = Callable[[Request, Caller], Awaitable[None]]
# Client libraries call these verbs so.
VERBS = {"read": "get", "change": "update"}


class Content(NamedTuple):
    """One of several representations of an answer, or a body that is not JSON. `kind` is None for bytes."""

    media: str
    kind: Any


class AnyOf(NamedTuple):
    """A body that is one of several types."""

    kinds: tuple[Any, ...]


class Operation(NamedTuple):
    """One call of the public contract.

    `endpoint` takes the request, then the `Caller` if `scope` is not None, the path's parameters by their names, the `query` and
    the `body`, each if the entry has one. It returns a Response, or the type of the first of `answers`.
    The scope is checked before the caller's input is read.
    `scope` is None if no token is required, "" if any token is enough.

    `answers` maps each status of success to a type, an AnyOf, a schema, a tuple of Contents, or None for no body; `refusals` has
    statuses beyond those that every call of its kind has. `errors` names the reader of the errors: a program ("problem"), an OAuth
    client (RFC 6749 §5.2), or a person in a browser ("page").

    `guard` refuses callers before the scope is checked. With `owner_needs_no_scope` the endpoint checks the scope itself, for callers
    other than the owner. The endpoint itself reads a `form` (urlencoded), a Content or AnyOf body, any body if `decodes` is false, and
    the query if `errors` is not "problem". `shown_body` is the contract's type of a body whose items are decoded one by one.

    A call with `deprecated` announces its end in every answer, in the contract and on the page of deprecations.
    """

    method: str
    path: str
    endpoint: Callable[..., Awaitable[Any]]
    summary: str
    scope: str | None
    answers: Mapping[int, Any]
    description: str = ""
    body: Any = None
    body_required: bool = True
    decodes: bool = True
    shown_body: Any = None
    form: type[msgspec.Struct] | None = None
    query: type[msgspec.Struct] | None = None
    headers: tuple[str, ...] = ()
    refusals: Mapping[int, str] = {}
    errors: Literal["problem", "oauth", "page"] = "problem"
    has_etag: bool = False
    authenticates_client: bool = False
    example: Any = None
    guard: Guard | None = None
    owner_needs_no_scope: bool = False
    id: str = ""
    deprecated: Deprecation | None = None

    @property
    def name(self) -> str:
        """The operationId, verb and noun: `id`, or the endpoint's name (`read_app` is `getApp`). It never changes once published."""
        if self.id:
            return self.id
        verb, *noun = self.endpoint.__name__.split("_")
        return VERBS.get(verb, verb) + "".join(word.capitalize() for word in noun)


class Part(NamedTuple):
    """The operations of one service under one tag; its schemas' names have the prefix `prefix`. `ids` are examples of path ids."""

    tag: str
    prefix: str
    description: str
    operations: list[Operation]
    ids: Mapping[str, str] = {}


class Unlisted(NamedTuple):
    """A call outside the public contract: a page, or a call of the platform's own programs."""

    method: str
    path: str
    endpoint: Endpoint


def routes(parts: Iterable[Part], unlisted: Iterable[Unlisted] = ()) -> list[Route]:
    """One route for each path. If two paths could match, the one with the literal segment comes first."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for operation in (operation for part in parts for operation in part.operations):
        by_path.setdefault(operation.path, {})[operation.method] = served(operation)
    for method, path, endpoint in unlisted:
        by_path.setdefault(path, {})[method] = endpoint
    tried = sorted(by_path, key=lambda path: [segment.startswith("{") for segment in path.split("/")])
    return [resource(path, **by_path[path]) for path in tried]


def resource(path: str, **endpoints: Endpoint) -> Route:
    """`resource("/things", GET=list_things, POST=create_thing)`. It matches every method, so that no later route is tried for its path."""
    return Route(path, _Resource(endpoints))


def served(operation: Operation) -> Endpoint:
    """Wraps the endpoint: reads caller, query and body for it. Raises TypeError if its signature contradicts the entry."""
    scope, guard, endpoint = operation.scope, operation.guard, operation.endpoint
    query, body, required = _query(operation), _body(operation), operation.body_required
    status, named = next(iter(operation.answers)), path_parameters(operation.path)
    _require_signature(operation)

    async def serve(request: Request) -> Response:
        given: list[Any] = []
        if scope is not None:
            caller = identity.require(request, "")
            if guard is not None:
                await guard(request, caller)
            given.append(caller if operation.owner_needs_no_scope else identity.require(request, scope))
        given += [request.path_params[name] for name in named]
        if query is not None:
            given.append(http.query(request, query))
        if body is not None:
            given.append(await http.decode(request, body, required=required))
        elif operation.method != "GET" and operation.body is None and operation.form is None:
            # Here, since `idempotency` asks for it in a transaction: a body that stalls would hold the connection.
            await http.read_body(request)
        answer = await endpoint(request, *given)
        return answer if isinstance(answer, Response) else http.json(answer, status)

    serve.__wrapped__ = endpoint  # pyright: ignore[reportFunctionMemberAccess] - inspect shows the endpoint's own source
    return serve if operation.deprecated is None else _announcing(operation.deprecated, serve)


def _announcing(deprecated: Deprecation, endpoint: Endpoint) -> Endpoint:
    """The endpoint, whose answers and problems announce its end."""

    async def serve(request: Request) -> Response:
        try:
            response = await endpoint(request)
        except Problem as problem:
            problem.headers |= dict(deprecated.headers())
            raise
        for name, value in deprecated.headers():
            response.headers.append(name, value)
        return response

    serve.__wrapped__ = endpoint  # pyright: ignore[reportFunctionMemberAccess]
    return serve


def path_parameters(path: str) -> list[str]:
    return re.findall(r"{(\w+)}", path)


def _query(operation: Operation) -> type[Any] | None:
    return operation.query if operation.errors == "problem" else None


def _body(operation: Operation) -> type[Any] | None:
    return None if isinstance(operation.body, Content | AnyOf) or not operation.decodes else operation.body


def _require_signature(operation: Operation) -> None:
    """Raises TypeError unless the endpoint takes everything that the entry reads, and returns its first answer."""
    signature = inspect.signature(operation.endpoint)
    taken = {name: parameter.annotation for name, parameter in signature.parameters.items()}
    named = path_parameters(operation.path)
    before = [Request, *([Caller] if operation.scope is not None else [])]
    after = [kind for kind in (_query(operation), _body(operation)) if kind is not None]
    if list(taken.values()) != [*before, *(str for _ in named), *after]:
        raise TypeError(f"{operation.name}: the endpoint takes {taken}")
    if list(taken)[len(before) : len(before) + len(named)] != named:
        raise TypeError(f"{operation.name}: the endpoint takes {list(taken)}, its path names {named}")
    if signature.return_annotation not in (Response, next(iter(operation.answers.values()))):
        raise TypeError(
            f"{operation.name}: the endpoint gives {signature.return_annotation}, which is not its first answer"
        )


class _Resource:
    def __init__(self, endpoints: dict[str, Endpoint]) -> None:
        self.endpoints = endpoints | ({"HEAD": endpoints["GET"]} if "GET" in endpoints else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self.endpoints.get(scope["method"])
        if endpoint is None:
            raise HTTPException(405, headers={"Allow": ", ".join(self.endpoints)})
        response = await endpoint(Request(scope, receive, send))
        await response(scope, receive, send)


Check = Callable[[Request], Awaitable[object]]
log = logging.getLogger(__name__)


def probes(checks: Mapping[str, Check]) -> list[Route]:
    """The two probes. A check that raises or takes over 3 seconds makes the service unready."""

    async def livez(request: Request) -> Response:
        return http.json({"status": "alive"})

    async def readyz(request: Request) -> Response:
        results = dict.fromkeys(checks, False)
        for name, check in checks.items():
            try:
                async with asyncio.timeout(3):
                    await check(request)
                results[name] = True
            except Exception as error:  # any error of a dependency means "not ready"
                log.warning("check %s failed: %s", name, type(error).__name__)
        ready = all(results.values())
        content = {"status": "ready" if ready else "not ready", "checks": results}
        return http.json(content, 200 if ready else 503)

    return [Route("/livez", livez, methods=["GET"]), Route("/readyz", readyz, methods=["GET"])]
