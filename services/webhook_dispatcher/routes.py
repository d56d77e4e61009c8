"""The public contract of this service."""

from services.webhook_dispatcher.history import routes as history
from services.webhook_dispatcher.notices import routes as notices
from services.webhook_dispatcher.operators import routes as operators
from services.webhook_dispatcher.reading import routes as reading
from services.webhook_dispatcher.replays import routes as replays
from services.webhook_dispatcher.subscriptions import routes as subscriptions
from shared.web.routing import Part

IDS = {"webhook_id": "wh_123", "delivery_id": "dlv_123", "replay_id": "rpl_123"}
PART = Part(
    "Webhooks",
    "webhooks",
    "Subscriptions to events. Each event is delivered by a signed POST, and repeated until the receiver answers 2xx.",
    [*subscriptions.OPERATIONS, *history.OPERATIONS, *replays.OPERATIONS, *notices.OPERATIONS],
    IDS,
)
LOG = Part(
    "Event log",
    "log",
    "Events to fetch: lists for back-fill, and consumers for systems that receive nothing from outside.",
    reading.OPERATIONS,
    {"event_id": "evt_123", "consumer_name": "hospital-inbox"},
)
STOPPED = Part(
    "Stopped deliveries",
    "stopped_deliveries",
    "For operators of the platform, as the calls of operations: organisations and webhooks to which nothing is sent.",
    operators.OPERATIONS,
    {"webhook_id": "wh_123"},
)
PARTS = [PART, LOG, STOPPED]
