"""The hospital's report: by the destination's app alone, in versions, beside the crew's entries, and counted by the indicators."""

import hashlib
import json
from datetime import date
from typing import Any

import httpx2
import msgspec
import psycopg
import pytest

from services.epcr.outcomes import endpoints
from services.epcr.outcomes.facts import with_outcomes
from services.epcr.outcomes.models import OutcomeDraft
from services.epcr.reencrypt import reencrypt
from shared.messaging.messages import EncounterFacts
from shared.primitives.crypto import Keyring
from shared.web import http as bodies
from tests.epcr.conftest import ENCOUNTERS, ENCRYPTION_KEYS, RECORDS, Client, Inside, Organisation, StartApp
from tests.epcr.deliveries import app_changed, recorded, spo2
from tests.epcr.hospitals import SCOPES, Hospital, Region
from tests.epcr.samples import ARREST, ICD10, SNOMED, TYPICAL, at
from tests.epcr.test_identities import ADA, BEA, person
from tests.epcr.test_reencrypt import NEW_KEY
from tests.support.messages import require_valid

OUTCOME: dict[str, Any] = {
    "visit_number": "V-118203",
    "emergency_department": {
        "arrived_at": at("10:51:10"),
        "disposition": "to_cath_lab",
        "diagnoses": [{"system": ICD10, "code": "I21.1"}],
        "trauma_team": "no",
    },
    "procedures": [{"kind": "pci", "performed_at": at("11:29:00")}],
    "stay": {"disposition": "discharged_home", "diagnoses": [{"system": ICD10, "code": "I21.1"}]},
    "survival": {"survived_to_discharge": "yes", "alive_at_30_days": "unknown"},
    "neurology": {"cpc": 1, "mrs": "unknown"},
    "reported_by": "Dr. Byrne",
}


@pytest.fixture
def region(organisation: Organisation, inside: Inside) -> Region:
    return Region(organisation, inside)


def path_of(encounter_id: str) -> str:
    return f"{ENCOUNTERS}/{encounter_id}/outcome"


def report(
    client: Hospital | Client,
    encounter_id: str,
    body: Any = OUTCOME,
    version: int | str | None = None,
    identity: int | None = None,
) -> httpx2.Response:
    app = client.app if isinstance(client, Hospital) else client
    headers = {} if version is None else {"if-match": f'"{version}"' if isinstance(version, int) else version}
    params = {} if identity is None else {"identity": identity}
    return app.call("POST", path_of(encounter_id), json=body, headers=headers, params=params)


def reports(region: Region, encounter_id: str) -> list[tuple[str, int]]:
    """Destination and version of each report, as the crew's application sees them."""
    answer = region.crew.get(f"{RECORDS}/{encounter_id}/outcome")
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"encounter_id", "reports"}
    found = answer.json()["reports"]
    assert all(set(one) == {"destination_id", "version", "recorded_at"} for one in found)
    return [(one["destination_id"], one["version"]) for one in found]


def facts(inside: Inside, region: Region) -> list[dict[str, Any]]:
    return inside.messages(region.organisation.id, "graphql_api.encounter_facts.v1")


def test_the_destination_reports_and_the_crew_reads(region: Region) -> None:
    id = region.bound(region.cork, **TYPICAL)
    before = region.crew.record(id)
    assert region.cork.app.get(path_of(id)).status_code == 404
    made = report(region.cork, id)
    assert made.status_code == 201
    body = made.json()
    assert (body["version"], body["identity"], body["destination_id"]) == (1, 1, region.cork.id)
    assert body["outcome"]["neurology"] == {"cpc": 1, "mrs": "unknown", "assessed_at": None, "method": None}
    assert body["outcome"]["survival"] == {
        "survived_to_discharge": "yes",
        "alive_at_30_days": "unknown",
        "died_at": None,
    }
    assert region.cork.app.get(path_of(id)).json() == body
    assert reports(region, id) == [(region.cork.id, 1)]
    assert region.crew.record(id) == before
    assert region.crew.write(id, {"narrative": "The crew's next version."}, version=1).status_code == 200


