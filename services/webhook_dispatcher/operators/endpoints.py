"""Organisations and webhooks that operators stopped, and whose a webhook is. It reads; acts change (shared/operators)."""

from starlette.requests import Request
from starlette.responses import Response

from services.webhook_dispatcher.operators import queries
from services.webhook_dispatcher.operators.models import (
    OperatorWebhook,
    OperatorWebhookRow,
    StoppedTenant,
    StoppedTenantFilter,
)
from shared.storage.database import every, found, tenant_transaction
from shared.web import http
from shared.web.http import Page
from shared.web.identity import Caller


async def list_stopped_tenants(request: Request, caller: Caller, page: StoppedTenantFilter) -> Response:
    parameters = {"tenant_id": page.tenant_id, "after": http.page_after(request, page), "limit": page.limit + 1}
    async with tenant_transaction(request, caller) as conn:
        rows = await every(conn, StoppedTenant, queries.LIST, parameters)
    return http.listed(request, "stopped_tenants", rows, page, lambda stopped: stopped.tenant_id)


async def read_operator_webhook(request: Request, caller: Caller, webhook_id: str) -> OperatorWebhook:
    async with tenant_transaction(request, caller) as conn:
        return (await found(conn, OperatorWebhookRow, queries.WEBHOOK, (webhook_id,))).shown()


async def list_stopped_webhooks(request: Request, caller: Caller, page: Page) -> Response:
    parameters = {"after": http.page_after(request, page), "limit": page.limit + 1}
    async with tenant_transaction(request, caller) as conn:
        rows = await every(conn, OperatorWebhookRow, queries.STOPPED_WEBHOOKS, parameters)
    return http.listed(request, "stopped_webhooks", rows, page, lambda row: row.webhook_id, OperatorWebhookRow.shown)
