"""Sandbox tenants: made by approval, reached by the tenant that asked, and never half there."""

from typing import Any

import httpx2
import pytest

from tests.auth.organisations import PATH, Organisation
from tests.auth.support import Auth, Browser, claims_of
from tests.auth.test_operator import operate, run


@pytest.fixture
def organisation(auth: Auth) -> Organisation:
    return Organisation(auth)


def ask(organisation: Organisation, **details: Any) -> dict[str, Any]:
    email = f"rehearsal@{organisation.tenant_id[-12:]}.example"
    return organisation.ask("sandbox", {"admin_email": email, "demo_data": False} | details)


def approved(organisation: Organisation, **details: Any) -> dict[str, Any]:
    made = ask(organisation, **details)
    operate(organisation.auth, "requests", "approve", made["id"])
    return organisation.read(made)


def fetch(organisation: Organisation, request: dict[str, Any], **options: Any) -> httpx2.Response:
    return organisation.call("POST", f"{PATH}/{request['id']}/credentials", **options)


def test_approval_makes_a_tenant_marked_as_a_sandbox(auth: Auth, organisation: Organisation) -> None:
    operate(auth, "scopes", "grant", organisation.tenant_id, "argus:telephony:read")
    operate(auth, "scopes", "grant-bundles", organisation.tenant_id, "acqi-reporting")
    sandbox = approved(organisation)["sandbox"]
    assert (sandbox["credentials_at"], sandbox["demo_data_at"]) == (None, None)
    [row] = auth.sql(
        "SELECT name, environment, granted_scopes, graphql_bundles FROM tenants WHERE tenant_id = %s",
        sandbox["tenant_id"],
    )
    bundles = ["acqi-reporting", "incident-management"]
    assert row == ("Coastal Rescue (sandbox)", "sandbox", ["argus:telephony:read"], bundles)
    told = auth.sql("SELECT body FROM outbox WHERE tenant_id = %s AND name ~ 'tenant_changed'", sandbox["tenant_id"])
    assert [body["environment"] for (body,) in told] == ["sandbox"] * 2  # to control-plane and webhook-dispatcher
    trail = auth.sql("SELECT action FROM audit WHERE tenant_id = %s ORDER BY id", sandbox["tenant_id"])
    assert [action for (action,) in trail] == ["tenant.created", "user.created", "app.created"]


def test_its_tokens_say_that_they_are_of_a_sandbox(auth: Auth, organisation: Organisation) -> None:
    request = approved(organisation)
    credentials = fetch(organisation, request).json()
    assert credentials["client_id"] == request["sandbox"]["client_id"]
    claims = claims_of(auth.token(credentials, scope="platform:apps argus:epcr:write").json()["access_token"])
    assert (claims["tenant_id"], claims["environment"]) == (request["sandbox"]["tenant_id"], "sandbox")


def test_the_admin_of_the_sandbox_chooses_a_password_by_the_link_once(auth: Auth, organisation: Organisation) -> None:
    credentials = fetch(organisation, approved(organisation)).json()
    path = credentials["password_link"].removeprefix(auth.settings.issuer)
    chosen = {"password": "a password for rehearsals", "again": "a password for rehearsals"}
    browser = Browser(auth)
    browser.submit(browser.get(path), "/v1/auth/password", **chosen)
    signed_in = Browser(auth).sign_in({"email": credentials["admin_email"]}, password=chosen["password"])
    assert signed_in.status_code == 303
    assert Browser(auth).get(path).status_code >= 400


def test_credentials_are_fetched_once_and_a_lost_answer_again_by_its_key(
    auth: Auth, organisation: Organisation
) -> None:
    request = approved(organisation)
    key = {"idempotency-key": "credentials"}
    first = fetch(organisation, request, headers=key)
    assert first.headers["cache-control"] == "no-store"
    assert fetch(organisation, request, headers=key).json() == first.json()
    again = fetch(organisation, request)
    assert again.status_code == 409
    assert "client_secret" not in again.text
    assert organisation.read(request)["sandbox"]["credentials_at"] is not None
    secrets = "SELECT count(*) FROM app_secrets WHERE client_id = %s"
    assert auth.sql(secrets, request["sandbox"]["client_id"]) == [(1,)]
    assert first.json()["client_secret"] not in str(auth.sql("SELECT * FROM audit, app_secrets LIMIT 10000"))


def test_a_request_without_a_sandbox_has_no_credentials(auth: Auth, organisation: Organisation) -> None:
    for made in (ask(organisation), organisation.ask("telephony")):
        assert fetch(organisation, made).status_code == 409


def test_an_address_that_has_a_user_leaves_nothing_behind(auth: Auth, organisation: Organisation) -> None:
    made = ask(organisation, admin_email=auth.demo["email"].upper())
    before = auth.sql(
        "SELECT (SELECT count(*) FROM tenants), (SELECT count(*) FROM apps), (SELECT count(*) FROM audit)"
    )
    done = run(auth, "requests", "approve", made["id"])
    assert done.status != 0
    assert "has a user already" in done.text
    assert auth.demo["email"] not in done.text
    after = auth.sql("SELECT (SELECT count(*) FROM tenants), (SELECT count(*) FROM apps), (SELECT count(*) FROM audit)")
    assert after == before
    assert organisation.read(made)["status"] == "pending"


def test_a_sandbox_has_no_sandbox_of_its_own(auth: Auth) -> None:
    sandbox = Organisation(auth, "--sandbox")
    answer = sandbox.post("sandbox", {"admin_email": "x@y.example"})
    assert answer.status_code == 409


def test_a_name_given_is_the_sandboxs(auth: Auth, organisation: Organisation) -> None:
    sandbox = approved(organisation, name="Rehearsals")["sandbox"]
    assert auth.sql("SELECT name FROM tenants WHERE tenant_id = %s", sandbox["tenant_id"]) == [("Rehearsals",)]


def test_an_approval_whose_demo_data_cannot_be_written_stands_and_says_how_to_go_on(
    auth: Auth, organisation: Organisation
) -> None:
    made = ask(organisation, demo_data=True)
    done = run(auth, "requests", "approve", made["id"], "--api", "http://127.0.0.1:9")
    assert done.status != 0
    assert f"requests seed {made['id']}" in done.text
    read = organisation.read(made)
    assert (read["status"], read["sandbox"]["demo_data_at"]) == ("approved", None)
    again = run(auth, "requests", "seed", made["id"], "--api", "http://127.0.0.1:9")
    assert "the API does not answer" in again.text
    for url in ("nonsense", "http://a:port", "ftp://api.example", "http://"):
        wrong = run(auth, "requests", "seed", made["id"], "--api", url)
        assert wrong.status != 0
        assert "URL" in wrong.text
        assert len(wrong.text.splitlines()) == 1


def test_the_address_of_the_admin_to_be_is_in_no_message_and_no_line_of_the_trail(
    auth: Auth, organisation: Organisation
) -> None:
    fetch(organisation, approved(organisation))
    email = f"rehearsal@{organisation.tenant_id[-12:]}.example"
    assert email not in str(auth.sql("SELECT body::text FROM outbox"))
    assert email not in str(auth.sql("SELECT detail::text FROM audit"))
