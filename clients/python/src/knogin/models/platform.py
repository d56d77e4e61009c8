"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from msgspec import UNSET, UnsetType, field

from .._model import Model, OneOf


class Agent(Model, kw_only=True):
    """A box at the edge. `staleness` says how long it has been silent; `reported` is its newest heartbeat."""

    id: str
    """The id"""
    name: str
    """The name, for people"""
    vehicle_id: str
    """The vehicle, as your dispatch system names it, such as `AMB-42`"""
    environment: str
    """Where it runs: `sandbox` has only test data. One of: production, sandbox"""
    packages: list[str]
    """Ids of the packages that it should run"""
    status: str
    """An agent works once it is `enrolled`. One of: awaiting_enrolment, enrolled, revoked"""
    staleness: str
    """How long it has been silent: `stale` after some missed heartbeats, `lost` after many. One of: fresh, lost,
    never, stale
    """
    last_seen_at: datetime | None
    """When it last reported; null if never"""
    reported: Heartbeat | None
    """Its newest heartbeat; null if there was none"""
    enrolled_at: datetime | None
    """When it was enrolled"""
    revoked_at: datetime | None
    """When it was revoked; null while it is valid"""
    created_at: datetime
    """When it was made"""


class AgentChange(Model, kw_only=True):
    """Only the given fields change"""

    name: str | UnsetType = UNSET
    """The name, for people"""
    vehicle_id: str | UnsetType = UNSET
    """The vehicle, as your dispatch system names it, such as `AMB-42`"""
    environment: Literal["production", "sandbox"] | UnsetType = UNSET
    """Where it runs: `sandbox` has only test data"""
    packages: list[str] | UnsetType = UNSET
    """Ids of the packages that it should run"""


class AgentDraft(Model, kw_only=True):
    """A box on a vehicle that will enrol; `packages` are those it should run, as they are live in its environment."""

    name: str
    """The name, for people"""
    vehicle_id: str
    """The vehicle, as your dispatch system names it, such as `AMB-42`"""
    environment: Literal["production", "sandbox"] | UnsetType = UNSET
    """Where it runs: `sandbox` has only test data"""
    packages: list[str] | UnsetType = UNSET
    """Ids of the packages that it should run"""


class AgentWithCode(Model, kw_only=True):
    """With its enrolment code, which is shown by this call alone and good for one enrolment."""

    id: str
    """The id"""
    name: str
    """The name, for people"""
    vehicle_id: str
    """The vehicle, as your dispatch system names it, such as `AMB-42`"""
    environment: str
    """Where it runs: `sandbox` has only test data. One of: production, sandbox"""
    packages: list[str]
    """Ids of the packages that it should run"""
    status: str
    """An agent works once it is `enrolled`. One of: awaiting_enrolment, enrolled, revoked"""
    staleness: str
    """How long it has been silent: `stale` after some missed heartbeats, `lost` after many. One of: fresh, lost,
    never, stale
    """
    last_seen_at: datetime | None
    """When it last reported; null if never"""
    reported: Heartbeat | None
    """Its newest heartbeat; null if there was none"""
    enrolled_at: datetime | None
    """When it was enrolled"""
    revoked_at: datetime | None
    """When it was revoked; null while it is valid"""
    created_at: datetime
    """When it was made"""
    enrolment_code: str
    """The code for one enrolment; shown this once"""
    enrolment_code_expires_at: datetime
    """When the code ends"""


class Agents(Model, kw_only=True):
    """A page of edge agents"""

    agents: list[Agent]
    """The agents of this page, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class AnnotateIncident(Model, kw_only=True):
    """Adds `note`, a code, to an incident's timeline. Both fields are values or come from the event."""

    kind: str = "annotate_incident"
    """The kind"""
    incident_id: Any
    """The incident's id"""
    note: Any
    """The code of the note"""


class Automation(Model, kw_only=True):
    """A rule of an app: an event that matches the trigger causes the action.

    `scopes` are those of the token that made the action, and its limit.
    """

    id: str
    """The id"""
    client_id: str
    """The id of the app, such as `app_01jdk…`"""
    name: str
    """The name, for people"""
    trigger: Trigger
    action: Action
    scopes: list[str]
    """Scopes, such as `argus:epcr:read`"""
    enabled: bool
    """Whether it works; false stops it"""
    disabled_reason: str | None
    """Why it was stopped, such as `failing` or `gone`; null while it works"""
    created_at: datetime
    """When it was made"""
    updated_at: datetime
    """When it last changed"""
    stop_reason: str | None
    """The reason that the platform's operator gave for stopping it; null unless `disabled_reason` is
    `stopped_by_operator`
    """


