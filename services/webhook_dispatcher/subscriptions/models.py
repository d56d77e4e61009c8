"""Bodies, rows and answers of subscriptions."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import UNSET, Meta, UnsetType

from shared.messaging.filters import Filter, read_filter
from shared.messaging.messages import AppStatus
from shared.web import http

EventTypes = Annotated[list[Annotated[str, Meta(min_length=1, max_length=128)]], Meta(min_length=1, max_length=50)]
Description = Annotated[str, Meta(max_length=500)]


Payload = Literal["full", "thin"]
PerSecond = Annotated[int, Meta(ge=1, le=1000)]


Pem = Annotated[str, Meta(min_length=1, max_length=16_384)]


class ClientCertificate(http.Body):
    """A certificate that the platform presents to the receiver (mutual TLS), with its private key. No answer shows the key."""

    certificate: Pem
    private_key: Pem


class OAuth(http.Body):
    """A grant of client credentials (RFC 6749 §4.4): each delivery has an access token of this token URL. No answer shows the secret."""

    token_url: Annotated[str, Meta(max_length=2048)]
    client_id: Annotated[str, Meta(min_length=1, max_length=256)]
    client_secret: Annotated[str, Meta(min_length=1, max_length=1024)]
    scope: Annotated[str, Meta(max_length=512, pattern=r"^[!#-\[\]-~]*( [!#-\[\]-~]+)*\Z")] = ""


ClientId = Annotated[str, Meta(min_length=1, max_length=128)]


class NewWebhook(http.Body):
    """An administrator may name another app in `client_id`; without it the webhook is the calling app's."""

    url: str
    events: EventTypes
    filter: Filter | None = None
    payload: Payload = "full"
    max_per_second: PerSecond | None = None
    client_certificate: ClientCertificate | None = None
    oauth: OAuth | None = None
    secret: str | None = None
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    description: Description | None = None
    client_id: ClientId | None = None


class WebhookChange(http.Body):
    """Only the given fields change. `force` goes with a new `secret`, and ends the oldest where as many sign as may."""

    url: str | UnsetType = UNSET
    events: EventTypes | UnsetType = UNSET
    filter: Filter | UnsetType | None = UNSET
    payload: Payload | UnsetType = UNSET
    max_per_second: PerSecond | UnsetType | None = UNSET
    client_certificate: ClientCertificate | UnsetType | None = UNSET
    oauth: OAuth | UnsetType | None = UNSET
    secret: str | UnsetType = UNSET
    force: bool | UnsetType = UNSET
    headers: dict[str, str] | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET


class FilterTrial(http.Body):
    """Event types and the filter that a webhook for them would have. An administrator may name another app in `client_id`."""

    events: EventTypes
    filter: Filter
    client_id: ClientId | None = None


class RotateSigningKey(http.Body):
    """How long the present key signs beside the new one. Earlier ones keep their ends. 0 ends all of them at once."""

    overlap_seconds: Annotated[int, Meta(ge=0, le=604_800)] = 86_400
    force: bool = False


class App(msgspec.Struct, kw_only=True):
    """The state of an app that auth sent."""

    status: AppStatus
    approved_events: list[str]


class Backlog(msgspec.Struct):
    """How many deliveries wait for a webhook, counted up to 10,000 (`more`), and which background work on them is under way.

    `clearing`: those that its app is no longer approved for are given up. `gathering`: those given up are taken back.
    """

    waiting: int
    more: bool
    clearing: bool
    gathering: bool


class ShownCertificate(msgspec.Struct):
    """The certificate that the platform presents to the receiver."""

    fingerprint: str
    expires_at: datetime


class ShownOAuth(msgspec.Struct):
    """The grant with which the platform gets access tokens for the receiver."""

    token_url: str
    client_id: str
    scope: str


class Filtered(msgspec.Struct):
    """The events that a webhook's filter held back since the filter was set, and the last of them. They have no delivery."""

    events: int
    last_event_id: str
    last_event_type: str
    last_at: datetime


class TriedEvent(msgspec.Struct):
    """An event of the past, and whether the filter would have let it through."""

    event_id: str
    event_type: str
    accepted_at: datetime
    matches: bool


class StoredEvent(msgspec.Struct):
    """A row of `events`."""

    id: str
    type: str
    accepted_at: datetime
    body: str


