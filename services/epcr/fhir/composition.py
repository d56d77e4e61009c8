"""Composition: the patient care report (LOINC 67796-3), whose sections have a narrative and refer to the other entries."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from services.epcr.fhir import narrative
from services.epcr.fhir.entries import Entry, Scene, identifier
from services.epcr.fhir.provider import organization_uuid
from services.epcr.fhir.terms import LIST_EMPTY, LOINC, Json, coding, concept, ems, moment
from services.epcr.fhir.words import Language, word

TYPE = concept(coding(LOINC, "67796-3", "EMS patient care report - version 3 Document NEMSIS"))


# Ends of an encounter after which the patient comes to no hospital with this crew.
NOT_BROUGHT = (
    "treated_and_released",
    "refused",
    "dead_on_scene",
    "no_treatment_needed",
    "no_patient_found",
    "cancelled",
)


class Section(NamedTuple):
    """The LOINC code of a section and its display; without a code, the section has a concept of our own."""

    code: str | None
    display: str = ""


# In the order of the page (`handover/parts.py`): the end of the encounter, the parts that nobody may overlook, then the order of
# ATMIST and IMIST-AMBO. Those of the IHE Paramedicine Care Summary have its codes.
SECTIONS: dict[str, Section] = {
    "disposition": Section(None),
    "allergies": Section("48765-2", "Allergies and adverse reactions Document"),
    "directives": Section("42348-3", "Advance directives"),
    "complaint": Section("10154-3", "Chief complaint Narrative - Reported"),
    "problems": Section("11450-4", "Problem list - Reported"),
    "pregnancy": Section("10162-6", "History of pregnancies Narrative"),
    "injury": Section("11374-6", "Injury incident description Narrative"),
    "arrest": Section("67799-7", "Cardiac arrest event"),
    "assessments": Section("51848-0", "Evaluation note"),
    "examinations": Section("29545-1", "Physical findings Narrative"),
    "vital_signs": Section("8716-3", "Vital signs"),
    "medications": Section("18610-6", "Medication administered Narrative"),
    "procedures": Section("29554-3", "Procedure Narrative"),
    "current_medicines": Section("10160-0", "History of Medication use Narrative"),
    "past_conditions": Section("11348-0", "History of Past illness Narrative"),
    "triage": Section("11283-9"),
    "demographics": Section("29762-2", "Social history Narrative"),
}
# R4's reasons for an empty list.
EMPTY = {
    "nil_known": concept(coding(LIST_EMPTY, "nilknown", "Nil Known")),
    "not_asked": concept(coding(LIST_EMPTY, "notasked", "Not Asked")),
    "unknown": concept(coding(LIST_EMPTY, "unavailable", "Unavailable")),
}


def composition(
    scene: Scene,
    sections: Mapping[str, Any],
    former: Sequence[Scene] = (),
    language: Language = "en",
    readings: int = 0,
) -> Entry:
    """`sections` maps names to references, as a list or as JSON. The Composition replaces those of `former` identities.

    The text counts the `readings` of devices among the vital signs, of which there may be too many to read.
    """
    view = scene.projection.view
    uuid = _uuid(scene)
    begun = scene.begin("Composition", uuid)
    sender = scene.refer("Organization", organization_uuid(scene))
    finished = "amended" if view["amended"] else "final"
    resource = {
        "resourceType": "Composition",
        "meta": begun["meta"],
        "language": language,
        "text": narrative.text("demographics", view, language),
        "identifier": begun["identifier"],
        "status": "preliminary" if view["status"] == "in_progress" else finished,
        "type": TYPE,
        "subject": scene.subject(),
        "encounter": scene.context(),
        "date": moment(view["updated_at"]),
        "author": [sender],
        "title": _title(view, language),
        "confidentiality": "R",
        "custodian": sender,
    }
    replaced = [identifier(one.projection, "Composition", _uuid(one)) for one in former]
    if replaced:
        resource["relatesTo"] = [{"code": "replaces", "targetIdentifier": one} for one in replaced]
    counted = [narrative.Row(narrative.title("readings_of_devices", language), str(readings))] if readings else []
    more = {"vital_signs": counted}
    filled = [
        one for name in SECTIONS if (one := _section(name, sections.get(name), view, language, more.get(name, [])))
    ]
    if filled:
        resource["section"] = filled
    return Entry(resource, uuid, mutable=True)


def _title(view: Json, language: Language) -> str:
    """That of the report; of a patient who was not brought also why, so that a list of documents shows it."""
    outcome, title = view.get("disposition", {}).get("outcome"), narrative.title("medical_report", language)
    if outcome not in NOT_BROUGHT:
        return title
    return f"{title} – {word('not_transported', language)}: {narrative.value_of('outcome', outcome, language)}"


def _uuid(scene: Scene) -> str:
    return scene.uuid("Composition", scene.encounter)


def _section(name: str, entries: Any, view: Json, language: Language, more: Sequence[narrative.Row]) -> Json | None:
    """A section with entries, or one of the history with the reason why it is empty."""
    silence = view.get("inquiries", {}).get(name)
    if not entries and silence is None:
        return None
    section = SECTIONS[name]
    made: Json = {
        "title": narrative.title(name, language),
        "code": concept(coding(LOINC, section.code, section.display)) if section.code else ems(name),
        "text": narrative.text(name, view, language, more),
    }
    if entries:
        return made | {"entry": entries}
    return made | {"emptyReason": EMPTY[silence]}
