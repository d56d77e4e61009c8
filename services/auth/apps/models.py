"""Apps: the rows, the bodies of requests, and the answers."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType, field

from shared.web import http
from shared.web.http import Page
from shared.web.scopes import Mode as Deidentification

GrantType = Literal[
    "authorization_code", "client_credentials", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"
]
AuthMethod = Literal["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]
Name = Annotated[str, Meta(min_length=1, max_length=120)]
ScopeName = Annotated[str, Meta(min_length=1, max_length=64)]
ScopeNames = Annotated[list[ScopeName], Meta(max_length=50)]
RedirectUris = Annotated[list[str], Meta(max_length=100)]
LONGEST_OVERLAP = 30 * 86_400
Seconds = Annotated[int, Meta(ge=0, le=LONGEST_OVERLAP)]


Names = Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=50)]


class AppDraft(http.Body):
    """`POST /v1/platform/apps`; names and defaults of RFC 7591 §2. `approved_events` and `graphql_bundles` are granted with the app, as
    by its governance."""

    name: Name
    grant_types: Annotated[list[GrantType], Meta(min_length=1, max_length=4)] = field(
        default_factory=lambda: ["authorization_code"]
    )
    redirect_uris: RedirectUris = field(default_factory=list)
    requested_scopes: ScopeNames = field(default_factory=list)
    token_endpoint_auth_method: AuthMethod = "client_secret_basic"
    jwks: dict[str, Any] | None = None
    approved_events: Names = field(default_factory=lambda: ["incident.*"])
    graphql_bundles: Names = field(default_factory=list)


DecisionReason = Annotated[
    str, Meta(max_length=500, description="Why, for those who ask later who decided this. No personal data")
]


class AppChange(http.Body):
    """`PATCH /v1/platform/apps/{client_id}`; changes the fields it names. `reason` is shown with the decision."""

    name: Name | UnsetType = UNSET
    redirect_uris: RedirectUris | UnsetType = UNSET
    requested_scopes: ScopeNames | UnsetType = UNSET
    jwks: dict[str, Any] | UnsetType = UNSET
    reason: DecisionReason | UnsetType = UNSET


class GovernanceChange(http.Body):
    """`PATCH …/governance`: a JSON merge, only named fields change. `reason` is shown with the decision."""

    allow_service_tokens: bool | UnsetType = UNSET
    enforce_pkce: bool | UnsetType = UNSET
    redirect_uris: RedirectUris | UnsetType = UNSET
    approved_events: Names | UnsetType = UNSET
    access_token_ttl: Annotated[int, Meta(ge=60, le=86_400)] | UnsetType = UNSET
    graphql_bundles: Names | UnsetType = UNSET
    pseudonym_domain: Annotated[str, http.external_id(64)] | UnsetType = UNSET
    deidentification: Deidentification | UnsetType = UNSET
    reason: DecisionReason | UnsetType = UNSET


class ServiceTokenDraft(http.Body):
    """`scopes` default to all the app has; lives 24 h unless it says otherwise, 30 days at most."""

    scopes: Annotated[list[ScopeName], Meta(min_length=1, max_length=50)] | UnsetType = UNSET
    expires_in: Annotated[int, Meta(ge=60, le=30 * 86_400)] = 86_400


class RotateSecret(http.Body):
    """How long the present secret works beside the new one. Earlier ones keep their ends. 0 ends all of them at once, with their tokens."""

    overlap_seconds: Seconds = 86_400
    force: bool = False


class GovernanceQuery(http.Body):
    dry_run: bool = False


class AppPage(Page):
    """`usage` adds the last 30 days of each app."""

    status: Literal["active", "disabled"] | None = None
    usage: bool = False


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    tenant_id: str
    name: str
    status: Literal["active", "suspended"]
    environment: Literal["production", "sandbox"]
    granted_scopes: list[str]
    graphql_bundles: list[str]
    federation: bool
    version: int


class Scope(msgspec.Struct):
    name: str
    description: str


class Scopes(msgspec.Struct):
    scopes: list[Scope]
    graphql_bundles: list[str]


MODES = (
    "How the app is shown patient care records. `exact`: names, numbers and free text are gone, times are as they were. `shifted`: "
    "every time of a patient is moved by the same number of whole days, up to 50 either way, and shown to the minute. "
    "`safe_harbor`: every encounter begins on 1 January of its year, vehicles are not named. In the last two the app only reads; ids "
    "and pseudonyms are its own in that mode; an encounter appears, and changes, a fixed number of days after the day that its moved "
    "times say (51, or 367), at midnight UTC, in no meaningful order, so that polling reveals no more than reading once. Such an "
    "app holds no scope but `argus:epcr:read`, `webhooks:read`, `webhooks:write` and `offline_access`, and is approved for no event but "
    "`webhook.disabled`, `webhook.failing`, `webhook.recovered`, `delivery.exhausted`, `app.secret_rotated` and "
    "`integration_request.decided`; a conflicting change is 422 and names "
    "the conflict. A change of mode ends the app's tokens. No mode withstands a reader who holds the dispatch log, a device's readings or "
    "the same records read exactly: values and intervals are not changed, and match. A sandbox moves times but holds nothing back."
)


class Governance(msgspec.Struct):
    """The rules that the organisation's administrator set for the app. `access_token_ttl` is in seconds."""

    allow_service_tokens: bool
    enforce_pkce: bool
    redirect_uris: list[str]
    approved_events: list[str]
    access_token_ttl: int
    graphql_bundles: list[str]
    pseudonym_domain: str
    deidentification: Annotated[Deidentification, Meta(description=MODES)]


