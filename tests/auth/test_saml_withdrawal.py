"""What ends when the ground goes under it: roles lost, a connection switched off or deleted, passwords refused; also in mid-step."""

import threading
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from services.auth.oauth import granting
from services.auth.saml import receiving
from services.auth.signin import sessions
from tests.auth.federation import Connection, code_of, follow, refresh_of
from tests.auth.support import Auth, Browser, claims_of, redeem, register_web_app, returned
from tests.auth.test_deciding import WAITING
from tests.auth.test_saml_enforced import POLICY, enforce, person
from tests.auth.test_saml_logout import by_redirect, is_in, logout_request
from tests.support.waiting import wait_for

ROLES = {"desk": ["webhooks:write"], "night": ["argus:incidents:read"]}


def saying(works: Connection, *roles: str, person: str = "anna") -> dict[str, Any]:
    return {"attributes": {"email": [f"{person}@{works.domain}"], "groups": list(roles)}}


def map_roles(works: Connection, roles: Any = ROLES) -> Any:
    return works.call("PATCH", json={"attribute_mapping": {"roles": "groups"}, "role_mapping": roles})


class Held:
    """What an app holds in the name of whoever is signed in in a browser."""

    def __init__(self, auth: Auth, browser: Browser) -> None:
        self.auth, self.app = auth, register_web_app(auth)
        page = browser.authorize(self.app, scope="webhooks:write offline_access")
        code = returned(browser.submit(page, "/v1/oauth/authorize", decision="allow"))["code"]
        self.tokens = redeem(auth, self.app, code).json()

    @property
    def is_alive(self) -> bool:
        """Whether it may be refreshed; where not, gateways refuse the access token too."""
        token = self.tokens["refresh_token"]
        refreshed = self.auth.token(self.app, grant_type="refresh_token", refresh_token=token)
        marks = {(mark["kind"], mark["id"]) for mark in self.auth.watermarks().json()["watermarks"]}
        is_refused = ("grant", claims_of(self.tokens["access_token"])["grant_id"]) in marks
        assert is_refused == (refreshed.status_code != 200)
        return refreshed.status_code == 200


# --- Roles --------------------------------------------------------------------------------------------------------------


def test_who_comes_back_with_no_role_left_loses_everything(auth: Auth, works: Connection) -> None:
    map_roles(works)
    browser, other = Browser(auth), Browser(auth)
    works.sign_in(browser, **saying(works, "desk"))
    held = Held(auth, browser)
    works.sign_in(other, name_id="other", **saying(works, "desk", person="b"))
    refused = works.post(late := Browser(auth), works.form(works.ask(late), **saying(works)))
    assert (refused.status_code, code_of(refused)) == (403, "no_role")
    assert not held.is_alive
    assert (is_in(browser), is_in(other)) == (False, True)
    roles = {user["email"].partition("@")[0]: user["roles"] for user in works.call("GET", "users").json()["users"]}
    assert roles == {"anna": [], "b": ["desk"]}
    assert auth.sql(
        "SELECT count(*) FROM audit WHERE action = 'saml.roles_lost' AND detail->>'connection' = %s", works.id
    ) == [(1,)]


@pytest.mark.parametrize(
    ("roles", "is_alive", "stays_in"),
    [
        ({"desk": ["webhooks:write", "argus:incidents:read"]}, True, True),
        ({"desk": ["webhooks:read"]}, False, True),
        ({"night": ["webhooks:write"]}, False, False),
    ],
    ids=["more", "less", "gone"],
)
def test_a_changed_mapping_counts_for_who_signed_in_before(
    auth: Auth, works: Connection, roles: Any, is_alive: bool, stays_in: bool
) -> None:
    map_roles(works)
    works.sign_in(browser := Browser(auth), **saying(works, "desk"))
    held = Held(auth, browser)
    assert map_roles(works, roles).status_code == 200
    assert (held.is_alive, is_in(browser)) == (is_alive, stays_in)


def test_a_first_mapping_has_everybody_say_their_roles(auth: Auth, works: Connection) -> None:
    works.sign_in(browser := Browser(auth))
    held = Held(auth, browser)
    assert map_roles(works).status_code == 200
    assert (held.is_alive, is_in(browser)) == (False, False)


# --- Connections ----------------------------------------------------------------------------------------------------------

ENDS: dict[str, Callable[[Connection], Any]] = {
    "deleted": lambda works: works.call("DELETE"),
    "disabled": lambda works: works.call("PATCH", json={"status": "disabled"}),
    "unlinked": lambda works: works.call("DELETE", f"users/{works.call('GET', 'users').json()['users'][0]['user_id']}"),
}


@pytest.mark.parametrize("how", list(ENDS))
def test_what_apps_hold_ends_with_the_way_in(auth: Auth, works: Connection, how: str) -> None:
    works.sign_in(browser := Browser(auth))
    held, admins = Held(auth, browser), Browser(auth)
    admins.sign_in()
    others = Held(auth, admins)
    assert ENDS[how](works).status_code in (200, 204)
    assert (held.is_alive, others.is_alive) == (False, True)


@pytest.mark.parametrize("how", ["unlinked", "disabled", "logged out"])
def test_nobody_gets_in_who_was_on_the_way(auth: Auth, works: Connection, how: str) -> None:
    """The answer was good, and what ends sessions comes before the browser has followed on."""
    browser = Browser(auth)
    page = works.post(browser, works.form(works.ask(browser)))
    if how == "logged out":
        assert by_redirect(works, "SAMLRequest", logout_request(works)).status_code == 303
    else:
        ENDS[how](works)
        works.call("PATCH", json={"status": "active"})
    assert browser.get(refresh_of(page)).status_code == 400
    assert not is_in(browser)


