"""Every call about webhooks."""

from services.webhook_dispatcher.subscriptions import earlier, endpoints, health
from services.webhook_dispatcher.subscriptions.administrators import WebhookPage
from services.webhook_dispatcher.subscriptions.models import (
    Addresses,
    FilterTrial,
    FilterTried,
    Health,
    NewWebhook,
    RotateSigningKey,
    Webhook,
    WebhookChange,
    Webhooks,
)
from shared.web.routing import Operation

READ, WRITE = "webhooks:read", "webhooks:write"
WEBHOOKS = "/v1/webhooks"
ONE = WEBHOOKS + "/{webhook_id}"
STOPPED = {409: "The webhook is disabled or its app paused, or a call with this Idempotency-Key is under way"}
UNAPPROVED = {403: "The scope is missing, or the app is not approved for an event type, which is named"}

OPERATIONS = [
    Operation(
        "GET",
        WEBHOOKS,
        endpoints.list_webhooks,
        "List webhooks",
        READ,
        {200: Webhooks},
        "Those of the calling app, newest first. With the scope `platform:apps` those of every app, or of the app `client_id`: an"
        " administrator may read and change each of them. `statistics=true` adds to each how the first attempts of its deliveries fared."
        " `troubled=true` lists those alone that fail, were switched off for it, or have an event type that nobody approved.",
        query=WebhookPage,
    ),
    Operation(
        "POST",
        WEBHOOKS,
        endpoints.create_webhook,
        "Create a webhook",
        WRITE,
        {201: Webhook},
        "Deliveries are signed as Standard Webhooks 1.0 says: with the `secret` (`v1`), and with a key of this webhook whose `public_key`"
        " verifies them (`v1a`). Without a `secret` one is made and shown this once.",
        body=NewWebhook,
        headers=("Idempotency-Key",),
        refusals=STOPPED | UNAPPROVED,
        example={"url": "https://integrator.example/webhooks/argus", "events": ["incident.updated"]},
    ),
    Operation(
        "POST",
        f"{WEBHOOKS}/try-filter",
        endpoints.try_filter,
        "Try a filter on past events",
        WRITE,
        {200: FilterTried},
        "Applies the filter to the data of the newest 100 events of these types, and creates"
        " nothing. Events that are for named apps alone are not among them.",
        id="tryWebhookFilter",
        body=FilterTrial,
        refusals=UNAPPROVED,
        example={"events": ["incident.updated"], "filter": {"pointer": "/status", "eq": "closed"}},
    ),
    Operation(
        "GET",
        ONE,
        endpoints.read_webhook,
        "Inspect a webhook",
        READ,
        {200: Webhook},
        "With its backlog: how many deliveries wait.",
    ),
    Operation(
        "GET",
        f"{ONE}/health",
        health.read_health,
        "Read the health of a webhook",
        READ,
        {200: Health},
        "The state of its endpoint in one word and in sentences: last success, failures in a row, next attempt, what waits.",
        id="getWebhookHealth",
    ),
    Operation(
        "GET",
        f"{WEBHOOKS}/addresses",
        health.read_addresses,
        "Read the addresses of deliveries",
        READ,
        {200: Addresses},
        "The networks from which the platform sends webhooks, for a firewall before the receiver; empty where they are not fixed."
        " Verify the signature nevertheless: it alone proves who sent a delivery.",
        id="getWebhookAddresses",
    ),
    Operation(
        "PUT",
        ONE,
        endpoints.change_webhook,
        "Update a webhook",
        WRITE,
        {200: Webhook},
        f"Changes the fields it names. A new `secret` signs beside the old one for {earlier.OVERLAP_HOURS} hours, and each earlier one"
        f" signs until the end that was stated for it. At most {earlier.MOST} sign: one more is 409, which names the earlier ones as"
        " `pending_secrets`, and as `next_rotation_at` the time when the first of them ends, unless `force` ends the oldest."
        " `enabled: true` ends a disablement, and a webhook that is failing or slowed is tried at once; `enabled: false` holds from the"
        " next delivery on, however many wait.",
        body=WebhookChange,
        refusals=UNAPPROVED | {409: "As many secrets sign as may"},
        example={"events": ["incident.updated", "incident.closed"]},
    ),
    Operation(
        "POST",
        f"{ONE}/rotate-signing-key",
        endpoints.rotate_signing_key,
        "Rotate a webhook's signing key",
        WRITE,
        {200: Webhook},
        "Makes a new Ed25519 key for the signatures `v1a`. The present key signs beside it for `overlap_seconds` (a day, unless it says"
        " otherwise, at most seven days), and each earlier one until the end that was stated for it; 0 ends all of them at once. At"
        f" most {earlier.MOST} keys sign: one more is 409, which names the earlier ones as `pending_keys`, and as `next_rotation_at` the"
        " time when the first of them ends, unless `force` ends the oldest. A webhook without a `public_key` gets its first.",
        id="rotateSigningKey",
        body=RotateSigningKey,
        body_required=False,
        headers=("Idempotency-Key",),
        refusals={409: "As many keys sign as may, or a call with this Idempotency-Key is under way"},
        example={"overlap_seconds": 3600},
    ),
    Operation(
        "DELETE",
        ONE,
        endpoints.delete_webhook,
        "Delete a webhook",
        WRITE,
        {204: None},
        "Nothing is sent any more; its deliveries and their history are deleted.",
    ),
]
