"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import UNSET, UnsetType

from .._model import Model


class AppDeliveries(Model, kw_only=True):
    """A page of deliveries of several webhooks"""

    deliveries: list[AppDelivery]
    """The deliveries of this page, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class AppDelivery(Model, kw_only=True):
    """A delivery with its webhook and app."""

    id: str
    """The delivery's id, such as `dlv_01jdk…`"""
    event_id: str
    """The event's id, as in `webhook-id`"""
    event_type: str
    """The event's type, such as `incident.created`"""
    sequence: int | None
    """The delivery's number among those of the webhook, without gaps; null for a test"""
    status: str
    """`retrying` waits for `next_attempt_at`; `failed` is given up. One of: failed, queued, retrying, succeeded"""
    attempted_at: datetime | None
    """When it was last sent; null before"""
    attempt: int
    """The number of the latest attempt, from 1"""
    response_status: int | None
    """The receiver's HTTP status; null without an answer"""
    response_body: str | None
    """The beginning of the receiver's answer"""
    response_truncated: bool | None
    """Whether the answer was longer"""
    duration_ms: float | None
    """Milliseconds until the answer"""
    next_attempt_at: datetime | None
    """When it is sent next; null if it is not"""
    error: str | None
    """The error in words; null if there was none"""
    trace_id: str | None
    """The trace of the call, 32 hex digits; give it to support"""
    created_at: datetime
    """When it was made"""
    webhook_id: str
    """The webhook's id"""
    client_id: str
    """The id of the app, such as `app_01jdk…`"""


class Attempt(Model, kw_only=True):
    """One request of a delivery with its answer, as the history stores it."""

    number: int
    """The number of the attempt, from 1"""
    attempted_at: datetime
    """When it was last sent; null before"""
    url: str
    """The HTTPS address of the receiver"""
    request_headers: dict[str, str]
    """Headers that were sent, without the values of secret ones"""
    resolved_address: str | None
    """The IP address that was called; null if the name did not resolve"""
    response_status: int | None
    """The receiver's HTTP status; null without an answer"""
    response_headers: dict[str, str] | None
    """Headers of the receiver's answer"""
    response_body: str | None
    """The beginning of the receiver's answer"""
    response_truncated: bool
    """Whether the answer was longer"""
    error: str | None
    """The error in words; null if there was none"""
    duration_ms: float
    """Milliseconds until the answer"""
    trace_id: str | None
    """The trace of the call, 32 hex digits; give it to support"""


class Backlog(Model, kw_only=True):
    """How many deliveries wait for a webhook, counted up to 10,000 (`more`), and which background work on them is
    under way.

    `clearing`: those that its app is no longer approved for are given up. `gathering`: those given up are taken
    back.
    """

    waiting: int
    """How many deliveries wait, up to 10,000"""
    more: bool
    """Whether there are more than those counted"""
    clearing: bool
    """Whether deliveries without approval are being given up"""
    gathering: bool
    """Whether given-up deliveries are being taken back"""


class Deliveries(Model, kw_only=True):
    """A page of deliveries"""

    deliveries: list[Delivery]
    """The deliveries of this page, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class Delivery(Model, kw_only=True):
    """One event for one subscription, with its latest attempt."""

    id: str
    """The delivery's id, such as `dlv_01jdk…`"""
    event_id: str
    """The event's id, as in `webhook-id`"""
    event_type: str
    """The event's type, such as `incident.created`"""
    sequence: int | None
    """The delivery's number among those of the webhook, without gaps; null for a test"""
    status: str
    """`retrying` waits for `next_attempt_at`; `failed` is given up. One of: failed, queued, retrying, succeeded"""
    attempted_at: datetime | None
    """When it was last sent; null before"""
    attempt: int
    """The number of the latest attempt, from 1"""
    response_status: int | None
    """The receiver's HTTP status; null without an answer"""
    response_body: str | None
    """The beginning of the receiver's answer"""
    response_truncated: bool | None
    """Whether the answer was longer"""
    duration_ms: float | None
    """Milliseconds until the answer"""
    next_attempt_at: datetime | None
    """When it is sent next; null if it is not"""
    error: str | None
    """The error in words; null if there was none"""
    trace_id: str | None
    """The trace of the call, 32 hex digits; give it to support"""
    created_at: datetime
    """When it was made"""


class DeliveryHistory(Model, kw_only=True):
    """A delivery with its request body and each attempt."""

    id: str
    """The delivery's id, such as `dlv_01jdk…`"""
    event_id: str
    """The event's id, as in `webhook-id`"""
    event_type: str
    """The event's type, such as `incident.created`"""
    sequence: int | None
    """The delivery's number among those of the webhook, without gaps; null for a test"""
    status: str
    """`retrying` waits for `next_attempt_at`; `failed` is given up. One of: failed, queued, retrying, succeeded"""
    attempted_at: datetime | None
    """When it was last sent; null before"""
    attempt: int
    """The number of the latest attempt, from 1"""
    response_status: int | None
    """The receiver's HTTP status; null without an answer"""
    response_body: str | None
    """The beginning of the receiver's answer"""
    response_truncated: bool | None
    """Whether the answer was longer"""
    duration_ms: float | None
    """Milliseconds until the answer"""
    next_attempt_at: datetime | None
    """When it is sent next; null if it is not"""
    error: str | None
    """The error in words; null if there was none"""
    trace_id: str | None
    """The trace of the call, 32 hex digits; give it to support"""
    created_at: datetime
    """When it was made"""
    request_body: str | None
    """The exact body that was sent"""
    attempts: list[Attempt]
    """Each attempt, oldest first"""


