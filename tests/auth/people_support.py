"""An organisation of one test: its people with their roles and their access, and calls in their names."""

import re
from typing import Any

import httpx2
import msgspec

from services.auth.invitations.post import Post
from services.auth.people.roles import ROLES, Role, of
from services.auth.signin import passwords
from shared.primitives import ids
from shared.storage.database import Connection
from shared.web.identity import Caller
from tests.auth.support import PASSWORD, Auth, Browser
from tests.support.mail_sink import Sink, text_of

USERS = "/v1/platform/users"
INVITATIONS = "/v1/platform/invitations"
LINK = re.compile(r"https://auth\.knogin\.test(/v1/auth/invitation\?invitation=([A-Za-z0-9_-]{43}))")
SCOPES = ("platform:apps", "platform:people:write", "webhooks:write")


class Organisation:
    """A tenant with its console, a first-party app."""

    def __init__(self, auth: Auth, name: str = "Coastal Rescue", environment: str = "production") -> None:
        self.auth = auth
        self.tenant_id = ids.new_id("org")
        auth.sql(
            "INSERT INTO tenants (tenant_id, name, environment) VALUES (%s, %s, %s)", self.tenant_id, name, environment
        )
        self.client_id = self._app("Console", first_party=True)

    def _app(self, name: str, *, first_party: bool) -> str:
        client_id = ids.new_id("app")
        self.auth.sql(
            "INSERT INTO apps (client_id, tenant_id, name, first_party, grant_types, redirect_uris, requested_scopes,"
            " token_endpoint_auth_method, pseudonym_domain, version)"
            " VALUES (%s, %s, %s, %s, '{authorization_code,refresh_token}', '{}', %s, 'client_secret_basic', 'd', 1)",
            client_id,
            self.tenant_id,
            name,
            first_party,
            list(SCOPES),
        )
        return client_id

    def person(self, role: Role | None = "administrator", limit: list[str] | None = None) -> "Person":
        """With a password. Without a role, `limit` has the scopes of the identity provider's roles."""
        user_id = ids.new_id("usr")
        email = f"{user_id}@coastal.example"
        self.auth.sql(
            "INSERT INTO users (user_id, tenant_id, email, name, role, scope_limit, password_hash) VALUES (%s, %s, %s, %s, %s, %s, %s)",
            user_id,
            self.tenant_id,
            email,
            f"Person {user_id[-6:]}",
            role,
            limit if role is None else of(role),
            passwords.hash_password(PASSWORD),
        )
        return Person(self, user_id, email, role)

    def app_caller(self, *scopes: str) -> Caller:
        """An app that acts for itself."""
        return self._caller(scopes or SCOPES, subject=self.client_id, token_use="service")

    def _caller(self, scopes: tuple[str, ...], **fields: Any) -> Caller:
        return self.auth.caller(scopes, {"tenant_id": self.tenant_id, "client_id": self.client_id}, **fields)

    def call(self, method: str, path: str, **options: Any) -> httpx2.Response:
        return self.auth.call(method, path, self.app_caller(), **options)

    def invite(self, email: str, role: str = "quality_officer", **options: Any) -> httpx2.Response:
        return self.call("POST", INVITATIONS, json={"email": email, "role": role}, **options)

    def trail(self) -> list[tuple[str, Any]]:
        statement = "SELECT action, detail FROM audit WHERE tenant_id = %s ORDER BY id"
        return self.auth.sql(statement, self.tenant_id)


