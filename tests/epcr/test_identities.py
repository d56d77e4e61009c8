"""A correction of who the patient is: nobody else's Patient changes at a hospital, and the resources that were sent are withdrawn."""

import copy
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import fhirkit
import httpx2
import msgspec
import psycopg
import pytest

from deploy.local import ports
from deploy.local.databases import Database
from deploy.local.redis_server import RedisServer
from services.epcr.encounters import queries
from services.epcr.encounters.editions import HELD_DAYS
from services.epcr.encounters.identities import MOST_IN_GROUP
from services.webhook_dispatcher.fanout.intake import violation
from tests.epcr.conftest import ENCOUNTERS, Calendar, Client, Inside, Organisation, settings_for
from tests.epcr.deliveries import app_changed, recorded, spo2
from tests.epcr.fhir_server import SHARED, FhirServer, is_in_error
from tests.epcr.samples import ARREST, MINIMAL, PATIENT, TYPICAL
from tests.epcr.test_attacker import moved_to
from tests.support.alone import environment_of
from tests.support.child import start_child
from tests.support.plain import PLAIN
from tests.support.waiting import PATIENCE, wait_for

ROOT = Path(__file__).parents[2]
EVENT = "webhook_dispatcher.event.v1"
NATIONAL, PASSPORT = "urn:oid:1.2.372.980010.1.2", "http://hl7.org/fhir/sid/passport-IRL"
TAX_CODE = "http://hl7.it/sid/codiceFiscale"
ADA, BEA = {"system": NATIONAL, "value": "4711080JA"}, {"system": NATIONAL, "value": "4711801TA"}


def person(*numbers: dict[str, str], **fields: Any) -> dict[str, Any]:
    return {"sex": "female", "birth_date": "1958-04-17"} | fields | {"identifiers": list(numbers)}


def mistyped(organisation: Organisation, **fields: Any) -> str:
    """An encounter of Ada with Bea's number."""
    ada = person(BEA, sex="female", birth_date="1931-02-03")
    return organisation.partner.create(**TYPICAL | ARREST | {"patient": ada} | fields)


def correct(organisation: Organisation, id: str, *numbers: dict[str, str]) -> None:
    answer = organisation.crew.write(id, {"patient": {"identifiers": list(numbers)}})
    assert answer.status_code == 200, answer.text


def patient_of(client: Client, id: str) -> str:
    return client.read(id)["patient"]["id"]


def corrections(inside: Inside, tenant_id: str) -> list[dict[str, Any]]:
    found = [one for one in inside.messages(tenant_id, EVENT) if one["type"] == "epcr.identity.corrected"]
    for one in found:
        assert violation(one["type"], one["data"]) is None
    return found


def of_patient(hospital: FhirServer, pseudonym: str) -> str:
    """The place of the Patient with that pseudonym."""
    [found] = [
        f"Patient/{one['id']}" for one in hospital.of("Patient") if pseudonym in [i["value"] for i in one["identifier"]]
    ]
    return found


def values(resource: dict[str, Any]) -> list[str]:
    """Members of a resource and its components that hold a result."""
    parts = [resource, *resource.get("component", [])]
    return [name for part in parts for name in part if name.startswith(("value", "dosage", "outcome", "extension"))]


def test_a_corrected_number_leaves_the_other_patient_alone_and_withdraws_what_was_sent(
    organisation: Organisation, inside: Inside
) -> None:
    hospital, server = organisation.hospital, FhirServer()
    bea = organisation.partner.create(**TYPICAL | {"patient": person(BEA, sex="male", birth_date="1990-01-01")})
    server.transaction(hospital.bundle(bea))
    place = of_patient(server, patient_of(hospital, bea))
    before, beas = copy.deepcopy(server.resources[place]), len(server.about(place))
    id = mistyped(organisation)
    inside.receive(organisation.id, recorded(id, spo2("91"), spo2("92")))
    assert patient_of(hospital, id) == patient_of(hospital, bea)
    wrong = hospital.bundle(id)
    server.transaction(wrong)
    assert server.resources[place] == before, "even the wrong export changes no Patient"
    correct(organisation, id, ADA)
    right = hospital.bundle(id)
    assert fhirkit.validate(json.dumps(right)) == []
    server.transaction(right)
    assert server.resources[place] == before
    assert len(server.about(place)) == beas, "nothing of Ada hangs on Bea"
    ada = of_patient(server, patient_of(hospital, id))
    assert ada != place
    sent = [entry["resource"]["resourceType"] for entry in wrong["entry"]]
    expected = len([kind for kind in sent if kind not in SHARED])
    assert len(server.about(ada)) == expected, "Ada is whole"
    assert (server.dangling(), server.duplicates()) == ([], [])
    withdrawn = [one for one in server.resources.values() if is_in_error(one)]
    assert len(withdrawn) == expected
    assert [values(one) for one in withdrawn if values(one)] == []
    again = copy.deepcopy(server.resources)
    assert set(server.transaction(hospital.bundle(id))) == {"200"}
    assert server.resources == again
    [composition] = [one for one in server.of("Composition") if one.get("subject", {}).get("reference") == ada]
    old = next(one["resource"] for one in wrong["entry"] if one["resource"]["resourceType"] == "Composition")
    assert composition["relatesTo"] == [{"code": "replaces", "targetIdentifier": old["identifier"]}]


