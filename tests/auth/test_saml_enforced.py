"""Enforced sign-in: passwords are refused to everybody of the organisation but its break-glass user."""

import re
import time
from typing import Any

from pyotp.totp import TOTP

from tests.auth.federation import Connection, open_federation, refresh_of
from tests.auth.support import PASSWORD, Auth, Browser
from tests.auth.test_operator import operate

SIGN_IN, POLICY = "/v1/auth/sign-in", "/v1/saml/policy"


def person(auth: Auth, domain: str) -> dict[str, Any]:
    """A user of the demo tenant with a password."""
    email = f"user{time.time_ns()}@{domain}"
    link = operate(auth, "user", "create", email, "--tenant", auth.demo["tenant_id"])
    browser = Browser(auth)
    page = browser.get(link.removeprefix(auth.settings.issuer))
    assert browser.submit(page, "/v1/auth/password", password=PASSWORD, again=PASSWORD).status_code == 200
    return {"email": email}


def enforce(works: Connection, *, works_already: bool = True) -> Any:
    if works_already:
        works.sign_in(Browser(works.auth))
    body = {"enforced": True, "break_glass_email": works.auth.demo["email"]}
    return works.call("PUT", POLICY, json=body)


def test_enforcing_blocks_passwords_but_for_the_break_glass_user(auth: Auth, works: Connection) -> None:
    inside, outside = person(auth, works.domain), person(auth, "elsewhere.example")
    before, federated, admin = Browser(auth), Browser(auth), Browser(auth)
    before.sign_in(inside)
    admin.sign_in()
    works.sign_in(federated)
    answer = enforce(works)
    assert answer.json() == {"enforced": True, "break_glass_email": auth.demo["email"]}
    # Sessions that began with a password have ended, those that did not and the break-glass user's go on.
    statuses = [browser.get("/v1/auth/sessions").status_code for browser in (before, federated, admin)]
    assert statuses == [303, 200, 200]
    refused = Browser(auth).sign_in(outside)
    assert (refused.status_code, "page of its own" in refused.text) == (403, True)
    assert Browser(auth).sign_in(inside).status_code == 200
    assert Browser(auth).sign_in().status_code == 303
    works.call("PUT", POLICY, json={"enforced": False})
    assert Browser(auth).sign_in(inside).status_code == 303


def test_no_password_tells_who_the_break_glass_user_is(auth: Auth, works: Connection) -> None:
    """Right, wrong and of nobody: one answer for the whole domain."""
    inside = person(auth, works.domain)
    works.sign_in(Browser(auth))
    user = auth.sql("SELECT email FROM users WHERE email = %s", inside["email"])
    assert works.call("PUT", POLICY, json={"enforced": True, "break_glass_email": user[0][0]}).status_code == 200
    other = person(auth, works.domain)
    pages = [
        Browser(auth).sign_in(inside, password="not the password"),
        Browser(auth).sign_in(other),
        Browser(auth).sign_in(other, password="not the password"),
        Browser(auth).sign_in({"email": f"nobody@{works.domain}"}),
    ]
    assert {page.status_code for page in pages} == {200}
    assert len({page.text for page in pages}) == 1
    assert "/v1/saml/" in pages[0].text
    assert Browser(auth).sign_in(inside).status_code == 303


def test_a_second_factor_does_not_get_around_it(auth: Auth, works: Connection) -> None:
    outside = person(auth, "elsewhere.example")
    uri = operate(auth, "user", "second-factor", outside["email"])
    secret = re.search(r"secret=([A-Z2-7]+)", uri)
    assert secret is not None
    browser = Browser(auth)
    asked = browser.sign_in(outside)
    assert enforce(works).status_code == 200
    assert browser.submit(asked, "/v1/auth/second-factor", code=TOTP(secret[1]).now()).status_code == 403
    assert browser.get("/v1/auth/sessions").status_code == 303


def test_a_new_password_does_not_get_around_it(auth: Auth, works: Connection) -> None:
    outside = person(auth, "elsewhere.example")
    enforce(works)
    path = operate(auth, "user", "password-link", outside["email"]).removeprefix(auth.settings.issuer)
    browser = Browser(auth)
    browser.submit(
        browser.get(path), "/v1/auth/password", password="another long password", again="another long password"
    )
    assert browser.sign_in(outside, password="another long password").status_code == 403


def test_another_organisation_is_not_touched(auth: Auth, works: Connection) -> None:
    enforce(works)
    assert Browser(auth).sign_in(auth.other).status_code == 303


def test_without_the_capability_nothing_is_enforced(auth: Auth, works: Connection) -> None:
    outside = person(auth, "elsewhere.example")
    enforce(works)
    open_federation(auth, auth.demo, is_open=False)
    try:
        assert Browser(auth).sign_in(outside).status_code == 303
    finally:
        open_federation(auth, auth.demo)


def test_nobody_is_locked_out_by_enforcing(auth: Auth, works: Connection) -> None:
    assert enforce(works, works_already=False).status_code == 409
    works.sign_in(Browser(auth))
    for email in (None, "nobody@demo.example", auth.other["email"], f"anna@{works.domain}"):
        answer = works.call("PUT", POLICY, json={"enforced": True, "break_glass_email": email})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/break_glass_email")
    assert works.call("GET", POLICY).json() == {"enforced": False, "break_glass_email": None}
    assert enforce(works).status_code == 200
    for refused in (
        works.call("DELETE"),
        works.call("PATCH", json={"status": "disabled"}),
        works.call("DELETE", f"domains/{works.domain}"),
    ):
        assert (refused.status_code, "last" in refused.json()["detail"]) == (409, True)


def test_an_address_is_asked_first_where_the_apps_organisation_has_its_own_sign_in(
    auth: Auth, works: Connection
) -> None:
    browser = Browser(auth)
    page = browser.get(SIGN_IN)
    assert 'name="password"' in page.text, "nobody knows yet whose app it is"
    on = browser.submit(page, SIGN_IN, email=f"x@{works.domain.upper()}", step="address")
    assert f"/v1/saml/{works.id}/login" in refresh_of(on)
    unknown = browser.submit(page, SIGN_IN, email="x@elsewhere.example", step="address")
    assert (unknown.status_code, "No organisation" in unknown.text) == (200, True)
    assert 'value="x@elsewhere.example"' in unknown.text


def test_a_password_works_beside_a_connection_that_is_not_enforced(auth: Auth, works: Connection) -> None:
    inside = person(auth, works.domain)
    assert Browser(auth).sign_in(inside).status_code == 303
    assert Browser(auth).sign_in(inside, password="not the password").status_code == 401
