"""The handover as a FHIR document: Bundle `document`, Composition 67796-3, in the form of the IHE Paramedicine Care Summary.

Its entries are made as those of the transaction, under identifiers of the destination; the Patient has a name, and the texts show the
whole record. A new revision is a new Bundle of the same Composition.
"""

from typing import NamedTuple

from services.epcr.fhir.entries import Scene, reference, scene_of
from services.epcr.fhir.provider import organization_uuid
from services.epcr.fhir.terms import ACT_REASON, TERMINOLOGY, Json, coding, concept, moment
from services.epcr.handover.contents import bundle_of, contents
from services.epcr.handover.source import Pdf, Source, labels
from services.epcr.handover.writing import Writing

_RECORDS = "https://knogin.com/fhir/encounters"


class Document(NamedTuple):
    """The bytes of the Bundle, and its faults, which are bugs of this service."""

    body: bytes
    faults: list[str]


def document(source: Source, pdf: Pdf) -> Document:
    scene, meta = scene_of(source.projection), labels(source.encounter)
    pdf_uuid = scene.projection.domain.uuid(
        "document", f"{scene.encounter} pdf {source.encounter.revision} {source.language}"
    )
    writing = Writing("document", meta)
    made = contents(writing, scene, source, pdf, pdf_uuid)
    writing.report(made.uuid, made.report)
    origin = f"{scene.encounter} {source.encounter.revision} {source.language}"
    writing.add([(scene.projection.domain.uuid("provenance", origin), _provenance(scene, source, made.uuid))])
    return Document(writing.end(bundle_of("document", scene, source, meta)), writing.faults)


def _provenance(scene: Scene, source: Source, report: str) -> Json:
    """The maker of the report, the version of the record, and the purpose. A transaction has none: R4 gives it no identifier."""
    encounter = source.encounter
    sender = reference("Organization", organization_uuid(scene)) | {"display": source.sender.name}
    roles = f"{TERMINOLOGY}/provenance-participant-type"
    made = "UPDATE" if encounter.version > 1 else "CREATE"
    return {
        "resourceType": "Provenance",
        "target": [reference("Composition", report)],
        "recorded": moment(encounter.updated_at),
        "reason": [concept(coding(ACT_REASON, "TREAT", "treatment"))],
        "activity": concept(
            coding(f"{TERMINOLOGY}/v3-DataOperation", made, made.lower() if made == "CREATE" else "revise")
        ),
        "agent": [
            {"type": concept(coding(roles, "author", "Author")), "who": sender},
            {"type": concept(coding(roles, "custodian", "Custodian")), "who": sender},
        ],
        "entity": [
            {
                "role": "source",
                "what": {"identifier": {"system": _RECORDS, "value": f"{encounter.id}/{encounter.version}"}},
            }
        ],
    }
