"""The content of a handover for people, as the PDF shows it: in English or Italian, in the order in which a doctor asks for it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import Any
from unicodedata import category
from unicodedata import name as name_of_letter

import msgspec

from services.epcr.fhir import narrative
from services.epcr.fhir.narrative import Row
from services.epcr.fhir.words import Language
from services.epcr.handover import ending, parts
from services.epcr.handover.models import Destination, Sender
from services.epcr.handover.section import Section
from services.epcr.handover.words import heading, say
from services.epcr.records.models import Encounter, LinkedObservation, age, began

STATES = {"in_progress": "preliminary", "cancelled": "cancelled"}
# Scripts of which the fonts of the page have the letters.
SCRIPTS = frozenset({"LATIN", "GREEK", "CYRILLIC", "ARABIC", "HEBREW", "ARMENIAN"})
# Systems of patients' numbers that everybody in their country knows by a name.
NUMBERS = {"urn:oid:2.16.840.1.113883.2.9.4.3.2": "Codice fiscale", "https://fhir.nhs.uk/Id/nhs-number": "NHS number"}
_TIMES = ("call", "mobile", "on_scene", "at_patient", "left_scene", "at_destination", "handover")


class PatientBox(msgspec.Struct):
    name: str
    line: str
    facts: list[Row]


class Sheet(msgspec.Struct, kw_only=True):
    """`banner` gives the reason why the patient was not brought, or the refused care; `prealert` is the notice to the destination."""

    language: Language
    title: str
    state: str
    sender: str
    banner: list[str]
    prealert: list[str]
    patient: PatientBox
    notice: str
    mission: list[Row]
    sections: list[Section]
    footer: str


def sheet_of(
    encounter: Encounter,
    view: Mapping[str, Any],
    readings: Sequence[LinkedObservation],
    sender: Sender,
    destination: Destination,
    language: Language,
    *,
    was_another: bool = False,
) -> Sheet:
    """`view` is the identified record as plain values; `readings` are the extremes of the devices' observations.

    `was_another` is whether an earlier version was another patient's: a patient whose number was learnt later has another identity too.
    """
    view = in_zone(view, sender.zone)
    day = began(encounter.record).astimezone(sender.zone).date()
    state = "amended" if encounter.amended else STATES.get(encounter.status, "final")
    notices = {
        "test_data": encounter.test,
        "identity_corrected": was_another,
        "not_closed": encounter.status == "in_progress",
    }
    sheet = Sheet(
        language=language,
        title=heading("medical_report", language),
        state=f"{say(state, language)} · {say('version', language)} {encounter.version}",
        sender=sender.name,
        banner=ending.banner(view, language),
        prealert=ending.prealert(view, language, day),
        patient=_patient(view, language, day),
        notice=" ".join(say(name, language) for name, is_due in notices.items() if is_due),
        mission=_mission(encounter, view, sender, destination, language, day),
        sections=parts.sections(parts.Page(view, readings, sender, language, day, _years_of(view, day))),
        footer=f"{encounter.id} · {say('times_of', language)} {sender.time_zone or 'UTC'} · {say('confidential', language)}",
    )
    # Of letters that the fonts of the page do not have, a reader sees boxes.
    letters = {one for one in msgspec.json.encode(sheet).decode() if one > "\u02ff" and category(one)[0] == "L"}
    if any(name_of_letter(one, "").partition(" ")[0] not in SCRIPTS for one in letters):
        sheet.notice = f"{sheet.notice} {say('unshown', language)}".strip()
    return sheet


def plain_view(encounter: Encounter, projection: Mapping[str, Any]) -> dict[str, Any]:
    """The de-identified view with the whole record in it: names, words of the crew, free text. Empty fields are absent."""
    record = msgspec.to_builtins(encounter.record, builtin_types=(datetime, date, Decimal))
    record.pop("known_as", None)
    return {**projection, **without_empty(record)}


def in_zone(value: Any, zone: tzinfo) -> Any:
    """The same values, with times in that zone."""
    if zone is UTC:
        return value
    if isinstance(value, dict):
        return {name: in_zone(one, zone) for name, one in value.items()}
    if isinstance(value, list):
        return [in_zone(one, zone) for one in value]
    return value.astimezone(zone) if isinstance(value, datetime) else value


def without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {name: without_empty(one) for name, one in value.items()}
        return {name: one for name, one in kept.items() if one is not None and one != [] and one != {}}
    if isinstance(value, list):
        return [without_empty(one) for one in value]
    return value


def name_of(view: Mapping[str, Any], language: Language) -> str:
    """The patient's name as one text, or the word for an unknown patient."""
    name: Mapping[str, Any] = view.get("patient", {}).get("name", {})
    full = " ".join([*name.get("given", []), *([name["family"]] if "family" in name else [])])
    return full or name.get("text") or say("unknown_patient", language)


