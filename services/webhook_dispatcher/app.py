"""webhook-dispatcher over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from starlette.applications import Starlette

from services.webhook_dispatcher import metrics
from services.webhook_dispatcher.fanout.queries import PARTITIONED
from services.webhook_dispatcher.places import Places
from services.webhook_dispatcher.queues import MOST_RINGS, SENDER, SERVICE
from services.webhook_dispatcher.routes import PARTS
from services.webhook_dispatcher.sending.addresses import create_resolver
from services.webhook_dispatcher.sending.client import Client
from services.webhook_dispatcher.sending.signing import Vault
from services.webhook_dispatcher.settings import Settings
from shared import application
from shared.messaging.broker import Bell
from shared.primitives.crypto import Keyring
from shared.storage import database
from shared.storage.partitions import Daily
from shared.web.revocations import Feed

routes = application.all_routes(__file__, PARTS)


def create_app(settings: Settings) -> Starlette:
    feed = Feed(settings, "webhook_dispatcher")
    return application.create(routes, feed, partial(lifespan, settings, feed))


@asynccontextmanager
async def lifespan(settings: Settings, feed: Feed, app: Starlette) -> AsyncIterator[dict[str, Any]]:
    keyring = Keyring.from_text(settings.encryption_keys)
    policy = settings.policy()
    client = Client(policy, create_resolver(settings.webhook_resolver), settings.webhook_ca_file)
    async with (
        database.open_pool(settings.database_url) as pool,
        Bell(settings.redis_url, SERVICE) as bell,
        Bell(settings.redis_url, SENDER, MOST_RINGS) as sender_bell,
        feed,
        client,
        Places("reads", metrics.readers_waiting) as readers,
    ):
        yield {
            "settings": settings,
            "pool": pool,
            "partitions": Daily(*PARTITIONED),
            "bell": bell,
            "sender_bell": sender_bell,
            "keyring": keyring,
            "vault": Vault(keyring),
            "policy": policy,
            "client": client,
            "tests": Places("tests"),
            "readers": readers,
        }
