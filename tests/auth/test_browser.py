"""The pages in a real browser, through the gateway: what a person sees, with keyboard, on a phone, in Italian."""

import hashlib
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import psycopg
import pytest
import segno
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pyotp.totp import TOTP

from services.auth.signin import passwords
from shared.primitives import ids
from shared.primitives.crypto import base64url_encode
from tests.support.browser import MOST_MILLISECONDS, is_accessible, needs_browser
from tests.support.stack import Stack

pytestmark = [needs_browser, pytest.mark.full]
CALLBACK = "https://integrator.example/callback"
CHALLENGE = base64url_encode(hashlib.sha256(b"v" * 43).digest())


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    yield from opened(browser, locale="en-GB")


@pytest.fixture
def phone(browser: Browser) -> Iterator[BrowserContext]:
    yield from opened(browser, locale="it-IT", viewport={"width": 360, "height": 740}, has_touch=True)


def opened(browser: Browser, **options: Any) -> Iterator[BrowserContext]:
    """Without scripts of the page's own: nothing may need them. (Tests still reach in from outside.)"""
    context = browser.new_context(**options)
    context.set_default_timeout(MOST_MILLISECONDS)
    yield context
    context.close()


def page_of(context: BrowserContext) -> Page:
    page = context.new_page()
    # The app at the other end: redirects of a navigation are not routed, so its address is answered by the browser's own error.
    page.route(f"{CALLBACK}**", lambda route: route.fulfill(status=200, body="the app"))
    return page


def register(stack: Stack, **fields: Any) -> dict[str, Any]:
    draft = {
        "name": "Dispatch board",
        "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": [CALLBACK],
        "requested_scopes": ["webhooks:write", "argus:epcr:read", "offline_access"],
    }
    with stack.client("auth", stack.admin_token) as client:
        answer = client.post("/v1/platform/apps", json=draft | fields)
    assert answer.status_code == 201, answer.text
    return answer.json()


def address(stack: Stack, app: dict[str, Any], **fields: str) -> str:
    parameters = {
        "response_type": "code",
        "client_id": app["client_id"],
        "redirect_uri": CALLBACK,
        "scope": "webhooks:write argus:epcr:read offline_access",
        "state": "st4te",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    } | fields
    return f"{stack.described['issuer']}/v1/oauth/authorize?{urlencode(parameters)}"


def sign_in(page: Page, stack: Stack, password: str | None = None, email: str | None = None) -> None:
    page.get_by_label(re.compile("E-mail|e-mail")).fill(email or stack.tenant.email)
    page.get_by_label("Password").fill(password or stack.tenant.password)
    page.get_by_role("button", name=re.compile("^(Sign in|Accedi)$")).click()


def fits(page: Page) -> bool:
    """Nothing is wider than the screen."""
    return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def look(page: Page, name: str) -> None:
    """Keeps a picture in the folder SCREENSHOTS, if one is named: some things only an eye can judge."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def new_user(stack: Stack) -> str:
    """A user of the demo tenant with the administrator's password, and nothing else."""
    email = f"person{time.time_ns()}@demo.example"
    with stack.database("auth", "migrator") as conn:
        conn.execute(
            "INSERT INTO users (user_id, tenant_id, email, name, password_hash) VALUES (%s, %s, %s, 'Test', %s)",
            (ids.new_id("usr"), stack.tenant.id, email, passwords.hash_password(stack.tenant.password)),
        )
    return email


def answer_to_app(page: Page, press: Any) -> dict[str, str]:
    """What the app is told when `press` has been done."""
    with page.expect_request(lambda request: request.url.startswith(CALLBACK)) as sent:
        press()
    query = parse_qs(urlsplit(sent.value.url).query)
    return {name: values[0] for name, values in query.items()}


def test_a_person_signs_in_and_allows_an_app(stack: Stack, context: BrowserContext) -> None:
    page = page_of(context)
    page.goto(address(stack, register(stack)))
    expect(page).to_have_title("Sign in · Knogin")
    assert is_accessible(page)
    sign_in(page, stack)
    expect(page.get_by_role("heading", name="Allow Dispatch board?")).to_be_visible()
    expect(page.get_by_text("read patient care records without names, addresses and free text")).to_be_visible()
    expect(page.get_by_text("integrator.example")).to_be_visible()
    look(page, "en-consent")
    assert is_accessible(page)
    told = answer_to_app(page, page.get_by_role("button", name="Allow", exact=True).click)
    assert told["code"]
    assert (told["state"], told["iss"]) == ("st4te", stack.described["issuer"])