def test_a_correction_needs_the_version_that_it_corrects(region: Region, inside: Inside) -> None:
    id = region.bound(region.cork, **TYPICAL)
    assert report(region.cork, id, version=1).status_code == 412
    first = report(region.cork, id)
    assert first.headers["etag"] == '"1"'
    changed = OUTCOME | {"survival": {"survived_to_discharge": "yes", "alive_at_30_days": "yes"}}
    assert report(region.cork, id, changed).status_code == 428
    second = report(region.cork, id, changed, version=1)
    assert (second.status_code, second.json()["version"]) == (201, 2)
    assert report(region.cork, id, OUTCOME, version=1).status_code == 412
    again = report(region.cork, id, changed, version=2)
    assert again.json() == second.json()
    tagged = region.cork.app.get(path_of(id), headers={"if-none-match": '"2"'})
    assert tagged.status_code == 304
    rows = inside.rows("SELECT version, client_id FROM outcomes WHERE encounter_id = %s ORDER BY version", id)
    assert rows == [(1, region.cork.app.caller.client_id), (2, region.cork.app.caller.client_id)]
    for role in (inside.database.app, inside.database.worker):
        with psycopg.connect(role, autocommit=True) as conn:
            for statement in ("UPDATE outcomes SET version = 9", "DELETE FROM outcomes"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    conn.execute(statement)


def test_an_outcome_is_taken_for_two_years_after_the_encounter(region: Region) -> None:
    id = region.bound(region.cork, **TYPICAL)
    region.crew.write(id, {"status": "completed"})
    region.age(id, 729)
    assert region.cork.handover(id).status_code == 403
    assert report(region.cork, id).status_code == 201
    region.age(id, 1.1)
    late = report(region.cork, id, OUTCOME | {"procedures": []}, version=1)
    assert (late.status_code, late.json()["reason"]) == (403, "days_are_over")


def test_only_the_destinations_app_reports(region: Region, other: Organisation, inside: Inside) -> None:
    id, elsewhere = region.bound(region.cork, **TYPICAL), Region(other, inside)
    region.kerry.open(id)
    assert region.kerry.read(id)["purpose"] == "BTG"
    reading = Client(region.cork.app.http, region.organisation.id)
    reading.caller = msgspec.structs.replace(region.cork.app.caller, scopes=frozenset(SCOPES) - {"argus:epcr:outcome"})
    clients = {
        "with emergency access": region.kerry.app,
        "without the scope": reading,
        "of another organisation": elsewhere.cork.app,
        "a partner": region.partner,
        "the crew": region.crew,
        "the administrator": region.administrator,
        "an app without a destination": region.app(),
    }
    statuses = {name: report(client, id).status_code for name, client in clients.items()}
    assert set(statuses.values()) <= {403, 404}, statuses
    reads = {name: client.get(path_of(id)).status_code for name, client in clients.items()}
    assert set(reads.values()) <= {403, 404}, reads
    region.bind(id, region.kerry)
    assert report(region.cork, id).json()["reason"] == "destination_changed"
    assert report(region.kerry, id).status_code == 201
    assert inside.rows("SELECT count(*) FROM outcomes WHERE encounter_id = %s", id) == [(1,)]


WRONG: list[tuple[dict[str, Any], list[str]]] = [
    ({}, [""]),
    ({"visit_number": "V-1"}, [""]),
    ({"neurology": {"cpc": 6}}, ["/neurology/cpc"]),
    ({"neurology": {"mrs": "none"}}, ["/neurology/mrs"]),
    ({"neurology": {"cpc": True}}, ["/neurology/cpc"]),
    ({"survival": {"alive_at_30_days": True}}, ["/survival/alive_at_30_days"]),
    ({"survival": {"survived": "yes"}}, ["/survival/survived"]),
    ({"stay": {"diagnoses": [{"system": ICD10, "code": "none"}]}}, ["/stay/diagnoses/0/code"]),
    ({"stay": {"diagnoses": [{"system": "http://www.whocc.no/atc", "code": "B01AC06"}]}}, ["/stay/diagnoses/0/system"]),
    ({"stay": {"intensive_care_days": -1}}, ["/stay/intensive_care_days"]),
    ({"stay": {"injury_severity_score": 76}}, ["/stay/injury_severity_score"]),
    ({"procedures": [{"kind": "prayer"}]}, ["/procedures/0/kind"]),
    ({"survival": {"died_at": "2099-01-01T00:00:00Z"}}, ["/survival/died_at"]),
    (
        {"stay": {"disposition": "still_admitted"}, "survival": {"survived_to_discharge": "yes"}},
        ["/stay/disposition", "/survival/survived_to_discharge"],
    ),
    (
        {"stay": {"disposition": "still_admitted"}, "survival": {"died_at": "2026-03-25T10:00:00Z"}},
        ["/stay/disposition", "/survival/died_at"],
    ),
    (
        {"reported_by": "\u200b\t", "procedures": [{"kind": "other"}]},
        ["/reported_by"],
    ),
    ({"visit_number": " "}, ["/visit_number"]),
    ({"emergency_department": {"arrived_at": "2025-03-23T10:51:10Z"}}, ["/emergency_department/arrived_at"]),
    ({"emergency_department": {"arrived_at": "2026-04-01T10:51:10Z"}}, ["/emergency_department/arrived_at"]),
    ({"stay": {"discharged_at": "1901-03-23T10:51:10Z"}}, ["/stay/discharged_at"]),
    ({"emergency_department": {"arrived_at": "2026-03-23T10:00:00"}}, ["/emergency_department/arrived_at"]),
    (
        {"stay": {"disposition": "died"}, "survival": {"survived_to_discharge": "yes"}},
        ["/stay/disposition", "/survival/survived_to_discharge"],
    ),
    (
        {"stay": {"disposition": "discharged_home"}, "survival": {"survived_to_discharge": "no"}},
        ["/stay/disposition", "/survival/survived_to_discharge"],
    ),
    (
        {"emergency_department": {"disposition": "died"}, "survival": {"alive_at_30_days": "yes"}},
        ["/emergency_department/disposition", "/survival/alive_at_30_days"],
    ),
    (
        {"emergency_department": {"disposition": "dead_on_arrival"}, "stay": {"disposition": "rehabilitation"}},
        ["/emergency_department/disposition", "/stay/disposition"],
    ),
    (
        {"stay": {"disposition": "died"}, "neurology": {"cpc": 1}},
        ["/neurology/cpc", "/stay/disposition"],
    ),
    ({"neurology": {"cpc": 5, "mrs": 2}}, ["/neurology/cpc", "/neurology/mrs"]),
    (
        {"stay": {"admitted_at": at("12:00:00"), "discharged_at": at("11:00:00")}},
        ["/stay/discharged_at"],
    ),
    (
        {"emergency_department": {"arrived_at": at("12:00:00"), "left_at": at("11:00:00")}},
        ["/emergency_department/left_at"],
    ),
    (
        {"emergency_department": {"arrived_at": at("12:00:00")}, "survival": {"died_at": at("11:00:00")}},
        ["/survival/died_at"],
    ),
    (
        {
            "emergency_department": {"arrived_at": at("10:51:10")},
            "survival": {"alive_at_30_days": "yes", "died_at": "2026-03-25T10:00:00Z"},
        },
        ["/survival/alive_at_30_days", "/survival/died_at"],
    ),
    (
        {
            "stay": {"admitted_at": at("12:00:00")},
            "survival": {"alive_at_30_days": "no", "died_at": "2026-05-25T10:00:00Z"},
        },
        ["/survival/alive_at_30_days", "/survival/died_at"],
    ),
    (
        {
            "stay": {"disposition": "discharged_home", "discharged_at": "2026-03-29T10:00:00Z"},
            "survival": {"survived_to_discharge": "yes", "died_at": "2026-03-25T10:00:00Z"},
        },
        ["/stay/disposition", "/survival/died_at", "/survival/survived_to_discharge"],
    ),
    (
        {
            "survival": {"died_at": "2026-03-25T10:00:00Z"},
            "neurology": {"cpc": 1, "assessed_at": "2026-04-25T10:00:00Z"},
        },
        ["/neurology/assessed_at", "/survival/died_at"],
    ),
    (
        {"emergency_department": {"disposition": "dead_on_arrival"}, "stay": {"intensive_care_days": 4}},
        ["/emergency_department/disposition", "/stay/intensive_care_days"],
    ),
    (
        {"stay": {"disposition": "still_admitted", "discharged_at": at("12:00:00")}},
        ["/stay/discharged_at", "/stay/disposition"],
    ),
    (
        {"stay": {"admitted_at": at("11:00:00"), "discharged_at": at("12:00:00"), "ventilator_days": 90}},
        ["/stay/discharged_at", "/stay/ventilator_days"],
    ),
    # Without an arrival at the hospital the encounter's day counts.
    (
        {"survival": {"alive_at_30_days": "yes", "died_at": "2026-03-25T10:00:00Z"}},
        ["/survival/alive_at_30_days", "/survival/died_at"],
    ),
    (
        {"survival": {"alive_at_30_days": "no", "died_at": "2026-04-24T10:00:00Z"}},
        ["/survival/alive_at_30_days", "/survival/died_at"],
    ),
    # The id of a description has the form of a concept.
    (
        {"stay": {"diagnoses": [{"system": SNOMED, "code": "751689013"}]}},
        ["/stay/diagnoses/0/code"],
    ),
]


@pytest.mark.parametrize(("body", "pointers"), WRONG)
def test_a_wrong_outcome_is_refused_by_its_fields(region: Region, body: dict[str, Any], pointers: list[str]) -> None:
    id = region.bound(region.cork, **TYPICAL)
    answer = report(region.cork, id, body)
    assert answer.status_code == 422, answer.text
    assert sorted({error["pointer"] for error in answer.json()["errors"]}) == pointers
    assert region.cork.app.get(path_of(id)).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"survival": {"survived_to_discharge": "unknown"}},
        {"stay": {"disposition": "died"}, "neurology": {"cpc": 5, "mrs": 6}},
        {"stay": {"disposition": "discharged_home"}, "survival": {"alive_at_30_days": "no", "died_at": at("12:00:00")}},
        {"survival": {"survived_to_discharge": "no", "alive_at_30_days": "yes"}},
        {"emergency_department": {"disposition": "dead_on_arrival", "arrived_at": at("12:00:00")}}
        | {"survival": {"died_at": at("11:00:00")}},
        {"emergency_department": {"diagnoses": [{"system": SNOMED, "code": "401303003"}]}},
        {
            "emergency_department": {"arrived_at": at("10:51:10")},
            "stay": {"disposition": "died", "admitted_at": at("12:00:00"), "discharged_at": "2026-04-22T11:00:00Z"},
            "survival": {"alive_at_30_days": "yes", "died_at": "2026-04-22T10:30:00Z"},
        },
        {"survival": {"alive_at_30_days": "no", "died_at": "2026-04-23T10:00:00Z"}},
        {"survival": {"alive_at_30_days": "yes", "died_at": "2026-04-21T10:00:00Z"}},
        {"stay": {"admitted_at": at("23:00:00"), "discharged_at": "2026-03-24T02:00:00Z", "intensive_care_days": 2}},
        {"survival": {"died_at": at("12:00:00")}, "neurology": {"cpc": 5, "assessed_at": at("12:30:00")}},
    ],
)
def test_an_outcome_that_can_be_is_taken(region: Region, body: dict[str, Any]) -> None:
    assert report(region.cork, region.bound(region.cork, **TYPICAL), body).status_code == 201


