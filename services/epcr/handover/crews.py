"""Other crews at the incident, and their care for the same patient, where the reader may read their record.

An encounter is of the same patient where it has the same basis (`encounters/people.py`), and no name, sex or date of birth says otherwise.
The right to read its care is that of its own handover: its care is shown to the app that may read it for the same destination.
"""

from collections.abc import Sequence
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from services.epcr.deidentification.pseudonyms import Domain
from services.epcr.encounters import store
from services.epcr.encounters.models import EncounterRow
from services.epcr.fhir import narrative
from services.epcr.fhir.narrative import Row
from services.epcr.fhir.terms import Json
from services.epcr.fhir.words import Language
from services.epcr.handover.access import Right
from services.epcr.handover.models import OtherCare, OtherCrew
from services.epcr.handover.section import MOST_ROWS, Section, left_out
from services.epcr.handover.sheet import in_zone, without_empty
from services.epcr.handover.words import heading, say
from services.epcr.records.contradictions import words_of
from services.epcr.records.models import Encounter, Name, Patient, Record

# Encounters of an incident beside one that are listed, those of the same patient first.
MOST = 20
TITLE = "other_crews"
# The parts of the record in `OtherCare`, in the order of the report.
SECTIONS = OtherCare.__struct_fields__


class Other(NamedTuple):
    """Another encounter of the incident. With a `right`, it has the same basis, and its app may read its handover for the same destination.

    Of a transaction `patients` are those that the destination took for it, the last one last.
    """

    row: EncounterRow
    right: Right | None = None
    domain: Domain | None = None
    patients: Sequence[str] = ()


class Crew(NamedTuple):
    """Another crew, as a handover shows it; `encounter` is its record, where it is of the same patient and may be read."""

    other: Other
    encounter: Encounter | None

    def shown(self) -> OtherCrew:
        row = self.other.row
        return OtherCrew(
            encounter_id=row.id,
            vehicle_id=row.vehicle_id,
            status=row.status,
            care=None if self.encounter is None else _care(self.encounter),
        )


class Person(NamedTuple):
    """The patient of one or more encounters, who has one Patient at the destination: `encounter` is the first of them, with all that their
    crews know of who the patient is. `patients` are those that the destination took for the first, the last one last.
    """

    encounter: Encounter
    domain: Domain
    patients: Sequence[str]


def crews(encounter: Encounter, others: Sequence[Other]) -> list[Crew]:
    """Those of the same patient first. The rows with a right are decrypted.

    Of two crews that name two people with one number, a third that names nobody is with neither.
    """
    read = {one.row.id: store.read(one.row).encounter for one in others if one.right is not None}
    people = {id: one.record.patient or Patient() for id, one in (read | {encounter.id: encounter}).items()}
    strangers = {
        id: {other for other, theirs in people.items() if _are_two(patient, theirs)} for id, patient in people.items()
    }
    mine = strangers[encounter.id]
    same = {id for id in read if id not in mine and strangers[id] == mine}
    found = [Crew(one, read[one.row.id] if one.row.id in same else None) for one in others]
    return sorted(found, key=lambda one: (one.encounter is None, one.other.row.id))


def disclosed(found: Sequence[Crew]) -> list[tuple[str, list[str]]]:
    """The encounters whose care is shown, each with the parts of its record that are."""
    cared = [(one.other.row.id, _care(one.encounter)) for one in found if one.encounter is not None]
    return [(id, [name for name in SECTIONS if getattr(care, name)]) for id, care in cared]


def rows(found: Sequence[Crew], language: Language, zone: tzinfo, day: date | None = None) -> list[Row]:
    """For each crew its vehicle, status and encounter, then its care in the order of its parts."""
    shown: list[Row] = []
    for one in found:
        row, care = one.other.row, one.shown().care
        shown.append(Row(row.vehicle_id, f"{say(f'status.{row.status}', language)} · {row.id}"))
        if care is None:
            shown.append(Row(heading("care", language), say("care_is_not_shown", language)))
            continue
        plain = msgspec.to_builtins(care, builtin_types=(datetime, date, Decimal))
        view: dict[str, Any] = in_zone(without_empty(plain), zone)
        named = [
            row
            for name in ("medications", "procedures", "vital_signs")
            for row in narrative.rows(name, view, language, day)
        ]
        shown += named or [Row(heading("care", language), say("nothing_recorded", language))]
    return shown


