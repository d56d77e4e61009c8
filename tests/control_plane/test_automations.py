"""Automations over HTTP: who makes, sees and stops them, and the event types that webhook-dispatcher gets."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import psycopg
import pytest

from services.control_plane.settings import Settings
from shared.primitives import ids
from tests.control_plane.automating import CLOSE, NOTE, OPEN, SCOPES, WEBHOOK, Automating
from tests.control_plane.conftest import Inside, Partner
from tests.support.waiting import wait_for

ONE = {"name": "One", "trigger": {"event_type": "incident.created"}, "action": OPEN}
WAITING = """
    SELECT count(DISTINCT pid) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = current_database()
"""


@pytest.fixture
def automating(partner: Partner, inside: Inside, settings: Settings) -> Automating:
    """An app of a granted tenant that may open incidents, approved for `incident.*` and `automation.fired`."""
    partner.caller = msgspec.structs.replace(partner.caller, scopes=frozenset(SCOPES))
    return Automating(partner, inside, settings)


def administrator(automating: Automating) -> Partner:
    return automating.partner.colleague("platform:apps", "argus:platform:write")


@pytest.mark.parametrize("action", [OPEN, NOTE, WEBHOOK, CLOSE], ids=lambda action: action["kind"])
def test_an_automation_is_made_and_read_as_it_was_asked_for(automating: Automating, action: Any) -> None:
    wanted = {"pointer": "/priority", "in": ["high", "critical"]}
    trigger = {"event_type": "incident.created", "filter": wanted}
    answer = automating.partner.post("/automations", {"name": "Alert", "trigger": trigger, "action": action})
    assert answer.status_code == 201
    made = answer.json()
    assert answer.headers["location"] == f"/api/v1/platform/automations/{made['id']}"
    assert made["trigger"] == trigger
    assert made["action"].items() >= action.items()
    assert (made["enabled"], made["client_id"]) == (True, automating.partner.client_id)
    assert made["scopes"] == sorted(SCOPES)
    assert automating.partner.get(f"/automations/{made['id']}").json() == made
    assert automating.partner.get("/automations").json()["automations"] == [made]


def test_a_key_makes_one_automation_and_the_same_answer(automating: Automating) -> None:
    first, second = (automating.partner.post("/automations", ONE, idempotency_key="k-1") for _ in range(2))
    assert first.json() == second.json()
    assert len(automating.partner.get("/automations").json()["automations"]) == 1


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"trigger": {"event_type": "incident.*"}}, "/trigger/event_type"),
        ({"trigger": {"event_type": "incident.exploded"}}, "/trigger/event_type"),
        ({"trigger": {"event_type": "automation.fired"}}, "/trigger/event_type"),
        ({"trigger": {"event_type": "incident.created", "filter": {}}}, "/trigger/filter"),
        ({"trigger": {"event_type": "incident.created", "filter": {"matches": 1}}}, "/trigger/filter/matches"),
        ({"trigger": {"event_type": "incident.created", "surprise": 1}}, "/trigger/surprise"),
        ({"trigger": 7}, "/trigger"),
        ({"action": {"kind": "shell"}}, "/action"),
        ({"action": {}}, "/action"),
        ({"action": OPEN | {"surprise": 1}}, "/action/surprise"),
        ({"action": {"kind": "open_incident", "fields": {"type": "fire"}}}, "/action/fields"),
        ({"action": NOTE | {"note": {"from": "incident_id"}}}, "/action/note/from"),
        ({"action": CLOSE | {"bundle": "telephony-admin"}}, "/action/bundle"),
        ({"action": CLOSE | {"variables": {"id": {"from": 1}}}}, "/action/variables/id/from"),
        ({"action": WEBHOOK | {"fields": {str(n): n for n in range(21)}}}, "/action/fields"),
        ({"name": ""}, "/name"),
        ({"surprise": 1}, "/surprise"),
    ],
)
def test_what_does_not_fit_is_422_at_its_place(automating: Automating, change: Any, pointer: str) -> None:
    answer = automating.partner.post("/automations", ONE | change)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"].startswith(pointer)


def test_an_event_type_that_is_not_approved_is_403_naming_it(automating: Automating) -> None:
    trigger = {"event_type": "device.enrolled"}
    answer = automating.partner.post("/automations", ONE | {"trigger": trigger})
    assert answer.status_code == 403
    assert answer.json()["unapproved_events"] == ["device.enrolled"]


def test_a_webhook_action_needs_automation_fired_approved_too(automating: Automating) -> None:
    automating.approve("incident.*")
    answer = automating.partner.post("/automations", ONE | {"action": WEBHOOK})
    assert answer.status_code == 403
    assert answer.json()["unapproved_events"] == ["automation.fired"]


def test_an_app_that_nothing_was_heard_of_has_the_default_approval(automating: Automating) -> None:
    new = automating.partner.colleague(*SCOPES)
    assert new.post("/automations", ONE).status_code == 201
    assert new.post("/automations", ONE | {"trigger": {"event_type": "device.enrolled"}}).status_code == 403


@pytest.mark.parametrize("action", [OPEN, NOTE, CLOSE], ids=lambda action: action["kind"])
def test_a_token_makes_no_automation_that_does_more_than_itself(automating: Automating, action: Any) -> None:
    caller = msgspec.structs.replace(automating.partner.caller, scopes=frozenset({"argus:platform:write"}))
    automating.partner.caller = caller
    answer = automating.partner.post("/automations", ONE | {"action": action})
    assert answer.status_code == 403
    assert answer.json()["scope"] == "argus:incidents:write"


def test_a_bundle_that_was_not_granted_is_403_naming_it(automating: Automating) -> None:
    automating.approve(graphql_bundles=[])
    answer = automating.partner.post("/automations", ONE | {"action": CLOSE})
    assert answer.status_code == 403
    assert answer.json()["bundle"] == "incident-management"


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/automations", "argus:platform:read"),
        ("POST", "/automations", "argus:platform:write"),
        ("GET", "/automations/{auto}", "argus:platform:read"),
        ("PATCH", "/automations/{auto}", "argus:platform:write"),
        ("DELETE", "/automations/{auto}", "argus:platform:write"),
        ("GET", "/automations/{auto}/runs", "argus:platform:read"),
        ("GET", "/automations/runs", "argus:platform:read"),
        ("GET", "/automations/runs/{run}", "argus:platform:read"),
        ("POST", "/automations/runs/{run}/retry", "argus:platform:write"),
    ],
)
def test_every_route_asks_for_its_scope(automating: Automating, method: str, path: str, scope: str) -> None:
    weak = automating.partner.colleague("argus:platform:read" if scope.endswith("write") else "argus:incidents:write")
    answer = weak.call(method, path.format(auto=ids.new_id("auto"), run=ids.new_id("run")))
    assert answer.status_code == 403
    assert answer.json()["scope"] == scope


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize("whose", ["nobody's", "a neighbour's", "another tenant's", "no id"])
def test_what_is_not_the_callers_is_404(automating: Automating, other: Partner, method: str, whose: str) -> None:
    automation_id = automating.make()
    caller = {"a neighbour's": automating.partner.colleague(*SCOPES), "another tenant's": other}.get(
        whose, automating.partner
    )
    named = {"nobody's": ids.new_id("auto"), "no id": "auto_x"}.get(whose, automation_id)
    body = {"json": {"name": "Mine"}} if method == "PATCH" else {}
    assert caller.call(method, f"/automations/{named}", **body).status_code == 404
    assert caller.get(f"/automations/{named}/runs").status_code == 404
    assert automating.partner.get(f"/automations/{automation_id}").json()["name"] == "One"


def test_a_list_goes_page_by_page_newest_first(automating: Automating) -> None:
    made = [automating.make() for _ in range(3)]
    first = automating.partner.get("/automations", params={"limit": 2}).json()
    rest = automating.partner.get("/automations", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    listed = [one["id"] for one in [*first["automations"], *rest["automations"]]]
    assert listed == made[::-1]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "cursor=x", "surprise=1", "limit=1&limit=2"])
def test_a_query_that_does_not_fit_is_422(automating: Automating, query: str) -> None:
    for path in ("/automations", "/automations/runs"):
        assert automating.partner.get(f"{path}?{query}").status_code == 422
    assert automating.partner.get("/automations/runs?status=odd").status_code == 422


def test_only_what_is_named_changes(automating: Automating) -> None:
    automation_id = automating.make()
    changed = automating.partner.call("PATCH", f"/automations/{automation_id}", json={"name": "Two"}).json()
    assert (changed["name"], changed["trigger"]["event_type"], changed["enabled"]) == ("Two", "incident.created", True)
    trigger = {"event_type": "incident.closed", "filter": {"pointer": "/version", "gt": 1.5}}
    changed = automating.partner.call(
        "PATCH", f"/automations/{automation_id}", json={"trigger": trigger, "action": NOTE, "enabled": False}
    ).json()
    assert (changed["name"], changed["trigger"], changed["action"]) == ("Two", trigger, NOTE)
    assert (changed["enabled"], changed["disabled_reason"]) == (False, "requested")


def test_a_change_is_asked_what_making_it_is_asked(automating: Automating) -> None:
    path = f"/automations/{automating.make()}"
    call = automating.partner.call
    assert call("PATCH", path, json={"trigger": {"event_type": "device.enrolled"}}).status_code == 403
    assert call("PATCH", path, json={"trigger": {"event_type": "x"}}).status_code == 422
    assert call("PATCH", path, json={"surprise": 1}).status_code == 422
    assert call("PATCH", path, content=b"{}", headers={"content-type": "text/plain"}).status_code == 415
    assert call("PATCH", path, content=b"{", headers={"content-type": "application/json"}).status_code == 400


def test_an_administrator_sees_and_stops_every_apps_and_changes_none(automating: Automating) -> None:
    automation_id = automating.make()
    admin = administrator(automating)
    assert [one["id"] for one in admin.get("/automations").json()["automations"]] == [automation_id]
    by_app = admin.get("/automations", params={"client_id": automating.partner.client_id}).json()["automations"]
    assert len(by_app) == 1
    assert admin.get("/automations", params={"client_id": admin.client_id}).json()["automations"] == []
    assert admin.call("PATCH", f"/automations/{automation_id}", json={"action": NOTE}).status_code == 403
    stopped = admin.call("PATCH", f"/automations/{automation_id}", json={"enabled": False})
    assert stopped.json()["disabled_reason"] == "requested"
    assert admin.call("DELETE", f"/automations/{automation_id}").status_code == 204
    assert automating.partner.get(f"/automations/{automation_id}").status_code == 404


def test_an_administrator_of_another_tenant_sees_nothing(automating: Automating, other: Partner) -> None:
    automation_id = automating.make()
    admin = other.colleague("platform:apps", "argus:platform:write")
    assert admin.get("/automations").json()["automations"] == []
    assert admin.call("DELETE", f"/automations/{automation_id}").status_code == 404


def test_the_dispatcher_is_told_of_every_change_of_what_is_waited_for_and_of_no_other(automating: Automating) -> None:
    first = automating.make()
    automating.make()
    second = automating.make(event_type="incident.closed")
    automating.partner.call("PATCH", f"/automations/{first}", json={"name": "Two"})
    automating.partner.call("PATCH", f"/automations/{second}", json={"enabled": False})
    assert automating.interests() == [
        (1, ["incident.created"]),
        (2, ["incident.closed", "incident.created"]),
        (3, ["incident.created"]),
    ]
    automating.partner.call("DELETE", f"/automations/{first}")
    assert len(automating.interests()) == 3


def test_an_automation_made_disabled_waits_for_nothing(automating: Automating) -> None:
    automating.make(enabled=False)
    assert automating.interests() == []


def test_a_deleted_apps_automations_stop_for_good(automating: Automating) -> None:
    automation_id = automating.make()
    automating.approve(status="deleted")
    assert automating.interests()[-1] == (2, [])
    read = administrator(automating).get(f"/automations/{automation_id}").json()
    assert (read["enabled"], read["disabled_reason"]) == (False, "app_deleted")


def test_an_app_has_at_most_a_hundred(automating: Automating) -> None:
    automating.make()
    automating.inside.rows(
        """INSERT INTO automations (id, tenant_id, client_id, name, event_type, action, scopes, enabled)
        SELECT 'auto_' || n, tenant_id, client_id, name, event_type, action, scopes, enabled
        FROM automations, generate_series(1, 99) n WHERE client_id = %s RETURNING id""",
        automating.partner.client_id,
    )
    assert automating.partner.post("/automations", ONE).status_code == 409


def test_of_those_made_at_once_none_is_the_hundred_and_first(automating: Automating) -> None:
    automating.make()
    automating.inside.rows(
        """INSERT INTO automations (id, tenant_id, client_id, name, event_type, action, scopes, enabled)
        SELECT 'auto_at_once_' || n, tenant_id, client_id, name, event_type, action, scopes, enabled
        FROM automations, generate_series(1, 97) n WHERE client_id = %s RETURNING id""",
        automating.partner.client_id,
    )
    with ThreadPoolExecutor(4) as pool, psycopg.connect(automating.inside.database.migrator) as conn:
        # Each makes its automation, or waits to, before any of them is committed.
        conn.execute("SELECT FROM automation_interest WHERE tenant_id = %s FOR UPDATE", (automating.tenant_id,))
        answers = [pool.submit(lambda: automating.partner.post("/automations", ONE).status_code) for _ in range(4)]
        wait_for(lambda: automating.inside.rows(WAITING) == [(4,)], what="four calls that wait for each other")
        conn.rollback()
        assert sorted(answer.result() for answer in answers) == [201, 201, 409, 409]


def test_the_trail_says_who_made_changed_and_deleted_it(automating: Automating) -> None:
    automation_id = automating.make()
    automating.partner.call("PATCH", f"/automations/{automation_id}", json={"enabled": False})
    automating.partner.call("DELETE", f"/automations/{automation_id}")
    rows = automating.inside.rows("SELECT action FROM audit WHERE subject_id = %s ORDER BY id", automation_id)
    assert [action for (action,) in rows] == ["automation.created", "automation.changed", "automation.deleted"]
