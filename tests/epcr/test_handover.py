"""Identified reading: the destination's app reads, nobody else does, and each reading is a row."""

import base64
import hashlib
import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import msgspec
import psycopg
import pytest

from services.epcr.handover import endpoints
from services.epcr.handover.endpoints import explained
from shared.primitives import ids
from tests.epcr.conftest import API, ENCOUNTERS, RECORDS, Client, Inside, Organisation
from tests.epcr.deliveries import app_changed, recorded, spo2
from tests.epcr.hospitals import ARRIVALS, DESTINATIONS, Hospital, Region, handover_of
from tests.epcr.samples import TYPICAL
from tests.support.messages import require_valid

SECRETS = ("Murphy", "Aoife", "1958-04-17", "7654321PA", "Weavers", "T12 X4Y5", "555 0100", "kitchen", "Inferior STEMI")
FORMATS = ("json", "document", "transaction", "pdf")


@pytest.fixture
def region(organisation: Organisation, inside: Inside) -> Region:
    return Region(organisation, inside)


def clinical(hospital: Hospital | Client, *scopes: str) -> Client:
    """The same app with a token of other scopes."""
    client = hospital.app if isinstance(hospital, Hospital) else hospital
    other = Client(client.http, client.tenant_id)
    other.caller = msgspec.structs.replace(client.caller, scopes=frozenset(scopes))
    return other


def test_the_destinations_app_reads_the_whole_record(region: Region) -> None:
    id = region.bound(region.cork, **TYPICAL)
    read = region.cork.read(id)
    assert read["record"] == region.crew.record(id)
    assert read["record"]["patient"]["name"]["family"] == "Murphy"
    assert (read["purpose"], read["destination_id"], read["identity"]) == ("TREAT", region.cork.id, 1)
    assert all(secret in json.dumps(read) for secret in SECRETS)


@pytest.mark.parametrize("language", ["en", "it"])
def test_the_document_has_the_hash_of_the_pdf(region: Region, inside: Inside, language: str) -> None:
    named = {"name": "Riviera Emergency Services", "phone": "+39 0183 555 0100"}
    assert region.administrator.call("PUT", "/api/v1/epcr/sender", json=named).status_code == 200
    assert region.reader.get("/api/v1/epcr/sender").json() == named | {
        "code": None,
        "code_system": None,
        "time_zone": None,
        "person_systems": [],
    }
    assert region.reader.call("PUT", "/api/v1/epcr/sender", json=named).status_code == 403
    id = region.bound(region.cork, **TYPICAL)
    inside.receive(region.organisation.id, recorded(id, spo2("91.50")))
    pdf = region.cork.handover(id, format="pdf", language=language)
    document = region.cork.handover(id, format="document", language=language)
    assert (pdf.headers["content-type"], document.headers["content-type"]) == (
        "application/pdf",
        "application/fhir+json",
    )
    resources = [entry["resource"] for entry in document.json()["entry"]]
    [reference] = [one for one in resources if one["resourceType"] == "DocumentReference"]
    attachment = reference["content"][0]["attachment"]
    assert base64.b64decode(attachment["hash"]) == hashlib.sha1(pdf.content, usedforsecurity=False).digest()
    assert attachment["url"] == f"{API}{handover_of(id)}?format=pdf&language={language}"
    assert resources[0]["custodian"]["display"] == "Riviera Emergency Services"
    assert b'"value":91.50' in document.content
    rows = region.disclosures(id)
    assert [(row["content"], row["language"]) for row in rows] == [("document", language), ("pdf", language)]
    assert rows[1]["sha256"] == hashlib.sha256(pdf.content).hexdigest()
    tags = {region.cork.handover(id, format=form, language=language).headers["etag"] for form in FORMATS}
    assert len(tags) == len(FORMATS)


@pytest.mark.parametrize("query", [{"format": "xml"}, {"language": "de"}, {"format": "pdf", "pages": "1"}])
def test_a_handover_in_no_known_form_is_refused(region: Region, query: dict[str, str]) -> None:
    id = region.bound(region.cork, **TYPICAL)
    assert region.cork.handover(id, **query).status_code == 422


