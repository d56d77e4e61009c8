"""A role of auth's database, in strange hands, moves no time and no mark that no seal covers, so nothing that is over begins again.

In each test somebody knows a cookie, token, link or password that was good once, and calls auth as anybody may.
"""

import asyncio
import re
import time
from typing import Any

import pytest
from pyotp.totp import TOTP

from services.auth.saml import domains
from services.auth.tenants.bootstrap import bootstrap
from shared.primitives import ids
from shared.storage.database import open_tasks_pool, task_transaction
from tests.auth.device_support import answered, begun, poll, register_device_app, typed
from tests.auth.federation import Connection, follow
from tests.auth.forging import FRESH, ROLES, forge, granted, new_person, shown, signed_in
from tests.auth.people_support import Organisation, accept, link_of
from tests.auth.people_support import post as send
from tests.auth.support import Auth, Browser, redeem, tenants
from tests.auth.test_authenticator import SECOND, Enrolled, later
from tests.auth.test_operator import operate
from tests.auth.test_private_key_jwt import ask, assertion, register
from tests.auth.test_sealed_invitations import role_of
from tests.auth.test_sealed_passwords import a_day_later as a_day_later
from tests.auth.test_sealed_passwords import relay as seal_passwords
from tests.auth.test_sign_in import choose, new_link
from tests.support.mail_sink import Sink
from tests.support.name_server import NameServer


@ROLES
def test_an_idle_session_stays_over(auth: Auth, role: str) -> None:
    mine = new_person(auth)
    browser = signed_in(auth, mine)
    auth.sql("UPDATE sessions SET last_seen_at = now() - interval '9 hours' WHERE user_id = %s", mine["user_id"])
    forge(auth, role, mine["tenant_id"], "UPDATE sessions SET last_seen_at = now() WHERE user_id = %s", mine["user_id"])
    assert not shown(browser)


@ROLES
@pytest.mark.usefixtures("a_day_later")
@pytest.mark.parametrize("before", ["chosen by a link", "from before seals"])
def test_the_password_of_before_does_not_come_back(auth: Auth, role: str, before: str) -> None:
    mine, first, second = new_person(auth), "correct horse battery staple", "the second long pass phrase"
    browser = Browser(auth)
    if before == "chosen by a link":
        first = "the first long pass phrase"
        assert choose(browser, browser.get(new_link(auth, mine)), first) == 200
    else:
        seal_passwords(auth)
    [(old,)] = auth.sql("SELECT password_hash FROM users WHERE user_id = %s", mine["user_id"])
    assert choose(browser, browser.get(new_link(auth, mine)), second) == 200
    for spelt in (old, f"{old}=", f"{old}==", f"{old}====", f"{old}A"):
        change = "UPDATE users SET password_hash = %s WHERE user_id = %s"
        forge(auth, role, mine["tenant_id"], change, spelt, mine["user_id"])
    [(stored,)] = auth.sql("SELECT password_hash FROM users WHERE user_id = %s", mine["user_id"])
    assert not stored.startswith(old)
    assert Browser(auth).sign_in(mine, password=first).status_code == 401
    assert Browser(auth).sign_in(mine, password=second).status_code == 303


@ROLES
def test_a_refresh_token_of_before_stays_used(auth: Auth, role: str) -> None:
    mine = new_person(auth)
    app, code, _ = granted(auth, mine)
    first = redeem(auth, app, code).json()["refresh_token"]
    assert auth.token(app, grant_type="refresh_token", refresh_token=first).status_code == 200
    auth.sql("UPDATE grants SET rotated_at = now() - interval '5 days' WHERE user_id = %s", mine["user_id"])
    forge(auth, role, mine["tenant_id"], "UPDATE grants SET rotated_at = now() WHERE user_id = %s", mine["user_id"])
    assert auth.token(app, grant_type="refresh_token", refresh_token=first).status_code == 400