def test_a_person_denies(stack: Stack, context: BrowserContext) -> None:
    page = page_of(context)
    page.goto(address(stack, register(stack)))
    sign_in(page, stack)
    told = answer_to_app(page, page.get_by_role("button", name="Do not allow").click)
    assert told["error"] == "access_denied"


def test_a_wrong_password_is_said_aloud_and_the_address_stays(stack: Stack, context: BrowserContext) -> None:
    page = page_of(context)
    page.goto(address(stack, register(stack)))
    sign_in(page, stack, "not the password")
    expect(page.get_by_role("alert")).to_contain_text("not right")
    look(page, "en-wrong-password")
    expect(page.get_by_label("E-mail address")).to_have_value(stack.tenant.email)
    expect(page.get_by_label("Password")).to_be_focused()
    assert is_accessible(page)
    sign_in(page, stack)
    expect(page.get_by_role("heading", name="Allow Dispatch board?")).to_be_visible()


def test_everything_works_from_the_keyboard(stack: Stack, context: BrowserContext) -> None:
    page = page_of(context)
    page.goto(address(stack, register(stack)))
    expect(page.get_by_label("E-mail address")).to_be_focused()
    page.keyboard.type(stack.tenant.email)
    page.keyboard.press("Tab")
    page.keyboard.type(stack.tenant.password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Allow Dispatch board?")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Allow", exact=True)).to_be_focused()
    assert answer_to_app(page, lambda: page.keyboard.press("Enter"))["code"]


def test_a_session_that_ended_meanwhile_leads_through_sign_in_back_to_the_question(
    stack: Stack, context: BrowserContext
) -> None:
    page = page_of(context)
    page.goto(address(stack, register(stack)))
    sign_in(page, stack)
    expect(page.get_by_role("button", name="Allow", exact=True)).to_be_visible()
    with psycopg.connect(stack.described["services"]["auth"]["migration_database_url"]) as conn:
        conn.execute("UPDATE sessions SET expires_at = now()")
    page.get_by_role("button", name="Allow", exact=True).click()
    expect(page).to_have_title("Sign in · Knogin")
    sign_in(page, stack)
    assert answer_to_app(page, page.get_by_role("button", name="Allow", exact=True).click)["code"]


def test_the_back_button_and_a_second_try_do_no_harm(stack: Stack, context: BrowserContext) -> None:
    page = page_of(context)
    page.goto(address(stack, register(stack), prompt="consent"))
    sign_in(page, stack)
    expect(page.get_by_role("button", name="Allow", exact=True)).to_be_visible()
    page.go_back()
    expect(page).to_have_title("Sign in · Knogin")
    sign_in(page, stack)
    first = answer_to_app(page, page.get_by_role("button", name="Allow", exact=True).click)
    assert first["code"]


def test_an_italian_phone(stack: Stack, phone: BrowserContext) -> None:
    page = page_of(phone)
    page.goto(address(stack, register(stack, name="Centrale operativa di coordinamento interprovinciale")))
    expect(page.get_by_role("heading", name="Accedi")).to_be_visible()
    assert page.locator("html").get_attribute("lang") == "it"
    look(page, "it-sign-in")
    assert fits(page)
    assert is_accessible(page)
    sign_in(page, stack)
    expect(page.get_by_role("heading", name="Consentire l’accesso")).to_be_visible()
    look(page, "it-consent")
    assert fits(page)
    assert is_accessible(page)
    assert answer_to_app(page, page.get_by_role("button", name="Consenti", exact=True).click)["code"]


def test_a_bad_link_is_explained_and_leads_nowhere(stack: Stack, context: BrowserContext) -> None:
    page = page_of(context)
    page.goto(address(stack, register(stack), redirect_uri="https://evil.example/"))
    expect(page.get_by_role("alert")).to_contain_text("has not registered")
    look(page, "en-bad-link")
    assert urlsplit(page.url).path == "/v1/oauth/authorize"
    assert is_accessible(page)


