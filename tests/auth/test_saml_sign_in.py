"""Signing in through an organisation's identity provider, step by step: what binds each step to the one before it."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from services.auth.saml import readers
from services.auth.saml.documents import ASSERTION, PROTOCOL, tag
from services.auth.tasks import KEPT
from shared.primitives.crypto import Keyring
from tests.auth.federation import Asked, Connection, code_of, follow, host_of, open_federation, refresh_of
from tests.auth.identity_provider import encoded, new_signer, response, sign, to_bytes
from tests.auth.support import PASSWORD, Auth, Browser, authorization, claims_of, redeem, register_web_app, returned
from tests.auth.test_operator import operate
from tests.support.name_server import NameServer
from tests.support.waiting import wait_for


def users_with(auth: Auth, email: str) -> list[Any]:
    return auth.sql("SELECT user_id, tenant_id, name, password_hash FROM users WHERE email = %s", email)


def test_the_whole_way_from_an_app_to_its_token(auth: Auth, works: Connection) -> None:
    app, browser = register_web_app(auth), Browser(auth)
    page = browser.get(browser.authorize(app).headers["location"])
    assert 'name="password"' not in page.text
    on = browser.submit(page, "/v1/auth/sign-in", email=f"anna@{works.domain}", step="address")
    asked = Asked(browser.get(refresh_of(on)).headers["location"])
    assert host_of(asked.url) == host_of(works.entity_id)
    back = follow(browser, works.post(browser, works.form(asked)))
    assert back.status_code == 303
    consent = browser.get(back.headers["location"])
    assert "Dispatch board" in consent.text
    code = returned(browser.submit(consent, "/v1/oauth/authorize", decision="allow"))["code"]
    claims = claims_of(redeem(auth, app, code).json()["access_token"])
    ((user_id, tenant_id, name, password_hash),) = users_with(auth, f"anna@{works.domain}")
    assert (claims["sub"], claims["tenant_id"]) == (user_id, tenant_id) == (user_id, auth.demo["tenant_id"])
    assert (name, password_hash) == ("Anna Rossi", None)


def test_the_request_says_who_asks_where_to_answer_and_is_signed(works: Connection) -> None:
    asked, mine = works.ask(Browser(works.auth)), works.described["service_provider"]
    root = asked.root
    assert root.tag == tag(PROTOCOL, "AuthnRequest")
    assert root.get("AssertionConsumerServiceURL") == mine["acs_url"]
    assert root.find(tag(ASSERTION, "Issuer")).text == mine["entity_id"]
    assert {"SAMLRequest", "RelayState", "SigAlg", "Signature"} == set(asked.parameters)
    assert len(asked.relay_state.encode()) <= 80
    assert root.get("ForceAuthn") is None


def test_the_same_name_is_the_same_user_whatever_address_it_has_now(auth: Auth, works: Connection) -> None:
    first, second = Browser(auth), Browser(auth)
    works.sign_in(first)
    works.sign_in(second, attributes={"email": [f"rossi@{works.domain}"], "name": ["Anna Bianchi"]})
    ((_, _, name, _),) = users_with(auth, f"anna@{works.domain}")
    assert name == "Anna Bianchi"
    assert users_with(auth, f"rossi@{works.domain}") == []


def test_a_request_is_answered_once_and_an_assertion_taken_once(works: Connection) -> None:
    browser = Browser(works.auth)
    asked = works.ask(browser)
    form = works.form(asked)
    assert follow(browser, works.post(browser, form)).status_code == 303
    again = works.post(browser, form)
    assert (again.status_code, code_of(again)) == (400, "replayed")
    # Another assertion to the same request.
    assert code_of(works.post(browser, works.form(asked))) == "in_response_to"


def test_an_assertion_sent_twice_at_once_is_taken_once(works: Connection) -> None:
    browser = Browser(works.auth)
    form = works.form(works.ask(browser))
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: works.auth.form(works.path("acs"), form).status_code, range(4)))
    assert sorted(answers) == [200, 400, 400, 400]


def test_a_first_sign_in_in_two_tabs_makes_one_user(works: Connection) -> None:
    forms = [works.form(works.ask(Browser(works.auth))) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda form: works.auth.form(works.path("acs"), form).status_code, forms))
    assert answers == [200] * 4
    assert len(users_with(works.auth, f"anna@{works.domain}")) == 1


def test_a_ticket_is_good_once_and_only_in_the_browser_that_began(works: Connection) -> None:
    browser, thief = Browser(works.auth), Browser(works.auth)
    page = works.post(browser, works.form(works.ask(browser)))
    ticket = refresh_of(page)
    thief.get("/v1/auth/sign-in")
    refused = thief.get(ticket)
    assert (refused.status_code, "another browser" in refused.text) == (400, True)
    assert Browser(works.auth).get(ticket).status_code == 400
    assert browser._send("HEAD", ticket).status_code == 400
    assert browser.get(ticket).status_code == 303
    assert browser.get(ticket).status_code == 400


def test_nobody_is_signed_in_as_somebody_who_began_elsewhere(works: Connection) -> None:
    """Login CSRF: the attacker begins, signs in as themselves, and has the victim's browser post the answer."""
    attacker, victim = Browser(works.auth), Browser(works.auth)
    victim.get("/v1/auth/sign-in")
    page = works.post(victim, works.form(works.ask(attacker)))
    assert victim.get(refresh_of(page)).status_code == 400
    assert victim.get("/v1/auth/sessions").status_code == 303