class FilterTried(msgspec.Struct):
    """How many of the newest events of these types the filter would have let through, and which, newest first."""

    looked_at: int
    matched: int
    events: list[TriedEvent]


class FirstAttempts(msgspec.Struct):
    """The first attempts of the deliveries of a period: how many the receiver took, and the duration that 95 in 100 stayed below.

    Without attempts nothing is known of the receiver. The duration is estimated from twelve classes. A count is up to a minute late, and
    the period begins up to a bucket earlier: five minutes of the last hour, an hour of the others.
    """

    attempts: int
    delivered: int
    p95_ms: float | None


class Statistics(msgspec.Struct):
    """How the first attempts of a webhook's deliveries fared."""

    last_hour: FirstAttempts
    last_day: FirstAttempts
    last_week: FirstAttempts


class EarlierSecret(msgspec.Struct, frozen=True):
    """A secret that another one replaced. It signs beside it until `expires_at`."""

    fingerprint: str
    expires_at: datetime


class EarlierKey(msgspec.Struct, frozen=True):
    """A signing key that another one replaced. It signs beside it until `expires_at`."""

    public_key: str
    expires_at: datetime


class Earlier(NamedTuple):
    """A secret or a signing key that another one replaced: encrypted, and by its fingerprint or public key."""

    sealed: bytes
    shown: str
    expires_at: datetime


class Webhook(msgspec.Struct, omit_defaults=True):
    """A subscription. `secret` is shown once, by the call that generated it; `secret_fingerprint` afterwards.

    `backlog` is in the answers to reading and changing one webhook, `statistics` and `next_attempt_at` in lists that ask for them.
    """

    id: str
    client_id: str
    url: str
    events: list[str]
    unapproved_events: list[str]
    filter: Filter | None
    payload: Payload
    max_per_second: int | None
    client_certificate: ShownCertificate | None
    oauth: ShownOAuth | None
    description: str | None
    enabled: bool
    disabled_reason: str | None
    disabled_at: datetime | None
    paused: bool
    secret_fingerprint: str
    public_key: str | None
    headers: list[str]
    failing_since: datetime | None
    slowed_until: datetime | None
    concurrency: int
    recovering: bool
    created_at: datetime
    updated_at: datetime
    previous_secret_fingerprint: str | None = None
    previous_secret_expires_at: datetime | None = None
    previous_public_key: str | None = None
    previous_public_key_expires_at: datetime | None = None
    previous_secrets: list[EarlierSecret] = []
    previous_public_keys: list[EarlierKey] = []
    filtered: Filtered | None = None
    backlog: Backlog | None = None
    statistics: Statistics | None = None
    next_attempt_at: datetime | None = None
    secret: str | None = None
    deliveries_stopped: bool = False
    stop_reason: str | None = None


HealthState = Literal["healthy", "untried", "failing", "slowed", "recovering", "disabled", "paused"]


class Health(msgspec.Struct, kw_only=True):
    """How an endpoint fares: its state, a summary in words, and the facts behind it."""

    state: HealthState
    summary: str
    last_success_at: datetime | None
    failures_in_a_row: int
    last_error: str | None
    failing_since: datetime | None
    next_attempt_at: datetime | None
    waiting: int
    statistics: Statistics
    last_test_at: datetime | None = None


class Addresses(msgspec.Struct):
    """The networks that deliveries come from. A signature is the only proof of their origin."""

    networks: list[str]


class Webhooks(msgspec.Struct):
    webhooks: list[Webhook]
    next_cursor: str | None


