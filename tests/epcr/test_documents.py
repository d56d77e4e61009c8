"""The handover as a document and as a PDF: whole, valid, readable in both languages, and the same bytes for the same record."""

import base64
import copy
import hashlib
import json
import re
import time
import zlib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import fhirkit
import msgspec
import pytest

from services.epcr.deidentification.projection import Disclosure, project
from services.epcr.deidentification.pseudonyms import Pseudonyms
from services.epcr.fhir.encode import encode
from services.epcr.fhir.words import Language
from services.epcr.handover import pdf
from services.epcr.handover.contents import ORDER, REQUIRED
from services.epcr.handover.document import document
from services.epcr.handover.models import Sender
from services.epcr.handover.section import MOST_ROWS
from services.epcr.handover.sheet import plain_view, sheet_of
from services.epcr.handover.source import Pdf, Source
from services.epcr.handover.words import WORDS
from services.epcr.handover.writing import faults_of
from services.epcr.records.models import Encounter, LinkedObservation
from shared.web import http
from tests.epcr import golden
from tests.epcr.conftest import PSEUDONYM_KEYS
from tests.epcr.faultless import document_of
from tests.epcr.handovers import DESTINATION, SENDER
from tests.epcr.samples import (
    ARREST,
    ATC,
    EVERYTHING,
    ICD10,
    MINIMAL,
    NEWBORN,
    PATIENT,
    REFUSAL,
    STROKE,
    TYPICAL,
    WHOLE,
    at,
    snomed,
)

KEYS = Pseudonyms.from_text(PSEUDONYM_KEYS)
HOSTILE = '</div><script>alert(1)</script> & "quoted" #panic("x") *b* _i_ $x^2$ @ref <label> // `raw` [c] \\ \u0007'
HISTORY: dict[str, Any] = TYPICAL | {
    "complaint": {"text": "Chest pain for an hour", "informant": "patient", "began_at": at("09:00:00")},
    "allergies": [{"substance": {"system": ATC, "code": "J01CA04", "display": "Amoxicillin"}, "criticality": "high"}],
    "current_medicines": [{"medicine": {"system": ATC, "code": "C07AB07", "display": "Bisoprolol"}, "taken": "taking"}],
    "past_conditions": [{"condition": {"system": ICD10, "code": "I10"}, "state": "active"}],
    "directives": {"status": "present", "kinds": ["do_not_resuscitate"], "seen": True},
    "triage": {"scale": "italy_field", "initial": "red", "final": "yellow"},
    "pregnancy": {"status": "not_pregnant"},
}
SILENT: dict[str, Any] = MINIMAL | {"inquiries": {"allergies": "nil_known", "current_medicines": "not_asked"}}
TRAUMA: dict[str, Any] = TYPICAL | {
    "injury": {"mechanism": "fall_from_height", "fall_m": 4, "criteria": ["pelvic_fracture"]},
    "examinations": [{"examined_at": at("10:13:00"), "region": "pelvis", "result": "abnormal"}],
}
CHILD: dict[str, Any] = TYPICAL | {
    "patient": PATIENT | {"birth_date": "2024-01-02"},
    "weight": {"value": {"value": 12.5, "unit": "kg"}, "method": "length_based_tape", "tape": "yellow"},
}
UNKNOWN: dict[str, Any] = MINIMAL | {"patient": {"sex": "male", "age_years": 50}}
NICKNAME: dict[str, Any] = MINIMAL | {
    "patient": {"name": {"text": "\u041f\u0451\u0442\u0440"}, "identifiers": [{"system": "MRN", "value": "77 01"}]}
}
TRANSFER: dict[str, Any] = TYPICAL | {"care_model": "interfacility_transfer"}
CROOKED: dict[str, Any] = TYPICAL | {
    "narrative": HOSTILE.replace("\u0007", "") + "\n\n" + "a" * 300,
    "patient": PATIENT | {"name": {"family": HOSTILE[:60], "given": ["<b>"]}},
    "disposition": {"outcome": "transported", "comment": "Perch\u00e9 \u00e8 cos\u00ec & pi\u00f9 <i>"},
}
BODIES: dict[str, dict[str, Any]] = {
    "typical": TYPICAL,
    "arrest": ARREST,
    "everything": EVERYTHING,
    "refusal": REFUSAL,
    "minimal": MINIMAL,
    "history": HISTORY,
    "silent": SILENT,
    "trauma": TRAUMA,
    "child": CHILD,
    "unknown patient": UNKNOWN,
    "nickname": NICKNAME,
    "transfer": TRANSFER,
    "crooked": CROOKED,
}
LANGUAGES: tuple[Language, ...] = ("en", "it")


