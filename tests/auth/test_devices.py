"""Devices without a browser (RFC 8628), from the side of the device, of the person and of the administrator."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from services.auth.apps.rules import DEVICE_CODE
from services.auth.oauth import devices
from tests.auth.device_support import (
    SCOPES,
    allowed,
    answered,
    begin,
    begun,
    error_of,
    poll,
    register_device_app,
    typed,
    waited,
)
from tests.auth.support import ISSUER, PASSWORD, Auth, Browser, basic, claims_of
from tests.support.waiting import wait_for


def test_a_device_begins_waits_and_gets_its_tokens_once_it_is_allowed(auth: Auth) -> None:
    app = register_device_app(auth)
    answer = begin(auth, app)
    assert answer.headers["cache-control"] == "no-store"
    device = answer.json()
    assert re.fullmatch("[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", device["user_code"])
    assert device["verification_uri"] == f"{ISSUER}/device"
    assert device["verification_uri_complete"] == f"{ISSUER}/device?user_code={device['user_code']}"
    assert (device["expires_in"], device["interval"]) == (600, 5)
    waiting = poll(auth, app, device["device_code"])
    assert (waiting.status_code, error_of(waiting)) == (400, "authorization_pending")
    browser = Browser(auth)
    browser.sign_in()
    page = typed(browser, device["user_code"].lower().replace("-", " "))
    assert "Allow Command line?" in page.text
    assert "make and change its own webhooks" in page.text
    done = browser.submit(page, "/device", decision="allow")
    assert "The device is connected" in done.text
    tokens = poll(auth, app, device["device_code"])
    assert tokens.status_code == 200, tokens.text
    body = tokens.json()
    assert set(body["scope"].split()) == set(SCOPES)
    claims = claims_of(body["access_token"])
    assert claims["sub"].startswith("usr_")
    assert claims["client_id"] == app["client_id"]
    refreshed = auth.token(app, grant_type="refresh_token", refresh_token=body["refresh_token"])
    assert refreshed.status_code == 200
    assert claims_of(refreshed.json()["access_token"])["grant_id"] == claims["grant_id"]
    assert auth.sql("SELECT count(*) FROM device_codes WHERE client_id = %s", app["client_id"]) == [(0,)]


def test_the_way_through_sign_in_keeps_the_code_of_the_link(auth: Auth) -> None:
    app = register_device_app(auth)
    device = begun(auth, app)
    browser = Browser(auth)
    link = urlsplit(device["verification_uri_complete"])
    to_sign_in = browser.get(f"{link.path}?{link.query}")
    assert to_sign_in.status_code == 303
    page = browser.get(to_sign_in.headers["location"])
    back = browser.submit(page, "/v1/auth/sign-in", email=auth.demo["email"], password=PASSWORD)
    assert parse_qs(urlsplit(back.headers["location"]).query) == {"user_code": [device["user_code"]]}
    form = browser.get(back.headers["location"])
    assert f'value="{device["user_code"]}"' in form.text
    assert "Is this the code" in form.text
    assert "Allow Command line?" not in form.text


def test_a_denied_device_is_refused_and_stays_so(auth: Auth) -> None:
    app = register_device_app(auth)
    device = begun(auth, app)
    browser = Browser(auth)
    browser.sign_in()
    assert "not connected" in answered(browser, device["user_code"], "deny").text
    assert error_of(poll(auth, app, device["device_code"])) == "access_denied"
    waited(auth, app)
    assert error_of(poll(auth, app, device["device_code"])) == "access_denied"
    assert typed(browser, device["user_code"]).status_code == 400
    assert auth.sql("SELECT count(*) FROM grants WHERE client_id = %s", app["client_id"]) == [(0,)]


def test_a_device_that_asks_too_often_waits_longer_each_time(auth: Auth) -> None:
    app = register_device_app(auth)
    device = begun(auth, app)
    polled = [error_of(poll(auth, app, device["device_code"])) for _ in range(3)]
    assert polled == ["authorization_pending", "slow_down", "slow_down"]
    waits = "SELECT wait_seconds FROM device_codes WHERE client_id = %s"
    assert auth.sql(waits, app["client_id"]) == [(15,)]
    waited(auth, app)
    assert error_of(poll(auth, app, device["device_code"])) == "authorization_pending"
    assert auth.sql(waits, app["client_id"]) == [(15,)]
    for _ in range(15):
        poll(auth, app, device["device_code"])
    assert auth.sql(waits, app["client_id"]) == [(devices.LONGEST_WAIT,)]


def test_an_allowed_device_gets_its_tokens_however_soon_it_asks(auth: Auth) -> None:
    app = register_device_app(auth)
    device = begun(auth, app)
    for _ in range(3):
        poll(auth, app, device["device_code"])
    browser = Browser(auth)
    browser.sign_in()
    answered(browser, device["user_code"])
    assert poll(auth, app, device["device_code"]).status_code == 200


def test_codes_expire(auth: Auth) -> None:
    app = register_device_app(auth)
    device = begun(auth, app)
    auth.sql("UPDATE device_codes SET expires_at = now() WHERE client_id = %s", app["client_id"])
    assert error_of(poll(auth, app, device["device_code"])) == "expired_token"
    browser = Browser(auth)
    browser.sign_in()
    page = typed(browser, device["user_code"])
    assert page.status_code == 400
    assert "no such code" in page.text


def test_a_device_allowed_at_the_last_moment_still_gets_its_tokens(auth: Auth) -> None:
    app = register_device_app(auth)
    device = begun(auth, app)
    browser = Browser(auth)
    browser.sign_in()
    page = typed(browser, device["user_code"])
    auth.sql("UPDATE device_codes SET expires_at = now() + interval '2 s' WHERE client_id = %s", app["client_id"])
    assert "The device is connected" in browser.submit(page, "/device", decision="allow").text
    auth.sql("UPDATE device_codes SET expires_at = now() WHERE client_id = %s", app["client_id"])
    assert poll(auth, app, device["device_code"]).status_code == 200


def test_scopes_can_be_narrowed_and_offline_access_gives_the_refresh_token(auth: Auth) -> None:
    app = register_device_app(auth)
    device = allowed(auth, app, scope="argus:epcr:read")
    body = poll(auth, app, device["device_code"]).json()
    assert body["scope"] == "argus:epcr:read"
    assert "refresh_token" not in body


def test_a_confidential_app_authenticates_in_both_steps(auth: Auth) -> None:
    app = register_device_app(auth, token_endpoint_auth_method="client_secret_basic")
    secret = app["client_secret"]
    assert error_of(begin(auth, app)) == "invalid_client"
    headers = basic(app["client_id"], secret)
    begun_ = auth.form("/v1/oauth/device_authorization", {"scope": "webhooks:write"}, headers=headers)
    assert begun_.status_code == 200, begun_.text
    browser = Browser(auth)
    browser.sign_in()
    answered(browser, begun_.json()["user_code"])
    form = {"grant_type": DEVICE_CODE, "device_code": begun_.json()["device_code"]}
    refused = auth.form("/v1/oauth/token", form | {"client_id": app["client_id"]})
    assert (refused.status_code, error_of(refused)) == (401, "invalid_client")
    assert auth.form("/v1/oauth/token", form, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"scope": "platform:apps"}, "invalid_scope"),
        ({"scope": "é"}, "invalid_scope"),
        ({"resource": "https://evil.example"}, "invalid_target"),
        ({"client_secret": "x"}, "invalid_client"),
        ({"client_id": "app_" + "0" * 26}, "invalid_client"),
    ],
)
def test_a_bad_beginning_is_an_oauth_error(auth: Auth, fields: dict[str, str], error: str) -> None:
    answer = begin(auth, register_device_app(auth), **fields)
    assert error_of(answer) == error
    assert answer.status_code in (400, 401)


def test_an_app_that_is_not_registered_for_devices_is_refused(auth: Auth) -> None:
    app = auth.register(
        grant_types=["authorization_code"],
        redirect_uris=["https://integrator.example/cb"],
        token_endpoint_auth_method="none",
    )
    assert error_of(begin(auth, app)) == "unauthorized_client"
    assert error_of(poll(auth, app, "x" * 43)) == "unauthorized_client"


def test_registration_takes_the_grant_with_and_without_refresh_tokens(auth: Auth) -> None:
    assert register_device_app(auth, grant_types=[DEVICE_CODE])["grant_types"] == [DEVICE_CODE]
    draft = {"name": "x", "grant_types": ["refresh_token"], "requested_scopes": ["webhooks:write"]}
    refused = auth.admin("POST", "/v1/platform/apps", json=draft)
    assert refused.json()["errors"][0]["pointer"] == "/grant_types"


def test_the_metadata_names_the_endpoint_and_the_grant(auth: Auth) -> None:
    found = auth.call("GET", "/.well-known/oauth-authorization-server").json()
    assert found["device_authorization_endpoint"] == f"{ISSUER}/v1/oauth/device_authorization"
    assert DEVICE_CODE in found["grant_types_supported"]


def test_waiting_is_no_event_of_the_app_but_a_refusal_is(auth: Auth) -> None:
    app = register_device_app(auth)
    device = begun(auth, app)
    for _ in range(3):
        poll(auth, app, device["device_code"])
    begin(auth, app, scope="platform:apps")
    path = f"/v1/platform/apps/{app['client_id']}/events"
    events = wait_for(lambda: auth.admin("GET", path).json()["events"])
    assert [event["kind"] for event in events] == ["invalid_scope"]


def test_the_answer_is_in_the_audit_trail_and_among_the_persons_apps(auth: Auth) -> None:
    app = register_device_app(auth)
    browser = Browser(auth)
    browser.sign_in()
    answered(browser, begun(auth, app)["user_code"])
    answered(browser, begun(auth, app)["user_code"], "deny")
    trail: list[tuple[Any, ...]] = auth.sql(
        "SELECT action, detail ->> 'device' FROM audit WHERE subject_id = %s AND action <> 'app.created' ORDER BY id",
        app["client_id"],
    )
    assert [action for action, _ in trail] == ["consent.given", "device.denied"]
    assert all(device.startswith("dvc_") for _, device in trail)
    page = browser.get("/v1/auth/sessions").text
    assert app["client_id"] in page


def test_user_codes_are_read_however_they_are_typed() -> None:
    for typed_code in ("BCDFGHJK", "bcdf-ghjk", " bcdf ghjk ", "BCDF–GHJK", "b c d f g h j k"):
        assert devices.read_user_code(typed_code) == "BCDFGHJK"
    for wrong in ("", "BCDFGHJ", "BCDFGHJKL", "ABCDFGHJ", "BCDFGHJ1", "БCDFGHJK", "B" * 1000):
        assert devices.read_user_code(wrong) is None


def test_user_codes_hold_no_letter_that_a_reader_takes_for_another() -> None:
    letters = set("".join(devices.new_letters() for _ in range(500)))
    assert letters == set(devices.LETTERS)
    assert not letters & set("AEIOUY0123456789")
