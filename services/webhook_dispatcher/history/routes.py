"""Every call about deliveries, tests and recoveries of a webhook."""

from services.webhook_dispatcher.history import endpoints, overview
from services.webhook_dispatcher.history.models import (
    AppDeliveries,
    AppDeliveryPage,
    Deliveries,
    DeliveryHistory,
    DeliveryPage,
    Diagnosis,
    Queued,
    Reconciliation,
    Recovering,
    RecoverQuery,
    TestQuery,
)
from services.webhook_dispatcher.subscriptions.routes import ONE, READ, STOPPED, UNAPPROVED, WRITE
from shared.web.routing import Operation

OPERATIONS = [
    Operation(
        "GET",
        "/v1/deliveries",
        overview.list_all_deliveries,
        "Review the deliveries of all webhooks",
        READ,
        {200: AppDeliveries},
        "Those of the calling app, newest first, without tests. With the scope `platform:apps` those of every app, or of the app"
        " `client_id`. A call looks at one day, and with a filter by answer, trace, state or type at 10,000 deliveries or fewer: a short"
        " page, or an empty one, may have a `next_cursor`. `event_id` looks at all days. `since` (inclusive) and `until` (exclusive) are"
        " about `created_at`.",
        query=AppDeliveryPage,
    ),
    Operation(
        "GET",
        f"{ONE}/deliveries",
        endpoints.list_deliveries,
        "Review deliveries",
        READ,
        {200: Deliveries},
        "Newest first, tests among the others. `since` (inclusive) and `until` (exclusive) are about `created_at`, when a delivery was"
        " queued here: neither the event's own time nor that of an attempt. `sequence` numbers a webhook's deliveries without a gap, in the"
        " order of their events' times where these arrive together, and otherwise in the order of their arrival here; tests have none. With"
        " `status` or `event_type` a call looks at 10,000 deliveries: a short page, or an empty one, may have a `next_cursor`.",
        query=DeliveryPage,
    ),
    Operation(
        "GET",
        f"{ONE}/deliveries/{{delivery_id}}",
        endpoints.read_delivery,
        "Review one delivery's attempts",
        READ,
        {200: DeliveryHistory},
        "With the exact request body and each attempt: headers, address, answer, duration.",
    ),
    Operation(
        "POST",
        f"{ONE}/deliveries/{{delivery_id}}/retry",
        endpoints.retry_delivery,
        "Send a delivery again",
        WRITE,
        {202: Queued},
        "Sent at once, even if the receiver asked for a pause.",
        headers=("Idempotency-Key",),
        refusals=STOPPED | UNAPPROVED,
    ),
    Operation(
        "POST",
        f"{ONE}/recover",
        endpoints.recover,
        "Send given-up deliveries again",
        WRITE,
        {202: Recovering},
        "Sends again the given-up deliveries created `since` then, and those that wait for a retry: oldest first, at a rising rate.",
        id="recoverDeliveries",
        query=RecoverQuery,
        headers=("Idempotency-Key",),
        refusals=STOPPED,
    ),
    Operation(
        "POST",
        f"{ONE}/test",
        endpoints.send_test,
        "Send a test webhook",
        WRITE,
        {202: Queued, 200: Diagnosis},
        "The example of one of the webhook's types: of `event_type`, or of the first. `?wait=true` sends it at once and answers with a"
        " diagnosis; an app waits for at most two at a time.",
        id="sendTestWebhook",
        query=TestQuery,
        headers=("Idempotency-Key",),
        refusals=STOPPED,
    ),
    Operation(
        "GET",
        f"{ONE}/reconciliation",
        endpoints.reconcile,
        "Check the books",
        READ,
        {200: Reconciliation},
        "Counts the webhook's deliveries, so that you can prove that none is missing.",
        id="getReconciliation",
    ),
]
