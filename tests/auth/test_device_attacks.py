"""Attacks on devices (RFC 8628 §5): guessing, phishing, stealing, flooding."""

import threading
from typing import Any
from urllib.parse import urlencode

import pytest

from deploy.local.redis_server import RedisServer
from services.auth.signin import throttle
from tests.auth.device_support import (
    SCOPES,
    allowed,
    answered,
    begin,
    begun,
    error_of,
    poll,
    register_device_app,
    typed,
)
from tests.auth.support import PASSWORD, Auth, Browser, register_web_app, running
from tests.support.cluster import TestDatabases


def signed_in(auth: Auth, tenant: Any = None) -> Browser:
    browser = Browser(auth)
    browser.sign_in(tenant)
    return browser


def no_bucket(auth: Auth) -> None:
    auth.sql("DELETE FROM sign_in_counts")


def test_guesses_are_bounded_and_lock_nobody_else(auth: Auth) -> None:
    app = register_device_app(auth)
    device = begun(auth, app)
    no_bucket(auth)
    guesser, person = signed_in(auth), signed_in(auth, auth.other)
    theirs = register_device_app_of_other(auth)
    guesses = [typed(guesser, "BBBB-BBB" + letter).status_code for letter in "BCDFGHJKLMNP"]
    assert guesses == [400] * throttle.USER_CODE.capacity + [429, 429]
    refused = typed(guesser, device["user_code"])
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    assert "Command line" not in refused.text
    # Everybody else goes on: the bucket is the guesser's own.
    assert "Allow" in typed(person, begun(auth, theirs)["user_code"]).text
    no_bucket(auth)
    assert "Allow Command line?" in typed(guesser, device["user_code"]).text


