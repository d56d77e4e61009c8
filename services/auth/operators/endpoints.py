"""Tenants and integration requests of everybody: the endpoints of operators. They read; acts change (shared/operators)."""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.auth.operators import queries
from services.auth.operators.models import (
    Asker,
    OperatorApp,
    OperatorRequest,
    OperatorRequestFilter,
    OperatorRequestRow,
    TenantDetail,
    TenantFilter,
    TenantSummary,
)
from shared.primitives import ids
from shared.storage import database
from shared.storage.database import tenant_transaction
from shared.web import http, problems
from shared.web.identity import Caller


async def list_tenants(request: Request, caller: Caller, page: TenantFilter) -> Response:
    parameters = {
        "search": page.search,
        "status": page.status,
        "environment": page.environment,
        "after": http.page_after(request, page),
        "limit": page.limit + 1,
    }
    async with tenant_transaction(request, caller) as conn:
        rows = await database.every(conn, TenantSummary, queries.TENANTS, parameters)
    return http.listed(request, "tenants", rows, page, lambda tenant: tenant.tenant_id)


async def read_tenant(request: Request, caller: Caller, tenant_id: str) -> TenantDetail:
    if not ids.is_id(tenant_id, "org"):
        raise problems.not_found()
    async with tenant_transaction(request, caller) as conn:
        found = await database.first(conn, TenantDetail, queries.TENANT, (tenant_id,))
    if found is None:
        raise problems.not_found()
    return found


async def read_operator_app(request: Request, caller: Caller, client_id: str) -> OperatorApp:
    async with tenant_transaction(request, caller) as conn:
        return await database.found(conn, OperatorApp, queries.APP, (client_id,))


NO_FILTER: dict[str, Any] = {"id": None, "status": None, "capability": None, "tenant_id": None, "after": None}


async def list_operator_requests(request: Request, caller: Caller, page: OperatorRequestFilter) -> Response:
    parameters = NO_FILTER | {
        "status": page.status,
        "capability": page.capability,
        "tenant_id": page.tenant_id,
        "after": http.page_after(request, page),
        "limit": page.limit + 1,
    }
    async with tenant_transaction(request, caller) as conn:
        found, fitting = await database.page_of(
            conn, OperatorRequestRow, queries.REQUESTS, parameters, page, http.SMALL
        )
    return http.listed(request, "integration_requests", found, fitting, lambda row: row.id, _shown)


async def read_operator_request(request: Request, caller: Caller, request_id: str) -> OperatorRequest:
    if not ids.is_id(request_id, "ireq"):
        raise problems.not_found()
    async with tenant_transaction(request, caller) as conn:
        row = await database.first(
            conn, OperatorRequestRow, queries.REQUESTS, NO_FILTER | {"id": request_id, "limit": 1}
        )
        asker = await database.first(conn, Asker, queries.ASKER, (request_id,))
    if row is None:
        raise problems.not_found()
    return msgspec.structs.replace(_shown(row), asked_by=asker)


def _shown(row: OperatorRequestRow) -> OperatorRequest:
    shown = msgspec.structs.asdict(row.shown())
    return OperatorRequest(**shown, tenant_id=row.tenant_id, tenant_name=row.tenant_name)
