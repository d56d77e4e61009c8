"""Incidents through approved documents: in order, without lost updates, with their events."""

import threading
from typing import Any

import msgspec
import psycopg
import pytest

from deploy.local.databases import Database
from services.graphql_api import schema
from services.graphql_api.transport import plans
from shared.primitives import ids
from tests.graphql_api.asking import Asking
from tests.support.messages import require_valid

DRAFT: dict[str, Any] = {
    "type": "medical",
    "priority": "high",
    "location": {"latitude": 43.769562, "longitude": 11.255814},
    "units": ["AMB-07"],
    "cadIncidentId": "CAD-1",
}


@pytest.fixture(autouse=True)
def _granted(ask: Asking) -> None:
    ask.grant("incident-management")


def create(ask: Asking, **changes: Any) -> dict[str, Any]:
    return ask.data("CreateIncident", {"input": {"type": "medical", "priority": "high"} | changes})


def update(ask: Asking, incident: dict[str, Any], **changes: Any) -> dict[str, Any]:
    variables = {"id": incident["id"], "expectedVersion": incident["version"], "input": changes}
    return ask.data("UpdateIncident", variables)


def outbox(database: Database, tenant: str) -> list[dict[str, Any]]:
    with psycopg.connect(database.admin) as conn:
        rows = conn.execute("SELECT body::text FROM outbox WHERE tenant_id = %s ORDER BY id", (tenant,)).fetchall()
    return [msgspec.json.decode(row[0]) for row in rows]


def test_an_incident_is_numbered_open_and_only_coarsely_placed(ask: Asking) -> None:
    incident = ask.data("CreateIncident", {"input": DRAFT})
    assert ids.is_id(incident["id"], "inc")
    assert incident["number"].endswith("-000001")
    assert incident["status"] == "open"
    assert incident["location"] == {"latitude": 43.77, "longitude": 11.26}
    assert (incident["units"], incident["cadIncidentId"], incident["version"]) == (["AMB-07"], "CAD-1", 1)
    assert incident["createdAt"].endswith("Z")
    assert [entry["kind"] for entry in incident["timeline"]] == ["created"]
    assert create(ask)["number"].endswith("-000002")


def test_an_event_of_a_sandbox_is_marked_as_test_data(ask: Asking, database: Database) -> None:
    sandbox: dict[str, Any] = {"environment": "sandbox"}
    incident = ask.data("CreateIncident", {"input": DRAFT}, **sandbox)
    change = {"id": incident["id"], "expectedVersion": 1, "input": {"priority": "low"}}
    ask.data("UpdateIncident", change, **sandbox)
    create(ask)
    assert [event["test"] for event in outbox(database, ask.tenant)] == [True, True, False]


def test_each_change_is_a_version_a_timeline_entry_and_an_event_of_the_catalogue(
    ask: Asking, database: Database
) -> None:
    incident = ask.data("CreateIncident", {"input": DRAFT})
    incident = update(ask, incident, status="dispatched", units=["AMB-07", "AMB-12"])
    incident = update(ask, incident, priority="critical", location=None)
    variables = {"id": incident["id"], "expectedVersion": incident["version"], "reason": "resolved"}
    closed = ask.data("CloseIncident", variables)
    assert (closed["status"], closed["closedReason"], closed["version"]) == ("closed", "resolved", 4)
    assert closed["location"] is None
    assert closed["closedAt"] is not None
    told = [(entry["kind"], entry["from"], entry["to"], entry["version"]) for entry in closed["timeline"]]
    assert told == [
        ("created", None, "open", 1),
        ("status", "open", "dispatched", 2),
        ("units", "AMB-07", "AMB-07, AMB-12", 2),
        ("priority", "high", "critical", 3),
        ("location", "43.77,11.26", None, 3),
        ("closed", "dispatched", "resolved", 4),
    ]
    events = outbox(database, ask.tenant)
    assert [event["type"] for event in events] == [
        "incident.created",
        "incident.updated",
        "incident.updated",
        "incident.closed",
    ]
    for event in events:
        require_valid(event["type"], event["data"])
    assert events[-1]["data"]["closed_reason"] == "resolved"
    assert "43.77" not in str(events)