def register_device_app_of_other(auth: Auth) -> Any:
    draft = {
        "name": "Their line",
        "grant_types": ["urn:ietf:params:oauth:grant-type:device_code"],
        "token_endpoint_auth_method": "none",
        "requested_scopes": ["webhooks:write"],
    }
    caller = auth.caller(tenant=auth.other)
    answer = auth.call("POST", "/v1/platform/apps", caller, json=draft)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_guesses_side_by_side_are_counted_too(auth: Auth) -> None:
    no_bucket(auth)
    browser = signed_in(auth)
    page = browser.get("/device")
    statuses: list[int] = []

    def guess(letter: str) -> None:
        statuses.append(browser.submit(page, "/device", user_code="CCCC-CCC" + letter).status_code)

    threads = [threading.Thread(target=guess, args=(letter,)) for letter in "BCDFGHJKLMNPQRST"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses.count(400) == throttle.USER_CODE.capacity
    assert statuses.count(429) == len(threads) - throttle.USER_CODE.capacity
    no_bucket(auth)


def test_right_codes_and_text_that_is_no_code_cost_no_guess(auth: Auth) -> None:
    app = register_device_app(auth)
    no_bucket(auth)
    browser = signed_in(auth)
    for _ in range(throttle.USER_CODE.capacity + 2):
        assert typed(browser, begun(auth, app)["user_code"]).status_code == 200
        assert typed(browser, "hello").status_code == 400
    assert typed(browser, "BBBB-BBBB").status_code == 400


def test_a_link_sends_no_code_and_spends_no_guess(auth: Auth) -> None:
    """Another site can open the page, as often as it likes, and can neither guess nor lead past the typing."""
    app = register_device_app(auth)
    device = begun(auth, app)
    no_bucket(auth)
    browser = signed_in(auth)
    before = auth.sql("SELECT count(*) FROM sign_in_counts")
    for _ in range(throttle.USER_CODE.capacity + 2):
        page = browser.get(f"/device?{urlencode({'user_code': device['user_code']})}")
        assert page.status_code == 200
        assert "Command line" not in page.text
        assert browser.head("/device?user_code=BBBBBBBB").status_code == 200
    assert auth.sql("SELECT count(*) FROM sign_in_counts") == before
    assert error_of(poll(auth, app, device["device_code"])) == "authorization_pending"


@pytest.mark.parametrize("step", ["code", "decision"])
def test_another_sites_form_does_nothing(auth: Auth, step: str) -> None:
    app = register_device_app(auth)
    device = begun(auth, app)
    browser = signed_in(auth)
    page = typed(browser, device["user_code"])
    hidden = page.text.partition('name="device" value="')[2].partition('"')[0]
    form = {"user_code": device["user_code"]} if step == "code" else {"device": hidden, "decision": "allow"}
    for csrf in ({}, {"csrf": "A" * 43}):
        answer = browser.post("/device", form | csrf)
        assert answer.status_code == 403
        assert "Allow Command line?" not in answer.text
    foreign = browser.submit(page, "/device", decision="allow", csrf="x")
    assert foreign.status_code == 403
    assert error_of(poll(auth, app, device["device_code"])) == "authorization_pending"


@pytest.mark.parametrize("shown", ["", "é", "A" * 43])
def test_a_device_is_allowed_only_from_the_page_that_shows_it(auth: Auth, shown: str) -> None:
    app = register_device_app(auth)
    device, other = begun(auth, app), begun(auth, app)
    browser = signed_in(auth)
    page, others = typed(browser, device["user_code"]), typed(browser, other["user_code"])
    asked = browser.submit(page, "/device", decision="allow", shown=shown)
    assert "Allow Command line?" in asked.text
    proof = others.text.partition('name="shown" value="')[2].partition('"')[0]
    assert "Allow Command line?" in browser.submit(page, "/device", decision="allow", shown=proof).text
    assert error_of(poll(auth, app, device["device_code"])) == "authorization_pending"


def test_the_page_of_one_person_is_no_consent_of_another(auth: Auth) -> None:
    app = register_device_app(auth)
    device = begun(auth, app)
    browser = signed_in(auth)
    page = typed(browser, device["user_code"])
    browser.sign_in(auth.other)
    answer = browser.submit(page, "/device", decision="allow")
    assert answer.status_code == 400
    assert error_of(poll(auth, app, device["device_code"])) == "authorization_pending"


def test_a_code_of_another_organisation_is_none(auth: Auth) -> None:
    no_bucket(auth)
    device = begun(auth, register_device_app(auth))
    page = typed(signed_in(auth, auth.other), device["user_code"])
    assert page.status_code == 400
    assert "Command line" not in page.text


def test_the_page_says_who_asks_from_where(auth: Auth) -> None:
    app = register_device_app(auth)
    browser = signed_in(auth)
    far = typed(browser, begin(auth, app, address="198.51.100.77").json()["user_code"]).text
    assert "198.51.100.77" in far
    assert "not the network that you use now" in far
    assert "somebody sent you this code" in far
    near = typed(browser, begin(auth, app, address=browser.address).json()["user_code"]).text
    assert "the network that you use now" in near
    assert "not the network" not in near


@pytest.mark.parametrize("change", [{"requested_scopes": ["webhooks:write"]}, {"name": "Control room"}])
def test_an_app_that_changes_while_the_page_is_open_is_shown_anew(auth: Auth, change: dict[str, Any]) -> None:
    app = register_device_app(auth)
    device = begun(auth, app)
    browser = signed_in(auth)
    page = typed(browser, device["user_code"])
    assert auth.admin("PATCH", f"/v1/platform/apps/{app['client_id']}", json=change).status_code == 200
    again = browser.submit(page, "/device", decision="allow")
    assert "Allow" in again.text
    assert "connected" not in again.text
    assert "The device is connected" in browser.submit(again, "/device", decision="allow").text
    scope = poll(auth, app, device["device_code"]).json()["scope"]
    assert scope == ("webhooks:write" if "requested_scopes" in change else " ".join(SCOPES))


def test_a_disabled_app_gets_neither_page_nor_token(auth: Auth) -> None:
    app = register_device_app(auth)
    device, other = allowed(auth, app), begun(auth, app)
    browser = signed_in(auth)
    page = typed(browser, other["user_code"])
    auth.admin("POST", f"/v1/platform/apps/{app['client_id']}/disable")
    assert "switched off" in typed(browser, other["user_code"]).text
    assert "switched off" in browser.submit(page, "/device", decision="allow").text
    assert error_of(poll(auth, app, device["device_code"])) == "invalid_client"


def test_a_device_code_is_good_once_and_a_second_use_ends_the_grant(auth: Auth) -> None:
    app = register_device_app(auth)
    device = allowed(auth, app)
    first = poll(auth, app, device["device_code"]).json()
    assert error_of(poll(auth, app, device["device_code"])) == "invalid_grant"
    refused = auth.token(app, grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert error_of(refused) == "invalid_grant"


def test_of_two_polls_at_once_one_wins(auth: Auth) -> None:
    app = register_device_app(auth)
    device = allowed(auth, app)
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.append(poll(auth, app, device["device_code"]).status_code))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] + [400] * 5


def test_a_device_code_is_bound_to_its_client(auth: Auth) -> None:
    app, thief = register_device_app(auth), register_device_app(auth)
    device = allowed(auth, app)
    assert error_of(poll(auth, thief, device["device_code"])) == "invalid_grant"
    assert poll(auth, app, device["device_code"]).status_code == 200


def test_a_device_code_is_no_authorization_code_nor_the_reverse(auth: Auth) -> None:
    grants = ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code", "refresh_token"]
    app = register_web_app(auth, grant_types=grants)
    begun_ = auth.form(
        "/v1/oauth/device_authorization", {"client_id": app["client_id"], "client_secret": app["client_secret"]}
    )
    answered(signed_in(auth), begun_.json()["user_code"])
    code = Browser(auth).allow(app)
    assert error_of(poll(auth, app, code)) == "invalid_grant"
    as_code = auth.token(app, grant_type="authorization_code", code=begun_.json()["device_code"], redirect_uri="")
    assert error_of(as_code) == "invalid_grant"
    assert poll(auth, app, begun_.json()["device_code"]).status_code == 200


@pytest.mark.parametrize("text", ["", "x", "x" * 43, "é" * 43, "\x7f" * 43, "A" * 60_000])
def test_other_text_is_no_device_code(auth: Auth, text: str) -> None:
    app = register_device_app(auth)
    refused = poll(auth, app, text)
    assert refused.status_code == 400
    assert error_of(refused) in ("invalid_grant", "invalid_request")


