"""Devices' observations reach their encounter once, in any order of messages."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.epcr import tasks
from services.epcr.encounters import queries
from shared.messaging.messages import ObservationsRecorded
from shared.primitives import ids
from shared.storage import jobs
from tests.epcr.conftest import ENCOUNTERS, MOST, Inside, Organisation
from tests.epcr.deliveries import recorded, spo2
from tests.epcr.fhir_server import FhirServer
from tests.support.messages import received

LINKS = "device_ingest.encounter_links.v1"
FACTS = "graphql_api.encounter_facts.v1"
EVENT = "webhook_dispatcher.event.v1"


def send_all_facts(inside: Inside) -> None:
    inside.owner.execute("UPDATE due_facts SET due_at = now()")
    with inside.task() as conn:
        tasks.send_due_facts(inside.keyring, conn)


def readings(bundle: dict[str, Any]) -> list[Any]:
    """The values that devices gave, in order."""
    resources = [entry["resource"] for entry in bundle["entry"]]
    return [one.get("valueQuantity", {}).get("value") for one in resources if "device" in one]


def test_an_observation_stands_in_the_bundle_with_its_device(organisation: Organisation, inside: Inside) -> None:
    id = organisation.partner.create()
    first, second = spo2("98.0"), spo2("97.50")
    inside.receive(organisation.id, recorded(id, first, second))
    answer = organisation.hospital.get(f"{ENCOUNTERS}/{id}/fhir-bundle")
    assert b'"value":98.0,' in answer.content
    assert b'"value":97.50,' in answer.content
    kinds = [entry["resource"]["resourceType"] for entry in answer.json()["entry"]]
    assert kinds.count("Device") == 2
    assert inside.messages(organisation.id, LINKS) == [
        {"name": LINKS, "encounter_id": id, "link": "linked", "observation_ids": [first.id, second.id]}
    ]


def test_the_producers_golden_message_is_understood(organisation: Organisation, inside: Inside) -> None:
    golden = Path(__file__).parents[1] / "messages" / "epcr.observations_recorded.v1.json"
    message = msgspec.json.decode(golden.read_bytes(), type=ObservationsRecorded)
    id = organisation.partner.create()
    inside.receive(organisation.id, msgspec.structs.replace(message, encounter_id=id))
    sent = organisation.hospital.get(f"{ENCOUNTERS}/{id}/fhir-bundle").content
    assert b'"value":98.0,' in sent
    assert b'"value":384.50,' in sent
    assert b'"code":"not-a-number"' in sent


def test_the_acknowledgement_has_the_shape_that_its_reader_was_tested_with(
    organisation: Organisation, inside: Inside
) -> None:
    golden = json.loads((Path(__file__).parents[1] / "messages" / f"{LINKS}.json").read_text())
    id = organisation.partner.create()
    inside.receive(organisation.id, recorded(id, *(spo2(id=one) for one in golden["observation_ids"])))
    assert inside.messages(organisation.id, LINKS) == [golden | {"encounter_id": id, "link": "linked"}]


def test_an_observation_told_twice_stands_there_once_and_is_acknowledged_twice(
    organisation: Organisation, inside: Inside
) -> None:
    id, one = organisation.partner.create(), spo2()
    inside.receive(organisation.id, recorded(id, one))
    tag = organisation.hospital.get(f"{ENCOUNTERS}/{id}/fhir-bundle").headers["etag"]
    inside.receive(organisation.id, recorded(id, one), recorded(id, one))
    again = organisation.hospital.get(f"{ENCOUNTERS}/{id}/fhir-bundle", headers={"if-none-match": tag})
    assert again.status_code == 304
    assert len(inside.messages(organisation.id, LINKS)) == 3


def test_a_new_observation_changes_the_bundle_and_not_the_records_version(
    organisation: Organisation, inside: Inside
) -> None:
    id = organisation.partner.create()
    tag = organisation.hospital.get(f"{ENCOUNTERS}/{id}/fhir-bundle").headers["etag"]
    inside.receive(organisation.id, recorded(id, spo2()))
    assert organisation.hospital.get(f"{ENCOUNTERS}/{id}/fhir-bundle").headers["etag"] != tag
    assert organisation.crew.write(id, {"narrative": "Still mine to write."}, 1).status_code == 200


def test_a_hospital_takes_later_observations_beside_earlier_ones(organisation: Organisation, inside: Inside) -> None:
    id, device = organisation.partner.create(), ids.new_id("dev")
    hospital = FhirServer()
    for count in (1, 2, 3):
        inside.receive(organisation.id, recorded(id, spo2(device_id=device)))
        hospital.transaction(organisation.hospital.bundle(id))
        assert (len(hospital.of("Observation")), len(hospital.of("Device"))) == (count, 1)
    assert hospital.dangling() == hospital.duplicates() == []


def test_an_encounter_of_another_tenant_is_unknown(
    organisation: Organisation, other: Organisation, inside: Inside
) -> None:
    id, one = organisation.partner.create(), spo2()
    path = f"{ENCOUNTERS}/{id}/fhir-bundle"
    tag = {"if-none-match": organisation.hospital.get(path).headers["etag"]}
    inside.receive(other.id, recorded(id, one))
    assert organisation.hospital.get(path, headers=tag).status_code == 304
    assert inside.messages(other.id, LINKS) == []
    with inside.task() as conn:
        tasks.link_late(MOST, conn)
        tasks.report_unknown(0, conn)
    assert readings(organisation.hospital.bundle(id)) == []
    [told] = inside.messages(other.id, LINKS)
    assert (told["link"], told["observation_ids"]) == ("unknown", [one.id])


def test_unknown_is_said_once_and_only_after_a_while(organisation: Organisation, inside: Inside) -> None:
    inside.receive(organisation.id, recorded(ids.new_id("enc"), spo2()))
    for seconds, told in ((3600, 0), (0, 1), (0, 1)):
        with inside.task() as conn:
            tasks.report_unknown(seconds, conn)
        assert len(inside.messages(organisation.id, LINKS)) == told


def test_an_organisation_with_many_readings_of_no_encounter_delays_no_other(
    organisation: Organisation, other: Organisation, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were taken in the order of their arrival, so that others waited behind all of them."""
    inside.owner.execute(WAITING, ("waiting", organisation.id, None, False, 3_000))
    inside.owner.execute(
        "UPDATE observations SET received_at = now() - interval '1 hour' WHERE tenant_id = %s", (organisation.id,)
    )
    inside.receive(other.id, recorded(ids.new_id("enc"), spo2()))
    monkeypatch.setattr(tasks, "LINK_SECONDS", 0.000001)
    with inside.task() as conn:
        tasks.report_unknown(0, conn)
    assert len(inside.messages(other.id, LINKS)) == 1
    inside.owner.execute("DELETE FROM observations WHERE tenant_id = %s", (organisation.id,))


