"""The public contract of this service."""

from services.webhook_dispatcher.history import routes as history
from services.webhook_dispatcher.subscriptions import routes as subscriptions
from shared.web.routing import Part

IDS = {"webhook_id": "wh_123", "delivery_id": "dlv_123"}
PART = Part("Webhooks", "webhooks", "https://auth.knogin.com", [*subscriptions.OPERATIONS, *history.OPERATIONS], IDS)
