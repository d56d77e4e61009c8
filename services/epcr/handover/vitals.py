"""The vital signs on the page: a chart of the crew's sets, and a table of the extremes that devices measured."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Any, NamedTuple

from services.epcr.encounters.facts import KIND_OF_METRIC
from services.epcr.fhir import narrative
from services.epcr.fhir.narrative import Row
from services.epcr.fhir.nomenclature import in_expected_unit
from services.epcr.fhir.words import Language
from services.epcr.handover.section import MOST_ROWS, Section, left_out
from services.epcr.handover.words import heading, say
from services.epcr.records.models import LinkedObservation

# Sets on the first page; those between are in a chart of all.
MOST_FIRST = 7
ADULT = 16


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


# A value at or below the first number, or at or above the second, is urgent in an adult: two points or more of the National Early Warning
# Score 2 (Royal College of Physicians, 2017); for glucose hypoglycaemia, and each coma score below the full one.
URGENT: dict[tuple[str, str], tuple[Decimal | None, Decimal | None]] = {
    ("heart_rate", "/min"): (Decimal(40), Decimal(111)),
    ("respiratory_rate", "/min"): (Decimal(8), Decimal(21)),
    ("systolic", "mm[Hg]"): (Decimal(100), Decimal(220)),
    ("spo2", "%"): (Decimal(93), None),
    ("temperature", "Cel"): (Decimal(35), Decimal("39.1")),
    ("temperature", "[degF]"): (Decimal(95), Decimal("102.3")),
    ("glucose", "mmol/L"): (Decimal("3.9"), None),
    ("glucose", "mg/dL"): (Decimal(70), None),
    ("gcs", ""): (Decimal(14), None),
}
_UNITS = {"heart_rate": "/min", "respiratory_rate": "/min", "systolic": "mm[Hg]", "spo2": "%"}


def charts(
    view: Mapping[str, Any], readings: Sequence[LinkedObservation], language: Language, day: date, years: int | None
) -> Iterator[Section]:
    """All sets, or the first, the worst and the latest. `years` is the age, where it is known."""
    sets = [one for one in view.get("vital_signs", []) if not one.get("entered_in_error")]
    if not sets:
        return
    sets.sort(key=lambda one: one["taken_at"].timestamp())
    is_adult = years is None or years >= ADULT
    shown = sets if len(sets) <= MOST_FIRST else _telling(sets)
    first = _chart(shown, sets, language, day, is_adult=is_adult, readings=readings)
    if shown is not sets:
        first.title = f"{first.title}: {say('first_worst_latest', language)}"
    yield first


def all_sets(view: Mapping[str, Any], language: Language, day: date, years: int | None) -> Iterator[Section]:
    """A chart of all sets, where the first page has not all of them. The first set is how the patient was found."""
    sets = [one for one in view.get("vital_signs", []) if not one.get("entered_in_error")]
    if len(sets) <= MOST_FIRST:
        return
    sets.sort(key=lambda one: one["taken_at"].timestamp())
    shown = sets if len(sets) <= MOST_ROWS else [sets[0], *sets[1 - MOST_ROWS :]]
    made = _chart(shown, [], language, day, is_adult=years is None or years >= ADULT)
    made.title = f"{made.title}: {say('all', language)}"
    made.more = left_out("between", MOST_ROWS - 1, len(sets) - 1, language) or made.more
    yield made


def _telling(sets: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The first set, those with the lowest pressure, saturation and coma score, and the latest."""
    kept = {0, *range(len(sets) - 3, len(sets))}
    for name in ("systolic", "spo2", "gcs"):
        known = [(value, at) for at, one in enumerate(sets) if (value := _number(one, name)) is not None]
        kept |= {min(known)[1]} if known else set()
    return [sets[at] for at in sorted(kept)]


def _chart(
    shown: Sequence[Mapping[str, Any]],
    measured: Sequence[Mapping[str, Any]],
    language: Language,
    day: date,
    *,
    is_adult: bool,
    readings: Sequence[LinkedObservation] = (),
) -> Section:
    """One line for each set, with a column for each kind that was measured; other values are in the last one.

    The last line has the lowest and highest value of all sets `measured` and of the devices, and how the last set differs from the first.
    """
    columns = [column for column in VITALS if any(name in one for one in shown for name in column.fields)]
    columns = [column._replace(unit=column.unit or _common_unit(shown, column, language)) for column in columns]
    cells = [
        [
            narrative.value_of("taken_at", one["taken_at"], language, day),
            *(_cell(one, column, language) + (_mark(one, column) if is_adult else "") for column in columns),
        ]
        for one in shown
    ]
    known = {"id", "taken_at", "entered_in_error", *(name for column in VITALS for name in column.fields)}
    rests = [{name: value for name, value in one.items() if name not in known} for one in shown]
    headings = [heading("time", language)]
    headings += [f"{heading(f'short.{column.heading}', language)} {column.unit}".strip() for column in columns]
    has_summary = len(measured) + len(readings) > 2 and bool(measured)
    if has_summary:
        ranges = (_range(measured, readings, column, language) for column in columns)
        cells.append([say("lowest_highest", language), *ranges])
    if any(rests):
        headings.append(heading("other", language))
        for line, rest in zip(cells, rests, strict=False):
            others = narrative.rows("vital_signs", {"vital_signs": [rest]}, language, day) if rest else []
            line.append("; ".join(row.value or row.label for row in others))
        cells = [line + [""] * (len(headings) - len(line)) for line in cells]
    is_marked = any(cell.endswith(("\u2193", "\u2191")) for line in cells[: len(shown)] for cell in line)
    return Section(
        title=heading("vital_signs", language),
        columns=headings,
        cells=cells,
        has_summary=has_summary,
        more=say("urgent", language) if is_marked else "",
    )


