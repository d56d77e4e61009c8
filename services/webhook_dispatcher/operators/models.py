"""Organisations whose deliveries are stopped, as operators read them."""

from datetime import datetime

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
