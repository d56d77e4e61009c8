"""The handover of five encounters as the receiving doctor reads it: all that is needed on the first page, in words, once, and silent."""

import csv
import json
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import fhirkit
import pytest

from shared.messaging.messages import Observation
from shared.primitives import ids
from tests.epcr.conftest import ENCOUNTERS, Inside, Organisation
from tests.epcr.deliveries import recorded
from tests.epcr.fhir_server import FhirServer
from tests.epcr.five import ECG, ENROL, FIVE, SENDER, Step, Told
from tests.epcr.hospitals import Region
from tests.epcr.samples import MINIMAL
from tests.support.pdf_text import runs_of_pages

pytestmark = pytest.mark.full

with (Path(__file__).parents[2] / "services" / "device_ingest" / "data" / "mdc_codes.csv").open(newline="") as file:
    CODES = {row["refid"]: int(row["code10"]) for row in csv.DictReader(file)}
# Names of the record's fields and values, and the punctuation of its JSON.
KEY = re.compile(r"\b[a-z]+(?:_[a-z0-9]+)+\b|\b(?:kind|category|criticality|dose|route|outcome|finding|status): ")
OWN = re.compile(r"\b(?:enc|urn|oid)[_:][\w:.]+")
needs_poppler = pytest.mark.skipif(
    shutil.which("pdfinfo") is None, reason="no poppler here: `apt-get install poppler-utils` runs this test"
)
Json = dict[str, Any]


def sent(organisation: Organisation, inside: Inside, told: Told) -> dict[str, str]:
    """Sends the steps of the crews up to the handover. The encounters by crew."""
    encounters: dict[str, str] = {}
    for step in told.steps:
        if not step.later:
            send(organisation, inside, step, encounters)
    return encounters


def send(organisation: Organisation, inside: Inside, step: Step, encounters: dict[str, str]) -> None:
    if step.path == ENCOUNTERS:
        answer = organisation.partner.post_encounter(step.body)
        assert answer.status_code == 201, answer.text
        encounters[step.crew] = answer.json()["id"]
    elif step.method == "PATCH":
        answer = organisation.crew.write(encounters[step.crew], step.body)
        assert answer.status_code == 200, answer.text
    elif step.path != ENROL:
        # As device-ingest hands them over.
        inside.receive(
            organisation.id, recorded(encounters[step.crew], *(observation(one) for one in step.body["observations"]))
        )


def observation(one: dict[str, Any]) -> Observation:
    return Observation(
        id=ids.new_id("obs"),
        device_id=ids.new_id("dev"),
        device_class="multiparameter",
        mdc_code=one["mdc_code"],
        mdc_code10=CODES[one["mdc_code"]],
        value=Decimal(str(one["value"])),
        unit_code=one["unit_code"],
        observed_at=datetime.fromisoformat(one["observed_at"]),
    )


def call_of_today() -> datetime:
    """The newest morning whose mission is over: a page shows times of one day without it."""
    before = datetime.now(UTC) - timedelta(hours=12)
    return before.replace(hour=10, minute=12, second=0, microsecond=0) - timedelta(days=before.hour < 10)


def said_by_poppler(name: str, body: bytes, folder: Path) -> list[str]:
    """All that its tools say of the file beside its content."""
    path = folder / "handover.pdf"
    path.write_bytes(body)
    calls = (
        ["pdfinfo", str(path)],
        ["pdftotext", str(path), str(folder / "text")],
        ["pdftoppm", "-r", "30", str(path), str(folder / "page")],
    )
    told = [(call[0], subprocess.run(call, capture_output=True, text=True, check=False, timeout=60)) for call in calls]
    return [f"{name}: {tool}: {one.stderr}" for tool, one in told if one.stderr or one.returncode]


def plain(words: str) -> str:
    """Without the spaces, which a line's end and a change of font add or take."""
    return re.sub(r"[\s\u200b]+", "", words)


def faults_of_page(name: str, pages: list[list[str]], facts: list[str]) -> list[str]:
    first = plain("".join(pages[0]))
    found = [
        f"{name}: not on page 1: {fact}" for fact in facts if plain(fact).replace(":", "") not in first.replace(":", "")
    ]
    text = " ".join(run for page in pages for run in page)
    found += [f"{name}: a key of the record: {key}" for key in KEY.findall(OWN.sub("", text))]
    # A name and a weight are in the header of the second page too.
    whole = plain("".join(run for page in pages for run in page))
    found += [f"{name}: printed again: {fact}" for fact in facts if len(fact) > 20 and whole.count(plain(fact)) > 1]
    return found + ([f"{name}: {len(pages)} pages"] if len(pages) > 2 else [])


