"""An operator heals states that a forged message changed before messages were checked, in every service that stores versions."""

from collections.abc import Iterator
from typing import Any, LiteralString

import pytest
from psycopg import sql

from shared.primitives import ids
from tests.e2e.test_forging import FUTURE, states
from tests.support.stack import App, Stack
from tests.support.waiting import wait_for

pytestmark = pytest.mark.full

KEEPERS = {"webhook-dispatcher": "apps", "graphql-api": "graphql_apps", "epcr": "apps", "control-plane": "apps"}
POISON: dict[str, LiteralString] = {
    "webhook-dispatcher": "approved_events = '{epcr.*}'",
    "graphql-api": "bundles = '{everything}'",
    "epcr": "deidentification = 'safe_harbor'",
    "control-plane": "requested_scopes = '{argus:epcr:clinical}'",
}


@pytest.fixture(scope="module")
def poisoned(stack: Stack) -> Iterator[tuple[App, list[Any]]]:
    """An app with a wrong state in every service, under a version higher than any genuine one; and its states from before."""
    app = stack.register_app(["webhooks:write"], admin_token=stack.other.access_token)
    genuine: Any = wait_for(lambda: states(stack, app), what="the app everywhere")
    for name, table in KEEPERS.items():
        change = sql.SQL("UPDATE {} SET version = %s, {} WHERE client_id = %s")
        with stack.database(name, "admin") as conn:
            conn.execute(change.format(sql.Identifier(table), sql.SQL(POISON[name])), (FUTURE, app.client_id))
    with stack.database("control-plane", "admin") as conn:
        conn.execute(
            "UPDATE tenants SET version = %s, granted_scopes = '{}' WHERE tenant_id = %s", (FUTURE, stack.other.id)
        )
    yield app, genuine
    with stack.client("auth", token=stack.other.access_token) as client:
        client.delete(f"/v1/platform/apps/{app.client_id}").raise_for_status()


def tenant_state(stack: Stack) -> Any:
    with stack.database("control-plane", "admin") as conn:
        return conn.execute(
            "SELECT version, granted_scopes FROM tenants WHERE tenant_id = %s", (stack.other.id,)
        ).fetchone()


def scopes_in_auth(stack: Stack) -> list[str]:
    with stack.database("auth", "admin") as conn:
        row: Any = conn.execute("SELECT granted_scopes FROM tenants WHERE tenant_id = %s", (stack.other.id,)).fetchone()
    return row[0]


def content(kept: Any) -> list[dict[str, Any]]:
    return [{name: value for name, value in state.items() if name != "version"} for state in kept or []]


def test_a_poisoned_version_is_healed_and_the_next_announcement_taken(
    stack: Stack, poisoned: tuple[App, list[Any]]
) -> None:
    app, genuine = poisoned
    wrong = states(stack, app)
    for name, table in KEEPERS.items():  # only lists, changes nothing
        listed = stack.operate(name, "states", "heal")
        assert f"{table}  {stack.other.id}  {app.client_id}  {FUTURE}" in listed.splitlines()
    assert states(stack, app) == wrong
    stack.operate(
        "auth", "apps", "announce", "--tenant", stack.other.id, "--yes"
    )  # ignored, because the states are not healed yet
    wait_for(lambda: all_acknowledged(stack), what="the announcement to have had its chance")
    assert states(stack, app) == wrong
    for name in KEEPERS:
        assert "lowered" in stack.operate(name, "states", "heal", "--yes")
    stack.operate("auth", "apps", "announce", "--tenant", stack.other.id, "--yes")
    wait_for(lambda: content(states(stack, app)) == content(genuine), what="the genuine state everywhere")
    wait_for(lambda: tenant_state(stack)[1] == scopes_in_auth(stack), what="the tenant's genuine state")
    for name in KEEPERS:
        assert all(
            line.endswith(": 0 versions cannot be") for line in stack.operate(name, "states", "heal").splitlines()
        )
        with stack.database(name, "admin") as conn:
            healed = conn.execute("SELECT detail FROM audit WHERE action = 'states.healed'").fetchall()
        assert {KEEPERS[name]: 1} in [detail for (detail,) in healed]


def all_acknowledged(stack: Stack) -> bool:
    with stack.database("auth", "admin") as conn:
        return conn.execute("SELECT 1 FROM outbox WHERE acknowledged_at IS NULL LIMIT 1").fetchone() is None


def test_counted_versions_are_healed_too(stack: Stack) -> None:
    """Versions of an automation's interest and of an encounter's facts, which their producers send again at the next change."""
    tenant, encounter = stack.other.id, ids.new_id("enc")
    with stack.database("webhook-dispatcher", "admin") as conn:
        conn.execute(
            "INSERT INTO automation_interest AS kept (tenant_id, version, event_types) VALUES (%s, %s, '{}')"
            " ON CONFLICT (tenant_id) DO UPDATE SET version = excluded.version",
            (tenant, FUTURE),
        )
    with stack.database("graphql-api", "admin") as conn:
        conn.execute(
            "INSERT INTO acqi_facts (tenant_id, encounter_id, version, day, facts, outcomes)"
            " VALUES (%s, %s, %s, '2026-01-01', '{}', '{}')",
            (tenant, encounter, FUTURE),
        )
    told = stack.operate("webhook-dispatcher", "states", "heal", "--yes")
    assert f"automation_interest  {tenant}  {tenant}  {FUTURE}" in told
    assert f"acqi_facts  {tenant}  {encounter}  {FUTURE}" in stack.operate("graphql-api", "states", "heal", "--yes")
    with stack.database("webhook-dispatcher", "admin") as conn:
        assert conn.execute("SELECT version FROM automation_interest WHERE tenant_id = %s", (tenant,)).fetchone() == (
            0,
        )
        conn.execute("DELETE FROM automation_interest WHERE tenant_id = %s", (tenant,))
    with stack.database("graphql-api", "admin") as conn:
        assert conn.execute(
            "DELETE FROM acqi_facts WHERE encounter_id = %s RETURNING version", (encounter,)
        ).fetchone() == (0,)
