"""A running device-ingest application on a database of its own, and partners who call it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import httpx2
import pytest

from deploy.local.databases import Database
from deploy.local.redis_server import RedisServer
from services.device_ingest.app import create_app
from services.device_ingest.settings import Settings
from tests.support import alone
from tests.support.alone import Inside
from tests.support.cluster import TestDatabases

DEVICES = "/api/v1/devices"
SPO2 = {"mdc_code": "MDC_PULS_OXIM_SAT_O2", "value": 98.0, "unit_code": "%"}


class Partner(alone.App):
    service = "device_ingest"
    scopes = ("argus:devices:write",)

    def enrol(self, serial_number: str = "SN-0001", device_class: str = "oximeter", **fields: Any) -> str:
        """The device's path."""
        body = {"serial_number": serial_number, "device_class": device_class} | fields
        answer = self.post(f"{DEVICES}/enrol", body)
        assert answer.status_code in (200, 201), answer.text
        return f"{DEVICES}/{answer.json()['id']}"

    def observe(self, device: str, **fields: Any) -> httpx2.Response:
        return self.post(f"{device}/observations", SPO2 | fields)


@pytest.fixture(scope="module")
def database(databases: TestDatabases) -> Iterator[Database]:
    """One for a module's tests: each has tenants of its own."""
    with databases.lent("device-ingest") as database:
        yield database


StartApp = Callable[..., AbstractContextManager[httpx2.Client]]


@pytest.fixture(scope="module")
def start_app(database: Database, redis_server: RedisServer) -> StartApp:
    """`with start_app(group_rows=1) as http:` is one more web process's worth of application on the same database."""
    return lambda **changes: alone.client_of(
        create_app(alone.settings_for(Settings, database, redis_server.url, **changes))
    )


@pytest.fixture(scope="module")
def http(start_app: StartApp) -> Iterator[httpx2.Client]:
    with start_app() as client:
        yield client


@pytest.fixture
def partner(http: httpx2.Client) -> Partner:
    return Partner(http)


@pytest.fixture
def other(http: httpx2.Client) -> Partner:
    """A partner of another tenant."""
    return Partner(http)


@pytest.fixture(scope="module")
def inside(database: Database) -> Iterator[Inside]:
    inside = Inside(database)
    yield inside
    inside.close()
