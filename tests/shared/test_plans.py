"""No statement of the project may read more than a bounded part of a growing table: each is planned against ten million rows.

New statements are found automatically. One that costs more than BOUND needs an index, a bound or a keyset. If its size does not
grow with history, add it to BOUNDED with the reason.
"""

from collections.abc import Iterator
from math import inf

import psycopg
import pytest

from deploy.local import databases as local
from deploy.local.databases import Database
from deploy.local.table import SERVICES
from services.auth import tasks as auth_tasks
from shared.storage import housekeeping
from shared.storage.retention import Kept
from tests.shared import planning
from tests.support.cluster import TestDatabases

# The cost in pages of reading a few thousand rows through an index; the cheapest way through ten million rows costs 200,000.
BOUND = 50_000
LOOKED_AT = "at most 10,000 rows of a webhook and 10,000 tests, in the order of an index; then a page"
BOUNDED = {
    "services.auth.apps.queries.DELETE_CONSENTS": "the people of one app, when it is deleted",
    "services.auth.apps.queries.REVOKE_GRANTS": "the people of one app, when it is deleted",
    "services.auth.apps.queries.RECENT_COUNTS": "a week of one app: kinds of calls times days",
    "services.auth.keys.queries.LIMIT_OTHER_KEYS": "a handful of signing keys",
    "services.auth.saml.queries.DOMAIN_UNANSWERED": "the domain just looked at, by its key",
    "services.auth.tenants.queries.WITHDRAW_AHEAD": "an operator's command after a clock was wrong",
    "services.control_plane.automations.queries.MEASURE": "counts no further than 10,000 three times",
    "services.device_ingest.queries.TAKE_ANNOUNCEMENTS": "the first 20,000 rows of a table that is emptied each second",
    "services.graphql_api.acqi.queries.FACTS_OF_MONTH": "a month of one tenant, in an operator's rebuilding",
    "services.graphql_api.acqi.queries.FORGET_FACTS": "a month of one tenant, with the row it is counted in",
    "services.graphql_api.acqi.queries.FORGET_MONTH": "a month of one tenant: indicators times days",
    "services.graphql_api.acqi.queries.LOCK_FACTS": "a month of one tenant, before FORGET_FACTS",
    "services.graphql_api.acqi.queries.MONTHS_WITH_FACTS": "an operator's command that rebuilds everything",
    "services.webhook_dispatcher.history.decision_queries.LEFT": "an operator's command; counts 10,000 for each chore",
    "services.webhook_dispatcher.sending.queries.MEASURE": "the first 10,000 rows; and an end of each webhook's queue",
    "services.webhook_dispatcher.history.endpoints.LISTS[failed]": LOOKED_AT,
    "services.webhook_dispatcher.history.endpoints.LISTS[queued]": LOOKED_AT,
    "services.webhook_dispatcher.history.endpoints.LISTS[retrying]": LOOKED_AT,
    "services.webhook_dispatcher.history.endpoints.REACHED[failed]": LOOKED_AT,
    "services.webhook_dispatcher.history.endpoints.REACHED[retrying]": LOOKED_AT,
    "services.webhook_dispatcher.history.queries.REACHED": LOOKED_AT,
    "services.webhook_dispatcher.history.queries.REACHED_TROUBLED": LOOKED_AT,
    "services.webhook_dispatcher.history.queries.COUNT_DELIVERIES": "the newest 110,000 deliveries of one webhook, when its owner asks",
    "services.webhook_dispatcher.history.queries.LIST_DELIVERIES": LOOKED_AT,
    "services.webhook_dispatcher.history.queries.LIST_QUEUED_DELIVERIES": LOOKED_AT,
    "services.webhook_dispatcher.history.queries.LIST_TROUBLED_DELIVERIES": LOOKED_AT,
    "shared.storage.audit.WAITING": "the first 100,000 entries that wait for their seal",
    "shared.storage.audit_check.COVERED": "an operator's check of the whole trail, 10,000 entries at a time",
    "shared.storage.audit_check.STRAY_LEAVES": "an operator's check of the whole trail",
    "shared.storage.migrate.OWNER": "the catalogue's roles and databases",
}
# Parts of other statements, not statements themselves.
FRAGMENTS = frozenset(
    {
        "services.epcr.encounters.queries.LINKED",
        "services.webhook_dispatcher.history.decision_queries._GIVE_UP_BEGIN",
        "services.webhook_dispatcher.history.queries._LAST",
        "services.webhook_dispatcher.history.queries._OF_WEBHOOK",
    }
)


