"""Control-plane over HTTP: integration packages, their releases, and what is done with them."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypedDict

from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.middleware import Middleware

from services.control_plane.access import BASE, GrantMiddleware
from services.control_plane.agents import edge_endpoints
from services.control_plane.agents import endpoints as agents
from services.control_plane.automations import endpoints as automations
from services.control_plane.marketplace import endpoints as marketplace
from services.control_plane.packages import endpoints as packages
from services.control_plane.releases import endpoints as releases
from services.control_plane.settings import Settings
from shared import database, health, readiness
from shared.bell import Bell
from shared.crypto import Keyring
from shared.database import AsyncConnection
from shared.feed import Feed
from shared.middleware import TracingMiddleware
from shared.routing import resource

# Edge agents have no token of an app: these endpoints know them by their code or credential.
PUBLIC = re.compile(rf"{BASE}/agents/(enrol|heartbeat|content/[^/]+/[^/]+)")


KEYS = f"{BASE}/signing-keys"
PACKAGES = f"{BASE}/packages"
VERSIONS = f"{PACKAGES}/{{package_id}}/versions"
VERSION = f"{VERSIONS}/{{version}}"
RELEASES = f"{BASE}/releases"
RELEASE = f"{RELEASES}/{{release_id}}"
AGENTS = f"{BASE}/agents"
AGENT = f"{AGENTS}/{{agent_id}}"
AUTOMATIONS = f"{BASE}/automations"
AUTOMATION = f"{AUTOMATIONS}/{{automation_id}}"
RUNS = f"{AUTOMATIONS}/runs"
LISTINGS = f"{BASE}/listings"
INSTALLATIONS = f"{BASE}/installations"
INSTALLATION = f"{INSTALLATIONS}/{{installation_id}}"

routes = [
    resource(KEYS, GET=packages.list_keys, POST=packages.register_key),
    resource(f"{KEYS}/{{key_id}}", GET=packages.read_key, DELETE=packages.revoke_key),
    resource(PACKAGES, GET=packages.list_packages, POST=packages.create_package),
    resource(f"{PACKAGES}/{{package_id}}", GET=packages.read_package),
    resource(VERSIONS, GET=packages.list_versions, POST=packages.create_version),
    resource(VERSION, GET=packages.read_version, DELETE=packages.delete_version),
    resource(f"{VERSION}/content", GET=packages.download_content, PUT=packages.upload_content),
    resource(RELEASES, GET=releases.list_releases, POST=releases.request_release),
    resource(RELEASE, GET=releases.read_release),
    resource(f"{RELEASE}/approve", POST=releases.approve),
    resource(f"{RELEASE}/reject", POST=releases.reject),
    resource(f"{RELEASE}/promote", POST=releases.promote),
    resource(f"{RELEASE}/rollback", POST=releases.roll_back),
    # Before those of one agent, whose id neither word is.
    resource(f"{AGENTS}/enrol", POST=edge_endpoints.enrol),
    resource(f"{AGENTS}/heartbeat", POST=edge_endpoints.heartbeat),
    resource(f"{AGENTS}/content/{{package_id}}/{{version}}", GET=edge_endpoints.download),
    resource(AGENTS, GET=agents.list_agents, POST=agents.create_agent),
    resource(AGENT, GET=agents.read_agent, PATCH=agents.change_agent),
    resource(f"{AGENT}/enrolment-code", POST=agents.renew_code),
    resource(f"{AGENT}/revoke", POST=agents.revoke_agent),
    # Before those of one automation, whose id "runs" is not.
    resource(RUNS, GET=automations.list_runs),
    resource(f"{RUNS}/{{run_id}}", GET=automations.read_run),
    resource(f"{RUNS}/{{run_id}}/retry", POST=automations.retry_run),
    resource(AUTOMATIONS, GET=automations.list_automations, POST=automations.create_automation),
    resource(
        AUTOMATION,
        GET=automations.read_automation,
        PATCH=automations.change_automation,
        DELETE=automations.delete_automation,
    ),
    resource(f"{AUTOMATION}/runs", GET=automations.list_automation_runs),
    resource(LISTINGS, GET=marketplace.list_listings, POST=marketplace.publish_listing),
    resource(f"{LISTINGS}/{{listing_id}}", GET=marketplace.read_listing, DELETE=marketplace.withdraw_listing),
    resource(INSTALLATIONS, GET=marketplace.list_installations, POST=marketplace.install),
    resource(INSTALLATION, GET=marketplace.read_installation),
    resource(f"{INSTALLATION}/content", GET=marketplace.download_installed),
    resource(f"{INSTALLATION}/uninstall", POST=marketplace.uninstall),
    *health.routes(readiness.checks(Path(__file__).parent)),
]


class State(TypedDict):
    settings: Settings
    pool: AsyncConnectionPool[AsyncConnection]
    bell: Bell
    keyring: Keyring


def create_app(settings: Settings) -> Starlette:
    feed = Feed(settings, "control_plane")
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(TracingMiddleware),
            feed.middleware(),
            Middleware(GrantMiddleware, public=PUBLIC),
        ],
        exception_handlers=database.exception_handlers,
        lifespan=partial(lifespan, settings, feed),
    )
    app.router.redirect_slashes = False  # an unknown path is 404, also one that is almost known
    return app


@asynccontextmanager
async def lifespan(settings: Settings, feed: Feed, app: Starlette) -> AsyncIterator[State]:
    keyring = Keyring.from_text(settings.encryption_keys)
    async with (
        database.open_pool(settings.database_url) as pool,
        Bell(settings.redis_url, "control_plane") as bell,
        feed,
    ):
        yield State(settings=settings, pool=pool, bell=bell, keyring=keyring)
