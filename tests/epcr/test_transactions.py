"""The identified handover as a transaction: a hospital's server takes it again and again, and no Patient of another is changed."""

import copy
import json
from datetime import UTC, datetime
from typing import Any

import fhirkit
import msgspec
import psycopg
import pytest

from deploy.local.databases import Database
from services.epcr.fhir.encode import encode
from services.epcr.fhir.words import Language
from services.epcr.handover import queries
from services.epcr.handover.source import Pdf
from services.epcr.handover.transaction import Before, transaction
from shared.primitives import ids
from shared.storage.database import SET_TENANT
from tests.epcr import golden
from tests.epcr.conftest import Inside, Organisation
from tests.epcr.deliveries import described, recorded, spo2
from tests.epcr.faultless import transaction_of
from tests.epcr.fhir_server import SHARED, FhirServer, is_in_error
from tests.epcr.handovers import DESTINATION
from tests.epcr.hospitals import Hospital, Region
from tests.epcr.samples import MINIMAL, PATIENT, TYPICAL
from tests.epcr.test_documents import BODIES, LANGUAGES, READINGS, made, source
from tests.epcr.test_identities import ADA, BEA, person, values
from tests.epcr.test_observations import blocks

PDF = Pdf(b"x", "https://api.knogin.com/x")


@pytest.fixture
def region(organisation: Organisation, inside: Inside) -> Region:
    return Region(organisation, inside)


def transacted(body: dict[str, Any], language: Language = "en", **changes: Any) -> dict[str, Any]:
    told = source(golden.encounter(body, "handed_over"), language, READINGS)._replace(**changes)
    return json.loads(encode(transaction_of(told, PDF)))


def taken(hospital: Hospital, id: str, server: FhirServer) -> list[str]:
    return server.transaction(hospital.read(id, format="transaction"))


def kinds_of(bundle: dict[str, Any]) -> list[str]:
    return sorted(entry["resource"]["resourceType"] for entry in bundle["entry"])


def named(server: FhirServer, family: str) -> str:
    [found] = [
        f"Patient/{one['id']}" for one in server.of("Patient") if one.get("name", [{}])[0].get("family") == family
    ]
    return found


def typed(region: Region, *numbers: dict[str, str], **fields: Any) -> str:
    """An encounter bound for Cork, of a patient with these numbers."""
    return region.bound(region.cork, **TYPICAL | {"patient": person(*numbers, **fields)})


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_server_makes_every_entry_once_and_finds_it_again(name: str, language: Language) -> None:
    sent, server = transacted(BODIES[name], language), FhirServer()
    assert fhirkit.validate(json.dumps(sent)) == []
    assert set(server.transaction(sent)) == {"201"}
    held = copy.deepcopy(server.resources)
    assert set(server.transaction(sent)) == {"200"}
    assert (server.resources, server.dangling(), server.duplicates()) == (held, [], [])


@pytest.mark.parametrize("name", BODIES)
def test_it_has_the_resources_of_the_document_but_the_provenance(name: str) -> None:
    assert sorted([*kinds_of(transacted(BODIES[name])), "Provenance"]) == kinds_of(made(BODIES[name]))


def test_only_resources_of_the_encounter_are_changed_and_never_a_patient() -> None:
    for entry in transacted(TYPICAL)["entry"]:
        is_shared = entry["resource"]["resourceType"] in SHARED
        assert (entry["request"]["method"] == "POST") == is_shared
        assert [one["code"] for one in entry["resource"]["meta"]["security"]] == ["R"]


def test_a_code_system_with_marks_of_a_search_is_not_searched_for() -> None:
    """The register of a hospital may be any URI."""
    crooked = msgspec.structs.replace(DESTINATION, code_system="https://register.example/?a=b&_count=1|x,y")
    [hospital] = [
        entry
        for entry in transacted(TYPICAL, destination=crooked)["entry"]
        if entry["resource"].get("name") == DESTINATION.name
    ]
    assert "example" not in hospital["request"]["ifNoneExist"]
    assert crooked.code_system in [one["system"] for one in hospital["resource"]["identifier"]]


def test_a_transaction_with_a_fault_of_ours_is_made_and_the_fault_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told = source(golden.encounter(TYPICAL, "handed_over"))
    monkeypatch.setattr("services.epcr.handover.writing.problems_of_request", lambda _: ["a fault"])
    found = transaction(told, PDF, Before())
    assert set(found.faults) == {"a fault"}
    monkeypatch.undo()
    assert found.body == transaction(told, PDF, Before()).body


