"""What an automation may be: its trigger and action by themselves, and what its app is approved for."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from services.control_plane import catalogue
from services.control_plane.automations import actions, authority, filters, queries
from services.control_plane.automations.models import (
    Action,
    AnnotateIncident,
    App,
    DocumentAction,
    OpenIncident,
    Trigger,
    WebhookAction,
)
from shared import http, problems
from shared.database import AsyncConnection
from shared.identity import Caller
from shared.problems import FieldError

# What an app has that auth has not told of yet.
DEFAULT_APPROVED = ["incident.*"]


def check(trigger: Trigger, action: Action) -> None:
    """Raises a 422 Problem naming what is wrong."""
    errors = objections(trigger, action)
    if errors:
        raise problems.invalid("The automation does not fit; see errors.", errors)


def objections(trigger: Trigger, action: Action, place: str = "") -> list[FieldError]:
    """What is wrong with it, whoever asks; `place` is where the automation itself stands."""
    found: list[FieldError] = []
    if trigger.event_type not in catalogue.EVENT_TYPES - {actions.FIRED}:
        reason = "not an event type that automations wait for; patterns are not taken here"
        found.append(FieldError(f"{place}/trigger/event_type", reason))
    if trigger.filter is not None:
        found += filters.objections(trigger.filter, f"{place}/trigger/filter")
    return found + actions.objections(action, f"{place}/action")


async def check_granted(conn: AsyncConnection, caller: Caller, trigger: Trigger, action: Action) -> None:
    """Raises a 403 Problem naming the event type, the scope or the bundle that is lacking."""
    needed = [trigger.event_type] + ([actions.FIRED] if isinstance(action, WebhookAction) else [])
    async with conn.cursor(row_factory=class_row(App)) as cursor:
        app = await (await cursor.execute(queries.APP, (caller.client_id,))).fetchone()
    approved = app.approved_events if app is not None else DEFAULT_APPROVED
    refused = [name for name in needed if not authority.covers(approved, name)]
    if refused:
        raise problems.forbidden(f"This app is not approved for {', '.join(refused)}.", unapproved_events=refused)
    if isinstance(action, OpenIncident | AnnotateIncident | DocumentAction) and not caller.has(actions.INCIDENTS):
        raise problems.insufficient_scope(actions.INCIDENTS)
    if isinstance(action, DocumentAction) and (app is None or action.bundle not in app.graphql_bundles):
        raise problems.forbidden(f"This app was not granted {action.bundle}.", bundle=action.bundle)


def kept(value: msgspec.Struct | None) -> Jsonb | None:
    """A filter or action as the database takes it."""
    return None if value is None else Jsonb(value, dumps=lambda one: http.encode(one).decode())


def read(row: dict[str, Any]) -> tuple[Trigger, Action]:
    """Trigger and action of a row that is about to be written."""
    action = msgspec.json.decode(http.encode(row["action"].obj), type=Action)
    given = row["filter"]
    kind = filters.Filter
    wanted = None if given is None else msgspec.json.decode(http.encode(given.obj), type=kind)
    return Trigger(event_type=row["event_type"], filter=wanted), action


def age(created_at: datetime) -> timedelta:
    return datetime.now(UTC) - created_at
