"""An attacker with a role of auth's database, who writes rows with SQL alone and then calls auth as anybody may."""

import contextlib
from typing import Any

import psycopg
import pytest

from tests.auth.support import Auth, Browser, claims_of, register_web_app, returned
from tests.auth.test_sealed_passwords import new_person

__all__ = ["new_person"]
SCOPES = "webhooks:write argus:epcr:read offline_access"
ROLES = pytest.mark.parametrize("role", ["web", "worker"])
# Bytes that the database takes for a new seal.
FRESH = "decode('01' || lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || repeat('01', 36), 'hex')"
# As the attacker writes a row: as it was sealed, or with other bytes for a seal.
SEALS = pytest.mark.parametrize("seal", ["", ", seal = '\\x01'", f", seal = {FRESH}"], ids=["same", "short", "fresh"])


def forge(auth: Auth, role: str, tenant_id: str, statement: str, *values: Any, **named: Any) -> None:
    """Whether the database refuses it or not: the tests look at whom the service believes afterwards."""
    dsn = {"web": auth.settings.database_url, "worker": auth.settings.worker_database_url or ""}[role]
    refused = (psycopg.errors.InsufficientPrivilege, psycopg.errors.UniqueViolation)
    with contextlib.suppress(*refused), psycopg.connect(dsn) as conn:
        if tenant_id:
            conn.execute("SELECT set_config('app.tenant_id', %s, true)", (tenant_id,))
        conn.execute(statement.encode(), named or values)


def shown(browser: Browser) -> str:
    """The page of the person whom the browser is believed to be; empty without one."""
    answer = browser.get("/v1/auth/sessions")
    return answer.text if answer.status_code == 200 else ""


def signed_in(auth: Auth, person: dict[str, Any]) -> Browser:
    browser = Browser(auth)
    assert browser.sign_in(person).status_code == 303
    assert person["email"] in shown(browser)
    return browser


def granted(auth: Auth, person: dict[str, Any]) -> tuple[dict[str, Any], str, Browser]:
    """An app with a code of the person, not yet redeemed."""
    app = register_web_app(auth, SCOPES.split())
    browser = signed_in(auth, person)
    answer = browser.submit(browser.authorize(app, scope=SCOPES), "/v1/oauth/authorize", decision="allow")
    return app, returned(answer)["code"], browser


def subject(answer: Any) -> dict[str, Any]:
    return claims_of(answer.json()["access_token"]) if answer.status_code == 200 else {}
