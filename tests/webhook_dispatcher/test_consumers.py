"""Named readers: at least once, in order, nothing skipped; leases, waits, bounds and retention."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx2
import psycopg
import pytest

from services.webhook_dispatcher import metrics
from services.webhook_dispatcher.app import create_app
from services.webhook_dispatcher.places import LIMITS
from services.webhook_dispatcher.reading import takes
from services.webhook_dispatcher.settings import Settings
from services.webhook_dispatcher.tasks import measure_consumers
from shared.messaging.messages import Event
from shared.primitives import ids
from shared.storage import partitions
from shared.storage.database import task_transaction
from shared.web import serving
from shared.web.identity import HEADER, mint
from shared.web.revocations import Feed, Watermark
from tests.support import alone
from tests.support.messages import received
from tests.support.waiting import wait_for
from tests.webhook_dispatcher.conftest import Dispatcher, Partner, event

CONSUMERS = "/v1/consumers"
WAITING_FOR_A_LOCK = """
    SELECT 1 FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE NOT l.granted AND a.datname = current_database() LIMIT 1
"""


def consumer(partner: Partner, name: str = "inbox", **fields: Any) -> str:
    """The path of a new consumer."""
    answer = partner.post(CONSUMERS, {"name": name} | fields)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"{CONSUMERS}/{name}"
    return f"{CONSUMERS}/{name}"


def read(partner: Partner, path: str, **asked: Any) -> dict[str, Any]:
    answer = partner.post(f"{path}/read", asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def commit(partner: Partner, path: str, cursor: str) -> dict[str, Any]:
    answer = partner.post(f"{path}/commit", {"cursor": cursor})
    assert answer.status_code == 200, answer.text
    return answer.json()


def names(reading: dict[str, Any]) -> list[str]:
    return [one["id"] for one in reading["events"]]


def end_lease(dispatcher: Dispatcher, partner: Partner) -> None:
    dispatcher.run("UPDATE consumers SET leased_until = now() WHERE tenant_id = %s", partner.tenant_id)


def drained(partner: Partner, path: str, **asked: Any) -> list[str]:
    found: list[str] = []
    while (reading := read(partner, path, **asked))["events"]:
        found += names(reading)
        commit(partner, path, reading["cursor"])
    return found


def test_a_consumer_reads_on_after_each_commit(partner: Partner, dispatcher: Dispatcher) -> None:
    path = consumer(partner)
    published = [dispatcher.publish(partner.tenant_id, "incident.updated")[0] for _ in range(5)]
    first = read(partner, path, limit=2)
    assert (names(first), first["more"]) == (published[:2], True)
    assert first["cursor"] == first["events"][-1]["cursor"]
    assert commit(partner, path, first["cursor"]) == {"moved": True, "leased_until": None}
    assert drained(partner, path, limit=2) == published[2:]
    assert read(partner, path) == {"events": [], "cursor": None, "leased_until": None, "more": False}


def test_what_is_not_committed_is_handed_out_again(partner: Partner, dispatcher: Dispatcher) -> None:
    path = consumer(partner)
    published = [dispatcher.publish(partner.tenant_id, "incident.updated")[0] for _ in range(3)]
    first = read(partner, path)
    commit(partner, path, first["events"][0]["cursor"])
    end_lease(dispatcher, partner)
    assert names(read(partner, path)) == published[1:]


def test_a_second_reader_waits_for_the_lease_of_the_first(partner: Partner, dispatcher: Dispatcher) -> None:
    path = consumer(partner)
    published = [dispatcher.publish(partner.tenant_id, "incident.updated")[0] for _ in range(4)]
    first = read(partner, path, limit=2, lease_seconds=30)
    refused = partner.post(f"{path}/read", {})
    assert (refused.status_code, refused.json()["type"].rpartition("#")[2]) == (409, "consumer-in-use")
    assert (int(refused.headers["retry-after"]), refused.json()["leased_until"]) == (5, first["leased_until"])
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(read, partner, path, wait=15)
        wait_for(lambda: metrics.readers_waiting._value.get() > 0)
        commit(partner, path, first["cursor"])
        assert names(waiting.result()) == published[2:]


def test_a_reader_whose_answer_was_lost_gets_its_events_again_at_once(partner: Partner, dispatcher: Dispatcher) -> None:
    path = consumer(partner)
    published = [dispatcher.publish(partner.tenant_id, "incident.updated")[0] for _ in range(3)]
    lost = read(partner, path, limit=2, reader="desk-1", lease_seconds=900)
    for other in ({}, {"reader": "desk-2"}):
        refused = partner.post(f"{path}/read", other)
        assert (refused.status_code, refused.json()["type"].rpartition("#")[2]) == (409, "consumer-in-use")
    again = read(partner, path, reader="desk-1", wait=20)
    assert names(again) == published
    late = partner.post(f"{path}/commit", {"cursor": lost["cursor"]})
    assert (late.status_code, late.json()["type"].rpartition("#")[2]) == (409, "lease-lost")
    assert commit(partner, path, again["cursor"])["moved"]


def test_a_reader_that_waits_takes_over_the_lease_of_its_own_lost_read(
    partner: Partner, dispatcher: Dispatcher
) -> None:
    path = consumer(partner)
    with ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(read, partner, path, wait=20, reader="desk-1", lease_seconds=900) for _ in range(2)]
        wait_for(lambda: metrics.readers_waiting._value.get() == 2)
        published = dispatcher.publish(partner.tenant_id, "incident.updated")
        assert [names(one.result()) for one in waiting] == [published] * 2


def test_a_lease_without_a_readers_name_is_nobodys_own(partner: Partner, dispatcher: Dispatcher) -> None:
    path = consumer(partner)
    dispatcher.publish(partner.tenant_id, "incident.updated")
    read(partner, path, reader="desk-1")
    end_lease(dispatcher, partner)
    read(partner, path)
    assert partner.post(f"{path}/read", {"reader": "desk-1"}).status_code == 409, (
        "the former lease of that name is over"
    )


def test_a_reader_of_a_quiet_organisation_looks_less_often(
    partner: Partner, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(seconds)

    monkeypatch.setattr(takes, "asyncio", SimpleNamespace(sleep=sleep))
    path = consumer(partner)
    read(partner, path, wait=4)
    quiet = len(pauses)
    assert quiet <= 6, pauses
    dispatcher.publish(partner.tenant_id, "incident.updated")
    commit(partner, path, read(partner, path)["cursor"])
    read(partner, path, wait=4)
    assert len(pauses) - quiet > quiet, "it waits for the next of many events"


def test_a_commit_after_the_lease_went_to_another_reader_fails(partner: Partner, dispatcher: Dispatcher) -> None:
    path = consumer(partner)
    published = [dispatcher.publish(partner.tenant_id, "incident.updated")[0] for _ in range(2)]
    first = read(partner, path)
    end_lease(dispatcher, partner)
    second = read(partner, path)
    assert names(second) == published
    for call in ("commit", "extend"):
        late = partner.post(f"{path}/{call}", {"cursor": first["cursor"]})
        assert (late.status_code, late.json()["type"].rpartition("#")[2]) == (409, "lease-lost")
    assert commit(partner, path, second["cursor"])["moved"]
    assert commit(partner, path, first["cursor"]) == {"moved": False, "leased_until": None}, "it is committed already"


def test_a_late_commit_counts_while_nobody_else_has_the_events(partner: Partner, dispatcher: Dispatcher) -> None:
    path = consumer(partner)
    dispatcher.publish(partner.tenant_id, "incident.updated")
    first = read(partner, path)
    end_lease(dispatcher, partner)
    assert commit(partner, path, first["cursor"])["moved"]


def test_a_commit_is_idempotent_and_never_goes_back(partner: Partner, dispatcher: Dispatcher) -> None:
    path = consumer(partner)
    published = [dispatcher.publish(partner.tenant_id, "incident.updated")[0] for _ in range(4)]
    cursors = [one["cursor"] for one in read(partner, path)["events"]]
    assert commit(partner, path, cursors[2])["moved"]
    for earlier in (cursors[2], cursors[0], cursors[1]):
        assert not commit(partner, path, earlier)["moved"]
    end_lease(dispatcher, partner)
    assert names(read(partner, path)) == published[3:]


def test_a_lease_is_extended_or_given_back(partner: Partner, dispatcher: Dispatcher) -> None:
    path = consumer(partner)
    published = dispatcher.publish(partner.tenant_id, "incident.updated")
    first = read(partner, path, lease_seconds=5)
    extended = partner.post(f"{path}/extend", {"cursor": first["cursor"], "lease_seconds": 600}).json()
    assert extended["leased_until"] > first["leased_until"]
    assert partner.post(f"{path}/read").status_code == 409
    partner.post(f"{path}/extend", {"cursor": first["cursor"], "lease_seconds": 0})
    assert names(read(partner, path)) == published


def test_a_part_of_a_read_keeps_the_lease_for_the_rest(partner: Partner, dispatcher: Dispatcher) -> None:
    path = consumer(partner)
    for _ in range(2):
        dispatcher.publish(partner.tenant_id, "incident.updated")
    first = read(partner, path, lease_seconds=20)
    dispatcher.run("UPDATE consumers SET leased_until = now() + interval '1 s' WHERE tenant_id = %s", partner.tenant_id)
    assert commit(partner, path, first["events"][0]["cursor"])["leased_until"] is not None
    refused = partner.post(f"{path}/read")
    assert refused.status_code == 409
    assert int(refused.headers["retry-after"]) == 5, "the commit extended it"


def test_a_read_waits_for_an_event_without_a_database_connection(
    http: httpx2.Client, partner: Partner, dispatcher: Dispatcher
) -> None:
    path = consumer(partner)
    colleagues = [consumer(partner, f"inbox-{number}") for number in range(6)]
    with ThreadPoolExecutor(8) as threads:
        waiting = [threads.submit(read, partner, one, wait=20) for one in (path, *colleagues)]
        wait_for(lambda: metrics.readers_waiting._value.get() == 7)
        assert partner.get(path).status_code == 200, "six would be the share of an organisation"
        [event_id] = dispatcher.publish(partner.tenant_id, "incident.updated")
        assert [names(one.result()) for one in waiting] == [[event_id]] * 7


def test_a_read_that_nothing_ends_is_empty_after_its_wait(partner: Partner) -> None:
    began = time.monotonic()
    assert read(partner, consumer(partner), wait=1)["events"] == []
    assert time.monotonic() - began >= 1


def test_a_read_for_which_nothing_comes_looks_less_and_less_often(
    partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixty such reads cost more than everything else on an idle platform."""
    looks = 0

    def admitted(request: Any) -> None:
        nonlocal looks
        looks += 1

    monkeypatch.setattr(takes.identity, "require_admitted", admitted)
    assert read(partner, consumer(partner), wait=4)["events"] == []
    assert looks <= 9, "it would be 16"


