"""The largest valid records: how they are read, listed and bounded, and rows of older processes."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from services.epcr.encounters import queries
from shared.primitives import ids
from shared.web.heavy import LIGHT
from shared.web.scopes import Mode
from tests.epcr.conftest import ENCOUNTERS, RECORDS, Client, Inside, Organisation, StartApp
from tests.epcr.samples import MINIMAL, TYPICAL
from tests.epcr.test_attacker import moved_to
from tests.support.records import SIGNS, heavy

pytestmark = pytest.mark.full

BODY = heavy(60, 10)
PATIENT = {
    "patient": {"sex": "female", "identifiers": [{"system": "urn:oid:1.2.372.980010.1.2", "value": "1234567FA"}]}
}
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
            if len(result.get_value(0, column) or b"") > LIGHT:
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
