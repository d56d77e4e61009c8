"""The pages of a service's operations: devices, encounters without identity, incidents, telephony."""

from datetime import UTC, datetime

from starlette.responses import Response

from services.console.operations import contact
from services.console.operations.models import (
    Device,
    Disclosures,
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
ENCOUNTER_STATUSES = ("in_progress", "handed_over", "completed", "cancelled")
INCIDENT_STATUSES = ("open", "dispatched", "in_progress", "resolved", "closed")
TIMES = ("call", "mobile", "on_scene", "at_patient", "left_scene", "at_destination", "handover")
LIST_INCIDENTS = graphql.document(__file__, "ListIncidents")
INCIDENT = graphql.document(__file__, "GetIncident")
PROVIDERS = graphql.document(__file__, "ListTelephonyProviders")
RESOLVE = graphql.document(__file__, "ResolveTelephonyRoute")


SECTIONS = {
    "devices": "argus:devices:read",
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
        "vehicle_id": visit.query("vehicle_id"),
        "device_class": visit.query("device_class", DEVICE_CLASSES),
        "status": visit.query("status", DEVICE_STATUSES),
        "cursor": visit.query("cursor", most=1000),
    }
    found = await visit.load("/api/v1/devices", list[Device], limit=PAGE, **query)
    return visit.page(
        "operations/devices.html",
        found=found,
        query=query,
        statuses=_named(visit, "device_status", DEVICE_STATUSES),
        classes=_named(visit, "class_of", DEVICE_CLASSES),
    )


async def device(visit: Visit) -> Response:
    """One device: its kind, its last contact, its last readings."""
    path = visit.path_of("/api/v1/devices/{id}", id=visit.ids["device_id"])
    one = await visit.get(path, Device)
    readings = await visit.load(path + "/observations", list[Observation], limit=100)
    known = [] if readings.failure else readings.value
    return visit.page(
        "operations/device.html",
        title=one.serial_number,
        device=one,
        readings=readings,
        contact=contact.of(known, datetime.now(UTC)),
        metrics=contact.by_metric(known),
    )


async def encounters(visit: Visit) -> Response:
    """Encounters without who the patient is."""
    query = {
        "cad_incident_id": visit.query("cad_incident_id", most=128),
        "status": visit.query("status", ENCOUNTER_STATUSES),
        "cursor": visit.query("cursor", most=1000),
    }
    found = await visit.load("/api/v1/epcr/encounters", Encounters, limit=PAGE, **query)
    return visit.page(
        "operations/encounters.html",
        found=found,
        query=query,
        statuses=_named(visit, "encounter_status", ENCOUNTER_STATUSES),
    )


async def encounter(visit: Visit) -> Response:
    """One encounter: its times and versions, and to whom it was disclosed."""
    path = visit.path_of("/api/v1/epcr/encounters/{id}", id=visit.ids["encounter_id"])
    one = await visit.get(path, EncounterPage)
    disclosed = await visit.load(path + "/disclosures", Disclosures, limit=PAGE) if visit.may("platform:apps") else None
    times = [(name, one.times[name]) for name in TIMES if one.times.get(name)]
    return visit.page("operations/encounter.html", encounter=one, times=times, disclosed=disclosed)


async def incidents(visit: Visit) -> Response:
    """Incidents of the dispatch centre, the newest first."""
    status = visit.query("status", INCIDENT_STATUSES)
    query = {"status": status, "cursor": visit.query("cursor", most=1000)}
    found = await graphql.load(
        visit,
        LIST_INCIDENTS,
        Incidents,
        first=PAGE,
        after=query["cursor"] or None,
        filter={"status": status} if status else None,
    )
    return visit.page(
        "operations/incidents.html",
        found=found,
        query=query,
        statuses=_named(visit, "incident_status", INCIDENT_STATUSES),
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


def _named(visit: Visit, prefix: str, values: tuple[str, ...]) -> list[tuple[str, str]]:
    """The choices of a filter with their words."""
    return [(value, visit.t.word(prefix, value)) for value in values]
