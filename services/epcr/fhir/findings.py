"""Observations without a unit: the arrest in Utstein terms, stroke signs, the finding of a 12-lead."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from services.epcr.fhir.entries import Entry, Scene
from services.epcr.fhir.measurements import FAST
from services.epcr.fhir.terms import (
    DATA_ABSENT,
    LOINC,
    OBSERVATION_CATEGORY,
    SNOMED,
    Json,
    coding,
    concept,
    ems,
    moment,
    quantity,
)

_RHYTHM = concept(coding(LOINC, "8884-9", "Heart rate rhythm"))
_EKG = concept(coding(LOINC, "8601-7", "EKG impression"))
_NIHSS = concept(coding(LOINC, "72089-6", "Total score [NIH Stroke Scale]"))
_STEMI = concept(coding(SNOMED, "401303003", "Acute ST segment elevation myocardial infarction"))


def arrest(scene: Scene) -> Iterator[Entry]:
    """One Observation with a component for each known field of the arrest."""
    seen: dict[str, Any] = scene.projection.view.get("arrest", {})
    at = seen.get("arrested_at") or scene.projection.view["anchor"]
    if seen:
        yield _panel(scene, "arrest", "cardiac-arrest", at, seen)
    elif "arrest" in scene.projection.withdrawn:
        yield _withdrawn(scene, "arrest", ems("cardiac-arrest"), at)


def stroke(scene: Scene) -> Iterator[Entry]:
    """The FAST signs as one Observation, the NIHSS total as another."""
    seen: dict[str, Any] = scene.projection.view.get("stroke", {})
    at = seen.get("assessed_at") or scene.projection.view["anchor"]
    gone = scene.projection.withdrawn.get("stroke", [])
    signs = {name: seen[name] for name in FAST if name in seen}
    if signs:
        yield _panel(scene, "stroke", "stroke-assessment", at, signs)
    elif "fast" in gone:
        yield _withdrawn(scene, "stroke", ems("stroke-assessment"), at)
    if "nihss" in seen:
        yield _finding(scene, "stroke", "nihss", _NIHSS, at, {"valueQuantity": quantity(seen["nihss"], "{score}")})
    elif "nihss" in gone:
        yield _withdrawn(scene, "stroke", _NIHSS, at, "nihss")


def ecg(scene: Scene, procedure: dict[str, Any]) -> Iterator[Entry]:
    """The finding of a 12-lead as an Observation of its own, because a cath lab looks for it."""
    finding = procedure.get("finding")
    gone = "finding" in scene.projection.withdrawn.get(procedure["id"], [])
    if finding is None and not gone:
        return
    in_error = procedure.get("entered_in_error", False) or finding is None
    result = _answer("finding", finding) if finding != "stemi" else {"valueCodeableConcept": _STEMI}
    uuid = scene.uuid("Observation", f"{procedure['id']}/ecg")
    resource = _observation(scene, uuid, _EKG, procedure["performed_at"], result, in_error)
    yield Entry(resource, uuid, procedure["id"] in scene.projection.rewritten)


def _panel(scene: Scene, section: str, code: str, at: datetime, seen: dict[str, Any]) -> Entry:
    components = [
        {"code": _RHYTHM if name == "initial_rhythm" else ems(name), **_answer(name, value)}
        for name, value in seen.items()
    ]
    return _finding(scene, section, section, ems(code), at, {"component": components})


def _finding(scene: Scene, section: str, name: str, code: Json, at: datetime, result: Json) -> Entry:
    uuid = scene.uuid("Observation", f"{scene.encounter}/{name}")
    return Entry(_observation(scene, uuid, code, at, result), uuid, section in scene.projection.rewritten)


def _withdrawn(scene: Scene, section: str, code: Json, at: datetime, name: str = "") -> Entry:
    uuid = scene.uuid("Observation", f"{scene.encounter}/{name or section}")
    return Entry(_observation(scene, uuid, code, at, _answer("", None), in_error=True), uuid, mutable=True)


def _observation(scene: Scene, uuid: str, code: Json, at: datetime, result: Json, in_error: bool = False) -> Json:
    return scene.begin("Observation", uuid) | {
        "status": "entered-in-error" if in_error else "final",
        "category": [concept(coding(OBSERVATION_CATEGORY, "exam"))],
        "code": code,
        "subject": scene.subject(),
        "encounter": scene.context(),
        "effectiveDateTime": moment(at),
        **result,
    }


def _answer(name: str, value: Any) -> Json:
    """A component's value, by its type."""
    if value is None:
        return {"dataAbsentReason": concept(coding(DATA_ABSENT, "unknown"))}
    if isinstance(value, bool):
        return {"valueBoolean": value}
    if isinstance(value, datetime):
        return {"valueDateTime": moment(value)}
    if isinstance(value, int):
        return {"valueInteger": value}
    # The `bystander` of "witnessed" is another concept than that of other fields.
    return {"valueCodeableConcept": ems(f"{name}-{value}")}