def test_a_hospital_that_had_merged_the_patient_keeps_its_own_as_it_is(organisation: Organisation) -> None:
    hospital, server = organisation.hospital, FhirServer()
    own = {
        "resourceType": "Patient",
        "identifier": [{"system": "urn:hospital", "value": "1"}],
        "name": [{"text": "Bea"}],
    }
    kept = server.add(own)
    id = mistyped(organisation)
    server.transaction(hospital.bundle(id))
    server.merge(kept, of_patient(server, patient_of(hospital, id)))
    merged = copy.deepcopy(server.resources[kept])
    organisation.crew.write(id, {"patient": {"sex": "male", "birth_date": "1940-01-01"}})
    server.transaction(hospital.bundle(id))
    assert server.resources[kept] == merged, "what is learned of Ada does not reach Bea"
    assert server.about(kept)
    correct(organisation, id, ADA)
    server.transaction(hospital.bundle(id))
    assert server.resources[kept] == merged
    assert server.about(kept) == []
    assert len(server.about(of_patient(server, patient_of(hospital, id)))) > 10
    assert server.dangling() == []


def test_a_split_export_withdraws_as_well(organisation: Organisation) -> None:
    hospital, server = organisation.hospital, FhirServer()
    id = mistyped(organisation)
    server.transaction(hospital.bundle(id))
    wrong = of_patient(server, patient_of(hospital, id))
    correct(organisation, id, ADA)
    whole = hospital.bundle(id)
    split = hospital.get(f"{ENCOUNTERS}/{id}/fhir-bundle", params={"max_entries": 10}).json()["bundles"]
    for bundle in split:
        assert len(bundle["entry"]) <= 10
        server.transaction(bundle)
    assert (server.about(wrong), server.dangling(), server.duplicates()) == ([], [], [])
    assert {entry["fullUrl"] for bundle in split for entry in bundle["entry"]} == {
        one["fullUrl"] for one in whole["entry"]
    }


def test_only_apps_that_fetched_it_get_the_event_and_the_withdrawal(
    organisation: Organisation, other: Organisation, inside: Inside
) -> None:
    reader, hospital = Client(organisation.hospital.http, organisation.id, "argus:epcr:read"), organisation.hospital
    stranger = Client(organisation.hospital.http, organisation.id, "argus:epcr:read")
    id = mistyped(organisation)
    hospital.bundle(id)
    reader.read(id)
    stranger.get(ENCOUNTERS)
    correct(organisation, id, ADA)
    [event] = corrections(inside, organisation.id)
    clients = {client.caller.client_id for client in (organisation.partner, hospital, reader)}
    assert set(event["recipients"]) == clients
    assert event["data"] == {"encounter_id": id, "organization_id": organisation.id, "identity": 2, "version": 2}
    assert corrections(inside, other.id) == []
    for client, withdraws in ((hospital, True), (reader, False), (stranger, False)):
        states = [entry["resource"].get("status") for entry in client.bundle(id)["entry"]]
        assert ("entered-in-error" in states) == withdraws
        assert client.read(id)["identity"] == 2
    assert other.hospital.get(f"{ENCOUNTERS}/{id}/fhir-bundle").status_code == 404


