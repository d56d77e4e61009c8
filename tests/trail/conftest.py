"""A running device-ingest application with entries in its trail, and readers of two organisations."""

import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import httpx2
import psycopg
import pytest

from deploy.local.databases import Database
from deploy.local.redis_server import RedisServer
from services.device_ingest.app import create_app
from services.device_ingest.settings import Settings
from shared.storage import audit
from shared.storage.database import SET_TENANT
from shared.web.identity import Caller
from tests.support import alone
from tests.support.cluster import TestDatabases

TRAIL = "/v1/audit/device-ingest"


class Reader(alone.App):
    service = "device_ingest"
    scopes = ("platform:audit",)
    database: Database

    def write(
        self, *subjects: str, action: str = "device.enrol", client_id: str = "app_1", subject: str = "usr_1"
    ) -> None:
        """An entry of the reader's organisation for each subject."""
        who = Caller(tenant_id=self.tenant_id, client_id=client_id, subject=subject)
        with psycopg.connect(self.database.app) as conn:
            conn.execute(SET_TENANT, (self.tenant_id,))
            for about in subjects:
                *entry, _ = audit.entry(who, action, about, {"fields": ["status"]})
                conn.execute(audit.RECORD, (*entry, uuid.uuid4().hex))

    def entries(self, **query: Any) -> list[dict[str, Any]]:
        """All pages, without the entries that reading itself leaves."""
        found: list[dict[str, Any]] = []
        while True:
            answer = self.get(TRAIL, params=query)
            assert answer.status_code == 200, answer.text
            found += answer.json()["entries"]
            if answer.json()["next_cursor"] is None:
                return [entry for entry in found if not entry["action"].startswith("audit.")]
            query["cursor"] = answer.json()["next_cursor"]

    def subjects(self, **query: Any) -> list[str]:
        return [entry["subject_id"] for entry in self.entries(**query)]


@pytest.fixture(scope="module")
def database(databases: TestDatabases) -> Iterator[Database]:
    with databases.lent("device-ingest") as database:
        yield database


@pytest.fixture(scope="module")
def http(database: Database, redis_server: RedisServer) -> Iterator[httpx2.Client]:
    with running(database, redis_server) as client:
        yield client


def running(database: Database, redis_server: RedisServer, **changes: Any) -> AbstractContextManager[httpx2.Client]:
    return alone.client_of(create_app(alone.settings_for(Settings, database, redis_server.url, **changes)))


@pytest.fixture
def reader(http: httpx2.Client, database: Database) -> Reader:
    made = Reader(http)
    made.database = database
    return made


@pytest.fixture
def other(http: httpx2.Client, database: Database) -> Reader:
    """A reader of another organisation."""
    made = Reader(http)
    made.database = database
    return made
