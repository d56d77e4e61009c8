"""An allergy, a medicine at home or an illness that the crew knows in words alone: taken, read by the hospital, and by nobody else."""

import json
from typing import Any

import pytest

from services.epcr.deidentification.projection import Mode
from services.epcr.encounters.facts import facts_of
from services.epcr.fhir.words import Language
from services.epcr.handover.transaction import Before, Former
from services.epcr.records import amend
from services.epcr.records.faults import ANSWERED, ANSWERS, SUBJECTS
from services.epcr.records.models import EncounterDraft, Record, RecordPatch
from shared.web import http, strict_json
from shared.web.problems import FieldError, Problem
from tests.epcr import golden, handovers
from tests.epcr.conftest import Inside, Organisation
from tests.epcr.faultless import transaction_of
from tests.epcr.fhir_server import FhirServer, is_in_error
from tests.epcr.hospitals import Region
from tests.epcr.samples import ICD10, MINIMAL, PATIENT, RXNORM, SNOMED, WORDED, at, snomed
from tests.epcr.test_documents import made, page, printed, resources, sections, source

CODES = {
    "allergies": snomed("372687004"),
    "current_medicines": {"system": RXNORM, "code": "11289"},
    "past_conditions": {"system": ICD10, "code": "I10"},
}
KINDS = {
    "allergies": ("AllergyIntolerance", "code", "48765-2"),
    "current_medicines": ("MedicationStatement", "medicationCodeableConcept", "10160-0"),
    "past_conditions": ("Condition", "code", "11348-0"),
}
LISTS = pytest.mark.parametrize("name", ANSWERED)
MODES: tuple[Mode, ...] = ("exact", "shifted", "safe_harbor")
# Identifiers that a crew may write where the name of a drug is asked for.
SECRETS = ("Mary O'Shea", "7654321PA", "+353 86 555 0199", "1947-02-19", "3 Weavers Row")


def entry(name: str, subject: Any, **fields: Any) -> dict[str, Any]:
    return {SUBJECTS[name]: subject} | fields


def one(name: str, words: str, **fields: Any) -> dict[str, Any]:
    """A record with one entry of a list, known in words."""
    return {name: [entry(name, {"display": words}, **fields)]}


def begun(body: dict[str, Any]) -> Record:
    return amend.begin(http.decode_bytes(http.encode(MINIMAL | body), EncounterDraft), golden.BEGAN, golden.counted())


def errors(body: dict[str, Any]) -> list[FieldError]:
    try:
        begun(body)
    except Problem as problem:
        return list(problem.errors) if problem.status == 422 else []
    return []


def refusal(body: dict[str, Any]) -> list[str]:
    return [error.pointer for error in errors(body)]


def patched(record: Record, patch: dict[str, Any]) -> Record:
    text = http.encode(patch)
    return amend.merge(record, http.decode_bytes(text, RecordPatch), strict_json.parse(text), golden.counted(100))


@LISTS
def test_an_entry_has_a_code_or_words(name: str) -> None:
    assert refusal(one(name, "Plaster")) == []
    assert refusal({name: [entry(name, CODES[name])]}) == []
    pointer = f"/{name}/0/{SUBJECTS[name]}"
    for subject, fault in [
        ({}, pointer),
        ({"display": "  "}, pointer),
        ({"display": ""}, f"{pointer}/display"),
        ({"display": "x" * 301}, f"{pointer}/display"),
        ({"display": 7}, f"{pointer}/display"),
        ({"system": SNOMED, "display": "Plaster"}, f"{pointer}/system"),
        ({"code": "372687004", "display": "Plaster"}, f"{pointer}/system"),
        ({"system": SNOMED, "code": "Plaster of Mary"}, f"{pointer}/code"),
        ({"system": "urn:x", "code": "1", "display": "Plaster"}, f"{pointer}/system"),
        ({"display": "Plaster", "text": "Plaster"}, f"{pointer}/text"),
        ("Plaster", pointer),
        (None, pointer),
    ]:
        assert refusal({name: [entry(name, subject)]}) == [fault], subject
    assert refusal({name: [{}]}) == [pointer]


@LISTS
def test_the_longest_words_and_the_most_entries_of_a_request_are_taken(name: str) -> None:
    assert refusal(one(name, "x" * 200)) == []
    assert refusal({name: one(name, "Plaster")[name] * 100}) == []
    assert refusal({name: one(name, "Plaster")[name] * 101}) == [f"/{name}"]


