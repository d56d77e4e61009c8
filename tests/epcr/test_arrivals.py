"""Lists of the handover read a page, however many rows there are: `listed_until` is kept true, disclosures are listed by patient."""

import threading
from typing import Any

import psycopg
import pytest

from services.epcr.handover import endpoints, listing, queries
from services.epcr.handover.listing import keep_lists
from shared.storage.database import IN_ORDER, set_tenant
from tests.epcr.conftest import Inside, Organisation
from tests.epcr.hospitals import ARRIVALS, Hospital, Region
from tests.epcr.samples import TYPICAL
from tests.support.waiting import PATIENCE

MANY = 2_000


@pytest.fixture
def region(organisation: Organisation, inside: Inside) -> Region:
    return Region(organisation, inside)


def arrivals(hospital: Hospital) -> list[str]:
    answer = hospital.app.get(ARRIVALS)
    assert answer.status_code == 200, answer.text
    return [one["encounter_id"] for one in answer.json()["arrivals"]]


def listed(inside: Inside, hospital: Hospital) -> list[str]:
    """The encounters in the index from which arrivals are read, oldest first."""
    statement = """
        SELECT encounter_id FROM encounter_destinations
        WHERE destination_id = %s AND listed_until IS NOT NULL AND ended_at IS NULL ORDER BY 1
    """
    return [id for (id,) in inside.rows(statement, hospital.id)]


def keep(inside: Inside) -> None:
    with inside.task() as conn:
        keep_lists(conn)


def fill(region: Region, hospital: Hospital, number: int) -> None:
    """As many encounters bound for the hospital, of which all but ten were read to the end long ago."""
    inside, first = region.inside, region.bound(hospital)
    inside.owner.execute(
        """INSERT INTO encounters (id, tenant_id, care_model, status, vehicle_id, cad_incident_id, patient_number, record, brief,
            anchor, created_at, updated_at)
        SELECT id || n, tenant_id, care_model, status, vehicle_id, 'many ' || id || n, patient_number, record, brief, anchor, created_at,
            updated_at
        FROM encounters, generate_series(1, %s) n WHERE id = %s""",
        (number, first),
    )
    inside.owner.execute(
        """INSERT INTO encounter_destinations (position, tenant_id, destination_id, named_by, trace_id, named_at, encounter_id)
        SELECT position, tenant_id, destination_id, named_by, trace_id,
            named_at - CASE WHEN n > 10 THEN interval '40 days' ELSE interval '0' END, encounter_id || n
        FROM encounter_destinations, generate_series(1, %s) n WHERE encounter_id = %s""",
        (number, first),
    )


def read_rows(
    inside: Inside, role: str, tenant_id: str, statement: Any, parameters: dict[str, Any], *, before: Any = "SELECT"
) -> int:
    """The most rows that a node of the plan read, those that it filtered away included. `before` is executed in the same transaction."""
    with psycopg.connect(role) as conn:
        set_tenant(conn, tenant_id)
        conn.execute(before)
        [[[plan]]] = conn.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + statement, parameters).fetchall()

    def most(node: dict[str, Any]) -> int:
        own = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        return max([own, *map(most, node.get("Plans", ()))])

    return most(plan["Plan"])


def test_arrivals_read_a_page_of_a_hospital_with_many(region: Region, inside: Inside) -> None:
    fill(region, region.cork, MANY)
    keep(inside)
    # As on a platform where most destinations have few encounters, and this one has many.
    inside.owner.execute("ALTER TABLE encounter_destinations ALTER COLUMN destination_id SET (n_distinct = -1)")
    inside.owner.execute("ANALYZE encounters, encounter_destinations, destinations")
    asked = {"client_id": region.cork.app.caller.client_id, "after": None, "limit": 6}
    rows = read_rows(inside, inside.database.app, region.organisation.id, queries.ARRIVALS, asked, before=IN_ORDER)
    assert rows <= 20, rows
    inside.owner.execute("ALTER TABLE encounter_destinations ALTER COLUMN destination_id RESET (n_distinct)")
    assert len(arrivals(region.cork)) == 11


