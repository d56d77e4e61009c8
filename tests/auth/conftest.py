"""One running auth service for the session; each test makes apps of its own."""

from collections.abc import Iterator

import pytest

from deploy.local.redis_server import RedisServer
from tests.auth.support import Auth, running
from tests.support.cluster import TestDatabases


@pytest.fixture(scope="session")
def auth(databases: TestDatabases, redis_server: RedisServer) -> Iterator[Auth]:
    database = databases.fresh("auth")
    with running(database, redis_server.url) as auth:
        yield auth
    databases.drop(database)