def test_a_document_shares_no_identifier_with_the_bundle_of_the_same_app(region: Region) -> None:
    id = region.bound(region.cork, **TYPICAL)
    document, bundle = region.cork.read(id, format="document"), region.cork.app.bundle(id)

    def identifiers(one: Any) -> set[str]:
        found = [entry["resource"].get("identifier") for entry in one["entry"]]
        texts = [json.dumps(each) for each in found]
        return {word for text in texts for word in re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", text)}

    assert identifiers(document) & identifiers(bundle) == set()


def test_everybody_else_reads_no_more_than_before(region: Region) -> None:
    id = region.bound(region.cork, **TYPICAL)
    region.cork.read(id)
    for client in (region.partner, region.reader, region.cork.app, region.kerry.app):
        seen = [client.get(f"{ENCOUNTERS}/{id}").text, client.get(f"{ENCOUNTERS}/{id}/fhir-bundle").text]
        seen.append(client.get(ENCOUNTERS).text)
        assert [secret for secret in SECRETS for text in seen if secret in text] == []


def test_each_reading_is_a_row_that_nobody_changes(region: Region, inside: Inside) -> None:
    id = region.bound(region.cork, **TYPICAL)
    answer = region.cork.handover(id)
    [row] = region.disclosures(id)
    assert row["sha256"] == hashlib.sha256(answer.content).hexdigest()
    assert row | {"id": "", "trace_id": "", "disclosed_at": "", "sha256": "", "sections": []} == {
        "id": "",
        "encounter_id": id,
        "identity": 1,
        "version": 1,
        "revision": 1,
        "destination_id": region.cork.id,
        "destination_name": "Cork University Hospital",
        "client_id": region.cork.app.caller.client_id,
        "actor": None,
        "purpose": "TREAT",
        "legal_basis": "provision_of_care",
        "emergency_id": None,
        "emergency_reason": None,
        "content": "json",
        "sections": [],
        "language": "en",
        "sha256": "",
        "trace_id": "",
        "disclosed_at": "",
    }
    assert {"patient", "narrative", "vital_signs"} <= set(row["sections"])
    assert "arrest" not in row["sections"]
    for role in (inside.database.app, inside.database.worker):
        with psycopg.connect(role, autocommit=True) as conn:
            conn.execute("SELECT set_config('app.tenant_id', %s, false)", (region.organisation.id,))
            for statement in ("UPDATE disclosures SET purpose = 'TREAT'", "DELETE FROM disclosures"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    conn.execute(statement)
    trail = "SELECT action FROM audit WHERE tenant_id = %s AND subject_id = %s AND action LIKE 'handover%%' ORDER BY id"
    assert inside.rows(trail, region.organisation.id, id) == [("handover.ask",), ("handover.read",)]


def test_an_answer_without_data_is_no_disclosure(region: Region) -> None:
    id = region.bound(region.cork, **TYPICAL)
    tag = region.cork.handover(id).headers["etag"]
    again = region.cork.app.get(handover_of(id), headers={"if-none-match": tag})
    head = region.cork.app.call("HEAD", handover_of(id))
    assert (again.status_code, again.content, head.status_code, head.content) == (304, b"", 200, b"")
    assert len(region.disclosures(id)) == 1
    region.crew.write(id, {"narrative": "More."})
    assert region.cork.app.get(handover_of(id), headers={"if-none-match": tag}).status_code == 200
    assert [row["version"] for row in region.disclosures(id)] == [2, 1]


def test_the_patients_disclosures_are_those_of_all_encounters(region: Region, other: Organisation) -> None:
    first, second = region.bound(region.cork, **TYPICAL), region.bound(region.kerry, **TYPICAL)
    stranger = region.bound(region.cork, patient={"identifiers": [{"system": "urn:oid:1.2", "value": "998877"}]})
    region.cork.read(first)
    region.kerry.read(second)
    region.cork.read(stranger)
    assert [row["encounter_id"] for row in region.disclosures(first)] == [second, first]
    assert [row["encounter_id"] for row in region.disclosures(first, of="encounter")] == [first]
    path = f"{ENCOUNTERS}/{first}/disclosures"
    page = region.administrator.get(path, params={"limit": 1}).json()
    rest = region.administrator.get(path, params={"limit": 1, "cursor": page["next_cursor"]}).json()
    assert [row["encounter_id"] for row in page["disclosures"] + rest["disclosures"]] == [second, first]
    assert rest["next_cursor"] is None
    for client in (region.partner, region.reader, region.crew, region.cork.app):
        assert client.get(path).status_code == 403
    assert Client(other.partner.http, other.id, "platform:apps").get(path).status_code == 404


def test_a_corrected_identity_reaches_the_hospital_that_read_the_former(region: Region, inside: Inside) -> None:
    id = region.bound(region.cork, **TYPICAL)
    region.cork.read(id)
    numbers = [{"system": "urn:oid:1.2.372.980010.1.2", "value": "1112223KA"}]
    assert region.crew.write(id, {"patient": {"identifiers": numbers}}).status_code == 200
    sent = inside.messages(region.organisation.id, "webhook_dispatcher.event.v1")
    [event] = [one for one in sent if one["type"] == "epcr.identity.corrected"]
    assert region.cork.app.caller.client_id in event["recipients"]
    assert region.kerry.app.caller.client_id not in event["recipients"]
    assert region.cork.read(id)["identity"] == 2
    assert [row["identity"] for row in region.disclosures(id)] == [2, 1]
    earlier = region.bound(region.kerry, **TYPICAL)
    region.kerry.read(earlier)
    assert {row["encounter_id"] for row in region.disclosures(earlier)} == {id, earlier}


def test_reading_ends_days_after_the_encounter_ended(region: Region) -> None:
    region.change(region.cork, readable_days=3)
    id = region.bound(region.cork, **TYPICAL)
    region.age(id, 2.9)
    assert region.cork.handover(id).status_code == 200
    region.crew.write(id, {"status": "completed"})
    region.age(id, 2.9)
    assert region.cork.handover(id).status_code == 200
    region.crew.write(id, {"narrative": "A later entry does not begin the days anew."})
    region.age(id, 0.2)
    closed = region.cork.handover(id)
    assert (closed.status_code, closed.json()["reason"]) == (403, "days_are_over")


def test_naming_a_destination_again_opens_no_reading_whose_days_are_over(region: Region) -> None:
    id, ongoing = region.bound(region.cork, **TYPICAL), region.bound(region.cork, **TYPICAL)
    region.crew.write(id, {"status": "completed"})
    for one in (id, ongoing):
        region.age(one, 30.1)
        for hospital in (region.cork, region.cork):
            refused = region.bind(one, hospital)
            assert (refused.status_code, refused.json()["reason"]) == (409, "days_are_over")
        region.partner.call("DELETE", f"{ENCOUNTERS}/{one}/destination")
        assert region.bind(one, region.cork).status_code == 409
        assert region.cork.handover(one).status_code == 403
    # The other hospital has the same days after the end of the encounter.
    assert region.bind(id, region.kerry).status_code == 409
    assert region.kerry.handover(id).status_code == 404
    assert region.bind(ongoing, region.kerry).status_code == 200


def test_naming_a_destination_again_and_again_adds_no_days(region: Region) -> None:
    ended, ongoing = region.bound(region.cork, **TYPICAL), region.bound(region.cork, **TYPICAL)
    region.crew.write(ended, {"status": "completed"})
    for id in (ended, ongoing):
        for _ in range(3):
            region.age(id, 9)
            region.partner.call("DELETE", f"{ENCOUNTERS}/{id}/destination")
            assert region.bind(id, region.cork).status_code == 200
        assert region.cork.handover(id).status_code == 200
        region.age(id, 3.1)
        assert region.cork.handover(id).json()["reason"] == "days_are_over"


def test_an_administrator_opens_reading_again_with_a_reason_on_record(region: Region, inside: Inside) -> None:
    id = region.bound(region.cork, **TYPICAL)
    region.crew.write(id, {"status": "completed"})
    region.age(id, 30.1)
    refused = region.bind(id, region.cork, reopening="care_continues")
    assert (refused.status_code, refused.json()["scope"]) == (403, "platform:apps")
    wrong = region.bind(id, region.cork, region.administrator, reopening="because")
    assert wrong.json()["errors"][0]["pointer"] == "/reopening"
    assert region.cork.handover(id).status_code == 403
    assert region.bind(id, region.cork, region.administrator, reopening="care_continues").status_code == 200
    assert region.cork.handover(id).status_code == 200
    asked = "SELECT detail FROM audit WHERE action = 'destination.name' AND subject_id = %s ORDER BY id DESC LIMIT 1"
    assert inside.rows(asked, id) == [({"destination": region.cork.id, "reopening": "care_continues"},)]
    region.crew.write(id, {"narrative": "A later entry does not begin the days anew."})
    region.age(id, 30.1)
    assert region.cork.handover(id).status_code == 403
    assert region.bind(id, region.cork).status_code == 409


def test_reading_opens_with_the_destination_and_ends_with_it(region: Region) -> None:
    id = region.partner.create(**TYPICAL)
    assert region.cork.handover(id).status_code == 404
    region.bind(id, region.cork)
    assert region.cork.handover(id).status_code == 200
    region.bind(id, region.kerry)
    assert region.cork.handover(id).json()["reason"] == "destination_changed"
    assert region.kerry.handover(id).status_code == 200
    region.partner.call("DELETE", f"{ENCOUNTERS}/{id}/destination")
    assert region.kerry.handover(id).json()["reason"] == "destination_changed"


def test_an_administrator_ends_reading_at_once(region: Region) -> None:
    id, app = region.bound(region.cork, **TYPICAL), region.app()
    region.change(region.cork, client_id=app.caller.client_id)
    assert region.cork.handover(id).status_code == 404
    assert region.cork._replace(app=app).handover(id).status_code == 200
    region.change(region.cork, active=False)
    assert region.cork._replace(app=app).handover(id).json()["reason"] == "destination_closed"
    region.change(region.cork, active=True, readable_days=1)
    region.age(id, 1.1)
    assert region.cork._replace(app=app).handover(id).json()["reason"] == "days_are_over"


def test_an_app_whose_mode_became_stricter_reads_no_more(region: Region, inside: Inside) -> None:
    """Its token is from before."""
    id = region.bound(region.cork, **TYPICAL)
    state = app_changed(region.cork.app.caller.client_id, version=2, deidentification="shifted")
    inside.receive(region.organisation.id, state)
    assert region.cork.handover(id).status_code == 403
    assert region.disclosures(id) == []


def test_a_cancelled_encounter_is_not_handed_over(region: Region) -> None:
    id = region.bound(region.cork, **TYPICAL)
    region.crew.write(id, {"status": "cancelled"})
    assert region.cork.handover(id).json()["reason"] == "encounter_cancelled"


def test_of_a_reading_and_a_change_at_once_no_reading_comes_after_the_change(region: Region, inside: Inside) -> None:
    """A row of a disclosure is never later than the end of the destination that it was for."""
    for _ in range(5):
        id = region.bound(region.cork, **TYPICAL)
        with ThreadPoolExecutor(8) as pool:
            reads = [pool.submit(region.cork.handover, id) for _ in range(4)]
            change = pool.submit(region.bind, id, region.kerry)
            reads += [pool.submit(region.cork.handover, id) for _ in range(4)]
        assert change.result().status_code == 200
        assert {read.result().status_code for read in reads} <= {200, 403}
        late = """
            SELECT 1 FROM disclosures s JOIN encounter_destinations n USING (encounter_id, destination_id)
            WHERE s.encounter_id = %s AND s.disclosed_at > n.ended_at
        """
        assert inside.rows(late, id) == []
        answered = sum(read.result().status_code == 200 for read in reads)
        assert inside.rows("SELECT count(*) FROM disclosures WHERE encounter_id = %s", id) == [(answered,)]


def test_emergency_access_opens_with_a_reason_for_four_hours(region: Region, inside: Inside) -> None:
    id = region.bound(region.cork, **TYPICAL)
    assert region.kerry.handover(id).status_code == 404
    opened = region.kerry.open(id)
    assert opened.status_code == 201
    assert region.kerry.read(id)["purpose"] == "BTG"
    [row] = region.disclosures(id)
    assert (row["purpose"], row["emergency_id"], row["emergency_reason"]) == (
        "BTG",
        opened.json()["id"],
        "patient_present",
    )
    assert region.cork.read(id)["purpose"] == "TREAT"
    [review] = region.administrator.get("/api/v1/epcr/emergencies").json()["emergencies"]
    assert review | opened.json() == review
    assert (review["reason"], review["client_id"]) == ("patient_present", region.kerry.app.caller.client_id)
    assert review["explanation"].startswith("The other hospital was full")
    assert region.kerry.app.get("/api/v1/epcr/emergencies").status_code == 403
    [(sealed,)] = inside.rows("SELECT explanation FROM emergency_accesses WHERE id = %s", opened.json()["id"])
    context = explained(region.organisation.id, opened.json()["id"])
    assert b"hospital was full" in inside.keyring.decrypt(sealed, context)
    inside.owner.execute(
        "UPDATE emergency_accesses SET until = clock_timestamp() WHERE id = %s", (opened.json()["id"],)
    )
    assert region.kerry.handover(id).status_code == 404


def test_emergency_access_is_notified_and_audited(region: Region, inside: Inside) -> None:
    id = region.partner.create(**TYPICAL)
    opened = region.kerry.open(id).json()
    sent = inside.messages(region.organisation.id, "webhook_dispatcher.event.v1")
    [event] = [one for one in sent if one["type"] == "epcr.emergency_access.opened"]
    require_valid(event["type"], event["data"])
    assert event["recipients"] is None
    assert event["data"] == {
        "encounter_id": id,
        "organization_id": region.organisation.id,
        "destination_id": region.kerry.id,
        "emergency_id": opened["id"],
        "client_id": region.kerry.app.caller.client_id,
        "reason": "patient_present",
    }
    trail = "SELECT detail->>'emergency' FROM audit WHERE tenant_id = %s AND action = 'emergency.open'"
    assert inside.rows(trail, region.organisation.id) == [(opened["id"],)]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"reason": "curiosity"}, "/reason"),
        ({"explanation": "short"}, "/explanation"),
        ({"explanation": " " * 20}, "/explanation"),
        ({"explanation": "x" * 1001}, "/explanation"),
        ({"destination_id": "dst_x"}, "/destination_id"),
        ({"hours": 100}, "/hours"),
    ],
)
def test_emergency_access_without_a_reason_is_refused(region: Region, change: dict[str, Any], pointer: str) -> None:
    id = region.partner.create(**TYPICAL)
    answer = region.kerry.open(id, **change)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert region.kerry.handover(id).status_code == 404


