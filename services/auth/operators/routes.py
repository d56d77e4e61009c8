"""Tenants and integration requests of everybody, in the contract."""

from services.auth.operators import endpoints
from services.auth.operators.models import (
    OperatorApp,
    OperatorRequest,
    OperatorRequestFilter,
    OperatorRequests,
    TenantDetail,
    TenantFilter,
    Tenants,
)
from shared.operators.endpoints import READ, require_operator
from shared.operators.routes import WEAK
from shared.web.routing import Operation

BASE = "/v1/operations/auth"
TENANTS, REQUESTS = f"{BASE}/tenants", f"{BASE}/integration-requests"
OPERATIONS = [
    Operation(
        "GET",
        TENANTS,
        endpoints.list_tenants,
        "List tenants",
        READ,
        {200: Tenants},
        "The newest first.",
        query=TenantFilter,
        refusals=WEAK,
        guard=require_operator,
    ),
    Operation(
        "GET",
        f"{TENANTS}/{{tenant_id}}",
        endpoints.read_tenant,
        "Read a tenant",
        READ,
        {200: TenantDetail},
        "With everything that a suspension ends.",
        refusals=WEAK,
        guard=require_operator,
    ),
    Operation(
        "GET",
        f"{BASE}/apps/{{client_id}}",
        endpoints.read_operator_app,
        "Read whose an app is",
        READ,
        {200: OperatorApp},
        "Its name and its organisation, to compare before an act.",
        refusals=WEAK,
        guard=require_operator,
    ),
    Operation(
        "GET",
        REQUESTS,
        endpoints.list_operator_requests,
        "List the integration requests of all tenants",
        READ,
        {200: OperatorRequests},
        "The newest first. Decide one with the act `integration_request.approve` or `integration_request.decline`; the tenant reads the"
        " reason.",
        query=OperatorRequestFilter,
        refusals=WEAK,
        guard=require_operator,
    ),
    Operation(
        "GET",
        f"{REQUESTS}/{{request_id}}",
        endpoints.read_operator_request,
        "Read an integration request of a tenant",
        READ,
        {200: OperatorRequest},
        "With its details.",
        refusals=WEAK,
        guard=require_operator,
    ),
]
