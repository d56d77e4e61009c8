"""Signing in and out: the OAuth client's checks, and the life of a session."""

import re
import time
from threading import Thread

import httpx2
import psycopg
import pytest

from services.console.session import cookies
from tests.console.conftest import ISSUER, Console, form_token
from tests.console.platform import Answer, Person


def cookie(browser: httpx2.Client, console: Console) -> str:
    return browser.cookies.get(cookies.name_of(console.settings, cookies.SESSION)) or ""


def test_a_stranger_is_sent_to_auth_with_pkce_and_state(console: Console) -> None:
    browser = console.browser()
    answer = browser.get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    asked = console.begin(browser)
    assert asked["client_id"] == "console"
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) == 43
    assert len(asked["state"]) == 43
    assert asked["redirect_uri"] == console.url + "/sign-in/done"
    assert "scope" not in asked


def test_a_sign_in_ends_on_the_page_that_was_asked_for(console: Console) -> None:
    browser = console.browser()
    asked = console.begin(browser, to="/?x=1")
    answer = console.finish(browser, Person(name="Bruna Bianchi"), asked["state"])
    assert 'content="0; url=/?x=1"' in answer.text
    given = answer.headers["set-cookie"]
    assert "HttpOnly" in given
    assert "SameSite=strict" in given
    page = browser.get("/")
    assert page.status_code == 200
    assert "Bruna Bianchi" in page.text


@pytest.mark.parametrize(
    "changes", [{"state": "x" * 43}, {"iss": "http://evil.example"}, {"iss": ""}, {"code": ""}, {"client_id": "app_x"}]
)
def test_an_answer_that_is_not_auths_to_this_browser_starts_no_session(
    console: Console, changes: dict[str, str]
) -> None:
    browser = console.browser()
    asked = console.begin(browser)
    answer = console.finish(browser, Person(), **({"state": asked["state"]} | changes))
    assert answer.status_code == 400
    assert not cookie(browser, console)


def test_login_csrf_is_refused(console: Console) -> None:
    """An attacker's code in a victim's browser, which did not begin that sign-in."""
    attacker, victim = console.browser(), console.browser()
    asked = console.begin(attacker)
    answer = console.finish(victim, Person(), asked["state"])
    assert answer.status_code == 400
    assert not cookie(victim, console)


def test_an_answer_is_good_once(console: Console) -> None:
    browser = console.browser()
    asked = console.begin(browser)
    console.finish(browser, Person(), asked["state"])
    assert console.finish(browser, Person(), asked["state"]).status_code == 400


def test_a_session_has_a_new_id_after_each_sign_in(console: Console) -> None:
    """Session fixation: the id that the browser had before is worth nothing afterwards."""
    browser = console.browser()
    planted = cookies.new_token()
    browser.cookies.set(cookies.name_of(console.settings, cookies.SESSION), planted)
    asked = console.begin(browser)
    console.finish(browser, Person(), asked["state"])
    thief = console.browser()
    thief.cookies.set(cookies.name_of(console.settings, cookies.SESSION), planted)
    assert thief.get("/").status_code == 303


def test_a_stolen_cookie_is_worth_nothing_after_signing_out(console: Console) -> None:
    browser = console.signed_in()
    stolen = cookie(browser, console)
    assert console.post(browser, "/sign-out").headers["location"] == "/signed-out"
    assert browser.get("/signed-out").status_code == 200
    thief = console.browser()
    thief.cookies.set(cookies.name_of(console.settings, cookies.SESSION), stolen)
    assert thief.get("/").status_code == 303
    assert any(token.startswith("refresh-") for token in console.platform.given_back)


@pytest.mark.parametrize(
    "to", ["//evil.example", "https://evil.example", "/\\evil.example", "/sign-out", "evil", "/\tx"]
)
def test_a_sign_in_leads_to_no_other_site(console: Console, to: str) -> None:
    browser = console.browser()
    answer = console.finish(browser, Person(), console.begin(browser, to=to)["state"])
    assert 'content="0; url=/"' in answer.text


def test_a_person_without_a_role_learns_it(console: Console) -> None:
    browser = console.browser()
    asked = console.begin(browser)
    query = {"error": "access_denied", "state": asked["state"], "iss": ISSUER}
    answer = browser.get("/sign-in/done", params=query)
    assert answer.status_code == 403
    assert "no role" in answer.text


