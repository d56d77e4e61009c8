"""A doctor reads on the page and in the narrative: acts that were not done, the name of an entry, the age of an infant, the hour."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.epcr.fhir import narrative
from services.epcr.fhir.words import Language
from services.epcr.handover import pdf
from services.epcr.handover.sheet import Sheet, plain_view, sheet_of
from services.epcr.records import amend
from services.epcr.records.models import Encounter, RecordPatch
from shared.web import http
from tests.epcr import golden, handovers
from tests.epcr.conftest import Inside, Organisation
from tests.epcr.hospitals import Region
from tests.epcr.samples import (
    ARREST,
    ATC,
    MINIMAL,
    PATIENT,
    RXNORM,
    STROKE,
    TRAUMA,
    TYPICAL,
    UNKNOWN_PATIENT,
    at,
    snomed,
)
from tests.support.pdf_text import runs_of_pages

NITRATE = {"given_at": at("10:21:00"), "medication": {"system": ATC, "code": "C01DA02", "display": "Nitrate"}}


def sheet(body: dict[str, Any], language: Language = "en") -> Sheet:
    return sheet_of_encounter(golden.encounter(body, "handed_over"), language)


def sheet_of_encounter(encounter: Encounter, language: Language = "en") -> Sheet:
    told = handovers.source(encounter, language)
    view = plain_view(told.encounter, told.projection.view)
    return sheet_of(told.encounter, view, [], told.sender, told.destination, language)


def section(body: dict[str, Any], title: str, language: Language = "en") -> list[tuple[str, str]]:
    """The rows of the page's section."""
    [found] = [one for one in sheet(body, language).sections if one.title == title]
    return [(row.label, row.value) for row in found.rows]


def told(body: dict[str, Any], name: str, language: Language = "en") -> str:
    """The narrative of the section."""
    encounter = golden.encounter(body)
    return narrative.div(name, plain_view(encounter, {}), language)


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "NOT GIVEN (contraindicated): Nitrate"), ("it", "NON SOMMINISTRATO (controindicato): Nitrate")],
)
def test_a_drug_that_was_not_given_says_so_first(language: Language, words: str) -> None:
    """It is in the section of the drugs that were given."""
    body = TYPICAL | {"medications": [NITRATE | {"not_done": "contraindicated"}]}
    title = {"en": "Medications given", "it": "Farmaci somministrati"}[language]
    assert section(body, title, language) == [("11:21", words)]
    assert f"<td>{words.replace('Nitrate', 'Nitrate (C01DA02)')}</td>" in told(body, "medications", language)


def test_a_procedure_that_was_not_done_says_so_first() -> None:
    refused = {"performed_at": at("10:14:00"), "procedure": snomed("268400002"), "not_done": "refused"}
    assert section(TYPICAL | {"procedures": [refused]}, "Procedures") == [
        ("11:14", "NOT DONE (refused): 12 lead electrocardiogram")
    ]


def test_an_attempt_at_an_airway_has_its_name() -> None:
    [(_, words)] = section(TRAUMA, "Procedures")
    assert words.startswith("attempt at an advanced airway; ended at 16:21; endotracheal tube; video laryngoscopy")
    assert "tentativo di gestione avanzata delle vie aeree; " in told(TRAUMA, "procedures", "it")


def test_a_suspected_stroke_is_named() -> None:
    assert ("Stroke suspected", "yes") in section(STROKE, "Stroke")
    assert "<th>Ictus sospetto</th>" in told(STROKE, "assessments", "it")


def test_entries_are_in_the_order_of_their_times() -> None:
    """A crew writes early acts late, and procedures and attempts at an airway are two lists."""
    attempt = {"attempted_at": at("10:20:00"), "device": "supraglottic_airway", "successful": False}
    done = [{"performed_at": at(f"10:{minute}:00"), "procedure": snomed("268400002")} for minute in (30, 10)]
    body = MINIMAL | {"procedures": done, "airway_attempts": [attempt]}
    assert [label for label, _ in section(body, "Procedures")] == ["11:10", "11:20", "11:30"]
    given = [NITRATE | {"given_at": at(f"10:{minute}:00")} for minute in (40, 20)]
    words = told(MINIMAL | {"medications": given}, "medications")
    assert words.index("10:20 UTC") < words.index("10:40 UTC")


