"""The content of a handover for people, as the PDF shows it: in English or Italian, in the order in which a doctor asks for it."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from services.epcr.deidentification.projection import age
from services.epcr.encounters.facts import KIND_OF_METRIC
from services.epcr.fhir import narrative
from services.epcr.fhir.narrative import Row
from services.epcr.fhir.words import Language
from services.epcr.handover.models import Destination, Sender
from services.epcr.handover.words import heading, say
from services.epcr.records.models import Encounter, LinkedObservation

# Rows of a section, columns of vital signs: a page that nobody can read helps nobody. The record has the others.
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
ALERTS = ("allergies", "directives")
_TIMES = ("call", "on_scene", "at_patient", "left_scene", "at_destination", "handover")


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
    """A table with `columns` and `cells`, then labelled rows, then paragraphs."""

    title: str
    is_alert: bool = False
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
) -> Sheet:
    """`view` is the identified record as plain values; `readings` are the extremes of the devices' observations."""
    sections = [one for name in ORDER if (one := _section(name, view, language)) is not None]
    if any(one.value is not None and one.mdc_code in KIND_OF_METRIC for one in readings):
        # After the vital signs, or at the end.
        titles = [one.title for one in sections]
        vital_signs = heading("vital_signs", language)
        place = titles.index(vital_signs) + 1 if vital_signs in titles else len(titles)
        sections.insert(place, _readings(readings, language))
    state = {"in_progress": "preliminary", "cancelled": "cancelled"}.get(encounter.status, "final")
    if encounter.amended:
        state = "amended"
    notices = {
        "test_data": encounter.test,
        "identity_corrected": encounter.identity > 1,
        "not_closed": encounter.status == "in_progress",
    }
    return Sheet(
        language=language,
        title=heading("medical_report", language),
        state=f"{say(state, language)} · {say('version', language)} {encounter.version}",
        sender=sender.name,
        patient=_patient(encounter, view, language),
        notice=" ".join(say(name, language) for name, is_due in notices.items() if is_due),
        mission=_mission(encounter, view, sender, destination, language),
        sections=sections,
        footer=f"{encounter.id} · {say('times_in_utc', language)} · {say('confidential', language)}",
    )


def plain_view(encounter: Encounter, projection: Mapping[str, Any]) -> dict[str, Any]:
    """The de-identified view with the whole record in it: names, words of the crew, free text. Empty fields are absent."""
    record = msgspec.to_builtins(encounter.record, builtin_types=(datetime, date, Decimal))
    return {**projection, **_without_empty(record)}


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {name: _without_empty(one) for name, one in value.items()}
        return {name: one for name, one in kept.items() if one is not None and one != [] and one != {}}
    if isinstance(value, list):
        return [_without_empty(one) for one in value]
    return value


def name_of(view: Mapping[str, Any], language: Language) -> str:
    """The patient's name as one text, or the word for an unknown patient."""
    name: Mapping[str, Any] = view.get("patient", {}).get("name", {})
    full = " ".join([*name.get("given", []), *([name["family"]] if "family" in name else [])])
    return full or name.get("text") or say("unknown_patient", language)


def _patient(encounter: Encounter, view: Mapping[str, Any], language: Language) -> PatientBox:
    patient: Mapping[str, Any] = view.get("patient", {})
    born: date | None = patient.get("birth_date")
    years = patient.get("age_years") if born is None else age(born, encounter.record.anchor.date())
    line = [say(patient["sex"], language)] if "sex" in patient else []
    line += [f"{born:%Y-%m-%d}"] if born else []
    line += [f"{years} {say('years', language)}"] if years is not None else []
    facts = [Row(one["system"], one["value"]) for one in patient.get("identifiers", [])]
    shown = {name: value for name, value in patient.items() if name in ("address", "phones", "email", "next_of_kin")}
    facts += narrative.rows("demographics", {"patient": shown}, language)
    return PatientBox(name_of(view, language), " · ".join(line), facts)


