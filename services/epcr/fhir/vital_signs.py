"""Observations of the crew's vital signs by the R4 vital signs profiles: LOINC, UCUM, blood pressure as one with components."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from services.epcr.fhir import measurements
from services.epcr.fhir.entries import Entry, Scene
from services.epcr.fhir.measurements import AVPU, CATEGORIES, COMPONENTS, FIELDS, UNITS
from services.epcr.fhir.pressure import crew_components
from services.epcr.fhir.terms import (
    DATA_ABSENT,
    LOINC,
    OBSERVATION_CATEGORY,
    SNOMED,
    Json,
    coding,
    concept,
    moment,
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
        code = measurements.code_of(withdrawn.get(kind, kind), signs)
        yield Entry(_observation(scene, uuid, (kind, code), signs, in_error), uuid, mutable)


def _observation(
    scene: Scene, uuid: str, coded: tuple[str, measurements.Code], signs: dict[str, Any], in_error: bool
) -> Json:
    kind, code = coded
    return scene.begin("Observation", uuid) | {
        "status": "entered-in-error" if in_error else "final",
        "category": [concept(coding(OBSERVATION_CATEGORY, CATEGORIES.get(kind, "vital-signs")))],
        "code": _coded(code),
        "subject": scene.subject(),
        "encounter": scene.context(),
        "effectiveDateTime": moment(signs["taken_at"]),
        **_result(kind, signs),
    }


def _result(kind: str, signs: dict[str, Any]) -> Json:
    if kind == "avpu" and "avpu" in signs:
        return {"valueCodeableConcept": concept(coding(SNOMED, *AVPU[signs["avpu"]]))}
    if kind == "blood_pressure":
        return {"component": crew_components(signs)}
    components = [
        _component(kind, field, signs[field]) for field in FIELDS[kind] if field in COMPONENTS and field in signs
    ]
    parts: Json = {"component": components} if components else {}
    value = measurements.measured(kind, signs) or _total(kind, signs)
    if value is not None:
        return {"valueQuantity": quantity(*value)} | parts
    return parts or {"dataAbsentReason": concept(coding(DATA_ABSENT, "unknown"))}


def _total(kind: str, signs: dict[str, Any]) -> tuple[int, str] | None:
    """The total of the coma score, where the crew recorded only its three parts."""
    scores: list[int] = [signs[part] for part in FIELDS["gcs"][1:] if part in signs]
    return (sum(scores), UNITS["gcs"]) if kind == "gcs" and len(scores) == 3 else None


def _component(kind: str, field: str, value: Decimal | int) -> Json:
    return {"code": _coded(COMPONENTS[field]), "valueQuantity": quantity(value, UNITS[kind])}


def _coded(code: measurements.Code) -> Json:
    first, *others = code.loinc
    return concept(coding(LOINC, first, code.display), *(coding(LOINC, other) for other in others))
