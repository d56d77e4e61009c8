"""The authorization code flow with PKCE, as a browser and an app see it."""

import html
import threading
from typing import Any
from urllib.parse import urlencode

import pytest

from services.auth.signin import texts
from tests.auth.support import (
    CALLBACK,
    ISSUER,
    PASSWORD,
    Auth,
    Browser,
    authorization,
    claims_of,
    redeem,
    register_web_app,
    returned,
)
from tests.support.waiting import wait_for


def test_a_user_signs_in_consents_and_the_app_gets_tokens(auth: Auth) -> None:
    app = register_web_app(auth)
    browser = Browser(auth)
    to_sign_in = browser.authorize(app, scope="webhooks:write offline_access")
    assert to_sign_in.status_code == 303
    page = browser.get(to_sign_in.headers["location"])
    assert "Dispatch board" in page.text
    back = browser.submit(page, "/v1/auth/sign-in", email=auth.demo["email"], password=PASSWORD)
    consent = browser.get(back.headers["location"])
    assert consent.status_code == 200
    assert "make and change its own webhooks" in consent.text
    answer = returned(browser.submit(consent, "/v1/oauth/authorize", decision="allow"))
    assert (answer["location"], answer["state"], answer["iss"]) == (CALLBACK, "st4te", ISSUER)
    tokens = redeem(auth, app, answer["code"])
    assert tokens.status_code == 200, tokens.text
    body = tokens.json()
    assert set(body) == {"access_token", "token_type", "expires_in", "scope", "refresh_token"}
    claims = claims_of(body["access_token"])
    assert claims["sub"].startswith("usr_")
    assert claims["client_id"] == app["client_id"]
    assert claims["scope"] == "webhooks:write offline_access"


def test_without_offline_access_there_is_no_refresh_token(auth: Auth) -> None:
    app = register_web_app(auth)
    assert "refresh_token" not in redeem(auth, app, Browser(auth).allow(app)).json()


def test_consent_is_remembered_for_the_same_scopes_and_asked_again_for_more(auth: Auth) -> None:
    app = register_web_app(auth, ["webhooks:write", "argus:epcr:read", "offline_access"])
    browser = Browser(auth)
    browser.allow(app)
    assert returned(browser.authorize(app))["code"]
    assert browser.authorize(app, scope="webhooks:write argus:epcr:read").status_code == 200
    assert browser.authorize(app, prompt="consent").status_code == 200


def held_by(auth: Auth, app: dict[str, Any]) -> tuple[int, int]:
    statement = (
        "SELECT (SELECT count(*) FROM grants WHERE client_id = %s), (SELECT count(*) FROM codes WHERE client_id = %s)"
    )
    return auth.sql(statement, app["client_id"], app["client_id"])[0]


def test_head_gives_no_code_where_get_would(auth: Auth) -> None:
    app = register_web_app(auth)
    browser = Browser(auth)
    browser.allow(app)
    before = held_by(auth, app)
    for changes in ({}, {"prompt": "none"}):
        looked = browser.head(f"/v1/oauth/authorize?{urlencode(authorization(app, **changes))}")
        assert (looked.status_code, "location" in looked.headers) == (200, False)
    assert held_by(auth, app) == before
    assert returned(browser.authorize(app))["code"]


def test_head_leaves_no_event(auth: Auth) -> None:
    app = register_web_app(auth)
    browser = Browser(auth)
    path = f"/v1/oauth/authorize?{urlencode(authorization(app, scope='argus:epcr:read'))}"
    assert returned(browser.head(path))["error"] == "invalid_scope"
    assert returned(browser.authorize(app, prompt="dance"))["error"] == "invalid_request"
    path = f"/v1/platform/apps/{app['client_id']}/events"
    events = wait_for(lambda: auth.admin("GET", path).json()["events"])
    assert [event["kind"] for event in events] == ["invalid_request"]


