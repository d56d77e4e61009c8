"""The identified handover as a transaction, which a hospital's server executes again and again: 201 the first time, then 200.

A Patient with a name is only made, never changed: the hospital may have merged it with its own. It belongs to this encounter alone, and
to who the patient is by what the crew knows: if that changes, the other resources move to another Patient, which replaces the former one.
All that belongs to the encounter is a conditional update. What this destination took under a former identity is withdrawn.
"""

import json
from collections.abc import Generator, Iterator, Sequence
from decimal import Decimal
from itertools import chain, islice
from typing import NamedTuple

from services.epcr.deidentification.projection import Projection
from services.epcr.fhir.composition import TYPE, composition
from services.epcr.fhir.encounter import encounter as encounter_entry
from services.epcr.fhir.entries import Entry, Scene, logical_reference, scene_of
from services.epcr.fhir.export import ENTRIES, sections
from services.epcr.fhir.history import IN_ERROR
from services.epcr.fhir.terms import Json
from services.epcr.fhir.withdrawal import withdrawn
from services.epcr.handover.contents import bundle_of, contents, measured_of
from services.epcr.handover.parties import patient_uuid
from services.epcr.handover.source import Pdf, Source, labels
from services.epcr.handover.writing import Writing
from services.epcr.records.models import Encounter, LinkedObservation
from shared.web.portions import at_once


class Former(NamedTuple):
    """A handover that the destination took under a former identity of the patient."""

    encounter: Encounter
    projection: Projection
    readings: Sequence[LinkedObservation]


def transaction(source: Source, pdf: Pdf, former: Sequence[Former] = (), replaced: Sequence[str] = ()) -> Json:
    """The Bundle, with exact decimals. Raises UnfitBundle, which is a bug of this service."""
    return json.loads(at_once(transacting(source, pdf, former, replaced)), parse_float=Decimal)


def patient_of(source: Source) -> str:
    """The UUID of the Patient."""
    return patient_uuid(source.projection, source.encounter)


def transacting(
    source: Source, pdf: Pdf, former: Sequence[Former] = (), replaced: Sequence[str] = ()
) -> Generator[None, None, bytes]:
    """The bytes of the Bundle; it stops after each portion of entries. `replaced` are the Patients of this identity that the
    destination took before.
    """
    uuid, meta = patient_of(source), labels(source.encounter)
    scene = scene_of(source.projection)._replace(patient=uuid)
    writing = Writing("transaction", meta)
    links = [_replaces(scene, one) for one in replaced if one != uuid]
    report = yield from contents(writing, scene, source, pdf, _pdf_uuid(scene), links)
    writing.report(*report)
    for one in former:
        withdrawals = _withdrawals(one)
        while portion := list(islice(withdrawals, ENTRIES)):
            writing.add([(entry.uuid, entry.resource) for entry in portion])
            yield
    return writing.end(bundle_of("transaction", scene, source, meta))


def _replaces(scene: Scene, former: str) -> Json:
    return {"other": logical_reference(scene.projection, "Patient", former), "type": "replaces"}


def _pdf_uuid(scene: Scene) -> str:
    """One for all revisions and both languages: each takes the place of the one before."""
    return scene.projection.domain.uuid("document", f"{scene.encounter} pdf")


def _withdrawals(former: Former) -> Iterator[Entry]:
    uuid = patient_uuid(former.projection, former.encounter)
    scene = scene_of(former.projection)._replace(patient=uuid)
    measured = (Entry(one, one["identifier"][0]["value"], mutable=True) for one in measured_of(scene, former.readings))
    crew = chain.from_iterable(sections(scene).values())
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