def test_the_first_page_tells_a_doctor_all_that_is_needed_of_five_patients(
    organisation: Organisation, inside: Inside
) -> None:
    region, faults = Region(organisation, inside), list[str]()
    region.administrator.call("PUT", "/api/v1/epcr/sender", json=SENDER).raise_for_status()
    call = call_of_today()
    for name, make in FIVE.items():
        told = make(call)
        for crew, id in sent(organisation, inside, told).items():
            region.bind(id, region.cork).raise_for_status()
            for language, facts in (("en", told.facts), ("it", told.fatti)):
                label = f"{name}, {crew}, {language}"
                body = region.cork.handover(id, format="pdf", language=language).content
                faults += faults_of_page(label, runs_of_pages(body), facts.get(crew, []))
    assert not faults, "\n".join(faults)


@needs_poppler
def test_poppler_reads_each_handover_without_a_word(organisation: Organisation, inside: Inside, tmp_path: Path) -> None:
    """A hospital that prints with it would write a line into its log for each handover."""
    region, said = Region(organisation, inside), list[str]()
    for name, make in FIVE.items():
        for crew, id in sent(organisation, inside, make(call_of_today())).items():
            region.bind(id, region.cork).raise_for_status()
            for language in ("en", "it"):
                body = region.cork.handover(id, format="pdf", language=language).content
                said += said_by_poppler(f"{name}, {crew}, {language}", body, tmp_path)
    assert not said, "\n".join(said)


def test_the_fhir_forms_tell_what_the_page_tells_in_its_order(organisation: Organisation, inside: Inside) -> None:
    region, faults = Region(organisation, inside), list[str]()
    ids_of: dict[str, str] = {}
    documents: dict[str, Json] = {}
    for name, make in FIVE.items():
        told = make(call_of_today())
        encounters = sent(organisation, inside, told)
        for crew, id in encounters.items():
            ids_of[f"{name}, {crew}"] = id
            region.bind(id, region.cork).raise_for_status()
            server = FhirServer()
            bundle = region.cork.read(id, format="transaction")
            statuses = [server.transaction(bundle), server.transaction(bundle)]
            faults += [f"{name}: sent again: {one}" for one in statuses[1] if not one.startswith("200")]
            faults += [f"{name}: dangling: {one}" for one in server.dangling()]
            document = documents[f"{name}, {crew}"] = region.cork.read(id, format="document")
            faults += [f"{name}: {issue}" for issue in fhirkit.validate(json.dumps(document))]
            # A later correction of who the patient is arrives as well, once the hospital has read.
            for step in told.steps:
                if step.later and step.crew == crew:
                    send(organisation, inside, step, encounters)
                    server.transaction(region.cork.read(id, format="transaction"))
                    patients = [one.get("name", [{}])[0].get("text") for one in server.of("Patient")]
                    faults += [] if "Paolo Bianchi" in patients else [f"{name}: named {patients}"]

    def expect(about: str, found: Any, expected: Any) -> None:
        if found != expected:
            faults.append(f"{about}: {found!r} is not {expected!r}")

    left = documents["overdose, not transported, first"]
    [encounter] = of(left, "Encounter")
    expect("the end", encounter["hospitalization"]["dischargeDisposition"]["coding"][0]["code"], "refused")
    [report] = of(left, "Composition")
    expect("the title", report["title"], "EMS patient care report – not transported: refused")
    expect("the first section", report["section"][0]["title"], "Disposition")
    expect("the reason", "naloxone spray" in str(of(left, "Observation")), True)
    infarction = documents["STEMI, first"]
    [allergy] = of(infarction, "AllergyIntolerance")
    told_of = [allergy[name] for name in ("type", "category", "criticality")] + [allergy["reaction"][0]["severity"]]
    expect("the allergy", told_of, ["allergy", ["medication"], "high", "severe"])
    titles = [one["title"] for one in of(infarction, "Composition")[0]["section"]]
    order = [
        "Disposition",
        "Allergies",
        "Chief complaint",
        "Problems",
        "Assessments",
        "Vital signs",
        "Medications given",
    ]
    expect("the order", [one for one in titles if one in order], order)
    [ecg] = [one for one in of(infarction, "Observation") if "derivedFrom" in one]
    reference = {"value": "C3-20418-0007", "assigner": {"display": "Corpuls.mission"}}
    expect("the tracing", ecg["derivedFrom"][0]["identifier"], reference)
    expect("the interpretation", ecg["note"][0]["text"], ECG)
    roles = {
        one["type"][0]["coding"][0]["code"] for one in of(infarction, "Encounter")[0]["participant"] if "type" in one
    }
    expect("the crew", roles, {"role-lead", "role-driver"})
    blood = [
        (
            one["contained"][0].get("identifier", [{}])[0].get("value"),
            one["contained"][0].get("batch", {}).get("lotNumber"),
        )
        for one in of(documents["polytrauma of two crews, air"], "MedicationAdministration")
        if "contained" in one
    ]
    units = [
        ("G1234 26 100001 7", None),
        ("G1234 26 100002 5", None),
        ("P0098 26 000417 3", "LP26-0417"),
        (None, "FB-88213"),
    ]
    expect("the blood", blood, units)
    id = ids_of["polytrauma of two crews, air"]
    kept = organisation.crew.record(id)["medications"]
    expect(
        "the record", [one["unit_number"] for one in kept if one["unit_number"]], [unit for unit, _ in units if unit]
    )
    # Of records that no device wrote to, a reader without the name learns neither the numbers nor the tracing.
    for name in ("STEMI", "polytrauma of two crews"):
        for step in FIVE[name](call_of_today()).steps:
            if step.path == ENCOUNTERS:
                alone = organisation.partner.create(**step.body)
                masked = json.dumps([organisation.hospital.read(alone), organisation.hospital.bundle(alone)])
                numbers = [*(number for pair in units for number in pair if number), "C3-20418-0007", "Corpuls.mission"]
                expect(f"{name}, masked", [one for one in numbers if one in masked], [])
    assert not faults, "\n".join(faults)


