"""What comes in, what is stored, what partners see."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from shared import http
from shared.messages import AppStatus
from shared.pagination import Page

DeliveryStatus = Literal["queued", "succeeded", "retrying", "failed"]
EventTypes = Annotated[list[Annotated[str, Meta(min_length=1, max_length=128)]], Meta(min_length=1, max_length=50)]
Description = Annotated[str, Meta(max_length=500)]
MOST_CONCURRENCY = 64


class NewWebhook(http.Body):
    url: str
    events: EventTypes
    secret: str | None = None
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    description: Description | None = None


class WebhookChange(http.Body):
    """A PUT changes what it names and nothing else."""

    url: str | UnsetType = UNSET
    events: EventTypes | UnsetType = UNSET
    secret: str | UnsetType = UNSET
    headers: dict[str, str] | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET


class DeliveryPage(Page):
    status: DeliveryStatus | None = None
    event_type: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    since: http.Timestamp | None = None
    until: http.Timestamp | None = None


class RecoverQuery(http.Body):
    since: http.Timestamp


class TestQuery(http.Body):
    wait: bool = False


class App(msgspec.Struct, kw_only=True):
    """What auth has told of an app."""

    status: AppStatus
    approved_events: list[str]


class Subscription(msgspec.Struct, kw_only=True):
    """A row of `subscriptions`; the secrets in it are encrypted."""

    id: str
    tenant_id: str
    client_id: str
    url: str
    description: str | None
    events: list[str]
    live_events: list[str]
    secret: bytes
    secret_fingerprint: str
    previous_secret: bytes | None
    previous_secret_fingerprint: str | None
    previous_secret_expires_at: datetime | None
    headers: bytes | None
    header_names: list[str]
    enabled: bool
    disabled_reason: str | None
    disabled_at: datetime | None
    paused: bool
    created_at: datetime
    updated_at: datetime
    last_sequence: int
    concurrency: int
    slowed_until: datetime | None
    failing_since: datetime | None
    recovering: bool
    held: bool

    def partner_view(self, secret: str | None = None) -> dict[str, Any]:
        """The webhook as its owner sees it; `secret` is shown once, by the call that made it."""
        now = datetime.now(UTC)
        view: dict[str, Any] = {
            "id": self.id,
            "url": self.url,
            "events": self.events,
            "unapproved_events": [name for name in self.events if name not in self.live_events],
            "description": self.description,
            "enabled": self.enabled,
            "disabled_reason": self.disabled_reason,
            "disabled_at": self.disabled_at,
            "paused": self.paused,
            "secret_fingerprint": self.secret_fingerprint,
            "headers": self.header_names,
            "failing_since": self.failing_since,
            "slowed_until": self.slowed_until if self.slowed_until and self.slowed_until > now else None,
            "concurrency": self.concurrency,
            "recovering": self.recovering,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        }
        if self.previous_secret_expires_at is not None and self.previous_secret_expires_at > now:
            view["previous_secret_fingerprint"] = self.previous_secret_fingerprint
            view["previous_secret_expires_at"] = self.previous_secret_expires_at
        return view | ({"secret": secret} if secret is not None else {})


class Delivery(msgspec.Struct, kw_only=True):
    """One event for one subscription, with its latest attempt."""

    id: str
    event_id: str
    event_type: str
    sequence: int | None
    status: DeliveryStatus
    attempted_at: datetime | None
    attempt: int
    response_status: int | None
    response_body: str | None
    response_truncated: bool | None
    duration_ms: float | None
    next_attempt_at: datetime | None
    error: str | None
    trace_id: str | None
    created_at: datetime


class Attempt(msgspec.Struct, kw_only=True):
    """One request of a delivery and what came back, as its history keeps it."""

    number: int
    attempted_at: datetime
    url: str
    request_headers: dict[str, str]
    resolved_address: str | None
    response_status: int | None
    response_headers: dict[str, str] | None
    response_body: str | None
    response_truncated: bool
    error: str | None
    duration_ms: float
    trace_id: str | None


class Due(msgspec.Struct, kw_only=True):
    """A claimed delivery with all that sending it takes. `share` is the class of slots it uses (sharing.py), `claimed` the monotonic
    second from which its lease runs.

    Without a body where its event is past the retention.
    """

    delivery_id: str
    delivery_at: datetime
    tenant_id: str
    subscription_id: str
    event_id: str
    event_type: str
    attempt: int
    rung: int
    body: str | None
    traceparent: str | None
    url: str
    secret: bytes
    previous_secret: bytes | None
    headers: bytes | None
    concurrency: int
    failing: bool = False
    share: str = "asked"
    claimed: float = 0.0


class Outcome(msgspec.Struct, kw_only=True):
    """What became of one attempt. `retry_after` is what the receiver asked for, in seconds."""

    status: int | None = None
    error: str | None = None
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    body: str | None = None
    truncated: bool = False
    retry_after: float | None = None
    address: str | None = None
    duration_ms: float = 0
    timed_out: bool = False

    @property
    def succeeded(self) -> bool:
        return self.status is not None and 200 <= self.status < 300 and self.error is None
