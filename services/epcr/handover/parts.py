"""The sections of the page, in the order in which a resuscitation room takes over a patient.

That is the order of ATMIST and IMIST-AMBO (who, why, injuries, signs, treatment, background), after the three that nobody may overlook:
allergies, anticoagulants and directives.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from services.epcr.fhir import narrative
from services.epcr.fhir.narrative import Row
from services.epcr.fhir.words import Language
from services.epcr.handover import ending, totals, vitals
from services.epcr.handover.anticoagulants import is_anticoagulant
from services.epcr.handover.models import Sender
from services.epcr.handover.section import MOST_ROWS, Section, left_out
from services.epcr.handover.words import heading, say
from services.epcr.records.models import LinkedObservation

MOST_TEXT, MOST_LINES = 8_000, 150
# Drugs or procedures on the first page one by one; of more the totals, and the entries on a later page.
MOST_FIRST = 12
# Sections whose entries are in the order of time: of a long one the latest are shown.
TIMED = ("examinations", "medications", "procedures")
# Sections whose labels are concepts of the patient.
NAMES = ("allergies", "current_medicines", "past_conditions")
PAIRS = ("injury", "pregnancy", "triage")
HALVES = ("medications", "procedures", "current_medicines", "past_conditions")
_GRAMS = ("g", "mg", "ug", "mL", "[iU]", "mmol")
_KILOGRAMS = {"kg": Decimal(1), "g": Decimal("0.001")}


class Page(NamedTuple):
    """The content of the sections; times are in the service's zone. `years` is the age, where it is known."""

    view: Mapping[str, Any]
    readings: Sequence[LinkedObservation]
    sender: Sender
    language: Language
    day: date
    years: int | None

    def rows(self, name: str, **changes: Any) -> list[Row]:
        """Those of a section, of the record with these parts in place of its own."""
        # The clock of the mission is above.
        return narrative.rows(name, {**self.view, "times": None, **changes}, self.language, self.day)

    def silence(self, name: str) -> str:
        """The recorded reason why a list of the history is empty, else nothing."""
        answer = self.view.get("inquiries", {}).get(name)
        return narrative.value_of("inquiries", answer, self.language) if answer else ""

    def entries(self, name: str) -> list[Mapping[str, Any]]:
        return [one for one in self.view.get(name, []) if not one.get("entered_in_error")]


def sections(page: Page) -> list[Section]:
    return [section for make in ORDER for section in make(page)]


def _allergies(page: Page) -> Iterator[Section]:
    """Refuted allergies come last, those of a high criticality and with severe reactions first."""
    found = sorted(
        page.entries("allergies"),
        key=lambda one: (_is_refuted(one), one.get("criticality") != "high", one.get("severity") != "severe"),
    )
    title, language = heading("allergies", page.language), page.language
    if not found:
        yield Section(title=title, form="box", more=page.silence("allergies") or say("nothing_recorded", language))
        return
    rows = page.rows("allergies", allergies=found)
    yield Section(
        title=title,
        form="box",
        has_names=True,
        alerts=min(sum(not _is_refuted(one) for one in found), MOST_ROWS),
        rows=rows[:MOST_ROWS],
        more=left_out("less_serious", MOST_ROWS, len(rows), language),
    )


def _is_refuted(allergy: Mapping[str, Any]) -> bool:
    return allergy.get("certainty") == "refuted"


def _anticoagulants(page: Page) -> Iterator[Section]:
    found = [one for one in page.entries("current_medicines") if is_anticoagulant(one)]
    rows = page.rows("current_medicines", current_medicines=found) if found else []
    title = heading("anticoagulants", page.language)
    if not found and "anticoagulants" in page.view.get("injury", {}).get("criteria", []):
        rows = [Row(title, say("of_field_triage", page.language))]
    if rows:
        yield Section(title=title, form="box", has_names=True, alerts=len(rows), rows=rows[:MOST_ROWS])


def _directives(page: Page) -> Iterator[Section]:
    """In one row, with the directives themselves first, and the order that the crew knew of."""
    seen: Mapping[str, Any] = page.view.get("directives", {})
    title, language = heading("directives", page.language), page.language
    order = [Row(heading("dnar", language), "")] if page.view.get("arrest", {}).get("dnar") else []
    if not seen:
        if order:
            yield Section(title=title, form="box", alerts=1, rows=order)
        return
    rest = [
        narrative.value_of(name, value, language)
        if name in ("status", "comment")
        else narrative.phrase("directives", name, value, language, page.day)
        for name, value in seen.items()
        if name != "kinds" and (name, "kinds" in seen) != ("status", True)
    ]
    kinds = narrative.value_of("kinds", seen["kinds"], language) if "kinds" in seen else ""
    is_one = seen.get("status", "present") == "present"
    row = Row(kinds[:1].upper() + kinds[1:] or title, "; ".join(rest))
    yield Section(title=title, form="box", alerts=len(order) + int(is_one), rows=[*order, row])


