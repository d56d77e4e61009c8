"""The rules of an automation: trigger, action, the approvals of its app and the scopes of a run. Pure, except `check_granted`."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from services.control_plane.automations import expressions, queries
from services.control_plane.automations.models import (
    Action,
    AnnotateIncident,
    App,
    AutomationDraft,
    DocumentAction,
    OpenIncident,
    Trigger,
    WebhookAction,
)
from shared.messaging import event_types
from shared.messaging.event_types import FIRED
from shared.messaging.filters import filter_errors
from shared.storage.database import AsyncConnection, first
from shared.web import problems, scopes
from shared.web.identity import Caller
from shared.web.problems import FieldError

INCIDENTS = "argus:incidents:write"
OBJECTS = frozenset({"fields", "variables"})
# Bundles whose operations change something here and carry no credentials.
BUNDLES = frozenset({"incident-management"})
# The approval of an app before auth's first message about it.
DEFAULT_APPROVED = ["incident.*"]


def check(trigger: Trigger, action: Action) -> None:
    """Raises a 422 Problem with all errors."""
    if found := errors(trigger, action):
        raise problems.invalid("The automation does not fit; see errors.", found)


def errors(trigger: Trigger, action: Action, place: str = "") -> list[FieldError]:
    """The errors that do not depend on the caller. `place` is the JSON Pointer of the automation."""
    found: list[FieldError] = []
    if trigger.event_type not in event_types.catalogue().keys() - {FIRED}:
        reason = "not an event type for automations; patterns are not accepted here"
        found.append(FieldError(f"{place}/trigger/event_type", reason))
    if trigger.filter is not None:
        found += filter_errors(trigger.filter, f"{place}/trigger/filter")
    return found + action_errors(action, f"{place}/action")


def action_errors(action: Action, place: str) -> list[FieldError]:
    if isinstance(action, DocumentAction) and action.bundle not in BUNDLES:
        return [FieldError(f"{place}/bundle", f"automations run documents of {', '.join(sorted(BUNDLES))}")]
    if isinstance(action, OpenIncident) and not action.fields.keys() >= {"type", "priority"}:
        return [FieldError(f"{place}/fields", "an incident has a type and a priority")]
    named = templates(action)
    found = [one for name, value in named for one in expressions.template_errors(value, f"{place}/{name}")]
    return found + [
        FieldError(f"{place}/{name}", "an object; this literal is none")
        for name, value in named
        if name in OBJECTS
        and value.keys() == {expressions.LITERAL}
        and not isinstance(value[expressions.LITERAL], dict)
    ]


def templates(action: Action) -> list[tuple[str, Any]]:
    """The templates of an action by their fields."""
    if isinstance(action, DocumentAction):
        return [("variables", action.variables)]
    if isinstance(action, AnnotateIncident):
        return [("incident_id", action.incident_id), ("note", action.note)]
    return [("fields", action.fields)]


async def check_granted(conn: AsyncConnection, caller: Caller, trigger: Trigger, action: Action) -> None:
    """Raises a 403 Problem that names the missing approval, scope or bundle."""
    needed = [trigger.event_type] + ([FIRED] if isinstance(action, WebhookAction) else [])
    app = await first(conn, App, queries.APP, (caller.client_id,))
    approved = app.approved_events if app is not None else DEFAULT_APPROVED
    refused = [name for name in needed if not covers(approved, name)]
    if refused:
        raise problems.forbidden(f"This app is not approved for {', '.join(refused)}.", unapproved_events=refused)
    if isinstance(action, OpenIncident | AnnotateIncident | DocumentAction) and not caller.has(INCIDENTS):
        raise problems.insufficient_scope(INCIDENTS)
    if isinstance(action, DocumentAction) and (app is None or action.bundle not in app.graphql_bundles):
        raise problems.forbidden(f"This app was not granted {action.bundle}.", bundle=action.bundle)


def package_errors(
    drafts: Sequence[AutomationDraft], event_types: Sequence[str], scopes: Sequence[str]
) -> list[FieldError]:
    """The errors of a manifest's automations, also where the manifest lacks a scope or event type that they need."""
    found: list[FieldError] = []
    for index, draft in enumerate(drafts):
        place = f"/automations/{index}"
        found += errors(draft.trigger, draft.action, place)
        if draft.trigger.event_type not in event_types:
            found.append(FieldError(f"{place}/trigger/event_type", "is not among the manifest's event_types"))
        if not isinstance(draft.action, WebhookAction):
            if INCIDENTS not in scopes:
                found.append(FieldError(f"{place}/action", f"needs {INCIDENTS} among the manifest's scopes"))
        elif draft.action.webhook_id is not None:
            reason = "an installation's webhooks are not known to its package"
            found.append(FieldError(f"{place}/action/webhook_id", reason))
        elif FIRED not in event_types:
            found.append(FieldError(f"{place}/action", f"needs {FIRED} among the manifest's event_types"))
    return found


def allowed_scopes(made_with: Iterable[str], of_app: Collection[str], of_tenant: Collection[str]) -> list[str]:
    """The scopes of the token that made an automation, without those that its app or its organisation lost since."""
    return sorted(
        scope
        for scope in made_with
        if _includes(of_app, scope) and (scope not in scopes.ON_REQUEST or _includes(of_tenant, scope))
    )


def _includes(held: Collection[str], scope: str) -> bool:
    """`…:write` includes `…:read` of the same resource."""
    return scope in held or (scope.endswith(":read") and scope.removesuffix("read") + "write" in held)


def covers(patterns: Iterable[str], event_type: str) -> bool:
    """Whether an approval covers the type: by its name, by a prefix such as `incident.*`, or by `*`."""
    return any(
        pattern == event_type
        or pattern == "*"
        or (pattern.endswith(".*") and event_type.startswith(pattern.removesuffix("*")))
        for pattern in patterns
    )
