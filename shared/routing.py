"""Routes by path: one for all methods of a resource, so that a 405 names every method there is."""

from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

Endpoint = Callable[[Request], Awaitable[Response]]


def resource(path: str, **endpoints: Endpoint) -> Route:
    """`resource("/things", GET=list_things, POST=create_thing)`. It takes every method, so that no later route is tried for its path."""
    return Route(path, _Resource(endpoints))


class _Resource:
    def __init__(self, endpoints: dict[str, Endpoint]) -> None:
        self.endpoints = endpoints | ({"HEAD": endpoints["GET"]} if "GET" in endpoints else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self.endpoints.get(scope["method"])
        if endpoint is None:
            raise HTTPException(405, headers={"Allow": ", ".join(self.endpoints)})
        response = await endpoint(Request(scope, receive, send))
        await response(scope, receive, send)
