"""Tenants and integration requests, as operators read them."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from services.auth.requests.models import Capability, IntegrationRequest, RequestRow, Status
from shared.operators.models import OrganisationId
from shared.web.http import Page

TenantStatus = Literal["active", "suspended"]


class TenantFilter(Page):
    """`search` is the beginning of the name, in capitals or not, or of the id."""

    search: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    status: TenantStatus | None = None
    environment: Literal["production", "sandbox"] | None = None


class TenantSummary(msgspec.Struct, kw_only=True):
    tenant_id: str
    name: str
    status: TenantStatus
    environment: Literal["production", "sandbox"]
    created_at: datetime


class Tenants(msgspec.Struct):
    tenants: list[TenantSummary]
    next_cursor: str | None


class TenantDetail(TenantSummary, kw_only=True):
    """A tenant with everything that a suspension ends. Each number is counted up to 1,000."""

    granted_scopes: list[str]
    graphql_bundles: list[str]
    federation: bool
    apps: int
    people: int
    sandboxes: int
    pending_requests: int


class OperatorApp(msgspec.Struct, kw_only=True):
    """The name and the organisation of an app."""

    client_id: str
    tenant_id: str
    name: str
    status: Literal["active", "disabled", "deleted"]


class OperatorRequestFilter(Page):
    status: Status | None = None
    capability: Capability | None = None
    tenant_id: OrganisationId | None = None


class Asker(msgspec.Struct):
    """The person who sent the request, such as in the console. `name` is null for one who is gone."""

    user_id: str
    name: str | None


class OperatorRequest(IntegrationRequest, kw_only=True):
    """An integration request of any tenant."""

    tenant_id: str
    tenant_name: str
    asked_by: Asker | None = None


class OperatorRequests(msgspec.Struct):
    integration_requests: list[OperatorRequest]
    next_cursor: str | None


class OperatorRequestRow(RequestRow, frozen=True, kw_only=True):
    tenant_name: str
