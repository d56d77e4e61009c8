from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import httpx2

from services.device_ingest import tasks
from services.device_ingest.announcing import Announcing
from shared.messaging.messages import EncounterLink, Received
from shared.primitives import ids
from tests.device_ingest.conftest import SPO2, Inside, Partner

NOW = datetime.now(UTC)
EPCR = "epcr.observations_recorded.v1"
EVENT = "webhook_dispatcher.event.v1"


def at(minutes_ago: float) -> str:
    return (NOW - timedelta(minutes=minutes_ago)).isoformat()


def received(
    partner: Partner, encounter_id: str, link: Literal["linked", "unknown"], observations: Sequence[str]
) -> Received[EncounterLink]:
    body = EncounterLink(encounter_id=encounter_id, link=link, observation_ids=list(observations))
    return Received(ids.uuid7(), partner.tenant_id, NOW, None, body)


def recorded_events(partner: Partner, inside: Inside) -> list[dict[str, Any]]:
    with inside.task() as conn:
        Announcing()(conn)
    return [event["data"] for event in inside.messages(partner.tenant_id, EVENT) if event["type"] != "device.enrolled"]


def test_epcr_hears_of_a_batch_in_one_message_per_encounter_with_exact_values(partner: Partner, inside: Inside) -> None:
    device, one, two = partner.enrol(), ids.new_id("enc"), ids.new_id("enc")
    items = [
        SPO2 | {"observed_at": at(1), "encounter_id": one},
        SPO2 | {"observed_at": at(2), "encounter_id": two, "value": 5, "test": True},
        SPO2 | {"observed_at": at(3), "encounter_id": one, "value": None, "data_absent_reason": "error"},
        SPO2 | {"observed_at": at(4)},
    ]
    results = partner.post(f"{device}/observations:batch", {"observations": items}).json()["results"]
    bodies = {message["encounter_id"]: message["observations"] for message in inside.messages(partner.tenant_id, EPCR)}
    assert bodies.keys() == {one, two}
    assert {o["id"] for o in bodies[one]} == {results[0]["id"], results[2]["id"]}
    (raw,) = inside.rows("SELECT body::text FROM outbox WHERE body->>'encounter_id' = %s", one)
    assert '"value": 98.0' in raw[0]
    (test,) = bodies[two]
    assert test.items() >= {
        "device_id": device.rpartition("/")[2], "device_class": "oximeter", "mdc_code": "MDC_PULS_OXIM_SAT_O2",
        "mdc_code10": 150456, "unit_code": "%", "flags": ["out-of-range"], "test": True,
    }.items()  # fmt: skip


def test_all_that_a_sandbox_sends_is_a_test(http: httpx2.Client, inside: Inside) -> None:
    sandbox = Partner(http, ids.new_id("org"), environment="sandbox")
    device, encounter = sandbox.enrol(), ids.new_id("enc")
    one = sandbox.observe(device, observed_at=at(1), encounter_id=encounter, test=False).json()
    batch = {"observations": [SPO2 | {"observed_at": at(2), "encounter_id": encounter}]}
    many = sandbox.post(f"{device}/observations:batch", batch).json()["results"]
    assert one["test"] is True
    assert sandbox.get(f"{device}/observations/{many[0]['id']}").json()["test"] is True
    told = [
        observation for message in inside.messages(sandbox.tenant_id, EPCR) for observation in message["observations"]
    ]
    assert [observation["test"] for observation in told] == [True, True]
    recorded_events(sandbox, inside)
    events = inside.messages(sandbox.tenant_id, EVENT)
    assert [(event["type"], event["test"]) for event in events] == [
        ("device.enrolled", True),
        ("device.observations.recorded", True),
    ]


def test_an_event_of_real_and_test_readings_is_no_test(partner: Partner, inside: Inside) -> None:
    device = partner.enrol()
    partner.observe(device, observed_at=at(1), test=True)
    partner.observe(device, observed_at=at(2))
    recorded_events(partner, inside)
    *_, event = inside.messages(partner.tenant_id, EVENT)
    assert (event["data"]["count"], event["test"]) == (2, False)


def test_what_was_sent_twice_is_told_once(partner: Partner, inside: Inside) -> None:
    device, encounter = partner.enrol(), ids.new_id("enc")
    for _ in range(3):
        partner.observe(device, observed_at=at(1), encounter_id=encounter)
    assert len(inside.messages(partner.tenant_id, EPCR)) == 1
    (event,) = recorded_events(partner, inside)
    assert event["count"] == 1


