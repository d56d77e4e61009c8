"""Replays: past deliveries of a webhook go out again, counted first, at a rate, behind new ones; they can be followed and stopped."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from services.webhook_dispatcher.fanout.intake import time_of
from services.webhook_dispatcher.replays import endpoints, queries, steps
from services.webhook_dispatcher.sending import queries as sending_queries
from shared.primitives import ids
from shared.storage.database import IN_ORDER, SET_TENANT, Connection, task_transaction
from tests.support.receiver import Receiver, always, answer
from tests.support.waiting import wait_for
from tests.webhook_dispatcher.conftest import Dispatcher, Partner
from tests.webhook_dispatcher.test_recovery import pages_read
from tests.webhook_dispatcher.test_sending import CLAIM_ALL

CHILD = """
import sys, time
import psycopg
from services.webhook_dispatcher.fanout.intake import time_of
from services.webhook_dispatcher.replays import endpoints, queries, steps

conn = psycopg.connect(sys.argv[1])
_, replay_id = conn.execute(queries.NEXT, {"served": []}).fetchone()
[pid] = conn.execute("SELECT pg_backend_pid()").fetchone()
print(pid, steps.step(conn, replay_id), flush=True)
time.sleep(600)
"""
ROOT = Path(__file__).parents[2]
PILE = """
    INSERT INTO deliveries (id, at, tenant_id, subscription_id, event_id, event_at, event_type, sequence, status, troubled, attempt,
        attempted_at)
    SELECT 'dlv_' || %(time)s::text || lpad((%(first)s + n)::text, 16, '0'), %(at)s, tenant_id, %(webhook)s, id, at, type, n, 'failed',
        true, 9, now()
    FROM (SELECT id, at, tenant_id, type FROM events WHERE tenant_id = %(tenant)s LIMIT 1) event, generate_series(1, %(number)s) n
"""


@pytest.fixture(autouse=True)
def alone(dispatcher: Dispatcher) -> Iterator[None]:
    """No replay of another test is due."""
    yield
    for table in ("replays", "replayed", "queue"):
        dispatcher.run(f"DELETE FROM {table}")


@pytest.fixture
def webhook(partner: Partner, receiver: Receiver) -> str:
    return partner.subscribe(receiver.url, "incident.updated", "incident.closed")


def delivered(dispatcher: Dispatcher, partner: Partner, receiver: Receiver, webhook: str, *types: str) -> list[str]:
    """The ids of events that were delivered, in their order; the receiver has forgotten them."""
    sent = [dispatcher.publish(partner.tenant_id, name)[0] for name in types]
    dispatcher.pump_until(lambda: partner.books(webhook)["pending"] == 0)
    receiver.requests.clear()
    return sent


def given_up(dispatcher: Dispatcher, partner: Partner, receiver: Receiver, webhook: str, number: int) -> list[str]:
    receiver.behaviour = always(answer(500))
    sent = [dispatcher.publish(partner.tenant_id, "incident.updated")[0] for _ in range(number)]
    dispatcher.pump_until(lambda: partner.books(webhook)["given_up"] == number)
    receiver.behaviour = always(answer(200))
    receiver.requests.clear()
    healthy(dispatcher, partner)
    return sent


def healthy(dispatcher: Dispatcher, partner: Partner) -> None:
    dispatcher.run(
        "UPDATE subscriptions SET failing_since = NULL, last_failure_at = NULL, slowed_until = NULL, recovering = false,"
        " concurrency = 16 WHERE tenant_id = %s",
        partner.tenant_id,
    )


def start(partner: Partner, webhook: str, **draft: Any) -> str:
    """The path of a new replay."""
    made = partner.post(f"{webhook}/replays", draft)
    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"{webhook}/replays/{made.json()['id']}"
    return made.headers["location"]


def step(dispatcher: Dispatcher, *, due: bool = True) -> int:
    """A second of the relay's work, which comes at once if it is `due` anyway."""
    if due:
        dispatcher.run("UPDATE replays SET due_at = now() - interval '1 second' WHERE due_at IS NOT NULL")
    with task_transaction(dispatcher.pool) as conn:
        return steps.Rounds().go_on(conn, 30)


def play(dispatcher: Dispatcher, partner: Partner, receiver: Receiver, replay: str) -> list[int]:
    """Steps a replay to its end; how many deliveries went out in each step that sent any."""
    sent: list[int] = []
    before = len(receiver.requests)
    for _ in range(100):
        if partner.get(replay).json()["state"] != "running":
            return sent
        if number := step(dispatcher):
            sent.append(number)
            dispatcher.pump_until(lambda: len(receiver.requests) >= before + sum(sent))
    raise AssertionError("the replay did not end")


