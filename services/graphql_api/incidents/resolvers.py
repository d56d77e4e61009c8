"""Incidents in GraphQL. Each mutation writes the row, its timeline, the audit and the outbox in one transaction."""

import functools
from collections.abc import Awaitable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from ariadne import MutationType, ObjectType, QueryType

from services.graphql_api import errors, inputs
from services.graphql_api.context import Context, Info, Loader
from services.graphql_api.incidents import lifecycle, queries
from services.graphql_api.incidents.models import (
    Change,
    ClosedReason,
    Draft,
    Entry,
    Incident,
    Kept,
    Listed,
    ListedEntry,
    Timeline,
)
from shared.messaging import outbox
from shared.primitives import ids
from shared.storage import audit, database
from shared.storage.caps import Cap
from shared.storage.database import AsyncConnection

query = QueryType()
mutation = MutationType()
incident_type = ObjectType("Incident")
entry_type = ObjectType("TimelineEntry")
entry_type.set_alias("from", "was")
entry_type.set_alias("to", "became")
WRITE = "argus:incidents:write"
LARGEST = 128 << 10
"""About the bytes of an incident with the most and longest units."""
LISTED_OF_ONE = 200
LISTED = 1000
"""Entries of all timelines of one list, ten of each incident of the largest page."""
LISTED_BYTES = 1 << 20
KEPT_BYTES = 1 << 20
"""Of the values in a timeline. A timeline that is full keeps one more entry of each kind."""


@query.field("incidents")
async def incidents(
    _: object, info: Info, first: int, after: str | None = None, filter: dict[str, Any] | None = None
) -> dict[str, Any]:
    context = info.context
    caller = context.require("argus:incidents:read")
    last, asked = inputs.page(after, "inc", {"first": first, "filter": filter or {}}, Listed)
    wanted = msgspec.structs.asdict(asked.filter)
    where = wanted | {"tenant_id": caller.tenant_id, "after": last, "limit": first + 1}
    where["reached"] = None
    listing, end = queries.LIST, queries.REACHED
    if wanted["cad_incident_id"] is not None:
        listing, end = queries.LIST_BY_CAD, None
    elif wanted["status"] is not None and "closed" not in wanted["status"]:
        listing, end = queries.LIST_OPEN, queries.REACHED_OPEN
    elif all(value is None for value in wanted.values()):
        end = None
    async with context.transaction() as conn:
        if end is not None:
            (where["reached"],) = await (await conn.execute(end, where)).fetchone() or (None,)
        found, fitting = await database.within(conn, Incident, listing, where, LARGEST)
    return inputs.connection(found, min(first, fitting), where["reached"])


@query.field("incident")
async def incident(_: object, info: Info, id: str) -> Incident | None:
    context = info.context
    context.require("argus:incidents:read")
    if not ids.is_id(id, "inc"):
        return None
    async with context.transaction() as conn:
        return await database.first(conn, Incident, queries.FIND, (id,))


@incident_type.field("timeline")
async def timeline(parent: Incident, info: Info) -> list[ListedEntry]:
    return (await _timeline(parent, info.context)).entries


@incident_type.field("timelineIsComplete")
async def timeline_is_complete(parent: Incident, info: Info) -> bool:
    return (await _timeline(parent, info.context)).is_complete


def _timeline(parent: Incident, context: Context) -> Awaitable[Timeline]:
    return context.loaders.setdefault("timeline", Loader(functools.partial(_timelines, context))).get(parent.id)


@mutation.field("createIncident")
async def create_incident(_: object, info: Info, input: dict[str, Any]) -> Incident:
    info.context.require(WRITE)
    return await open_incident(info.context, inputs.convert(input, Draft, "input"))


async def open_incident(context: Context, draft: Draft) -> Incident:
    """Raises a CONFLICT Refusal where its `cad_incident_id` is taken or the tenant has too many open incidents."""
    caller = context.require(WRITE)
    now = datetime.now(UTC)
    cap = Cap("open incidents", context.settings.most_open_incidents, instead="close some, or ask Knogin for more")
    async with context.transaction() as conn:
        await errors.require_room(conn, cap, caller.tenant_id, queries.COUNT_OPEN, cap.most)
        row = await (await conn.execute(queries.NEXT_NUMBER, (caller.tenant_id, now.year))).fetchone()
        number = f"{now.year}-{row[0] if row else 1:06d}"
        created = lifecycle.opened(draft, caller.tenant_id, number, now, sandbox=caller.is_sandbox)
        if await (await conn.execute(queries.INSERT, msgspec.structs.asdict(created))).fetchone() is None:
            existing = await (await conn.execute(queries.FIND_BY_CAD, (draft.cad_incident_id,))).fetchone()
            raise errors.conflict("There is an incident with this cadIncidentId.", id=existing[0] if existing else None)
        await _record(context, conn, None, created)
    return created


