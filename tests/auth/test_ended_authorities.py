"""Whatever ends a grant, a service token, a consent or what roles allow is told to control-plane, whose automations rest on it."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from services.auth import authorities
from shared.storage.database import Connection
from tests.auth.support import Auth, Browser, claims_of, redeem, register_web_app, returned
from tests.auth.test_operator import operate
from tests.auth.test_sign_in import choose, new_link
from tests.auth.test_sign_in import person as person


@pytest.fixture(autouse=True)
def _granted(auth: Auth) -> Iterator[None]:
    operate(auth, "scopes", "grant", auth.demo["tenant_id"], "argus:platform:write")
    told(auth)
    yield
    operate(auth, "scopes", "withdraw", auth.demo["tenant_id"], "argus:platform:write")


def told(auth: Auth) -> list[dict[str, Any]]:
    """What the relay tells, beyond what it told before."""
    last = auth.sql("SELECT coalesce(max(id::text), '') FROM outbox")[0][0]
    with Connection.connect(auth.settings.worker_database_url or "") as conn:
        authorities.send_ended(conn)
    query = "SELECT body FROM outbox WHERE name = 'control_plane.authority_ended.v1' AND id::text > %s ORDER BY id"
    return [body for (body,) in auth.sql(query, last)]


def allowed(auth: Auth, person: dict[str, Any]) -> tuple[Browser, dict[str, Any], str]:
    app = register_web_app(auth, requested_scopes=["argus:platform:write"])
    browser = Browser(auth)
    browser.sign_in(person)
    page = browser.authorize(app, scope="argus:platform:write")
    code = returned(browser.submit(page, "/v1/oauth/authorize", decision="allow"))["code"]
    return browser, app, claims_of(redeem(auth, app, code).json()["access_token"])["grant_id"]


def grants_of(messages: list[dict[str, Any]]) -> set[Any]:
    return {message.get("grant_id") for message in messages} - {None}


def test_a_withdrawn_access_is_told_with_its_consent(auth: Auth, person: dict[str, Any]) -> None:
    browser, app, grant_id = allowed(auth, person)
    assert told(auth) == []
    browser.submit(browser.get("/v1/auth/sessions"), "/v1/auth/sessions", withdraw=app["client_id"])
    messages = told(auth)
    assert grants_of(messages) == {grant_id}
    assert [message["client_id"] for message in messages if message.get("user_id")] == [app["client_id"]]
    assert told(auth) == []


@pytest.mark.parametrize("how", ["disabled", "new password"])
def test_every_road_is_told(auth: Auth, person: dict[str, Any], how: str) -> None:
    _, _, grant_id = allowed(auth, person)
    if how == "disabled":
        # One message for the person ends all automations in their name.
        operate(auth, "user", "disable", person["email"])
        [message] = told(auth)
        assert message.get("user_id")
        assert not message.get("client_id")
        assert not message.get("grant_id")
    else:
        owner = Browser(auth)
        assert choose(owner, owner.get(new_link(auth, person)), "another long password") == 200
        assert grants_of(told(auth)) == {grant_id}


def test_narrower_roles_are_told_with_what_is_left(auth: Auth, person: dict[str, Any]) -> None:
    auth.sql("UPDATE users SET scope_limit = '{argus:incidents:read}' WHERE email = %s", person["email"])
    (message,) = told(auth)
    assert message["scopes_left"] == ["argus:incidents:read"]
    auth.sql("UPDATE users SET scope_limit = NULL WHERE email = %s", person["email"])
    auth.sql("UPDATE users SET name = 'x' WHERE email = %s", person["email"])
    assert told(auth) == []


def test_a_revoked_service_token_is_told_and_one_that_makes_no_automations_is_not(auth: Auth) -> None:
    for scope, expected in (("argus:platform:write", 1), ("webhooks:write", 0)):
        app = auth.register([scope])
        path = f"/v1/platform/apps/{app['client_id']}"
        made = auth.admin("POST", f"{path}/service-token").json()
        grant = claims_of(made["token"])["grant_id"]
        assert auth.admin("DELETE", f"{path}/service-tokens/{made['id']}").status_code == 204
        messages = told(auth)
        assert len(messages) == expected
        assert grants_of(messages) == ({grant} if expected else set())


def test_nobody_notes_another_tenants(auth: Auth) -> None:
    with psycopg.connect(auth.settings.database_url) as conn:
        conn.execute("SELECT set_config('app.tenant_id', %s, true)", (auth.other["tenant_id"],))
        assert conn.execute("SELECT count(*) FROM ended_authorities").fetchone() == (0,)
