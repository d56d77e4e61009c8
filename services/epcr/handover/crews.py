"""Other crews at the incident, and their care for the same patient, where the reader may read their record.

An encounter is of the same patient where it has the same basis (`encounters/people.py`), and neither family name, sex nor date of birth
says otherwise: of a number with check digits not two of them. One that does is shown to the reader.
The right to read its care is that of its own handover: its care is shown to the app that may read it for the same destination.
"""

import re
from collections.abc import Sequence
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from services.epcr.deidentification.forms import has_check
from services.epcr.deidentification.numbers import number_of, system_of
from services.epcr.deidentification.pseudonyms import Domain
from services.epcr.encounters import store
from services.epcr.encounters.models import EncounterRow
from services.epcr.fhir import narrative
from services.epcr.fhir.narrative import Row
from services.epcr.fhir.terms import Json
from services.epcr.fhir.words import Language
from services.epcr.handover.access import Right
from services.epcr.handover.models import OtherCare, OtherCrew, OtherIdentity
from services.epcr.handover.section import MOST_ROWS, Section, left_out
from services.epcr.handover.sheet import in_zone, without_empty
from services.epcr.handover.words import heading, say
from services.epcr.records.contradictions import words_of
from services.epcr.records.models import Encounter, Name, Patient, Record

# Letters that are no base letter with a mark, and the second letter in the place of a mark: "ue", "oe", "ae", "aa".
_LETTERS = str.maketrans({"ø": "o", "æ": "a", "œ": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})
_TWO_LETTERS = re.compile(r"(?:(?<=[aou])e|(?<=a)a)")
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
    """Another crew, as a handover shows it; `encounter` is its record, where it is of the same patient and may be read.

    `contradictions` are the facts about that patient that its crew recorded otherwise. Where it `has_same_number`, its record may be
    read and leads to the same patient by a number, but crews name two people with it.
    """

    other: Other
    encounter: Encounter | None
    contradictions: Sequence[OtherIdentity] = ()
    has_same_number: bool = False

    def shown(self) -> OtherCrew:
        row = self.other.row
        return OtherCrew(
            encounter_id=row.id,
            vehicle_id=row.vehicle_id,
            status=row.status,
            care=None if self.encounter is None else _care(self.encounter),
            contradictions=list(self.contradictions),
            has_same_number=self.has_same_number,
        )

    def warnings(self, language: Language) -> list[str]:
        """Sentences for people who have to find out who the patient is."""
        vehicle = self.other.row.vehicle_id
        if self.has_same_number:
            return [say("same_number", language).format(vehicle=vehicle)]
        return [
            say("crew_contradicts", language).format(
                vehicle=vehicle,
                field=say(one.field, language),
                here=_shown(one.field, one.here, language),
                there=_shown(one.field, one.there, language),
            )
            for one in self.contradictions
        ]


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
    found: list[Crew] = []
    for one in others:
        id = one.row.id
        if id in same:
            found.append(Crew(one, read[id], _contradictions(people[encounter.id], people[id])))
        else:
            found.append(Crew(one, None, has_same_number=id in read))
    return sorted(found, key=lambda one: (one.encounter is None, one.other.row.id))


def disclosed(found: Sequence[Crew]) -> list[tuple[str, list[str]]]:
    """The encounters whose care is shown, each with the parts of its record that are."""
    cared = [(one, _care(one.encounter)) for one in found if one.encounter is not None]
    return [
        (
            one.other.row.id,
            [*(["patient"] if one.contradictions else []), *(name for name in SECTIONS if getattr(care, name))],
        )
        for one, care in cared
    ]


def rows(found: Sequence[Crew], language: Language, zone: tzinfo, day: date | None = None) -> list[Row]:
    """For each crew its vehicle, status and encounter, then its care in the order of its parts."""
    shown: list[Row] = []
    for one in found:
        row, care = one.other.row, one.shown().care
        shown.append(Row(row.vehicle_id, f"{say(f'status.{row.status}', language)} · {row.id}"))
        shown += [Row(heading("check_identity", language), warning) for warning in one.warnings(language)]
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
    notice = " ".join(warning for one in found for warning in one.warnings(language))
    return Section(title=heading(TITLE, language), has_names=True, rows=shown[:MOST_ROWS], more=more, notice=notice)


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
    """Whether crews name two people with the number that connects them.

    The check digits of a national number show most typing errors, so that a crew has rather mistyped a date of birth than a number that is
    another patient's: two facts must contradict it. Of other numbers, one is enough.
    """
    return len(_contradictions(one, other)) > (not _checked(one).isdisjoint(_checked(other)))


def _checked(patient: Patient) -> set[tuple[str, str]]:
    """The numbers with check digits."""
    found = ((system_of(one.system), one.value) for one in patient.identifiers)
    return {(system, number) for system, value in found if has_check(system) and (number := number_of(system, value))}


def _contradictions(here: Patient, there: Patient) -> list[OtherIdentity]:
    """Family name, date of birth and sex that are known of both, and are two people's."""
    found: list[OtherIdentity] = []
    if here.name and there.name and _are_two_names(here.name, there.name):
        found.append(OtherIdentity("name", _whole(here.name), _whole(there.name)))
    if here.birth_date and there.birth_date and here.birth_date != there.birth_date:
        found.append(OtherIdentity("birth_date", here.birth_date.isoformat(), there.birth_date.isoformat()))
    if {here.sex, there.sex} == {"female", "male"}:
        found.append(OtherIdentity("sex", str(here.sex), str(there.sex)))
    return found


def _are_two_names(one: Name, other: Name) -> bool:
    """Whether no word of the family name of either is in the other name. Names in two scripts may be one."""
    words = [_words(name.family, *name.given, name.text) for name in (one, other)]
    families = [_words(name.family) or of_one for name, of_one in zip((one, other), words, strict=True)]
    if not all(words) or len({all(word.isascii() for word in of_one) for of_one in words}) > 1:
        return False
    return families[0].isdisjoint(words[1]) and families[1].isdisjoint(words[0])


def _words(*names: str | None) -> set[str]:
    """The words of a name, alike for all ways in which a letter is written in ASCII: "Müller" and "Mueller"."""
    plain = (None if name is None else name.casefold().translate(_LETTERS) for name in names)
    return {_TWO_LETTERS.sub("", word) for word in words_of(*plain)}


def _whole(name: Name) -> str:
    return " ".join([*name.given, *([name.family] if name.family else [])]) or name.text or ""


def _shown(field: str, value: str, language: Language) -> str:
    if field == "birth_date":
        return narrative.day_of(date.fromisoformat(value), language)
    return say(value, language) if field == "sex" else value
