"""Automations that come with a package: templates of its manifest, and what an installation makes of them."""

from collections.abc import Sequence
from typing import Any

import msgspec

from services.control_plane.automations import actions, interest, queries, rules
from services.control_plane.automations.models import AutomationDraft, WebhookAction
from shared import ids
from shared.database import Connection
from shared.problems import FieldError


def objections(
    templates: Sequence[AutomationDraft], event_types: Sequence[str], scopes: Sequence[str]
) -> list[FieldError]:
    """What is wrong with a manifest's automations: by themselves, and where the manifest does not ask for what they need. Pure."""
    found: list[FieldError] = []
    for index, template in enumerate(templates):
        place = f"/automations/{index}"
        found += rules.objections(template.trigger, template.action, place)
        if template.trigger.event_type not in event_types:
            found.append(FieldError(f"{place}/trigger/event_type", "is not among the manifest's event_types"))
        found += _lacking(template, event_types, scopes, f"{place}/action")
    return found


def _lacking(
    template: AutomationDraft, event_types: Sequence[str], scopes: Sequence[str], place: str
) -> list[FieldError]:
    if not isinstance(template.action, WebhookAction):
        needed = actions.INCIDENTS
        return [] if needed in scopes else [FieldError(place, f"needs {needed} among the manifest's scopes")]
    if template.action.webhook_id is not None:
        return [FieldError(f"{place}/webhook_id", "an installation's webhooks are not known to its package")]
    needed = actions.FIRED
    return [] if needed in event_types else [FieldError(place, f"needs {needed} among the manifest's event_types")]


def make(conn: Connection, tenant_id: str, client_id: str, scopes: Sequence[str], templates: Sequence[Any]) -> None:
    """The automations of an installed app, in the transaction of the tenant that installed it."""
    for template in templates:
        draft = msgspec.convert(template, AutomationDraft)
        row = {
            "id": ids.new_id("auto"),
            "tenant_id": tenant_id,
            "client_id": client_id,
            "name": draft.name,
            "event_type": draft.trigger.event_type,
            "filter": rules.kept(draft.trigger.filter),
            "action": rules.kept(draft.action),
            "scopes": sorted(scopes),
            "enabled": draft.enabled,
            # The installation is what it rests on.
            "grant_id": None,
            "made_for": None,
        }
        conn.execute(queries.INSERT, row)
    interest.tell_sync(conn, tenant_id)
