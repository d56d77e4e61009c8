"""The handover as a FHIR document: Bundle `document`, Composition 67796-3, in the form of the IHE Paramedicine Care Summary.

Its entries are made as those of the transaction, under identifiers of the destination; the Patient has a name, and the texts show the
whole record. A new revision is a new Bundle of the same Composition.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import chain
from typing import Any, NamedTuple

from services.epcr.deidentification.projection import Projection
from services.epcr.fhir import narrative, readings
from services.epcr.fhir.checks import problems_within
from services.epcr.fhir.composition import EMPTY, SECTIONS, TYPE, composition
from services.epcr.fhir.composition import Section as Code
from services.epcr.fhir.device import devices
from services.epcr.fhir.encode import UnfitBundle, definitions
from services.epcr.fhir.encounter import encounter as encounter_entry
from services.epcr.fhir.entries import Scene, reference, scene_of
from services.epcr.fhir.export import VITAL_SIGNS, sections_of
from services.epcr.fhir.patient import patient as masked_patient
from services.epcr.fhir.provider import organization_uuid, provider
from services.epcr.fhir.readings import Shape
from services.epcr.fhir.terms import (
    ACT_REASON,
    DATA_ABSENT_EXTENSION,
    LOINC,
    TERMINOLOGY,
    Json,
    coding,
    concept,
    ems,
    moment,
)
from services.epcr.fhir.words import Language
from services.epcr.handover.models import Destination, Sender
from services.epcr.handover.sheet import name_of, plain_view
from services.epcr.handover.words import heading, say
from services.epcr.records.models import Encounter, LinkedObservation

CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
ACT_CLASS = "http://terminology.hl7.org/CodeSystem/v3-ActClass"
PATIENTS = "https://knogin.com/fhir/organizations"
# Sections that a Paramedicine Care Summary has in any case, and the reason for which they may be empty.
REQUIRED = ("complaint", "reason", "narrative", "problems", "current_medicines", "allergies", "assessments")
CODES: dict[str, Code] = SECTIONS | {
    "reason": Code("29299-5", "Reason for visit Narrative"),
    "narrative": Code("10164-2", "History of Present illness Narrative"),
}
# The order of the report.
ORDER = ("complaint", "reason", "narrative", *(name for name in SECTIONS if name != "complaint"))
# As the specification has them.
_ORDER = (
    *(
        "resourceType",
        "language",
        "text",
        "identifier",
        "status",
        "type",
        "category",
        "subject",
        "encounter",
        "date",
        "author",
    ),
    *("title", "confidentiality", "attester", "custodian", "relatesTo", "event", "section"),
)
_URI = re.compile(r"(https?://|urn:)[!-~]+")


class Source(NamedTuple):
    """All that a document is made from. `readings` are the extremes of the devices' observations, `closed_at` the end of the report."""

    encounter: Encounter
    projection: Projection
    readings: Sequence[LinkedObservation]
    former: Sequence[Json]
    sender: Sender
    destination: Destination
    closed_at: datetime | None
    language: Language


class Pdf(NamedTuple):
    """The same report as a PDF, and where it is."""

    body: bytes
    url: str


def document(source: Source, pdf: Pdf) -> Json:
    """The Bundle. Raises UnfitBundle, which is a bug of this service."""
    scene = scene_of(source.projection)
    shown = scene._replace(
        projection=source.projection._replace(view=plain_view(source.encounter, source.projection.view))
    )
    made = {name: [entry.resource for entry in entries] for name, entries in sections_of(scene).items()}
    writer = readings.Observations(scene, scene.projection.moves, lambda _: None, lambda entry: entry)
    ordered = sorted(source.readings, key=lambda one: (one.observed_at, one.id))
    measured = [
        json.loads(written.text, parse_float=Decimal)["resource"] for written in (*writer.add(ordered), *writer.end())
    ]
    made[VITAL_SIGNS] = made[VITAL_SIGNS] + measured
    used = {one["device"]["reference"] for one in measured if "device" in one}
    found = devices(scene, dict.fromkeys(map(Shape.of, source.readings)))
    # An entry's identifier is its UUID.
    named = {name: [(one["identifier"][0]["value"], one) for one in resources] for name, resources in made.items()}
    referred = {name: [reference(one["resourceType"], uuid) for uuid, one in pairs] for name, pairs in named.items()}
    resources: list[tuple[str, Json]] = [
        (scene.uuid("Composition", scene.encounter), _composition(shown, source, referred)),
        (scene.patient, _patient(scene, source)),
        *_parties(scene, source),
        *((one.uuid, one.resource) for one in found if f"urn:uuid:{one.uuid}" in used),
        *chain.from_iterable(named.values()),
        (_document_uuid(scene, source), _document_reference(scene, source, pdf)),
    ]
    entries = {f"urn:uuid:{uuid}": resource | {"meta": _meta(source)} for uuid, resource in resources}
    bundle = {
        "resourceType": "Bundle",
        "meta": _meta(source),
        "language": source.language,
        "identifier": {
            "system": scene.projection.domain.system("document"),
            "value": scene.projection.domain.uuid(
                "document", f"{scene.encounter} {source.encounter.revision} {source.language}"
            ),
        },
        "type": "document",
        "timestamp": moment(source.encounter.updated_at),
        "entry": [{"fullUrl": url, "resource": resource} for url, resource in entries.items()],
    }
    reasons = definitions(bundle) or list(faults_of(bundle))
    if reasons:
        raise UnfitBundle(reasons)
    return bundle


