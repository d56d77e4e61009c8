"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .._model import Model


class Asker(Model, kw_only=True):
    """The person who sent the request, such as in the console. `name` is null for one who is gone."""

    user_id: str
    """The person's id in their organisation"""
    name: str | None
    """The person's name; null if their account is gone"""


class OperatorApp(Model, kw_only=True):
    """The name and the organisation of an app."""

    client_id: str
    """The id of the app, such as `app_01jdk…`"""
    tenant_id: str
    """The id of the organisation"""
    name: str
    """The name, for people"""
    status: str
    """The state. One of: active, deleted, disabled"""


class OperatorRequest(Model, kw_only=True):
    """An integration request of any tenant."""

    id: str
    """The id"""
    capability: str
    """The capability that the request asks for. One of: federation, graphql_bundles, handover, platform_api, sandbox,
    telephony
    """
    status: str
    """The state. One of: approved, declined, pending, withdrawn"""
    reason: str
    """The applicant's reason"""
    details: dict[str, Any]
    """The particulars, in the form of the capability"""
    requested_by: str
    """The app that asked"""
    created_at: datetime
    """When it was made"""
    decided_at: datetime | None
    """When it was decided; null while it is pending"""
    decision_reason: str | None
    """The operator's message to you; null while it is pending"""
    sandbox: Sandbox | None
    """The sandbox that the approval made; null otherwise"""
    tenant_id: str
    """The id of the organisation"""
    tenant_name: str
    """The name of the organisation"""
    asked_by: Asker | None
    """The person who sent it, where one did; lists have null"""


class OperatorRequests(Model, kw_only=True):
    """A page of integration requests"""

    integration_requests: list[OperatorRequest]
    """The requests of this page, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class Sandbox(Model, kw_only=True):
    """The sandbox an approval made. `credentials` is the call that fetches its first secret, once."""

    tenant_id: str
    """The id of the organisation"""
    client_id: str
    """The id of the app, such as `app_01jdk…`"""
    credentials: str
    """The path of the call that fetches the first secret, once"""
    credentials_at: datetime | None
    """When the credentials were fetched; null if they were not"""
    demo_data_at: datetime | None
    """When the demonstration data was complete; null before"""


class TenantDetail(Model, kw_only=True):
    """A tenant with everything that a suspension ends. Each number is counted up to 1,000."""

    tenant_id: str
    """The id of the organisation"""
    name: str
    """The name of the organisation"""
    status: str
    """`suspended`: its tokens and people are refused. One of: active, suspended"""
    environment: str
    """`sandbox` for an organisation with invented data. One of: production, sandbox"""
    created_at: datetime
    """When it was made"""
    granted_scopes: list[str]
    """The scopes on request that it was granted"""
    graphql_bundles: list[str]
    """Names of the GraphQL bundles that are granted"""
    federation: bool
    """Whether its people may sign in through its own identity provider"""
    apps: int
    """Its active apps, up to 1,000"""
    people: int
    """Its active people, up to 1,000"""
    sandboxes: int
    """Its sandboxes, up to 1,000"""
    pending_requests: int
    """Its requests that wait for a decision, up to 1,000"""


class TenantSummary(Model, kw_only=True):
    """An organisation of the platform"""

    tenant_id: str
    """The id of the organisation"""
    name: str
    """The name of the organisation"""
    status: str
    """`suspended`: its tokens and people are refused. One of: active, suspended"""
    environment: str
    """`sandbox` for an organisation with invented data. One of: production, sandbox"""
    created_at: datetime
    """When it was made"""


class Tenants(Model, kw_only=True):
    """A page of organisations"""

    tenants: list[TenantSummary]
    """The organisations of this page, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""
