"""A sandbox's incidents and indicators: written once, counted, and erased without touching any other."""

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from deploy.local.databases import Database
from services.graphql_api import sandbox as work
from shared.messaging.messages import SandboxIncidents
from shared.messaging.sandboxes import CASES
from shared.primitives import ids
from shared.web.identity import HEADER
from tests.graphql_api import population
from tests.graphql_api.asking import Asking
from tests.support.messages import received, sandbox_fields

DRAFT = {"type": "medical", "priority": "high"}
SANDBOX: dict[str, Any] = {"environment": "sandbox"}


class Sandbox:
    """A sandbox, whose tenant is that of `ask`."""

    def __init__(self, ask: Asking, database: Database) -> None:
        self.ask, self.database = ask, database
        ask.grant("incident-management", "acqi-reporting")
        self.fields = sandbox_fields()

    def perform(self, task: str, tenant_id: str = "", **more: Any) -> None:
        fields: dict[str, Any] = {**self.fields, "task": task, **more}
        body = SandboxIncidents(**fields)
        with self.ask.worker() as conn:
            work.perform(conn, [received(tenant_id or self.ask.tenant, body)])

    def rows(self, statement: Any, *parameters: Any) -> list[Any]:
        with psycopg.connect(self.database.migrator) as conn:
            return conn.execute(statement, parameters).fetchall()

    def sent(self, name: str) -> list[dict[str, Any]]:
        statement = "SELECT body FROM outbox WHERE tenant_id = %s AND name = %s ORDER BY id"
        return [body for (body,) in self.rows(statement, self.ask.tenant, name)]

    def count(self, table: str, tenant_id: str = "") -> int:
        [(number,)] = self.rows(f"SELECT count(*) FROM {table} WHERE tenant_id = %s", tenant_id or self.ask.tenant)
        return number

    def erase(self) -> None:
        for _ in range(100):
            self.perform("erase")
            if not self.sent("auth.sandbox_portion_done.v1")[-1]["left"]:
                return
        raise AssertionError("erasing does not end")


@pytest.fixture
def sandbox(ask: Asking, database: Database) -> Sandbox:
    return Sandbox(ask, database)


def facts_of_tests(count: int, start: int = 0) -> list[Any]:
    finished = {"status": "completed", "response": "emergency", "test": True}
    return [population.facts(one | finished) for one in population.encounters(count=start + count)[start:]]


def tallies(sandbox: Sandbox) -> list[Any]:
    statement = """
        SELECT grain, period_start, indicator, met, not_met, excluded, unknown FROM acqi_aggregates
        WHERE tenant_id = %s AND (met, not_met, excluded, unknown) <> (0, 0, 0, 0) ORDER BY 1, 2, 3
    """
    return sandbox.rows(statement, sandbox.ask.tenant)


def test_a_portion_is_written_once_and_listed(sandbox: Sandbox) -> None:
    sandbox.perform("seed")
    assert sandbox.count("incidents") == work.PORTION
    assert sandbox.sent("webhook_dispatcher.event.v1") == []
    [done] = sandbox.sent("auth.sandbox_portion_done.v1")
    assert done["left"] is True
    sandbox.perform("seed")
    assert sandbox.count("incidents") == work.PORTION
    nodes = sandbox.ask.data("ListIncidents", {"first": 100})["nodes"]
    assert len(nodes) == work.PORTION
    assert {node["status"] for node in nodes} == {"closed"}
    sandbox.perform("seed", portion=CASES // work.PORTION)
    assert sandbox.sent("auth.sandbox_portion_done.v1")[-1]["left"] is False


def test_an_arrest_sends_each_event_of_its_incident_in_order(sandbox: Sandbox) -> None:
    sandbox.perform("arrest", number=1, at=datetime.now(UTC))
    events = sandbox.sent("webhook_dispatcher.event.v1")
    assert [event["type"] for event in events] == ["incident.created", *["incident.updated"] * 3, "incident.closed"]
    assert all(event["test"] for event in events)


def test_erasing_takes_incidents_timelines_and_what_the_indicators_counted(sandbox: Sandbox) -> None:
    before = tallies(sandbox)
    sandbox.perform("seed")
    sandbox.ask.data("CreateIncident", {"input": DRAFT}, **SANDBOX)
    sandbox.ask.count(*facts_of_tests(700))
    assert tallies(sandbox)
    sandbox.erase()
    for table in ("incidents", "incident_timeline", "acqi_facts"):
        assert sandbox.count(table) == 0, table
    assert tallies(sandbox) == before == []


def test_erasing_touches_nothing_of_production_whoever_asks(sandbox: Sandbox) -> None:
    """Not even where a message names the tenant of production, which auth never sends."""
    other = sandbox.ask.other_tenant
    app = ids.new_id("app")
    sandbox.ask.grant("incident-management", tenant=other, client_id=app)
    sandbox.ask.data("CreateIncident", {"input": DRAFT}, tenant=other, client_id=app)
    real = [population.facts(one | {"test": False}) for one in population.encounters(count=40)]
    sandbox.ask.count(*real, tenant=other)
    for task in ("erase", "end"):
        sandbox.perform(task, tenant_id=other)
    assert (sandbox.count("incidents", other), sandbox.count("acqi_facts", other)) == (1, 40)


def test_in_a_tenant_with_both_the_others_and_their_counts_stay(sandbox: Sandbox) -> None:
    """No tenant has both; were it so, production's would stay."""
    sandbox.ask.data("CreateIncident", {"input": DRAFT})
    real = [
        population.facts(one | {"test": False, "status": "completed", "response": "emergency"})
        for one in population.encounters(count=30)
    ]
    sandbox.ask.count(*real)
    alone = tallies(sandbox)
    sandbox.perform("seed")
    sandbox.ask.count(*facts_of_tests(50, start=30))
    assert tallies(sandbox) != alone
    sandbox.erase()
    assert (sandbox.count("incidents"), sandbox.count("acqi_facts")) == (1, 30)
    assert tallies(sandbox) == alone


def test_an_erased_sandbox_has_no_reports_and_an_ended_one_no_schedules(sandbox: Sandbox) -> None:
    ask, schedules = sandbox.ask, "/api/v1/acqi/report-schedules"
    scopes = ["argus:acqi:read", "argus:acqi:schedule"]

    def ask_for_reports(**environment: Any) -> None:
        identity = {HEADER: ask.identity(scopes=scopes, **environment)}
        assert ask.raw("POST", "/api/v1/acqi/reports", headers=identity, json={"period": "month"}).status_code == 202
        assert ask.raw("POST", schedules, headers=identity, json={"every": "week", "day": 1}).status_code == 201

    ask_for_reports(**SANDBOX)
    ask_for_reports()
    sandbox.erase()
    assert (sandbox.count("quality_reports"), sandbox.count("report_schedules")) == (1, 2)
    sandbox.perform("end")
    assert (sandbox.count("quality_reports"), sandbox.count("report_schedules")) == (1, 1)
