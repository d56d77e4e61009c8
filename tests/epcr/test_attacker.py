"""A reader of moved times tries to move them back: polls, joins and subtracts over all that such an app can reach."""

import re
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from services.epcr.deidentification.projection import Disclosure, Mode, shift
from services.epcr.deidentification.pseudonyms import SHIFT_DAYS, Pseudonyms
from services.epcr.encounters import queries, store
from services.epcr.encounters.editions import HELD_DAYS, end_of_edition
from shared.primitives import ids
from shared.primitives.crypto import base64url_decode
from shared.storage.database import every, set_tenant
from shared.web import http
from tests.epcr import golden
from tests.epcr.conftest import ENCOUNTERS, PSEUDONYM_KEYS, RECORDS, Calendar, Client, Inside, Organisation
from tests.epcr.deliveries import app_changed, recorded, spo2
from tests.epcr.samples import MINIMAL, PATIENT, TYPICAL

pytestmark = pytest.mark.full

MOVED = pytest.mark.parametrize("mode", ["shifted", "safe_harbor"])
PATIENTS = 6
HELD = HELD_DAYS["shifted"]
NUMBER = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[a-z]+_[0-9a-z]{26}|[0-9a-f]{16,}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+Z")


def moved_to(client: Client, mode: Mode) -> Client:
    """The same app with a token of that mode, which is all that a service needs to know."""
    other = Client(client.http, client.tenant_id)
    other.caller = msgspec.structs.replace(client.caller, deidentification=mode)
    return other


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


