"""Auth alone: its app in a thread behind a real socket, on a database of its own, called as the gateway would call it."""

import asyncio
import base64
import hashlib
import html
import itertools
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx2
import msgspec

from deploy.local.databases import Database
from services.auth.app import create_app
from services.auth.settings import Settings
from services.auth.tasks import create_worker
from services.auth.tenants.bootstrap import Admin, BootstrapRequest, TenantRequest, bootstrap
from shared.messaging.worker import Acknowledgements, Consumer
from shared.primitives.crypto import Keyring, base64url_decode, base64url_encode
from shared.web.identity import Caller
from tests.support import alone
from tests.support.alone import settings_for
from tests.support.kept import Kept
from tests.support.plain import PLAIN
from tests.support.serving import serving

ISSUER = "https://auth.knogin.test"
API = "https://api.knogin.test"
ADMIN_SCOPES = ["platform:apps", "webhooks:write", "argus:epcr:write", "argus:telephony:read"]
_addresses = itertools.count(1)
PASSWORD = "correct horse battery staple"


class Auth:
    """A running auth service and the two tenants it was bootstrapped with."""

    def __init__(self, settings: Settings, url: str, tenants: dict[str, Any]) -> None:
        self.settings = settings
        self.url = url
        self.demo, self.other = tenants["demo"], tenants["other"]
        self.http = httpx2.Client(base_url=url, timeout=30, trust_env=False, verify=PLAIN)
        self._owner = Kept(settings.migration_database_url or "", options="-c statement_timeout=0")

    def close(self) -> None:
        self._owner.close()
        self.http.close()

    def caller(self, scopes: Sequence[str] = ("platform:apps",), tenant: Any = None, **fields: Any) -> Caller:
        tenant = tenant or self.demo
        described: dict[str, Any] = {
            "tenant_id": tenant["tenant_id"],
            "client_id": tenant["client_id"],
            "scopes": frozenset(scopes),
            "address": "203.0.113.7",
            "token_use": "service",
        }
        return Caller(**(described | fields))

    def call(self, method: str, path: str, caller: Caller | None = None, **options: Any) -> httpx2.Response:
        """A request with the identity header the gateway would set; an anonymous one where no caller is given."""
        return alone.send(self.http, caller or Caller(address="203.0.113.7"), "auth", method, path, **options)

    def admin(self, method: str, path: str, **options: Any) -> httpx2.Response:
        return self.call(method, path, self.caller(), **options)

    def register(self, scopes: Sequence[str] = ("webhooks:write",), **fields: Any) -> dict[str, Any]:
        draft = {"name": "Case sync", "grant_types": ["client_credentials"], "requested_scopes": list(scopes)} | fields
        answer = self.admin("POST", "/v1/platform/apps", json=draft)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def token(self, app: dict[str, Any], **fields: Any) -> httpx2.Response:
        form = {
            "grant_type": "client_credentials",
            "client_id": app["client_id"],
            "client_secret": app.get("client_secret"),
        } | fields
        return self.form("/v1/oauth/token", {name: value for name, value in form.items() if value is not None})

    def form(self, path: str, form: Any, **options: Any) -> httpx2.Response:
        return self.call("POST", path, data=form, **options)

    def sql(self, statement: Any, *parameters: Any) -> list[Any]:
        """As the owner, past row-level security and without a limit of time."""
        return self._owner.rows(statement, parameters)

    def watermarks(self) -> httpx2.Response:
        gateway = Caller(client_id="gateway", scopes=frozenset({"internal:gateway"}), token_use="service")
        return self.call("GET", "/internal/revocations?after=0", gateway)


def keyring_of(auth: Auth) -> Keyring:
    return Keyring.from_text(auth.settings.encryption_keys)


class QueueDoor:
    """The consumer of auth's queues, without anyone who waits for acknowledgements."""

    def __init__(self, auth: Auth) -> None:
        self.auth = auth
        celery: Any = create_worker(auth.settings)
        self.consumer: Consumer = celery.consumer
        # Nobody waits for them here.
        self.consumer.acknowledgements = Acknowledgements(lambda producer, ids: None)


def claims_of(token: str) -> dict[str, Any]:
    return json.loads(base64url_decode(token.split(".")[1]))


def header_of(token: str) -> dict[str, Any]:
    return json.loads(base64url_decode(token.split(".")[0]))


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}


