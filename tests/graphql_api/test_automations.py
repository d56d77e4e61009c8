"""Runs of automations: each has one effect for any number of messages, under the app's own grants, and an answer to control-plane."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from deploy.local.databases import Database
from services.graphql_api import automations, schema
from services.graphql_api.automations import Runs
from services.graphql_api.tasks import periodic
from services.graphql_api.transport import documents
from services.graphql_api.transport.plans import ELSEWHERE, WRITE_SCOPES
from shared.messaging.messages import AutomationAction, AutomationIncident, Event, RunDocument, RunFinished
from shared.primitives import ids
from tests.graphql_api.asking import Asking
from tests.support.messages import received

GOLDEN = Path(__file__).parents[1] / "messages"
TRACE = f"00-{'a' * 32}-{'b' * 16}-01"


class Automation:
    """An automation of an app, whose runs this service performs."""

    def __init__(self, ask: Asking, database: Database) -> None:
        self.ask = ask
        self.database = database
        self.runs = Runs(ask.settings)
        self.cause = ["auto_first"]
        self.common: dict[str, Any] = {
            "automation_id": ids.new_id("auto"),
            "client_id": ask.client_id,
            "scopes": ["argus:incidents:write"],
            "attempt": 1,
            "cause": self.cause,
        }

    def open(self, **fields: Any) -> AutomationIncident:
        return AutomationIncident(
            run_id=ids.new_id("run"), **self.common, fields={"type": "fire", "priority": "low"} | fields
        )

    def note(self, incident_id: str | None, note: Any = "bed_reserved") -> AutomationIncident:
        return AutomationIncident(run_id=ids.new_id("run"), **self.common, incident_id=incident_id, note=note)

    def document(
        self, operation: str, variables: dict[str, Any], bundle: str = "incident-management", **changes: Any
    ) -> RunDocument:
        common: dict[str, Any] = self.common | {"run_id": ids.new_id("run")} | changes
        return RunDocument(**common, bundle=bundle, operation=operation, variables=variables)

    def perform(self, *runs: AutomationAction, tenant: str = "") -> list[RunFinished]:
        """As one batch; the answers to it."""
        tenant_id = tenant or self.ask.tenant
        before = len(self.told("control_plane.run_finished.v1"))
        with self.ask.worker() as conn:
            conn.execute("SELECT set_config('app.tenant_id', %s, true)", (tenant_id,))
            self.runs.perform(conn, [received(tenant_id, run, TRACE) for run in runs])
        rows = self.told("control_plane.run_finished.v1")[before:]
        return [msgspec.convert(body, RunFinished) for body, _ in rows]

    def told(self, name: str) -> list[Any]:
        with psycopg.connect(self.database.admin) as conn:
            return conn.execute(
                "SELECT body, traceparent FROM outbox WHERE tenant_id = ANY(%s) AND name = %s ORDER BY created_at, id",
                ([self.ask.tenant, self.ask.other_tenant], name),
            ).fetchall()

    def events(self) -> list[Event]:
        return [msgspec.convert(body, Event) for body, _ in self.told("webhook_dispatcher.event.v1")]

    def incidents(self) -> int:
        with psycopg.connect(self.database.admin) as conn:
            return conn.execute("SELECT FROM incidents WHERE tenant_id = %s", (self.ask.tenant,)).rowcount


@pytest.fixture
def automation(ask: Asking, database: Database) -> Iterator[Automation]:
    ask.grant("incident-management")
    automation = Automation(ask, database)
    yield automation
    automation.runs.close()


def test_an_incident_is_opened_and_its_event_says_which_automations_led_to_it(automation: Automation) -> None:
    [answer] = automation.perform(automation.open(units=["AMB-42"]))
    assert answer.outcome == "succeeded"
    [event] = automation.events()
    assert (event.type, event.data["incident_id"]) == ("incident.created", answer.result["incident_id"])
    assert event.cause == ["auto_first"]
    incident = automation.ask.data("GetIncident", {"id": answer.result["incident_id"]})
    assert (incident["type"], incident["units"]) == ("fire", ["AMB-42"])


def test_everything_a_run_does_belongs_to_its_trace_and_its_audit_names_the_automation(automation: Automation) -> None:
    automation.perform(automation.open())
    for name in ("control_plane.run_finished.v1", "webhook_dispatcher.event.v1"):
        [(_, traceparent)] = automation.told(name)
        assert traceparent.split("-")[1] == "a" * 32
    with psycopg.connect(automation.database.admin) as conn:
        entry = conn.execute(
            "SELECT client_id, actor, action, trace_id FROM audit WHERE tenant_id = %s", (automation.ask.tenant,)
        ).fetchone()
    assert entry == (automation.ask.client_id, automation.common["automation_id"], "incident.created", "a" * 32)


def test_a_run_told_again_has_no_second_effect_and_the_same_answer(automation: Automation) -> None:
    run = automation.open()
    [first] = automation.perform(run)
    [second] = automation.perform(msgspec.structs.replace(run, attempt=2))
    assert (second.attempt, second.outcome, second.result) == (2, "succeeded", first.result)
    assert automation.incidents() == len(automation.events()) == 1


def test_two_workers_told_of_one_run_at_once_have_one_effect(automation: Automation) -> None:
    run = automation.open()
    threads = [threading.Thread(target=automation.perform, args=(run,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert automation.incidents() == 1
    assert {
        msgspec.convert(body, RunFinished).outcome for body, _ in automation.told("control_plane.run_finished.v1")
    } == {"succeeded"}


def test_a_worker_that_dies_between_the_effect_and_its_answer_does_it_once_and_answers_later(
    automation: Automation,
) -> None:
    run = automation.open()
    with automation.ask.worker() as conn:
        conn.execute("SELECT set_config('app.tenant_id', %s, true)", (automation.ask.tenant,))
        automation.runs.perform(conn, [received(automation.ask.tenant, run)])
        conn.rollback()  # the answer, and the inbox that knows the message
    assert automation.told("control_plane.run_finished.v1") == []
    [answer] = automation.perform(run)
    assert answer.outcome == "succeeded"
    assert automation.incidents() == 1


def test_runs_share_connections_until_they_are_closed(automation: Automation) -> None:
    for _ in range(4):
        automation.perform(automation.open(), automation.open())
    pool = automation.runs._opened().pool
    stats = pool.get_stats()
    assert stats["connections_num"] <= automations.CONNECTIONS < stats["requests_num"]
    automation.runs.close()
    assert pool.closed
    [answer] = automation.perform(automation.open())
    assert answer.outcome == "succeeded"


def test_a_run_whose_connection_the_server_ended_gets_another(automation: Automation) -> None:
    automation.perform(automation.open())
    with psycopg.connect(automation.database.admin, autocommit=True) as conn:
        ended = conn.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND usename = %s",
            (conninfo_to_dict(automation.database.app)["user"],),
        )
        assert (True,) in ended.fetchall()
    [answer] = automation.perform(automation.open())
    assert answer.outcome == "succeeded"


def test_an_automation_in_a_sandbox_makes_test_data(automation: Automation) -> None:
    automation.perform(automation.open(), msgspec.structs.replace(automation.open(), environment="sandbox"))
    assert [event.test for event in automation.events()] == [False, True]


def test_an_annotation_is_a_line_of_the_timeline_and_no_version(automation: Automation) -> None:
    opened = automation.ask.data("CreateIncident", {"input": {"type": "fire", "priority": "low"}})
    [answer] = automation.perform(automation.note(opened["id"]))
    assert answer.result == {"incident_id": opened["id"]}
    incident = automation.ask.data("GetIncident", {"id": opened["id"]})
    assert incident["version"] == 1
    assert [(line["kind"], line["to"]) for line in incident["timeline"]] == [
        ("created", "open"),
        ("annotated", "bed_reserved"),
    ]
    assert len(automation.events()) == 1


def test_a_document_runs_under_the_bundle_it_is_in(automation: Automation) -> None:
    opened = automation.ask.data("CreateIncident", {"input": {"type": "fire", "priority": "low"}})
    close = {"id": opened["id"], "expectedVersion": 1, "reason": "resolved"}
    [answer] = automation.perform(automation.document("CloseIncident", close))
    assert answer.result == {"closeIncident": opened["id"]}
    assert automation.events()[-1].type == "incident.closed"
    assert automation.events()[-1].cause == ["auto_first"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"operation": "CreateSomething"}, "OPERATION_NOT_APPROVED"),
        ({"operation": "GetIncident", "variables": {"id": "inc_x"}}, "OPERATION_NOT_APPROVED"),
        ({"bundle": "telephony-admin", "operation": "DeleteTelephonyRoute"}, "OPERATION_NOT_APPROVED"),
        ({"bundle": "incident-webhooks", "operation": "DeleteIncidentWebhook"}, "OPERATION_NOT_APPROVED"),
        ({"scopes": ["argus:incidents:read"]}, "FORBIDDEN"),
        ({"variables": {}}, "BAD_USER_INPUT"),
        ({"variables": {"id": "inc_1", "surprise": 1}}, "BAD_USER_INPUT"),
        ({"variables": {"id": "inc_1", "expectedVersion": 1, "reason": "resolved"}}, "NOT_FOUND"),
    ],
)
def test_a_document_that_may_not_run_is_refused_for_good(
    automation: Automation, change: dict[str, Any], code: str
) -> None:
    automation.ask.grant("incident-management", "telephony-admin", "incident-webhooks")
    run = automation.document(change.pop("operation", "CloseIncident"), change.pop("variables", {}), **change)
    [answer] = automation.perform(run)
    assert (answer.outcome, answer.error) == ("refused", code)
    assert automation.events() == []


def test_a_document_of_a_bundle_the_app_was_not_granted_is_refused(automation: Automation) -> None:
    automation.ask.grant()
    [answer] = automation.perform(automation.document("CreateIncident", {"input": {"type": "fire", "priority": "low"}}))
    assert answer.error == "OPERATION_NOT_APPROVED"
    assert automation.incidents() == 0


@pytest.mark.parametrize("status", ["disabled", "deleted"])
def test_an_app_that_is_not_active_has_no_effect(automation: Automation, status: str) -> None:
    automation.ask.grant("incident-management", status=status)
    [answer] = automation.perform(automation.open())
    assert (answer.outcome, answer.error) == ("refused", "FORBIDDEN")
    assert automation.incidents() == 0


def test_what_is_refused_leaves_nothing_and_may_be_tried_again_once_it_can_be(automation: Automation) -> None:
    automation.ask.grant("incident-management", status="disabled")
    run = automation.open()
    automation.perform(run)
    automation.ask.grant("incident-management")
    [answer] = automation.perform(msgspec.structs.replace(run, attempt=2))
    assert answer.outcome == "succeeded"


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"type": "party"}, "/fields/type"),
        ({"units": "AMB-42"}, "/fields/units"),
        ({"units": [7]}, "/fields/units/0"),
        ({"surprise": 1}, "/fields/surprise"),
        ({"location": {"latitude": 91, "longitude": 0}}, "/fields/location/latitude"),
    ],
)
def test_fields_that_do_not_fit_are_refused_naming_the_place_and_not_the_value(
    automation: Automation, fields: dict[str, Any], place: str
) -> None:
    [answer] = automation.perform(automation.open(**fields))
    assert answer.error == "BAD_USER_INPUT"
    assert place in (answer.detail or "")
    assert "party" not in (answer.detail or "")


def test_a_taken_cad_id_is_refused(automation: Automation) -> None:
    first, second = automation.perform(
        automation.open(cad_incident_id="CAD-1"), automation.open(cad_incident_id="CAD-1")
    )
    assert (first.outcome, second.outcome, second.error) == ("succeeded", "refused", "CONFLICT")


@pytest.mark.parametrize("note", [None, "", "Mr Rossi is well", "x" * 65, "-x", 7])
def test_a_note_that_is_no_code_is_refused(automation: Automation, note: Any) -> None:
    opened = automation.ask.data("CreateIncident", {"input": {"type": "fire", "priority": "low"}})
    if note == 7:
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(msgspec.to_builtins(automation.note(opened["id"], note)), AutomationIncident)
        return
    [answer] = automation.perform(automation.note(opened["id"], note))
    assert (answer.outcome, answer.error) == ("refused", "BAD_USER_INPUT")


@pytest.mark.parametrize("incident_id", [None, "inc_1", "' OR 1=1 --", ids.new_id("inc")])
def test_an_incident_that_is_not_there_is_not_annotated(automation: Automation, incident_id: str | None) -> None:
    [answer] = automation.perform(automation.note(incident_id))
    assert (answer.outcome, answer.error) == ("refused", "NOT_FOUND")


def test_another_tenants_incident_is_not_there(automation: Automation) -> None:
    opened = automation.ask.data("CreateIncident", {"input": {"type": "fire", "priority": "low"}})
    other = ids.new_id("app")
    automation.ask.grant("incident-management", tenant=automation.ask.other_tenant, client_id=other)
    run = msgspec.structs.replace(automation.note(opened["id"]), client_id=other)
    [answer] = automation.perform(run, tenant=automation.ask.other_tenant)
    assert answer.error == "NOT_FOUND"


def test_an_app_of_another_tenant_lends_no_grant(automation: Automation) -> None:
    [answer] = automation.perform(automation.open(), tenant=automation.ask.other_tenant)
    assert answer.error == "FORBIDDEN"


def test_a_database_that_refuses_for_now_is_worth_another_try(automation: Automation) -> None:
    opened = automation.ask.data("CreateIncident", {"input": {"type": "fire", "priority": "low"}})
    with psycopg.connect(automation.database.admin) as holder:
        holder.execute("SELECT FROM incidents WHERE id = %s FOR UPDATE", (opened["id"],))
        close = {"id": opened["id"], "expectedVersion": 1, "reason": "resolved"}
        [answer] = automation.perform(automation.document("CloseIncident", close))
    assert (answer.outcome, answer.error) == ("failed", "UNAVAILABLE")


def test_only_mutations_done_here_without_credentials_are_automated() -> None:
    executable = schema.build()
    known = {
        root
        for bundle in documents.load(executable).bundles.values()
        for operation in bundle.operations
        for root in operation.document.roots
    }
    assert known >= automations.AUTOMATED
    assert WRITE_SCOPES.keys() - ELSEWHERE >= automations.AUTOMATED


@pytest.mark.parametrize("kind", [RunDocument, AutomationIncident])
def test_the_golden_runs_are_performed(automation: Automation, kind: type[Any]) -> None:
    name = kind.__struct_config__.tag
    golden = msgspec.json.decode((GOLDEN / f"{name}.json").read_bytes(), type=kind)
    run = msgspec.structs.replace(golden, client_id=automation.ask.client_id, run_id=ids.new_id("run"))
    [answer] = automation.perform(run)
    expected = ("succeeded", None) if kind is AutomationIncident else ("refused", "NOT_FOUND")
    assert (answer.outcome, answer.error) == expected


def test_effects_are_forgotten_after_forty_days(automation: Automation) -> None:
    old, new = automation.open(), automation.open()
    automation.perform(old, new)
    with psycopg.connect(automation.database.admin) as conn:
        conn.execute("UPDATE automation_effects SET at = now() - interval '41 days' WHERE run_id = %s", (old.run_id,))
    (retention,) = [job for job in periodic(automation.ask.settings) if job.name == "retention"]
    with automation.ask.worker() as conn:
        retention.run(conn)
    with psycopg.connect(automation.database.admin) as conn:
        kept = conn.execute(
            "SELECT run_id FROM automation_effects WHERE tenant_id = %s", (automation.ask.tenant,)
        ).fetchall()
    assert kept == [(new.run_id,)]
