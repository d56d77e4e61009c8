"""Tenants apart: a query that forgets its tenant sees nothing, one that names another's sees nothing of it."""

from contextlib import suppress
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

from tests.webhook_dispatcher.conftest import Dispatcher, Partner

TABLES = [
    "apps",
    "subscriptions",
    "events",
    "deliveries",
    "attempts",
    "queue",
    "event_log",
    "event_log_heads",
    "consumers",
    "replays",
    "replayed",
]


def on(statement: LiteralString, table: str) -> sql.Composed:
    return sql.SQL(statement).format(sql.Identifier(table))


@pytest.fixture
def filled(partner: Partner, dispatcher: Dispatcher) -> Partner:
    """A tenant with a row in every table."""
    dispatcher.approve(partner, "incident.*")
    webhook = partner.subscribe("https://integrator.example/")
    assert partner.post("/v1/consumers", {"name": "inbox"}).status_code == 201
    dispatcher.publish(partner.tenant_id, "incident.updated", "incident.updated")
    dispatcher.run(
        "INSERT INTO attempts (delivery_id, at, tenant_id, number, url, request_headers, duration_ms)"
        " SELECT id, now(), tenant_id, 1, '', '{}', 1 FROM deliveries WHERE tenant_id = %s",
        partner.tenant_id,
    )
    assert len(partner.deliveries(webhook)) == 2
    assert partner.post(f"{webhook}/replays", {}).status_code == 201
    dispatcher.run(
        "INSERT INTO replayed SELECT subscription_id, id, at, tenant_id, 'rpl_1', 0 FROM deliveries WHERE tenant_id = %s",
        partner.tenant_id,
    )
    return partner


@pytest.mark.parametrize("table", TABLES)
def test_without_a_tenant_the_app_role_sees_no_rows(filled: Partner, dispatcher: Dispatcher, table: str) -> None:
    with psycopg.connect(dispatcher.database.app) as conn:
        assert conn.execute(on("SELECT count(*) FROM {}", table)).fetchone() == (0,)
    assert dispatcher.rows(f"SELECT 1 FROM {table} WHERE tenant_id = %s LIMIT 1", filled.tenant_id)


@pytest.mark.parametrize("table", TABLES)
def test_under_another_tenant_the_app_role_neither_sees_nor_changes_nor_adds(
    filled: Partner, dispatcher: Dispatcher, table: str
) -> None:
    with psycopg.connect(dispatcher.database.app) as conn:
        conn.execute("SELECT set_config('app.tenant_id', 'org_other', true)")
        assert conn.execute(on("SELECT count(*) FROM {}", table)).fetchone() == (0,)
        for change in ("UPDATE {} SET tenant_id = 'org_other'", "DELETE FROM {}"):
            with suppress(psycopg.errors.InsufficientPrivilege), conn.transaction():
                assert conn.execute(on(change, table)).rowcount == 0


def test_a_row_for_another_tenant_is_refused(filled: Partner, dispatcher: Dispatcher) -> None:
    with psycopg.connect(dispatcher.database.app) as conn:
        conn.execute("SELECT set_config('app.tenant_id', 'org_other', true)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            conn.execute(
                "INSERT INTO chores (subscription_id, tenant_id, kind) VALUES ('wh_1', %s, 'deleted')",
                (filled.tenant_id,),
            )


def test_a_partition_shows_nothing_to_one_who_names_it_directly(filled: Partner, dispatcher: Dispatcher) -> None:
    [part] = dispatcher.rows(
        "SELECT tableoid::regclass::text AS name FROM events WHERE tenant_id = %s LIMIT 1", filled.tenant_id
    )
    with psycopg.connect(dispatcher.database.app) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute(on("SELECT count(*) FROM {}", part["name"]))
