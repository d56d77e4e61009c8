"""Observations of their own form: stroke signs and score, the finding of a 12-lead."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from services.epcr.fhir.entries import Entry, Scene
from services.epcr.fhir.measurements import FAST
from services.epcr.fhir.panels import UNKNOWN, Panel, answer, observation, result
from services.epcr.fhir.terms import LOINC, SNOMED, Json, coding, concept, ems, quantity

_EKG = concept(coding(LOINC, "8601-7", "EKG impression"))
_FAST = ems("stroke_assessment")
_SIGNS = Panel(_FAST)
_NIHSS = concept(coding(LOINC, "72089-6", "Total score [NIH Stroke Scale]"))
_STEMI = concept(coding(SNOMED, "401303003", "Acute ST segment elevation myocardial infarction"))


def stroke(scene: Scene) -> Iterator[Entry]:
    """The FAST signs as one Observation, the NIHSS total as another."""
    seen: dict[str, Any] = scene.projection.view.get("stroke", {})
    at = seen.get("assessed_at") or scene.projection.view["anchor"]
    gone = scene.projection.withdrawn.get("stroke", [])
    signs = {name: seen[name] for name in FAST if name in seen}
    if signs:
        yield _finding(scene, "stroke", _FAST, at, result(_SIGNS, signs))
    elif "fast" in gone:
        yield _withdrawn(scene, "stroke", _FAST, at)
    if "nihss" in seen:
        yield _finding(scene, "nihss", _NIHSS, at, {"valueQuantity": quantity(seen["nihss"], "{score}")})
    elif "nihss" in gone:
        yield _withdrawn(scene, "nihss", _NIHSS, at)


def ecg(scene: Scene, procedure: dict[str, Any]) -> Iterator[Entry]:
    """The finding of a 12-lead as an Observation of its own, because a cath lab looks for it."""
    finding = procedure.get("finding")
    gone = "finding" in scene.projection.withdrawn.get(procedure["id"], [])
    if finding is None and not gone:
        return
    in_error = procedure.get("entered_in_error", False) or finding is None
    content = answer("finding", finding) if finding != "stemi" else {"valueCodeableConcept": _STEMI}
    uuid = scene.uuid("Observation", f"{procedure['id']}/ecg")
    resource = observation(scene, uuid, _EKG, procedure["performed_at"], content, in_error=in_error)
    yield Entry(resource, uuid, procedure["id"] in scene.projection.rewritten)


def _finding(scene: Scene, name: str, code: Json, at: datetime, result: Json) -> Entry:
    uuid = scene.uuid("Observation", f"{scene.encounter}/{name}")
    return Entry(observation(scene, uuid, code, at, result), uuid, "stroke" in scene.projection.rewritten)


def _withdrawn(scene: Scene, name: str, code: Json, at: datetime) -> Entry:
    uuid = scene.uuid("Observation", f"{scene.encounter}/{name}")
    return Entry(observation(scene, uuid, code, at, UNKNOWN, in_error=True), uuid, mutable=True)
