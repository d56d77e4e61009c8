"""What changes while someone signs in or an app is let in: each is held half way by a row that another transaction has locked."""

import re
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx2
import psycopg
import pytest
from argon2 import PasswordHasher
from pyotp.totp import TOTP

from services.auth.oauth import authorize_endpoints
from services.auth.signin import passwords
from shared.primitives.crypto import Keyring
from shared.process.settings import required
from tests.auth.federation import Connection, refresh_of
from tests.auth.support import PASSWORD, Auth, Browser, redeem, register_web_app, returned
from tests.auth.test_authenticator import Enrolled, secret_on
from tests.auth.test_deciding import WAITING, hold
from tests.auth.test_operator import operate
from tests.auth.test_saml_withdrawal import meanwhile
from tests.auth.test_sign_in import person as person
from tests.support.waiting import wait_for

pytestmark = pytest.mark.full

SECOND = "/v1/auth/second-factor"
SESSIONS = "/v1/auth/sessions"
CHANGES = {
    "a new password": "UPDATE users SET password_hash = 'another' WHERE email = %s",
    "disabled": "UPDATE users SET status = 'disabled' WHERE email = %s",
    "another second factor": "UPDATE users SET totp_secret = 'another' WHERE email = %s",
}


class Sent:
    """A request on its way in a thread of its own."""

    def __init__(self, call: Callable[[], httpx2.Response]) -> None:
        self.answers: list[httpx2.Response] = []
        self.thread = threading.Thread(target=lambda: self.answers.append(call()))
        self.thread.start()

    def stands(self, auth: Auth, waiting: int = 1) -> "Sent":
        """Once it waits for a lock as the last of so many, or is answered."""
        wait_for(lambda: bool(self.answers) or auth.sql(WAITING) == [(waiting,)], what="the request to wait or end")
        return self

    @property
    def answer(self) -> httpx2.Response:
        self.thread.join()
        return self.answers[0]


def changing(auth: Auth, statement: Any, *parameters: Any) -> psycopg.Connection[Any]:
    """A transaction that has changed a row, and will keep it until it is committed."""
    conn = psycopg.connect(required(auth.settings.migration_database_url, ""))
    conn.execute(statement, parameters)
    return conn


def live_sessions(auth: Auth, person: dict[str, Any]) -> list[Any]:
    statement = "SELECT session_id FROM sessions JOIN users USING (user_id) WHERE email = %s AND ended_at IS NULL"
    return [session_id for (session_id,) in auth.sql(statement, person["email"])]


def codes_of(auth: Auth, person: dict[str, Any]) -> list[str]:
    """This moment's code and the next, of a second factor that the operator sets up."""
    secret = re.search(r"secret=([A-Z2-7]+)", operate(auth, "user", "second-factor", person["email"]))
    assert secret is not None
    now = int(time.time())
    return [TOTP(secret[1]).at(now), TOTP(secret[1]).at(now + 30)]


# --- Signing in --------------------------------------------------------------------------------------------------------------


def test_a_costlier_hash_never_replaces_a_newer_password(auth: Auth, person: dict[str, Any]) -> None:
    cheap = PasswordHasher(time_cost=2, memory_cost=8192, parallelism=1).hash(PASSWORD)
    auth.sql("UPDATE users SET password_hash = %s WHERE email = %s", cheap, person["email"])
    newer = passwords.hash_password("another long password")
    change = "UPDATE users SET password_hash = %s WHERE email = %s"
    with changing(auth, change, newer, person["email"]) as owner:
        late = Sent(lambda: Browser(auth).sign_in(person)).stands(auth)
        owner.commit()
        assert late.answer.status_code == 401
    assert auth.sql("SELECT password_hash FROM users WHERE email = %s", person["email"]) == [(newer,)]
    assert live_sessions(auth, person) == []
    assert Browser(auth).sign_in(person, password="another long password").status_code == 303


def test_a_hash_is_made_costlier_at_sign_in(auth: Auth, person: dict[str, Any]) -> None:
    cheap = PasswordHasher(time_cost=2, memory_cost=8192, parallelism=1).hash(PASSWORD)
    auth.sql("UPDATE users SET password_hash = %s WHERE email = %s", cheap, person["email"])
    assert Browser(auth).sign_in(person).status_code == 303
    ((stored,),) = auth.sql("SELECT password_hash FROM users WHERE email = %s", person["email"])
    assert not passwords.needs_rehash(stored)
    assert Browser(auth).sign_in(person).status_code == 303


