"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from datetime import datetime

from .._model import Model


class OperatorWebhook(Model, kw_only=True):
    """A webhook of any organisation: enough to know whose it is. Of its address the host alone, because the rest may
    hold a secret.

    `act_id` and `reason` are those of the act that stopped it, where `disabled_reason` is `stopped_by_operator`.
    """

    webhook_id: str
    """The webhook"""
    tenant_id: str
    """The id of the organisation"""
    client_id: str
    """The id of the app, such as `app_01jdk…`"""
    host: str
    """The host of its address. The rest is not shown, because it may hold a secret"""
    enabled: bool
    """Whether it works; false stops it"""
    disabled_reason: str | None
    """Why it was stopped, such as `failing` or `gone`; null while it works"""
    disabled_at: datetime | None
    """When it was stopped; null while it works"""
    act_id: str | None
    """The act that stopped it; null if no operator did"""
    reason: str | None
    """The operator's reason, which the organisation reads too"""


class StoppedTenant(Model, kw_only=True):
    """An organisation of which nothing is sent, since the act `act_id`."""

    tenant_id: str
    """The id of the organisation"""
    act_id: str
    """The act that stopped them"""
    reason: str
    """The operator's reason"""
    stopped_at: datetime
    """Since when"""


class StoppedTenants(Model, kw_only=True):
    """A page of organisations whose deliveries are stopped"""

    stopped_tenants: list[StoppedTenant]
    """The organisations of this page, by id"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class StoppedWebhooks(Model, kw_only=True):
    """A page of webhooks that operators stopped"""

    stopped_webhooks: list[OperatorWebhook]
    """The webhooks of this page, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""