def claimed_by(dispatcher: Dispatcher, partner: Partner, claims: int = 1) -> list[set[str]]:
    """The events of the deliveries that so many claims take, one after the other; then all are given back."""
    with psycopg.connect(dispatcher.database.worker) as conn:
        rows = [conn.execute(sending_queries.CLAIM, CLAIM_ALL).fetchall() for _ in range(claims)]
        conn.rollback()
    return [{row[6] for row in found if row[4] == partner.tenant_id} for found in rows]


def test_a_period_is_counted_first_and_then_sent_again_oldest_first(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, webhook: str
) -> None:
    sent = delivered(dispatcher, partner, receiver, webhook, *["incident.updated"] * 5)
    counted = partner.post(f"{webhook}/replays?dry_run=true", {})
    assert (counted.status_code, counted.json()["matching"], counted.json()["more"]) == (200, 5, False)
    assert partner.get(f"{webhook}/replays").json() == {"replays": [], "next_cursor": None}
    replay = start(partner, webhook, per_second=2)
    assert play(dispatcher, partner, receiver, replay) == [2, 2, 1]
    order = receiver.ids()
    assert [sorted(order[:2]), sorted(order[2:4]), order[4:]] == [sorted(sent[:2]), sorted(sent[2:4]), sent[4:]]
    shown = partner.get(replay).json()
    expected = {"state": "finished", "matching": 5, "done": 5, "delivered": 5, "failed": 0, "skipped": 0, "waiting": 0}
    assert shown | expected == shown
    assert shown["finished_at"]
    assert partner.books(webhook)["delivered"] == 5
    assert [one["id"] for one in partner.get(f"{webhook}/replays").json()["replays"]] == [shown["id"]]


def test_each_part_of_the_filter_chooses(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, webhook: str
) -> None:
    first, second = delivered(dispatcher, partner, receiver, webhook, "incident.updated", "incident.closed")
    [failed] = given_up(dispatcher, partner, receiver, webhook, 1)
    listed = {one["event_id"]: one for one in partner.deliveries(webhook)}
    key = dispatcher.rows("SELECT key FROM events WHERE id = %s", second)[0]["key"]
    assert key
    since = listed[second]["created_at"]
    filters: list[tuple[dict[str, Any], list[str]]] = [
        ({}, [first, second, failed]),
        ({"status": "failed"}, [failed]),
        ({"status": "succeeded"}, [first, second]),
        ({"status": "retrying"}, []),
        ({"event_type": "incident.closed"}, [second]),
        ({"event_id": first}, [first]),
        ({"key": "incident-of-nobody"}, []),
        ({"response": "5xx"}, [failed]),
        ({"response": "2xx"}, [first, second]),
        ({"response": "none"}, []),
        ({"trace_id": listed[failed]["trace_id"]}, [failed]),
        ({"since": since}, [second, failed]),
        ({"until": since}, [first]),
        ({"status": "succeeded", "event_type": "incident.updated"}, [first]),
        ({"status": "failed", "response": "2xx"}, []),
    ]  # fmt: skip
    for given, fitting in filters:
        counted = partner.post(f"{webhook}/replays?dry_run=true", given).json()
        assert (counted["matching"], counted["more"]) == (len(fitting), False), given
        receiver.requests.clear()
        play(dispatcher, partner, receiver, start(partner, webhook, **given))
        assert sorted(receiver.ids()) == sorted(fitting), given
        if failed in fitting:
            dispatcher.run("UPDATE deliveries SET status = 'failed' WHERE event_id = %s", failed)
            answers = "UPDATE attempts SET error = 'x', response_status = 500, trace_id = %s WHERE delivery_id = %s"
            dispatcher.run(answers, listed[failed]["trace_id"], listed[failed]["id"])
    counted = partner.post(f"{webhook}/replays?dry_run=true", {"key": key}).json()
    assert counted["matching"] >= 1


def test_the_rate_is_the_most_of_each_step_and_the_next_is_a_second_away(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, webhook: str
) -> None:
    delivered(dispatcher, partner, receiver, webhook, *["incident.updated"] * 7)
    replay = start(partner, webhook, per_second=3)
    assert step(dispatcher) == 3
    assert step(dispatcher, due=False) == 0
    [due] = dispatcher.rows(
        "SELECT due_at - progressed_at >= interval '1 second' AS later FROM replays WHERE id = %s", replay[-30:]
    )
    assert due["later"]
    assert step(dispatcher) == 0, "those of the second before have not gone out yet"
    dispatcher.pump_until(lambda: len(receiver.requests) == 3)
    assert step(dispatcher) == 3


