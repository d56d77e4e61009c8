"""One running auth service for the session; each test makes apps of its own."""

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from deploy.local.redis_server import RedisServer
from services.auth.saml import metadata
from services.auth.signin import passwords
from tests.auth.federation import Connection
from tests.auth.support import Auth, running
from tests.support import name_server as name_servers
from tests.support.cluster import TestDatabases
from tests.support.keys import in_turn
from tests.support.mail_sink import Sink, listening
from tests.support.name_server import NameServer

MAIL = {"mail_from": "invitations@platform.example"}


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords() -> None:
    """Hundreds of sign-ins: argon2 with little memory. The real cost has a test of its own."""
    passwords._hasher = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1)


@pytest.fixture(scope="session", autouse=True)
def _few_own_keys() -> None:
    """Hundreds of SAML connections, each with a key of our own."""
    metadata.new_key = in_turn(10, 11, 12)


@pytest.fixture(scope="session")
def name_server() -> Iterator[NameServer]:
    with name_servers.running() as server:
        yield server


@pytest.fixture(scope="session")
def auth(databases: TestDatabases, redis_server: RedisServer, name_server: NameServer) -> Iterator[Auth]:
    with (
        databases.lent("auth") as database,
        running(database, redis_server.url, dns_resolver=name_server.setting, **MAIL) as auth,
    ):
        yield auth


@pytest.fixture
def works(auth: Auth, name_server: NameServer) -> Iterator[Connection]:
    """A SAML connection of the demo tenant with a proven domain; gone after the test."""
    connection = Connection(auth, auth.demo)
    connection.prove(name_server)
    yield connection
    connection.remove()


@pytest.fixture
def sink() -> Iterator[Sink]:
    with listening() as sink:
        yield sink
