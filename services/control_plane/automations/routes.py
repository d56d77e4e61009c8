"""Every call about automations."""

from services.control_plane.access import BASE, READ, WRITE
from services.control_plane.automations import endpoints
from services.control_plane.automations.models import (
    Automation,
    AutomationChange,
    AutomationDraft,
    AutomationPage,
    Automations,
    Run,
    RunPage,
    Runs,
)
from shared.web.routing import Operation

AUTOMATIONS = f"{BASE}/automations"
ONE = AUTOMATIONS + "/{automation_id}"
RUNS = f"{AUTOMATIONS}/runs"
LACKING = {403: "A scope, the organisation's grant, an approval or a bundle is missing; the answer names it"}

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
        "Newest first.",
        query=AutomationPage,
    ),
    Operation(
        "POST",
        AUTOMATIONS,
        endpoints.create_automation,
        "Create an automation",
        WRITE,
        {201: Automation},
        'Values of an action may be `{"from": "/pointer"}`, a place in the event\'s data. It gets events from a moment after it was made.',
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
        "With its trigger, its action and the scopes that limit it.",
    ),
    Operation(
        "PATCH",
        ONE,
        endpoints.change_automation,
        "Change an automation",
        WRITE,
        {200: Automation},
        "Changes the given fields. An administrator renames, stops and starts every app's automations, but changes no trigger or action.",
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
        "Its runs are deleted with it.",
    ),
    Operation(
        "GET",
        f"{ONE}/runs",
        endpoints.list_automation_runs,
        "Review an automation's runs",
        READ,
        {200: Runs},
        "Newest first. A call looks at 10,000 runs: a short page, or an empty one, may have a `next_cursor`.",
        query=RunPage,
    ),
    Operation(
        "GET",
        RUNS,
        endpoints.list_runs,
        "Review every run",
        READ,
        {200: Runs},
        "`?status=dead` lists the dead letters. A call looks at 10,000 runs: a short page, or an empty one, may have a `next_cursor`.",
        id="listAllAutomationRuns",
        query=RunPage,
    ),
    Operation(
        "GET",
        f"{RUNS}/{{run_id}}",
        endpoints.read_run,
        "Inspect a run",
        READ,
        {200: Run},
        "With its attempts, its result and the automations that led to the event.",
        id="getAutomationRun",
    ),
    Operation(
        "POST",
        f"{RUNS}/{{run_id}}/retry",
        endpoints.retry_run,
        "Try a dead run again",
        WRITE,
        {202: Run},
        "If an earlier attempt had its effect, there is no second one.",
        id="retryAutomationRun",
        refusals={409: "The run is neither dead nor suppressed, or it is over a week old"},
    ),
]
IDS = {"automation_id": "auto_123", "run_id": "run_123"}
