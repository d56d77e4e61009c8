"""Planted canaries: unique words in every field that may name somebody, looked for in everything the system says, writes and stores."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx2
import psycopg
import pytest
from psycopg import sql
from redis import Redis

from shared.primitives.ids import new_id
from shared.web.identity import Caller
from tests.epcr.samples import ATC, ICD10, SNOMED, at
from tests.support.plain import PLAIN
from tests.support.receiver import Receiver, running
from tests.support.stack import Stack
from tests.support.waiting import wait_for

SERVICES = ("auth", "webhook-dispatcher", "graphql-api", "epcr", "device-ingest", "control-plane")
SCOPES = ["argus:epcr:write", "argus:devices:write", "webhooks:write"]
BIRTH_DATE, LATITUDE, LONGITUDE = "1947-02-19", "53.3498051234", "-6.2603099876"
UNCODED = ("uncoded-drug", "uncoded-substance", "uncoded-medicine", "uncoded-condition")
BORN_AT = "2026-03-23T10:43:17"
ENCOUNTERS = "/api/v1/epcr/encounters"
EVENTS = (
    *("epcr.encounter.created", "epcr.encounter.updated", "epcr.encounter.completed", "device.enrolled"),
    *("device.observations.recorded", "epcr.destination.changed", "epcr.emergency_access.opened"),
    "epcr.outcome.recorded",
)


class Aviary:
    """Words that occur nowhere else, and a record with one in every field that takes words."""

    def __init__(self) -> None:
        self.mark = new_id("x")[-10:]
        self.names: list[str] = []

    def word(self, name: str) -> str:
        self.names.append(f"canary-{name}-{self.mark}")
        return self.names[-1]

    def concept(self, system: str, code: str, name: str) -> dict[str, str]:
        return {"system": system, "code": code, "display": self.word(name)}

    def address(self, name: str) -> dict[str, Any]:
        return {
            "line": [self.word(f"{name}-street")],
            "city": self.word(f"{name}-city"),
            "state": self.word(f"{name}-state"),
            "postal_code": self.word(f"{name}-postcode"),
            "country": "IE",
            "latitude": float(LATITUDE),
            "longitude": float(LONGITUDE),
        }

    def patient(self) -> dict[str, Any]:
        return {
            "name": {"family": self.word("family"), "given": [self.word("given")], "text": self.word("name")},
            "birth_date": BIRTH_DATE,
            "sex": "female",
            "identifiers": [{"system": self.word("system"), "value": self.word("mrn")}],
            "address": self.address("home"),
            "phones": [self.word("phone")],
            "email": self.word("email"),
            "next_of_kin": [
                {
                    "name": self.word("kin"),
                    "relationship": self.word("relationship"),
                    "phones": [self.word("kin-phone")],
                    "address": self.address("kin"),
                }
            ],
        }

    def record(self) -> dict[str, Any]:
        member = self.word("crew")
        return {
            "care_model": "prehospital_emergency",
            "vehicle_id": "AMB-42",
            "crew_ids": [member],
            "crew": [{"id": member, "role": "lead"}],
            "cad_incident_id": new_id("cad"),
            "patient": self.patient(),
            "times": {"call": at("10:00:00"), "handover": at("11:00:00")},
            "primary_impression": self.concept(ICD10, "I63.9", "impression"),
            "secondary_impressions": [self.concept(ICD10, "I10", "second-impression")],
            "vital_signs": [{"taken_at": at("10:10:00"), "spo2": 96, "gcs": 14}],
            "procedures": [
                {
                    "performed_at": at("10:15:00"),
                    "procedure": self.concept(SNOMED, "392230005", "procedure"),
                    "body_site": self.concept(SNOMED, "368208006", "site"),
                    "comment": self.word("procedure-comment"),
                }
            ],
            "medications": [
                {
                    "given_at": at("10:16:00"),
                    "medication": self.concept(ATC, "B01AC06", "drug"),
                    "route": self.concept(SNOMED, "26643006", "route"),
                    "dose": {"value": 300, "unit": "mg"},
                    "comment": self.word("drug-comment"),
                },
                {"given_at": at("10:17:00"), "medication": {"display": self.word("uncoded-drug")}},
            ],
            "complaint": {"concept": self.concept(SNOMED, "29857009", "complaint"), "text": self.word("said")},
            "allergies": [
                {
                    "substance": self.concept(SNOMED, "372687004", "substance"),
                    "reactions": [self.concept(SNOMED, "126485001", "reaction")],
                    "comment": self.word("allergy-comment"),
                },
                {"substance": {"display": self.word("uncoded-substance")}, "severity": "severe"},
            ],
            "past_conditions": [
                {
                    "condition": self.concept(SNOMED, "49436004", "condition"),
                    "comment": self.word("condition-comment"),
                },
                {"condition": {"display": self.word("uncoded-condition")}},
            ],
            "current_medicines": [
                {"medicine": self.concept(ATC, "B01AC06", "medicine"), "comment": self.word("medicine-comment")},
                {"medicine": {"display": self.word("uncoded-medicine")}, "taken": "taking"},
            ],
            "injury": {"mechanism": "other", "comment": self.word("injury-comment")},
            "pregnancy": {"status": "pregnant", "born_at": f"{BORN_AT}Z"},
            "directives": {"status": "present", "comment": self.word("directive-comment")},
            "examinations": [
                {
                    "examined_at": at("10:12:00"),
                    "region": "head",
                    "result": "abnormal",
                    "findings": [self.concept(SNOMED, "25064002", "finding")],
                    "comment": self.word("examination-comment"),
                }
            ],
            "airway_attempts": [
                {
                    "attempted_at": at("10:13:00"),
                    "device": "supraglottic_airway",
                    "comment": self.word("airway-comment"),
                }
            ],
            "arrest": {"rosc": True, "comment": self.word("arrest-comment")},
            "stroke": {"suspected": True, "comment": self.word("stroke-comment")},
            "disposition": {
                "outcome": "transported",
                "destination": self.word("destination"),
                "comment": self.word("disposition-comment"),
            },
            "narrative": f"{self.word('narrative')} {LATITUDE} {BIRTH_DATE}",
        }

    def found_in(self, text: str) -> list[str]:
        """Which canaries sing in a text, in the clear or in the hexadecimal that PostgreSQL shows bytes in."""
        wanted = [*self.names, self.mark, BIRTH_DATE, BORN_AT, LATITUDE, LONGITUDE]
        return [word for word in wanted if word in text or word.encode().hex() in text]


class Told(NamedTuple):
    """All answers and messages about one encounter, and the canaries in its record."""

    stack: Stack
    aviary: Aviary
    serial_number: str
    encounter_id: str
    record: dict[str, Any]
    answers: dict[str, str]
    handovers: dict[str, bytes]
    receiver: Receiver


@pytest.fixture(scope="module")
def told(stack: Stack) -> Iterator[Told]:
    """A mission played through every road there is, errors among them."""
    aviary = Aviary()
    app = stack.register_app(SCOPES)
    stack.govern(app, approved_events=["epcr.*", "device.*"])
    token = stack.token(app, " ".join(SCOPES))
    with running(Receiver()) as listening, stack.client("api", token) as api:
        stack.subscribe(token, listening.url, *EVENTS)
        answers = _partner(api, aviary)
        encounter_id = json.loads(answers["create"])["id"]
        record = _crew(stack, encounter_id, aviary)
        serial_number = aviary.word("serial")
        _device(api, serial_number, encounter_id)
        handovers, reported = _hospital(stack, encounter_id, aviary)
        answers |= _read(api, encounter_id) | reported
        wait_for(lambda: _heard(listening, encounter_id, "epcr.outcome.recorded"), what="the hospital's report")
        wait_for(lambda: _heard(listening, encounter_id, "epcr.encounter.completed"), what="the last event")
        wait_for(lambda: _settled(stack), what="every message to be acknowledged")
        yield Told(stack, aviary, serial_number, encounter_id, record, answers, handovers, listening)


def _partner(api: httpx2.Client, aviary: Aviary) -> dict[str, str]:
    record = aviary.record()
    created = api.post(ENCOUNTERS, json=record, headers={"idempotency-key": aviary.mark})
    assert created.status_code == 201, created.text
    again = api.post(ENCOUNTERS, json=record, headers={"idempotency-key": aviary.mark})
    assert again.status_code == 201
    return {
        "create": created.text,
        "replay": again.text,
        "conflict": api.post(ENCOUNTERS, json=record).text,
        "list": api.get(ENCOUNTERS, params={"cad_incident_id": record["cad_incident_id"]}).text,
    }


def _crew(stack: Stack, encounter_id: str, aviary: Aviary) -> dict[str, Any]:
    """Completes the record as the crew's application would, past the gateway, and refuses a wrong write on the way."""
    caller = Caller(
        tenant_id=stack.tenant.id, client_id="app_crew", scopes=frozenset({"argus:epcr:clinical"}), token_use="access"
    )
    path = f"/api/v1/epcr/records/{encounter_id}"
    with httpx2.Client(
        base_url=stack.service_url("epcr"), headers=stack.identity(caller, "epcr"), trust_env=False, verify=PLAIN
    ) as crew:
        wrong = {"patient": {"sex": aviary.word("sex")}, "narrative": aviary.word("refused")}
        assert crew.patch(path, json=wrong, headers={"if-match": '"1"'}).status_code == 422
        patch = {"status": "completed", "narrative": aviary.word("second-narrative")}
        written = crew.patch(path, json=patch, headers={"if-match": '"1"'})
        assert written.status_code == 200
        return crew.get(path).json()