def test_emergency_access_ends_with_the_organisations_consent_to_it(region: Region) -> None:
    id = region.partner.create(**TYPICAL)
    assert region.cork.open(id).status_code == 403
    assert region.cork.open(id, destination_id=region.kerry.id).status_code == 422
    assert region.kerry.open(id).status_code == 201
    region.change(region.kerry, allows_break_glass=False)
    assert region.kerry.handover(id).status_code == 404
    region.change(region.kerry, allows_break_glass=True, client_id=region.app().caller.client_id)
    assert region.kerry.handover(id).status_code == 404


def test_an_app_opens_few_emergencies_a_day(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "EMERGENCIES", endpoints.EMERGENCIES._replace(most=2))
    ids = [region.partner.create(**TYPICAL) for _ in range(3)]
    assert [region.kerry.open(id).status_code for id in ids] == [201, 201, 409]
    assert region.kerry.handover(ids[2]).status_code == 404


def test_a_repeated_call_opens_one_emergency(region: Region, inside: Inside) -> None:
    id = region.partner.create(**TYPICAL)
    body = {"destination_id": region.kerry.id, "reason": "patient_present", "explanation": "The crew came to us."}
    path = handover_of(id) + "/emergency"
    made = [region.kerry.app.call("POST", path, json=body, headers={"idempotency-key": "one"}) for _ in range(2)]
    assert made[0].json() == made[1].json()
    assert inside.rows("SELECT count(*) FROM emergency_accesses WHERE encounter_id = %s", id) == [(1,)]


