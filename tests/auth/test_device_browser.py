"""The page for devices in a real browser, through the gateway: the link of a device, by hand, on an Italian phone, by keyboard."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from services.auth.apps.rules import DEVICE_CODE
from tests.auth.test_browser import checked, new_user, opened, sign_in
from tests.support.browser import needs_browser
from tests.support.stack import Stack

pytestmark = [needs_browser, pytest.mark.full]


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    yield from opened(browser, locale="en-GB", java_script_enabled=False)


@pytest.fixture
def phone(browser: Browser) -> Iterator[BrowserContext]:
    yield from opened(browser, locale="it-IT", viewport={"width": 360, "height": 740}, has_touch=True)


def register(stack: Stack, **fields: Any) -> str:
    draft = {
        "name": "Command line",
        "grant_types": [DEVICE_CODE, "refresh_token"],
        "token_endpoint_auth_method": "none",
        "requested_scopes": ["webhooks:write", "argus:epcr:read", "offline_access"],
    }
    with stack.client("auth", stack.admin_token) as client:
        answer = client.post("/v1/platform/apps", json=draft | fields)
    assert answer.status_code == 201, answer.text
    return answer.json()["client_id"]


def begun(stack: Stack, app: str) -> dict[str, Any]:
    with stack.client("auth") as client:
        answer = client.post("/v1/oauth/device_authorization", data={"client_id": app})
    assert answer.status_code == 200, answer.text
    return answer.json()


def polled(stack: Stack, app: str, device: dict[str, Any]) -> dict[str, Any]:
    form = {"grant_type": DEVICE_CODE, "device_code": device["device_code"], "client_id": app}
    with stack.client("auth") as client:
        return client.post("/v1/oauth/token", data=form).json()


def test_a_device_is_allowed_by_its_link_without_scripts(stack: Stack, context: BrowserContext) -> None:
    app = register(stack)
    device = begun(stack, app)
    page = context.new_page()
    page.goto(device["verification_uri_complete"])
    expect(page).to_have_title("Sign in · Knogin")
    sign_in(page, stack)
    expect(page.get_by_role("heading", name="Connect a device")).to_be_visible()
    expect(page.get_by_label("Code of the device")).to_have_value(device["user_code"])
    expect(page.get_by_text("Is this the code that your device or program shows?")).to_be_visible()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Allow Command line?")).to_be_visible()
    expect(page.get_by_text("Allow only a device that is before you")).to_be_visible()
    expect(page.get_by_text("127.0.0.1")).to_be_visible()
    page.get_by_role("button", name="Allow", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("has the access now")
    assert polled(stack, app, device)["access_token"]
    page.get_by_role("link", name="Sessions and apps").click()
    expect(page.get_by_role("button", name="Withdraw the access of Command line").first).to_be_visible()


def test_every_step_by_hand_on_an_italian_phone(stack: Stack, phone: BrowserContext) -> None:
    app = register(stack, name="Riga di comando della centrale operativa interprovinciale di coordinamento")
    device, email = begun(stack, app), new_user(stack)
    page = phone.new_page()
    page.goto(device["verification_uri"])
    sign_in(page, stack, email=email)
    expect(page.get_by_role("heading", name="Collega un dispositivo")).to_be_visible()
    assert page.locator("html").get_attribute("lang") == "it"
    checked(page, "it-device")
    code = page.get_by_label("Codice del dispositivo")
    expect(code).to_be_focused()
    code.fill("BBBB BBBB")
    page.get_by_role("button", name="Continua").click()
    expect(page.get_by_role("alert")).to_contain_text("Il codice non esiste")
    checked(page, "it-device-wrong")
    page.get_by_label("Codice del dispositivo").fill(device["user_code"].lower())
    page.get_by_role("button", name="Continua").click()
    expect(page.get_by_role("heading", name="Consentire l’accesso")).to_be_visible()
    checked(page, "it-device-consent")
    page.get_by_role("button", name="Consenti", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("ora ha l’accesso")
    checked(page, "it-device-done")
    assert polled(stack, app, device)["refresh_token"]


def test_a_device_is_denied_by_keyboard_in_the_dark(stack: Stack, browser: Browser) -> None:
    app = register(stack)
    device = begun(stack, app)
    for context in opened(browser, locale="en-GB", color_scheme="dark", viewport={"width": 360, "height": 740}):
        page = context.new_page()
        page.goto(device["verification_uri"])
        sign_in(page, stack, email=new_user(stack))
        expect(page.get_by_label("Code of the device")).to_be_focused()
        page.keyboard.type(device["user_code"])
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Allow Command line?")).to_be_visible()
        checked(page, "dark-device-consent")
        for name in ("Skip to the content", "Allow", "Do not allow"):
            page.keyboard.press("Tab")
            role = "link" if name.startswith("Skip") else "button"
            expect(page.get_by_role(role, name=name, exact=True)).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="The device is not connected")).to_be_visible()
        checked(page, "dark-device-denied")
    assert polled(stack, app, device)["error"] == "access_denied"


def test_the_page_opens_on_the_other_host_too(stack: Stack, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(f"http://{stack.described['hosts']['api']}:{stack.port}/device")
    expect(page).to_have_title("Sign in · Knogin")
    assert page.url.startswith(stack.described["issuer"])


def test_too_many_guesses_are_said_aloud(stack: Stack, context: BrowserContext) -> None:
    page: Page = context.new_page()
    page.goto(f"{stack.described['issuer']}/device")
    sign_in(page, stack, email=new_user(stack))
    for letter in "BCDFGHJKLMNP":
        page.get_by_label("Code of the device").fill(f"BBBB-BBB{letter}")
        page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_contain_text(re.compile(r"Please wait \d+ seconds"))