def reading(number: int, value: str, minute: int, **changes: Any) -> LinkedObservation:
    values: dict[str, Any] = {
        "id": f"obs_01jdkfx3c8e2r9v5m7q4t6w0{number:02}",
        "device_id": "dev_01jdkfx3c8e2r9v5m7q4t6w0ya",
        "device_class": "multiparameter",
        "mdc_code": "MDC_PULS_OXIM_SAT_O2",
        "mdc_code10": 150456,
        "value": Decimal(value),
        "unit_code": "%",
        "data_absent_reason": None,
        "observed_at": golden.encounter(MINIMAL).created_at.replace(minute=minute),
        "flags": [],
        "test": False,
        "revision": 1,
    }
    return LinkedObservation(**values | changes)


READINGS = [reading(1, "91.50", 12), reading(2, "97", 40)]


def source(encounter: Encounter, language: Language = "en", readings: list[LinkedObservation] | None = None) -> Source:
    domain = KEYS.domain(1, encounter.tenant_id, "handover x")
    projection = project(encounter, Disclosure(domain, "exact", b"b" * 32))
    closed_at = encounter.updated_at if encounter.status != "in_progress" else None
    return Source(encounter, projection, readings or [], [], SENDER, DESTINATION, closed_at, language)


def printed(told: Source) -> bytes:
    view = plain_view(told.encounter, told.projection.view)
    return pdf.render(sheet_of(told.encounter, view, told.readings, SENDER, DESTINATION, told.language))


def made(body: dict[str, Any], language: Language = "en", status: Any = "handed_over") -> dict[str, Any]:
    told = source(golden.encounter(body, status), language, READINGS)
    return document_of(told, Pdf(printed(told), "https://api.knogin.com/x"))


def resources(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]


def sections(bundle: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["code"]["coding"][0]["code"]: one for one in bundle["entry"][0]["resource"]["section"]}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_validators_find_nothing_in_a_document(name: str, language: Language) -> None:
    bundle = made(BODIES[name], language)
    assert list(faults_of(bundle)) == []
    assert [str(issue) for issue in fhirkit.validate(encode(bundle).decode())] == []


def faults() -> Iterator[tuple[str, Any]]:
    def without(name: str) -> Any:
        return lambda bundle: bundle.pop(name)

    yield "bdl-9", without("identifier")
    yield "bdl-10", without("timestamp")
    yield "bdl-11", lambda bundle: bundle["entry"].reverse()
    yield "bdl-7", lambda bundle: bundle["entry"].append(copy.deepcopy(bundle["entry"][-1]))
    yield (
        "not reached",
        lambda bundle: (
            bundle["entry"][0]["resource"].pop("custodian") and bundle["entry"][0]["resource"]["section"].pop()
        ),
    )
    yield "nothing in the document", lambda bundle: bundle["entry"].pop(1)
    yield "without title", lambda bundle: bundle["entry"][0]["resource"]["section"][0].pop("text")
    yield "vs-2", lambda bundle: resources(bundle, "Observation")[0].pop("valueQuantity")


@pytest.mark.parametrize(("reason", "break_it"), [pytest.param(*one, id=one[0]) for one in faults()])
def test_a_faulty_document_is_found(reason: str, break_it: Any) -> None:
    bundle = copy.deepcopy(made(TYPICAL))
    break_it(bundle)
    assert any(reason in fault for fault in faults_of(bundle)), list(faults_of(bundle))


