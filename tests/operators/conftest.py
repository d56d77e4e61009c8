"""A running device-ingest application, operators and others who call it, and the relay's jobs for them."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx2
import psycopg
import pytest

from deploy.local.databases import Database
from deploy.local.redis_server import RedisServer
from services.device_ingest.app import create_app
from services.device_ingest.settings import Settings
from shared.operators import acts
from shared.primitives import ids
from shared.primitives.ids import PLATFORM_TENANT
from shared.storage.database import Connection
from tests.support import alone
from tests.support.cluster import TestDatabases

BASE = "/v1/operations/device-ingest"
OPERATE = ("platform:operate:write",)


class Caller(alone.App):
    service = "device_ingest"
    scopes = OPERATE

    def ask(self, action: str, subject_id: str, reason: str = "A bug is repaired", **headers: str) -> httpx2.Response:
        body = {"action": action, "subject_id": subject_id, "reason": reason}
        return self.call(
            "POST", f"{BASE}/acts", json=body, headers={name.replace("_", "-"): text for name, text in headers.items()}
        )

    def act(self, made: httpx2.Response) -> dict[str, Any]:
        """The act as it is now."""
        assert made.status_code == 202, made.text
        answer = self.get(made.headers["location"])
        assert answer.status_code == 200, answer.text
        return answer.json()


def operator_of(http: httpx2.Client, **fields: Any) -> Caller:
    """An operator's token, unless `fields` say otherwise."""
    described = {"token_use": "access", "subject": ids.new_id("usr"), "second_factor": True} | fields
    return Caller(http, described.pop("tenant_id", PLATFORM_TENANT), *described.pop("scopes", OPERATE), **described)


class Ground:
    """The database of the service, past row-level security, and its relay."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.revived: list[str] = []
        self.fails = False

    def sql(self, statement: Any, *parameters: Any) -> list[Any]:
        with psycopg.connect(self.database.migrator) as conn:
            cursor = conn.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def letter(self, tenant_id: str = "") -> str:
        """A dead letter with a personal datum in its body."""
        message_id = str(uuid4())
        self.sql(
            "INSERT INTO dead_letters (message_id, tenant_id, producer, name, body, occurred_at, error)"
            " VALUES (%s, %s, 'epcr', 'epcr.link', '{\"patient\": \"Mario Rossi\"}', now(), 'KeyError at links.py:12')",
            message_id,
            tenant_id or ids.new_id("org"),
        )
        return message_id

    def revive(self, message_id: str) -> bool:
        """In place of the worker."""
        if self.fails:
            raise KeyError("Mario Rossi")
        self.revived.append(message_id)
        return bool(self.sql("DELETE FROM dead_letters WHERE message_id = %s RETURNING 1", message_id))

    def relay(self, **handlers: Any) -> None:
        """One run of the jobs of operators."""
        named: Any = {name.replace("_of_", "."): handler for name, handler in handlers.items()}
        with Connection.connect(self.database.worker) as conn:
            for job in acts.periodic(named, self.revive, lambda _: {"own_things": 7}):
                job.run(conn)
                conn.commit()

    def trail(self, tenant_id: str, subject_id: str) -> list[Any]:
        statement = (
            "SELECT action, client_id, actor, detail FROM audit WHERE tenant_id = %s AND subject_id = %s ORDER BY id"
        )
        return self.sql(statement, tenant_id, subject_id)


@pytest.fixture(scope="module")
def database(databases: TestDatabases) -> Iterator[Database]:
    with databases.lent("device-ingest") as database:
        yield database


@pytest.fixture
def ground(database: Database) -> Iterator[Ground]:
    ground = Ground(database)
    yield ground
    ground.sql("DELETE FROM dead_letters")
    ground.sql("DELETE FROM operator_acts")


@pytest.fixture(scope="module")
def http(database: Database, redis_server: RedisServer) -> Iterator[httpx2.Client]:
    with alone.client_of(create_app(alone.settings_for(Settings, database, redis_server.url))) as client:
        yield client


@pytest.fixture
def operator(http: httpx2.Client) -> Caller:
    return operator_of(http)
