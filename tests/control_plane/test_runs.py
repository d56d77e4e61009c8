"""Runs: one for each automation and event; their effects, failures, retries, loops and expiry."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from services.control_plane.automations import runs as running
from services.control_plane.automations.waiting import Waiting
from services.control_plane.settings import Settings
from services.control_plane.tasks import periodic
from services.webhook_dispatcher.fanout.automations import fired
from shared.messaging.messages import AutomationDelivery, PlatformApp, PlatformEvent, RunFinished
from shared.primitives import ids
from shared.storage import jobs
from shared.storage.database import task_transaction
from tests.control_plane.automating import CLOSE, INCIDENT, NOTE, SCOPES, WEBHOOK, Automating
from tests.control_plane.conftest import GRANTED, Inside, Partner
from tests.support.alone import settings_for
from tests.support.messages import later, received

GOLDEN = Path(__file__).parents[1] / "messages"


@pytest.fixture
def automating(partner: Partner, inside: Inside, settings: Settings) -> Automating:
    """An app of a granted tenant that may open incidents, approved for `incident.*` and `automation.fired`."""
    partner.caller = msgspec.structs.replace(partner.caller, scopes=frozenset(SCOPES))
    return Automating(partner, inside, settings)


def test_an_event_begins_a_run_of_its_automation_in_its_trace(automating: Automating) -> None:
    automation_id = automating.make()
    event_id = automating.happen()
    [run] = automating.runs(automation_id)
    assert (run["event_id"], run["event_type"], run["status"], run["attempt"]) == (
        event_id,
        "incident.created",
        "running",
        1,
    )
    assert run["trace_id"] == "a" * 32
    rows = automating.inside.rows(
        "SELECT traceparent FROM outbox WHERE tenant_id = %s AND consumer = 'graphql_api'", automating.tenant_id
    )
    assert [row[0].split("-")[1] for row in rows] == ["a" * 32]


def test_an_event_told_again_under_another_message_begins_no_second_run(automating: Automating) -> None:
    automating.make()
    event_id = automating.happen()
    automating.happen(event_id=event_id)
    assert len(automating.runs()) == len(automating.sent("open_incident")) == 1


def test_each_automation_has_a_run_of_its_own(automating: Automating) -> None:
    first, second = automating.make(), automating.make(NOTE)
    automating.happen()
    assert {run["automation_id"] for run in automating.runs()} == {first, second}


@pytest.mark.parametrize(
    ("filter", "data", "runs"),
    [
        ({"pointer": "/priority", "eq": "high"}, {}, 1),
        ({"pointer": "/priority", "eq": "high"}, {"priority": "low"}, 0),
        ({"pointer": "/units/0", "prefix": "AMB-"}, {"units": []}, 0),
    ],
)
def test_only_what_the_filter_lets_through_begins_one(
    automating: Automating, filter: Any, data: Any, runs: int
) -> None:
    automating.make(filter=filter)
    automating.happen(**data)
    assert len(automating.runs()) == runs


def test_an_event_of_another_type_or_tenant_begins_none(automating: Automating, other: Partner) -> None:
    automating.make()
    automating.happen("incident.closed")
    automating.happen(tenant_id=other.tenant_id)
    assert automating.runs() == []


def test_an_event_with_recipients_begins_runs_of_their_automations_alone(automating: Automating) -> None:
    automating.make()
    for recipients, runs in (([], 0), (["app_of_nobody"], 0), ([automating.partner.client_id], 1)):
        event = PlatformEvent(
            event_id=ids.new_id("evt"),
            type="incident.created",
            timestamp=datetime.now(UTC),
            data=INCIDENT,
            recipients=recipients,
        )
        automating.tell(event)
        automating.begin()
        assert len(automating.runs()) == runs


def test_a_batch_of_several_tenants_begins_each_its_own(
    automating: Automating, other: Partner, inside: Inside, settings: Settings
) -> None:
    other.caller = msgspec.structs.replace(other.caller, scopes=frozenset(SCOPES))
    neighbour = Automating(other, inside, settings)
    automating.make()
    neighbour.make()
    event = PlatformEvent(
        event_id=ids.new_id("evt"), type="incident.created", timestamp=datetime.now(UTC), data=INCIDENT
    )
    with task_transaction(inside.consumer.pool) as conn:
        Waiting(settings).store(conn, [received(neighbour.tenant_id, event), received(automating.tenant_id, event)])
    automating.begin()
    assert len(automating.runs()) == len(neighbour.runs()) == 1


def test_the_action_is_filled_from_the_event_and_says_who_acts(automating: Automating) -> None:
    automation_id = automating.make()
    automating.happen(units=["AMB-1", "AMB-2"])
    [sent] = automating.sent("open_incident")
    assert sent["fields"] == {"type": "utility", "priority": "low", "units": ["AMB-1", "AMB-2"]}
    assert sent["incident_id"] is None
    assert (sent["client_id"], sent["automation_id"]) == (automating.partner.client_id, automation_id)
    assert sent["cause"] == [automation_id]
    assert sent["scopes"] == sorted(SCOPES)


def test_a_note_and_a_document_are_filled_too(automating: Automating) -> None:
    automating.make(NOTE)
    automating.happen()
    [note] = automating.sent("annotate_incident")
    assert (note["incident_id"], note["note"], note["fields"]) == (INCIDENT["incident_id"], "seen", None)
    automating.make(CLOSE)
    automating.happen(version=7)
    [document] = automating.sent("document")
    assert (document["bundle"], document["operation"]) == ("incident-management", "CloseIncident")
    assert document["variables"] == {"id": INCIDENT["incident_id"], "expectedVersion": 7, "reason": "duplicate"}


def test_a_delivery_carries_the_event_and_the_fields_at_a_time_that_stays(automating: Automating) -> None:
    automation_id = automating.make(WEBHOOK)
    event_id = automating.happen()
    [run] = automating.runs()
    automating.answer(run, "failed", error="UNAVAILABLE")
    automating.make_due()
    automating.sweep()
    first, second = automating.sent("webhook")
    assert first["data"] == {
        "automation_id": automation_id,
        "run_id": run["id"],
        "event_id": event_id,
        "event_type": "incident.created",
        "event": INCIDENT,
        "fields": {"ward": "ED-2", "number": "2026-000123"},
    }
    assert (first["attempt"], second["attempt"]) == (1, 2)
    assert (second["timestamp"], second["data"]) == (first["timestamp"], first["data"])


def test_a_place_where_the_event_has_nothing_is_a_dead_run_that_names_it(automating: Automating) -> None:
    automating.make(NOTE | {"note": {"from": "/nothing"}})
    automating.happen()
    [run] = automating.runs()
    assert (run["status"], run["error"]) == ("dead", "unresolvable")
    assert "/nothing" in run["detail"]
    assert automating.sent("annotate_incident") == []


def test_what_succeeded_says_what_it_made(automating: Automating) -> None:
    automating.make()
    automating.happen()
    run = automating.answer(automating.runs()[0], "succeeded", result={"incident_id": "inc_1"})
    assert (run["status"], run["result"]) == ("succeeded", {"incident_id": "inc_1"})
    assert run["finished_at"]


def test_what_failed_is_tried_again_after_its_waits_and_then_is_a_dead_letter(automating: Automating) -> None:
    automating.make()
    automating.happen()
    for attempt in range(1, 6):
        run = automating.answer(automating.runs()[0], "failed", error="UNAVAILABLE", detail="Try again.")
        assert (run["status"], run["attempt"], run["error"]) == ("failed", attempt, "UNAVAILABLE")
        assert run["next_attempt_at"] > run["created_at"]
        assert automating.sweep() == 0
        automating.make_due()
        assert automating.sweep() == 1
    run = automating.answer(automating.runs()[0], "failed", error="UNAVAILABLE")
    assert (run["status"], run["attempt"]) == ("dead", 6)
    assert automating.runs(status="dead") == [run]
    assert len(automating.sent("open_incident")) == 6


def test_what_was_refused_is_a_dead_letter_at_once(automating: Automating) -> None:
    automating.make()
    automating.happen()
    run = automating.answer(automating.runs()[0], "refused", error="CONFLICT", detail="There is one.")
    assert (run["status"], run["error"], run["detail"]) == ("dead", "CONFLICT", "There is one.")


def test_an_answer_to_an_earlier_attempt_counts_only_if_it_succeeded(automating: Automating) -> None:
    automating.make()
    automating.happen()
    automating.answer(automating.runs()[0], "failed", error="UNAVAILABLE")
    automating.make_due()
    automating.sweep()
    [run] = automating.runs()
    assert automating.answer(run, "refused", attempt=1)["status"] == "running"
    assert automating.answer(run, "succeeded", attempt=1)["status"] == "succeeded"
    assert automating.answer(run, "failed", attempt=2)["status"] == "succeeded"


def test_two_sweeps_at_once_begin_a_due_run_once(automating: Automating) -> None:
    automating.make()
    automating.happen()
    automating.answer(automating.runs()[0], "failed", error="UNAVAILABLE")
    automating.make_due()
    with psycopg.connect(automating.inside.database.worker) as other:
        other.execute("SELECT FROM automation_runs WHERE status = 'failed' FOR UPDATE")
        assert automating.sweep() == 0
    assert automating.sweep() == 1
    assert automating.sweep() == 0


def test_a_dead_letter_is_tried_again_by_hand_from_the_beginning(automating: Automating) -> None:
    automating.make()
    automating.happen()
    dead = automating.answer(automating.runs()[0], "refused", error="CONFLICT")
    answer = automating.partner.post(f"/automations/runs/{dead['id']}/retry")
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    assert automating.sweep() == 1
    run = automating.answer(automating.runs()[0], "failed", error="UNAVAILABLE")
    assert (run["status"], run["attempt"]) == ("failed", 2)


@pytest.mark.parametrize("outcome", ["succeeded", None])
def test_what_is_not_over_badly_is_not_tried_again(automating: Automating, outcome: Any) -> None:
    automating.make()
    automating.happen()
    [run] = automating.runs()
    if outcome:
        automating.answer(run, outcome)
    assert automating.partner.post(f"/automations/runs/{run['id']}/retry").status_code == 409


def test_a_run_older_than_a_week_is_not_tried_again(automating: Automating) -> None:
    automating.make()
    automating.happen()
    run = automating.answer(automating.runs()[0], "refused", error="CONFLICT")
    automating.inside.rows(
        "UPDATE automation_runs SET created_at = now() - interval '8 days' WHERE id = %s RETURNING id", run["id"]
    )
    assert automating.partner.post(f"/automations/runs/{run['id']}/retry").status_code == 409


@pytest.mark.parametrize("whose", ["nobody's", "a neighbour's", "another tenant's", "no id"])
def test_a_run_that_is_not_the_callers_is_404(automating: Automating, other: Partner, whose: str) -> None:
    automating.make()
    automating.happen()
    run = automating.answer(automating.runs()[0], "refused", error="CONFLICT")
    caller = {"a neighbour's": automating.partner.colleague(), "another tenant's": other}.get(whose, automating.partner)
    run_id = {"nobody's": ids.new_id("run"), "no id": "run_x"}.get(whose, run["id"])
    assert caller.get(f"/automations/runs/{run_id}").status_code == 404
    assert caller.post(f"/automations/runs/{run_id}/retry").status_code == 404
    assert automating.runs()[0]["status"] == "dead"


def test_a_run_of_which_nothing_is_heard_waits_for_a_person_and_takes_a_late_answer(automating: Automating) -> None:
    automating.make()
    automating.happen()
    [run] = automating.runs()
    give_up(automating, 900)
    assert automating.runs()[0]["status"] == "running"
    automating.inside.rows(
        "UPDATE automation_runs SET started_at = now() - interval '901 seconds' WHERE id = %s RETURNING id", run["id"]
    )
    give_up(automating, 900)
    assert (automating.runs()[0]["status"], automating.runs()[0]["error"]) == ("dead", "no_answer")
    assert automating.answer(run, "succeeded")["status"] == "succeeded"


def test_a_run_nothing_was_heard_of_goes_to_no_other_door(automating: Automating) -> None:
    """Its effect may be there, and the other service knows nothing of it."""
    path = f"/automations/{automating.make(WEBHOOK)}"
    automating.happen()
    [run] = automating.runs()
    give_up(automating, 0)
    assert automating.partner.call("PATCH", path, json={"action": NOTE}).status_code == 200
    for _ in range(2):
        assert automating.partner.post(f"/automations/runs/{run['id']}/retry").status_code == 202
        automating.sweep()
        assert (automating.runs()[0]["status"], automating.runs()[0]["error"]) == ("dead", "moved")
        assert automating.sent("annotate_incident") == []
    assert automating.partner.call("PATCH", path, json={"action": WEBHOOK}).status_code == 200
    assert automating.partner.post(f"/automations/runs/{run['id']}/retry").status_code == 202
    automating.sweep()
    assert automating.runs()[0]["status"] == "running"


def test_one_that_was_refused_goes_where_its_automation_was_changed_to(automating: Automating) -> None:
    path = f"/automations/{automating.make(WEBHOOK)}"
    automating.happen()
    [run] = automating.runs()
    automating.answer(run, "refused", error="no_webhook")
    assert automating.partner.call("PATCH", path, json={"action": NOTE}).status_code == 200
    assert automating.partner.post(f"/automations/runs/{run['id']}/retry").status_code == 202
    automating.sweep()
    assert len(automating.sent("annotate_incident")) == 1


def test_an_automation_runs_for_no_event_that_it_led_to_itself(automating: Automating) -> None:
    automation_id = automating.make()
    automating.happen(cause=["auto_other", automation_id])
    [run] = automating.runs()
    assert (run["status"], run["error"]) == ("suppressed", "loop")
    assert "itself" in run["detail"]
    assert automating.sent("open_incident") == []
    assert automating.partner.post(f"/automations/runs/{run['id']}/retry").status_code == 409


def test_a_chain_of_three_goes_no_further(automating: Automating) -> None:
    automating.make()
    automating.happen(cause=["auto_a", "auto_b"])
    automating.happen(cause=["auto_a", "auto_b", "auto_c"])
    assert [run["status"] for run in automating.runs()] == ["suppressed", "running"]
    assert [len(sent["cause"]) for sent in automating.sent("open_incident")] == [3]


def test_two_automations_that_feed_each_other_run_once_each(automating: Automating) -> None:
    """Plays graphql-api: each opened incident is an event that carries its cause."""
    automating.make()
    automating.make()
    automating.happen()
    told = 0
    while len(sent := automating.sent("open_incident")) > told:
        for action in sent[told:]:
            automating.happen(cause=action["cause"])
        told = len(sent)
    assert told == 4  # both for the first event, and both for the other's incident
    assert {run["status"] for run in automating.runs()} == {"running", "suppressed"}


def test_runs_over_the_ceiling_of_a_minute_are_one_suppressed_run_that_may_be_tried_again(
    automating: Automating, settings: Settings
) -> None:
    automating.settings = msgspec.structs.replace(settings, automation_runs_per_minute=3)
    automating.make()
    for _ in range(6):
        automating.happen()
    over, *begun = automating.runs()
    assert [run["status"] for run in begun] == ["running"] * 3
    assert (over["status"], over["error"]) == ("suppressed", "rate_ceiling")
    assert over["detail"] == "More than 3 runs in a minute; 3 events were suppressed in this minute."
    automating.inside.rows(
        "UPDATE automations SET window_began = now() - interval '61 seconds' WHERE tenant_id = %s RETURNING id",
        automating.tenant_id,
    )
    automating.happen()
    assert automating.runs()[0]["status"] == "running"
    assert automating.partner.post(f"/automations/runs/{over['id']}/retry").status_code == 202


def test_a_disabled_automation_runs_no_more(automating: Automating) -> None:
    automation_id = automating.make()
    automating.partner.call("PATCH", f"/automations/{automation_id}", json={"enabled": False})
    automating.happen()
    assert automating.runs() == []


@pytest.mark.parametrize("status", ["disabled", "deleted"])
def test_an_app_that_is_not_active_runs_nothing(automating: Automating, status: str) -> None:
    automating.make()
    automating.approve(status=status)
    automating.happen()
    assert automating.runs() == []


def test_a_withdrawn_approval_stops_it_and_an_older_state_does_not_bring_it_back(automating: Automating) -> None:
    automating.make()
    automating.approve("device.*")
    state = {"client_id": automating.partner.client_id, "status": "active", "approved_events": ["incident.*"]}
    old = PlatformApp(**state, version=1, graphql_bundles=[], requested_scopes=[])
    automating.inside.receive(automating.tenant_id, old)
    automating.happen()
    assert automating.runs() == []


@pytest.mark.parametrize("change", [{"granted": ()}, {"status": "suspended"}], ids=["withdrawn", "suspended"])
def test_a_tenant_without_the_grant_runs_nothing(automating: Automating, change: Any) -> None:
    automating.make()
    automating.inside.grant(automating.tenant_id, change.pop("granted", GRANTED), version=later(), **change)
    automating.happen()
    automating.inside.grant(automating.tenant_id, version=later(2))
    assert automating.runs() == []


@pytest.mark.parametrize("stop", ["automation", "app", "approval", "tenant"])
def test_what_waits_for_its_next_attempt_dies_with_what_was_stopped(automating: Automating, stop: str) -> None:
    automation_id = automating.make()
    automating.happen()
    automating.answer(automating.runs()[0], "failed", error="UNAVAILABLE")
    if stop == "automation":
        automating.partner.call("PATCH", f"/automations/{automation_id}", json={"enabled": False})
    elif stop == "tenant":
        automating.inside.grant(automating.tenant_id, (), version=later())
    else:
        automating.approve(
            *(["device.*"] if stop == "approval" else []), status="disabled" if stop == "app" else "active"
        )
    automating.make_due()
    automating.sweep()
    automating.inside.grant(automating.tenant_id, version=later(2))
    [run] = automating.runs()
    assert (run["status"], run["error"]) == ("dead", "stopped")
    assert len(automating.sent("open_incident")) == 1


def test_a_run_states_that_it_is_in_a_sandbox(automating: Automating) -> None:
    automating.make()
    automating.happen()
    automating.inside.grant(automating.tenant_id, version=later(), environment="sandbox")
    automating.happen()
    assert [sent["environment"] for sent in automating.sent("open_incident")] == ["production", "sandbox"]


def test_a_scope_taken_from_the_app_is_not_the_automations_any_more(automating: Automating) -> None:
    automating.make()
    automating.approve(requested_scopes=["argus:platform:write"])
    automating.happen()
    assert automating.sent("open_incident")[0]["scopes"] == ["argus:platform:write"]


def test_deleting_an_automation_forgets_its_runs_and_ignores_their_answers(automating: Automating) -> None:
    automation_id = automating.make()
    automating.happen()
    [run] = automating.runs()
    automating.partner.call("DELETE", f"/automations/{automation_id}")
    automating.inside.receive(automating.tenant_id, RunFinished(run_id=run["id"], attempt=1, outcome="succeeded"))
    assert automating.partner.get(f"/automations/runs/{run['id']}").status_code == 404


def test_another_tenant_answers_for_no_run(automating: Automating, other: Partner) -> None:
    automating.make()
    automating.happen()
    [run] = automating.runs()
    automating.inside.receive(other.tenant_id, RunFinished(run_id=run["id"], attempt=1, outcome="succeeded"))
    assert automating.runs()[0]["status"] == "running"


def test_runs_are_forgotten_after_their_days(automating: Automating) -> None:
    automating.make()
    automating.happen()
    automating.happen()
    old, new = automating.runs()
    automating.inside.rows(
        "UPDATE automation_runs SET created_at = now() - interval '31 days' WHERE id = %s RETURNING id", old["id"]
    )
    with task_transaction(automating.inside.consumer.pool) as conn:
        running.expire(conn, 30)
    assert automating.runs() == [new]


def test_all_old_runs_are_forgotten_in_portions_at_once(
    automating: Automating, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "PORTION", 2)
    automating.make()
    for _ in range(5):
        automating.happen()
    automating.inside.owner.execute("UPDATE automation_runs SET created_at = now() - interval '31 days'")
    with task_transaction(automating.inside.consumer.pool) as conn:
        running.expire(conn, 30)
    assert automating.runs() == []


def test_nothing_that_deletes_old_rows_waits_in_the_lane_in_which_runs_begin(settings: Settings) -> None:
    lanes = {job.name: job.lane for job in periodic(settings)}
    assert lanes["begin runs"] == lanes["begin due runs"] == ""
    deleting = ("forget versions without content", "expire runs", "delete automations")
    assert {lanes[name] for name in deleting} == {"retention"}


def test_what_is_not_over_well_is_measured(automating: Automating) -> None:
    automating.inside.owner.execute("DELETE FROM automation_runs")
    automating.make()
    automating.happen()
    automating.answer(automating.runs()[0], "refused", error="CONFLICT")
    automating.happen()
    with task_transaction(automating.inside.consumer.pool) as conn:
        running.measure(conn, answer=900)
    values = [running.gauge.labels(status)._value.get() for status in ("dead", "waiting", "running")]
    assert values == [1, 0, 1]


def test_every_way_in_which_a_run_becomes_dead_is_counted(automating: Automating) -> None:
    """The gauge ends at 10,000."""

    def counted() -> float:
        return running.dead_runs._value.get()

    before = counted()
    automation_id = automating.make()
    automating.happen()
    automating.answer(automating.runs()[0], "refused", error="CONFLICT")
    assert counted() == before + 1
    automating.happen()
    automating.inside.owner.execute(
        "UPDATE automation_runs SET started_at = now() - interval '1 day' WHERE status = 'running' AND tenant_id = %s",
        (automating.tenant_id,),
    )
    with task_transaction(automating.inside.consumer.pool) as conn:
        given_up = running.give_up_unanswered(conn, seconds=900)
    assert counted() == before + 1 + given_up > before + 1
    automating.happen()
    automating.answer(automating.runs()[0], "failed", error="UNAVAILABLE")
    automating.make_due()
    automating.partner.call("PATCH", f"/automations/{automation_id}", json={"enabled": False})
    before = counted()
    automating.sweep()
    assert counted() == before + 1
    automating.make({"kind": "annotate_incident", "incident_id": {"from": "/nowhere"}, "note": "seen"})
    automating.happen()
    assert (automating.runs()[0]["status"], counted()) == ("dead", before + 2)


def test_a_query_that_forgets_its_tenant_sees_nothing(automating: Automating) -> None:
    automating.make()
    automating.happen()
    with psycopg.connect(automating.inside.database.app) as app:
        for table in ("apps", "automations", "automation_runs", "automation_interest"):
            assert app.execute(f"SELECT FROM {table}").rowcount == 0


def test_the_golden_messages_are_taken_in(automating: Automating) -> None:
    app = golden("control_plane.app_changed.v1", PlatformApp)
    automating.inside.receive(automating.tenant_id, app)
    row = automating.inside.rows(
        "SELECT approved_events, requested_scopes FROM apps WHERE tenant_id = %s AND client_id = %s",
        automating.tenant_id,
        app.client_id,
    )
    assert row == [(app.approved_events, app.requested_scopes)]
    automating.make(event_type="incident.created")
    event = golden("control_plane.event.v1", PlatformEvent)
    ours = event.data | {"organization_id": automating.tenant_id}
    automating.tell(msgspec.structs.replace(event, type="incident.created", data=ours))
    automating.begin()
    [run] = automating.runs()
    assert (run["event_id"], run["cause"]) == (event.event_id, event.cause)
    finished = golden("control_plane.run_finished.v1", RunFinished)
    assert automating.answer(run, finished.outcome, result=finished.result)["result"] == finished.result


def test_what_is_sent_to_the_dispatcher_is_an_event_of_its_catalogue(automating: Automating) -> None:
    automating.make(WEBHOOK)
    automating.happen()
    delivery = msgspec.convert(automating.sent("webhook")[0], AutomationDelivery)
    event = fired(received(automating.tenant_id, delivery))
    assert event is not None
    assert event.id == "evt_" + delivery.run_id.removeprefix("run_")


@pytest.mark.parametrize(
    "change",
    [
        {"automation_retry_schedule": "soon"},
        {"automation_runs_per_minute": 0},
        {"automation_answer_seconds": 0},
        {"agent_stale_seconds": 5, "agent_lost_seconds": 5},
    ],
)
def test_a_malformed_setting_stops_the_process_at_start(settings: Settings, inside: Inside, change: Any) -> None:
    with pytest.raises(ValueError, match=r"AUTOMATION_|AGENT_"):
        settings_for(Settings, inside.database, settings.redis_url, **change)


def give_up(automating: Automating, seconds: int) -> None:
    with task_transaction(automating.inside.consumer.pool) as conn:
        running.give_up_unanswered(conn, seconds)


def golden(name: str, kind: Any) -> Any:
    return msgspec.json.decode((GOLDEN / f"{name}.json").read_bytes(), type=kind)


@pytest.mark.parametrize(
    "action", [WEBHOOK | {"fields": {"from": "/number"}}, CLOSE | {"variables": {"from": "/number"}}]
)
def test_what_its_door_could_not_read_is_dead_at_once_and_never_sent(
    automating: Automating, action: dict[str, Any]
) -> None:
    automating.make(action)
    automating.happen()
    (run,) = automating.runs()
    assert (run["status"], run["error"]) == ("dead", "unfit")
    assert run["detail"].endswith("is no object.")
    assert automating.sent(action["kind"]) == []


def test_an_object_of_the_event_may_be_all_fields(automating: Automating) -> None:
    automating.make(WEBHOOK | {"fields": {"from": ""}})
    automating.happen()
    assert [one["data"]["fields"] for one in automating.sent("webhook")] == [INCIDENT]


def test_an_action_does_not_multiply_the_event(automating: Automating) -> None:
    automating.make(WEBHOOK | {"fields": {"many": [{"from": ""}] * 1000}})
    automating.happen(units=["AMB-07"] * 1000)
    (run,) = automating.runs()
    assert (run["status"], run["error"]) == ("dead", "unfit")
    assert automating.sent("webhook") == []


OTHERS = """
    INSERT INTO automation_runs (id, tenant_id, automation_id, client_id, event_id, event_type, event, cause, status)
    SELECT 'run_' || lpad(number::text, 6, '0'), a.tenant_id, a.id, a.client_id, 'evt_' || number, a.event_type, '{}', '{}', %s
    FROM automations a, generate_series(%s::int, %s) AS number WHERE a.id = %s