@pytest.mark.parametrize("was_reported", [False, True])
def test_an_observation_that_came_first_is_linked_when_its_encounter_appears(
    organisation: Organisation, inside: Inside, was_reported: bool
) -> None:
    waiting = ids.new_id("enc")
    one = spo2("93.0")
    inside.receive(organisation.id, recorded(waiting, one))
    if was_reported:
        with inside.task() as conn:
            tasks.report_unknown(0, conn)
    id = organisation.partner.create()
    # As when a database comes back without its last minutes and the encounter is then restored.
    inside.owner.execute("UPDATE observations SET encounter_id = %s WHERE encounter_id = %s", (id, waiting))
    tag = organisation.hospital.get(f"{ENCOUNTERS}/{id}/fhir-bundle").headers["etag"]
    for _ in range(2):
        with inside.task() as conn:
            tasks.link_late(MOST, conn)
    after = organisation.hospital.get(f"{ENCOUNTERS}/{id}/fhir-bundle", headers={"if-none-match": tag})
    assert readings(after.json()) == [93.0]
    told = inside.messages(organisation.id, LINKS)
    assert [one["link"] for one in told] == (["unknown"] if was_reported else []) + ["linked"]


def test_what_nobody_claims_is_forgotten(organisation: Organisation, inside: Inside) -> None:
    id = organisation.partner.create()
    inside.receive(organisation.id, recorded(ids.new_id("enc"), spo2()), recorded(id, spo2()))
    with inside.task() as conn:
        tasks.report_unknown(0, conn)
        tasks.forget_unknown(30, conn)
    count = "SELECT count(*) FROM observations WHERE tenant_id = %s"
    assert inside.rows(count, organisation.id) == [(2,)]
    with inside.task() as conn:
        tasks.forget_unknown(0, conn)
    assert inside.rows(count, organisation.id) == [(1,)]
    assert len(readings(organisation.hospital.bundle(id))) == 1