@pytest.mark.parametrize("name", SUBJECTS)
@pytest.mark.parametrize("words", ["?", "-", "…", "\u200b", "\u0007", "\u00a0.", "\U0001f48a"])
def test_words_without_a_letter_or_a_digit_name_nothing(name: str, words: str) -> None:
    given = {"given_at": at("10:20:00")} if name == "medications" else {}
    assert refusal(one(name, words, **given)) == [f"/{name}/0/{SUBJECTS[name]}/display"]
    assert refusal(one(name, words, entered_in_error=True, **given)) == []


@LISTS
@pytest.mark.parametrize(
    "words",
    ["none", "None known.", "N.K.D.A.", "NKDA", "n/a", "Unknown", " not asked", "Nessuna", "nessuna  nota", "Non noto"],
)
def test_an_answer_for_the_whole_list_is_no_entry_of_it(name: str, words: str) -> None:
    """On a page for doctors it would be an alert: allergy to NKDA."""
    pointer = f"/{name}/0/{SUBJECTS[name]}/display"
    assert errors(one(name, words)) == [FieldError(pointer, f"names nothing: answer in /inquiries/{name}")]
    assert refusal(one(name, words, entered_in_error=True)) == []
    assert refusal(one(name, f"{words}, plaster")) == []
    with pytest.raises(Problem) as refused:
        patched(begun({}), one(name, words))
    assert [error.pointer for error in refused.value.errors] == [pointer]


def test_each_answer_is_written_as_it_is_compared() -> None:
    assert {words for words in ANSWERS if words != " ".join(words.casefold().split()) or not words} == set()
    assert all(refusal(one("allergies", words.upper())) for words in ANSWERS)


def test_the_name_of_a_drug_given_may_be_unknown() -> None:
    assert refusal(one("medications", "unknown", given_at=at("10:20:00"))) == []


def test_all_words_that_name_nothing_are_refused_at_once_and_repeated_nowhere() -> None:
    found = errors(one("allergies", "NKDA") | one("current_medicines", "??") | one("past_conditions", "Nil of note"))
    assert [error.pointer for error in found] == [
        "/allergies/0/substance/display",
        "/current_medicines/0/medicine/display",
        "/past_conditions/0/condition/display",
    ]
    assert "nkda" not in str(found).casefold()


@LISTS
@pytest.mark.parametrize("silence", ["nil_known", "not_asked", "unknown"])
def test_an_entry_in_words_contradicts_that_there_is_none(name: str, silence: str) -> None:
    both = [f"/inquiries/{name}", f"/{name}/0"]
    asked = {"inquiries": {name: silence}}
    assert refusal(asked | one(name, "Plaster")) == both
    assert refusal(asked | one(name, "Plaster", entered_in_error=True)) == []
    for first, then in [(asked, one(name, "Plaster")), (one(name, "Plaster"), asked)]:
        with pytest.raises(Problem) as refused:
            patched(begun(first), then)
        assert [error.pointer for error in refused.value.errors] == both
    others = {"inquiries": {other: silence for other in ANSWERED if other != name}}
    assert refusal(others | one(name, "Plaster")) == []


def test_an_allergy_in_words_that_was_refuted_has_no_reactions() -> None:
    found = refusal(one("allergies", "Plaster", certainty="refuted", severity="mild"))
    assert found == ["/allergies/0/certainty", "/allergies/0/severity"]


@pytest.mark.parametrize(
    ("name", "english", "italian"),
    [
        (
            "allergies",
            ("Sticking plaster, says Dr Byrne (no code)", "Urticaria; mild; allergy; criticality low"),
            ("Sticking plaster, says Dr Byrne (senza codice)", "Orticaria; lieve; allergia; criticità bassa"),
        ),
        (
            "current_medicines",
            ("Blood pressure pill of Dr Byrne (no code)", "taking; last taken at 08:00"),
            ("Blood pressure pill of Dr Byrne (senza codice)", "assume; ultima assunzione 08:00"),
        ),
        (
            "past_conditions",
            ("Heart trouble, Dr Byrne in 2019 (no code)", "active; reported by family"),
            ("Heart trouble, Dr Byrne in 2019 (senza codice)", "attivo; riferito da familiare"),
        ),
    ],
)
def test_the_hospital_reads_the_words_on_the_page_and_in_the_document(
    name: str, english: tuple[str, str], italian: tuple[str, str]
) -> None:
    kind, member, section = KINDS[name]
    both: dict[Language, tuple[str, str]] = {"en": english, "it": italian}
    for language, (label, value) in both.items():
        document = made(WORDED, language)
        found = [one[member] for one in resources(document, kind) if "coding" not in one[member]]
        assert found[0] == {"text": label.partition(" (")[0]}
        assert f"<th>{label}</th>" in sections(document)[section]["text"]["div"]
        assert f'["{label}","{value}' in page(WORDED, language)


