"""Partners create encounters and read them de-identified."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from services.epcr.encounters import store
from shared.primitives import ids
from tests.epcr.conftest import ENCOUNTERS, Client, Inside, Organisation
from tests.epcr.samples import MINIMAL, SNOMED, TYPICAL, at


def test_the_pages_minimum_makes_an_encounter_in_progress(organisation: Organisation) -> None:
    answer = organisation.partner.post_encounter(MINIMAL)
    assert answer.status_code == 201
    body = answer.json()
    assert body["status"] == "in_progress"
    assert ids.is_id(body["id"], "enc")
    assert answer.headers["location"] == f"{ENCOUNTERS}/{body['id']}"
    read = organisation.partner.read(body["id"])
    assert read == body
    assert list(read)[:4] == ["id", "organization_id", "care_model", "status"]
    assert read["organization_id"] == organisation.id


def test_a_whole_record_is_kept_to_the_last_digit(organisation: Organisation) -> None:
    id = organisation.partner.post_encounter(TYPICAL).json()["id"]
    record = organisation.crew.record(id)
    assert record["patient"] == TYPICAL["patient"] | {"age_years": None, "email": None} | {
        "name": {"family": "Murphy", "given": ["Aoife"], "text": None},
        "address": TYPICAL["patient"]["address"] | {"state": None, "latitude": None, "longitude": None},
        "next_of_kin": [TYPICAL["patient"]["next_of_kin"][0] | {"address": None}],
    }
    assert record["narrative"] == TYPICAL["narrative"]
    assert record["times"] == TYPICAL["times"]
    assert [signs["spo2"] for signs in record["vital_signs"]] == [91.5, 97]


def test_what_a_partner_reads_names_nobody(organisation: Organisation) -> None:
    answer = organisation.partner.post_encounter(TYPICAL)
    for text in (answer.text, organisation.hospital.get(f"{ENCOUNTERS}/{answer.json()['id']}").text):
        for secret in (
            "Murphy",
            "Aoife",
            "1958-04-17",
            "7654321PA",
            "Weavers",
            "T12 X4Y5",
            "555 0100",
            "kitchen",
            "usr_1",
            "University",
            "Inferior STEMI",
            "Aspirin",
        ):
            assert secret not in text
    view = answer.json()
    assert view["patient"]["birth_year"] == 1958
    assert view["patient"]["country"] == "IE"
    assert view["times"] == TYPICAL["times"]
    assert view["medications"][1]["medication"] == {"system": "http://www.whocc.no/atc", "code": "N02AA01"}


def test_the_same_incident_vehicle_and_patient_is_a_conflict_that_names_the_encounter(
    organisation: Organisation,
) -> None:
    first = organisation.partner.post_encounter(MINIMAL).json()["id"]
    again = organisation.partner.post_encounter(MINIMAL)
    assert again.status_code == 409
    assert again.json()["encounter_id"] == first
    assert organisation.partner.post_encounter(MINIMAL | {"patient_number": 2}).status_code == 201


def test_of_many_that_report_one_patient_at_once_one_makes_the_encounter(organisation: Organisation) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: organisation.partner.post_encounter(MINIMAL), range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    [made] = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert {answer.json()["encounter_id"] for answer in answers if answer.status_code == 409} == {made}


def test_a_conflict_leaves_nothing_behind(organisation: Organisation, inside: Inside) -> None:
    organisation.partner.post_encounter(MINIMAL)
    organisation.partner.post_encounter(MINIMAL)
    assert len(inside.messages(organisation.id, "webhook_dispatcher.event.v1")) == 1
    assert len(inside.rows("SELECT 1 FROM encounter_versions WHERE tenant_id = %s", organisation.id)) == 1


def test_other_tenants_may_have_the_same_incident_and_see_nothing_of_this_one(
    organisation: Organisation, other: Organisation
) -> None:
    id = organisation.partner.post_encounter(MINIMAL).json()["id"]
    assert other.partner.post_encounter(MINIMAL).status_code == 201
    for path in (f"{ENCOUNTERS}/{id}", f"{ENCOUNTERS}/{id}/fhir-bundle"):
        assert other.partner.get(path).status_code == 404
    assert other.crew.get(f"/api/v1/epcr/records/{id}").status_code == 404
    assert other.crew.write(id, {"narrative": "x"}, 1).status_code == 404


@pytest.mark.parametrize("id", ["enc_123", "nope", "obs_01m887a11deb39je4t2xtbe3ja", "enc_" + "z" * 26])
def test_an_id_that_is_not_one_of_ours_is_not_found(organisation: Organisation, id: str) -> None:
    assert organisation.partner.get(f"{ENCOUNTERS}/{id}").status_code == 404
    assert organisation.partner.get(f"{ENCOUNTERS}/{id}/fhir-bundle").status_code == 404


def test_a_repeated_key_replays_the_answer_and_leaves_a_line_of_it(organisation: Organisation, inside: Inside) -> None:
    first = organisation.partner.post_encounter(MINIMAL, idempotency_key="k-1")
    again = organisation.partner.post_encounter(MINIMAL, idempotency_key="k-1")
    assert (again.status_code, again.content) == (201, first.content)
    assert (
        organisation.partner.post_encounter(MINIMAL | {"patient_number": 3}, idempotency_key="k-1").status_code == 422
    )
    lines = inside.rows("SELECT action, subject_id FROM audit WHERE tenant_id = %s ORDER BY id", organisation.id)
    assert lines == [(f"encounter.{action}", first.json()["id"]) for action in ("create", "replay")]


def test_a_list_is_filtered_paged_and_newest_first(organisation: Organisation) -> None:
    made = [organisation.partner.create() for _ in range(3)]
    organisation.crew.write(made[1], {"status": "completed"})
    page = organisation.partner.get(ENCOUNTERS, params={"limit": 2})
    assert [one["id"] for one in page.json()["encounters"]] == [made[2], made[1]]
    following = organisation.partner.get(page.links["next"]["url"])
    assert [one["id"] for one in following.json()["encounters"]] == [made[0]]
    assert following.json()["next_cursor"] is None
    completed = organisation.partner.get(ENCOUNTERS, params={"status": "completed"}).json()["encounters"]
    assert [one["id"] for one in completed] == [made[1]]
    incident = organisation.partner.read(made[0])["cad_incident_id"]
    found = organisation.partner.get(ENCOUNTERS, params={"cad_incident_id": incident}).json()["encounters"]
    assert [one["id"] for one in found] == [made[0]]


def test_encounters_of_a_vehicle_are_listed_in_pages(organisation: Organisation) -> None:
    made = [organisation.partner.create(vehicle_id="AMB-7", cad_incident_id=f"cad_{n}") for n in range(3)]
    organisation.partner.create(vehicle_id="AMB-70", cad_incident_id="cad_9")
    page = organisation.partner.get(ENCOUNTERS, params={"vehicle_id": "AMB-7", "limit": 2})
    following = organisation.partner.get(page.links["next"]["url"]).json()
    assert [one["id"] for one in page.json()["encounters"] + following["encounters"]] == made[::-1]
    assert organisation.partner.get(ENCOUNTERS, params={"vehicle_id": "x" * 129}).status_code == 422
    cursor = page.json()["next_cursor"]
    other = organisation.partner.get(ENCOUNTERS, params={"vehicle_id": "AMB-70", "limit": 2, "cursor": cursor})
    assert other.status_code == 422


def test_a_list_opens_no_record(organisation: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred records of a megabyte each would hold the event loop for seconds, and take the memory of the process."""
    made = [organisation.partner.create() for _ in range(5)]
    monkeypatch.setattr(store, "decrypted", None)
    page = organisation.partner.get(ENCOUNTERS, params={"limit": 4}).json()
    assert [one["id"] for one in page["encounters"]] == sorted(made, reverse=True)[:4]