class Person:
    def __init__(self, organisation: Organisation, user_id: str, email: str, role: Role | None) -> None:
        self.organisation, self.auth = organisation, organisation.auth
        self.id, self.email, self.role = user_id, email, role
        self.path = f"{USERS}/{user_id}"

    def call(self, method: str, path: str, scopes: tuple[str, ...] = SCOPES, **options: Any) -> httpx2.Response:
        """In this person's name, by a token with these scopes, which may be older than the present role."""
        caller = self.organisation._caller(scopes, subject=self.id, token_use="access")
        return self.auth.call(method, path, caller, **options)

    def give_role(self, other: "Person", role: str) -> httpx2.Response:
        return self.call("PUT", f"{other.path}/role", json={"role": role})

    def shown(self) -> dict[str, Any]:
        answer = self.organisation.call("GET", self.path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def sign_in(self, **fields: str) -> Browser:
        browser = Browser(self.auth)
        assert browser.sign_in({"email": self.email}, **fields).status_code == 303
        return browser

    def can_sign_in(self) -> bool:
        return Browser(self.auth).sign_in({"email": self.email}).status_code == 303

    def session(self, user_agent: str = "", address: str = "203.0.113.9") -> str:
        session_id = ids.new_id("ses")
        self.auth.sql(
            "INSERT INTO sessions (session_id, tenant_id, user_id, token_mac, expires_at, user_agent, address)"
            " VALUES (%s, %s, %s, sha256(%s::bytea), now() + interval '1 hour', %s, %s)",
            session_id,
            self.organisation.tenant_id,
            self.id,
            session_id.encode(),
            user_agent,
            address,
        )
        return session_id

    def grant(self, *scopes: str, offline: bool = False, client_id: str = "") -> str:
        grant_id = ids.new_id("gnt")
        self.auth.sql(
            "INSERT INTO grants (grant_id, tenant_id, client_id, user_id, scopes, audience, offline, seed, signed_in_at, expires_at)"
            " VALUES (%s, %s, %s, %s, %s, '{}', %s, 'seed', now(), now() + interval '1 hour')",
            grant_id,
            self.organisation.tenant_id,
            client_id or self.organisation.client_id,
            self.id,
            list(scopes),
            offline,
        )
        return grant_id

    def service_token(self, *scopes: str) -> str:
        grant_id = ids.new_id("gnt")
        self.auth.sql(
            "INSERT INTO service_tokens (id, tenant_id, client_id, jti, grant_id, scopes, expires_at, minted_by)"
            " VALUES (%s, %s, %s, uuidv7(), %s, %s, now() + interval '1 day', %s)",
            ids.new_id("tok"),
            self.organisation.tenant_id,
            self.organisation.client_id,
            grant_id,
            list(scopes),
            self.id,
        )
        return grant_id

    def live_grants(self) -> set[str]:
        rows = self.auth.sql(
            "SELECT grant_id FROM grants WHERE user_id = %s AND revoked_at IS NULL"
            " UNION SELECT grant_id FROM service_tokens WHERE minted_by = %s AND revoked_at IS NULL",
            self.id,
            self.id,
        )
        return {grant_id for (grant_id,) in rows}

    def live_sessions(self) -> int:
        [(number,)] = self.auth.sql("SELECT count(*) FROM sessions WHERE user_id = %s AND ended_at IS NULL", self.id)
        return number

    def refused_tokens(self) -> set[str]:
        """The grants whose access tokens every gateway refuses."""
        return {one for (one,) in self.auth.sql("SELECT id FROM watermarks WHERE kind = 'grant'")}


def post(auth: Auth, sink: Sink | None) -> int:
    """One run of the relay's job; without a sink, with a mail server that is away."""
    url = sink.url if sink is not None else "smtp+plain://127.0.0.1:9"
    settings = msgspec.structs.replace(auth.settings, mail_server=url, mail_from="invitations@platform.example")
    with Connection.connect(auth.settings.worker_database_url or "") as conn:
        return Post(settings).send(conn)


def link_of(sink: Sink, email: str) -> str:
    """The path of the link in the newest mail to this address."""
    mail = [one for one in sink.mails if one["To"] == email][-1]
    found = LINK.search(text_of(mail))
    assert found is not None
    return found[1]


def accept(browser: Browser, path: str, **fields: str) -> httpx2.Response:
    page = browser.get(path)
    if page.status_code != 200:
        return page
    return browser.submit(
        page, "/v1/auth/invitation", **({"name": "Anna Rossi", "password": PASSWORD, "again": PASSWORD} | fields)
    )


ALL_ROLES = tuple(ROLES)
