"""Migrations that fill new columns and tables for rows from before them: in portions, and to the same as triggers write now."""

from pathlib import Path
from typing import LiteralString, cast

from services.epcr import allowance
from services.epcr.handover import queries
from services.epcr.handover.listing import keep_lists
from shared.storage import migrate
from tests.epcr.conftest import Inside, Organisation
from tests.epcr.deliveries import recorded, spo2
from tests.epcr.hospitals import Region
from tests.epcr.samples import TYPICAL
from tests.epcr.test_allowance import DEFAULT, counted, stored
from tests.epcr.test_outcomes import report

MIGRATIONS = Path(queries.__file__).parents[1] / "migrations"


def run(inside: Inside, name: str) -> None:
    for statement in migrate._statements((MIGRATIONS / name).read_text()):
        inside.owner.execute(cast(LiteralString, statement.replace("LIMIT 5000", "LIMIT 2")))


def test_lists_of_before_are_those_that_triggers_write(organisation: Organisation, inside: Inside) -> None:
    region = Region(organisation, inside)
    ids = [region.bound(region.cork, **TYPICAL) for _ in range(5)]
    region.crew.write(ids[0], {"status": "completed"})
    region.crew.write(ids[1], {"status": "cancelled"})
    region.bind(ids[2], region.kerry)
    for id in (ids[0], ids[3], ids[4]):
        region.cork.read(id)
    other = {"patient": {"identifiers": [{"system": "urn:oid:1.2.372.980010.1.2", "value": "4445556DA"}]}}
    assert region.crew.write(ids[3], other).status_code == 200
    with inside.task() as conn:
        keep_lists(conn)
    bindings = "SELECT encounter_id, position, counted_from, listed_until FROM encounter_destinations WHERE ended_at IS NULL ORDER BY 1, 2"
    disclosed = "SELECT * FROM patient_disclosures ORDER BY 1, 2, 3"
    before = inside.rows(bindings), inside.rows(disclosed)
    assert len(before[1]) == 4
    inside.owner.execute("UPDATE encounter_destinations SET counted_from = NULL, listed_until = NULL")
    inside.owner.execute("TRUNCATE patient_disclosures")
    for _ in range(2):
        run(inside, "0031_arrivals_of_before.sql")
        assert (inside.rows(bindings), inside.rows(disclosed)) == before


def test_transactions_of_before_are_those_that_the_trigger_notes(organisation: Organisation, inside: Inside) -> None:
    region = Region(organisation, inside)
    ids = [region.bound(region.cork, **TYPICAL) for _ in range(2)]
    for narrative in ("Less.", "More."):
        for id in ids:
            inside.receive(organisation.id, recorded(id, spo2("98.0"), spo2("97.5")))
            region.cork.read(id, format="transaction")
            region.cork.read(id, format="transaction", language="it")
            region.cork.read(id)
        region.crew.write(ids[0], {"narrative": narrative})
    other = {"patient": {"identifiers": [{"system": "urn:oid:1.2.372.980010.1.2", "value": "4445556DA"}]}}
    assert region.crew.write(ids[1], other).status_code == 200
    region.cork.read(ids[1], format="transaction")
    noted = ("SELECT * FROM patients_taken ORDER BY 1, 2, 3, 4", "SELECT * FROM places_taken ORDER BY 1, 2, 3, 4")
    before = [inside.rows(statement) for statement in noted]
    assert [row[2] for row in before[0]] == [1, 1, 2]
    inside.owner.execute("TRUNCATE patients_taken, places_taken")
    for _ in range(2):
        run(inside, "0126_transactions_taken_before.sql")
        assert [inside.rows(statement) for statement in noted] == before


def test_bytes_of_before_are_counted_once(organisation: Organisation, inside: Inside) -> None:
    region = Region(organisation, inside)
    report(region.cork, region.bound(region.cork, **TYPICAL))
    for number in range(4):
        region.bound(region.cork, care_model="prehospital_emergency", patient_number=number + 1)
    inside.owner.execute("TRUNCATE stored_bytes, stored_bytes_added")
    inside.owner.execute(
        "UPDATE migrations SET applied_at = clock_timestamp() WHERE name = 'epcr/0032_stored_bytes.sql'"
    )
    inside.owner.execute("CREATE TABLE stored_bytes_counting AS SELECT ''::text AS encounter_id, 0 AS version")
    for _ in range(2):
        run(inside, "0033_stored_bytes_of_before.sql")
        assert counted(inside, organisation) == stored(inside, organisation) > 0
    with inside.task() as conn:
        allowance.add_up(DEFAULT, conn)
    assert counted(inside, organisation) == stored(inside, organisation)


def test_readings_of_before_are_counted_once(organisation: Organisation, inside: Inside) -> None:
    for _ in range(5):
        inside.receive(
            organisation.id, recorded(organisation.partner.create(patient_number=1), spo2("98.0"), spo2("97.5"))
        )
    readings = "SELECT coalesce(sum(bytes), 0) FROM stored_bytes_added WHERE tenant_id = %s"
    inside.owner.execute("TRUNCATE stored_bytes, stored_bytes_added")
    inside.owner.execute("CREATE TABLE readings_counting AS SELECT ''::text AS encounter_id")
    for _ in range(2):
        run(inside, "0037_stored_readings.sql")
        assert inside.rows(readings, organisation.id) == [(10 * allowance.READING,)]
