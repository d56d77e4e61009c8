"""graphql-api running on a database of its own, asked as the gateway would ask; each test has tenants of its own."""

from collections.abc import Iterator

import httpx2
import hypothesis
import pytest

from deploy.local.databases import Database
from deploy.local.redis_server import RedisServer
from services.graphql_api import schema
from services.graphql_api.app import create_app
from services.graphql_api.settings import Settings
from services.graphql_api.transport import documents
from services.graphql_api.transport.documents import Catalogue
from tests.graphql_api import asking
from tests.graphql_api.asking import Asking
from tests.support import alone
from tests.support.cluster import TestDatabases

# How long an example takes says how busy the machine is, nothing of the code.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return documents.load(schema.build())


@pytest.fixture(scope="module", autouse=True)
def _closed_pools() -> Iterator[None]:
    yield
    asking.close_pools()


@pytest.fixture(scope="module")
def database(databases: TestDatabases) -> Iterator[Database]:
    with databases.lent("graphql-api") as database:
        yield database


@pytest.fixture(scope="module")
def settings(database: Database, redis_server: RedisServer) -> Settings:
    return alone.settings_for(Settings, database, redis_server.url)


@pytest.fixture(scope="module")
def http(settings: Settings) -> Iterator[httpx2.Client]:
    with alone.client_of(create_app(settings)) as client:
        yield client


@pytest.fixture
def ask(http: httpx2.Client, settings: Settings, catalogue: Catalogue) -> Asking:
    """A client of a new tenant with every scope and no bundle granted; each call may come from others."""
    return Asking(http, settings, catalogue)
