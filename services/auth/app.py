"""The web process of auth: routes, middleware, lifespan."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from authlib.oauth2.rfc6749 import OAuth2Error
from starlette.applications import Starlette

from services.auth.activity import Activity
from services.auth.keys.keystore import KeyStore
from services.auth.oauth.clients import ClientLoader
from services.auth.oauth.server import build_server
from services.auth.revocations.changes import Changes
from services.auth.routes import PARTS, UNLISTED
from services.auth.saml import domains, readers
from services.auth.settings import Settings
from services.auth.signin import endpoints as signin
from services.auth.signin.hashing import Hashing
from shared import application
from shared.fairness.places import NoPlace
from shared.messaging.broker import Bell
from shared.primitives.crypto import Keyring
from shared.process import redis_clients
from shared.storage.database import open_pool
from shared.web.revocations import Answer, Feed, decode_answer

# Loading clients, reading keys, answering gateways about revocations: requests of all tenants depend on each.
FOR_ITSELF = 3
routes = application.all_routes(__file__, PARTS, UNLISTED)


@asynccontextmanager
async def lifespan(settings: Settings, feed: Feed, app: Starlette) -> AsyncIterator[dict[str, Any]]:
    keyring = Keyring.from_text(settings.encryption_keys)
    async with (
        open_pool(settings.database_url, for_itself=FOR_ITSELF) as pool,
        Bell(settings.redis_url, "auth") as bell,
        readers.running(settings.saml_readers) as reading,
        AsyncExitStack() as stack,
    ):
        keystore, activity = KeyStore(pool, keyring), Activity(pool)
        await keystore.ensure_first_key(settings.signing_key_bits)
        redis = redis_clients.async_client(settings.redis_url, connect=0.2, answer=0.2)
        server = build_server(settings.issuer, [settings.issuer, settings.api_base_url], keyring)
        changes = Changes(pool, settings.redis_url)

        async def own_changes(after: int, wait: float) -> Answer:
            return decode_answer(await changes.answer(after, wait))

        feed.source = own_changes
        background = [
            asyncio.create_task(job)
            for job in (keystore.keep_fresh(), activity.keep_flushing(), changes.run(keystore.refresh))
        ]
        try:
            await stack.enter_async_context(feed)
            yield {
                "settings": settings,
                "pool": pool,
                "bell": bell,
                "redis": redis,
                "changes": changes,
                "keyring": keyring,
                "keys": keystore,
                "activity": activity,
                "clients": ClientLoader(pool),
                "oauth": server,
                "readers": reading,
                "ranks": readers.Ranks(keyring),
                "hashing": Hashing(settings.password_checks, settings.password_queue),
                "resolver": domains.create(settings.dns_resolver),
            }
        finally:
            for task in background:
                task.cancel()
            await activity.flush()
            await redis.aclose()


def create_app(settings: Settings) -> Starlette:
    feed = Feed(settings, "auth")
    return application.create(
        routes,
        feed,
        partial(lifespan, settings, feed),
        exception_handlers={OAuth2Error: signin.refuse_unreadable, NoPlace: signin.refuse_busy},
        service_keys=settings.service_public_keys or "",
    )