def test_what_a_person_allowed_can_be_withdrawn_before_and_after_the_device_fetches_it(auth: Auth) -> None:
    app = register_device_app(auth)
    browser = signed_in(auth)
    for fetches_first in (True, False):
        device = begun(auth, app)
        answered(browser, device["user_code"])
        tokens = poll(auth, app, device["device_code"]).json() if fetches_first else {}
        browser.submit(browser.get("/v1/auth/sessions"), "/v1/auth/sessions", withdraw=app["client_id"])
        if fetches_first:
            refused = auth.token(app, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
        else:
            refused = poll(auth, app, device["device_code"])
        assert error_of(refused) == "invalid_grant"


def test_one_row_says_of_two_answers_which_came_first(auth: Auth) -> None:
    app = register_device_app(auth)
    device = begun(auth, app)
    first, second = signed_in(auth), signed_in(auth)
    pages = [typed(first, device["user_code"]), typed(second, device["user_code"])]
    assert "connected" in first.submit(pages[0], "/device", decision="deny").text
    late = second.submit(pages[1], "/device", decision="allow")
    assert late.status_code == 400
    assert error_of(poll(auth, app, device["device_code"])) == "access_denied"


def test_a_session_that_ended_meanwhile_allows_nothing(auth: Auth) -> None:
    app = register_device_app(auth)
    device = begun(auth, app)
    browser = signed_in(auth)
    page = typed(browser, device["user_code"])
    auth.sql("UPDATE sessions SET ended_at = now() WHERE ended_at IS NULL")
    answer = browser.submit(page, "/device", decision="allow")
    assert answer.status_code == 303
    assert "/v1/auth/sign-in" in answer.headers["location"]
    assert error_of(poll(auth, app, device["device_code"])) == "authorization_pending"


@pytest.mark.parametrize("path", ["/device?user_code=%22%3E%3Cscript%3E", "/device?user_code=" + "B" * 5000])
def test_what_a_link_fills_in_is_text(auth: Auth, path: str) -> None:
    page = signed_in(auth).get(path)
    assert page.status_code == 200
    assert "<script>" not in page.text
    assert "B" * 100 not in page.text
    stranger = Browser(auth).get(path)
    assert stranger.status_code == 303
    assert stranger.headers["location"] == "/v1/auth/sign-in?continue=%2Fdevice"


def test_the_way_back_from_the_sign_in_leads_nowhere_else(auth: Auth) -> None:
    for path in ("/device/../evil", "/device?user_code=B&x=1", "/device?next=//evil", "/devices", "//evil/device"):
        browser = Browser(auth)
        page = browser.get("/v1/auth/sign-in", params={"continue": path})
        back = browser.submit(page, "/v1/auth/sign-in", email=auth.demo["email"], password=PASSWORD)
        assert back.headers["location"] == "/v1/auth/sessions"


def test_strangers_who_fill_an_apps_room_displace_their_own(
    databases: TestDatabases, redis_server: RedisServer
) -> None:
    """A public app's id is known to anybody. A flood from one network must not end the waiting of a person elsewhere."""
    with (
        databases.lent("auth") as database,
        running(database, redis_server.url, most_device_codes=10, most_device_codes_of_tenant=15) as auth,
    ):
        app, second = register_device_app(auth), register_device_app(auth)
        genuine = begin(auth, app, address="192.0.2.1").json()
        flood = [begin(auth, app, address="198.51.100.9").json() for _ in range(30)]
        assert auth.sql("SELECT count(*) FROM device_codes") == [(10,)]
        assert error_of(poll(auth, app, genuine["device_code"])) == "authorization_pending"
        assert error_of(poll(auth, app, flood[0]["device_code"])) == "invalid_grant"
        assert error_of(poll(auth, app, flood[-1]["device_code"])) == "authorization_pending"
        for number in range(30):
            begin(auth, app, address=f"2001:db8:7:{number:x}::1")
        assert error_of(poll(auth, app, genuine["device_code"])) == "slow_down", "one subscriber has many networks"
        neighbour = begin(auth, second, address="192.0.2.1").json()
        third = register_device_app(auth)
        for number in range(30):
            begin(auth, third, address=f"198.51.100.{number}")
        assert auth.sql("SELECT count(*) FROM device_codes") == [(15,)]
        assert error_of(poll(auth, second, neighbour["device_code"])) == "authorization_pending"
        auth.sql("UPDATE device_codes SET expires_at = now() - interval '1 s' WHERE client_id = %s", third["client_id"])
        begin(auth, second)
        assert error_of(poll(auth, second, neighbour["device_code"])) == "slow_down"


def test_neither_code_is_stored(auth: Auth) -> None:
    device = begun(auth, register_device_app(auth))
    [(row,)] = auth.sql("SELECT d::text FROM device_codes d ORDER BY made_at DESC LIMIT 1")
    for secret in (device["device_code"], device["user_code"], device["user_code"].replace("-", "")):
        assert secret not in row
        assert secret.encode().hex() not in row
