"""Routes by path: one for all methods of a resource, so that a 405 names every method there is."""

from collections.abc import Awaitable, Callable

from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Endpoint = Callable[[Request], Awaitable[Response]]


def resource(path: str, **endpoints: Endpoint) -> Route:
    """`resource("/things", GET=list_things, POST=create_thing)`. It takes every method, so that no later route is tried for its path."""
    methods = {method.lower(): staticmethod(endpoint) for method, endpoint in endpoints.items()}
    return Route(path, type("Resource", (HTTPEndpoint,), methods))