class Diagnosis(Model, kw_only=True):
    """The result of one test request: the exact bytes, the connection, and the next step in `verdict`."""

    delivery_id: str
    """The delivery's id"""
    status: str
    """`succeeded` or `failed`"""
    verdict: str
    """The result and the next step, in words"""
    request: dict[str, Any]
    """The exact request: method, address, headers, body"""
    signed_content: str
    """The text that was signed: `id.timestamp.body`"""
    resolved_address: str | None
    """The IP address that was called; null if the name did not resolve"""
    tls: dict[str, Any] | None
    """The TLS version, cipher and certificate; null without TLS"""
    timings_ms: dict[str, Any]
    """Milliseconds of each step: name, connection, TLS, first byte, total"""
    response: dict[str, Any]
    """The receiver's answer: status, headers, body"""
    error: str | None
    """The error in words; null if there was none"""
    trace_id: str | None
    """The trace of the call, 32 hex digits; give it to support"""


class NewWebhook(Model, kw_only=True):
    """A subscription to make"""

    url: str
    """The HTTPS address of the receiver"""
    events: list[str]
    """Event types of the catalogue, such as `incident.created`"""
    secret: str | UnsetType | None = UNSET
    """The signing secret: `whsec_` and base64 of 24 to 64 bytes"""
    headers: dict[str, str] | UnsetType = UNSET
    """Headers that are added to each delivery; their values are encrypted"""
    description: str | UnsetType | None = UNSET
    """A text for people"""


class Queued(Model, kw_only=True):
    """A test delivery that waits to be sent"""

    delivery_id: str
    """The delivery's id"""
    status: str
    """The state"""


class Reconciliation(Model, kw_only=True):
    """accepted = delivered + pending + given_up, of the newest 100,000 deliveries within the retention; the sequence
    has no gap.

    Without `complete` older deliveries are kept and not counted.
    """

    accepted: int
    """How many deliveries were taken on"""
    delivered: int
    """How many were answered 2xx"""
    pending: int
    """How many still wait"""
    given_up: int
    """How many were given up"""
    first_sequence: int | None
    """The first sequence number that is counted"""
    last_sequence: int | None
    """The last sequence number that is counted"""
    complete: bool
    """Whether every delivery within the retention is counted"""


class Recovering(Model, kw_only=True):
    """How many deliveries will be sent again: those taken back after they had been given up, and `hastened`, which
    would have been retried
    later (counted up to 10,000). More are taken back in the background while `gathering`; the webhook's `backlog`
    shows when that is done.
    """

    queued: int
    """How many given-up deliveries are sent again"""
    hastened: int
    """How many waiting retries are sent sooner"""
    gathering: bool
    """Whether more are taken back in the background"""


class Webhook(Model, kw_only=True):
    """A subscription. `secret` is shown once, by the call that generated it; `secret_fingerprint` afterwards.

    `backlog` is in the answers to reading and changing one webhook.
    """

    id: str
    """The webhook's id, such as `wh_01jdk…`"""
    client_id: str
    """The id of the app, such as `app_01jdk…`"""
    url: str
    """The HTTPS address of the receiver"""
    events: list[str]
    """Event types of the catalogue, such as `incident.created`"""
    unapproved_events: list[str]
    """Those of `events` for which the app has no approval: nothing is sent for them"""
    description: str | None
    """A text for people"""
    enabled: bool
    """Whether it works; false stops it"""
    disabled_reason: str | None
    """Why it was stopped, such as `failing` or `gone`; null while it works"""
    disabled_at: datetime | None
    """When it was stopped; null while it works"""
    paused: bool
    """Whether its app is disabled: events are kept meanwhile"""
    secret_fingerprint: str
    """The fingerprint of the signing secret"""
    headers: list[str]
    """Names of the headers that are added to each delivery"""
    failing_since: str | None
    """The first failure of the present series; null if the last attempt succeeded"""
    slowed_until: datetime | None
    """Until when the receiver asked for a pause"""
    concurrency: int
    """How many deliveries are sent at the same time"""
    recovering: bool
    """Whether the rate rises again after failures"""
    created_at: datetime
    """When it was made"""
    updated_at: datetime
    """When it last changed"""
    previous_secret_fingerprint: str | None = None
    """The fingerprint of the secret that still signs beside it"""
    previous_secret_expires_at: datetime | None = None
    """When the old secret stops working; null if it has"""
    backlog: Backlog | None = None
    """The deliveries that wait"""
    secret: str | None = None
    """The signing secret: `whsec_` and base64 of 24 to 64 bytes"""


class WebhookChange(Model, kw_only=True):
    """Only the given fields change."""

    url: str | UnsetType = UNSET
    """The HTTPS address of the receiver"""
    events: list[str] | UnsetType = UNSET
    """Event types of the catalogue, such as `incident.created`"""
    secret: str | UnsetType = UNSET
    """The signing secret: `whsec_` and base64 of 24 to 64 bytes"""
    headers: dict[str, str] | UnsetType = UNSET
    """Headers that are added to each delivery; their values are encrypted"""
    description: str | UnsetType | None = UNSET
    """A text for people"""
    enabled: bool | UnsetType = UNSET
    """Whether it works; false stops it"""


class Webhooks(Model, kw_only=True):
    """A page of webhooks"""

    webhooks: list[Webhook]
    """The webhooks of this page, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""