def _device(api: httpx2.Client, serial_number: str, encounter_id: str) -> None:
    enrolment = {"serial_number": serial_number, "device_class": "oximeter", "manufacturer": "ACME"}
    device = api.post("/api/v1/devices/enrol", json=enrolment).json()
    reading = {"mdc_code": "MDC_PULS_OXIM_SAT_O2", "value": 97.5, "unit_code": "%", "encounter_id": encounter_id}
    assert api.post(f"/api/v1/devices/{device['id']}/observations", json=reading).status_code == 201
    path = f"{ENCOUNTERS}/{encounter_id}/fhir-bundle"
    wait_for(lambda: b'"value":97.5' in api.get(path).content, what="the reading in the bundle")


def _hospital(stack: Stack, encounter_id: str, aviary: Aviary) -> tuple[dict[str, bytes], dict[str, str]]:
    """A destination reads who the patient is, and reports. Returns its own answers, and those of all others."""
    scopes = ["argus:epcr:handover", "argus:epcr:outcome"]
    apps = [stack.register_app(scopes) for _ in range(2)]
    tokens = [stack.token(app, " ".join(scopes)) for app in apps]
    path = f"{ENCOUNTERS}/{encounter_id}"
    with (
        stack.client("api", stack.admin_token) as admin,
        stack.client("api", tokens[0]) as hospital,
        stack.client("api", tokens[1]) as other,
    ):
        made = [_destination(admin, app.client_id, aviary.mark) for app in apps]
        why = {"reason": "patient_present", "explanation": aviary.word("explanation") + " came to us"}
        opened = other.post(f"{path}/handover/emergency", json=why | {"destination_id": made[1]})
        assert opened.status_code == 201, opened.text
        assert other.get(f"{path}/handover").status_code == 200
        admin.put(f"{path}/destination", json={"destination_id": made[0]}).raise_for_status()
        handovers = {
            f"{form}-{language}": hospital.get(
                f"{path}/handover", params={"format": form, "language": language}
            ).content
            for form in ("json", "document", "transaction", "pdf")
            for language in ("en", "it")
        }
        outcome = {
            "visit_number": aviary.word("visit"),
            "reported_by": aviary.word("reporter"),
            "stay": {"disposition": "died", "diagnoses": [aviary.concept(ICD10, "I63.9", "hospital-diagnosis")]},
        }
        reported = hospital.post(f"{path}/outcome", json=outcome)
        assert reported.status_code == 201, reported.text
        wrong = hospital.post(f"{path}/outcome", json=outcome | {"neurology": {"cpc": aviary.word("cpc")}})
        return handovers, {
            "opened": opened.text,
            "wrong outcome": wrong.text,
            "disclosures": admin.get(f"{path}/disclosures").text,
            "arrivals": hospital.get("/api/v1/epcr/arrivals").text,
            "destinations": admin.get("/api/v1/epcr/destinations").text,
            "not the destination": other.get(f"{path}/outcome").text,
        }