def test_what_was_never_sent_is_not_withdrawn(organisation: Organisation, inside: Inside) -> None:
    hospital, server = organisation.hospital, FhirServer()
    id = mistyped(organisation)
    inside.receive(organisation.id, recorded(id, spo2("91")))
    sent = hospital.bundle(id)
    inside.receive(organisation.id, recorded(id, spo2("92")))
    organisation.crew.write(id, {"vital_signs": [{"taken_at": "2026-03-23T10:40:00Z", "pain": 2}]})
    correct(organisation, id, ADA)
    server.transaction(sent)
    answers = server.transaction(hospital.bundle(id))
    withdrawn = [one for one in server.resources.values() if is_in_error(one)]
    kinds = [entry["resource"]["resourceType"] for entry in sent["entry"]]
    assert len(withdrawn) == len([kind for kind in kinds if kind not in SHARED])
    assert answers.count("200") == len(withdrawn) + len([kind for kind in kinds if kind in SHARED - {"Patient"}])


def test_a_correction_is_made_again_and_back(organisation: Organisation, inside: Inside) -> None:
    hospital, server = organisation.hospital, FhirServer()
    id = mistyped(organisation)
    first = patient_of(hospital, id)
    for numbers in ([ADA], [{"system": NATIONAL, "value": "1234990QA"}], [BEA]):
        server.transaction(hospital.bundle(id))
        correct(organisation, id, *numbers)
    server.transaction(hospital.bundle(id))
    assert patient_of(hospital, id) == first
    assert [one["data"]["identity"] for one in corrections(inside, organisation.id)] == [2, 3, 4]
    live = [one for one in server.of("Encounter") if one["status"] != "entered-in-error"]
    assert len(live) == 1
    assert (server.dangling(), server.duplicates()) == ([], [])


def test_a_number_that_is_withdrawn_without_another_is_a_correction(organisation: Organisation, inside: Inside) -> None:
    id = mistyped(organisation)
    before = patient_of(organisation.hospital, id)
    correct(organisation, id)
    after = patient_of(organisation.hospital, id)
    assert before != after
    assert [one["data"]["identity"] for one in corrections(inside, organisation.id)] == [2]
    unknown = organisation.partner.create(patient={"sex": "female"})
    assert patient_of(organisation.hospital, unknown) != after


def test_the_crew_states_that_the_patient_is_another_where_there_is_no_number(
    organisation: Organisation, inside: Inside
) -> None:
    id = organisation.partner.create(patient={"sex": "female", "name": {"family": "Rossi"}})
    before = patient_of(organisation.hospital, id)
    assert organisation.crew.write(id, {"patient": {"name": {"family": "Bianchi"}}}).status_code == 200
    assert patient_of(organisation.hospital, id) == before
    swapped = {"patient": {"name": {"family": "Verdi"}}, "is_other_patient": True}
    assert organisation.crew.write(id, swapped).status_code == 200
    assert patient_of(organisation.hospital, id) != before
    assert len(corrections(inside, organisation.id)) == 1
    known = organisation.partner.create(patient=person(ADA))
    refused = organisation.crew.write(known, {"is_other_patient": True})
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/is_other_patient"]


ROSSI = {"name": {"family": "Rossi", "given": ["Ada"]}, "birth_date": "1958-04-17"}
BRUNI = {"name": {"family": "Bruni", "given": ["Bea"]}, "birth_date": "1990-01-30"}


@pytest.mark.parametrize("numbers", [[], [ADA], [{"system": NATIONAL, "value": "unknown"}]])
def test_another_name_and_birth_date_need_the_crews_answer(
    organisation: Organisation, inside: Inside, numbers: list[dict[str, str]]
) -> None:
    id = organisation.partner.create(patient=ROSSI | {"identifiers": numbers})
    before = patient_of(organisation.hospital, id)
    written = {"family": None, "given": [], "text": "Bruni, Bea"}
    for change in (BRUNI, {"name": None, "birth_date": None}, BRUNI | {"name": written}):
        refused = organisation.crew.write(id, {"patient": change})
        assert refused.status_code == 422, refused.text
        [error] = refused.json()["errors"]
        assert (error["pointer"], error["code"], error["allowed"]) == ("/is_other_patient", "missing", [True, False])
        assert not any(word in refused.text for word in ("Rossi", "Bruni", "1990"))
    assert organisation.crew.record(id)["version"] == 1
    assert organisation.crew.write(id, {"patient": BRUNI, "is_other_patient": False}).status_code == 200
    assert patient_of(organisation.hospital, id) == before
    assert corrections(inside, organisation.id) == []
    back = {"patient": ROSSI | {"identifiers": []}, "is_other_patient": True}
    assert organisation.crew.write(id, back).status_code == 200
    assert patient_of(organisation.hospital, id) != before
    assert len(corrections(inside, organisation.id)) == 1