def test_a_read_is_not_woken_by_events_of_others(http: httpx2.Client, partner: Partner, dispatcher: Dispatcher) -> None:
    path = consumer(partner, event_types=["incident.closed"])
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(read, partner, path, wait=20)
        wait_for(lambda: metrics.readers_waiting._value.get() == 1)
        for _ in range(5):
            dispatcher.publish(partner.tenant_id, "incident.updated")
            dispatcher.publish(Partner(http).tenant_id, "incident.closed")
        head = dispatcher.rows("SELECT position FROM event_log_heads WHERE tenant_id = %s", partner.tenant_id)
        passed = "SELECT position FROM consumers WHERE tenant_id = %s"
        wait_for(lambda: dispatcher.rows(passed, partner.tenant_id) == head)
        assert not waiting.done()
        [event_id] = dispatcher.publish(partner.tenant_id, "incident.closed")
        assert names(waiting.result()) == [event_id]


def test_reads_that_wait_are_bounded_for_an_app_and_a_process(
    http: httpx2.Client, partner: Partner, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LIMITS, "reads", LIMITS["reads"]._replace(most=5, of_app=2))
    mine, colleague, stranger = partner, Partner(http, partner.tenant_id), Partner(http)
    paths = {app: consumer(app) for app in (mine, colleague, stranger)}
    with ThreadPoolExecutor(8) as threads:
        held = [threads.submit(read, mine, paths[mine], wait=20) for _ in range(2)]
        wait_for(lambda: metrics.readers_waiting._value.get() == 2)
        of_app = mine.post(f"{paths[mine]}/read", {"wait": 20})
        assert (of_app.status_code, "at most 2 reads" in of_app.json()["detail"]) == (429, True)
        assert mine.post(f"{paths[mine]}/read", {}).status_code == 200
        held.append(threads.submit(read, colleague, paths[colleague], wait=20))
        wait_for(lambda: metrics.readers_waiting._value.get() == 3)
        assert colleague.post(f"{paths[colleague]}/read", {"wait": 20}).status_code == 429, "of the organisation"
        held.append(threads.submit(read, stranger, paths[stranger], wait=20))
        wait_for(lambda: metrics.readers_waiting._value.get() == 4)
        for app in (mine, stranger):
            dispatcher.publish(app.tenant_id, "incident.updated", "incident.updated")
        # Of the two on one name one gets the events, and the other waits for the lease.
        wait_for(lambda: sum(one.done() for one in held) == 3)
        taken = next(one for one in held[:2] if one.done()).result()
        commit(mine, paths[mine], taken["cursor"])
        dispatcher.publish(mine.tenant_id, "incident.updated")
        assert all(one.result()["events"] for one in held)


