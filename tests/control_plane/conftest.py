"""A running control-plane application on a database of its own, and organisations that call it."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import httpx2
import psycopg
import pytest

from deploy.local.databases import Database
from deploy.local.redis_server import RedisServer
from services.control_plane.app import create_app
from services.control_plane.settings import Settings
from services.control_plane.tasks import create_worker
from shared.messaging import worker
from shared.messaging.messages import PRODUCERS, Message, TenantChanged
from shared.primitives import ids
from shared.primitives.crypto import base64url_encode
from shared.web import http as encoding
from shared.web.identity import HEADER, Caller, SigningKey, mint
from tests.support.cluster import TestDatabases
from tests.support.plain import PLAIN
from tests.support.serving import serving
from tests.support.signing import sealed, settings_of

KEY = SigningKey(f"test-1:{base64url_encode(bytes(range(32)))}")
PLATFORM = "/api/v1/platform"
GRANTED = ("argus:platform:read", "argus:platform:write")


class Partner:
    """An app of one tenant, whose calls come as the gateway would pass them on."""

    def __init__(self, http: httpx2.Client, tenant_id: str, *scopes: str, subject: str | None = None) -> None:
        self.http = http
        self.tenant_id = tenant_id
        self.caller = Caller(
            tenant_id=tenant_id,
            client_id=ids.new_id("app"),
            subject=subject,
            scopes=frozenset(scopes or ("argus:platform:write",)),
            token_use="access",
        )

    @property
    def client_id(self) -> str:
        return self.caller.client_id

    def colleague(self, *scopes: str) -> "Partner":
        """Another app of the same tenant."""
        return Partner(self.http, self.tenant_id, *scopes)

    def call(self, method: str, path: str, **options: Any) -> httpx2.Response:
        headers = {HEADER: mint(self.caller, KEY, "control_plane")} | options.pop("headers", {})
        return self.http.request(method, PLATFORM + path, headers=headers, **options)

    def get(self, path: str, **options: Any) -> httpx2.Response:
        return self.call("GET", path, **options)

    def post(self, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.call("POST", path, json=body, headers=named) if body is not None else self.call("POST", path)

    def put(self, path: str, content: bytes, media: str = "application/octet-stream") -> httpx2.Response:
        return self.call("PUT", path, content=content, headers={"content-type": media})

    def made(self, path: str, body: Any) -> Any:
        """The answer of a POST that creates."""
        answer = self.post(path, body)
        assert answer.status_code == 201, answer.text
        return answer.json()


def settings_for(database: Database, redis_url: str, **changes: Any) -> Settings:
    return Settings(
        database_url=database.app,
        worker_database_url=database.worker,
        redis_url=redis_url,
        identity_public_keys=KEY.public_text(),
        encryption_keys=f"1:{base64url_encode(bytes(32))}",
        **settings_of("control_plane"),
        **changes,
    )


@pytest.fixture(scope="module")
def database(databases: TestDatabases) -> Iterator[Database]:
    """One for a module's tests: each has tenants of its own."""
    database = databases.fresh("control-plane")
    yield database
    databases.take_back(database)


@pytest.fixture(scope="module")
def settings(database: Database, redis_server: RedisServer) -> Settings:
    return settings_for(database, redis_server.url)


@pytest.fixture(scope="module")
def http(settings: Settings) -> Iterator[httpx2.Client]:
    with serving(create_app(settings)) as url, httpx2.Client(base_url=url, timeout=30, verify=PLAIN) as client:
        yield client


class Inside:
    """The database as its owner sees it, past row-level security; and the consumer that others' messages come to."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database = database
        self.owner = psycopg.connect(database.migrator, autocommit=True)
        self.worker: Any = create_worker(settings)
        self.consumer: worker.Consumer = self.worker.consumer
        self.consumer._acknowledge = lambda producer, ids: None  # nobody waits for acknowledgements here

    def rows(self, query: Any, *parameters: Any) -> list[tuple[Any, ...]]:
        return self.owner.execute(query, parameters).fetchall()

    def messages(self, tenant_id: str, name: str) -> list[dict[str, Any]]:
        """Bodies left in the outbox for that tenant under that name, in order."""
        query = "SELECT body::text FROM outbox WHERE tenant_id = %s AND name = %s ORDER BY id"
        return [json.loads(body) for (body,) in self.rows(query, tenant_id, name)]

    def receive(self, tenant_id: str, *messages: Message) -> None:
        """Takes in a message as another service's relay delivers it."""
        envelopes = [
            {
                "id": str(ids.uuid7()),
                "tenant_id": tenant_id,
                "occurred_at": "2026-03-23T12:00:00Z",
                "traceparent": None,
                "body": json.loads(encoding.encode(message)),
            }
            for message in messages
        ]
        producer = PRODUCERS[type(messages[0])][0]
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
    inside.consumer.close()
    inside.owner.close()


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
    return Partner(http, ids.new_id("org"))