def faults_of(bundle: Json) -> Iterator[str]:
    """Rules of documents and of this form that FHIR's definitions do not state, each with its place, never a value."""
    entries: list[Json] = bundle["entry"]
    kinds = {entry["fullUrl"]: entry["resource"]["resourceType"] for entry in entries}
    if bundle["type"] != "document" or not {"identifier", "timestamp"} <= bundle.keys():
        yield "bdl-9, bdl-10, a document without identifier or timestamp"
    if entries[0]["resource"]["resourceType"] != "Composition":
        yield "bdl-11, a document that begins with no Composition"
    if len(kinds) != len(entries):
        yield "bdl-7, a fullUrl is there twice"
    links = {entry["fullUrl"]: set(_links(entry["resource"])) for entry in entries}
    reached, waiting = {entries[0]["fullUrl"]}, [entries[0]["fullUrl"]]
    while waiting:
        new = links.get(waiting.pop(), set()) - reached
        reached |= new
        waiting += new
    yield from (f"{kind} is not reached from the Composition" for url, kind in kinds.items() if url not in reached)
    if reached - kinds.keys():
        yield "a reference to nothing in the document"
    for index, entry in enumerate(entries):
        kind = entry["resource"]["resourceType"]
        # Its `context` is no reference, as that of other resources is.
        checked = {
            name: one for name, one in entry["resource"].items() if (kind, name) != ("DocumentReference", "context")
        }
        yield from (f"Bundle.entry[{index}] {kind}: {problem}" for problem in problems_within(checked, kinds))
    for section in entries[0]["resource"]["section"]:
        if not {"title", "code", "text"} <= section.keys():
            yield "a section without title, code or text"


def _links(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _links(one)
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for one in value.values():
            yield from _links(one)


def _meta(source: Source) -> Json:
    """Restricted, and not pseudonymised."""
    labels = [{"system": CONFIDENTIALITY, "code": "R", "display": "restricted"}]
    return {"security": [*labels, {"system": ACT_REASON, "code": "HTEST"}] if source.encounter.test else labels}


def _composition(shown: Scene, source: Source, entries: Mapping[str, list[Json]]) -> Json:
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
        "section": list(_sections(shown, source, entries)),
    }
    if source.former:
        made["relatesTo"] = [{"code": "replaces", "targetIdentifier": one} for one in source.former]
    if source.closed_at is not None:
        made["attester"] = [{"mode": "professional", "time": moment(source.closed_at), "party": sender}]
    return {name: made[name] for name in _ORDER if name in made}


def _sections(shown: Scene, source: Source, entries: Mapping[str, list[Json]]) -> Iterator[Json]:
    view, language = shown.projection.view, source.language
    for name in ORDER:
        # The reason for the visit is the impressions; a section of its own asks for it.
        content = "problems" if name == "reason" else name
        referred = entries.get(content, [])
        has_words = bool(narrative.rows(content, view, language))
        silence = view.get("inquiries", {}).get(name)
        if not (referred or has_words or silence or name in REQUIRED):
            continue
        code = CODES[name]
        made: Json = {
            "title": heading(name, language),
            "code": concept(coding(LOINC, code.code, code.display or None)) if code.code else ems(name),
            "text": narrative.text(content, view, language),
        }
        if referred:
            yield made | {"entry": referred}
        elif has_words and silence is None:
            yield made
        else:
            yield made | {"emptyReason": EMPTY[silence or "unknown"]}
    words = say("handover_pdf", language)
    div = f'<div xmlns="http://www.w3.org/1999/xhtml" lang="{language}" xml:lang="{language}"><p>{words}</p></div>'
    yield {
        "title": heading("documents", language),
        "code": concept(coding(LOINC, "55107-7", "Addendum Document")),
        "text": {"status": "generated", "div": div},
        "entry": [reference("DocumentReference", _document_uuid(shown, source))],
    }