def of(bundle: Json, kind: str) -> list[Json]:
    return [one["resource"] for one in bundle["entry"] if one["resource"]["resourceType"] == kind]


def test_words_of_the_length_that_crews_write_are_taken_everywhere(organisation: Organisation) -> None:
    """An interpretation of an ECG has three hundred letters. Beyond the limit each field is named."""

    def notes(length: int) -> dict[str, Json | list[Json]]:
        words = {"comment": "w" * length}
        clock, code = "2026-03-23T10:15:00Z", {"system": "http://snomed.info/sct", "code": "268400002"}
        return {
            "complaint": {"text": "w" * length},
            "injury": words,
            "arrest": words,
            "stroke": words,
            "directives": words,
            "disposition": words,
            "procedures": [words | {"performed_at": clock, "procedure": code}],
            "medications": [words | {"given_at": clock, "medication": {"display": "Aspirin"}}],
            "allergies": [words | {"substance": {"display": "Latex"}}],
            "past_conditions": [words | {"condition": {"display": "Asthma"}}],
            "current_medicines": [words | {"medicine": {"display": "Ramipril"}}],
            "examinations": [words | {"examined_at": clock, "region": "chest", "result": "abnormal"}],
            "airway_attempts": [words | {"attempted_at": clock, "device": "endotracheal_tube"}],
        }

    faults: list[str] = []
    for name, value in notes(2000).items():
        answer = organisation.partner.post_encounter(MINIMAL | {"cad_incident_id": ids.new_id("cad"), name: value})
        faults += [] if answer.status_code == 201 else [f"{name}: {answer.text}"]
    for name, value in notes(2001).items():
        answer = organisation.partner.post_encounter(MINIMAL | {"cad_incident_id": ids.new_id("cad"), name: value})
        field = "text" if name == "complaint" else "comment"
        pointer = f"/{name}/0/{field}" if isinstance(value, list) else f"/{name}/{field}"
        named = [one["pointer"] for one in answer.json().get("errors", [])]
        faults += [] if (answer.status_code, named) == (422, [pointer]) else [f"{name}: {answer.text}"]
    assert not faults, "\n".join(faults)
