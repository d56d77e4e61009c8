"""Every call about automations."""

from datetime import datetime
from typing import Any

import msgspec

from services.control_plane.access import BASE, READ, WRITE
from services.control_plane.automations import endpoints
from services.control_plane.automations.models import (
    Action,
    AutomationChange,
    AutomationDraft,
    AutomationPage,
    RunPage,
    Trigger,
)
from services.control_plane.automations.runs import Status
from shared.routing import Operation

AUTOMATIONS = f"{BASE}/automations"
ONE = AUTOMATIONS + "/{automation_id}"
RUNS = f"{AUTOMATIONS}/runs"
LACKING = {403: "A scope, the organisation's grant, an approval or a bundle is lacking, which is named"}


class Automation(msgspec.Struct):
    """What an app has done when an event comes. `scopes` are what the token that made its action held: it never does more."""

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


class Automations(msgspec.Struct):
    automations: list[Automation]
    next_cursor: str | None


class Run(msgspec.Struct):
    """One event that met an automation: there is one run for the two, and one effect of it.

    `failed` is tried again at `next_attempt_at`; `dead` waits for a person; `suppressed` never began, since it would continue a loop
    or there were too many in a minute. `cause` are the automations that led to the event.
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


EXAMPLE = {
    "name": "Tell the ward of urgent incidents",
    "trigger": {"event_type": "incident.created", "filter": {"pointer": "/priority", "in": ["critical", "high"]}},
    "action": {"kind": "webhook", "fields": {"ward": "ED-2", "number": {"from": "/number"}}},
}
OPERATIONS = [
    Operation(
        "GET",
        AUTOMATIONS,
        endpoints.list_automations,
        "List automations",
        READ,
        {200: Automations},
        query=AutomationPage,
    ),
    Operation(
        "POST",
        AUTOMATIONS,
        endpoints.create_automation,
        "Create an automation",
        WRITE,
        {201: Automation},
        'Values of an action may be `{"from": "/pointer"}`, a place in the event\'s data. It hears of events a moment after it was made.',
        body=AutomationDraft,
        headers=("Idempotency-Key",),
        refusals=LACKING | {409: "The app has a hundred automations, or a call with this Idempotency-Key is under way"},
        example=EXAMPLE,
    ),
    Operation(
        "GET",
        ONE,
        endpoints.read_automation,
        "Inspect an automation",
        READ,
        {200: Automation},
    ),
    Operation(
        "PATCH",
        ONE,
        endpoints.change_automation,
        "Change an automation",
        WRITE,
        {200: Automation},
        "Changes what it names. An administrator stops and starts every app's automations, and says of none what it does.",
        body=AutomationChange,
        refusals=LACKING,
        example={"enabled": False},
    ),
    Operation(
        "DELETE",
        ONE,
        endpoints.delete_automation,
        "Delete an automation and its runs",
        WRITE,
        {204: None},
    ),
    Operation(
        "GET",
        f"{ONE}/runs",
        endpoints.list_automation_runs,
        "Review an automation's runs",
        READ,
        {200: Runs},
        query=RunPage,
    ),
    Operation(
        "GET",
        RUNS,
        endpoints.list_runs,
        "Review every run",
        READ,
        {200: Runs},
        "`?status=dead` are the dead letters.",
        query=RunPage,
    ),
    Operation(
        "GET",
        f"{RUNS}/{{run_id}}",
        endpoints.read_run,
        "Inspect a run",
        READ,
        {200: Run},
    ),
    Operation(
        "POST",
        f"{RUNS}/{{run_id}}/retry",
        endpoints.retry_run,
        "Try a dead run again",
        WRITE,
        {202: Run},
        refusals={409: "The run is not over badly, or is over a week old"},
    ),
]
IDS = {"automation_id": "auto_123", "run_id": "run_123"}