def test_all_that_nobody_claims_is_forgotten_in_portions_at_once(
    organisation: Organisation, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "PORTION", 2)
    inside.receive(organisation.id, recorded(ids.new_id("enc"), *(spo2() for _ in range(5))))
    with inside.task() as conn:
        tasks.report_unknown(0, conn)
        tasks.forget_unknown(0, conn)
    assert inside.rows("SELECT count(*) FROM observations WHERE tenant_id = %s", organisation.id) == [(0,)]


def test_indicators_hear_of_readings_that_come_after_completion(organisation: Organisation, inside: Inside) -> None:
    id = organisation.partner.create()
    inside.receive(organisation.id, recorded(id, spo2("88")))
    assert len(inside.messages(organisation.id, FACTS)) == 1
    organisation.crew.write(id, {"status": "completed"})
    inside.receive(organisation.id, recorded(id, spo2("92")))
    send_all_facts(inside)
    facts = inside.messages(organisation.id, FACTS)
    assert [fact["version"] for fact in facts] == [1, 3, 4]
    assert [[vital["value"] for vital in fact["vitals"]] for fact in facts] == [[], [88], [88, 92]]


def test_who_fetched_at_the_handover_hears_of_readings_that_come_after_it(
    organisation: Organisation, inside: Inside
) -> None:
    """A monitor that buffers sends after the mission; no other event would follow."""
    id = organisation.partner.create()
    late = spo2("92")
    types = ["epcr.encounter.created", "epcr.encounter.completed"]
    organisation.crew.write(id, {"status": "completed"})
    inside.receive(organisation.id, recorded(id, spo2("88")))
    assert [event["type"] for event in inside.messages(organisation.id, EVENT)] == types
    organisation.crew.write(id, {"status": "handed_over"})
    for _ in range(2):
        inside.receive(organisation.id, recorded(id, late))
    events = inside.messages(organisation.id, EVENT)
    assert [event["type"] for event in events] == [*types, *2 * ["epcr.encounter.updated"]]
    assert events[-1]["data"]["version"] == events[-2]["data"]["version"] == 3


def test_a_batch_of_many_tenants_and_encounters_finds_each_its_own(
    organisation: Organisation, other: Organisation, inside: Inside
) -> None:
    mine, theirs = organisation.partner.create(), other.partner.create()
    batch = [
        received(organisation.id, recorded(mine, spo2("91"))),
        received(other.id, recorded(theirs, spo2("92"))),
        received(organisation.id, recorded(ids.new_id("enc"), spo2("93"))),
    ]
    with inside.task() as conn:
        tasks.link_observations(MOST, conn, batch)
    assert readings(organisation.hospital.bundle(mine)) == [91]
    assert readings(other.hospital.bundle(theirs)) == [92]


WAITING = """
    INSERT INTO observations (id, tenant_id, encounter_id, device_id, device_class, mdc_code, mdc_code10, value, unit_code, observed_at,
        reported_unknown)
    SELECT 'obs_' || md5(%s || n), %s, coalesce(%s, 'enc_' || md5('' || n)), 'dev_1', 'oximeter', 'MDC_PULS_OXIM_SAT_O2', 150456, 97,
        '%%', now(), %s
    FROM generate_series(1, %s) n
"""


def blocks(conn: Any, statement: str, parameters: Any) -> int:
    """How many blocks of the database a statement reads."""
    row = conn.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + statement, parameters).fetchone()
    plan = row[0][0]["Plan"]
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