def _patient(scene: Scene, source: Source) -> Json:
    """The Patient with a name, as the crew knows it; the first identifier is that of the de-identified bundles."""
    begun = masked_patient(scene).resource
    view = plain_view(source.encounter, {})
    seen: Mapping[str, Any] = view.get("patient", {})
    name: Mapping[str, Any] = seen.get("name", {})
    known = {part: name[part] for part in ("family", "given") if part in name}
    identifiers = [_identifier(source, one) for one in seen.get("identifiers", [])]
    made: Json = {
        "resourceType": "Patient",
        "identifier": [*begun["identifier"], *identifiers],
        "name": [{"use": "official" if name else "temp", "text": name_of(view, source.language)} | known],
    }
    telecom = _telecom(seen.get("phones", []), seen.get("email"))
    if telecom:
        made["telecom"] = telecom
    made["gender"] = seen.get("sex", "unknown")
    if "birth_date" in seen:
        made["birthDate"] = seen["birth_date"].isoformat()
    else:
        made["_birthDate"] = {"extension": [{"url": DATA_ABSENT_EXTENSION, "valueCode": "unknown"}]}
    if view.get("arrest", {}).get("recognised_dead") or view.get("disposition", {}).get("outcome") == "dead_on_scene":
        made["deceasedBoolean"] = True
    if "address" in seen and (address := _address(seen["address"])):
        made["address"] = [address]
    contacts: list[Json] = []
    for one in seen.get("next_of_kin", []):
        contact: Json = {"relationship": [{"text": one["relationship"]}]} if "relationship" in one else {}
        contact["name"] = {"text": one["name"]}
        if one.get("phones"):
            contact["telecom"] = _telecom(one["phones"])
        if "address" in one and (address := _address(one["address"])):
            contact["address"] = address
        contacts.append(contact)
    if contacts:
        made["contact"] = contacts
    return made


def _identifier(source: Source, one: Mapping[str, str]) -> Json:
    """A system that is no URI is a name space of the service."""
    if _URI.fullmatch(one["system"]):
        return {"system": one["system"], "value": one["value"]}
    space = hashlib.sha256(one["system"].encode()).hexdigest()[:16]
    return {
        "type": {"text": one["system"]},
        "system": f"{PATIENTS}/{source.encounter.tenant_id}/numbers/{space}",
        "value": one["value"],
    }


def _telecom(phones: Sequence[str], email: str | None = None) -> list[Json]:
    found = [{"system": "phone", "value": phone} for phone in phones]
    return found + ([{"system": "email", "value": email}] if email else [])


def _address(seen: Mapping[str, Any]) -> Json:
    names = {"line": "line", "city": "city", "state": "state", "postalCode": "postal_code", "country": "country"}
    return {name: seen[field] for name, field in names.items() if field in seen}


def _parties(scene: Scene, source: Source) -> Iterator[tuple[str, Json]]:
    """The Encounter with its destination, the provider with its name and code, the destination; each with its UUID."""
    to, sender = source.destination, source.sender
    uuid = scene.projection.domain.uuid("organization", to.id)
    encounter = dict(encounter_entry(scene).resource)
    bound = {"destination": reference("Organization", uuid)}
    encounter["hospitalization"] = bound | encounter.get("hospitalization", {})
    yield scene.encounter, encounter
    for entry in provider(scene):
        made = dict(entry.resource)
        if made["resourceType"] == "Organization":
            if sender.code is not None:
                made["identifier"] = [*made["identifier"], {"system": sender.code_system, "value": sender.code}]
            made["name"] = sender.name
            if sender.phone is not None:
                made["telecom"] = _telecom([sender.phone])
        yield entry.uuid, made
    yield (
        uuid,
        {
            "resourceType": "Organization",
            "identifier": [{"system": to.code_system, "value": to.code}],
            "active": True,
            "type": [concept(coding(f"{TERMINOLOGY}/organization-type", "prov", "Healthcare Provider"))],
            "name": to.name,
        },
    )


def _document_uuid(scene: Scene, source: Source) -> str:
    return scene.projection.domain.uuid(
        "document", f"{scene.encounter} pdf {source.encounter.revision} {source.language}"
    )


def _document_reference(scene: Scene, source: Source, pdf: Pdf) -> Json:
    """The PDF by its place, size and hash: R4 asks for SHA-1 in `hash`."""
    digest = hashlib.sha1(pdf.body, usedforsecurity=False).digest()
    sender = reference("Organization", organization_uuid(scene))
    status = {"in_progress": "preliminary", "cancelled": "entered-in-error"}.get(source.encounter.status, "final")
    return {
        "resourceType": "DocumentReference",
        "identifier": [{"system": scene.projection.domain.system("document"), "value": _document_uuid(scene, source)}],
        "status": "current",
        "docStatus": "amended" if source.encounter.amended and status == "final" else status,
        "type": TYPE,
        "category": [concept(coding(LOINC, "34133-9", "Summary of episode note"))],
        "subject": scene.subject(),
        "date": moment(source.encounter.updated_at),
        "author": [sender],
        "custodian": sender,
        "securityLabel": [concept(coding(CONFIDENTIALITY, "R", "restricted"))],
        "content": [
            {
                "attachment": {
                    "contentType": "application/pdf",
                    "language": source.language,
                    "url": pdf.url,
                    "size": len(pdf.body),
                    "hash": base64.b64encode(digest).decode(),
                    "title": heading("medical_report", source.language),
                    "creation": moment(source.encounter.updated_at),
                }
            }
        ],
        "context": {"encounter": [scene.context()]},
    }