def _destination(admin: httpx2.Client, client_id: str, mark: str) -> str:
    draft = {
        "name": "Hospital",
        "code": f"{mark[::-1]}-{client_id[-6:]}",
        "code_system": "urn:oid:1.2.372.980010.2.1",
        "type": "emergency_department",
        "client_id": client_id,
        "legal_basis": "provision_of_care",
        "allows_break_glass": True,
    }
    # The app's state travels as a message.
    wait_for(lambda: admin.post("/api/v1/epcr/destinations", json=draft).status_code == 201, what="the app to be known")
    listed = admin.get("/api/v1/epcr/destinations", params={"code": draft["code"]}).json()["destinations"]
    return listed[0]["id"]


def _read(api: httpx2.Client, encounter_id: str) -> dict[str, str]:
    path = f"{ENCOUNTERS}/{encounter_id}"
    return {
        "view": api.get(path).text,
        "fhir": api.get(path, params={"format": "fhir"}).text,
        "split": api.get(f"{path}/fhir-bundle", params={"max_entries": 5}).text,
        "headers": str(api.get(path).headers),
    }


def _heard(listening: Receiver, encounter_id: str, event: str) -> bool:
    return any(event.encode() in one.body and encounter_id.encode() in one.body for one in list(listening.requests))


def _settled(stack: Stack) -> bool:
    return all(_count(stack, name, "SELECT 1 FROM outbox WHERE acknowledged_at IS NULL") == 0 for name in SERVICES)