class AutomationChange(Model, kw_only=True):
    """A JSON merge patch (RFC 7396): only the given fields change."""

    name: str | UnsetType = UNSET
    """The name, for people"""
    trigger: Trigger | UnsetType = UNSET
    action: Action | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    """Whether it works; false stops it"""


class AutomationDraft(Model, kw_only=True):
    """A rule to make: an event that matches the trigger causes the action"""

    name: str
    """The name, for people"""
    trigger: Trigger
    action: Action
    enabled: bool | UnsetType = UNSET
    """Whether it works; false stops it"""


class Automations(Model, kw_only=True):
    """A page of automations"""

    automations: list[Automation]
    """The automations of this page, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class Consent(Model, kw_only=True):
    """A listing to install, with exactly the scopes, event types and bundles that it asks for.

    `version` is the version that was read. If the listing shows another one by now, nothing is installed.
    """

    listing_id: str
    """The listing's id"""
    version: str
    """Semantic Versioning 2.0.0, such as 1.4.0-rc.1"""
    consented_scopes: list[str]
    """Exactly the scopes of the listing"""
    consented_event_types: list[str] | UnsetType = UNSET
    """Exactly the event types of the listing"""
    consented_bundles: list[str] | UnsetType = UNSET
    """Exactly the GraphQL bundles of the listing"""


class Decision(Model, kw_only=True):
    """`reason` is stored in the release's history."""

    reason: str | UnsetType | None = UNSET
    """The reason, in words"""


class Desired(Model, kw_only=True):
    """A package the agent should run: the version that is live in its environment.

    `content_url` is the path of its content on this host. `signature` is the Ed25519 signature of the UTF-8 bytes
    of `statement`
    under `jwk`; the statement is JSON, and names the package, the version and the content's digest that are signed.
    A key that was
    revoked since has a `key_revoked_at`.
    """

    package_id: str
    """The package's id"""
    name: str
    """The name, for people"""
    release_id: str
    """The release's id"""
    version: str
    """The version"""
    content_sha256: str
    """The SHA-256 of the content, in lower-case hex"""
    size: int
    """The bytes of the content"""
    key_id: str
    """The id of the signing key"""
    signature: str
    """The Ed25519 signature, in base64url without padding"""
    statement: str
    """The signed JSON text"""
    key_revoked_at: datetime | None
    """When the signing key was revoked; null while it is valid"""
    jwk: PublicJwk
    content_url: str
    """The path of the content, on the same host"""


class DocumentAction(Model, kw_only=True):
    """Runs an approved document of a bundle that the app was granted. `variables` may take values from the event."""

    kind: str = "document"
    """The kind"""
    bundle: str
    """The bundle of the document"""
    operation: str
    """The name of the document"""
    variables: dict[str, Any] | UnsetType = UNSET
    """The variables of the document, by name"""


class Enrolled(Model, kw_only=True):
    """`credential` is shown this once; the agent sends it as `Authorization: Bearer` with every call of its own."""

    agent_id: str
    """The agent's id"""
    credential: str
    """The agent's own credential; shown this once"""
    environment: str
    """Where it runs: `sandbox` has only test data. One of: production, sandbox"""
    heartbeat_seconds: int
    """Seconds between two heartbeats"""


class Enrolment(Model, kw_only=True):
    """The code of an agent that enrols"""

    code: str
    """The enrolment code"""


