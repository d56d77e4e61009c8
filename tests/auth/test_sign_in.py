"""Signing in: passwords, second factors, guessing, sessions, and nothing said about who exists."""

import re
import subprocess
import sys
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyotp.totp import TOTP

from services.auth.signin import account_endpoints, codes, passwords, texts
from shared.web.identity import client_network
from tests.auth.support import PASSWORD, Auth, Browser, claims_of, redeem, register_web_app, returned
from tests.auth.test_operator import operate

SIGN_IN = "/v1/auth/sign-in"


@pytest.fixture
def person(auth: Auth) -> dict[str, Any]:
    """A user of the demo tenant of their own, with a password."""
    email = f"user{time.time_ns()}@demo.example"
    link = operate(auth, "user", "create", email, "--tenant", auth.demo["tenant_id"])
    browser = Browser(auth)
    page = browser.get(link.removeprefix(auth.settings.issuer))
    assert browser.submit(page, "/v1/auth/password", password=PASSWORD, again=PASSWORD).status_code == 200
    return {"email": email}


def test_the_right_password_starts_a_session_with_a_host_cookie(auth: Auth, person: dict[str, Any]) -> None:
    browser = Browser(auth)
    answer = browser.sign_in(person)
    assert (answer.status_code, answer.headers["location"]) == (303, "/v1/auth/sessions")
    cookie = next(line for line in answer.headers.get_list("set-cookie") if "session" in line)
    assert cookie.startswith("__Host-knogin-session=")
    assert {"HttpOnly", "Secure", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
    assert person["email"] in browser.get("/v1/auth/sessions").text


def test_a_session_token_is_stored_as_a_mac(auth: Auth, person: dict[str, Any]) -> None:
    browser = Browser(auth)
    browser.sign_in(person)
    token = browser.cookies["__Host-knogin-session"].encode()
    assert all(token not in bytes(mac) for (mac,) in auth.sql("SELECT token_mac FROM sessions"))


def test_an_unknown_account_and_a_wrong_password_look_the_same(auth: Auth, person: dict[str, Any]) -> None:
    wrong = Browser(auth).sign_in(person, password="not the password")
    unknown = Browser(auth).sign_in({"email": "nobody@demo.example"})
    assert wrong.status_code == unknown.status_code == 401
    varying = re.compile(r'value="[^"]*"')
    assert varying.sub("", wrong.text) == varying.sub("", unknown.text)


def test_guessing_gets_slower_for_an_account_whether_or_not_it_exists(auth: Auth, person: dict[str, Any]) -> None:
    for email in (person["email"], f"nobody{time.time_ns()}@demo.example"):
        here = Browser(auth)
        statuses = [here.sign_in({"email": email}, password="guess").status_code for _ in range(7)]
        assert statuses == [401] * 6 + [429]
        # From everywhere together, fewer than one address alone could.
        others = [Browser(auth).sign_in({"email": email}, password="guess").status_code for _ in range(15)]
        assert others == [401] * 14 + [429]
        # The right password does not help either, or it would tell a guess from a hit.
        refused = Browser(auth).sign_in({"email": email})
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) > 0


def test_no_way_to_write_an_address_gives_more_guesses(auth: Auth) -> None:
    """To Python, the small letter of \u0130 is two characters; to the database, one that an account may be found by."""
    plain = f"i{time.time_ns()}@demo.example"
    assert auth.sql("SELECT lower(%s)", "\u0130")[0][0] == "i"
    written = [plain, plain.upper(), "\u0130" + plain[1:], f" {plain} "]
    browser = Browser(auth)
    statuses = [browser.sign_in({"email": email}, password="guess").status_code for email in written * 2]
    assert statuses == [401] * 6 + [429] * 2


def test_guessing_gets_slower_from_an_address_across_accounts(auth: Auth) -> None:
    browser = Browser(auth)
    browser.address = "198.51.100.77"
    statuses = [browser.sign_in({"email": f"a{number}@x.example"}, password="x").status_code for number in range(23)]
    assert statuses[:20] == [401] * 20
    assert statuses[-1] == 429


def test_success_forgets_the_accounts_failures(auth: Auth, person: dict[str, Any]) -> None:
    for _ in range(3):
        for _ in range(4):
            assert Browser(auth).sign_in(person, password="wrong").status_code == 401
        assert Browser(auth).sign_in(person).status_code == 303