def _patient(view: Mapping[str, Any], language: Language, day: date) -> PatientBox:
    patient: Mapping[str, Any] = view.get("patient", {})
    born: date | None = patient.get("birth_date")
    sex = patient.get("sex")
    line = [f"{say('sex', language)} {say(sex, language)}" if sex == "unknown" else say(sex, language)] if sex else []
    line += [narrative.day_of(born, language), _age(born, day, language)] if born else []
    line += [_years(patient["age_years"], language)] if born is None and "age_years" in patient else []
    facts = [_number(one["system"], one["value"], language) for one in patient.get("identifiers", [])]
    # The dose of a drug follows from it.
    weighed: Mapping[str, Any] = view.get("weight", {})
    weight = [narrative.value_of("value", weighed["value"], language)] if "value" in weighed else []
    how = [narrative.value_of(name, weighed[name], language) for name in ("method", "tape") if name in weighed]
    weight += [" ".join(how)] if how else []
    line += [", ".join(weight)] if weight else []
    return PatientBox(name_of(view, language), " · ".join(line), facts)


def _years_of(view: Mapping[str, Any], day: date) -> int | None:
    patient: Mapping[str, Any] = view.get("patient", {})
    born: date | None = patient.get("birth_date")
    return patient.get("age_years") if born is None else max(0, age(born, day))


def _age(born: date, on: date, language: Language) -> str:
    """In years; of the first two years in months, of the first two months in days, by which doses differ."""
    years = age(born, on)
    months = 12 * (on.year - born.year) + on.month - born.month - (on.day < born.day)
    if years >= 2:
        return _years(years, language)
    if months >= 2:
        return f"{months} {say('months', language)}"
    # A child who is born after midnight, of a call before it.
    days = max(0, (on - born).days)
    return f"{days} {say('day' if days == 1 else 'days', language)}"


def _years(years: int, language: Language) -> str:
    return (
        f"< 1 {say('year', language)}" if years == 0 else f"{years} {say('year' if years == 1 else 'years', language)}"
    )


def _number(system: str, value: str, language: Language) -> Row:
    """A number of the patient. A URI is no word for people: it follows the number, unless the system has a name."""
    if system in NUMBERS:
        return Row(NUMBERS[system], value)
    is_uri = system.startswith(("urn:", "http://", "https://"))
    return Row(heading("number", language), f"{value} ({system})") if is_uri else Row(system, value)


def _mission(
    encounter: Encounter,
    view: Mapping[str, Any],
    sender: Sender,
    destination: Destination,
    language: Language,
    day: date,
) -> list[Row]:
    times: Mapping[str, datetime] = view.get("times", {})
    zone = sender.time_zone or "UTC"
    clock: list[Row] = []
    last: date | None = None
    for name in (one for one in _TIMES if one in times):
        if name == "mobile" and clock:
            # The call is enough; without it, the day of the mission is that of the departure.
            continue
        at = times[name]
        of_zone = f" ({zone})" if last is None else ""
        shown = f"{at:%H:%M}{narrative.repeated(at)}"
        shown = shown if at.date() == last else f"{narrative.day_of(at, language)} {shown}"
        clock.append(Row(heading(name, language), shown + of_zone))
        last = at.date()
    if not clock:
        # Other times are without the day.
        clock.append(Row(heading("date", language), f"{narrative.day_of(day, language)} ({zone})"))
    named = {
        "sender": " · ".join(part for part in (sender.name, sender.phone) if part),
        "destination": f"{destination.name} ({destination.code})",
        "incident": encounter.cad_incident_id,
        "vehicle": encounter.vehicle_id,
        "crew": _crew(view, language),
    }
    return [Row(heading(name, language), value) for name, value in named.items() if value] + clock


def _crew(view: Mapping[str, Any], language: Language) -> str:
    """Each member by role, id and qualification."""
    known: list[Mapping[str, Any]] = view.get("crew", [])
    named = {one["id"] for one in known}
    others = [{"id": id} for id in dict.fromkeys(view.get("crew_ids", [])) if id not in named]
    people: list[str] = []
    for one in (*known, *others):
        role = f"{narrative.value_of('role', one['role'], language)} " if "role" in one else ""
        skill = narrative.value_of("qualification", one["qualification"], language) if "qualification" in one else ""
        people.append(f"{role}{one['id']}" + (f" ({skill})" if skill else ""))
    return ", ".join(people)
