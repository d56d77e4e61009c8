"""The largest valid records, on every road that opens, projects or exports them: in turns, beside the loop, without a connection."""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import psycopg
import pytest

from services.epcr.deidentification import projection
from services.epcr.deidentification.pseudonyms import Pseudonyms
from services.epcr.encounters import queries, store
from services.epcr.records import amend
from shared.primitives import ids
from shared.web import fairness
from shared.web.identity import party_of
from shared.web.scopes import Mode
from tests.epcr.conftest import ENCOUNTERS, PSEUDONYM_KEYS, RECORDS, Client, Inside, Organisation, StartApp
from tests.epcr.hospitals import Region
from tests.epcr.samples import MINIMAL, TYPICAL
from tests.epcr.test_attacker import moved_to
from tests.epcr.test_outcomes import OUTCOME, report
from tests.support.records import SIGNS, heavy
from tests.support.waiting import wait_for

MOVED = pytest.mark.parametrize("mode", ["shifted", "safe_harbor"])
BODY = heavy(60, 10)
PATIENT = {
    "patient": {"sex": "female", "identifiers": [{"system": "urn:oid:1.2.372.980010.1.2", "value": "1234567FA"}]}
}
Road = Callable[[Organisation, str], Any]


def created(organisation: Organisation, body: dict[str, Any]) -> str:
    answer = organisation.partner.post_encounter(body | {"cad_incident_id": ids.new_id("cad")})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def export(organisation: Organisation, id: str, **query: Any) -> Any:
    return organisation.hospital.get(f"{ENCOUNTERS}/{id}/fhir-bundle", params=query)


# Each road to stored records that opens one.
IN_THE_RENDERER = ("export", "export in bundles", "document", "transaction", "pdf")
"""Roads on which the web process projects nothing; of handovers it opens the record, for the readings that they need."""
ROADS: dict[str, Road] = {
    "create": lambda organisation, _: organisation.partner.post_encounter(
        BODY | PATIENT | {"cad_incident_id": ids.new_id("c")}
    ),
    "read": lambda organisation, id: organisation.hospital.get(f"{ENCOUNTERS}/{id}"),
    "export": export,
    "export in bundles": lambda organisation, id: export(organisation, id, max_entries=50),
    "read the record": lambda organisation, id: organisation.crew.get(f"{RECORDS}/{id}"),
    "amend the record": lambda organisation, id: organisation.crew.write(id, {"narrative": "More."}, "*"),
}


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch, inside: Inside) -> Counter[str]:
    """The threads in which records are opened, made, projected and encrypted; and the transactions open when a turn is asked for."""
    seen = Counter[str]()

    def noting(module: Any, name: str) -> None:
        work = getattr(module, name)

        def noted(*given: Any, **named: Any) -> Any:
            seen[threading.current_thread().name.rpartition("_")[0] or "the loop"] += 1
            return work(*given, **named)

        monkeypatch.setattr(module, name, noted)

    for module, name in (
        (store, "unseal"),
        (store, "read"),
        (store, "seal"),
        (amend, "begin"),
        (amend, "merge"),
        (projection.Moves, "apply"),
    ):
        noting(module, name)
    turn = fairness.Line.turn
    query = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'"

    @asynccontextmanager
    async def counted(line: fairness.Line, request: Any) -> AsyncIterator[None]:
        seen["transactions"] += len(await asyncio.to_thread(inside.rows, query))
        async with turn(line, request):
            yield

    monkeypatch.setattr(fairness.Line, "turn", counted)
    return seen


@pytest.mark.parametrize("road", ROADS)
def test_no_road_to_a_heavy_record_works_on_the_event_loop_or_waits_with_a_connection(
    organisation: Organisation, watched: Counter[str], road: str
) -> None:
    id = created(organisation, BODY | PATIENT)
    watched.clear()
    answer = ROADS[road](organisation, id)
    assert answer.status_code in (200, 201), answer.text
    assert set(watched) - {"transactions"} == (set() if road in IN_THE_RENDERER else {"large-bodies"})
    assert watched["transactions"] == 0


@pytest.mark.parametrize("road", ["read", "export", "read the record"])
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


def test_a_heavy_record_of_an_encounter_that_exists_is_refused_before_it_is_made(
    organisation: Organisation, watched: Counter[str]
) -> None:
    body = BODY | {"cad_incident_id": ids.new_id("cad")}
    first = organisation.partner.post_encounter(body)
    watched.clear()
    again = organisation.partner.post_encounter(body)
    assert (again.status_code, again.json()["encounter_id"]) == (409, first.json()["id"])
    assert set(watched) <= {"transactions"}