def test_a_document_with_a_fault_of_ours_is_made_and_the_fault_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told, pdf = source(golden.encounter(TYPICAL, "handed_over")), Pdf(b"x", "https://x")
    monkeypatch.setattr("services.epcr.handover.writing.faults_among", lambda *_: ["a fault"])
    found = document(told, pdf)
    assert set(found.faults) == {"a fault"}
    monkeypatch.undo()
    assert found.body == document(told, pdf).body


@pytest.mark.parametrize("name", BODIES)
def test_a_document_has_the_sections_of_a_care_summary_and_each_has_text(name: str) -> None:
    found = sections(made(BODIES[name]))
    assert {"10154-3", "29299-5", "10164-2", "11450-4", "10160-0", "48765-2", "51848-0"} <= set(found)
    for section in found.values():
        assert section["title"]
        assert section["text"]["status"] == "generated"
        assert ("entry" in section) + ("emptyReason" in section) <= 1
        ElementTree.fromstring(section["text"]["div"])  # noqa: S314 - of our own making


def test_nothing_known_is_another_answer_than_not_asked() -> None:
    found = sections(made(SILENT))
    assert found["48765-2"]["emptyReason"]["coding"][0]["code"] == "nilknown"
    assert found["10160-0"]["emptyReason"]["coding"][0]["code"] == "notasked"
    assert sections(made(MINIMAL))["48765-2"]["emptyReason"]["coding"][0]["code"] == "unavailable"


def test_the_patient_has_a_name_and_every_number() -> None:
    [patient] = resources(made(TYPICAL), "Patient")
    assert patient["name"] == [{"use": "official", "text": "Aoife Murphy", "family": "Murphy", "given": ["Aoife"]}]
    assert patient["identifier"][1] == PATIENT["identifiers"][0]
    assert (patient["birthDate"], patient["gender"]) == ("1958-04-17", "female")
    assert patient["contact"][0]["name"] == {"text": "Sean Murphy"}
    [nickname] = resources(made(NICKNAME), "Patient")
    assert nickname["name"] == [{"use": "official", "text": "\u041f\u0451\u0442\u0440"}]
    assert nickname["identifier"][1]["system"].startswith("https://knogin.com/fhir/organizations/")
    [unknown] = resources(made(UNKNOWN), "Patient")
    assert unknown["name"] == [{"use": "temp", "text": "Unknown patient"}]


def test_the_document_is_signed_when_the_report_is_closed() -> None:
    composition = made(TYPICAL)["entry"][0]["resource"]
    assert composition["status"] == "final"
    assert composition["attester"][0]["mode"] == "professional"
    assert composition["custodian"]["display"] == "Riviera Emergency Services"
    assert composition["type"]["coding"][0]["code"] == "67796-3"
    open_one = made(TYPICAL, status="in_progress")["entry"][0]["resource"]
    assert open_one["status"] == "preliminary"
    assert "attester" not in open_one


def test_no_resource_claims_to_be_pseudonymised_and_all_are_restricted() -> None:
    bundle = made(TYPICAL)
    labels = [[label["code"] for label in entry["resource"]["meta"]["security"]] for entry in bundle["entry"]]
    assert {tuple(one) for one in labels} == {("R",)}
    assert "PSEUDED" not in json.dumps(bundle, default=str)


def test_a_new_revision_is_a_new_bundle_of_the_same_composition() -> None:
    first, second = (
        document_of(source(golden.encounter(TYPICAL, "handed_over", revision=n)), Pdf(b"x", "https://x"))
        for n in (1, 2)
    )
    assert first["identifier"] != second["identifier"]
    assert first["entry"][0]["fullUrl"] == second["entry"][0]["fullUrl"]
    assert first["entry"][0]["resource"]["identifier"] == second["entry"][0]["resource"]["identifier"]


