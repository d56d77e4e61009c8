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
_LIST_STOPPED_WEBHOOKS = Operation(
    "listStoppedWebhooks",
    "GET",
    "/v1/operations/webhook-dispatcher/stopped-webhooks",
    {200: models.stopped_deliveries.StoppedWebhooks},
)
_GET_OPERATOR_WEBHOOK = Operation(
    "getOperatorWebhook",
    "GET",
    "/v1/operations/webhook-dispatcher/webhooks/{}",
    {200: models.stopped_deliveries.OperatorWebhook},
)


class StoppedDeliveries:
    """For operators of the platform, as the calls of operations: organisations and webhooks to which nothing is sent."""

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

    def list_stopped_webhooks(
        self, *, limit: int | None = None, cursor: str | None = None, timeout: float | None = None
    ) -> Pages[models.stopped_deliveries.OperatorWebhook]:
        """List webhooks that operators stopped.

        Each with its act and reason, until its organisation enables it or the act `webhook.resume` lifts the stop.

        Scope: `platform:operate:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        """
        return self._client._pages(
            Call(
                _LIST_STOPPED_WEBHOOKS,
                query={"limit": limit, "cursor": cursor},
                timeout=timeout,
                page="stopped_webhooks",
            )
        )

    def get_operator_webhook(
        self, webhook_id: str, *, timeout: float | None = None
    ) -> models.stopped_deliveries.OperatorWebhook:
        """Read whose a webhook is.

        Its organisation, its app and the host of its address, to compare before an act.

        Scope: `platform:operate:read`.

        `webhook_id`: The webhook's id.
        """
        return self._client._call(Call(_GET_OPERATOR_WEBHOOK, path=(webhook_id,), timeout=timeout))


class AsyncStoppedDeliveries:
    """For operators of the platform, as the calls of operations: organisations and webhooks to which nothing is sent."""

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

    def list_stopped_webhooks(
        self, *, limit: int | None = None, cursor: str | None = None, timeout: float | None = None
    ) -> AsyncPages[models.stopped_deliveries.OperatorWebhook]:
        """List webhooks that operators stopped.

        Each with its act and reason, until its organisation enables it or the act `webhook.resume` lifts the stop.

        Scope: `platform:operate:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        """
        return self._client._pages(
            Call(
                _LIST_STOPPED_WEBHOOKS,
                query={"limit": limit, "cursor": cursor},
                timeout=timeout,
                page="stopped_webhooks",
            )
        )

    async def get_operator_webhook(
        self, webhook_id: str, *, timeout: float | None = None
    ) -> models.stopped_deliveries.OperatorWebhook:
        """Read whose a webhook is.

        Its organisation, its app and the host of its address, to compare before an act.

        Scope: `platform:operate:read`.

        `webhook_id`: The webhook's id.
        """
        return await self._client._call(Call(_GET_OPERATOR_WEBHOOK, path=(webhook_id,), timeout=timeout))
