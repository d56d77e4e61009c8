"""Identified handovers of an encounter of each sort, as documents and as transactions."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from services.epcr.deidentification.projection import Disclosure, project
from services.epcr.fhir.device import Make
from services.epcr.fhir.words import Language
from services.epcr.handover.models import Destination, Sender
from services.epcr.handover.parties import patient_uuid
from services.epcr.handover.source import Pdf, Source
from services.epcr.handover.transaction import Before, Former
from services.epcr.records.models import Encounter, LinkedObservation
from tests.epcr import golden
from tests.epcr.faultless import document_of, transaction_of
from tests.epcr.golden import PSEUDONYMS
from tests.epcr.samples import (
    BURNED,
    CHILD,
    INTERFACILITY,
    MINIMAL,
    NEWBORN,
    OVERDOSE,
    PATIENT,
    REFUSAL,
    RESUSCITATED,
    STROKE,
    TRAUMA,
    TYPICAL,
    UNKNOWN_PATIENT,
    WHOLE,
    WORDED,
)

PDF = Pdf(b"%PDF-1.7", "https://api.knogin.com/x")
SENDER = Sender(
    name="Riviera Emergency Services",
    code="118-IM",
    code_system="urn:oid:2.16.840.1.113883.2.9.4.1.2",
    phone="+39 118",
    time_zone="Europe/Rome",
)
DESTINATION = Destination(
    id="dst_01jdkfx3c8e2r9v5m7q4t6w0ya",
    version=1,
    name="Cork University Hospital",
    code="724",
    code_system="urn:oid:1.2.372.980010.2.1",
    type="emergency_department",
    client_id="app_x",
    legal_basis="provision_of_care",
    agreement=None,
    readable_days=30,
    allows_break_glass=False,
    active=True,
)
BODIES: dict[str, dict[str, Any]] = {
    "arrest": RESUSCITATED,
    "stroke": STROKE,
    "stemi": TYPICAL,
    "trauma": TRAUMA,
    "child": CHILD,
    "newborn": NEWBORN,
    "burned": BURNED,
    "worded": WORDED,
    "unknown_patient": UNKNOWN_PATIENT,
    "refusal": REFUSAL,
    "interfacility": INTERFACILITY,
    "overdose": OVERDOSE,
    "whole": WHOLE,
    "minimal": MINIMAL,
}


def source(encounter: Encounter, language: Language = "en", readings: list[LinkedObservation] | None = None) -> Source:
    """Under the pseudonyms of the encounter's identity."""
    domain = PSEUDONYMS.domain(1, encounter.tenant_id, f"handover {DESTINATION.id}", "exact", encounter.identity)
    projection = project(encounter, Disclosure(domain, "exact", bytes([encounter.identity]) * 32))
    closed_at = encounter.updated_at if encounter.status != "in_progress" else None
    makes = {one.device_id: Make("Corpuls", "Corpuls3") for one in readings or []}
    return Source(encounter, projection, readings or [], [], SENDER, DESTINATION, closed_at, language, makes)


def corrected() -> tuple[Source, Before]:
    """An encounter whose patient was another one, and was named later, and the transactions that the destination took before."""
    wrong = source(golden.encounter(TYPICAL))
    unnamed = {name: value for name, value in PATIENT.items() if name != "name"}
    unknown = source(golden.encounter(TYPICAL | {"patient": unnamed}, identity=2))
    told = source(golden.encounter(TYPICAL, identity=2, amended=True, version=3), readings=extremes())
    report = wrong.projection.domain
    before = {
        "system": report.system("composition"),
        "value": report.uuid("composition", wrong.projection.encounter_pseudonym),
    }
    former = Former(wrong.encounter, wrong.projection, ["150456|%/1", "150020|/1"])
    patients = [patient_uuid(unknown.projection.domain, unknown.encounter)]
    return told._replace(former=[before]), Before(
        [former], patients, ["150456|%/1", "150456|%/9"], {one: [] for one in patients}
    )


def extremes() -> list[LinkedObservation]:
    """Readings that a handover shows: of the metrics that facts have, without flags."""
    return [one for one in golden.readings() if one.value is not None and not one.test and not one.flags]


def many(count: int) -> list[LinkedObservation]:
    """So many readings of one monitor, five a second."""
    kinds = [one for one in extremes() if one.unit_code in ("%", "/min", "mm[Hg]", "Cel")][:5]
    return [_at(kinds[number % len(kinds)], number) for number in range(count)]


def _at(one: LinkedObservation, number: int) -> LinkedObservation:
    fields = {name: getattr(one, name) for name in LinkedObservation.__struct_fields__}
    at = golden.BEGAN + timedelta(seconds=number // 5)
    return LinkedObservation(**fields | {"id": f"obs_{number:026d}", "device_id": "dev_1", "observed_at": at})


def _sources() -> dict[str, Source]:
    made = {name: source(golden.encounter(body, "handed_over")) for name, body in BODIES.items()}
    made["italian"] = source(golden.encounter(WHOLE, "handed_over"), "it")
    made["readings"] = source(golden.encounter(MINIMAL, "handed_over"), readings=extremes())
    made["in_progress"] = source(golden.encounter(TYPICAL, "in_progress", test=True))
    return made


def documents() -> dict[str, dict[str, Any]]:
    return {name: document_of(told, PDF) for name, told in _sources().items()} | {
        "corrected": document_of(corrected()[0], PDF)
    }


def transactions() -> dict[str, dict[str, Any]]:
    told, before = corrected()
    made = {name: transaction_of(one, PDF) for name, one in _sources().items()}
    return made | {"corrected": transaction_of(told, PDF, before)}


ALL: dict[str, Callable[[], dict[str, dict[str, Any]]]] = {"document": documents, "transaction": transactions}