@pytest.mark.parametrize("numbers", [[], [ADA]])
@pytest.mark.parametrize("first", ["name", "birth_date"])
def test_a_name_and_a_birth_date_in_two_writes_need_the_answer_too(
    organisation: Organisation, inside: Inside, numbers: list[dict[str, str]], first: str
) -> None:
    id = organisation.partner.create(patient=ROSSI | {"identifiers": numbers})
    before = patient_of(organisation.hospital, id)
    second = "birth_date" if first == "name" else "name"
    assert organisation.crew.write(id, {"patient": {first: BRUNI[first]}}).status_code == 200
    assert organisation.crew.write(id, {"narrative": "Another write between them."}).status_code == 200
    refused = organisation.crew.write(id, {"patient": {second: BRUNI[second]}})
    assert [(one["pointer"], one["code"]) for one in refused.json()["errors"]] == [("/is_other_patient", "missing")]
    assert organisation.crew.write(id, {"narrative": "Nobody asks without a change."}).status_code == 200
    back = {"patient": {first: ROSSI[first]}}
    assert organisation.crew.write(id, back).status_code == 200, "one of them is kept again"
    assert organisation.crew.write(id, {"patient": {second: BRUNI[second]}}).status_code == 200
    answered = {"patient": {first: BRUNI[first]}, "is_other_patient": False}
    assert organisation.crew.write(id, answered).status_code == 200
    assert (
        organisation.crew.write(id, {"patient": {"name": {"family": "Brunelli", "given": ["Mia"]}}}).status_code == 200
    )
    assert patient_of(organisation.hospital, id) == before
    assert corrections(inside, organisation.id) == []
    assert "known_as" not in json.dumps([organisation.crew.record(id), organisation.hospital.bundle(id)])


def test_who_the_patient_was_before_other_numbers_needs_no_answer(organisation: Organisation) -> None:
    """The new number was the answer: the new patient's data are written one after the other."""
    id = organisation.partner.create(patient=ROSSI | {"identifiers": [ADA]})
    patient_of(organisation.hospital, id)
    for change in ({"name": BRUNI["name"]}, {"identifiers": [BEA]}, {"birth_date": BRUNI["birth_date"]}):
        assert organisation.crew.write(id, {"patient": change}).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"name": {"family": "Bruni", "given": ["Bea"]}},
        {"birth_date": "1990-01-30"},
        {"name": {"family": "ROSSI", "given": ["Àda"]}, "birth_date": "1990-01-30"},
        {"name": {"family": None, "given": [], "text": "Ada Bianchi"}, "birth_date": "1990-01-30"},
        BRUNI | {"identifiers": [BEA]},
    ],
)
def test_a_correction_that_keeps_a_name_or_says_enough_needs_no_answer(
    organisation: Organisation, change: dict[str, Any]
) -> None:
    id = organisation.partner.create(patient=ROSSI | {"identifiers": [ADA]})
    organisation.hospital.read(id)
    assert organisation.crew.write(id, {"patient": change}).status_code == 200


def test_a_name_that_is_learned_needs_no_answer(organisation: Organisation) -> None:
    id = organisation.partner.create(patient={"sex": "female", "birth_date": "1958-04-17"})
    organisation.hospital.read(id)
    assert organisation.crew.write(id, {"patient": BRUNI}).status_code == 200


def test_a_correction_before_anybody_read_the_patient_is_no_event(organisation: Organisation, inside: Inside) -> None:
    id = organisation.partner.create()
    organisation.crew.write(id, {"patient": person(BEA)})
    correct(organisation, id, ADA)
    assert organisation.hospital.read(id)["identity"] == 1
    bea = organisation.partner.create(patient=person(BEA))
    assert patient_of(organisation.hospital, id) != patient_of(organisation.hospital, bea)
    assert corrections(inside, organisation.id) == []