@pytest.mark.parametrize("cursor", ["enc", "%00", "=", "ZW5jXzE", "x" * 500])
def test_a_cursor_that_is_not_ours_is_refused(organisation: Organisation, cursor: str) -> None:
    assert organisation.partner.get(f"{ENCOUNTERS}?cursor={cursor}").status_code == 422


def test_a_path_that_is_not_there_is_not_found_and_leads_nowhere(organisation: Organisation) -> None:
    for path in (f"{ENCOUNTERS}/", "/api/v1/epcr", f"{ENCOUNTERS}/enc_1/fhir-bundle/", f"{ENCOUNTERS}/a/b"):
        assert organisation.partner.get(path).status_code == 404
    assert organisation.partner.call("DELETE", ENCOUNTERS).headers["allow"] == "GET, POST, HEAD"


ECG = {"performed_at": at("10:14:00"), "procedure": {"system": SNOMED, "code": "268400002"}}
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"care_model": "magic"}, "/care_model"),
    ({"vehicle_id": "x" * 129}, "/vehicle_id"),
    ({"patient_number": 0}, "/patient_number"),
    ({"blood_type": "A"}, "/blood_type"),
    ({"status": "completed"}, "/status"),
    ({"patient": {"birth_date": "1958-13-01"}}, "/patient/birth_date"),
    ({"patient": {"nickname": "x"}}, "/patient/nickname"),
    ({"times": {"call": "2026-03-23T10:00:00"}}, "/times/call"),
    ({"times": {"call": "1026-03-23T10:00:00Z"}}, "/times/call"),
    ({"primary_impression": {"system": "http://www.whocc.no/atc", "code": "B01AC06"}}, "/primary_impression/system"),
    (
        {"primary_impression": {"system": "http://hl7.org/fhir/sid/icd-10", "code": "Murphy"}},
        "/primary_impression/code",
    ),
    ({"vital_signs": [{"taken_at": "2026-03-23T10:00:00Z", "spo2": 130}]}, "/vital_signs/0/spo2"),
    ({"vital_signs": [{"taken_at": "2026-03-23T10:00:00Z", "spo2": "98"}]}, "/vital_signs/0/spo2"),
    ({"vital_signs": [{"id": "vit_1", "taken_at": "2026-03-23T10:00:00Z"}]}, "/vital_signs/0/id"),
    (
        {
            "procedures": [
                {
                    "performed_at": "2026-03-23T10:00:00Z",
                    "procedure": {"system": "http://snomed.info/sct", "code": "268400003"},
                }
            ]
        },
        "/procedures/0/procedure/code",
    ),
    (
        {
            "medications": [
                {
                    "given_at": "2026-03-23T10:00:00Z",
                    "medication": {"system": "http://www.whocc.no/atc", "code": "B01AC06"},
                    "dose": {"value": 300, "unit": "tablets"},
                }
            ]
        },
        "/medications/0/dose/unit",
    ),
    ({"procedures": [ECG | {"successful": True}]}, "/procedures/0/successful"),
]


