"""The calls of operators that webhook-dispatcher alone has, in the contract."""

from services.webhook_dispatcher.operators import endpoints
from services.webhook_dispatcher.operators.models import (
    OperatorWebhook,
    StoppedTenantFilter,
    StoppedTenants,
    StoppedWebhooks,
)
from shared.operators.endpoints import READ, require_operator
from shared.operators.routes import WEAK
from shared.web.http import Page
from shared.web.routing import Operation

OPERATIONS = [
    Operation(
        "GET",
        "/v1/operations/webhook-dispatcher/stopped-tenants",
        endpoints.list_stopped_tenants,
        "List organisations whose deliveries are stopped",
        READ,
        {200: StoppedTenants},
        "By id. The act `deliveries.stop` stops the deliveries of an organisation from the next one on, `deliveries.resume` lets them go"
        " on. Nothing is lost meanwhile: they wait, up to the retention of events.",
        query=StoppedTenantFilter,
        refusals=WEAK,
        guard=require_operator,
    ),
    Operation(
        "GET",
        "/v1/operations/webhook-dispatcher/stopped-webhooks",
        endpoints.list_stopped_webhooks,
        "List webhooks that operators stopped",
        READ,
        {200: StoppedWebhooks},
        "Each with its act and reason, until its organisation enables it or the act `webhook.resume` lifts the stop.",
        query=Page,
        refusals=WEAK,
        guard=require_operator,
    ),
    Operation(
        "GET",
        "/v1/operations/webhook-dispatcher/webhooks/{webhook_id}",
        endpoints.read_operator_webhook,
        "Read whose a webhook is",
        READ,
        {200: OperatorWebhook},
        "Its organisation, its app and the host of its address, to compare before an act.",
        refusals=WEAK,
        guard=require_operator,
    ),
]
