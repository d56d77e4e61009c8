"""What a new installation begins with: tenants that share nothing."""

import asyncio
from typing import Any

import msgspec
import psycopg
import pytest

from services.auth.settings import Settings
from services.auth.tenants.bootstrap import BootstrapRequest, bootstrap
from services.auth.tenants.first_party import create_app
from services.auth.tenants.operations import OperationRefused, create_tenant, grant_bundles, grant_scopes, operating
from shared.primitives.crypto import base64url_encode
from shared.primitives.ids import new_id
from shared.process.settings import required
from shared.web.identity import SigningKey
from tests.auth.support import claims_of
from tests.conftest import FreshDatabase

KEY = base64url_encode(b"k" * 32)


def tenant(key: str, email: str) -> dict[str, Any]:
    admin = {
        "email": email,
        "password": f"password of {key}",
        "client_secret": f"secret of {key} ".ljust(32, "x"),
        "scopes": ["platform:apps"],
    }
    return {"key": key, "name": key, "scopes": [], "bundles": [], "admin": admin}


@pytest.fixture
def settings(fresh_database: FreshDatabase, redis_url: str) -> Settings:
    database = fresh_database("auth")
    return Settings(
        database_url=database.app,
        worker_database_url=database.worker,
        redis_url=redis_url,
        identity_public_keys=SigningKey(f"k:{KEY}").public_text(),
        encryption_keys=f"1:{KEY}",
        issuer="https://auth.knogin.com",
        api_base_url="https://api.knogin.com",
    )


def run(settings: Settings, *tenants: dict[str, Any]) -> dict[str, Any]:
    wanted = msgspec.convert({"tenants": list(tenants)}, BootstrapRequest)
    return asyncio.run(bootstrap(settings, wanted))


def test_each_tenant_gets_an_administrator_of_its_own(settings: Settings) -> None:
    made = run(settings, tenant("one", "a@one.example"), tenant("two", "a@two.example"))
    for field in ("tenant_id", "client_id", "access_token"):
        assert made["one"][field] != made["two"][field]


def test_a_second_run_finds_what_the_first_made(settings: Settings) -> None:
    first = run(settings, tenant("one", "a@one.example"), tenant("two", "a@two.example"))
    second = run(settings, tenant("one", "a@one.example"), tenant("two", "a@two.example"))
    for key in ("one", "two"):
        assert second[key]["client_id"] == first[key]["client_id"]
        assert second[key]["tenant_id"] == first[key]["tenant_id"]


def test_a_second_run_takes_nothing_that_was_granted_since(settings: Settings) -> None:
    tenant_id = run(settings, tenant("one", "a@one.example"))["one"]["tenant_id"]
    with operating(settings) as conn:
        grant_scopes(conn, tenant_id, ["argus:telephony:read"])
        grant_bundles(conn, tenant_id, ["acqi-reporting"])
    again = tenant("one", "a@one.example") | {"scopes": ["argus:platform:read"]}
    run(settings, again)
    with psycopg.connect(required(settings.worker_database_url, "")) as conn:
        row = conn.execute("SELECT granted_scopes, graphql_bundles FROM tenants WHERE tenant_id = %s", (tenant_id,))
        assert row.fetchone() == (["argus:platform:read", "argus:telephony:read"], ["acqi-reporting"])


def test_the_token_of_a_sandbox_that_is_found_says_so(settings: Settings) -> None:
    with operating(settings) as conn:
        create_tenant(conn, "One", "one", "sandbox")
    assert claims_of(run(settings, tenant("one", "a@one.example"))["one"]["access_token"])["environment"] == "sandbox"


def live_macs(settings: Settings, client_id: str) -> list[Any]:
    with psycopg.connect(required(settings.worker_database_url, "")) as conn:
        live = "SELECT mac FROM app_secrets WHERE client_id = %s AND (expires_at IS NULL OR expires_at > now())"
        return conn.execute(live, (client_id,)).fetchall()


def test_another_secret_retires_the_one_before_and_its_tokens(settings: Settings) -> None:
    wanted = tenant("one", "a@one.example")
    first = run(settings, wanted)["one"]
    before = live_macs(settings, first["client_id"])
    wanted["admin"]["client_secret"] = "y" * 32
    second = run(settings, wanted)["one"]
    after = live_macs(settings, first["client_id"])
    assert len(before) == len(after) == 1
    assert before != after
    with psycopg.connect(required(settings.worker_database_url, "")) as conn:
        marks = conn.execute("SELECT not_before_ms FROM watermarks WHERE id = %s", (first["client_id"],)).fetchall()
    made = [int(claims_of(run_of["access_token"])["jti"].replace("-", "")[:12], 16) for run_of in (first, second)]
    assert made[0] < marks[0][0] <= made[1]
    run(settings, wanted)
    assert live_macs(settings, first["client_id"]) == after


def test_a_run_is_a_line_in_the_tenants_trail(settings: Settings) -> None:
    wanted = tenant("one", "a@one.example")
    made = run(settings, wanted)["one"]
    wanted["admin"]["client_secret"] = "y" * 32
    run(settings, wanted)
    with psycopg.connect(required(settings.worker_database_url, "")) as conn:
        lines = conn.execute(
            "SELECT action, client_id FROM audit WHERE tenant_id = %s", (made["tenant_id"],)
        ).fetchall()
    assert lines.count(("tenant.bootstrapped", "operator")) == 2
    assert lines.count(("app.secret_rotated", "operator")) == 1


def test_a_user_of_another_tenant_is_not_taken_over(settings: Settings) -> None:
    run(settings, tenant("one", "a@one.example"))
    with pytest.raises(SystemExit, match="belongs to another tenant"):
        run(settings, tenant("two", "a@one.example"))


def test_an_operator_makes_an_app_with_a_first_party_scope(settings: Settings) -> None:
    tenant_id = run(settings, tenant("one", "a@one.example"))["one"]["tenant_id"]
    client_id, secret = asyncio.run(create_app(settings, tenant_id, "Crew's record", ["argus:epcr:clinical"]))
    with psycopg.connect(required(settings.worker_database_url, "")) as conn:
        row = conn.execute(
            "SELECT tenant_id, first_party, requested_scopes FROM apps WHERE client_id = %s", (client_id,)
        )
        assert row.fetchone() == (tenant_id, True, ["argus:epcr:clinical"])
    assert secret.startswith("kns_")


def test_an_operator_cannot_make_an_app_for_nobody_or_with_a_scope_that_is_not_there(settings: Settings) -> None:
    tenant_id = run(settings, tenant("one", "a@one.example"))["one"]["tenant_id"]
    with pytest.raises(OperationRefused, match="no tenant"):
        asyncio.run(create_app(settings, new_id("org"), "x", ["argus:epcr:clinical"]))
    with pytest.raises(OperationRefused, match="no scope"):
        asyncio.run(create_app(settings, tenant_id, "x", ["argus:everything"]))
