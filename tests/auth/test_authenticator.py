"""Setting up one's own second factor, losing the phone, and taking the factor away again."""

import re
import threading
import time
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyotp.totp import TOTP

from services.auth.signin import codes
from tests.auth.support import PASSWORD, Auth, Browser
from tests.auth.test_operator import operate
from tests.auth.test_sign_in import person as person

PAGE = "/v1/auth/authenticator"
SECOND = "/v1/auth/second-factor"


def secret_on(page: httpx2.Response) -> str:
    found = re.search(r"secret=([A-Z2-7]{32})&amp;issuer=Knogin", page.text)
    assert found is not None, page.text
    return found[1]


def codes_on(page: httpx2.Response) -> list[str]:
    return re.findall(r"<li>([0-9a-z]{5}-[0-9a-z]{5})</li>", page.text)


def later(auth: Auth, person: dict[str, Any]) -> None:
    """As if the last code had been used long ago, so that the current one is good again."""
    auth.sql("UPDATE users SET totp_last_step = 0 WHERE email = %s", person["email"])


def trail(auth: Auth, person: dict[str, Any]) -> list[str]:
    rows = auth.sql(
        "SELECT action FROM audit a JOIN users u ON u.user_id = a.subject_id WHERE u.email = %s ORDER BY a.id",
        person["email"],
    )
    return [action for (action,) in rows]


@pytest.fixture
def browser(auth: Auth, person: dict[str, Any]) -> Browser:
    browser = Browser(auth)
    browser.sign_in(person)
    return browser


class Enrolled:
    def __init__(self, browser: Browser) -> None:
        page = browser.get(PAGE)
        self.secret = secret_on(page)
        self.done = browser.submit(page, PAGE, password=PASSWORD, code=TOTP(self.secret).now(), do="set up")
        self.codes = codes_on(self.done)


@pytest.fixture
def enrolled(browser: Browser) -> Enrolled:
    return Enrolled(browser)


def second_step(auth: Auth, person: dict[str, Any], code: str) -> int:
    browser = Browser(auth)
    page = browser.sign_in(person)
    assert page.status_code == 200
    return browser.submit(page, SECOND, code=code).status_code


def test_whoever_is_not_signed_in_is_led_through_sign_in_and_back(auth: Auth, person: dict[str, Any]) -> None:
    browser = Browser(auth)
    for answer in (browser.get(PAGE), browser.post(PAGE, {"do": "remove"})):
        assert (answer.status_code, answer.headers["location"]) == (
            303,
            "/v1/auth/sign-in?continue=%2Fv1%2Fauth%2Fauthenticator",
        )
    assert browser.sign_in(person, continue_to=PAGE).headers["location"] == PAGE


def test_an_authenticator_counts_once_a_code_of_it_was_typed_in(
    auth: Auth, person: dict[str, Any], enrolled: Enrolled
) -> None:
    assert enrolled.done.status_code == 200
    assert len(set(enrolled.codes)) == 10
    # The code that confirmed it is used up.
    assert second_step(auth, person, TOTP(enrolled.secret).now()) == 401
    later(auth, person)
    assert second_step(auth, person, TOTP(enrolled.secret).now()) == 303
    assert "user.second_factor_enrolled" in trail(auth, person)


def test_the_page_shows_the_key_as_a_drawing_as_text_and_as_a_link_and_runs_no_script(browser: Browser) -> None:
    page = browser.get(PAGE)
    secret = secret_on(page)
    assert '<svg viewBox="' in page.text
    assert "".join(re.findall(r"<span>([A-Z2-7]{4})</span>", page.text)) == secret
    assert "<script" not in page.text
    assert "script-src" not in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"
    assert secret_on(browser.get(PAGE)) != secret


def test_nothing_is_stored_until_it_is_confirmed(auth: Auth, person: dict[str, Any], browser: Browser) -> None:
    page = browser.get(PAGE)
    secret = secret_on(page)
    wrong = browser.submit(page, PAGE, password=PASSWORD, code="12345", do="set up")
    assert (wrong.status_code, secret_on(wrong)) == (422, secret)
    good = TOTP(secret).now()
    wrong = browser.submit(wrong, PAGE, password="not the password", code=good, do="set up")
    assert (wrong.status_code, secret_on(wrong)) == (422, secret)
    assert Browser(auth).sign_in(person).status_code == 303
    assert trail(auth, person).count("user.second_factor_refused") == 2
    assert browser.submit(wrong, PAGE, password=PASSWORD, code=good, do="set up").status_code == 200


