"""The pages of a service's operations: devices, encounters without identity, incidents, telephony."""

from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.responses import Response

from services.console.operations import addresses, contact, seen
from services.console.operations.models import (
    Device,
    EncounterPage,
    Encounters,
    Incidents,
    Observation,
    OneIncident,
    Providers,
    Resolution,
)
from services.console.pages import graphql
from services.console.pages.visit import Visit
from services.console.upstream.errors import Refused

PAGE = 50
DEVICE_STATUSES = ("active", "inactive", "retired")
DEVICE_CLASSES = ("bp", "defib", "ecg", "etco2", "glucose", "multiparameter", "oximeter", "thermometer")
SILENCES = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}
ENCOUNTER_STATUSES = ("in_progress", "handed_over", "completed", "cancelled")
INCIDENT_STATUSES = ("open", "dispatched", "in_progress", "resolved", "closed")
INCIDENT_TYPES = ("medical", "fire", "rescue", "traffic", "hazmat", "utility", "public_order", "other")
PRIORITIES = ("critical", "high", "medium", "low")
TIMES = ("call", "mobile", "on_scene", "at_patient", "left_scene", "at_destination", "handover")
LIST_INCIDENTS = graphql.document(__file__, "ListIncidents")
INCIDENT = graphql.document(__file__, "GetIncident")
PROVIDERS = graphql.document(__file__, "ListTelephonyProviders")
RESOLVE = graphql.document(__file__, "ResolveTelephonyRoute")


SECTIONS = {
    "devices": "argus:devices:read",
    "vehicles": "argus:devices:read",
    "encounters": "argus:epcr:read",
    "incidents": "argus:incidents:read",
    "telephony": "argus:telephony:read",
}


async def operations(visit: Visit) -> Response:
    """The way to the sections that the person may see."""
    sections = [name for name, scope in SECTIONS.items() if visit.may(scope)]
    return visit.page("operations/operations.html", sections=sections)


async def devices(visit: Visit) -> Response:
    """The devices of the organisation, the filters in the address."""
    query = {
        "vehicle_id": visit.query("vehicle_id", most=128, exact=True),
        "device_class": visit.query("device_class", DEVICE_CLASSES),
        "status": visit.query("status", DEVICE_STATUSES),
        "silent": visit.query("silent", tuple(SILENCES)),
        "cursor": visit.cursor(),
    }
    since = _silent_since(visit, query["silent"], query["cursor"])
    asked = {name: value for name, value in query.items() if name != "silent"}
    found = await visit.load("/api/v1/devices", list[Device], limit=PAGE, silent_since=since, **asked)
    return visit.page(
        "operations/devices.html",
        path_of=addresses.of_vehicle,
        found=found,
        query=query,
        of_pages=query | {"silent_since": since},
        silences=[(name, visit.t.word("silent_for", name)) for name in SILENCES],
        battery=contact.battery_of(),
        statuses=_named(visit, "device_status", DEVICE_STATUSES),
        classes=_named(visit, "class_of", DEVICE_CLASSES),
    )


async def device(visit: Visit) -> Response:
    """One device: its kind, its last contact, its last readings."""
    path = visit.path_of("/api/v1/devices/{id}", id=visit.ids["device_id"])
    one = await visit.get(path, Device)
    readings = await visit.load(path + "/observations", list[Observation], limit=100)
    known = [] if readings.failure else readings.value
    heard = contact.of(known, datetime.now(UTC))
    times = [at for at in (heard.last, one.last_contact_at) if at is not None]
    return visit.page(
        "operations/device.html",
        path_of=addresses.of_vehicle,
        title=one.serial_number,
        device=one,
        readings=readings,
        contact=heard,
        last=max(times, default=None),
        battery=contact.battery_of(),
        metrics=contact.by_metric(known),
    )


