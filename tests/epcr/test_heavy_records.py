"""The largest valid records: how they are read, listed and bounded, and rows of older processes."""

from collections.abc import Callable
from typing import Any

import msgspec
import psycopg
import pytest

from services.epcr.deidentification.pseudonyms import Pseudonyms
from services.epcr.encounters import queries, store
from shared.primitives import ids
from shared.web.scopes import Mode
from tests.epcr.conftest import ENCOUNTERS, PSEUDONYM_KEYS, RECORDS, Client, Inside, Organisation, StartApp
from tests.epcr.samples import MINIMAL, TYPICAL
from tests.epcr.test_attacker import moved_to
from tests.support.records import SIGNS, heavy

BODY = heavy(60, 10)
PATIENT = {"patient": {"sex": "female", "identifiers": [{"system": "urn:oid:1.2.372.980010.1.2", "value": "12345678"}]}}
Road = Callable[[Organisation, str], Any]


def created(organisation: Organisation, body: dict[str, Any]) -> str:
    answer = organisation.partner.post_encounter(body | {"cad_incident_id": ids.new_id("cad")})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


ROADS: dict[str, Road] = {
    "read": lambda organisation, id: organisation.hospital.get(f"{ENCOUNTERS}/{id}"),
    "export": lambda organisation, id: organisation.hospital.get(f"{ENCOUNTERS}/{id}/fhir-bundle"),
    "read the record": lambda organisation, id: organisation.crew.get(f"{RECORDS}/{id}"),
}


@pytest.mark.parametrize("road", ROADS)
def test_the_database_sends_a_record_as_bytes_and_not_as_text_of_twice_the_length(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch, road: str
) -> None:
    id, formats = created(organisation, BODY), set[int]()
    execute = psycopg.AsyncCursor.execute

    async def noting(cursor: Any, *given: Any, **named: Any) -> Any:
        await execute(cursor, *given, **named)
        result = cursor.pgresult
        for column in range(result.nfields if result.ntuples else 0):
            if len(result.get_value(0, column) or b"") > store.LIGHT:
                formats.add(result.fformat(column))
        return cursor

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", noting)
    assert ROADS[road](organisation, id).status_code == 200
    assert formats == {psycopg.pq.Format.BINARY}


@pytest.mark.parametrize("mode", ["exact", "shifted", "safe_harbor"])
def test_a_list_shows_the_summary_that_the_record_shows(
    organisation: Organisation, years_later: None, mode: Mode
) -> None:
    """It is made of columns alone, by the same table of rules."""
    for body in (MINIMAL, TYPICAL, MINIMAL | PATIENT, BODY):
        id = created(organisation, body)
        organisation.crew.write(id, {"narrative": "More."})
    client = organisation.hospital if mode == "exact" else moved_to(organisation.hospital, mode)
    listed = client.get(ENCOUNTERS).json()["encounters"]
    assert len(listed) == 4
    for summary in listed:
        whole = client.read(summary["id"])
        assert summary == {name: value for name, value in whole.items() if name in summary}
        assert not {"cad_incident_id", "vehicle_id"} & summary.keys() or mode != "safe_harbor"


def test_the_cost_of_a_page_does_not_grow_with_its_records(organisation: Organisation) -> None:
    def bytes_read(client: Client) -> int:
        """The row of a list has neither record nor brief."""
        return len(client.get(ENCOUNTERS, params={"limit": 2}).content)

    for _ in range(3):
        organisation.partner.create()
    light = bytes_read(organisation.hospital)
    for _ in range(3):
        created(organisation, BODY)
    assert abs(bytes_read(organisation.hospital) - light) < 30
    assert "record" not in queries.LIST_ENCOUNTERS.replace("''::bytea AS record", "")


# Rows of an older process


def without_briefs(inside: Inside, organisation: Organisation) -> None:
    inside.owner.execute(
        "UPDATE encounters SET brief = NULL, brief_version = NULL, anchor = NULL WHERE tenant_id = %s",
        (organisation.id,),
    )


@pytest.mark.parametrize("mode", ["exact", "shifted", "safe_harbor"])
@pytest.mark.parametrize("body", [TYPICAL, BODY | PATIENT], ids=["light", "heavy"])
def test_an_encounter_without_a_brief_is_read_and_gets_one(
    organisation: Organisation, inside: Inside, years_later: None, body: dict[str, Any], mode: Mode
) -> None:
    id = created(organisation, body)
    without_briefs(inside, organisation)
    client = organisation.hospital if mode == "exact" else moved_to(organisation.hospital, mode)
    if mode == "exact":
        assert client.read(id)["vital_signs"]
        assert client.bundle(id)["entry"]
        return
    alias = alias_of(client, inside, id, mode)
    assert client.read(alias)["vital_signs"]
    assert [one["id"] for one in client.get(ENCOUNTERS).json()["encounters"]] == [alias]


