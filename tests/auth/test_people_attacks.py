"""Attacks on people: giving more than one has, taking the last administrator, half a leaving, a token of an older role."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
import pytest

from tests.auth.federation import CONNECTIONS, Connection, metadata_of, open_federation, usual_signer
from tests.auth.people_support import INVITATIONS, SCOPES, Organisation, Person
from tests.auth.support import Auth, Browser, redeem, register_web_app
from tests.support.name_server import NameServer
from tests.support.waiting import wait_for


@pytest.fixture
def coastal(auth: Auth) -> Organisation:
    return Organisation(auth)


# --- Escalation -------------------------------------------------------------------------------------------------------

# Tokens of an older role carry all scopes for a second, and an identity provider may map them to anyone.
BELOW = [("integrator", None), ("quality_officer", None), ("auditor", None), (None, ["platform:people:write"])]


@pytest.fixture(params=BELOW, ids=["integrator", "quality officer", "auditor", "mapped"])
def below(request: pytest.FixtureRequest, coastal: Organisation) -> Person:
    role, limit = request.param
    return coastal.person(role, limit)


def test_nobody_makes_an_administrator_who_is_none(coastal: Organisation, below: Person) -> None:
    anna = coastal.person("auditor")
    assert below.give_role(anna, "administrator").status_code == 403
    assert below.give_role(below, "administrator").status_code == 403
    assert (anna.shown()["role"], below.shown()["role"]) == ("auditor", below.role)


def test_nobody_invites_an_administrator_who_is_none(coastal: Organisation, below: Person) -> None:
    invited = below.call("POST", INVITATIONS, json={"email": "mine@coastal.example", "role": "administrator"})
    assert invited.status_code == 403
    assert coastal.auth.sql("SELECT count(*) FROM invitations WHERE tenant_id = %s", coastal.tenant_id) == [(0,)]


def test_nobody_resends_or_withdraws_an_administrators_invitation_who_is_none(
    coastal: Organisation, below: Person
) -> None:
    made = coastal.invite("boss@coastal.example", "administrator").json()
    for act in ("resend", "withdraw"):
        assert below.call("POST", f"{INVITATIONS}/{made['id']}/{act}").status_code == 403
    assert coastal.call("GET", f"{INVITATIONS}/{made['id']}").json()["status"] == "pending"


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "leave"), ("POST", "reset-second-factor"), ("DELETE", "sessions"), ("POST", "enable")]
)
def test_nobody_ends_the_access_of_an_administrator_who_is_none(
    coastal: Organisation, below: Person, method: str, path: str
) -> None:
    coastal.person()
    anna = coastal.person()
    anna.session()
    assert below.call(method, f"{anna.path}/{path}").status_code == 403
    assert (anna.live_sessions(), anna.shown()["status"]) == (1, "active")


def test_a_disabled_administrators_token_changes_nobody(coastal: Organisation) -> None:
    """Until gateways follow, the token still arrives."""
    admin, gone, anna = coastal.person(), coastal.person(), coastal.person("auditor")
    assert admin.call("POST", f"{gone.path}/leave").status_code == 200
    assert gone.give_role(anna, "administrator").status_code == 403
    assert gone.call("POST", f"{gone.path}/enable").status_code == 403


def test_nobody_removes_their_own_second_factor_without_password_and_code(coastal: Organisation) -> None:
    admin = coastal.person()
    assert admin.call("POST", f"{admin.path}/reset-second-factor").status_code == 403


def test_an_integrator_does_not_map_an_identity_providers_roles_to_all_scopes(
    auth: Auth, name_server: NameServer
) -> None:
    coastal = Organisation(auth)
    works = Connection(auth, {"tenant_id": coastal.tenant_id, "client_id": coastal.client_id})
    integrator, admin = coastal.person("integrator"), coastal.person()
    path, mapping = f"/v1/saml/connections/{works.id}", {"role_mapping": {"everybody": ["platform:people:write"]}}
    own = ("platform:apps", "webhooks:write")
    assert integrator.call("PATCH", path, own, json=mapping).status_code == 403
    assert integrator.call("GET", path, own).status_code == 403
    assert admin.call("GET", path, SCOPES).status_code == 200


def test_an_app_with_every_scope_a_partner_may_ask_for_gets_no_people(auth: Auth) -> None:
    for scope in ("platform:people:read", "platform:people:write"):
        draft = {"name": "Spy", "grant_types": ["client_credentials"], "requested_scopes": [scope]}
        assert auth.admin("POST", "/v1/platform/apps", json=draft).status_code == 422


def test_a_grant_beyond_the_role_is_not_refreshed_even_if_nothing_ended_it(auth: Auth) -> None:
    """As after a release that narrows a role."""
    app = register_web_app(auth)
    code = Browser(auth).allow(app, scope="webhooks:write offline_access")
    tokens = redeem(auth, app, code).json()
    user = auth.sql("SELECT user_id FROM users WHERE email = %s", auth.demo["email"])[0][0]
    auth.sql("UPDATE users SET role = 'quality_officer' WHERE user_id = %s", user)
    try:
        answer = auth.token(app, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    finally:
        auth.sql("UPDATE users SET role = 'administrator', scope_limit = NULL WHERE user_id = %s", user)


# --- Federation -------------------------------------------------------------------------------------------------------


def test_a_new_person_of_a_connection_without_mapping_is_no_administrator_unless_it_says_so(
    auth: Auth, works: Connection
) -> None:
    role = "SELECT role, scope_limit IS NULL FROM users WHERE email = %s"
    works.call("PATCH", json={"default_role": "auditor"})
    works.sign_in(Browser(auth))
    assert auth.sql(role, f"anna@{works.domain}") == [("auditor", False)]
    works.call("PATCH", json={"default_role": "administrator"})
    works.sign_in(Browser(auth))
    assert auth.sql(role, f"anna@{works.domain}") == [("auditor", False)]


def test_a_new_connection_makes_quality_officers(auth: Auth) -> None:
    coastal = Organisation(auth)
    open_federation(auth, {"tenant_id": coastal.tenant_id})
    described = {
        "name": "Works",
        "metadata_xml": metadata_of("https://idp-of-coastal.example/metadata", usual_signer()),
    }
    made = coastal.call("POST", CONNECTIONS, json=described)
    assert (made.status_code, made.json()["default_role"]) == (201, "quality_officer")


def test_a_sign_in_through_a_connection_does_not_widen_a_role_that_was_given_here(
    auth: Auth, works: Connection
) -> None:
    works.sign_in(Browser(auth))
    [(user_id,)] = auth.sql("SELECT user_id FROM users WHERE email = %s", f"anna@{works.domain}")
    path = f"/v1/platform/users/{user_id}"
    caller = auth.caller(SCOPES)
    changed = auth.call("PUT", f"{path}/role", caller, json={"role": "auditor"})
    assert changed.status_code == 200, changed.text
    works.sign_in(Browser(auth))
    shown = auth.call("GET", path, caller).json()
    assert (shown["role"], shown["federated"]) == ("auditor", True)
    works.call("PATCH", json={"attribute_mapping": {"roles": "groups"}, "role_mapping": {"desk": ["webhooks:write"]}})
    refused = auth.call("PUT", f"{path}/role", caller, json={"role": "administrator"})
    assert refused.status_code == 409
    works.sign_in(Browser(auth), attributes={"email": [f"anna@{works.domain}"], "groups": ["desk"]})
    shown = auth.call("GET", path, caller).json()
    assert (shown["role"], shown["provider_roles"]) == (None, ["desk"])


# --- The last administrator ------------------------------------------------------------------------------------------


def test_the_last_administrator_neither_leaves_nor_gets_another_role(coastal: Organisation) -> None:
    admin, invited = coastal.person(), coastal.person()
    coastal.auth.sql("UPDATE users SET password_hash = NULL WHERE user_id = %s", invited.id)
    for _ in range(2):
        assert admin.call("POST", f"{admin.path}/leave").status_code == 409
        assert admin.give_role(admin, "auditor").status_code == 409
    assert coastal.call("POST", f"{admin.path}/leave").status_code == 409
    assert admin.shown() | {"role": "administrator", "status": "active"} == admin.shown()


def test_of_two_last_administrators_who_remove_each_other_at_once_one_stays(auth: Auth) -> None:
    for _ in range(5):
        coastal = Organisation(auth)
        one, two = coastal.person(), coastal.person()
        begin = threading.Barrier(2, timeout=60)

        def remove(who: Person, whom: Person, begin: threading.Barrier = begin) -> int:
            begin.wait()
            return who.call("POST", f"{whom.path}/leave").status_code

        with ThreadPoolExecutor(2) as pool:
            answers = sorted(
                future.result(60) for future in (pool.submit(remove, one, two), pool.submit(remove, two, one))
            )
        assert answers[0] == 200
        assert answers[1] in (403, 409)
        assert sorted((one.shown()["status"], two.shown()["status"])) == ["active", "disabled"]


def test_of_two_last_administrators_who_leave_at_once_one_stays(auth: Auth) -> None:
    coastal = Organisation(auth)
    people = [coastal.person(), coastal.person()]
    begin = threading.Barrier(2, timeout=60)

    def leave(who: Person) -> int:
        begin.wait()
        return who.call("POST", f"{who.path}/leave").status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(leave, people, timeout=60)) == [200, 409]


# --- Half a leaving ---------------------------------------------------------------------------------------------------


@contextmanager
def holding(auth: Auth, statement: LiteralString, *parameters: Any) -> Iterator[None]:
    """Locks rows for a while, so that a request stops there."""
    with psycopg.connect(auth.settings.migration_database_url or "") as conn:
        conn.execute(statement, parameters)
        yield


WAITING = """
    SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE %s
