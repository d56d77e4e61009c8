"""A running ePCR application on a database of its own, and the partners and crews who call it."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest

from deploy.local.databases import Database
from deploy.local.redis_server import RedisServer
from services.epcr import tasks
from services.epcr.app import create_app
from services.epcr.encounters import editions
from services.epcr.settings import Settings
from shared.primitives import ids
from shared.primitives.crypto import Keyring, base64url_encode
from tests.epcr.samples import MINIMAL
from tests.support import alone
from tests.support.alone import ENCRYPTION_KEYS
from tests.support.cluster import TestDatabases
from tests.support.messages import received

PSEUDONYM_KEYS = f"1:{base64url_encode(bytes(range(1, 33)))}"
API = "https://api.riviera.example"
ENCOUNTERS = "/api/v1/epcr/encounters"
RECORDS = "/api/v1/epcr/records"
MOST = 250_000


class Client(alone.App):
    service = "epcr"

    def post_encounter(self, body: Any, **headers: str) -> httpx2.Response:
        """`body` is sent as JSON; bytes and text as they are."""
        content = body if isinstance(body, bytes | str) else json.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.call("POST", ENCOUNTERS, content=content, headers={"content-type": "application/json"} | named)

    def create(self, **fields: Any) -> str:
        """The id of a new encounter, of an incident of its own."""
        answer = self.post_encounter(MINIMAL | fields | {"cad_incident_id": ids.new_id("cad")})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def read(self, encounter_id: str) -> dict[str, Any]:
        answer = self.get(f"{ENCOUNTERS}/{encounter_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def bundle(self, encounter_id: str) -> dict[str, Any]:
        answer = self.get(f"{ENCOUNTERS}/{encounter_id}/fhir-bundle")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def record(self, encounter_id: str) -> dict[str, Any]:
        answer = self.get(f"{RECORDS}/{encounter_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def write(self, encounter_id: str, patch: Any, version: int | str | None = None) -> httpx2.Response:
        """A PATCH of the record, by default of the current version."""
        if version is None:
            version = self.record(encounter_id)["version"]
        headers = {"if-match": f'"{version}"' if isinstance(version, int) else version}
        return self.call("PATCH", f"{RECORDS}/{encounter_id}", json=patch, headers=headers)


class Organisation:
    """A tenant: a partner who may write and read, a second one who may read, and the crew's own application."""

    def __init__(self, http: httpx2.Client) -> None:
        self.id = ids.new_id("org")
        self.partner = Client(http, self.id, "argus:epcr:write")
        self.hospital = Client(http, self.id, "argus:epcr:read")
        self.crew = Client(http, self.id, "argus:epcr:clinical")


def settings_for(database: Database, redis_url: str, **changes: Any) -> Settings:
    return alone.settings_for(
        Settings, database, redis_url, **{"pseudonym_keys": PSEUDONYM_KEYS, "api_base_url": API} | changes
    )


@pytest.fixture(scope="module")
def database(databases: TestDatabases) -> Iterator[Database]:
    """One for a module's tests: each has tenants of its own."""
    with databases.lent("epcr") as database:
        yield database


StartApp = Callable[..., AbstractContextManager[httpx2.Client]]


@pytest.fixture(scope="module")
def start_app(database: Database, redis_server: RedisServer) -> StartApp:
    """`with start_app(pseudonym_keys=…) as http:` is one more web process's worth of application on the same database."""
    return lambda **changes: alone.client_of(create_app(settings_for(database, redis_server.url, **changes)))


@pytest.fixture(scope="module")
def http(start_app: StartApp) -> Iterator[httpx2.Client]:
    with start_app() as client:
        yield client


class Calendar:
    """The day that it is for apps that are shown moved times."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self, zone: Any) -> datetime:
        return datetime.now(zone) + self.ahead


@pytest.fixture
def calendar(monkeypatch: pytest.MonkeyPatch) -> Calendar:
    calendar = Calendar()
    monkeypatch.setattr(editions, "datetime", calendar)
    return calendar


@pytest.fixture
def years_later(calendar: Calendar) -> None:
    """Everything made in the test is shown in every mode."""
    calendar.ahead = timedelta(days=800)


@pytest.fixture
def organisation(http: httpx2.Client) -> Organisation:
    return Organisation(http)


@pytest.fixture
def other(http: httpx2.Client) -> Organisation:
    """Another tenant."""
    return Organisation(http)


class Inside(alone.Inside):
    keyring = Keyring.from_text(ENCRYPTION_KEYS)

    def receive(self, tenant_id: str, *messages: Any) -> None:
        """Messages of one kind as the worker would hand them to this service."""
        handle = {
            "ObservationsRecorded": lambda conn, batch: tasks.link_observations(MOST, conn, batch),
            "ClinicalApp": tasks.store_apps,
            "DeviceDescribed": tasks.store_devices,
        }[type(messages[0]).__name__]
        with self.task() as conn:
            handle(conn, [received(tenant_id, message) for message in messages])


@pytest.fixture(scope="module")
def inside(database: Database) -> Iterator[Inside]:
    inside = Inside(database)
    yield inside
    inside.close()
