"""The content of a handover for people, as the PDF shows it: in English or Italian, in the order in which a doctor asks for it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import Any, NamedTuple
from unicodedata import category
from unicodedata import name as name_of_letter

import msgspec

from services.epcr.encounters.facts import KIND_OF_METRIC
from services.epcr.fhir import narrative
from services.epcr.fhir.narrative import Row
from services.epcr.fhir.nomenclature import in_expected_unit
from services.epcr.fhir.words import Language
from services.epcr.handover import totals
from services.epcr.handover.models import Destination, Sender
from services.epcr.handover.words import heading, say
from services.epcr.records.models import Encounter, LinkedObservation, age, began

# Rows of a section: a page that nobody can read helps nobody. The record has the others, and a sentence gives their number.
STATES = {"in_progress": "preliminary", "cancelled": "cancelled"}
MOST_ROWS = 60
MOST_TEXT, MOST_LINES = 8_000, 150
# The order of the pages; a section without content is left out.
ORDER = (
    "complaint",
    "problems",
    "allergies",
    "directives",
    "arrest",
    "injury",
    "vital_signs",
    "examinations",
    "assessments",
    "procedures",
    "medications",
    "past_conditions",
    "current_medicines",
    "pregnancy",
    "triage",
    "narrative",
    "disposition",
    "crew",
)
# A doctor must see that nothing is known of them.
ALWAYS = ("allergies", "current_medicines")
# Sections in the order of time: of a long one the latest entries are shown.
TIMED = ("examinations", "medications", "procedures")
# Sections whose labels are concepts of the patient.
NAMES = ("allergies", "current_medicines", "past_conditions")
# Scripts of which the fonts of the page have the letters.
SCRIPTS = frozenset({"LATIN", "GREEK", "CYRILLIC", "ARABIC", "HEBREW", "ARMENIAN"})
# Systems of patients' numbers that everybody in their country knows by a name.
NUMBERS = {"urn:oid:2.16.840.1.113883.2.9.4.3.2": "Codice fiscale", "https://fhir.nhs.uk/Id/nhs-number": "NHS number"}
_TIMES = ("call", "mobile", "on_scene", "at_patient", "left_scene", "at_destination", "handover")


class Column(NamedTuple):
    heading: str
    unit: str
    fields: tuple[str, ...]


_PRESSURES = ("systolic", "diastolic", "mean_pressure")
VITALS = (
    Column("heart_rate", "/min", ("heart_rate",)),
    Column("respiratory_rate", "/min", ("respiratory_rate",)),
    Column("blood_pressure", "mmHg", _PRESSURES),
    Column("spo2", "%", ("spo2",)),
    Column("etco2", "", ("etco2",)),
    Column("temperature", "", ("temperature",)),
    Column("glucose", "", ("glucose",)),
    Column("gcs", "", ("gcs", "gcs_eye", "gcs_verbal", "gcs_motor")),
    Column("avpu", "", ("avpu",)),
    Column("pain", "/10", ("pain",)),
)


class Section(msgspec.Struct, kw_only=True):
    """A table with `columns` and `cells`, then labelled rows, of which the first are `alerts`, then paragraphs.

    Where `has_names`, the labels name conditions and medicines of the patient, not fields.
    """

    title: str
    alerts: int = 0
    has_names: bool = False
    columns: list[str] = []
    cells: list[list[str]] = []
    rows: list[Row] = []
    texts: list[str] = []
    more: str = ""


class PatientBox(msgspec.Struct):
    name: str
    line: str
    facts: list[Row]


class Sheet(msgspec.Struct, kw_only=True):
    language: Language
    title: str
    state: str
    sender: str
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
    sections = [one for name in ORDER for one in _sections(name, view, language, day)]
    if any(one.value is not None and one.mdc_code in KIND_OF_METRIC for one in readings):
        # After the vital signs, or at the end.
        titles = [one.title for one in sections]
        vital_signs = heading("vital_signs", language)
        place = titles.index(vital_signs) + 1 if vital_signs in titles else len(titles)
        of_devices = Section(
            title=heading("readings_of_devices", language),
            rows=rows_of_readings(readings, language, sender.zone, day),
            more=say("first_lowest_highest_last", language),
        )
        sections.insert(place, of_devices)
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
        patient=_patient(view, language, day),
        notice=" ".join(say(name, language) for name, is_due in notices.items() if is_due),
        mission=_mission(encounter, view, sender, destination, language, day),
        sections=sections,
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
    shown = {name: value for name, value in patient.items() if name in ("address", "phones", "email", "next_of_kin")}
    facts += narrative.rows("demographics", {"patient": shown}, language)
    return PatientBox(name_of(view, language), " · ".join(line), facts)


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
    }
    return [Row(heading(name, language), value) for name, value in named.items() if value] + clock


def _sections(name: str, view: Mapping[str, Any], language: Language, day: date) -> Iterator[Section]:
    """A long list of drugs or procedures is two sections: the totals of all its entries, and the latest of them."""
    section = _section(name, view, language, day)
    if section is None:
        return
    if name in totals.SECTIONS and section.more:
        kinds = totals.totals(name, view, language, day)
        yield Section(
            title=f"{section.title}: {say('totals', language)}",
            has_names=True,
            rows=kinds[: totals.MOST_KINDS],
            more=_more("kinds", totals.MOST_KINDS, len(kinds), language),
        )
        section.title = f"{section.title}: {say('latest', language)}"
    yield section


def _section(name: str, view: Mapping[str, Any], language: Language, day: date) -> Section | None:
    if name == "narrative":
        text: str = view.get("narrative", "")
        lines = [one for one in text[:MOST_TEXT].splitlines() if one.strip()]
        is_cut = len(text) > MOST_TEXT or len(lines) > MOST_LINES
        more = say("text_is_longer", language) if is_cut else ""
        return Section(title=heading(name, language), texts=lines[:MOST_LINES], more=more) if text else None
    if name == "vital_signs":
        return _vitals(view, language, day)
    # The clock of the mission is above.
    shown = {part: one for part, one in view.items() if part != "times"}
    if name in LAST:
        part, is_last = LAST[name]
        shown[part] = sorted(view.get(part, []), key=is_last)
    rows = narrative.rows(name, shown, language, day)
    if name == "arrest" and view.get("arrest", {}).get("dnar"):
        order = heading("dnar", language)
        rows.sort(key=lambda row: row.label != order)
    if name == "directives" and rows:
        rows = [_directives(view["directives"], language)]
    if not rows and name not in ALWAYS:
        return None
    kept = rows[-MOST_ROWS:] if name in TIMED else rows[:MOST_ROWS]
    others = "earlier" if name in TIMED else "less_serious" if name == "allergies" else "others"
    return Section(
        title=heading(name, language),
        alerts=min(_alerts(name, view), MOST_ROWS),
        has_names=name in NAMES,
        rows=kept,
        more=_more(others, MOST_ROWS, len(rows), language) if rows else say("nothing_recorded", language),
    )


def _alerts(name: str, view: Mapping[str, Any]) -> int:
    """The rows of a section that must not be overlooked: allergies but the refuted ones, and directives and orders that there are."""
    if name == "allergies":
        return sum(not one.get("entered_in_error") and not _is_refuted(one) for one in view.get("allergies", []))
    if name == "arrest":
        return int(view.get("arrest", {}).get("dnar") is True)
    return int(name == "directives" and view["directives"].get("status", "present") == "present")


def _is_refuted(allergy: Mapping[str, Any]) -> bool:
    return allergy.get("certainty") == "refuted"


def _harmlessness(allergy: Mapping[str, Any]) -> tuple[bool, bool, bool]:
    """Refuted allergies come last, those of a high criticality and with severe reactions first."""
    return _is_refuted(allergy), allergy.get("criticality") != "high", allergy.get("severity") != "severe"


# The part of a section whose entries that matter less to the reader come last, and the key of that order.
LAST: dict[str, tuple[str, Callable[[Mapping[str, Any]], Any]]] = {
    "allergies": ("allergies", _harmlessness),
    "assessments": ("procedures", lambda one: one.get("finding") != "stemi"),
    "current_medicines": ("current_medicines", lambda one: one.get("taken") in ("not_taking", "stopped")),
    "past_conditions": ("past_conditions", lambda one: one.get("state") == "resolved"),
}


def _directives(seen: Mapping[str, Any], language: Language) -> Row:
    """In one row, with the directives themselves first."""
    others = {name: value for name, value in seen.items() if name != "kinds"}
    rest = [
        f"{row.label.lower()}: {row.value}" for row in narrative.rows("directives", {"directives": others}, language)
    ]
    kinds = narrative.value_of("kinds", seen["kinds"], language) if "kinds" in seen else ""
    return Row(kinds[:1].upper() + kinds[1:] or heading("directives", language), "; ".join(rest))


def _vitals(view: Mapping[str, Any], language: Language, day: date) -> Section | None:
    """One line for each set, with a column for each kind that was measured; other values are in the last one."""
    sets = [one for one in view.get("vital_signs", []) if not one.get("entered_in_error")]
    sets.sort(key=lambda one: one["taken_at"].timestamp())
    weights = narrative.rows("vital_signs", {"weight": view.get("weight")}, language, day)
    weight = "; ".join(row.value for row in weights)
    if not sets and not weight:
        return None
    # The first set is how the patient was found.
    shown = sets if len(sets) <= MOST_ROWS else [sets[0], *sets[1 - MOST_ROWS :]]
    columns = [column for column in VITALS if any(name in one for one in shown for name in column.fields)]
    columns = [column._replace(unit=column.unit or _common_unit(shown, column, language)) for column in columns]
    cells = [
        [
            narrative.value_of("taken_at", one["taken_at"], language, day),
            *(_cell(one, column, language) for column in columns),
        ]
        for one in shown
    ]
    known = {"id", "taken_at", "entered_in_error", *(name for column in VITALS for name in column.fields)}
    rests = [{name: value for name, value in one.items() if name not in known} for one in shown]
    headings = [heading("time", language)]
    headings += [f"{heading(f'short.{column.heading}', language)} {column.unit}".strip() for column in columns]
    if any(rests):
        headings.append(heading("other", language))
        for line, rest in zip(cells, rests, strict=True):
            others = narrative.rows("vital_signs", {"vital_signs": [rest]}, language, day) if rest else []
            line.append("; ".join(row.value or row.label for row in others))
    return Section(
        title=heading("vital_signs", language),
        columns=headings if shown else [],
        cells=cells,
        rows=[Row(heading("weight", language), weight)] if weight else [],
        more=_more("between", MOST_ROWS - 1, len(sets) - 1, language),
    )


def _common_unit(sets: Sequence[Mapping[str, Any]], column: Column, language: Language) -> str:
    """The unit of all values of a column that has none of its own; empty if they differ."""
    values = [one[name] for one in sets for name in column.fields if isinstance(one.get(name), Mapping)]
    units = {narrative.unit_of(value["unit"], language) for value in values}
    return units.pop() if len(units) == 1 else ""


def _cell(signs: Mapping[str, Any], column: Column, language: Language) -> str:
    if column.heading == "blood_pressure":
        # Systolic over diastolic, and the mean in brackets.
        shown = {name: narrative.measured(signs[name], None, language) for name in _PRESSURES if name in signs}
        pair = [shown.get(name, "–") for name in _PRESSURES[:2]]
        mean = f" ({shown['mean_pressure']})" if "mean_pressure" in shown else ""
        return "" if pair == ["–", "–"] and not mean else "/".join(pair) + mean
    if column.heading == "gcs":
        # The total, and its parts for eye, verbal and motor response.
        parts = [signs.get(name) for name in ("gcs_eye", "gcs_verbal", "gcs_motor")]
        total = signs.get("gcs", None if None in parts else sum(part or 0 for part in parts))
        letters = "" if parts == [None] * 3 else f" E{parts[0] or '–'} V{parts[1] or '–'} M{parts[2] or '–'}"
        return (str(total) if total is not None else "") + letters
    [name] = column.fields
    if name not in signs:
        return ""
    value = narrative.value_of(name, signs[name], language)
    return value.removesuffix(f" {column.unit}") if column.unit else value


def rows_of_readings(
    readings: Sequence[LinkedObservation], language: Language, zone: tzinfo, day: date | None = None
) -> list[Row]:
    """The first, lowest, highest and last reading of each kind that the devices made, in the order of their times."""
    by_kind: dict[str, list[str]] = {}
    for one in sorted(readings, key=lambda one: (one.observed_at, one.id)):
        if one.value is not None and (kind := KIND_OF_METRIC.get(one.mdc_code)):
            value, unit = in_expected_unit(one.value, one.unit_code or "")
            minute = one.observed_at.astimezone(zone).replace(second=0, microsecond=0)
            at = narrative.value_of("observed_at", minute, language, day)
            by_kind.setdefault(kind, []).append(f"{narrative.measured(value, unit or None, language)} ({at})")
    return [Row(heading(kind, language), ", ".join(values)) for kind, values in by_kind.items()]


def _more(others: str, shown: int, number: int, language: Language) -> str:
    """How many of a number of entries are shown, and which the others are; nothing where all are shown."""
    return say(f"more_{others}", language).format(shown=shown, others=number - shown) if number > shown else ""
