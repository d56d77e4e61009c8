"""Internal errors show a code and a trace id, and nothing of the database."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import psycopg
import pytest
from psycopg import sql

from deploy.local.databases import Database
from deploy.local.redis_server import RedisServer
from services.graphql_api.app import create_app
from services.graphql_api.settings import Settings
from services.graphql_api.transport.documents import Catalogue
from tests.graphql_api.asking import Asking
from tests.graphql_api.test_transport import PAGE, RANGE
from tests.support.alone import client_of, settings_for


@contextmanager
def without(database: Database, table: str) -> Iterator[None]:
    with psycopg.connect(database.admin, autocommit=True) as conn:
        name = sql.Identifier(table)
        conn.execute(sql.SQL("ALTER TABLE {} RENAME TO gone").format(name))
        try:
            yield
        finally:
            conn.execute(sql.SQL("ALTER TABLE gone RENAME TO {}").format(name))


@pytest.mark.parametrize("name", ["ListIncidents", "CreateIncident"])
def test_a_bug_is_masked_and_traceable(ask: Asking, database: Database, name: str) -> None:
    ask.grant("incident-management")
    variables = {"input": {"type": "fire", "priority": "low"}} if name == "CreateIncident" else {}
    with without(database, "incidents"):
        response = ask.raw(json={"query": ask.text(name), "variables": variables})
    assert response.status_code == 200
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == "INTERNAL"
    assert error["extensions"]["trace_id"] == response.headers["x-trace-id"]
    for word in ("relation", "incidents", "SELECT", "psycopg", "UndefinedTable"):
        assert word not in error["message"]
    assert list(response.json()["data"].values()) == [None]


def test_one_field_that_breaks_leaves_the_other_its_data(ask: Asking, database: Database) -> None:
    with without(database, "telephony_routes"):
        answer = ask.document("{ telephonyRoutes { id } telephonyProviders { id } }")
    assert answer["data"] == {"telephonyRoutes": None, "telephonyProviders": []}
    assert [error["path"] for error in answer["errors"]] == [["telephonyRoutes"]]


def test_an_error_is_not_kept_as_an_answer(ask: Asking, database: Database) -> None:
    with without(database, "acqi_aggregates"):
        (error,) = ask.document(PAGE, RANGE)["errors"]
        assert error["extensions"]["code"] == "INTERNAL"
    assert "errors" not in ask.document(PAGE, RANGE)


@pytest.mark.full
def test_a_database_that_does_not_answer_is_unavailable(
    database: Database, redis_server: RedisServer, catalogue: Catalogue
) -> None:
    gone = httpx2.URL(database.app).copy_with(port=9)
    settings = settings_for(Settings, database, redis_server.url, database_url=str(gone))
    with client_of(create_app(settings)) as client:
        ask = Asking(client, settings, catalogue)
        (error,) = ask.document("{ telephonyProviders { id } }")["errors"]
        assert error["extensions"]["code"] == "UNAVAILABLE"
        response = ask.raw("GET", "/api/v1/graphql/bundles")
        assert (response.status_code, response.headers["content-type"]) == (503, "application/problem+json")
        assert ask.raw("GET", "/readyz").status_code == 503
        assert ask.raw("GET", "/livez").status_code == 200
