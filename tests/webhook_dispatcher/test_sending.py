"""The sender under stress: receivers that hang, senders that die, senders side by side."""

import asyncio
import json
import math
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any, LiteralString

import psycopg
import pytest
import time_machine

from services.webhook_dispatcher import metrics, tasks
from services.webhook_dispatcher.fanout import event_types
from services.webhook_dispatcher.sending import lanes, queries, recording, sender
from services.webhook_dispatcher.sending.client import Outcome
from services.webhook_dispatcher.sending.lanes import Lane, Slots
from services.webhook_dispatcher.sending.sender import MOST_REPORTS
from shared.storage.database import BY_KEY, AsyncConnection, clock, task_transaction
from tests.support.receiver import Received, Receiver, always, answer, hang, running
from tests.support.waiting import PATIENCE, wait_for
from tests.webhook_dispatcher.conftest import Dispatcher, Partner

PLENTY = json.dumps(dict.fromkeys(lanes.CLASSES, 1000) | dict.fromkeys(("bytes", "large"), lanes.MOST_BYTES))
CLAIM_ALL = {
    "named": "[]",
    "after": "",
    "walked": 1000,
    "slots": 1000,
    "lanes": "{}",
    "newcomer": 1000,
    "tenants": "{}",
    "tenant": PLENTY,
    "classes": PLENTY,
    "approved": ["incident.*"],
    "large": lanes.LARGE_BYTES,
}
MEASURE_ALL = {"after": "", "portion": 10_000}


def claim(dispatcher: Dispatcher, *partners: Partner) -> list[str]:
    """Claims like a sender that dies then. Returns the ids of the deliveries claimed for these partners."""
    tenants = {partner.tenant_id for partner in partners}
    with psycopg.connect(dispatcher.database.worker) as conn:
        rows = conn.execute(queries.CLAIM, CLAIM_ALL).fetchall()
    return [row[2] for row in rows if row[4] in tenants]


def test_receivers_that_hang_hold_nobody_else_up(partner: Partner, dispatcher: Dispatcher, receiver: Receiver) -> None:
    with ExitStack() as stack:
        for _ in range(20):
            hanging = stack.enter_context(running(Receiver(behaviour=hang)))
            partner.subscribe(hanging.url, "incident.closed")
        webhook = partner.subscribe(receiver.url, "incident.updated")
        for _ in range(5):
            dispatcher.publish(partner.tenant_id, *["incident.closed"] * 10, *["incident.updated"] * 20)
        dispatcher.pump_until(lambda: partner.books(webhook)["delivered"] == 100, deadline=1.5)
        hung = dispatcher.rows("SELECT DISTINCT concurrency FROM subscriptions WHERE events = '{incident.closed}'")
    assert len(set(receiver.ids())) == len(receiver.ids()) == 100
    assert [row["concurrency"] for row in hung] == [1]


