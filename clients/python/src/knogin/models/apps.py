"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import UNSET, UnsetType

from .._model import Model


class App(Model, kw_only=True):
    """`created_by` is the person or the app that made it. `usage` is there in the answer of one app, and in a list on
    request.
    """

    client_id: str
    """The id of the app, such as `app_01jdk…`"""
    name: str
    """The name that people see at sign-in and consent"""
    status: str
    """A `disabled` app gets no tokens and no webhooks. One of: active, disabled"""
    tenant_id: str
    """The id of the organisation"""
    first_party: bool
    """Whether the organisation's own people made the app, and need no consent page"""
    grant_types: list[str]
    """The OAuth grant types that the app may use"""
    redirect_uris: list[str]
    """Addresses to which a browser may return after sign-in, compared as exact text"""
    requested_scopes: list[str]
    """The scopes that the app asks for; its tokens hold no others"""
    token_endpoint_auth_method: str
    """How the app proves itself at the token endpoint; `none` is for public apps. One of: client_secret_basic,
    client_secret_post, none, private_key_jwt
    """
    jwks: dict[str, Any] | None = None
    """The app's public keys (RFC 7517), for `private_key_jwt`"""
    governance: Governance
    secrets: list[Secret]
    """The live secrets; two while one replaces the other"""
    created_by: str | None = None
    """The person or the app that made it; left out for apps that operators made"""
    created_at: datetime
    """When it was made"""
    updated_at: datetime
    """When it last changed"""
    usage: Usage | None = None
    """The last 30 days; in the answer of one app, and in a list with `usage=true`"""


class AppChange(Model, kw_only=True):
    """`PATCH /v1/platform/apps/{client_id}`; changes the fields it names. `reason` is shown with the decision."""

    name: str | UnsetType = UNSET
    """The name, for people"""
    redirect_uris: list[str] | UnsetType = UNSET
    """Addresses to which a browser may return after sign-in, compared as exact text"""
    requested_scopes: list[str] | UnsetType = UNSET
    """The scopes that the app asks for; its tokens hold no others"""
    jwks: dict[str, Any] | UnsetType = UNSET
    """The app's public keys (RFC 7517), for `private_key_jwt`"""
    reason: str | UnsetType = UNSET
    """Why, for those who ask later who decided this. No personal data"""


class AppDecision(Model, kw_only=True):
    """The decision by which an app has a scope, an event type, a bundle or the present value of a rule.

    `decided_by` is a person (`usr_…`), an app (`app_…`) or `operator`; `decided_through` is the app that sent the
    change.
    """

    kind: str
    """`rule`: a field of the app's governance, its `jwks`, or its `status`. One of: bundle, event, rule, scope"""
    item: str
    """The scope, event type or bundle, or the name of the rule"""
    decided_by: str
    """The person (`usr_…`) or the app (`app_…`) that decided"""
    decided_through: str
    """The app that sent the change"""
    decided_at: datetime
    """When it was decided"""
    reason: str | None
    """The reason that the change gave; null if it gave none"""
    trace_id: str
    """The trace of the change, 32 hex digits"""


class AppDecisions(Model, kw_only=True):
    """The newest decisions come first."""

    client_id: str
    """The id of the app, such as `app_01jdk…`"""
    decisions: list[AppDecision]
    """The decisions, the newest first"""
    organisation_grants: list[OrganisationGrant]
    """The approved requests that opened its scopes and bundles to the organisation"""


class AppDraft(Model, kw_only=True):
    """`POST /v1/platform/apps`; names and defaults of RFC 7591 §2. `approved_events` and `graphql_bundles` are granted
    with the app, as
    by its governance.
    """

    name: str
    """The name, for people"""
    grant_types: (
        list[
            Literal[
                "authorization_code",
                "client_credentials",
                "refresh_token",
                "urn:ietf:params:oauth:grant-type:device_code",
            ]
        ]
        | UnsetType
    ) = UNSET
    """The OAuth grant types that the app may use"""
    redirect_uris: list[str] | UnsetType = UNSET
    """Addresses to which a browser may return after sign-in, compared as exact text"""
    requested_scopes: list[str] | UnsetType = UNSET
    """The scopes that the app asks for; its tokens hold no others"""
    token_endpoint_auth_method: (
        Literal["client_secret_basic", "client_secret_post", "none", "private_key_jwt"] | UnsetType
    ) = UNSET
    """How the app proves itself at the token endpoint; `none` is for public apps"""
    jwks: dict[str, Any] | UnsetType | None = UNSET
    """The app's public keys (RFC 7517), for `private_key_jwt`"""
    approved_events: list[str] | UnsetType = UNSET
    """Event types that the app's webhooks may get, or patterns such as `incident.*`"""
    graphql_bundles: list[str] | UnsetType = UNSET
    """Names of the GraphQL bundles that are granted"""