def test_a_reader_that_leaves_holds_neither_a_place_nor_a_lease(
    http: httpx2.Client, partner: Partner, dispatcher: Dispatcher
) -> None:
    path = consumer(partner)
    with pytest.raises(httpx2.TimeoutException):
        partner.call("POST", f"{path}/read", json={"wait": 20}, timeout=1)
    wait_for(lambda: metrics.readers_waiting._value.get() == 0)
    published = dispatcher.publish(partner.tenant_id, "incident.updated")
    assert names(read(partner, path)) == published


def test_a_process_that_stops_answers_the_reads_that_wait(settings: Settings, dispatcher: Dispatcher) -> None:
    others = set(serving.LEAVING)
    with alone.client_of(create_app(settings)) as http, ThreadPoolExecutor(1) as threads:
        partner = Partner(http)
        waiting = threads.submit(read, partner, consumer(partner), wait=20)
        wait_for(lambda: metrics.readers_waiting._value.get() == 1)
        for leave in set(serving.LEAVING) - others:
            leave()
        assert waiting.result()["events"] == []
    assert set(serving.LEAVING) == others


def test_a_token_that_is_revoked_gets_nothing_from_a_read_that_waits(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    feeds: list[Feed] = []

    def kept(*arguments: Any) -> Feed:
        feeds.append(Feed(*arguments))
        return feeds[-1]

    monkeypatch.setattr("services.webhook_dispatcher.app.Feed", kept)
    with alone.client_of(create_app(settings)) as http, ThreadPoolExecutor(1) as threads:
        partner = Partner(http)
        path = consumer(partner)
        header = mint(partner.caller, alone.KEY, partner.service, made_ms=1000)
        waiting = threads.submit(partner.post, f"{path}/read", {"wait": 20}, **{HEADER: header})
        wait_for(lambda: metrics.readers_waiting._value.get() == 1)
        expires_at = int(time.time()) + 3600
        revoked = Watermark("client", partner.client_id, 2000, expires_at, partner.tenant_id, partner.client_id)
        feeds[0].marks.add([revoked])
        assert waiting.result().status_code == 401


def test_a_reader_never_passes_an_event_whose_transaction_is_open(partner: Partner, dispatcher: Dispatcher) -> None:
    """A later event would be visible first, and a reader that commits it would skip the earlier one for good."""
    path = consumer(partner)
    early, late = event("incident.created"), event("incident.closed")
    finish, stored = threading.Event(), threading.Event()

    def slow() -> None:
        with task_transaction(dispatcher.pool) as conn:
            dispatcher.intake.fan_out(conn, [received(partner.tenant_id, early)])
            stored.set()
            finish.wait(10)

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(slow)
        assert stored.wait(10)
        second = threads.submit(dispatcher.fan_out, [(partner.tenant_id, late)])
        wait_for(lambda: dispatcher.rows(WAITING_FOR_A_LOCK))
        assert read(partner, path)["events"] == []
        finish.set()
        first.result()
        second.result()
    assert drained(partner, path) == [early.event_id, late.event_id]


def test_events_added_by_many_workers_at_once_are_read_once_each_in_the_order_of_their_keys(
    partner: Partner, dispatcher: Dispatcher
) -> None:
    path = consumer(partner)
    keys = [ids.new_id("inc") for _ in range(5)]
    sent: dict[str, list[str]] = {key: [] for key in keys}

    def publish(key: str) -> None:
        for _ in range(15):
            sent[key] += dispatcher.publish(partner.tenant_id, "incident.updated", incident_id=key)

    got: list[dict[str, Any]] = []
    with ThreadPoolExecutor(4) as threads:
        publishing = [threads.submit(publish, key) for key in keys]
        while not (all(one.done() for one in publishing) and len(got) == 75):
            reading = read(partner, path, limit=7, wait=5)
            got += reading["events"]
            if reading["cursor"]:
                commit(partner, path, reading["cursor"])
    for key in keys:
        assert [one["id"] for one in got if one["key"] == key] == sent[key]


def test_a_consumer_begins_at_the_end_the_beginning_or_a_time(partner: Partner, dispatcher: Dispatcher) -> None:
    published = [dispatcher.publish(partner.tenant_id, "incident.updated")[0] for _ in range(3)]
    accepted = [one["accepted_at"] for one in partner.get("/v1/events?order=oldest").json()["events"]]
    assert drained(partner, consumer(partner, "beginning", start="beginning")) == published
    assert drained(partner, consumer(partner, "time", since=accepted[1])) == published[1:]
    future = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    paths = [consumer(partner, "end"), consumer(partner, "future", since=future)]
    assert [drained(partner, path) for path in paths] == [[], []]
    later = dispatcher.publish(partner.tenant_id, "incident.updated")
    assert [drained(partner, path) for path in paths] == [later, later]


def test_a_seek_moves_both_ways_and_ends_a_lease(partner: Partner, dispatcher: Dispatcher) -> None:
    path = consumer(partner)
    published = [dispatcher.publish(partner.tenant_id, "incident.updated")[0] for _ in range(4)]
    first = read(partner, path)
    commit(partner, path, first["events"][1]["cursor"])
    cursor = first["events"][0]["cursor"]
    assert partner.post(f"{path}/seek", {"cursor": cursor}).status_code == 200
    lost = partner.post(f"{path}/commit", {"cursor": first["cursor"]})
    assert (lost.status_code, lost.json()["title"]) == (409, "Lease lost")
    assert drained(partner, path) == published[1:]
    assert partner.post(f"{path}/seek", {"to": "beginning"}).status_code == 200
    assert drained(partner, path) == published
    partner.post(f"{path}/seek", {"since": first["events"][2]["accepted_at"]})
    assert drained(partner, path) == published[2:]
    partner.post(f"{path}/seek", {"to": "beginning"})
    partner.post(f"{path}/seek", {"to": "end"})
    assert drained(partner, path) == []


def test_a_consumer_of_an_organisation_without_events_starts_with_its_first(
    partner: Partner, dispatcher: Dispatcher
) -> None:
    path = consumer(partner)
    assert partner.get(path).json()["committed_until"] is None
    published = dispatcher.publish(partner.tenant_id, "incident.updated", "incident.closed")
    assert partner.get(path).json()["unread"]["number"] == 2
    assert drained(partner, path) == published


def test_a_consumer_shows_what_waits_for_it(partner: Partner, dispatcher: Dispatcher) -> None:
    path = consumer(partner, event_types=["incident.updated"])
    dispatcher.publish(partner.tenant_id, "incident.updated", "incident.closed", "incident.updated")
    shown = partner.get(path).json()
    assert (shown["name"], shown["client_id"], shown["event_types"]) == (
        "inbox",
        partner.client_id,
        ["incident.updated"],
    )
    assert (shown["unread"]["number"], shown["unread"]["more"]) == (2, False)
    assert shown["unread"]["oldest_at"] is not None
    drained(partner, path)
    shown = partner.get(path).json()
    assert shown["unread"] == {"number": 0, "more": False, "oldest_at": None}
    assert "expired" not in shown
    assert all(shown[moment] is not None for moment in ("read_at", "committed_at"))


def test_a_withdrawn_approval_ends_what_a_consumer_gets(partner: Partner, dispatcher: Dispatcher) -> None:
    dispatcher.approve(partner, "incident.*", "device.*")
    path = consumer(partner, event_types=["incident.updated", "device.enrolled"])
    _, device = dispatcher.publish(partner.tenant_id, "incident.updated", "device.enrolled")
    dispatcher.approve(partner, "device.*", version=2)
    assert partner.get(path).json()["unapproved_events"] == ["incident.updated"]
    assert drained(partner, path) == [device]


def test_the_consumers_of_a_deleted_app_are_deleted(partner: Partner, dispatcher: Dispatcher) -> None:
    path = consumer(partner)
    dispatcher.change_app(partner, status="deleted")
    assert dispatcher.rows("SELECT 1 FROM consumers WHERE tenant_id = %s", partner.tenant_id) == []
    assert partner.post(f"{path}/read").status_code == 403


def test_a_consumer_made_again_takes_no_commit_of_the_former(partner: Partner, dispatcher: Dispatcher) -> None:
    path = consumer(partner)
    dispatcher.publish(partner.tenant_id, "incident.updated")
    first = read(partner, path)
    assert partner.call("DELETE", path).status_code == 204
    consumer(partner, start="beginning")
    published = names(read(partner, path))
    assert partner.post(f"{path}/commit", {"cursor": first["cursor"]}).status_code == 409
    end_lease(dispatcher, partner)
    assert names(read(partner, path)) == published


def test_a_consumer_that_retention_has_overtaken_is_refused_until_it_seeks(
    partner: Partner, dispatcher: Dispatcher
) -> None:
    """Nothing is skipped without a word."""
    path, unread = consumer(partner), consumer(partner, "unread")
    lost = dispatcher.publish(partner.tenant_id, "incident.updated")
    kept = dispatcher.publish(partner.tenant_id, "incident.updated")
    first = read(partner, path)
    commit(partner, path, first["events"][0]["cursor"])
    end_lease(dispatcher, partner)
    dispatcher.run("DELETE FROM event_log WHERE tenant_id = %s AND event_id = %s", partner.tenant_id, lost[0])
    dispatcher.run("UPDATE consumers SET at = now() - interval '40 days' WHERE tenant_id = %s", partner.tenant_id)
    assert names(read(partner, path)) == kept, "it had read all that is gone"
    refused = partner.post(f"{unread}/read", {"wait": 20})
    assert (refused.status_code, refused.json()["type"].rpartition("#")[2]) == (410, "events-expired")
    assert partner.get(unread).json()["expired"] is True
    partner.post(f"{unread}/seek", {"to": "beginning"})
    assert drained(partner, unread) == kept


def test_a_consumer_that_reads_is_not_overtaken_when_nothing_is_for_it(
    partner: Partner, dispatcher: Dispatcher
) -> None:
    path = consumer(partner, event_types=["incident.closed"])
    dispatcher.publish(partner.tenant_id, "incident.updated")
    assert read(partner, path)["events"] == []
    [row] = dispatcher.rows("SELECT position FROM consumers WHERE tenant_id = %s", partner.tenant_id)
    assert row["position"] == 1


def test_the_log_is_dropped_by_its_days(dispatcher: Dispatcher) -> None:
    day = datetime.now(UTC).date() - timedelta(days=90)
    dispatcher.run("SELECT ensure_partition('event_log', %s)", day)
    with psycopg.connect(dispatcher.database.worker) as conn:
        assert partitions.is_behind(conn, "event_log", 30)
        partitions.drop_older(conn, "event_log", 30)
        assert not partitions.is_behind(conn, "event_log", 30)


def test_consumers_are_bounded_for_an_app(http: httpx2.Client, partner: Partner) -> None:
    for number in range(20):
        consumer(partner, f"inbox-{number}")
    full = partner.post(CONSUMERS, {"name": "one-more"})
    assert (full.status_code, full.json()["resource"], full.json()["limit"]) == (409, "consumers", 20)
    assert consumer(Partner(http, partner.tenant_id), "one-more")


def test_a_name_is_used_once_by_an_app_and_again_by_others(http: httpx2.Client, partner: Partner) -> None:
    consumer(partner)
    assert partner.post(CONSUMERS, {"name": "inbox"}).status_code == 409
    consumer(Partner(http, partner.tenant_id))
    consumer(Partner(http))


def test_creation_repeats_its_answer(partner: Partner) -> None:
    key = {"idempotency_key": ids.new_id("key")}
    first, second = (partner.post(CONSUMERS, {"name": "inbox"}, **key) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()


def test_another_app_and_another_tenant_find_no_consumer(
    http: httpx2.Client, partner: Partner, dispatcher: Dispatcher
) -> None:
    path = consumer(partner)
    dispatcher.publish(partner.tenant_id, "incident.updated")
    cursor = read(partner, path)["cursor"]
    for other in (Partner(http, partner.tenant_id), Partner(http)):
        assert other.get(path).status_code == 404
        assert other.call("DELETE", path).status_code == 404
        for call, body in (
            ("read", {}),
            ("commit", {"cursor": cursor}),
            ("extend", {"cursor": cursor}),
            ("seek", {"to": "end"}),
        ):
            assert other.post(f"{path}/{call}", body).status_code == 404
        assert other.get(CONSUMERS).json()["consumers"] == []
        own = consumer(other)
        assert other.post(f"{own}/commit", {"cursor": cursor}).status_code == 422, "a cursor of another consumer"


def test_consumers_are_listed_in_pages_and_for_an_administrator_of_every_app(
    http: httpx2.Client, partner: Partner
) -> None:
    for name in ("b", "a", "c"):
        consumer(partner, name)
    colleague = Partner(http, partner.tenant_id)
    consumer(colleague, "d")
    page = partner.get(CONSUMERS, params={"limit": 2}).json()
    assert [one["name"] for one in page["consumers"]] == ["a", "b"]
    rest = partner.get(CONSUMERS, params={"limit": 2, "cursor": page["next_cursor"]}).json()
    assert [one["name"] for one in rest["consumers"]] == ["c"]
    administrator = Partner(http, partner.tenant_id, "webhooks:read", "platform:apps")
    seen = administrator.get(CONSUMERS).json()["consumers"]
    assert {(one["client_id"], one["name"]) for one in seen} == {
        *((partner.client_id, name) for name in "abc"),
        (colleague.client_id, "d"),
    }
    of_app = administrator.get(CONSUMERS, params={"client_id": colleague.client_id}).json()["consumers"]
    assert [one["name"] for one in of_app] == ["d"]
    assert partner.get(CONSUMERS, params={"client_id": colleague.client_id}).status_code == 403


def test_writing_needs_the_scope(http: httpx2.Client, partner: Partner) -> None:
    path = consumer(partner)
    reader = Partner(http, partner.tenant_id, "webhooks:read", client_id=partner.client_id)
    assert reader.get(path).status_code == 200
    assert reader.call("DELETE", path).status_code == 403
    for call in ("read", "commit", "extend", "seek"):
        assert reader.post(f"{path}/{call}", {"cursor": "x"}).status_code == 403
    assert reader.post(CONSUMERS, {"name": "other"}).status_code == 403


@pytest.mark.parametrize(
    ("call", "body"),
    [
        ("", {"name": ""}),
        ("", {"name": "Inbox"}),
        ("", {"name": "../a"}),
        ("", {"name": "a" * 65}),
        ("", {"name": "a\n"}),
        ("", {"name": "a", "start": "middle"}),
        ("", {"name": "a", "event_types": []}),
        ("", {"name": "a", "event_types": ["incident.upated"]}),
        ("", {"name": "a", "event_types": ["incident.updated", "incident.updated"]}),
        ("", {"name": "a", "since": "yesterday"}),
        ("/inbox/read", {"limit": 0}),
        ("/inbox/read", {"limit": 501}),
        ("/inbox/read", {"wait": 21}),
        ("/inbox/read", {"wait": -1}),
        ("/inbox/read", {"lease_seconds": 0}),
        ("/inbox/read", {"lease_seconds": 10**30}),
        ("/inbox/read", {"reader": ""}),
        ("/inbox/read", {"reader": "a" * 65}),
        ("/inbox/read", {"reader": "a\n"}),
        ("/inbox/read", {"reader": "a/b"}),
        ("/inbox/commit", {}),
        ("/inbox/commit", {"cursor": ""}),
        ("/inbox/commit", {"cursor": "a" * 257}),
        ("/inbox/commit", {"cursor": "b3BhcXVl"}),
        ("/inbox/commit", {"cursor": "é"}),
        ("/inbox/commit", {"cursor": None}),
        ("/inbox/extend", {"cursor": "AQ"}),
        ("/inbox/extend", {"cursor": "AQ", "lease_seconds": 901}),
        ("/inbox/seek", {}),
        ("/inbox/seek", {"to": "end", "since": "2026-01-01T00:00:00Z"}),
        ("/inbox/seek", {"to": "middle"}),
        ("/inbox/seek", {"cursor": "AQ"}),
    ],
)
def test_a_hostile_body_gets_a_precise_refusal(partner: Partner, call: str, body: dict[str, Any]) -> None:
    consumer(partner)
    answer = partner.post(CONSUMERS + call, body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"]


@pytest.mark.parametrize("name", ["INBOX", "%00", "a%2Fb", "a" * 2000, "..", "%F0%9F%9A%91"])
def test_a_hostile_name_is_not_found(partner: Partner, name: str) -> None:
    assert partner.get(f"{CONSUMERS}/{name}").status_code == 404
    assert partner.post(f"{CONSUMERS}/{name}/read").status_code == 404


def test_an_app_may_not_ask_for_types_that_it_is_not_approved_for(partner: Partner) -> None:
    refused = partner.post(CONSUMERS, {"name": "inbox", "event_types": ["device.enrolled"]})
    assert (refused.status_code, refused.json()["unapproved_events"]) == (403, ["device.enrolled"])


def test_the_lags_of_consumers_are_measured_without_their_names(partner: Partner, dispatcher: Dispatcher) -> None:
    dispatcher.run("DELETE FROM consumers")
    for name, age in (("none", ""), ("minute", "1 s"), ("hour", "59 minutes"), ("expired", "31 days")):
        consumer(partner, name)
        if age:
            dispatcher.run(
                "UPDATE consumers SET at = now() - %s::interval, position = position - 1 WHERE tenant_id = %s AND name = %s",
                age,
                partner.tenant_id,
                name,
            )
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.run("UPDATE consumers SET position = 1 WHERE tenant_id = %s AND name = 'none'", partner.tenant_id)
    with task_transaction(dispatcher.pool) as conn:
        measure_consumers(conn, days=30)
    measured = {lag: metrics.consumers.labels(lag)._value.get() for lag in metrics.LAGS}
    assert measured == {"none": 1, "minute": 1, "hour": 1, "day": 0, "retention": 0, "expired": 1}


def test_two_batches_with_the_same_organisations_wait_for_each_other_without_a_deadlock(
    http: httpx2.Client, dispatcher: Dispatcher
) -> None:
    tenants = [Partner(http).tenant_id for _ in range(6)]

    def batch(order: list[str]) -> None:
        for _ in range(10):
            events: list[tuple[str, Event]] = [(tenant_id, event("incident.updated")) for tenant_id in order]
            dispatcher.fan_out(events)

    with ThreadPoolExecutor(2) as threads:
        for one in [threads.submit(batch, tenants), threads.submit(batch, tenants[::-1])]:
            one.result()
    counted = dispatcher.rows("SELECT position FROM event_log_heads WHERE tenant_id = ANY(%s)", tenants)
    assert [row["position"] for row in counted] == [20] * 6
