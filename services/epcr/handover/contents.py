"""The resources of an identified bundle, in portions: the same for the document and the transaction."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from typing import Any, NamedTuple

from services.epcr.fhir import narrative, readings
from services.epcr.fhir.composition import EMPTY, SECTIONS, composition
from services.epcr.fhir.composition import Section as Code
from services.epcr.fhir.device import devices
from services.epcr.fhir.displays import in_xml, with_texts
from services.epcr.fhir.encounter import encounter as encounter_entry
from services.epcr.fhir.entries import Scene, reference
from services.epcr.fhir.export import VITAL_SIGNS, sections
from services.epcr.fhir.history import IN_ERROR, impressions
from services.epcr.fhir.provider import organization_uuid
from services.epcr.fhir.readings import Shape
from services.epcr.fhir.terms import LOINC, TERMINOLOGY, Json, coding, concept, ems, moment
from services.epcr.handover import crews
from services.epcr.handover.parties import document_reference, parties, patient
from services.epcr.handover.sheet import in_zone, plain_view
from services.epcr.handover.source import Pdf, Source
from services.epcr.handover.vitals import rows_of_readings
from services.epcr.handover.words import heading, say
from services.epcr.handover.writing import Writing
from services.epcr.records.faults import SUBJECTS
from services.epcr.records.models import Encounter, LinkedObservation

ACT_CLASS = f"{TERMINOLOGY}/v3-ActClass"
# Sections that a Paramedicine Care Summary has in any case, and the reason for which they may be empty.
REQUIRED = ("complaint", "reason", "narrative", "problems", "current_medicines", "allergies", "assessments")
CODES: dict[str, Code] = SECTIONS | {
    "reason": Code("29299-5", "Reason for visit Narrative"),
    "narrative": Code("10164-2", "History of Present illness Narrative"),
}
# Resources whose notes are the crew's comments, by lists of the record.
_COMMENTED = {
    "allergies": "AllergyIntolerance",
    "past_conditions": "Condition",
    "current_medicines": "MedicationStatement",
    "examinations": "Observation",
    "airway_attempts": "Observation",
    "procedures": "Procedure",
    "medications": "MedicationAdministration",
}
_NUMBERS = ("unit_number", "lot_number")
_IDENTIFIED: dict[str, tuple[str, ...]] = {
    **{name: (subject, *(_NUMBERS if name == "medications" else ())) for name, subject in SUBJECTS.items()},
    "procedures": (*_NUMBERS, "tracing"),
    "apgar": ("scored_at",),
}
# The order of the report.
_BESIDE = {"complaint": ("complaint", "reason"), "demographics": ("narrative", "demographics")}
ORDER = tuple(one for name in SECTIONS for one in _BESIDE.get(name, (name,)))
# As the specification has them.
_ORDER = (
    *("resourceType", "language", "text", "identifier", "status", "type", "category", "subject", "encounter", "date"),
    *("author", "title", "confidentiality", "attester", "custodian", "relatesTo", "event", "section"),
)


class Contents(NamedTuple):
    """The Composition with its UUID, and the places of the readings."""

    uuid: str
    report: Json
    places: list[str]


def contents(
    writing: Writing,
    scene: Scene,
    source: Source,
    pdf: Pdf,
    pdf_uuid: str,
    links: Sequence[Json] = (),
    person: Encounter | None = None,
) -> Contents:
    """Adds all resources but the Composition.

    `links` are those of the Patient to others; `person` is the encounter with the knowledge of all crews about the patient.
    """
    view = plain_view(source.encounter, source.projection.view)
    shown = scene._replace(projection=source.projection._replace(view=view))
    worded = _identified(with_texts(scene.projection.view, view, source.language), view)
    scene = scene._replace(projection=scene.projection._replace(view=worded))
    measured = readings_of(scene, source.readings)
    used = {one["device"]["reference"] for one in measured.values()}
    found = devices(scene, dict.fromkeys(map(Shape.of, source.readings)), source.makes)
    # First those to which others refer.
    first = [
        (scene.patient, patient(scene, source, person) | ({"link": list(links)} if links else {})),
        *parties(scene, source),
        *((one.uuid, one.resource) for one in found if f"urn:uuid:{one.uuid}" in used),
        *((one.uuid, one.resource) for one in impressions(scene)),
    ]
    writing.add(first)
    written = {uuid for uuid, _ in first}
    notes = _notes(scene, view)
    referred: dict[str, list[Json]] = {}
    for name, entries in sections(scene).items():
        resources: Iterable[Json] = (entry.resource for entry in entries)
        if name == VITAL_SIGNS:
            resources = chain(resources, measured.values())
        # An entry's identifier is its UUID.
        pairs = [(one["identifier"][0]["value"], one) for one in resources]
        referred[name] = [reference(one["resourceType"], uuid) for uuid, one in pairs]
        writing.add([(uuid, _noted(one, notes.get(uuid))) for uuid, one in pairs if uuid not in written])
    writing.add([(pdf_uuid, document_reference(scene, source, pdf, pdf_uuid))])
    made = _composition(shown, source, referred, pdf_uuid)
    return Contents(scene.uuid("Composition", scene.encounter), made, list(measured))


def _identified(view: dict[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    """The view with the values that a reader of the patient alone may have.

    Those are words in place of codes, also of a complaint, the numbers of blood and drugs, tracings, and when a newborn was scored.
    """

    def with_members(name: str, members: Sequence[str]) -> list[Json]:
        return [
            {**{member: one[member] for member in members if member in one}, **seen}
            for seen, one in zip(view.get(name, []), record.get(name, []), strict=True)
        ]

    shown = {name: with_members(name, members) for name, members in _IDENTIFIED.items()}
    complaint: dict[str, Any] = view.get("complaint", {})
    words: str | None = record.get("complaint", {}).get("text")
    worded: dict[str, Any] = {}
    # There is an Observation of the complaint, and no code in it.
    if words and complaint and "concept" not in complaint:
        worded = {"complaint": complaint | {"concept": {"display": words}}}
    return view | {name: entries for name, entries in shown.items() if entries} | worded


def _noted(resource: Json, words: str | None) -> Json:
    if words is None or resource.get("status") == IN_ERROR:
        return resource
    return resource | {"note": [{"text": in_xml(words)}]}


def _notes(scene: Scene, record: Mapping[str, Any]) -> dict[str, str]:
    """The crew's comments, by the UUIDs of the resources that they are about."""
    words: dict[str, str] = {}
    for name, kind in _COMMENTED.items():
        for seen, one in zip(scene.projection.view.get(name, []), record.get(name, []), strict=True):
            if "comment" in one and not one.get("entered_in_error"):
                words[scene.uuid(kind, seen["id"])] = one["comment"]
                if "finding" in seen:
                    words[scene.uuid("Observation", f"{seen['id']}/ecg")] = one["comment"]
    fields: dict[str, str] = dict.fromkeys(("arrest", "directives", "disposition", "stroke"), "comment")
    if "concept" in record.get("complaint", {}):
        fields["complaint"] = "text"
    for name, field in fields.items():
        if field in record.get(name, {}):
            words[scene.uuid("Observation", f"{scene.encounter}/{name}")] = record[name][field]
    return words


