"""Every call about apps and their credentials."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from services.auth.apps import endpoints
from services.auth.apps.models import (
    AppChange,
    AppDraft,
    AppPage,
    AuthMethod,
    Deidentification,
    GovernanceChange,
    GovernanceQuery,
    GrantType,
    RotateSecret,
    ServiceTokenDraft,
)
from services.auth.apps.scopes import PLATFORM_APPS
from shared.pagination import Page
from shared.routing import AnyOf, Operation

APPS = "/v1/platform/apps"
APP = APPS + "/{client_id}"
IDEMPOTENCY = ("Idempotency-Key",)
UNDER_WAY = "A call with this Idempotency-Key is under way"
NOT_CHANGEABLE = {403: "The scope is missing, or the app is the caller's own or first-party"}


class Scope(msgspec.Struct):
    name: str
    description: str


class Scopes(msgspec.Struct):
    scopes: list[Scope]


MODES = (
    "How the app is shown patient care records. `exact`: names, numbers and free text are gone, times are as they were. `shifted`: "
    "every time of a patient is moved by the same number of whole days, up to 50 either way, and told to the minute. "
    "`safe_harbor`: every encounter begins on 1 January of its year, vehicles are not named. In the last two the app only reads; ids "
    "and pseudonyms are its own in that mode; an encounter appears, and changes, a fixed number of days after the day that its moved "
    "times say (51, or 367), at midnight UTC, and stands in no meaningful order: who polls learns no more than who reads once. Such an "
    "app holds no scope but `argus:epcr:read`, `webhooks:read`, `webhooks:write` and `offline_access`, and is approved for no event but "
    "`webhook.disabled`, `app.secret_rotated` and `integration_request.decided`; a change that conflicts is 422 and names what "
    "does. A change of mode ends the app's tokens. No mode withstands a reader who holds the dispatch log, a device's readings or "
    "the same records read exactly: values and intervals are not changed, and match. A sandbox moves times but holds nothing back."
)


class Governance(msgspec.Struct):
    """What a tenant's admin has allowed the app. `access_token_ttl` is in seconds."""

    allow_service_tokens: bool
    enforce_pkce: bool
    redirect_uris: list[str]
    approved_events: list[str]
    access_token_ttl: int
    graphql_bundles: list[str]
    pseudonym_domain: str
    deidentification: Annotated[Deidentification, Meta(description=MODES)]


class Secret(msgspec.Struct):
    """When a secret was made, ends and was last used; never its value."""

    id: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class App(msgspec.Struct, kw_only=True, omit_defaults=True):
    client_id: str
    name: str
    status: Literal["active", "disabled"]
    tenant_id: str
    first_party: bool
    grant_types: list[GrantType]
    redirect_uris: list[str]
    requested_scopes: list[str]
    token_endpoint_auth_method: AuthMethod
    jwks: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    governance: Governance
    secrets: list[Secret]
    created_at: datetime
    updated_at: datetime


class RegisteredApp(App, kw_only=True):
    """The app with its secret, which is shown this once; public apps and those with keys of their own have none."""

    client_secret: str | msgspec.UnsetType = msgspec.UNSET


class Apps(msgspec.Struct):
    apps: list[App]
    next_cursor: str | None


class GovernanceChanged(msgspec.Struct):
    client_id: str
    governance: Governance
    revoked_service_tokens: int
    revocation_effective_within_seconds: int


class GovernanceTried(msgspec.Struct):
    """What the change would have refused over the last 7 days."""

    dry_run: Literal[True]
    would_refuse: int
    by_reason: dict[str, int]


class AppEvent(msgspec.Struct):
    id: str
    at: datetime
    kind: str
    reason: str
    trace_id: str


class AppEvents(msgspec.Struct):
    events: list[AppEvent]
    next_cursor: str | None


class RotatedSecret(msgspec.Struct):
    """`client_secret` is shown this once."""

    client_id: str
    client_secret: str
    previous_secret_expires_at: datetime | None


class MintedServiceToken(msgspec.Struct):
    """`token` is shown this once."""

    id: str
    token: str
    scopes: list[str]
    expires_at: datetime


class ServiceToken(msgspec.Struct):
    id: str
    grant_id: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


class ServiceTokens(msgspec.Struct):
    service_tokens: list[ServiceToken]
    next_cursor: str | None


