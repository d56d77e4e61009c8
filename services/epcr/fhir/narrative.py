"""Sections of a report for people: plain rows, and the same rows as the XHTML of a FHIR narrative. Every text is escaped.

A record is a mapping of its parts to plain values: the de-identified view, or the whole record as built-in values. The narrative shows
all that the mapping holds but identifiers of entries, so that it never says more than the bundle around it.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from html import escape
from typing import Any, NamedTuple, TypeGuard

from services.epcr.fhir.displays import in_xml, unknown, words_of
from services.epcr.fhir.words import Language, word
from services.epcr.records.assessment import AirwayAttempt, Cpr, Injury, Pupils, apgar_total
from services.epcr.records.care import VitalSigns, ranges_of
from services.epcr.records.faults import ANSWERED, SUBJECTS

# The parts of a record in each section of the report, in the order of the report.
SECTIONS: dict[str, tuple[str, ...]] = {
    "complaint": ("complaint",),
    "problems": ("primary_impression", "secondary_impressions"),
    "allergies": ("allergies",),
    "current_medicines": ("current_medicines",),
    "past_conditions": ("past_conditions",),
    "directives": ("directives",),
    "pregnancy": ("pregnancy",),
    "triage": ("dispatch", "triage"),
    "injury": ("injury",),
    "vital_signs": ("vital_signs", "weight"),
    "examinations": ("pupils", "examinations"),
    "assessments": ("stroke", "apgar"),
    "arrest": ("arrest", "cpr"),
    "procedures": ("procedures", "airway_attempts"),
    "medications": ("medications",),
    "disposition": ("times", "disposition"),
    "demographics": ("patient",),
    "crew": ("crew",),
    "narrative": ("narrative",),
}
_HIDDEN = frozenset({"id", "entered_in_error", "system"})
# The concept that an entry with a time is about: it needs no name of its field.
_SUBJECTS = ("procedure", "medication")
# Entries that begin with a name, because a section has them among others.
_NAMED = {"airway_attempts": "airway_attempt", "apgar": "apgar"}
_AS_WRITTEN = frozenset({"name", "identifiers", "address", "next_of_kin", "tracing"})
# Fields of entries whose values need no label; other values come after the name of their field.
_PLAIN = frozenset(
    {
        *(
            "kind",
            "certainty",
            "severity",
            "reactions",
            "taken",
            "state",
            "comment",
            "dose",
            "route",
            "body_site",
        ),
        *(
            "outcome",
            "finding",
            "device",
            "technique",
            "region",
            "result",
            "findings",
            "qualification",
            "role",
            "tracing",
        ),
    }
)
_UNITS = {"Cel": "°C", "[degF]": "°F", "mm[Hg]": "mmHg", "[lb_av]": "lb", "meq": "mEq"}
# Abbreviated they are read as others, µg as mg, IU as IV or 10 (Ministero della Salute, raccomandazione 18; BNF, guidance on prescribing).
_SPELLED = frozenset({"ug", "ng", "[iU]", "m[iU]", "{puff}", "{tablet}", "{drop}"})
_UNIT_OF = {
    name: unit
    for kind in (VitalSigns, Pupils, Injury, AirwayAttempt, Cpr)
    for name, (unit, _, _) in ranges_of(kind).items()
}


class Row(NamedTuple):
    label: str
    value: str


def title(section: str, language: Language) -> str:
    """The heading of a section."""
    return _label(section, language)


def rows(section: str, record: Mapping[str, Any], language: Language, day: date | None = None) -> list[Row]:
    """The rows of a section: one for each entry of a list, in the order of their times, and one for each field of a part.

    Withdrawn entries have none. `day` is that of a page for people: its times are shown without it, and concepts that have words without
    their codes.
    """
    found, timed = list[Row](), list[tuple[datetime, Row]]()
    for part in SECTIONS[section]:
        content = record.get(part)
        if isinstance(content, list):
            for one in (one for one in content if not one.get("entered_in_error")):
                row = _entry(part, one, language, day)
                at = None if part in ANSWERED else _time_of_entry(one)
                found += [row] if at is None else []
                timed += [] if at is None else [(at, row)]
        elif _is_concept(content):
            found.append(Row(_label(part, language), _concept(content, language, day)))
        elif isinstance(content, Mapping):
            found += [
                Row(_label(name, language, part), value_of(name, value, language, day))
                for name, value in content.items()
                if name not in _HIDDEN and not _is_empty(value)
            ]
        elif content is not None:
            found.append(Row(_label(part, language), str(content)))
    # Two times in one zone compare by their clocks, which show an hour twice a year.
    found = [row for _, row in sorted(timed, key=lambda one: one[0].timestamp())] + found
    if section == "assessments":
        done = [one for one in record.get("procedures") or [] if not one.get("entered_in_error")]
        found += [_entry("procedures", one, language, day) for one in done if one.get("finding") is not None]
    silence = (record.get("inquiries") or {}).get(section) if section in ANSWERED else None
    if silence is not None and not found:
        found.append(Row(_label(section, language), word(silence, language, "inquiries")))
    return found


def div(section: str, record: Mapping[str, Any], language: Language, more: Sequence[Row] = ()) -> str:
    """The XHTML of a section: a table of its rows and `more`. R4 allows neither scripts nor styles from outside in it (txt-1)."""
    cells = [
        f"<tr><th>{_escaped(row.label)}</th><td>{_escaped(row.value)}</td></tr>"
        for row in (*rows(section, record, language), *more)
    ]
    body = (
        f"<table><tbody>{''.join(cells)}</tbody></table>" if cells else f"<p>{word('nothing_recorded', language)}</p>"
    )
    return f'<div xmlns="http://www.w3.org/1999/xhtml" lang="{language}" xml:lang="{language}">{body}</div>'


def text(section: str, record: Mapping[str, Any], language: Language, more: Sequence[Row] = ()) -> dict[str, str]:
    """The Narrative of a section."""
    return {"status": "generated", "div": div(section, record, language, more)}


def _entry(part: str, entry: Mapping[str, Any], language: Language, day: date | None = None) -> Row:
    """Labelled by its time or concept where that is its first field, else by the name of the list."""
    if part == "apgar":
        entry = {**entry, "total": apgar_total(entry)}
    shown = {name: value for name, value in entry.items() if name not in _HIDDEN and not _is_empty(value)}
    if _is_concept(entry):
        return Row(_label(part, language), _concept(entry, language, day))
    name, first = next(iter(shown.items()), ("", None))
    # Of a reader who may not have the crew's words.
    is_masked = part in SUBJECTS and SUBJECTS[part] not in shown
    is_label = _is_concept(first) or _is_worded(first) or (isinstance(first, datetime) and part not in ANSWERED)
    label = value_of(name, shown.pop(name), language, day) if is_label else _label(part, language)
    about = [word(_NAMED[part], language)] if part in _NAMED and is_label else []
    about += [value_of(name, shown.pop(name), language, day) for name in _SUBJECTS if name in shown]
    if is_masked and is_label:
        about = [word(f"{SUBJECTS[part]}_without_code", language)]
    elif is_masked:
        label = _label(f"{SUBJECTS[part]}_without_code", language)
    if about and "not_done" in shown:
        # First, and loud: the heading of its section speaks of acts that were done.
        about[0] = f"{refusal(part, shown.pop('not_done'), language)}: {about[0]}"
    if about and "dose" in shown:
        about[-1] += f" {value_of('dose', shown.pop('dose'), language, day)}"
        by_weight = shown.pop("by_weight", None)
        about[-1] += f" ({value_of('by_weight', by_weight, language, day)})" if by_weight else ""
    phrases = [phrase(part, name, value, language, day) for name, value in _in_order(part, shown, language).items()]
    return Row(label, "; ".join(about + phrases))


def _in_order(part: str, shown: dict[str, Any], language: Language) -> dict[str, Any]:
    """The fields of an entry as a reader asks for them: of an allergy the reactions first, and its cause in one phrase."""
    if part != "allergies":
        return shown
    first = {name: shown[name] for name in ("reactions", "severity", "kind") if name in shown}
    if "kind" in first and "category" in shown:
        kind = f"{word(first['kind'], language, 'kind')} {word(shown['category'], language, 'to')}"
        first["kind"] = kind
        return first | {name: value for name, value in shown.items() if name not in {*first, "category"}}
    return first | {name: value for name, value in shown.items() if name not in first}


def phrase(part: str, name: str, value: Any, language: Language, day: date | None) -> str:
    """A field of an entry in words that a doctor would say."""
    if value is True:
        return word(name, language, part)
    shown = value_of(name, value, language, day)
    if name == "route":
        shown = shown.removesuffix(" route") if language == "en" else shown.removeprefix("Via ")
        shown = shown[:1].lower() + shown[1:] if shown != value.get("display") else shown
    return shown if name in _PLAIN else f"{word(name, language, part)}{':' * (value is False)} {shown}"


def refusal(part: str, reason: str, language: Language) -> str:
    """That an act was not done, and why."""
    return f"{word('not_done', language, part).upper()} ({value_of('not_done', reason, language)})"


def _time_of_entry(entry: Mapping[str, Any]) -> datetime | None:
    """None for an entry that is not known by its time."""
    first = next((value for name, value in entry.items() if name not in _HIDDEN and not _is_empty(value)), None)
    return first if isinstance(first, datetime) else None


def _labelled(part: str, name: str, value: Any, language: Language, day: date | None) -> str:
    return f"{word(name, language, part)}: {value_of(name, value, language, day)}"


def value_of(name: str, value: Any, language: Language, day: date | None = None) -> str:
    if isinstance(value, bool):
        return word("yes" if value else "no", language)
    if isinstance(value, datetime):
        return time_of(value, language, day)
    if isinstance(value, date):
        return day_of(value, language)
    if isinstance(value, Decimal | int):
        return measured(value, _UNIT_OF.get(name), language)
    if isinstance(value, list):
        return ", ".join(value_of(name, one, language, day) for one in value)
    if _is_concept(value):
        return _concept(value, language, day)
    if _is_worded(value):
        return f"{value['display']} ({word('no_code', language)})"
    if isinstance(value, Mapping) and "unit" in value:
        return (dose if name == "dose" else measured)(value["value"], value["unit"], language)
    if isinstance(value, Mapping):
        members = {key: one for key, one in value.items() if not _is_empty(one)}
        if name in _AS_WRITTEN:
            return _as_written(name, members, language, day)
        return ", ".join(_labelled(name, key, one, language, day) for key, one in members.items())
    try:
        return word(value, language, name)
    except KeyError:
        return str(value)


def day_of(value: date, language: Language) -> str:
    """A day as people write it in Italy, elsewhere by ISO 8601, which no reader mistakes."""
    return f"{value:%d/%m/%Y}" if language == "it" else f"{value:%Y-%m-%d}"


def time_of(value: datetime, language: Language, day: date | None) -> str:
    """Minutes, and seconds where there are some. A page shows the zone once, other texts with each time."""
    clock = value.strftime("%H:%M:%S").removesuffix(":00") + (repeated(value) if day else "")
    if value.date() == day:
        return clock
    return f"{day_of(value, language)} {clock}" + ("" if day else f" {value:%Z}")


def repeated(at: datetime) -> str:
    """The zone of a time that the clock shows twice, at the end of summer time; else nothing."""
    return f" {at:%Z}" if at.replace(fold=1 - at.fold).utcoffset() != at.utcoffset() else ""


def _as_written(name: str, members: Mapping[str, Any], language: Language, day: date | None) -> str:
    """A name, a number, an address, a next of kin or the place of a tracing as people write it."""
    if name == "tracing":
        at = time_of(members["recorded_at"], language, day) if "recorded_at" in members else None
        parts = [part for part in (members.get("device"), members.get("store"), at) if part]
        return f"{word('tracing', language)} {members['reference']}" + (f" ({', '.join(parts)})" if parts else "")
    if name == "name":
        full = " ".join([*members.get("given", []), *([members["family"]] if "family" in members else [])])
        return full or members.get("text", "")
    if name == "identifiers":
        return f"{members['value']} ({members['system']})"
    if name == "address":
        town = " ".join(members[part] for part in ("postal_code", "city") if part in members)
        parts = [*members.get("line", []), town, members.get("state"), members.get("country")]
        place = " ".join(measured(members[part], None, "en") for part in ("latitude", "longitude") if part in members)
        return ", ".join(part for part in (*parts, place) if part)
    who = f"{members.get('name', '')} ({members['relationship']})" if "relationship" in members else members.get("name")
    address = value_of("address", members["address"], language) if "address" in members else None
    return ", ".join(part for part in (who, *members.get("phones", []), address) if part)


def _label(name: str, language: Language, within: str = "") -> str:
    words = word(name, language, within)
    return words[0].upper() + words[1:]


def measured(value: Decimal | int, unit: str | None, language: Language) -> str:
    digits = format(value, "f") if isinstance(value, Decimal) else str(value)
    if language == "it":
        digits = digits.replace(".", ",")
    if unit is None or (unit.startswith("{") and unit not in _SPELLED):
        return digits
    return f"{digits} {unit_of(unit, language, is_one=value == 1)}"


def dose(value: Decimal | int, unit: str, language: Language) -> str:
    """A dose has no zeros after its last digit: 5.0 is read as 50."""
    exact = format(value, "f")
    return measured(Decimal(exact.rstrip("0").rstrip(".") if "." in exact else exact), unit, language)


def unit_of(unit: str, language: Language, *, is_one: bool = False) -> str:
    """A UCUM unit as people write it."""
    parts = [
        word(part, language, "unit_one" if is_one else "unit") if part in _SPELLED else _UNITS.get(part, part)
        for part in unit.split("/")
    ]
    return "/".join(parts)


def _concept(concept: Mapping[str, Any], language: Language, day: date | None) -> str:
    """The words of a code and, but on a page, the code."""
    words = words_of(concept, language)
    if words is None:
        return unknown(concept, language)
    return words if day else f"{words} ({concept['code']})"


def _is_concept(value: Any) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping) and value.get("system") is not None and value.get("code") is not None


def _is_worded(value: Any) -> TypeGuard[Mapping[str, Any]]:
    """Whether it is a concept of which only the crew's words are known."""
    return (
        isinstance(value, Mapping)
        and value.get("display") is not None
        and value.get("code") is None
        and value.keys() <= {"system", "code", "display"}
    )


def _is_empty(value: Any) -> bool:
    return value is None or value == [] or value == {}


def _escaped(words: str) -> str:
    return escape(in_xml(words))
