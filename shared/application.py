"""The ASGI application of a service's web process."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TypedDict

from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from shared.messaging.broker import Bell
from shared.operators import routes as operators
from shared.primitives.crypto import Keyring
from shared.storage import database, migrate
from shared.storage.database import AsyncConnection
from shared.trail import routes as trail
from shared.web import routing
from shared.web.revocations import Feed
from shared.web.serving import TracingMiddleware

Lifespan = Callable[[Starlette], AbstractAsyncContextManager[Any]]


class State(TypedDict):
    """The part of `request.state` that every service has."""

    pool: AsyncConnectionPool[AsyncConnection]
    bell: Bell
    keyring: Keyring


def all_routes(file: str, parts: Iterable[routing.Part], unlisted: Iterable[routing.Unlisted] = ()) -> list[Route]:
    """The routes of a service, those of its audit trail and of operators, and its probes. `file` is a module in the service's folder."""
    folder = Path(file).parent
    name = folder.name.replace("_", "-")
    every = [*parts, trail.part(name), operators.part(name)]
    return [*routing.routes(every, unlisted), *routing.probes(migrate.readiness_checks(folder))]


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
