"""A running control-plane application on a database of its own, and organisations that call it."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import httpx2
import pytest

from deploy.local.databases import Database
from deploy.local.redis_server import RedisServer
from services.control_plane.app import create_app
from services.control_plane.settings import Settings
from services.control_plane.tasks import create_worker
from shared.messaging import worker
from shared.messaging.messages import PRODUCERS, Message, TenantChanged
from shared.primitives import ids
from tests.support import alone
from tests.support.cluster import TestDatabases
from tests.support.messages import envelope, sealed

PLATFORM = "/api/v1/platform"
GRANTED = ("argus:platform:read", "argus:platform:write")


class Partner(alone.App):
    service = "control_plane"
    scopes = ("argus:platform:write",)

    def __init__(self, http: httpx2.Client, tenant_id: str = "", *scopes: str, subject: str | None = None) -> None:
        super().__init__(http, tenant_id, *scopes, subject=subject, token_use="access")

    def colleague(self, *scopes: str) -> "Partner":
        """Another app of the same tenant."""
        return Partner(self.http, self.tenant_id, *scopes)

    def call(self, method: str, path: str, **options: Any) -> httpx2.Response:
        return super().call(method, PLATFORM + path, **options)

    def put(self, path: str, content: bytes, media: str = "application/octet-stream") -> httpx2.Response:
        return self.call("PUT", path, content=content, headers={"content-type": media})

    def made(self, path: str, body: Any) -> Any:
        """The answer of a POST that creates."""
        answer = self.post(path, body)
        assert answer.status_code == 201, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def database(databases: TestDatabases) -> Iterator[Database]:
    """One for a module's tests: each has tenants of its own."""
    with databases.lent("control-plane") as database:
        yield database


@pytest.fixture(scope="module")
def settings(database: Database, redis_server: RedisServer) -> Settings:
    return alone.settings_for(Settings, database, redis_server.url)


@pytest.fixture(scope="module")
def http(settings: Settings) -> Iterator[httpx2.Client]:
    with alone.client_of(create_app(settings)) as client:
        yield client


class Inside(alone.Inside):
    """The database as its owner sees it, and the consumer that others' messages come to."""

    def __init__(self, database: Database, settings: Settings) -> None:
        super().__init__(database)
        self.worker: Any = create_worker(settings)
        self.consumer: worker.Consumer = self.worker.consumer
        # Nobody waits for them here.
        self.consumer.acknowledgements = worker.Acknowledgements(lambda producer, ids: None)

    def close(self) -> None:
        self.consumer.close()
        super().close()

    def receive(self, tenant_id: str, *messages: Message) -> None:
        """Takes in messages as another service's relay delivers them."""
        producer = PRODUCERS[type(messages[0])][0]
        envelopes = [envelope(tenant_id, message) for message in messages]
        self.consumer.consume(*sealed(producer, "control_plane", envelopes))

    def grant(self, tenant_id: str, granted: tuple[str, ...] = GRANTED, **fields: Any) -> None:
        """Sends auth's message about a tenant's grant of the control plane."""
        state: Mapping[str, Any] = {
            "version": time.time_ns() // 1_000_000,
            "tenant_name": "Riviera Emergency Services",
            "status": "active",
            "environment": "production",
        } | fields
        self.receive(tenant_id, TenantChanged(tenant_id=tenant_id, granted_scopes=list(granted), **state))


@pytest.fixture(scope="module")
def inside(database: Database, settings: Settings) -> Iterator[Inside]:
    inside = Inside(database, settings)
    yield inside
    inside.close()


@pytest.fixture
def partner(http: httpx2.Client, inside: Inside) -> Partner:
    """An app of a tenant that was granted the control plane."""
    tenant_id = ids.new_id("org")
    inside.grant(tenant_id)
    return Partner(http, tenant_id)


@pytest.fixture
def other(http: httpx2.Client, inside: Inside) -> Partner:
    """An app of another tenant that was granted it too."""
    tenant_id = ids.new_id("org")
    inside.grant(tenant_id)
    return Partner(http, tenant_id)


@pytest.fixture
def stranger(http: httpx2.Client) -> Partner:
    """An app of a tenant without the grant."""
    return Partner(http)