def test_an_answer_to_another_connections_request_is_refused(
    auth: Auth, works: Connection, name_server: NameServer, request: pytest.FixtureRequest
) -> None:
    other = Connection(auth, auth.demo, new_signer())
    request.addfinalizer(other.remove)
    other.prove(name_server)
    browser = Browser(auth)
    asked = other.ask(browser)
    assert code_of(works.post(browser, works.form(asked))) == "in_response_to"
    assert follow(browser, other.post(browser, other.form(asked))).status_code == 303


def test_the_relay_state_must_come_back_as_it_was_sent(works: Connection) -> None:
    browser = Browser(works.auth)
    asked = works.ask(browser)
    for relay_state in ("", "https://evil.example", asked.relay_state + "x"):
        assert code_of(works.post(browser, works.form(asked) | {"RelayState": relay_state})) == "relay_state"
    # Refused answers use nothing up.
    assert follow(browser, works.post(browser, works.form(asked))).status_code == 303


@pytest.mark.parametrize("path", ["https://evil.example", "//evil.example", "/v1/saml/x", "javascript:x", ""])
def test_a_sign_in_never_leads_elsewhere(works: Connection, path: str) -> None:
    assert works.sign_in(Browser(works.auth), path).headers["location"] == "/v1/auth/sessions"


def test_an_old_request_is_no_longer_answered(auth: Auth, works: Connection) -> None:
    browser = Browser(auth)
    asked = works.ask(browser)
    auth.sql("UPDATE saml_requests SET expires_at = now() WHERE request_id = %s", asked.id)
    assert code_of(works.post(browser, works.form(asked))) == "in_response_to"


def test_a_ticket_dies_after_two_minutes(auth: Auth, works: Connection) -> None:
    browser = Browser(auth)
    page = works.post(browser, works.form(works.ask(browser)))
    auth.sql("UPDATE saml_tickets SET expires_at = now() WHERE connection_id = %s", works.id)
    assert browser.get(refresh_of(page)).status_code == 400


# --- The identity provider begins ---------------------------------------------------------------------------------------


