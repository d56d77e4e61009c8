"""Every call about webhooks."""

from services.webhook_dispatcher.subscriptions import endpoints
from services.webhook_dispatcher.subscriptions.administrators import AppPage
from services.webhook_dispatcher.subscriptions.models import NewWebhook, Webhook, WebhookChange, Webhooks
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
        " administrator may also read each of them, with its deliveries.",
        query=AppPage,
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
        "With its backlog: how many deliveries wait.",
    ),
    Operation(
        "PUT",
        ONE,
        endpoints.change_webhook,
        "Update a webhook",
        WRITE,
        {200: Webhook},
        "Changes the fields it names. A new `secret` signs beside the old one for 24 hours. `enabled: true` ends a disablement, and a"
        " webhook that is failing or slowed is tried at once; `enabled: false` holds from the next delivery on, however many wait.",
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
        "Nothing is sent any more; its deliveries and their history are deleted.",
    ),
]