@pytest.mark.parametrize(
    "order",
    [
        ([ADA], [ADA, {"system": PASSPORT, "value": "Z 99 12 34"}]),
        ([{"system": PASSPORT, "value": "Z 99 12 34"}, ADA], [ADA]),
        ([{"system": PASSPORT, "value": "Z 99 12 34"}, ADA], [{"system": PASSPORT, "value": "Z991234"}]),
        ([ADA], [ADA, {"system": PASSPORT, "value": "Z991234"}], [{"system": PASSPORT, "value": "Z991234"}]),
    ],
)
def test_a_person_has_one_pseudonym_whatever_else_is_known(organisation: Organisation, order: Any) -> None:
    seen = [
        patient_of(organisation.hospital, organisation.partner.create(patient=person(*numbers))) for numbers in order
    ]
    assert len(set(seen)) == 1


def test_a_list_gives_one_person_one_pseudonym(organisation: Organisation, inside: Inside, years_later: None) -> None:
    """The encounters were begun by the dispatch system and are all first shown by one request."""
    both = person(ADA, {"system": PASSPORT, "value": "Z991234"})
    ids = [organisation.partner.create() for _ in range(3)]
    for id, patient in zip(ids, (both, person(ADA), person(both["identifiers"][1])), strict=True):
        organisation.crew.write(id, {"patient": patient})
    assert moved_to(organisation.hospital, "shifted").get(ENCOUNTERS).status_code == 200
    fixed = "SELECT count(DISTINCT patient_basis), count(patient_basis) FROM encounters WHERE tenant_id = %s"
    assert inside.rows(fixed, organisation.id) == [(1, 3)]


def test_a_patient_known_under_a_number_learned_later_is_one_patient(
    organisation: Organisation, inside: Inside
) -> None:
    """The encounter began without a number, and was fetched."""
    known = organisation.partner.create(patient=person(ADA))
    for early in (organisation.partner.create(patient={"sex": "female"}), organisation.partner.create()):
        organisation.hospital.bundle(early)
        organisation.crew.write(early, {"patient": person(ADA)})
        assert patient_of(organisation.hospital, early) == patient_of(organisation.hospital, known)
    assert len(corrections(inside, organisation.id)) == 2


def test_an_encounter_that_only_a_wrong_number_connected_is_corrected_too(
    organisation: Organisation, inside: Inside
) -> None:
    """The wrong record has Ada's passport and Bea's number: by it Bea's next encounter became Ada's."""
    passport = {"system": PASSPORT, "value": "Z991234"}
    ada = organisation.partner.create(patient=person(passport))
    wrong = organisation.partner.create(patient=person(passport, BEA))
    bea = organisation.partner.create(patient=person(BEA))
    hospital = organisation.hospital
    assert len({patient_of(hospital, id) for id in (ada, wrong, bea)}) == 1
    correct(organisation, wrong, passport, ADA)
    assert patient_of(hospital, ada) == patient_of(hospital, wrong)
    assert patient_of(hospital, bea) != patient_of(hospital, ada)
    [event] = corrections(inside, organisation.id)
    assert event["data"]["encounter_id"] == bea
    assert [hospital.read(id)["identity"] for id in (ada, wrong, bea)] == [1, 1, 2]
    later = organisation.partner.create(patient=person(BEA))
    assert patient_of(hospital, later) == patient_of(hospital, bea)


def test_a_pseudonym_made_from_a_wrong_number_goes_back_to_its_owner(organisation: Organisation) -> None:
    """Both encounters of Ada were known by Bea's number; nobody had met Bea yet."""
    hospital = organisation.hospital
    national = {"system": TAX_CODE, "value": "RSSMRA85M01H501Q"}
    wrong = organisation.partner.create(patient=person(national, ADA))
    ada = organisation.partner.create(patient=person(ADA))
    assert patient_of(hospital, wrong) == patient_of(hospital, ada)
    correct(organisation, wrong, ADA)
    bea = organisation.partner.create(patient=person(national))
    assert patient_of(hospital, wrong) == patient_of(hospital, ada)
    assert patient_of(hospital, bea) != patient_of(hospital, ada)


