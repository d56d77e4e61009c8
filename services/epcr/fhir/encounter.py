"""Encounter: the mission in the field, its times, the reason of the call and the outcome."""

from datetime import datetime
from typing import Any

from services.epcr.fhir.entries import Entry, Scene
from services.epcr.fhir.history import impression_uuid, present_impressions
from services.epcr.fhir.provider import organization_uuid, vehicle_uuid
from services.epcr.fhir.terms import (
    ACT_CODE,
    ACT_PRIORITY,
    EXTENSIONS,
    NEMSIS,
    SERVICE_TYPE,
    SNOMED,
    Json,
    coded,
    coding,
    concept,
    ems,
    ems_coding,
    extension,
    moment,
)

STATUS = {"in_progress": "in-progress", "completed": "finished", "handed_over": "finished", "cancelled": "cancelled"}
# NEMSIS eResponse.05, type of service requested.
_NEMSIS_TYPES = {
    "prehospital_emergency": ("2205001", "Emergency Response (Primary Response Area)"),
    "interfacility_transfer": ("2205005", "Hospital-to-Hospital Transfer"),
    "community_paramedicine": ("2205031", "Mobile Integrated Health Care Encounter"),
}
_SERVICES = {
    "prehospital_emergency": ("117", "Emergency Medical"),
    "event_medical": ("117", "Emergency Medical"),
    "community_paramedicine": ("226", "Ambulance"),
    "interfacility_transfer": ("230", "Patient Transport"),
    "non_emergency_transport": ("230", "Patient Transport"),
}
_PRIORITIES = {"prehospital_emergency": ("EM", "emergency"), "event_medical": ("UR", "urgent")}


def encounter(scene: Scene) -> Entry:
    view = scene.projection.view
    model: str = view["care_model"]
    clock = _clock(view.get("times", {}))
    resource = scene.begin("Encounter", scene.encounter, extensions=[clock] if clock else [])
    resource |= {
        "status": STATUS[view["status"]],
        "class": coding(ACT_CODE, "FLD", "field"),
        "type": _types(model, view.get("disposition", {})),
        "serviceType": concept(coding(SERVICE_TYPE, *_SERVICES[model])),
        "priority": concept(coding(ACT_PRIORITY, *_PRIORITIES.get(model, ("R", "routine")))),
        "subject": scene.subject(),
    }
    crew = [_participant(member) for member in view.get("crew", [])]
    if crew:
        resource["participant"] = crew
    resource["period"] = _period(view)
    reasons = present_impressions(scene)
    if reasons:
        resource["reasonCode"] = [coded(one) for one in reasons.values()]
        resource["diagnosis"] = [
            {"condition": scene.refer("Condition", impression_uuid(scene, key)), "rank": rank}
            for rank, key in enumerate(reasons, 1)
        ]
    outcome = view.get("disposition", {}).get("outcome")
    if outcome:
        resource["hospitalization"] = {"dischargeDisposition": ems(outcome)}
    if "vehicle_id" in view:
        resource["location"] = [{"location": scene.refer("Location", vehicle_uuid(scene))}]
    resource["serviceProvider"] = scene.refer("Organization", organization_uuid(scene))
    return Entry(resource, scene.encounter, mutable=True)


def _participant(member: dict[str, str]) -> Json:
    """The role and qualification of a member of the crew, without the person."""
    made: Json = {}
    if "qualification" in member:
        qualification = ems(f"qualification-{member['qualification']}")
        made["extension"] = [extension("crew-qualification", "CodeableConcept", qualification)]
    if "role" in member:
        made["type"] = [ems(f"role-{member['role']}")]
    return made


def _types(model: str, disposition: dict[str, Any]) -> list[Json]:
    codings = [ems_coding(model)]
    if model in _NEMSIS_TYPES:
        codings.insert(0, coding(NEMSIS, *_NEMSIS_TYPES[model]))
    types = [concept(*codings)]
    if disposition.get("outcome") == "transported":
        types.append(concept(coding(SNOMED, "715537001", "Transportation by ambulance")))
    return types


def _period(view: Json) -> Json:
    times: dict[str, datetime] = view.get("times", {})
    start = times.get("call") or times.get("mobile") or view["anchor"]
    end = times.get("handover")
    period = {"start": moment(start)}
    # If the clock was set back in between, the end is left out: servers refuse such a period (per-1).
    return period | ({"end": moment(end)} if end and end >= start else {})


def _clock(times: dict[str, datetime]) -> Json | None:
    """The mission's times, as one extension with a member for each."""
    members = [{"url": name.replace("_", "-"), "valueDateTime": moment(at)} for name, at in times.items()]
    return {"extension": members, "url": f"{EXTENSIONS}/mission-times"} if members else None
