"""Automations and their runs: as requests bring them, as the database has them, as their owner sees them."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType, field

from services.control_plane.automations.filters import Filter
from services.control_plane.automations.runs import Status
from shared import http
from shared.pagination import Page

Name = Annotated[str, Meta(min_length=1, max_length=120)]
EventTypeName = Annotated[str, Meta(min_length=1, max_length=128)]
Word = Annotated[str, Meta(min_length=1, max_length=64)]


class Trigger(http.Body):
    """Events of one type whose data the filter lets through; without a filter all of them."""

    event_type: EventTypeName
    filter: Filter | None = None


class WebhookAction(http.Body, tag_field="kind", tag="webhook"):
    """Sends `automation.fired` to the app's webhooks that take it, or to one of them. `fields` may take values from the event."""

    webhook_id: str | None = None
    fields: Annotated[dict[str, Any], Meta(max_length=20)] = field(default_factory=dict)


class DocumentAction(http.Body, tag_field="kind", tag="document"):
    """Runs an approved document of a bundle that the app was granted. `variables` may take values from the event."""

    bundle: Word
    operation: Word
    variables: dict[str, Any] = field(default_factory=dict)


class OpenIncident(http.Body, tag_field="kind", tag="open_incident"):
    """Opens an incident of `type`, `priority` and what else `fields` names; they may take values from the event."""

    fields: dict[str, Any]


class AnnotateIncident(http.Body, tag_field="kind", tag="annotate_incident"):
    """Leaves `note`, a code, on an incident's timeline. Both may be values or come from the event."""

    incident_id: Any
    note: Any


Action = WebhookAction | DocumentAction | OpenIncident | AnnotateIncident


class AutomationDraft(http.Body):
    max_bytes: ClassVar[int] = 128 << 10

    name: Name
    trigger: Trigger
    action: Action
    enabled: bool = True


class AutomationChange(http.Body):
    """What is named changes."""

    max_bytes: ClassVar[int] = 128 << 10

    name: Name | UnsetType = UNSET
    trigger: Trigger | UnsetType = UNSET
    action: Action | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class AutomationPage(Page):
    client_id: Annotated[str, Meta(max_length=64)] | None = None


class RunPage(Page):
    status: Status | None = None


class Automation(msgspec.Struct, kw_only=True):
    """A row of `automations`. `scopes` are what the token that made its action held: it never does more."""

    id: str
    tenant_id: str
    client_id: str
    name: str
    event_type: str
    filter: Any
    action: Any
    scopes: list[str]
    enabled: bool
    disabled_reason: str | None
    created_at: datetime
    updated_at: datetime
    grant_id: str | None
    made_for: str | None
    authorised_at: datetime
    authority_ended: bool

    def view(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "client_id": self.client_id,
            "name": self.name,
            "trigger": {"event_type": self.event_type, "filter": self.filter},
            "action": self.action,
            "scopes": self.scopes,
            "enabled": self.enabled,
            "disabled_reason": self.disabled_reason,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        }


class App(msgspec.Struct, frozen=True, kw_only=True):
    """What auth says of an app and of its organisation."""

    approved_events: list[str]
    graphql_bundles: list[str]
    requested_scopes: list[str]
    granted_scopes: list[str]
    environment: Literal["production", "sandbox"]


class Run(msgspec.Struct, kw_only=True):
    """A row of `automation_runs`. `rung` counts the attempts that failed since it was last begun by hand, `sent_to` is a service."""

    id: str
    tenant_id: str
    automation_id: str
    client_id: str
    event_id: str
    event_type: str
    event: dict[str, Any]
    cause: list[str]
    status: Status
    error: str | None
    detail: str | None
    result: dict[str, Any] | None
    attempt: int
    rung: int
    next_attempt_at: datetime | None
    traceparent: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    sent_to: str | None

    def view(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "automation_id": self.automation_id,
            "event_id": self.event_id,
            "event_type": self.event_type,
            "cause": self.cause,
            "status": self.status,
            "error": self.error,
            "detail": self.detail,
            "result": self.result,
            "attempt": self.attempt,
            "next_attempt_at": self.next_attempt_at,
            "trace_id": self.traceparent.split("-")[1] if self.traceparent else None,
            "created_at": self.created_at,
            "started_at": self.started_at,
            "finished_at": self.finished_at,
        }
