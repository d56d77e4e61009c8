"""Registering, reading and changing apps, as a tenant's admin."""

import re
from typing import Any

import pytest

from tests.auth.support import Auth

APPS = "/v1/platform/apps"


def test_a_new_app_gets_its_secret_once_and_never_again(auth: Auth) -> None:
    answer = auth.admin(
        "POST",
        APPS,
        json={
            "name": "Case sync connector",
            "grant_types": ["client_credentials"],
            "redirect_uris": [],
            "requested_scopes": ["webhooks:write"],
        },
    )
    assert answer.status_code == 201
    app = answer.json()
    assert answer.headers["location"] == f"{APPS}/{app['client_id']}"
    assert re.fullmatch("kns_[A-Za-z0-9_-]{43}[0-9a-z]{7}", app["client_secret"])
    assert app["grant_types"] == ["client_credentials"]
    assert app["requested_scopes"] == ["webhooks:write"]
    assert app["tenant_id"] == auth.demo["tenant_id"]
    read = auth.admin("GET", answer.headers["location"])
    assert read.status_code == 200
    assert app["client_secret"] not in read.text
    assert read.json()["governance"]["allow_service_tokens"] is True
    assert [secret["expires_at"] for secret in read.json()["secrets"]] == [None]


def test_a_secret_is_stored_as_a_mac_alone(auth: Auth) -> None:
    app = auth.register()
    (mac,) = auth.sql("SELECT mac FROM app_secrets WHERE client_id = %s", app["client_id"])[0]
    assert len(mac) == 32
    assert app["client_secret"].encode() not in mac


def test_public_apps_and_those_with_keys_have_no_secret(auth: Auth) -> None:
    callback = {"redirect_uris": ["https://integrator.example/callback"], "grant_types": ["authorization_code"]}
    public = auth.register(token_endpoint_auth_method="none", **callback)
    assert "client_secret" not in public
    assert auth.admin("POST", f"{APPS}/{public['client_id']}/rotate-secret").status_code == 409


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"requested_scopes": ["argus:epcr:clinical"]}, "/requested_scopes/0"),
        ({"requested_scopes": ["webhooks:read", "platform:apps"]}, "/requested_scopes/1"),
        ({"requested_scopes": ["argus:platform:write"]}, "/requested_scopes/0"),
        ({"requested_scopes": ["webhooks:read", "webhooks:read"]}, "/requested_scopes"),
        ({"grant_types": ["authorization_code"]}, "/redirect_uris"),
        ({"grant_types": ["client_credentials", "refresh_token"]}, "/grant_types"),
        ({"grant_types": ["password"]}, "/grant_types/0"),
        ({"grant_types": []}, "/grant_types"),
        ({"token_endpoint_auth_method": "none"}, "/grant_types"),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "/jwks"),
        ({"jwks": {"keys": []}}, "/jwks"),
        ({"redirect_uris": ["http://integrator.example/cb"]}, "/redirect_uris/0"),
        ({"redirect_uris": ["https://integrator.example/cb#x"]}, "/redirect_uris/0"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "/redirect_uris/0"),
        ({"name": ""}, "/name"),
        ({"name": "   "}, "/name"),
        ({"name": "Bank\u202egnp.exe"}, "/name"),
        ({"name": "two\nlines"}, "/name"),
        ({"colour": "red"}, "/colour"),
        ({"approved_events": ["epcr.*", "nothing.*"]}, "/approved_events/1"),
        ({"approved_events": ["epcr.*", "epcr.*"]}, "/approved_events"),
        ({"graphql_bundles": ["unknown"]}, "/graphql_bundles/0"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(auth: Auth, change: dict[str, Any], pointer: str) -> None:
    draft = {"name": "x", "grant_types": ["client_credentials"], "requested_scopes": []} | change
    answer = auth.admin("POST", APPS, json=draft)
    assert answer.status_code == 422, answer.text
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]


