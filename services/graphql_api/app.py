"""graphql-api over HTTP: one GraphQL transport, and the approved documents a client may send through it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from graphql import GraphQLSchema
from starlette.applications import Starlette

from services.graphql_api import schema
from services.graphql_api.acqi.cache import Answers, Snapshots, Versions
from services.graphql_api.routes import PARTS
from services.graphql_api.settings import Settings
from services.graphql_api.transport import documents
from services.graphql_api.transport.documents import Catalogue
from services.graphql_api.transport.plans import Planner
from services.graphql_api.webhooks import client
from shared import application
from shared.messaging.broker import Bell
from shared.primitives.crypto import Keyring
from shared.process.settings import required
from shared.storage import database
from shared.web.revocations import Feed

routes = application.all_routes(__file__, PARTS)


class State(application.State):
    settings: Settings
    schema: GraphQLSchema
    catalogue: Catalogue
    planner: Planner
    answers: Answers
    snapshots: Snapshots
    webhooks: client.Webhooks | None


def create_app(settings: Settings) -> Starlette:
    if settings.webhook_dispatcher_url:
        required(settings.identity_exchange_url, "IDENTITY_EXCHANGE_URL")
        required(settings.service_signing_key, "SERVICE_SIGNING_KEY")
    feed = Feed(settings, "graphql_api")
    return application.create(routes, feed, partial(lifespan, settings, feed))


@asynccontextmanager
async def lifespan(settings: Settings, feed: Feed, app: Starlette) -> AsyncIterator[State]:
    executable = schema.build()
    catalogue = documents.load(executable)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(feed)
        pool = await stack.enter_async_context(database.open_pool(settings.database_url, for_itself=1))
        bell = await stack.enter_async_context(Bell(settings.redis_url, "graphql_api"))
        webhooks = None
        if settings.webhook_dispatcher_url:
            webhooks = await stack.enter_async_context(client.connect(settings))
        yield State(
            settings=settings,
            pool=pool,
            bell=bell,
            keyring=Keyring.from_text(settings.encryption_keys),
            schema=executable,
            catalogue=catalogue,
            planner=Planner(executable, catalogue),
            answers=Answers(Versions(pool), settings.answers_kept_bytes),
            snapshots=Snapshots(),
            webhooks=webhooks,
        )