def _number(signs: Mapping[str, Any], name: str) -> Decimal | None:
    if name == "gcs":
        parts = [signs.get(part) for part in ("gcs_eye", "gcs_verbal", "gcs_motor")]
        total = signs.get("gcs", None if None in parts else sum(part or 0 for part in parts))
        return None if total is None else Decimal(total)
    value = signs.get(name)
    value = value["value"] if isinstance(value, Mapping) else value
    return None if value is None or isinstance(value, str) else Decimal(value)


def _unit(signs: Mapping[str, Any], name: str) -> str:
    """UCUM; empty for a score."""
    value = signs.get(name)
    return value["unit"] if isinstance(value, Mapping) else _UNITS.get(name, "")


def _mark(signs: Mapping[str, Any], column: Column) -> str:
    """An arrow after an urgent value."""
    name = "gcs" if column.heading == "gcs" else column.fields[0]
    value = _number(signs, name)
    low, high = URGENT.get((name, _unit(signs, name)), (None, None))
    if value is None:
        return ""
    if low is not None and value <= low:
        return " \u2193"
    return " \u2191" if high is not None and value >= high else ""


def _range(
    sets: Sequence[Mapping[str, Any]], readings: Sequence[LinkedObservation], column: Column, language: Language
) -> str:
    """Lowest and highest of a column of numbers in one unit, and an arrow from the first to the last set."""
    name = "gcs" if column.heading == "gcs" else column.fields[0]
    values = [value for one in sets if (value := _number(one, name)) is not None]
    if len(values) < 2 or (not column.unit and column.heading != "gcs"):
        return ""
    of_sets = {_unit(one, name) for one in sets if name in one}
    of_devices = [
        in_expected_unit(one.value, one.unit_code or "")
        for one in readings
        if one.value is not None and KIND_OF_METRIC.get(one.mdc_code) == name
    ]
    every = values + [value for value, unit in of_devices if unit in of_sets]
    low, high = (narrative.measured(value, None, language) for value in (min(every), max(every)))
    arrow = "\u2192" if values[-1] == values[0] else "\u2197" if values[-1] > values[0] else "\u2198"
    return f"{low} {arrow}" if low == high else f"{low}–{high} {arrow}"


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


def table_of_readings(
    readings: Sequence[LinkedObservation], language: Language, zone: tzinfo, day: date
) -> Iterator[Section]:
    """The first, lowest, highest and last reading of each kind."""
    by_kind: dict[str, list[tuple[Decimal, str, datetime]]] = {}
    for one in sorted(readings, key=lambda one: (one.observed_at, one.id)):
        if one.value is not None and (kind := KIND_OF_METRIC.get(one.mdc_code)):
            value, unit = in_expected_unit(one.value, one.unit_code or "")
            minute = one.observed_at.astimezone(zone).replace(second=0, microsecond=0)
            by_kind.setdefault(kind, []).append((value, unit, minute))

    cells: list[list[str]] = []
    for kind, values in by_kind.items():
        kinds_of_unit = {unit for _, unit, _ in values}
        # Of values in several units none is the lowest, and each has its own.
        unit = kinds_of_unit.pop() if len(kinds_of_unit) == 1 else None
        first, last = values[0], values[-1]
        line = [_reading(first, unit, language, day), "", "", ""]
        if len(values) > 1:
            line[3] = _reading(last, unit, language, day)
        if len(values) > 1 and unit is not None:
            for place, one in ((1, min(values, key=lambda one: one[0])), (2, max(values, key=lambda one: one[0]))):
                # With its time, unless it is the first or the last value.
                is_same = one[0] in (first[0], last[0])
                digits = narrative.measured(one[0], None, language)
                line[place] = digits if is_same else _reading(one, unit, language, day)
        named = heading(kind, language)
        cells.append([f"{named} {narrative.unit_of(unit, language)}".strip() if unit else named, *line])
    if cells:
        columns = ["", *(heading(name, language) for name in ("first", "lowest", "highest", "last"))]
        yield Section(title=heading("readings_of_devices", language), columns=columns, cells=cells)


def _reading(one: tuple[Decimal, str, datetime], unit: str | None, language: Language, day: date) -> str:
    """A value and its time, with its unit where the line has none for all."""
    value, own, at = one
    digits = narrative.measured(value, None if unit is not None else own or None, language)
    return f"{digits} ({narrative.value_of('observed_at', at, language, day)})"