# --- In mid-step ------------------------------------------------------------------------------------------------------------

GONE = {
    "deleted": "DELETE FROM saml_connections WHERE connection_id = %s",
    "disabled": "UPDATE saml_connections SET status = 'disabled' WHERE connection_id = %s",
}


@pytest.mark.parametrize("how", list(GONE))
@pytest.mark.parametrize("door", ["login", "acs", "slo", "finish"])
def test_a_connection_that_goes_in_mid_step_is_a_page(
    auth: Auth, works: Connection, monkeypatch: pytest.MonkeyPatch, door: str, how: str
) -> None:
    browser = Browser(auth)
    form = works.form(works.ask(browser))
    on = refresh_of(works.post(browser, form)) if door == "finish" else ""
    find = receiving.connection_of

    async def found_and_gone(request: Any) -> Any:
        connection = await find(request)
        auth.sql(GONE[how], works.id)
        return connection

    monkeypatch.setattr(receiving, "connection_of", found_and_gone)
    steps: dict[str, Callable[[], Any]] = {
        "login": lambda: browser.get(works.path("login")),
        "acs": lambda: works.post(browser, form),
        "slo": lambda: by_redirect(works, "SAMLRequest", logout_request(works)),
        "finish": lambda: browser.get(on),
    }
    answer = steps[door]()
    assert answer.status_code == (400 if door in ("acs", "slo") else 404)
    assert not is_in(browser)


def test_a_certificate_unpinned_while_an_answer_is_read_admits_nobody(
    auth: Auth, works: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Browser(auth)
    form = works.form(works.ask(browser))
    find = receiving.connection_of

    async def found_and_unpinned(request: Any) -> Any:
        connection = await find(request)
        auth.sql("DELETE FROM saml_certificates WHERE connection_id = %s", works.id)
        return connection

    monkeypatch.setattr(receiving, "connection_of", found_and_unpinned)
    assert code_of(works.post(browser, form)) == "signature"


def test_roles_that_change_while_an_answer_is_read_count_for_it(
    auth: Auth, works: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    map_roles(works)
    browser = Browser(auth)
    form = works.form(works.ask(browser), **saying(works, "desk"))
    find = receiving.connection_of

    async def found_and_changed(request: Any) -> Any:
        connection = await find(request)
        statement = "UPDATE saml_connections SET role_mapping = %s::jsonb WHERE connection_id = %s"
        auth.sql(statement, '{"desk": ["webhooks:read"]}', works.id)
        return connection

    monkeypatch.setattr(receiving, "connection_of", found_and_changed)
    assert works.post(browser, form).status_code == 200
    limit = "SELECT scope_limit FROM saml_identities JOIN users USING (user_id) WHERE connection_id = %s"
    assert auth.sql(limit, works.id) == [(["webhooks:read"],)]


def meanwhile(
    auth: Auth, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, call: Callable[[], Any]
) -> list[Any]:
    """Has `call` sent the first time that `name` is reached, which goes on once it is answered or waits for a lock."""
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(call()))
    step = getattr(module, name)

    async def later(*arguments: Any) -> Any:
        monkeypatch.setattr(module, name, step)
        thread.start()
        await anyio.to_thread.run_sync(
            lambda: wait_for(lambda: bool(answers) or auth.sql(WAITING) == [(1,)], what="the other call to wait or end")
        )
        return await step(*arguments)

    monkeypatch.setattr(module, name, later)
    return answers


def test_a_password_that_is_refused_while_it_signs_in_leaves_no_session(
    auth: Auth, works: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    works.sign_in(Browser(auth))
    inside, browser = person(auth, works.domain), Browser(auth)
    answers = meanwhile(auth, monkeypatch, sessions, "current", lambda: enforce(works, works_already=False))
    browser.sign_in(inside)
    wait_for(lambda: bool(answers), what="the policy to be set")
    assert answers[0].status_code == 200
    assert not is_in(browser)


def test_a_grant_made_while_its_session_ends_ends_too(
    auth: Auth, works: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    works.sign_in(browser := Browser(auth))
    app = register_web_app(auth)
    page = browser.authorize(app)
    answers = meanwhile(auth, monkeypatch, granting, "remember", lambda: works.call("DELETE"))
    code = returned(browser.submit(page, "/v1/oauth/authorize", decision="allow"))["code"]
    wait_for(lambda: bool(answers), what="the connection to be deleted")
    assert answers[0].status_code == 204
    assert redeem(auth, app, code).json()["error"] == "invalid_grant"


# --- Passwords refused -------------------------------------------------------------------------------------------------------


def test_enforcing_ends_what_a_password_gave_to_apps(auth: Auth, works: Connection) -> None:
    inside = person(auth, works.domain)
    before, admin, federated = Browser(auth), Browser(auth), Browser(auth)
    before.sign_in(inside)
    admin.sign_in()
    works.sign_in(federated)
    held, admins, theirs = Held(auth, before), Held(auth, admin), Held(auth, federated)
    assert enforce(works).status_code == 200
    assert (held.is_alive, admins.is_alive, theirs.is_alive) == (False, True, True)
    # Another break-glass user: what the one before held ends, and nothing else.
    assert works.call("PUT", POLICY, json={"enforced": True, "break_glass_email": inside["email"]}).status_code == 200
    assert (admins.is_alive, theirs.is_alive) == (False, True)
    assert follow(federated, works.post(federated, works.form(works.ask(federated)))).status_code == 303
