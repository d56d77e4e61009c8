"""The web process of auth: routes, middleware, lifespan."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from authlib.oauth2.rfc6749 import OAuth2Error
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from services.auth.activity import Activity
from services.auth.apps import credential_endpoints
from services.auth.apps import endpoints as apps
from services.auth.keys import endpoints as keys
from services.auth.keys.keystore import KeyStore
from services.auth.lines import Busy
from services.auth.oauth import authorize_endpoints, metadata, token_endpoints
from services.auth.oauth import endpoints as oauth
from services.auth.oauth.grants import build_server
from services.auth.oauth.loader import ClientLoader
from services.auth.requests import endpoints as requests
from services.auth.requests.views import REQUESTS
from services.auth.revocations import endpoints as revocations
from services.auth.revocations.changes import Changes
from services.auth.saml import connection_endpoints as saml_connections
from services.auth.saml import domain_endpoints as saml_domains
from services.auth.saml import domains, ranks, readers
from services.auth.saml import endpoints as saml
from services.auth.saml import finish_endpoints as saml_finish
from services.auth.saml import logout_endpoints as saml_logout
from services.auth.settings import Settings
from services.auth.signin import account_endpoints, authenticator_endpoints, pages
from services.auth.signin import endpoints as signin
from services.auth.signin.hashing import Hashing
from shared import database, health, readiness, redis_clients
from shared.bell import Bell
from shared.crypto import Keyring
from shared.database import open_pool
from shared.feed import Feed, decode
from shared.middleware import TracingMiddleware
from shared.revocations import Answer
from shared.routing import resource

APP = "/v1/platform/apps/{client_id}"
CONNECTION = "/v1/saml/connections/{connection_id}"


routes = [
    # Looked for in this order: the one that most calls are for stands first.
    Route("/v1/oauth/token", oauth.token, methods=["POST"]),
    Route("/.well-known/jwks.json", keys.jwks),
    Route("/v1/auth/jwks.json", keys.jwks),
    Route("/v1/platform/scopes", apps.list_scopes),
    resource("/v1/platform/apps", GET=apps.list_apps, POST=apps.create_app),
    resource(APP, GET=apps.read_app, PATCH=apps.change_app, DELETE=apps.delete_app),
    Route(APP + "/disable", apps.disable_app, methods=["POST"]),
    Route(APP + "/enable", apps.enable_app, methods=["POST"]),
    Route(APP + "/governance", apps.change_governance, methods=["PATCH"]),
    Route(APP + "/events", apps.list_events),
    Route(APP + "/rotate-secret", credential_endpoints.rotate_secret, methods=["POST"]),
    Route(APP + "/service-token", credential_endpoints.mint_service_token, methods=["POST"]),
    Route(APP + "/service-tokens", credential_endpoints.list_service_tokens),
    Route(APP + "/service-tokens/{token_id}", credential_endpoints.revoke_service_token, methods=["DELETE"]),
    resource(REQUESTS, GET=requests.list_requests, POST=requests.create_request),
    Route(REQUESTS + "/{request_id}", requests.read_request),
    Route(REQUESTS + "/{request_id}/withdraw", requests.withdraw_request, methods=["POST"]),
    Route(REQUESTS + "/{request_id}/credentials", requests.fetch_credentials, methods=["POST"]),
    resource("/v1/oauth/authorize", GET=authorize_endpoints.authorize, POST=authorize_endpoints.decide),
    Route("/v1/oauth/revoke", token_endpoints.revoke, methods=["POST"]),
    Route("/v1/oauth/introspect", token_endpoints.introspect, methods=["POST"]),
    Route("/.well-known/oauth-authorization-server", metadata.authorization_server),
    Route("/.well-known/oauth-protected-resource", metadata.protected_resource),
    resource("/v1/auth/sign-in", GET=signin.sign_in_page, POST=signin.sign_in),
    Route("/v1/auth/second-factor", signin.second_factor, methods=["POST"]),
    Route("/v1/auth/sign-out", signin.sign_out, methods=["POST"]),
    resource("/v1/auth/sessions", GET=account_endpoints.sessions_page, POST=account_endpoints.change_sessions),
    resource("/v1/auth/password", GET=account_endpoints.password_page, POST=account_endpoints.set_password),
    resource(
        "/v1/auth/authenticator",
        GET=authenticator_endpoints.authenticator_page,
        POST=authenticator_endpoints.change_authenticator,
    ),
    Route("/v1/auth/style.css", pages.style),
    resource("/v1/saml/connections", GET=saml_connections.list_connections, POST=saml_connections.create_connection),
    resource(
        CONNECTION,
        GET=saml_connections.read_connection,
        PATCH=saml_connections.change_connection,
        DELETE=saml_connections.delete_connection,
    ),
    Route(CONNECTION + "/events", saml_connections.list_events),
    Route(CONNECTION + "/users", saml_connections.list_users),
    Route(CONNECTION + "/users/{user_id}", saml_connections.unlink_user, methods=["DELETE"]),
    Route(CONNECTION + "/domains", saml_domains.claim_domain, methods=["POST"]),
    resource(CONNECTION + "/domains/{domain}", GET=saml_domains.read_domain, DELETE=saml_domains.delete_domain),
    Route(CONNECTION + "/domains/{domain}/prove", saml_domains.prove_domain, methods=["POST"]),
    resource("/v1/saml/policy", GET=saml_domains.read_policy, PUT=saml_domains.set_policy),
    Route("/v1/saml/{connection}/metadata", saml.read_metadata),
    Route("/v1/saml/{connection}/login", saml.login),
    Route("/v1/saml/{connection}/acs", saml.acs, methods=["POST"]),
    resource("/v1/saml/{connection}/finish", GET=saml_finish.finish, POST=saml_finish.confirm),
    resource("/v1/saml/{connection}/slo", GET=saml_logout.slo, POST=saml_logout.slo),
    Route("/internal/revocations", revocations.revocations),
    Route("/internal/token-usage", revocations.token_usage, methods=["POST"]),
    *health.routes(readiness.checks(Path(__file__).parent)),
]


@asynccontextmanager
async def lifespan(settings: Settings, feed: Feed, app: Starlette) -> AsyncIterator[dict[str, Any]]:
    keyring = Keyring.from_text(settings.encryption_keys)
    async with (
        open_pool(settings.database_url) as pool,
        Bell(settings.redis_url, "auth") as bell,
        readers.running(settings.saml_readers) as reading,
        AsyncExitStack() as stack,
    ):
        keystore, activity = KeyStore(pool, keyring), Activity(pool)
        await keystore.ensure_first_key(settings.signing_key_bits)
        redis = redis_clients.async_client(settings.redis_url, connect=0.2, answer=0.2)
        server = build_server(settings.issuer, [settings.issuer, settings.api_base_url], keyring)
        server.register_endpoint(token_endpoints.Revocation)
        server.register_endpoint(token_endpoints.Introspection)
        changes = Changes(pool, settings.redis_url)
        feed.source = partial(_own_changes, changes)
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
                "ranks": ranks.Ranks(keyring),
                "hashing": Hashing(settings.password_checks, settings.password_queue),
                "resolver": domains.create(settings.dns_resolver),
            }
        finally:
            for task in background:
                task.cancel()
            await activity.flush()
            await redis.aclose()


async def _own_changes(changes: Changes, after: int, wait: float) -> Answer:
    return decode(await changes.answer(after, wait))


def create_app(settings: Settings) -> Starlette:
    feed = Feed(settings, "auth")
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(TracingMiddleware),
            feed.middleware(service_keys=settings.service_public_keys or ""),
        ],
        exception_handlers=database.exception_handlers
        | {OAuth2Error: signin.refuse_unreadable, Busy: signin.refuse_busy},
        lifespan=partial(lifespan, settings, feed),
    )
    app.router.redirect_slashes = False  # an unknown path is 404, also one that is almost known
    return app