class Subscription(msgspec.Struct, kw_only=True):
    """A row of `subscriptions`; the secrets in it are encrypted."""

    id: str
    tenant_id: str
    client_id: str
    url: str
    description: str | None
    events: list[str]
    live_events: list[str]
    filter: Any
    filtered: int
    last_filtered_event: str | None
    last_filtered_type: str | None
    last_filtered_at: datetime | None
    payload: Payload
    max_per_second: int | None
    client_certificate: bytes | None
    certificate_fingerprint: str | None
    certificate_expires_at: datetime | None
    oauth: bytes | None
    oauth_shown: ShownOAuth | None
    secret: bytes
    secret_fingerprint: str
    previous_secret: bytes | None
    previous_secret_fingerprint: str | None
    previous_secret_expires_at: datetime | None
    signing_key: bytes | None
    public_key: str | None
    previous_signing_key: bytes | None
    previous_public_key: str | None
    previous_public_key_expires_at: datetime | None
    older_secrets: list[bytes]
    older_secret_fingerprints: list[str]
    older_secret_ends: list[datetime]
    older_signing_keys: list[bytes]
    older_public_keys: list[str]
    older_public_key_ends: list[datetime]
    headers: bytes | None
    header_names: list[str]
    enabled: bool
    disabled_reason: str | None
    disabled_at: datetime | None
    stop_reason: str | None
    paused: bool
    created_at: datetime
    updated_at: datetime
    last_sequence: int
    concurrency: int
    slowed_until: datetime | None
    failing_since: datetime | None
    recovering: bool
    held: bool
    tenant_stopped: bool

    def _certificate(self) -> ShownCertificate | None:
        if self.certificate_fingerprint is None or self.certificate_expires_at is None:
            return None
        return ShownCertificate(self.certificate_fingerprint, self.certificate_expires_at)

    def _filtered(self) -> Filtered | None:
        if not self.filtered or self.last_filtered_at is None:
            return None
        return Filtered(
            events=self.filtered,
            last_event_id=self.last_filtered_event or "",
            last_event_type=self.last_filtered_type or "",
            last_at=self.last_filtered_at,
        )

    @property
    def earlier_secrets(self) -> list[Earlier]:
        """Those that still sign, newest first."""
        previous = (self.previous_secret, self.previous_secret_fingerprint, self.previous_secret_expires_at)
        return _signing(
            [previous, *zip(self.older_secrets, self.older_secret_fingerprints, self.older_secret_ends, strict=False)]
        )

    @property
    def earlier_keys(self) -> list[Earlier]:
        """Those that still sign, newest first."""
        previous = (self.previous_signing_key, self.previous_public_key, self.previous_public_key_expires_at)
        return _signing(
            [previous, *zip(self.older_signing_keys, self.older_public_keys, self.older_public_key_ends, strict=False)]
        )

    def shown(self, *, secret: str | None = None, backlog: Backlog | None = None) -> Webhook:
        """The webhook as its owner sees it. `secret` is given only by the call that generated it."""
        now = datetime.now(UTC)
        secrets = [EarlierSecret(one.shown, one.expires_at) for one in self.earlier_secrets]
        keys = [EarlierKey(one.shown, one.expires_at) for one in self.earlier_keys]
        return Webhook(
            id=self.id,
            client_id=self.client_id,
            url=self.url,
            events=self.events,
            unapproved_events=[name for name in self.events if name not in self.live_events],
            filter=read_filter(self.filter),
            payload=self.payload,
            max_per_second=self.max_per_second,
            client_certificate=self._certificate(),
            oauth=self.oauth_shown,
            description=self.description,
            enabled=self.enabled,
            disabled_reason=self.disabled_reason,
            disabled_at=self.disabled_at,
            stop_reason=self.stop_reason if self.disabled_reason == "stopped_by_operator" else None,
            paused=self.paused,
            deliveries_stopped=self.tenant_stopped,
            secret_fingerprint=self.secret_fingerprint,
            public_key=self.public_key,
            headers=self.header_names,
            failing_since=self.failing_since,
            slowed_until=self.slowed_until if self.slowed_until is not None and self.slowed_until > now else None,
            concurrency=self.concurrency,
            recovering=self.recovering,
            created_at=self.created_at,
            updated_at=self.updated_at,
            previous_secret_fingerprint=secrets[0].fingerprint if secrets else None,
            previous_secret_expires_at=secrets[0].expires_at if secrets else None,
            previous_public_key=keys[0].public_key if keys else None,
            previous_public_key_expires_at=keys[0].expires_at if keys else None,
            previous_secrets=secrets,
            previous_public_keys=keys,
            filtered=self._filtered(),
            backlog=backlog,
            secret=secret,
        )


def _signing(replaced: Iterable[tuple[bytes | None, str | None, datetime | None]]) -> list[Earlier]:
    """Those whose end is to come."""
    now = datetime.now(UTC)
    return [
        Earlier(sealed, shown, expires_at)
        for sealed, shown, expires_at in replaced
        if sealed is not None and shown is not None and expires_at is not None and expires_at > now
    ]