def test_a_record_without_times_may_have_been_begun_after_the_mission(region: Region) -> None:
    body = {"survival": {"alive_at_30_days": "yes", "died_at": "2026-04-24T10:00:00Z"}}
    assert report(region.cork, region.bound(region.cork), body).status_code == 201


def test_the_event_names_the_version_and_no_diagnosis(region: Region, inside: Inside) -> None:
    id = region.bound(region.cork, **TYPICAL)
    report(region.cork, id)
    report(region.cork, id, version=1)
    sent = inside.messages(region.organisation.id, "webhook_dispatcher.event.v1")
    [event] = [one for one in sent if one["type"] == "epcr.outcome.recorded"]
    require_valid(event["type"], event["data"])
    assert event["data"] == {
        "encounter_id": id,
        "organization_id": region.organisation.id,
        "destination_id": region.cork.id,
        "version": 1,
    }
    assert [word for word in ("I21", "Byrne", "118203", "pci") if word in str(sent)] == []


def test_facts_follow_the_hospital_and_the_crews_later_writes_keep_it(region: Region, inside: Inside) -> None:
    id = region.bound(region.cork, **ARREST)
    crews = {"status": "completed", "arrest": {"survived_to_discharge": True, "cpc": 3}}
    assert region.crew.write(id, crews).status_code == 200
    assert facts(inside, region)[-1]["arrest"]["cpc"] == 3
    report(region.cork, id)
    reported = facts(inside, region)[-1]
    assert (reported["arrest"]["survived_to_discharge"], reported["arrest"]["cpc"]) == (True, 1)
    assert reported["hospital"]["procedures"] == ["pci"]
    assert reported["hospital"]["mrs"] is None
    region.crew.write(id, {"status": "handed_over"})
    assert facts(inside, region)[-1]["hospital"] == reported["hospital"]
    assert facts(inside, region)[-1]["version"] > reported["version"]


def test_late_readings_keep_the_hospitals_answers(region: Region, inside: Inside) -> None:
    from services.epcr import tasks

    id = region.bound(region.cork, **ARREST)
    region.crew.write(id, {"status": "completed"})
    report(region.cork, id)
    reported = facts(inside, region)[-1]["hospital"]
    inside.receive(region.organisation.id, recorded(id, spo2("91")))
    inside.owner.execute("UPDATE due_facts SET due_at = now()")
    with inside.task() as conn:
        tasks.send_due_facts(inside.keyring, conn)
    late = facts(inside, region)[-1]
    assert late["hospital"] == reported
    assert [vital["value"] for vital in late["vitals"] if vital["kind"] == "spo2"] == [91]


def test_the_outcome_of_a_former_identity_does_not_count(region: Region, inside: Inside) -> None:
    id = region.bound(region.cork, **TYPICAL)
    region.cork.read(id)
    report(region.cork, id)
    numbers = [{"system": "urn:oid:1.2.372.980010.1.2", "value": "4445556DA"}]
    assert region.crew.write(id, {"patient": {"identifiers": numbers}}).status_code == 200
    assert facts(inside, region)[-1]["hospital"] is None
    assert report(region.cork, id, version=1).status_code == 409
    assert report(region.cork, id, version=1, identity=2).status_code == 412
    again = report(region.cork, id, identity=2)
    assert (again.json()["version"], again.json()["identity"]) == (2, 2)
    assert facts(inside, region)[-1]["hospital"] is not None


def reported(inside: Inside, encounter_id: str) -> list[tuple[int, int]]:
    """Version and identity of each report that is stored."""
    return inside.rows("SELECT version, identity FROM outcomes WHERE encounter_id = %s ORDER BY version", encounter_id)


def test_a_first_outcome_about_the_former_patient_is_never_the_present_ones(region: Region, inside: Inside) -> None:
    id = region.bound(region.cork, **TYPICAL | {"patient": person(ADA)})
    assert region.cork.read(id)["identity"] == 1
    assert region.crew.write(id, {"patient": person(BEA)}).status_code == 200
    handover = f"{ENCOUNTERS}/{id}/handover"
    attempts = [report(region.cork, id), report(region.cork, id, identity=1)]
    attempts += [report(region.cork, id, version=one) for one in ("*", 1)]
    for refused in attempts:
        assert refused.status_code == 409, refused.text
        problem = refused.json()
        assert (problem["type"].rpartition("#")[2], problem["handover"]) == ("patient-corrected", handover)
    unknown = report(region.cork, id, identity=3)
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "identity")
    assert [report(region.cork, id, identity=one).status_code for one in (0, -1, 10**9)] == [422] * 3
    assert reported(inside, id) == []
    assert facts(inside, region)[-1].get("hospital") is None
    present = region.cork.app.get(handover).json()["identity"]
    assert report(region.cork, id, identity=present).status_code == 201
    assert reported(inside, id) == [(1, 2)]
    later = OUTCOME | {"procedures": []}
    assert report(region.cork, id, later, version="*").status_code == 409
    assert report(region.cork, id, later, version=1, identity=1).status_code == 409
    assert report(region.cork, id, later, version=1).status_code == 201