def _problem(page: Page) -> Iterator[Section]:
    """The complaint with the words that were used, its begin, and the impressions."""
    complaint: Mapping[str, Any] = page.view.get("complaint", {})
    language = page.language
    said = [narrative.value_of("concept", complaint["concept"], language, page.day)] if "concept" in complaint else []
    said += [f"“{complaint['text']}”"] if "text" in complaint else []
    if "informant" in complaint:
        said.append(f"{say('informant', language)} {narrative.value_of('informant', complaint['informant'], language)}")
    rows = [Row(heading("complaint", language), "; ".join(said))] if said else []
    if "began_at" in complaint:
        rows.append(
            Row(heading("onset", language), narrative.value_of("began_at", complaint["began_at"], language, page.day))
        )
    # Others in one row.
    impressions = page.rows("problems")
    main = [row for row in impressions if row.label == heading("primary_impression", language)]
    others = [row.value for row in impressions if row not in main]
    rows += main
    rows += [Row(heading("secondary_impressions", language), "; ".join(others))] if others else []
    if rows:
        yield Section(title=heading("problem", language), rows=rows[:MOST_ROWS])


def _arrest(page: Page) -> Iterator[Section]:
    """An order not to resuscitate is above, among the directives."""
    known = {name: value for name, value in page.view.get("arrest", {}).items() if (name, value) != ("dnar", True)}
    rows = page.rows("arrest", arrest=known)
    if rows:
        yield Section(title=heading("arrest", page.language), form="pairs", rows=rows)


def _assessments(page: Page) -> Iterator[Section]:
    """Strokes and Apgar scores; of ECGs the findings of a STEMI first."""
    ecgs = sorted(page.entries("procedures"), key=lambda one: one.get("finding") != "stemi")
    # The line of the pre-alert is above.
    signs = {name: value for name, value in page.view.get("stroke", {}).items() if (name, value) != ("prealert", True)}
    stroke = page.rows("assessments", procedures=[], apgar=[], stroke=signs)
    if stroke:
        yield Section(title=heading("stroke", page.language), form="pairs", rows=stroke)
    rows = page.rows("assessments", procedures=ecgs, stroke=None)
    if rows:
        yield Section(
            title=heading("assessments", page.language),
            rows=rows[:MOST_ROWS],
            more=left_out("others", MOST_ROWS, len(rows), page.language),
        )


def _acts(name: str) -> Callable[[Page], Iterator[Section]]:
    def make(page: Page) -> Iterator[Section]:
        """The entries; of a long list the totals."""
        entries, language = _entries_of(page, name), page.language
        rows = page.rows(name, **entries)
        title = heading(name, language)
        if not rows:
            return
        if len(rows) <= MOST_FIRST:
            yield Section(title=title, form="half", rows=rows)
            return
        kinds = totals.totals(name, {**page.view, **entries}, language, page.day)
        yield Section(
            title=f"{title}: {say('totals', language)}",
            form="half",
            has_names=True,
            rows=kinds[: totals.MOST_KINDS],
            more=left_out("kinds", totals.MOST_KINDS, len(kinds), language),
        )

    return make


def _all_acts(name: str) -> Callable[[Page], Iterator[Section]]:
    def make(page: Page) -> Iterator[Section]:
        """The entries of a list of which the first page has the totals."""
        rows = page.rows(name, **_entries_of(page, name))
        if len(rows) > MOST_FIRST:
            which = say("latest" if len(rows) > MOST_ROWS else "all", page.language)
            yield Section(
                title=f"{heading(name, page.language)}: {which}",
                rows=rows[-MOST_ROWS:],
                more=left_out("earlier", MOST_ROWS, len(rows), page.language),
            )

    return make


def _entries_of(page: Page, name: str) -> dict[str, list[Any]]:
    """The drugs, with the dose by weight for a child; the procedures but those with a finding, which are assessments."""
    if name == "procedures":
        return {name: [one for one in page.entries(name) if "finding" not in one]}
    mass: Mapping[str, Any] = page.view.get("weight", {}).get("value", {})
    kilograms = mass["value"] * _KILOGRAMS[mass["unit"]] if mass.get("unit") in _KILOGRAMS else None
    is_child = page.years is not None and page.years < vitals.ADULT
    if not kilograms or not is_child:
        return {name: page.entries(name)}

    def by_weight(one: Mapping[str, Any]) -> Mapping[str, Any]:
        dose: Mapping[str, Any] = one.get("dose", {})
        if dose.get("unit") not in _GRAMS:
            return one
        value = Decimal(f"{dose['value'] / kilograms:.2g}")
        return {**one, "by_weight": {"value": Decimal(format(value, "f")), "unit": f"{dose['unit']}/kg"}}

    return {name: [by_weight(one) for one in page.entries(name)]}


