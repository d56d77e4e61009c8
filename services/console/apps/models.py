"""The parts of auth's answers that the pages show, and the answers that hold a secret."""

from datetime import date, datetime
from typing import Any, Literal

import msgspec

from shared.web.scopes import Mode


class Scope(msgspec.Struct):
    name: str
    description: str = ""


class Catalogue(msgspec.Struct):
    """`GET /v1/platform/scopes`."""

    scopes: list[Scope]
    graphql_bundles: list[str] = []

    @property
    def names(self) -> list[str]:
        return [scope.name for scope in self.scopes]


class Secret(msgspec.Struct):
    id: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class Governance(msgspec.Struct):
    allow_service_tokens: bool
    enforce_pkce: bool
    approved_events: list[str]
    access_token_ttl: int
    graphql_bundles: list[str]
    deidentification: Mode


class ScopeUse(msgspec.Struct):
    scope: str


class Usage(msgspec.Struct, kw_only=True):
    tokens: int
    refused: int
    refused_calls: int = 0
    last_token_on: date | None
    scopes: list[ScopeUse]


class App(msgspec.Struct, kw_only=True):
    client_id: str
    name: str
    status: Literal["active", "disabled"]
    first_party: bool
    grant_types: list[str]
    redirect_uris: list[str]
    requested_scopes: list[str]
    token_endpoint_auth_method: str
    jwks: dict[str, Any] | None = None
    governance: Governance
    secrets: list[Secret]
    created_by: str = ""
    usage: Usage | None = None
    created_at: datetime
    updated_at: datetime

    @property
    def has_secret(self) -> bool:
        return self.token_endpoint_auth_method.startswith("client_secret")

    @property
    def used(self) -> set[str]:
        return {use.scope for use in self.usage.scopes} if self.usage is not None else set()


class Apps(msgspec.Struct):
    apps: list[App]
    next_cursor: str | None = None


class RegisteredApp(msgspec.Struct):
    client_id: str
    client_secret: str = ""


class Rotated(msgspec.Struct):
    client_id: str
    client_secret: str
    previous_secret_expires_at: datetime | None


class ServiceToken(msgspec.Struct):
    id: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


class ServiceTokens(msgspec.Struct):
    service_tokens: list[ServiceToken]
    next_cursor: str | None = None


class Minted(msgspec.Struct):
    id: str
    token: str
    scopes: list[str]
    expires_at: datetime


class Tried(msgspec.Struct):
    would_refuse: int
    by_reason: dict[str, int]


class Refusal(msgspec.Struct):
    endpoint: str
    kind: str
    reason: str
    count: int
    first_at: datetime
    last_at: datetime
    trace_id: str


class RefusedCalls(msgspec.Struct):
    status: int
    reason: str
    endpoint: str
    scope: str
    count: int
    first_at: datetime
    last_at: datetime
    trace_id: str


class Refusals(msgspec.Struct):
    """`calls` are of the API, `refusals` of the token endpoint."""

    refusals: list[Refusal]
    incomplete: list[str]
    calls: list[RefusedCalls] = []


class Decision(msgspec.Struct):
    kind: str
    item: str
    decided_by: str
    decided_at: datetime
    reason: str | None
    trace_id: str


class Grant(msgspec.Struct):
    """The approved request that opened a scope or a bundle to the organisation."""

    kind: str
    item: str
    request_id: str
    decided_at: datetime
    reason: str | None


class Decisions(msgspec.Struct):
    decisions: list[Decision]
    organisation_grants: list[Grant]


class Name(msgspec.Struct):
    """A person, as far as a decision shows them."""

    name: str


class Dependents(msgspec.Struct):
    secrets: int
    service_tokens: int
    people: int
    people_more: bool
    tokens_last_7_days: int