def test_an_unasked_answer_is_refused_unless_the_connection_allows_it(works: Connection) -> None:
    browser = Browser(works.auth)
    assert code_of(works.post(browser, works.form(None))) == "idp_initiated"
    assert works.call("PATCH", json={"allow_idp_initiated": True}).status_code == 200
    page = follow(browser, works.post(browser, works.form(None) | {"RelayState": "https://evil.example"}))
    assert page.status_code == 200
    assert f"anna@{works.domain}" in page.text
    assert browser.get("/v1/auth/sessions").status_code == 303, "not signed in before the person says so"
    assert browser.submit(page, works.path("finish"), csrf="x").status_code == 403
    done = browser.submit(page, works.path("finish"))
    assert (done.status_code, done.headers["location"]) == (303, "/v1/auth/sessions")
    assert browser.get("/v1/auth/sessions").status_code == 200
    assert browser.submit(page, works.path("finish")).status_code == 400


def test_the_question_cannot_be_answered_for_a_sign_in_that_was_begun_here(works: Connection) -> None:
    works.call("PATCH", json={"allow_idp_initiated": True})
    browser, victim = Browser(works.auth), Browser(works.auth)
    asking = follow(victim, works.post(victim, works.form(None)))
    mine = refresh_of(works.post(browser, works.form(works.ask(browser)))).rpartition("=")[2]
    assert victim.submit(asking, works.path("finish"), ticket=mine).status_code == 400


# --- Who it is ---------------------------------------------------------------------------------------------------------


def test_an_address_outside_the_proven_domains_is_refused(works: Connection) -> None:
    for email in ("anna@elsewhere.example", f"anna@sub.{works.domain}", f"anna@{works.domain}.example"):
        answer = works.post(
            browser := Browser(works.auth), works.form(works.ask(browser), attributes={"email": [email]})
        )
        assert (answer.status_code, code_of(answer)) == (403, "domain")
        assert users_with(works.auth, email) == []


def test_a_claimed_domain_that_is_not_proven_admits_nobody(auth: Auth, request: pytest.FixtureRequest) -> None:
    works = Connection(auth, auth.demo)
    request.addfinalizer(works.remove)
    works.domain = f"unproven{time.time_ns()}.example"
    works.call("POST", "domains", json={"domain": works.domain})
    answer = works.post(browser := Browser(auth), works.form(works.ask(browser)))
    assert code_of(answer) == "domain"


def test_a_user_of_another_tenant_is_never_signed_in(auth: Auth, works: Connection) -> None:
    """The other organisation has a user with an address in this one's domain."""
    email = f"anna@{works.domain}"
    operate(auth, "user", "create", email, "--tenant", auth.other["tenant_id"])
    answer = works.post(browser := Browser(auth), works.form(works.ask(browser)))
    assert (answer.status_code, code_of(answer)) == (403, "email_taken")
    assert [tenant for _, tenant, _, _ in users_with(auth, email)] == [auth.other["tenant_id"]]


def test_a_connection_of_another_tenant_cannot_name_this_ones_people(
    auth: Auth, works: Connection, name_server: NameServer
) -> None:
    works.sign_in(Browser(auth))
    theirs = Connection(auth, auth.other, new_signer())
    theirs.prove(name_server)
    said = {"email": [f"anna@{works.domain}"]}
    answer = theirs.post(browser := Browser(auth), theirs.form(theirs.ask(browser), attributes=said))
    assert code_of(answer) == "domain"
    # The same NameID is another person there.
    assert theirs.sign_in(Browser(auth)).status_code == 303
    assert users_with(auth, f"anna@{theirs.domain}")[0][1] == auth.other["tenant_id"]


def test_a_user_who_was_there_before_is_found_by_a_proven_address(auth: Auth, works: Connection) -> None:
    email = f"Anna@{works.domain}"
    operate(auth, "user", "create", email, "--tenant", auth.demo["tenant_id"])
    ((user_id, *_),) = users_with(auth, email)
    works.sign_in(Browser(auth))
    linked = works.call("GET", "users").json()["users"]
    assert [(row["user_id"], row["email"]) for row in linked] == [(user_id, email)]


