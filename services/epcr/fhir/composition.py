"""Composition: the patient care report (LOINC 67796-3), whose sections refer to the other entries."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.epcr.fhir.entries import Entry, Scene, identifier
from services.epcr.fhir.terms import LOINC, Json, coding, concept, moment

SECTIONS = {
    "vital_signs": ("8716-3", "Vital signs"),
    "procedures": ("29554-3", "Procedures performed"),
    "medications": ("18610-6", "Medications administered"),
    "arrest": ("67799-7", "Cardiac arrest event"),
    "assessments": ("51848-0", "Assessments"),
    "demographics": ("29762-2", "Social history"),
}
_AUTHOR = "De-identified EMS service"


def composition(scene: Scene, sections: Mapping[str, Any], former: Sequence[Scene] = ()) -> Entry:
    """`sections` maps names to references, as a list or as JSON. The Composition replaces those of `former` identities."""
    view = scene.projection.view
    uuid = _uuid(scene)
    resource = scene.begin("Composition", uuid) | {
        "status": _status(view),
        "type": concept(coding(LOINC, "67796-3", "EMS patient care report - version 3 Document NEMSIS")),
        "subject": scene.subject(),
        "encounter": scene.context(),
        "date": moment(view["updated_at"]),
        "author": [{"display": _AUTHOR}],
        "title": "EMS patient care report",
        "confidentiality": "R",
    }
    replaced = [identifier(one.projection, "Composition", _uuid(one)) for one in former]
    if replaced:
        resource["relatesTo"] = [{"code": "replaces", "targetIdentifier": one} for one in replaced]
    filled = [_section(name, entries) for name, entries in sections.items() if entries]
    if filled:
        resource["section"] = filled
    return Entry(resource, uuid, mutable=True)


def _uuid(scene: Scene) -> str:
    return scene.uuid("Composition", scene.encounter)


def _status(view: Json) -> str:
    if view["status"] == "in_progress":
        return "preliminary"
    return "amended" if view["amended"] else "final"


def _section(name: str, entries: Any) -> Json:
    code, title = SECTIONS[name]
    return {"title": title, "code": concept(coding(LOINC, code, title)), "entry": entries}
