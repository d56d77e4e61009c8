"""A role of auth's database, in strange hands, makes no identity provider speak for another person or organisation."""

import time
from typing import Any

import pytest

from services.auth.saml import documents
from tests.auth.federation import Connection, follow, refresh_of
from tests.auth.forging import ROLES, SEALS, forge, shown
from tests.auth.identity_provider import Signer, new_signer
from tests.auth.support import Auth, Browser
from tests.support.keys import rsa_key
from tests.support.name_server import NameServer


def signed_in_as(works: Connection, browser: Browser, email: str, name_id: str, **changes: Any) -> bool:
    """Whether the identity provider's word of `name_id` makes the browser this person."""
    said = {"name_id": name_id, "attributes": {"email": [email], "displayName": ["X"]}} | changes
    asked = works.ask(browser)
    page = works.post(browser, works.form(asked, **said))
    return page.status_code == 200 and follow(browser, page).status_code == 303 and email in shown(browser)


def mine() -> Signer:
    """The attacker's."""
    return new_signer(key=rsa_key(23))


@ROLES
@pytest.mark.parametrize("copied", ["seal", "NULL", "'\\x01'"])
def test_an_identity_providers_certificate_is_pinned_by_its_administrators_alone(
    auth: Auth, works: Connection, role: str, copied: str
) -> None:
    victim = f"anna@{works.domain}"
    assert signed_in_as(works, Browser(auth), victim, "anna")
    signer = mine()
    values = {"pem": signer.pem, "print": documents.fingerprint(signer.certificate), "id": works.id}
    insert = f"""
        INSERT INTO saml_certificates (connection_id, fingerprint, tenant_id, pem, not_before, not_after, seal)
        SELECT connection_id, %(print)s, tenant_id, %(pem)s, not_before, not_after, {copied} FROM saml_certificates
        WHERE connection_id = %(id)s
    """
    forge(auth, role, auth.demo["tenant_id"], insert, **values)
    change = f"UPDATE saml_certificates SET pem = %(pem)s, seal = {copied} WHERE connection_id = %(id)s AND fingerprint <> %(print)s"
    forge(auth, role, auth.demo["tenant_id"], change, **values)
    assert not signed_in_as(works, Browser(auth), victim, "anna", signer=signer)


@ROLES
@SEALS
@pytest.mark.parametrize("way", ["the name", "the person", "a copy"])
def test_a_name_of_an_identity_provider_is_one_person_alone(
    auth: Auth, works: Connection, role: str, seal: str, way: str
) -> None:
    """The attacker signs in through the same identity provider, as somebody with fewer rights."""
    victim, own = f"anna@{works.domain}", f"me@{works.domain}"
    assert signed_in_as(works, Browser(auth), victim, "anna")
    assert signed_in_as(works, Browser(auth), own, "me")
    identity = "SELECT user_id, seal FROM saml_identities WHERE connection_id = %s AND name_id = 'anna'"
    [(user_id, its_seal)] = auth.sql(identity, works.id)
    copied = "%(seal)s" if not seal else seal.removeprefix(", seal = ")
    moved = {
        "the name": [
            f"UPDATE saml_identities SET name_id = 'x'{seal} WHERE connection_id = %(id)s AND name_id = 'me'",
            f"UPDATE saml_identities SET name_id = 'me'{seal} WHERE connection_id = %(id)s AND name_id = 'anna'",
        ],
        "the person": [
            "DELETE FROM saml_identities WHERE connection_id = %(id)s AND name_id = 'anna'",
            f"UPDATE saml_identities SET user_id = %(user)s{seal} WHERE connection_id = %(id)s AND name_id = 'me'",
        ],
        "a copy": [
            "DELETE FROM saml_identities WHERE connection_id = %(id)s",
            f"""
                INSERT INTO saml_identities (connection_id, name_id, tenant_id, user_id, seal)
                VALUES (%(id)s, 'me', %(tenant)s, %(user)s, {copied})
            """,
        ],
    }[way]
    values = {"id": works.id, "user": user_id, "tenant": auth.demo["tenant_id"], "seal": its_seal}
    for statement in moved:
        forge(auth, role, auth.demo["tenant_id"], statement, **values)
    browser = Browser(auth)
    signed_in_as(works, browser, own, "me")
    assert victim not in shown(browser)