class AppEvent(Model, kw_only=True):
    """A refused token call, or another event of the app"""

    id: str
    """The id"""
    at: datetime
    """When it happened"""
    kind: str
    """The kind of event"""
    reason: str
    """The OAuth error, or the reason of the refusal"""
    trace_id: str
    """The trace of the call, 32 hex digits; give it to support"""


class AppEvents(Model, kw_only=True):
    """A page of an app's events, newest first"""

    events: list[AppEvent]
    """The items of this page, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class Apps(Model, kw_only=True):
    """A page of apps"""

    apps: list[App]
    """The apps of this page, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class Dependents(Model, kw_only=True):
    """The things that end with an app. `people` who gave it access are counted up to 10,000; `people_more` says that
    there are more.
    """

    client_id: str
    """The id of the app, such as `app_01jdk…`"""
    secrets: int
    """Live secrets"""
    service_tokens: int
    """Live service tokens"""
    people: int
    """People who gave it access, counted up to 10,000"""
    people_more: bool
    """Whether there are more people than that"""
    tokens_last_7_days: int
    """Tokens that it obtained in the last 7 days"""


class EndingCertificate(Model, kw_only=True):
    """A certificate of an identity provider that ends soon or has ended, and that has no successor in its connection."""

    connection_id: str
    """The connection's id"""
    connection_name: str
    """The connection's name"""
    fingerprint: str
    """The SHA-256 fingerprint, in hex"""
    expires_at: datetime
    """When it ends or ended"""
    last_used_at: datetime | None
    """When it was last used; null if never"""


class EndingCredential(Model, kw_only=True):
    """A client secret or a service token that ends soon. `last_used_at` says whether it is still in use."""

    client_id: str
    """The id of the app, such as `app_01jdk…`"""
    app_name: str
    """The app's name"""
    kind: str
    """A client secret, or a service token. One of: secret, service_token"""
    id: str
    """The id of the secret or token"""
    created_at: datetime
    """When it was made"""
    expires_at: datetime
    """When it ends"""
    last_used_at: datetime | None
    """When it was last used; null if never. A use in the last 75 seconds may not be shown yet"""


class EndingCredentials(Model, kw_only=True):
    """The soonest first, 100 of each list at most. `certificates` is empty for who may not read connections."""

    credentials: list[EndingCredential]
    """The soonest first, 100 at most"""
    certificates: list[EndingCertificate]
    """Those without a successor, the soonest first"""


class Governance(Model, kw_only=True):
    """The rules that the organisation's administrator set for the app. `access_token_ttl` is in seconds."""

    allow_service_tokens: bool
    """Whether service tokens may be minted; false ends those that live"""
    enforce_pkce: bool
    """Whether every authorization code needs PKCE (RFC 7636)"""
    redirect_uris: list[str]
    """Addresses to which a browser may return after sign-in, compared as exact text"""
    approved_events: list[str]
    """Event types that the app's webhooks may get, or patterns such as `incident.*`"""
    access_token_ttl: int
    """Seconds that an access token lives"""
    graphql_bundles: list[str]
    """Names of the GraphQL bundles that are granted"""
    pseudonym_domain: str
    """Apps of one domain see the same pseudonym for a person; apps of different domains cannot link theirs"""
    deidentification: str
    """How the app is shown patient care records. `exact`: names, numbers and free text are gone, times are as they
    were. `shifted`: every time of a patient is moved by the same number of whole days, up to 50 either way, and
    shown to the minute. `safe_harbor`: every encounter begins on 1 January of its year, vehicles are not named. In
    the last two the app only reads; ids and pseudonyms are its own in that mode; an encounter appears, and changes,
    a fixed number of days after the day that its moved times say (51, or 367), at midnight UTC, in no meaningful
    order, so that polling reveals no more than reading once. Such an app holds no scope but `argus:epcr:read`,
    `webhooks:read`, `webhooks:write` and `offline_access`, and is approved for no event but `webhook.disabled`,
    `webhook.failing`, `webhook.recovered`, `delivery.exhausted`, `app.secret_rotated` and
    `integration_request.decided`; a conflicting change is 422 and names the conflict. A change of mode ends the
    app's tokens. No mode withstands a reader who holds the dispatch log, a device's readings or the same records
    read exactly: values and intervals are not changed, and match. A sandbox moves times but holds nothing back. One
    of: exact, safe_harbor, shifted
    """