def test_new_deliveries_go_before_replayed_ones_that_wait_already(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, webhook: str
) -> None:
    old = delivered(dispatcher, partner, receiver, webhook, *["incident.updated"] * 4)
    start(partner, webhook, per_second=4)
    assert step(dispatcher) == 4
    new = [dispatcher.publish(partner.tenant_id, "incident.updated")[0] for _ in range(3)]
    limit = "UPDATE subscriptions SET concurrency = %s WHERE tenant_id = %s"
    dispatcher.run(limit, 3, partner.tenant_id)
    assert claimed_by(dispatcher, partner) == [set(new)]
    dispatcher.run(limit, 5, partner.tenant_id)
    assert claimed_by(dispatcher, partner, 2) == [{*new, *old[:2]}, set()]
    dispatcher.pump_until(lambda: len(receiver.requests) == 7)


def test_a_replay_leaves_half_of_its_receiver_s_room_to_new_deliveries(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, webhook: str
) -> None:
    delivered(dispatcher, partner, receiver, webhook, *["incident.updated"] * 12)
    start(partner, webhook, per_second=12)
    assert step(dispatcher) == 12
    dispatcher.run("UPDATE subscriptions SET concurrency = 8 WHERE tenant_id = %s", partner.tenant_id)
    assert [len(events) for events in claimed_by(dispatcher, partner, 2)] == [4, 0]