def _count(stack: Stack, service: str, query: Any) -> int:
    with stack.database(service, "admin") as conn:
        return conn.execute(query).rowcount


def test_the_canaries_are_in_the_record_itself(told: Told) -> None:
    kept = json.dumps(told.record)
    sung = set(told.aviary.found_in(kept))
    lost = set(told.aviary.names) - sung
    of_others = {"explanation", "visit", "reporter", "hospital", "cpc"}
    assert {word.split("-")[1] for word in lost} <= {"serial", "sex", "refused", "narrative"} | of_others
    assert {BIRTH_DATE, LATITUDE, LONGITUDE} <= sung


def test_the_destination_alone_reads_them(told: Told) -> None:
    for form in ("json", "document", "transaction"):
        for language in ("en", "it"):
            sung = " ".join(told.aviary.found_in(told.handovers[f"{form}-{language}"].decode()))
            assert all(
                f"canary-{name}-" in sung
                for name in ("family", "given", "mrn", "kin", "second-narrative", "injury-comment", *UNCODED)
            )
    assert told.handovers["pdf-en"].startswith(b"%PDF-")
    assert told.handovers["pdf-en"] != told.handovers["pdf-it"]


def test_no_partner_is_answered_with_one(told: Told) -> None:
    assert told.encounter_id in told.answers["view"]
    assert {name: told.aviary.found_in(text) for name, text in told.answers.items() if told.aviary.found_in(text)} == {}


def test_no_subscriber_hears_one(told: Told) -> None:
    wait_for(lambda: len(told.receiver.requests) >= 6)
    bodies = [arrival.body.decode() for arrival in list(told.receiver.requests)]
    assert [told.aviary.found_in(body) for body in bodies if told.aviary.found_in(body)] == []


def test_no_log_and_no_span_holds_one(told: Told) -> None:
    logs = told.stack.logs()
    assert any("epcr" in name and text for name, text in logs.items())
    assert {name: told.aviary.found_in(text) for name, text in logs.items() if told.aviary.found_in(text)} == {}
    with open(told.stack.described["spans"]) as spans:
        assert told.aviary.found_in(spans.read()) == []


def test_no_metric_holds_one(told: Told) -> None:
    described = told.stack.described
    pages = [described["gateway_ops"]]
    pages += [url for service in described["services"].values() for url in service["ops"].values()]
    for page in pages:
        metrics = httpx2.get(f"{page}/metrics", trust_env=False, verify=PLAIN).text
        assert "http_requests_total" in metrics or "python_info" in metrics or "# HELP" in metrics
        assert told.aviary.found_in(metrics) == [], page


def test_redis_holds_none(told: Told) -> None:
    with Redis.from_url(told.stack.described["redis_url"]) as redis:
        for key in redis.scan_iter("*"):
            held = (redis.dump(key) or b"").decode("latin-1") + key.decode("latin-1")
            assert told.aviary.found_in(held) == [], key


@pytest.mark.parametrize("service", SERVICES)
def test_no_row_of_any_database_can_be_read_as_one(told: Told, service: str) -> None:
    """Every table, in the clear and byte for byte; only a device's serial number may be there, in the table of devices."""
    with told.stack.database(service, "admin") as conn:
        for table in _tables(conn):
            rows = conn.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table))).fetchall()
            found = {word for (row,) in rows for word in told.aviary.found_in(row)}
            if service == "device-ingest":
                found -= {told.serial_number, told.aviary.mark}
            assert found == set(), table


def _tables(conn: psycopg.Connection[Any]) -> list[str]:
    rows = conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1").fetchall()
    return [name for (name,) in rows]