def test_a_change_that_changes_nothing_makes_no_version_and_no_event(ask: Asking, database: Database) -> None:
    incident = create(ask)
    assert update(ask, incident, priority="high", status="open")["version"] == 1
    assert len(outbox(database, ask.tenant)) == 1


def test_a_change_made_from_an_old_version_is_refused_with_the_current_one(ask: Asking) -> None:
    incident = create(ask)
    update(ask, incident, priority="low")
    variables = {"id": incident["id"], "expectedVersion": 1, "input": {"priority": "critical"}}
    (error,) = ask.operation("UpdateIncident", variables)["errors"]
    assert error["extensions"]["code"] == "CONFLICT"
    assert error["extensions"]["current_version"] == 2
    assert ask.data("GetIncident", {"id": incident["id"]})["priority"] == "low"


def test_of_ten_who_change_the_same_version_one_succeeds(ask: Asking) -> None:
    incident = create(ask)
    variables = {"id": incident["id"], "expectedVersion": 1, "input": {"priority": "critical"}}
    answers: list[dict[str, Any]] = []
    threads = [
        threading.Thread(target=lambda: answers.append(ask.operation("UpdateIncident", variables))) for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted("errors" in answer for answer in answers) == [False] + [True] * 9


@pytest.mark.parametrize("wanted", ["resolved", "closed"])
def test_a_status_the_graph_does_not_lead_to_is_a_conflict(ask: Asking, wanted: str) -> None:
    variables = {"id": create(ask)["id"], "expectedVersion": 1, "input": {"status": wanted}}
    assert ask.code("UpdateIncident", variables) == "CONFLICT"


def test_a_closed_incident_changes_no_more(ask: Asking) -> None:
    incident = create(ask)
    close = {"id": incident["id"], "expectedVersion": 1, "reason": "duplicate"}
    ask.data("CloseIncident", close)
    assert ask.code("CloseIncident", close | {"expectedVersion": 2}) == "CONFLICT"
    change = {"id": incident["id"], "expectedVersion": 2, "input": {"priority": "low"}}
    assert ask.code("UpdateIncident", change) == "CONFLICT"


def test_closing_says_why(ask: Asking) -> None:
    incident = create(ask)
    for reason in (None, "because"):
        variables = {"id": incident["id"], "expectedVersion": 1, "reason": reason}
        assert ask.code("CloseIncident", variables) == "BAD_USER_INPUT"


def test_one_cad_reference_belongs_to_one_incident(ask: Asking) -> None:
    first = create(ask, cadIncidentId="CAD-9")
    (error,) = ask.operation(
        "CreateIncident", {"input": {"type": "fire", "priority": "low", "cadIncidentId": "CAD-9"}}
    )["errors"]
    assert error["extensions"]["code"] == "CONFLICT"
    assert error["extensions"]["id"] == first["id"]
    assert create(ask)["number"].endswith("-000002")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"location": {"latitude": 91, "longitude": 0}}, "/input/location/latitude"),
        ({"location": {"latitude": 0, "longitude": -180.5}}, "/input/location/longitude"),
        ({"units": [""]}, "/input/units/0"),
        ({"units": ["x" * 129]}, "/input/units/0"),
        ({"units": ["x"] * 201}, "/input/units"),
        ({"cadIncidentId": ""}, "/input/cadIncidentId"),
    ],
)
def test_a_draft_that_does_not_fit_names_the_field(ask: Asking, changes: dict[str, Any], pointer: str) -> None:
    (error,) = ask.operation("CreateIncident", {"input": {"type": "fire", "priority": "low"} | changes})["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["extensions"]["errors"][0]["pointer"] == pointer


def test_null_clears_a_location_and_nothing_else(ask: Asking) -> None:
    incident = create(ask)
    for field in ("type", "priority", "status", "units"):
        variables = {"id": incident["id"], "expectedVersion": 1, "input": {field: None}}
        assert ask.code("UpdateIncident", variables) == "BAD_USER_INPUT", field


def test_a_connection_is_walked_by_its_cursors_newest_first(ask: Asking) -> None:
    made = [create(ask)["id"] for _ in range(5)]
    seen: list[str] = []
    cursor = None
    for expected in (2, 2, 1):
        page = ask.data("ListIncidents", {"first": 2, "after": cursor})
        assert len(page["nodes"]) == expected
        assert page["pageInfo"]["hasNextPage"] is (expected == 2 and len(seen) < 2) or len(seen) == 2
        seen += [node["id"] for node in page["nodes"]]
        cursor = page["pageInfo"]["endCursor"]
    assert seen == made[::-1]
    assert page["pageInfo"]["hasNextPage"] is False
    assert ask.data("ListIncidents", {"after": cursor}) == {
        "nodes": [],
        "pageInfo": {"hasNextPage": False, "endCursor": None},
    }


def test_lists_are_filtered_by_every_field_of_the_filter(ask: Asking) -> None:
    fire = create(ask, type="fire", priority="low", cadIncidentId="CAD-F")
    medical = update(ask, create(ask, type="medical", priority="critical"), status="dispatched")
    for given, found in (
        ({"type": ["fire"]}, [fire]),
        ({"priority": ["critical", "high"]}, [medical]),
        ({"status": ["dispatched"]}, [medical]),
        ({"cadIncidentId": "CAD-F"}, [fire]),
        ({"type": ["fire"], "status": ["dispatched"]}, []),
        ({}, [medical, fire]),
    ):
        nodes = ask.data("ListIncidents", {"filter": given})["nodes"]
        assert [node["id"] for node in nodes] == [incident["id"] for incident in found], given


@pytest.mark.parametrize("variables", [{"first": 0}, {"first": 101}, {"first": -1}, {"after": "x"}, {"after": "aW5j"}])
def test_a_page_that_cannot_be_is_bad_input(ask: Asking, variables: dict[str, Any]) -> None:
    assert ask.code("ListIncidents", variables) == "BAD_USER_INPUT"


def test_another_tenants_incident_does_not_exist(ask: Asking) -> None:
    incident = create(ask)
    other: dict[str, Any] = {"tenant": ask.other_tenant, "client_id": ids.new_id("app")}
    ask.grant("incident-management", **other)
    assert ask.data("GetIncident", {"id": incident["id"]}, **other) is None
    assert ask.data("ListIncidents", **other)["nodes"] == []
    change = {"id": incident["id"], "expectedVersion": 1, "input": {"priority": "low"}}
    assert ask.code("UpdateIncident", change, **other) == "NOT_FOUND"
    close = {"id": incident["id"], "expectedVersion": 1, "reason": "resolved"}
    assert ask.code("CloseIncident", close, **other) == "NOT_FOUND"


@pytest.mark.parametrize("id", ["x", "inc_x", "", "enc_01jdkfx3c8e2r9v5m7q4t6w0ya", "inc_01jdkfx3c8e2r9v5m7q4t6w0ya"])
def test_an_id_that_is_none_of_ours_is_not_found(ask: Asking, id: str) -> None:
    assert ask.data("GetIncident", {"id": id}) is None
    assert ask.code("CloseIncident", {"id": id, "expectedVersion": 1, "reason": "resolved"}) == "NOT_FOUND"


def test_reading_needs_the_read_scope_and_writing_the_write_scope(ask: Asking) -> None:
    incident = create(ask)
    scopes: dict[str, Any] = {"scopes": ["argus:incidents:read"]}
    assert ask.data("GetIncident", {"id": incident["id"]}, **scopes)["id"] == incident["id"]
    draft = {"input": {"type": "fire", "priority": "low"}}
    assert ask.code("CreateIncident", draft, **scopes) == "FORBIDDEN"
    assert ask.code("ListIncidents", scopes=["argus:acqi:read"]) == "FORBIDDEN"


def test_a_creation_sent_twice_with_one_key_happens_once(ask: Asking, database: Database) -> None:
    draft = {"input": {"type": "fire", "priority": "low"}}
    headers = {"idempotency-key": "key-1"}
    first = ask.data("CreateIncident", draft, headers=headers)
    assert ask.data("CreateIncident", draft, headers=headers) == first
    assert len(outbox(database, ask.tenant)) == 1
    other = ask.raw(
        json={"query": ask.text("CreateIncident"), "variables": {"input": {"type": "rescue", "priority": "low"}}},
        headers=headers,
    )
    assert other.status_code == 422


def test_a_kept_answer_is_withheld_from_a_token_without_the_scope(ask: Asking) -> None:
    headers = {"idempotency-key": "key-3"}
    first = ask.data("CreateIncident", {"input": DRAFT}, headers=headers)
    for scopes in (["argus:acqi:read"], ["argus:incidents:read"]):
        answer = ask.operation("CreateIncident", {"input": DRAFT}, headers=headers, scopes=scopes)
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
        assert answer["errors"][0]["extensions"]["scope"] == "argus:incidents:write"
        assert "data" not in answer
    assert ask.data("CreateIncident", {"input": DRAFT}, headers=headers) == first


def test_every_mutation_says_what_scope_it_needs() -> None:
    mutations = schema.build().mutation_type
    assert mutations is not None
    assert plans.WRITE_SCOPES.keys() == mutations.fields.keys()


def test_a_refused_mutation_leaves_nothing_behind(ask: Asking, database: Database) -> None:
    create(ask, cadIncidentId="CAD-1")
    ask.operation("CreateIncident", {"input": DRAFT}, headers={"idempotency-key": "key-2"})
    assert len(outbox(database, ask.tenant)) == 1
    with psycopg.connect(database.admin) as conn:
        kept = conn.execute("SELECT count(*) FROM idempotency_keys WHERE tenant_id = %s", (ask.tenant,)).fetchone()
    assert kept == (0,)


def test_each_change_is_audited_by_field_and_never_by_value(ask: Asking, database: Database) -> None:
    incident = ask.data("CreateIncident", {"input": DRAFT})
    update(ask, incident, priority="low")
    with psycopg.connect(database.admin) as conn:
        rows = conn.execute(
            "SELECT action, client_id, subject_id, detail FROM audit WHERE tenant_id = %s ORDER BY id", (ask.tenant,)
        ).fetchall()
    assert rows == [
        ("incident.created", ask.client_id, incident["id"], {"version": 1, "changed": ["created"]}),
        ("incident.updated", ask.client_id, incident["id"], {"version": 2, "changed": ["priority"]}),
    ]


@pytest.mark.parametrize("mode", ["shifted", "safe_harbor"])
def test_an_app_that_is_shown_moved_times_reaches_no_incident_and_no_indicator(ask: Asking, mode: Any) -> None:
    """Incidents tell exact times; indicators, asked again and again, when something rare has happened."""
    assert ask.code("CreateIncident", {"input": DRAFT}, mode=mode) == "FORBIDDEN"
    assert ask.code("ListIncidents", mode=mode) == "FORBIDDEN"
    document = "query($from: DateTime!, $to: DateTime!) { acqiMetrics(fromDate: $from, toDate: $to) { denominator } }"
    between = {"from": "2026-03-01T00:00:00Z", "to": "2026-03-31T00:00:00Z"}
    [error] = ask.document(document, between, mode=mode)["errors"]
    assert error["extensions"]["code"] == "FORBIDDEN"
