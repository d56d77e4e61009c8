"""Route entries of self-made sandboxes."""

from services.auth.apps.scopes import PLATFORM_APPS
from services.auth.sandboxes import endpoints
from services.auth.sandboxes.models import (
    SANDBOXES,
    ClockAdvance,
    CreatedSandbox,
    SandboxDraft,
    Sandboxes,
    SandboxPage,
    SandboxTenant,
    Scenario,
)
from shared.web.routing import Operation

ONE = SANDBOXES + "/{sandbox_id}"
HEADERS = ("Idempotency-Key",)
UNDER_WAY = "or a call with this Idempotency-Key is under way"
OPERATIONS = [
    Operation(
        "POST",
        SANDBOXES,
        endpoints.create_sandbox,
        "Make a sandbox",
        PLATFORM_APPS,
        {201: CreatedSandbox},
        "Needs no operator. The sandbox answers its first call at once, with the credentials in this answer, which no other call shows."
        " An invented year follows within a minute: encounters with cardiac arrests, strokes and falls, incidents, vehicles' devices with"
        " readings, and deliveries of an example webhook; so indicators and lists show something. Data of real patients do not"
        " belong into a sandbox. Your organisation may have a number of sandboxes at a time; an operator changes it.",
        body=SandboxDraft,
        example={"name": "Trying out"},
        headers=HEADERS,
        refusals={409: f"This is a sandbox, your organisation has as many as it may, {UNDER_WAY}"},
    ),
    Operation(
        "GET",
        SANDBOXES,
        endpoints.list_sandboxes,
        "List sandboxes",
        PLATFORM_APPS,
        {200: Sandboxes},
        "Those that your organisation made, newest first; deleted ones for a year.",
        query=SandboxPage,
    ),
    Operation(
        "GET",
        ONE,
        endpoints.read_sandbox,
        "Inspect a sandbox",
        PLATFORM_APPS,
        {200: SandboxTenant},
        "With the progress of the work on its data.",
    ),
    Operation(
        "POST",
        ONE + "/reset",
        endpoints.reset_sandbox,
        "Reset a sandbox",
        PLATFORM_APPS,
        {202: SandboxTenant},
        "Erases its encounters, devices, incidents, indicators and deliveries, in portions, and writes the year before now. Apps, secrets,"
        " tokens, webhooks, destinations and automations stay, and so does the audit trail. At most 20 times a day.",
        headers=HEADERS,
        refusals={409: f"The sandbox is in work or deleted, was reset 20 times today, {UNDER_WAY}"},
    ),
    Operation(
        "DELETE",
        ONE,
        endpoints.delete_sandbox,
        "Delete a sandbox",
        PLATFORM_APPS,
        {204: None},
        "Its tokens end at every gateway within a second, and no app of it gets another. Its data are erased in portions; the audit trail"
        " stays. A repetition changes nothing.",
    ),
    Operation(
        "POST",
        ONE + "/scenarios/{scenario}",
        endpoints.run_scenario,
        "Run a scenario",
        PLATFORM_APPS,
        {202: Scenario},
        "`arrest`: a cardiac arrest from the call to the handover, as an incident, an encounter and readings, with all their events."
        " `failing_receiver`: a delivery of the example webhook whose receiver fails, is silent, and recovers. `revoked_tokens`: every"
        " token of the sandbox ends, as after a leak. At most 500 between two resets.",
        headers=HEADERS,
        refusals={409: f"The sandbox is not ready, had 500 scenarios, {UNDER_WAY}"},
    ),
    Operation(
        "POST",
        ONE + "/clock",
        endpoints.advance_sandbox_clock,
        "Advance a sandbox's clock",
        PLATFORM_APPS,
        {202: SandboxTenant},
        "Waits of the sandbox become shorter by so many seconds, as if they had passed: the next attempt of each waiting"
        " delivery, a receiver's `Retry-After`, the days of failures after which a webhook is disabled, the end of an app's old"
        " secret and of a webhook's old signing key, and the end of refresh tokens. A delivery is tried once, however long the"
        " advance. Other times do not move, nor do tokens that have their end within. The sandbox is `advancing` until all waits"
        " have moved. At most 180 days between two resets.",
        body=ClockAdvance,
        example={"seconds": 18_000},
        headers=HEADERS,
        refusals={409: f"The sandbox is not ready, its clock is 180 days ahead, {UNDER_WAY}"},
    ),
]
