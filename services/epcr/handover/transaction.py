"""The identified handover as a transaction, which a hospital's server executes again and again: 201 the first time, then 200.

A Patient with a name is only made, never changed: the hospital may have merged it with its own. It belongs to this encounter alone, and
to the crew's knowledge of who the patient is: if that changes, the other resources move to another Patient, which replaces the former one,
also of a former identity of the same patient.
All that belongs to the encounter is a conditional update. Resources that this destination took under a former identity are withdrawn.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from services.epcr.deidentification.projection import Projection
from services.epcr.fhir.composition import TYPE, composition
from services.epcr.fhir.encounter import encounter as encounter_entry
from services.epcr.fhir.entries import Entry, Scene, logical_reference, scene_of
from services.epcr.fhir.export import sections
from services.epcr.fhir.history import IN_ERROR
from services.epcr.fhir.nomenclature import MDC
from services.epcr.fhir.panels import UNKNOWN, observation
from services.epcr.fhir.terms import Json, coding, concept, ems, moment
from services.epcr.fhir.withdrawal import withdrawn
from services.epcr.handover import crews
from services.epcr.handover.contents import bundle_of, contents, place_uuid
from services.epcr.handover.parties import patient_uuid
from services.epcr.handover.source import Pdf, Source, labels
from services.epcr.handover.words import say
from services.epcr.handover.writing import Writing
from services.epcr.records.models import Encounter


class Former(NamedTuple):
    """A handover that the destination took under a former identity of the patient, and the places of all readings that it took."""

    encounter: Encounter
    projection: Projection
    places: Sequence[str]


class Before(NamedTuple):
    """The handovers that the destination took under former identities; the Patients of the present patient, the last one last, and the
    places of readings of the present identity. `replaced` are the Patients up to this revision, each with the other encounters of the
    incident that have it; `gone` those of them that are other people's.
    """

    former: Sequence[Former] = ()
    patients: Sequence[str] = ()
    places: Sequence[str] = ()
    replaced: Mapping[str, Sequence[str]] = {}
    gone: Sequence[str] = ()


class Transaction(NamedTuple):
    """The bytes, the identifier of the Patient in them, and the places of the readings."""

    body: bytes
    patient: str
    places: list[str]
    faults: list[str]


def transaction(source: Source, pdf: Pdf, before: Before) -> Transaction:
    person = crews.person(source.encounter, source.projection.domain, before.patients, source.crews)
    patient, meta = patient_uuid(person.domain, person.encounter, person.patients), labels(source.encounter)
    scene = scene_of(source.projection)._replace(patient=patient)
    writing = Writing("transaction", meta)
    # A Patient that is still that of another encounter is replaced by none.
    of_one = {one.encounter.id for one in source.crews if one.encounter is not None}
    replaced = [
        {"other": logical_reference(scene.projection, "Patient", one), "type": "replaces"}
        for one, sharing in before.replaced.items()
        if one != patient and one not in before.gone and of_one.issuperset(sharing)
    ]
    made = contents(writing, scene, source, pdf, _pdf_uuid(scene), replaced, person.encounter)
    writing.report(made.uuid, made.report)
    if before.gone:
        gone = [one for one in before.gone if one != patient and not before.replaced.get(one)]
        writing.add([_former_patients(scene, source, gone)])
    left = (_left(scene, place) for place in before.places if place not in made.places)
    for entries in (left, *map(_withdrawals, before.former)):
        writing.add([(entry.uuid, entry.resource) for entry in entries])
    return Transaction(writing.end(bundle_of("transaction", scene, source, meta)), patient, made.places, writing.faults)


def _former_patients(scene: Scene, source: Source, patients: Sequence[str]) -> tuple[str, Json]:
    """A list for the people who keep the hospital's patient index: Patients of other people that the encounter's resources have left.

    No Patient is changed: a conditional update would end the hospital's own one, where it merged them. The list is on nobody's record.
    It is retired where none is left: an earlier one may name the present patient, whose correction was corrected.
    """
    uuid = scene.projection.domain.uuid("list", f"{source.encounter.id} former patients")
    entries = [{"item": logical_reference(scene.projection, "Patient", one)} for one in patients]
    listed: Json = {"entry": entries} if entries else {}
    return uuid, scene.begin("List", uuid) | {
        "status": "current" if entries else "retired",
        "mode": "snapshot",
        "code": ems("patients_of_former_identities"),
        "date": moment(source.encounter.updated_at),
        "note": [{"text": say("former_patients", source.language)}],
    } | listed


def _pdf_uuid(scene: Scene) -> str:
    """One for all revisions and both languages: each takes the place of the one before."""
    return scene.projection.domain.uuid("document", f"{scene.encounter} pdf")


def _left(scene: Scene, place: str) -> Entry:
    """The Observation of a place without a reading: there are fewer than before."""
    code = concept(coding(MDC, place.partition("|")[0]))
    uuid, at = place_uuid(scene, place), scene.start()
    return Entry(observation(scene, uuid, code, at, UNKNOWN, "procedure", in_error=True), uuid, mutable=True)


def _withdrawals(former: Former) -> Iterator[Entry]:
    uuid = patient_uuid(former.projection.domain, former.encounter)
    scene = scene_of(former.projection)._replace(patient=uuid)
    crew = chain.from_iterable(sections(scene).values())
    measured = (_left(scene, place) for place in former.places)
    yield from withdrawn(scene, chain([encounter_entry(scene)], crew, measured, [composition(scene, {})]))
    pdf = _pdf_uuid(scene)
    document: Json = {
        "resourceType": "DocumentReference",
        "identifier": [{"system": scene.projection.domain.system("document"), "value": pdf}],
        "status": IN_ERROR,
        "type": TYPE,
        "subject": logical_reference(scene.projection, "Patient", scene.patient),
        "content": [{"attachment": {"contentType": "application/pdf"}}],
    }
    yield Entry(document, pdf, mutable=True)
