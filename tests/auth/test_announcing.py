"""What consumers keep of apps and tenants can be announced again, whatever version they or auth believe it has."""

import time
from typing import Any, Union

import msgspec
import pytest

from services.auth.tenants import announcing
from shared.messaging import authenticity
from shared.messaging.authenticity import Envelope
from shared.messaging.messages import MESSAGES, TIMED, name_of
from shared.primitives.ids import uuid7
from tests.auth.support import Auth
from tests.auth.test_operator import operate, run

YEAR = 365 * 24 * 3600 * 1000
SERVICES = ["control_plane", "epcr", "graphql_api", "webhook_dispatcher"]
TOLD = "SELECT consumer, tenant_id, body, acknowledged_at FROM outbox WHERE body ->> %s = %s ORDER BY id"


def now() -> int:
    return int(time.time() * 1000)


def newest(auth: Auth, name: str, value: str) -> dict[str, Any]:
    """The last thing told each service."""
    return {consumer: body for consumer, _, body, _ in auth.sql(TOLD, name, value)}


def version(auth: Auth, client_id: str) -> int:
    return auth.sql("SELECT version FROM apps WHERE client_id = %s", client_id)[0][0]


def test_an_app_is_announced_to_every_service_that_follows_apps(auth: Auth) -> None:
    app = auth.register()["client_id"]
    before = version(auth, app)
    assert operate(auth, "apps", "announce", "--client-id", app, "--yes").splitlines()[0] == "0 tenants and 1 apps"
    told = newest(auth, "client_id", app)
    assert sorted(told) == SERVICES
    assert {body["version"] for body in told.values()} == {version(auth, app)}
    assert before < version(auth, app) <= now() + 1000
    assert "states.announced" in operate(auth, "tenant", "audit", auth.demo["tenant_id"])


def test_without_yes_nothing_is_announced(auth: Auth) -> None:
    app = auth.register()["client_id"]
    before = version(auth, app), len(auth.sql(TOLD, "client_id", app))
    assert operate(auth, "apps", "announce", "--client-id", app) == "0 tenants and 1 apps; --yes announces them"
    assert (version(auth, app), len(auth.sql(TOLD, "client_id", app))) == before


@pytest.mark.parametrize(
    "words", [[], ["--all", "--client-id", "app_1"], ["--tenant", "org_1", "--client-id", "app_1"]]
)
def test_what_to_announce_is_named_in_one_way(auth: Auth, words: list[str]) -> None:
    done = run(auth, "apps", "announce", *words)
    assert done.status != 0
    assert "--client-id, or tenants with --tenant, or --all" in done.text


@pytest.mark.parametrize(("option", "id"), [("--client-id", "app_none"), ("--tenant", "org_none")])
def test_what_nobody_has_is_not_announced(auth: Auth, option: str, id: str) -> None:
    done = run(auth, "apps", "announce", option, id, "--yes")
    assert done.status != 0
    assert f"nobody has {id}" in done.text


def test_everything_is_announced_in_portions_deleted_apps_too(auth: Auth, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcing, "PORTION", 2)
    apps = [auth.register()["client_id"] for _ in range(5)]
    auth.admin("DELETE", f"/v1/platform/apps/{apps[0]}")
    auth.sql("UPDATE outbox SET acknowledged_at = now()")
    text = operate(auth, "apps", "announce", "--all", "--yes", "--per-second", "100000")
    assert len(text.splitlines()) > 4
    every = {client_id for (client_id,) in auth.sql("SELECT client_id FROM apps")}
    waiting = auth.sql("SELECT consumer, body ->> 'client_id' FROM outbox WHERE acknowledged_at IS NULL")
    for consumer in SERVICES:
        assert {client_id for one, client_id in waiting if one == consumer and client_id} == every
    assert newest(auth, "client_id", apps[0])["epcr"]["status"] == "deleted"
    tenants = {tenant_id for (tenant_id,) in auth.sql("SELECT tenant_id FROM tenants")}
    told = auth.sql(
        "SELECT body ->> 'tenant_id' FROM outbox WHERE acknowledged_at IS NULL AND name LIKE '%%tenant_ch%%'"
    )
    assert {tenant_id for (tenant_id,) in told} == tenants


def test_a_tenant_is_announced_with_its_apps_and_no_other(auth: Auth) -> None:
    mine = auth.register()["client_id"]
    draft = {"name": "x", "grant_types": ["client_credentials"], "requested_scopes": ["webhooks:read"]}
    strange = auth.call("POST", "/v1/platform/apps", auth.caller(tenant=auth.other), json=draft).json()["client_id"]
    before = version(auth, mine), version(auth, strange)
    operate(auth, "apps", "announce", "--tenant", auth.other["tenant_id"], "--yes")
    assert version(auth, mine) == before[0]
    assert version(auth, strange) > before[1]
    assert newest(auth, "tenant_id", auth.other["tenant_id"])["control_plane"]["version"] >= before[1]


def test_a_version_that_auth_itself_has_too_far_ahead_comes_back(auth: Auth) -> None:
    """A clock that was wrong for a minute: no consumer would take a change of this app for a year."""
    app, other = auth.register()["client_id"], auth.register()["client_id"]
    for one in (app, other):
        auth.sql("UPDATE apps SET version = %s WHERE client_id = %s", now() + YEAR, one)
        auth.admin("PATCH", f"/v1/platform/apps/{one}", json={"name": "renamed"})
    operate(auth, "apps", "announce", "--client-id", app, "--yes")
    assert abs(version(auth, app) - now()) < 60_000
    waiting = [body["version"] for _, _, body, acknowledged in auth.sql(TOLD, "client_id", app) if not acknowledged]
    assert max(waiting) < now() + 60_000, "would overwrite what was announced once its time comes"
    left = [body["version"] for _, _, body, _ in auth.sql(TOLD, "client_id", other)]
    assert max(left) > now() + YEAR - 60_000, "belongs to an app that was not announced"


def accepted(rows: list[Any]) -> set[str]:
    """The names of those messages; each must be one that its consumer takes and whose body it can read."""
    for tenant_id, consumer, body, at in rows:
        envelope = Envelope(uuid7(), tenant_id, at, None, msgspec.Raw(body.encode()))
        assert authenticity.objection("auth", consumer, envelope) is None, body
        msgspec.json.decode(body, type=Union[MESSAGES])  # noqa: UP007
    return {msgspec.json.decode(body)["name"] for _, _, body, _ in rows}


WAITING = "SELECT tenant_id, consumer, body::text, created_at FROM outbox WHERE acknowledged_at IS NULL"


def test_every_announcement_is_one_that_its_consumer_takes(auth: Auth) -> None:
    auth.register()
    operate(auth, "apps", "announce", "--all", "--yes", "--per-second", "100000")
    assert accepted(auth.sql(WAITING)) >= {name_of(kind) for kind in TIMED}


def test_apps_from_which_a_scope_was_taken_are_announced(auth: Auth) -> None:
    tenant_id, scope = auth.other["tenant_id"], "argus:telephony:read"
    operate(auth, "scopes", "grant", tenant_id, scope)
    draft = {"name": "x", "grant_types": ["client_credentials"], "requested_scopes": [scope]}
    app = auth.call("POST", "/v1/platform/apps", auth.caller(tenant=auth.other), json=draft).json()["client_id"]
    before = newest(auth, "client_id", app)["control_plane"]
    operate(auth, "scopes", "withdraw", tenant_id, scope)
    after = newest(auth, "client_id", app)["control_plane"]
    assert (before["requested_scopes"], after["requested_scopes"]) == ([scope], [])
    assert after["version"] > before["version"]