def test_the_crew_is_known_by_role_and_by_the_services_own_ids() -> None:
    body = TYPICAL | {
        "crew_ids": ["usr_1", "usr_2"],
        "crew": [{"id": "usr_1", "role": "lead", "qualification": "paramedic"}],
    }
    entries = {entry["fullUrl"]: entry["resource"] for entry in transacted(body)["entry"]}
    [encounter] = [one for one in entries.values() if one["resourceType"] == "Encounter"]
    roles = [entries[one["individual"]["reference"]] for one in encounter["participant"]]
    assert [[code["coding"][0]["code"] for code in one.get("code", [])] for one in roles] == [
        ["role-lead", "qualification-paramedic"],
        [],
    ]
    people = [entries[one["practitioner"]["reference"]] for one in roles]
    assert [one["identifier"][1]["value"] for one in people] == ["usr_1", "usr_2"]
    assert not any("name" in one for one in people)
    [de_identified] = [
        one["resource"]
        for one in golden.bundle(golden.projection(golden.encounter(body)))["entry"]
        if one["resource"]["resourceType"] == "PractitionerRole"
    ]
    assert "practitioner" not in de_identified
    assert "usr_1" not in json.dumps(de_identified)


def test_the_transaction_is_a_disclosure_with_the_hash_of_its_bytes(region: Region, inside: Inside) -> None:
    id = region.bound(region.cork, **TYPICAL)
    inside.receive(region.organisation.id, recorded(id, spo2("91.50")))
    answer = region.cork.handover(id, format="transaction")
    assert answer.headers["content-type"] == "application/fhir+json"
    assert b'"value":91.50' in answer.content
    [row] = region.disclosures(id)
    assert (row["content"], row["purpose"]) == ("transaction", "TREAT")
    again = region.cork.app.get(
        f"/api/v1/epcr/encounters/{id}/handover",
        params={"format": "transaction"},
        headers={"if-none-match": answer.headers["etag"]},
    )
    assert again.status_code == 304
    assert region.cork.handover(id, format="transaction").content == answer.content


def test_a_corrected_number_withdraws_the_transaction_and_leaves_the_other_patient_alone(
    region: Region, inside: Inside
) -> None:
    server = FhirServer()
    bea = typed(region, BEA, name={"family": "Bea"})
    taken(region.cork, bea, server)
    place = named(server, "Bea")
    before, beas = copy.deepcopy(server.resources[place]), len(server.about(place))
    id = typed(region, BEA, name={"family": "Ada"})
    inside.receive(region.organisation.id, recorded(id, spo2("91"), spo2("92")))
    wrong = region.cork.read(id, format="transaction")
    server.transaction(wrong)
    assert server.resources[place] == before, "even with her number"
    assert len(server.about(place)) == beas, "nothing of Ada hangs on Bea"
    answer = region.crew.write(id, {"patient": {"identifiers": [ADA]}})
    assert answer.status_code == 200, answer.text
    right = region.cork.read(id, format="transaction")
    assert fhirkit.validate(json.dumps(right)) == []
    server.transaction(right)
    assert (server.resources[place], len(server.about(place))) == (before, beas)
    sent = [kind for kind in kinds_of(wrong) if kind not in SHARED]
    withdrawn = [one for one in server.resources.values() if is_in_error(one)]
    assert sorted(one["resourceType"] for one in withdrawn) == sent
    assert [values(one) for one in withdrawn if values(one)] == []
    [ada] = [one for one in server.of("Patient") if ADA in one["identifier"]]
    assert len(server.about(f"Patient/{ada['id']}")) == len(sent), "Ada is whole"
    assert "link" not in ada, "the one with the wrong number is not the same person"
    assert (server.dangling(), server.duplicates()) == ([], [])
    held = copy.deepcopy(server.resources)
    assert set(server.transaction(region.cork.read(id, format="transaction"))) == {"200"}
    assert server.resources == held


def test_a_transaction_of_which_nothing_was_taken_before_withdraws_nothing(region: Region) -> None:
    id = typed(region, BEA)
    region.cork.read(id, format="document")
    region.crew.write(id, {"patient": {"identifiers": [ADA]}})
    assert not any(is_in_error(entry["resource"]) for entry in region.cork.read(id, format="transaction")["entry"])


def test_a_hospital_that_had_merged_a_named_patient_keeps_its_own_as_it_is(region: Region) -> None:
    server = FhirServer()
    kept = server.add(
        {"resourceType": "Patient", "identifier": [{"system": "urn:hospital", "value": "1"}], "active": True}
    )
    id = typed(region, ADA, name={"family": "Ada"})
    taken(region.cork, id, server)
    server.merge(kept, named(server, "Ada"))
    merged = copy.deepcopy(server.resources[kept])
    region.crew.write(id, {"patient": {"phones": ["+353 86 555 0101"]}, "narrative": "More."})
    taken(region.cork, id, server)
    assert server.resources[kept] == merged
    assert len(server.about(kept)) > 10
    assert server.dangling() == []


