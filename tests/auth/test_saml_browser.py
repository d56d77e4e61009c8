"""The whole way in a real browser, through the gateway, by identity providers that others wrote."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.auth import providers
from tests.auth.providers import Provider
from tests.auth.test_browser import CALLBACK, address, answer_to_app, fits, opened, page_of, register
from tests.support.browser import is_accessible, needs_browser
from tests.support.stack import Stack

pytestmark = needs_browser
CONNECTIONS = "/v1/saml/connections"
Make = Callable[[Path, str], Provider]


def owner(stack: Stack) -> Any:
    return psycopg.connect(stack.described["services"]["auth"]["migration_database_url"], autocommit=True)


@contextmanager
def federated(stack: Stack, provider: Provider, domain: str, **fields: Any) -> Iterator[dict[str, Any]]:
    """A connection of the demo tenant, its domain proven; the identity provider runs and knows ours. All of it goes afterwards."""
    with owner(stack) as conn, stack.client("auth", stack.admin_token) as admin:
        conn.execute("UPDATE tenants SET federation = true WHERE tenant_id = %s", (stack.tenant.id,))
        made = admin.post(CONNECTIONS, json={"name": "Works", "metadata_xml": provider.metadata} | fields)
        assert made.status_code == 201, made.text
        path = f"{CONNECTIONS}/{made.json()['id']}"
        try:
            assert admin.post(f"{path}/domains", json={"domain": domain}).status_code == 201
            # What a DNS server is asked for in tests of its own: the stack's asks the real one.
            conn.execute("UPDATE saml_domains SET verified_at = now() WHERE domain = %s", (domain,))
            ours = made.json()["service_provider"]
            with stack.client("auth") as anyone:
                metadata = anyone.get(f"/v1/saml/{made.json()['id']}/metadata").text
            with provider.start(metadata, ours["certificate"]):
                yield made.json()
        finally:
            assert admin.delete(path).status_code == 204
            conn.execute("UPDATE tenants SET federation = false WHERE tenant_id = %s", (stack.tenant.id,))


def new_domain() -> str:
    return f"works{time.time_ns()}.example"


def ask(page: Page, stack: Stack, app: dict[str, Any], email: str) -> None:
    """From the app's request to the organisation's own page."""
    page.goto(address(stack, app))
    page.get_by_label(re.compile("E-mail|e-mail")).fill(email)
    page.get_by_role("button", name=re.compile("Continu", re.IGNORECASE)).click()
    expect(page).to_have_url(re.compile(r"^http://127\.0\.0\.1:"))


def sign_in_there(page: Page) -> None:
    """What a person does on the page of either identity provider."""
    if page.get_by_label("Username").count():
        page.get_by_label("Username").fill("anna")
        page.get_by_label("Password").fill(providers.PASSWORD)
    page.get_by_role("button", name="Sign in").first.click()


def redeemed(stack: Stack, app: dict[str, Any], code: str) -> dict[str, Any]:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": "v" * 43}
    with stack.client("auth") as client:
        answer = client.post("/v1/oauth/token", data=form, auth=(app["client_id"], app["client_secret"]))
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("make", [providers.nanoidp, providers.pysaml2])
def test_a_person_of_an_organisation_signs_in_there_and_allows_an_app(
    stack: Stack, browser: Browser, tmp_path: Path, make: Make
) -> None:
    domain = new_domain()
    provider = make(tmp_path, domain)
    mapping = {
        "attribute_mapping": {"roles": "groups"},
        "role_mapping": {"desk": ["webhooks:write", "argus:epcr:read"]},
    }
    with federated(stack, provider, domain, **mapping) as connection:
        for context in opened(browser, locale="en-GB"):
            page, app = page_of(context), register(stack)
            page.goto(address(stack, app))
            expect(page.get_by_label("Password")).to_have_count(0)
            assert is_accessible(page)
            ask(page, stack, app, provider.email)
            sign_in_there(page)
            expect(page.get_by_role("heading", name="Allow Dispatch board?")).to_be_visible()
            expect(page.get_by_text(provider.email)).to_be_visible()
            told = answer_to_app(page, page.get_by_role("button", name="Allow", exact=True).click)
            token = redeemed(stack, app, told["code"])
            assert set(token["scope"].split()) == {"webhooks:write", "argus:epcr:read", "offline_access"}
        with stack.client("auth", stack.admin_token) as admin:
            (user,) = admin.get(f"{CONNECTIONS}/{connection['id']}/users").json()["users"]
            (pinned,) = admin.get(f"{CONNECTIONS}/{connection['id']}").json()["certificates"]
        assert (user["email"], user["roles"]) == (provider.email, ["desk"])
        assert pinned["last_used_at"] is not None


def test_no_script_is_needed_on_an_italian_phone(stack: Stack, browser: Browser, tmp_path: Path) -> None:
    domain = new_domain()
    provider = providers.nanoidp(tmp_path, domain)
    phone = {"locale": "it-IT", "viewport": {"width": 360, "height": 740}, "java_script_enabled": False}
    with federated(stack, provider, domain):
        for context in opened(browser, **phone):
            page, app = page_of(context), register(stack)
            ask(page, stack, app, provider.email)
            sign_in_there(page)
            page.get_by_role("button", name="Continue").click()
            expect(page.get_by_role("heading", name="Consentire l’accesso")).to_be_visible()
            assert answer_to_app(page, page.get_by_role("button", name="Consenti", exact=True).click)["code"]


def test_signing_out_here_signs_out_there(stack: Stack, browser: Browser, tmp_path: Path) -> None:
    domain = new_domain()
    provider = providers.pysaml2(tmp_path, domain)
    with federated(stack, provider, domain):
        for context in opened(browser, locale="en-GB"):
            page, app = page_of(context), register(stack)
            ask(page, stack, app, provider.email)
            sign_in_there(page)
            page.get_by_role("button", name="Use another account").click()
            expect(page.get_by_text("Your session has ended.")).to_be_visible()
            assert is_accessible(page)
            page.get_by_role("link", name="Sign in again").click()
            expect(page).to_have_title("Sign in · Knogin")


def test_a_refused_answer_is_explained_to_the_person_and_the_administrator(
    stack: Stack, browser: Browser, tmp_path: Path
) -> None:
    """Another address than the proven domain's: the person is told whom to ask, the administrator what happened."""
    domain = new_domain()
    provider = providers.nanoidp(tmp_path, f"other.{domain}")
    with federated(stack, provider, domain) as connection:
        for context in opened(browser, locale="en-GB", viewport={"width": 360, "height": 740}):
            page, app = page_of(context), register(stack)
            ask(page, stack, app, f"anna@{domain}")
            sign_in_there(page)
            expect(page.get_by_role("alert")).to_contain_text("was not accepted")
            expect(page.get_by_text("domain", exact=True)).to_be_visible()
            assert is_accessible(page)
            assert fits(page)
        events: list[dict[str, Any]] = []
        with stack.client("auth", stack.admin_token) as admin:
            providers.wait_for(
                lambda: events.extend(admin.get(f"{CONNECTIONS}/{connection['id']}/events").json()["events"]) or events,
                what="the refusal to be listed",
            )
        assert (events[0]["reason"], "anna" in str(events)) == ("domain", False)