async def encounters(visit: Visit) -> Response:
    """Encounters without who the patient is."""
    query = {
        "cad_incident_id": visit.query("cad_incident_id", most=128, exact=True),
        "vehicle_id": visit.query("vehicle_id", most=128, exact=True),
        "status": visit.query("status", ENCOUNTER_STATUSES),
        "cursor": visit.cursor(),
    }
    found = await visit.load("/api/v1/epcr/encounters", Encounters, limit=PAGE, **query)
    return visit.page(
        "operations/encounters.html",
        path_of=addresses.of_vehicle,
        found=found,
        query=query,
        statuses=_named(visit, "encounter_status", ENCOUNTER_STATUSES),
    )


async def encounter(visit: Visit) -> Response:
    """One encounter: its times and versions, and who saw it, with this visit first."""
    path = visit.path_of("/api/v1/epcr/encounters/{id}", id=visit.ids["encounter_id"])
    one = await visit.get(path, EncounterPage)
    cursor = visit.cursor()
    who, trail = await seen.load(visit, one.id, cursor) if visit.may(seen.SCOPE) else (None, None)
    times = [(name, one.times[name]) for name in TIMES if one.times.get(name)]
    return visit.page(
        "operations/encounter.html",
        path_of=addresses.of_vehicle,
        encounter=one,
        times=times,
        who=who,
        trail=trail,
        cursor=cursor,
    )


async def incidents(visit: Visit) -> Response:
    """Incidents of the dispatch centre, the newest first."""
    query = {
        "status": visit.query("status", INCIDENT_STATUSES),
        "type": visit.query("type", INCIDENT_TYPES),
        "priority": visit.query("priority", PRIORITIES),
        "cad_incident_id": visit.query("cad_incident_id", most=128, exact=True),
        "cursor": visit.cursor(),
    }
    wanted: dict[str, Any] = {name: [query[name]] for name in ("status", "type", "priority") if query[name]}
    if query["cad_incident_id"]:
        wanted["cadIncidentId"] = query["cad_incident_id"]
    found = await graphql.load(
        visit,
        LIST_INCIDENTS,
        Incidents,
        first=PAGE,
        after=query["cursor"] or None,
        filter=wanted or None,
    )
    return visit.page(
        "operations/incidents.html",
        found=found,
        query=query,
        statuses=_named(visit, "incident_status", INCIDENT_STATUSES),
        types=_named(visit, "type_of", INCIDENT_TYPES),
        priorities=_named(visit, "priority_of", PRIORITIES),
    )


async def incident(visit: Visit) -> Response:
    """One incident with its time line."""
    found = await graphql.load(visit, INCIDENT, OneIncident, id=visit.ids["incident_id"])
    if found.failure is not None and found.failure.status in (400, 404):
        raise Refused(404, "not-found", "", found.failure.trace_id)
    if found.failure is None and found.value.incident is None:
        raise Refused(404, "not-found", "", "")
    return visit.page("operations/incident.html", found=found)


async def telephony(visit: Visit) -> Response:
    """Providers and routes, and where a call to a number would go."""
    number = visit.query("number", most=20)
    providers = await graphql.load(visit, PROVIDERS, Providers)
    resolved = await graphql.load(visit, RESOLVE, Resolution, phoneNumber=number) if number else None
    return visit.page("operations/telephony.html", providers=providers, number=number, resolved=resolved)


def _silent_since(visit: Visit, silent: str, cursor: str) -> str:
    """The time before which the silence began. All pages of one list have the same, which is in the address of the later ones."""
    if not silent:
        return ""
    given = visit.query("silent_since", most=40)
    if cursor and given:
        return given
    return (datetime.now(UTC) - SILENCES[silent]).replace(second=0, microsecond=0).isoformat()


def _named(visit: Visit, prefix: str, values: tuple[str, ...]) -> list[tuple[str, str]]:
    """The choices of a filter with their words."""
    return [(value, visit.t.word(prefix, value)) for value in values]
