"""Bodies, rows and answers of automations and their runs."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType, field

from shared.messaging.filters import Filter, read_filter
from shared.web import http
from shared.web.http import Page

Status = Literal["queued", "running", "failed", "succeeded", "dead", "suppressed"]
Outcome = Literal["succeeded", "failed", "refused"]
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
    """Opens an incident with `type`, `priority` and the other `fields`; they may take values from the event."""

    fields: dict[str, Any]


class AnnotateIncident(http.Body, tag_field="kind", tag="annotate_incident"):
    """Adds `note`, a code, to an incident's timeline. Both fields are values or come from the event."""

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
    """A JSON merge patch (RFC 7396): only the given fields change."""

    max_bytes: ClassVar[int] = 128 << 10

    name: Name | UnsetType = UNSET
    trigger: Trigger | UnsetType = UNSET
    action: Action | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class AutomationPage(Page):
    client_id: Annotated[str, Meta(max_length=64)] | None = None


class RunPage(Page):
    status: Status | None = None


class Automation(msgspec.Struct):
    """A rule of an app: an event that matches the trigger causes the action.

    `scopes` are those of the token that made the action, and its limit.
    """

    id: str
    client_id: str
    name: str
    trigger: Trigger
    action: Action
    scopes: list[str]
    enabled: bool
    disabled_reason: str | None
    created_at: datetime
    updated_at: datetime
    stop_reason: str | None = None


class OperatorAutomation(msgspec.Struct, kw_only=True):
    """An automation of any organisation: enough to know whose it is.

    `stopped_at`, `act_id` and `reason` are of the act that stopped it, where `disabled_reason` is `stopped_by_operator`.
    """

    automation_id: str
    tenant_id: str
    client_id: str
    name: str
    enabled: bool
    disabled_reason: str | None
    stopped_at: datetime | None
    act_id: str | None
    reason: str | None


class StoppedAutomations(msgspec.Struct):
    stopped_automations: list[OperatorAutomation]
    next_cursor: str | None


class Automations(msgspec.Struct):
    automations: list[Automation]
    next_cursor: str | None


class Run(msgspec.Struct):
    """The execution of an automation for one event. Each automation and event have one run, and the run has one effect.

    `failed` is tried again at `next_attempt_at`; `dead` waits for a person; `suppressed` never began, because it would continue a
    loop or exceed the runs of a minute. One suppressed run is for all events of its minute; `detail` counts them. `cause` lists
    the automations that led to the event.
    """

    id: str
    automation_id: str
    event_id: str
    event_type: str
    cause: list[str]
    status: Status
    error: str | None
    detail: str | None
    result: dict[str, Any] | None
    attempt: int
    next_attempt_at: datetime | None
    trace_id: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class Runs(msgspec.Struct):
    runs: list[Run]
    next_cursor: str | None


class AutomationRow(msgspec.Struct, kw_only=True):
    """A row of `automations`. `filter` and `action` are the JSON of the database."""

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
    stop_reason: str | None
    created_at: datetime
    updated_at: datetime
    grant_id: str | None
    made_for: str | None
    authorised_at: datetime
    authority_ended: bool

    def shown(self) -> Automation:
        return Automation(
            id=self.id,
            client_id=self.client_id,
            name=self.name,
            trigger=Trigger(event_type=self.event_type, filter=self.filter),
            action=self.action,
            scopes=self.scopes,
            enabled=self.enabled,
            disabled_reason=self.disabled_reason,
            created_at=self.created_at,
            updated_at=self.updated_at,
            stop_reason=self.stop_reason if self.disabled_reason == "stopped_by_operator" else None,
        )

    def read_trigger(self) -> Trigger:
        return Trigger(event_type=self.event_type, filter=read_filter(self.filter))

    def read_action(self) -> Action:
        return msgspec.convert(self.action, Action)


class LiveAutomation(AutomationRow, kw_only=True):
    """An enabled automation of an active app of an active tenant, with the rules of both, and its runs of the current minute."""

    approved_events: list[str]
    requested_scopes: list[str]
    granted_scopes: list[str]
    environment: Literal["production", "sandbox"]
    minute_runs: int


class App(msgspec.Struct, frozen=True, kw_only=True):
    """The approvals of an active app of an active tenant."""

    approved_events: list[str]
    graphql_bundles: list[str]


class RunRow(Run, kw_only=True):
    """A row of `automation_runs`. `rung` counts failed attempts since a person last retried the run; `sent_to` is a service."""

    tenant_id: str
    client_id: str
    event: dict[str, Any]
    rung: int
    traceparent: str | None
    sent_to: str | None
