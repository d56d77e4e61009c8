"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from typing import Literal

from .. import models
from .._paging import AsyncPages, Pages
from .._transport import Call, Caller, Operation

_LIST_TENANTS = Operation("listTenants", "GET", "/v1/operations/auth/tenants", {200: models.tenants.Tenants})
_GET_TENANT = Operation("getTenant", "GET", "/v1/operations/auth/tenants/{}", {200: models.tenants.TenantDetail})
_GET_OPERATOR_APP = Operation("getOperatorApp", "GET", "/v1/operations/auth/apps/{}", {200: models.tenants.OperatorApp})
_LIST_OPERATOR_REQUESTS = Operation(
    "listOperatorRequests", "GET", "/v1/operations/auth/integration-requests", {200: models.tenants.OperatorRequests}
)
_GET_OPERATOR_REQUEST = Operation(
    "getOperatorRequest", "GET", "/v1/operations/auth/integration-requests/{}", {200: models.tenants.OperatorRequest}
)


class Tenants:
    """For operators of the platform, as the calls of operations: all tenants, and their integration requests."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    def list_tenants(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        search: str | None = None,
        status: Literal["active", "suspended"] | None = None,
        environment: Literal["production", "sandbox"] | None = None,
        timeout: float | None = None,
    ) -> Pages[models.tenants.TenantSummary]:
        """List tenants.

        The newest first.

        Scope: `platform:operate:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `search`: The beginning of the name, in capitals or not, or of the id.
        `status`: Only organisations in this state.
        `environment`: Only organisations of this environment.
        """
        return self._client._pages(
            Call(
                _LIST_TENANTS,
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "search": search,
                    "status": status,
                    "environment": environment,
                },
                timeout=timeout,
                page="tenants",
            )
        )

    def get_tenant(self, tenant_id: str, *, timeout: float | None = None) -> models.tenants.TenantDetail:
        """Read a tenant.

        With everything that a suspension ends.

        Scope: `platform:operate:read`.

        `tenant_id`: The id of the organisation.
        """
        return self._client._call(Call(_GET_TENANT, path=(tenant_id,), timeout=timeout))

    def get_operator_app(self, client_id: str, *, timeout: float | None = None) -> models.tenants.OperatorApp:
        """Read whose an app is.

        Its name and its organisation, to compare before an act.

        Scope: `platform:operate:read`.

        `client_id`: The id of the app, such as `app_01jdk…`.
        """
        return self._client._call(Call(_GET_OPERATOR_APP, path=(client_id,), timeout=timeout))

    def list_operator_requests(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        status: Literal["approved", "declined", "pending", "withdrawn"] | None = None,
        capability: Literal["federation", "graphql_bundles", "handover", "platform_api", "sandbox", "telephony"]
        | None = None,
        tenant_id: str | None = None,
        timeout: float | None = None,
    ) -> Pages[models.tenants.OperatorRequest]:
        """List the integration requests of all tenants.

        The newest first. Decide one with the act `integration_request.approve` or `integration_request.decline`;
        the tenant reads the reason.

        Scope: `platform:operate:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `status`: The state.
        `capability`: The capability that the request asks for.
        `tenant_id`: Only those of this organisation.
        """
        return self._client._pages(
            Call(
                _LIST_OPERATOR_REQUESTS,
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "status": status,
                    "capability": capability,
                    "tenant_id": tenant_id,
                },
                timeout=timeout,
                page="integration_requests",
            )
        )

    def get_operator_request(self, request_id: str, *, timeout: float | None = None) -> models.tenants.OperatorRequest:
        """Read an integration request of a tenant.

        With its details.

        Scope: `platform:operate:read`.

        `request_id`: The request's id.
        """
        return self._client._call(Call(_GET_OPERATOR_REQUEST, path=(request_id,), timeout=timeout))


class AsyncTenants:
    """For operators of the platform, as the calls of operations: all tenants, and their integration requests."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    def list_tenants(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        search: str | None = None,
        status: Literal["active", "suspended"] | None = None,
        environment: Literal["production", "sandbox"] | None = None,
        timeout: float | None = None,
    ) -> AsyncPages[models.tenants.TenantSummary]:
        """List tenants.

        The newest first.

        Scope: `platform:operate:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `search`: The beginning of the name, in capitals or not, or of the id.
        `status`: Only organisations in this state.
        `environment`: Only organisations of this environment.
        """
        return self._client._pages(
            Call(
                _LIST_TENANTS,
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "search": search,
                    "status": status,
                    "environment": environment,
                },
                timeout=timeout,
                page="tenants",
            )
        )

    async def get_tenant(self, tenant_id: str, *, timeout: float | None = None) -> models.tenants.TenantDetail:
        """Read a tenant.

        With everything that a suspension ends.

        Scope: `platform:operate:read`.

        `tenant_id`: The id of the organisation.
        """
        return await self._client._call(Call(_GET_TENANT, path=(tenant_id,), timeout=timeout))

    async def get_operator_app(self, client_id: str, *, timeout: float | None = None) -> models.tenants.OperatorApp:
        """Read whose an app is.

        Its name and its organisation, to compare before an act.

        Scope: `platform:operate:read`.

        `client_id`: The id of the app, such as `app_01jdk…`.
        """
        return await self._client._call(Call(_GET_OPERATOR_APP, path=(client_id,), timeout=timeout))

    def list_operator_requests(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        status: Literal["approved", "declined", "pending", "withdrawn"] | None = None,
        capability: Literal["federation", "graphql_bundles", "handover", "platform_api", "sandbox", "telephony"]
        | None = None,
        tenant_id: str | None = None,
        timeout: float | None = None,
    ) -> AsyncPages[models.tenants.OperatorRequest]:
        """List the integration requests of all tenants.

        The newest first. Decide one with the act `integration_request.approve` or `integration_request.decline`;
        the tenant reads the reason.

        Scope: `platform:operate:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `status`: The state.
        `capability`: The capability that the request asks for.
        `tenant_id`: Only those of this organisation.
        """
        return self._client._pages(
            Call(
                _LIST_OPERATOR_REQUESTS,
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "status": status,
                    "capability": capability,
                    "tenant_id": tenant_id,
                },
                timeout=timeout,
                page="integration_requests",
            )
        )

    async def get_operator_request(
        self, request_id: str, *, timeout: float | None = None
    ) -> models.tenants.OperatorRequest:
        """Read an integration request of a tenant.

        With its details.

        Scope: `platform:operate:read`.

        `request_id`: The request's id.
        """
        return await self._client._call(Call(_GET_OPERATOR_REQUEST, path=(request_id,), timeout=timeout))