def crowd(inside: Inside, id: str, number: int, *, without: str = "") -> list[str]:
    """So many further encounters with the identity and the numbers of one, but the number from which the basis was made if `without` it."""
    made = inside.rows(
        f"""INSERT INTO encounters ({queries.HEAD}, record, brief) SELECT {queries.HEAD}, record, brief FROM (
            SELECT (jsonb_populate_record(e, jsonb_build_object('id', left(e.id, 20) || lpad(n::text, 10, '0'), 'cad_incident_id', n))).*
            FROM encounters e, generate_series(1, %s) AS n WHERE e.id = %s) AS copied RETURNING id""",
        number,
        id,
    )
    inside.owner.execute(
        """INSERT INTO patient_numbers SELECT e.id, p.number, p.tenant_id, p.space, p.position
        FROM encounters e, patient_numbers p, encounters o
        WHERE p.encounter_id = %(id)s AND o.id = p.encounter_id AND e.id = ANY(%(made)s) AND (%(all)s OR p.number <> o.patient_basis)""",
        {"id": id, "made": [one for (one,) in made], "all": not without},
    )
    return [one for (one,) in made]


IDENTITIES = "SELECT count(DISTINCT patient_basis), max(identity) FROM encounters WHERE id = ANY(%s)"


def test_a_correction_within_a_crowd_locks_few_and_changes_one(organisation: Organisation, inside: Inside) -> None:
    """Three thousand encounters have the number that somebody types for everybody."""
    placeholder = organisation.partner.create(patient=person(BEA))
    before = patient_of(organisation.hospital, placeholder)
    others = crowd(inside, placeholder, 3000)
    # A lock leaves its transaction in `xmax`.
    touched = "SELECT id, xmax::text FROM encounters WHERE id = ANY(%s)"
    untouched = set(inside.rows(touched, others))
    correct(organisation, placeholder, ADA)
    assert len(set(inside.rows(touched, others)) - untouched) <= MOST_IN_GROUP + 1
    assert inside.rows(IDENTITIES, others) == [(1, 1)]
    assert patient_of(organisation.hospital, placeholder) != before
    assert [one["data"]["encounter_id"] for one in corrections(inside, organisation.id)] == [placeholder]
    assert patient_of(organisation.hospital, organisation.partner.create(patient=person(BEA))) == before


def test_a_number_more_in_a_crowd_changes_no_identity(organisation: Organisation, inside: Inside) -> None:
    id = organisation.partner.create(patient=person(BEA))
    before = patient_of(organisation.hospital, id)
    others = crowd(inside, id, MOST_IN_GROUP)
    correct(organisation, id, BEA, {"system": PASSPORT, "value": "Z991234"})
    assert patient_of(organisation.hospital, id) == before
    assert inside.rows(IDENTITIES, others) == [(1, 1)]


def test_the_last_holder_of_a_crowds_number_keeps_it(organisation: Organisation, inside: Inside) -> None:
    """Otherwise the next patient with that number would be the crowd's."""
    national = {"system": TAX_CODE, "value": "RSSMRA85M01H501Q"}
    id = organisation.partner.create(patient=person(national, ADA))
    before = patient_of(organisation.hospital, id)
    crowd(inside, id, MOST_IN_GROUP, without="the basis")
    refused = organisation.crew.write(id, {"patient": {"identifiers": [ADA]}})
    assert refused.status_code == 409
    assert "500 encounters" in refused.json()["detail"]
    assert patient_of(organisation.hospital, id) == before
    correct(organisation, id, national)
    assert patient_of(organisation.hospital, id) == before