def test_a_key_is_for_the_user_and_the_browser_it_was_shown_to(auth: Auth, browser: Browser) -> None:
    page = browser.get(PAGE)
    sealed = re.search(r'name="enrolment" value="([^"]+)"', page.text)
    assert sealed is not None
    other = Browser(auth)
    other.sign_in()
    theirs = other.get(PAGE)
    code = TOTP(secret_on(page)).now()
    refused = other.submit(theirs, PAGE, enrolment=sealed[1], password=PASSWORD, code=code, do="set up")
    assert refused.status_code == 403
    assert other.submit(theirs, PAGE, enrolment="AAAA", password=PASSWORD, code=code, do="set up").status_code == 403


def test_a_form_of_another_site_changes_nothing(auth: Auth, person: dict[str, Any], browser: Browser) -> None:
    page = browser.get(PAGE)
    code = TOTP(secret_on(page)).now()
    answer = browser.submit(page, PAGE, csrf="x" * 43, password=PASSWORD, code=code, do="set up")
    assert answer.status_code == 403
    assert Browser(auth).sign_in(person).status_code == 303


def test_setting_it_up_ends_the_sessions_that_were_made_without_it(auth: Auth, person: dict[str, Any]) -> None:
    here, there = Browser(auth), Browser(auth)
    here.sign_in(person)
    there.sign_in(person)
    Enrolled(here)
    assert here.get("/v1/auth/sessions").status_code == 200
    assert there.get("/v1/auth/sessions").status_code == 303


def test_a_second_authenticator_does_not_take_the_place_of_the_first(
    auth: Auth, person: dict[str, Any], browser: Browser
) -> None:
    page = browser.get(PAGE)
    first = Enrolled(browser)
    late = browser.submit(page, PAGE, password=PASSWORD, code=TOTP(secret_on(page)).now(), do="set up")
    assert late.status_code == 409
    later(auth, person)
    assert second_step(auth, person, TOTP(first.secret).now()) == 303


def test_a_recovery_code_opens_once_however_it_is_typed(
    auth: Auth, person: dict[str, Any], enrolled: Enrolled, browser: Browser
) -> None:
    code = enrolled.codes[0]
    assert second_step(auth, person, f" {code.upper().replace('-', ' ')} ") == 303
    assert second_step(auth, person, code) == 401
    assert second_step(auth, person, enrolled.codes[1]) == 303
    assert "left: 8" in browser.get(PAGE).text
    details = auth.sql(
        "SELECT detail FROM audit a JOIN users u ON u.user_id = a.subject_id WHERE u.email = %s AND action = 'sign_in.succeeded'"
        " AND detail <> '{}'",
        person["email"],
    )
    assert details == [({"second_factor": "recovery code"},)] * 2


