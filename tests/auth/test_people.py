"""People of an organisation through the API: lists, roles, sessions, second factors, leaving."""

from typing import Any

import pytest

from services.auth.apps import scopes
from services.auth.people import roles
from services.auth.people.endpoints import place_of
from tests.auth.people_support import ALL_ROLES, SCOPES, USERS, Organisation, Person
from tests.auth.support import Auth, Browser, returned


@pytest.fixture
def coastal(auth: Auth) -> Organisation:
    return Organisation(auth)


def listed(organisation: Organisation, **query: Any) -> set[str]:
    answer = organisation.call("GET", USERS, params=query)
    assert answer.status_code == 200, answer.text
    return {user["user_id"] for user in answer.json()["users"]}


def test_a_person_is_shown_with_role_factor_and_ways_to_sign_in(coastal: Organisation) -> None:
    anna = coastal.person("integrator")
    shown = anna.shown()
    assert (shown["role"], shown["status"], shown["provider_roles"]) == ("integrator", "active", [])
    assert (shown["second_factor"], shown["has_password"], shown["federated"]) == (False, True, False)
    assert shown["last_sign_in_at"] is None
    anna.sign_in()
    assert anna.shown()["last_sign_in_at"] is not None


def test_the_list_is_filtered_and_paged_by_the_server(coastal: Organisation) -> None:
    first, second, third = coastal.person("administrator"), coastal.person("auditor"), coastal.person("auditor")
    assert listed(coastal) == {first.id, second.id, third.id}
    assert listed(coastal, role="auditor") == {second.id, third.id}
    assert listed(coastal, search=third.email[4:20].upper()) >= {third.id}
    assert listed(coastal, search="100%") == listed(coastal, search="a_b") == set()
    assert listed(coastal, federated="true") == listed(coastal, second_factor="true") == set()
    coastal.call("POST", f"{second.path}/leave")
    assert listed(coastal, status="disabled") == {second.id}
    page = coastal.call("GET", USERS, params={"limit": 2}).json()
    assert [user["user_id"] for user in page["users"]] == [third.id, second.id]
    rest = coastal.call("GET", USERS, params={"limit": 2, "cursor": page["next_cursor"]}).json()
    assert [user["user_id"] for user in rest["users"]] == [first.id]
    assert rest["next_cursor"] is None


def test_people_with_roles_of_their_identity_provider_have_none_here(coastal: Organisation) -> None:
    person, mapped = coastal.person(), coastal.person(None, ["webhooks:write"])
    assert (person.shown()["role"], mapped.shown()["role"]) == ("administrator", None)
    assert listed(coastal, role="administrator") == {person.id}


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("PUT", "/role"), ("POST", "/leave"), ("GET", "/sessions")])
def test_a_person_of_another_organisation_does_not_exist(auth: Auth, method: str, path: str) -> None:
    stranger, ours = Organisation(auth).person(), Organisation(auth)
    body = {"json": {"role": "auditor"}} if path == "/role" else {}
    assert ours.call(method, stranger.path + path, **body).status_code == 404
    assert stranger.shown()["status"] == "active"
    assert listed(ours) == set()


@pytest.mark.parametrize("user_id", ["usr_x", "%", "usr_01m88d0q5rekasgwnts2cwwdh6"])
def test_an_unknown_person_is_404(coastal: Organisation, user_id: str) -> None:
    assert coastal.call("GET", f"{USERS}/{user_id}").status_code == 404


@pytest.mark.parametrize("query", [{"role": "boss"}, {"search": ""}, {"status": "x"}, {"federated": "perhaps"}])
def test_a_filter_that_does_not_fit_is_refused(coastal: Organisation, query: dict[str, str]) -> None:
    assert coastal.call("GET", USERS, params=query).status_code == 422


# --- Roles ------------------------------------------------------------------------------------------------------------


def test_roles_are_listed_with_their_scopes(coastal: Organisation) -> None:
    shown = coastal.call("GET", "/v1/platform/roles").json()["roles"]
    assert [one["role"] for one in shown] == list(ALL_ROLES)
    assert {one["role"] for one in shown if one["scopes"] is None} == {"administrator"}


def test_only_administrators_may_change_people() -> None:
    limits = {role: roles.of(role) for role in ALL_ROLES}
    assert [role for role, limit in limits.items() if limit is None] == ["administrator"]
    assert not any("platform:people:write" in (limit or []) for limit in limits.values())


def test_reports_are_scheduled_by_everybody_who_changes_something_and_not_by_auditors() -> None:
    """A quality officer does not get the administration of apps for it."""
    limits = {role: roles.of(role) for role in ALL_ROLES}
    schedule = {role for role, limit in limits.items() if not scopes.beyond(limit, ["argus:acqi:schedule"])}
    assert schedule == {"administrator", "quality_officer", "integrator"}
    assert limits["quality_officer"] == ["argus:acqi:read", "argus:acqi:schedule", "argus:epcr:read"]


