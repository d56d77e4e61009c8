"""Bodies, rows and answers of subscriptions."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from shared.messaging.messages import AppStatus
from shared.web import http

EventTypes = Annotated[list[Annotated[str, Meta(min_length=1, max_length=128)]], Meta(min_length=1, max_length=50)]
Description = Annotated[str, Meta(max_length=500)]


class NewWebhook(http.Body):
    url: str
    events: EventTypes
    secret: str | None = None
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    description: Description | None = None


class WebhookChange(http.Body):
    """Only the given fields change."""

    url: str | UnsetType = UNSET
    events: EventTypes | UnsetType = UNSET
    secret: str | UnsetType = UNSET
    headers: dict[str, str] | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET


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


class Webhook(msgspec.Struct, omit_defaults=True):
    """A subscription. `secret` is shown once, by the call that generated it; `secret_fingerprint` afterwards.

    `backlog` is in the answers to reading and changing one webhook.
    """

    id: str
    client_id: str
    url: str
    events: list[str]
    unapproved_events: list[str]
    description: str | None
    enabled: bool
    disabled_reason: str | None
    disabled_at: datetime | None
    paused: bool
    secret_fingerprint: str
    headers: list[str]
    failing_since: datetime | None
    slowed_until: datetime | None
    concurrency: int
    recovering: bool
    created_at: datetime
    updated_at: datetime
    previous_secret_fingerprint: str | None = None
    previous_secret_expires_at: datetime | None = None
    backlog: Backlog | None = None
    secret: str | None = None


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

    def shown(self, *, secret: str | None = None, backlog: Backlog | None = None) -> Webhook:
        """The webhook as its owner sees it. `secret` is given only by the call that generated it."""
        now = datetime.now(UTC)
        rotating = self.previous_secret_expires_at is not None and self.previous_secret_expires_at > now
        return Webhook(
            id=self.id,
            client_id=self.client_id,
            url=self.url,
            events=self.events,
            unapproved_events=[name for name in self.events if name not in self.live_events],
            description=self.description,
            enabled=self.enabled,
            disabled_reason=self.disabled_reason,
            disabled_at=self.disabled_at,
            paused=self.paused,
            secret_fingerprint=self.secret_fingerprint,
            headers=self.header_names,
            failing_since=self.failing_since,
            slowed_until=self.slowed_until if self.slowed_until is not None and self.slowed_until > now else None,
            concurrency=self.concurrency,
            recovering=self.recovering,
            created_at=self.created_at,
            updated_at=self.updated_at,
            previous_secret_fingerprint=self.previous_secret_fingerprint if rotating else None,
            previous_secret_expires_at=self.previous_secret_expires_at if rotating else None,
            backlog=backlog,
            secret=secret,
        )