def test_sessions_and_apps_in_the_dark(stack: Stack, browser: Browser) -> None:
    for context in opened(browser, locale="en-GB", color_scheme="dark", viewport={"width": 360, "height": 740}):
        page = page_of(context)
        name = f"Night shift {time.time_ns()}"
        app = register(stack, name=name)
        page.goto(address(stack, app))
        sign_in(page, stack)
        answer_to_app(page, page.get_by_role("button", name="Allow", exact=True).click)
        page = context.new_page()
        page.goto(f"{stack.described['issuer']}/v1/auth/sessions")
        expect(page.get_by_text("this browser")).to_be_visible()
        look(page, "dark-sessions")
        assert fits(page)
        assert is_accessible(page)
        page.get_by_role("button", name=f"Withdraw the access of {name}").click()
        expect(page.get_by_role("status")).to_contain_text("no access any more")
        page.get_by_role("button", name="Sign out everywhere").click()
        expect(page).to_have_title("Sign in · Knogin")


def checked(page: Page, name: str) -> None:
    look(page, name)
    assert fits(page)
    assert is_accessible(page)


def set_up(page: Page, stack: Stack) -> tuple[str, list[str]]:
    """Sets an authenticator up on the Italian page that is open: its secret and the recovery codes."""
    secret = page.locator(".secret").inner_text().replace(" ", "").replace("\n", "")
    page.get_by_label("La tua password").fill(stack.tenant.password)
    page.get_by_label("Codice", exact=True).fill(TOTP(secret).now())
    page.get_by_role("button", name="Attiva").click()
    expect(page.get_by_role("status")).to_contain_text("è configurata")
    return secret, page.locator(".codes li").all_inner_texts()


def test_an_authenticator_is_set_up_lost_and_removed_on_an_italian_phone(stack: Stack, phone: BrowserContext) -> None:
    page, email = page_of(phone), new_user(stack)
    page.goto(f"{stack.described['issuer']}/v1/auth/sessions")
    sign_in(page, stack, email=email)
    set_one_up = page.get_by_role("link", name="Configura un’app di autenticazione")
    expect(set_one_up).to_be_visible()
    checked(page, "it-sessions")
    set_one_up.click()
    expect(page.get_by_role("img", name=re.compile("Codice QR"))).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("apri l’app"))).to_have_attribute(
        "href", re.compile("^otpauth://totp/")
    )
    checked(page, "it-enrol")
    page.get_by_label("La tua password").fill(stack.tenant.password)
    page.get_by_label("Codice", exact=True).fill("00000")
    page.get_by_role("button", name="Attiva").click()
    expect(page.get_by_role("alert")).to_contain_text("codice non è corretto")
    checked(page, "it-enrol-wrong")
    _, codes = set_up(page, stack)
    assert len(codes) == 10
    checked(page, "it-recovery-codes")
    page.get_by_role("link", name="Li ho conservati").click()
    expect(page.get_by_role("link", name="Codici di recupero o rimozione")).to_be_visible()
    page.get_by_role("button", name="Esci ovunque").click()
    sign_in(page, stack, email=email)
    expect(page.get_by_role("heading", name="Verifica che sia tu")).to_be_visible()
    checked(page, "it-second-factor")
    page.get_by_text("Non hai il telefono con te?").click()
    checked(page, "it-second-factor-lost")
    page.get_by_label("Codice di recupero").fill(codes[0])
    page.get_by_role("button", name="Usa il codice di recupero").click()
    page.get_by_role("link", name="Codici di recupero o rimozione").click()
    expect(page.get_by_text("rimasti: 9")).to_be_visible()
    checked(page, "it-authenticator")
    page.get_by_label("La tua password").fill(stack.tenant.password)
    page.get_by_label("Codice", exact=True).fill(codes[1])
    page.get_by_role("button", name="Rimuovi l’app di autenticazione").click()
    expect(page.get_by_role("status")).to_contain_text("la password da sola basta")


def test_a_scanner_reads_the_drawing(stack: Stack, context: BrowserContext) -> None:
    """What the page draws is the QR code of the link beside it, module by module."""
    page, email = page_of(context), new_user(stack)
    page.goto(f"{stack.described['issuer']}/v1/auth/authenticator")
    sign_in(page, stack, email=email)
    uri = page.get_by_role("link", name="open the app").get_attribute("href") or ""
    assert uri.startswith("otpauth://totp/Knogin:")
    drawn = page.locator(".scan path").nth(1).get_attribute("d")
    expected = segno.make_qr(uri, error="m").svg_inline(omitsize=True, lineclass=None, light="#fff")
    assert drawn is not None
    assert f'd="{drawn}"' in expected