class Attacker:
    """Reads everything it can at any time, and records when it saw each change."""

    def __init__(self, client: Client, calendar: Calendar) -> None:
        self.client = client
        self.calendar = calendar
        self.seen: dict[str, list[tuple[datetime, Any]]] = defaultdict(list)

    def listed(self, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            answer = self.client.get(ENCOUNTERS, params=query | ({"cursor": cursor} if cursor else {}))
            assert answer.status_code == 200, answer.text
            found += answer.json()["encounters"]
            cursor = answer.json()["next_cursor"]
            if cursor is None:
                return found

    def all_of(self, alias: str) -> str:
        """Every byte of an encounter's answers, with headers."""
        paths = (f"{ENCOUNTERS}/{alias}", f"{ENCOUNTERS}/{alias}/fhir-bundle", f"{ENCOUNTERS}/{alias}?format=fhir")
        answers = [self.client.get(path) for path in paths]
        assert {answer.status_code for answer in answers} == {200}
        return " ".join(answer.text + str(answer.headers.get("etag")) for answer in answers)

    def poll_for_a_year(self, encounters: int) -> None:
        """Once a day until so many encounters are seen, and every twentieth day from then on."""
        for ahead in range(HELD_DAYS["safe_harbor"] + 3):
            if len(self.seen) < encounters or ahead % 20 == 0:
                self.poll(range(ahead, ahead + 1))

    def poll(self, days: range, **query: Any) -> None:
        """Once a day: notes each encounter whenever it looks other than the last time."""
        for ahead in days:
            self.calendar.ahead = timedelta(days=ahead)
            today = self.calendar.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            for one in self.listed(**query):
                known = self.seen[one["id"]]
                state = self.client.get(f"{ENCOUNTERS}/{one['id']}/fhir-bundle").headers["etag"], one
                if not known or known[-1][1] != state:
                    known.append((today, state))

    def guesses(self) -> set[int]:
        """Days between each encounter's appearance and its moved day: the shift, except for a constant."""
        return {(today - day(one["updated_at"])).days for states in self.seen.values() for today, (_, one) in states}


def patients(organisation: Organisation) -> list[str]:
    """Encounters of as many patients, of whom each has a shift of their own, just now."""
    now = datetime.now(UTC).isoformat()
    numbers = [[{"system": "urn:mrn", "value": f"77{number}41A"}] for number in range(PATIENTS)]
    return [organisation.partner.create(patient=PATIENT | {"identifiers": one}, times={"call": now}) for one in numbers]


def forget_bases(organisation: Organisation, inside: Inside) -> None:
    """As if nobody had been shown a patient yet."""
    inside.rows("UPDATE encounters SET patient_basis = NULL WHERE tenant_id = %s RETURNING 1", organisation.id)


def shifts(organisation: Organisation, client: Client, inside: Inside) -> set[int]:
    """The attacker's goal."""
    domain = Pseudonyms.from_text(PSEUDONYM_KEYS).domain(1, organisation.id, client.caller.client_id, "shifted")
    rows = inside.rows("SELECT patient_basis FROM encounters WHERE tenant_id = %s", organisation.id)
    return {domain.shift_days(bytes(basis)) for (basis,) in rows}


def test_polling_the_list_does_not_tell_a_patients_shift(
    organisation: Organisation, inside: Inside, calendar: Calendar
) -> None:
    patients(organisation)
    attacker = Attacker(moved_to(organisation.hospital, "shifted"), calendar)
    attacker.poll(range(2 * HELD + 1))
    assert len(attacker.seen) == PATIENTS
    assert len(shifts(organisation, attacker.client, inside)) > 1
    assert attacker.guesses() == {HELD + 1}


def test_polling_for_changes_does_not_tell_a_patients_shift(
    organisation: Organisation, inside: Inside, calendar: Calendar
) -> None:
    """Later writes and observations appear as long after their moved times as the encounter itself."""
    for number, id in enumerate(patients(organisation)):
        organisation.crew.write(id, {"narrative": "later", "status": "completed"})
        inside.rows(
            "UPDATE encounter_versions SET written_at = written_at + interval '1 day' * %s WHERE encounter_id = %s AND version = 2"
            " RETURNING 1",
            number + 1,
            id,
        )
    attacker = Attacker(moved_to(organisation.hospital, "shifted"), calendar)
    attacker.poll(range(2 * HELD + 1 + PATIENTS))
    assert [len(states) for states in attacker.seen.values()] == [2] * PATIENTS
    assert attacker.guesses() == {HELD + 1}


def test_polling_a_filter_does_not_tell_a_patients_shift(
    organisation: Organisation, inside: Inside, calendar: Calendar
) -> None:
    for id in patients(organisation):
        organisation.crew.write(id, {"status": "completed"})
    inside.rows(
        "UPDATE encounter_versions SET written_at = written_at + interval '5 days' WHERE tenant_id = %s AND version = 2 RETURNING 1",
        organisation.id,
    )
    attacker = Attacker(moved_to(organisation.hospital, "shifted"), calendar)
    attacker.poll(range(2 * HELD + 6), status="completed")
    assert (len(attacker.seen), attacker.guesses()) == (PATIENTS, {HELD + 1})
    assert {one["status"] for states in attacker.seen.values() for _, (_, one) in states} == {"completed"}
    assert attacker.listed(status="in_progress") == []


def test_polling_for_readings_does_not_tell_a_patients_shift(
    organisation: Organisation, inside: Inside, calendar: Calendar
) -> None:
    """Of each patient a monitor's reading comes in ten days after the encounter, in the calendar of the app as well."""
    for id in patients(organisation):
        inside.receive(organisation.id, recorded(id, spo2()))
    inside.rows(
        "UPDATE observations SET received_at = received_at + interval '10 days' WHERE tenant_id = %s RETURNING 1",
        organisation.id,
    )
    attacker = Attacker(moved_to(organisation.hospital, "shifted"), calendar)
    attacker.poll(range(2 * HELD + 12))
    waits = {(states[1][0] - states[0][0]).days for states in attacker.seen.values()}
    assert (len(attacker.seen), waits) == (PATIENTS, {10})


def test_polling_tells_no_more_than_the_year_of_what_is_shown_as_a_year(
    organisation: Organisation, calendar: Calendar
) -> None:
    """Also for a record that was written long after its beginning, perhaps in the next year."""
    now = datetime.now(UTC)
    for days in (0, 1, 21, 21 + 30, 300):
        organisation.partner.create(times={"call": (now - timedelta(days=days)).isoformat()})
    attacker = Attacker(moved_to(organisation.hospital, "safe_harbor"), calendar)
    attacker.poll_for_a_year(5)
    assert (len(attacker.seen), attacker.guesses()) == (5, {HELD_DAYS["safe_harbor"] + 1})


@pytest.mark.parametrize(
    "began", ["2024-01-01T00:00:00+00:00", "2024-12-31T23:59:59+00:00", "2026-06-01T12:00:00+00:00"]
)
def test_a_year_is_over_before_anything_of_it_is_shown(began: str) -> None:
    anchor = datetime.fromisoformat(began)
    moved = shift(Disclosure(golden.PSEUDONYMS.domain(1, "org", "app"), "safe_harbor", b""), anchor)
    end = end_of_edition("safe_harbor", moved, datetime(2027, 6, 1, 12, tzinfo=UTC))
    assert end + timedelta(days=1) < datetime(2027, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize("days", [-SHIFT_DAYS, -1, 1, SHIFT_DAYS])
@pytest.mark.parametrize("clock", ["2026-03-01T00:00:00+00:00", "2026-03-01T23:59:59.999999+00:00"])
def test_an_edition_ends_as_many_days_ago_in_the_calendar_of_every_patient(days: int, clock: str) -> None:
    end = end_of_edition("shifted", timedelta(days=days), datetime.fromisoformat(clock))
    assert end + timedelta(days=days) == datetime(2026, 3, 1, tzinfo=UTC) - timedelta(days=HELD)
    assert end < datetime(2026, 3, 1, tzinfo=UTC)


@MOVED
def test_joining_with_what_another_app_reads_exactly_finds_no_number_and_no_time_in_common(
    organisation: Organisation, inside: Inside, years_later: None, calendar: Calendar, mode: Mode
) -> None:
    """Only the organisation, the vehicle in shifted times, and the values may be common."""
    times = {"call": "2026-03-23T10:00:07.123456Z", "on_scene": "2026-03-23T10:09:05.5Z"}
    id = organisation.partner.create(**TYPICAL | {"times": times})
    inside.receive(
        organisation.id, recorded(id, spo2(observed_at=datetime(2026, 3, 23, 10, 15, 7, 250000, tzinfo=UTC)))
    )
    exact = Attacker(organisation.hospital, calendar).all_of(id)
    attacker = Attacker(moved_to(organisation.hospital, mode), calendar)
    [listed] = attacker.listed()
    moved = attacker.all_of(listed["id"]) + str(listed)
    assert set(NUMBER.findall(moved)) & set(NUMBER.findall(exact)) <= {organisation.id}
    assert not [one for one in TIME.findall(moved) if not one.endswith(":00Z")]
    assert {listed[name][10:] for name in ("created_at", "updated_at")} == {"T00:00:00Z"}
    assert id not in moved


@MOVED
def test_the_order_of_a_list_does_not_tell_when_its_encounters_were_made(
    organisation: Organisation, years_later: None, calendar: Calendar, mode: Mode
) -> None:
    """Between neighbours whose moves cancel out, an encounter's place would tell its day."""
    vehicles = [f"AMB-{number:02d}" for number in range(12)]
    for vehicle in vehicles:
        organisation.partner.create(vehicle_id=vehicle, patient={"age_years": 20 + vehicles.index(vehicle)})
    attacker = Attacker(moved_to(organisation.hospital, mode), calendar)
    ages = [attacker.client.read(one["id"])["patient"]["age_years"] for one in attacker.listed(limit=5)]
    assert sorted(ages) == list(range(20, 32))
    assert ages not in (sorted(ages), sorted(ages, reverse=True))


@MOVED
def test_a_change_of_mode_leaves_nothing_in_common(
    organisation: Organisation, inside: Inside, years_later: None, calendar: Calendar, mode: Mode
) -> None:
    """An app that read a patient exactly would otherwise know from its pseudonym how far the older encounters were moved."""
    id = organisation.partner.create(**TYPICAL)
    client = organisation.hospital
    before = Attacker(client, calendar).all_of(id)
    attacker = Attacker(moved_to(client, mode), calendar)
    [listed] = attacker.listed()
    after = attacker.all_of(listed["id"])
    assert set(NUMBER.findall(before)) & set(NUMBER.findall(after)) <= {organisation.id}
    for other in ("exact", "shifted", "safe_harbor"):
        status = moved_to(client, other).get(f"{ENCOUNTERS}/{listed['id']}").status_code
        assert status == (200 if other == mode else 404)


@MOVED
@pytest.mark.parametrize("known_by", ["token", "message"])
def test_an_app_with_moved_times_makes_no_encounter_and_learns_no_id_from_trying(
    organisation: Organisation, inside: Inside, mode: Mode, known_by: str
) -> None:
    """Neither from a new one, nor from the conflict with one that is there, nor from an answer it was given in another mode."""
    client = organisation.partner
    body = MINIMAL | {"cad_incident_id": ids.new_id("cad")}
    id = client.post_encounter(body, idempotency_key="before").json()["id"]
    if known_by == "message":
        inside.receive(organisation.id, app_changed(client.caller.client_id, deidentification=mode))
    else:
        client = moved_to(client, mode)
    for again in (
        client.post_encounter(body),
        client.post_encounter(body, idempotency_key="before"),
        client.post_encounter(body | {"patient_number": 2}),
    ):
        assert again.status_code == 403
        assert id not in again.text + str(again.headers)
        assert (again.json()["scope"], mode in again.json()["detail"]) == ("argus:epcr:write", True)
    query = "SELECT count(*) FROM encounters WHERE tenant_id = %s"
    assert inside.rows(query, organisation.id) == [(1,)]


@MOVED
def test_an_app_with_moved_times_is_no_crews_application(organisation: Organisation, mode: Mode) -> None:
    id = organisation.partner.create(**TYPICAL)
    crew = moved_to(organisation.crew, mode)
    assert crew.get(f"{RECORDS}/{id}").status_code == 403
    assert crew.write(id, {"status": "completed"}, version=1).status_code == 403


def test_of_two_things_said_of_an_app_what_hides_more_holds(
    organisation: Organisation, inside: Inside, years_later: None
) -> None:
    """A token from before a change of mode, or from after a change that has not reached this service."""
    id = organisation.partner.create(**TYPICAL)
    client = organisation.hospital
    inside.receive(organisation.id, app_changed(client.caller.client_id, 1, deidentification="safe_harbor"))
    assert client.get(f"{ENCOUNTERS}/{id}").status_code == 404
    shown = moved_to(client, "shifted").get(ENCOUNTERS).json()["encounters"]
    assert ["vehicle_id" in one for one in shown] == [False]


def test_no_page_ends_at_an_encounter_that_may_not_be_seen_yet(
    organisation: Organisation, inside: Inside, calendar: Calendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its alias in a cursor would tell from when on it was there."""
    monkeypatch.setattr("services.epcr.encounters.editions.LOOKED_AT", 2)
    patients(organisation)
    attacker = Attacker(moved_to(organisation.hospital, "shifted"), calendar)
    client_id = attacker.client.caller.client_id
    domain = Pseudonyms.from_text(PSEUDONYM_KEYS).domain(1, organisation.id, client_id, "shifted")
    seen: set[str] = set()
    for ahead in (*range(0, 2 * HELD, 7), 2 * HELD):
        calendar.ahead = timedelta(days=ahead)
        seen = {one["id"] for one in attacker.listed()}
        cursor: str | None = None
        while True:
            page = attacker.client.get(ENCOUNTERS, params={"limit": 1} | ({"cursor": cursor} if cursor else {})).json()
            cursor = page["next_cursor"]
            if cursor is None:
                break
            alias = base64url_decode(cursor)[http.CURSOR_MARK :].decode().split()[1]
            # The end of a slice is a place that no encounter can have.
            assert alias in seen or ids.uuid_of(domain.id_of(alias)).int % (1 << 80) == 0
    assert len(seen) == PATIENTS


def fill(client: Client, organisation: Organisation, inside: Inside, number: int) -> None:
    """As many more encounters, which the app with moved times may not see yet."""
    domain = Pseudonyms.from_text(PSEUDONYM_KEYS).domain(1, organisation.id, client.caller.client_id, "shifted")
    basis = next(basis for basis in (bytes([byte]) * 32 for byte in range(256)) if domain.shift_days(basis) > 0)
    inside.owner.execute(
        """INSERT INTO encounters (id, tenant_id, care_model, status, vehicle_id, cad_incident_id, patient_number, record, brief,
            created_at, updated_at, anchor, patient_basis, pseudonym_version)
        SELECT id, %s, 'prehospital_emergency', 'in_progress', 'AMB-1', id, 1, '', '', now() - interval '2 days', now(), now(), %s, 1
        FROM unnest(%s::text[]) id""",
        (organisation.id, basis, [ids.new_id("enc") for _ in range(number)]),
    )


@MOVED
def test_a_request_reads_no_more_of_a_long_history_that_is_hidden(
    organisation: Organisation, inside: Inside, calendar: Calendar, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    """An empty page, after so many rows at most, however many are hidden."""
    monkeypatch.setattr("services.epcr.encounters.editions.LOOKED_AT", 20)
    monkeypatch.setattr("services.epcr.encounters.editions.SLICES", 2)
    read: list[int] = []

    async def counted(*asked: Any) -> Any:
        rows = await every(*asked)
        read.append(len(rows) if asked[2] == queries.LIST_SHUFFLED else 0)
        return rows

    monkeypatch.setattr("services.epcr.encounters.editions.every", counted)
    client = moved_to(organisation.hospital, mode)
    most = []
    for number in (500, 4500):
        fill(client, organisation, inside, number)
        read.clear()
        page = client.get(ENCOUNTERS, params={"limit": 1}).json()
        assert page["encounters"] == []
        assert page["next_cursor"] is not None
        most.append(sum(read))
    assert max(most) <= 2 * 20 * 3, most


@MOVED
def test_empty_pages_do_not_show_how_many_encounters_are_hidden(
    organisation: Organisation, inside: Inside, calendar: Calendar, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    """Their number is a power of two, and their cursors are places that no encounter has, all of one length."""
    monkeypatch.setattr("services.epcr.encounters.editions.LOOKED_AT", 20)
    monkeypatch.setattr("services.epcr.encounters.editions.SLICES", 1)
    client = moved_to(organisation.hospital, mode)
    fill(client, organisation, inside, 500)
    [width] = {len(cursor) for cursor in cursors(client)}
    assert width > 0
    numbers = []
    for _ in range(4):
        numbers.append(1 + len(cursors(client)))
        fill(client, organisation, inside, 20)
    assert {number & (number - 1) for number in numbers} == {0}
    assert len(set(numbers)) <= 2


def cursors(client: Client) -> list[str]:
    """Of all pages of the list, each of which is empty."""
    found: list[str] = []
    while True:
        page = client.get(ENCOUNTERS, params={"cursor": found[-1]} if found else {}).json()
        assert page["encounters"] == []
        if page["next_cursor"] is None:
            return found
        found.append(page["next_cursor"])


@MOVED
def test_pages_of_slices_show_each_encounter_once(
    organisation: Organisation,
    inside: Inside,
    years_later: None,
    calendar: Calendar,
    monkeypatch: pytest.MonkeyPatch,
    mode: Mode,
) -> None:
    monkeypatch.setattr("services.epcr.encounters.editions.LOOKED_AT", 2)
    monkeypatch.setattr("services.epcr.encounters.editions.SLICES", 1)
    made = len([*patients(organisation), *patients(organisation)])
    attacker = Attacker(moved_to(organisation.hospital, mode), calendar)
    for limit in (1, 2, 50):
        seen = [one["id"] for one in attacker.listed(limit=limit)]
        assert (len(seen), len(set(seen))) == (made, made)


def test_a_reader_never_waits_for_an_encounter_that_is_being_written(
    organisation: Organisation, inside: Inside, years_later: None, calendar: Calendar
) -> None:
    """It holds those it has gone through, in no order: writers and readers would wait for one another. It sees it the next time."""
    busy, *_ = patients(organisation)
    forget_bases(organisation, inside)
    attacker = Attacker(moved_to(organisation.hospital, "shifted"), calendar)
    with inside.task() as conn:
        set_tenant(conn, organisation.id)
        conn.execute("SELECT 1 FROM encounters WHERE id = %s FOR UPDATE", (busy,))
        assert len(attacker.listed()) == PATIENTS - 1
    assert len(attacker.listed()) == PATIENTS


def test_one_request_opens_so_many_records_and_the_next_one_goes_on(
    organisation: Organisation,
    inside: Inside,
    years_later: None,
    calendar: Calendar,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.epcr.encounters.editions.LOOKED_AT", 2)
    monkeypatch.setattr("services.epcr.encounters.editions.SLICES", 10_000)
    monkeypatch.setattr("services.epcr.encounters.editions.OPENED", 3)
    patients(organisation)
    forget_bases(organisation, inside)
    attacker = Attacker(moved_to(organisation.hospital, "shifted"), calendar)
    first, second = (len(attacker.listed()) for _ in range(2))
    assert 3 <= first <= 4, first
    assert second == PATIENTS


@MOVED
def test_a_list_opens_no_record_where_times_are_moved(
    organisation: Organisation, years_later: None, calendar: Calendar, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    patients(organisation)
    monkeypatch.setattr(store, "decrypted", None)
    attacker = Attacker(moved_to(organisation.hospital, mode), calendar)
    assert len(attacker.listed()) == PATIENTS


def test_one_request_opens_so_many_bytes_of_briefs_and_the_next_one_goes_on(
    organisation: Organisation,
    inside: Inside,
    years_later: None,
    calendar: Calendar,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Briefs are opened for patients whom no app was shown."""
    patients(organisation)
    forget_bases(organisation, inside)
    attacker = Attacker(moved_to(organisation.hospital, "shifted"), calendar)
    monkeypatch.setattr("services.epcr.encounters.editions.BYTES_OPENED", 1)
    assert [len(attacker.listed()) for _ in range(3)] == [1, 2, 3]


@MOVED
def test_a_sandbox_shows_at_once_what_is_moved(organisation: Organisation, mode: Mode) -> None:
    """Nobody is in it, and who builds against a mode cannot wait for months."""
    sandbox = Client(organisation.hospital.http, organisation.id, "argus:epcr:write", environment="sandbox")
    sandbox.create(**TYPICAL)
    [listed] = moved_to(sandbox, mode).get(ENCOUNTERS).json()["encounters"]
    assert moved_to(sandbox, mode).read(listed["id"])["times"]["call"] != TYPICAL["times"]["call"]