OPERATIONS = [
    Operation(
        "GET",
        "/v1/platform/scopes",
        endpoints.list_scopes,
        "List available scopes",
        "",
        {200: Scopes},
        "What apps of the caller's tenant may ask for; on-request scopes appear once granted.",
    ),
    Operation(
        "GET",
        APPS,
        endpoints.list_apps,
        "List apps",
        PLATFORM_APPS,
        {200: Apps},
        query=AppPage,
    ),
    Operation(
        "POST",
        APPS,
        endpoints.create_app,
        "Create an app",
        PLATFORM_APPS,
        {201: RegisteredApp},
        "Names and defaults as in RFC 7591. The secret is shown this once.",
        body=AppDraft,
        headers=IDEMPOTENCY,
        refusals={409: UNDER_WAY},
        example={
            "name": "Case sync connector",
            "grant_types": ["client_credentials"],
            "redirect_uris": [],
            "requested_scopes": ["webhooks:write"],
        },
    ),
    Operation(
        "GET",
        APP,
        endpoints.read_app,
        "Inspect an app",
        PLATFORM_APPS,
        {200: App},
    ),
    Operation(
        "PATCH",
        APP,
        endpoints.change_app,
        "Change an app",
        PLATFORM_APPS,
        {200: App},
        "Changes what it names. Withdrawing a scope ends the app's live tokens.",
        body=AppChange,
        refusals=NOT_CHANGEABLE,
        example={"name": "Case sync connector 2"},
    ),
    Operation(
        "DELETE",
        APP,
        endpoints.delete_app,
        "Delete an app",
        PLATFORM_APPS,
        {204: None},
        "Its secrets, tokens and grants end at once.",
        refusals=NOT_CHANGEABLE,
    ),
    Operation(
        "POST",
        f"{APP}/disable",
        endpoints.disable_app,
        "Disable an app",
        PLATFORM_APPS,
        {200: App},
        "Its live tokens end at once and its webhooks pause; enabling it brings back its secrets and webhooks.",
        refusals=NOT_CHANGEABLE,
    ),
    Operation(
        "POST",
        f"{APP}/enable",
        endpoints.enable_app,
        "Enable an app",
        PLATFORM_APPS,
        {200: App},
        refusals=NOT_CHANGEABLE,
    ),
    Operation(
        "PATCH",
        f"{APP}/governance",
        endpoints.change_governance,
        "Update app governance",
        PLATFORM_APPS,
        {200: AnyOf((GovernanceChanged, GovernanceTried))},
        "Changes what it names. `allow_service_tokens: false` ends the live ones within a second, another `deidentification` every"
        " token of the app. `?dry_run=true` changes nothing and says what would have been refused over the last 7 days.",
        body=GovernanceChange,
        query=GovernanceQuery,
        refusals=NOT_CHANGEABLE,
        example={"allow_service_tokens": True, "enforce_pkce": True},
    ),
    Operation(
        "GET",
        f"{APP}/events",
        endpoints.list_events,
        "List refused token calls",
        PLATFORM_APPS,
        {200: AppEvents},
        "Why token calls of the last 30 days were refused. An app may read its own with any token.",
        query=Page,
        owner_needs_no_scope=True,
    ),
    Operation(
        "POST",
        f"{APP}/rotate-secret",
        endpoints.rotate_secret,
        "Rotate an app's secret",
        PLATFORM_APPS,
        {200: RotatedSecret},
        "The old secret works for `overlap_seconds` more (a day, unless it says otherwise; 0 ends it at once).",
        body=RotateSecret,
        body_required=False,
        headers=IDEMPOTENCY,
        refusals=NOT_CHANGEABLE | {409: "The app has no secret, or a call with this Idempotency-Key is under way"},
        example={"overlap_seconds": 3600},
    ),
    Operation(
        "POST",
        f"{APP}/service-token",
        endpoints.mint_service_token,
        "Mint a service token",
        PLATFORM_APPS,
        {201: MintedServiceToken},
        "For unattended workloads. Lives 24 hours unless `expires_in` says otherwise, 30 days at most.",
        body=ServiceTokenDraft,
        body_required=False,
        headers=IDEMPOTENCY,
        refusals={
            403: "The scope is missing, the app is the caller's own, or its governance does not allow service tokens",
            409: "The app is disabled or has too many live tokens, or a call with this Idempotency-Key is under way",
        },
        example={"scopes": ["webhooks:write"]},
    ),
    Operation(
        "GET",
        f"{APP}/service-tokens",
        endpoints.list_service_tokens,
        "List service tokens",
        PLATFORM_APPS,
        {200: ServiceTokens},
        query=Page,
    ),
    Operation(
        "DELETE",
        f"{APP}/service-tokens/{{token_id}}",
        endpoints.revoke_service_token,
        "Revoke a service token",
        PLATFORM_APPS,
        {204: None},
        "Every gateway refuses it within a second.",
        refusals=NOT_CHANGEABLE,
    ),
]