class Filter(Model, kw_only=True):
    """One of: `pointer` with one of `eq ne in gt lt exists prefix`; `all`, `any`: a list of filters; `not`: a filter."""

    pointer: str | UnsetType = UNSET
    """A JSON Pointer (RFC 6901) into the event's data"""
    eq: str | int | float | bool | UnsetType | None = UNSET
    """The member equals this value"""
    ne: str | int | float | bool | UnsetType | None = UNSET
    """The member is missing, or differs from this value"""
    in_: list[str | int | float | bool | None] | UnsetType = field(name="in", default=UNSET)
    """The member equals one of these values"""
    gt: float | UnsetType = UNSET
    """The member is a number above this"""
    lt: float | UnsetType = UNSET
    """The member is a number below this"""
    exists: bool | UnsetType = UNSET
    """Whether the member must be there"""
    prefix: str | UnsetType = UNSET
    """The member is a text that begins so"""
    all: list[Filter] | UnsetType = UNSET
    """Every one of these filters matches"""
    any: list[Filter] | UnsetType = UNSET
    """At least one of these filters matches"""
    not_: Filter | UnsetType = field(name="not", default=UNSET)


class Heartbeat(Model, kw_only=True):
    """The report of an agent. One that was sent before the newest stored report changes only `last_seen_at`."""

    sent_at: datetime
    """When it was sent, by the agent's clock"""
    running: list[Running] | UnsetType = UNSET
    """The packages that run"""
    agent_version: str | UnsetType | None = UNSET
    """The version of the agent's own program"""


class Installation(Model, kw_only=True):
    """A listing installed in the caller's organisation, and the app that was made for it. `reason` says why one
    failed.
    """

    id: str
    """The id"""
    listing_id: str
    """The listing's id"""
    package_id: str
    """The package's id"""
    publisher: str
    """The organisation that publishes it"""
    title: str
    """The title, for people"""
    version: str
    """The version"""
    kind: str
    """The kind. One of: automations, connector, edge"""
    scopes: list[str]
    """Scopes, such as `argus:epcr:read`"""
    event_types: list[str]
    """Event types, such as `incident.created`"""
    graphql_bundles: list[str]
    """Names of the GraphQL bundles that are granted"""
    content_sha256: str
    """The SHA-256 of the content, in lower-case hex"""
    client_id: str
    """The id of the app, such as `app_01jdk…`"""
    status: str
    """Only an `active` installation runs. One of: active, failed, pending, uninstalled, uninstalling"""
    reason: str | None
    """Why it failed; null otherwise"""
    consented_by: str
    """The app through which the consent was given"""
    consented_by_user: str | None
    """The person who consented; null for an app by itself"""
    created_at: datetime
    """When it was made"""
    active_at: datetime | None
    """When it became active; null before"""
    ended_at: datetime | None
    """When it ended; null while it lasts"""


class Installations(Model, kw_only=True):
    """A page of installations"""

    installations: list[Installation]
    """The installations of this page, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class Instructions(Model, kw_only=True):
    """The packages the agent should run, and whether it runs exactly these."""

    agent_id: str
    """The agent's id"""
    environment: str
    """Where it runs: `sandbox` has only test data. One of: production, sandbox"""
    in_sync: bool
    """Whether the agent runs exactly the desired packages"""
    desired: list[Desired]
    """The packages that the agent should run"""
    heartbeat_seconds: int
    """Seconds between two heartbeats"""


class Jwk(Model, kw_only=True):
    """An Ed25519 public key (RFC 8037 §2). A private one is refused."""

    kty: Literal["OKP"] = "OKP"
    """The key type (RFC 7517)"""
    crv: Literal["Ed25519"] = "Ed25519"
    """The curve (RFC 8037)"""
    x: str
    """The public key, 32 bytes in base64url without padding"""
    kid: str | UnsetType | None = UNSET
    """The key's id"""
    alg: Literal["Ed25519", "EdDSA"] | UnsetType | None = UNSET
    """The algorithm"""
    use: Literal["sig"] | UnsetType | None = UNSET
    """The use of the key"""


class Listing(Model, kw_only=True):
    """A package that any organisation may install, its requests, and the automations of each installation.

    `publisher` is an organisation's name.
    """

    id: str
    """The id"""
    publisher: str
    """The organisation that publishes it"""
    package_id: str
    """The package's id"""
    name: str
    """The name, for people"""
    version: str
    """The version"""
    kind: str
    """The kind. One of: automations, connector, edge"""
    title: str
    """The title, for people"""
    description: str
    """A text for people"""
    scopes: list[str]
    """Scopes, such as `argus:epcr:read`"""
    event_types: list[str]
    """Event types, such as `incident.created`"""
    automations: list[dict[str, Any]]
    """The automations that each installation gets"""
    content_sha256: str
    """The SHA-256 of the content, in lower-case hex"""
    status: str
    """Only a `published` listing can be installed. One of: published, withdrawn"""
    published_at: datetime
    """When it was published; null before"""
    withdrawn_at: datetime | None
    """When it was withdrawn; null while it is offered"""
    graphql_bundles: list[str]
    """Names of the GraphQL bundles that are granted"""


