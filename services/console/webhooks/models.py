"""The answers of the platform that the pages of webhooks read, with the fields that they show."""

from datetime import datetime
from typing import Any

import msgspec


class Governance(msgspec.Struct):
    approved_events: list[str] = []


class App(msgspec.Struct):
    client_id: str
    name: str
    status: str = "active"
    governance: Governance = msgspec.field(default_factory=Governance)


class Apps(msgspec.Struct):
    apps: list[App]
    next_cursor: str | None = None


class FirstAttempts(msgspec.Struct):
    attempts: int
    delivered: int
    p95_ms: float | None = None


class Statistics(msgspec.Struct):
    last_hour: FirstAttempts
    last_day: FirstAttempts
    last_week: FirstAttempts


class Backlog(msgspec.Struct):
    waiting: int
    more: bool
    gathering: bool = False


class Filtered(msgspec.Struct):
    events: int
    last_event_type: str
    last_at: datetime


class Certificate(msgspec.Struct):
    fingerprint: str
    expires_at: datetime


class OAuth(msgspec.Struct):
    token_url: str
    client_id: str
    scope: str = ""


class Earlier(msgspec.Struct):
    """A secret, by its fingerprint, or a signing key that signs until `expires_at`."""

    expires_at: datetime
    fingerprint: str = ""
    public_key: str = ""


class Webhook(msgspec.Struct):
    id: str
    client_id: str
    url: str
    events: list[str]
    enabled: bool
    secret_fingerprint: str
    created_at: datetime
    updated_at: datetime
    unapproved_events: list[str] = []
    filter: Any = None
    payload: str = "full"
    max_per_second: int | None = None
    client_certificate: Certificate | None = None
    oauth: OAuth | None = None
    description: str | None = None
    disabled_reason: str | None = None
    disabled_at: datetime | None = None
    stop_reason: str | None = None
    paused: bool = False
    deliveries_stopped: bool = False
    public_key: str | None = None
    headers: list[str] = []
    failing_since: datetime | None = None
    slowed_until: datetime | None = None
    recovering: bool = False
    previous_secret_expires_at: datetime | None = None
    previous_secrets: list[Earlier] = []
    previous_public_keys: list[Earlier] = []
    filtered: Filtered | None = None
    backlog: Backlog | None = None
    statistics: Statistics | None = None
    next_attempt_at: datetime | None = None
    secret: str | None = None

    @property
    def runs(self) -> bool:
        """Whether anything is sent to it: no person, app or operator stopped it."""
        return self.enabled and not self.paused and not self.deliveries_stopped


class Webhooks(msgspec.Struct):
    webhooks: list[Webhook]
    next_cursor: str | None = None


class Health(msgspec.Struct):
    state: str
    last_success_at: datetime | None
    failures_in_a_row: int
    last_error: str | None
    failing_since: datetime | None
    next_attempt_at: datetime | None
    waiting: int
    statistics: Statistics
    last_test_at: datetime | None = None


class Books(msgspec.Struct):
    accepted: int
    delivered: int
    pending: int
    given_up: int
    first_sequence: int | None
    last_sequence: int | None
    complete: bool


class Delivery(msgspec.Struct, kw_only=True):
    id: str
    event_id: str
    event_type: str
    sequence: int | None = None
    status: str
    attempted_at: datetime | None = None
    attempt: int = 0
    response_status: int | None = None
    duration_ms: float | None = None
    next_attempt_at: datetime | None = None
    error: str | None = None
    trace_id: str | None = None
    created_at: datetime


class AppDelivery(Delivery, kw_only=True):
    webhook_id: str
    client_id: str


class Deliveries(msgspec.Struct):
    deliveries: list[AppDelivery]
    next_cursor: str | None = None


class GivenUp(msgspec.Struct):
    deliveries: list[Delivery]
    next_cursor: str | None = None


class Attempt(msgspec.Struct, kw_only=True):
    number: int
    attempted_at: datetime
    url: str
    request_headers: dict[str, str]
    resolved_address: str | None = None
    response_status: int | None = None
    response_headers: dict[str, str] | None = None
    response_body: str | None = None
    response_truncated: bool = False
    error: str | None = None
    duration_ms: float
    timings_ms: dict[str, float] | None = None
    trace_id: str | None = None


class History(Delivery, kw_only=True):
    request_body: str | None = None
    attempts: list[Attempt]


class Queued(msgspec.Struct):
    delivery_id: str


class Recovering(msgspec.Struct):
    queued: int
    gathering: bool


class ReplayFilter(msgspec.Struct):
    status: str | None = None
    response: str | None = None
    event_type: str | None = None
    event_id: str | None = None
    key: str | None = None
    trace_id: str | None = None


class ReplayCounted(msgspec.Struct):
    matching: int
    more: bool
    since: datetime
    until: datetime


class Replay(msgspec.Struct, kw_only=True):
    id: str
    state: str
    waits_for: str | None = None
    filter: ReplayFilter
    since: datetime
    until: datetime
    per_second: int
    matching: int
    more: bool = False
    done: int
    delivered: int
    failed: int
    skipped: int
    waiting: int = 0
    created_at: datetime
    reached_at: datetime | None = None
    expected_end_at: datetime | None = None
    stopped_at: datetime | None = None
    finished_at: datetime | None = None


class Replays(msgspec.Struct):
    replays: list[Replay]
    next_cursor: str | None = None


class TriedEvent(msgspec.Struct):
    event_id: str
    event_type: str
    accepted_at: datetime
    matches: bool


class FilterTried(msgspec.Struct):
    looked_at: int
    matched: int
    events: list[TriedEvent]


class Contacts(msgspec.Struct):
    emails: list[str]
    updated_at: datetime | None = None