def readings_of(scene: Scene, observed: Sequence[LinkedObservation]) -> dict[str, Json]:
    """The Observations of the devices by their places: the first, second … of a code and unit, in the order of time.

    An Observation is known by its place, so that the next handover changes it: the extremes of an encounter are other ones each time.
    """
    writer = readings.Observations(scene, scene.projection.moves, lambda _: None, lambda entry: entry)
    ordered = sorted(observed, key=lambda one: (one.observed_at, one.id))
    seen: Counter[str] = Counter()
    found: dict[str, Json] = {}
    for written in (*writer.add(ordered), *writer.end()):
        one = json.loads(written.text, parse_float=Decimal)["resource"]
        kind = f"{one['code']['coding'][0]['code']}|{one.get('valueQuantity', {}).get('code', '')}"
        seen[kind] += 1
        place = f"{kind}/{seen[kind]}"
        found[place] = one | {"identifier": [one["identifier"][0] | {"value": place_uuid(scene, place)}]}
    return found


def place_uuid(scene: Scene, place: str) -> str:
    """The UUID of the Observation at a place."""
    return scene.uuid("Observation", f"{scene.encounter}/place/{place}")


def bundle_of(kind: str, scene: Scene, source: Source, meta: Json) -> Json:
    """Without its entries."""
    domain, encounter = scene.projection.domain, source.encounter
    version = f"{scene.encounter} {encounter.revision} {source.language}"
    return {
        "resourceType": "Bundle",
        "meta": meta,
        "language": source.language,
        "identifier": {
            "system": domain.system(kind),
            "value": domain.uuid("document", version if kind == "document" else f"{kind} {version}"),
        },
        "type": kind,
        "timestamp": moment(encounter.updated_at),
    }