def test_an_address_given_to_somebody_else_does_not_give_them_the_account(auth: Auth, works: Connection) -> None:
    works.sign_in(Browser(auth))
    answer = works.post(browser := Browser(auth), works.form(works.ask(browser), name_id="another person"))
    assert (answer.status_code, code_of(answer)) == (403, "already_linked")
    ((user_id, *_),) = users_with(auth, f"anna@{works.domain}")
    assert works.call("DELETE", f"users/{user_id}").status_code == 204
    assert works.call("DELETE", f"users/{user_id}").status_code == 404
    assert works.sign_in(Browser(auth), name_id="another person").status_code == 303


def test_a_disabled_user_is_refused(auth: Auth, works: Connection) -> None:
    works.sign_in(browser := Browser(auth))
    pending = works.post(late := Browser(auth), works.form(works.ask(late)))
    operate(auth, "user", "disable", f"anna@{works.domain}")
    assert browser.get("/v1/auth/sessions").status_code == 303
    assert late.get(refresh_of(pending)).status_code == 400
    assert code_of(works.post(late, works.form(works.ask(late)))) == "user_disabled"


def test_the_name_may_be_the_address_itself(auth: Auth, works: Connection) -> None:
    email = f"carlo@{works.domain}"
    assert works.sign_in(Browser(auth), name_id=email, attributes={}).status_code == 303
    assert users_with(auth, email)[0][2] == "carlo"


@pytest.mark.parametrize(
    "written",
    [
        "anna@b@{domain}",
        "anna@{domain}@x.example",
        "anna@evil\u3002{domain}",
        "anna@{fullwidth}",
        "anna@works\uff0e{domain}",
        "anna\uff20b@{domain}",
        "anna\u200b@{domain}",
        "anna\u0085b@{domain}",
        "\uff41nna@{domain}",
        "anna@{domain}\uff61",
        "anna@{sharp}",
        "anna@xn--{domain}",
    ],
)
def test_an_address_with_more_than_one_reading_makes_no_user(auth: Auth, works: Connection, written: str) -> None:
    fullwidth = "".join(chr(ord(letter) + 0xFEE0) if letter.isalnum() else letter for letter in works.domain)
    email = written.format(domain=works.domain, fullwidth=fullwidth, sharp=works.domain.replace("work", "wor\u212a"))
    before = auth.sql("SELECT count(*) FROM users")
    browser = Browser(auth)
    answer = works.post(browser, works.form(works.ask(browser), attributes={"email": [email]}))
    assert (answer.status_code, code_of(answer)) == (403, "email")
    assert auth.sql("SELECT count(*) FROM users") == before
    wait_for(lambda: bool(works.events()), what="the refusal to be listed")
    assert "the e-mail address in any of the usual attributes" in works.events()[0]["detail"]


@pytest.mark.parametrize("attributes", [{}, {"email": ["not an address"]}, {"email": [""]}, {"mail": ["@x.example"]}])
def test_without_an_address_nobody_is_made(works: Connection, attributes: Any) -> None:
    answer = works.post(browser := Browser(works.auth), works.form(works.ask(browser), attributes=attributes))
    assert (answer.status_code, code_of(answer)) == (403, "email")


# --- Roles --------------------------------------------------------------------------------------------------------------

ROLES = {"desk": ["webhooks:write"], "night": ["argus:incidents:read"]}


@pytest.fixture
def mapped(works: Connection) -> Connection:
    change = {"attribute_mapping": {"roles": "groups"}, "role_mapping": ROLES}
    assert works.call("PATCH", json=change).status_code == 200
    return works


def saying(works: Connection, *roles: str) -> dict[str, Any]:
    return {"attributes": {"email": [f"anna@{works.domain}"], "groups": list(roles)}}


