"""A device and its person, for the tests of RFC 8628."""

from collections.abc import Sequence
from typing import Any

import httpx2

from services.auth.apps.rules import DEVICE_CODE
from shared.web.identity import Caller
from tests.auth.support import Auth, Browser

SCOPES = ("webhooks:write", "argus:epcr:read", "offline_access")


def register_device_app(auth: Auth, scopes: Sequence[str] = SCOPES, **fields: Any) -> Any:
    described = {
        "grant_types": [DEVICE_CODE, "refresh_token"],
        "token_endpoint_auth_method": "none",
        "name": "Command line",
    }
    return auth.register(scopes, **(described | fields))


def begin(auth: Auth, app: dict[str, Any], address: str = "203.0.113.7", **fields: str) -> httpx2.Response:
    form = {"client_id": app["client_id"]} | fields
    return auth.call("POST", "/v1/oauth/device_authorization", Caller(address=address), data=form)


def begun(auth: Auth, app: dict[str, Any], **fields: str) -> dict[str, Any]:
    answer = begin(auth, app, **fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


def poll(auth: Auth, app: dict[str, Any], device_code: str, **fields: Any) -> httpx2.Response:
    return auth.token(app, grant_type=DEVICE_CODE, device_code=device_code, **fields)


def error_of(answer: httpx2.Response) -> str:
    return answer.json().get("error", "")


def waited(auth: Auth, app: dict[str, Any]) -> None:
    """Moves the app's last polls so far back that none is early."""
    auth.sql("UPDATE device_codes SET polled_at = now() - interval '2 minutes' WHERE client_id = %s", app["client_id"])


def typed(browser: Browser, code: str) -> httpx2.Response:
    """The page after the code was typed."""
    return browser.submit(browser.get("/device"), "/device", user_code=code)


def answered(browser: Browser, code: str, decision: str = "allow") -> httpx2.Response:
    page = typed(browser, code)
    assert page.status_code == 200, page.text
    return browser.submit(page, "/device", decision=decision)


def allowed(auth: Auth, app: dict[str, Any], **fields: str) -> dict[str, Any]:
    """A device that a person has allowed, not yet redeemed."""
    device = begun(auth, app, **fields)
    browser = Browser(auth)
    browser.sign_in()
    assert answered(browser, device["user_code"]).status_code == 200
    return device