def _mission(
    encounter: Encounter, view: Mapping[str, Any], sender: Sender, destination: Destination, language: Language
) -> list[Row]:
    times: Mapping[str, datetime] = view.get("times", {})
    clock = [Row(heading(name, language), f"{times[name]:%Y-%m-%d %H:%M}") for name in _TIMES if name in times]
    named = {
        "sender": " · ".join(part for part in (sender.name, sender.phone) if part),
        "destination": f"{destination.name} ({destination.code})",
        "incident": encounter.cad_incident_id,
        "vehicle": encounter.vehicle_id,
    }
    return [Row(heading(name, language), value) for name, value in named.items() if value] + clock


def _section(name: str, view: Mapping[str, Any], language: Language) -> Section | None:
    if name == "narrative":
        text: str = view.get("narrative", "")
        lines = [one for one in text[:MOST_TEXT].splitlines() if one.strip()]
        is_cut = len(text) > MOST_TEXT or len(lines) > MOST_LINES
        more = say("text_is_longer", language) if is_cut else ""
        return Section(title=heading(name, language), texts=lines[:MOST_LINES], more=more) if text else None
    if name == "vital_signs":
        return _vitals(view, language)
    # The clock of the mission is above.
    rows = narrative.rows(name, {part: one for part, one in view.items() if part != "times"}, language)
    if not rows and name not in ALWAYS:
        return None
    return Section(
        title=heading(name, language),
        is_alert=name in ALERTS and bool(rows),
        rows=rows[:MOST_ROWS],
        more=_more(len(rows) - MOST_ROWS, language) if rows else say("nothing_recorded", language),
    )


def _vitals(view: Mapping[str, Any], language: Language) -> Section | None:
    """One line for each set, with a column for each kind that was measured; other values are in the last one."""
    sets = [one for one in view.get("vital_signs", []) if not one.get("entered_in_error")]
    sets.sort(key=lambda one: one["taken_at"])
    weight = "; ".join(row.value for row in narrative.rows("vital_signs", {"weight": view.get("weight")}, language))
    if not sets and not weight:
        return None
    shown = sets[-MOST_ROWS:]
    columns = [column for column in VITALS if any(name in one for one in shown for name in column.fields)]
    cells = [[f"{one['taken_at']:%m-%d %H:%M}", *(_cell(one, column, language) for column in columns)] for one in shown]
    known = {"id", "taken_at", "entered_in_error", *(name for column in VITALS for name in column.fields)}
    rests = [{name: value for name, value in one.items() if name not in known} for one in shown]
    headings = [heading("time", language)]
    headings += [f"{heading(f'short.{column.heading}', language)} {column.unit}".strip() for column in columns]
    if any(rests):
        headings.append(heading("other", language))
        for line, rest in zip(cells, rests, strict=True):
            others = narrative.rows("vital_signs", {"vital_signs": [rest]}, language) if rest else []
            line.append("; ".join(row.value or row.label for row in others))
    return Section(
        title=heading("vital_signs", language),
        columns=headings if shown else [],
        cells=cells,
        rows=[Row(heading("weight", language), weight)] if weight else [],
        more=_more(len(sets) - len(shown), language),
    )


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


def _readings(readings: Sequence[LinkedObservation], language: Language) -> Section:
    """The first, lowest, highest and last reading of each kind that the devices made, in the order of their times."""
    by_kind: dict[str, list[str]] = {}
    for one in sorted(readings, key=lambda one: (one.observed_at, one.id)):
        if one.value is not None and (kind := KIND_OF_METRIC.get(one.mdc_code)):
            by_kind.setdefault(kind, []).append(
                f"{narrative.measured(one.value, one.unit_code, language)} ({one.observed_at:%H:%M})"
            )
    return Section(
        title=heading("readings_of_devices", language),
        rows=[Row(heading(kind, language), ", ".join(values)) for kind, values in by_kind.items()],
        more=say("first_lowest_highest_last", language),
    )


def _more(number: int, language: Language) -> str:
    return f"+ {number} {say('more_in_the_record', language)}" if number > 0 else ""
