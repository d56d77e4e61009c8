"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import UNSET, UnsetType

from .._model import Model


class BundlesAsked(Model, kw_only=True):
    """Asks for curated GraphQL bundles"""

    capability: Literal["graphql_bundles"] = "graphql_bundles"
    """The capability that the request asks for"""
    reason: str | UnsetType = UNSET
    """Why you need it, for the people who decide"""
    details: BundlesDetails


class BundlesDetails(Model, kw_only=True):
    """Names of curated GraphQL bundles."""

    bundles: list[str]
    """Names of bundles, such as `incident-management`"""


class FederationAsked(Model, kw_only=True):
    """Asks for sign-in through the organisation's identity provider"""

    capability: Literal["federation"] = "federation"
    """The capability that the request asks for"""
    reason: str | UnsetType = UNSET
    """Why you need it, for the people who decide"""
    details: FederationDetails | UnsetType = UNSET


class FederationDetails(Model, kw_only=True):
    """The e-mail domains of your people and their present identity provider. Ownership of a domain is proven when it
    is connected.
    """

    domains: list[str] | UnsetType = UNSET
    """E-mail domains, such as `ambulance.example`"""
    identity_provider: str | UnsetType = UNSET
    """The identity provider's product, such as `Entra ID`"""


class HandoverAsked(Model, kw_only=True):
    """Asks for identified handovers to destinations"""

    capability: Literal["handover"] = "handover"
    """The capability that the request asks for"""
    reason: str | UnsetType = UNSET
    """The reason, in words"""
    details: HandoverDetails | UnsetType = UNSET


class HandoverDetails(Model, kw_only=True):
    """Scopes of destinations' apps; both unless it says otherwise."""

    scopes: list[Literal["argus:epcr:handover", "argus:epcr:outcome"]] | UnsetType = UNSET
    """Scopes, such as `argus:epcr:read`"""


class IntegrationRequest(Model, kw_only=True):
    """`details` as requested; `decision_reason` is the operator's message to you."""

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


class IntegrationRequests(Model, kw_only=True):
    """A page of requests"""

    integration_requests: list[IntegrationRequest]
    """The requests of this page, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class PlatformAsked(Model, kw_only=True):
    """Asks for the control plane"""

    capability: Literal["platform_api"] = "platform_api"
    """The capability that the request asks for"""
    reason: str | UnsetType = UNSET
    """Why you need it, for the people who decide"""
    details: PlatformDetails | UnsetType = UNSET


class PlatformDetails(Model, kw_only=True):
    """Scopes of the control plane; both unless it says otherwise."""

    scopes: list[Literal["argus:platform:read", "argus:platform:write"]] | UnsetType = UNSET
    """Scopes, such as `argus:epcr:read`"""


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


class SandboxAsked(Model, kw_only=True):
    """Asks for a sandbox: an organisation with test data only"""

    capability: Literal["sandbox"] = "sandbox"
    """The capability that the request asks for"""
    reason: str | UnsetType = UNSET
    """Why you need it, for the people who decide"""
    details: SandboxDetails


class SandboxCredentials(Model, kw_only=True):
    """Shown this once. The link lets the sandbox's admin choose a password, within a week."""

    tenant_id: str
    """The id of the organisation"""
    client_id: str
    """The id of the app, such as `app_01jdk…`"""
    client_secret: str
    """The secret; shown this once"""
    admin_email: str
    """The e-mail address of the sandbox's administrator"""
    password_link: str
    """The address at which the administrator chooses a password, within a week"""


class SandboxDetails(Model, kw_only=True):
    """`admin_email` is of someone without a user here: an address signs in to one organisation. `name` is derived if
    left out.
    """

    admin_email: str
    """The e-mail address of the sandbox's administrator"""
    name: str | UnsetType = UNSET
    """The name, for people"""
    demo_data: bool | UnsetType = UNSET
    """Whether the sandbox begins with demonstration data"""


class TelephonyAsked(Model, kw_only=True):
    """Asks for telephony"""

    capability: Literal["telephony"] = "telephony"
    """The capability that the request asks for"""
    reason: str | UnsetType = UNSET
    """Why you need it, for the people who decide"""
    details: TelephonyDetails | UnsetType = UNSET


class TelephonyDetails(Model, kw_only=True):
    """Scopes of telephony; both unless it says otherwise."""

    scopes: list[Literal["argus:telephony:read", "argus:telephony:write"]] | UnsetType = UNSET
    """Scopes, such as `argus:epcr:read`"""
