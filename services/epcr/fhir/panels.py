"""Observations with a component for each known field: sections of a record, and entries of some lists.

The stroke signs and score, and the finding of a 12-lead, have a form of their own.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from services.epcr.fhir.acts import tracing
from services.epcr.fhir.entries import Entry, Scene
from services.epcr.fhir.measurements import FAST
from services.epcr.fhir.profiles import claiming
from services.epcr.fhir.terms import (
    DATA_ABSENT,
    LOINC,
    OBSERVATION_CATEGORY,
    SNOMED,
    Json,
    coded,
    coding,
    concept,
    ems,
    moment,
    quantity,
)
from services.epcr.records.assessment import AirwayAttempt, Cpr, Injury, Pupils
from services.epcr.records.care import ranges_of


class Panel(NamedTuple):
    """`at` is the field with its time; without it, the Observation is of the time when the mission began.

    `value` is the field that is the Observation's own value, where there is one.
    """

    code: Json
    at: str | None = None
    value: str | None = None
    category: str = "exam"


def _loinc(code: str, display: str) -> Json:
    return concept(coding(LOINC, code, display))


SECTIONS: dict[str, Panel] = {
    "complaint": Panel(_loinc("10154-3", "Chief complaint Narrative - Reported"), value="concept", category="survey"),
    "dispatch": Panel(ems("dispatch"), category="survey"),
    "triage": Panel(ems("triage"), category="survey"),
    "weight": Panel(_loinc("29463-7", "Body weight"), at="weighed_at", value="value", category="vital-signs"),
    "pregnancy": Panel(_loinc("82810-3", "Pregnancy status"), value="status", category="social-history"),
    "directives": Panel(ems("directives"), category="survey"),
    "injury": Panel(ems("injury"), at="injured_at"),
    "arrest": Panel(ems("cardiac_arrest"), at="arrested_at"),
    "cpr": Panel(ems("cpr"), category="procedure"),
    "disposition": Panel(ems("disposition"), category="survey"),
}
ENTRIES: dict[str, Panel] = {
    "pupils": Panel(ems("pupils"), at="examined_at"),
    "examinations": Panel(ems("examination"), at="examined_at", value="result"),
    "airway_attempts": Panel(ems("airway_attempt"), at="attempted_at", category="procedure"),
}
# Public codes of fields; others have a concept of our own. So has the burned surface: of LOINC a source was found for that of third-degree
# burns alone (88099-7).
_CODES = {
    "initial_rhythm": _loinc("8884-9", "Heart rate rhythm"),
    "gestation_weeks": _loinc("18185-9", "Gestational age"),
    "gravida": _loinc("11996-6", "[#] Pregnancies"),
    "para": _loinc("11977-6", "[#] Parity"),
}
_VALUES = {
    ("status", "pregnant"): concept(coding(SNOMED, "77386006", "Pregnancy")),
    ("status", "not_pregnant"): concept(coding(SNOMED, "60001007", "Not pregnant")),
    ("status", "possible"): concept(coding(SNOMED, "102874004", "Possible pregnancy")),
}
_UNITS = {
    name: unit for kind in (AirwayAttempt, Cpr, Injury, Pupils) for name, (unit, _, _) in ranges_of(kind).items()
} | {"gestation_weeks": "wk"}
_EKG = _loinc("8601-7", "EKG impression")
_FAST = ems("stroke_assessment")
_SIGNS = Panel(_FAST)
_NIHSS = _loinc("72089-6", "Total score [NIH Stroke Scale]")
_STEMI = concept(coding(SNOMED, "401303003", "Acute ST segment elevation myocardial infarction"))
UNKNOWN: Json = {"dataAbsentReason": concept(coding(DATA_ABSENT, "unknown", "Unknown"))}


def section(scene: Scene, name: str) -> Iterator[Entry]:
    """The Observation of a section; in error where a correction removed all of its fields."""
    seen: dict[str, Any] = scene.projection.view.get(name, {})
    panel = SECTIONS[name]
    uuid = scene.uuid("Observation", f"{scene.encounter}/{name}")
    if seen:
        content = result(panel, seen)
    elif name in scene.projection.withdrawn:
        content = UNKNOWN
    else:
        return
    at, is_own = _time(scene, panel, seen)
    resource = observation(scene, uuid, panel.code, at, content, panel.category, not seen)
    yield Entry(resource, uuid, name in scene.projection.rewritten or not seen or _moves(scene, is_own))


def entries(scene: Scene, name: str) -> Iterator[Entry]:
    """The Observation of each entry of a list."""
    panel = ENTRIES[name]
    for seen in scene.projection.view.get(name, []):
        uuid = scene.uuid("Observation", seen["id"])
        content = result(panel, seen)
        in_error: bool = seen["entered_in_error"]
        at, is_own = _time(scene, panel, seen)
        resource = observation(scene, uuid, panel.code, at, content, panel.category, in_error)
        yield Entry(resource, uuid, seen["id"] in scene.projection.rewritten or _moves(scene, is_own))


def stroke(scene: Scene) -> Iterator[Entry]:
    """The FAST signs as one Observation, the NIHSS total as another."""
    seen: dict[str, Any] = scene.projection.view.get("stroke", {})
    at: datetime | None = seen.get("assessed_at")
    gone = scene.projection.withdrawn.get("stroke", [])
    signs = {name: seen[name] for name in FAST if name in seen}
    if signs:
        yield _of_stroke(scene, "stroke", _FAST, at, result(_SIGNS, signs))
    elif "fast" in gone:
        yield _of_stroke(scene, "stroke", _FAST, at)
    if "nihss" in seen:
        yield _of_stroke(scene, "nihss", _NIHSS, at, {"valueQuantity": quantity(seen["nihss"], "{score}")})
    elif "nihss" in gone:
        yield _of_stroke(scene, "nihss", _NIHSS, at)


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
    if "tracing" in procedure:
        resource["derivedFrom"] = [tracing(procedure["tracing"])]
    yield Entry(resource, uuid, procedure["id"] in scene.projection.rewritten)


def result(panel: Panel, seen: Mapping[str, Any]) -> Json:
    """The value of an Observation, and its components: one for each other field, and for each word of a list."""
    # The time of an arrest is a component too: hospitals hold it from releases that sent it so.
    own = {panel.value, panel.at, "id", "entered_in_error"} - {"arrested_at"}
    parts: list[Json] = [
        {"code": _CODES.get(name) or ems(name), **answer(name, one)}
        for name, value in seen.items()
        if name not in own
        for one in (value if isinstance(value, list) else [value])
    ]
    value = answer(panel.value, seen[panel.value]) if panel.value in seen and panel.value else {}
    # A vital sign has a value, or the reason why there is none (vs-2).
    if not value and (panel.value is not None or not parts):
        value = UNKNOWN
    return value | ({"component": parts} if parts else {})


def answer(name: str, value: Any) -> Json:
    """The value of a component, by its type."""
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return {"valueBoolean": value}
    if isinstance(value, datetime):
        return {"valueDateTime": moment(value)}
    if isinstance(value, Decimal | int) and name in _UNITS:
        return {"valueQuantity": quantity(value, _UNITS[name])}
    if isinstance(value, int):
        return {"valueInteger": value}
    if isinstance(value, Mapping):
        return (
            {"valueQuantity": quantity(value["value"], value["unit"])}
            if "unit" in value
            else {"valueCodeableConcept": coded(value)}
        )
    if name == "determinant":
        # MPDS has no URI of a code system.
        return {"valueString": value}
    # The `bystander` of "witnessed" is another concept than that of other fields.
    return {"valueCodeableConcept": _VALUES.get((name, str(value))) or ems(f"{name}-{value}")}


def observation(
    scene: Scene, uuid: str, code: Json, at: datetime, content: Json, category: str = "exam", in_error: bool = False
) -> Json:
    return claiming(
        scene.begin("Observation", uuid)
        | {
            "status": "entered-in-error" if in_error else "final",
            "category": [concept(coding(OBSERVATION_CATEGORY, category))],
            "code": code,
            "subject": scene.subject(),
            "encounter": scene.context(),
            "effectiveDateTime": moment(at),
            **content,
        }
    )


def _of_stroke(scene: Scene, name: str, code: Json, at: datetime | None, content: Json | None = None) -> Entry:
    """Without content in error, because a correction removed it."""
    uuid = scene.uuid("Observation", f"{scene.encounter}/{name}")
    is_gone = content is None
    resource = observation(scene, uuid, code, at or scene.start(), content or UNKNOWN, in_error=is_gone)
    is_rewritten = is_gone or "stroke" in scene.projection.rewritten
    return Entry(resource, uuid, is_rewritten or _moves(scene, at is not None))


def _time(scene: Scene, panel: Panel, seen: Mapping[str, Any]) -> tuple[datetime, bool]:
    """The time of an Observation, and whether it is its own; else it is the begin of the mission."""
    at = seen.get(panel.at) if panel.at else None
    return at or scene.start(), at is not None


def _moves(scene: Scene, has_own_time: bool) -> bool:
    """Whether a corrected clock of the mission changes the Observation."""
    return not has_own_time and scene.has_another_start()
