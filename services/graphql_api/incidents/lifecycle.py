"""Moves of an incident, the timeline entries of a change, and its event."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UNSET

from services.graphql_api.incidents.models import Change, ClosedReason, Draft, Entry, Incident, Location, Status
from shared.messaging.messages import Event
from shared.primitives import ids

# Closing has a mutation of its own, because it needs a reason.
NEXT: dict[Status, frozenset[Status]] = {
    "open": frozenset({"dispatched", "in_progress"}),
    "dispatched": frozenset({"open", "in_progress"}),
    "in_progress": frozenset({"dispatched", "resolved"}),
    "resolved": frozenset({"in_progress"}),
    "closed": frozenset(),
}


class NotAllowed(Exception):
    """The message names the move that is not allowed."""


def opened(draft: Draft, tenant_id: str, number: str, now: datetime, *, sandbox: bool) -> Incident:
    return Incident(
        id=ids.new_id("inc"),
        tenant_id=tenant_id,
        number=number,
        type=draft.type,
        priority=draft.priority,
        status="open",
        latitude=_degrees(draft.location, "latitude"),
        longitude=_degrees(draft.location, "longitude"),
        units=draft.units or [],
        cad_incident_id=draft.cad_incident_id,
        closed_reason=None,
        sandbox=sandbox,
        version=1,
        created_at=now,
        updated_at=now,
        closed_at=None,
    )


def changed(incident: Incident, change: Change, now: datetime) -> Incident:
    """The incident with the given fields; itself when nothing changes. Raises NotAllowed."""
    if incident.status == "closed":
        raise NotAllowed("A closed incident does not change.")
    if change.status == "closed":
        raise NotAllowed("Close an incident with closeIncident, which says why.")
    if change.status is not UNSET and change.status not in NEXT[incident.status] | {incident.status}:
        raise NotAllowed(f"An incident does not go from {incident.status} to {change.status}.")
    named: dict[str, Any] = {
        name: value for name in ("type", "priority", "status", "units") if (value := getattr(change, name)) is not UNSET
    }
    if change.location is not UNSET:
        named |= {axis: _degrees(change.location, axis) for axis in ("latitude", "longitude")}
    after = msgspec.structs.replace(incident, **named)
    if after == incident:
        return incident
    return msgspec.structs.replace(after, version=incident.version + 1, updated_at=now)


def closed(incident: Incident, reason: ClosedReason, now: datetime) -> Incident:
    """Raises NotAllowed for one that is closed already."""
    if incident.status == "closed":
        raise NotAllowed("The incident is closed already.")
    return msgspec.structs.replace(
        incident, status="closed", closed_reason=reason, version=incident.version + 1, updated_at=now, closed_at=now
    )


def timeline(before: Incident | None, after: Incident) -> list[Entry]:
    """One entry for each changed field."""
    if before is None:
        return [_entry(after, "created", None, after.status)]
    if after.closed_reason is not None:
        return [_entry(after, "closed", before.status, after.closed_reason)]
    pairs = [
        ("status", before.status, after.status),
        ("priority", before.priority, after.priority),
        ("type", before.type, after.type),
        ("units", ", ".join(before.units), ", ".join(after.units)),
        ("location", _place(before), _place(after)),
    ]
    return [_entry(after, kind, was, became) for kind, was, became in pairs if was != became]


def annotation(incident: Incident, note: str, now: datetime) -> Entry:
    """An entry without a change of the incident and so of its version: a concurrent edit meets no conflict."""
    return msgspec.structs.replace(_entry(incident, "annotated", None, note), at=now)


def event(before: Incident | None, after: Incident, cause: list[str], *, test: bool = False) -> Event:
    """`incident.created`, `incident.updated` or `incident.closed`, as the catalogue of event types describes them.

    `cause` lists the automations that led to the change, `test` marks a sandbox.
    """
    kind = "created" if before is None else "closed" if after.status == "closed" else "updated"
    data: dict[str, Any] = {
        "incident_id": after.id,
        "number": after.number,
        "type": after.type,
        "priority": after.priority,
        "status": after.status,
        "units": after.units,
        "version": after.version,
    }
    if after.cad_incident_id is not None:
        data["cad_incident_id"] = after.cad_incident_id
    if after.closed_reason is not None:
        data["closed_reason"] = after.closed_reason
    return Event(
        event_id=ids.new_id("evt"),
        type=f"incident.{kind}",
        timestamp=after.updated_at,
        data=data,
        cause=cause,
        test=test,
    )


def _entry(after: Incident, kind: str, was: str | None, became: str | None) -> Entry:
    return Entry(
        id=ids.uuid7(),
        incident_id=after.id,
        at=after.updated_at,
        version=after.version,
        kind=kind,
        was=was or None,
        became=became or None,
    )


def _place(incident: Incident) -> str:
    return "" if incident.latitude is None else f"{incident.latitude},{incident.longitude}"


def _degrees(location: Location | None, axis: str) -> Decimal | None:
    return None if location is None else round(Decimal(str(getattr(location, axis))), 2)