def test_words_are_shown_as_written_and_run_nowhere() -> None:
    hostile = "<b>Novalgin</b>\x01 #panic() & co"
    shown = "<b>Novalgin</b>\ufffd #panic() & co"
    body = MINIMAL | {key: value for name in ANSWERED for key, value in one(name, hostile).items()}
    document = made(body)
    for name in ANSWERED:
        kind, member, section = KINDS[name]
        [found] = resources(document, kind)
        assert found[member] == {"text": shown}
        div = sections(document)[section]["text"]["div"]
        assert "<th>&lt;b&gt;Novalgin&lt;/b&gt;\ufffd #panic() &amp; co (no code)</th>" in div
    assert printed(source(golden.encounter(body, "handed_over"))).startswith(b"%PDF-")


def test_an_allergy_in_words_is_an_alert_and_a_refuted_one_is_none() -> None:
    def alerts(body: dict[str, Any]) -> list[int]:
        return [one["alerts"] for one in json.loads(page(body))["sections"] if one["title"] == "Allergies"]

    assert alerts(MINIMAL | one("allergies", "Plaster")) == [1]
    assert alerts(MINIMAL | one("allergies", "Plaster", certainty="refuted")) == [0]


@pytest.mark.parametrize(
    ("name", "language", "words"),
    [
        ("allergies", "en", "Penicillin V – Amoxicillin"),
        ("allergies", "it", "Penicillin V – Amoxicillina"),
        ("current_medicines", "en", "Eliquis – warfarin"),
        ("past_conditions", "en", "Low blood pressure – Essential (primary) hypertension"),
        ("past_conditions", "it", "Low blood pressure – Essential (primary) hypertension"),
    ],
)
def test_words_that_contradict_the_display_of_their_code_are_beside_it(
    name: str, language: Language, words: str
) -> None:
    kind, member, section = KINDS[name]
    document = made(WORDED, language)
    assert words in [one[member].get("text") for one in resources(document, kind) if "coding" in one[member]]
    assert f"<th>{words} (" in sections(document)[section]["text"]["div"]
    assert f'["{words}","' in page(WORDED, language)


def secretive() -> dict[str, Any]:
    """A record whose words in place of codes, and beside codes, are the patient's identifiers."""
    words = " ".join(SECRETS)
    body = MINIMAL | {"injury": {"mechanism": "other", "comment": words}}
    for name in ANSWERED:
        body |= {name: [entry(name, {"display": words}), entry(name, CODES[name] | {"display": words})]}
    return body


def leaked(answer: str) -> list[str]:
    return [secret for secret in SECRETS if secret in answer]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("language", ["en", "it"])
def test_identifiers_that_are_written_as_words_leave_in_no_mode(mode: Mode, language: Language) -> None:
    """The reader learns that there is an entry, and its codes: an allergy that is left out could kill."""
    given = golden.projection(golden.encounter(secretive()), mode=mode)
    for name in ANSWERED:
        subjects = [seen.get(SUBJECTS[name]) for seen in given.view[name]]
        assert subjects == [None, CODES[name]]
    assert given.view["injury"] == {"mechanism": "other"}
    sent = golden.bundle(given, language=language)
    for kind, member, _ in KINDS.values():
        codes = [one[member]["coding"][0]["code"] for one in resources(sent, kind)]
        assert "masked" in codes
        assert len(codes) == 2
        assert all(
            "text" not in one[member] for one in resources(sent, kind) if one[member]["coding"][0].get("display")
        )
    assert leaked(json.dumps([given.view, sent], default=str, ensure_ascii=False)) == []
    divs = " ".join(one["text"]["div"] for one in resources(sent, "Composition")[0]["section"])
    english = ("Substance without a code", "Medicine without a code", "Condition without a code")
    italian = ("Sostanza senza codice", "Farmaco senza codice", "Patologia senza codice")
    assert all(f"<th>{words}</th>" in divs for words in (english if language == "en" else italian))