def test_an_auditor_reads_no_webhooks_whose_deliveries_hold_records() -> None:
    """Through the console the scope would show the console's own webhooks, of which there are none; bodies of deliveries are records."""
    limits = roles.of("auditor")
    assert limits is not None
    assert scopes.beyond(limits, ["webhooks:read"])
    assert not any(name.endswith(":write") for name in limits)


def test_a_quality_officer_reads_indicators_and_nothing_else_can_be_given(auth: Auth) -> None:
    """A person's app gets no scope beyond the role, on the consent page of a real sign-in."""
    user = auth.sql("SELECT user_id FROM users WHERE email = %s", auth.demo["email"])[0][0]
    app = auth.register(
        ["argus:acqi:read", "webhooks:write"],
        grant_types=["authorization_code"],
        redirect_uris=["https://integrator.example/callback"],
    )
    auth.sql("UPDATE users SET role = 'quality_officer', scope_limit = '{argus:acqi:read}' WHERE user_id = %s", user)
    try:
        browser = Browser(auth)
        browser.sign_in()
        assert browser.authorize(app, scope="argus:acqi:read").status_code == 200
        assert returned(browser.authorize(app, scope="webhooks:write"))["error"] == "access_denied"
    finally:
        auth.sql("UPDATE users SET role = 'administrator', scope_limit = NULL WHERE user_id = %s", user)


def test_a_narrower_role_ends_what_exceeds_it_and_leaves_the_rest(coastal: Organisation) -> None:
    admin, anna = coastal.person(), coastal.person("integrator")
    anna.session()
    kept, over = anna.grant("argus:acqi:read"), anna.grant("webhooks:write", offline=True)
    kept_token, over_token = anna.service_token("argus:acqi:read"), anna.service_token("webhooks:write")
    changed = admin.give_role(anna, "quality_officer")
    assert changed.status_code == 200, changed.text
    assert changed.json()["user"]["role"] == "quality_officer"
    assert changed.json()["ended"] == {
        "sessions": 1,
        "grants": 1,
        "refresh_tokens": 0,
        "service_tokens": 1,
        "invitations": 0,
    }
    assert anna.live_grants() == {kept, kept_token}
    assert {over, over_token} <= anna.refused_tokens()
    assert anna.live_sessions() == 0
    action, detail = coastal.trail()[-1]
    assert (action, detail["from"], detail["to"]) == ("user.role_changed", "integrator", "quality_officer")


def test_a_wider_role_ends_nothing(coastal: Organisation) -> None:
    admin, anna = coastal.person(), coastal.person("quality_officer")
    anna.session()
    kept = anna.grant("argus:acqi:read")
    assert set(admin.give_role(anna, "administrator").json()["ended"].values()) == {0}
    assert (anna.live_sessions(), anna.live_grants()) == (1, {kept})
    assert anna.shown()["role"] == "administrator"


def test_automations_hear_of_a_narrower_role(coastal: Organisation) -> None:
    admin, anna = coastal.person(), coastal.person()
    admin.give_role(anna, "auditor")
    rows = coastal.auth.sql("SELECT scopes_left FROM ended_authorities WHERE user_id = %s", anna.id)
    assert rows == [(roles.of("auditor"),)]


@pytest.mark.parametrize("body", [{}, {"role": "root"}, {"role": None}, {"role": "auditor", "scopes": []}])
def test_a_role_that_is_none_is_refused(coastal: Organisation, body: dict[str, Any]) -> None:
    anna = coastal.person("auditor")
    assert coastal.call("PUT", f"{anna.path}/role", json=body).status_code == 422


# --- Sessions and second factors --------------------------------------------------------------------------------------


def test_sessions_show_device_and_class_of_place_and_no_address(coastal: Organisation) -> None:
    anna = coastal.person()
    firefox = "Mozilla/5.0 (Windows NT 10.0; rv:128.0) Gecko/20100101 Firefox/128.0"
    anna.session(firefox, "8.8.8.8")
    anna.session(address="10.1.2.3")
    answer = coastal.call("GET", f"{anna.path}/sessions")
    shown = answer.json()["sessions"]
    assert [(one["device"], one["place"]) for one in shown] == [
        ("", "private_network"),
        ("Firefox, Windows", "internet"),
    ]
    assert "8.8.8.8" not in answer.text
    assert "10.1.2.3" not in answer.text


@pytest.mark.parametrize(
    ("address", "place"), [("8.8.8.8", "internet"), ("fd00::1", "private_network"), ("", "unknown")]
)
def test_an_address_becomes_a_class_of_place(address: str, place: str) -> None:
    assert place_of(address) == place


def test_one_session_ends_and_then_all(coastal: Organisation) -> None:
    anna, other = coastal.person(), coastal.person()
    browser = anna.sign_in()
    anna.session()
    theirs = other.session()
    foreign = Organisation(coastal.auth).person().session()
    for session_id in (theirs, foreign, "ses_x"):
        assert coastal.call("DELETE", f"{anna.path}/sessions/{session_id}").status_code == 404
    [newest, *_] = coastal.call("GET", f"{anna.path}/sessions").json()["sessions"]
    assert coastal.call("DELETE", f"{anna.path}/sessions/{newest['id']}").status_code == 204
    third_party = coastal._app("Partner", first_party=False)
    console, partners = anna.grant("platform:apps", offline=True), anna.grant("webhooks:write", client_id=third_party)
    ended = coastal.call("DELETE", f"{anna.path}/sessions").json()["ended"]
    assert (ended["sessions"], ended["grants"]) == (1, 1)
    assert anna.live_grants() == {partners}
    assert console in anna.refused_tokens()
    assert browser.get("/v1/auth/sessions").status_code == 303
    assert other.live_sessions() == 1