def test_roles_bound_what_an_app_may_get_in_a_persons_name(auth: Auth, mapped: Connection) -> None:
    app, browser = register_web_app(auth, ["webhooks:write", "argus:incidents:write", "offline_access"]), Browser(auth)
    mapped.sign_in(browser, **saying(mapped, "desk", "unheard of"))
    assert browser.authorize(app, scope="webhooks:read offline_access").status_code in (200, 302)
    assert browser.authorize(app).status_code == 200
    refused = returned(browser.authorize(app, scope="webhooks:write argus:incidents:write"))
    assert (refused["error"], "argus:incidents:write" in refused["error_description"]) == ("access_denied", True)
    assert "webhooks" not in refused["error_description"]
    assert mapped.call("GET", "users").json()["users"][0]["roles"] == ["desk"]


def test_who_has_none_of_the_mapped_roles_is_refused(mapped: Connection) -> None:
    for roles in ((), ("unheard of",)):
        answer = mapped.post(
            browser := Browser(mapped.auth), mapped.form(mapped.ask(browser), **saying(mapped, *roles))
        )
        assert (answer.status_code, code_of(answer)) == (403, "no_role")


def test_a_role_that_is_taken_away_ends_what_apps_got_by_it(auth: Auth, mapped: Connection) -> None:
    app, browser = register_web_app(auth), Browser(auth)
    mapped.sign_in(browser, **saying(mapped, "desk", "night"))
    page = browser.authorize(app, scope="webhooks:write offline_access")
    code = returned(browser.submit(page, "/v1/oauth/authorize", decision="allow"))["code"]
    tokens = redeem(auth, app, code).json()
    mapped.sign_in(Browser(auth), **saying(mapped, "night"))
    refreshed = auth.token(app, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert refreshed.json()["error"] == "invalid_grant"
    marks = {(mark["kind"], mark["id"]) for mark in auth.watermarks().json()["watermarks"]}
    assert ("grant", claims_of(tokens["access_token"])["grant_id"]) in marks


def test_roles_that_change_between_question_and_answer_count(auth: Auth, mapped: Connection) -> None:
    app, browser = register_web_app(auth), Browser(auth)
    mapped.sign_in(browser, **saying(mapped, "desk"))
    page = browser.authorize(app)
    mapped.sign_in(Browser(auth), **saying(mapped, "night"))
    assert returned(browser.submit(page, "/v1/oauth/authorize", decision="allow"))["error"] == "access_denied"


# --- Freshness, sessions ---------------------------------------------------------------------------------------------------


def test_an_app_that_wants_a_new_sign_in_gets_one(auth: Auth, works: Connection) -> None:
    app, browser = register_web_app(auth), Browser(auth)
    page = browser.get(browser.authorize(app, prompt="login").headers["location"])
    on = browser.submit(page, "/v1/auth/sign-in", email=f"anna@{works.domain}", step="address")
    asked = Asked(browser.get(refresh_of(on)).headers["location"])
    assert asked.root.get("ForceAuthn") == "true"
    earlier = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    root = response(works.answer(asked))
    root.find(f".//{tag(ASSERTION, 'AuthnStatement')}").set("AuthnInstant", earlier)
    stale = {"SAMLResponse": encoded(to_bytes(sign(root, works.signer))), "RelayState": asked.relay_state}
    assert code_of(works.post(browser, stale)) == "not_fresh"
    assert follow(browser, works.post(browser, works.form(asked))).status_code == 303


def test_a_session_ends_when_the_identity_provider_says(auth: Auth, works: Connection) -> None:
    browser = Browser(auth)
    root = response(works.answer(asked := works.ask(browser)))
    ends = (datetime.now(UTC) + timedelta(minutes=20)).strftime("%Y-%m-%dT%H:%M:%SZ")
    root.find(f".//{tag(ASSERTION, 'AuthnStatement')}").set("SessionNotOnOrAfter", ends)
    form = {"SAMLResponse": encoded(to_bytes(sign(root, works.signer))), "RelayState": asked.relay_state}
    follow(browser, works.post(browser, form))
    ((seconds,),) = auth.sql(
        """SELECT extract(epoch FROM s.expires_at - now()) FROM sessions s JOIN saml_sessions USING (session_id)
        WHERE connection_id = %s""",
        works.id,
    )
    assert 1100 < seconds <= 1200


def test_a_sign_in_ends_the_session_the_browser_had(auth: Auth, works: Connection) -> None:
    browser = Browser(auth)
    browser.sign_in(auth.other)
    before = dict(browser.cookies)
    works.sign_in(browser)
    assert f"anna@{works.domain}" in browser.get("/v1/auth/sessions").text
    browser.cookies = before
    assert browser.get("/v1/auth/sessions").status_code == 303


# --- Certificates -------------------------------------------------------------------------------------------------------


def test_a_certificate_is_rolled_over_without_a_failed_sign_in(auth: Auth, works: Connection) -> None:
    """Sign-ins go on in the background, by the old key and then by the new one, while the certificates change."""
    new, signing, stop = new_signer(), [works.signer], threading.Event()
    outcomes: list[int] = []

    def keep_signing_in() -> None:
        while not stop.is_set():
            browser = Browser(auth)
            form = works.form(works.ask(browser), signing[0])
            outcomes.append(works.post(browser, form).status_code)

    def done(count: int) -> None:
        so_far = len(outcomes)
        wait_for(lambda: len(outcomes) >= so_far + count or not thread.is_alive(), what="more sign-ins")

    thread = threading.Thread(target=keep_signing_in)
    thread.start()
    try:
        done(3)
        both = [works.signer.pem, new.pem]
        assert works.call("PATCH", json={"certificates": both}).status_code == 200
        done(3)
        signing[0] = new
        done(3)
        assert works.call("PATCH", json={"certificates": [new.pem]}).status_code == 200
        done(3)
    finally:
        stop.set()
        thread.join()
    assert set(outcomes) == {200}
    old = works.post(browser := Browser(auth), works.form(works.ask(browser), works.signer))
    assert code_of(old) == "signature"
    (left,) = works.call("GET").json()["certificates"]
    assert left["last_used_at"] is not None


# --- What is switched off --------------------------------------------------------------------------------------------------


def test_a_disabled_connection_admits_nobody_and_ends_its_sessions(auth: Auth, works: Connection) -> None:
    browser, late = Browser(auth), Browser(auth)
    works.sign_in(browser)
    form, asked = works.form(asked := works.ask(late)), asked
    assert works.call("PATCH", json={"status": "disabled"}).status_code == 200
    assert browser.get("/v1/auth/sessions").status_code == 303
    assert works.post(late, form).status_code == 404
    assert late.get(works.path("login")).status_code == 404
    assert late.get(works.path("metadata")).status_code == 404
    page = late.submit(late.get("/v1/auth/sign-in"), "/v1/auth/sign-in", email=f"anna@{works.domain}", step="address")
    assert "No organisation signs in" in page.text
    works.call("PATCH", json={"status": "active"})
    assert follow(late, works.post(late, form)).status_code == 303


def test_without_the_capability_nobody_signs_in(auth: Auth, works: Connection) -> None:
    form = works.form(works.ask(browser := Browser(auth)))
    open_federation(auth, auth.demo, is_open=False)
    try:
        assert works.post(browser, form).status_code == 404
        assert browser.get(works.path("login")).status_code == 404
    finally:
        open_federation(auth, auth.demo)


def test_a_suspended_tenant_signs_in_nobody(auth: Auth, name_server: NameServer) -> None:
    tenant_id = operate(auth, "tenant", "create", f"Suspended {time.time_ns()}").strip()
    tenant = auth.demo | {"tenant_id": tenant_id}
    works = Connection(auth, tenant)
    works.prove(name_server)
    operate(auth, "tenant", "suspend", tenant_id)
    assert Browser(auth).get(works.path("login")).status_code == 404


def test_a_deleted_connection_is_gone_and_its_users_stay(auth: Auth, works: Connection) -> None:
    browser = Browser(auth)
    works.sign_in(browser)
    assert works.call("DELETE").status_code == 204
    assert works.call("GET").status_code == 404
    assert browser.get("/v1/auth/sessions").status_code == 303
    assert len(users_with(auth, f"anna@{works.domain}")) == 1


# --- What the administrator sees -----------------------------------------------------------------------------------------


def test_a_refusal_says_why_to_the_administrator_and_not_whose(auth: Auth, works: Connection) -> None:
    browser = Browser(auth)
    page = works.post(browser, works.form(works.ask(browser), audience="https://other.example"))
    assert works.described["service_provider"]["entity_id"] not in page.text
    wait_for(lambda: bool(works.events()), what="the refusal to be listed")
    (event,) = works.events()
    assert event["reason"] == "audience"
    assert "https://other.example" in event["detail"]
    assert event["trace_id"] in page.text
    works.post(browser, works.form(works.ask(browser), attributes={"email": ["anna@elsewhere.example"]}))
    wait_for(lambda: len(works.events()) == 2, what="the refusal to be listed")
    assert works.events()[0]["reason"] == "domain"
    assert "anna" not in str(works.events())


def test_the_trail_tells_of_sign_ins_and_of_genuine_answers_refused(auth: Auth, works: Connection) -> None:
    works.sign_in(Browser(auth))
    works.post(
        browser := Browser(auth), works.form(works.ask(browser), name_id="x", attributes={"email": ["a@b.example"]})
    )
    works.post(browser, works.form(works.ask(browser), new_signer()))
    rows = auth.sql(
        "SELECT action, detail FROM audit WHERE detail->>'connection' = %s OR subject_id = %s", *[works.id] * 2
    )
    actions = [action for action, _ in rows]
    for action in ("saml.connection_created", "saml.domain_claimed", "saml.domain_proven", "saml.user_linked"):
        assert actions.count(action) == 1, action
    assert actions.count("sign_in.succeeded") == 1
    assert [detail for action, detail in rows if action == "sign_in.refused"] == [{"reason": "domain"}]
    assert "@" not in str(rows)


def test_pages_speak_italian(works: Connection) -> None:
    browser = Browser(works.auth, "it")
    page = works.post(browser, works.form(works.ask(browser)))
    assert "Accesso in corso" in page.text
    assert "non è stata accettata" in works.post(browser, {"SAMLResponse": "x"}).text


def test_what_is_past_is_forgotten(auth: Auth, works: Connection) -> None:
    works.sign_in(Browser(auth))
    works.ask(Browser(auth))
    tables = ("saml_requests", "saml_replays", "saml_tickets")
    for table in tables:
        auth.sql(f"UPDATE {table} SET expires_at = now() - interval '1 day' WHERE connection_id = %s", works.id)
        rule = next(rule for rule in KEPT if rule.table == table)
        auth.sql(rule.delete, 5000)
        assert auth.sql(f"SELECT count(*) FROM {table} WHERE connection_id = %s", works.id) == [(0,)]


def test_password_users_of_other_domains_sign_in_as_before(auth: Auth, works: Connection) -> None:
    browser = Browser(auth)
    app = register_web_app(auth)
    page = browser.get(f"/v1/oauth/authorize?{urlencode(authorization(app))}")
    page = browser.get(page.headers["location"])
    page = browser.submit(page, "/v1/auth/sign-in", email=auth.demo["email"], step="address")
    assert 'name="password"' in page.text
    assert browser.submit(page, "/v1/auth/sign-in", email=auth.demo["email"], password=PASSWORD).status_code == 303


def test_a_browser_that_signed_in_before_waits_in_a_line_of_its_own(auth: Auth, works: Connection) -> None:
    of = readers.Ranks(Keyring.from_text(auth.settings.encryption_keys)).of
    browser = Browser(auth)
    assert of(works.id, b"RelayState=" + works.ask(browser).relay_state.encode()) == readers.BEGUN
    works.sign_in(browser)
    assert of(works.id, b"RelayState=" + works.ask(browser).relay_state.encode()) == readers.RETURNING
    assert of(works.id, b"RelayState=" + works.ask(Browser(auth)).relay_state.encode()) == readers.BEGUN
