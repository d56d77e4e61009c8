"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from .. import models
from .._paging import AsyncPages, Pages
from .._transport import Call, Caller, Operation

_LIST_STOPPED_TENANTS = Operation(
    "listStoppedTenants",
    "GET",
    "/v1/operations/webhook-dispatcher/stopped-tenants",
    {200: models.stopped_deliveries.StoppedTenants},
)


class StoppedDeliveries:
    """For operators of the platform, as the calls of operations: organisations of which nothing is sent."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    def list_stopped_tenants(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        tenant_id: str | None = None,
        timeout: float | None = None,
    ) -> Pages[models.stopped_deliveries.StoppedTenant]:
        """List organisations whose deliveries are stopped.

        By id. The act `deliveries.stop` stops the deliveries of an organisation from the next one on,
        `deliveries.resume` lets them go on. Nothing is lost meanwhile: they wait, up to the retention of events.

        Scope: `platform:operate:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `tenant_id`: The id of the organisation.
        """
        return self._client._pages(
            Call(
                _LIST_STOPPED_TENANTS,
                query={"limit": limit, "cursor": cursor, "tenant_id": tenant_id},
                timeout=timeout,
                page="stopped_tenants",
            )
        )


class AsyncStoppedDeliveries:
    """For operators of the platform, as the calls of operations: organisations of which nothing is sent."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    def list_stopped_tenants(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        tenant_id: str | None = None,
        timeout: float | None = None,
    ) -> AsyncPages[models.stopped_deliveries.StoppedTenant]:
        """List organisations whose deliveries are stopped.

        By id. The act `deliveries.stop` stops the deliveries of an organisation from the next one on,
        `deliveries.resume` lets them go on. Nothing is lost meanwhile: they wait, up to the retention of events.

        Scope: `platform:operate:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `tenant_id`: The id of the organisation.
        """
        return self._client._pages(
            Call(
                _LIST_STOPPED_TENANTS,
                query={"limit": limit, "cursor": cursor, "tenant_id": tenant_id},
                timeout=timeout,
                page="stopped_tenants",
            )
        )
