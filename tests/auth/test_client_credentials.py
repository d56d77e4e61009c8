"""The token endpoint for machines (RFC 6749 §4.4, RFC 9068)."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import jwt
import pytest
from jwt import PyJWKSet

from tests.auth.support import API, ISSUER, Auth, basic, claims_of, header_of
from tests.support.waiting import wait_for


def test_a_token_says_all_that_rfc_9068_wants_and_verifies_with_the_jwks(auth: Auth) -> None:
    app = auth.register(["webhooks:write", "argus:epcr:read"])
    answer = auth.token(app, scope="webhooks:write")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 3600, "webhooks:write")
    assert set(body) == {"access_token", "token_type", "expires_in", "scope"}
    header = header_of(body["access_token"])
    assert (header["typ"], header["alg"]) == ("at+jwt", "RS256")
    keys = PyJWKSet.from_dict(auth.call("GET", "/.well-known/jwks.json").json())
    claims = jwt.decode(body["access_token"], keys[header["kid"]].key, ["RS256"], audience=API, issuer=ISSUER)
    assert claims["sub"] == claims["client_id"] == app["client_id"]
    assert claims["tenant_id"] == auth.demo["tenant_id"]
    assert claims["aud"] == [ISSUER, API]
    assert claims["token_use"] == "access"
    assert claims["environment"] == "production"
    assert claims["exp"] - claims["iat"] == 3600
    assert abs(claims["iat"] - datetime.now(UTC).timestamp()) < 60
    assert UUID(claims["jti"]).version == 7
    assert claims["grant_id"]


def test_without_a_scope_the_token_carries_all_that_is_approved_but_offline_access(auth: Auth) -> None:
    app = auth.register(["webhooks:write", "offline_access"])
    assert auth.token(app).json()["scope"] == "webhooks:write"


def test_write_includes_read(auth: Auth) -> None:
    app = auth.register(["webhooks:write"])
    assert auth.token(app, scope="webhooks:read").json()["scope"] == "webhooks:read"


@pytest.mark.parametrize(
    "scope", ["argus:epcr:read", "webhooks:write argus:epcr:read", "offline_access", " ", "webhooks:write  x", "é", '"']
)
def test_asking_for_more_than_is_approved_is_invalid_scope(auth: Auth, scope: str) -> None:
    app = auth.register(["webhooks:write", "offline_access"])
    answer = auth.token(app, scope=scope)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize(
    ("resource", "audience"), [(API, [API]), (f"{ISSUER}/", [ISSUER]), ([ISSUER, API], [ISSUER, API])]
)
def test_a_resource_narrows_the_audience(auth: Auth, resource: Any, audience: list[str]) -> None:
    app = auth.register()
    assert claims_of(auth.token(app, resource=resource).json()["access_token"])["aud"] == audience


def test_another_resource_is_invalid_target(auth: Auth) -> None:
    assert auth.token(auth.register(), resource="https://evil.example").json()["error"] == "invalid_target"


def test_basic_and_post_both_work_for_an_app_with_a_secret(auth: Auth) -> None:
    app = auth.register()
    headers = basic(app["client_id"], app["client_secret"])
    assert auth.form("/v1/oauth/token", {"grant_type": "client_credentials"}, headers=headers).status_code == 200
    assert auth.token(app).status_code == 200


def test_a_grant_the_app_was_not_registered_for_is_refused(auth: Auth) -> None:
    app = auth.register(grant_types=["authorization_code"], redirect_uris=["https://a.example/cb"])
    assert auth.token(app).json()["error"] == "unauthorized_client"


def test_issuing_writes_no_row_per_token(auth: Auth) -> None:
    app = auth.register()
    for _ in range(50):
        assert auth.token(app).status_code == 200
    counted = "SELECT sum(count) FROM daily_counts WHERE client_id = %s AND kind = 'token'"
    wait_for(lambda: auth.sql(counted, app["client_id"]) == [(50,)])
    tables = (
        "SELECT table_name FROM information_schema.columns WHERE column_name = 'client_id' AND table_schema = 'public'"
    )
    rows = {
        table: auth.sql(f"SELECT count(*) FROM {table} WHERE client_id = %s", app["client_id"])[0][0]
        for (table,) in auth.sql(tables)
    }
    assert {table: number for table, number in rows.items() if number} == {
        "apps": 1,
        "app_secrets": 1,
        "app_decisions": 2,  # who chose its scope and its events
        "daily_counts": 2,  # of tokens, and of the scope that they have
    }