def test_a_document_replaces_those_of_a_former_identity() -> None:
    former = {"system": "https://knogin.com/x", "value": "former"}
    told = source(golden.encounter(TYPICAL, "handed_over"))._replace(former=[former])
    composition = document_of(told, Pdf(b"x", "https://x"))["entry"][0]["resource"]
    assert composition["relatesTo"] == [{"code": "replaces", "targetIdentifier": former}]


def test_the_hash_is_that_of_the_pdf() -> None:
    told = source(golden.encounter(TYPICAL, "handed_over"))
    body = printed(told)
    [found] = resources(document_of(told, Pdf(body, "https://x")), "DocumentReference")
    attachment = found["content"][0]["attachment"]
    assert base64.b64decode(attachment["hash"]) == hashlib.sha1(body, usedforsecurity=False).digest()
    assert attachment["size"] == len(body)


def test_the_narrative_of_a_document_says_who_the_patient_is_and_lists_the_readings() -> None:
    bundle = made(TYPICAL)
    told = bundle["entry"][0]["resource"]["text"]["div"]
    assert "<td>Aoife Murphy</td>" in told
    assert "<td>7654321PA (urn:oid:1.2.372.980010.1.2)</td>" in told
    assert "91.50 % (2026-03-23 11:12 CET), 97 % (2026-03-23 11:40 CET)" in sections(bundle)["8716-3"]["text"]["div"]


def test_readings_keep_their_digits() -> None:
    assert b'"value":91.50' in encode(made(TYPICAL))


@pytest.mark.full
@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_record_gives_the_same_pdf(name: str, language: Language) -> None:
    told = source(golden.encounter(BODIES[name], "handed_over"), language, READINGS)
    body = printed(told)
    assert body.startswith(b"%PDF-")
    assert printed(told) == body
    assert b"/Lang" in body


def test_the_largest_record_gives_few_pages() -> None:
    signs = [{"taken_at": at("10:12:00"), "heart_rate": 60 + n % 40} for n in range(500)]
    drugs = [TYPICAL["medications"][0]] * 500
    body = TYPICAL | {"vital_signs": signs, "medications": drugs, "procedures": TYPICAL["procedures"] * 160}
    told = source(golden.encounter(body | {"narrative": "word " * 10_000}, "handed_over"))
    view = plain_view(told.encounter, told.projection.view)
    sheet = sheet_of(told.encounter, view, [], SENDER, DESTINATION, "en")
    assert max(len(one.cells) + len(one.rows) for one in sheet.sections) <= MOST_ROWS
    mores = {one.title: one.more for one in sheet.sections if one.more}
    assert mores["Vital signs: all"] == (
        "The first entry and the latest 59 are shown; 440 between them are in the record."
    )
    assert mores["Medications given: the latest"] == (
        "The latest 60 entries are shown; 440 earlier ones are in the record."
    )
    small = pdf.render(sheet)
    assert pages(small) <= 12


def pages(body: bytes) -> int:
    """The number of pages, from the streams of objects too."""
    texts = [body]
    for part in body.split(b"stream\n")[1:]:
        try:
            texts.append(zlib.decompressobj().decompress(part))
        except zlib.error:
            continue
    return sum(text.count(b"/Type /Page") - text.count(b"/Type /Pages") for text in map(_spaced, texts))


def _spaced(text: bytes) -> bytes:
    return text.replace(b"/Type/Page", b"/Type /Page")


@pytest.mark.parametrize(
    "text",
    [
        "e" + "\u0301" * 30_000,
        "a\n" * 20_000,
        "x\u2028" * 20_000,
        "a" * 50_000,
        "\u202e\u05d0" * 9_000,
        "\u200d" * 40_000,
    ],
    ids=["marks", "lines", "separators", "a word", "right to left", "joiners"],
)
def test_no_text_makes_many_pages_or_takes_many_times_as_long(text: str) -> None:
    def spent(narrative: str) -> float:
        told = source(golden.encounter(TYPICAL | {"narrative": narrative}, "handed_over"))
        began = time.thread_time()
        assert pages(printed(told)) <= 6
        return time.thread_time() - began

    usual = max(spent("The patient was found on the floor of the kitchen. " * 160 + str(n)) for n in range(3))
    assert spent(text) < 20 * usual


