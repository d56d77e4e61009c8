"""Every call about webhooks and their deliveries."""

from datetime import datetime
from typing import Any

import msgspec

from services.webhook_dispatcher import endpoints, history_endpoints
from services.webhook_dispatcher.models import (
    Attempt,
    Delivery,
    DeliveryPage,
    NewWebhook,
    RecoverQuery,
    TestQuery,
    WebhookChange,
)
from shared.pagination import Page
from shared.routing import Operation, Part

READ, WRITE = "webhooks:read", "webhooks:write"
WEBHOOKS = "/v1/webhooks"
ONE = WEBHOOKS + "/{webhook_id}"
STOPPED = {409: "The webhook is disabled or its app paused, or a call with this Idempotency-Key is under way"}
UNAPPROVED = {403: "The scope is missing, or the app is not approved for an event type, which is named"}


class Backlog(msgspec.Struct):
    """How many deliveries wait for a webhook, counted up to 10,000 (`more`), and which background work on them is under way.

    `clearing`: those that its app is no longer approved for are given up. `gathering`: those given up are taken back.
    """

    waiting: int
    more: bool
    clearing: bool
    gathering: bool


class Webhook(msgspec.Struct, omit_defaults=True):
    """A subscription. `secret` is shown once, by the call that made it up; `secret_fingerprint` afterwards.

    `backlog` is in the answers to reading and changing one webhook.
    """

    id: str
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


class Deliveries(msgspec.Struct):
    deliveries: list[Delivery]
    next_cursor: str | None


class DeliveryHistory(Delivery):
    """A delivery with what was sent and each attempt."""

    request_body: str | None
    attempts: list[Attempt]


class Queued(msgspec.Struct):
    delivery_id: str
    status: str


class Recovering(msgspec.Struct):
    """How many deliveries will be sent again: those taken back after they had been given up, and `hastened`, which would have been retried
    later (counted up to 10,000). More are taken back in the background while `gathering`; the webhook's `backlog` shows when that is done.
    """

    queued: int
    hastened: int
    gathering: bool


class Reconciliation(msgspec.Struct):
    """accepted = delivered + pending + given_up, over what is retained; the sequence has no gap."""

    accepted: int
    delivered: int
    pending: int
    given_up: int
    first_sequence: int | None
    last_sequence: int | None


class Diagnosis(msgspec.Struct):
    """What one test request showed: the exact bytes, the road, and what to do next in `verdict`."""

    delivery_id: str
    status: str
    verdict: str
    request: dict[str, Any]
    signed_content: str
    resolved_address: str | None
    tls: dict[str, Any] | None
    timings_ms: dict[str, Any]
    response: dict[str, Any]
    error: str | None
    trace_id: str | None


OPERATIONS = [
    Operation(
        "GET",
        WEBHOOKS,
        endpoints.list_webhooks,
        "List webhooks",
        READ,
        {200: Webhooks},
        query=Page,
    ),
    Operation(
        "POST",
        WEBHOOKS,
        endpoints.create_webhook,
        "Create a webhook",
        WRITE,
        {201: Webhook},
        "Deliveries are signed as Standard Webhooks 1.0 says. Without a `secret` one is made and shown this once.",
        body=NewWebhook,
        headers=("Idempotency-Key",),
        refusals=STOPPED | UNAPPROVED,
        example={"url": "https://integrator.example/webhooks/argus", "events": ["incident.updated"]},
    ),
    Operation(
        "GET",
        ONE,
        endpoints.read_webhook,
        "Inspect a webhook",
        READ,
        {200: Webhook},
    ),
    Operation(
        "PUT",
        ONE,
        endpoints.change_webhook,
        "Update a webhook",
        WRITE,
        {200: Webhook},
        "Changes what it names. A new `secret` signs beside the old one for 24 hours. `enabled: true` ends a disablement, and has a webhook"
        " that is failing or slowed tried at once; `enabled: false` holds from the next delivery on, however many wait.",
        body=WebhookChange,
        refusals=UNAPPROVED,
        example={"events": ["incident.updated", "incident.closed"]},
    ),
    Operation(
        "DELETE",
        ONE,
        endpoints.delete_webhook,
        "Delete a webhook",
        WRITE,
        {204: None},
    ),
    Operation(
        "GET",
        f"{ONE}/deliveries",
        history_endpoints.list_deliveries,
        "Review deliveries",
        READ,
        {200: Deliveries},
        "Newest first, tests among the others. `since` (inclusive) and `until` (exclusive) are about `created_at`, when a delivery was"
        " queued here: neither the event's own time nor that of an attempt. `sequence` numbers a webhook's deliveries without a gap, in the"
        " order of their events' times where these arrive together, and otherwise in the order of their arrival here; tests have none.",
        query=DeliveryPage,
    ),
    Operation(
        "GET",
        f"{ONE}/deliveries/{{delivery_id}}",
        history_endpoints.read_delivery,
        "Review one delivery's attempts",
        READ,
        {200: DeliveryHistory},
    ),
    Operation(
        "POST",
        f"{ONE}/deliveries/{{delivery_id}}/retry",
        history_endpoints.retry_delivery,
        "Send a delivery again",
        WRITE,
        {202: Queued},
        "Sent at once, also where the receiver asked to be left alone for a while.",
        refusals=STOPPED | UNAPPROVED,
    ),
    Operation(
        "POST",
        f"{ONE}/recover",
        history_endpoints.recover,
        "Send again what was given up",
        WRITE,
        {202: Recovering},
        "What was given up of deliveries created `since` then, and what waits for a retry: oldest first, at a rising rate.",
        query=RecoverQuery,
        refusals=STOPPED,
    ),
    Operation(
        "POST",
        f"{ONE}/test",
        history_endpoints.send_test,
        "Send a test webhook",
        WRITE,
        {202: Queued, 200: Diagnosis},
        "`?wait=true` sends it at once and answers with a diagnosis; an app waits for at most two at a time.",
        query=TestQuery,
        headers=("Idempotency-Key",),
        refusals=STOPPED,
    ),
    Operation(
        "GET",
        f"{ONE}/reconciliation",
        history_endpoints.reconcile,
        "Check the books",
        READ,
        {200: Reconciliation},
    ),
]
IDS = {"webhook_id": "wh_123", "delivery_id": "dlv_123"}
PART = Part("Webhooks", "webhooks", "https://auth.knogin.com", OPERATIONS, IDS)