def test_an_identity_may_be_another_one_of_the_same_patient(region: Region, inside: Inside) -> None:
    """A number that was learned since, and a correction that was corrected."""
    region.cork.read(region.bound(region.cork, **TYPICAL | {"patient": person(ADA)}))
    id = region.bound(region.cork, **TYPICAL | {"patient": {"sex": "female"}})
    assert region.cork.read(id)["identity"] == 1
    assert region.crew.write(id, {"patient": person(ADA)}).status_code == 200
    assert region.cork.read(id)["identity"] == 2
    assert report(region.cork, id, identity=1).status_code == 201
    again = region.bound(region.cork, **TYPICAL | {"patient": person(ADA)})
    region.cork.read(again)
    for patient in (person(BEA), person(ADA)):
        assert region.crew.write(again, {"patient": patient}).status_code == 200
    assert [report(region.cork, again, identity=one).status_code for one in (2, 1)] == [409, 201]
    assert reported(inside, again) == [(1, 3)]


def test_a_report_needs_no_name_where_the_patient_was_never_another(region: Region) -> None:
    id = region.bound(region.cork, **TYPICAL)
    assert report(region.cork, id, identity=2).status_code == 422
    assert report(region.cork, id).status_code == 201
    assert report(region.cork, id, OUTCOME | {"procedures": []}, version="*").status_code == 201


def test_a_bundle_names_its_patient_by_the_encounter_of_the_handover(region: Region, inside: Inside) -> None:
    id = region.bound(region.cork, **TYPICAL | {"patient": person(ADA)})
    other = region.bound(region.cork, **TYPICAL | {"patient": person(ADA)})

    def encounter_of(encounter_id: str, form: str) -> dict[str, Any]:
        entries = region.cork.read(encounter_id, format=form)["entry"]
        [found] = [one["resource"] for one in entries if one["resource"]["resourceType"] == "Encounter"]
        return found["identifier"][0]

    def sent(*identifiers: dict[str, Any]) -> httpx2.Response:
        stay = resource("Encounter", of="IMP", identifier=[*identifiers, {"system": "urn:x", "value": "V-1"}])
        return send(region, id, bundle_of(stay))

    former = encounter_of(id, "transaction")
    assert former == encounter_of(id, "document")
    assert region.crew.write(id, {"patient": person(BEA)}).status_code == 200
    present = encounter_of(id, "document")
    assert [sent().status_code, sent(former).status_code, sent(present, former).status_code] == [409] * 3
    foreign = sent(encounter_of(other, "document"))
    assert foreign.status_code == 422
    assert [one["pointer"] for one in foreign.json()["errors"]] == ["/entry/0/resource/identifier/0"]
    assert reported(inside, id) == []
    # RFC 8141, section 3.1: "urn" and "uuid" are the same in capitals, and so are the digits of a UUID.
    made = sent(present | {"value": present["value"].upper()})
    assert (made.status_code, made.json()["outcome"]["visit_number"]) == (201, "V-1"), made.text
    assert reported(inside, id) == [(1, 2)]


def test_an_outcome_stays_when_an_unknown_patient_is_found_to_be_a_known_one(region: Region, inside: Inside) -> None:
    region.cork.read(region.bound(region.cork, **TYPICAL | {"patient": person(ADA)}))
    id = region.bound(region.cork, **TYPICAL | {"patient": {"sex": "female"}})
    region.cork.read(id)
    assert report(region.cork, id).status_code == 201
    assert region.crew.write(id, {"patient": person(ADA)}).status_code == 200
    assert region.cork.read(id)["identity"] == 2
    assert reports(region, id) == [(region.cork.id, 1)]
    assert region.cork.app.get(path_of(id)).json()["version"] == 1
    last = facts(inside, region)[-1]
    assert (last["encounter_id"], last["hospital"]["survived_to_discharge"]) == (id, True)
    assert report(region.cork, id, OUTCOME | {"procedures": []}, version=1).status_code == 201
    region.crew.write(id, {"patient": person(BEA)})
    assert facts(inside, region)[-1].get("hospital") is None
    assert region.cork.app.get(path_of(id)).status_code == 404
    region.crew.write(id, {"patient": person(ADA)})
    assert region.cork.app.get(path_of(id)).json()["version"] == 2
    assert facts(inside, region)[-1]["hospital"]["survived_to_discharge"] is True


A, B = ({"name": {"family": name, "given": ["Ada"]}, "birth_date": "1958-04-17"} for name in ("Rossi", "Bianchi"))


@pytest.mark.parametrize(
    ("first", "second"),
    [(person(ADA), person(BEA)), (A, B)],
    ids=["known by a number", "known by name and date of birth"],
)
def test_an_outcome_counts_again_when_a_correction_is_corrected(
    region: Region, inside: Inside, first: dict[str, Any], second: dict[str, Any]
) -> None:
    """A, then B, then A: the report about A is A's, and never B's."""
    id = region.bound(region.cork, **TYPICAL | {"patient": first})
    region.cork.read(id)
    assert report(region.cork, id).status_code == 201
    is_named = "name" in first

    def correct(patient: dict[str, Any]) -> None:
        assert region.crew.write(id, {"patient": patient, "is_other_patient": is_named}).status_code == 200

    correct(second)
    assert region.cork.app.get(path_of(id)).status_code == 404
    assert facts(inside, region)[-1]["hospital"] is None
    died = OUTCOME | {"survival": {"survived_to_discharge": "no"}, "neurology": None}
    second_report = report(region.cork, id, died | {"stay": {"disposition": "died"}}, identity=2)
    assert second_report.json()["version"] == 2
    correct(first)
    assert region.cork.read(id)["identity"] == 3
    assert region.cork.app.get(path_of(id)).json()["version"] == 1
    assert reports(region, id) == [(region.cork.id, 1)]
    assert facts(inside, region)[-1]["hospital"]["survived_to_discharge"] is True
    corrected = report(region.cork, id, OUTCOME | {"procedures": []}, version=1)
    assert (corrected.json()["version"], corrected.json()["identity"]) == (3, 3)
    correct(second)
    assert facts(inside, region)[-1]["hospital"]["survived_to_discharge"] is False
    correct(first)
    assert region.cork.app.get(path_of(id)).json()["version"] == 3