@pytest.mark.parametrize(
    ("patient", "language", "line"),
    [
        ({"birth_date": "2026-03-22", "sex": "female"}, "en", "female · 2026-03-22 · 1 day"),
        ({"birth_date": "2026-03-24"}, "en", "2026-03-24 · 0 days"),
        ({"birth_date": "2026-02-20"}, "it", "20/02/2026 · 31 giorni"),
        ({"birth_date": "2025-12-24"}, "en", "2025-12-24 · 2 months"),
        ({"birth_date": "2024-03-24"}, "it", "24/03/2024 · 23 mesi"),
        ({"birth_date": "2024-03-23"}, "en", "2024-03-23 · 2 years"),
        ({"age_years": 0}, "en", "< 1 year"),
        ({"age_years": 1}, "it", "1 anno"),
        ({"sex": "unknown"}, "en", "sex unknown"),
        ({"sex": "unknown"}, "it", "sesso sconosciuto"),
        ({}, "en", ""),
    ],
)
def test_a_page_gives_the_age_of_an_infant_in_months_and_days(
    patient: dict[str, Any], language: Language, line: str
) -> None:
    assert sheet(TYPICAL | {"patient": patient}, language).patient.line == line


def test_the_age_is_that_of_the_day_where_the_service_is() -> None:
    """The mission began at 23:30 UTC, after midnight in Rome, on the patient's birthday."""
    times = {"call": at("23:30:00")}
    assert sheet(MINIMAL | {"times": times, "patient": {"birth_date": "2020-03-24"}}).patient.line.endswith("6 years")


def test_a_page_without_times_of_the_mission_has_its_day() -> None:
    """Times of that day are without it everywhere else on the page."""
    titles: dict[Language, tuple[str, str]] = {"en": ("Date", "2026-03-23"), "it": ("Data", "23/03/2026")}
    for language, (label, day) in titles.items():
        page = sheet(MINIMAL | {"medications": [NITRATE]}, language)
        assert (label, f"{day} (Europe/Rome)") in [tuple(row) for row in page.mission]
        assert label not in [row.label for row in sheet(TYPICAL, language).mission]
    times = {"mobile": at("22:50:00"), "on_scene": at("23:10:00")}
    mission = [tuple(row) for row in sheet(MINIMAL | {"times": times}).mission]
    assert mission[-2:] == [("Mobile", "2026-03-23 23:50 (Europe/Rome)"), ("On scene", "2026-03-24 00:10")]
    assert "Mobile" not in [row.label for row in sheet(TYPICAL).mission]


def test_the_age_follows_a_corrected_day_of_the_call() -> None:
    """The age of a child decides doses. The moment from which moved times are counted stays."""
    born = {"birth_date": "2024-09-12"}
    typed = golden.encounter(MINIMAL | {"times": {"call": "2025-03-23T10:00:00Z"}, "patient": born}, "handed_over")
    times = {"call": at("10:00:00")}
    patch = http.convert({"times": times}, RecordPatch)
    typed.record = amend.merge(typed.record, patch, {"times": times}, golden.counted(100))
    assert sheet_of_encounter(typed).patient.line == "2024-09-12 · 18 months"
    assert typed.record.anchor.year == 2025


def test_an_hour_that_comes_twice_has_its_zone() -> None:
    """At 03:00 of summer time on 25 October 2026 Rome's clocks go back to 02:00."""
    set_of = [{"taken_at": f"2026-10-25T{clock}:00Z", "spo2": 95} for clock in ("00:50", "01:10", "02:10")]
    body = MINIMAL | {
        "times": {"call": "2026-10-25T00:40:00Z", "on_scene": "2026-10-25T01:05:00Z"},
        "vital_signs": set_of,
    }
    page = sheet(body)
    [vital_signs] = [one for one in page.sections if one.title == "Vital signs"]
    assert [line[0] for line in vital_signs.cells] == ["02:50 CEST", "02:10 CET", "03:10", "Range"]
    assert ("On scene", "02:05 CET") in [tuple(row) for row in page.mission]


def test_a_medicine_that_the_patient_takes_is_no_faint_label() -> None:
    medicines = [{"medicine": {"system": RXNORM, "code": code}, "taken": "taking"} for code in ("11289", "17767")]
    page = sheet(TYPICAL | {"current_medicines": medicines})
    assert [one.title for one in page.sections if one.has_names] == ["Anticoagulants", "Current medicines"]
    assert pdf.render(page).startswith(b"%PDF-")


# Allergies before a short section: it begins on the first page after the fewest, and on the second after the most.
FEWEST, MOST = 32, 60
FIVE = [f"10:4{number}:00" for number in range(5)]


def pages_of(body: dict[str, Any], shown: list[str]) -> list[int]:
    """The pages of these texts, each of which the handover of that record has once."""
    pages = runs_of_pages(pdf.render(sheet(body)))
    return [number for text in shown for number, page in enumerate(pages) for run in page if run == text]


