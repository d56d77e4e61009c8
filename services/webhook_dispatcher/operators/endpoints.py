"""The list of organisations whose deliveries are stopped. It reads; acts change (shared/operators)."""

from starlette.requests import Request
from starlette.responses import Response

from services.webhook_dispatcher.operators import queries
from services.webhook_dispatcher.operators.models import StoppedTenant, StoppedTenantFilter
from shared.storage.database import every, tenant_transaction
from shared.web import http
from shared.web.identity import Caller


async def list_stopped_tenants(request: Request, caller: Caller, page: StoppedTenantFilter) -> Response:
    parameters = {"tenant_id": page.tenant_id, "after": http.page_after(request, page), "limit": page.limit + 1}
    async with tenant_transaction(request, caller) as conn:
        rows = await every(conn, StoppedTenant, queries.LIST, parameters)
    return http.listed(request, "stopped_tenants", rows, page, lambda stopped: stopped.tenant_id)