def tenants() -> BootstrapRequest:
    def tenant(key: str, granted: list[str]) -> TenantRequest:
        admin = Admin(f"admin@{key}.example", PASSWORD, f"secret-of-{key}-" + "x" * 32, ADMIN_SCOPES)
        return TenantRequest(key, f"{key.title()} Ambulance", granted, ["incident-desk"], admin)

    return BootstrapRequest([tenant("demo", ["argus:telephony:read"]), tenant("other", [])])


@contextmanager
def running(database: Database, redis_url: str, **changes: Any) -> Iterator[Auth]:
    fixed: dict[str, Any] = {"migration_database_url": database.migrator, "issuer": ISSUER, "api_base_url": API}
    settings = settings_for(Settings, database, redis_url, **fixed | changes)
    made = asyncio.run(bootstrap(settings, tenants()))
    with serving(create_app(settings)) as url:
        auth = Auth(settings, url, msgspec.to_builtins(made))
        try:
            yield auth
        finally:
            auth.close()


CALLBACK = "https://integrator.example/callback"
VERIFIER = "v" * 43
CHALLENGE = base64url_encode(hashlib.sha256(VERIFIER.encode()).digest())
_HIDDEN = re.compile(r'<input type="hidden" name="([a-z]+)" value="([^"]*)">')


class Browser:
    """Follows forms as a person would, without script. Keeps cookies whatever their prefix, since the test speaks plain http."""

    def __init__(self, auth: Auth, language: str = "en") -> None:
        self.auth = auth
        self.cookies: dict[str, str] = {}
        self.language = language
        self.address = f"203.0.113.{next(_addresses) % 250}"

    def get(self, path: str, **options: Any) -> httpx2.Response:
        return self._send("GET", path, **options)

    def head(self, path: str, **options: Any) -> httpx2.Response:
        return self._send("HEAD", path, **options)

    def post(self, path: str, form: dict[str, str], **options: Any) -> httpx2.Response:
        return self._send("POST", path, data=form, **options)

    def _send(self, method: str, path: str, **options: Any) -> httpx2.Response:
        headers = {"accept-language": self.language, "user-agent": "Test browser 1"} | options.pop("headers", {})
        if self.cookies:
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        caller = Caller(address=self.address)
        answer = self.auth.call(method, path, caller, headers=headers, **options)
        for line in answer.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def submit(self, page: httpx2.Response, path: str, **fields: str) -> httpx2.Response:
        """The form of `page` that posts to `path`, filled in."""
        form = page.text.partition(f'action="{path}"')[2].partition("</form>")[0]
        hidden = {name: html.unescape(value) for name, value in _HIDDEN.findall(form)}
        return self.post(path, hidden | fields)

    def sign_in(self, tenant: Any = None, continue_to: str = "/v1/auth/sessions", **fields: str) -> httpx2.Response:
        tenant = tenant or self.auth.demo
        page = self.get("/v1/auth/sign-in", params={"continue": continue_to})
        return self.submit(page, "/v1/auth/sign-in", **({"email": tenant["email"], "password": PASSWORD} | fields))

    def authorize(self, app: dict[str, Any], **fields: Any) -> httpx2.Response:
        return self.get(f"/v1/oauth/authorize?{urlencode(authorization(app, **fields))}")

    def allow(self, app: dict[str, Any], **fields: Any) -> str:
        """Signs in, consents, and returns the code."""
        self.sign_in()
        answer = self.authorize(app, **fields)
        if answer.status_code == 200:
            answer = self.submit(answer, "/v1/oauth/authorize", decision="allow")
        return returned(answer)["code"]


def authorization(app: dict[str, Any], **fields: Any) -> dict[str, str]:
    """The parameters of a good authorization request; a field given as None is left out."""
    parameters = {
        "response_type": "code",
        "client_id": app["client_id"],
        "redirect_uri": CALLBACK,
        "scope": "webhooks:write",
        "state": "st4te",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    } | fields
    return {name: value for name, value in parameters.items() if value is not None}


def returned(answer: httpx2.Response) -> dict[str, str]:
    """What came back to the app, with where it came."""
    assert answer.status_code in (302, 303), (answer.status_code, answer.text)
    location, _, query = answer.headers["location"].partition("?")
    return dict(parse_qsl(query)) | {"location": location}


def register_web_app(auth: Auth, scopes: Sequence[str] = ("webhooks:write", "offline_access"), **fields: Any) -> Any:
    described = {
        "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": [CALLBACK],
        "name": "Dispatch board",
    }
    return auth.register(scopes, **(described | fields))


def redeem(auth: Auth, app: dict[str, Any], code: str, **fields: Any) -> httpx2.Response:
    return auth.token(
        app,
        **(
            {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
            | fields
        ),
    )