@pytest.mark.parametrize(
    ("title", "section"),
    [
        ("Medications given", {"medications": [NITRATE | {"given_at": at(clock)} for clock in FIVE]}),
        ("Vital signs", {"vital_signs": [{"taken_at": at(clock), "heart_rate": 80} for clock in FIVE]}),
    ],
    ids=["rows", "a table"],
)
def test_a_short_section_and_its_heading_are_on_one_page(title: str, section: dict[str, Any]) -> None:
    """Wherever the page ends: a heading or a last line alone on a page is easily missed."""
    shown = [title, *(f"11:4{number}" for number in range(5))]
    one = {"substance": {"system": RXNORM, "code": "7980"}}
    places = [pages_of(MINIMAL | {"allergies": [one] * number} | section, shown) for number in range(FEWEST, MOST)]
    assert [(len(place), len(set(place))) for place in places] == [(len(shown), 1)] * len(places)
    assert (places[0][0], places[-1][0]) == (0, 1)


@pytest.mark.parametrize(
    ("value", "unit", "english", "italian"),
    [
        ("250", "ug", "250 micrograms", "250 microgrammi"),
        ("1", "ug", "1 microgram", "1 microgrammo"),
        ("0.10", "ug/kg/min", "0.1 micrograms/kg/min", "0,1 microgrammi/kg/min"),
        ("5000", "[iU]", "5000 units", "5000 unità"),
        ("4", "[iU]/h", "4 units/h", "4 unità/h"),
        ("1", "m[iU]/min", "1 milliunit/min", "1 milliunità/min"),
        ("0.70", "ug/kg/h", "0.7 micrograms/kg/h", "0,7 microgrammi/kg/h"),
        ("20", "mL/kg", "20 mL/kg", "20 mL/kg"),
        ("5.0", "mg", "5 mg", "5 mg"),
        ("0.50", "mg", "0.5 mg", "0,5 mg"),
        ("2", "{puff}", "2 puffs", "2 erogazioni"),
        ("1", "{tablet}", "1 tablet", "1 compressa"),
        ("10", "meq", "10 mEq", "10 mEq"),
    ],
)
def test_a_dose_has_a_unit_that_is_not_read_as_another_and_no_zero_too_many(
    value: str, unit: str, english: str, italian: str
) -> None:
    given = NITRATE | {"dose": {"value": 987654, "unit": unit}}
    text = json.dumps(MINIMAL | {"medications": [given]}).replace("987654", value)
    encounter = golden.encounter_of(text.encode(), "handed_over")
    texts: dict[Language, str] = {"en": english, "it": italian}
    for language, words in texts.items():
        [row] = narrative.rows("medications", plain_view(encounter, {}), language)
        assert row.value == f"Nitrate (C01DA02) {words}"


def times_of(count: int, first: str = "2026-03-23T10:00:00Z") -> list[str]:
    """One in each minute."""
    began = datetime.fromisoformat(first)
    return [(began + timedelta(minutes=number)).isoformat() for number in range(count)]


def part(page: Sheet, title: str) -> tuple[list[tuple[str, str]], str]:
    """The rows of a section and the sentence below them."""
    [found] = [one for one in page.sections if one.title == title]
    return [(row.label, row.value) for row in found.rows], found.more


MORPHINE = {"system": RXNORM, "code": "7052"}


def test_no_drug_of_a_long_list_is_missing_on_the_page() -> None:
    """The first drug was given before sixty others: its row is not among the latest, its total is there."""
    first, *others = times_of(70)
    morphine = {"given_at": first, "medication": MORPHINE, "dose": {"value": 2.50, "unit": "mg"}}
    others_given = [NITRATE | {"given_at": one, "dose": {"value": 0.4, "unit": "mg"}} for one in others[:67]]
    given = [*others_given, morphine, NITRATE | {"given_at": others[67]}]
    refused = {"given_at": others[68], "medication": MORPHINE, "not_done": "refused"}
    page = sheet(MINIMAL | {"medications": [*given, refused]})
    rows, more = part(page, "Medications given: totals")
    assert rows == [
        ("morphine", "NOT GIVEN (refused): 1 × (12:09)"),
        ("Nitrate", "68 × (11:01 – 12:08); total: 26.8 mg; without a dose: 1"),
        ("morphine", "1 × (11:00); total: 2.5 mg"),
    ]
    assert more == ""
    rows, more = part(page, "Medications given: the latest")
    assert len(rows) == 60
    assert (rows[0][0], rows[-1]) == ("11:10", ("12:09", "NOT GIVEN (refused): morphine"))
    assert more == "The latest 60 entries are shown; 10 earlier ones are in the record."
    italian = sheet(MINIMAL | {"medications": [*given, refused]}, "it")
    rows, _ = part(italian, "Farmaci somministrati: totali")
    assert rows[1] == ("Nitrate", "68 × (11:01 – 12:08); totale: 26,8 mg; senza dose: 1")
    _, more = part(italian, "Farmaci somministrati: più recenti")
    assert more == "Sono mostrate le ultime 60 voci; altre 10, precedenti, sono nella scheda."