@mutation.field("updateIncident")
async def update_incident(_: object, info: Info, id: str, expected_version: int, input: dict[str, Any]) -> Incident:
    context = info.context
    context.require(WRITE)
    change = inputs.convert(input, Change, "input")
    async with context.transaction() as conn:
        before = await _to_change(conn, id, expected_version)
        return await _apply(context, conn, before, lambda now: lifecycle.changed(before, change, now))


@mutation.field("closeIncident")
async def close_incident(_: object, info: Info, id: str, expected_version: int, reason: ClosedReason) -> Incident:
    context = info.context
    context.require(WRITE)
    async with context.transaction() as conn:
        before = await _to_change(conn, id, expected_version)
        return await _apply(context, conn, before, lambda now: lifecycle.closed(before, reason, now))


async def annotate(context: Context, id: str, note: str) -> Incident:
    """Adds a code to the timeline of an incident, open or closed. Raises a Refusal: NOT_FOUND, or CONFLICT where the timeline is full."""
    context.require(WRITE)
    async with context.transaction() as conn:
        found = await database.first(conn, Incident, queries.FIND_TO_CHANGE, (id,))
        if found is None:
            raise errors.not_found()
        if await _is_full(context, conn, found):
            most = context.settings.most_timeline_entries
            message = f"The timeline of an incident takes notes until it has {most} entries or a MiB of values."
            raise errors.conflict(message, resource="timeline entries", limit=most)
        await conn.execute(queries.ADD_ENTRY, _parameters(found, lifecycle.annotation(found, note, datetime.now(UTC))))
        await audit.record(conn, context.caller, "incident.annotated", found.id, {"note": note})
    return found


async def _apply(context: Context, conn: AsyncConnection, before: Incident, change: Any) -> Incident:
    try:
        after: Incident = change(datetime.now(UTC))
    except lifecycle.NotAllowed as refusal:
        raise errors.conflict(str(refusal), status=before.status) from None
    if after is not before:
        await conn.execute(queries.UPDATE, msgspec.structs.asdict(after))
        await _record(context, conn, before, after)
    return after


async def _to_change(conn: AsyncConnection, id: str, expected_version: int) -> Incident:
    if not ids.is_id(id, "inc"):
        raise errors.not_found()
    found = await database.first(conn, Incident, queries.FIND_TO_CHANGE, (id,))
    if found is None:
        raise errors.not_found()
    if found.version != expected_version:
        raise errors.conflict("The incident has changed since.", current_version=found.version)
    return found


async def _record(context: Context, conn: AsyncConnection, before: Incident | None, after: Incident) -> None:
    entries = lifecycle.timeline(before, after)
    if before is not None and await _is_full(context, conn, before):
        # Each becomes one with the newest of its kind, which goes: a change is never refused because the timeline is full.
        for place, entry in enumerate(entries):
            removed = await conn.execute(queries.REMOVE_NEWEST_ENTRY, (after.tenant_id, after.id, entry.kind))
            if (row := await removed.fetchone()) is not None:
                entries[place] = msgspec.structs.replace(entry, was=row[0])
    async with conn.cursor() as cursor:
        await cursor.executemany(queries.ADD_ENTRY, [_parameters(after, entry) for entry in entries])
    event = lifecycle.event(before, after, context.cause, test=context.caller.is_sandbox)
    await outbox.add(conn, after.tenant_id, event)
    await audit.record(
        conn,
        context.caller,
        event.type,
        after.id,
        {"version": after.version, "changed": [entry.kind for entry in entries]},
    )


async def _is_full(context: Context, conn: AsyncConnection, incident: Incident) -> bool:
    """Whether the timeline of a locked incident has as many entries or bytes as are kept."""
    kept = await database.first(conn, Kept, queries.COUNT_ENTRIES, (incident.tenant_id, incident.id))
    return kept is not None and (kept.number >= context.settings.most_timeline_entries or kept.bytes >= KEPT_BYTES)


def _parameters(incident: Incident, entry: Entry) -> tuple[Any, ...]:
    return entry.id, incident.tenant_id, entry.incident_id, entry.at, entry.version, entry.kind, entry.was, entry.became


async def _timelines(context: Context, keys: Sequence[str]) -> Mapping[str, Timeline]:
    found = {key: Timeline() for key in keys}
    wanted = {"tenant_id": context.caller.tenant_id, "incident_ids": list(keys)}
    wanted |= {"of_one": LISTED_OF_ONE, "together": LISTED, "bytes": LISTED_BYTES}
    async with context.transaction() as conn:
        entries = await database.every(conn, ListedEntry, queries.TIMELINES, wanted)
    for entry in entries:
        found[entry.incident_id].entries.append(entry)
    return found
