"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from datetime import datetime

from .._model import Model


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