def test_a_message_belongs_to_the_trace_of_the_request_that_brought_it(partner: Partner, inside: Inside) -> None:
    device = partner.enrol()
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    body = SPO2 | {"encounter_id": ids.new_id("enc")}
    answer = partner.post(f"{device}/observations", body, traceparent=trace)
    (row,) = inside.rows("SELECT traceparent FROM outbox WHERE tenant_id = %s AND name = %s", partner.tenant_id, EPCR)
    assert row[0].split("-")[1] == answer.headers["x-trace-id"] == trace.split("-")[1]


def test_subscribers_hear_once_per_device_and_encounter_however_many_there_were(
    partner: Partner, inside: Inside
) -> None:
    device, encounter = partner.enrol("SERIAL-9"), ids.new_id("enc")
    for minutes in (3, 1, 2):
        partner.observe(device, observed_at=at(minutes), encounter_id=encounter)
    partner.observe(device, observed_at=at(9))
    events = {event["encounter_id"]: event for event in recorded_events(partner, inside)}
    device_id = device.rpartition("/")[2]
    assert events[encounter].items() >= {"device_id": device_id, "count": 3}.items()
    assert datetime.fromisoformat(events[encounter]["first_observed_at"]) == NOW - timedelta(minutes=3)
    assert datetime.fromisoformat(events[encounter]["last_observed_at"]) == NOW - timedelta(minutes=1)
    assert events[None]["count"] == 1
    assert len(events) == 2
    assert "SERIAL-9" not in str(inside.messages(partner.tenant_id, EVENT))
    assert len(recorded_events(partner, inside)) == 2
    partner.observe(device, observed_at=at(8))
    assert [event["count"] for event in recorded_events(partner, inside)][2:] == [1]


def test_a_link_goes_from_pending_to_what_epcr_says(partner: Partner, inside: Inside) -> None:
    device, encounter = partner.enrol(), ids.new_id("enc")
    paths = [
        partner.observe(device, observed_at=at(minutes), encounter_id=encounter).headers["location"]
        for minutes in (0, 60 * 24 * 7 - 60)
    ]
    assert [partner.get(path).json()["encounter_link"] for path in paths] == ["pending", "pending"]
    observations = [path.rpartition("/")[2] for path in paths]
    with inside.task() as conn:
        tasks.link_observations(conn, [received(partner, encounter, "linked", observations[:1])])
        tasks.link_observations(conn, [received(partner, encounter, "unknown", observations[1:])])
    assert [partner.get(path).json()["encounter_link"] for path in paths] == ["linked", "unknown"]


def test_an_encounter_that_came_late_is_linked_and_nothing_unlinks_it(partner: Partner, inside: Inside) -> None:
    device, encounter = partner.enrol(), ids.new_id("enc")
    path = partner.observe(device, encounter_id=encounter).headers["location"]
    observation = [path.rpartition("/")[2]]
    unknown, linked = (received(partner, encounter, link, observation) for link in ("unknown", "linked"))
    for messages, expected in (([unknown], "unknown"), ([linked, unknown], "linked"), ([unknown], "linked")):
        with inside.task() as conn:
            tasks.link_observations(conn, messages)
        assert partner.get(path).json()["encounter_link"] == expected


def test_a_link_reaches_neither_another_tenant_nor_another_encounter(
    partner: Partner, other: Partner, inside: Inside
) -> None:
    device, encounter = partner.enrol(), ids.new_id("enc")
    path = partner.observe(device, encounter_id=encounter).headers["location"]
    observation = [path.rpartition("/")[2]]
    with inside.task() as conn:
        tasks.link_observations(conn, [received(other, encounter, "linked", observation)])
        tasks.link_observations(conn, [received(partner, ids.new_id("enc"), "linked", observation)])
    assert partner.get(path).json()["encounter_link"] == "pending"


def test_partitions_stand_for_every_day_an_observation_may_be_of_and_go_with_retention(inside: Inside) -> None:
    today = datetime.now(UTC).date()

    def days() -> set[str]:
        query = "SELECT right(inhrelid::regclass::text, 8) FROM pg_inherits WHERE inhparent = 'observations'::regclass"
        rows = inside.rows(query)
        return {day for (day,) in rows}

    old = today - timedelta(days=401)
    inside.owner.execute("SELECT ensure_partition('observations', %s)", (old,))
    assert f"{old:%Y%m%d}" in days()
    with inside.task() as conn:
        tasks.keep_partitions(conn, days=400)
    assert days() >= {f"{today + timedelta(days=n):%Y%m%d}" for n in range(-8, 9)}
    assert f"{old:%Y%m%d}" not in days()
