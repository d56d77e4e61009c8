"""The calls of operators that webhook-dispatcher alone has, in the contract."""

from services.webhook_dispatcher.operators import endpoints
from services.webhook_dispatcher.operators.models import StoppedTenantFilter, StoppedTenants
from shared.operators.endpoints import require_operator
from shared.operators.proof import READ
from shared.operators.routes import WEAK
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
]
