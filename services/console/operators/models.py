"""The answers of the platform that the pages of operators read, with the fields that they show."""

from datetime import datetime
from typing import Any, NamedTuple

import msgspec

STATES = ("active", "suspended")
ENVIRONMENTS = ("production", "sandbox")
STATUSES = ("pending", "approved", "declined", "withdrawn")


class Tenant(msgspec.Struct):
    tenant_id: str
    name: str
    status: str
    environment: str
    created_at: datetime


class Tenants(msgspec.Struct):
    tenants: list[Tenant]
    next_cursor: str | None = None


class TenantDetail(Tenant):
    granted_scopes: list[str]
    graphql_bundles: list[str]
    federation: bool
    apps: int
    people: int
    sandboxes: int


class StoppedTenant(msgspec.Struct):
    tenant_id: str
    reason: str
    act_id: str
    stopped_at: datetime


class StoppedTenants(msgspec.Struct):
    stopped_tenants: list[StoppedTenant]
    next_cursor: str | None = None


class Webhook(msgspec.Struct):
    webhook_id: str
    tenant_id: str
    client_id: str
    host: str
    enabled: bool
    disabled_at: datetime | None = None
    act_id: str | None = None
    reason: str | None = None


class StoppedWebhooks(msgspec.Struct):
    stopped_webhooks: list[Webhook]
    next_cursor: str | None = None


class Automation(msgspec.Struct):
    automation_id: str
    tenant_id: str
    client_id: str
    name: str
    enabled: bool
    stopped_at: datetime | None = None
    act_id: str | None = None
    reason: str | None = None


class StoppedAutomations(msgspec.Struct):
    stopped_automations: list[Automation]
    next_cursor: str | None = None


class App(msgspec.Struct):
    client_id: str
    tenant_id: str
    name: str


class Asker(msgspec.Struct):
    user_id: str
    name: str | None = None


class Request(msgspec.Struct):
    id: str
    tenant_id: str
    tenant_name: str
    capability: str
    status: str
    reason: str
    details: dict[str, Any]
    requested_by: str
    created_at: datetime
    asked_by: Asker | None = None
    decided_at: datetime | None = None
    decision_reason: str | None = None


class Requests(msgspec.Struct):
    integration_requests: list[Request]
    next_cursor: str | None = None


class Consumer(msgspec.Struct):
    consumer: str
    waiting: int
    oldest_seconds: float
    unsent_seconds: float


class Figure(msgspec.Struct):
    name: str
    value: float


class Backlog(msgspec.Struct):
    service: str
    measured_at: datetime | None
    consumers: list[Consumer]
    failing_messages: int
    dead_letters: int
    unsealed_entries: int
    unsealed_seconds: float
    own: list[Figure]

    @property
    def waiting(self) -> int:
        return sum(one.waiting for one in self.consumers)

    @property
    def oldest_seconds(self) -> float:
        return max((one.oldest_seconds for one in self.consumers), default=0.0)


class DeadLetter(msgspec.Struct):
    message_id: str
    tenant_id: str
    producer: str
    name: str
    error: str
    died_at: datetime


class DeadLetters(msgspec.Struct):
    dead_letters: list[DeadLetter]
    next_cursor: str | None = None


class Act(msgspec.Struct):
    id: str
    action: str
    subject_id: str
    reason: str
    state: str
    asked_by: str
    asked_at: datetime
    ended_at: datetime | None = None
    outcome: str | None = None


class Acts(msgspec.Struct):
    acts: list[Act]
    next_cursor: str | None = None


class Switch(NamedTuple):
    """An act that stops something. `subject` is the beginning of its subject's id, or the whole of it."""

    service: str
    subject: str


SWITCHES: dict[str, Switch] = {
    "tenant.suspend": Switch("auth", "org_"),
    "deliveries.stop": Switch("webhook-dispatcher", "org_"),
    "webhook.stop": Switch("webhook-dispatcher", "wh_"),
    "automation.stop": Switch("control-plane", "auto_"),
    "automations.stop": Switch("control-plane", "org_"),
}
WIDE: dict[str, Switch] = {"signing_keys.distrust": Switch("auth", "signing-keys")}
"""Acts on every organisation at once. They are not beside the others, and want words typed."""
ACTIONS = (
    *SWITCHES,
    *WIDE,
    "tenant.resume",
    "deliveries.resume",
    "webhook.resume",
    "automation.resume",
    "integration_request.approve",
    "integration_request.decline",
    "dead_letter.replay",
    "dead_letter.discard",
)
GENTLE = (
    "tenant.resume",
    "deliveries.resume",
    "webhook.resume",
    "automation.resume",
    "integration_request.approve",
    "dead_letter.replay",
)
"""Acts that end nothing."""