@ROLES
@SEALS
@pytest.mark.parametrize("column", ["user_id", "browser_mac", "continue_to"])
def test_a_ticket_signs_in_nobody_else_and_leads_nowhere_else(
    auth: Auth, works: Connection, role: str, seal: str, column: str
) -> None:
    victim, own = f"anna@{works.domain}", f"me@{works.domain}"
    assert signed_in_as(works, Browser(auth), victim, "anna")
    assert signed_in_as(works, Browser(auth), own, "me")
    browser = Browser(auth)
    asked = works.ask(browser)
    name, email = ("anna", victim) if column == "browser_mac" else ("me", own)
    said = {"name_id": name, "attributes": {"email": [email], "displayName": ["X"]}}
    page = works.post(browser, works.form(asked, **said))
    other = browser
    change = {
        "user_id": "user_id = (SELECT user_id FROM users WHERE email = %(victim)s), name_id = 'anna'",
        "browser_mac": "browser_mac = NULL",
        "continue_to": "continue_to = 'https://x.example/'",
    }[column]
    if column == "browser_mac":
        other = Browser(auth)
    forge(
        auth,
        role,
        auth.demo["tenant_id"],
        f"UPDATE saml_tickets SET {change}{seal} WHERE connection_id = %(id)s AND used_at IS NULL",
        id=works.id,
        victim=victim,
    )
    answer = other.get(refresh_of(page))
    assert "x.example" not in answer.headers.get("location", "")
    finish = works.path("finish")
    if f'action="{finish}"' in answer.text:
        other.submit(answer, finish)
    assert victim not in shown(other)


@ROLES
@SEALS
def test_a_request_leads_where_it_was_asked_to(auth: Auth, works: Connection, role: str, seal: str) -> None:
    browser = Browser(auth)
    asked = works.ask(browser)
    forge(
        auth,
        role,
        auth.demo["tenant_id"],
        f"UPDATE saml_requests SET continue_to = 'https://x.example/'{seal} WHERE connection_id = %(id)s",
        id=works.id,
    )
    page = works.post(browser, works.form(asked))
    location = follow(browser, page).headers.get("location", "") if page.status_code == 200 else ""
    assert "x.example" not in location


@ROLES
@SEALS
@pytest.mark.parametrize(
    "change", ["tenant_id = %(victim)s", "sso_url = 'https://x.example/sso'", "allow_idp_initiated = true"]
)
def test_a_connection_is_of_its_organisation_and_its_identity_provider(
    auth: Auth, name_server: NameServer, role: str, seal: str, change: str
) -> None:
    attackers = Connection(auth, auth.other)
    try:
        attackers.prove(name_server)
        values = {"victim": auth.demo["tenant_id"], "id": attackers.id}
        for tenant_id in (auth.other["tenant_id"], ""):
            if tenant_id or role == "worker":
                forge(
                    auth,
                    role,
                    tenant_id,
                    f"UPDATE saml_connections SET {change}{seal} WHERE connection_id = %(id)s",
                    **values,
                )
        browser = Browser(auth)
        sent = browser.get(f"{attackers.path('login')}?continue=/v1/auth/sessions")
        assert "x.example" not in sent.headers.get("location", "")
        page = attackers.post(browser, attackers.form(None))
        assert page.status_code != 200
        answer = attackers.call("PATCH", json={"name": "Renamed"})
        assert answer.status_code in (200, 404, 409)
        sent = browser.get(f"{attackers.path('login')}?continue=/v1/auth/sessions")
        assert "x.example" not in sent.headers.get("location", "")
    finally:
        attackers.remove()


@ROLES
@pytest.mark.parametrize(
    "seal", ["NULL", "'\\x01'", "(SELECT seal FROM saml_domains WHERE verified_at IS NOT NULL LIMIT 1)"]
)
def test_a_domain_that_was_not_proven_leads_nobody_to_a_connection(
    auth: Auth, works: Connection, name_server: NameServer, role: str, seal: str
) -> None:
    domain = f"victim{time.time_ns()}.example"
    assert works.call("POST", "domains", json={"domain": domain}).status_code == 201
    change = f"UPDATE saml_domains SET verified_at = now(), seal = {seal} WHERE domain = %(domain)s"
    forge(auth, role, auth.demo["tenant_id"], change, domain=domain)
    browser = Browser(auth)
    page = browser.get("/v1/auth/sign-in", params={"continue": "/v1/auth/sessions"})
    answer = browser.submit(page, "/v1/auth/sign-in", email=f"anna@{domain}", step="address")
    assert works.path("login") not in answer.text
    assert not signed_in_as(works, Browser(auth), f"anna@{domain}", f"anna of {domain}")


def test_no_web_process_changes_the_certificate_of_our_own_key(auth: Auth, works: Connection) -> None:
    """An identity provider would trust the attacker's signatures, or encrypt for the attacker."""
    own = "SELECT own_certificate, encode(own_key, 'hex') FROM saml_connections WHERE connection_id = %s"
    before = auth.sql(own, works.id)
    for change in ("own_certificate = %s", "own_key = %s::bytea", "next_certificate = %s, next_key = 'x'"):
        statement = f"UPDATE saml_connections SET {change} WHERE connection_id = %s"
        forge(auth, "web", auth.demo["tenant_id"], statement, mine().pem, works.id)
    assert auth.sql(own, works.id) == before
    assert auth.sql("SELECT next_key FROM saml_connections WHERE connection_id = %s", works.id) == [(None,)]