@ROLES
@pytest.mark.parametrize("when", ["when it has expired", "before"])
@pytest.mark.parametrize("generation", ["generation", "generation + 1"])
def test_a_grant_that_has_expired_stays_so(auth: Auth, role: str, when: str, generation: str) -> None:
    mine = new_person(auth)
    app, code, _ = granted(auth, mine)
    token = redeem(auth, app, code).json()["refresh_token"]
    longer = f"UPDATE grants SET expires_at = '9000-01-01', generation = {generation} WHERE user_id = %s"
    if when == "before":
        forge(auth, role, mine["tenant_id"], longer, mine["user_id"])
    age = "created_at = created_at - interval '200 days', rotated_at = now() - interval '100 days'"
    auth.sql(f"UPDATE grants SET {age} WHERE user_id = %s", mine["user_id"])
    ended = "UPDATE grants SET expires_at = now() - interval '1 day' WHERE user_id = %s AND expires_at < '8000-01-01'"
    auth.sql(ended, mine["user_id"])
    forge(auth, role, mine["tenant_id"], longer, mine["user_id"])
    assert auth.token(app, grant_type="refresh_token", refresh_token=token).status_code == 400


@ROLES
@pytest.mark.parametrize("change", ["", ", number = number + 1"])
def test_an_invitation_that_has_expired_stays_so(auth: Auth, sink: Sink, role: str, change: str) -> None:
    victim, email = Organisation(auth), f"x{time.time_ns()}@new.example"
    made = victim.invite(email, "administrator").json()
    send(auth, sink)
    link = link_of(sink, email)
    auth.sql("UPDATE invitations SET expires_at = now() - interval '60 days' WHERE id = %s", made["id"])
    longer = f"UPDATE invitations SET expires_at = now() + interval '1 day'{change} WHERE id = %s"
    forge(auth, role, victim.tenant_id, longer, made["id"])
    assert accept(Browser(auth), link).status_code == 410
    assert role_of(auth, email) == []


@ROLES
def test_a_device_that_was_refused_waits_no_longer(auth: Auth, role: str) -> None:
    app = register_device_app(auth)
    device = begun(auth, app)
    browser = Browser(auth)
    browser.sign_in()
    answered(browser, device["user_code"], "deny")
    again = "UPDATE device_codes SET state = 'pending', expires_at = now() + interval '5 minutes' WHERE client_id = %s"
    forge(auth, role, auth.demo["tenant_id"], again, app["client_id"])
    assert 'name="decision"' not in typed(browser, device["user_code"]).text
    assert poll(auth, app, device["device_code"]).status_code == 400


def test_a_key_that_was_taken_out_of_use_stays_out(auth: Auth) -> None:
    auth.sql(
        "INSERT INTO signing_keys SELECT 'out', private_key, public_jwk, published_at, activates_at, now() - interval '1 hour' "
        "FROM signing_keys LIMIT 1"
    )
    try:
        for change in ("NULL", "now() + interval '1 year'"):
            forge(auth, "worker", "", f"UPDATE signing_keys SET removed_at = {change} WHERE kid = 'out'")
        assert auth.sql("SELECT removed_at < now() FROM signing_keys WHERE kid = 'out'") == [(True,)]
    finally:
        auth.sql("DELETE FROM signing_keys WHERE kid = 'out'")


def test_the_relay_forgets_no_assertion_that_can_be_used(auth: Auth) -> None:
    app = register(auth)
    text = assertion(app, exp=int(time.time()) + 300)
    assert ask(auth, text).status_code == 200
    for change in (
        "DELETE FROM client_assertions",
        "UPDATE client_assertions SET expires_at = now() - interval '1 day'",
    ):
        forge(auth, "worker", "", f"{change} WHERE client_id = %s", app["client_id"])
    forge(auth, "worker", "", "DELETE FROM client_assertions WHERE client_id = %s", app["client_id"])
    assert ask(auth, text).status_code == 401


