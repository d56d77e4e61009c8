"""Observations of the crew's vital signs by the R4 vital signs profiles: LOINC, UCUM, blood pressure as one with components."""

from collections.abc import Iterator
from typing import Any

from services.epcr.fhir import measurements
from services.epcr.fhir.entries import Entry, Scene
from services.epcr.fhir.measurements import AVPU, CATEGORIES, COMPONENTS, FIELDS, UNITS
from services.epcr.fhir.panels import observation
from services.epcr.fhir.pressure import crew_components
from services.epcr.fhir.terms import (
    DATA_ABSENT,
    LOINC,
    SNOMED,
    Json,
    coding,
    concept,
    quantity,
)


def vital_signs(scene: Scene, signs: dict[str, Any]) -> Iterator[Entry]:
    """One Observation for each kind in the set, and one in error for each kind that a correction removed."""
    present = measurements.kinds(signs)
    withdrawn = {measurements.kind_without_unit(kind): kind for kind in scene.projection.withdrawn.get(signs["id"], [])}
    gone = [kind for kind in withdrawn if kind not in present]
    mutable = signs["id"] in scene.projection.rewritten
    for kind in present + gone:
        uuid = scene.uuid("Observation", f"{signs['id']}/{kind}")
        in_error = signs.get("entered_in_error", False) or kind in gone
        code = _coded(measurements.code_of(withdrawn.get(kind, kind), signs))
        content, category = _result(kind, signs), CATEGORIES.get(kind, "vital-signs")
        yield Entry(observation(scene, uuid, code, signs["taken_at"], content, category, in_error), uuid, mutable)


def _result(kind: str, signs: dict[str, Any]) -> Json:
    if kind == "avpu" and "avpu" in signs:
        return {"valueCodeableConcept": concept(coding(SNOMED, *AVPU[signs["avpu"]]))}
    if kind == "blood_pressure":
        return {"component": crew_components(signs)}
    components = [
        {"code": _coded(COMPONENTS[field]), "valueQuantity": quantity(signs[field], UNITS[kind])}
        for field in FIELDS[kind]
        if field in COMPONENTS and field in signs
    ]
    parts: Json = {"component": components} if components else {}
    value = measurements.measured(kind, signs)
    if value is None and kind == "gcs" and len(components) == 3:
        # The crew recorded the three parts of the coma score alone.
        value = sum(signs[part] for part in FIELDS["gcs"][1:]), UNITS["gcs"]
    if value is not None:
        return {"valueQuantity": quantity(*value)} | parts
    return parts or {"dataAbsentReason": concept(coding(DATA_ABSENT, "unknown"))}


def _coded(code: measurements.Code) -> Json:
    first, *others = code.loinc
    return concept(coding(LOINC, first, code.display), *(coding(LOINC, other) for other in others))