def _composition(shown: Scene, source: Source, entries: Mapping[str, list[Json]], pdf_uuid: str) -> Json:
    language = source.language
    made = composition(shown, {}, (), language).resource
    sender = reference("Organization", organization_uuid(shown))
    made |= {
        "category": [concept(coding(LOINC, "34133-9", "Summary of episode note"))],
        "author": [sender | {"display": source.sender.name}],
        "custodian": sender | {"display": source.sender.name},
        "event": [
            {
                "code": [concept(coding(ACT_CLASS, "PCPR", "care provision"))],
                "period": encounter_entry(shown).resource["period"],
            }
        ],
        "section": list(_sections(shown, source, entries, pdf_uuid)),
    }
    if source.former:
        made["relatesTo"] = [{"code": "replaces", "targetIdentifier": one} for one in source.former]
    if source.closed_at is not None:
        made["attester"] = [{"mode": "professional", "time": moment(source.closed_at), "party": sender}]
    return {name: made[name] for name in _ORDER if name in made}


def _sections(shown: Scene, source: Source, entries: Mapping[str, list[Json]], pdf_uuid: str) -> Iterator[Json]:
    zone, language = source.sender.zone, source.language
    view = in_zone(shown.projection.view, zone)
    more = {"vital_signs": rows_of_readings(source.readings, language, zone)}
    for name in ORDER:
        # The reason for the visit is the impressions; a section of its own asks for it.
        content = "problems" if name == "reason" else name
        referred = entries.get(content, [])
        has_words = bool(narrative.rows(content, view, language))
        silence = view.get("inquiries", {}).get(name)
        if not (referred or has_words or silence or name in REQUIRED):
            continue
        code = CODES[name]
        made: dict[str, Any] = {
            "title": heading(name, language),
            "code": concept(coding(LOINC, code.code, code.display or None)) if code.code else ems(name),
            "text": narrative.text(content, view, language, more.get(content, [])),
        }
        if referred:
            yield made | {"entry": referred}
        elif has_words and silence is None:
            yield made
        else:
            yield made | {"emptyReason": EMPTY[silence or "unknown"]}
    if source.crews:
        yield {
            "title": heading(crews.TITLE, language),
            "code": ems(crews.TITLE),
            "text": narrative.text("narrative", {}, language, crews.rows(source.crews, language, zone)),
        } | ({"entry": known} if (known := crews.references(source.crews)) else {})
    words = say("handover_pdf", language)
    div = f'<div xmlns="http://www.w3.org/1999/xhtml" lang="{language}" xml:lang="{language}"><p>{words}</p></div>'
    yield {
        "title": heading("documents", language),
        "code": concept(coding(LOINC, "55107-7", "Addendum Document")),
        "text": {"status": "generated", "div": div},
        "entry": [reference("DocumentReference", pdf_uuid)],
    }
