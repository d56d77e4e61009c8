"""The whole way in a real browser, through the gateway, by identity providers that others wrote."""

import contextlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import psycopg
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from playwright.sync_api import Browser, Page, expect

from deploy.local.ports import free_port
from tests.auth.federation import metadata_of
from tests.auth.identity_provider import new_signer
from tests.auth.test_browser import CALLBACK, address, answer_to_app, fits, opened, page_of, register
from tests.support.browser import is_accessible, needs_browser
from tests.support.child import start_child
from tests.support.plain import PLAIN
from tests.support.stack import Stack
from tests.support.waiting import ended, wait_for

ROOT = Path(__file__).parents[2]
ENVIRONMENT = Path(os.environ.get("KNOGIN_IDP_VENV", ROOT / ".venv" / "idp"))
PASSWORD = "a password of the directory"


class Provider(NamedTuple):
    """The administrator pastes `metadata`; `start` begins the provider once our own metadata is there."""

    metadata: str
    email: str
    start: Callable[[str, str], contextlib.AbstractContextManager[None]]


def needed(*programs: str) -> None:
    if not (ENVIRONMENT / "bin" / "nanoidp").exists():
        pytest.skip("no identity providers here: `make .venv/idp/.installed` installs them")
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"no {program} here: `apt-get install {program}` runs this test")


@contextmanager
def running(command: list[str], url: str, folder: Path) -> Iterator[None]:
    with (folder / "log").open("wb") as log:
        process = start_child(command, stdout=log, stderr=log, cwd=folder)
        try:
            wait_for(lambda: _answers(url) or process.poll() is not None, what="the identity provider to start")
            assert process.poll() is None, (folder / "log").read_text()
            yield
        finally:
            process.terminate()
            ended(process)


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, trust_env=False, verify=PLAIN).status_code < 500
    except httpx2.HTTPError:
        return False


def nanoidp(folder: Path, domain: str) -> Provider:
    """Its metadata comes out of it; it checks our requests with our certificate, and has no single logout."""
    needed()
    port, email = free_port(), f"anna@{domain}"
    base, program = f"http://127.0.0.1:{port}", str(ENVIRONMENT / "bin" / "nanoidp")
    settings: dict[str, Any] = {
        "config_version": 1,
        "server": {"host": "127.0.0.1", "port": port},
        "oauth": {"issuer": base, "audience": "unused", "clients": []},
        "saml": {
            "export_groups": True,
            "want_authn_requests_signed": True,
            "sp_certificates": [str(folder / "sp.pem")],
            "strict_binding": True,
        },
    }
    users = {"anna": {"password": PASSWORD, "email": email, "groups": ["desk"], "attributes": {"displayName": "Anna"}}}
    # Its files are YAML, of which JSON is a part.
    (folder / "settings.yaml").write_text(json.dumps(settings))
    (folder / "users.yaml").write_text(json.dumps({"config_version": 1, "users": users}))
    command = [program, "--config", str(folder)]
    with running(command, f"{base}/saml/metadata", folder):
        metadata = httpx2.get(f"{base}/saml/metadata", trust_env=False, verify=PLAIN).text

    def start(own_metadata: str, own_certificate: str) -> contextlib.AbstractContextManager[None]:
        (folder / "sp.pem").write_text(own_certificate)
        return running(command, f"{base}/saml/metadata", folder)

    return Provider(metadata, email, start)


def pysaml2(folder: Path, domain: str) -> Provider:
    """It reads our metadata, checks our requests, signs response and assertion with xmlsec1, and has single logout."""
    needed("xmlsec1")
    port, email, signer = free_port(), f"anna@{domain}", new_signer()
    key = signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(key)
    (folder / "certificate.pem").write_text(signer.pem)
    base = f"http://127.0.0.1:{port}"
    settings = {
        "port": port,
        "key": str(folder / "key.pem"),
        "certificate": str(folder / "certificate.pem"),
        "metadata": str(folder / "sp.xml"),
        "email": email,
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    program = [str(ENVIRONMENT / "bin" / "python"), str(Path(__file__).parent / "pysaml2_provider.py")]

    def start(own_metadata: str, own_certificate: str) -> contextlib.AbstractContextManager[None]:
        (folder / "sp.xml").write_text(own_metadata)
        return running([*program, str(folder / "settings.json")], base, folder)

    return Provider(metadata_of(f"{base}/metadata", signer), email, start)


pytestmark = [needs_browser, pytest.mark.full]
CONNECTIONS = "/v1/saml/connections"
Make = Callable[[Path, str], Provider]


def owner(stack: Stack) -> Any:
    return psycopg.connect(stack.described["services"]["auth"]["migration_database_url"], autocommit=True)


@contextmanager
def federated(stack: Stack, provider: Provider, domain: str, **fields: Any) -> Iterator[dict[str, Any]]:
    """A connection of the demo tenant, its domain proven; the identity provider runs and knows ours. All of it goes afterwards."""
    with owner(stack) as conn, stack.client("auth", stack.admin_token) as admin:
        conn.execute("UPDATE tenants SET federation = true WHERE tenant_id = %s", (stack.tenant.id,))
        made = admin.post(
            CONNECTIONS,
            json={"name": "Works", "metadata_xml": provider.metadata, "default_role": "administrator"} | fields,
        )
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
    """The steps of a person on the page of either identity provider."""
    if page.get_by_label("Username").count():
        page.get_by_label("Username").fill("anna")
        page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").first.click()


def redeemed(stack: Stack, app: dict[str, Any], code: str) -> dict[str, Any]:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": "v" * 43}
    with stack.client("auth") as client:
        answer = client.post("/v1/oauth/token", data=form, auth=(app["client_id"], app["client_secret"]))
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("make", [nanoidp, pysaml2])
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
    provider = nanoidp(tmp_path, domain)
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
    provider = pysaml2(tmp_path, domain)
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
    provider = nanoidp(tmp_path, f"other.{domain}")
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
            wait_for(
                lambda: events.extend(admin.get(f"{CONNECTIONS}/{connection['id']}/events").json()["events"]) or events,
                what="the refusal to be listed",
            )
        assert (events[0]["reason"], "anna" in str(events)) == ("domain", False)