def test_of_two_who_use_one_recovery_code_at_once_one_gets_in(
    auth: Auth, person: dict[str, Any], enrolled: Enrolled
) -> None:
    browsers = [Browser(auth), Browser(auth)]
    pages = [browser.sign_in(person) for browser in browsers]
    statuses: list[int] = []

    def use(number: int) -> None:
        statuses.append(browsers[number].submit(pages[number], SECOND, code=enrolled.codes[0]).status_code)

    threads = [threading.Thread(target=use, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [303, 401]


def test_recovery_codes_are_stored_as_macs_alone(auth: Auth, person: dict[str, Any], enrolled: Enrolled) -> None:
    stored = auth.sql(
        "SELECT r::text, r.code_mac FROM recovery_codes r JOIN users u USING (user_id) WHERE u.email = %s",
        person["email"],
    )
    assert len(stored) == 10
    for code in enrolled.codes:
        plain = code.replace("-", "")
        assert all(plain not in text and len(mac) == 32 and plain.encode() not in bytes(mac) for text, mac in stored)


def test_another_users_recovery_code_opens_nothing(auth: Auth, person: dict[str, Any], enrolled: Enrolled) -> None:
    email = f"other{time.time_ns()}@demo.example"
    link = operate(auth, "user", "create", email, "--tenant", auth.demo["tenant_id"])
    browser = Browser(auth)
    page = browser.get(link.removeprefix(auth.settings.issuer))
    browser.submit(page, "/v1/auth/password", password=PASSWORD, again=PASSWORD)
    browser.sign_in({"email": email})
    Enrolled(browser)
    assert second_step(auth, {"email": email}, enrolled.codes[0]) == 401


def test_new_recovery_codes_void_the_old_ones(
    auth: Auth, person: dict[str, Any], enrolled: Enrolled, browser: Browser
) -> None:
    renewed = browser.submit(browser.get(PAGE), PAGE, password=PASSWORD, code=enrolled.codes[0], do="renew")
    assert renewed.status_code == 200
    codes = codes_on(renewed)
    assert len(codes) == 10
    assert not set(codes) & set(enrolled.codes)
    assert second_step(auth, person, enrolled.codes[1]) == 401
    assert second_step(auth, person, codes[0]) == 303
    assert "user.recovery_codes_renewed" in trail(auth, person)


@pytest.mark.parametrize("lacking", ["password", "code", "both"])
def test_removal_needs_the_password_and_a_code(
    auth: Auth, person: dict[str, Any], enrolled: Enrolled, browser: Browser, lacking: str
) -> None:
    password = PASSWORD if lacking == "code" else "not the password"
    code = enrolled.codes[0] if lacking == "password" else "000000"
    refused = browser.submit(browser.get(PAGE), PAGE, password=password, code=code, do="remove")
    assert refused.status_code == 422
    assert Browser(auth).sign_in(person).status_code == 200
    removed = browser.submit(refused, PAGE, password=PASSWORD, code=enrolled.codes[1], do="remove")
    assert (removed.status_code, removed.headers["location"]) == (303, "/v1/auth/sessions?done=removed")
    assert Browser(auth).sign_in(person).status_code == 303
    assert (
        auth.sql("SELECT r FROM recovery_codes r JOIN users u USING (user_id) WHERE email = %s", person["email"]) == []
    )
    assert "user.second_factor_removed" in trail(auth, person)
    # A code from before opens nothing once a new authenticator is there.
    again = Enrolled(browser)
    assert second_step(auth, person, enrolled.codes[2]) == 401
    assert second_step(auth, person, again.codes[0]) == 303


def test_what_is_not_offered_is_refused(enrolled: Enrolled, browser: Browser) -> None:
    page = browser.get(PAGE)
    for asked in ("", "set up", "destroy"):
        answer = browser.submit(page, PAGE, password=PASSWORD, code=enrolled.codes[0], do=asked)
        assert answer.status_code in (403, 422)
    assert "left: 10" in browser.get(PAGE).text


def test_guessing_in_a_session_is_slowed_down_like_guessing_at_the_door(
    auth: Auth, person: dict[str, Any], enrolled: Enrolled, browser: Browser
) -> None:
    page = browser.get(PAGE)
    statuses = [browser.submit(page, PAGE, password=PASSWORD, code="000000", do="remove").status_code for _ in range(7)]
    assert statuses == [422] * 6 + [429]
    refused = browser.submit(page, PAGE, password=PASSWORD, code=enrolled.codes[0], do="remove")
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0


def test_an_operators_new_factor_voids_the_users_recovery_codes(
    auth: Auth, person: dict[str, Any], enrolled: Enrolled
) -> None:
    operate(auth, "user", "second-factor", person["email"])
    assert second_step(auth, person, enrolled.codes[0]) == 401


def test_who_has_no_password_is_told_that_nothing_is_set_up_here(
    auth: Auth, person: dict[str, Any], browser: Browser
) -> None:
    page = browser.get(PAGE)
    auth.sql("UPDATE users SET password_hash = NULL WHERE email = %s", person["email"])
    assert "through your organisation" in browser.get(PAGE).text
    code = TOTP(secret_on(page)).now()
    assert browser.submit(page, PAGE, password="", code=code, do="set up").status_code == 403


def test_the_pages_speak_italian(auth: Auth, person: dict[str, Any]) -> None:
    browser = Browser(auth, "it")
    browser.sign_in(person)
    assert "Configura un’app di autenticazione" in browser.get(PAGE).text
    assert "Aggiungi Knogin" in browser.get(PAGE).text
    done = Enrolled(browser).done
    assert "I tuoi codici di recupero" in done.text
    assert "Rimuovi l’app" in browser.get(PAGE).text


@given(st.text())
def test_no_text_breaks_the_check_of_a_recovery_code(text: str) -> None:
    meant = codes.recovery_code_text("usr_1", text)
    assert meant is None or re.fullmatch(rb"usr_1\.[0-9a-hjkmnp-tv-z]{10}", meant)


def test_recovery_codes_are_read_as_they_are_written_by_hand() -> None:
    assert codes.recovery_code_text("usr_1", "O1iL0-abcde") == b"usr_1.01110abcde"
    assert all(codes.recovery_code_text("usr_1", code) for code in codes.new_recovery_codes())