class ListingDraft(Model, kw_only=True):
    """A release that is live in production, with the texts for other organisations."""

    release_id: str
    """The release's id"""
    title: str
    """The title, for people"""
    description: str | UnsetType = UNSET
    """A text for people"""


class Listings(Model, kw_only=True):
    """A page of listings"""

    listings: list[Listing]
    """The listings of this page, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class OpenIncident(Model, kw_only=True):
    """Opens an incident with `type`, `priority` and the other `fields`; they may take values from the event."""

    kind: str = "open_incident"
    """The kind"""
    fields: dict[str, Any]
    """The incident: `type`, `priority` and others"""


class Package(Model, kw_only=True):
    """A package of the caller's organisation; `client_id` is the app that made it."""

    id: str
    """The id"""
    name: str
    """The name; unique in the organisation"""
    kind: str
    """`connector` runs at the partner's, `edge` on a gateway box, `automations` nowhere. One of: automations,
    connector, edge
    """
    description: str
    """A text for people"""
    four_eyes: bool
    """Whether another person or app than the applicant must approve releases"""
    client_id: str
    """The id of the app, such as `app_01jdk…`"""
    created_at: datetime
    """When it was made"""


class PackageDraft(Model, kw_only=True):
    """A package to publish versions of. `connector` runs at the partner's, `edge` on a gateway box, `automations`
    nowhere.

    With `four_eyes`, which stays as it is, releases are approved by another person or app than asked for them.
    """

    name: str
    """Lower-case letters, digits and hyphens, at most 63; unique in the organisation"""
    kind: Literal["automations", "connector", "edge"]
    """The kind"""
    description: str | UnsetType = UNSET
    """A text for people"""
    four_eyes: bool | UnsetType = UNSET
    """Whether another person or app than the applicant must approve releases"""


class PackageVersion(Model, kw_only=True):
    """A version of a package with its signed manifest. `status` says whether its content is stored."""

    id: str
    """The id"""
    package_id: str
    """The package's id"""
    client_id: str
    """The id of the app, such as `app_01jdk…`"""
    version: str
    """The version, in Semantic Versioning"""
    kind: str
    """The kind. One of: automations, connector, edge"""
    scopes: list[str]
    """Scopes, such as `argus:epcr:read`"""
    event_types: list[str]
    """Event types, such as `incident.created`"""
    entry: str
    """The file that starts the package, relative to the content's root"""
    automations: list[dict[str, Any]]
    """The automations that each installation gets"""
    content_sha256: str
    """The SHA-256 of the content, in lower-case hex"""
    key_id: str
    """The id of the signing key"""
    signature: str
    """The Ed25519 signature, in base64url without padding"""
    size: int | None
    """The bytes of the content"""
    created_at: datetime
    """When it was made"""
    published_at: datetime | None
    """When it was published; null before"""
    status: str
    """Whether the content is stored. One of: awaiting_content, published"""


class Packages(Model, kw_only=True):
    """A page of packages"""

    packages: list[Package]
    """The packages of this page, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class PublicJwk(Model, kw_only=True):
    """An Ed25519 public key (RFC 8037 §2); `kid` is the id it was registered under."""

    kty: str
    """The key type (RFC 7517)"""
    crv: str
    """The curve (RFC 8037)"""
    x: str
    """The public key, 32 bytes in base64url without padding"""
    kid: str
    """The key's id"""


class Release(Model, kw_only=True):
    """A release. `…_by` is the app, `…_by_user` the person if there was one; `replaces` the release it was approved to
    replace.
    """

    id: str
    """The id"""
    package_id: str
    """The package's id"""
    version_id: str
    """The id of the version"""
    version: str
    """The version"""
    environment: str
    """Where it runs: `sandbox` has only test data. One of: production, sandbox"""
    status: str
    """`live` is in use; `superseded` was replaced by a newer one. One of: approved, live, rejected, requested,
    rolled_back, superseded
    """
    requested_by: str
    """The app that asked"""
    requested_by_user: str | None
    """The person who asked; null for an app by itself"""
    decided_by: str | None
    """The app that decided; null while it is pending"""
    decided_by_user: str | None
    """The person who decided; null for an app by itself"""
    replaces: str | None
    """The release that it was approved to replace; null for none"""
    created_at: datetime
    """When it was made"""
    decided_at: datetime | None
    """When it was decided; null while it is pending"""
    live_at: datetime | None
    """When it went live; null before"""
    ended_at: datetime | None
    """When it ended; null while it lasts"""


