"""How an integration request is shown to the tenant that made it. Pure."""

from typing import Any

from services.auth.requests.models import IntegrationRequest

REQUESTS = "/v1/platform/integration-requests"


def request_view(request: IntegrationRequest) -> dict[str, Any]:
    return {
        "id": request.id,
        "capability": request.capability,
        "status": request.status,
        "reason": request.reason,
        "details": request.details,
        "requested_by": request.requested_by,
        "created_at": request.created_at,
        "decided_at": request.decided_at,
        "decision_reason": request.decision_reason,
        "sandbox": sandbox_view(request),
    }


def sandbox_view(request: IntegrationRequest) -> dict[str, Any] | None:
    """The sandbox that was made, None where none was."""
    if request.sandbox_tenant_id is None:
        return None
    return {
        "tenant_id": request.sandbox_tenant_id,
        "client_id": request.sandbox_client_id,
        "credentials": f"{REQUESTS}/{request.id}/credentials",
        "credentials_at": request.credentials_at,
        "demo_data_at": request.demo_data_at,
    }
