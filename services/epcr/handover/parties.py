"""The people and organisations of an identified bundle: the patient with a name, the crew, the sender and the destination; and the PDF."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from services.epcr.deidentification.pseudonyms import Domain
from services.epcr.fhir.acts import URI
from services.epcr.fhir.composition import TYPE
from services.epcr.fhir.encounter import encounter as encounter_entry
from services.epcr.fhir.encounter import participant
from services.epcr.fhir.entries import ORGANIZATIONS, Scene, reference
from services.epcr.fhir.patient import patient as masked_patient
from services.epcr.fhir.provider import crew_of, organization_uuid, provider, role
from services.epcr.fhir.terms import DATA_ABSENT_EXTENSION, LOINC, TERMINOLOGY, Json, coding, concept, ems, moment
from services.epcr.handover.crews import is_dead
from services.epcr.handover.sheet import name_of, plain_view
from services.epcr.handover.source import CONFIDENTIALITY, Pdf, Source
from services.epcr.handover.words import heading
from services.epcr.records.models import Encounter

GEOLOCATION = "http://hl7.org/fhir/StructureDefinition/geolocation"
# No character of it means something in the URL of a search.
_SEARCHABLE = re.compile(r"[A-Za-z0-9:/._~-]+")
# By these a hospital knows who the patient is.
_WHO = ("name", "birth_date", "sex", "identifiers")


def patient(scene: Scene, source: Source, person: Encounter | None = None) -> Json:
    """The Patient with a name, as the crew knows it, or as the `person` is known; the first identifier is a pseudonym."""
    begun = masked_patient(scene).resource
    person = person or source.encounter
    view = plain_view(person, {})
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
    if is_dead(person.record):
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
    if URI.fullmatch(one["system"]):
        return {"system": one["system"], "value": one["value"]}
    space = hashlib.sha256(one["system"].encode()).hexdigest()[:16]
    return {
        "type": {"text": one["system"]},
        "system": f"{ORGANIZATIONS}/{source.encounter.tenant_id}/numbers/{space}",
        "value": one["value"],
    }


def _telecom(phones: Sequence[str], email: str | None = None) -> list[Json]:
    found = [{"system": "phone", "value": phone} for phone in phones]
    return found + ([{"system": "email", "value": email}] if email else [])


def _address(seen: Mapping[str, Any]) -> Json:
    names = {"line": "line", "city": "city", "state": "state", "postalCode": "postal_code", "country": "country"}
    made: Json = {name: seen[field] for name, field in names.items() if field in seen}
    if "latitude" in seen and "longitude" in seen:
        place = [{"url": part, "valueDecimal": seen[part]} for part in ("latitude", "longitude")]
        made["extension"] = [{"extension": place, "url": GEOLOCATION}]
    return made


def parties(scene: Scene, source: Source) -> Iterator[tuple[str, Json]]:
    """The Encounter with its destination, the provider with its name and code, the destination; each with its UUID."""
    to, sender, domain = source.destination, source.sender, scene.projection.domain
    uuid = domain.uuid("organization", to.id)
    encounter = dict(encounter_entry(scene).resource)
    bound = {"destination": reference("Organization", uuid)}
    encounter["hospitalization"] = bound | encounter.get("hospitalization", {})
    # Every member of the crew, with role and qualification where they are known.
    view = plain_view(source.encounter, {})
    known: list[dict[str, Any]] = view.get("crew", [])
    named = {one["id"] for one in known}
    others = [{"id": id} for id in dict.fromkeys(view.get("crew_ids", [])) if id not in named]
    crew = list(crew_of(scene, [*known, *others]))
    if crew:
        encounter["participant"] = [participant(scene, member, one) for member, one in crew]
    yield scene.encounter, encounter
    people: dict[str, Mapping[str, Any]] = {}
    for member, one in crew:
        person = domain.uuid("practitioner", f"{source.encounter.tenant_id}/{member['id']}")
        people.setdefault(person, member)
        yield one, role(scene, one, member, person)
    yield from ((person, _practitioner(scene, source, member, person)) for person, member in people.items())
    for entry in provider(scene):
        if entry.resource["resourceType"] == "PractitionerRole":
            continue
        made = dict(entry.resource)
        if made["resourceType"] == "Organization":
            if sender.code is not None:
                made["identifier"] = [*made["identifier"], {"system": sender.code_system, "value": sender.code}]
            made["name"] = sender.name
            if sender.phone is not None:
                made["telecom"] = _telecom([sender.phone])
        yield entry.uuid, made
    # The first is searched for: the official code, under which the hospital may have itself already.
    named = [{"system": to.code_system, "value": to.code}, {"system": domain.system("organization"), "value": uuid}]
    yield (
        uuid,
        {
            "resourceType": "Organization",
            "identifier": sorted(named, key=lambda one: not _SEARCHABLE.fullmatch(one["system"])),
            "active": True,
            "type": [concept(coding(f"{TERMINOLOGY}/organization-type", "prov", "Healthcare Provider"))],
            "name": to.name,
        },
    )


def document_reference(scene: Scene, source: Source, pdf: Pdf, uuid: str) -> Json:
    """The PDF by its place, size and hash: R4 asks for SHA-1 in `hash`."""
    digest = hashlib.sha1(pdf.body, usedforsecurity=False).digest()
    sender = reference("Organization", organization_uuid(scene))
    status = {"in_progress": "preliminary", "cancelled": "entered-in-error"}.get(source.encounter.status, "final")
    return {
        "resourceType": "DocumentReference",
        "identifier": [{"system": scene.projection.domain.system("document"), "value": uuid}],
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


def patient_uuid(domain: Domain, encounter: Encounter, taken: Sequence[str] = ()) -> str:
    """That of the Patient of a transaction: of this encounter, and of the crew's knowledge of who the patient is.

    A number may be mistyped, so that no two encounters may share a Patient with a name, but those of one
    incident (`crews.person`). So may a death: a Patient is never changed, so that
    the dead and the living one are two. `taken` are the Patients that the receiver took
    before, the last one last: where the crew knows an earlier name again, another Patient replaces the last one, because the earlier
    Patient is replaced itself.
    """
    view = plain_view(encounter, {})
    seen: Mapping[str, Any] = view.get("patient", {})
    known = {name: seen[name] for name in _WHO if name in seen} | (
        {"is_dead": True} if is_dead(encounter.record) else {}
    )
    who = json.dumps(known, sort_keys=True, default=str)
    words = (f"{encounter.id} {who}" + (f" {time}" if time > 1 else "") for time in count(1))
    uuids = (domain.uuid("person", one) for one in words)
    return next(uuid for uuid in uuids if uuid not in taken or uuid == taken[-1])


def _practitioner(scene: Scene, source: Source, member: Mapping[str, Any], uuid: str) -> Json:
    """A member of the crew by a pseudonym and the service's own id: the record holds no names of the crew."""
    domain, own = scene.projection.domain, f"{ORGANIZATIONS}/{source.encounter.tenant_id}/crew"
    made: Json = {
        "resourceType": "Practitioner",
        "identifier": [
            {"system": domain.system("practitioner"), "value": uuid},
            {"system": own, "value": member["id"]},
        ],
        "active": True,
    }
    if "qualification" in member:
        made["qualification"] = [{"code": ems(f"qualification-{member['qualification']}")}]
    return made
