"""Who saw an encounter: each call whose answer names the patient ends the sentence that nobody did, and is in the list of its page."""

import html
import re
from collections.abc import Callable

import httpx2
import pytest

from shared.primitives.ids import new_id
from tests.console.through import Signed
from tests.epcr.samples import PATIENT
from tests.support.stack import App, Stack
from tests.support.waiting import wait_for

pytestmark = pytest.mark.full

ENCOUNTERS = "/api/v1/epcr/encounters"
NOBODY = "Nobody has read this record"
OUTCOME = {"visit_number": "A-77", "stay": {"disposition": "died"}}
ROW = re.compile(r'<tr role="row">.*?</tr>', re.DOTALL)
IDENTIFIED = ("Murphy", "7654321PA", "1958-04-17")


class Service:
    """An organisation's dispatch centre, crew, two hospitals and a partner, each with an app of its own."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        words = ("first-party", "create", stack.tenant.id, "Crew's record", "argus:epcr:clinical")
        crew = App(*stack.operate("auth", *words).split())
        hospital = ["argus:epcr:handover", "argus:epcr:outcome"]
        self.apps = [stack.register_app(hospital) for _ in range(2)]
        tokens = [stack.token(app, " ".join(hospital)) for app in self.apps]
        self.dispatch = stack.client("api", stack.app_token("argus:epcr:write"))
        self.partner = stack.client("api", stack.app_token("argus:epcr:read"))
        self.crew = stack.client("api", stack.token(crew, "argus:epcr:clinical"))
        self.hospital, self.other = (stack.client("api", token) for token in tokens)
        self.admin = stack.client("api", stack.admin_token)
        self.destinations = [self._destination(app) for app in self.apps]

    def close(self) -> None:
        for client in (self.dispatch, self.partner, self.crew, self.hospital, self.other, self.admin):
            client.close()

    def _destination(self, app: App) -> str:
        draft = {
            "name": f"Hospital {app.client_id[-6:]}",
            "code": app.client_id[-12:],
            "code_system": "urn:oid:1.2.372.980010.2.1",
            "type": "emergency_department",
            "client_id": app.client_id,
            "legal_basis": "provision_of_care",
            "allows_break_glass": True,
        }
        # The app's state travels as a message.
        made = wait_for(
            lambda: one if (one := self.admin.post("/api/v1/epcr/destinations", json=draft)).is_success else None,
            what="the app to be known",
        )
        return made.json()["id"]

    def begin(self) -> str:
        """An encounter with a patient, which its partner has read without, bound for the hospital."""
        body = {"care_model": "prehospital_emergency", "vehicle_id": "AMB-42", "crew_ids": ["usr_1"]}
        body |= {"cad_incident_id": new_id("cad"), "patient": PATIENT}
        made = self.dispatch.post(ENCOUNTERS, json=body)
        assert made.status_code == 201, made.text
        path = f"{ENCOUNTERS}/{made.json()['id']}"
        self.partner.get(path).raise_for_status()
        self.partner.get(f"{path}/fhir-bundle").raise_for_status()
        named = self.admin.put(f"{path}/destination", json={"destination_id": self.destinations[0]})
        named.raise_for_status()
        return made.json()["id"]

    def handover(self, id: str, form: str) -> httpx2.Response:
        return self.hospital.get(f"{ENCOUNTERS}/{id}/handover", params={"format": form})

    def write(self, id: str) -> httpx2.Response:
        return self.crew.patch(f"/api/v1/epcr/records/{id}", json={"narrative": "Fell."}, headers={"if-match": '"1"'})

    def emergency(self, id: str) -> httpx2.Response:
        why = {
            "reason": "patient_present",
            "explanation": "The crew came to us.",
            "destination_id": self.destinations[1],
        }
        self.other.post(f"{ENCOUNTERS}/{id}/handover/emergency", json=why).raise_for_status()
        return self.other.get(f"{ENCOUNTERS}/{id}/handover")

    def outcome(self, id: str) -> httpx2.Response:
        self.hospital.post(f"{ENCOUNTERS}/{id}/outcome", json=OUTCOME).raise_for_status()
        return self.hospital.get(f"{ENCOUNTERS}/{id}/outcome")


def test_no_call_that_names_the_patient_leaves_the_sentence_that_nobody_read_the_record(stack: Stack) -> None:
    service = Service(stack)
    roads: dict[str, Callable[[str], httpx2.Response]] = {
        "record": lambda id: service.crew.get(f"/api/v1/epcr/records/{id}"),
        "written record": service.write,
        **{
            form: lambda id, form=form: service.handover(id, form)
            for form in ("json", "document", "transaction", "pdf")
        },
        "emergency": service.emergency,
        "own outcome": service.outcome,
    }
    person, faults = Signed(stack), list[str]()
    try:
        for name, read in roads.items():
            id = service.begin()
            page = f"/operations/encounters/{id}"
            before = _answered(person, page)
            if NOBODY not in before:
                faults.append(
                    f"{name}: the page of de-identified reads does not say that nobody read who the patient is"
                )
            answer = read(id)
            assert answer.status_code == 200, answer.text
            if name not in ("pdf", "own outcome") and not any(word in answer.text for word in IDENTIFIED):
                faults.append(f"{name}: the answer names no patient, so that this road tries nothing")
            after = _answered(person, page)
            if NOBODY in after:
                faults.append(f"{name}: the page still says that nobody read who the patient is")
            rows = [row for row in ROW.findall(after) if answer.headers["x-trace-id"] in row]
            if not any(">yes<" in row for row in rows):
                faults.append(f"{name}: the list has no line of this call with the identity: {rows}")
            faults += [f"{name}: no name in {row}" for row in ROW.findall(after) if "name is not readable" in row][:1]
    finally:
        person.close()
        service.close()
    assert not faults, "\n".join(faults)


def _answered(person: Signed, path: str) -> str:
    answer = person.get(path)
    assert answer.status_code == 200, answer.text
    return html.unescape(answer.text)