"""


def listed(app: Partner, path: str) -> list[list[str]]:
    """The ids of each page."""
    pages: list[list[str]] = []
    cursor = None
    while not pages or cursor:
        answer = app.get(f"{path}{'&' if '?' in path else '?'}cursor={cursor}" if cursor else path).json()
        pages.append([run["id"] for run in answer["runs"]])
        cursor = answer["next_cursor"]
    return pages


def test_a_page_looks_at_10_000_runs(automating: Automating) -> None:
    """Such a page has a cursor, and no run is lost between two pages, with each filter and for each caller."""
    automation, deleted = automating.make(WEBHOOK), automating.make(WEBHOOK)
    owner = automating.inside.owner
    owner.execute(OTHERS, ("suppressed", 1, 1, automation))
    owner.execute(OTHERS, ("succeeded", 2, 10_001, automation))
    owner.execute(OTHERS, ("suppressed", 10_002, 10_002, automation))
    owner.execute(OTHERS, ("dead", 10_003, 10_003, automation))
    administrator = automating.partner.colleague(*SCOPES, "platform:apps")
    suppressed = [["run_010002"], ["run_000001"]]
    for app in (automating.partner, administrator):
        for path in ("/automations/runs", f"/automations/{automation}/runs"):
            assert listed(app, f"{path}?status=suppressed") == suppressed
            assert listed(app, f"{path}?status=dead") == [["run_010003"]]
            assert listed(app, f"{path}?status=failed") == [[]]
    colleague = automating.partner.colleague(*SCOPES)
    assert listed(colleague, "/automations/runs") == [[]]
    everything = [run for page in listed(administrator, "/automations/runs?limit=100") for run in page]
    assert everything == [f"run_{number:06}" for number in range(10_003, 0, -1)]
    # The runs of a deleted automation, which the relay has not deleted yet.
    owner.execute(OTHERS, ("succeeded", 20_001, 30_000, deleted))
    owner.execute("UPDATE automations SET enabled = false, deleted_at = now() WHERE id = %s", (deleted,))
    assert [len(page) for page in listed(administrator, "/automations/runs?limit=100")][:3] == [0, 100, 100]
