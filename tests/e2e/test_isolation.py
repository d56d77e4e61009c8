"""Tenants cannot see each other's rows even if a query has no condition; services accept only identities that the gateway signs."""

import time
from typing import Any

import httpx2
import psycopg
import pytest
from psycopg import sql

from deploy.local.table import SERVICES, by_name
from shared.web.identity import HEADER, Caller, SigningKey, mint
from tests.support.plain import PLAIN
from tests.support.stack import Stack

NAMES = [service.name for service in SERVICES]
# Tables without a tenant's rows: each is named, with its reason, in its service's README.
EVERYWHERE = {
    "migrations",
    "audit_waiting",
    "audit_batches",
    "audit_leaves",
    "audit_checks",
    "begun",
}  # ids, hashes and the states of checks; of `audit_checks` the app reads the result, of the others nothing
EXEMPT = {
    "auth": {"common_apps", "signing_keys", "revocation_state", "sign_in_counts"},
    "webhook-dispatcher": {"senders", "paces"},
    "control-plane": {"agent_tenants"},
}
TABLES = """
    SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
"""
PATHS = {
    "auth": "/v1/platform/apps",
    "webhook-dispatcher": "/v1/webhooks",
    "graphql-api": "/api/v1/graphql/bundles",
    "epcr": "/api/v1/epcr/encounters",
    "device-ingest": "/api/v1/devices",
    "control-plane": "/api/v1/platform/packages",
    "console": "/",
}


@pytest.mark.parametrize("service", NAMES)
def test_a_query_that_forgets_its_tenant_sees_no_rows(stack: Stack, service: str) -> None:
    exempt = EVERYWHERE | EXEMPT.get(service, set())
    with stack.database(service, "admin") as admin, stack.database(service, "app") as app:
        for table, forced in admin.execute(TABLES).fetchall():
            if table in exempt:
                continue
            assert forced, f"{service}.{table} is not under forced row-level security"
            if may_read(app, table):
                assert count(app, table) == 0, f"{service}.{table}"


def count(app: psycopg.Connection[Any], table: str) -> int:
    return app.execute(sql.SQL("SELECT FROM {}").format(sql.Identifier(table))).rowcount


def may_read(app: psycopg.Connection[Any], table: str) -> bool:
    return app.execute("SELECT has_table_privilege(%s, 'SELECT')", (table,)).fetchone() == (True,)


@pytest.mark.parametrize("service", NAMES)
def test_a_service_called_without_the_gateway_answers_401(stack: Stack, service: str) -> None:
    answer = httpx2.get(stack.service_url(service) + PATHS[service], verify=PLAIN)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("service", NAMES)
def test_an_identity_signed_by_anyone_else_answers_401(stack: Stack, service: str) -> None:
    kid = stack.identity(Caller(client_id="app_x", tenant_id="org_x"), service)[HEADER].partition(".")[0]
    impostor = SigningKey(f"{kid}:{'A' * 43}")
    caller = Caller(
        tenant_id=stack.tenant.id, client_id="app_x", scopes=frozenset({"platform:apps"}), token_use="access"
    )
    answer = httpx2.get(
        stack.service_url(service) + PATHS[service],
        headers={HEADER: mint(caller, impostor, by_name(service).database)},
        verify=PLAIN,
    )
    assert answer.status_code == 401


@pytest.mark.parametrize("service", NAMES)
@pytest.mark.parametrize(("age", "status"), [(120, 503), (3600, 401)])
def test_an_identity_past_its_time_opens_nothing(stack: Stack, service: str, age: float, status: int) -> None:
    """Up to 15 minutes the gateway's clock may be wrong. Then the answer is 503, so that a partner does not discard its token."""
    caller = Caller(tenant_id=stack.tenant.id, client_id="app_x", token_use="access")
    expired = stack.identity(caller, service, at=time.time() - age)
    answer = httpx2.get(stack.service_url(service) + PATHS[service], headers=expired, verify=PLAIN)
    assert (answer.status_code, answer.json()["status"]) == (status, status)


@pytest.mark.parametrize("service", [name for name in NAMES if name != "console"])  # it knows people by their cookies
def test_a_partner_cannot_bring_an_identity_of_its_own(stack: Stack, service: str) -> None:
    host = "auth" if service in ("auth", "webhook-dispatcher") else "api"
    caller = Caller(
        tenant_id=stack.tenant.id, client_id="app_x", scopes=frozenset({"platform:apps"}), token_use="access"
    )
    with stack.client(host) as client:
        for name in ("x-knogin-identity", "X-Knogin-Identity", "x_knogin_identity"):
            stated = {name: stack.identity(caller, service)[HEADER]}
            assert client.get(PATHS[service], headers=stated).status_code == 401
