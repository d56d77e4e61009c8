"""Control-plane over HTTP: integration packages, their releases, and what is done with them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TypedDict

from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import Route

from services.control_plane.access import BASE, GrantMiddleware
from services.control_plane.settings import Settings
from shared import database, health, problems
from shared.crypto import Keyring
from shared.database import AsyncConnection
from shared.identity import IdentityMiddleware
from shared.middleware import TracingMiddleware
from shared.outbox import Bell

# Edge agents have no token of an app: these endpoints know them by their code or credential.
PUBLIC = frozenset({f"{BASE}/agents/enrol", f"{BASE}/agents/heartbeat"})


async def check_database(request: Request) -> None:
    await database.ping(request.state.pool)


routes: list[Route] = [
    *health.routes({"database": check_database}),
]


class State(TypedDict):
    settings: Settings
    pool: AsyncConnectionPool[AsyncConnection]
    bell: Bell
    keyring: Keyring


def create_app(settings: Settings) -> Starlette:
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(TracingMiddleware),
            Middleware(IdentityMiddleware, public_keys=settings.identity_public_keys),
            Middleware(GrantMiddleware, public=PUBLIC),
        ],
        exception_handlers=problems.exception_handlers,
        lifespan=partial(lifespan, settings),
    )
    app.router.redirect_slashes = False  # an unknown path is 404, also one that is almost known
    return app


@asynccontextmanager
async def lifespan(settings: Settings, app: Starlette) -> AsyncIterator[State]:
    keyring = Keyring.from_text(settings.encryption_keys)
    async with (
        database.open_pool(settings.database_url) as pool,
        Bell(settings.redis_url, "control_plane") as bell,
    ):
        yield State(settings=settings, pool=pool, bell=bell, keyring=keyring)