class ReleaseDraft(Model, kw_only=True):
    """A published version, and where it should go live."""

    package_id: str
    """The package's id"""
    version: str
    """Semantic Versioning 2.0.0, such as 1.4.0-rc.1"""
    environment: Literal["production", "sandbox"]
    """Where it runs: `sandbox` has only test data"""


class ReleaseWithHistory(Model, kw_only=True):
    """A release and its history of states, oldest first."""

    id: str
    """The id"""
    package_id: str
    """The package's id"""
    version_id: str
    """The id of the version"""
    version: str
    """The version"""
    environment: str
    """Where it runs: `sandbox` has only test data. One of: production, sandbox"""
    status: str
    """`live` is in use; `superseded` was replaced by a newer one. One of: approved, live, rejected, requested,
    rolled_back, superseded
    """
    requested_by: str
    """The app that asked"""
    requested_by_user: str | None
    """The person who asked; null for an app by itself"""
    decided_by: str | None
    """The app that decided; null while it is pending"""
    decided_by_user: str | None
    """The person who decided; null for an app by itself"""
    replaces: str | None
    """The release that it was approved to replace; null for none"""
    created_at: datetime
    """When it was made"""
    decided_at: datetime | None
    """When it was decided; null while it is pending"""
    live_at: datetime | None
    """When it went live; null before"""
    ended_at: datetime | None
    """When it ended; null while it lasts"""
    history: list[Step]
    """The states, oldest first"""


class Releases(Model, kw_only=True):
    """A page of releases"""

    releases: list[Release]
    """The releases of this page, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class RolledBack(Model, kw_only=True):
    """The release that was taken back, and the one that is live again, if there was one before."""

    id: str
    """The id"""
    package_id: str
    """The package's id"""
    version_id: str
    """The id of the version"""
    version: str
    """The version"""
    environment: str
    """Where it runs: `sandbox` has only test data. One of: production, sandbox"""
    status: str
    """`live` is in use; `superseded` was replaced by a newer one. One of: approved, live, rejected, requested,
    rolled_back, superseded
    """
    requested_by: str
    """The app that asked"""
    requested_by_user: str | None
    """The person who asked; null for an app by itself"""
    decided_by: str | None
    """The app that decided; null while it is pending"""
    decided_by_user: str | None
    """The person who decided; null for an app by itself"""
    replaces: str | None
    """The release that it was approved to replace; null for none"""
    created_at: datetime
    """When it was made"""
    decided_at: datetime | None
    """When it was decided; null while it is pending"""
    live_at: datetime | None
    """When it went live; null before"""
    ended_at: datetime | None
    """When it ended; null while it lasts"""
    history: list[Step]
    """The states, oldest first"""
    restored: Release | None
    """The release that is live again; null if there was none before"""


class Run(Model, kw_only=True):
    """The execution of an automation for one event. Each automation and event have one run, and the run has one
    effect.

    `failed` is tried again at `next_attempt_at`; `dead` waits for a person; `suppressed` never began, because it
    would continue a
    loop or exceed the runs of a minute. One suppressed run is for all events of its minute; `detail` counts them.
    `cause` lists
    the automations that led to the event.
    """

    id: str
    """The id"""
    automation_id: str
    """The automation's id"""
    event_id: str
    """The event's id, as in `webhook-id`"""
    event_type: str
    """The event's type, such as `incident.created`"""
    cause: list[str]
    """Ids of the automations that led to the event"""
    status: str
    """`failed` is tried again, `dead` waits for a person, `suppressed` never began. One of: dead, failed, queued,
    running, succeeded, suppressed
    """
    error: str | None
    """The error in words; null if there was none"""
    detail: str | None
    """The reason in words; null if there is none"""
    result: dict[str, Any] | None
    """The effect's answer; null before"""
    attempt: int
    """The number of attempts so far"""
    next_attempt_at: datetime | None
    """When it is sent next; null if it is not"""
    trace_id: str | None
    """The trace of the call, 32 hex digits; give it to support"""
    created_at: datetime
    """When it was made"""
    started_at: datetime | None
    """When it first began; null before"""
    finished_at: datetime | None
    """When it ended; null before"""


