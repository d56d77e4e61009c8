"""Generated from the contract by `make clients`; do not edit."""

from functools import cached_property

from .._transport import Caller
from .apps import Apps, AsyncApps
from .audit_trail import AsyncAuditTrail, AuditTrail
from .control_plane import AsyncControlPlane, ControlPlane
from .devices import AsyncDevices, Devices
from .epcr import AsyncEpcr, Epcr
from .event_log import AsyncEventLog, EventLog
from .graphql import AsyncGraphql, Graphql
from .indicators import AsyncIndicators, Indicators
from .integration_requests import AsyncIntegrationRequests, IntegrationRequests
from .oauth import AsyncOauth, Oauth
from .operations import AsyncOperations, Operations
from .people import AsyncPeople, People
from .saml import AsyncSaml, Saml
from .sandboxes import AsyncSandboxes, Sandboxes
from .stopped_automations import AsyncStoppedAutomations, StoppedAutomations
from .stopped_deliveries import AsyncStoppedDeliveries, StoppedDeliveries
from .tenants import AsyncTenants, Tenants
from .webhooks import AsyncWebhooks, Webhooks


class Resources(Caller):
    """The operations of a client, by the part of the platform."""

    @cached_property
    def apps(self) -> Apps:
        return Apps(self)

    @cached_property
    def people(self) -> People:
        return People(self)

    @cached_property
    def integration_requests(self) -> IntegrationRequests:
        return IntegrationRequests(self)

    @cached_property
    def tenants(self) -> Tenants:
        return Tenants(self)

    @cached_property
    def sandboxes(self) -> Sandboxes:
        return Sandboxes(self)

    @cached_property
    def oauth(self) -> Oauth:
        return Oauth(self)

    @cached_property
    def saml(self) -> Saml:
        return Saml(self)

    @cached_property
    def webhooks(self) -> Webhooks:
        return Webhooks(self)

    @cached_property
    def event_log(self) -> EventLog:
        return EventLog(self)

    @cached_property
    def stopped_deliveries(self) -> StoppedDeliveries:
        return StoppedDeliveries(self)

    @cached_property
    def graphql(self) -> Graphql:
        return Graphql(self)

    @cached_property
    def indicators(self) -> Indicators:
        return Indicators(self)

    @cached_property
    def epcr(self) -> Epcr:
        return Epcr(self)

    @cached_property
    def devices(self) -> Devices:
        return Devices(self)

    @cached_property
    def control_plane(self) -> ControlPlane:
        return ControlPlane(self)

    @cached_property
    def stopped_automations(self) -> StoppedAutomations:
        return StoppedAutomations(self)

    @cached_property
    def audit_trail(self) -> AuditTrail:
        return AuditTrail(self)

    @cached_property
    def operations(self) -> Operations:
        return Operations(self)


class AsyncResources(Caller):
    """The operations of a client, by the part of the platform."""

    @cached_property
    def apps(self) -> AsyncApps:
        return AsyncApps(self)

    @cached_property
    def people(self) -> AsyncPeople:
        return AsyncPeople(self)

    @cached_property
    def integration_requests(self) -> AsyncIntegrationRequests:
        return AsyncIntegrationRequests(self)

    @cached_property
    def tenants(self) -> AsyncTenants:
        return AsyncTenants(self)

    @cached_property
    def sandboxes(self) -> AsyncSandboxes:
        return AsyncSandboxes(self)

    @cached_property
    def oauth(self) -> AsyncOauth:
        return AsyncOauth(self)

    @cached_property
    def saml(self) -> AsyncSaml:
        return AsyncSaml(self)

    @cached_property
    def webhooks(self) -> AsyncWebhooks:
        return AsyncWebhooks(self)

    @cached_property
    def event_log(self) -> AsyncEventLog:
        return AsyncEventLog(self)

    @cached_property
    def stopped_deliveries(self) -> AsyncStoppedDeliveries:
        return AsyncStoppedDeliveries(self)

    @cached_property
    def graphql(self) -> AsyncGraphql:
        return AsyncGraphql(self)

    @cached_property
    def indicators(self) -> AsyncIndicators:
        return AsyncIndicators(self)

    @cached_property
    def epcr(self) -> AsyncEpcr:
        return AsyncEpcr(self)

    @cached_property
    def devices(self) -> AsyncDevices:
        return AsyncDevices(self)

    @cached_property
    def control_plane(self) -> AsyncControlPlane:
        return AsyncControlPlane(self)

    @cached_property
    def stopped_automations(self) -> AsyncStoppedAutomations:
        return AsyncStoppedAutomations(self)

    @cached_property
    def audit_trail(self) -> AsyncAuditTrail:
        return AsyncAuditTrail(self)

    @cached_property
    def operations(self) -> AsyncOperations:
        return AsyncOperations(self)