def test_a_new_app_has_the_events_that_are_approved_with_it_or_those_of_incidents(auth: Auth) -> None:
    faults = list[str]()
    for named, wanted in (
        ({}, ["incident.*"]),
        ({"approved_events": []}, []),
        ({"approved_events": ["device.*"]}, ["device.*"]),
    ):
        app = auth.register(**named)
        told = auth.sql(
            "SELECT body->'approved_events' FROM outbox WHERE body->>'client_id' = %s AND consumer = 'webhook_dispatcher'",
            app["client_id"],
        )
        if (app["governance"]["approved_events"], told) != (wanted, [(wanted,)]):
            faults.append(f"{named}: {app['governance']} {told}")
    assert not faults, "\n".join(faults)


def test_on_request_scopes_appear_in_the_catalogue_once_granted(auth: Auth) -> None:
    ours = auth.admin("GET", "/v1/platform/scopes").json()["scopes"]
    theirs = auth.call("GET", "/v1/platform/scopes", auth.caller(["webhooks:read"], auth.other)).json()["scopes"]
    assert {scope["name"] for scope in ours} - {scope["name"] for scope in theirs} == {"argus:telephony:read"}
    assert "platform:apps" not in {scope["name"] for scope in ours}
    assert all(scope["description"] for scope in ours)


def test_without_a_token_401_and_without_the_scope_403(auth: Auth) -> None:
    assert auth.call("GET", "/v1/platform/scopes").status_code == 401
    assert auth.call("GET", APPS).status_code == 401
    refused = auth.call("GET", APPS, auth.caller(["webhooks:write"]))
    assert refused.status_code == 403
    assert refused.json()["scope"] == "platform:apps"


def test_another_tenants_app_is_not_there(auth: Auth) -> None:
    app = auth.register()
    stranger = auth.caller(tenant=auth.other)
    path = f"{APPS}/{app['client_id']}"
    for method, where, body in [
        ("GET", path, None),
        ("PATCH", path, {"name": "mine"}),
        ("DELETE", path, None),
        ("POST", f"{path}/disable", None),
        ("PATCH", f"{path}/governance", {"enforce_pkce": False}),
        ("POST", f"{path}/rotate-secret", None),
        ("POST", f"{path}/service-token", {"scopes": ["webhooks:write"]}),
        ("GET", f"{path}/service-tokens", None),
        ("GET", f"{path}/events", None),
    ]:
        answer = auth.call(method, where, stranger, json=body) if body else auth.call(method, where, stranger)
        assert answer.status_code == 404, (method, where)
    assert app["client_id"] not in auth.call("GET", APPS, stranger).text
    assert auth.admin("GET", path).json()["name"] == "Case sync"


@pytest.mark.parametrize("client_id", ["app_123", "app_" + "0" * 26, "usr_" + "0" * 26, "app_%00", "%ff", "a" * 500])
def test_an_id_that_is_not_one_of_ours_is_404(auth: Auth, client_id: str) -> None:
    assert auth.admin("GET", f"{APPS}/{client_id}").status_code == 404


def test_a_token_cannot_change_the_app_it_was_issued_to_nor_any_first_party_app(auth: Auth) -> None:
    own = f"{APPS}/{auth.demo['client_id']}"
    attempts = [("PATCH", own, {"requested_scopes": []}), ("DELETE", own, None), ("POST", f"{own}/service-token", {})]
    for caller in (auth.caller(), auth.caller(client_id="app_" + "0" * 26)):
        for method, path, body in attempts:
            answer = auth.call(method, path, caller, json=body) if body is not None else auth.call(method, path, caller)
            assert answer.status_code == 403, (method, path)
    app = auth.register()
    answer = auth.admin("PATCH", f"{APPS}/{app['client_id']}", json={"requested_scopes": ["platform:apps"]})
    assert answer.status_code == 422


def test_only_named_fields_change(auth: Auth) -> None:
    app = auth.register(["webhooks:write", "argus:epcr:read"])
    changed = auth.admin("PATCH", f"{APPS}/{app['client_id']}", json={"name": "Renamed"}).json()
    assert changed["name"] == "Renamed"
    assert changed["requested_scopes"] == ["webhooks:write", "argus:epcr:read"]