@pytest.mark.parametrize(("fields", "pointer"), REFUSED)
def test_what_does_not_fit_is_refused_with_its_place(
    organisation: Organisation, fields: dict[str, Any], pointer: str
) -> None:
    answer = organisation.partner.post_encounter(MINIMAL | fields)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{", 400),
        ('{"a": 1, "a": 2}', 400),
        ('{"care_model": NaN}', 400),
        ("[]", 422),
        ('{"care_model": "\\u0000"}', 422),
    ],
)
def test_what_is_no_json_object_is_refused(organisation: Organisation, body: str, status: int) -> None:
    assert organisation.partner.post_encounter(body).status_code == status


def test_scopes_are_asked_for(organisation: Organisation, http: Any) -> None:
    id = organisation.partner.create()
    assert organisation.hospital.post_encounter(MINIMAL).status_code == 403
    stranger = Client(http, organisation.id, "argus:devices:write")
    for path in (ENCOUNTERS, f"{ENCOUNTERS}/{id}", f"{ENCOUNTERS}/{id}/fhir-bundle"):
        refused = stranger.get(path)
        assert (refused.status_code, refused.json()["scope"]) == (403, "argus:epcr:read")
    assert organisation.partner.get(f"/api/v1/epcr/records/{id}").status_code == 403
    assert organisation.crew.get(f"{ENCOUNTERS}/{id}").status_code == 403
    assert organisation.partner.call("PATCH", f"{ENCOUNTERS}/{id}", json={}).status_code == 405


def test_every_read_and_write_leaves_a_line_in_the_trail(organisation: Organisation, inside: Inside) -> None:
    id = organisation.partner.create()
    organisation.hospital.read(id)
    organisation.hospital.bundle(id)
    organisation.hospital.get(ENCOUNTERS)
    organisation.crew.write(id, {"narrative": "Seen."})
    lines = inside.rows(
        "SELECT action, subject_id, client_id FROM audit WHERE tenant_id = %s ORDER BY id", organisation.id
    )
    assert lines == [
        ("encounter.create", id, organisation.partner.caller.client_id),
        ("encounter.read", id, organisation.hospital.caller.client_id),
        ("encounter.export", id, organisation.hospital.caller.client_id),
        ("encounter.list", organisation.id, organisation.hospital.caller.client_id),
        ("record.read", id, organisation.crew.caller.client_id),
        ("record.write", id, organisation.crew.caller.client_id),
    ]


def test_an_unchanged_view_is_not_sent_again(organisation: Organisation) -> None:
    id = organisation.partner.create()
    first = organisation.partner.get(f"{ENCOUNTERS}/{id}")
    tag = {"if-none-match": first.headers["etag"]}
    again = organisation.partner.get(f"{ENCOUNTERS}/{id}", headers=tag)
    assert (again.status_code, again.content) == (304, b"")
    organisation.crew.write(id, {"disposition": {"outcome": "refused"}})
    changed = organisation.partner.get(f"{ENCOUNTERS}/{id}", headers=tag)
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]


def test_a_sandbox_encounter_is_marked_as_test_data(organisation: Organisation, http: Any, inside: Inside) -> None:
    sandbox = Client(http, organisation.id, "argus:epcr:write", environment="sandbox")
    id = sandbox.create()
    assert sandbox.read(id)["test"] is True
    labels = {label["code"] for label in sandbox.bundle(id)["entry"][0]["resource"]["meta"]["security"]}
    assert labels == {"PSEUDED", "REDACTED", "HTEST"}
    bundle = sandbox.bundle(id)
    assert all(_is_test(entry["resource"]) for entry in bundle["entry"])
    assert [event["test"] for event in inside.messages(organisation.id, "webhook_dispatcher.event.v1")] == [True]


def _is_test(resource: dict[str, Any]) -> bool:
    return "HTEST" in {label["code"] for label in resource["meta"]["security"]}
