"""epcr over HTTP: encounters for partners, the complete record for the crew."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TypedDict

from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette

from services.epcr.deidentification.pseudonyms import Pseudonyms
from services.epcr.routes import CREW, PART
from services.epcr.settings import Settings
from shared import application
from shared.messaging.broker import Bell
from shared.primitives.crypto import Keyring
from shared.process.settings import required
from shared.storage import database
from shared.storage.database import AsyncConnection
from shared.web.revocations import Feed

routes = application.all_routes(__file__, [PART, CREW])


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