class Attempts:
    """Every way that this test knows to read who the patient is without being the destination's app."""

    def __init__(self, region: Region, other: Organisation, inside: Inside) -> None:
        self.region, self.other, self.inside = region, other, inside
        self.id = region.bound(region.cork, **TYPICAL)
        self.past = region.bound(region.kerry, **TYPICAL)
        region.kerry.read(self.past)
        region.bind(self.past, region.cork)
        self.expired = region.bound(region.kerry, **TYPICAL)
        region.age(self.expired, 31)
        self.cancelled = region.bound(region.kerry, **TYPICAL)
        region.crew.write(self.cancelled, {"status": "cancelled"})
        self.unbound = region.partner.create(**TYPICAL)

    def all(self) -> dict[str, httpx2.Response]:
        region, cork, kerry = self.region, self.region.cork, self.region.kerry
        http, tenant_id, path = region.partner.http, region.organisation.id, handover_of(self.id)
        elsewhere = Region(self.other, self.inside)
        same_id = Client(http, self.other.id)
        same_id.caller = msgspec.structs.replace(cork.app.caller, tenant_id=self.other.id)
        moved = Client(http, tenant_id)
        moved.caller = msgspec.structs.replace(cork.app.caller, deidentification="shifted")
        safe = Client(http, tenant_id)
        safe.caller = msgspec.structs.replace(cork.app.caller, deidentification="safe_harbor")
        unknown = region.app()
        clinical_scope = clinical(cork, "argus:epcr:clinical", "argus:epcr:write")
        return {
            "another destination's app": kerry.handover(self.id),
            "another destination's app, document": kerry.handover(self.id, format="document"),
            "another destination's app, PDF": kerry.handover(self.id, format="pdf"),
            "another destination's app, transaction": kerry.handover(self.id, format="transaction"),
            "after a change of destination, transaction": kerry.handover(self.past, format="transaction"),
            "after the days, transaction": kerry.handover(self.expired, format="transaction"),
            "of a cancelled encounter, transaction": kerry.handover(self.cancelled, format="transaction"),
            "of an encounter without a destination, transaction": cork.handover(self.unbound, format="transaction"),
            "an app without a destination, transaction": unknown.get(path, params={"format": "transaction"}),
            "an app of another organisation, transaction": elsewhere.cork.handover(self.id, format="transaction"),
            "the app's id in another organisation, transaction": same_id.get(path, params={"format": "transaction"}),
            "the app in mode shifted, transaction": moved.get(path, params={"format": "transaction"}),
            "the app without the scope, transaction": clinical(cork, "argus:epcr:read").get(
                path, params={"format": "transaction"}
            ),
            "a partner that writes, transaction": region.partner.get(path, params={"format": "transaction"}),
            "the crew's application, transaction": region.crew.get(path, params={"format": "transaction"}),
            "only the head, transaction": kerry.app.call("HEAD", path, params={"format": "transaction"}),
            "after a change of destination": kerry.handover(self.past),
            "after a change of destination, document": kerry.handover(self.past, format="document"),
            "after a change of destination, PDF": kerry.handover(self.past, format="pdf"),
            "after the days": kerry.handover(self.expired),
            "after the days, PDF": kerry.handover(self.expired, format="pdf", language="it"),
            "of a cancelled encounter": kerry.handover(self.cancelled),
            "of an encounter without a destination": cork.handover(self.unbound),
            "an app without a destination": unknown.get(path),
            "an app of another organisation": elsewhere.cork.handover(self.id),
            "an administrator of another organisation": elsewhere.administrator.get(path),
            "the app's id in another organisation": same_id.get(path),
            "the app in mode shifted": moved.get(path),
            "the app in mode safe_harbor": safe.get(path),
            "the app without the scope": clinical(cork, "argus:epcr:read").get(path),
            "the app with other scopes": clinical_scope.get(path),
            "the app with the scope of outcomes alone": clinical(cork, "argus:epcr:outcome").get(path),
            "a scope of another case": clinical(cork, "ARGUS:EPCR:HANDOVER").get(path),
            "a scope with more words": clinical(cork, "argus:epcr:handover:read").get(path),
            "a partner that writes": region.partner.get(path),
            "a partner that reads": region.reader.get(path),
            "the crew's application": region.crew.get(path),
            "the administrator": region.administrator.get(path),
            "nobody": http.get(path),
            "a forged identity": http.get(path, headers={"x-knogin-identity": "test-1.e30.x"}),
            "emergency without permission": cork.open(self.unbound),
            "emergency in another destination's name": cork.open(self.unbound, destination_id=kerry.id),
            "emergency from another organisation": elsewhere.kerry.open(self.id),
            "emergency without the scope": clinical(kerry, "argus:epcr:read").call(
                "POST", path + "/emergency", json={"destination_id": kerry.id}
            ),
            "binding the encounter oneself": clinical(kerry, "argus:epcr:write").call(
                "PUT", f"{ENCOUNTERS}/{self.unbound}/destination", json={"destination_id": kerry.id}
            ),
            "defining a destination oneself": kerry.app.call(
                "POST", DESTINATIONS, json=region.draft(client_id=kerry.app.caller.client_id)
            ),
            "taking over a destination": kerry.app.call(
                "PATCH", f"{DESTINATIONS}/{cork.id}", json={"client_id": kerry.app.caller.client_id}
            ),
            "the crew's own route": cork.app.get(f"{RECORDS}/{self.id}"),
            "the list of disclosures": cork.app.get(f"{ENCOUNTERS}/{self.id}/disclosures"),
            "an id in another form": cork.app.get(handover_of(self.id.upper())),
            "an id that is none": cork.app.get(handover_of("enc_x")),
            "an id of nothing": cork.app.get(handover_of(ids.new_id("enc"))),
            "a tag of everything": kerry.app.get(path, headers={"if-none-match": "*"}),
            "only the head": kerry.app.call("HEAD", path),
            "a format that is none": cork.handover(self.id, format="xml"),
            "two formats": kerry.app.get(path, params=[("format", "json"), ("format", "transaction")]),
            "the transaction of the de-identified route": cork.app.get(
                f"{ENCOUNTERS}/{self.id}/fhir-bundle", params={"format": "transaction"}
            ),
        }


def test_no_attempt_of_another_reads_who_the_patient_is(region: Region, other: Organisation, inside: Inside) -> None:
    attempts = Attempts(region, other, inside)
    before = inside.rows("SELECT count(*) FROM disclosures")
    answers = attempts.all()
    assert len(answers) >= 55
    assert {name: answer.status_code for name, answer in answers.items() if answer.status_code < 400} == {}
    assert [name for name, answer in answers.items() for secret in SECRETS if secret in answer.text] == []
    assert inside.rows("SELECT count(*) FROM disclosures") == before
    assert region.cork.handover(attempts.id).status_code == 200


def test_arrivals_name_no_patient(region: Region) -> None:
    region.bound(region.cork, **TYPICAL)
    text = region.cork.app.get(ARRIVALS).text
    assert [secret for secret in SECRETS if secret in text] == []