def test_a_sender_whose_clock_is_wrong_signs_by_the_databases(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    """Receivers refuse signatures more than five minutes from now (Standard Webhooks)."""
    partner.subscribe(receiver.url)
    dispatcher.publish(partner.tenant_id, "incident.updated")
    try:
        with time_machine.travel(time.time() + 600):
            dispatcher.pump_until(lambda: bool(receiver.requests))
    finally:
        clock.offset, clock._asked_at = 0.0, float("-inf")
    [request] = receiver.requests
    assert abs(int(request.headers["webhook-timestamp"]) - time.time()) < 60


def test_what_a_dead_sender_held_is_sent_when_its_lease_ends(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    dispatcher.publish(partner.tenant_id, "incident.updated")
    [held] = claim(dispatcher, partner)
    assert claim(dispatcher, partner) == []
    [lease] = dispatcher.rows(
        "SELECT due_at > now() + interval '15 seconds' AS long, leased FROM queue WHERE delivery_id = %s", held
    )
    assert lease == {"long": True, "leased": True}
    assert partner.deliveries(webhook)[0]["next_attempt_at"] is None
    dispatcher.run("UPDATE queue SET due_at = now() WHERE delivery_id = %s", held)
    dispatcher.pump_until(lambda: partner.deliveries(webhook)[0]["status"] == "succeeded")
    assert partner.deliveries(webhook)[0]["attempt"] == 2


def test_what_a_dead_sender_held_of_a_withdrawn_type_stops_nothing_else(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    """It was in the way of all that came after it for as long as it was kept: claimed by nobody, and given up by nobody."""
    dispatcher.approve(partner, "incident.*", version=1)
    partner.subscribe(receiver.url, "incident.updated", "incident.created")
    dispatcher.publish(partner.tenant_id, "incident.updated")
    [held] = claim(dispatcher, partner)
    dispatcher.approve(partner, "incident.created", version=2)
    dispatcher.run("UPDATE queue SET due_at = now() - interval '1 second' WHERE delivery_id = %s", held)
    for _ in range(3):
        dispatcher.run("UPDATE chores SET due_at = now()")
        dispatcher.work_off()
    assert dispatcher.rows("SELECT 1 FROM queue WHERE delivery_id = %s", held) == []
    dispatcher.publish(partner.tenant_id, "incident.created")
    dispatcher.pump_until(lambda: len(receiver.requests) == 1)


def test_a_lease_is_whole_however_long_its_claim_waited_for_its_turn(partner: Partner, dispatcher: Dispatcher) -> None:
    partner.subscribe("https://integrator.example/")
    dispatcher.publish(partner.tenant_id, "incident.updated")

    async def run() -> None:
        async with await AsyncConnection.connect(dispatcher.database.worker, autocommit=True) as conn:
            await recording.claim(conn, recording.Round((), "", 1000), 1000, lanes.Slots(1024).rooms({}))

    with psycopg.connect(dispatcher.database.worker) as other:
        other.execute("SELECT pg_advisory_xact_lock(7402002)")
        ending = threading.Timer(2, other.rollback)
        ending.start()
        asyncio.run(run())
        ending.join()
    [lease] = dispatcher.rows(
        "SELECT due_at > clock_timestamp() + interval '18500 milliseconds' AS whole FROM queue WHERE tenant_id = %s",
        partner.tenant_id,
    )
    assert lease == {"whole": True}


def test_what_is_given_back_over_a_connection_that_breaks_is_not_given_back_again(
    partner: Partner, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have been done, and another sender may hold the delivery under the same number."""
    given: list[list[str]] = []

    async def record(_: object, settled: recording.Settled, wait: bool) -> set[str]:
        given.append([due.delivery_id for due in settled.released])
        if len(given) == 1:
            raise psycopg.OperationalError("broken after the commit")
        return set()

    async def run() -> None:
        async with dispatcher.client(15) as client:
            pump = dispatcher.new_pump(client, lambda: True)
            async with await AsyncConnection.connect(dispatcher.database.worker, autocommit=True) as conn:
                pump.released = await pump.claim(conn)
                assert pump.released
                with pytest.raises(psycopg.OperationalError):
                    await pump.settle(conn)
                await pump.settle(conn)

    partner.subscribe("https://integrator.example/")
    dispatcher.publish(partner.tenant_id, "incident.updated")
    monkeypatch.setattr(recording, "record", record)
    asyncio.run(run())
    assert given[1] == []


def test_a_report_that_comes_after_its_lease_was_taken_over_is_ignored(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    dispatcher.publish(partner.tenant_id, "incident.updated")
    [held] = claim(dispatcher, partner)
    dispatcher.run("UPDATE queue SET due_at = now() WHERE delivery_id = %s", held)
    assert claim(dispatcher, partner) == [held]
    report = {
        "delivery_id": held,
        "delivery_at": partner.deliveries(webhook)[0]["created_at"],
        "tenant_id": partner.tenant_id,
        "subscription_id": webhook.rpartition("/")[2],
        "attempt": 1,
        "at": "2026-01-01",
        "succeeded": False,
        "url": "",
        "request_headers": {},
        "truncated": False,
        "duration_ms": 1,
    }
    late = json.dumps([report])
    with psycopg.connect(dispatcher.database.worker) as conn:
        conn.execute(queries.RECORD, {"sent": late})
    assert partner.deliveries(webhook)[0]["status"] == "queued"
    assert dispatcher.rows("SELECT 1 FROM attempts WHERE delivery_id = %s", held) == []
    assert len(dispatcher.rows("SELECT 1 FROM queue WHERE delivery_id = %s", held)) == 1


def test_two_senders_side_by_side_send_nothing_twice(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    for _ in range(10):
        dispatcher.publish(partner.tenant_id, *["incident.updated"] * 30)

    async def both() -> None:
        ended = threading.Event()
        senders = asyncio.gather(dispatcher.pump(ended, 15), dispatcher.pump(ended, 15))
        await asyncio.to_thread(wait_for, lambda: len(set(receiver.ids())) == 300)
        ended.set()
        await senders

    asyncio.run(both())
    assert len(receiver.ids()) == 300
    assert partner.books(webhook)["delivered"] == 300


def test_a_database_that_goes_away_costs_no_second_request(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    """A result from while the connection was broken is recorded over the next one."""
    webhook = partner.subscribe(receiver.url)
    dispatcher.publish(partner.tenant_id, *["incident.updated"] * 5)

    async def run() -> None:
        async with dispatcher.client(15) as client:
            pump = dispatcher.new_pump(client, lambda: False)
            async with await AsyncConnection.connect(dispatcher.database.worker, autocommit=True) as conn:
                pump_task = asyncio.create_task(pump.run(conn))
                await asyncio.to_thread(wait_for, lambda: len(receiver.requests) == 5)
                with psycopg.connect(dispatcher.database.admin) as admin:
                    admin.execute("SELECT pg_terminate_backend(%s)", (conn.info.backend_pid,))
                with pytest.raises(psycopg.OperationalError):
                    await pump_task
                assert conn.closed
            async with await AsyncConnection.connect(dispatcher.database.worker, autocommit=True) as again:
                await pump.drain(again)

    asyncio.run(run())
    assert partner.books(webhook)["delivered"] == 5
    assert len(receiver.requests) == 5


def test_a_secret_sealed_by_a_lost_key_stops_no_other(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    broken = partner.subscribe(receiver.url)
    dispatcher.run(
        "UPDATE subscriptions SET secret = '\\x0200' WHERE id = %s",
        broken.rpartition("/")[2],
    )
    webhook = partner.subscribe(receiver.url)
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: partner.books(webhook)["delivered"] == 1)
    assert partner.books(broken)["pending"] == 1
    [delivered] = partner.deliveries(webhook)
    assert [sent.headers["webhook-id"] for sent in receiver.requests].count(delivered["event_id"]) == 1


def test_a_manual_retry_beside_a_scheduled_one_makes_one_request(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    receiver.behaviour = always(answer(500))
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: receiver.requests)
    dispatcher.run("UPDATE queue SET due_at = now() + interval '1 hour' WHERE tenant_id = %s", partner.tenant_id)
    sent = len(receiver.requests)
    receiver.behaviour = always(answer(200))
    [delivery] = partner.deliveries(webhook)
    for _ in range(2):
        assert partner.post(f"{webhook}/deliveries/{delivery['id']}/retry").status_code == 202
    dispatcher.pump_until(lambda: partner.deliveries(webhook)[0]["status"] == "succeeded")
    assert len(receiver.requests) == sent + 1


def test_manual_retries_use_up_nothing_of_the_ladder(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    receiver.behaviour = always(
        answer(500, "retry-after: 3600\r\n")
    )  # only deliveries asked for by hand come in between
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: partner.deliveries(webhook)[0]["status"] == "retrying")
    [delivery] = partner.deliveries(webhook)
    for press in range(5):
        for _ in range(2):
            assert partner.post(f"{webhook}/deliveries/{delivery['id']}/retry").status_code == 202
        dispatcher.run("UPDATE subscriptions SET slowed_until = NULL WHERE tenant_id = %s", partner.tenant_id)
        dispatcher.pump_until(lambda made=press + 2: len(receiver.requests) == made)
        wait_for(lambda made=press + 2: partner.deliveries(webhook)[0]["attempt"] == made)
        assert dispatcher.rows("SELECT rung FROM queue WHERE delivery_id = %s", delivery["id"]) == [{"rung": 1}]
    partner.call("DELETE", webhook)  # or what waits would be sent on, to whoever listens at that port later


def test_a_manual_retry_of_one_in_flight_is_not_sent_beside_it(partner: Partner, dispatcher: Dispatcher) -> None:
    webhook = partner.subscribe("https://integrator.example/")
    dispatcher.publish(partner.tenant_id, "incident.updated")
    [held] = claim(dispatcher, partner)
    assert partner.post(f"{webhook}/deliveries/{held}/retry").status_code == 202
    assert claim(dispatcher, partner) == []


def test_one_receivers_backlog_takes_no_more_slots_than_its_own(partner: Partner, dispatcher: Dispatcher) -> None:
    partner.subscribe("https://integrator.example/")
    dispatcher.publish(partner.tenant_id, *["incident.updated"] * 50)
    other = Partner(partner.http)
    other.subscribe("https://integrator.example/")
    dispatcher.publish(other.tenant_id, "incident.updated")
    claimed = claim(dispatcher, partner, other)
    owners = dispatcher.rows("SELECT tenant_id FROM deliveries WHERE id = ANY(%s)", claimed)
    assert [row["tenant_id"] for row in owners].count(partner.tenant_id) == 1
    assert [row["tenant_id"] for row in owners].count(other.tenant_id) == 1


def test_a_receiver_that_asks_for_rest_gets_no_more_than_was_on_its_way(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    """A quick receiver has many deliveries in flight; once it says 429 no other is sent, nor counted as an attempt."""
    webhook = partner.subscribe(receiver.url)
    for _ in range(4):
        dispatcher.publish(partner.tenant_id, *["incident.updated"] * 250)
    enough = 300

    async def tire(request: Received, writer: asyncio.StreamWriter) -> bool:
        tired = len(receiver.requests) > enough
        writer.write(answer(429, "retry-after: 3600\r\n") if tired else answer(200))
        return True

    receiver.behaviour = tire
    dispatcher.pump_until(lambda: partner.get(webhook).json()["slowed_until"])
    sent = len(receiver.requests)
    assert enough < sent < enough + 200
    rows = dispatcher.rows("SELECT leased, attempt FROM queue WHERE tenant_id = %s", partner.tenant_id)
    assert len(rows) == 1000 - enough
    assert not any(row["leased"] for row in rows)
    assert sum(row["attempt"] for row in rows) == sent - enough


def test_a_webhook_deleted_while_its_failures_are_recorded_stops_no_sender(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    """The sender and the owner lock the same rows in the same order: neither waits for the other for ever."""
    receiver.behaviour = always(answer(500))

    def churn() -> None:
        for _ in range(15):
            webhook = partner.subscribe(receiver.url, "incident.closed")
            dispatcher.publish(partner.tenant_id, *["incident.closed"] * 20)
            sent = len(receiver.requests)
            wait_for(lambda sent=sent: len(receiver.requests) > sent)
            assert partner.call("DELETE", webhook).status_code == 204

    owner = threading.Thread(target=churn)
    owner.start()
    dispatcher.pump_until(lambda: not owner.is_alive(), seconds=2 * PATIENCE)
    owner.join()
    [row] = dispatcher.rows("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    assert row["deadlocks"] == 0


def test_a_receiver_that_is_always_done_at_once_still_gains_speed(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    """Its lane is empty at the end of every cycle; its measured health must not be forgotten with it."""
    webhook = partner.subscribe(receiver.url)
    for _ in range(4):
        dispatcher.publish(partner.tenant_id, *["incident.updated"] * 250)
    dispatcher.pump_until(lambda: len(receiver.requests) == 1000)
    assert partner.get(webhook).json()["concurrency"] == 64


def test_slow_receivers_of_one_tenant_leave_slots_for_its_others_and_for_other_tenants(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    """Sixteen receivers that take their time over a good answer, with work for ten times the slots there are."""
    answering = threading.Event()

    async def slowly(request: Received, writer: asyncio.StreamWriter) -> bool:
        await asyncio.to_thread(answering.wait, PATIENCE)
        writer.write(answer(200))
        return True

    other = Partner(partner.http)
    with ExitStack() as stack:
        stack.callback(answering.set)  # also after a failure: the receivers' threads wait for it
        slow = [stack.enter_context(running(Receiver(behaviour=slowly))) for _ in range(2)]
        for number in range(16):
            partner.subscribe(slow[number % 2].url, "incident.closed")
        dispatcher.run("UPDATE subscriptions SET concurrency = 64 WHERE tenant_id = %s", partner.tenant_id)
        partner.subscribe(receiver.url)
        other.subscribe(receiver.url)
        dispatcher.publish(partner.tenant_id, *["incident.closed"] * 20)

        def publish_while_they_take_their_time() -> None:
            wait_for(lambda: sum(len(one.requests) for one in slow) >= 15)
            dispatcher.publish(partner.tenant_id, "incident.updated")
            dispatcher.publish(other.tenant_id, "incident.updated")
            wait_for(lambda: len(receiver.requests) >= 2)  # no slow one has timed out by then
            answering.set()

        publishing = threading.Thread(target=publish_while_they_take_their_time)
        publishing.start()
        dispatcher.pump_until(lambda: not publishing.is_alive(), deadline=3600, seconds=3 * PATIENCE, slots=32)
        publishing.join()
    assert answering.is_set()
    assert len(receiver.requests) == 2


def test_no_claim_gives_a_tenant_more_than_its_share(partner: Partner, dispatcher: Dispatcher) -> None:
    dispatcher.run("DELETE FROM queue")
    for _ in range(6):
        partner.subscribe("https://integrator.example/")
    dispatcher.publish(partner.tenant_id, *["incident.updated"] * 4)
    few = json.dumps({"asked": 9, "first": 9, "new": 3, "deep": 9, "failing": 9, "bytes": lanes.MOST_BYTES})
    with psycopg.connect(dispatcher.database.worker) as conn:
        for limits in (
            {"tenant": few},
            {"tenants": json.dumps({partner.tenant_id: json.loads(few)})},
            {"classes": few},
        ):
            rows = conn.execute(queries.CLAIM, CLAIM_ALL | limits).fetchall()
            assert [row[4] for row in rows].count(partner.tenant_id) == 3
            conn.rollback()


def test_a_tenant_with_hundreds_of_ready_webhooks_leaves_places_to_each_class_of_others(
    partner: Partner, dispatcher: Dispatcher, http: Any
) -> None:
    """Scaled down: forty webhooks whose receivers are quick, and twenty places in a claim."""
    dispatcher.run("DELETE FROM queue")
    flood, crowd = Partner(http), Partner(http)
    for _ in range(40):
        flood.subscribe("https://integrator.example/")
        crowd.subscribe("https://integrator.example/")
    new, failing, deep = (id_of(partner.subscribe("https://integrator.example/")) for _ in range(3))
    dispatcher.run("UPDATE subscriptions SET concurrency = 64 WHERE tenant_id = %s OR id = %s", flood.tenant_id, deep)
    dispatcher.run("UPDATE subscriptions SET failing_since = now() WHERE id = %s", failing)
    for one, number in ((flood, 20), (crowd, 1), (partner, 9)):
        dispatcher.publish(one.tenant_id, *["incident.updated"] * number)
    with psycopg.connect(dispatcher.database.worker) as conn:
        rows = conn.execute(queries.CLAIM, CLAIM_ALL | {"slots": 20}).fetchall()
        conn.rollback()
    assert len(rows) == 20
    taken = Counter(row[5] if row[4] == partner.tenant_id else row[4] for row in rows)
    assert taken[new] == 1, taken
    assert taken[failing] == 1, taken
    assert taken[deep] == 2, taken
    assert taken[crowd.tenant_id] == 1, taken


@pytest.mark.parametrize("plan", ["enable_nestloop", "enable_hashjoin", "enable_mergejoin"])
def test_a_claim_gives_a_receivers_deliveries_in_their_order_under_any_plan(
    partner: Partner, dispatcher: Dispatcher, plan: str
) -> None:
    """The order of the rows of an UPDATE is its plan's; a lane sends in the order in which it gets them."""
    dispatcher.run("DELETE FROM queue")
    partner.subscribe("https://integrator.example/")
    dispatcher.run("UPDATE subscriptions SET concurrency = 64 WHERE tenant_id = %s", partner.tenant_id)
    dispatcher.publish(partner.tenant_id, *["incident.updated"] * 20)
    dispatcher.run("UPDATE queue SET due_at = now() - interval '1 hour' - (sequence * 7 %% 20) * interval '1 second'")
    in_order = [row["delivery_id"] for row in dispatcher.rows("SELECT delivery_id FROM queue ORDER BY due_at")]
    others = {"enable_nestloop", "enable_hashjoin", "enable_mergejoin"} - {plan}
    with psycopg.connect(dispatcher.database.worker) as conn:
        for other in others:
            conn.execute("SELECT set_config(%s, 'off', true)", (other,))
        claimed = [row[2] for row in conn.execute(queries.CLAIM, CLAIM_ALL).fetchall()]
        conn.rollback()
    assert claimed == in_order


def test_a_claim_reads_of_each_receiver_its_part_of_the_slots_and_not_all_that_waits(
    partner: Partner, dispatcher: Dispatcher
) -> None:
    """Sixty receivers with a hundred deliveries each, and twenty slots: by rows, since seconds depend on the machine."""
    dispatcher.run("DELETE FROM queue")
    for _ in range(60):
        partner.subscribe("https://integrator.example/")
    dispatcher.run("UPDATE subscriptions SET concurrency = 64 WHERE tenant_id = %s", partner.tenant_id)
    for _ in range(5):
        dispatcher.publish(partner.tenant_id, *["incident.updated"] * 20)
    with psycopg.connect(dispatcher.database.worker) as conn:
        conn.execute(queries.BEGIN_CLAIM)
        explained = conn.execute(
            "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + queries.CLAIM, CLAIM_ALL | {"slots": 20}
        ).fetchone()
        conn.rollback()
    assert explained is not None
    read = sum(rows_of(explained[0][0]["Plan"], "queue"))
    # Of each receiver: its name, its first stage, two deliveries; then twenty that are locked and changed.
    assert read < 60 * 6


@pytest.mark.parametrize("analysed", [False, True])
def test_the_rows_that_a_claim_or_a_record_reads_grow_with_their_number_alone(
    partner: Partner, dispatcher: Dispatcher, analysed: bool
) -> None:
    """Two hundred deliveries of one receiver, each of which is looked up by itself."""
    dispatcher.run("DELETE FROM queue")
    partner.subscribe("https://integrator.example/")
    dispatcher.run("UPDATE subscriptions SET concurrency = 64 WHERE tenant_id = %s", partner.tenant_id)
    for _ in range(20):
        dispatcher.publish(partner.tenant_id, *["incident.updated"] * 100)
    if analysed:
        with psycopg.connect(dispatcher.database.migrator, autocommit=True) as owner:
            owner.execute("ANALYZE queue")
    [lane] = {row["subscription_id"] for row in dispatcher.rows("SELECT subscription_id FROM queue")}
    some = dispatcher.rows("SELECT *, now() AS at FROM queue ORDER BY delivery_id LIMIT 200")
    attempt = {"url": "", "request_headers": {}, "truncated": False, "duration_ms": 1, "timings": {}}
    sent = json.dumps([row | attempt | {"wait": n % 2 or None} for n, row in enumerate(some)], default=str)
    ids = [row["delivery_id"] for row in some]
    everything = {"lanes": json.dumps({lane: [0, 200, 4]}), "slots": 200}
    read = {
        "claim": read_by(dispatcher, queries.CLAIM, CLAIM_ALL | everything),
        "record": read_by(dispatcher, queries.RECORD, {"sent": sent}),
        "give back": read_by(dispatcher, queries.GIVE_BACK, {"ids": ids, "attempts": [0] * 200}),
    }
    assert 200 * 3 <= read["claim"] < 200 * 6, read
    assert read["record"] <= 2 * 200, read
    assert read["give back"] <= 200, read


def test_claims_and_measuring_go_by_key_where_statistics_are_older_than_all_that_waits(
    partner: Partner, dispatcher: Dispatcher
) -> None:
    """The table had one row when it was analysed, and many pages. Sixty receivers with forty deliveries each came since."""
    dispatcher.run("DELETE FROM queue")
    for _ in range(60):
        partner.subscribe("https://integrator.example/")
    with psycopg.connect(dispatcher.database.migrator, autocommit=True) as owner:
        owner.execute("ALTER TABLE queue SET (autovacuum_enabled = false)")
        try:
            dispatcher.publish(partner.tenant_id, *["incident.updated"] * 40)
            owner.execute("DELETE FROM queue WHERE delivery_id <> (SELECT max(delivery_id) FROM queue)")
            owner.execute("ANALYZE queue")
            dispatcher.publish(partner.tenant_id, *["incident.updated"] * 40)
            some = dispatcher.rows("SELECT *, now() AS at FROM queue ORDER BY delivery_id LIMIT 20")
            ids = [row["delivery_id"] for row in some]
            attempt = {"url": "", "request_headers": {}, "truncated": False, "duration_ms": 1, "timings": {}}
            sent = json.dumps([row | attempt | {"wait": n % 2 or None} for n, row in enumerate(some)], default=str)
            read = {
                "claim": read_by(dispatcher, queries.CLAIM, CLAIM_ALL | {"walked": 60, "slots": 20}),
                "record": read_by(dispatcher, queries.RECORD, {"sent": sent}),
                "give back": read_by(dispatcher, queries.GIVE_BACK, {"ids": ids, "attempts": [0] * 20}),
                "measure": read_by(dispatcher, queries.MEASURE, MEASURE_ALL),
            }
        finally:
            owner.execute("ALTER TABLE queue RESET (autovacuum_enabled)")
            owner.execute("ANALYZE queue")
    # A walk that reads on to the end at each of its steps reads 72,000 rows. Measuring counts the 2,401 that wait, twice.
    assert read["claim"] < 60 * 10, read
    assert read["record"] <= 2 * 20, read
    assert read["give back"] <= 20, read
    assert read["measure"] < 2 * 2401 + 60 * 10, read
    with task_transaction(dispatcher.pool) as conn:
        tasks.figures(conn)
        assert conn.execute("SHOW enable_seqscan").fetchone() == ("off",), "measuring is as explained here"


def read_by(dispatcher: Dispatcher, statement: LiteralString, parameters: Mapping[str, object]) -> float:
    """The rows of the queue that it reads, also those that it then leaves out."""
    with psycopg.connect(dispatcher.database.worker) as conn:
        conn.execute(BY_KEY if statement is queries.MEASURE else queries.BEGIN_RECORD)
        explained = conn.execute("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + statement, parameters).fetchone()
        conn.rollback()
    assert explained is not None
    return sum(rows_of(explained[0][0]["Plan"], "queue"))


def test_a_claim_by_name_costs_the_same_however_many_receivers_hang(partner: Partner, dispatcher: Dispatcher) -> None:
    """By steps of its plan, since seconds depend on the machine."""
    dispatcher.run("DELETE FROM queue")
    healthy = partner.subscribe("https://integrator.example/", "incident.updated").rpartition("/")[2]
    dispatcher.publish(partner.tenant_id, "incident.updated")
    by_name = {"named": json.dumps([healthy]), "walked": 0}
    steps = [steps_of_a_claim(dispatcher, by_name)]
    for hanging in (8, 64):
        hang_on(partner, dispatcher, hanging)
        steps.append(steps_of_a_claim(dispatcher, by_name))
        walking = steps_of_a_claim(dispatcher, {"walked": 8})
    assert len(set(steps)) == 1
    # Of each that is walked to: its name, its subscription, its app, its deliveries in flight, its first stage.
    assert walking < 8 * 6 + steps[0]


def hang_on(partner: Partner, dispatcher: Dispatcher, number: int) -> None:
    """So many further receivers, each with one delivery in flight and others behind it."""
    for _ in range(number):
        partner.subscribe("https://integrator.example/", "incident.closed")
    dispatcher.publish(partner.tenant_id, *["incident.closed"] * 3)
    dispatcher.run(
        "UPDATE queue q SET leased = true, due_at = now() + interval '1 hour' WHERE delivery_id IN ("
        " SELECT min(delivery_id) FROM queue WHERE tenant_id = %s AND event_type = 'incident.closed' GROUP BY subscription_id)",
        partner.tenant_id,
    )


def steps_of_a_claim(dispatcher: Dispatcher, visited: dict[str, object]) -> int:
    """How often a claim, which is then undone, goes to a table, whether or not it finds a row there."""
    with psycopg.connect(dispatcher.database.worker) as conn:
        conn.execute(queries.BEGIN_CLAIM)
        explained = conn.execute(
            "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + queries.CLAIM, CLAIM_ALL | visited
        ).fetchone()
        conn.rollback()
    assert explained is not None
    return sum(scans_of(explained[0][0]["Plan"]))


def scans_of(plan: dict[str, Any]) -> Iterator[int]:
    if "Relation Name" in plan and "Scan" in plan["Node Type"]:
        yield int(plan["Actual Loops"])
    for inner in plan.get("Plans", ()):
        yield from scans_of(inner)


def rows_of(plan: dict[str, Any], table: str) -> Iterator[float]:
    """How many rows each scan of the table read, over all its rounds."""
    if plan.get("Relation Name") == table and "Scan" in plan["Node Type"]:
        yield (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
    for inner in plan.get("Plans", ()):
        yield from rows_of(inner, table)


def test_what_a_bell_names_and_what_waits_behind_it_is_sent_without_a_walk(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    other = partner.subscribe(receiver.url, "incident.closed")

    async def run() -> None:
        ended = threading.Event()
        async with dispatcher.client(15) as client:
            pump = dispatcher.new_pump(client, ended.is_set)
            async with await AsyncConnection.connect(dispatcher.database.worker, autocommit=True) as conn:
                sending = asyncio.create_task(pump.run(conn))
                await asyncio.to_thread(wait_for, lambda: pump.next_walk > 0 and not pump.after)
                pump.walk_on = lambda after, began: None
                pump.next_walk = math.inf
                await asyncio.to_thread(dispatcher.publish, partner.tenant_id, "incident.closed")
                await asyncio.to_thread(dispatcher.publish, partner.tenant_id, *["incident.updated"] * 30)
                pump.wake([webhook.rpartition("/")[2]])
                await asyncio.to_thread(wait_for, lambda: partner.books(webhook)["delivered"] == 30)
                unnamed = partner.books(other)["delivered"]
                pump.wake()
                await asyncio.to_thread(wait_for, lambda: partner.books(other)["delivered"] == 1)
                ended.set()
                await sending
        assert unnamed == 0

    asyncio.run(run())


def test_the_results_of_many_that_time_out_together_are_recorded_in_portions(dispatcher: Dispatcher) -> None:
    """Each with the health of its receiver, or a claim between two portions would see one without the other."""
    pump = dispatcher.new_pump(dispatcher.client(15), lambda: False)
    results = [f"wh_{number}" for number in range(2 * MOST_REPORTS + 10) for _ in range(2)]
    for key in results:
        lane = pump.lanes.setdefault(key, Lane(tenant_id="org_1", limit=4, stored_limit=4))
        lane.count(Outcome(error="timeout", timed_out=True, duration_ms=15_000), 5.0)
        pump.over.append({"subscription_id": key, "succeeded": False})
    sizes, reported = [], set[str]()
    while pump.over:
        over, reports = pump.next_results()
        reported |= reports.keys()
        assert {line["subscription_id"] for line in over} <= reported
        sizes.append(len(reports))
        del pump.over[: len(over)]
    assert sizes == [MOST_REPORTS, MOST_REPORTS, 10]


def test_a_claim_does_not_wait_for_the_disk_and_a_record_does(partner: Partner, dispatcher: Dispatcher) -> None:
    with psycopg.connect(dispatcher.database.worker) as conn:
        conn.execute("SET synchronous_commit = on")  # as in production; this cluster's disk may be lost
        conn.commit()
        conn.execute(queries.CLAIM, CLAIM_ALL)
        assert conn.execute("SHOW synchronous_commit").fetchone() == ("off",)
        conn.commit()
        conn.execute(queries.RECORD, {"sent": "[]"})
        assert conn.execute("SHOW synchronous_commit").fetchone() == ("on",)


def test_a_sender_frozen_within_a_claim_holds_the_others_up_for_seconds_alone(dispatcher: Dispatcher) -> None:
    """As one whose machine pauses between two packets of a claim; nothing else ends its transaction while others wait."""
    with psycopg.connect(dispatcher.database.worker) as frozen, psycopg.connect(dispatcher.database.worker) as other:
        shorter = queries.BEGIN_CLAIM.replace("'transaction_timeout', '15s'", "'transaction_timeout', '1s'")
        assert shorter != queries.BEGIN_CLAIM
        frozen.execute(shorter)
        other.execute(queries.BEGIN_CLAIM)
        with pytest.raises(psycopg.errors.TransactionTimeout):
            frozen.execute(queries.CLAIM, CLAIM_ALL)


def test_no_lock_of_a_sender_outlives_its_transaction(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    """A pooler in transaction mode gives the next transaction another connection, and this one to somebody else."""
    webhook = partner.subscribe(receiver.url)
    dispatcher.publish(partner.tenant_id, "incident.updated")

    async def run() -> None:
        ended = threading.Event()
        async with dispatcher.client(15) as client:
            pump = dispatcher.new_pump(client, ended.is_set)
            async with await AsyncConnection.connect(dispatcher.database.worker, autocommit=True) as conn:
                sending = asyncio.create_task(pump.run(conn))
                await asyncio.to_thread(wait_for, lambda: partner.books(webhook)["delivered"] == 1)
                ended.set()
                await sending
                held = await conn.execute(
                    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
                )
                assert await held.fetchone() == (0,)
                assert await (await conn.execute("SHOW enable_seqscan")).fetchone() == ("on",)
                await pump.drain(conn)

    asyncio.run(run())


def test_the_database_and_the_service_agree_on_what_a_pattern_covers(dispatcher: Dispatcher) -> None:
    names = [*event_types.catalogue(), "incident", "incidents.updated", "device", ""]
    patterns = [
        "*",
        "incident.*",
        "incident.updated",
        "device.observations.*",
        "device.*",
        "dev*",
        "*.*",
        ".*",
        "device.observations",
    ]
    approved = dispatcher.rows(
        "SELECT n AS name, p AS pattern, event_approved(n, ARRAY[p]) AS approved FROM unnest(%s::text[]) n, unnest(%s::text[]) p",
        names,
        patterns,
    )
    assert len(approved) == len(names) * len(patterns)
    for row in approved:
        assert row["approved"] == event_types.is_approved(row["name"], [row["pattern"]]), row


# A role of this service writes rows that no claim can read.


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE queue SET delivery_at = 'infinity'",
        "UPDATE queue SET event_at = '12000-01-01'",
        "UPDATE queue SET due_at = '-infinity'",
        "UPDATE queue SET attempt = 2147483647",
        "UPDATE queue SET rung = 2147483647",
        "UPDATE queue SET event_type = repeat('x', 1000)",
        "UPDATE subscriptions SET concurrency = 2147483647",
        "UPDATE subscriptions SET slowed_until = 'infinity'",
        "UPDATE subscriptions SET failing_since = '0044-03-15 BC'",
        "UPDATE subscriptions SET url = repeat('x', 10000)",
        "UPDATE events SET body = repeat('x', 9000000)",
        "UPDATE deliveries SET event_type = repeat('x', 257)",
        "UPDATE deliveries SET subscription_id = repeat('x', 257)",
        "UPDATE deliveries SET event_id = repeat('x', 257)",
        "INSERT INTO attempts (delivery_id, at, tenant_id, number, url, request_headers, error, duration_ms)"
        " VALUES ('dlv_x', now(), current_tenant(), 1, '', '{}', repeat('x', 100000), 1)",
        "INSERT INTO apps (tenant_id, client_id, version, status, approved_events)"
        " VALUES (current_tenant(), 'app_x', 1, 'active', array_fill('x'::text, ARRAY[100000]))",
        "INSERT INTO replays (id, tenant_id, subscription_id, filter, since, until, per_second, matching, more, place, place_at)"
        " VALUES ('rpl_x', current_tenant(), 'wh_x', '{}', now(), now(), 1, 1, false, repeat('x', 1000), now())",
    ],
)
@pytest.mark.parametrize("kind", ["app", "worker"])
def test_no_role_writes_what_no_claim_can_read(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, kind: str, change: str
) -> None:
    partner.subscribe(receiver.url)
    dispatcher.publish(partner.tenant_id, "incident.updated")
    with psycopg.connect(getattr(dispatcher.database, kind)) as conn:
        conn.execute("SELECT set_config('app.tenant_id', %s, true)", (partner.tenant_id,))
        # A web process writes no copy of an app at all.
        with pytest.raises((psycopg.errors.CheckViolation, psycopg.errors.InsufficientPrivilege)):
            conn.execute(change.encode())
    dispatcher.pump_until(lambda: len(receiver.requests) == 1)


def test_the_kind_of_a_firing_and_not_its_body_says_what_it_is_approved_for(
    partner: Partner, dispatcher: Dispatcher
) -> None:
    """A body of eight megabytes takes a tenth of a second to parse, while the claim holds up all senders."""
    dispatcher.publish(partner.tenant_id, "incident.updated")
    [event] = dispatcher.rows("SELECT id, at FROM events WHERE tenant_id = %s", partner.tenant_id)
    body = '{"data": {"event_type": "incident.updated"}, "more": "%s"}'
    cases = [
        ("automation.fired/incident.updated", "no json", True),
        ("automation.fired/unit.updated", body % "", False),
        ("automation.fired/", body % "", False),
        ("incident.updated", body % "", False),
        (None, body % "", False),
    ]
    for kind, text, approved in cases:
        dispatcher.run("UPDATE events SET kind = %s, body = %s WHERE id = %s", kind, text, event["id"])
        asked = "SELECT firing_approved(%s, %s, '{incident.*}') AS approved"
        assert dispatcher.rows(asked, event["id"], event["at"]) == [{"approved": approved}], (kind, text[:60])


def test_after_a_claim_that_took_too_long_the_next_one_visits_fewer(
    partner: Partner, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    partner.subscribe("https://integrator.example/")
    dispatcher.publish(partner.tenant_id, "incident.updated")
    shorter = queries.BEGIN_CLAIM.replace("'statement_timeout', '8s'", "'statement_timeout', '100ms'")
    assert shorter != queries.BEGIN_CLAIM
    monkeypatch.setattr(queries, "BEGIN_CLAIM", shorter)
    monkeypatch.setattr(queries, "CLAIM", "SELECT pg_sleep(60)")

    async def claim() -> int:
        async with (
            await AsyncConnection.connect(dispatcher.database.worker, autocommit=True) as conn,
            dispatcher.client(1) as client,
        ):
            pump = dispatcher.new_pump(client, lambda: True)
            with pytest.raises(psycopg.errors.QueryCanceled):
                await pump.claim(conn)
            return pump.portion

    assert 1 < asyncio.run(claim()) < sender.WALKED_AT_ONCE


@pytest.mark.parametrize("named", [False, True])
def test_a_receiver_whose_claim_takes_too_long_is_passed_by(
    partner: Partner, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    dispatcher.run("DELETE FROM queue")
    webhooks = sorted(id_of(partner.subscribe("https://integrator.example/")) for _ in range(20))
    dispatcher.publish(partner.tenant_id, "incident.updated")
    slow, claim = webhooks[10], recording.claim

    async def slowly(conn: AsyncConnection, visited: recording.Round, *rest: Any) -> Any:
        place = [webhook for webhook in webhooks if webhook > visited.after][: visited.walked]
        if slow in (*visited.named, *place):
            raise psycopg.errors.QueryCanceled
        return await claim(conn, visited, *rest)

    monkeypatch.setattr(recording, "claim", slowly)

    async def send() -> tuple[list[str], int, int]:
        claimed, failed = list[str](), 0
        async with (
            await AsyncConnection.connect(dispatcher.database.worker, autocommit=True) as conn,
            dispatcher.client(1) as client,
        ):
            pump = dispatcher.new_pump(client, lambda: True)
            for _ in range(40):
                pump.wake(webhooks if named else ())
                pump.next_walk = 0.0
                try:
                    claimed += [due.subscription_id for due in await pump.claim(conn)]
                except psycopg.errors.QueryCanceled:
                    failed += 1
                if len(claimed) == 19:
                    break
            return claimed, failed, pump.portion

    claimed, failed, portion = asyncio.run(send())
    assert sorted(claimed) == [webhook for webhook in webhooks if webhook != slow]
    assert failed <= 6
    assert portion > 1


def test_a_result_that_no_record_takes_is_forgotten_and_stops_nobody(
    partner: Partner, dispatcher: Dispatcher, http: Any
) -> None:
    """One delivery of each of two webhooks, whose events are gone, and a claim that was not used: of one the row breaks its limits."""
    dispatcher.run("DELETE FROM queue")
    stranger = Partner(http)
    webhooks = [one.subscribe("https://integrator.example/") for one in (stranger, partner, partner)]
    for one in (stranger, partner):
        dispatcher.publish(one.tenant_id, "incident.updated")
    give_up, give_back = webhooks[1:]
    with psycopg.connect(dispatcher.database.admin) as conn:
        conn.execute("ALTER TABLE deliveries DROP CONSTRAINT texts_are_short")
        conn.execute("UPDATE deliveries SET event_type = repeat('x', 300) WHERE tenant_id = %s", (stranger.tenant_id,))
        limit = "octet_length(event_type) <= 256"
        conn.execute(f"ALTER TABLE deliveries ADD CONSTRAINT texts_are_short CHECK ({limit}) NOT VALID".encode())
    before = metrics.unclaimable._value.get()

    async def settle() -> None:
        async with (
            await AsyncConnection.connect(dispatcher.database.worker, autocommit=True) as conn,
            dispatcher.client(1) as client,
        ):
            pump = dispatcher.new_pump(client, lambda: True)
            for due in await pump.claim(conn):
                if due.subscription_id == id_of(give_back):
                    pump.released.append(due)
                else:
                    pump.over.append(recording.expired(due))
            assert (len(pump.over), len(pump.released)) == (2, 1)
            await pump.settle(conn)
            assert not pump.is_busy

    asyncio.run(settle())
    assert dispatcher.rows("SELECT 1 FROM queue WHERE tenant_id = %s", stranger.tenant_id) == []
    left = dispatcher.rows("SELECT subscription_id, leased FROM queue WHERE tenant_id = %s", partner.tenant_id)
    assert left == [{"subscription_id": id_of(give_back), "leased": False}]
    assert partner.books(give_up)["given_up"] == 1
    assert metrics.unclaimable._value.get() == before + 1


def id_of(webhook: str) -> str:
    return webhook.rpartition("/")[2]


def lengthen(dispatcher: Dispatcher, partner: Partner, size: int) -> None:
    """Replaces the bodies of the partner's events by JSON of so many bytes, whose text takes four times as much in Python."""
    body = '{"type":"incident.updated","data":"\U0001f600'
    dispatcher.run(
        """UPDATE events SET body = %s || repeat('A', %s - octet_length(%s) - 2) || '"}' WHERE tenant_id = %s""",
        body, size, body, partner.tenant_id,
    )  # fmt: skip


def test_a_sender_holds_a_bounded_number_of_bytes_and_a_tenant_a_part_of_them(
    http: Any, dispatcher: Dispatcher, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """96 MiB are scaled down to 4 MiB, so 290 KB to 36 KB by the same factor would be free: these are larger."""
    dispatcher.run("DELETE FROM queue")
    flood, other = Partner(http), Partner(http)
    most, size, held = 4 << 20, 290_000, list[tuple[int, int]]()

    class Watched(Slots):
        def take(self, due: Any) -> None:
            super().take(due)
            held.append((self.free_bytes, self.bytes_of_tenants[flood.tenant_id]))

    monkeypatch.setattr(sender, "Slots", lambda number: Watched(number, most))
    with running(Receiver(behaviour=hang)) as hanging:
        for _ in range(10):
            flood.subscribe(hanging.url)
        dispatcher.publish(flood.tenant_id, *["incident.updated"] * 4)
        lengthen(dispatcher, flood, size)
        # With a known receiver it would take 64 requests of each of the ten.
        dispatcher.run("UPDATE subscriptions SET concurrency = 64 WHERE tenant_id = %s", flood.tenant_id)

        other.subscribe(receiver.url)
        dispatcher.publish(other.tenant_id, "incident.updated")
        lengthen(dispatcher, other, size)
        dispatcher.run("UPDATE queue SET due_at = now() + interval '1 day' WHERE tenant_id = %s", other.tenant_id)

        def goes_out() -> bool:
            if len(hanging.requests) >= most // 2 // size and not receiver.requests:
                dispatcher.run("UPDATE queue SET due_at = now() WHERE tenant_id = %s", other.tenant_id)
                wait_for(lambda: receiver.requests)
            return bool(receiver.requests)

        dispatcher.pump_until(goes_out, deadline=30)
    assert len(receiver.requests[0].body) == size
    assert max(bytes_of_flood for _, bytes_of_flood in held) <= most // 2 + size
    assert min(free for free, _ in held) >= 0


def test_a_claim_takes_no_more_bytes_than_there_is_room_for_but_one_delivery_of_a_tenant_without_any(
    http: Any, dispatcher: Dispatcher
) -> None:
    dispatcher.run("DELETE FROM queue")
    partners = [Partner(http), Partner(http)]
    for one in partners:
        for _ in range(6):
            one.subscribe("https://integrator.example/")
        dispatcher.publish(one.tenant_id, "incident.updated")
        lengthen(dispatcher, one, 100_000)
    plenty = json.loads(PLENTY)
    first, second = (one.tenant_id for one in partners)
    cases: list[tuple[dict[str, Any], list[int]]] = [
        ({"tenant": plenty | {"bytes": 350_000}}, [3, 3]),
        ({"tenant": plenty | {"bytes": 99_999}}, [1, 1]),
        ({"tenants": {first: plenty | {"bytes": 99_999}}, "tenant": plenty | {"bytes": 200_000}}, [0, 2]),
        ({"classes": plenty | {"bytes": 400_000}}, [2, 2]),
    ]
    with psycopg.connect(dispatcher.database.worker) as conn:
        for limits, numbers in cases:
            encoded = {name: json.dumps(value) for name, value in limits.items()}
            tenants = [row[4] for row in conn.execute(queries.CLAIM, CLAIM_ALL | encoded).fetchall()]
            assert [tenants.count(first), tenants.count(second)] == numbers, limits
            conn.rollback()


def test_a_sender_makes_no_claim_while_nothing_waits(
    partner: Partner, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatcher.run("DELETE FROM queue")
    partner.subscribe("https://integrator.example/")
    claims: list[Any] = []
    claim = recording.claim

    async def counted(*given: Any) -> Any:
        claims.append(given)
        return await claim(*given)

    monkeypatch.setattr(recording, "claim", counted)

    async def look() -> int:
        async with (
            await AsyncConnection.connect(dispatcher.database.worker, autocommit=True) as conn,
            dispatcher.client(1) as client,
        ):
            pump = dispatcher.new_pump(client, lambda: True)
            claimed = len(await pump.claim(conn))
            assert (claimed, claims, pump.after) == (0, [], "")
            dispatcher.publish(partner.tenant_id, "incident.updated")
            pump.wake()
            return len(await pump.claim(conn))

    assert asyncio.run(look()) == 1


def test_a_large_body_for_which_there_is_no_room_holds_up_no_smaller_one(http: Any, dispatcher: Dispatcher) -> None:
    dispatcher.run("DELETE FROM queue")
    partners = {2_000_000: Partner(http), 100_000: Partner(http)}
    for size, one in partners.items():
        for _ in range(2):
            one.subscribe("https://integrator.example/")
            dispatcher.publish(one.tenant_id, "incident.updated")
        lengthen(dispatcher, one, size)
    plenty = json.loads(PLENTY)
    cases: list[tuple[dict[str, int], list[int]]] = [
        ({"bytes": 500_000, "large": 0}, [0, 2]),
        ({"bytes": 2_150_000, "large": 2_100_000}, [1, 1]),
        ({}, [2, 2]),
    ]
    with psycopg.connect(dispatcher.database.worker) as conn:
        for limits, numbers in cases:
            encoded = {"classes": json.dumps(plenty | limits)}
            tenants = [row[4] for row in conn.execute(queries.CLAIM, CLAIM_ALL | encoded).fetchall()]
            assert [tenants.count(one.tenant_id) for one in partners.values()] == numbers, limits
            conn.rollback()