"""


def as_app(auth: Auth, statement: LiteralString, *parameters: Any) -> list[Any]:
    """As the role of the web process, which sees and ends its own connections."""
    with psycopg.connect(auth.settings.database_url) as conn:
        return conn.execute(statement, parameters).fetchall()


STEPS: dict[str, tuple[LiteralString, str]] = {
    "the sessions": ("SELECT FROM sessions WHERE user_id = %s FOR UPDATE", "%UPDATE sessions%"),
    "the grants": ("SELECT FROM grants WHERE user_id = %s FOR UPDATE", "%FROM grants%"),
    "the service tokens": ("SELECT FROM service_tokens WHERE minted_by = %s FOR UPDATE", "%FROM service_tokens%"),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_leaving_that_is_killed_between_two_steps_has_done_nothing_and_can_be_repeated(
    coastal: Organisation, step: str
) -> None:
    auth, admin, anna = coastal.auth, coastal.person(), coastal.person()
    anna.session()
    grants = {anna.grant("webhooks:write"), anna.service_token("webhooks:write")}
    locked, query = STEPS[step]
    with ThreadPoolExecutor(1) as pool, holding(auth, locked, anna.id):
        leaving = pool.submit(admin.call, "POST", f"{anna.path}/leave")
        [(pid,)] = wait_for(lambda: as_app(auth, WAITING, query), what="the request at its step")
        as_app(auth, "SELECT pg_terminate_backend(%s)", pid)
        assert leaving.result(90).status_code == 503
    assert (anna.shown()["status"], anna.live_sessions(), anna.live_grants()) == ("active", 1, grants)
    assert grants.isdisjoint(anna.refused_tokens())
    assert admin.call("POST", f"{anna.path}/leave").status_code == 200
    assert (anna.shown()["status"], anna.live_sessions(), anna.live_grants()) == ("disabled", 0, set())


def test_a_grant_made_while_its_person_leaves_does_not_outlive_the_leaving(coastal: Organisation) -> None:
    """The consent holds the person's row; the leaving waits for it and then ends its grant too."""
    auth, admin, anna = coastal.auth, coastal.person(), coastal.person()
    with ThreadPoolExecutor(1) as pool, psycopg.connect(auth.settings.migration_database_url or "") as conn:
        conn.execute("SELECT FROM users WHERE user_id = %s FOR KEY SHARE", (anna.id,))
        conn.execute(
            "INSERT INTO grants (grant_id, tenant_id, client_id, user_id, scopes, audience, offline, seed, signed_in_at, expires_at)"
            " VALUES ('gnt_' || %s, %s, %s, %s, '{}', '{}', true, 'seed', now(), now() + interval '1 hour')",
            (anna.id, coastal.tenant_id, coastal.client_id, anna.id),
        )
        leaving = pool.submit(admin.call, "POST", f"{anna.path}/leave")
        wait_for(lambda: as_app(auth, WAITING, "%FOR UPDATE OF u%"), what="the request at the person's row")
        conn.commit()
        assert leaving.result(90).json()["ended"]["grants"] == 1
    assert anna.live_grants() == set()


def test_the_break_glass_user_does_not_leave_before_another_is_named(coastal: Organisation) -> None:
    admin, anna = coastal.person(), coastal.person()
    coastal.auth.sql(
        "INSERT INTO saml_policies (tenant_id, enforced, break_glass_user_id) VALUES (%s, true, %s)",
        coastal.tenant_id,
        anna.id,
    )
    assert admin.call("POST", f"{anna.path}/leave").status_code == 409
    assert anna.shown()["status"] == "active"
