"""The patient's conditions, allergies and medicines: Condition, AllergyIntolerance, MedicationStatement."""

from collections.abc import Iterator
from typing import Any

from services.epcr.fhir.entries import Entry, Scene
from services.epcr.fhir.terms import (
    DATA_ABSENT,
    TERMINOLOGY,
    Json,
    coded,
    coding,
    concept,
    ems,
    extension,
    moment,
    named,
)

_UNNAMED = concept(coding(DATA_ABSENT, "unknown", "Unknown"))
_STATES = {"taking": "active", "not_taking": "not-taken", "stopped": "stopped", "unknown": "unknown"}
IN_ERROR = "entered-in-error"


def impressions(scene: Scene) -> Iterator[Entry]:
    """A Condition for each impression, and one in error for each that a correction removed."""
    present = present_impressions(scene)
    for key, one in present.items():
        yield _impression(scene, key, one, "impressions" in scene.projection.rewritten)
    for key in scene.projection.withdrawn.get("impressions", []):
        if key not in present:
            system, _, code = key.rpartition("|")
            entry = _impression(scene, key, {"system": system, "code": code}, mutable=True)
            yield entry._replace(resource=in_error(entry.resource))


def present_impressions(scene: Scene) -> dict[str, dict[str, Any]]:
    """Each impression once, by system and code, the primary one first."""
    view = scene.projection.view
    found = (view.get("primary_impression"), *view.get("secondary_impressions", []))
    return {f"{one['system']}|{one['code']}": one for one in found if one}


def impression_uuid(scene: Scene, key: str) -> str:
    """The Condition of the impression with that key."""
    return scene.uuid("Condition", f"{scene.encounter}/{key}")


def past_conditions(scene: Scene) -> Iterator[Entry]:
    for seen in scene.projection.view.get("past_conditions", []):
        uuid = scene.uuid("Condition", seen["id"])
        resource = _begin(scene, "Condition", uuid, seen)
        if "state" in seen:
            resource["clinicalStatus"] = _status("condition-clinical", seen["state"])
        resource["verificationStatus"] = _status("condition-ver-status", "unconfirmed")
        if "state" in seen:
            # An item of the problem list has a clinical status (con-3).
            resource["category"] = [_status("condition-category", "problem-list-item")]
        resource |= {"code": named(seen, "condition"), "subject": scene.subject(), "encounter": scene.context()}
        yield _entry(scene, resource, uuid, seen)


def allergies(scene: Scene) -> Iterator[Entry]:
    for seen in scene.projection.view.get("allergies", []):
        uuid = scene.uuid("AllergyIntolerance", seen["id"])
        certainty: str = seen.get("certainty", "unconfirmed")
        is_refuted = certainty == "refuted"
        resource = _begin(scene, "AllergyIntolerance", uuid, seen) | {
            "clinicalStatus": _status("allergyintolerance-clinical", "inactive" if is_refuted else "active"),
            "verificationStatus": _status("allergyintolerance-verification", certainty),
        }
        if "kind" in seen:
            resource["type"] = seen["kind"]
        if "category" in seen:
            resource["category"] = [seen["category"]]
        if "criticality" in seen:
            resource["criticality"] = seen["criticality"].replace("_", "-")
        resource |= {"code": named(seen, "substance"), "patient": scene.subject(), "encounter": scene.context()}
        if "reactions" in seen or "severity" in seen:
            manifestation = [coded(one) for one in seen.get("reactions", [])] or [_UNNAMED]
            severity = {"severity": seen["severity"]} if "severity" in seen else {}
            resource["reaction"] = [{"manifestation": manifestation, **severity}]
        yield _entry(scene, resource, uuid, seen)


def current_medicines(scene: Scene) -> Iterator[Entry]:
    for seen in scene.projection.view.get("current_medicines", []):
        uuid = scene.uuid("MedicationStatement", seen["id"])
        resource = _begin(scene, "MedicationStatement", uuid, seen) | {
            "status": _STATES[seen.get("taken", "unknown")],
            "medicationCodeableConcept": named(seen, "medicine"),
            "subject": scene.subject(),
            "context": scene.context(),
        }
        yield _entry(scene, resource, uuid, seen)


def in_error(resource: Json) -> Json:
    """The resource as entered in error: its status, or its verification without a clinical status (con-5, ait-2)."""
    if "verificationStatus" not in resource:
        return resource | {"status": IN_ERROR}
    system = resource["verificationStatus"]["coding"][0]["system"]
    stated = {name: value for name, value in resource.items() if name != "clinicalStatus"}
    return stated | {"verificationStatus": concept(coding(system, IN_ERROR))}


def _impression(scene: Scene, key: str, one: dict[str, Any], mutable: bool) -> Entry:
    uuid = impression_uuid(scene, key)
    resource = scene.begin("Condition", uuid) | {
        "clinicalStatus": _status("condition-clinical", "active"),
        "verificationStatus": _status("condition-ver-status", "provisional"),
        "category": [_status("condition-category", "encounter-diagnosis")],
        "code": coded(one),
        "subject": scene.subject(),
        "encounter": scene.context(),
    }
    return Entry(resource, uuid, mutable)


def _begin(scene: Scene, kind: str, uuid: str, seen: dict[str, Any]) -> Json:
    extensions: list[Json] = []
    if "informant" in seen:
        extensions.append(extension("informant", "CodeableConcept", ems(f"informant-{seen['informant']}")))
    if "last_taken_at" in seen:
        extensions.append(extension("last-taken", "DateTime", moment(seen["last_taken_at"])))
    return scene.begin(kind, uuid, extensions=extensions)


def _entry(scene: Scene, resource: Json, uuid: str, seen: dict[str, Any]) -> Entry:
    sent = in_error(resource) if seen["entered_in_error"] else resource
    return Entry(sent, uuid, seen["id"] in scene.projection.rewritten)


def _status(system: str, code: str) -> Json:
    return concept(coding(f"{TERMINOLOGY}/{system}", code))