def test_the_relay_forgets_no_answer_of_an_identity_provider_that_can_be_used(auth: Auth, works: Connection) -> None:
    works.call("PATCH", json={"allow_idp_initiated": True})
    form = works.form(None)
    browser = Browser(auth)
    assert follow(browser, works.post(browser, form)).status_code == 200
    forge(auth, "worker", "", "DELETE FROM saml_replays WHERE connection_id = %s", works.id)
    assert works.post(Browser(auth), form).status_code == 400
    # With their connection they go.
    assert works.call("DELETE").status_code == 204


# --- Proofs of domains --------------------------------------------------------------------------------------------------------


def led_to(auth: Auth, domain: str) -> str:
    browser = Browser(auth)
    page = browser.get("/v1/auth/sign-in", params={"continue": "/v1/auth/sessions"})
    return browser.submit(page, "/v1/auth/sign-in", email=f"bob@{domain}", step="address").text


@ROLES
def test_the_dns_record_of_one_organisation_proves_nothing_for_another(
    auth: Auth, works: Connection, role: str
) -> None:
    mine, domain = Connection(auth, auth.other), works.domain
    try:
        assert works.id in led_to(auth, domain)
        assert mine.call("POST", "domains", json={"domain": domain}).status_code == 201
        row = "SELECT token, claim_seal FROM saml_domains WHERE tenant_id = %s AND domain = %s"
        [(token, seal)] = auth.sql(row, works.tenant["tenant_id"], domain)
        for sealed in ("claim_seal", "%s", FRESH):
            values = (token, seal, domain) if sealed == "%s" else (token, domain)
            steal = f"UPDATE saml_domains SET token = %s, claim_seal = {sealed} WHERE domain = %s"
            forge(auth, role, auth.other["tenant_id"], steal, *values)
        hide = "UPDATE saml_domains SET verified_at = NULL, seal = NULL WHERE domain = %s"
        forge(auth, role, works.tenant["tenant_id"], hide, domain)
        assert mine.call("POST", f"domains/{domain}/prove").status_code == 409
        assert mine.id not in led_to(auth, domain)
    finally:
        mine.remove()


@ROLES
def test_a_proof_that_was_hidden_does_not_come_back(
    auth: Auth, works: Connection, name_server: NameServer, role: str
) -> None:
    other, domain = Connection(auth, auth.other), works.domain
    try:
        [(seal,)] = auth.sql("SELECT seal FROM saml_domains WHERE domain = %s AND verified_at IS NOT NULL", domain)
        for change in ("verified_at = NULL", "verified_at = NULL, seal = NULL"):
            hide = f"UPDATE saml_domains SET {change} WHERE domain = %s"
            forge(auth, role, works.tenant["tenant_id"], hide, domain)
        record = other.call("POST", "domains", json={"domain": domain}).json()["dns_record"]
        name_server.texts[record["name"]] = [record["value"]]
        assert other.call("POST", f"domains/{domain}/prove").status_code == 200
        hide = "UPDATE saml_domains SET verified_at = NULL, seal = NULL WHERE domain = %s AND tenant_id = %s"
        forge(auth, role, auth.other["tenant_id"], hide, domain, auth.other["tenant_id"])
        for change in ("verified_at = now()", "verified_at = now(), seal = %s"):
            values = (seal, domain) if "%s" in change else (domain,)
            forge(auth, role, works.tenant["tenant_id"], f"UPDATE saml_domains SET {change} WHERE domain = %s", *values)
        assert works.id not in led_to(auth, domain)
    finally:
        other.remove()


def test_no_web_process_keeps_a_domain_from_being_looked_at(
    auth: Auth, works: Connection, name_server: NameServer
) -> None:
    name_server.texts.clear()
    gone = "UPDATE saml_domains SET checked_at = now() - interval '2 days', missing_since = now() - interval '30 days' WHERE domain = %s"
    auth.sql(gone, works.domain)
    hide = "UPDATE saml_domains SET checked_at = '9000-01-01', missing_since = NULL WHERE domain = %s"
    forge(auth, "web", works.tenant["tenant_id"], hide, works.domain)
    pool = open_tasks_pool(auth.settings.worker_database_url or "", max_size=1)
    try:
        with task_transaction(pool) as conn:
            domains.look_again(conn, domains.create(auth.settings.dns_resolver))
    finally:
        pool.close()
    assert works.id not in led_to(auth, works.domain)