def test_no_webhook_is_locked_while_its_deliveries_are_counted(
    dispatcher: Dispatcher, partner: Partner, receiver: Receiver, webhook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A count may take two seconds. Senders record the results of all organisations in one statement, which locks their webhooks."""
    delivered(dispatcher, partner, receiver, webhook, "incident.updated")
    count, counted = endpoints._count, list[bool]()

    async def looks(conn: Any, replay: Any) -> tuple[int, bool]:
        result = await count(conn, replay)
        with psycopg.connect(dispatcher.database.worker) as sender:
            locked = sender.execute(
                "SELECT id FROM subscriptions WHERE id = %s FOR NO KEY UPDATE SKIP LOCKED", (replay.subscription_id,)
            ).fetchall()
        counted.append(len(locked) == 1)
        return result

    monkeypatch.setattr(endpoints, "_count", looks)
    start(partner, webhook)
    assert counted == [True]


def test_a_stop_holds_from_the_next_step_on_and_a_resumed_replay_goes_on_there(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, webhook: str
) -> None:
    sent = delivered(dispatcher, partner, receiver, webhook, *["incident.updated"] * 5)
    replay = start(partner, webhook, per_second=2)
    assert step(dispatcher) == 2
    stopped = partner.post(f"{replay}/stop").json()
    assert (stopped["state"], stopped["waiting"], stopped["expected_end_at"]) == ("stopped", 2, None)
    assert step(dispatcher) == 0
    dispatcher.pump_until(lambda: len(receiver.requests) == 2)
    assert step(dispatcher) == 0
    shown = partner.get(replay).json()
    assert (shown["state"], shown["delivered"], shown["waiting"]) == ("stopped", 2, 0)
    assert dispatcher.rows("SELECT 1 FROM replays WHERE id = %s AND due_at IS NOT NULL", shown["id"]) == []
    assert partner.post(f"{replay}/stop").json()["state"] == "stopped"
    assert partner.post(f"{replay}/resume").json()["state"] == "running"
    assert partner.post(f"{replay}/resume").json()["state"] == "running"
    play(dispatcher, partner, receiver, replay)
    assert sorted(receiver.ids()) == sorted(sent)
    assert partner.get(replay).json()["delivered"] == 5
    for act in ("stop", "resume"):
        assert partner.post(f"{replay}/{act}").status_code == 409


def test_a_replay_that_is_stopped_while_its_receiver_fails_goes_on_with_the_rest_and_counts_each_delivery_once(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, webhook: str
) -> None:
    """Nothing is lost or sent twice, and the progress never goes back: the console shows it while a person waits."""
    sent = delivered(dispatcher, partner, receiver, webhook, *["incident.updated"] * 6)
    receiver.behaviour = always(answer(500))
    replay = start(partner, webhook, per_second=2)

    def progress(state: str) -> tuple[int, int, int]:
        shown = partner.get(replay).json()
        assert (shown["state"], shown["matching"], shown["done"]) == (state, 6, shown["delivered"] + shown["failed"])
        return shown["delivered"], shown["failed"], shown["waiting"]

    assert step(dispatcher) == 2
    dispatcher.pump_until(lambda: len(receiver.requests) == 2)
    assert step(dispatcher) == 0
    assert progress("running") == (0, 2, 0)
    assert step(dispatcher) == 1, "a receiver that fails gets one at a time"
    partner.post(f"{replay}/stop")
    assert progress("stopped") == (0, 2, 1)
    dispatcher.pump_until(lambda: len(receiver.requests) == 3)
    for _ in range(2):
        assert step(dispatcher) == 0
        assert progress("stopped") == (0, 3, 0)
    receiver.behaviour = always(answer(200))
    partner.post(f"{replay}/resume")
    assert progress("running") == (0, 3, 0)
    play(dispatcher, partner, receiver, replay)
    assert progress("finished") == (3, 3, 0)
    assert sorted(receiver.ids()) == sorted(sent)
    assert partner.books(webhook)["delivered"] == 6


def test_progress_is_polled_with_its_etag(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, webhook: str
) -> None:
    delivered(dispatcher, partner, receiver, webhook, *["incident.updated"] * 3)
    replay = start(partner, webhook, per_second=1)
    first = partner.get(replay)
    assert first.json()["expected_end_at"]
    same = partner.get(replay, headers={"if-none-match": first.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    step(dispatcher)
    dispatcher.pump_until(lambda: receiver.requests)
    step(dispatcher)
    changed = partner.get(replay, headers={"if-none-match": first.headers["etag"]})
    assert (changed.status_code, changed.json()["delivered"]) == (200, 1)


def test_given_up_deliveries_that_fail_again_are_counted_and_climb_their_ladder_anew(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, webhook: str
) -> None:
    given_up(dispatcher, partner, receiver, webhook, 2)
    receiver.behaviour = always(answer(400))
    replay = start(partner, webhook, status="failed")
    assert step(dispatcher) == 2
    assert {one["status"] for one in partner.deliveries(webhook)} == {"retrying"}
    dispatcher.pump_until(lambda: partner.books(webhook)["given_up"] == 2)
    healthy(dispatcher, partner)
    step(dispatcher)
    shown = partner.get(replay).json()
    assert (shown["state"], shown["failed"], shown["delivered"]) == ("finished", 2, 0)
    assert len(receiver.requests) == 8


def test_a_delivered_one_that_fails_now_is_sent_once_and_stays_delivered(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, webhook: str
) -> None:
    delivered(dispatcher, partner, receiver, webhook, "incident.updated")
    receiver.behaviour = always(answer(500))
    replay = start(partner, webhook)
    step(dispatcher)
    dispatcher.pump_until(lambda: receiver.requests)
    healthy(dispatcher, partner)
    step(dispatcher)
    assert partner.get(replay).json()["failed"] == 1
    assert partner.books(webhook)["delivered"] == 1
    assert len(receiver.requests) == 1


def test_a_delivery_that_waits_for_a_retry_is_brought_forward_and_one_never_tried_is_left_alone(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, webhook: str
) -> None:
    delivered(dispatcher, partner, receiver, webhook, "incident.updated")
    dispatcher.publish(partner.tenant_id, "incident.updated", "incident.updated")
    rows = dispatcher.rows("SELECT delivery_id FROM queue WHERE tenant_id = %s ORDER BY 1", partner.tenant_id)
    retrying, untried = (row["delivery_id"] for row in rows)
    later = "UPDATE queue SET rung = 3, attempt = 3, due_at = now() + interval '1 day' WHERE delivery_id = %s"
    dispatcher.run(later, retrying)
    dispatcher.run("UPDATE queue SET due_at = now() + interval '1 day' WHERE delivery_id = %s", untried)
    dispatcher.run(
        "UPDATE deliveries SET status = 'retrying', troubled = true, attempt = 3, attempted_at = now() WHERE id = %s",
        retrying,
    )
    replay = start(partner, webhook)
    assert step(dispatcher) == 2
    dispatcher.pump_until(lambda: len(receiver.requests) == 2)
    step(dispatcher)
    assert partner.get(replay).json()["delivered"] == 2
    left = dispatcher.rows("SELECT delivery_id FROM queue WHERE tenant_id = %s", partner.tenant_id)
    assert [row["delivery_id"] for row in left] == [untried]


def test_what_the_app_may_no_longer_be_sent_is_skipped(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, webhook: str
) -> None:
    delivered(dispatcher, partner, receiver, webhook, "incident.updated", "incident.closed")
    dispatcher.approve(partner, "incident.updated")
    replay = start(partner, webhook)
    play(dispatcher, partner, receiver, replay)
    shown = partner.get(replay).json()
    assert (shown["delivered"], shown["skipped"], shown["done"]) == (1, 1, 2)
    assert len(receiver.requests) == 1


def test_a_replay_waits_while_its_webhook_is_stopped_recovers_or_asked_for_a_pause(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, webhook: str
) -> None:
    delivered(dispatcher, partner, receiver, webhook, *["incident.updated"] * 2)
    replay = start(partner, webhook)
    for change, waits_for in (
        ("enabled = false", "webhook"),
        ("paused = true", "webhook"),
        ("recovering = true", "recovery"),
        ("slowed_until = now() + interval '1 hour'", "receiver"),
    ):
        dispatcher.run(f"UPDATE subscriptions SET {change} WHERE tenant_id = %s", partner.tenant_id)
        assert step(dispatcher) == 0
        shown = partner.get(replay).json()
        assert (shown["state"], shown["waits_for"], shown["expected_end_at"]) == ("running", waits_for, None)
        dispatcher.run("UPDATE subscriptions SET enabled = true, paused = false WHERE tenant_id = %s", partner.tenant_id)  # fmt: skip
        healthy(dispatcher, partner)
    assert step(dispatcher) == 2


def failing_replay(dispatcher: Dispatcher, partner: Partner, receiver: Receiver, webhook: str) -> str:
    """The path of a replay of three deliveries to a receiver that has been failing for 30 seconds."""
    delivered(dispatcher, partner, receiver, webhook, *["incident.updated"] * 3)
    replay = start(partner, webhook)
    dispatcher.run(
        "UPDATE subscriptions SET failing_since = now() - interval '30 seconds' WHERE tenant_id = %s", partner.tenant_id
    )
    return replay


def rests(dispatcher: Dispatcher, replay: str) -> bool:
    """Whether the next step is 20 seconds away or more."""
    statement = "SELECT due_at - now() > interval '20 seconds' AS rests FROM replays WHERE id = %s"
    [row] = dispatcher.rows(statement, replay[-30:])
    return bool(row["rests"])


def test_a_receiver_that_fails_gets_one_replayed_delivery_at_a_time(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, webhook: str
) -> None:
    replay = failing_replay(dispatcher, partner, receiver, webhook)
    receiver.behaviour = always(answer(500))
    assert step(dispatcher) == 1
    assert step(dispatcher) == 0
    assert partner.get(replay).json()["waits_for"] == "receiver"
    assert not rests(dispatcher, replay), "the next step only waits for the result of the one that went out"
    dispatcher.pump_until(lambda: len(receiver.requests) == 1)
    assert step(dispatcher) == 0
    assert rests(dispatcher, replay)
    assert step(dispatcher) == 1, "after the rest one more goes out"


def test_a_replay_goes_on_at_once_when_its_failing_receiver_answers_again(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, webhook: str
) -> None:
    replay = failing_replay(dispatcher, partner, receiver, webhook)
    assert step(dispatcher) == 1
    dispatcher.pump_until(lambda: len(receiver.requests) == 1)
    assert not rests(dispatcher, replay), "it slept as long as the receiver had been failing"
    healthy(dispatcher, partner)
    assert step(dispatcher) == 2


def test_one_replay_of_a_webhook_runs_at_a_time_also_after_a_resume(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, webhook: str
) -> None:
    delivered(dispatcher, partner, receiver, webhook, "incident.updated")
    first = start(partner, webhook)
    refused = partner.post(f"{webhook}/replays", {})
    assert (refused.status_code, refused.json()["replay_id"]) == (409, first.rpartition("/")[2])
    assert partner.post(f"{webhook}/replays?dry_run=true", {}).status_code == 200
    partner.post(f"{first}/stop")
    second = start(partner, webhook)
    assert partner.post(f"{first}/resume").status_code == 409
    partner.post(f"{second}/stop")
    assert partner.post(f"{first}/resume").status_code == 200


def test_an_organisation_runs_a_limited_number_of_replays(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, webhook: str
) -> None:
    paths = [start(partner, partner.subscribe(receiver.url)) for _ in range(dispatcher.settings.most_replays)]
    refused = partner.post(f"{webhook}/replays", {})
    assert (refused.status_code, refused.json()["resource"]) == (409, "running replays")
    partner.post(f"{paths[0]}/stop")
    start(partner, webhook)
    assert partner.post(f"{paths[0]}/resume").json()["resource"] == "running replays"


def test_an_organisation_with_many_replays_has_one_step_before_the_next_organisation(
    http: httpx2.Client, dispatcher: Dispatcher, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty replays that find little are due again at once: those of others would have every twenty-first step."""
    many, few = Partner(http), Partner(http)
    for one, number in ((many, 5), (few, 2)):
        dispatcher.change_app(one)
        for _ in range(number):
            start(one, one.subscribe(receiver.url))
    dispatcher.run("UPDATE replays SET due_at = now() - interval '1 hour' WHERE tenant_id = %s", many.tenant_id)
    order = order_of_steps(dispatcher, monkeypatch)
    step(dispatcher, due=False)
    assert order[:4] == [many.tenant_id, few.tenant_id] * 2
    assert order.count(many.tenant_id) >= 5


def order_of_steps(dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The organisations of the steps that will be made, in their order."""
    order: list[str] = []
    made = steps.step

    def noted(conn: Connection, replay_id: str) -> int:
        order.extend(
            row["tenant_id"] for row in dispatcher.rows("SELECT tenant_id FROM replays WHERE id = %s", replay_id)
        )
        return made(conn, replay_id)

    monkeypatch.setattr(steps, "step", noted)
    return order


def test_an_organisation_has_its_turn_though_each_run_has_time_for_one_step(
    http: httpx2.Client, dispatcher: Dispatcher, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each run began a new round, with the oldest rows of the same organisation."""
    many, few = Partner(http), Partner(http)
    for one in (many, few):
        dispatcher.change_app(one)
        start(one, one.subscribe(receiver.url))
    for _ in range(4):
        start(many, many.subscribe(receiver.url))
    dispatcher.run("UPDATE replays SET due_at = '2001-01-01' WHERE tenant_id = %s", many.tenant_id)
    order = order_of_steps(dispatcher, monkeypatch)
    rounds = steps.Rounds()
    for _ in range(2):
        with task_transaction(dispatcher.pool) as conn:
            rounds.go_on(conn, 0)
    assert order == [many.tenant_id, few.tenant_id]


def test_the_count_before_a_replay_locks_no_webhook(
    partner: Partner, dispatcher: Dispatcher, webhook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may take two seconds. The one who records results for all organisations, and fan-out, lock the webhook too and would wait."""
    count, locked = endpoints._count, list[object]()

    async def counted(*given: Any) -> tuple[int, bool]:
        found = await count(*given)
        with psycopg.connect(dispatcher.database.worker) as conn:
            statement = "SELECT id FROM subscriptions WHERE id = %s FOR NO KEY UPDATE NOWAIT"
            locked.append(conn.execute(statement, (webhook.rsplit("/", 1)[-1],)).fetchone())
        return found

    monkeypatch.setattr(endpoints, "_count", counted)
    start(partner, webhook)
    assert locked == [(webhook.rsplit("/", 1)[-1],)]


def test_a_stopped_webhook_starts_no_replay_but_counts(partner: Partner, webhook: str) -> None:
    partner.put(webhook, {"enabled": False})
    assert partner.post(f"{webhook}/replays", {}).status_code == 409
    assert partner.post(f"{webhook}/replays?dry_run=true", {}).status_code == 200


@pytest.mark.parametrize(
    ("draft", "pointers"),
    [
        ({"status": "queued", "response": "6xx", "per_second": 0}, {"/status", "/response", "/per_second"}),
        ({"per_second": 101, "trace_id": "x", "key": ""}, {"/per_second", "/trace_id", "/key"}),
        ({"since": "yesterday", "until": "2026-01-01T00:00:00"}, {"/since", "/until"}),
        (
            {"event_type": "incident.updatet", "since": "2026-02-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"},
            {"/event_type", "/until"},
        ),
        ({"since": "9000-01-01T00:00:00Z", "event_type": "*"}, {"/since", "/event_type"}),
        ({"webhook": "wh_1"}, {"/webhook"}),
    ],
)
def test_all_faults_of_a_replay_are_named_at_once(
    partner: Partner, webhook: str, draft: dict[str, Any], pointers: set[str]
) -> None:
    for query in ("", "?dry_run=true"):
        refused = partner.post(f"{webhook}/replays{query}", draft)
        assert refused.status_code == 422, refused.text
        assert {one["pointer"] for one in refused.json()["errors"]} == pointers


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{", b'{"per_second": 1e9}', b'{"since": "0000-01-01T00:00:00Z"}']
)
def test_a_hostile_body_of_a_replay_is_refused(partner: Partner, webhook: str, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    assert partner.call("POST", f"{webhook}/replays", content=body, headers=headers).status_code in (400, 422)


def test_times_at_the_ends_of_all_times_are_counted(partner: Partner, webhook: str) -> None:
    for draft in (
        {"since": "0001-01-01T00:00:00Z", "until": "9999-12-31T23:59:59Z"},
        {"until": "0001-01-01T00:00:01Z"},
        {"since": "1969-12-31T23:59:59Z", "until": "1970-01-01T00:00:00Z"},
    ):
        counted = partner.post(f"{webhook}/replays?dry_run=true", draft)
        assert (counted.status_code, counted.json()["matching"]) == (200, 0)


def test_another_app_and_another_organisation_find_no_replay(
    http: httpx2.Client, partner: Partner, webhook: str
) -> None:
    replay = start(partner, webhook)
    strangers = [
        Partner(http, partner.tenant_id),
        Partner(http),
        Partner(http, "", "webhooks:write", "platform:apps"),
    ]
    for stranger in strangers:
        assert stranger.post(f"{webhook}/replays", {}).status_code == 404
        assert stranger.post(f"{webhook}/replays?dry_run=true", {}).status_code == 404
        assert stranger.get(f"{webhook}/replays").status_code == 404
        assert stranger.get(replay).status_code == 404
        for act in ("stop", "resume"):
            assert stranger.post(f"{replay}/{act}").status_code == 404
    own = strangers[1].subscribe("https://integrator.example/")
    assert strangers[1].get(f"{own}/replays/{replay.rpartition('/')[2]}").status_code == 404
    assert partner.get(replay).json()["state"] == "running"


def test_a_reader_follows_and_an_administrator_turns_a_replay_of_every_app(
    http: httpx2.Client, partner: Partner, webhook: str
) -> None:
    replay = start(partner, webhook)
    reader = Partner(http, partner.tenant_id, "webhooks:read", client_id=partner.client_id)
    assert reader.get(replay).status_code == 200
    for path in (f"{replay}/stop", f"{replay}/resume", f"{webhook}/replays"):
        assert reader.post(path, {}).status_code == 403
    administrator = Partner(http, partner.tenant_id, "webhooks:write", "platform:apps")
    assert administrator.post(f"{replay}/stop").json()["state"] == "stopped"
    start(administrator, webhook)


def test_a_replay_is_made_once_for_one_key_and_is_in_the_trail(
    partner: Partner, dispatcher: Dispatcher, webhook: str
) -> None:
    headers = {"idempotency-key": ids.new_id("key")}
    made = [partner.call("POST", f"{webhook}/replays", json={"status": "failed"}, headers=headers) for _ in range(2)]
    assert made[0].json() == made[1].json()
    replay = made[0].headers["location"]
    partner.post(f"{replay}/stop")
    partner.post(f"{replay}/resume")
    trail = dispatcher.rows(
        "SELECT action, detail FROM audit WHERE tenant_id = %s AND action LIKE 'replay.%%' ORDER BY at",
        partner.tenant_id,
    )
    assert [one["action"] for one in trail] == ["replay.started", "replay.stopped", "replay.resumed"]
    assert trail[0]["detail"]["status"] == "failed"
    assert {one["detail"]["replay"] for one in trail} == {replay.rpartition("/")[2]}


def test_a_kill_in_the_middle_of_a_step_sends_nothing_and_the_next_step_does_it_again(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, webhook: str
) -> None:
    """The place, the queue and the count of a step are one transaction: a process that dies in it leaves none of them."""
    sent = delivered(dispatcher, partner, receiver, webhook, *["incident.updated"] * 4)
    replay = start(partner, webhook, per_second=2)
    assert step(dispatcher) == 2
    dispatcher.pump_until(lambda: len(receiver.requests) == 2)
    dispatcher.run("UPDATE replays SET due_at = now() - interval '1 second' WHERE id = %s", replay[-30:])
    command = [sys.executable, "-c", CHILD, dispatcher.database.worker]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        assert child.stdout is not None
        backend, sent_by_it = child.stdout.readline().split()
        child.kill()
    assert sent_by_it == "2"
    gone = "SELECT 1 FROM pg_stat_activity WHERE pid = %s"
    wait_for(lambda: not dispatcher.rows(gone, int(backend)))
    assert dispatcher.rows("SELECT 1 FROM queue WHERE tenant_id = %s", partner.tenant_id) == []
    play(dispatcher, partner, receiver, replay)
    assert sorted(receiver.ids()) == sorted(sent)
    assert partner.get(replay).json()["delivered"] == 4


def test_a_delivery_in_flight_when_its_sender_is_killed_goes_out_once_more_and_counts_once(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, webhook: str
) -> None:
    delivered(dispatcher, partner, receiver, webhook, *["incident.updated"] * 2)
    healthy(dispatcher, partner)
    replay = start(partner, webhook)
    assert step(dispatcher) == 2
    with psycopg.connect(dispatcher.database.worker) as conn:
        assert len([row for row in conn.execute(sending_queries.CLAIM, CLAIM_ALL).fetchall() if row[2]]) == 2
    assert step(dispatcher) == 0
    assert partner.get(replay).json()["waiting"] == 2
    dispatcher.run("UPDATE queue SET due_at = now() WHERE tenant_id = %s", partner.tenant_id)
    dispatcher.pump_until(lambda: len(receiver.requests) == 2)
    step(dispatcher)
    assert partner.get(replay).json()["delivered"] == 2


def test_a_deleted_webhook_ends_its_replays(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, webhook: str
) -> None:
    delivered(dispatcher, partner, receiver, webhook, *["incident.updated"] * 2)
    start(partner, webhook)
    assert step(dispatcher) == 2
    assert partner.call("DELETE", webhook).status_code == 204
    other = partner.subscribe(receiver.url)
    start(partner, other)
    dispatcher.run("DELETE FROM subscriptions WHERE id = %s", other.rpartition("/")[2])
    assert step(dispatcher) == 0
    for table in ("replays", "replayed"):
        assert dispatcher.rows(f"SELECT 1 FROM {table} WHERE tenant_id = %s", partner.tenant_id) == []


def test_a_replay_that_cannot_be_worked_on_is_put_off_and_others_go_on(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, webhook: str
) -> None:
    delivered(dispatcher, partner, receiver, webhook, *["incident.updated"] * 2)
    broken = start(partner, partner.subscribe(receiver.url))
    dispatcher.run("UPDATE replays SET filter = '[]', due_at = now() - interval '1 hour' WHERE id = %s", broken[-30:])
    whole = start(partner, webhook)
    assert step(dispatcher, due=False) == 2
    [row] = dispatcher.rows("SELECT failures, due_at > now() AS later FROM replays WHERE id = %s", broken[-30:])
    assert row == {"failures": 1, "later": True}
    assert partner.get(whole).json()["waiting"] == 2


def test_replays_that_ended_long_ago_are_forgotten_and_a_webhook_keeps_its_newest(
    partner: Partner, dispatcher: Dispatcher, webhook: str
) -> None:
    long_ago = "rpl_" + "0" * 26
    copy = (
        "INSERT INTO replays SELECT (jsonb_populate_record(r, jsonb_build_object('id', %s::text, 'state', 'finished',"
        " 'due_at', NULL))).* FROM replays r WHERE id = %s"
    )
    first = start(partner, webhook)
    partner.post(f"{first}/stop")
    dispatcher.run(copy, long_ago, first[-30:])
    with task_transaction(dispatcher.pool) as conn:
        steps.forget(conn)
    kept = dispatcher.rows("SELECT id FROM replays WHERE tenant_id = %s", partner.tenant_id)
    assert [row["id"] for row in kept] == [first[-30:]]
    for _ in range(104):
        dispatcher.run(copy, ids.new_id("rpl"), first[-30:])
    newest = start(partner, webhook)
    listed = partner.get(f"{webhook}/replays", params={"limit": 100}).json()
    assert (len(listed["replays"]), listed["replays"][0]["id"]) == (100, newest[-30:])


@pytest.fixture
def piled(partner: Partner, dispatcher: Dispatcher) -> Iterator[str]:
    """A webhook with 30,000 deliveries that were given up, beside another with as many."""
    webhooks = [partner.subscribe("https://integrator.example/") for _ in range(2)]
    dispatcher.publish(partner.tenant_id, "incident.updated")
    newest = ids.new_id("dlv")
    made = {"tenant": partner.tenant_id, "time": newest[4:14], "at": time_of(newest), "number": 30_000}
    for number, webhook in enumerate(webhooks):
        first = number * 1_000_000
        dispatcher.owner.execute(PILE, made | {"webhook": webhook.rpartition("/")[2], "first": first})
    dispatcher.run("VACUUM ANALYZE deliveries, queue, events")
    yield webhooks[0]
    dispatcher.run("DELETE FROM deliveries WHERE tenant_id = %s", partner.tenant_id)


def test_more_than_ten_thousand_are_not_counted(partner: Partner, piled: str) -> None:
    counted = partner.post(f"{piled}/replays?dry_run=true", {"status": "failed"}).json()
    assert (counted["matching"], counted["more"]) == (10_000, True)
    replay = partner.get(start(partner, piled)).json()
    assert (replay["matching"], replay["more"], replay["expected_end_at"]) == (10_000, True, None)


def test_the_statements_of_a_replay_read_a_portion_however_many_deliveries_there_are(
    partner: Partner, dispatcher: Dispatcher, piled: str
) -> None:
    replay = start(partner, piled)
    subscription_id = piled.rpartition("/")[2]
    key = {"replay_id": replay[-30:], "subscription_id": subscription_id}
    since = datetime.now(UTC) - timedelta(days=32)
    chosen: dict[str, Any] = dict.fromkeys(("status", "response", "event_type", "event_id", "key", "trace_id"))
    chosen |= key | {
        "place": "dlv_0",
        "place_at": since,
        "newest": "8",
        "newest_at": datetime.now(UTC) + timedelta(hours=1),
    }
    chosen |= {"looked": 1000, "room": 10, "approved": ["incident.*"], "sent_once": 1000}
    with psycopg.connect(dispatcher.database.worker) as conn:
        conn.execute(IN_ORDER)
        read = {
            f"send {kind}": pages_read(conn, statement, chosen | {"response": "none" if kind[1] else None})
            for kind, statement in queries.SEND.items()
        }
        conn.rollback()
        for name, statement in {"next": queries.NEXT, "settle": queries.SETTLE, "measure": queries.MEASURE}.items():
            read[name] = pages_read(conn, statement, key | {"served": []})
    with psycopg.connect(dispatcher.database.app) as conn:
        conn.execute(SET_TENANT, (partner.tenant_id,))
        conn.execute(IN_ORDER)
        for kind, statement in queries.COUNT.items():
            read[f"count {kind}"] = pages_read(conn, statement, chosen)
    # A thousand rows of one webhook, each with its answer where that is asked for; never those of the other 59,000.
    assert max(read.values()) < 9000, read
    assert max(pages for name, pages in read.items() if "True)" not in name) < 2500, read
