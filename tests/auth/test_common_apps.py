"""Common apps, such as the console: people of every organisation sign in to one, and each organisation has its own app of it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from threading import Thread
from typing import Any

import httpx2
import psycopg
import pytest

from services.auth.tenants import console
from services.auth.tenants.operations import OperationRefused
from shared.primitives.crypto import base64url_encode, public_jwks
from shared.web.scopes import OF_CONSOLE, ON_REQUEST, OPERATORS
from tests.auth.support import CALLBACK, ISSUER, VERIFIER, Auth, Browser, claims_of, returned
from tests.console.assertions import TYPE, assertion

KEYS = f"2:{base64url_encode(b'2' * 32)},1:{base64url_encode(b'1' * 32)}"
CONSOLE = {"client_id": "console"}


@pytest.fixture(autouse=True)
def registered(auth: Auth) -> Iterator[None]:
    register(auth)
    yield
    auth.sql("UPDATE apps SET common_app = NULL, status = 'deleted' WHERE common_app IS NOT NULL")
    auth.sql("DELETE FROM common_apps")


def register(auth: Auth, keys: str = KEYS) -> None:
    with psycopg.connect(auth.settings.worker_database_url or "") as conn:
        console.register(conn, console.Console([CALLBACK], public_jwks(keys)))


def arrive(auth: Auth, tenant: Any = None, **fields: Any) -> dict[str, str]:
    """The answer that reaches the console after a sign-in."""
    browser = Browser(auth)
    browser.sign_in(tenant or auth.demo)
    return returned(browser.authorize(CONSOLE, scope=None, **fields))


def redeem(auth: Auth, answer: dict[str, str], client_id: str = "", keys: str = KEYS) -> httpx2.Response:
    named = client_id or answer["client_id"]
    form = {
        "grant_type": "authorization_code",
        "code": answer["code"],
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        "client_id": named,
        "client_assertion_type": TYPE,
        "client_assertion": assertion(keys, named, ISSUER),
    }
    return auth.form("/v1/oauth/token", form)


def test_a_person_gets_a_code_of_their_organisations_own_app(auth: Auth) -> None:
    mine, others = arrive(auth), arrive(auth, auth.other)
    assert mine["client_id"] != others["client_id"]
    tokens = redeem(auth, mine).json()
    claims = claims_of(tokens["access_token"])
    assert (claims["tenant_id"], claims["client_id"]) == (auth.demo["tenant_id"], mine["client_id"])
    assert "refresh_token" in tokens
    assert arrive(auth)["client_id"] == mine["client_id"]


def test_nobody_is_asked_for_consent_and_the_access_can_be_withdrawn(auth: Auth) -> None:
    browser = Browser(auth)
    browser.sign_in()
    answer = returned(browser.authorize(CONSOLE, scope=None))
    page = browser.get("/v1/auth/sessions")
    assert console.TITLE in page.text
    refresh = redeem(auth, answer).json()["refresh_token"]
    browser.submit(page, "/v1/auth/sessions", withdraw=answer["client_id"])
    form = {
        "grant_type": "refresh_token",
        "refresh_token": refresh,
        "client_id": answer["client_id"],
        "client_assertion_type": TYPE,
        "client_assertion": assertion(KEYS, answer["client_id"], ISSUER),
    }
    assert auth.form("/v1/oauth/token", form).status_code == 400


def test_scopes_on_request_are_there_only_once_granted(auth: Auth) -> None:
    held = set(redeem(auth, arrive(auth, auth.other)).json()["scope"].split())
    assert held == set(OF_CONSOLE) - set(ON_REQUEST) - set(OPERATORS)
    granted = set(redeem(auth, arrive(auth)).json()["scope"].split())
    assert granted - held == {"argus:telephony:read"}


def test_a_code_is_redeemed_by_no_other_organisations_app(auth: Auth) -> None:
    mine, others = arrive(auth), arrive(auth, auth.other)
    assert redeem(auth, mine, client_id=others["client_id"]).status_code == 400
    assert redeem(auth, arrive(auth), client_id="console").status_code == 401


def test_a_key_that_is_not_registered_redeems_nothing(auth: Auth) -> None:
    stranger = f"2:{base64url_encode(b'9' * 32)}"
    assert redeem(auth, arrive(auth), keys=stranger).status_code == 401


def test_a_new_key_reaches_every_organisation_at_once(auth: Auth) -> None:
    answer = arrive(auth)
    newer = f"3:{base64url_encode(b'3' * 32)},{KEYS}"
    register(auth, newer)
    assert redeem(auth, answer, keys=newer).status_code == 200


def test_another_redirect_uri_is_an_error_page_and_no_redirect(auth: Auth) -> None:
    browser = Browser(auth)
    browser.sign_in()
    answer = browser.authorize(CONSOLE, scope=None, redirect_uri="https://evil.example/callback")
    assert answer.status_code == 400
    assert "location" not in answer.headers


def test_without_pkce_there_is_no_code(auth: Auth) -> None:
    assert arrive(auth, code_challenge=None, code_challenge_method=None)["error"] == "invalid_request"


def test_an_unknown_common_app_is_an_error_page(auth: Auth) -> None:
    assert Browser(auth).authorize({"client_id": "consoles"}, scope=None).status_code == 400


def test_a_first_sign_in_of_many_people_at_once_makes_one_app(auth: Auth) -> None:
    answers: list[dict[str, str]] = []
    threads = [Thread(target=lambda: answers.append(arrive(auth))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len({answer["client_id"] for answer in answers}) == 1


def test_an_organisation_that_switched_it_off_is_refused(auth: Auth) -> None:
    first = arrive(auth)
    auth.sql("UPDATE apps SET status = 'disabled' WHERE client_id = %s", first["client_id"])
    assert arrive(auth)["error"] == "unauthorized_client"


def test_roles_narrow_what_it_gets_instead_of_closing_it(auth: Auth) -> None:
    auth.sql("UPDATE users SET role = NULL, scope_limit = '{argus:acqi:read}' WHERE email = %s", auth.demo["email"])
    try:
        scope = redeem(auth, arrive(auth)).json()["scope"]
        assert set(scope.split()) == {"argus:acqi:read", "offline_access"}
        auth.sql("UPDATE users SET role = NULL, scope_limit = '{}' WHERE email = %s", auth.demo["email"])
        assert arrive(auth)["error"] == "access_denied"
    finally:
        auth.sql("UPDATE users SET role = 'administrator', scope_limit = NULL WHERE email = %s", auth.demo["email"])


def test_a_look_at_the_address_makes_no_grant(auth: Auth) -> None:
    browser = Browser(auth)
    browser.sign_in()
    before = auth.sql("SELECT count(*) FROM grants")
    answer = browser.head(
        f"/v1/oauth/authorize?response_type=code&client_id=console&redirect_uri={CALLBACK}&code_challenge={'c' * 43}"
        "&code_challenge_method=S256"
    )
    assert "location" not in answer.headers
    assert auth.sql("SELECT count(*) FROM grants") == before


def test_its_app_is_no_administrators_to_change(auth: Auth) -> None:
    client_id = arrive(auth)["client_id"]
    assert auth.admin("PATCH", f"/v1/platform/apps/{client_id}", json={"name": "Mine"}).status_code == 403
    assert auth.admin("DELETE", f"/v1/platform/apps/{client_id}").status_code == 403


def test_keys_that_cannot_authenticate_are_refused() -> None:
    with pytest.raises(OperationRefused, match="key"):
        console.parameters(console.Console([CALLBACK], {"keys": []}))
    with pytest.raises(OperationRefused, match="redirect"):
        console.parameters(console.Console([], public_jwks(KEYS)))


def test_me_is_the_person_and_the_organisation_of_the_token(auth: Auth) -> None:
    claims = claims_of(redeem(auth, arrive(auth)).json()["access_token"])
    caller = auth.caller(["platform:apps"], subject=claims["sub"], client_id=claims["client_id"])
    me = auth.call("GET", "/v1/platform/me", caller).json()
    assert me["person"]["email"] == auth.demo["email"]
    assert me["organisation"]["tenant_id"] == auth.demo["tenant_id"]
    assert auth.admin("GET", "/v1/platform/me").json()["person"] is None


def test_me_knows_when_the_person_signed_in_and_no_later_code_makes_it_younger(auth: Auth) -> None:
    browser = Browser(auth)
    browser.sign_in()
    auth.sql("UPDATE sessions SET signed_in_at = now() - interval '3 hours'")
    claims = claims_of(redeem(auth, returned(browser.authorize(CONSOLE, scope=None))).json()["access_token"])
    caller = auth.caller(subject=claims["sub"], client_id=claims["client_id"], grant_id=claims["grant_id"])
    signed_in_at = datetime.fromisoformat(auth.call("GET", "/v1/platform/me", caller).json()["signed_in_at"])
    assert 3 * 3600 <= (datetime.now(UTC) - signed_in_at).total_seconds() < 3 * 3600 + 600
    others = auth.caller(
        subject="usr_00000000000000000000000000", client_id=claims["client_id"], grant_id=claims["grant_id"]
    )
    assert auth.call("GET", "/v1/platform/me", others).json()["signed_in_at"] is None


def test_credentials_that_end_soon_are_listed_the_soonest_first(auth: Auth) -> None:
    app = auth.register()
    auth.admin("POST", f"/v1/platform/apps/{app['client_id']}/rotate-secret", json={"overlap_seconds": 7200})
    auth.admin("POST", f"/v1/platform/apps/{app['client_id']}/service-token", json={"expires_in": 3600})
    found = auth.admin("GET", "/v1/platform/ending-credentials?within=10000").json()["credentials"]
    mine = [one for one in found if one["client_id"] == app["client_id"]]
    assert [one["kind"] for one in mine] == ["service_token", "secret"]
    assert [one["expires_at"] for one in found] == sorted(one["expires_at"] for one in found)
    sooner = auth.admin("GET", "/v1/platform/ending-credentials?within=60").json()["credentials"]
    assert app["client_id"] not in [one["client_id"] for one in sooner]
    other = auth.call("GET", "/v1/platform/ending-credentials", auth.caller(tenant=auth.other)).json()["credentials"]
    assert app["client_id"] not in [one["client_id"] for one in other]


@pytest.mark.parametrize(
    ("wanted", "leads_to"),
    [
        ("https://integrator.example/", "https://integrator.example/"),
        ("https://integrator.example", "/v1/auth/sessions"),
        ("https://integrator.example/callback", "/v1/auth/sessions"),
        ("https://integrator.example.evil.example/", "/v1/auth/sessions"),
        ("https://evil.example/", "/v1/auth/sessions"),
        ("//integrator.example/", "/v1/auth/sessions"),
    ],
)
def test_a_sign_in_leads_to_the_consoles_front_page_and_to_no_other_host(
    auth: Auth, wanted: str, leads_to: str
) -> None:
    assert Browser(auth).sign_in(continue_to=wanted).headers["location"] == leads_to


def test_the_page_of_the_account_leads_back_to_the_console(auth: Auth) -> None:
    browser = Browser(auth)
    browser.sign_in()
    assert '<a href="https://integrator.example/">Go to Knogin console</a>' in browser.get("/v1/auth/sessions").text