class Running(Model, kw_only=True):
    """A package that runs on the agent, as it was unpacked."""

    package_id: str
    """The package's id"""
    version: str
    """The version"""
    content_sha256: str | UnsetType | None = UNSET
    """The SHA-256 of the content, in lower-case hex"""
    health: str | UnsetType = UNSET
    """How the package does. One of: failing, ok, starting"""


class Runs(Model, kw_only=True):
    """A page of runs"""

    runs: list[Run]
    """The runs of this page, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class SigningKey(Model, kw_only=True):
    """A key that an app signs its versions with, until it is revoked."""

    id: str
    """The id"""
    client_id: str
    """The id of the app, such as `app_01jdk…`"""
    name: str
    """The name, for people"""
    jwk: PublicJwk
    created_at: datetime
    """When it was made"""
    revoked_at: datetime | None
    """When it was revoked; null while it is valid"""


class SigningKeyDraft(Model, kw_only=True):
    """A key of the calling app."""

    name: str
    """The name, for people"""
    jwk: Jwk


class SigningKeys(Model, kw_only=True):
    """A page of signing keys"""

    signing_keys: list[SigningKey]
    """The keys of this page, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class Step(Model, kw_only=True):
    """A state of the release, with the app and person who set it, the reason and the trace."""

    status: str
    """The state that it got. One of: approved, live, rejected, requested, rolled_back, superseded"""
    at: datetime
    """When it happened"""
    client_id: str
    """The id of the app, such as `app_01jdk…`"""
    user_id: str | None
    """The person; null for an app by itself"""
    reason: str | None
    """The reason that was given; null if none"""
    trace_id: str
    """The trace of the call, 32 hex digits; give it to support"""


class Trigger(Model, kw_only=True):
    """Events of one type whose data the filter lets through; without a filter all of them."""

    event_type: str
    """The event's type, such as `incident.created`"""
    filter: Filter | UnsetType | None = UNSET
    """The condition on the event's data; without one, all events of the type"""


class VersionDraft(Model, kw_only=True):
    """A manifest and its signature.

    Signed are the UTF-8 bytes of this object without `signature` and with the package's id as `package_id`, in the
    canonical
    form of RFC 8785.
    """

    version: str
    """Semantic Versioning 2.0.0, such as 1.4.0-rc.1"""
    kind: Literal["automations", "connector", "edge"]
    """The kind"""
    entry: str
    """Path of the file that starts the package, relative to the content's root"""
    content_sha256: str
    """SHA-256 of the content, in lower-case hex"""
    key_id: str
    """The id of the signing key"""
    signature: str
    """Ed25519 signature (RFC 8032), 64 bytes in base64url without padding"""
    scopes: list[str] | UnsetType = UNSET
    """Scopes, such as `argus:epcr:read`"""
    event_types: list[str] | UnsetType = UNSET
    """Event types, such as `incident.created`"""
    automations: list[AutomationDraft] | UnsetType = UNSET
    """Automations that each installation gets, as POST /automations takes them"""


class Versions(Model, kw_only=True):
    """A page of versions"""

    versions: list[PackageVersion]
    """The versions of this page, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class WebhookAction(Model, kw_only=True):
    """Sends `automation.fired` to the app's webhooks that take it, or to one of them. `fields` may take values from
    the event.
    """

    kind: str = "webhook"
    """The kind"""
    webhook_id: str | UnsetType | None = UNSET
    """One webhook of the app; null for all that take the event"""
    fields: dict[str, Any] | UnsetType = UNSET
    """Values to add to the event, by name"""


if TYPE_CHECKING:
    Action: TypeAlias = WebhookAction | DocumentAction | OpenIncident | AnnotateIncident | dict[str, Any]
else:

    class Action(OneOf):
        field = "kind"
        members = {
            "webhook": WebhookAction,
            "document": DocumentAction,
            "open_incident": OpenIncident,
            "annotate_incident": AnnotateIncident,
        }