def test_the_call_reads_arrivals_in_the_order_of_the_index(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    sorting: list[Any] = []
    every = endpoints.every

    async def looking(conn: Any, kind: Any, query: Any, parameters: Any = None) -> Any:
        sorting.append(await (await conn.execute("SHOW enable_sort")).fetchone())
        return await every(conn, kind, query, parameters)

    monkeypatch.setattr(endpoints, "every", looking)
    region.bound(region.cork)
    assert len(arrivals(region.cork)) == 1
    assert sorting == [("off",)]


def test_the_relay_keeps_the_lists_in_the_order_of_the_index(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    sorting: list[Any] = []

    def looking(conn: Any, _: Any) -> bool:
        sorting.append(conn.execute("SHOW enable_sort").fetchone())
        return False

    monkeypatch.setattr(listing, "_relist", looking)
    keep(inside)
    assert sorting == [("off",)]


def test_an_encounter_leaves_the_list_when_its_reading_is_over(region: Region, inside: Inside) -> None:
    over, cancelled, ended, open_ = (region.bound(region.cork) for _ in range(4))
    assert listed(inside, region.cork) == [over, cancelled, ended, open_]
    region.age(over, 31)
    region.crew.write(cancelled, {"status": "cancelled"})
    region.bind(ended, region.kerry)
    assert arrivals(region.cork) == [open_]
    keep(inside)
    assert listed(inside, region.cork) == [open_]
    region.crew.write(over, {"status": "completed"})
    assert arrivals(region.cork) == [open_, over]
    assert region.cork.read(over)["encounter_id"] == over
    region.crew.write(over, {"narrative": "A later entry begins no days anew."})
    region.age(over, 31)
    assert arrivals(region.cork) == [open_]


def test_an_organisation_with_many_lists_to_write_anew_has_one_turn_before_the_next_organisation(
    inside: Inside,
) -> None:
    many, few = "org_many", "org_few"
    add = "INSERT INTO relistings (destination_id, tenant_id, turn_at) VALUES (%s, %s, %s)"
    for number in range(3):
        inside.owner.execute(add, (f"dst_{number}", many, "2001-01-01"))
    inside.owner.execute(add, ("dst_few", few, "2002-01-01"))
    order: list[str] = []
    for _ in range(3):
        with inside.task() as conn:
            destination_id, _ = conn.execute(queries.TAKE_RELISTING, ([],)).fetchone() or ("", "")
            conn.execute(queries.MOVE_RELISTING, {"destination_id": destination_id, "place": ""})
            conn.commit()
        order.append(destination_id)
    inside.owner.execute("DELETE FROM relistings WHERE tenant_id IN (%s, %s)", (many, few))
    assert order[1] == "dst_few"
    assert order[2] != "dst_few"


def test_other_days_of_reading_hold_at_once_and_the_list_follows_in_portions(
    region: Region, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PORTION", 2)
    ids = [region.bound(region.cork) for _ in range(5)]
    for id in ids[:4]:
        region.age(id, 10)
    region.change(region.cork, readable_days=5)
    assert arrivals(region.cork) == [ids[4]]
    keep(inside)
    assert listed(inside, region.cork) == [ids[4]]
    assert inside.rows("SELECT count(*) FROM relistings") == [(0,)]
    region.change(region.cork, readable_days=20)
    keep(inside)
    assert arrivals(region.cork) == ids[::-1]
    assert [one["readable_until"] for one in region.cork.app.get(ARRIVALS).json()["arrivals"]] == [
        region.cork.read(id)["readable_until"] for id in ids[::-1]
    ]


def test_a_destination_whose_list_cannot_be_written_holds_up_no_other(region: Region, inside: Inside) -> None:
    stuck, over = region.bound(region.cork), region.bound(region.kerry)
    region.age(over, 10)
    with psycopg.connect(inside.database.admin) as holding:
        holding.execute("SELECT FROM encounter_destinations WHERE encounter_id = %s FOR UPDATE", (stuck,))
        region.change(region.cork, readable_days=20)
        region.change(region.kerry, readable_days=5)
        keep(inside)
        assert listed(inside, region.kerry) == []
        assert inside.rows("SELECT destination_id FROM relistings") == [(region.cork.id,)]
    keep(inside)
    assert inside.rows("SELECT count(*) FROM relistings") == [(0,)]


def test_a_list_is_written_behind_a_lock_that_others_hold_for_a_moment(region: Region, inside: Inside) -> None:
    """The relay ends sessions that hold one for longer."""
    over = region.bound(region.cork)
    region.age(over, 10)
    with psycopg.connect(inside.database.admin) as holding:
        holding.execute("SELECT FROM encounter_destinations WHERE encounter_id = %s FOR SHARE", (over,))
        region.change(region.cork, readable_days=5)
        ends = threading.Timer(1, holding.rollback)
        ends.start()
        keep(inside)
        ends.join()
    assert listed(inside, region.cork) == []


def test_the_disclosures_of_a_placeholder_that_many_share_are_read_by_the_page(region: Region, inside: Inside) -> None:
    """Encounters without a disclosure cost the list nothing."""
    first = region.bound(region.cork, **TYPICAL)
    region.cork.read(first)
    fill(region, region.kerry, MANY)
    [(basis,)] = inside.rows("SELECT patient_basis FROM encounters WHERE id = %s", first)
    inside.owner.execute(
        "UPDATE encounters SET patient_basis = %s, pseudonym_version = 1 WHERE tenant_id = %s",
        (basis, region.organisation.id),
    )
    inside.owner.execute("ANALYZE encounters, disclosures, patient_disclosures")
    asked = {"patient_basis": basis, "after": None, "limit": 6}
    rows = read_rows(inside, inside.database.app, region.organisation.id, queries.DISCLOSURES_OF_PATIENT, asked)
    assert rows <= 20, rows
    assert [row["encounter_id"] for row in region.disclosures(first)] == [first]


def test_a_disclosure_is_listed_for_each_patient_that_the_encounter_had(region: Region) -> None:
    id, of_other = region.bound(region.cork, **TYPICAL), region.partner.create(patient={"identifiers": [OTHER]})
    region.partner.bundle(of_other)
    region.cork.read(id)
    assert region.crew.write(id, {"patient": {"identifiers": [OTHER]}}).status_code == 200
    region.cork.read(id)
    assert [row["identity"] for row in region.disclosures(of_other)] == [2, 1]
    same = region.bound(region.kerry, **TYPICAL)
    region.kerry.read(same)
    assert [row["encounter_id"] for row in region.disclosures(same)] == [same, id, id]


def test_a_correction_writes_one_row_however_often_the_encounter_was_disclosed(
    region: Region, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list is whole at once; the relay writes its rows in portions."""
    monkeypatch.setattr(listing, "PORTION", 10)
    monkeypatch.setattr(listing, "SECONDS", PATIENCE)
    id, of_other = region.bound(region.cork, **TYPICAL), region.partner.create(patient={"identifiers": [OTHER]})
    region.partner.bundle(of_other)
    region.cork.read(id)
    columns = inside.rows(
        "SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute "
        "WHERE attrelid = 'disclosures'::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'id'"
    )[0][0]
    inside.owner.execute(
        f"INSERT INTO disclosures (id, {columns}) SELECT left(id, -2) || lpad(n::text, 2, '0'), {columns} "
        "FROM disclosures, generate_series(10, 44) n WHERE encounter_id = %s ON CONFLICT DO NOTHING".encode(),
        (id,),
    )
    keep(inside)  # disclosures of other tests
    number = inside.rows("SELECT count(*) FROM disclosures WHERE encounter_id = %s", id)[0][0]
    listed_before = inside.rows("SELECT count(*) FROM patient_disclosures")[0][0]
    assert number >= 35
    assert region.crew.write(id, {"patient": {"identifiers": [OTHER]}}).status_code == 200
    assert inside.rows("SELECT count(*) FROM patient_disclosures") == [(listed_before,)]
    at_once = region.disclosures(of_other, limit=100)
    assert len(at_once) == number
    keep(inside)
    assert inside.rows("SELECT count(*) FROM disclosures_to_list") == [(0,)]
    assert inside.rows("SELECT count(*) FROM patient_disclosures") == [(listed_before + number,)]
    assert region.disclosures(of_other, limit=100) == at_once


OTHER = {"system": "urn:oid:1.2.372.980010.1.2", "value": "4445556DA"}
