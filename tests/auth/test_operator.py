"""The operator's commands, as they are typed."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import psycopg
import pytest
from typer.testing import CliRunner

import services.auth
from services.auth.__main__ import cli
from shared.primitives import ids
from tests.auth.support import Auth, Browser, claims_of, redeem, register_web_app
from tests.support.waiting import wait_for

FOLDER = Path(services.auth.__file__ or "").parent


@dataclass
class Done:
    status: int
    text: str


def run(auth: Auth, *words: str) -> Done:
    fields = msgspec.structs.asdict(auth.settings)
    environment = {name.upper(): str(value) for name, value in fields.items() if value is not None}
    result = CliRunner().invoke(cli, words, env=environment)
    return Done(result.exit_code, result.output.strip() or str(result.exception or ""))


def operate(auth: Auth, *words: str) -> str:
    done = run(auth, *words)
    assert done.status == 0, done.text
    return done.text


def new_tenant(auth: Auth, name: str = "Coastal Rescue") -> str:
    return operate(auth, "tenant", "create", name)


def test_help_names_every_command(auth: Auth) -> None:
    text = operate(auth, "--help")
    assert all(word in text for word in ("tenant", "user", "scopes", "keys", "audit", "bootstrap"))
    for group in ("tenant", "user", "scopes", "keys"):
        assert "Usage" in operate(auth, group, "--help")


def test_a_tenant_is_made_listed_and_audited(auth: Auth) -> None:
    tenant_id = new_tenant(auth)
    assert f"{tenant_id}  active  production  Coastal Rescue" in operate(auth, "tenant", "list")
    assert "tenant.created" in operate(auth, "tenant", "audit", tenant_id)
    key = f"k{tenant_id[-8:]}"
    operate(auth, "tenant", "create", "Sandbox", "--key", key, "--sandbox")
    again = run(auth, "tenant", "create", "Sandbox", "--key", key)
    assert again.status != 0
    assert "already" in again.text


def test_a_tenant_is_opened_with_all_it_begins_with(auth: Auth) -> None:
    email = f"first-{ids.new_id('x')[-12:]}@riviera.example"
    printed = operate(auth, "tenant", "open", "Riviera Emergency Services", email)
    opened = dict(line.split(maxsplit=1) for line in printed.splitlines())
    token = auth.token(opened, scope="platform:apps").json()
    assert token["scope"] == "platform:apps"
    assert claims_of(token["access_token"])["tenant_id"] == opened["tenant"]
    assert opened["password"].startswith(auth.settings.issuer)
    assert f"active  {email}" in operate(auth, "user", "list", "--tenant", opened["tenant"])
    again = run(auth, "tenant", "open", "Riviera again", email)
    assert again.status != 0
    assert "already" in again.text
    assert "Riviera again" not in operate(auth, "tenant", "list")


def test_on_request_scopes_are_granted_and_withdrawn_from_apps_too(auth: Auth) -> None:
    tenant_id = auth.other["tenant_id"]
    assert "argus:telephony:write" in operate(auth, "scopes", "grant", tenant_id, "argus:telephony:write")
    stranger = auth.caller(tenant=auth.other)
    draft = {"name": "x", "grant_types": ["client_credentials"], "requested_scopes": ["argus:telephony:write"]}
    app = auth.call("POST", "/v1/platform/apps", stranger, json=draft).json()
    assert auth.token(app).json()["scope"] == "argus:telephony:write"
    assert operate(auth, "scopes", "withdraw", tenant_id, "argus:telephony:write") == ""
    assert auth.token(app, scope="argus:telephony:write").json()["error"] == "invalid_scope"
    assert app["client_id"] in auth.watermarks().text
    refused = run(auth, "scopes", "grant", tenant_id, "platform:apps")
    assert refused.status != 0


def test_a_suspended_tenants_apps_get_no_tokens_and_its_tokens_end(auth: Auth) -> None:
    app = auth.call(
        "POST",
        "/v1/platform/apps",
        auth.caller(tenant=auth.other),
        json={"name": "x", "grant_types": ["client_credentials"], "requested_scopes": ["webhooks:read"]},
    ).json()
    token = auth.token(app).json()["access_token"]
    operate(auth, "tenant", "suspend", auth.other["tenant_id"])
    try:
        assert auth.token(app).json()["error"] == "invalid_client"
        marks = {(mark["kind"], mark["id"]): mark["not_before_ms"] for mark in auth.watermarks().json()["watermarks"]}
        made = int(claims_of(token)["jti"].replace("-", "")[:12], 16)
        assert made < marks["tenant", auth.other["tenant_id"]]
        assert Browser(auth).sign_in(auth.other).status_code == 401
        assert run(auth, "tenant", "suspend", auth.other["tenant_id"]).status != 0
    finally:
        operate(auth, "tenant", "resume", auth.other["tenant_id"])
    assert auth.token(app).status_code == 200


def at_once(auth: Auth, ask: Callable[[], httpx2.Response], held_by: str, *command: str) -> httpx2.Response:
    """The answer to `ask`, which waits for the lock `held_by` while an operator's command begins."""
    with psycopg.connect(auth.settings.migration_database_url or "") as other, ThreadPoolExecutor(1) as threads:
        other.execute(held_by.encode())
        answer = threads.submit(ask)
        wait_for(lambda: auth.sql("SELECT 1 FROM pg_locks WHERE NOT granted"), what="it to wait")
        threading.Timer(0.5, other.rollback).start()
        operate(auth, *command)
        return answer.result()