@pytest.mark.parametrize(
    "change", [{"requested_scopes": ["webhooks:write", "argus:epcr:read"]}, {"name": "Control room"}]
)
def test_an_app_that_changes_while_its_consent_page_is_open_is_shown_anew(auth: Auth, change: dict[str, Any]) -> None:
    app = register_web_app(auth, ["webhooks:write"])
    browser = Browser(auth)
    browser.sign_in()
    page = browser.authorize(app, scope=None)
    assert auth.admin("PATCH", f"/v1/platform/apps/{app['client_id']}", json=change).status_code == 200
    again = browser.submit(page, "/v1/oauth/authorize", decision="allow")
    assert again.status_code == 200
    assert ("Control room" if "name" in change else texts.SCOPES["en"]["argus:epcr:read"]) in html.unescape(again.text)
    assert held_by(auth, app) == (0, 0)
    assert auth.sql("SELECT FROM consents WHERE client_id = %s", app["client_id"]) == []
    assert returned(browser.submit(again, "/v1/oauth/authorize", decision="allow"))["code"]


@pytest.mark.parametrize("shown", ["", "é", "A" * 43])
def test_a_consent_to_what_no_page_showed_is_none(auth: Auth, shown: str) -> None:
    app = register_web_app(auth)
    browser = Browser(auth)
    browser.sign_in()
    page = browser.authorize(app)
    assert browser.submit(page, "/v1/oauth/authorize", decision="allow", shown=shown).status_code == 200
    assert held_by(auth, app) == (0, 0)


def test_a_public_app_on_the_device_is_asked_each_time(auth: Auth) -> None:
    callback = "http://127.0.0.1/cb"
    app = register_web_app(auth, token_endpoint_auth_method="none", redirect_uris=[callback])
    browser = Browser(auth)
    browser.allow(app, redirect_uri="http://127.0.0.1:51234/cb")
    assert browser.authorize(app, redirect_uri="http://127.0.0.1:50000/cb").status_code == 200


def test_denying_tells_the_app_so(auth: Auth) -> None:
    app = register_web_app(auth)
    browser = Browser(auth)
    browser.sign_in()
    answer = returned(browser.submit(browser.authorize(app), "/v1/oauth/authorize", decision="deny"))
    assert (answer["error"], answer["state"], answer["iss"]) == ("access_denied", "st4te", ISSUER)
    assert "code" not in answer


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "é"}, "unsupported_response_type"),
        ({"scope": "argus:epcr:read"}, "invalid_scope"),
        ({"scope": "webhooks:write platform:apps"}, "invalid_scope"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"resource": "https://evil.example"}, "invalid_target"),
        ({"prompt": "none"}, "login_required"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "dance"}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"state": "s" * 2001}, "invalid_request"),
    ],
)
def test_errors_go_back_to_the_registered_address(auth: Auth, change: dict[str, Any], error: str) -> None:
    app = register_web_app(auth)
    answer = returned(Browser(auth).authorize(app, **change))
    assert (answer["location"], answer["error"], answer["iss"]) == (CALLBACK, error, ISSUER)
    assert answer["state"] == change.get("state", "st4te")


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": None},
        {"client_id": "app_" + "0" * 26},
        {"client_id": "\x7f"},
        {"redirect_uri": "https://evil.example/callback"},
        {"redirect_uri": CALLBACK + "/../x"},
        {"redirect_uri": '"><script>'},
        {"redirect_uri": "https://intégrateur.example"},
        {"redirect_uri": "javascript:alert(1)"},
    ],
)
def test_a_bad_app_or_redirect_is_a_page_and_never_a_redirect(auth: Auth, change: dict[str, Any]) -> None:
    app = register_web_app(auth)
    answer = Browser(auth).authorize(app, **change)
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert answer.headers["content-type"].startswith("text/html")
    assert "<script>" not in answer.text