class GovernanceChange(Model, kw_only=True):
    """`PATCH …/governance`: a JSON merge, only named fields change. `reason` is shown with the decision."""

    allow_service_tokens: bool | UnsetType = UNSET
    """Whether service tokens may be minted; false ends those that live"""
    enforce_pkce: bool | UnsetType = UNSET
    """Whether every authorization code needs PKCE (RFC 7636)"""
    redirect_uris: list[str] | UnsetType = UNSET
    """Addresses to which a browser may return after sign-in, compared as exact text"""
    approved_events: list[str] | UnsetType = UNSET
    """Event types that the app's webhooks may get, or patterns such as `incident.*`"""
    access_token_ttl: int | UnsetType = UNSET
    """Seconds that an access token lives"""
    graphql_bundles: list[str] | UnsetType = UNSET
    """Names of the GraphQL bundles that are granted"""
    pseudonym_domain: str | UnsetType = UNSET
    """Apps of one domain see the same pseudonym for a person; apps of different domains cannot link theirs"""
    deidentification: Literal["exact", "safe_harbor", "shifted"] | UnsetType = UNSET
    """How patient care records are shown: `exact`, `shifted` times, or `safe_harbor`"""
    reason: str | UnsetType = UNSET
    """Why, for those who ask later who decided this. No personal data"""


class GovernanceChanged(Model, kw_only=True):
    """The rules that hold now, and what the change ended"""

    client_id: str
    """The id of the app, such as `app_01jdk…`"""
    governance: Governance
    revoked_service_tokens: int
    """How many service tokens ended by this"""
    revocation_effective_within_seconds: int
    """Seconds until every gateway refuses what was revoked"""


class GovernanceTried(Model, kw_only=True):
    """The calls that the change would have refused over the last 7 days."""

    dry_run: bool
    """True: nothing was changed"""
    would_refuse: int
    """How many calls of the last 7 days the change would have refused"""
    by_reason: dict[str, int]
    """The same calls, counted by reason"""


class MintedServiceToken(Model, kw_only=True):
    """`token` is shown this once."""

    id: str
    """The id"""
    token: str
    """The service token; shown this once"""
    scopes: list[str]
    """Scopes, such as `argus:epcr:read`"""
    expires_at: datetime
    """When it ends; null if it has no end"""


class OrganisationGrant(Model, kw_only=True):
    """The approved integration request that opened a scope or a bundle to the organisation. `reason` is the
    operator's.
    """

    kind: str
    """`scope` or `bundle`. One of: bundle, scope"""
    item: str
    """The scope or the bundle"""
    request_id: str
    """The integration request"""
    requested_by: str
    """The app that asked"""
    decided_at: datetime
    """When an operator approved it"""
    reason: str | None
    """The operator's message; null if there was none"""


class Refusal(Model, kw_only=True):
    """Refused calls of one kind. `endpoint` is a path."""

    endpoint: str
    """The path of the endpoint that refused"""
    kind: str
    """The OAuth error code"""
    reason: str
    """The reason, in words"""
    count: int
    """How many refused calls"""
    first_at: datetime
    """The first of them"""
    last_at: datetime
    """The last of them"""
    trace_id: str
    """The trace of the last of them, 32 hex digits"""


class Refusals(Model, kw_only=True):
    """The last 30 days: refused calls of the token endpoint (`refusals`), and of the API (`calls`, the 200 newest
    groups).

    An app keeps the newest 1,000 refused calls of a kind of the token endpoint; `incomplete` kinds had more.
    """

    refusals: list[Refusal]
    """The groups, the one refused last first"""
    incomplete: list[str]
    """Kinds of which there were more calls than are kept"""
    calls: list[RefusedCalls]
    """Refused calls of the API by reason, endpoint and scope, the one refused last first"""


class RefusedCalls(Model, kw_only=True):
    """Calls of one kind that the API refused to a token of the app.

    `reason`: `expired`, `revoked` or `audience` of a token (401); `insufficient_scope`, `access_on_request`,
    `forbidden` or another
    problem's type (403); `rate` over the rate of the app or of its organisation, or `busy` (429);
    `operation_not_approved` or `forbidden`
    of GraphQL, which is answered 200. `endpoint` is a method and a route, without ids. It and `scope` are empty
    where they are not
    known, or where the app has very many kinds of refusals.
    """

    status: int
    """The status of the answers: 401, 403 or 429"""
    reason: str
    """The reason of the refusal"""
    endpoint: str
    """A method and a route, without ids; empty where it is not known"""
    scope: str
    """The scope that was missing; empty where none was"""
    count: int
    """How many refused calls"""
    first_at: datetime
    """The first of them"""
    last_at: datetime
    """The last of them"""
    trace_id: str
    """The trace of the last of them, 32 hex digits"""


