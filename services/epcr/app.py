"""epcr over HTTP: encounters for partners, the complete record for the crew."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypedDict

from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette

from services.epcr.deidentification.pseudonyms import Pseudonyms
from services.epcr.routes import CREW, PART
from services.epcr.settings import Settings
from shared import application, database, health, readiness, routing
from shared.bell import Bell
from shared.crypto import Keyring
from shared.database import AsyncConnection
from shared.feed import Feed
from shared.settings import required

routes = [
    *routing.routes([PART, CREW]),
    *health.routes(readiness.checks(Path(__file__).parent)),
]


class State(TypedDict):
    settings: Settings
    pool: AsyncConnectionPool[AsyncConnection]
    bell: Bell
    keyring: Keyring
    pseudonyms: Pseudonyms


def create_app(settings: Settings) -> Starlette:
    feed = Feed(settings, "epcr")
    pseudonyms = Pseudonyms.from_text(required(settings.pseudonym_keys, "PSEUDONYM_KEYS"))
    return application.create(routes, feed, partial(lifespan, settings, feed, pseudonyms))


@asynccontextmanager
async def lifespan(settings: Settings, feed: Feed, pseudonyms: Pseudonyms, app: Starlette) -> AsyncIterator[State]:
    keyring = Keyring.from_text(settings.encryption_keys)
    async with (
        database.open_pool(settings.database_url) as pool,
        Bell(settings.redis_url, "epcr") as bell,
        feed,
    ):
        yield State(settings=settings, pool=pool, bell=bell, keyring=keyring, pseudonyms=pseudonyms)