# --- Others' sandboxes and sessions ----------------------------------------------------------------------------------------------


@ROLES
def test_nobody_takes_the_sandbox_of_another_organisation(auth: Auth, role: str) -> None:
    mine, victim = Organisation(auth), Organisation(auth, "Victim", "sandbox")
    sandbox = ids.new_id("sbx")
    columns = "id, tenant_id, sandbox_tenant_id, name, client_id, seed, state, until, made_by"
    take = f"INSERT INTO sandboxes ({columns}) VALUES (%s, %s, %s, 'x', %s, 1, 'preparing', now(), 'x')"
    client = auth.demo["client_id"]
    forge(auth, role, mine.tenant_id, take, sandbox, mine.tenant_id, victim.tenant_id, client)
    auth.call("DELETE", f"/v1/platform/sandboxes/{sandbox}", mine.app_caller("platform:apps"))
    assert auth.sql("SELECT status FROM tenants WHERE tenant_id = %s", victim.tenant_id) == [("active",)]


@ROLES
def test_a_session_of_an_identity_provider_ends_with_the_link(auth: Auth, works: Connection, role: str) -> None:
    browser, email = Browser(auth), f"anna@{works.domain}"
    assert works.sign_in(browser).status_code == 303
    assert email in shown(browser)
    [(user_id,)] = auth.sql("SELECT user_id FROM users WHERE email = %s", email)
    for change in ("DELETE FROM saml_sessions", "UPDATE saml_sessions SET name_id = 'x'"):
        forge(auth, role, works.tenant["tenant_id"], f"{change} WHERE connection_id = %s", works.id)
    assert works.call("DELETE", f"users/{user_id}").status_code == 204
    assert email not in shown(browser)


# --- Forged counts heal -------------------------------------------------------------------------------------------------------


def with_a_forged_count(auth: Auth) -> tuple[dict[str, Any], Enrolled]:
    person = new_person(auth)
    enrolled = Enrolled(signed_in(auth, person))
    later(auth, person)
    auth.sql("DELETE FROM known_devices WHERE user_id = %s", person["user_id"])
    forged = f"UPDATE users SET wrong_codes = 0, codes_seal = {FRESH} WHERE user_id = %s"
    forge(auth, "web", person["tenant_id"], forged, person["user_id"])
    return person, enrolled


def test_a_person_with_a_forged_count_reads_that_a_recovery_code_is_needed(auth: Auth) -> None:
    person, enrolled = with_a_forged_count(auth)
    browser = Browser(auth)
    answer = browser.submit(browser.sign_in(person), SECOND, code=TOTP(enrolled.secret).now())
    assert answer.status_code == 401
    assert "Too many wrong codes" in answer.text


def test_an_operators_new_factor_works_at_once(auth: Auth) -> None:
    person, _ = with_a_forged_count(auth)
    found = re.search(r"secret=([A-Z2-7]+)", operate(auth, "user", "second-factor", person["email"]))
    assert found is not None
    browser = Browser(auth)
    assert browser.submit(browser.sign_in(person), SECOND, code=TOTP(found[1]).now()).status_code == 303


def test_the_bootstrap_makes_a_forged_secret_anew(auth: Auth) -> None:
    app = auth.demo
    forged = f"UPDATE app_secrets SET seal = {FRESH} WHERE client_id = %s AND expires_at IS NULL"
    forge(auth, "web", app["tenant_id"], forged, app["client_id"])
    assert auth.token(app).status_code == 401
    asyncio.run(bootstrap(auth.settings, tenants()))
    assert auth.token(app).status_code == 200