class Large:
    """The databases of all services, made on demand, each with the statistics of a year of use."""

    def __init__(self, databases: TestDatabases) -> None:
        self.databases = databases
        self.made: dict[str, Database] = {}
        self.connections: dict[tuple[str, str], psycopg.Connection] = {}

    def connection(self, service: str, role: str) -> psycopg.Connection:
        if service not in self.made:
            self.made[service] = self.databases.fresh(service)
            planning.make_large(self.made[service].admin)
        if (service, role) not in self.connections:
            url = getattr(self.made[service], role)
            self.connections[service, role] = psycopg.connect(url, autocommit=True)
        return self.connections[service, role]

    def close(self) -> None:
        for conn in self.connections.values():
            conn.close()
        for database in self.made.values():
            local.drop(self.databases.cluster.url, database.name)


@pytest.fixture(scope="module")
def large(databases: TestDatabases) -> Iterator[Large]:
    made = Large(databases)
    yield made
    made.close()


def costs(large: Large, statement: planning.Statement, service: str) -> Iterator[tuple[str, float, set[str]]]:
    """For each role that may run it: its cost, and the tables that it reads completely."""
    for role in statement.roles or ("app", "worker"):
        conn = large.connection(service, role)
        try:
            yield role, planning.cost(conn, statement.text), planning.reads_whole(conn, statement.text)
        except psycopg.errors.InsufficientPrivilege:
            continue
        except psycopg.Error as error:
            yield f"{role} cannot be planned, {error}", inf, set()


@pytest.mark.parametrize("service", [service.database for service in SERVICES])
def test_no_statement_of_a_service_grows_with_history(large: Large, service: str) -> None:
    require_bounded(large, service, planning.statements(f"services/{service}"))


def test_no_statement_that_every_service_runs_grows_with_history(large: Large) -> None:
    require_bounded(large, "epcr", planning.statements("shared"))


@pytest.mark.parametrize(
    ("service", "rule"),
    [*(("auth", rule) for rule in auth_tasks.KEPT), *(("epcr", rule) for rule in housekeeping.KEPT)],
    ids=lambda each: each.table if isinstance(each, Kept) else "",
)
def test_retention_finds_what_is_due_in_order(large: Large, service: str, rule: Kept) -> None:
    """In any other order each portion would scan over the rows that earlier portions deleted."""
    conn = large.connection(service, "worker")
    portion = rule.delete.as_string(conn).replace("%s", "5000")
    assert planning.reads_whole(conn, portion) == set()
    assert planning.cost(conn, portion) < BOUND


def test_a_statement_without_an_index_is_found(large: Large) -> None:
    conn = large.connection("epcr", "worker")
    assert planning.reads_whole(conn, "SELECT * FROM encounters WHERE vehicle_id = %s") == {"encounters"}
    assert planning.cost(conn, "SELECT id FROM encounters ORDER BY updated_at LIMIT 10") > BOUND


def test_nothing_is_excused_that_is_gone() -> None:
    packages = ["shared", *(f"services/{service.database}" for service in SERVICES)]
    known = {statement.name for package in packages for statement in planning.statements(package)}
    assert BOUNDED.keys() | FRAGMENTS <= known


def require_bounded(large: Large, service: str, statements: Iterator[planning.Statement]) -> None:
    found: list[str] = []
    for statement in statements:
        if statement.name in FRAGMENTS or statement.name in BOUNDED:
            continue
        found += [
            f"{statement.name} as {role}: {cost:,.0f} {sorted(whole) or ''}"
            for role, cost, whole in costs(large, statement, service)
            if cost > BOUND or whole
        ]
    if found:
        pytest.fail("\n".join(["statements that grow with history:", *found]), pytrace=False)
