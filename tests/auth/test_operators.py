"""Operators of the platform: a role of the platform's own tenant, whose scopes a token carries only after a second factor."""

import asyncio
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from pyotp import random_base32
from pyotp.totp import TOTP

from services.auth.tenants.bootstrap import BootstrapRequest, Operator, bootstrap
from shared.primitives.ids import PLATFORM_TENANT
from shared.web.scopes import OPERATORS
from tests.auth.people_support import Organisation
from tests.auth.support import ISSUER, PASSWORD, Auth, Browser, claims_of, returned
from tests.auth.test_common_apps import CONSOLE, KEYS, arrive, redeem, register
from tests.auth.test_operator import run
from tests.console.assertions import TYPE, assertion

SECOND = "/v1/auth/second-factor"
OPERATE = {"platform:operate:read", "platform:operate:write"}


class Operating:
    """An operator with a password and an authenticator."""

    def __init__(self, auth: Auth) -> None:
        self.auth = auth
        self.email, self.secret = "operator@knogin.example", random_base32()
        wanted = Operator(self.email, PASSWORD, self.secret)
        auth.sql("UPDATE users SET totp_secret = NULL, totp_last_step = 0 WHERE email = %s", self.email)
        asyncio.run(bootstrap(auth.settings, BootstrapRequest([], operator=wanted)))
        self.person = {"email": self.email}

    def browser(self) -> Browser:
        """Signed in with password and code."""
        browser = Browser(self.auth)
        page = browser.sign_in(self.person)
        self.auth.sql("UPDATE users SET totp_last_step = 0 WHERE email = %s", self.email)
        assert browser.submit(page, SECOND, code=TOTP(self.secret).now()).status_code == 303
        return browser

    def claims(self, browser: Browser) -> dict[str, Any]:
        return claims_of(self.tokens(browser)["access_token"])

    def tokens(self, browser: Browser) -> dict[str, Any]:
        answer = redeem(self.auth, returned(browser.authorize(CONSOLE, scope=None)))
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def operator(auth: Auth) -> Iterator[Operating]:
    register(auth)
    yield Operating(auth)
    auth.sql(
        "UPDATE apps SET common_app = NULL, requested_scopes = '{}', status = 'deleted' WHERE common_app IS NOT NULL"
    )
    auth.sql("DELETE FROM common_apps")
    auth.sql("DELETE FROM sessions WHERE tenant_id = %s", PLATFORM_TENANT)
    auth.sql("UPDATE users SET role = 'operator', status = 'active' WHERE tenant_id = %s", PLATFORM_TENANT)


def scopes_of(claims: dict[str, Any]) -> set[str]:
    return set(claims["scope"].split())


def test_an_operator_gets_the_scopes_after_a_sign_in_with_a_second_factor(operator: Operating) -> None:
    claims = operator.claims(operator.browser())
    assert claims["tenant_id"] == PLATFORM_TENANT
    assert scopes_of(claims) >= OPERATE
    assert claims["amr"] == ["pwd", "otp", "mfa"]
    assert "platform:apps" not in scopes_of(claims)


def test_an_operators_session_without_a_second_factor_gets_no_scope_of_operators(operator: Operating) -> None:
    browser = operator.browser()
    operator.auth.sql("UPDATE sessions SET second_factor = false WHERE tenant_id = %s", PLATFORM_TENANT)
    claims = operator.claims(browser)
    assert not scopes_of(claims) & OPERATE
    assert "amr" not in claims


def test_setting_up_an_authenticator_raises_the_session(operator: Operating) -> None:
    operator.auth.sql("UPDATE users SET totp_secret = NULL WHERE email = %s", operator.email)
    browser = Browser(operator.auth)
    assert browser.sign_in(operator.person).status_code == 303
    assert not scopes_of(operator.claims(browser)) & OPERATE
    page = browser.get("/v1/auth/authenticator")
    secret = page.text.partition("secret=")[2][:32]
    done = browser.submit(page, "/v1/auth/authenticator", do="set up", password=PASSWORD, code=TOTP(secret).now())
    assert done.status_code == 200, done.text
    assert scopes_of(operator.claims(browser)) >= OPERATE


def test_an_administrator_of_the_platforms_tenant_gets_no_scope_of_operators(operator: Operating) -> None:
    browser = operator.browser()
    operator.auth.sql("UPDATE users SET role = 'administrator', scope_limit = NULL WHERE email = %s", operator.email)
    assert not scopes_of(operator.claims(browser)) & OPERATE