def test_words_of_the_handover_are_there_in_both_languages() -> None:
    assert [key for key, words in WORDS.items() if not all(words)] == []
    assert set(REQUIRED) <= set(ORDER)
    titles = {
        language: [one["title"] for one in made(HISTORY, language)["entry"][0]["resource"]["section"]]
        for language in LANGUAGES
    }
    assert titles["en"][0] == "Disposition"
    assert not set(titles["en"]) & set(titles["it"]) - {"Triage"}


def test_free_text_is_text_and_nothing_else() -> None:
    bundle = made(CROOKED)
    divs = [one["text"]["div"] for one in (bundle["entry"][0]["resource"], *sections(bundle).values())]
    assert [div for div in divs if "<script" in div or "<i>" in div or "<b>" in div] == []
    assert any("&lt;script&gt;alert(1)&lt;/script&gt;" in div for div in divs)
    for language in LANGUAGES:
        printed(source(golden.encounter(CROOKED, "handed_over"), language))


def page(body: dict[str, Any], language: Language = "en", **changes: Any) -> str:
    """All words of the page."""
    told = source(golden.encounter(body, "handed_over"), language, READINGS)._replace(**changes)
    view = plain_view(told.encounter, told.projection.view)
    sheet = sheet_of(told.encounter, view, told.readings, told.sender, DESTINATION, language)
    return msgspec.json.encode(sheet).decode()


def test_a_page_shows_times_of_the_zone_without_the_day_and_words_without_their_codes() -> None:
    words = page(WHOLE)
    assert "2026-03-23 11:00 (Europe/Rome)" in words
    assert "UTC" not in words
    assert '"11:12"' in words
    assert "2026-03-23 11:12" not in words
    assert "Amoxicillin" in words
    assert "372687004" not in words
    # A code that no table has words for keeps its system.
    assert "ATC N02AA01 (no display known; group: analgesic)" in words
    assert "UTC" in page(WHOLE, sender=Sender(name="Service"))


def test_a_page_shows_another_day_in_full() -> None:
    late = TYPICAL | {"vital_signs": [{"taken_at": "2026-03-23T23:30:00Z", "spo2": 95}]}
    assert '"2026-03-24 00:30"' in page(late)
    assert '"24/03/2026 00:30"' in page(late, "it")