def test_readings_of_unknown_encounters_cost_a_new_encounter_nothing(
    organisation: Organisation, inside: Inside
) -> None:
    """30,000 of them; the stall was found with 2,000,000."""
    inside.owner.execute(WAITING, ("unknown", organisation.id, None, True, 30_000))
    inside.owner.execute("ANALYZE observations")
    id = organisation.partner.create()
    with inside.task() as conn:
        tasks.report_unknown(0, conn)  # those of other tests
    with inside.task() as conn:
        assert blocks(conn, queries.LINK_LATE, ([organisation.id], [id], [2])) < 50
        assert blocks(conn, queries.DUE_LATE_LINKS, ()) < 200
        assert blocks(conn, queries.REPORT_UNKNOWN, {"after_seconds": 0, "of_tenant": 200}) < 50
    inside.owner.execute("DELETE FROM observations WHERE tenant_id = %s", (organisation.id,))


def test_many_late_links_of_one_organisation_leave_anothers_its_turn(inside: Inside) -> None:
    """The oldest of all came first, even all of one organisation."""
    many, few = ids.new_id("org"), ids.new_id("org")
    run = inside.owner.execute
    add = "INSERT INTO late_links SELECT 'enc_' || gen_random_uuid(), %s, now(), %s FROM generate_series(1, %s)"
    run(add, (many, "2001-01-01", 50))
    run(add, (few, "2002-01-01", 1))
    with inside.task() as conn:
        taken = [tenant_id for tenant_id, _ in conn.execute(queries.DUE_LATE_LINKS)]
    run("DELETE FROM late_links WHERE look_at < '2003-01-01'")
    assert len(taken) == 20
    assert few in taken


def test_many_early_readings_of_one_encounter_are_linked_in_portions_and_hold_up_no_other(
    organisation: Organisation, other: Organisation, inside: Inside
) -> None:
    many, few = organisation.partner.create(), other.partner.create()
    inside.owner.execute(WAITING, ("many", organisation.id, many, False, 2_500))
    inside.owner.execute(WAITING, ("few", other.id, few, False, 1))
    with inside.task() as conn:
        tasks._link_portion(MOST, conn)
    linked = "SELECT count(*) FROM observations WHERE encounter_id = %s AND revision IS NOT NULL"
    assert (inside.rows(linked, many), inside.rows(linked, few)) == ([(1000,)], [(1,)])
    with inside.task() as conn:
        tasks.link_late(MOST, conn)
    assert inside.rows(linked, many) == [(2500,)]
    told = inside.messages(organisation.id, LINKS)
    assert sum(len(one["observation_ids"]) for one in told if one["encounter_id"] == many) == 2500


def test_a_row_that_cannot_be_linked_holds_up_no_other(
    organisation: Organisation, other: Organisation, inside: Inside
) -> None:
    """A web process in strange hands may write any revision; the next one is beyond the column's type."""
    bad, good = organisation.partner.create(), other.partner.create()
    inside.owner.execute(WAITING, ("bad", organisation.id, bad, False, 1))
    inside.owner.execute(WAITING, ("good", other.id, good, False, 1))
    inside.owner.execute("UPDATE encounters SET revision = 9223372036854775807 WHERE id = %s", (bad,))
    with inside.task() as conn:
        tasks.link_late(MOST, conn)
    linked = "SELECT count(*) FROM observations WHERE encounter_id = %s AND revision IS NOT NULL"
    assert (inside.rows(linked, bad), inside.rows(linked, good)) == ([(0,)], [(1,)])
    assert inside.rows(
        "SELECT look_at > now() + interval '50 minutes' FROM late_links WHERE encounter_id = %s", bad
    ) == [(True,)]


def test_the_search_for_early_readings_ends_when_none_can_come_any_more(
    organisation: Organisation, inside: Inside
) -> None:
    id = organisation.partner.create()
    query = "SELECT count(*) FROM late_links WHERE encounter_id = %s"
    with inside.task() as conn:
        tasks.link_late(MOST, conn)
    assert inside.rows(query, id) == [(1,)]
    inside.owner.execute("UPDATE late_links SET created_at = now() - interval '3 minutes', look_at = now()")
    with inside.task() as conn:
        tasks.link_late(MOST, conn)
    assert inside.rows(query, id) == [(0,)]