@pytest.mark.parametrize("mode", ["shifted", "safe_harbor"])
def test_a_correction_tells_an_app_with_moved_times_neither_its_day_nor_another_shift(
    organisation: Organisation, inside: Inside, calendar: Calendar, mode: Any
) -> None:
    client = moved_to(organisation.hospital, mode)
    now = calendar.now(None).astimezone().isoformat()
    signs = [{"taken_at": now, "heart_rate": 104, "spo2": 91.5}]
    id = organisation.partner.create(patient=person(BEA), times={"call": now}, vital_signs=signs)
    calendar.ahead = timedelta(days=2 * HELD_DAYS[mode])
    [alias] = [one["id"] for one in client.get(ENCOUNTERS).json()["encounters"]]

    def seen() -> tuple[Any, ...]:
        view, bundle = client.read(alias), client.get(f"{ENCOUNTERS}/{alias}/fhir-bundle")
        return view, bundle.json(), bundle.headers["etag"]

    before = seen()
    correct(organisation, id, ADA)
    # As if the correction were made weeks after the encounter, but before the edition of today.
    late = timedelta(days=3 * HELD_DAYS[mode])
    for statement in (
        "UPDATE encounter_identities SET began_at = began_at + %s WHERE encounter_id = %s AND identity > 1",
        "UPDATE encounter_versions SET written_at = written_at + %s WHERE encounter_id = %s AND version > 1",
    ):
        inside.owner.execute(statement, (late, id))
    assert seen() == before
    calendar.ahead = timedelta(days=6 * HELD_DAYS[mode])
    view, bundle, _ = seen()
    assert (before[0]["identity"], view["identity"]) == (1, 2)
    assert view["patient"]["id"] != before[0]["patient"]["id"]
    assert view["times"] == before[0]["times"], "the shift stays"
    server = FhirServer()
    server.transaction(before[1])
    wrong = of_patient(server, before[0]["patient"]["id"])
    server.transaction(bundle)
    assert (server.about(wrong), server.dangling()) == ([], [])
    assert corrections(inside, organisation.id)[0]["recipients"] == [organisation.partner.caller.client_id]


def test_an_app_in_another_mode_is_shown_no_withdrawal_of_the_first(
    organisation: Organisation, inside: Inside, years_later: None
) -> None:
    id = mistyped(organisation)
    hospital = organisation.hospital
    exact = {entry["fullUrl"] for entry in hospital.bundle(id)["entry"]}
    correct(organisation, id, ADA)
    inside.receive(organisation.id, app_changed(hospital.caller.client_id, deidentification="shifted"))
    [alias] = [one["id"] for one in hospital.get(ENCOUNTERS).json()["encounters"]]
    assert not exact & {entry["fullUrl"] for entry in hospital.bundle(alias)["entry"]}


def test_an_app_that_changed_its_domain_withdraws_what_it_fetched_before(
    organisation: Organisation, inside: Inside
) -> None:
    hospital, server = organisation.hospital, FhirServer()
    id = mistyped(organisation)
    server.transaction(hospital.bundle(id))
    wrong = of_patient(server, patient_of(hospital, id))
    inside.receive(organisation.id, app_changed(hospital.caller.client_id, pseudonym_domain="region"))
    correct(organisation, id, ADA)
    server.transaction(hospital.bundle(id))
    assert (server.about(wrong), server.dangling()) == ([], [])


def test_a_reader_at_the_moment_of_the_correction_is_notified_or_reads_the_new_identity(
    organisation: Organisation, inside: Inside
) -> None:
    """The reader has read the former identity and waits for the correction before it records itself."""
    id = mistyped(organisation)
    organisation.partner.read(id)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with (
        psycopg.connect(inside.database.admin, autocommit=True) as watcher,
        psycopg.connect(inside.database.migrator) as holder,
        ThreadPoolExecutor(2) as pool,
    ):
        holder.execute("SELECT FROM encounters WHERE id = %s FOR UPDATE", (id,))
        writing = pool.submit(correct, organisation, id, ADA)
        wait_for(lambda: watcher.execute(waiting).fetchone() == (1,), what="the correction to wait")
        reading = pool.submit(organisation.hospital.bundle, id)
        wait_for(lambda: watcher.execute(waiting).fetchone() == (2,), what="the reader to wait")
        holder.rollback()
        writing.result()
        bundle = reading.result()
    [event] = corrections(inside, organisation.id)
    notified = organisation.hospital.caller.client_id in event["recipients"]
    current = bundle["entry"] == organisation.hospital.bundle(id)["entry"]
    assert notified or current
    assert notified != current


@contextmanager
def process(database: Database, redis_url: str) -> Iterator[tuple[subprocess.Popen[bytes], httpx2.Client]]:
    """A web process of the service, on the database of the tests."""
    port = ports.free_port(0)
    environment = os.environ | environment_of(settings_for(database, redis_url))
    command = [sys.executable, "-m", "services.epcr", "web", "--port", str(port)]
    child = start_child(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, verify=PLAIN, trust_env=False) as http:
            wait_for(lambda: _is_live(http), 60, "the process")
            yield child, http
    finally:
        child.kill()
        child.wait()


