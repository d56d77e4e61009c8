"""Route entries of integration requests."""

from services.auth.apps.scopes import PLATFORM_APPS
from services.auth.requests import endpoints
from services.auth.requests.models import (
    BundlesAsked,
    FederationAsked,
    HandoverAsked,
    IntegrationRequest,
    IntegrationRequests,
    PlatformAsked,
    RequestPage,
    SandboxAsked,
    SandboxCredentials,
    TelephonyAsked,
)
from shared.web.problems import INTEGRATION_REQUESTS
from shared.web.routing import AnyOf, Operation

ONE = INTEGRATION_REQUESTS + "/{request_id}"
HEADERS = ("Idempotency-Key",)
OPERATIONS = [
    Operation(
        "POST",
        INTEGRATION_REQUESTS,
        endpoints.create_request,
        "Ask for a capability",
        PLATFORM_APPS,
        {201: IntegrationRequest},
        "For capabilities on request. Knogin's operators decide. Approval opens the capability at once: scopes appear in"
        " your catalogue, bundles can be granted to apps, federation opens, or a sandbox is made. Subscribers to"
        " `integration_request.decided` are notified.",
        id="createIntegrationRequest",
        body=AnyOf((BundlesAsked, PlatformAsked, FederationAsked, TelephonyAsked, HandoverAsked, SandboxAsked)),
        headers=HEADERS,
        refusals={
            409: "A request for the capability is pending, you have it already, or a call with this Idempotency-Key is under way"
        },
        example={
            "capability": "telephony",
            "reason": "Routing of our dispatch centre's numbers",
            "details": {"scopes": ["argus:telephony:read"]},
        },
    ),
    Operation(
        "GET",
        INTEGRATION_REQUESTS,
        endpoints.list_requests,
        "List requests",
        PLATFORM_APPS,
        {200: IntegrationRequests},
        "Those of your organisation, newest first.",
        id="listIntegrationRequests",
        query=RequestPage,
    ),
    Operation(
        "GET",
        ONE,
        endpoints.read_request,
        "Inspect a request",
        PLATFORM_APPS,
        {200: IntegrationRequest},
        "With the operator's decision, once there is one.",
        id="getIntegrationRequest",
    ),
    Operation(
        "POST",
        f"{ONE}/withdraw",
        endpoints.withdraw_request,
        "Withdraw a request",
        PLATFORM_APPS,
        {200: IntegrationRequest},
        "While it is pending. You may ask again at any time.",
        id="withdrawIntegrationRequest",
        refusals={409: "The request was decided already"},
    ),
    Operation(
        "POST",
        f"{ONE}/credentials",
        endpoints.fetch_credentials,
        "Fetch a sandbox's credentials",
        PLATFORM_APPS,
        {200: SandboxCredentials},
        "Makes the first client secret of an approved sandbox and its administrator's password link. Only this answer"
        " shows them. All data written with them is marked as a test (`HTEST`).",
        id="createSandboxCredentials",
        headers=HEADERS,
        refusals={
            409: "There is no sandbox, its credentials were fetched already, or a call with this Idempotency-Key is under way"
        },
    ),
]
