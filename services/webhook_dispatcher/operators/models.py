"""Organisations and webhooks that are stopped, as operators read them."""

from datetime import datetime
from urllib.parse import urlsplit

import msgspec

from shared.operators.models import OrganisationId
from shared.web.http import Page


class StoppedTenantFilter(Page):
    tenant_id: OrganisationId | None = None


class StoppedTenant(msgspec.Struct, kw_only=True):
    """An organisation of which nothing is sent, since the act `act_id`."""

    tenant_id: str
    act_id: str
    reason: str
    stopped_at: datetime


class StoppedTenants(msgspec.Struct):
    stopped_tenants: list[StoppedTenant]
    next_cursor: str | None


class OperatorWebhook(msgspec.Struct, kw_only=True):
    """A webhook of any organisation: enough to know whose it is. Of its address the host alone, because the rest may hold a secret.

    `act_id` and `reason` are those of the act that stopped it, where `disabled_reason` is `stopped_by_operator`.
    """

    webhook_id: str
    tenant_id: str
    client_id: str
    host: str
    enabled: bool
    disabled_reason: str | None
    disabled_at: datetime | None
    act_id: str | None
    reason: str | None


class OperatorWebhookRow(msgspec.Struct, kw_only=True):
    """A row of `webhook_of_all`."""

    webhook_id: str
    tenant_id: str
    client_id: str
    url: str
    enabled: bool
    disabled_reason: str | None
    disabled_at: datetime | None
    act_id: str | None
    reason: str | None

    def shown(self) -> OperatorWebhook:
        is_stopped = self.disabled_reason == "stopped_by_operator"
        return OperatorWebhook(
            webhook_id=self.webhook_id,
            tenant_id=self.tenant_id,
            client_id=self.client_id,
            host=urlsplit(self.url).hostname or "",
            enabled=self.enabled,
            disabled_reason=self.disabled_reason,
            disabled_at=self.disabled_at,
            act_id=self.act_id if is_stopped else None,
            reason=self.reason if is_stopped else None,
        )


class StoppedWebhooks(msgspec.Struct):
    stopped_webhooks: list[OperatorWebhook]
    next_cursor: str | None