def test_a_form_from_elsewhere_signs_nobody_in(auth: Auth, person: dict[str, Any]) -> None:
    browser = Browser(auth)
    browser.get(SIGN_IN)
    form = {"email": person["email"], "password": PASSWORD, "csrf": "x" * 43}
    assert browser.post(SIGN_IN, form).status_code == 403
    other = Browser(auth)
    page = other.get(SIGN_IN)
    csrf = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert csrf is not None
    assert browser.post(SIGN_IN, form | {"csrf": csrf[1]}).status_code == 403
    headers = {"sec-fetch-site": "cross-site"}
    assert other.post(SIGN_IN, form | {"csrf": csrf[1]}, headers=headers).status_code == 403
    assert other.post(SIGN_IN, form | {"csrf": csrf[1]}).status_code == 303


def test_each_sign_in_has_a_new_session_and_ends_the_one_before(auth: Auth, person: dict[str, Any]) -> None:
    browser = Browser(auth)
    browser.sign_in(person)
    first = dict(browser.cookies)
    browser.sign_in(person)
    assert browser.cookies["__Host-knogin-session"] != first["__Host-knogin-session"]
    browser.cookies = first
    assert browser.get("/v1/auth/sessions").status_code == 303


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/v1/oauth/authorize",
        "javascript:x",
        "/v1/oauth/authorize?\r\nx: y",
    ],
)
def test_a_sign_in_never_leads_elsewhere(auth: Auth, person: dict[str, Any], path: str) -> None:
    assert Browser(auth).sign_in(person, continue_to=path).headers["location"] == "/v1/auth/sessions"


def test_the_second_factor_is_asked_for_and_each_code_is_good_once(auth: Auth, person: dict[str, Any]) -> None:
    uri = operate(auth, "user", "second-factor", person["email"])
    secret = re.search(r"secret=([A-Z2-7]+)", uri)
    assert secret is not None
    code = TOTP(secret[1]).now()
    page = Browser(auth).sign_in(person)
    assert (page.status_code, "location" in page.headers) == (200, False)
    browser = Browser(auth)
    page = browser.sign_in(person)
    assert browser.submit(page, "/v1/auth/second-factor", code="000000").status_code in (401, 303)
    assert browser.submit(page, "/v1/auth/second-factor", code=code).status_code == 303
    replayed = Browser(auth)
    page = replayed.sign_in(person)
    assert replayed.submit(page, "/v1/auth/second-factor", code=code).status_code == 401
    stolen = Browser(auth)
    stolen.get(SIGN_IN)
    assert stolen.submit(page, "/v1/auth/second-factor", code=code).status_code == 403
    stored = auth.sql("SELECT totp_secret FROM users WHERE email = %s", person["email"])[0][0]
    assert secret[1].encode() not in bytes(stored)
    operate(auth, "user", "second-factor", person["email"], "--remove")
    assert Browser(auth).sign_in(person).status_code == 303


def test_one_lists_and_ends_ones_sessions(auth: Auth, person: dict[str, Any]) -> None:
    here, there = Browser(auth), Browser(auth)
    here.sign_in(person)
    there.sign_in(person)
    page = here.get("/v1/auth/sessions")
    assert page.text.count("Test browser 1") >= 2
    ((session_id,),) = auth.sql(
        "SELECT session_id FROM sessions s JOIN users u USING (user_id) WHERE u.email = %s ORDER BY session_id DESC LIMIT 1",
        person["email"],
    )
    done = here.submit(page, "/v1/auth/sessions", end=session_id)
    assert done.headers["location"].endswith("done=ended")
    assert there.get("/v1/auth/sessions").status_code == 303
    assert here.get("/v1/auth/sessions").status_code == 200
    here.submit(here.get("/v1/auth/sessions"), "/v1/auth/sessions", end="all")
    assert here.get("/v1/auth/sessions").status_code == 303


def test_nobody_ends_anothers_session(auth: Auth, person: dict[str, Any]) -> None:
    mine, theirs = Browser(auth), Browser(auth)
    mine.sign_in(person)
    theirs.sign_in(auth.other)
    ((session_id,),) = auth.sql("SELECT session_id FROM sessions ORDER BY session_id DESC LIMIT 1")
    mine.submit(mine.get("/v1/auth/sessions"), "/v1/auth/sessions", end=session_id)
    assert theirs.get("/v1/auth/sessions").status_code == 200


