"""The decisions about an app: its scopes, event types, bundles and rules, and the requests that opened them to the organisation."""

from typing import NamedTuple

from services.console.apps.models import App, Decision, Decisions, Grant, Name
from services.console.pages.visit import Failure, Loaded, Visit

PEOPLE = "platform:people:read"
MOST_NAMES = 6
SHOWN = 10
"""Rows that are not folded away."""


class Decided(NamedTuple):
    """`names` are of people, by id, as far as the visitor may read them. `unknown` items were decided before decisions were stored."""

    rows: list[Decision]
    unknown: list[tuple[str, str]]
    grants: list[Grant]
    names: dict[str, str]
    failure: Failure | None = None


async def of(visit: Visit, app: App) -> Decided:
    path = visit.path_of("/v1/platform/apps/{client_id}/decisions", client_id=app.client_id)
    found: Loaded[Decisions] = await visit.load(path, Decisions)
    if found.failure is not None:
        return Decided([], [], [], {}, found.failure)
    rows, grants = found.value.decisions, found.value.organisation_grants
    known = {(one.kind, one.item) for one in rows}
    held = [("scope", name) for name in app.requested_scopes]
    held += [("event", name) for name in app.governance.approved_events]
    held += [("bundle", name) for name in app.governance.graphql_bundles]
    people = list(dict.fromkeys(one.decided_by for one in rows if one.decided_by.startswith("usr_")))[:MOST_NAMES]
    names: dict[str, str] = {}
    if visit.may(PEOPLE):
        paths = [visit.path_of("/v1/platform/users/{user_id}", user_id=one) for one in people]
        loaded: list[Loaded[Name]] = await visit.together(*(visit.load(path, Name) for path in paths))
        answered = [(id, one.value) for id, one in zip(people, loaded, strict=True) if one.failure is None]
        names = {id: person.name for id, person in answered if person.name}
    return Decided(rows, [one for one in held if one not in known], grants, names)
