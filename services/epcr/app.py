"""ePCR over HTTP: encounters for partners, the whole record for the crew."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypedDict

from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.middleware import Middleware

from services.epcr.endpoints import encounters, records
from services.epcr.pseudonyms import Pseudonyms
from services.epcr.settings import Settings
from shared import database, health, readiness
from shared.bell import Bell
from shared.crypto import Keyring
from shared.database import AsyncConnection
from shared.feed import Feed
from shared.middleware import TracingMiddleware
from shared.routing import resource
from shared.settings import required

ENCOUNTERS = "/api/v1/epcr/encounters"

routes = [
    resource(ENCOUNTERS, GET=encounters.list_encounters, POST=encounters.create_encounter),
    resource(ENCOUNTERS + "/{encounter_id}", GET=encounters.read_encounter),
    resource(ENCOUNTERS + "/{encounter_id}/fhir-bundle", GET=encounters.export_bundle),
    resource("/api/v1/epcr/records/{encounter_id}", GET=records.read_record, PATCH=records.write_record),
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
    app = Starlette(
        routes=[*routes, *health.routes(readiness.checks(Path(__file__).parent))],
        middleware=[
            Middleware(TracingMiddleware),
            feed.middleware(),
        ],
        exception_handlers=database.exception_handlers,
        lifespan=partial(lifespan, settings, feed, pseudonyms),
    )
    # Another path is not found, rather than redirected to an address this process only believes to be its own.
    app.router.redirect_slashes = False
    return app


@asynccontextmanager
async def lifespan(settings: Settings, feed: Feed, pseudonyms: Pseudonyms, app: Starlette) -> AsyncIterator[State]:
    keyring = Keyring.from_text(settings.encryption_keys)
    async with (
        database.open_pool(settings.database_url) as pool,
        Bell(settings.redis_url, "epcr") as bell,
        feed,
    ):
        yield State(settings=settings, pool=pool, bell=bell, keyring=keyring, pseudonyms=pseudonyms)