def test_a_medicine_without_its_words_is_not_labelled_by_the_time_of_its_last_dose() -> None:
    record = MINIMAL | one("current_medicines", "The red inhaler", last_taken_at=at("07:00:00"))
    sent = golden.bundle(golden.projection(golden.encounter(record)))
    div = sections({"entry": [{"resource": resources(sent, "Composition")[0]}]})["10160-0"]["text"]["div"]
    assert "<th>Medicine without a code</th><td>last taken at 2026-03-23 07:00 UTC</td>" in div


def test_the_handover_of_a_former_identity_is_withdrawn_without_its_words() -> None:
    wrong = handovers.source(golden.encounter(secretive() | {"patient": PATIENT}, "handed_over"))
    right = handovers.source(golden.encounter(MINIMAL | {"patient": PATIENT}, "handed_over", identity=2))
    first = transaction_of(wrong, handovers.PDF)
    assert leaked(json.dumps(first, default=str, ensure_ascii=False)) == list(SECRETS)
    server = FhirServer()
    server.transaction(json.loads(json.dumps(first, default=float)))
    second = transaction_of(right, handovers.PDF, Before([Former(wrong.encounter, wrong.projection, [])]))
    server.transaction(json.loads(json.dumps(second, default=float)))
    for kind, _, _ in KINDS.values():
        held = server.of(kind)
        assert len(held) == 2
        assert all(is_in_error(one) for one in held)
        assert leaked(json.dumps(held, ensure_ascii=False)) == []


def test_a_code_that_is_learnt_later_changes_the_same_resource() -> None:
    encounter = golden.encounter(
        MINIMAL | {key: value for name in ANSWERED for key, value in one(name, "Plaster").items()}
    )
    codes = {
        name: [entry(name, CODES[name] | {"display": "Plaster"}, id=getattr(encounter.record, name)[0].id)]
        for name in ANSWERED
    }
    later = golden.encounter(MINIMAL)
    later.record = patched(encounter.record, codes)
    server = FhirServer()
    for one_state in (encounter, later):
        sent = golden.bundle(golden.projection(one_state))
        server.transaction(json.loads(json.dumps(sent, default=float)))
    for name, (kind, member, _) in KINDS.items():
        [held] = server.of(kind)
        assert held[member]["coding"][0]["code"] == CODES[name]["code"]


def test_words_change_no_fact_of_an_indicator() -> None:
    without = {name: value for name, value in WORDED.items() if name not in ANSWERED}
    assert facts_of(golden.encounter(WORDED), []) == facts_of(golden.encounter(without), [])


def test_words_go_from_the_partner_to_the_crew_and_the_hospital_alone(
    organisation: Organisation, inside: Inside
) -> None:
    region = Region(organisation, inside)
    sent = organisation.partner.post_encounter(secretive())
    assert (sent.status_code, leaked(sent.text)) == (201, [])
    id = sent.json()["id"]
    kept = organisation.crew.record(id)
    for name in ANSWERED:
        words = {"system": None, "code": None, "display": " ".join(SECRETS)}
        assert kept[name][0][SUBJECTS[name]] == words
        assert kept[name][1][SUBJECTS[name]] == CODES[name] | {"display": words["display"]}
    region.bind(id, region.cork).raise_for_status()
    for form in ("json", "document", "transaction"):
        told = region.cork.handover(id, format=form, language="it")
        assert leaked(json.dumps(told.json(), ensure_ascii=False)) == list(SECRETS), form
    for path in (f"/api/v1/epcr/encounters/{id}", f"/api/v1/epcr/encounters/{id}/fhir-bundle"):
        for query in ({}, {"language": "it"}, {"max_entries": "5"}) if path.endswith("bundle") else ({},):
            answer = organisation.hospital.get(path, params=query)
            assert (answer.status_code, leaked(answer.text)) == (200, [])
    wrong = organisation.crew.write(id, one("allergies", "NKDA") | {"narrative": SECRETS[0]})
    assert (wrong.status_code, leaked(wrong.text)) == (422, [])
    assert [error["pointer"] for error in wrong.json()["errors"]] == ["/allergies/0/substance/display"]
    rows = inside.rows("SELECT body::text FROM outbox WHERE tenant_id = %s", organisation.id)
    assert rows
    assert leaked(str(rows)) == []


@LISTS
@pytest.mark.parametrize("text", ["\\u0000Plaster", "Pla\\ud800ster"])
def test_text_that_cannot_be_stored_is_refused_with_its_pointer(
    organisation: Organisation, name: str, text: str
) -> None:
    body = json.dumps(MINIMAL | one(name, "TEXT")).replace("TEXT", text)
    refused = organisation.partner.post_encounter(body)
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == [f"/{name}/0/{SUBJECTS[name]}/display"]