def test_a_second_factor_is_reset_by_an_administrator_with_an_entry_in_the_trail(coastal: Organisation) -> None:
    admin, anna = coastal.person(), coastal.person()
    coastal.auth.sql("UPDATE users SET totp_secret = 'x', wrong_codes = 20 WHERE user_id = %s", anna.id)
    coastal.auth.sql("INSERT INTO recovery_codes VALUES (%s, 'mac', %s)", anna.id, coastal.tenant_id)
    anna.session()
    done = admin.call("POST", f"{anna.path}/reset-second-factor").json()
    assert (done["user"]["second_factor"], done["ended"]["sessions"]) == (False, 1)
    assert coastal.auth.sql("SELECT count(*) FROM recovery_codes WHERE user_id = %s", anna.id) == [(0,)]
    assert coastal.trail()[-1] == ("user.second_factor_removed", {"had_one": True, "sessions": 1})
    assert anna.can_sign_in()


# --- Leaving ----------------------------------------------------------------------------------------------------------


def holdings(anna: Person) -> tuple[Browser, set[str]]:
    browser = anna.sign_in()
    grants = {anna.grant("webhooks:write", offline=True), anna.grant("argus:acqi:read"), anna.service_token("x")}
    invited = anna.call("POST", "/v1/platform/invitations", json={"email": f"{anna.id}@new.example", "role": "auditor"})
    assert invited.status_code == 201, invited.text
    return browser, grants


ALL_ENDED = {"sessions": 1, "grants": 2, "refresh_tokens": 1, "service_tokens": 1, "invitations": 1}


def test_leaving_ends_all_access_at_once_and_counts_it(coastal: Organisation) -> None:
    admin, anna = coastal.person(), coastal.person()
    browser, grants = holdings(anna)
    tried = admin.call("POST", f"{anna.path}/leave", params={"dry_run": "true"}).json()
    assert (tried["ended"], tried["dry_run"], tried["user"]["status"]) == (ALL_ENDED, True, "active")
    assert anna.live_grants() == grants
    left = admin.call("POST", f"{anna.path}/leave").json()
    assert (left["ended"], left["dry_run"], left["user"]["status"]) == (ALL_ENDED, False, "disabled")
    assert anna.live_grants() == set()
    assert grants <= anna.refused_tokens()
    assert browser.get("/v1/auth/sessions").status_code == 303
    assert not anna.can_sign_in()
    assert coastal.trail()[-1] == ("user.left", ALL_ENDED)
    again = admin.call("POST", f"{anna.path}/leave").json()
    assert set(again["ended"].values()) == {0}


def test_a_leaver_who_comes_back_signs_in_and_what_ended_stays_ended(coastal: Organisation) -> None:
    admin, anna = coastal.person(), coastal.person("auditor")
    anna.grant("webhooks:read")
    admin.call("POST", f"{anna.path}/leave")
    back = admin.call("POST", f"{anna.path}/enable")
    assert (back.status_code, back.json()["status"], back.json()["role"]) == (200, "active", "auditor")
    assert anna.can_sign_in()
    assert anna.live_grants() == set()


def test_a_service_token_minted_in_a_persons_name_ends_when_they_leave(coastal: Organisation) -> None:
    admin, anna = coastal.person(), coastal.person("integrator")
    draft = {"name": "Sync", "grant_types": ["client_credentials"], "requested_scopes": ["webhooks:write"]}
    app = anna.call("POST", "/v1/platform/apps", json=draft).json()
    minted = f"/v1/platform/apps/{app['client_id']}/service-token"
    for whose in (anna, admin):
        assert whose.call("POST", minted).status_code == 201
    left = admin.call("POST", f"{anna.path}/leave").json()
    assert left["ended"]["service_tokens"] == 1
    live = admin.call("GET", f"{minted}s").json()["service_tokens"]
    assert len(live) == 1


@pytest.mark.parametrize("scopes", [(), ("platform:apps",), ("platform:people:read",)])
def test_a_change_needs_its_scope(coastal: Organisation, scopes: tuple[str, ...]) -> None:
    admin, anna = coastal.person(), coastal.person()
    for method, path in (
        ("POST", "leave"),
        ("POST", "enable"),
        ("DELETE", "sessions"),
        ("POST", "reset-second-factor"),
    ):
        assert admin.call(method, f"{anna.path}/{path}", scopes).status_code == 403
    reads = admin.call("GET", USERS, scopes).status_code
    assert reads == (200 if "platform:people:read" in scopes else 403)
    assert admin.call("GET", USERS, SCOPES).status_code == 200