def test_a_token_is_renewed_before_its_end_and_once_for_all_tabs(console: Console) -> None:
    person = Person(lives=1)
    browser = console.signed_in(person)
    time.sleep(0.6)  # half of its life
    person.lives = 3600
    before, statuses = len(console.platform.refreshes), list[int]()
    tabs = [Thread(target=lambda: statuses.append(browser.get("/").status_code)) for _ in range(6)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join(timeout=60)
    assert statuses == [200] * 6
    assert len(console.platform.refreshes) == before + 1


def test_access_that_ended_at_auth_ends_the_session(console: Console) -> None:
    person = Person()
    browser = console.signed_in(person)
    for held in (console.platform.tokens, console.platform.refreshes):
        for token in [token for token, holder in held.items() if holder is person]:
            del held[token]
    answer = browser.get("/")
    assert answer.headers["location"] == "/signed-out?why=ended"
    assert browser.get("/").headers["location"] == "/sign-in"


def make_idle(console: Console, person: Person) -> None:
    """As if the person had not used the console for 31 minutes."""
    with psycopg.connect(console.database.migrator) as conn:
        conn.execute(
            "UPDATE sessions SET last_seen_at = last_seen_at - interval '31 minutes' WHERE user_id = %s",
            (person.user_id,),
        )


def test_after_idleness_auth_asks_for_the_password_again(console: Console) -> None:
    """Auth knows the person for hours: without `prompt=login` the page that loads itself again would open a new session."""
    person = Person()
    browser = console.signed_in(person)
    assert "prompt" not in console.begin(console.browser())
    make_idle(console, person)
    answer = browser.get("/audit")
    assert answer.headers["location"] == "/sign-in?to=%2Faudit"
    asked = console.begin(browser, to="/audit")
    assert asked["prompt"] == "login"
    assert 'content="0; url=/audit"' in console.finish(browser, person, asked["state"]).text
    assert browser.get("/audit").status_code == 200


def test_after_idleness_an_old_sign_in_opens_no_session_though_the_wish_is_taken_out_of_the_address(
    console: Console,
) -> None:
    """The person at an idle machine opens auth's address without `prompt=login`, and auth knows the one who was here before."""
    person = Person()
    browser = console.signed_in(person)
    make_idle(console, person)
    state = console.begin(browser)["state"]
    person.signed_in_ago = 300
    before = len(console.platform.given_back)
    answer = console.finish(browser, person, state)
    assert answer.status_code == 403
    assert "Sign in with your password" in answer.text
    assert len(console.platform.given_back) == before + 1
    assert browser.get("/").headers["location"] == "/sign-in"
    person.signed_in_ago = 5
    assert console.finish(browser, person, console.begin(browser)["state"]).status_code == 200


@pytest.mark.parametrize("ago", [31 * 60 + 60, None])
def test_a_browser_without_cookies_is_asked_for_the_password_where_the_sign_in_is_older_than_a_session(
    console: Console, ago: float | None
) -> None:
    """Taking the console's cookies out of the browser is no way around the password. `None`: auth does not know."""
    person = Person(signed_in_ago=ago)
    browser = console.browser()
    state = console.begin(browser, to="/audit")["state"]
    answer = console.finish(browser, person, state)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?again=1&to=%2Faudit")
    assert browser.get("/").headers["location"] == "/sign-in"
    again = browser.get(answer.headers["location"])
    assert "prompt=login" in again.headers["location"]


def test_a_sign_in_of_a_few_minutes_ago_is_enough_for_a_browser_that_was_not_here(console: Console) -> None:
    person = Person(signed_in_ago=600)
    browser = console.browser()
    assert console.finish(browser, person, console.begin(browser)["state"]).status_code == 200


def test_the_script_leads_from_an_idle_page_to_the_end_of_the_session_and_back(console: Console) -> None:
    person = Person()
    browser = console.signed_in(person)
    ended = "/signed-out?why=ended&to=%2Faudit%3Fx%3D1"
    assert browser.get(ended).headers["location"] == "/audit?x=1"  # another tab was used
    make_idle(console, person)
    page = browser.get(ended)
    assert "Your session has ended" in page.text
    assert 'href="/sign-in?again=1&amp;to=%2Faudit%3Fx%3D1"' in page.text
    assert "evil" not in console.browser().get("/signed-out?why=ended&to=//evil.example").text


def test_a_request_of_a_page_itself_does_not_keep_the_session(console: Console) -> None:
    person = Person()
    browser = console.signed_in(person)
    with psycopg.connect(console.database.migrator) as conn:
        past = "UPDATE sessions SET last_seen_at = last_seen_at - interval '20 minutes' WHERE user_id = %s"
        conn.execute(past, (person.user_id,))
        conn.commit()
        assert browser.get("/", headers={"x-console-poll": "1"}).status_code == 200
        conn.execute(past, (person.user_id,))
    assert browser.get("/", headers={"x-console-poll": "1"}).status_code == 401
    assert browser.get("/").headers["location"] == "/sign-in"


def test_signing_in_after_signing_out_asks_for_the_password(console: Console) -> None:
    browser = console.signed_in()
    assert console.post(browser, "/sign-out").headers["location"] == "/signed-out"
    assert 'href="/sign-in?again=1"' in browser.get("/signed-out").text
    asked = console.begin(browser)  # the address itself, without the button
    assert asked["prompt"] == "login"
    console.finish(browser, Person(), asked["state"])
    assert not browser.cookies.get(cookies.name_of(console.settings, cookies.ENDED))


def test_a_link_to_the_sign_in_from_another_site_is_no_way_around_the_password(console: Console) -> None:
    """The strict cookie of the ended session does not come with it."""
    answer = console.browser(sec_fetch_site="cross-site").get("/sign-in?to=/audit")
    assert answer.status_code == 200
    assert 'content="0; url=/sign-in?to=%2Faudit"' in answer.text


def test_signing_out_without_a_session_signs_nobody_in(console: Console) -> None:
    browser = console.browser()
    own = {"origin": console.url, "sec-fetch-site": "same-origin"}
    answer = browser.post("/sign-out", headers=own)
    assert (answer.status_code, answer.headers["location"]) == (303, "/signed-out")
    assert console.begin(browser)["prompt"] == "login"
    foreign = console.browser().post("/sign-out", headers={"origin": "https://evil.example"})
    assert (foreign.headers["location"], "set-cookie" in foreign.headers) == ("/signed-out", False)


def test_a_link_from_another_site_keeps_the_session(console: Console) -> None:
    """A strict cookie does not come with it, so the page begins the navigation anew instead of a sign-in."""
    answer = console.browser(sec_fetch_site="cross-site").get("/?x=1")
    assert answer.status_code == 200
    assert 'content="0; url=/?x=1"' in answer.text


def test_a_page_that_asks_by_itself_is_not_sent_to_the_sign_in(console: Console) -> None:
    assert console.browser().get("/", headers={"x-console-poll": "1"}).status_code == 401


def test_an_unchanged_page_is_not_sent_again(console: Console) -> None:
    browser = console.signed_in()
    etag = browser.get("/").headers["etag"]
    assert browser.get("/", headers={"if-none-match": etag}).status_code == 304


def test_a_form_of_another_session_is_refused(console: Console) -> None:
    mine, others = console.signed_in(), console.signed_in()
    token = form_token(others.get("/").text)
    answer = console.post(mine, "/preferences", {"csrf": token, "theme": "dark"})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example", "sec-fetch-site": "cross-site"},
        {"origin": "null", "sec-fetch-site": "same-origin"},
        {"origin": "https://auth.knogin.com", "sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site"},
    ],
)
def test_csrf_is_refused(console: Console, headers: dict[str, str]) -> None:
    """Also with the right token: the browser says where the form was."""
    browser = console.signed_in()
    token = form_token(browser.get("/").text)
    answer = browser.post("/preferences", data={"csrf": token, "theme": "dark"}, headers=headers)
    assert answer.status_code == 403
    assert 'data-theme="dark"' not in browser.get("/").text