def test_a_repeated_parameter_is_an_error_wherever_it_may_be_told(auth: Auth) -> None:
    app = register_web_app(auth)
    path = f"/v1/oauth/authorize?response_type=code&client_id={app['client_id']}&redirect_uri={CALLBACK}"
    answer = returned(Browser(auth).get(f"{path}&state=a&state=b"))
    assert answer["error"] == "invalid_request"
    assert Browser(auth).get(f"{path}&redirect_uri=https://evil.example").status_code == 400


def test_prompt_none_with_a_session_but_no_consent(auth: Auth) -> None:
    app = register_web_app(auth)
    browser = Browser(auth)
    browser.sign_in()
    assert returned(browser.authorize(app, prompt="none"))["error"] == "consent_required"
    browser.submit(browser.authorize(app), "/v1/oauth/authorize", decision="allow")
    assert returned(browser.authorize(app, prompt="none"))["code"]


def test_prompt_login_asks_to_sign_in_once_more_and_then_goes_on(auth: Auth) -> None:
    app = register_web_app(auth)
    browser = Browser(auth)
    browser.sign_in()
    answer = browser.authorize(app, prompt="login")
    page = browser.get(answer.headers["location"])
    back = browser.submit(page, "/v1/auth/sign-in", email=auth.demo["email"], password=PASSWORD)
    assert browser.get(back.headers["location"]).status_code == 200


@pytest.mark.parametrize("parameter", ["prompt=login+consent", "%70rompt=consent%20select_account", "prompt=consent"])
def test_consent_is_asked_for_after_a_sign_in_too(auth: Auth, parameter: str) -> None:
    app = register_web_app(auth)
    browser = Browser(auth)
    browser.sign_in()
    browser.submit(browser.authorize(app), "/v1/oauth/authorize", decision="allow")
    if parameter == "prompt=consent":
        browser = Browser(auth)
    answer = browser.get(f"/v1/oauth/authorize?{parameter}&{urlencode(authorization(app))}")
    page = browser.get(answer.headers["location"])
    back = browser.submit(page, "/v1/auth/sign-in", email=auth.demo["email"], password=PASSWORD)
    assert browser.get(back.headers["location"]).status_code == 200


def test_an_encoded_name_asks_to_sign_in_only_once(auth: Auth) -> None:
    app = register_web_app(auth)
    browser = Browser(auth)
    browser.sign_in()
    browser.submit(browser.authorize(app), "/v1/oauth/authorize", decision="allow")
    answer = browser.get(f"/v1/oauth/authorize?%70rompt=login&{urlencode(authorization(app))}")
    page = browser.get(answer.headers["location"])
    back = browser.submit(page, "/v1/auth/sign-in", email=auth.demo["email"], password=PASSWORD)
    assert returned(browser.get(back.headers["location"]))["code"]


def test_prompt_none_shows_no_page_to_a_user_of_another_organisation(auth: Auth) -> None:
    browser = Browser(auth)
    browser.sign_in(auth.other)
    assert returned(browser.authorize(register_web_app(auth), prompt="none"))["error"] == "login_required"


def test_a_user_of_another_organisation_cannot_allow_the_app(auth: Auth) -> None:
    app = register_web_app(auth)
    browser = Browser(auth)
    browser.sign_in(auth.other)
    page = browser.authorize(app)
    assert "another organisation" in page.text
    forged = browser.submit(page, "/v1/oauth/authorize", decision="allow")
    assert forged.headers["location"].startswith("/v1/oauth/authorize?")
    denied = returned(browser.submit(page, "/v1/oauth/authorize", decision="deny"))
    assert denied["error"] == "access_denied"


def test_a_form_of_another_site_allows_nothing(auth: Auth) -> None:
    app = register_web_app(auth)
    browser = Browser(auth)
    browser.sign_in()
    page = browser.authorize(app)
    forged = browser.submit(page, "/v1/oauth/authorize", decision="allow", csrf="x" * 43)
    assert forged.headers["location"].startswith("/v1/oauth/authorize?")
    assert auth.sql("SELECT 1 FROM grants WHERE client_id = %s", app["client_id"]) == []