def test_a_service_token_minted_while_its_tenant_is_suspended_ends_with_the_others(auth: Auth) -> None:
    tenant_id, admin = auth.other["tenant_id"], auth.caller(tenant=auth.other)
    draft = {"name": "x", "grant_types": ["client_credentials"], "requested_scopes": ["webhooks:read"]}
    app = auth.call("POST", "/v1/platform/apps", admin, json=draft).json()["client_id"]

    def mint() -> httpx2.Response:
        return auth.call("POST", f"/v1/platform/apps/{app}/service-token", admin, json={})

    held_by = f"SELECT FROM apps WHERE client_id = '{app}' FOR UPDATE"
    try:
        minted = at_once(auth, mint, held_by, "tenant", "suspend", tenant_id)
        made = int(claims_of(minted.json()["token"])["jti"].replace("-", "")[:12], 16)
        marks = {mark["id"]: mark["not_before_ms"] for mark in auth.watermarks().json()["watermarks"]}
        assert made < marks[tenant_id]
        assert mint().status_code == 409
    finally:
        operate(auth, "tenant", "resume", tenant_id)


def test_a_scope_withdrawn_while_an_app_is_made_is_withdrawn_from_it_too(auth: Auth) -> None:
    tenant_id, scope = auth.other["tenant_id"], "argus:telephony:read"
    operate(auth, "scopes", "grant", tenant_id, scope)
    draft = {"name": "x", "grant_types": ["client_credentials"], "requested_scopes": [scope]}

    def make() -> httpx2.Response:
        return auth.call("POST", "/v1/platform/apps", auth.caller(tenant=auth.other), json=draft)

    made = at_once(auth, make, "LOCK app_secrets IN SHARE MODE", "scopes", "withdraw", tenant_id, scope)
    assert auth.token(made.json(), scope=scope).json()["error"] == "invalid_scope"


def test_a_disabled_user_is_out_everywhere(auth: Auth) -> None:
    email = f"leaver{new_tenant(auth)[-8:]}@demo.example"
    link = operate(auth, "user", "create", email, "--tenant", auth.demo["tenant_id"])
    browser = Browser(auth)
    page = browser.get(link.removeprefix(auth.settings.issuer))
    password = {"password": "a long password indeed", "again": "a long password indeed"}
    browser.submit(page, "/v1/auth/password", **password)
    browser.sign_in({"email": email}, password=password["password"])
    app = register_web_app(auth)
    answer = browser.submit(browser.authorize(app), "/v1/oauth/authorize", decision="allow")
    code = dict(part.split("=") for part in answer.headers["location"].partition("?")[2].split("&"))["code"]
    token = redeem(auth, app, code).json()["access_token"]
    operate(auth, "user", "disable", email)
    assert browser.get("/v1/auth/sessions").status_code == 303
    assert ("grant", claims_of(token)["grant_id"]) in {
        (mark["kind"], mark["id"]) for mark in auth.watermarks().json()["watermarks"]
    }
    assert f"disabled  {email}" in operate(auth, "user", "list")
    operate(auth, "user", "enable", email)
    assert f"active  {email}  password" in operate(auth, "user", "list", "--tenant", auth.demo["tenant_id"])


