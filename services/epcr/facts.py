"""What the quality indicators are told of an encounter: codes, numbers and times, nothing of who the patient is."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from services.epcr.deidentify import OLDEST_AGE_SHOWN, age
from services.epcr.device_facts import device_vitals
from services.epcr.drugs import kind_of_drug, kind_of_procedure
from services.epcr.models.care import Arrest, Disposition, Medication, Procedure, Stroke, VitalSigns
from services.epcr.models.concepts import ICD10, ICD10_CM
from services.epcr.models.observations import LinkedObservation
from services.epcr.models.record import Encounter, Record
from shared.messages import ArrestFact, CodedFact, EncounterFacts, StrokeFact, VitalFact

_NUMBERS = ("heart_rate", "respiratory_rate", "systolic", "diastolic", "spo2", "gcs", "pain")
_MEASURED = ("temperature", "etco2", "glucose")


def facts_of(encounter: Encounter, observations: Sequence[LinkedObservation]) -> EncounterFacts:
    """The whole state of this revision of an encounter."""
    record = encounter.record
    patient, ending = record.patient, record.disposition or Disposition()
    done = [one for one in record.procedures if not one.entered_in_error]
    procedures = [_procedure(one) for one in done]
    return EncounterFacts(
        encounter_id=encounter.id,
        version=encounter.revision,
        # A record may name times ahead of every clock, which no consumer takes.
        day=min(_began(record), encounter.updated_at).astimezone(UTC).date(),
        status=encounter.status,
        care_model=encounter.care_model,
        response="emergency" if encounter.care_model == "prehospital_emergency" else encounter.care_model,
        age_years=_age(record),
        newborn=_is_newborn(record),
        sex=patient.sex if patient else None,
        impressions=_impressions(record),
        conditions=["stemi"] if any(one.finding == "stemi" for one in done) else [],
        times=_times(record),
        vitals=[*_vitals(record), *device_vitals(observations, _airway_at(procedures))],
        medications=[_medication(one) for one in record.medications if not one.entered_in_error],
        procedures=procedures,
        arrest=_arrest(record.arrest) if record.arrest else None,
        stroke=_stroke(record.stroke) if record.stroke else None,
        transported=None if ending.outcome is None else ending.outcome == "transported",
        outcome=ending.outcome,
        prealert=_prealert(record),
        lights_and_sirens=ending.lights_and_sirens,
        test=encounter.test,
    )


def _airway_at(procedures: Sequence[CodedFact]) -> datetime | None:
    """When the last advanced airway was placed."""
    placed = [one for one in procedures if one.kind == "advanced_airway" and one.successful]
    return max((one.at for one in placed if one.at and one.not_done_reason is None), default=None)


def _began(record: Record) -> datetime:
    """The earliest time of the mission that the record has by now; one that was begun without any has its anchor."""
    return min(_times(record).values(), default=record.anchor).astimezone(UTC)


def _age(record: Record) -> int | None:
    patient = record.patient
    if patient is None:
        return None
    born = patient.birth_date
    years = patient.age_years if born is None else max(0, age(born, _began(record).date()))
    return None if years is None else min(years, OLDEST_AGE_SHOWN + 1)


def _is_newborn(record: Record) -> bool | None:
    """A birth date of the same day; an hour of birth is not recorded."""
    patient = record.patient
    if patient is None or (patient.birth_date is None and patient.age_years is None):
        return None
    return patient.birth_date == _began(record).date()


def _impressions(record: Record) -> list[str]:
    concepts = [record.primary_impression, *record.secondary_impressions]
    return [one.code for one in concepts if one is not None and one.system in (ICD10, ICD10_CM)]


def _times(record: Record) -> dict[str, datetime]:
    times = msgspec.structs.asdict(record.times) if record.times else {}
    return {name: at for name, at in times.items() if at is not None}


def _vitals(record: Record) -> Iterator[VitalFact]:
    for signs in record.vital_signs:
        if not signs.entered_in_error:
            yield from _set_of_vitals(signs)
    stroke = record.stroke
    if stroke and {stroke.face, stroke.arm, stroke.speech} - {None}:
        is_positive = "abnormal" in (stroke.face, stroke.arm, stroke.speech)
        yield VitalFact(kind="fast", text="positive" if is_positive else "negative", at=stroke.assessed_at)


def _set_of_vitals(signs: VitalSigns) -> Iterator[VitalFact]:
    for kind in _NUMBERS:
        value = getattr(signs, kind)
        if value is not None:
            yield VitalFact(kind=kind, value=Decimal(value), at=signs.taken_at)
    parts = [signs.gcs_eye, signs.gcs_verbal, signs.gcs_motor]
    if signs.gcs is None and None not in parts:
        yield VitalFact(kind="gcs", value=Decimal(sum(part or 0 for part in parts)), at=signs.taken_at)
    for kind in _MEASURED:
        measured = getattr(signs, kind)
        if measured is not None:
            yield VitalFact(kind=kind, value=measured.value, unit=measured.unit, at=signs.taken_at)
    if signs.avpu is not None:
        yield VitalFact(kind="avpu", text=signs.avpu, at=signs.taken_at)


def _medication(given: Medication) -> CodedFact:
    code = given.medication
    return CodedFact(
        kind=kind_of_drug(code.system, code.code), code=code.code, at=given.given_at, not_done_reason=given.not_done
    )


def _procedure(done: Procedure) -> CodedFact:
    return CodedFact(
        kind=kind_of_procedure(done.procedure.code),
        code=done.procedure.code,
        at=done.performed_at,
        successful=None if done.outcome is None else done.outcome == "successful",
        not_done_reason=done.not_done,
    )


def _arrest(arrest: Arrest) -> ArrestFact:
    return ArrestFact(**{name: getattr(arrest, name) for name in ArrestFact.__struct_fields__})


def _stroke(stroke: Stroke) -> StrokeFact:
    return StrokeFact(
        suspected=stroke.suspected,
        fast_assessed=None not in (stroke.face, stroke.arm, stroke.speech),
        last_known_well_recorded=stroke.last_known_well is not None,
    )


def _prealert(record: Record) -> bool | None:
    told = [part.prealert for part in (record.disposition, record.stroke) if part and part.prealert is not None]
    return any(told) if told else None