def test_the_session_may_end_while_the_consent_page_is_open(auth: Auth) -> None:
    app = register_web_app(auth)
    browser = Browser(auth)
    browser.sign_in()
    page = browser.authorize(app)
    auth.sql("UPDATE sessions SET expires_at = now()")
    again = browser.submit(page, "/v1/oauth/authorize", decision="allow")
    assert again.headers["location"].startswith("/v1/oauth/authorize?")
    assert browser.get(again.headers["location"]).headers["location"].startswith("/v1/auth/sign-in")


def test_a_code_lives_sixty_seconds(auth: Auth) -> None:
    app = register_web_app(auth)
    code = Browser(auth).allow(app)
    auth.sql("UPDATE codes SET expires_at = expires_at - interval '60 seconds' WHERE client_id = %s", app["client_id"])
    assert redeem(auth, app, code).json()["error"] == "invalid_grant"


def test_a_second_use_of_a_code_ends_what_the_first_gave(auth: Auth) -> None:
    app = register_web_app(auth)
    code = Browser(auth).allow(app, scope="webhooks:write offline_access")
    tokens = redeem(auth, app, code).json()
    assert redeem(auth, app, code).json()["error"] == "invalid_grant"
    grant_id = claims_of(tokens["access_token"])["grant_id"]
    assert ("grant", grant_id) in {(mark["kind"], mark["id"]) for mark in auth.watermarks().json()["watermarks"]}
    refreshed = auth.token(app, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert refreshed.json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"code_verifier": None}, "invalid_request"),
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code_verifier": "v" * 42}, "invalid_request"),
        ({"code_verifier": "v" * 129}, "invalid_request"),
        ({"code_verifier": "v" * 43 + "\n"}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_grant"),
        ({"redirect_uri": CALLBACK + "/"}, "invalid_grant"),
        ({"code": None}, "invalid_request"),
        ({"code": "é"}, "invalid_grant"),
        ({"resource": "https://evil.example"}, "invalid_target"),
    ],
)
def test_a_redemption_that_does_not_fit_gets_nothing_and_burns_the_code(
    auth: Auth, change: dict[str, Any], error: str
) -> None:
    app = register_web_app(auth)
    code = Browser(auth).allow(app)
    answer = redeem(auth, app, **({"code": code} | change))
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    if "code" not in change:
        assert redeem(auth, app, code).json()["error"] == "invalid_grant"


def test_another_app_can_neither_use_nor_burn_a_code(auth: Auth) -> None:
    app, thief = register_web_app(auth), register_web_app(auth)
    code = Browser(auth).allow(app)
    assert redeem(auth, thief, code).json()["error"] == "invalid_grant"
    assert redeem(auth, app, code).status_code == 200


def test_of_two_redemptions_at_once_exactly_one_wins_every_time(auth: Auth) -> None:
    app = register_web_app(auth)
    browser = Browser(auth)
    browser.allow(app)
    for _ in range(60):
        code = returned(browser.authorize(app))["code"]
        answers: list[int] = []
        threads = [
            threading.Thread(
                target=lambda code=code, answers=answers: answers.append(redeem(auth, app, code).status_code)
            )
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answers) == [200, 400]


def test_what_an_authorization_would_meet_under_other_rules_is_counted(auth: Auth) -> None:
    app = register_web_app(auth)
    path = f"/v1/platform/apps/{app['client_id']}/governance"
    assert auth.admin("PATCH", path, json={"enforce_pkce": False}).status_code == 200
    code = Browser(auth).allow(app, code_challenge=None, code_challenge_method=None)
    assert redeem(auth, app, code, code_verifier=None).status_code == 200

    def dry_run() -> Any:
        change = {"enforce_pkce": True, "redirect_uris": ["https://elsewhere.example/cb"]}
        answer = auth.admin("PATCH", f"{path}?dry_run=true", json=change).json()
        return answer if answer["would_refuse"] == 2 else None

    assert wait_for(dry_run)["by_reason"] == {"pkce_required": 1, "redirect_uri_not_registered": 1}