def test_totals_add_no_rates_and_keep_units_and_routes_apart() -> None:
    route = snomed("47625008")
    doses = [(1, "mg"), (500, "ug"), (2, "mg"), (5, "mL/h"), (8, "mL/h")] * 13
    given = [
        {"given_at": at, "medication": MORPHINE, "dose": {"value": value, "unit": unit}, "route": route}
        for at, (value, unit) in zip(times_of(65), doses, strict=True)
    ]
    by_mouth = {"given_at": at("13:00:00"), "medication": MORPHINE, "dose": {"value": 10, "unit": "mg"}}
    rows, _ = part(sheet(MINIMAL | {"medications": [*given, by_mouth]}), "Medications given: totals")
    assert rows[0] == ("morphine", "1 × (14:00); total: 10 mg")
    assert rows[1][0].startswith("morphine (")
    assert rows[1][1] == "65 × (11:00 – 12:04); total: 39 mg + 6500 micrograms; last rate: 8 mL/h"


def test_sixty_drugs_are_each_a_row_after_their_totals_and_a_dozen_are_rows_alone() -> None:
    page = sheet(MINIMAL | {"medications": [NITRATE | {"given_at": one} for one in times_of(60)]})
    rows, more = part(page, "Medications given: all")
    assert (len(rows), more) == (60, "")
    assert len(part(page, "Medications given: totals")[0]) == 1
    few = sheet(MINIMAL | {"medications": [NITRATE | {"given_at": one} for one in times_of(12)]})
    assert len(part(few, "Medications given")[0]) == 12
    assert not any("Medications given:" in one.title for one in few.sections)


def test_a_long_list_of_procedures_has_the_attempts_at_an_airway_among_its_totals() -> None:
    first, *others = times_of(70)
    attempt = {"attempted_at": first, "device": "endotracheal_tube", "successful": False}
    done = [{"performed_at": one, "procedure": snomed("268400002"), "outcome": "successful"} for one in others]
    rows, _ = part(sheet(MINIMAL | {"procedures": done, "airway_attempts": [attempt]}), "Procedures: totals")
    assert rows == [
        ("12 lead electrocardiogram", "69 × (11:01 – 12:09); successful: 69"),
        ("attempt at an advanced airway (endotracheal tube)", "1 × (11:00); unsuccessful: 1"),
    ]


def test_more_drugs_than_a_page_takes_are_counted() -> None:
    given = [
        {"given_at": at, "medication": {"system": ATC, "code": f"N02AA{number:02}", "display": f"Drug {number}"}}
        for number, at in enumerate(times_of(70))
    ]
    rows, more = part(sheet(MINIMAL | {"medications": given}), "Medications given: totals")
    assert (len(rows), rows[0][0]) == (40, "Drug 69")
    assert more == "The 40 kinds of the latest entries are shown; 30 more are in the record."


def test_the_first_set_of_vital_signs_stays_on_the_page() -> None:
    """How the patient was found, before the sets of the way."""
    sets = [{"taken_at": one, "heart_rate": 40 + number} for number, one in enumerate(times_of(100))]
    sections = {one.title: one for one in sheet(MINIMAL | {"vital_signs": sets}).sections}
    first = sections["Vital signs: first, worst and latest"]
    assert [line[0] for line in first.cells] == ["11:00", "12:37", "12:38", "12:39", "Range"]
    assert first.cells[-1][1] == "40–139 \u2197"
    found = sections["Vital signs: all"]
    assert [line[0] for line in found.cells][:2] == ["11:00", "11:41"]
    assert len(found.cells) == 60
    assert found.more == "The first entry and the latest 59 are shown; 40 between them are in the record."


def test_the_most_serious_of_many_allergies_are_shown() -> None:
    """The crew wrote the one that kills last."""
    mild = [{"substance": MORPHINE, "severity": "mild"}] * 70
    worst = {"substance": snomed("372687004"), "criticality": "high"}
    refuted = {"substance": {"system": ATC, "code": "J01CA04"}, "certainty": "refuted"}
    [found] = [one for one in sheet(MINIMAL | {"allergies": [refuted, *mild, worst]}).sections if one.alerts]
    assert (found.rows[0].label, found.alerts, len(found.rows)) == ("Amoxicillin", 60, 60)
    assert found.more == "The 60 most serious entries are shown; 12 more are in the record."