def test_another_patient_of_the_same_name_has_no_outcome_of_the_first(region: Region) -> None:
    """The crew says first that the patient is another one, and corrects the name in a second write."""
    id = region.bound(region.cork, **TYPICAL | {"patient": A})
    region.cork.read(id)
    assert report(region.cork, id).status_code == 201
    assert region.crew.write(id, {"is_other_patient": True}).status_code == 200
    assert region.cork.app.get(path_of(id)).status_code == 404
    assert region.crew.write(id, {"patient": B}).status_code == 200
    assert region.cork.app.get(path_of(id)).status_code == 404


def test_an_outcome_stays_when_a_wrong_number_of_another_encounter_goes(region: Region, inside: Inside) -> None:
    first, wrong, id = (
        region.bound(region.cork, **TYPICAL | {"patient": person(*numbers)}) for numbers in ([ADA], [ADA, BEA], [BEA])
    )
    for one in (first, wrong, id):
        region.cork.read(one)
    assert report(region.cork, id).status_code == 201
    assert region.crew.write(wrong, {"patient": {"identifiers": [ADA]}}).status_code == 200
    assert region.cork.read(id)["identity"] == 1, "two numbers of one register connected nobody before"
    assert region.cork.app.get(path_of(id)).json()["version"] == 1
    region.crew.write(id, {"narrative": "A later word."})
    last = facts(inside, region)[-1]
    assert (last["encounter_id"], last["hospital"]["survived_to_discharge"]) == (id, True)


FACTS = EncounterFacts(
    encounter_id="enc_1",
    version=1,
    day=date(2026, 3, 23),
    status="completed",
    care_model="prehospital_emergency",
    response="emergency",
)


@pytest.mark.parametrize(
    ("body", "alive"),
    [
        ({"emergency_department": {"disposition": "died"}}, False),
        (
            {"emergency_department": {"disposition": "dead_on_arrival"}, "survival": {"alive_at_30_days": "unknown"}},
            False,
        ),
        ({"stay": {"disposition": "died"}}, None),
        ({"stay": {"disposition": "died", "discharged_at": "2026-04-22T10:00:00Z"}}, False),
        ({"stay": {"disposition": "died", "discharged_at": "2026-04-23T10:00:00Z"}}, True),
        ({"stay": {"disposition": "discharged_home", "discharged_at": "2026-03-24T10:00:00Z"}}, None),
        ({"survival": {"died_at": "2026-04-23T01:00:00+02:00"}}, False),
        ({"survival": {"alive_at_30_days": "yes"}}, True),
    ],
)
def test_a_death_answers_whether_the_patient_was_alive_at_30_days(body: dict[str, Any], alive: bool | None) -> None:
    hospital = with_outcomes(FACTS, [bodies.convert(body, OutcomeDraft)]).hospital
    assert hospital is not None
    assert hospital.alive_at_30_days is alive


def test_a_death_at_the_second_hospital_is_not_undone_by_a_late_correction_of_the_first() -> None:
    left = {"emergency_department": {"disposition": "transferred"}, "survival": {"survived_to_discharge": "yes"}}
    died = {"stay": {"disposition": "died"}, "survival": {"alive_at_30_days": "no"}}
    told = [bodies.convert(one, OutcomeDraft) for one in (died, left | {"stay": {"injury_severity_score": 20}})]
    for outcomes in (told, told[::-1]):
        hospital = with_outcomes(FACTS, outcomes).hospital
        assert hospital is not None
        assert (hospital.survived_to_discharge, hospital.alive_at_30_days) == (False, False)
        assert hospital.injury_severity_score == 20


def test_where_the_hospital_does_not_know_the_crews_answer_stays() -> None:
    told = EncounterFacts(
        encounter_id="enc_x",
        version=1,
        day="2026-03-23",  # pyright: ignore[reportArgumentType] - not read here
        status="completed",
        care_model="prehospital_emergency",
        response="emergency",
        arrest=msgspec.convert({"survived_to_discharge": True, "cpc": 2}, EncounterFacts.__annotations__["arrest"]),
    )
    unknown = bodies.convert(
        {"survival": {"survived_to_discharge": "unknown"}, "neurology": {"cpc": "unknown"}}, OutcomeDraft
    )
    added = with_outcomes(told, [unknown])
    assert added.arrest == told.arrest
    dead = bodies.convert({"emergency_department": {"disposition": "died"}}, OutcomeDraft)
    assert with_outcomes(told, [dead]).arrest.survived_to_discharge is False  # pyright: ignore[reportOptionalMemberAccess]


def test_an_encounter_has_a_most_of_versions(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "VERSIONS", endpoints.VERSIONS._replace(most=1))
    id = region.bound(region.cork, **TYPICAL)
    report(region.cork, id)
    refused = report(region.cork, id, OUTCOME | {"procedures": []}, version=1)
    assert (refused.status_code, refused.json()["limit"]) == (409, 1)


def test_outcomes_and_explanations_are_readable_with_a_new_key_alone(
    region: Region, inside: Inside, start_app: StartApp
) -> None:
    id = region.bound(region.cork, **TYPICAL)
    report(region.cork, id)
    region.kerry.open(id)
    both = Keyring.from_text(f"{NEW_KEY},{ENCRYPTION_KEYS}")
    assert reencrypt(inside.owner, both) >= 4
    assert reencrypt(inside.owner, both) == 0
    with start_app(encryption_keys=NEW_KEY) as http:
        app = Client(http, region.organisation.id)
        app.caller = region.cork.app.caller
        assert app.get(path_of(id)).json()["outcome"]["visit_number"] == "V-118203"


def resource(kind: str, url: str = "", of: str = "", **members: Any) -> dict[str, Any]:
    """`of` is the class of an Encounter."""
    kinds = {"resourceType": kind} | ({"class": {"code": of}} if of else {})
    return {"fullUrl": url, "resource": kinds | members}


