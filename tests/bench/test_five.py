"""Five encounters, from monitors and crews over HTTP to every form, twice on Medplum's FHIR server. `make bench-five`."""

import json
import shutil
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import fhirkit
import httpx2
import pytest

from shared.primitives.ids import new_id
from shared.web.identity import Caller
from tests.epcr.five import BATCH, ENCOUNTERS, ENROL, FIVE, SENDER, Step
from tests.support.plain import PLAIN
from tests.support.stack import Stack
from tests.support.waiting import wait_for

pytestmark = pytest.mark.bench
FORMS = ("transaction", "document", "json", "pdf")


class Play:
    """Sends the steps of an encounter: `api` is the partner's, `crew` the crew's own application."""

    def __init__(self, api: httpx2.Client, crew: httpx2.Client) -> None:
        self.api, self.crew = api, crew
        self.encounters: dict[str, str] = {}
        self.device = ""
        self.own = new_id("x")[-8:]

    def send(self, step: Step) -> None:
        encounter = self.encounters.get(step.crew, "")
        body: Any = json.loads(json.dumps(step.body).replace("{encounter}", encounter))
        if step.path == ENCOUNTERS:
            body["cad_incident_id"] = f"{body['cad_incident_id']}-{self.own}"
            self.encounters[step.crew] = self._made(self.api.post(step.path, json=body))["id"]
        elif step.path == ENROL:
            body["serial_number"] = f"{body['serial_number']}-{self.own}"
            self.device = self._made(self.api.post(step.path, json=body))["id"]
        elif step.path == BATCH:
            results = self._made(self.api.post(step.path.replace("{device}", self.device), json=body))["results"]
            assert [one for one in results if one["status"] != 201] == []
            self._wait_for_links(len(body["observations"]))
        else:
            path = step.path.replace("{encounter}", encounter)
            version = self.crew.get(path).json()["version"]
            self._made(self.crew.patch(path, json=body, headers={"if-match": f'"{version}"'}))

    def _wait_for_links(self, count: int) -> None:
        path = f"/api/v1/devices/{self.device}/observations?limit=100"

        def linked() -> bool:
            return sum(one["encounter_link"] == "linked" for one in self.api.get(path).json()) >= count

        wait_for(linked, what="the readings to be linked")

    def _made(self, answer: httpx2.Response) -> Any:
        assert answer.is_success, answer.text
        return answer.json()


def of_patients(patients: list[dict[str, Any]]) -> dict[str | None, list[int]]:
    """The encounters of each Patient, by family name."""
    found: dict[str | None, list[int]] = {}
    for one in patients:
        found.setdefault(one["name"], []).append(one["encounters"])
    return found


def on_medplum(medplum: Path, files: list[Path]) -> dict[str, Any]:
    script = shutil.copy(Path(__file__).parent / "fhir_five.mjs", medplum)
    ran = subprocess.run(["node", script, *files], capture_output=True, text=True, check=False, timeout=600)
    assert ran.returncode == 0, ran.stderr[-3000:]
    return json.loads(ran.stdout)


def test_five_encounters_in_every_form_twice_on_medplum_are_one_patient_for_one_person(
    stack: Stack, medplum: Path, tmp_path: Path
) -> None:
    hospital_app, faults = stack.register_app(["argus:epcr:handover", "argus:epcr:read"]), list[str]()
    identified, pseudonymous, pdfs = list[Path](), list[Path](), list[Path]()
    with ExitStack() as opened:
        api = opened.enter_context(stack.client("api", stack.app_token("argus:epcr:write", "argus:devices:write")))
        admin = opened.enter_context(stack.client("api", stack.admin_token))
        token = stack.token(hospital_app, "argus:epcr:handover argus:epcr:read")
        hospital = opened.enter_context(stack.client("api", token))
        caller = Caller(
            tenant_id=stack.tenant.id,
            client_id="app_crew",
            scopes=frozenset({"argus:epcr:clinical"}),
            token_use="access",
        )
        crew = opened.enter_context(
            httpx2.Client(
                base_url=stack.service_url("epcr"),
                headers=stack.identity(caller, "epcr"),
                trust_env=False,
                verify=PLAIN,
                timeout=30,
            )
        )
        assert admin.put("/api/v1/epcr/sender", json=SENDER).is_success
        destination = {
            "name": "San Martino",
            "code": new_id("h")[-12:],
            "code_system": "urn:oid:1.2.3",
            "type": "emergency_department",
            "client_id": hospital_app.client_id,
            "legal_basis": "provision_of_care",
        }
        made = wait_for(
            lambda: (
                one if (one := admin.post("/api/v1/epcr/destinations", json=destination)).status_code == 201 else None
            ),
            what="the app to be known",
        ).json()["id"]

        def keep(files: list[Path], label: str, path: str) -> None:
            answer = hospital.get(path)
            if answer.status_code != 200:
                faults.append(f"{label}: {answer.status_code} {answer.text[:300]}")
                return
            kept = tmp_path / f"{len(files):02d} {label}.{'pdf' if answer.content[:4] == b'%PDF' else 'json'}".replace(
                "/", "_"
            )
            kept.write_bytes(answer.content)
            files.append(kept)
            if kept.suffix == ".json" and b'"Bundle"' in answer.content[:200]:
                faults.extend(f"{label}: {issue}" for issue in fhirkit.validate(answer.text))

        def read(label: str, play: Play) -> None:
            for who, id in play.encounters.items():
                one = f"{ENCOUNTERS}/{id}"
                for form in FORMS:
                    into = {"transaction": identified, "pdf": pdfs}.get(form, [])
                    query = "" if form == "json" else f"?format={form}"
                    keep(into, f"{label}, {who}, {form}", f"{one}/handover{query}")
                keep(pdfs, f"{label}, {who}, pdf in Italian", f"{one}/handover?format=pdf&language=it")
                keep(pseudonymous, f"{label}, {who}, bundle", f"{one}/fhir-bundle")
                keep([], f"{label}, {who}, summary", f"{one}/fhir-bundle?readings=summary")
                keep([], f"{label}, {who}, partner", one)

        call = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=4)
        make: Callable[..., Any]
        for name, make in FIVE.items():
            play, told = Play(api, crew), make(call)
            for step in told.steps:
                if not step.later:
                    play.send(step)
            for id in play.encounters.values():
                assert admin.put(f"{ENCOUNTERS}/{id}/destination", json={"destination_id": made}).is_success
            read(name, play)
            later = [step for step in told.steps if step.later]
            for step in later:
                play.send(step)
            if later:
                read(f"{name}, named", play)
    print(f"\nforms kept in {tmp_path}")
    for kind, files in (("identified", identified), ("pseudonymous", pseudonymous)):
        told = on_medplum(medplum, files)
        print(f"Medplum, {kind}: {len(files)} bundles, twice; {told['resources']} resources; {told['patients']}")
        faults += [f"{kind}: invalid: {one}" for one in told["invalid"]]
        faults += [f"{kind}: {told['dangling']} references dangle"] if told["dangling"] else []
        for file, (first, again) in zip(files, told["answers"], strict=True):
            if not {*first, *again} <= {"200", "201"} or again != ["200"]:
                faults.append(f"{kind}: {file.stem}: {first}, then {again}")
        with_care = [one["encounters"] for one in told["patients"] if one["encounters"]]
        if sorted(with_care) != [1, 1, 1, 1, 2]:
            faults.append(f"{kind}: five people are {told['patients']}")
    assert not faults, "\n".join(faults)