def test_preferences_follow_the_person_to_another_browser(console: Console) -> None:
    person = Person()
    browser = console.signed_in(person)
    answer = console.post(browser, "/preferences", {"language": "it", "theme": "dark", "here": "/?x=1"})
    assert answer.headers["location"] == "/?x=1"
    page = console.signed_in(person).get("/").text
    assert '<html lang="it" data-theme="dark">' in page


def test_one_person_cannot_use_up_the_console(console: Console) -> None:
    browser = console.signed_in(Person())
    statuses = [browser.get("/no-such-page", headers={"x-console-poll": "1"}).status_code for _ in range(3)]
    assert statuses == [404] * 3


def test_a_failing_part_says_so_with_its_trace_id(console: Console) -> None:
    console.platform.overrides["GET /v1/platform/apps"] = Answer({"detail": "broken"}, 500)
    page = console.signed_in().get("/")
    assert page.status_code == 200
    assert re.search(r"<code translate=\"no\">[0-9a-f]{32}</code>", page.text)


def test_a_part_without_the_scope_is_not_asked_for(console: Console) -> None:
    person = Person(scopes=("webhooks:read",))
    assert console.signed_in(person).get("/").status_code == 200
    assert not [target for _, target, token in console.platform.calls if person.user_id in token and "/apps" in target]