class Secret(msgspec.Struct, frozen=True):
    """When a secret was made, ends and was last used; never its value."""

    id: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class ScopeUse(msgspec.Struct, frozen=True):
    scope: str
    last_used_on: date


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """The last 30 days (UTC) of an app: its tokens, the calls that the token endpoint refused (`refused`) and those that the API
    refused (`refused_calls`), and the scopes that its tokens carried."""

    tokens: int
    refused: int
    refused_calls: int
    last_token_on: date | None
    scopes: list[ScopeUse]


class App(msgspec.Struct, kw_only=True, omit_defaults=True):
    """`created_by` is the person or the app that made it. `usage` is there in the answer of one app, and in a list on request."""

    client_id: str
    name: str
    status: Literal["active", "disabled"]
    tenant_id: str
    first_party: bool
    grant_types: list[GrantType]
    redirect_uris: list[str]
    requested_scopes: list[str]
    token_endpoint_auth_method: AuthMethod
    jwks: dict[str, Any] | UnsetType = UNSET
    governance: Governance
    secrets: list[Secret]
    created_by: str | UnsetType = UNSET
    created_at: datetime
    updated_at: datetime
    usage: Usage | UnsetType = UNSET


class RegisteredApp(App, kw_only=True):
    """The app with its secret, which is shown this once; public apps and those with keys of their own have none."""

    client_secret: str | UnsetType = UNSET


class AppRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `apps`. Queries leave deleted apps out, except the one that deletes."""

    client_id: str
    tenant_id: str
    name: str
    status: Literal["active", "disabled", "deleted"]
    first_party: bool
    grant_types: list[GrantType]
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
    created_by: str | None = None
    created_at: datetime
    updated_at: datetime

    @property
    def has_secret(self) -> bool:
        return self.token_endpoint_auth_method in ("client_secret_basic", "client_secret_post")

    @property
    def governance(self) -> Governance:
        return msgspec.convert(self, Governance, from_attributes=True)

    def shown(self, secrets: Sequence[Secret] = (), usage: Usage | UnsetType = UNSET) -> App:
        return App(
            client_id=self.client_id,
            name=self.name,
            status="disabled" if self.status == "disabled" else "active",
            tenant_id=self.tenant_id,
            first_party=self.first_party,
            grant_types=self.grant_types,
            redirect_uris=self.redirect_uris,
            requested_scopes=self.requested_scopes,
            token_endpoint_auth_method=self.token_endpoint_auth_method,
            jwks=UNSET if self.jwks is None else self.jwks,
            governance=self.governance,
            secrets=list(secrets),
            created_by=self.created_by or UNSET,
            usage=usage,
            created_at=self.created_at,
            updated_at=self.updated_at,
        )


class Apps(msgspec.Struct):
    apps: list[App]
    next_cursor: str | None


class GovernanceChanged(msgspec.Struct):
    client_id: str
    governance: Governance
    revoked_service_tokens: int
    revocation_effective_within_seconds: int


class GovernanceTried(msgspec.Struct):
    """The calls that the change would have refused over the last 7 days."""

    dry_run: Literal[True]
    would_refuse: int
    by_reason: dict[str, int]


class AppEvent(msgspec.Struct, frozen=True):
    id: str
    at: datetime
    kind: str
    reason: str
    trace_id: str


class AppEvents(msgspec.Struct):
    events: list[AppEvent]
    next_cursor: str | None


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Refused calls of one kind. `endpoint` is a path."""

    endpoint: str
    kind: str
    reason: str
    count: int
    first_at: datetime
    last_at: datetime
    trace_id: str