def test_withdrawing_a_scope_ends_the_tokens_that_may_carry_it(auth: Auth) -> None:
    app = auth.register(["webhooks:write", "argus:epcr:read"])
    before = auth.watermarks().json()["sequence"]
    auth.admin("PATCH", f"{APPS}/{app['client_id']}", json={"requested_scopes": ["webhooks:write"]})
    after = auth.watermarks().json()
    assert after["sequence"] > before
    assert ("client", app["client_id"]) in {(mark["kind"], mark["id"]) for mark in after["watermarks"]}
    assert auth.token(app, scope="argus:epcr:read").json()["error"] == "invalid_scope"


def test_a_deleted_app_is_gone_and_gets_no_tokens(auth: Auth) -> None:
    app = auth.register()
    assert auth.admin("DELETE", f"{APPS}/{app['client_id']}").status_code == 204
    assert auth.admin("GET", f"{APPS}/{app['client_id']}").status_code == 404
    assert auth.token(app).status_code == 401
    assert auth.sql("SELECT 1 FROM app_secrets WHERE client_id = %s", app["client_id"]) == []


def test_a_disabled_app_gets_no_tokens_until_it_is_enabled_again(auth: Auth) -> None:
    app = auth.register()
    path = f"{APPS}/{app['client_id']}"
    assert auth.admin("POST", f"{path}/disable").json()["status"] == "disabled"
    assert auth.token(app).json()["error"] == "invalid_client"
    assert auth.admin("POST", f"{path}/service-token").status_code == 409
    assert auth.admin("POST", f"{path}/enable").json()["status"] == "active"
    assert auth.token(app).status_code == 200


def test_apps_are_listed_newest_first_page_by_page(auth: Auth) -> None:
    made = [auth.register()["client_id"] for _ in range(3)]
    seen: list[str] = []
    path = f"{APPS}?limit=2"
    for _ in range(2):
        answer = auth.admin("GET", path)
        seen += [app["client_id"] for app in answer.json()["apps"]]
        path = answer.headers["link"].partition(">")[0].removeprefix("<")
    assert seen[:3] == made[::-1]


def test_the_same_idempotency_key_registers_one_app(auth: Auth) -> None:
    draft = {"name": "Once", "grant_types": ["client_credentials"]}
    headers = {"idempotency-key": "register-once"}
    first = auth.admin("POST", APPS, json=draft, headers=headers)
    again = auth.admin("POST", APPS, json=draft, headers=headers)
    other = auth.admin("POST", APPS, json=draft | {"name": "Twice"}, headers=headers)
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
    assert again.json() == first.json()
    (answer,) = auth.sql("SELECT answer FROM idempotency_keys WHERE client_id = %s", auth.demo["client_id"])[0]
    assert first.json()["client_secret"].encode() not in answer


MOVED = {"deidentification": "shifted", "approved_events": []}


def test_every_change_is_told_to_the_services_that_follow_apps(auth: Auth) -> None:
    app = auth.register()
    auth.admin("PATCH", f"{APPS}/{app['client_id']}/governance", json=MOVED)
    rows = auth.sql("SELECT name, body FROM outbox WHERE body->>'client_id' = %s ORDER BY id", app["client_id"])
    names = [name for name, _ in rows]
    consumers = ("webhook_dispatcher", "graphql_api", "epcr", "control_plane")
    assert set(names) == {f"{consumer}.app_changed.v1" for consumer in consumers}
    assert len(names) == 8
    clinical = [body for name, body in rows if name == "epcr.app_changed.v1"]
    assert [body["deidentification"] for body in clinical] == ["exact", "shifted"]
    assert clinical[0]["version"] < clinical[1]["version"]
    assert clinical[0]["pseudonym_domain"] == app["client_id"]


def test_every_change_stands_in_the_audit_trail(auth: Auth) -> None:
    app = auth.register()
    auth.admin("POST", f"{APPS}/{app['client_id']}/rotate-secret")
    auth.admin("DELETE", f"{APPS}/{app['client_id']}")
    rows = auth.sql("SELECT action FROM audit WHERE subject_id = %s ORDER BY id", app["client_id"])
    assert [action for (action,) in rows] == ["app.created", "app.secret_rotated", "app.deleted"]


def test_a_wrong_method_is_405_and_names_every_right_one(auth: Auth) -> None:
    answer = auth.admin("PUT", APPS)
    assert answer.status_code == 405
    assert {"GET", "POST"} <= set(answer.headers["allow"].split(", "))