def test_an_italian_page_and_document_have_no_iso_date_and_no_english_display() -> None:
    words = page(WHOLE, "it")
    assert "23/03/2026 11:00 (Europe/Rome)" in words
    assert re.findall(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", words) == []
    assert "Amoxicillina" in words
    texts = [one["text"]["div"] for one in sections(made(WHOLE, "it")).values()]
    assert re.findall(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", " ".join(texts)) == []


@pytest.mark.parametrize(
    ("language", "display", "text"),
    [
        ("en", "Bisoprololo", "Bisoprololo"),
        ("it", "Bisoprololo", "Bisoprololo"),
        ("en", None, "ATC C07AB07 (no display known)"),
        ("it", None, "ATC C07AB07 (nessuna descrizione nota)"),
    ],
)
def test_a_hospital_reads_the_crews_words_for_a_code_without_a_display(
    language: Language, display: str | None, text: str
) -> None:
    medicine = {"system": ATC, "code": "C07AB07"} | ({"display": display} if display else {})
    entries = made(HISTORY | {"current_medicines": [{"medicine": medicine}]}, language)["entry"]
    [found] = [one["resource"] for one in entries if one["resource"]["resourceType"] == "MedicationStatement"]
    assert found["medicationCodeableConcept"] == {"coding": [{"system": ATC, "code": "C07AB07"}], "text": text}


def test_a_drug_without_a_code_is_told_by_the_crews_words_to_the_hospital_alone() -> None:
    words = {"display": "<b>Novalgin</b>\x01 of Dr Byrne"}
    given = {"given_at": at("10:20:00"), "medication": words, "dose": {"value": 1, "unit": "g"}}
    body = TYPICAL | {"medications": [given]}
    [told] = resources(made(body), "MedicationAdministration")
    assert told["medicationCodeableConcept"] == {"text": "<b>Novalgin</b>\ufffd of Dr Byrne"}
    assert told["status"] == "completed"
    divs = [one["text"]["div"] for one in sections(made(body)).values()]
    assert any("&lt;b&gt;Novalgin&lt;/b&gt;\ufffd of Dr Byrne (no code) 1 g" in div for div in divs)
    assert "of Dr Byrne (no code) 1 g" in page(body)
    assert "of Dr Byrne (senza codice) 1 g" in page(body, "it")
    printed(source(golden.encounter(body, "handed_over")))
    sent = golden.bundle(golden.projection(golden.encounter(body)))
    [masked] = resources(sent, "MedicationAdministration")
    assert [one["code"] for one in masked["medicationCodeableConcept"]["coding"]] == ["masked"]
    assert (masked["status"], masked["dosage"]["dose"]["value"]) == ("completed", 1)
    text = json.dumps(sent, default=str)
    assert "Novalgin" not in text
    assert "Byrne" not in text
    assert "drug without a code 1 g" in text


def test_a_drug_without_a_code_that_was_not_given_says_so() -> None:
    given = {"given_at": at("10:20:00"), "medication": {"display": "Novalgin"}, "not_done": "refused"}
    body = TYPICAL | {"medications": [given]}
    assert "NOT GIVEN (refused): Novalgin (no code)" in page(body)
    assert "NOT GIVEN (refused): drug without a code" in json.dumps(
        golden.bundle(golden.projection(golden.encounter(body))), default=str
    )


def test_a_complaint_in_words_alone_is_known_to_the_hospital() -> None:
    """Its value was absent and "unknown", although the section beside it had the words."""
    [told] = [one for one in resources(made(HISTORY), "Observation") if "10154-3" in str(one["code"])]
    assert told["valueCodeableConcept"] == {"text": "Chest pain for an hour"}
    assert "dataAbsentReason" not in told
    sent = golden.bundle(golden.projection(golden.encounter(HISTORY)))
    assert "Chest pain for an hour" not in json.dumps(sent, default=str)


def test_the_crews_comments_are_notes_of_their_resources_for_the_hospital_alone() -> None:
    """A system that reads entries and no narrative lost them."""
    wrong = {"given_at": at("10:21:00"), "medication": {"display": "Ketorolac"}, "comment": "wrong patient"}
    body = WHOLE | {
        "procedures": [WHOLE["procedures"][0] | {"comment": "New LBBB\x01"}],
        "medications": [WHOLE["medications"][0] | {"comment": "Left deltoid"}, wrong | {"entered_in_error": True}],
        "past_conditions": [{"condition": snomed("49436004"), "comment": "Since 2011"}],
        "inquiries": {},
        "disposition": WHOLE["disposition"] | {"comment": "Bay 4"},
    }
    notes = {
        entry["resource"]["resourceType"]: [one["text"] for one in entry["resource"]["note"]]
        for entry in made(body)["entry"]
        if "note" in entry["resource"] and entry["resource"]["resourceType"] != "Observation"
    }
    assert notes == {
        "AllergyIntolerance": ["Seen by Sean in 2011"],
        "MedicationStatement": ["From her sister"],
        "Condition": ["Since 2011"],
        "Procedure": ["New LBBB\ufffd"],
        "MedicationAdministration": ["Left deltoid"],
    }
    of_observations = [one["note"][0]["text"] for one in resources(made(body), "Observation") if "note" in one]
    assert sorted(of_observations) == [
        "An elephant on my chest",
        "Bay 4",
        "In the drawer",
        "New LBBB\ufffd",
        "Scar of Dr Byrne",
    ]
    assert '"note"' not in json.dumps(golden.bundle(golden.projection(golden.encounter(body))), default=str)


def test_a_hospital_reads_other_words_of_the_crew_beside_the_official_ones() -> None:
    allergy = {"substance": snomed("372687004") | {"display": "Penicillin V"}, "criticality": "high"}
    body = TYPICAL | {"allergies": [allergy]}
    both: dict[Language, str] = {"en": "Penicillin V – Amoxicillin", "it": "Penicillin V – Amoxicillina"}
    for language, words in both.items():
        [found] = resources(made(body, language), "AllergyIntolerance")
        assert found["code"]["text"] == words
        assert found["code"]["coding"][0]["display"] == "Amoxicillin"
        assert f'["{words}","' in page(body, language)
        assert f"{words} (372687004)" in sections(made(body, language))["48765-2"]["text"]["div"]
    [same] = resources(made(TYPICAL | {"allergies": [{"substance": snomed("372687004")}]}), "AllergyIntolerance")
    assert "text" not in same["code"]


def test_the_hospital_alone_reads_when_a_newborn_was_scored() -> None:
    encounter = golden.encounter(NEWBORN, "handed_over")
    told = {
        one["code"]["coding"][0]["code"]: one["effectiveDateTime"]
        for one in resources(document_of(source(encounter), Pdf(b"x", "https://api.knogin.com/x")), "Observation")
    }
    assert (told["9272-6"], told["9274-2"]) == ("2026-03-23T10:31:00Z", "2026-03-23T10:00:00Z")
    sent = golden.bundle(golden.projection(encounter))
    assert "10:31" not in json.dumps(sent, default=str)
    assert '["11:31","Apgar score; minute after the birth 1; total 6; appearance (colour) 1;' in page(NEWBORN)
    assert '["Indice di Apgar","minuto dopo la nascita 5; totale 8"]' in page(NEWBORN, "it")
    assert "respirazione 2; totale 9" in page(NEWBORN, "it")


def test_each_drug_has_its_own_words_where_several_have_one_code() -> None:
    given = [
        {"given_at": at(f"10:2{minute}:00"), "medication": {"system": ATC, "code": "N02AA", "display": words}}
        for minute, words in enumerate(["Morphine", "Oxycodone"])
    ]
    found = resources(
        made(TYPICAL | {"medications": [*given, {**given[0], "medication": {"system": ATC, "code": "N02AA"}}]}),
        "MedicationAdministration",
    )
    texts = [one["medicationCodeableConcept"]["text"] for one in found]
    assert texts == ["Morphine", "Oxycodone", "ATC N02AA (no display known; group: analgesic)"]


def test_a_page_writes_addresses_and_kin_as_people_do_and_names_the_numbers() -> None:
    words = page(TYPICAL)
    assert "3 Weavers Row, T12 X4Y5 Cork, IE" in words
    assert "Sean Murphy (husband), +353 86 555 0101" in words
    assert '["Number","7654321PA (urn:oid:1.2.372.980010.1.2)"]' in words
    italian = {"system": "urn:oid:2.16.840.1.113883.2.9.4.3.2", "value": "MRPFAO58D57Z112J"}
    numbered = TYPICAL | {"patient": PATIENT | {"identifiers": [italian]}}
    assert '["Codice fiscale","MRPFAO58D57Z112J"]' in page(numbered, "it")
    placed = TYPICAL | {"patient": PATIENT | {"address": {"latitude": 53.34, "longitude": -6.26, "country": "IE"}}}
    assert "IE, 53.34 -6.26" in page(placed, "it")


def test_the_patient_has_the_place_of_the_address_as_fhir_writes_it() -> None:
    addresses = [{"latitude": 53.34, "longitude": -6.26}, {"latitude": 53.34, "city": "Cork"}]
    kin = {"name": "Sean Murphy", "address": addresses[0]}
    placed = TYPICAL | {"patient": PATIENT | {"address": addresses[0], "next_of_kin": [kin]}}
    [patient] = resources(made(placed), "Patient")
    parts = [
        {"url": "latitude", "valueDecimal": Decimal("53.34")},
        {"url": "longitude", "valueDecimal": Decimal("-6.26")},
    ]
    extension = {"extension": parts, "url": "http://hl7.org/fhir/StructureDefinition/geolocation"}
    assert patient["address"] == [{"extension": [extension]}]
    assert patient["contact"][0]["address"] == {"extension": [extension]}
    [halved] = resources(made(TYPICAL | {"patient": PATIENT | {"address": addresses[1]}}), "Patient")
    assert halved["address"] == [{"city": "Cork"}]


def test_an_alert_says_the_substance_and_the_directive_first() -> None:
    words = page(WHOLE)
    assert '["Amoxicillin","' in words
    assert '["Limited treatment","document seen; In the drawer"]' in words


@pytest.mark.parametrize(
    ("body", "title", "alerts"),
    [
        (WHOLE, "Allergies", 1),
        (WHOLE, "Advance directives", 1),
        (STROKE, "Allergies", 0),
        (TYPICAL | {"inquiries": {"allergies": "unknown"}}, "Allergies", 0),
        (TYPICAL, "Allergies", 0),
        (TYPICAL | {"directives": {"status": "not_asked"}}, "Advance directives", 0),
        (TYPICAL | {"directives": {"kinds": ["do_not_resuscitate"]}}, "Advance directives", 1),
    ],
)
def test_only_an_allergy_or_a_directive_that_there_is_is_an_alert(
    body: dict[str, Any], title: str, alerts: int
) -> None:
    sheet = json.loads(page(body))
    assert [one["alerts"] for one in sheet["sections"] if one["title"] == title] == [alerts]
    assert all(
        one["alerts"] == 0
        for one in sheet["sections"]
        if one["title"] not in ("Allergies", "Anticoagulants", "Advance directives")
    )


def test_a_refuted_allergy_comes_last_and_is_no_alert() -> None:
    allergies = [
        {"substance": snomed("372687004"), "certainty": "refuted"},
        {"substance": snomed("372756006"), "certainty": "confirmed", "entered_in_error": True},
        {"substance": {"system": ATC, "code": "J01CA04"}, "certainty": "unconfirmed"},
    ]
    [section] = [
        one for one in json.loads(page(TYPICAL | {"allergies": allergies}))["sections"] if one["title"] == "Allergies"
    ]
    assert section["alerts"] == 1
    assert [label for label, _ in section["rows"]] == ["ATC J01CA04 (no display known)", "Amoxicillin"]


@pytest.mark.parametrize(
    ("family", "is_shown"), [("王", False), ("शर्मा", False), ("Đặng", True), ("أحمد", True), ("Σωκράτης", True)]
)
def test_a_page_says_when_it_cannot_show_a_letter(family: str, is_shown: bool) -> None:
    sheet = json.loads(page(TYPICAL | {"patient": {"name": {"family": family}}}))
    assert ("cannot be shown" in sheet["notice"]) != is_shown


def test_values_of_a_column_share_their_unit() -> None:
    mixed = [
        {"taken_at": at(f"10:1{n}:00"), "glucose": {"value": 5, "unit": unit}}
        for n, unit in enumerate(("mmol/L", "mg/dL"))
    ]
    assert '"Glucose mmol/L"' in page(TYPICAL)
    assert '"Glucose"' in page(TYPICAL | {"vital_signs": mixed})


def test_a_long_word_stays_on_the_page() -> None:
    told = source(golden.encounter(TYPICAL | {"narrative": "a" * 3000}, "handed_over"))
    assert pages(printed(told)) > pages(printed(source(golden.encounter(TYPICAL, "handed_over"))))


@pytest.mark.parametrize("phone", ["", "12", "call me", "+39 118\n", "x" * 50])
def test_a_sender_with_a_wrong_phone_is_refused(phone: str) -> None:
    with pytest.raises(Exception, match="Invalid request"):
        http.convert({"name": "Service", "phone": phone}, Sender)