@pytest.mark.parametrize("form", ["json", "document", "transaction", "pdf", "outcome"])
def test_no_handover_of_a_heavy_record_works_on_the_event_loop_or_waits_with_a_connection(
    organisation: Organisation, inside: Inside, watched: Counter[str], form: str
) -> None:
    region = Region(organisation, inside)
    id = region.bound(region.cork, **BODY | PATIENT)
    watched.clear()
    if form == "outcome":
        assert report(region.cork.app, id, OUTCOME).status_code == 201
    else:
        assert region.cork.handover(id, format=form).status_code == 200
    assert set(watched) - {"transactions"} == {"large-bodies"}
    assert watched["large-bodies"] == 1 or form not in IN_THE_RENDERER
    assert watched["transactions"] == 0


@MOVED
def test_an_edition_of_a_heavy_record_is_made_beside_the_loop(
    organisation: Organisation, years_later: None, watched: Counter[str], mode: Mode
) -> None:
    created(organisation, BODY | PATIENT)
    client = moved_to(organisation.hospital, mode)
    [alias] = [one["id"] for one in client.get(ENCOUNTERS).json()["encounters"]]
    watched.clear()
    assert client.read(alias)["vital_signs"]
    assert set(watched) - {"transactions"} == {"large-bodies"}
    assert client.bundle(alias)["entry"]
    assert set(watched) - {"transactions"} == {"large-bodies"}
    assert watched["transactions"] == 0


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
    number = msgspec.structs.replace(record.patient.identifiers[0], value="8765432EA")
    patient = msgspec.structs.replace(record.patient, identifiers=[number])
    sealed = store.seal(msgspec.structs.replace(record, patient=patient), inside.keyring, organisation.id, id)
    inside.owner.execute("DELETE FROM patient_numbers WHERE encounter_id = %s", (id,))
    written = "UPDATE encounters SET record = %s, version = version + 1, patient_basis = NULL WHERE id = %s"
    inside.owner.execute(written, (sealed, id))
    twin = organisation.partner.create(
        patient={"identifiers": [{"system": "urn:oid:1.2.372.980010.1.2", "value": "8765432EA"}]}
    )
    assert organisation.hospital.read(id)["patient"]["id"] == organisation.hospital.read(twin)["patient"]["id"]


# Fair turns, memory, and the cap


def test_another_tenants_export_waits_for_no_whole_export_of_the_largest_records(
    organisation: Organisation, other: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four exports and readings of one tenant at a time; each turn of the other tenant waits for two of theirs at most."""
    greedy = [created(organisation, heavy(100, 20)) for _ in range(2)]
    mine = created(other, BODY)
    order: list[str] = []
    turn, stopping = fairness.Line.turn, threading.Event()

    @asynccontextmanager
    async def noted(line: fairness.Line, request: Any) -> AsyncIterator[None]:
        async with turn(line, request):
            if not isinstance(line, fairness._OfLoop):  # the line of the renderer
                order.append(party_of(request.scope["caller"]).tenant)
            yield

    monkeypatch.setattr(fairness.Line, "turn", noted)

    def attack(number: int) -> None:
        while not stopping.is_set():
            id = greedy[number % 2]
            (export(organisation, id), organisation.hospital.get(f"{ENCOUNTERS}/{id}"))[number % 2]

    with ThreadPoolExecutor(4) as crowd:
        running = [crowd.submit(attack, number) for number in range(4)]
        try:
            while order.count(organisation.id) < 8:
                stopping.wait(0.01)
            for _ in range(3):
                before = len(order)
                assert export(other, mine).status_code == 200
                met = order[before:]
                last = len(met) - met[::-1].index(other.id)
                assert met[:last].count(organisation.id) <= 3 * met[:last].count(other.id) + 1, met
        finally:
            stopping.set()
        for one in running:
            one.result()


def test_exports_that_nobody_reads_keep_their_memory_reserved_and_leave_another_tenant_its_own(
    organisation: Organisation, other: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tenant whose clients read slowly or not at all gets 429 for further answers; another tenant does not."""
    id, theirs = created(organisation, heavy(300, 60)), created(other, BODY)
    monkeypatch.setattr(store, "HELD", 40)
    hospital, unread = organisation.hospital, list[Any]()
    try:
        for _ in range(8):
            request = hospital.http.build_request("GET", f"{ENCOUNTERS}/{id}/fhir-bundle", headers=hospital.headers())
            unread.append(hospital.http.send(request, stream=True))
        answers = [one.status_code for one in unread]
        assert answers == sorted(answers)
        assert set(answers) == {200, 429}
        assert export(other, theirs).status_code == 200
    finally:
        for one in unread:
            one.close()
    wait_for(lambda: export(organisation, id).status_code == 200, what="the memory to be given back")


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
