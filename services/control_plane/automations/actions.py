"""A run as the message that has its effect, made of the automation's action and the event's data. Pure."""

from datetime import datetime
from typing import Any

import msgspec

from services.control_plane.automations import authority, loops, templates
from services.control_plane.automations.models import (
    Action,
    AnnotateIncident,
    App,
    Automation,
    DocumentAction,
    OpenIncident,
    Run,
    WebhookAction,
)
from shared.messages import AutomationAction, AutomationDelivery, AutomationIncident, RunDocument
from shared.problems import FieldError

FIRED = "automation.fired"
INCIDENTS = "argus:incidents:write"
OBJECTS = frozenset({"fields", "variables"})
# Bundles whose operations change something here and carry no credentials.
BUNDLES = frozenset({"incident-management"})


def read(kept: Any) -> Action:
    """An action as the database has it."""
    return msgspec.convert(kept, Action)


def objections(action: Action, place: str) -> list[FieldError]:
    """What is wrong with it, whoever asks."""
    if isinstance(action, DocumentAction) and action.bundle not in BUNDLES:
        return [FieldError(f"{place}/bundle", f"automations run documents of {', '.join(sorted(BUNDLES))}")]
    if isinstance(action, OpenIncident) and not action.fields.keys() >= {"type", "priority"}:
        return [FieldError(f"{place}/fields", "an incident has a type and a priority")]
    found = [one for name, template in _templates(action) for one in templates.objections(template, f"{place}/{name}")]
    return found + [
        FieldError(f"{place}/{name}", "an object; this literal is none")
        for name, template in _templates(action)
        if name in OBJECTS
        and template.keys() == {templates.LITERAL}
        and not isinstance(template[templates.LITERAL], dict)
    ]


def message(run: Run, automation: Automation, app: App) -> AutomationAction:
    """Raises Unresolvable where the event has nothing at a place that the action takes a value from, Unfit where that cannot be used."""
    action = read(automation.action)
    filled = _filled(action, run.event)
    common: dict[str, Any] = {
        "run_id": run.id,
        "attempt": run.attempt + 1,
        "automation_id": automation.id,
        "client_id": automation.client_id,
        "scopes": authority.scopes(automation.scopes, app.requested_scopes, app.granted_scopes),
        "cause": loops.carried_on(automation.id, run.cause),
        "environment": app.environment,
    }
    if isinstance(action, WebhookAction):
        return _delivery(run, action, filled["fields"], common)
    if isinstance(action, DocumentAction):
        return RunDocument(**common, bundle=action.bundle, operation=action.operation, **filled)
    if isinstance(action, OpenIncident):
        return AutomationIncident(**common, **filled)
    return AutomationIncident(**common, incident_id=_text(filled["incident_id"]), note=_text(filled["note"]))


def _filled(action: Action, event: dict[str, Any]) -> dict[str, Any]:
    pairs = _templates(action)
    templates.check_taken([template for _, template in pairs], event)
    filled = {name: templates.fill(template, event) for name, template in pairs}
    # Whoever takes the message in could not read it otherwise.
    if wrong := [name for name, value in filled.items() if name in OBJECTS and not isinstance(value, dict)]:
        raise templates.Unfit(f"What the event has for {wrong[0]} is no object.")
    return filled


def _delivery(run: Run, action: WebhookAction, fields: dict[str, Any], common: dict[str, Any]) -> AutomationDelivery:
    data = {
        "automation_id": run.automation_id,
        "run_id": run.id,
        "event_id": run.event_id,
        "event_type": run.event_type,
        "event": run.event,
        "fields": fields,
    }
    at: datetime = run.created_at
    return AutomationDelivery(**common, webhook_id=action.webhook_id, timestamp=at, data=data)


def _text(value: Any) -> str:
    """What stands in the event may be anything; what is no text is no id and no code, and is refused as such."""
    return value if isinstance(value, str) else ""


def _templates(action: Action) -> list[tuple[str, Any]]:
    if isinstance(action, DocumentAction):
        return [("variables", action.variables)]
    if isinstance(action, AnnotateIncident):
        return [("incident_id", action.incident_id), ("note", action.note)]
    return [("fields", action.fields)]