class RefusedCalls(msgspec.Struct, frozen=True, kw_only=True):
    """Calls of one kind that the API refused to a token of the app.

    `reason`: `expired`, `revoked` or `audience` of a token (401); `insufficient_scope`, `access_on_request`, `forbidden` or another
    problem's type (403); `rate` over the rate of the app or of its organisation, or `busy` (429); `operation_not_approved` or `forbidden`
    of GraphQL, which is answered 200. `endpoint` is a method and a route, without ids. It and `scope` are empty where they are not
    known, or where the app has very many kinds of refusals.
    """

    status: int
    reason: str
    endpoint: str
    scope: str
    count: int
    first_at: datetime
    last_at: datetime
    trace_id: str


class Refusals(msgspec.Struct):
    """The last 30 days: refused calls of the token endpoint (`refusals`), and of the API (`calls`, the 200 newest groups).

    An app keeps the newest 1,000 refused calls of a kind of the token endpoint; `incomplete` kinds had more.
    """

    refusals: list[Refusal]
    incomplete: list[str]
    calls: list[RefusedCalls]


class AppDecision(msgspec.Struct, frozen=True, kw_only=True):
    """The decision by which an app has a scope, an event type, a bundle or the present value of a rule.

    `decided_by` is a person (`usr_…`), an app (`app_…`) or `operator`; `decided_through` is the app that sent the change.
    """

    kind: Annotated[
        Literal["scope", "event", "bundle", "rule"],
        Meta(description="`rule`: a field of the app's governance, its `jwks`, or its `status`"),
    ]
    item: Annotated[str, Meta(description="The scope, event type or bundle, or the name of the rule")]
    decided_by: str
    decided_through: str
    decided_at: datetime
    reason: str | None
    trace_id: str


class OrganisationGrant(msgspec.Struct, frozen=True, kw_only=True):
    """The approved integration request that opened a scope or a bundle to the organisation. `reason` is the operator's."""

    kind: Literal["scope", "bundle"]
    item: Annotated[str, Meta(description="The scope or the bundle")]
    request_id: str
    requested_by: str
    decided_at: datetime
    reason: str | None


class AppDecisions(msgspec.Struct, frozen=True, kw_only=True):
    """The newest decisions come first."""

    client_id: str
    decisions: list[AppDecision]
    organisation_grants: list[OrganisationGrant]


class Dependents(msgspec.Struct, kw_only=True):
    """The things that end with an app. `people` who gave it access are counted up to 10,000; `people_more` says that there are more."""

    client_id: str
    secrets: int
    service_tokens: int
    people: int
    people_more: bool
    tokens_last_7_days: int


class RotatedSecret(msgspec.Struct):
    """`client_secret` is shown this once. `previous_secrets` are the earlier ones that still work, newest first."""

    client_id: str
    client_secret: str
    previous_secret_expires_at: datetime | None
    previous_secrets: list[Secret]


class MintedServiceToken(msgspec.Struct):
    """`token` is shown this once."""

    id: str
    token: str
    scopes: list[str]
    expires_at: datetime


class ServiceToken(msgspec.Struct, frozen=True):
    id: str
    grant_id: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


class ServiceTokens(msgspec.Struct):
    service_tokens: list[ServiceToken]
    next_cursor: str | None
