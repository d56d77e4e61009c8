"""The crew's application reads the whole record and writes on: every write is a version, and none is lost."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from tests.epcr.conftest import ENCOUNTERS, RECORDS, Inside, Organisation
from tests.epcr.fhir_server import FhirServer
from tests.epcr.samples import ICD10, TYPICAL, at
from tests.epcr.sealed import unseal
from tests.support.waiting import wait_for

JSON_RATHER = "application/fhir+json;q=0.5, application/json"


@pytest.fixture
def typical(organisation: Organisation) -> str:
    """The id of an encounter with a whole record."""
    return organisation.partner.create(**TYPICAL)


def test_a_write_names_the_version_it_was_made_from(organisation: Organisation, typical: str) -> None:
    read = organisation.crew.get(f"{RECORDS}/{typical}")
    assert read.headers["etag"] == '"1"'
    written = organisation.crew.write(typical, {"narrative": "Better."}, 1)
    assert (written.status_code, written.headers["etag"]) == (200, '"2"')
    assert organisation.crew.write(typical, {"narrative": "Stale."}, 1).status_code == 412
    unnamed = organisation.crew.call("PATCH", f"{RECORDS}/{typical}", json={"narrative": "Blind."})
    assert unnamed.status_code == 428
    assert organisation.crew.write(typical, {"narrative": "Any."}, "*").status_code == 200
    assert organisation.crew.write(typical, {"narrative": "Weak."}, 'W/"3"').status_code == 412
    assert organisation.crew.record(typical)["narrative"] == "Any."


def test_of_many_that_write_on_one_version_one_succeeds(organisation: Organisation, typical: str) -> None:
    def write(number: int) -> int:
        return organisation.crew.write(typical, {"narrative": f"By {number}."}, 1).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(write, range(8)))
    assert statuses == [200] + [412] * 7
    assert organisation.crew.record(typical)["version"] == 2


def test_two_that_write_at_the_same_moment_never_both_succeed(
    organisation: Organisation, typical: str, inside: Inside
) -> None:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with (
        psycopg.connect(inside.database.admin, autocommit=True) as watcher,
        psycopg.connect(inside.database.migrator) as holder,
        ThreadPoolExecutor(2) as pool,
    ):
        holder.execute("SELECT FROM encounters WHERE id = %s FOR UPDATE", (typical,))
        writes = [pool.submit(organisation.crew.write, typical, {"narrative": text}, 1) for text in ("One.", "Two.")]
        wait_for(lambda: watcher.execute(waiting).fetchone() == (2,), what="both to wait for the record")
        holder.rollback()
        assert sorted(write.result().status_code for write in writes) == [200, 412]


def test_a_patch_changes_what_it_names_and_nothing_else(organisation: Organisation, typical: str) -> None:
    before = organisation.crew.record(typical)
    patch = {"times": {"handover": None, "left_scene": at("10:33:00")}, "patient": {"name": {"given": ["Aoife", "M."]}}}
    after = organisation.crew.write(typical, patch).json()
    assert after["times"] == before["times"] | {"handover": None, "left_scene": at("10:33:00")}
    assert after["patient"]["name"] == {"family": "Murphy", "given": ["Aoife", "M."], "text": None}
    unchanged = ("medications", "procedures", "vital_signs", "primary_impression", "narrative", "disposition")
    assert {name: after[name] for name in unchanged} == {name: before[name] for name in unchanged}


def test_null_clears_a_section(organisation: Organisation, typical: str) -> None:
    after = organisation.crew.write(typical, {"narrative": None, "patient": None, "primary_impression": None}).json()
    assert (after["narrative"], after["patient"], after["primary_impression"]) == (None, None, None)


def test_entries_are_added_and_replaced_by_id_and_never_lost(organisation: Organisation, typical: str) -> None:
    before = organisation.crew.record(typical)["vital_signs"]
    corrected = before[0] | {"spo2": 90, "temperature": None}
    new = {"taken_at": at("10:45:00"), "heart_rate": 90}
    after = organisation.crew.write(typical, {"vital_signs": [new, corrected]}).json()["vital_signs"]
    assert [signs["id"] for signs in after[:2]] == [signs["id"] for signs in before]
    assert (after[0]["spo2"], after[0]["temperature"]) == (90, None)
    assert after[1] == before[1]
    assert after[2]["heart_rate"] == 90
    assert after[2]["id"].startswith("vit_")


def test_what_was_not_done_has_no_result_but_a_mistake_may_be_withdrawn_as_it_stands(
    organisation: Organisation, typical: str
) -> None:
    done = organisation.crew.record(typical)["procedures"][1] | {"not_done": "unable"}
    answer = organisation.crew.write(typical, {"procedures": [done]})
    assert answer.status_code == 422
    pointers = [error["pointer"] for error in answer.json()["errors"]]
    assert pointers == ["/procedures/0/outcome", "/procedures/0/not_done"]
    for correction in ({"outcome": "unsuccessful"}, {"outcome": None}, {"entered_in_error": True}):
        assert organisation.crew.write(typical, {"procedures": [done | correction]}).status_code == 200


@pytest.mark.parametrize(
    ("patch", "pointer"),
    [
        ({"vital_signs": [{"id": "vit_unknown", "taken_at": at("10:00:00")}]}, "/vital_signs/0/id"),
        ({"colour": "red"}, "/colour"),
        ({"vehicle_id": "AMB-1"}, "/vehicle_id"),
        ({"status": "lost"}, "/status"),
        ({"patient": {"sex": "F"}}, "/patient/sex"),
    ],
)
def test_a_patch_that_does_not_fit_changes_nothing(
    organisation: Organisation, typical: str, patch: dict[str, Any], pointer: str
) -> None:
    refused = organisation.crew.write(typical, {"narrative": "Half."} | patch)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)
    assert organisation.crew.record(typical)["version"] == 1


def test_an_entry_named_twice_is_refused(organisation: Organisation, typical: str) -> None:
    [first, _] = organisation.crew.record(typical)["vital_signs"]
    assert organisation.crew.write(typical, {"vital_signs": [first, first]}).status_code == 422


def test_a_patch_that_says_what_is_there_already_is_no_version(organisation: Organisation, typical: str) -> None:
    before = organisation.crew.record(typical)
    again = organisation.crew.write(typical, {"times": before["times"], "medications": before["medications"]})
    assert (again.status_code, again.json()) == (200, before)
    assert organisation.crew.write(typical, {}).json() == before


def test_status_moves_only_forward(organisation: Organisation, typical: str) -> None:
    def move(status: str) -> int:
        return organisation.crew.write(typical, {"status": status}).status_code

    assert move("handed_over") == 409
    assert move("completed") == 200
    assert move("in_progress") == 409
    assert move("cancelled") == 409
    assert move("handed_over") == 200
    assert move("completed") == 409
    cancelled = organisation.partner.create()
    assert organisation.crew.write(cancelled, {"status": "cancelled"}).status_code == 200
    assert organisation.crew.write(cancelled, {"status": "in_progress"}).status_code == 409


def test_every_version_is_kept(organisation: Organisation, typical: str, inside: Inside) -> None:
    organisation.crew.write(typical, {"narrative": "Second."})
    organisation.crew.write(typical, {"narrative": "Third.", "status": "completed"})
    query = "SELECT version, status, client_id, record FROM encounter_versions WHERE encounter_id = %s ORDER BY version"
    versions = inside.rows(query, typical)
    narratives = [unseal(row[3], inside.keyring, organisation.id, typical).narrative for row in versions]
    assert narratives == [TYPICAL["narrative"], "Second.", "Third."]
    crew = organisation.crew.caller.client_id
    assert [row[:3] for row in versions] == [
        (1, "in_progress", organisation.partner.caller.client_id),
        (2, "in_progress", crew),
        (3, "completed", crew),
    ]


def test_subscribers_are_told_of_each_write_and_of_completion_once(
    organisation: Organisation, typical: str, inside: Inside
) -> None:
    for patch in (
        {"narrative": "On scene."},
        {"status": "completed"},
        {"narrative": "Late."},
        {"status": "handed_over"},
    ):
        organisation.crew.write(typical, patch)
    events = inside.messages(organisation.id, "webhook_dispatcher.event.v1")
    told = [(event["type"], event["data"]["version"], event["data"]["status"]) for event in events]
    assert told == [
        ("epcr.encounter.created", 1, "in_progress"),
        ("epcr.encounter.updated", 2, "in_progress"),
        ("epcr.encounter.completed", 3, "completed"),
        ("epcr.encounter.updated", 4, "completed"),
        ("epcr.encounter.updated", 5, "handed_over"),
    ]
    facts = inside.messages(organisation.id, "graphql_api.encounter_facts.v1")
    assert [fact["version"] for fact in facts] == [1, 2, 3, 4, 5]


def test_a_refused_write_tells_nobody(organisation: Organisation, typical: str, inside: Inside) -> None:
    organisation.crew.write(typical, {"status": "handed_over"})
    assert len(inside.messages(organisation.id, "webhook_dispatcher.event.v1")) == 1


def test_a_hospital_that_has_the_encounter_is_brought_up_to_date(organisation: Organisation, typical: str) -> None:
    hospital = FhirServer()
    hospital.transaction(organisation.hospital.bundle(typical))
    count = len(hospital.resources)
    first, second = organisation.crew.record(typical)["vital_signs"]
    medication = organisation.crew.record(typical)["medications"][0]
    patch = {
        "status": "completed",
        "primary_impression": {"system": ICD10, "code": "I21.0"},
        "vital_signs": [first | {"spo2": 88, "temperature": None}, {"taken_at": at("10:50:00"), "pain": 1}],
        "medications": [medication | {"entered_in_error": True}],
    }
    assert organisation.crew.write(typical, patch).status_code == 200
    sent = organisation.hospital.bundle(typical)
    statuses = hospital.transaction(sent)
    assert (statuses.count("201"), len(hospital.resources)) == (2, count + 2)
    assert hospital.dangling() == hospital.duplicates() == []
    [encounter] = hospital.of("Encounter")
    assert (encounter["status"], encounter["reasonCode"][0]["coding"][0]["code"]) == ("finished", "I21.0")
    [composition] = hospital.of("Composition")
    assert composition["status"] == "final"
    observations = {
        one["code"]["coding"][0]["code"]: one for one in hospital.of("Observation") if at("10:12:00") in str(one)
    }
    assert observations["2708-6"]["valueQuantity"]["value"] == 88
    assert observations["8310-5"]["status"] == "entered-in-error"
    statuses_given = [one["status"] for one in hospital.of("MedicationAdministration")]
    assert statuses_given.count("entered-in-error") == 1
    assert second["heart_rate"] == 96
    assert set(hospital.transaction(sent)) == {"200"}


def test_a_section_taken_out_is_withdrawn_from_a_hospital_that_has_it(organisation: Organisation) -> None:
    stroke = {"suspected": True, "face": "abnormal", "nihss": 7}
    id = organisation.partner.create(stroke=stroke, arrest={"rosc": True})
    hospital = FhirServer()
    hospital.transaction(organisation.hospital.bundle(id))
    assert [one["status"] for one in hospital.of("Observation")] == ["final"] * 3
    organisation.crew.write(id, {"stroke": None, "arrest": {"rosc": None, "comment": "Was another patient's."}})
    assert set(hospital.transaction(organisation.hospital.bundle(id))) == {"200"}
    assert [one["status"] for one in hospital.of("Observation")] == ["entered-in-error"] * 3
    assert "valueQuantity" not in str(hospital.of("Observation"))
    organisation.crew.write(id, {"arrest": {"comment": "Not told to hospitals."}})
    hospital.transaction(organisation.hospital.bundle(id))
    assert [one["status"] for one in hospital.of("Observation")] == ["entered-in-error"] * 3
    organisation.crew.write(id, {"arrest": {"rosc": False}})
    hospital.transaction(organisation.hospital.bundle(id))
    assert sorted(one["status"] for one in hospital.of("Observation")) == [
        "entered-in-error",
        "entered-in-error",
        "final",
    ]


def test_a_report_written_on_after_completion_is_amended(organisation: Organisation, typical: str) -> None:
    def status() -> str:
        return organisation.hospital.bundle(typical)["entry"][-1]["resource"]["status"]

    assert status() == "preliminary"
    organisation.crew.write(typical, {"status": "completed"})
    assert status() == "final"
    organisation.crew.write(typical, {"status": "handed_over"})
    assert status() == "final"
    organisation.crew.write(typical, {"arrest": {"rosc": True}})
    assert status() == "amended"


def test_an_unchanged_record_is_not_sent_again(organisation: Organisation, typical: str) -> None:
    again = organisation.crew.get(f"{RECORDS}/{typical}", headers={"if-none-match": '"1"'})
    assert (again.status_code, again.content) == (304, b"")


def test_the_same_version_is_the_same_bytes_by_every_road(organisation: Organisation, typical: str) -> None:
    path = f"{ENCOUNTERS}/{typical}"
    roads = [
        organisation.hospital.get(f"{path}/fhir-bundle"),
        organisation.hospital.get(path, params={"format": "fhir"}),
        organisation.hospital.get(path, headers={"accept": "application/fhir+json"}),
        organisation.hospital.get(path, headers={"accept": "application/fhir+json;q=0.9, */*;q=0.1"}),
        organisation.hospital.get(path, headers={"accept": "application/json;q=0.8, application/fhir+json; q=0.9"}),
        organisation.hospital.get(f"{path}/fhir-bundle"),
    ]
    assert len({road.content for road in roads}) == 1
    assert len({road.headers["etag"] for road in roads}) == 1
    for road in roads:
        assert road.headers["content-type"] == "application/fhir+json"
        assert road.headers["cache-control"] == "no-store"
    tags = {roads[0].headers["etag"], organisation.hospital.get(path).headers["etag"]}
    tags |= {organisation.hospital.get(f"{path}/fhir-bundle?max_entries={n}").headers["etag"] for n in (5, 6)}
    assert len(tags) == 4
    for accept in ("application/json", "*/*", "application/fhir+json;q=0, */*", "application/fhir+xml", JSON_RATHER):
        plain = organisation.hospital.get(path, headers={"accept": accept})
        assert plain.headers["content-type"] == "application/json"
    known = organisation.hospital.get(f"{path}/fhir-bundle", headers={"if-none-match": roads[0].headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")


def test_a_split_export_is_asked_for_by_size(organisation: Organisation, typical: str) -> None:
    path = f"{ENCOUNTERS}/{typical}/fhir-bundle"
    split = organisation.hospital.get(path, params={"max_entries": 10})
    assert split.headers["content-type"] == "application/json"
    hospital = FhirServer()
    for bundle in split.json()["bundles"]:
        assert len(bundle["entry"]) <= 10
        hospital.transaction(bundle)
    assert len(hospital.resources) == len(organisation.hospital.bundle(typical)["entry"])
    for wrong in ("3", "x", "10001"):
        assert organisation.hospital.get(path, params={"max_entries": wrong}).status_code == 422
    plain = organisation.hospital.get(f"{ENCOUNTERS}/{typical}", params={"max_entries": 10})
    assert plain.status_code == 422
    assert organisation.hospital.get(f"{ENCOUNTERS}/{typical}", params={"format": "xml"}).status_code == 422
