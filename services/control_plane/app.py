"""The web application: packages, releases, marketplace, automations and agents."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from starlette.applications import Starlette
from starlette.middleware import Middleware

from services.control_plane.access import BASE, GrantMiddleware
from services.control_plane.routes import PARTS
from services.control_plane.settings import Settings
from shared import application
from shared.messaging.broker import Bell
from shared.primitives.crypto import Keyring
from shared.storage import database
from shared.web.revocations import Feed

# Endpoints of edge agents, which have no token. Their code or credential identifies them.
PUBLIC = re.compile(rf"{BASE}/agents/(enrol|heartbeat|content/[^/]+/[^/]+)")

routes = application.all_routes(__file__, PARTS)


class State(application.State):
    settings: Settings


def create_app(settings: Settings) -> Starlette:
    feed = Feed(settings, "control_plane")
    return application.create(
        routes, feed, partial(lifespan, settings, feed), middleware=[Middleware(GrantMiddleware, public=PUBLIC)]
    )


@asynccontextmanager
async def lifespan(settings: Settings, feed: Feed, app: Starlette) -> AsyncIterator[State]:
    keyring = Keyring.from_text(settings.encryption_keys)
    async with (
        database.open_pool(settings.database_url) as pool,
        Bell(settings.redis_url, "control_plane") as bell,
        feed,
    ):
        yield State(settings=settings, pool=pool, bell=bell, keyring=keyring)