def test_withdrawing_an_apps_access_ends_its_grants_and_asks_for_consent_anew(
    auth: Auth, person: dict[str, Any]
) -> None:
    app = register_web_app(auth)
    browser = Browser(auth)
    browser.sign_in(person)
    browser.submit(browser.authorize(app), "/v1/oauth/authorize", decision="allow")
    page = browser.get("/v1/auth/sessions")
    assert "Dispatch board" in page.text
    form = page.text.rpartition('action="/v1/auth/sessions"')[2]
    assert app["client_id"] in form
    browser.submit(page, "/v1/auth/sessions", withdraw=app["client_id"])
    because = auth.sql("SELECT revoked_because FROM grants WHERE client_id = %s", app["client_id"])
    assert because == [("withdrawn by the user",)]
    assert browser.authorize(app).status_code == 200


def test_signing_out_leads_back_to_the_request_with_another_account(auth: Auth, person: dict[str, Any]) -> None:
    app = register_web_app(auth)
    browser = Browser(auth)
    browser.sign_in(person)
    out = browser.submit(browser.authorize(app), "/v1/auth/sign-out")
    assert out.headers["location"].startswith("/v1/auth/sign-in?continue=")
    back = browser.submit(browser.get(out.headers["location"]), SIGN_IN, email=auth.demo["email"], password=PASSWORD)
    assert auth.demo["email"] in browser.get(back.headers["location"]).text


def test_a_password_link_is_good_once_and_ends_every_session(auth: Auth, person: dict[str, Any]) -> None:
    before = Browser(auth)
    before.sign_in(person)
    path = operate(auth, "user", "password-link", person["email"]).removeprefix(auth.settings.issuer)
    browser = Browser(auth)
    page = browser.get(path)
    new = "another long password"
    for fields, words in (
        ({"password": "short", "again": "short"}, "at least 15"),
        ({"password": "a" * 20, "again": "a" * 20}, "too easy"),
        ({"password": new, "again": "something else"}, "not the same"),
        ({"password": new, "again": new, "csrf": "x"}, "open for too long"),
    ):
        refused = browser.submit(page, "/v1/auth/password", **fields)
        assert refused.status_code == 422
        assert words in refused.text
    assert browser.submit(page, "/v1/auth/password", password=new, again=new).status_code == 200
    assert browser.submit(page, "/v1/auth/password", password=new, again=new).status_code == 410
    assert browser.get(path).status_code == 410
    assert before.get("/v1/auth/sessions").status_code == 303
    assert Browser(auth).sign_in(person).status_code == 401
    assert Browser(auth).sign_in(person, password=new).status_code == 303


def new_link(auth: Auth, person: dict[str, Any]) -> str:
    return operate(auth, "user", "password-link", person["email"]).removeprefix(auth.settings.issuer)


def choose(browser: Browser, page: Any, password: str) -> int:
    return browser.submit(page, "/v1/auth/password", password=password, again=password).status_code


def test_a_new_password_ends_every_other_link(auth: Auth, person: dict[str, Any]) -> None:
    browser = Browser(auth)
    older, newer = (browser.get(new_link(auth, person)) for _ in range(2))
    assert choose(browser, newer, "another long password") == 200
    assert choose(browser, older, "yet another password") == 410
    assert Browser(auth).sign_in(person, password="another long password").status_code == 303


