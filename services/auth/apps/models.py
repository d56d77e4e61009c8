"""Apps as the database has them, as requests ask for them and as answers show them."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType, field

from shared import http
from shared.deidentification import Mode as Deidentification
from shared.pagination import Page

GrantType = Literal["authorization_code", "client_credentials", "refresh_token"]
AuthMethod = Literal["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]
Name = Annotated[str, Meta(min_length=1, max_length=120)]
Scope = Annotated[str, Meta(min_length=1, max_length=64)]
Scopes = Annotated[list[Scope], Meta(max_length=50)]
RedirectUris = Annotated[list[str], Meta(max_length=100)]
Seconds = Annotated[int, Meta(ge=0, le=30 * 86_400)]


class App(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `apps`."""

    client_id: str
    tenant_id: str
    name: str
    status: Literal["active", "disabled", "deleted"]
    first_party: bool
    grant_types: list[str]
    redirect_uris: list[str]
    requested_scopes: list[str]
    token_endpoint_auth_method: AuthMethod
    jwks: dict[str, Any] | None
    allow_service_tokens: bool
    enforce_pkce: bool
    approved_events: list[str]
    access_token_ttl: int
    graphql_bundles: list[str]
    pseudonym_domain: str
    deidentification: Deidentification
    version: int
    created_at: datetime
    updated_at: datetime


class AppDraft(http.Body):
    """`POST /v1/platform/apps`; names and defaults of RFC 7591 §2."""

    name: Name
    grant_types: Annotated[list[GrantType], Meta(min_length=1, max_length=3)] = field(
        default_factory=lambda: ["authorization_code"]
    )
    redirect_uris: RedirectUris = field(default_factory=list)
    requested_scopes: Scopes = field(default_factory=list)
    token_endpoint_auth_method: AuthMethod = "client_secret_basic"
    jwks: dict[str, Any] | None = None


class AppChange(http.Body):
    """`PATCH /v1/platform/apps/{client_id}`; what is not named stays."""

    name: Name | UnsetType = UNSET
    redirect_uris: RedirectUris | UnsetType = UNSET
    requested_scopes: Scopes | UnsetType = UNSET
    jwks: dict[str, Any] | UnsetType = UNSET


class GovernanceChange(http.Body):
    """`PATCH …/governance`: a JSON merge, only named fields change."""

    allow_service_tokens: bool | UnsetType = UNSET
    enforce_pkce: bool | UnsetType = UNSET
    redirect_uris: RedirectUris | UnsetType = UNSET
    approved_events: Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=50)] | UnsetType = UNSET
    access_token_ttl: Annotated[int, Meta(ge=60, le=86_400)] | UnsetType = UNSET
    graphql_bundles: Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=50)] | UnsetType = UNSET
    pseudonym_domain: Annotated[str, Meta(min_length=1, max_length=64)] | UnsetType = UNSET
    deidentification: Deidentification | UnsetType = UNSET


class ServiceTokenDraft(http.Body):
    """`scopes` default to all the app has; lives 24 h unless it says otherwise, 30 days at most."""

    scopes: Annotated[list[Scope], Meta(min_length=1, max_length=50)] | UnsetType = UNSET
    expires_in: Annotated[int, Meta(ge=60, le=30 * 86_400)] = 86_400


class RotateSecret(http.Body):
    """How long the old secret works beside the new one; 0 ends it, and the tokens it obtained, at once."""

    overlap_seconds: Seconds = 86_400


class GovernanceQuery(http.Body):
    dry_run: bool = False


class AppPage(Page):
    status: Literal["active", "disabled"] | None = None


class SecretRow(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class ServiceTokenRow(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    grant_id: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


class AppEventRow(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    at: datetime
    kind: str
    reason: str
    trace_id: str


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    tenant_id: str
    name: str
    status: Literal["active", "suspended"]
    environment: Literal["production", "sandbox"]
    granted_scopes: list[str]
    graphql_bundles: list[str]
    federation: bool
    version: int