def alias_of(client: Client, inside: Inside, id: str, mode: Mode) -> str:
    [(domain,)] = inside.rows("SELECT pseudonym_domain FROM apps WHERE client_id = %s", client.caller.client_id) or [
        ("",)
    ]
    name = domain or client.caller.client_id
    return Pseudonyms.from_text(PSEUDONYM_KEYS).domain(1, client.tenant_id, name, mode).alias(id)


def opened_briefs(organisation: Organisation, inside: Inside) -> dict[str, bytes]:
    query = "SELECT id, brief FROM encounters WHERE tenant_id = %s AND brief IS NOT NULL"
    rows = inside.rows(query, organisation.id)
    return {id: inside.keyring.decrypt(brief, store.brief_context(organisation.id, id)) for id, brief in rows}


def test_the_job_adds_the_briefs_of_older_processes_in_portions_and_goes_past_a_broken_record(
    organisation: Organisation, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [organisation.partner.create(**PATIENT) for _ in range(5)]
    before = opened_briefs(organisation, inside)
    without_briefs(inside, organisation)
    inside.owner.execute("UPDATE encounters SET record = 'broken' WHERE id = %s", (made[1],))
    monkeypatch.setattr(store, "BRIEFS_AT_ONCE", 2)
    with inside.task() as conn:
        store.add_briefs(inside.keyring, conn)
    del before[made[1]]
    assert opened_briefs(organisation, inside) == before
    left = (
        "SELECT id FROM encounters WHERE tenant_id = %s AND (anchor IS NULL OR brief_version IS DISTINCT FROM version)"
    )
    assert inside.rows(left, organisation.id) == [(made[1],)]
    assert inside.rows("SELECT brief_version FROM encounters WHERE id = %s", made[1]) == [(1,)]


def test_a_version_of_an_older_process_makes_its_brief_another_one(organisation: Organisation, inside: Inside) -> None:
    """The number that the older process wrote counts, and not the one in the brief beside it."""
    id = organisation.partner.create(**PATIENT)
    [(sealed,)] = inside.rows("SELECT record FROM encounters WHERE id = %s", id)
    record = store.unseal(sealed, inside.keyring, organisation.id, id)
    assert record.patient is not None
    number = msgspec.structs.replace(record.patient.identifiers[0], value="87654321")
    patient = msgspec.structs.replace(record.patient, identifiers=[number])
    sealed = store.seal(msgspec.structs.replace(record, patient=patient), inside.keyring, organisation.id, id)
    inside.owner.execute("DELETE FROM patient_numbers WHERE encounter_id = %s", (id,))
    written = "UPDATE encounters SET record = %s, version = version + 1, patient_basis = NULL WHERE id = %s"
    inside.owner.execute(written, (sealed, id))
    twin = organisation.partner.create(
        patient={"identifiers": [{"system": "urn:oid:1.2.372.980010.1.2", "value": "87654321"}]}
    )
    assert organisation.hospital.read(id)["patient"]["id"] == organisation.hospital.read(twin)["patient"]["id"]


# The cap


def test_a_record_has_at_most_so_many_bytes_over_all_amendments(
    organisation: Organisation, start_app: StartApp, inside: Inside
) -> None:
    with start_app(max_record_bytes=60_000) as http:
        partner = Client(http, organisation.id, "argus:epcr:write")
        crew = Client(http, organisation.id, "argus:epcr:clinical")
        refused = partner.post_encounter(heavy(300, 10))
        assert (refused.status_code, refused.json()["limit"]) == (409, 60_000)
        id = partner.create(vital_signs=[SIGNS] * 100)
        answers = [crew.write(id, {"vital_signs": [SIGNS] * 50}) for _ in range(4)]
        assert [one.status_code for one in answers][-1] == 409
        assert "at most 60000 bytes of its record" in answers[-1].json()["detail"]
        assert crew.write(id, {"status": "completed"}).status_code == 200
    # A lower cap ends no record that is longer: it may be written, and not grow.
    with start_app(max_record_bytes=10_000) as http:
        crew = Client(http, organisation.id, "argus:epcr:clinical")
        assert crew.write(id, {"status": "handed_over"}).status_code == 200
        assert crew.write(id, {"vital_signs": [SIGNS]}).status_code == 409