@pytest.mark.parametrize("change", CHANGES)
def test_a_password_that_was_right_lets_nobody_in_after(auth: Auth, person: dict[str, Any], change: str) -> None:
    browser = Browser(auth)
    with changing(auth, CHANGES[change], person["email"]) as other:
        late = Sent(lambda: browser.sign_in(person)).stands(auth)
        other.commit()
        assert late.answer.status_code == 401
    assert live_sessions(auth, person) == []
    assert browser.get(SESSIONS).status_code == 303


@pytest.mark.parametrize("change", CHANGES)
def test_a_code_that_was_right_lets_nobody_in_after(auth: Auth, person: dict[str, Any], change: str) -> None:
    code, _ = codes_of(auth, person)
    browser = Browser(auth)
    page = browser.sign_in(person)
    with changing(auth, CHANGES[change], person["email"]) as other:
        late = Sent(lambda: browser.submit(page, SECOND, code=code)).stands(auth)
        other.commit()
        assert late.answer.status_code == 403
    assert live_sessions(auth, person) == []


PAGE = "/v1/auth/authenticator"


@pytest.mark.parametrize("change", ["a new password", "disabled", "another second factor"])
def test_an_authenticator_is_set_up_only_for_who_was_checked(auth: Auth, person: dict[str, Any], change: str) -> None:
    browser = Browser(auth)
    browser.sign_in(person)
    page = browser.get(PAGE)
    code = TOTP(secret_on(page)).now()
    with changing(auth, CHANGES[change], person["email"]) as other:
        late = Sent(lambda: browser.submit(page, PAGE, password=PASSWORD, code=code, do="set up")).stands(auth)
        other.commit()
        assert late.answer.status_code in (303, 409)
    stored = auth.sql("SELECT totp_secret FROM users WHERE email = %s", person["email"])
    assert stored == [(b"another",)] if change == "another second factor" else stored == [(None,)]


def test_a_second_factor_that_was_replaced_meanwhile_is_not_removed_by_the_old_one(
    auth: Auth, person: dict[str, Any]
) -> None:
    browser = Browser(auth)
    browser.sign_in(person)
    enrolled = Enrolled(browser)
    page = browser.get(PAGE)
    with changing(auth, CHANGES["another second factor"], person["email"]) as other:
        late = Sent(lambda: browser.submit(page, PAGE, password=PASSWORD, code=enrolled.codes[0], do="remove"))
        late.stands(auth)
        other.commit()
        assert late.answer.status_code == 409
    assert auth.sql("SELECT totp_secret FROM users WHERE email = %s", person["email"]) == [(b"another",)]


# --- Counting ----------------------------------------------------------------------------------------------------------------


def test_two_sign_ins_at_once_do_not_wait_for_each_other(auth: Auth, person: dict[str, Any]) -> None:
    first, second = Browser(auth), Browser(auth)
    second.address = first.address
    first.sign_in(person)
    del first.cookies["__Host-knogin-device"]
    (before,) = live_sessions(auth, person)
    account = Keyring.from_text(auth.settings.encryption_keys).mac(person["email"].encode(), "sign-in account")
    with hold(auth, "sessions", "session_id", before) as session:
        # Counted, and about to end the session that the browser had.
        one = Sent(lambda: first.sign_in(person)).stands(auth)
        with hold(auth, "sign_in_counts", "key", account) as count:  # pyright: ignore[reportArgumentType]
            session.rollback()
            one.stands(auth)
            two = Sent(lambda: second.sign_in(person)).stands(auth, 2)
            count.rollback()
            assert [one.answer.status_code, two.answer.status_code] == [303, 303]


@pytest.mark.parametrize(("second", "status"), [("the same", 401), ("the next", 303)])
def test_the_code_form_sent_twice_at_once_is_answered_twice(
    auth: Auth, person: dict[str, Any], second: str, status: int
) -> None:
    browser = Browser(auth)
    browser.sign_in(person)
    (before,) = live_sessions(auth, person)
    code, following = codes_of(auth, person)
    page = browser.sign_in(person)
    with hold(auth, "sessions", "session_id", before) as session:
        one = Sent(lambda: browser.submit(page, SECOND, code=code)).stands(auth)
        other = code if second == "the same" else following
        two = Sent(lambda: browser.submit(page, SECOND, code=other)).stands(auth, 2)
        session.rollback()
        assert [one.answer.status_code, two.answer.status_code] == [303, status]


