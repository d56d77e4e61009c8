"""The decisions about an app: each scope, event type, bundle and rule that it has now, with person, time and reason."""

from typing import Any

import httpx2
import pytest

from tests.auth.support import Auth
from tests.auth.test_uses_of_apps import APPS, path_of

WHY = "The case sync needs to know of new encounters."


def decisions(auth: Auth, app: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    found = auth.admin("GET", path_of(app, "/decisions")).json()
    assert found["client_id"] == app["client_id"]
    return {(one["kind"], one["item"]): one for one in found["decisions"]}


def as_person(auth: Auth, method: str, path: str, user: str = "usr_1", **given: Any) -> httpx2.Response:
    answer = auth.call(method, path, auth.caller(subject=user), **given)
    assert answer.status_code < 300, answer.text
    return answer


def made_by(auth: Auth, user: str = "usr_1") -> dict[str, Any]:
    draft = {"name": "Case sync", "grant_types": ["client_credentials"], "requested_scopes": ["argus:epcr:read"]}
    return as_person(auth, "POST", APPS, user, json=draft).json()


FIRST = {("scope", "argus:epcr:read"), ("event", "incident.*")}
"""A new app is approved for incidents."""


def test_the_scopes_of_a_new_app_were_decided_by_who_made_it(auth: Auth) -> None:
    app = made_by(auth)
    found = decisions(auth, app)
    assert set(found) == FIRST
    one = found["scope", "argus:epcr:read"]
    assert (one["decided_by"], one["reason"], len(one["trace_id"])) == ("usr_1", None, 32)
    assert one["decided_through"] != "usr_1"


def test_each_item_keeps_the_decision_by_which_the_app_has_it(auth: Auth) -> None:
    app = made_by(auth)
    governance = path_of(app, "/governance")
    approved = {"approved_events": ["epcr.encounter.created"], "reason": WHY}
    as_person(auth, "PATCH", governance, "usr_2", json=approved)
    more = {"approved_events": ["epcr.encounter.created", "device.enrolled"], "allow_service_tokens": False}
    as_person(auth, "PATCH", governance, "usr_3", json=more)
    found = decisions(auth, app)
    said = {item: (one["decided_by"], one["reason"]) for (_, item), one in found.items()}
    assert said == {
        "argus:epcr:read": ("usr_1", None),
        "epcr.encounter.created": ("usr_2", WHY),
        "device.enrolled": ("usr_3", None),
        "allow_service_tokens": ("usr_3", None),
    }
    assert list(found)[-1] == ("scope", "argus:epcr:read")


def test_a_withdrawn_item_has_no_decision_and_a_new_one_has_the_newer(auth: Auth) -> None:
    app = made_by(auth)
    as_person(auth, "PATCH", path_of(app), "usr_2", json={"requested_scopes": [], "reason": "Not used."})
    assert list(decisions(auth, app)) == [("event", "incident.*")]
    as_person(auth, "PATCH", path_of(app), "usr_3", json={"requested_scopes": ["argus:epcr:read"]})
    assert decisions(auth, app)["scope", "argus:epcr:read"]["decided_by"] == "usr_3"


def test_a_change_that_changes_nothing_decides_nothing(auth: Auth) -> None:
    app = made_by(auth)
    same = {"requested_scopes": ["argus:epcr:read"], "name": "Renamed", "reason": WHY}
    as_person(auth, "PATCH", path_of(app), "usr_2", json=same)
    as_person(auth, "PATCH", path_of(app, "/governance"), "usr_2", json={"allow_service_tokens": True, "reason": WHY})
    tried = {"approved_events": ["device.enrolled"]}
    as_person(auth, "PATCH", path_of(app, "/governance?dry_run=true"), "usr_2", json=tried)
    assert {one["decided_by"] for one in decisions(auth, app).values()} == {"usr_1"}


def test_disabling_and_enabling_are_decisions(auth: Auth) -> None:
    app = made_by(auth)
    as_person(auth, "POST", path_of(app, "/disable"), "usr_2")
    assert decisions(auth, app)["rule", "status"]["decided_by"] == "usr_2"
    as_person(auth, "POST", path_of(app, "/enable"), "usr_3")
    assert decisions(auth, app)["rule", "status"]["decided_by"] == "usr_3"


def test_a_refused_change_is_no_decision(auth: Auth) -> None:
    app = made_by(auth)
    body = {"approved_events": ["no.such.event"], "reason": WHY}
    assert auth.admin("PATCH", path_of(app, "/governance"), json=body).status_code == 422
    too_long = {"allow_service_tokens": False, "reason": "x" * 501}
    assert auth.admin("PATCH", path_of(app, "/governance"), json=too_long).status_code == 422
    assert set(decisions(auth, app)) == FIRST


def test_the_audit_trail_names_what_was_approved_and_withdrawn_and_no_reason(auth: Auth) -> None:
    app = made_by(auth)
    more = {"approved_events": ["incident.*", "device.enrolled"], "reason": WHY}
    as_person(auth, "PATCH", path_of(app, "/governance"), json=more)
    as_person(auth, "PATCH", path_of(app, "/governance"), json={"approved_events": []})
    rows = auth.sql(
        "SELECT detail FROM audit WHERE subject_id = %s AND action = 'app.governance_changed' ORDER BY at",
        app["client_id"],
    )
    assert [row[0] for row in rows] == [
        {"fields": ["approved_events"], "approved": ["device.enrolled"]},
        {"fields": ["approved_events"], "withdrawn": ["device.enrolled", "incident.*"]},
    ]
    assert WHY not in str(auth.sql("SELECT detail FROM audit WHERE subject_id = %s", app["client_id"]))


def test_decisions_end_with_their_app(auth: Auth) -> None:
    app = made_by(auth)
    assert auth.admin("DELETE", path_of(app)).status_code == 204
    assert auth.admin("GET", path_of(app, "/decisions")).status_code == 404
    assert auth.sql("SELECT count(*) FROM app_decisions WHERE client_id = %s", app["client_id"]) == [(0,)]


@pytest.mark.parametrize("scopes", [(), ("argus:epcr:read",), ("platform:audit",)])
def test_decisions_need_the_scope_of_apps(auth: Auth, scopes: tuple[str, ...]) -> None:
    app = made_by(auth)
    assert auth.call("GET", path_of(app, "/decisions"), auth.caller(scopes)).status_code == 403


def test_another_organisations_decisions_are_not_found(auth: Auth) -> None:
    app = made_by(auth)
    stranger = auth.caller(tenant=auth.other)
    assert auth.call("GET", path_of(app, "/decisions"), stranger).status_code == 404


APPROVE = """
    INSERT INTO integration_requests (id, tenant_id, capability, status, details, reason, requested_by, decided_at, decision_reason)
    VALUES (%s, %s, 'telephony', 'approved', %s, 'We route calls.', 'app_1', %s, %s)
"""


def test_the_request_that_opened_a_scope_to_the_organisation_is_beside_it(auth: Auth) -> None:
    tenant = auth.demo["tenant_id"]
    details = '{"scopes": ["argus:telephony:read", "argus:telephony:write"]}'
    for number, day, why in ((1, "2026-01-02", "Once."), (2, "2026-02-02", "As agreed.")):
        auth.sql(APPROVE, f"ireq_{number}", tenant, details, f"{day}T03:04:05Z", why)
    app, other = auth.register(["argus:telephony:read"]), auth.register(["webhooks:write"])
    found = auth.admin("GET", path_of(app, "/decisions")).json()["organisation_grants"]
    assert found == [
        {
            "kind": "scope",
            "item": "argus:telephony:read",
            "request_id": "ireq_2",
            "requested_by": "app_1",
            "decided_at": "2026-02-02T03:04:05Z",
            "reason": "As agreed.",
        }
    ]
    assert auth.admin("GET", path_of(other, "/decisions")).json()["organisation_grants"] == []
