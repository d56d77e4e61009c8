"""The ASGI application of a service's web process."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from shared.storage import database
from shared.web.feed import Feed
from shared.web.middleware import TracingMiddleware

Lifespan = Callable[[Starlette], AbstractAsyncContextManager[Any]]


def create(
    routes: Sequence[Route],
    feed: Feed,
    lifespan: Lifespan,
    *,
    middleware: Sequence[Middleware] = (),
    exception_handlers: Mapping[Any, Any] | None = None,
    service_keys: str = "",
) -> Starlette:
    """Traces each request, checks the caller's identity header (`feed`), then runs `middleware` and the route.

    With `service_keys` other services may call the paths under `/internal/` with signed requests.
    """
    app = Starlette(
        routes=routes,
        middleware=[Middleware(TracingMiddleware), feed.middleware(service_keys), *middleware],
        exception_handlers=database.exception_handlers | dict(exception_handlers or {}),
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # a path with an extra slash at its end gets 404
    return app