def test_a_name_that_is_learned_later_is_a_patient_that_replaces_the_unknown_one(region: Region) -> None:
    server = FhirServer()
    id = region.bound(region.cork, **MINIMAL | {"patient": {"sex": "female"}})
    taken(region.cork, id, server)
    [unknown] = server.of("Patient")
    assert unknown["name"] == [{"use": "temp", "text": "Unknown patient"}]
    region.crew.write(id, {"patient": {"name": PATIENT["name"]}})
    taken(region.cork, id, server)
    place = named(server, "Murphy")
    assert server.resources[place]["link"] == [
        {"other": {"type": "Patient", "identifier": unknown["identifier"][0]}, "type": "replaces"}
    ]
    assert server.about(f"Patient/{unknown['id']}") == []
    assert {"Encounter", "Composition"} <= {one["resourceType"] for one in server.about(place)}
    assert server.resources[f"Patient/{unknown['id']}"] == unknown
    assert (server.dangling(), server.duplicates()) == ([], [])


def current(server: FhirServer) -> list[dict[str, Any]]:
    """The Patients that no other one replaces."""
    links = [link for one in server.of("Patient") for link in one.get("link", [])]
    replaced = [link["other"]["identifier"] for link in links if link["type"] == "replaces"]
    return [one for one in server.of("Patient") if one["identifier"][0] not in replaced]


def test_a_name_that_is_corrected_and_corrected_back_is_on_the_patient_that_none_replaces(region: Region) -> None:
    server = FhirServer()
    id = region.bound(region.cork, **TYPICAL | {"patient": {"name": {"family": "Rossi"}}})
    taken(region.cork, id, server)
    for number, family in enumerate(("Russo", "Rossi", "Russo", "Russo", "Rossi", "Rosso")):
        region.crew.write(id, {"patient": {"name": {"family": family}}, "narrative": str(number)})
        once = region.cork.read(id, format="transaction")
        server.transaction(once)
        assert set(server.transaction(region.cork.read(id, format="transaction"))) == {"200"}
        [patient] = current(server)
        assert patient["name"][0]["family"] == family
        others = [one for one in server.of("Patient") if one is not patient]
        assert {"Encounter", "Composition"} <= {one["resourceType"] for one in server.about(f"Patient/{patient['id']}")}
        assert [one for other in others for one in server.about(f"Patient/{other['id']}")] == []
    assert len(server.of("Patient")) == 6
    assert (server.dangling(), server.duplicates()) == ([], [])


def test_a_death_that_was_mistyped_leaves_no_dead_patient_at_the_hospital(region: Region) -> None:
    server = FhirServer()
    id = region.bound(region.cork, **TYPICAL | {"disposition": {"outcome": "dead_on_scene"}})
    taken(region.cork, id, server)
    for ending, is_dead in (("transported", None), ("dead_on_scene", True), ("transported", None)):
        assert region.crew.write(id, {"disposition": {"outcome": ending}}).status_code == 200
        taken(region.cork, id, server)
        assert set(server.transaction(region.cork.read(id, format="transaction"))) == {"200"}
        [patient] = current(server)
        assert patient.get("deceasedBoolean") is is_dead
        assert {"Encounter", "Composition"} <= {one["resourceType"] for one in server.about(f"Patient/{patient['id']}")}
    assert (server.dangling(), server.duplicates()) == ([], [])


def test_another_member_of_the_crew_in_the_same_role_is_another_person_at_the_hospital(region: Region) -> None:
    server = FhirServer()
    lead = {"role": "lead", "qualification": "paramedic"}
    id = region.bound(region.cork, **TYPICAL | {"crew_ids": ["usr_1", "usr_2"], "crew": [lead | {"id": "usr_1"}]})
    taken(region.cork, id, server)
    assert region.crew.write(id, {"crew": [lead | {"id": "usr_2"}]}).status_code == 200
    taken(region.cork, id, server)
    [encounter] = server.of("Encounter")
    people: dict[str, bool] = {}
    for member in encounter["participant"]:
        role = server.resources[member["individual"]["reference"]]
        person = server.resources[role["practitioner"]["reference"]]["identifier"][1]["value"]
        people[person] = "type" in member
    assert people == {"usr_1": False, "usr_2": True}


def at_minute(minute: int, value: str) -> Any:
    return spo2(
        value, device_id="dev_01jdkfx3c8e2r9v5m7q4t6w0ya", observed_at=datetime(2026, 3, 23, 10, minute, tzinfo=UTC)
    )


