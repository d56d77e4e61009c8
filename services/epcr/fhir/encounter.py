"""Encounter: the mission in the field, its times, the reason of the call and the outcome."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.epcr.fhir.entries import ORGANIZATIONS, Entry, Scene
from services.epcr.fhir.history import impression_uuid, present_impressions
from services.epcr.fhir.provider import crew_of, organization_uuid, vehicle_uuid
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
    times: dict[str, datetime] = view.get("times", {})
    clock = [{"url": name.replace("_", "-"), "valueDateTime": moment(at)} for name, at in times.items()]
    extensions = [{"extension": clock, "url": f"{EXTENSIONS}/mission-times"}] if clock else []
    start, end = scene.start(), times.get("handover")
    outcome = view.get("disposition", {}).get("outcome")
    named = [coding(NEMSIS, *_NEMSIS_TYPES[model])] if model in _NEMSIS_TYPES else []
    types = [concept(*named, ems_coding(model))]
    if outcome == "transported":
        types.append(concept(coding(SNOMED, "715537001", "Transportation by ambulance")))
    resource = scene.begin("Encounter", scene.encounter, extensions=extensions)
    if "cad_incident_id" in view:
        # Of all crews at the incident, and of this organisation alone.
        system = f"{ORGANIZATIONS}/{view['organization_id']}/incidents"
        resource["identifier"].append({"system": system, "value": view["cad_incident_id"]})
    resource |= {
        "status": STATUS[view["status"]],
        "class": coding(ACT_CODE, "FLD", "field"),
        "type": types,
        "serviceType": concept(coding(SERVICE_TYPE, *_SERVICES[model])),
        "priority": concept(coding(ACT_PRIORITY, *_PRIORITIES.get(model, ("R", "routine")))),
        "subject": scene.subject(),
    }
    crew = [participant(scene, member, uuid) for member, uuid in crew_of(scene, view.get("crew", []))]
    if crew:
        resource["participant"] = crew
    # If the clock was set back in between, the end is left out: servers refuse such a period (per-1).
    resource["period"] = {"start": moment(start)} | ({"end": moment(end)} if end and end >= start else {})
    reasons = present_impressions(scene)
    if reasons:
        resource["reasonCode"] = [coded(one) for one in reasons.values()]
        resource["diagnosis"] = [
            {"condition": scene.refer("Condition", impression_uuid(scene, key)), "rank": rank}
            for rank, key in enumerate(reasons, 1)
        ]
    if outcome:
        resource["hospitalization"] = {"dischargeDisposition": ems(outcome)}
    if "vehicle_id" in view:
        resource["location"] = [{"location": scene.refer("Location", vehicle_uuid(scene))}]
    resource["serviceProvider"] = scene.refer("Organization", organization_uuid(scene))
    return Entry(resource, scene.encounter, mutable=True)


def participant(scene: Scene, member: Mapping[str, Any], uuid: str) -> Json:
    """The role and qualification of a member of the crew, whose PractitionerRole has that UUID."""
    made: Json = {}
    if "qualification" in member:
        qualification = ems(f"qualification-{member['qualification']}")
        made["extension"] = [extension("crew-qualification", "CodeableConcept", qualification)]
    if "role" in member:
        made["type"] = [ems(f"role-{member['role']}")]
    return made | {"individual": scene.refer("PractitionerRole", uuid)}