def test_a_medicine_that_the_patient_takes_comes_before_those_that_are_past() -> None:
    """Of a long list the page shows the first ones."""
    stopped = [{"medicine": {"system": RXNORM, "code": "4337"}, "taken": "stopped"}] * 61
    taken = {"medicine": {"system": RXNORM, "code": "17767"}, "taken": "taking"}
    rows, more = part(sheet(MINIMAL | {"current_medicines": [*stopped, taken]}), "Current medicines")
    assert (rows[0], len(rows)) == (("amlodipine", "taking"), 60)
    assert more == "60 entries are shown; 2 more are in the record."
    active, resolved = ({"condition": snomed("49436004"), "state": state} for state in ("active", "resolved"))
    rows, _ = part(sheet(MINIMAL | {"past_conditions": [resolved, active]}), "Past conditions")
    assert [value for _, value in rows] == ["active", "resolved"]


def test_an_order_not_to_resuscitate_is_no_row_among_others() -> None:
    words: dict[Language, str] = {"en": "Do-not-resuscitate order", "it": "Ordine di non rianimare"}
    for language, order_of in words.items():
        for order in (True, False, None):
            told = sheet(MINIMAL | {"arrest": {"initial_rhythm": "vf", "shocks": 2, "dnar": order}}, language)
            alerts = [row.label for one in told.sections if one.form == "box" for row in one.rows[: one.alerts]]
            assert alerts == ([order_of] if order else [])


def test_pain_has_its_scale() -> None:
    assert "pain (0 to 10) 8" in told(TYPICAL, "vital_signs")


@pytest.mark.parametrize("body", [ARREST, UNKNOWN_PATIENT, TYPICAL])
def test_a_record_without_two_hours_of_one_name_has_no_zone_beside_its_times(body: dict[str, Any]) -> None:
    page = sheet(body)
    assert " CET" not in json.dumps([[one.cells, one.rows] for one in page.sections])


def words_of(region: Region, id: str) -> str:
    """All words of the page that the hospital reads."""
    answer = region.cork.handover(id, format="pdf")
    assert answer.status_code == 200, answer.text
    return " ".join(" ".join(run for page in runs_of_pages(answer.content) for run in page).split())


def test_only_where_the_patient_was_another_a_page_says_so(organisation: Organisation, inside: Inside) -> None:
    """A patient who is found to be a known one has another identity too, but no report named another person."""
    region = Region(organisation, inside)
    region.cork.read(region.bound(region.cork, patient=PATIENT), format="json")
    id = region.bound(region.cork, patient={"sex": "female"})
    assert "another person" not in words_of(region, id)
    region.crew.write(id, {"patient": PATIENT})
    assert region.cork.read(id)["identity"] == 2
    assert "another person" not in words_of(region, id)
    other = {"name": {"family": "Byrne", "given": ["Ada"]}, "identifiers": [{"system": "urn:mrn", "value": "A-4711"}]}
    region.crew.write(id, {"patient": other})
    assert "an earlier version of this report named another person" in words_of(region, id)


DRUG = "Idrossipropilmetilcellulosaftalato" * 2
LONG = {
    "name": {"family": "Dell'Acqua-" * 18, "given": ["Edoardo"] * 10},
    "identifiers": [{"system": "MRN" * 60, "value": "4711" * 50}],
}


def test_no_word_covers_the_column_beside_it() -> None:
    """A drug or a number of a patient that is covered by another is not to be read."""
    drug = {"medicine": {"system": ATC, "code": "C08CA01", "display": DRUG}, "taken": "taking"}
    body = TYPICAL | {"patient": PATIENT | LONG, "current_medicines": [drug]}
    page = [run for one in runs_of_pages(pdf.render(sheet(body))) for run in one]
    # A zero-width space is a place where a word may break.
    plain = [run.replace("\u200b", "") for run in page]
    assert page[plain.index(DRUG)] != DRUG
    assert not any("MRN" * 20 in run for run in plain)
    assert "Phones" in page, "a word of its column's width stays whole"


def test_the_header_of_each_page_has_both_ends_of_a_long_name() -> None:
    narrative = "She fell.\n" * 100
    _, second, *_ = runs_of_pages(pdf.render(sheet(TYPICAL | {"patient": PATIENT | LONG, "narrative": narrative})))
    header = "".join(second[: second.index("Vital signs")] if "Vital signs" in second else second)[:200]
    assert "Edoardo Edoardo" in header
    assert "Acqua-" in header
    assert header.count("Edoardo") < 10