def test_no_reading_that_was_taken_is_left_behind_when_the_extremes_are_other_ones(
    region: Region, inside: Inside
) -> None:
    server = FhirServer()
    id = region.bound(region.cork, **MINIMAL | {"patient": {"sex": "female"}})

    def shown() -> list[float]:
        found = (one for one in server.of("Observation") if "device" in one and not is_in_error(one))
        return sorted(one["valueQuantity"]["value"] for one in found)

    for minute, value, expected in (
        (1, "95", [95]),
        (2, "90", [90, 95]),
        (3, "97", [90, 95, 97]),
        (4, "96", [90, 95, 96, 97]),
        (5, "99", [90, 95, 99]),
        (6, "98", [90, 95, 98, 99]),
    ):
        inside.receive(region.organisation.id, recorded(id, at_minute(minute, value)))
        taken(region.cork, id, server)
        assert shown() == expected
    region.crew.write(id, {"patient": {"name": PATIENT["name"]}})
    taken(region.cork, id, server)
    [unknown] = [one for one in server.of("Patient") if one["name"][0]["use"] == "temp"]
    assert server.about(f"Patient/{unknown['id']}") == []
    inside.receive(region.organisation.id, recorded(id, at_minute(7, "100")))
    region.crew.write(id, {"patient": {"identifiers": [BEA]}})
    taken(region.cork, id, server)
    region.crew.write(id, {"patient": {"identifiers": [ADA]}})
    taken(region.cork, id, server)
    [ada] = [one for one in server.of("Patient") if ADA in one["identifier"]]
    assert {one["subject"].get("reference") for one in server.of("Observation") if not is_in_error(one)} == {
        f"Patient/{ada['id']}"
    }
    assert shown() == [90, 95, 100]
    assert (server.dangling(), server.duplicates()) == ([], [])


AGAIN = """
    INSERT INTO disclosures (id, tenant_id, encounter_id, identity, version, revision, destination_id, client_id, actor, purpose,
        legal_basis, content, sections, language, digest, patient, readings, trace_id)
    SELECT 'dsc_' || md5(id || n), tenant_id, encounter_id, identity, version, revision + n / 10, destination_id, client_id, actor, purpose,
        legal_basis, content, sections, language, digest, patient, readings, trace_id
    FROM disclosures, generate_series(1, 5000) n WHERE encounter_id = %s
"""
"""A hospital that asks each second, and a record that changes every ten seconds."""


def test_a_hospital_that_asks_again_and_again_makes_no_later_transaction_dearer(region: Region, inside: Inside) -> None:
    id = region.bound(region.cork, **TYPICAL)
    inside.receive(region.organisation.id, recorded(id, spo2("91"), spo2("92")))
    region.cork.read(id, format="transaction")
    region.crew.write(id, {"patient": {"identifiers": [BEA]}})
    first = region.cork.handover(id, format="transaction").content
    asked = {"encounter_id": id, "destination_id": region.cork.id, "identity": 2, "revision": 10_000, "others": []}
    statements = (queries.TAKEN_BEFORE, queries.PATIENTS_BEFORE, queries.PLACES_BEFORE)

    def read() -> int:
        return sum(blocks(inside.owner, statement, asked) for statement in statements)

    def found() -> list[Any]:
        answers = [inside.owner.execute(statement, asked).fetchall() for statement in statements]
        return [[row[:1] for row in answer] for answer in answers]

    before, known = read(), found()
    assert [len(rows) for rows in known] == [1, 1, 2]
    inside.owner.execute(AGAIN, (id,))
    inside.owner.execute("ANALYZE disclosures")
    assert read() <= before + 20
    assert found() == known
    assert inside.rows("SELECT count(*) FROM disclosures WHERE encounter_id = %s", id) == [(10_002,)]
    assert region.cork.handover(id, format="transaction").content == first


def test_two_hospitals_and_two_encounters_share_no_patient(region: Region) -> None:
    server = FhirServer()
    ids = [typed(region, ADA, name={"family": "Ada"}) for _ in range(2)]
    for id in ids:
        taken(region.cork, id, server)
    region.bind(ids[0], region.kerry)
    taken(region.kerry, ids[0], server)
    assert len({one["identifier"][0]["value"] for one in server.of("Patient")}) == 3


def test_another_destination_withdraws_nothing_that_the_first_one_took(region: Region) -> None:
    id = typed(region, BEA)
    region.cork.read(id, format="transaction")
    region.crew.write(id, {"patient": {"identifiers": [ADA]}})
    region.bind(id, region.kerry)
    sent = region.kerry.read(id, format="transaction")
    assert not any(is_in_error(entry["resource"]) for entry in sent["entry"])
    assert region.cork.handover(id, format="transaction").status_code == 403


