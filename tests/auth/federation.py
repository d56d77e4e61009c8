"""A connection made through the API, its identity provider, and a person who signs in through both."""

import base64
import html
import re
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
from lxml import etree

from services.auth.saml.documents import ASSERTION, METADATA, POST, PROTOCOL, REDIRECT, SIGNATURE, tag
from shared.web.cookies import cookie_name
from tests.auth.identity_provider import Answer, Signer, element, encoded, new_signer, response, sign, to_bytes
from tests.auth.support import ISSUER, Auth, Browser
from tests.support.keys import rsa_key
from tests.support.name_server import NameServer

CONNECTIONS = "/v1/saml/connections"
_REFRESH = re.compile(r'<meta http-equiv="refresh" content="0; url=([^"]+)">')


def open_federation(auth: Auth, tenant: Any, *, is_open: bool = True) -> None:
    auth.sql("UPDATE tenants SET federation = %s WHERE tenant_id = %s", is_open, tenant["tenant_id"])


def metadata_of(entity_id: str, *signers: Signer, slo: bool = True, **changes: str) -> str:
    """An identity provider's metadata, as its administrator would paste it."""
    root = etree.Element(tag(METADATA, "EntityDescriptor"), {"entityID": entity_id} | changes)
    role = element(root, METADATA, "IDPSSODescriptor", protocolSupportEnumeration=PROTOCOL)
    for signer in signers:
        info = element(element(role, METADATA, "KeyDescriptor", use="signing"), SIGNATURE, "KeyInfo")
        element(element(info, SIGNATURE, "X509Data"), SIGNATURE, "X509Certificate", signer.base64)
    base = entity_id.removesuffix("/metadata")
    if slo:
        element(role, METADATA, "SingleLogoutService", Binding=REDIRECT, Location=base + "/slo")
    for binding, path in ((POST, "/sso-post"), (REDIRECT, "/sso")):
        element(role, METADATA, "SingleSignOnService", Binding=binding, Location=base + path)
    return etree.tostring(root).decode()


@cache
def usual_signer() -> Signer:
    """Making a key takes a moment; where it matters whose it is, a test makes its own."""
    return new_signer(key=rsa_key(22))


class Asked:
    """A message of ours, as the identity provider finds it in the address it is called at."""

    def __init__(self, location: str) -> None:
        self.url, _, self.query = location.partition("?")
        self.parameters = {name: values[0] for name, values in parse_qs(self.query).items()}
        kind = "SAMLRequest" if "SAMLRequest" in self.parameters else "SAMLResponse"
        self.root: Any = etree.fromstring(zlib.decompress(base64.b64decode(self.parameters[kind]), -15))
        self.relay_state = self.parameters.get("RelayState", "")

    @property
    def id(self) -> str:
        return self.root.get("ID")


class Connection:
    """A connection of a tenant, with its identity provider's keys at hand."""

    def __init__(self, auth: Auth, tenant: Any, signer: Signer | None = None) -> None:
        open_federation(auth, tenant)
        self.auth, self.tenant = auth, tenant
        self.signer = signer or usual_signer()
        self.entity_id = f"https://idp{time.time_ns()}.example/metadata"
        described: dict[str, Any] = {
            "name": "Works",
            "metadata_xml": metadata_of(self.entity_id, self.signer),
            "default_role": "administrator",
        }
        made = self.call("POST", CONNECTIONS, json=described)
        assert made.status_code == 201, made.text
        self.described = made.json()
        self.id: str = self.described["id"]
        self.domain = ""

    def call(self, method: str, path: str = "", **options: Any) -> httpx2.Response:
        path = path if path.startswith("/") else f"{CONNECTIONS}/{self.id}/{path}".rstrip("/")
        return self.auth.call(method, path, self.auth.caller(tenant=self.tenant), **options)

    def remove(self) -> None:
        """Leaves room for others, since an organisation has only so many."""
        self.auth.sql("DELETE FROM saml_policies WHERE tenant_id = %s", self.tenant["tenant_id"])
        self.auth.sql("DELETE FROM saml_connections WHERE connection_id = %s", self.id)

    def prove(self, names: NameServer) -> str:
        """A domain of its own, claimed and proven."""
        self.domain = f"works{time.time_ns()}.example"
        claimed = self.call("POST", "domains", json={"domain": self.domain})
        assert claimed.status_code == 201, claimed.text
        record = claimed.json()["dns_record"]
        names.texts[record["name"]] = ["v=other", record["value"]]
        proven = self.call("POST", f"domains/{self.domain}/prove")
        assert proven.status_code == 200, proven.text
        return self.domain

    def answer(self, asked: Asked | None, **changes: Any) -> Answer:
        """What the identity provider says of Anna, in answer to a request or of its own accord."""
        mine = self.described["service_provider"]
        said = Answer(self.entity_id, mine["entity_id"], mine["acs_url"], asked.id if asked is not None else None)
        attributes = {"email": [f"anna@{self.domain}"], "displayName": ["Anna Rossi"]}
        return said._replace(attributes=attributes)._replace(**changes)

    def form(self, asked: Asked | None, signer: Signer | None = None, **changes: Any) -> dict[str, str]:
        root = sign(response(self.answer(asked, **changes)), signer or self.signer)
        return {"SAMLResponse": encoded(to_bytes(root)), "RelayState": asked.relay_state if asked is not None else ""}

    def path(self, name: str) -> str:
        return f"/v1/saml/{self.id}/{name}"

    def ask(self, browser: Browser, continue_to: str = "/v1/auth/sessions", **marks: str) -> Asked:
        sent = browser.get(f"{self.path('login')}?{urlencode({'continue': continue_to} | marks)}")
        assert sent.status_code == 303, sent.text
        return Asked(sent.headers["location"])

    def post(self, browser: Browser, form: dict[str, str]) -> httpx2.Response:
        """The identity provider's page posts to us: another site's POST, with which browsers send only the pass."""
        with without_cookies(browser):
            return browser.post(self.path("acs"), form, headers={"sec-fetch-site": "cross-site"})

    def sign_in(self, browser: Browser, continue_to: str = "/v1/auth/sessions", **changes: Any) -> httpx2.Response:
        """All the way, to the redirect that a session begins with."""
        asked = self.ask(browser, continue_to)
        return follow(browser, self.post(browser, self.form(asked, **changes)))

    def events(self) -> list[dict[str, Any]]:
        return self.call("GET", "events").json()["events"]


@contextmanager
def without_cookies(browser: Browser) -> Iterator[None]:
    kept = browser.cookies
    browser.cookies = sent = {name: value for name, value in kept.items() if name == cookie_name(ISSUER, "", "pass")}
    yield
    assert browser.cookies == sent, "an answer to another site's POST sets no cookie"
    browser.cookies = kept


def refresh_of(page: httpx2.Response) -> str:
    found = _REFRESH.search(page.text)
    assert found is not None, (page.status_code, page.text)
    assert f'href="{found[1]}"' in page.text, "who has no refresh can press a button"
    return html.unescape(found[1])


def follow(browser: Browser, page: httpx2.Response) -> httpx2.Response:
    assert page.status_code == 200, page.text
    return browser.get(refresh_of(page))


def code_of(page: httpx2.Response) -> str:
    """The word that a refused person gives to the administrator."""
    found = re.search(r"<code>([a-z_]+)</code><br><code>([0-9a-f]{32})</code>", page.text)
    assert found is not None, (page.status_code, page.text)
    return found[1]


def host_of(url: str) -> str:
    return urlsplit(url).netloc


def name_of(root: Any) -> str:
    return root.find(tag(ASSERTION, "NameID")).text