def _medicines(page: Page) -> Iterator[Section]:
    """Those that are above are not here again. A doctor must see that nothing is known of them."""
    taken = page.entries("current_medicines")
    found = [one for one in taken if not is_anticoagulant(one)]
    if taken and not found:
        return
    found.sort(key=lambda one: one.get("taken") in ("not_taking", "stopped"))
    rows = page.rows("current_medicines", current_medicines=found) if found else []
    yield Section(
        title=heading("current_medicines", page.language),
        form="half",
        has_names=bool(found),
        rows=rows[:MOST_ROWS],
        more=left_out("others", MOST_ROWS, len(rows), page.language)
        if rows
        else page.silence("current_medicines") or say("nothing_recorded", page.language),
    )


def _history(page: Page) -> Iterator[Section]:
    found = sorted(page.entries("past_conditions"), key=lambda one: one.get("state") == "resolved")
    rows = page.rows("past_conditions", past_conditions=found) if found else []
    silence = page.silence("past_conditions") if not found else ""
    if rows or silence:
        yield Section(
            title=heading("past_conditions", page.language),
            form="half",
            has_names=bool(found),
            rows=rows[:MOST_ROWS],
            more=silence or left_out("others", MOST_ROWS, len(rows), page.language),
        )


def _plain(name: str) -> Callable[[Page], Iterator[Section]]:
    def make(page: Page) -> Iterator[Section]:
        rows = page.rows(name)
        if rows:
            yield Section(
                title=heading(name, page.language),
                form="pairs" if name in PAIRS else "list",
                rows=rows[-MOST_ROWS:] if name in TIMED else rows[:MOST_ROWS],
                more=left_out("earlier" if name in TIMED else "others", MOST_ROWS, len(rows), page.language),
            )

    return make


def _vital_signs(page: Page) -> Iterator[Section]:
    yield from vitals.charts(page.view, page.readings, page.language, page.day, page.years)
    if not page.entries("vital_signs"):
        yield from _table_of_readings(page)


def _readings(page: Page) -> Iterator[Section]:
    """After the treatment, where there are vital signs that the crew wrote."""
    if page.entries("vital_signs"):
        yield from _table_of_readings(page)


def _table_of_readings(page: Page) -> Iterator[Section]:
    yield from vitals.table_of_readings(page.readings, page.language, page.sender.zone, page.day)


def _all_vital_signs(page: Page) -> Iterator[Section]:
    yield from vitals.all_sets(page.view, page.language, page.day, page.years)


def _narrative(page: Page) -> Iterator[Section]:
    text: str = page.view.get("narrative", "")
    lines = [one for one in text[:MOST_TEXT].splitlines() if one.strip()]
    is_cut = len(text) > MOST_TEXT or len(lines) > MOST_LINES
    more = say("text_is_longer", page.language) if is_cut else ""
    if text:
        yield Section(title=heading("narrative", page.language), texts=lines[:MOST_LINES], more=more)


def _disposition(page: Page) -> Iterator[Section]:
    """The fields of the disposition that neither the banner nor the pre-alert shows."""
    rows = page.rows("disposition", disposition=ending.remainder(page.view))
    if rows:
        yield Section(title=heading("disposition", page.language), form="pairs", rows=rows)


def _contacts(page: Page) -> Iterator[Section]:
    patient: Mapping[str, Any] = page.view.get("patient", {})
    shown = {name: value for name, value in patient.items() if name in ("address", "phones", "email", "next_of_kin")}
    rows = page.rows("demographics", patient=shown)
    if rows:
        yield Section(title=heading("contacts", page.language), rows=rows)


ORDER: tuple[Callable[[Page], Iterator[Section]], ...] = (
    _allergies,
    _anticoagulants,
    _directives,
    _problem,
    _plain("pregnancy"),
    _plain("injury"),
    _arrest,
    _assessments,
    _plain("examinations"),
    _vital_signs,
    _acts("medications"),
    _acts("procedures"),
    _medicines,
    _history,
    _readings,
    _plain("triage"),
    _all_vital_signs,
    _all_acts("medications"),
    _all_acts("procedures"),
    _narrative,
    _disposition,
    _contacts,
)