def coded(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


DISPOSITION = "http://terminology.hl7.org/CodeSystem/discharge-disposition"
EMS = "https://knogin.com/fhir/CodeSystem/ems"
ENTRIES = [
    resource("Encounter", "urn:uuid:1", of="EMER", period={"start": at("10:51:10")}),
    resource(
        "Encounter",
        "urn:uuid:2",
        of="IMP",
        identifier=[{"system": "urn:x", "value": "V-118203"}],
        hospitalization={"dischargeDisposition": coded(DISPOSITION, "rehab")},
        status="finished",
    ),
    resource("Condition", code=coded(ICD10, "I21.1"), encounter={"reference": "urn:uuid:1"}),
    resource("Condition", code=coded(ICD10, "I21.0")),
    resource("Condition", code=coded(ICD10, "I20.0"), verificationStatus=coded("urn:x", "entered-in-error")),
    resource("Procedure", status="completed", code=coded(SNOMED, "415070008"), performedDateTime=at("11:29:00")),
    resource("Procedure", status="not-done", code=coded(SNOMED, "232717009")),
    resource("Observation", status="final", code=coded("http://loinc.org", "75859-9"), valueInteger=2),
    resource("Observation", status="final", code=coded(EMS, "cpc"), dataAbsentReason=coded("urn:x", "unknown")),
    resource("Observation", status="final", code=coded(EMS, "survived-to-discharge"), valueBoolean=True),
    resource("Patient", name=[{"family": "not read"}]),
]


def bundle_of(*entries: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "collection", "entry": list(entries)}


def send(region: Region, encounter_id: str, bundle: Any, media: str = "application/fhir+json") -> httpx2.Response:
    headers = {"content-type": media}
    return region.cork.app.call("POST", path_of(encounter_id) + "-bundle", content=json.dumps(bundle), headers=headers)


@pytest.mark.parametrize("media", ["application/fhir+json", "application/json"])
def test_a_bundle_is_the_same_outcome(region: Region, media: str) -> None:
    made = send(region, region.bound(region.cork, **TYPICAL), bundle_of(*ENTRIES), media)
    assert made.status_code == 201, made.text
    outcome = made.json()["outcome"]
    assert outcome["visit_number"] == "V-118203"
    assert outcome["emergency_department"]["arrived_at"] == at("10:51:10")
    assert [one["code"] for one in outcome["emergency_department"]["diagnoses"]] == ["I21.1"]
    assert outcome["stay"]["disposition"] == "rehabilitation"
    assert [one["code"] for one in outcome["stay"]["diagnoses"]] == ["I21.0"]
    assert [(one["kind"], one["performed_at"]) for one in outcome["procedures"]] == [("pci", at("11:29:00"))]
    assert (outcome["neurology"]["mrs"], outcome["neurology"]["cpc"]) == (2, "unknown")
    assert (outcome["survival"]["survived_to_discharge"], outcome["survival"]["alive_at_30_days"]) == ("yes", None)
    assert "not read" not in made.text


@pytest.mark.parametrize(
    ("entry", "pointer"),
    [
        (resource("Immunization"), "/entry/0/resource/resourceType"),
        (resource("Encounter", of="AMB"), "/entry/0/resource/class"),
        (
            resource(
                "Encounter",
                of="IMP",
                hospitalization={"dischargeDisposition": coded(DISPOSITION, "oth")},
            ),
            "/entry/0/resource/hospitalization/dischargeDisposition",
        ),
        (resource("Condition", code=coded("urn:x", "I21")), "/entry/0/resource/code"),
        (
            resource("Condition", code=coded(ICD10, "I21.1"), encounter={"reference": "urn:uuid:9"}),
            "/entry/0/resource/encounter",
        ),
        (resource("Procedure", status="completed", code=coded(ICD10, "I21")), "/entry/0/resource/code"),
        (resource("Observation", status="final", code=coded("http://loinc.org", "1-1")), "/entry/0/resource/code"),
        (resource("Observation", status="final", code=coded(EMS, "cpc")), "/entry/0/resource"),
        (
            resource("Observation", status="final", code=coded(EMS, "cpc"), valueInteger=9),
            "/entry/0/resource/valueInteger",
        ),
        (
            resource("Observation", status="final", code=coded(EMS, "cpc"), valueQuantity={"value": 0}),
            "/entry/0/resource/valueQuantity",
        ),
        (resource("Condition", code=coded(ICD10, "I21.1.1")), "/entry/0/resource/code"),
        (
            resource("Condition", code=coded(ICD10, "I21.1"), verificationStatus=coded("urn:x", "certain")),
            "/entry/0/resource/verificationStatus",
        ),
        (
            resource("Condition", code=coded(ICD10, "I21.1"), verificationStatus={"text": "sure"}),
            "/entry/0/resource/verificationStatus",
        ),
        (
            resource(
                "Procedure",
                status="completed",
                code=coded(SNOMED, "415070008"),
                performedDateTime="2199-01-01T00:00:00Z",
            ),
            "/entry/0/resource/performedDateTime",
        ),
        (
            resource("Encounter", of="IMP", hospitalization={"dischargeDisposition": coded(EMS, "lost")}),
            "/entry/0/resource/hospitalization/dischargeDisposition",
        ),
        (resource("Encounter", of="EMER", period={"start": "2026-03-01T10:00:00Z"}), "/entry/0/resource/period/start"),
        (resource("Patient", deceasedBoolean=True), "/entry/0/resource/deceasedBoolean"),
        (
            resource(
                "Observation",
                status="final",
                code=coded(EMS, "cpc"),
                valueInteger=1,
                modifierExtension=[{"url": "urn:x", "valueBoolean": True}],
            ),
            "/entry/0/resource/modifierExtension",
        ),
        (
            resource("Encounter", of="IMP", status="finished", implicitRules="urn:x"),
            "/entry/0/resource/implicitRules",
        ),
        (
            {
                "resource": {
                    "resourceType": "Encounter",
                    "class": {"system": "urn:own", "code": "IMP"},
                    "period": {"start": at("12:00:00")},
                }
            },
            "/entry/0/resource/class",
        ),
        (resource("Encounter", of="IMP", status="cancelled", hospitalization={}), ""),
    ],
)
def test_a_bundle_that_an_outcome_cannot_hold_is_refused(region: Region, entry: Any, pointer: str) -> None:
    id = region.bound(region.cork, **TYPICAL)
    answer = send(region, id, bundle_of(entry))
    assert answer.status_code == 422, answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert region.cork.app.get(path_of(id)).status_code == 404


def test_a_contradiction_in_a_bundle_names_both_entries(region: Region) -> None:
    alive = resource("Observation", status="final", code=coded(EMS, "survived-to-discharge"), valueBoolean=True)
    died = resource("Encounter", of="IMP", hospitalization={"dischargeDisposition": coded(DISPOSITION, "exp")})
    refused = send(region, region.bound(region.cork, **TYPICAL), bundle_of(alive, died))
    assert refused.status_code == 422
    answer, end = "/entry/0/resource/valueBoolean", "/entry/1/resource/hospitalization/dischargeDisposition"
    assert {(one["pointer"], one["detail"]) for one in refused.json()["errors"]} == {
        (answer, f"contradicts {end}"),
        (end, f"contradicts {answer}"),
    }


def test_a_diagnosis_that_is_no_fact_is_left_out(region: Region) -> None:
    system = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
    statuses = ["unconfirmed", "provisional", "differential", "refuted", "entered-in-error", "confirmed"]
    entries = [
        resource("Condition", code=coded(ICD10, f"I2{at}"), verificationStatus=coded(system, status))
        for at, status in enumerate(statuses)
    ]
    both = {"coding": [{"system": "urn:own", "code": "7"}, {"system": system, "code": "confirmed"}]}
    entries.append(resource("Condition", code=coded(ICD10, "I30"), verificationStatus=both))
    made = send(region, region.bound(region.cork, **TYPICAL), bundle_of(*entries))
    assert made.status_code == 201, made.text
    assert [one["code"] for one in made.json()["outcome"]["emergency_department"]["diagnoses"]] == ["I25", "I30"]


@pytest.mark.parametrize("status", ["planned", "cancelled", "entered-in-error"])
def test_an_encounter_that_was_none_reports_nothing(region: Region, status: str) -> None:
    died = {"dischargeDisposition": coded(DISPOSITION, "exp")}
    sent = bundle_of(
        resource("Encounter", "urn:uuid:1", of="IMP", status=status, hospitalization=died),
        resource("Condition", code=coded(ICD10, "I21.1"), encounter={"reference": "urn:uuid:1"}),
        resource("Encounter", "urn:uuid:2", of="IMP", status="finished"),
        resource("Condition", code=coded(ICD10, "I21.0"), encounter={"reference": "urn:uuid:2"}),
    )
    made = send(region, region.bound(region.cork, **TYPICAL), sent)
    assert made.status_code == 201, made.text
    stay = made.json()["outcome"]["stay"]
    assert (stay["disposition"], [one["code"] for one in stay["diagnoses"]]) == (None, ["I21.0"])


@pytest.mark.parametrize(
    ("url", "of", "reference"),
    [
        ("https://his.example/fhir/Encounter/7", "https://his.example/fhir/Condition/1", "Encounter/7"),
        ("https://his.example/fhir/Encounter/7", "https://his.example/fhir/Condition/1", "Encounter/7/_history/2"),
        ("https://his.example/fhir/Encounter/7", "", "https://his.example/fhir/Encounter/7/_history/2"),
        ("urn:uuid:1", "urn:uuid:2", "Encounter/7"),
        ("", "", "Encounter/7"),
    ],
)
def test_a_reference_is_followed_as_in_every_bundle(region: Region, url: str, of: str, reference: str) -> None:
    sent = bundle_of(
        resource("Encounter", "urn:uuid:9", of="EMER", status="finished"),
        resource("Encounter", url, of="IMP", status="finished", id="7"),
        resource("Condition", of, code=coded(ICD10, "I21.0"), encounter={"reference": reference}),
    )
    made = send(region, region.bound(region.cork, **TYPICAL), sent)
    assert made.status_code == 201, made.text
    assert [one["code"] for one in made.json()["outcome"]["stay"]["diagnoses"]] == ["I21.0"]


def test_a_reference_to_another_server_is_refused(region: Region) -> None:
    sent = bundle_of(
        resource("Encounter", "https://his.example/fhir/Encounter/7", of="IMP", status="finished", id="7"),
        resource(
            "Condition",
            "https://lab.example/Condition/1",
            code=coded(ICD10, "I21.0"),
            encounter={"reference": "Encounter/7"},
        ),
    )
    assert send(region, region.bound(region.cork, **TYPICAL), sent).status_code == 422


def test_two_answers_to_one_question_are_refused(region: Region) -> None:
    ranks = [
        resource("Observation", status="final", code=coded("http://loinc.org", "75859-9"), valueInteger=one)
        for one in (1, 5)
    ]
    answer = send(region, region.bound(region.cork, **TYPICAL), bundle_of(*ranks))
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [
        ("/entry/1/resource", "repeated")
    ]


def test_a_bundle_is_about_one_patient(region: Region) -> None:
    def stay(subject: str) -> dict[str, Any]:
        return resource("Encounter", of="IMP", period={"start": at("12:00:00")}, subject={"reference": subject})

    def diagnosis(subject: str) -> dict[str, Any]:
        return resource("Condition", code=coded(ICD10, "I21.0"), subject={"reference": subject})

    def pointers(*entries: Any) -> list[str]:
        answer = send(region, region.bound(region.cork, **TYPICAL), bundle_of(*entries))
        assert answer.status_code in (201, 422), answer.text
        return [error["pointer"] for error in answer.json().get("errors", [])]

    ada = resource("Patient", "urn:uuid:7", id="7", deceasedDateTime="2026-03-25T10:00:00Z")
    bea = resource("Patient", "urn:uuid:8", id="8", deceasedDateTime="2026-03-26T10:00:00Z")
    assert pointers(ada, bea) == ["/entry/1/resource"]
    assert pointers(stay("Patient/7"), diagnosis("Patient/8")) == ["/entry/1/resource/subject"]
    assert pointers(stay("Patient/7"), diagnosis("urn:uuid:8")) == ["/entry/1/resource/subject"]
    assert pointers(ada, stay("Patient/7"), diagnosis("urn:uuid:7")) == []
    assert pointers(stay("https://his.example/fhir/Patient/7"), diagnosis("Patient/7/_history/2")) == []
    assert pointers(stay("Patient/7"), resource("Condition", code=coded(ICD10, "I21.0"))) == []


def test_an_answer_beside_the_reason_for_none_is_refused(region: Region) -> None:
    both = resource(
        "Observation",
        status="final",
        code=coded(EMS, "cpc"),
        valueInteger=1,
        dataAbsentReason=coded("urn:x", "unknown"),
    )
    answer = send(region, region.bound(region.cork, **TYPICAL), bundle_of(both))
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/entry/0/resource/dataAbsentReason"]


def test_a_visit_number_in_a_bundle_has_something_to_see(region: Region) -> None:
    def sent(*numbers: dict[str, Any]) -> httpx2.Response:
        stay = resource("Encounter", of="IMP", period={"start": at("12:00:00")}, identifier=list(numbers))
        return send(region, region.bound(region.cork, **TYPICAL), bundle_of(stay))

    for wrong in ("  ", "x" * 201):
        refused = sent({"value": wrong})
        assert refused.status_code == 422
        assert [error["pointer"] for error in refused.json()["errors"]] == ["/entry/0/resource/identifier/0/value"]
    assert sent({"system": "urn:x"}, {"value": "V-7"}).json()["outcome"]["visit_number"] == "V-7"
    id = region.bound(region.cork, **TYPICAL)
    entries = region.cork.read(id, format="transaction")["entry"]
    [told] = [one["resource"]["identifier"] for one in entries if one["resource"]["resourceType"] == "Encounter"]
    stay = resource("Encounter", of="IMP", identifier=[*told, {"system": "urn:x", "value": "V-8"}])
    reported = send(region, id, bundle_of(stay)).json()["outcome"]["visit_number"]
    assert reported == "V-8", "the handover's own identifiers, of which one is the incident, are none of the hospital's"


def test_a_death_without_its_time_agrees_with_the_other_resources(region: Region) -> None:
    died = resource("Encounter", of="IMP", hospitalization={"dischargeDisposition": coded(DISPOSITION, "exp")})
    for is_dead, status in ((True, 201), (False, 422)):
        id = region.bound(region.cork, **TYPICAL)
        assert send(region, id, bundle_of(resource("Patient", deceasedBoolean=is_dead), died)).status_code == status


def test_a_bundle_has_the_rights_and_versions_of_the_other_form(region: Region) -> None:
    id = region.bound(region.cork, **TYPICAL)
    path = path_of(id) + "-bundle"
    for client in (region.kerry.app, region.partner, region.crew):
        assert client.call("POST", path, json=bundle_of(*ENTRIES)).status_code in (403, 404)
    assert send(region, id, bundle_of(*ENTRIES)).status_code == 201
    assert send(region, id, bundle_of(*ENTRIES)).status_code == 428
    assert send(region, id, bundle_of(*ENTRIES), "text/plain").status_code == 415
    assert send(region, id, bundle_of()).status_code == 422
    assert send(region, id, bundle_of(*ENTRIES * 30)).status_code == 422


SECRETS = ("V-118203", "Byrne", "I21.1", "discharged_home")


def test_another_hospital_reads_no_outcome_that_it_did_not_report(region: Region, inside: Inside) -> None:
    """Bound for A, A reports, bound for B: the attack of a hospital that has the encounter bound for itself."""
    id = region.bound(region.cork, **TYPICAL)
    first = report(region.cork, id)
    region.bind(id, region.kerry)
    attempts = [
        region.kerry.app.get(path_of(id)),
        region.kerry.app.call("HEAD", path_of(id)),
        region.kerry.app.get(path_of(id), headers={"if-none-match": "*"}),
        region.kerry.app.get(path_of(id), headers={"if-none-match": first.headers["etag"]}),
        region.cork.app.get(path_of(id)),
        region.partner.get(path_of(id)),
        region.crew.get(f"{RECORDS}/{id}/outcome"),
    ]
    assert [answer.status_code for answer in attempts] == [404, 404, 404, 404, 403, 403, 200]
    assert [word for word in SECRETS for answer in attempts if word in answer.text + str(answer.headers)] == []
    assert report(region.kerry, id, version=1).status_code == 412
    assert region.disclosures(id) == []


def test_a_report_of_one_hospital_replaces_none_of_another(region: Region, inside: Inside) -> None:
    id = region.bound(region.cork, **ARREST)
    cork = {"emergency_department": {"trauma_team": "yes"}, "neurology": {"cpc": 3}, "visit_number": "V-A"}
    kerry = {"stay": {"disposition": "died"}, "visit_number": "V-B"}
    report(region.cork, id, cork)
    region.bind(id, region.kerry)
    made = report(region.kerry, id, kerry)
    assert (made.status_code, made.json()["version"]) == (201, 2)
    assert reports(region, id) == [(region.cork.id, 1), (region.kerry.id, 2)]
    assert region.kerry.app.get(path_of(id)).json()["outcome"]["visit_number"] == "V-B"
    known = facts(inside, region)[-1]["hospital"]
    assert (known["trauma_team"], known["cpc"], known["survived_to_discharge"]) == (True, 3, False)
    region.bind(id, region.cork)
    assert region.cork.app.get(path_of(id)).json()["outcome"]["visit_number"] == "V-A"
    corrected = report(region.cork, id, cork | {"neurology": {"cpc": 2}}, version=1)
    assert (corrected.status_code, corrected.json()["version"]) == (201, 3)
    known = facts(inside, region)[-1]["hospital"]
    assert (known["cpc"], known["disposition"]) == (2, "died")


@pytest.mark.parametrize("is_read_before", [True, False])
def test_the_outcome_of_the_former_patient_is_read_by_nobody(region: Region, is_read_before: bool) -> None:
    """The patient was another: also where no app had read who it was, so that no pseudonym of the patient existed."""
    id = region.partner.create()
    region.bind(id, region.cork)
    if is_read_before:
        region.cork.read(id)
    tag = report(region.cork, id).headers["etag"]
    changed = {"is_other_patient": True, "patient": {"name": {"family": "Otherone"}}}
    assert region.crew.write(id, changed).status_code == 200
    asked = {"if-none-match": tag}
    attempts = [region.cork.app.get(path_of(id)), region.cork.app.get(path_of(id), headers=asked)]
    region.bind(id, region.kerry)
    attempts += [region.kerry.app.get(path_of(id)), region.crew.get(f"{RECORDS}/{id}/outcome")]
    assert [answer.status_code for answer in attempts] == [404] * 4
    assert [word for word in SECRETS for answer in attempts if word in answer.text] == []
    made = report(region.kerry, id, identity=2)
    assert (made.json()["identity"], made.json()["version"]) == (2, 2)
    assert made.headers["etag"] != tag


def test_each_reading_of_an_outcome_is_a_disclosure(region: Region, inside: Inside) -> None:
    id = region.bound(region.cork, **TYPICAL)
    tag = report(region.cork, id).headers["etag"]
    assert region.disclosures(id) == []
    known = region.cork.app.get(path_of(id), headers={"if-none-match": tag})
    head = region.cork.app.call("HEAD", path_of(id))
    assert (known.status_code, head.status_code, head.content, region.disclosures(id)) == (304, 200, b"", [])
    read = region.cork.app.get(path_of(id))
    [row] = region.disclosures(id)
    assert (row["content"], row["purpose"], row["identity"]) == ("outcome", "TREAT", 1)
    assert (row["destination_id"], row["client_id"]) == (region.cork.id, region.cork.app.caller.client_id)
    assert row["sha256"] == hashlib.sha256(read.content).hexdigest()
    assert "visit_number" in row["sections"]
    region.inside.receive(
        region.organisation.id, app_changed(region.cork.app.caller.client_id, version=2, deidentification="shifted")
    )
    assert region.cork.app.get(path_of(id)).status_code == 403
    assert len(region.disclosures(id)) == 1


def test_one_hospital_uses_up_no_versions_of_another(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "VERSIONS", endpoints.VERSIONS._replace(most=1))
    id = region.bound(region.cork, **TYPICAL)
    report(region.cork, id)
    region.bind(id, region.kerry)
    assert report(region.kerry, id).status_code == 201