@pytest.mark.parametrize(
    "words",
    [
        ("user", "create", "no-address", "--tenant", "org_x"),
        ("user", "create", "a@b.example", "--tenant", "org_x"),
        ("user", "disable", "nobody@nowhere.example"),
        ("user", "password-link", "nobody@nowhere.example"),
        ("scopes", "grant", "org_x", "argus:telephony:read"),
        ("tenant", "resume", "org_x"),
        ("keys", "rotate", "--distrust"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_not_a_trace(auth: Auth, words: tuple[str, ...]) -> None:
    done = run(auth, *words)
    assert done.status != 0
    assert "Traceback" not in done.text
    assert len(done.text.splitlines()) == 1


def test_keys_are_listed_and_rotated(auth: Auth) -> None:
    kid = operate(auth, "keys", "rotate")
    listed = operate(auth, "keys", "list")
    assert f"pending   {kid}" in listed
    assert f"keys.rotated  {kid}" in operate(auth, "tenant", "audit", "platform")
    assert "active" in listed
    wait_for(lambda: kid in auth.call("GET", "/.well-known/jwks.json").text)


def test_an_emergency_rotation_signs_at_once_and_distrust_withdraws_the_rest(auth: Auth) -> None:
    app: Any = auth.register()
    kid = operate(auth, "keys", "rotate", "--emergency", "--distrust")
    wait_for(lambda: [key["kid"] for key in auth.call("GET", "/.well-known/jwks.json").json()["keys"]] == [kid])
    token = auth.token(app).json()["access_token"]
    form = {"client_id": app["client_id"], "client_secret": app["client_secret"], "token": token}
    assert auth.form("/v1/oauth/introspect", form).json()["active"] is True


def test_a_first_party_apps_secret_that_leaked_is_replaced_at_once(auth: Auth) -> None:
    made = operate(auth, "first-party", "create", auth.demo["tenant_id"], "Crew's record", "argus:epcr:clinical")
    client_id, old = made.split()
    new = operate(auth, "first-party", "rotate-secret", client_id, "--overlap-seconds", "0")
    assert auth.token({"client_id": client_id, "client_secret": old}).json()["error"] == "invalid_client"
    assert auth.token({"client_id": client_id, "client_secret": new}).status_code == 200
    assert ("client", client_id) in {(mark["kind"], mark["id"]) for mark in auth.watermarks().json()["watermarks"]}
    assert f"app.secret_rotated  {client_id}" in operate(auth, "tenant", "audit", auth.demo["tenant_id"])
    stranger = run(auth, "first-party", "rotate-secret", auth.register()["client_id"])
    assert stranger.status != 0
    assert "no first-party app" in stranger.text


def test_a_first_party_apps_secrets_live_until_their_stated_ends(auth: Auth) -> None:
    """As the secrets of an organisation's own apps: five at most, and one more only where the oldest may end."""
    made = operate(auth, "first-party", "create", auth.demo["tenant_id"], "Crew's record", "argus:epcr:clinical")
    client_id, *secrets = made.split()
    rotate = ("first-party", "rotate-secret", client_id)
    for words in ((), ("--overlap-seconds", "3600"), (), ()):
        new, ends = operate(auth, *rotate, *words).split()
        wanted = datetime.now(UTC) + timedelta(seconds=3600 if words else 86_400)
        assert abs(datetime.fromisoformat(ends) - wanted) < timedelta(minutes=1)
        secrets.append(new)

    def statuses() -> list[int]:
        return [auth.token({"client_id": client_id, "client_secret": one}).status_code for one in secrets]

    assert statuses() == [200] * 5
    full = run(auth, *rotate)
    assert (full.status != 0, full.text.count("sec_"), "--force" in full.text) == (True, 4, True), full.text
    assert len(full.text.splitlines()) == 1
    secrets.append(operate(auth, *rotate, "--force").split()[0])
    assert statuses() == [401] + [200] * 5
    secrets.append(operate(auth, *rotate, "--overlap-seconds", "0"))
    assert statuses() == [401] * 6 + [200]


def test_the_control_plane_hears_of_every_change_of_a_tenant_in_order(auth: Auth) -> None:
    tenant_id = new_tenant(auth)
    operate(auth, "scopes", "grant", tenant_id, "argus:platform:read")
    operate(auth, "scopes", "grant-bundles", tenant_id, "acqi-reporting")
    operate(auth, "tenant", "suspend", tenant_id)
    operate(auth, "tenant", "resume", tenant_id)
    operate(auth, "scopes", "withdraw", tenant_id, "argus:platform:read")
    rows = auth.sql(
        "SELECT body FROM outbox WHERE tenant_id = %s AND consumer = 'control_plane' ORDER BY id", tenant_id
    )
    told = [(body["status"], body["granted_scopes"]) for (body,) in rows]
    granted = ["argus:platform:read"]
    assert told == [
        ("active", []),
        ("active", granted),
        ("active", granted),
        ("suspended", granted),
        ("active", granted),
        ("active", []),
    ]
    versions = [body["version"] for (body,) in rows]
    assert versions == sorted(set(versions))
