"""A running device-ingest application on a database of its own, and partners who call it."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import httpx2
import psycopg
import pytest

from deploy.local.databases import Database
from deploy.local.redis_server import RedisServer
from services.device_ingest.app import create_app
from services.device_ingest.settings import Settings
from shared.messaging import worker
from shared.primitives import ids
from shared.primitives.crypto import base64url_encode
from shared.web.identity import HEADER, Caller, SigningKey, mint
from tests.support.cluster import TestDatabases
from tests.support.events import require_valid
from tests.support.plain import PLAIN
from tests.support.serving import serving
from tests.support.signing import settings_of

KEY = SigningKey(f"test-1:{base64url_encode(bytes(range(32)))}")
DEVICES = "/api/v1/devices"
SPO2 = {"mdc_code": "MDC_PULS_OXIM_SAT_O2", "value": 98.0, "unit_code": "%"}


class Partner:
    """A client of one tenant, whose calls come as the gateway would pass them on."""

    def __init__(self, http: httpx2.Client, tenant_id: str, *scopes: str, environment: Any = "production") -> None:
        self.http = http
        self.tenant_id = tenant_id
        self.caller = Caller(
            tenant_id=tenant_id,
            client_id=ids.new_id("app"),
            scopes=frozenset(scopes or ("argus:devices:write",)),
            token_use="service",
            environment=environment,
        )

    def call(self, method: str, path: str, **options: Any) -> httpx2.Response:
        headers = {HEADER: mint(self.caller, KEY, "device_ingest")} | options.pop("headers", {})
        return self.http.request(method, path, headers=headers, **options)

    def get(self, path: str, **options: Any) -> httpx2.Response:
        return self.call("GET", path, **options)

    def post(self, path: str, body: Any, **headers: str) -> httpx2.Response:
        return self.call("POST", path, json=body, headers={name.replace("_", "-"): v for name, v in headers.items()})

    def patch(self, path: str, body: Any) -> httpx2.Response:
        return self.call("PATCH", path, json=body)

    def enrol(self, serial_number: str = "SN-0001", device_class: str = "oximeter", **fields: Any) -> str:
        """The device's path."""
        body = {"serial_number": serial_number, "device_class": device_class} | fields
        answer = self.post(f"{DEVICES}/enrol", body)
        assert answer.status_code in (200, 201), answer.text
        return f"{DEVICES}/{answer.json()['id']}"

    def observe(self, device: str, **fields: Any) -> httpx2.Response:
        return self.post(f"{device}/observations", SPO2 | fields)


def settings_for(database: Database, redis_url: str, **changes: Any) -> Settings:
    return Settings(
        database_url=database.app,
        worker_database_url=database.worker,
        redis_url=redis_url,
        identity_public_keys=KEY.public_text(),
        encryption_keys=f"1:{base64url_encode(bytes(32))}",
        **settings_of("device_ingest"),
        **changes,
    )


@pytest.fixture(scope="module")
def database(databases: TestDatabases) -> Iterator[Database]:
    """One for a module's tests: each has tenants of its own."""
    database = databases.fresh("device-ingest")
    yield database
    databases.take_back(database)


StartApp = Callable[..., AbstractContextManager[httpx2.Client]]


@pytest.fixture(scope="module")
def start_app(database: Database, redis_server: RedisServer) -> StartApp:
    """`with start_app(group_rows=1) as http:` is one more web process's worth of application on the same database."""

    @contextmanager
    def start(**changes: Any) -> Iterator[httpx2.Client]:
        app = create_app(settings_for(database, redis_server.url, **changes))
        with serving(app) as url, httpx2.Client(base_url=url, timeout=30, verify=PLAIN) as http:
            yield http

    return start


@pytest.fixture(scope="module")
def http(start_app: StartApp) -> Iterator[httpx2.Client]:
    with start_app() as client:
        yield client


@pytest.fixture
def partner(http: httpx2.Client) -> Partner:
    return Partner(http, ids.new_id("org"))


@pytest.fixture
def other(http: httpx2.Client) -> Partner:
    """A partner of another tenant."""
    return Partner(http, ids.new_id("org"))


class Inside:
    """The database as its owner sees it, past row-level security; and as the worker's tasks do."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.owner = psycopg.connect(database.migrator, autocommit=True)

    def rows(self, query: Any, *parameters: Any) -> list[tuple[Any, ...]]:
        return self.owner.execute(query, parameters).fetchall()

    def messages(self, partner: Partner, name: str) -> list[dict[str, Any]]:
        """Bodies left in the outbox for that tenant under that name, in order. Every event must follow the schema of its type."""
        query = "SELECT body::text FROM outbox WHERE tenant_id = %s AND name = %s ORDER BY id"
        found = [json.loads(body) for (body,) in self.rows(query, partner.tenant_id, name)]
        for event in found if name == "webhook_dispatcher.event.v1" else ():
            require_valid(event["type"], event["data"])
        return found

    @contextmanager
    def task(self) -> Iterator[Any]:
        """A transaction as tasks get it."""
        with worker.open_tasks_pool(self.database.worker, max_size=1) as pool, worker.task_transaction(pool) as conn:
            yield conn


@pytest.fixture(scope="module")
def inside(database: Database) -> Iterator[Inside]:
    inside = Inside(database)
    yield inside
    inside.owner.close()