def refreshed(operator: Operating, tokens: dict[str, Any]) -> int:
    claims = claims_of(tokens["access_token"])
    form = {
        "grant_type": "refresh_token",
        "refresh_token": tokens["refresh_token"],
        "client_id": claims["client_id"],
        "client_assertion_type": TYPE,
        "client_assertion": assertion(KEYS, claims["client_id"], ISSUER),
    }
    return operator.auth.form("/v1/oauth/token", form).status_code


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE users SET totp_secret = NULL WHERE tenant_id = 'org_00000000000000000000000000'",
        "UPDATE users SET role = 'administrator', scope_limit = NULL WHERE tenant_id = 'org_00000000000000000000000000'",
        "UPDATE grants SET created_at = now() - interval '13 hours' WHERE tenant_id = 'org_00000000000000000000000000'",
    ],
    ids=["factor removed", "role taken", "half a day later"],
)
def test_an_operators_grant_ends_with_its_factor_its_role_and_its_day(operator: Operating, change: Any) -> None:
    tokens = operator.tokens(operator.browser())
    operator.auth.sql(change)
    assert refreshed(operator, tokens) == 400


def test_an_operators_grant_is_refreshed_until_then(operator: Operating) -> None:
    assert refreshed(operator, operator.tokens(operator.browser())) == 200


# --- Ordinary tenants -------------------------------------------------------------------------------------------------


def test_an_ordinary_tenants_console_has_no_scope_of_operators(operator: Operating) -> None:
    auth = operator.auth
    answer = arrive(auth)
    assert not scopes_of(claims_of(redeem(auth, answer).json()["access_token"])) & OPERATE
    ((held,),) = auth.sql("SELECT requested_scopes FROM apps WHERE client_id = %s", answer["client_id"])
    assert not set(held) & OPERATE


@pytest.mark.parametrize("scope", sorted(OPERATE))
def test_no_app_may_ask_for_a_scope_of_operators(auth: Auth, scope: str) -> None:
    draft = {"name": "Case sync", "grant_types": ["client_credentials"], "requested_scopes": [scope]}
    refused = auth.admin("POST", "/v1/platform/apps", json=draft)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"].startswith("/requested_scopes")


@pytest.mark.parametrize(
    "words",
    [
        ("scopes", "grant", "{tenant}", "platform:operate:read"),
        ("first-party", "create", "{tenant}", "Crew", "platform:operate:write"),
        ("user", "create", "eve@demo.example", "--tenant", "{tenant}", "--role", "operator"),
    ],
)
def test_no_command_gives_an_ordinary_tenant_anything_of_operators(auth: Auth, words: tuple[str, ...]) -> None:
    done = run(auth, *(word.format(tenant=auth.demo["tenant_id"]) for word in words))
    assert done.status != 0


def test_an_administrator_of_an_ordinary_tenant_makes_no_operator(auth: Auth) -> None:
    coastal = Organisation(auth)
    admin, other = coastal.person(), coastal.person("auditor")
    refused = admin.give_role(other, "operator")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/role")
    assert coastal.call("PUT", f"{other.path}/role", json={"role": "operator"}).status_code == 422
    assert coastal.invite("eve@elsewhere.example", role="operator").status_code == 422
    assert [one["role"] for one in coastal.call("GET", "/v1/platform/roles").json()["roles"]] == [
        "administrator", "quality_officer", "integrator", "auditor",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE users SET role = 'operator' WHERE tenant_id = %s",
        "UPDATE apps SET requested_scopes = '{platform:operate:read}' WHERE tenant_id = %s",
        "INSERT INTO grants (grant_id, tenant_id, client_id, user_id, scopes, audience, offline, seed, signed_in_at, expires_at,"
        " second_factor)"
        " SELECT 'gnt_x', a.tenant_id, client_id, user_id, '{platform:operate:read}', '{}', false, '', now(), now(), true"
        " FROM apps a JOIN users u USING (tenant_id) WHERE tenant_id = %s LIMIT 1",
    ],
    ids=["role", "app", "grant"],
)
def test_the_database_refuses_operators_of_an_ordinary_tenant(auth: Auth, statement: Any) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        auth.sql(statement, auth.demo["tenant_id"])


def test_the_platforms_own_tenant_is_not_suspended(operator: Operating) -> None:
    done = run(operator.auth, "tenant", "suspend", PLATFORM_TENANT)
    assert (done.status, "always active" in done.text) == (1, True)


def test_a_command_makes_the_first_operator(auth: Auth) -> None:
    done = run(auth, "user", "create", "first@knogin.example", "--tenant", "platform", "--role", "operator")
    assert done.status == 0, done.text
    rows = auth.sql("SELECT tenant_id, role, scope_limit FROM users WHERE email = 'first@knogin.example'")
    assert rows[0][:2] == (PLATFORM_TENANT, "operator")
    assert set(rows[0][2]) >= {"platform:operate:write"}
    assert OPERATORS.keys() == OPERATE
