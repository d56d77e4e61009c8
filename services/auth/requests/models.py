"""Integration requests: the bodies that tenants send, the rows, and the answers."""

from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta, field

from shared.web import http
from shared.web.http import Page
from shared.web.problems import INTEGRATION_REQUESTS

Capability = Literal["graphql_bundles", "platform_api", "federation", "telephony", "handover", "sandbox"]
Status = Literal["pending", "approved", "declined", "withdrawn"]
PlatformScope = Literal["argus:platform:read", "argus:platform:write"]
TelephonyScope = Literal["argus:telephony:read", "argus:telephony:write"]
HandoverScope = Literal["argus:epcr:handover", "argus:epcr:outcome"]
Reason = Annotated[str, Meta(max_length=2000)]
Text = Annotated[str, Meta(max_length=120)]
Domain = Annotated[str, Meta(min_length=4, max_length=253)]


class BundlesDetails(http.Body):
    """Names of curated GraphQL bundles."""

    bundles: Annotated[list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(min_length=1, max_length=20)]


class PlatformDetails(http.Body):
    """Scopes of the control plane; both unless it says otherwise."""

    scopes: Annotated[list[PlatformScope], Meta(min_length=1, max_length=2)] = field(
        default_factory=lambda: ["argus:platform:read", "argus:platform:write"]
    )


class TelephonyDetails(http.Body):
    """Scopes of telephony; both unless it says otherwise."""

    scopes: Annotated[list[TelephonyScope], Meta(min_length=1, max_length=2)] = field(
        default_factory=lambda: ["argus:telephony:read", "argus:telephony:write"]
    )


class HandoverDetails(http.Body):
    """Scopes of destinations' apps; both unless it says otherwise."""

    scopes: Annotated[list[HandoverScope], Meta(min_length=1, max_length=2)] = field(
        default_factory=lambda: ["argus:epcr:handover", "argus:epcr:outcome"]
    )


class FederationDetails(http.Body):
    """The e-mail domains of your people and their present identity provider. Ownership of a domain is proven when it is connected."""

    domains: Annotated[list[Domain], Meta(max_length=20)] = field(default_factory=list)
    identity_provider: Text = ""


class SandboxDetails(http.Body):
    """`admin_email` is of someone without a user here: an address signs in to one organisation. `name` is derived if left out."""

    admin_email: Annotated[str, Meta(min_length=3, max_length=254)]
    name: Text = ""
    demo_data: bool = True


class _Asked(http.Body, kw_only=True, tag_field="capability"):
    """`reason` is for the operator who decides."""

    reason: Reason = ""


class BundlesAsked(_Asked, kw_only=True, tag="graphql_bundles"):
    details: BundlesDetails


class PlatformAsked(_Asked, kw_only=True, tag="platform_api"):
    details: PlatformDetails = field(default_factory=PlatformDetails)


class FederationAsked(_Asked, kw_only=True, tag="federation"):
    details: FederationDetails = field(default_factory=FederationDetails)


class TelephonyAsked(_Asked, kw_only=True, tag="telephony"):
    details: TelephonyDetails = field(default_factory=TelephonyDetails)


class HandoverAsked(_Asked, kw_only=True, tag="handover"):
    details: HandoverDetails = field(default_factory=HandoverDetails)


class SandboxAsked(_Asked, kw_only=True, tag="sandbox"):
    details: SandboxDetails


RequestDraft: TypeAlias = BundlesAsked | PlatformAsked | FederationAsked | TelephonyAsked | HandoverAsked | SandboxAsked
ANY_REQUEST: Any = RequestDraft  # a union is no `type` to a checker
Details: TypeAlias = (
    BundlesDetails | PlatformDetails | FederationDetails | TelephonyDetails | HandoverDetails | SandboxDetails
)
DETAILS: dict[Capability, type[Details]] = {
    "graphql_bundles": BundlesDetails,
    "platform_api": PlatformDetails,
    "federation": FederationDetails,
    "telephony": TelephonyDetails,
    "handover": HandoverDetails,
    "sandbox": SandboxDetails,
}


class RequestPage(Page):
    capability: Capability | None = None
    status: Status | None = None


class Sandbox(msgspec.Struct):
    """The sandbox an approval made. `credentials` is the call that fetches its first secret, once."""

    tenant_id: str
    client_id: str
    credentials: str
    credentials_at: datetime | None
    demo_data_at: datetime | None


class IntegrationRequest(msgspec.Struct):
    """`details` as requested; `decision_reason` is the operator's message to you."""

    id: str
    capability: Capability
    status: Status
    reason: str
    details: dict[str, Any]
    requested_by: str
    created_at: datetime
    decided_at: datetime | None
    decision_reason: str | None
    sandbox: Sandbox | None


class RequestRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `integration_requests`."""

    id: str
    tenant_id: str
    capability: Capability
    status: Status
    details: dict[str, Any]
    reason: str
    requested_by: str
    created_at: datetime
    decided_at: datetime | None
    decision_reason: str | None
    sandbox_tenant_id: str | None
    sandbox_client_id: str | None
    sandbox_user_id: str | None
    demo_client_id: str | None
    credentials_at: datetime | None
    demo_data_at: datetime | None

    def wanted(self) -> Details:
        return msgspec.convert(self.details, DETAILS[self.capability])

    def shown(self) -> IntegrationRequest:
        sandbox = None
        if self.sandbox_tenant_id is not None and self.sandbox_client_id is not None:
            sandbox = Sandbox(
                tenant_id=self.sandbox_tenant_id,
                client_id=self.sandbox_client_id,
                credentials=f"{INTEGRATION_REQUESTS}/{self.id}/credentials",
                credentials_at=self.credentials_at,
                demo_data_at=self.demo_data_at,
            )
        return IntegrationRequest(
            id=self.id,
            capability=self.capability,
            status=self.status,
            reason=self.reason,
            details=self.details,
            requested_by=self.requested_by,
            created_at=self.created_at,
            decided_at=self.decided_at,
            decision_reason=self.decision_reason,
            sandbox=sandbox,
        )


class IntegrationRequests(msgspec.Struct):
    integration_requests: list[IntegrationRequest]
    next_cursor: str | None


class SandboxCredentials(msgspec.Struct):
    """Shown this once. The link lets the sandbox's admin choose a password, within a week."""

    tenant_id: str
    client_id: str
    client_secret: str
    admin_email: str
    password_link: str