# --- Withdrawing an app's access ---------------------------------------------------------------------------------------------


def live_grants(auth: Auth, app: dict[str, Any]) -> list[Any]:
    statement = "SELECT grant_id FROM grants WHERE client_id = %s AND revoked_at IS NULL"
    return [grant_id for (grant_id,) in auth.sql(statement, app["client_id"])]


def withdraw(browser: Browser, app: dict[str, Any]) -> httpx2.Response:
    return browser.submit(browser.get(SESSIONS), SESSIONS, withdraw=app["client_id"])


@pytest.fixture
def allowed(auth: Auth, person: dict[str, Any]) -> tuple[Browser, dict[str, Any]]:
    """A browser whose user has let an app in."""
    browser, app = Browser(auth), register_web_app(auth)
    browser.sign_in(person)
    browser.submit(browser.authorize(app), "/v1/oauth/authorize", decision="allow")
    return browser, app


def test_an_app_asking_while_its_access_is_withdrawn_gets_no_more(
    auth: Auth, allowed: tuple[Browser, dict[str, Any]]
) -> None:
    browser, app = allowed
    (grant_id,) = live_grants(auth, app)
    with hold(auth, "grants", "grant_id", grant_id) as grant:
        withdrawing = Sent(lambda: withdraw(browser, app)).stands(auth)
        asking = Sent(lambda: browser.authorize(app)).stands(auth, 2)
        grant.rollback()
        assert withdrawing.answer.headers["location"].endswith("done=withdrawn")
        assert asking.answer.status_code == 200
    assert live_grants(auth, app) == []


def test_withdrawing_while_the_app_is_given_more_ends_that_too(
    auth: Auth, allowed: tuple[Browser, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, app = allowed
    answers = meanwhile(auth, monkeypatch, authorize_endpoints, "_grant", lambda: withdraw(browser, app))
    code = returned(browser.authorize(app))["code"]
    wait_for(lambda: bool(answers), what="the access to be withdrawn")
    assert answers[0].headers["location"].endswith("done=withdrawn")
    assert live_grants(auth, app) == []
    assert redeem(auth, app, code).json()["error"] == "invalid_grant"


def test_access_that_is_left_without_a_consent_is_shown_and_withdrawn(
    auth: Auth, allowed: tuple[Browser, dict[str, Any]]
) -> None:
    browser, app = allowed
    auth.sql("DELETE FROM consents WHERE client_id = %s", app["client_id"])
    assert app["client_id"] in browser.get(SESSIONS).text
    assert withdraw(browser, app).headers["location"].endswith("done=withdrawn")
    assert live_grants(auth, app) == []
    assert app["client_id"] not in browser.get(SESSIONS).text
    assert withdraw(browser, app).headers["location"] == SESSIONS


@pytest.mark.parametrize("how", ["disabled", "unlinked", "organisation suspended"])
def test_who_is_stopped_while_the_last_step_is_taken_gets_no_session(auth: Auth, works: Connection, how: str) -> None:
    works.sign_in(Browser(auth))
    email = f"anna@{works.domain}"
    browser = Browser(auth)
    leads_on = refresh_of(works.post(browser, works.form(works.ask(browser))))
    statements = {
        "disabled": ("UPDATE users SET status = 'disabled' WHERE email = %s", email),
        "unlinked": ("DELETE FROM saml_identities WHERE connection_id = %s", works.id),
        "organisation suspended": (
            "WITH held AS (SELECT pg_advisory_xact_lock(7406, hashtext(tenant_id)) FROM tenants WHERE tenant_id = %s)"
            " UPDATE tenants SET status = 'suspended' FROM held WHERE tenant_id = %s",
            auth.demo["tenant_id"],
            auth.demo["tenant_id"],
        ),
    }
    statement, *parameters = statements[how]
    try:
        with changing(auth, statement, *parameters) as other:
            if how == "unlinked":
                other.commit()
                assert browser.get(leads_on).status_code == 400
            else:
                late = Sent(lambda: browser.get(leads_on)).stands(auth)
                other.commit()
                assert late.answer.status_code in (400, 404)
        assert not browser.cookies.get("__Host-knogin-session")
    finally:
        auth.sql("UPDATE tenants SET status = 'active' WHERE tenant_id = %s", auth.demo["tenant_id"])