def section(found: Sequence[Crew], language: Language, zone: tzinfo, day: date) -> Section:
    """The page's part about the other crews."""
    shown = rows(found, language, zone, day)
    more = left_out("others", MOST_ROWS, len(shown), language)
    return Section(title=heading(TITLE, language), has_names=True, rows=shown[:MOST_ROWS], more=more)


def references(found: Sequence[Crew]) -> list[Json]:
    """The Encounters of the same patient, as their own handovers to this destination have them. No server has to resolve them."""
    return [
        {
            "type": "Encounter",
            "identifier": {"system": domain.system("encounter"), "value": domain.uuid("encounter", one.other.row.id)},
            "display": one.other.row.vehicle_id,
        }
        for one in found
        if one.encounter is not None and (domain := one.other.domain) is not None
    ]


def person(encounter: Encounter, domain: Domain, patients: Sequence[str], found: Sequence[Crew]) -> Person:
    """The patient of the encounter and of those of the same patient: whichever of them is read, the same one."""
    people = [Person(encounter, domain, patients)]
    for one in found:
        if one.encounter is not None and one.other.domain is not None:
            people.append(Person(one.encounter, one.other.domain, one.other.patients))
    first, *others = sorted(people, key=lambda one: one.encounter.id)
    record = first.encounter.record
    for other in (one.encounter.record for one in others):
        record = _with_patient(record, other)
    return first._replace(encounter=msgspec.structs.replace(first.encounter, record=record))


def _with_patient(record: Record, other: Record) -> Record:
    """The record with the other crew's knowledge of who the patient is, and whether he is dead, where its own has none."""
    mine, theirs = record.patient or Patient(), other.patient or Patient()
    numbers = {(one.system, one.value): one for one in (*theirs.identifiers, *mine.identifiers)}
    patient = msgspec.structs.replace(
        mine,
        name=mine.name or theirs.name,
        birth_date=mine.birth_date or theirs.birth_date,
        sex=mine.sex if mine.sex not in (None, "unknown") else theirs.sex or mine.sex,
        identifiers=[numbers[number] for number in sorted(numbers)],
    )
    ending = other if is_dead(other) and not is_dead(record) else record
    return msgspec.structs.replace(record, patient=patient, disposition=ending.disposition, arrest=ending.arrest)


def is_dead(record: Record) -> bool:
    """Whether the crew left a dead patient."""
    left_dead = record.disposition is not None and record.disposition.outcome == "dead_on_scene"
    return left_dead or bool(record.arrest is not None and record.arrest.recognised_dead)


def _care(encounter: Encounter) -> OtherCare:
    record = encounter.record
    signs = [one for one in record.vital_signs if not one.entered_in_error]
    last = max(signs, key=lambda one: one.taken_at) if signs else None
    return OtherCare(
        medications=[one for one in record.medications if not one.entered_in_error],
        procedures=[one for one in record.procedures if not one.entered_in_error],
        airway_attempts=[one for one in record.airway_attempts if not one.entered_in_error],
        vital_signs=[] if last is None else [last],
    )


def _are_two(one: Patient, other: Patient) -> bool:
    """Whether name, date of birth or sex are known of both, and are those of two people: a number may be mistyped."""
    names = [_words(patient.name) for patient in (one, other)]
    sexes = {patient.sex for patient in (one, other)} & {"female", "male"}
    born = {patient.birth_date for patient in (one, other)} - {None}
    return (all(names) and names[0].isdisjoint(names[1])) or len(sexes) > 1 or len(born) > 1


def _words(name: Name | None) -> set[str]:
    return words_of(name.family, *name.given, name.text) if name else set()
