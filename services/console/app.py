"""The web process of the console: routes, middleware, lifespan."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import httpx2
from psycopg_pool import PoolTimeout
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from services.console.pages import registry, serve
from services.console.pages.limits import Limiter
from services.console.routes import UNLISTED
from services.console.session import store
from services.console.settings import Settings
from services.console.upstream.calls import Flights
from services.console.upstream.gateway import CONNECT_SECONDS, Gateway
from services.console.upstream.oauth import OAuth
from shared import application
from shared.messaging.broker import Bell
from shared.primitives.crypto import Keyring
from shared.process import telemetry
from shared.storage.database import UNAVAILABLE, open_pool
from shared.web.revocations import Feed

SIGN_INS_A_MINUTE = 600
"""Of one network: a whole organisation may sit behind one address."""
routes = application.all_routes(__file__, [], UNLISTED)


@asynccontextmanager
async def lifespan(settings: Settings, feed: Feed, app: Starlette) -> AsyncIterator[dict[str, Any]]:
    at_once = settings.upstream_at_once
    limits = httpx2.Limits(max_connections=at_once, max_keepalive_connections=at_once)
    timeout = httpx2.Timeout(settings.upstream_seconds, connect=CONNECT_SECONDS)
    async with (
        open_pool(settings.database_url) as pool,
        Bell(settings.redis_url, "console") as bell,
        feed,
        httpx2.AsyncClient(base_url=settings.gateway_url, timeout=timeout, limits=limits, trust_env=False) as http,
    ):
        gateway = Gateway(settings, http)
        yield {
            "settings": settings,
            "pool": pool,
            "bell": bell,
            "keyring": Keyring.from_text(settings.encryption_keys),
            "gateway": gateway,
            "oauth": OAuth(settings, gateway),
            "flights": Flights(),
            "people": Limiter(settings.requests_a_minute),
            "strangers": Limiter(SIGN_INS_A_MINUTE),
            "navigation": serve.navigation_of(registry.entries()),
        }


async def refuse(request: Request, error: Exception) -> Response:
    """404 and 405 as pages."""
    assert isinstance(error, HTTPException)
    key = "missing" if error.status_code == 404 else "wrong_method"
    session = await store.current(request)
    response = serve.message(request, session, key, error.status_code)
    response.headers.update(error.headers or {})
    return response


async def unavailable(request: Request, error: Exception) -> Response:
    """The console's own database does not answer: a page without a session."""
    return serve.message(request, None, "unavailable", 503, trace_id=telemetry.trace_id())


def create_app(settings: Settings) -> Starlette:
    feed = Feed(settings, "console")
    handlers: dict[Any, Any] = {HTTPException: refuse, PoolTimeout: unavailable}
    handlers |= dict.fromkeys(UNAVAILABLE, unavailable)
    return application.create(routes, feed, partial(lifespan, settings, feed), exception_handlers=handlers)
