"""Incidents in GraphQL. Each mutation writes the row, its timeline, the audit and the outbox in one transaction."""

import functools
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from ariadne import MutationType, ObjectType, QueryType

from services.graphql_api import errors, inputs
from services.graphql_api.context import Context, Info, Loader
from services.graphql_api.incidents import lifecycle, queries
from services.graphql_api.incidents.models import Change, ClosedReason, Draft, Entry, Filter, Incident
from shared.messaging import outbox
from shared.primitives import ids
from shared.storage import audit, rows
from shared.storage.database import AsyncConnection

query = QueryType()
mutation = MutationType()
incident_type = ObjectType("Incident")
entry_type = ObjectType("TimelineEntry")
entry_type.set_alias("from", "was")
entry_type.set_alias("to", "became")
WRITE = "argus:incidents:write"


@query.field("incidents")
async def incidents(
    _: object, info: Info, first: int, after: str | None = None, filter: dict[str, Any] | None = None
) -> dict[str, Any]:
    context = info.context
    caller = context.require("argus:incidents:read")
    wanted = msgspec.structs.asdict(inputs.convert(filter or {}, Filter, "filter"))
    last = inputs.after(after, "inc")
    where = wanted | {"tenant_id": caller.tenant_id, "after": last, "limit": inputs.page_size(first) + 1}
    async with context.transaction() as conn:
        found = await rows.every(conn, Incident, queries.LIST, where)
    return inputs.connection(found, first)


@query.field("incident")
async def incident(_: object, info: Info, id: str) -> Incident | None:
    context = info.context
    context.require("argus:incidents:read")
    if not ids.is_id(id, "inc"):
        return None
    async with context.transaction() as conn:
        return await rows.first(conn, Incident, queries.FIND, (id,))


@incident_type.field("timeline")
async def timeline(parent: Incident, info: Info) -> list[Entry]:
    context = info.context
    loader = context.loaders.setdefault("timeline", Loader(functools.partial(_timelines, context)))
    return await loader.get(parent.id) or []


@mutation.field("createIncident")
async def create_incident(_: object, info: Info, input: dict[str, Any]) -> Incident:
    info.context.require(WRITE)
    return await open_incident(info.context, inputs.convert(input, Draft, "input"))


async def open_incident(context: Context, draft: Draft) -> Incident:
    """Raises a CONFLICT Refusal where its `cad_incident_id` is taken."""
    caller = context.require(WRITE)
    now = datetime.now(UTC)
    async with context.transaction() as conn:
        row = await (await conn.execute(queries.NEXT_NUMBER, (caller.tenant_id, now.year))).fetchone()
        number = f"{now.year}-{row[0] if row else 1:06d}"
        created = lifecycle.opened(draft, caller.tenant_id, number, now)
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
    """Adds a code to the timeline of an incident, open or closed. Raises a NOT_FOUND Refusal."""
    context.require(WRITE)
    async with context.transaction() as conn:
        found = await rows.first(conn, Incident, queries.FIND, (id,))
        if found is None:
            raise errors.not_found()
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
    found = await rows.first(conn, Incident, queries.FIND_TO_CHANGE, (id,))
    if found is None:
        raise errors.not_found()
    if found.version != expected_version:
        raise errors.conflict("The incident has changed since.", current_version=found.version)
    return found


async def _record(context: Context, conn: AsyncConnection, before: Incident | None, after: Incident) -> None:
    entries = lifecycle.timeline(before, after)
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


def _parameters(incident: Incident, entry: Entry) -> tuple[Any, ...]:
    return entry.id, incident.tenant_id, entry.incident_id, entry.at, entry.version, entry.kind, entry.was, entry.became


async def _timelines(context: Context, keys: Sequence[str]) -> Mapping[str, list[Entry]]:
    found: dict[str, list[Entry]] = {key: [] for key in keys}
    async with context.transaction() as conn:
        for entry in await rows.every(conn, Entry, queries.TIMELINES, (context.caller.tenant_id, list(keys))):
            found[entry.incident_id].append(entry)
    return found