class RegisteredApp(Model, kw_only=True):
    """The app with its secret, which is shown this once; public apps and those with keys of their own have none."""

    client_id: str
    """The id of the app, such as `app_01jdk…`"""
    name: str
    """The name that people see at sign-in and consent"""
    status: str
    """A `disabled` app gets no tokens and no webhooks. One of: active, disabled"""
    tenant_id: str
    """The id of the organisation"""
    first_party: bool
    """Whether the organisation's own people made the app, and need no consent page"""
    grant_types: list[str]
    """The OAuth grant types that the app may use"""
    redirect_uris: list[str]
    """Addresses to which a browser may return after sign-in, compared as exact text"""
    requested_scopes: list[str]
    """The scopes that the app asks for; its tokens hold no others"""
    token_endpoint_auth_method: str
    """How the app proves itself at the token endpoint; `none` is for public apps. One of: client_secret_basic,
    client_secret_post, none, private_key_jwt
    """
    jwks: dict[str, Any] | None = None
    """The app's public keys (RFC 7517), for `private_key_jwt`"""
    governance: Governance
    secrets: list[Secret]
    """The live secrets; two while one replaces the other"""
    created_by: str | None = None
    """The person or the app that made it; left out for apps that operators made"""
    created_at: datetime
    """When it was made"""
    updated_at: datetime
    """When it last changed"""
    usage: Usage | None = None
    """The last 30 days; in the answer of one app, and in a list with `usage=true`"""
    client_secret: str | None = None
    """The secret; shown this once"""


class RotateSecret(Model, kw_only=True):
    """How long the present secret works beside the new one. Earlier ones keep their ends. 0 ends all of them at once,
    with their tokens.
    """

    overlap_seconds: int | UnsetType = UNSET
    """Seconds that the present secret works beside the new one; 0 ends every earlier one at once"""
    force: bool | UnsetType = UNSET
    """Ends the oldest at once where as many live as may"""


class RotatedSecret(Model, kw_only=True):
    """`client_secret` is shown this once. `previous_secrets` are the earlier ones that still work, newest first."""

    client_id: str
    """The id of the app, such as `app_01jdk…`"""
    client_secret: str
    """The secret; shown this once"""
    previous_secret_expires_at: datetime | None
    """When the old secret stops working; null if it has"""
    previous_secrets: list[Secret]
    """The earlier secrets that still work, newest first, each until its `expires_at`"""


class Scope(Model, kw_only=True):
    """A permission that an app may ask for"""

    name: str
    """The scope as a token carries it"""
    description: str
    """The permission that the scope gives"""


class ScopeUse(Model, kw_only=True):
    """A scope that an app used"""

    scope: str
    """The scope"""
    last_used_on: str
    """The last day (UTC) on which a token with it was made"""


class Scopes(Model, kw_only=True):
    """The scopes that the organisation's apps may ask for"""

    scopes: list[Scope]
    """The scopes that the organisation's apps may ask for"""
    graphql_bundles: list[str]
    """The curated GraphQL bundles that apps may be granted"""


class Secret(Model, kw_only=True):
    """When a secret was made, ends and was last used; never its value."""

    id: str
    """The id"""
    created_at: datetime
    """When it was made"""
    expires_at: datetime | None
    """When it ends; null if it has no end"""
    last_used_at: datetime | None
    """When it was last used; null if never. A use in the last 5 seconds may not be shown yet"""


class ServiceToken(Model, kw_only=True):
    """A live service token, without its value"""

    id: str
    """The id"""
    grant_id: str
    """The grant that the token belongs to"""
    scopes: list[str]
    """Scopes, such as `argus:epcr:read`"""
    created_at: datetime
    """When it was made"""
    expires_at: datetime
    """When it ends; null if it has no end"""
    last_used_at: datetime | None
    """When it was last used; null if never. A use in the last 75 seconds may not be shown yet"""


class ServiceTokenDraft(Model, kw_only=True):
    """`scopes` default to all the app has; lives 24 h unless it says otherwise, 30 days at most."""

    scopes: list[str] | UnsetType = UNSET
    """Scopes of the token; all of the app's if left out"""
    expires_in: int | UnsetType = UNSET
    """Seconds that the token lives"""


class ServiceTokens(Model, kw_only=True):
    """A page of service tokens"""

    service_tokens: list[ServiceToken]
    """The live service tokens of this page, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class Usage(Model, kw_only=True):
    """The last 30 days (UTC) of an app: its tokens, the calls that the token endpoint refused (`refused`) and those
    that the API
    refused (`refused_calls`), and the scopes that its tokens carried.
    """

    tokens: int
    """Tokens that it obtained"""
    refused: int
    """Token calls that were refused"""
    refused_calls: int
    """Calls that the API refused: answers 401, 403 and 429"""
    last_token_on: str | None
    """The day (UTC) of its last token; null if there was none"""
    scopes: list[ScopeUse]
    """The scopes that its tokens carried"""