@pytest.mark.parametrize("form", ["document", "transaction"])
def test_a_handover_names_the_maker_of_a_device_and_nobody_else_reads_it(
    region: Region, other: Organisation, inside: Inside, form: str
) -> None:
    reading = spo2()
    id = region.bound(region.cork, **TYPICAL)
    inside.receive(region.organisation.id, recorded(id, reading))
    inside.receive(other.id, described(reading.device_id, manufacturer="Other"))
    first = region.cork.handover(id, format=form)
    inside.receive(
        region.organisation.id, described(reading.device_id, 2), described(reading.device_id, 1, model="Old")
    )
    second = region.cork.handover(id, format=form)
    assert first.headers["etag"] != second.headers["etag"]
    [before], [device] = (
        [one["resource"] for one in answer.json()["entry"] if one["resource"]["resourceType"] == "Device"]
        for answer in (first, second)
    )
    assert "manufacturer" not in before
    assert (device["manufacturer"], device["modelNumber"]) == ("Corpuls", "Corpuls3")
    assert device["specialization"][0]["systemType"]["coding"][0]["code"] == "528388"
    for client in (region.partner, region.reader, region.cork.app):
        assert "Corpuls" not in json.dumps(client.bundle(id)) + json.dumps(client.read(id))


def test_texts_show_the_times_of_the_services_zone(region: Region) -> None:
    path, named = "/api/v1/epcr/sender", {"name": "Riviera Emergency Services", "time_zone": "Europe/Rome"}
    assert region.administrator.call("PUT", path, json=named).status_code == 200
    id = region.bound(region.cork, **TYPICAL)
    for form in ("document", "transaction"):
        text = region.cork.handover(id, format=form).text
        assert "2026-03-23 11:12 CET" in text
        assert "2026-03-23T10:12:00Z" in text
        assert "10:12 UTC" not in text
    assert "10:12 UTC" in json.dumps(region.reader.bundle(id))


@pytest.mark.parametrize(
    "zone", ["Europe/Atlantis", "../etc/passwd", "Europe/../Rome", "rome", "", "Europe/", 1, "CET"]
)
def test_a_zone_that_is_none_is_refused(region: Region, zone: Any) -> None:
    named = {"name": "Riviera Emergency Services", "time_zone": zone}
    answer = region.administrator.call("PUT", "/api/v1/epcr/sender", json=named)
    assert answer.status_code == 422
    assert region.reader.get("/api/v1/epcr/sender").json()["time_zone"] is None


FORGED = """
    INSERT INTO disclosures (id, tenant_id, encounter_id, identity, version, revision, destination_id, client_id, actor, purpose,
        legal_basis, content, sections, language, digest, patient, readings, trace_id)
    SELECT 'dsc_' || md5(id || 'forged'), %s, encounter_id, 1, version, 0, destination_id, client_id, actor, purpose,
        legal_basis, content, sections, language, digest, patient, readings, trace_id
    FROM disclosures WHERE encounter_id = %s LIMIT 1
"""


def test_a_disclosure_of_another_tenant_that_names_this_encounter_hides_nothing(region: Region, inside: Inside) -> None:
    id = region.bound(region.cork, **TYPICAL)
    inside.receive(region.organisation.id, recorded(id, spo2("91")))
    region.cork.read(id, format="transaction")
    taken = "SELECT * FROM patients_taken WHERE encounter_id = %s AND tenant_id = %s"
    known = inside.rows(taken, id, region.organisation.id)
    inside.owner.execute("DELETE FROM patients_taken WHERE encounter_id = %s", (id,))
    inside.owner.execute(FORGED, (ids.new_id("org"), id))
    region.cork.read(id, format="transaction")
    assert inside.rows(taken, id, region.organisation.id) == known


@pytest.mark.parametrize("table", ["patients_taken", "places_taken"])
def test_no_process_writes_or_deletes_the_record_of_a_transaction(
    region: Region, inside: Inside, database: Database, table: str
) -> None:
    """Or a hospital would not get the withdrawal of another patient's resources."""
    for dsn in (database.app, database.worker):
        for statement in (
            f"INSERT INTO {table} (tenant_id) VALUES (current_tenant())",
            f"UPDATE {table} SET identity = 1000",
            f"DELETE FROM {table}",
        ):
            with psycopg.connect(dsn) as conn:
                conn.execute(SET_TENANT, (region.organisation.id,))
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    conn.execute(statement.encode())