def _is_live(http: httpx2.Client) -> bool:
    try:
        return http.get("/livez").status_code == 200
    except httpx2.TransportError:
        return False


def test_a_process_killed_in_the_midst_of_a_correction_leaves_no_half_and_the_next_has_one_effect(
    organisation: Organisation, inside: Inside, redis_server: RedisServer
) -> None:
    """Two encounters change with one write: the wrong one, and one that it connected."""
    passport = {"system": PASSPORT, "value": "Z991234"}
    ada = organisation.partner.create(patient=person(passport))
    wrong = organisation.partner.create(patient=person(passport, BEA))
    bea = organisation.partner.create(patient=person(BEA))
    hospital = organisation.hospital
    before = [hospital.bundle(id) for id in (ada, wrong, bea)]
    patch = {"patient": person(ADA)}
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with (
        process(inside.database, redis_server.url) as (child, http),
        psycopg.connect(inside.database.admin, autocommit=True) as watcher,
        psycopg.connect(inside.database.migrator) as holder,
        ThreadPoolExecutor(1) as pool,
    ):
        crew = Client(http, organisation.id)
        crew.caller = organisation.crew.caller
        # The identities are written before the version.
        holder.execute("LOCK TABLE encounter_versions IN SHARE MODE")
        writing = pool.submit(crew.write, wrong, patch, 1)
        wait_for(lambda: watcher.execute(waiting).fetchone() == (1,), what="the correction to wait for its version")
        child.send_signal(signal.SIGKILL)
        child.wait()
        with pytest.raises(httpx2.TransportError):
            writing.result()
        holder.rollback()
        wait_for(lambda: watcher.execute(waiting).fetchone() == (0,), what="the lock to be free")
    assert [hospital.bundle(id) for id in (ada, wrong, bea)] == before
    assert corrections(inside, organisation.id) == []
    answers = [organisation.crew.write(wrong, patch, 1).status_code for _ in range(2)]
    assert answers == [200, 412]
    assert {event["data"]["encounter_id"] for event in corrections(inside, organisation.id)} == {wrong, bea}
    assert len(corrections(inside, organisation.id)) == 2
    assert [hospital.read(id)["identity"] for id in (ada, wrong, bea)] == [1, 2, 2]


def test_corrections_and_first_readers_at_once_leave_one_person_per_number(
    organisation: Organisation, inside: Inside
) -> None:
    ids = [organisation.partner.create() for _ in range(6)]
    for id in ids:
        organisation.crew.write(id, {"patient": person(BEA)})
    barrier = threading.Barrier(9, timeout=PATIENCE)

    def read() -> None:
        barrier.wait()
        assert organisation.hospital.get(ENCOUNTERS).status_code == 200

    def write(id: str) -> None:
        barrier.wait()
        correct(organisation, id, ADA)

    with ThreadPoolExecutor(9) as pool:
        calls = [pool.submit(read) for _ in range(6)] + [pool.submit(write, id) for id in ids[:3]]
        for call in calls:
            call.result()
    patients = [patient_of(organisation.hospital, id) for id in ids]
    assert len(set(patients[:3])) == len(set(patients[3:])) == 1
    assert patients[0] != patients[3]


def test_no_event_and_no_audit_line_holds_the_number(organisation: Organisation, inside: Inside) -> None:
    id = mistyped(organisation)
    correct(organisation, id, ADA)
    told = str(inside.messages(organisation.id, EVENT)) + str(
        inside.rows("SELECT detail::text, action FROM audit WHERE tenant_id = %s", organisation.id)
    )
    assert "identity.correct" in told
    for table in ("patient_numbers", "encounter_identities", "recipients"):
        told += str(inside.rows(f"SELECT t::text FROM {table} t WHERE tenant_id = %s", organisation.id))
    for secret in (ADA["value"], BEA["value"], "1931"):
        assert secret not in told
        assert secret.encode().hex() not in told


def test_sandbox_corrections_are_tests(organisation: Organisation, inside: Inside) -> None:
    sandbox = Client(organisation.hospital.http, organisation.id, "argus:epcr:write", environment="sandbox")
    id = sandbox.create(**MINIMAL | {"patient": PATIENT})
    correct(organisation, id, ADA)
    [event] = corrections(inside, organisation.id)
    assert event["test"] is True
    assert msgspec.json.encode(event["data"])