def test_a_link_that_expires_while_the_password_is_chosen_sets_none(
    auth: Auth, person: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Browser(auth)
    page = browser.get(new_link(auth, person))
    hash_password = passwords.hash_password

    def slowly(password: str) -> str:
        auth.sql("UPDATE password_links SET expires_at = now()")
        return hash_password(password)

    monkeypatch.setattr(passwords, "hash_password", slowly)
    assert choose(browser, page, "another long password") == 410
    assert Browser(auth).sign_in(person).status_code == 303


def test_a_new_password_ends_what_apps_may_do_and_half_a_sign_in(auth: Auth, person: dict[str, Any]) -> None:
    app = register_web_app(auth)
    browser = Browser(auth)
    browser.sign_in(person)
    page = browser.authorize(app, scope="webhooks:write offline_access")
    code = returned(browser.submit(page, "/v1/oauth/authorize", decision="allow"))["code"]
    tokens = redeem(auth, app, code).json()
    secret = re.search(r"secret=([A-Z2-7]+)", operate(auth, "user", "second-factor", person["email"]))
    assert secret is not None
    half = Browser(auth)
    asked = half.sign_in(person)
    owner = Browser(auth)
    assert choose(owner, owner.get(new_link(auth, person)), "another long password") == 200
    refreshed = auth.token(app, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert refreshed.json()["error"] == "invalid_grant"
    marks = {(mark["kind"], mark["id"]) for mark in auth.watermarks().json()["watermarks"]}
    assert ("grant", claims_of(tokens["access_token"])["grant_id"]) in marks
    code = TOTP(secret[1]).now()
    assert half.submit(asked, "/v1/auth/second-factor", code=code).status_code == 403
    asked = owner.sign_in(person, password="another long password")
    assert owner.submit(asked, "/v1/auth/second-factor", code=code).status_code == 303


@pytest.mark.parametrize("link", ["", "x", "é" * 43, "A" * 43, "A" * 5000])
def test_a_link_that_was_never_made_is_gone(auth: Auth, link: str) -> None:
    assert Browser(auth).get("/v1/auth/password", params={"link": link}).status_code == 410


def test_pages_carry_no_script_cannot_be_framed_and_are_not_stored(auth: Auth) -> None:
    page = Browser(auth).get(SIGN_IN)
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script" not in policy
    assert "<script" not in page.text
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"


def test_names_in_pages_are_escaped(auth: Auth) -> None:
    app = register_web_app(auth, name="<img src=x onerror=alert(1)>{{7*7}}{password}")
    browser = Browser(auth)
    browser.sign_in()
    page = browser.authorize(app)
    assert page.status_code == 200
    assert "<img" not in page.text
    assert "{{7*7}}{password}" in page.text


def test_pages_speak_italian_to_who_asks_for_it(auth: Auth) -> None:
    page = Browser(auth, "it-IT,it;q=0.9,en;q=0.8").get(SIGN_IN)
    assert '<html lang="it">' in page.text
    assert "Accedi" in page.text


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("it", "it"),
        ("IT-ch", "it"),
        ("de, it;q=0.5", "it"),
        ("en;q=0.3, it;q=0.8", "it"),
        ("it;q=0", "en"),
        ("fr", "en"),
        ("*;q=1", "en"),
        ("it;q=banana", "en"),
        (",,,it", "it"),
    ],
)
def test_the_language_the_browser_likes_best(header: str, language: str) -> None:
    assert texts.language(header) == language


@given(st.text())
def test_no_header_breaks_the_choice_of_language(header: str) -> None:
    assert texts.language(header) in texts.LANGUAGES


def test_both_languages_say_everything() -> None:
    assert texts.ENGLISH.keys() == texts.ITALIAN.keys()
    assert texts.SCOPES["en"].keys() == texts.SCOPES["it"].keys()
    placeholder = re.compile(r"\{[a-z]+\}")
    for word, english in texts.ENGLISH.items():
        assert sorted(placeholder.findall(english)) == sorted(placeholder.findall(texts.ITALIAN[word])), word


def test_a_code_is_right_one_step_early_and_late_and_no_more() -> None:
    secret = codes.new_secret()
    code = TOTP(secret).at(1_000_000_000)
    step = 1_000_000_000 // 30
    assert [codes.step_of(secret, code, 1_000_000_000 + 30 * offset) for offset in (-2, -1, 0, 1, 2)] == [
        None,
        step,
        step,
        step,
        None,
    ]


@given(st.text())
def test_no_text_breaks_the_check_of_a_code(code: str) -> None:
    assert codes.step_of("JBSWY3DPEHPK3PXP" * 2, code, 59.0) is None or code.replace(" ", "").isdigit()


def test_addresses_are_counted_by_client_network() -> None:
    assert client_network("2001:db8::1") == client_network("2001:db8::ffff")
    assert client_network("192.0.2.1") != client_network("192.0.2.2")
    assert client_network("unix") == "unix"


def test_browsers_are_named_as_people_know_them() -> None:
    assert (
        account_endpoints.describe_browser("Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/140.0")
        == "Firefox, Windows"
    )
    assert (
        account_endpoints.describe_browser("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) Version/17 Safari/605")
        == "Safari, macOS"
    )
    assert account_endpoints.describe_browser("curl/8.1") == "curl/8.1"


def test_passwords_cost_what_rfc_9106_recommends() -> None:
    """A process of its own, since these tests sign in at a lower price."""
    code = "from services.auth.signin.passwords import hash_password; print(hash_password('x' * 12))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
