"""A decision about a webhook holds at once, however much waits for it, and holds up nobody else.

Twenty thousand deliveries replace two million: the same statement over all of them would touch a hundredth of that, and here none touches
more than a portion of a thousand.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from services.webhook_dispatcher.history import decision_queries, decisions, overview, overview_queries
from services.webhook_dispatcher.history import queries as history_queries
from services.webhook_dispatcher.history.endpoints import first_id_at
from services.webhook_dispatcher.reading import consumers, events, takes
from services.webhook_dispatcher.sending import queries
from shared.storage.database import IN_ORDER, SET_TENANT, task_transaction
from tests.support.receiver import Receiver, always, answer
from tests.webhook_dispatcher.conftest import Dispatcher, Partner
from tests.webhook_dispatcher.test_sending import CLAIM_ALL, claim

pytestmark = pytest.mark.full

WAITING = 20_000
CHANGED = "SELECT count(*) AS number FROM queue WHERE tenant_id = %s AND xmin::text::bigint > %s"
AS_IF_OF_MANY = """
    SELECT pg_restore_attribute_stats('schemaname', 'public', 'relname', 'queue', 'attname', 'tenant_id', 'inherited', false,
        'null_frac', 0::real, 'avg_width', 30, 'n_distinct', 1000::real)
"""
PILE = """
    WITH event AS (SELECT id, at FROM events WHERE tenant_id = %(tenant)s LIMIT 1), made AS (
        INSERT INTO deliveries (id, at, tenant_id, subscription_id, event_id, event_at, event_type, sequence, status, troubled,
            attempted_at)
        SELECT 'dlv_0' || substr(%(webhook)s, 14, 15) || lpad((%(first)s + n)::text, 10, '0'), now(), %(tenant)s, %(webhook)s,
            event.id, event.at, 'incident.updated', %(first)s + n, %(status)s, %(status)s = 'failed', now()
        FROM event, generate_series(1, %(number)s) n RETURNING *
    )
    INSERT INTO queue (delivery_id, delivery_at, tenant_id, subscription_id, event_id, event_at, event_type, sequence, due_at)
    SELECT id, at, tenant_id, subscription_id, event_id, event_at, event_type, sequence, now() - interval '1 hour'
    FROM made WHERE status = 'queued'
"""


def pile(dispatcher: Dispatcher, partner: Partner, webhook: str, number: int, status: str = "queued") -> None:
    """That many deliveries of one event, as if they had been fanned out an hour ago."""
    dispatcher.publish(partner.tenant_id, "incident.updated")
    subscription_id = webhook.rpartition("/")[2]
    [first] = dispatcher.rows(
        "SELECT max(sequence) AS last FROM deliveries WHERE subscription_id = %s", subscription_id
    )
    parameters = {"tenant": partner.tenant_id, "webhook": subscription_id, "status": status, "first": first["last"]}
    dispatcher.owner.execute(PILE, parameters | {"number": number})
    dispatcher.run("ANALYZE queue, deliveries")


def touched(dispatcher: Dispatcher, partner: Partner, decide: Callable[[], Any]) -> int:
    """How many of a tenant's waiting deliveries a decision has changed or removed."""
    [before] = dispatcher.rows(
        "SELECT count(*) AS number, pg_current_xact_id()::text::bigint AS xid FROM queue WHERE tenant_id = %s",
        partner.tenant_id,
    )
    decide()
    [left] = dispatcher.rows("SELECT count(*) AS number FROM queue WHERE tenant_id = %s", partner.tenant_id)
    [changed] = dispatcher.rows(CHANGED, partner.tenant_id, before["xid"])
    return before["number"] - left["number"] + changed["number"]


DECISIONS: dict[str, Callable[[Partner, Dispatcher, str], Any]] = {
    "disabled by its owner": lambda partner, _, webhook: partner.put(webhook, {"enabled": False}),
    "deleted": lambda partner, _, webhook: partner.call("DELETE", webhook),
    "app disabled": lambda partner, dispatcher, _: dispatcher.change_app(partner, status="disabled"),
    "app deleted": lambda partner, dispatcher, _: dispatcher.change_app(partner, status="deleted"),
    "approval withdrawn": lambda partner, dispatcher, _: dispatcher.approve(partner, "incident.closed"),
}


@pytest.mark.parametrize("decision", DECISIONS)
def test_a_webhook_with_a_long_queue_is_stopped_by_the_next_claim_and_few_rows(
    partner: Partner, dispatcher: Dispatcher, decision: str
) -> None:
    webhook = partner.subscribe("https://integrator.example/")
    pile(dispatcher, partner, webhook, WAITING)
    assert (
        touched(dispatcher, partner, lambda: DECISIONS[decision](partner, dispatcher, webhook))
        <= decision_queries.PORTION
    )
    other = Partner(partner.http)
    other.subscribe("https://integrator.example/")
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.publish(other.tenant_id, "incident.updated")
    assert claim(dispatcher, partner) == []
    assert len(claim(dispatcher, other)) == 1 or dispatcher.rows(
        "SELECT 1 FROM queue WHERE tenant_id = %s AND leased", other.tenant_id
    )
    if decision not in ("disabled by its owner", "app disabled"):
        dispatcher.work_off()
        dispatcher.run("UPDATE chores SET due_at = now() WHERE tenant_id = %s", partner.tenant_id)
        dispatcher.work_off()
        assert dispatcher.rows("SELECT 1 FROM queue WHERE tenant_id = %s", partner.tenant_id) == []
        assert dispatcher.rows("SELECT 1 FROM chores WHERE tenant_id = %s", partner.tenant_id) == []


def test_a_receiver_that_comes_back_to_a_long_queue_holds_nobody_up(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    pile(dispatcher, partner, webhook, WAITING)
    dispatcher.run(
        "UPDATE subscriptions SET failing_since = now() - interval '1 hour' WHERE tenant_id = %s", partner.tenant_id
    )
    other = Partner(partner.http)
    told = other.subscribe(receiver.url)

    def come_back() -> None:
        dispatcher.pump_until(lambda: partner.get(webhook).json()["recovering"])
        dispatcher.publish(other.tenant_id, "incident.updated")
        dispatcher.pump_until(lambda: other.books(told)["delivered"] == 1)

    assert touched(dispatcher, partner, come_back) < 100
    dispatcher.run("DELETE FROM queue WHERE tenant_id = %s", partner.tenant_id)


def test_an_approval_withdrawn_is_followed_in_portions_that_survive_a_kill_and_are_seen(
    partner: Partner, dispatcher: Dispatcher
) -> None:
    dispatcher.run("DELETE FROM chores")
    webhook = partner.subscribe("https://integrator.example/")
    pile(dispatcher, partner, webhook, 3500)
    dispatcher.approve(partner, "incident.closed")
    assert partner.get(webhook).json()["backlog"] == {
        "waiting": 2501, "more": False, "clearing": True, "gathering": False,
    }  # fmt: skip
    assert dispatcher.work_off(seconds=0) == 1000
    [chore] = dispatcher.rows("SELECT done, kind FROM chores WHERE tenant_id = %s", partner.tenant_id)
    assert chore == {"done": 2000, "kind": "unapproved"}
    with task_transaction(dispatcher.pool) as conn:
        assert [row[:3] + row[4:] for row in decisions.chores_left(conn) if row[1] == partner.tenant_id] == [
            (webhook.rpartition("/")[2], partner.tenant_id, "unapproved", 2000, 1501)
        ]
    dispatcher.work_off()
    assert partner.books(webhook)["given_up"] == 3501
    [after] = dispatcher.rows("SELECT error FROM attempts WHERE tenant_id = %s LIMIT 1", partner.tenant_id)
    assert after["error"].startswith("approval_withdrawn")


def test_what_was_being_sent_when_an_approval_was_withdrawn_is_given_up_once_its_lease_has_ended(
    partner: Partner, dispatcher: Dispatcher
) -> None:
    webhook = partner.subscribe("https://integrator.example/")
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.run("UPDATE queue SET leased = true, attempt = 1 WHERE tenant_id = %s", partner.tenant_id)
    dispatcher.approve(partner, "incident.closed")
    dispatcher.run("UPDATE queue SET leased = false, rung = 1 WHERE tenant_id = %s", partner.tenant_id)
    dispatcher.run("UPDATE chores SET due_at = now() WHERE tenant_id = %s", partner.tenant_id)
    dispatcher.work_off()
    assert partner.books(webhook)["given_up"] == 1


def test_chores_take_turns_so_that_a_long_one_holds_no_other_up(partner: Partner, dispatcher: Dispatcher) -> None:
    dispatcher.run("DELETE FROM chores")
    long, short = Partner(partner.http), Partner(partner.http)
    for one, number in ((long, 5000), (short, 1500)):
        pile(dispatcher, one, one.subscribe("https://integrator.example/"), number)
        dispatcher.change_app(one, status="deleted")
    for _ in range(4):
        dispatcher.work_off(seconds=0)
    assert dispatcher.rows("SELECT 1 FROM queue WHERE tenant_id = %s", short.tenant_id) == []
    assert len(dispatcher.rows("SELECT 1 FROM queue WHERE tenant_id = %s", long.tenant_id)) > 1000
    dispatcher.work_off()


def test_many_that_were_given_up_are_taken_back_in_portions(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    pile(dispatcher, partner, webhook, 2500, "failed")
    answered = partner.post(f"{webhook}/recover?since=2020-01-01T00:00:00Z").json()
    assert answered == {"queued": 1000, "hastened": 0, "gathering": True}
    dispatcher.release()
    shown = partner.get(webhook).json()
    assert (shown["recovering"], shown["backlog"]["gathering"], shown["backlog"]["waiting"]) == (True, False, 2501)
    dispatcher.pump_until(lambda: receiver.requests)
    [first] = dispatcher.rows("SELECT min(sequence) AS oldest FROM deliveries WHERE subscription_id = %s", shown["id"])
    [sent] = dispatcher.rows(
        "SELECT sequence FROM deliveries WHERE subscription_id = %s AND status = 'succeeded'", shown["id"]
    )
    assert sent["sequence"] == first["oldest"]
    partner.call("DELETE", webhook)


def recovers(dispatcher: Dispatcher, partner: Partner, webhook: str) -> None:
    """As a sender records the success after a failure of more than a minute."""
    since = datetime.now(UTC) - timedelta(minutes=2)
    begun = decisions.begin_chore(webhook.rpartition("/")[2], partner.tenant_id, "gather", failed_since=since)
    with task_transaction(dispatcher.pool) as conn:
        conn.execute(*begun)


def gathering(dispatcher: Dispatcher, partner: Partner) -> list[float]:
    """The age of the chore, in seconds; empty once it has ended."""
    chores = "SELECT extract(epoch FROM now() - begun_at)::float8 AS age FROM chores WHERE tenant_id = %s"
    return [row["age"] for row in dispatcher.rows(chores, partner.tenant_id)]


def given_up(dispatcher: Dispatcher, partner: Partner) -> int:
    failed = "SELECT count(*) AS number FROM deliveries WHERE tenant_id = %s AND status = 'failed'"
    return dispatcher.rows(failed, partner.tenant_id)[0]["number"]


def test_a_receiver_that_fails_and_recovers_every_few_minutes_gets_what_it_missed_and_its_gathering_ends(
    partner: Partner, dispatcher: Dispatcher
) -> None:
    """Each success began the gathering anew, so that it reached no delivery behind its first portions and looked young for ever."""
    dispatcher.run("DELETE FROM chores")
    webhook = partner.subscribe("https://integrator.example/")
    pile(dispatcher, partner, webhook, 3500, "failed")
    recovers(dispatcher, partner, webhook)
    dispatcher.run("UPDATE chores SET begun_at = now() - interval '3 hours' WHERE tenant_id = %s", partner.tenant_id)
    ages = list[float]()
    for _ in range(4):
        assert dispatcher.work_off(seconds=0) > 0
        ages += gathering(dispatcher, partner)
        recovers(dispatcher, partner, webhook)
    assert len(ages) == 3
    assert min(ages) > 10_000
    assert given_up(dispatcher, partner) == 0
    partner.call("DELETE", webhook)


def test_what_a_receiver_used_up_while_it_was_gathered_for_is_gathered_in_a_second_pass(
    partner: Partner, dispatcher: Dispatcher
) -> None:
    dispatcher.run("DELETE FROM chores")
    webhook = partner.subscribe("https://integrator.example/")
    pile(dispatcher, partner, webhook, 2500, "failed")
    recovers(dispatcher, partner, webhook)
    dispatcher.work_off(seconds=0)
    dispatcher.run(
        """UPDATE deliveries SET status = 'failed', attempted_at = now()
           WHERE id = (SELECT min(id) FROM deliveries WHERE tenant_id = %s AND status = 'retrying')""",
        partner.tenant_id,
    )
    dispatcher.run(
        "UPDATE subscriptions SET exhausted = exhausted + 1, exhausted_delivery = 'dlv_x' WHERE tenant_id = %s",
        partner.tenant_id,
    )
    recovers(dispatcher, partner, webhook)
    dispatcher.work_off()
    assert given_up(dispatcher, partner) == 0
    assert gathering(dispatcher, partner) == []
    partner.call("DELETE", webhook)


def test_a_person_who_asks_again_during_a_gathering_gets_also_what_was_refused_before(
    partner: Partner, dispatcher: Dispatcher
) -> None:
    dispatcher.run("DELETE FROM chores")
    webhook = partner.subscribe("https://integrator.example/")
    pile(dispatcher, partner, webhook, 2500, "failed")
    types = dispatcher.rows("SELECT events FROM subscriptions WHERE tenant_id = %s", partner.tenant_id)[0]["events"]
    take = "UPDATE subscriptions SET live_events = %s WHERE tenant_id = %s"
    dispatcher.run(take, [], partner.tenant_id)
    assert partner.post(f"{webhook}/recover?since=2020-01-01T00:00:00Z").json()["gathering"]
    dispatcher.run(take, types, partner.tenant_id)
    partner.post(f"{webhook}/recover?since=2020-01-01T00:00:00Z")
    dispatcher.work_off()
    assert given_up(dispatcher, partner) == 0
    partner.call("DELETE", webhook)


def test_a_recovery_asked_for_while_everything_still_retries_hastens_it_and_says_how_much(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    receiver.behaviour = always(answer(503, "retry-after: 3600\r\n"))
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: partner.deliveries(webhook)[0]["status"] == "retrying")
    receiver.behaviour = always(answer(200))
    answered = partner.post(f"{webhook}/recover?since=2020-01-01T00:00:00Z").json()
    assert answered == {"queued": 1, "hastened": 1, "gathering": False}
    dispatcher.release()
    dispatcher.pump_until(lambda: partner.books(webhook)["delivered"] == 1)


@pytest.mark.parametrize("ask", ["retry", "test", "recover", "enable", "move"])
def test_what_a_person_asks_for_goes_out_at_once_though_the_receiver_asked_for_a_day(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, ask: str
) -> None:
    webhook = partner.subscribe(receiver.url)
    receiver.behaviour = always(answer(503, "retry-after: 86400\r\n"))
    dispatcher.publish(partner.tenant_id, "incident.updated")
    dispatcher.pump_until(lambda: partner.get(webhook).json()["slowed_until"])
    [delivery] = partner.deliveries(webhook)
    receiver.behaviour = always(answer(200))
    receiver.requests.clear()
    calls: dict[str, Callable[[], Any]] = {
        "retry": lambda: partner.post(f"{webhook}/deliveries/{delivery['id']}/retry"),
        "test": lambda: partner.post(f"{webhook}/test"),
        "recover": lambda: partner.post(f"{webhook}/recover?since=2020-01-01T00:00:00Z"),
        "enable": lambda: partner.put(webhook, {"enabled": True}),
        "move": lambda: partner.put(webhook, {"url": receiver.url + "/new"}),
    }
    assert calls[ask]().status_code in (200, 202)
    dispatcher.release()
    dispatcher.pump_until(lambda: receiver.requests)
    partner.call("DELETE", webhook)


def pages_of_a_claim(dispatcher: Dispatcher) -> int:
    with psycopg.connect(dispatcher.database.worker) as conn:
        conn.execute(queries.BEGIN_CLAIM)
        explained = conn.execute(
            "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) " + queries.CLAIM, CLAIM_ALL
        ).fetchone()
        conn.rollback()
    assert explained is not None
    plan = explained[0][0]["Plan"]
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


def test_the_queue_of_a_deleted_webhook_costs_claims_nothing_before_it_is_vacuumed(
    partner: Partner, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By pages, with all limits divided by a hundred: two million rows that are gone are 18,000 pages of index for each claim."""
    monkeypatch.setattr(decisions, "MANY", decisions.MANY // 100)
    dispatcher.run("DELETE FROM chores")
    dispatcher.run("DELETE FROM queue")
    dispatcher.run("VACUUM queue")
    webhook = partner.subscribe("https://integrator.example/")
    other = Partner(partner.http)
    other.subscribe("https://integrator.example/")
    pile(dispatcher, partner, webhook, WAITING)
    dispatcher.publish(other.tenant_id, "incident.updated")
    dispatcher.run("VACUUM ANALYZE queue")
    pages_of_a_claim(dispatcher)  # fills the caches for the next ones
    before = pages_of_a_claim(dispatcher)
    assert partner.call("DELETE", webhook).status_code == 204
    assert dispatcher.work_off() >= WAITING - decision_queries.PORTION
    assert pages_of_a_claim(dispatcher) < before + 20
    waiting = "SELECT count(*) AS number FROM queue WHERE tenant_id = %s"
    for expected in (1, 1):
        dispatcher.run("UPDATE chores SET due_at = now() WHERE tenant_id = %s", partner.tenant_id)
        dispatcher.work_off()
        assert dispatcher.rows(waiting, partner.tenant_id) == [{"number": expected}]
    dispatcher.run("VACUUM queue")
    for _ in range(2):
        dispatcher.run("UPDATE chores SET due_at = now() WHERE tenant_id = %s", partner.tenant_id)
        dispatcher.work_off()
    assert dispatcher.rows(waiting, partner.tenant_id) == [{"number": 0}]
    assert dispatcher.rows("SELECT 1 FROM chores WHERE tenant_id = %s", partner.tenant_id) == []


def test_the_newest_deliveries_of_all_webhooks_read_no_more_than_a_page(
    partner: Partner, dispatcher: Dispatcher
) -> None:
    webhook = partner.subscribe("https://integrator.example/")
    pile(dispatcher, partner, webhook, WAITING)
    newest, newest_at = first_id_at(datetime.now(UTC) + timedelta(days=1))
    oldest, oldest_at = first_id_at(datetime.now(UTC) - timedelta(days=1))
    window = {"newest": newest, "newest_at": newest_at, "oldest": oldest, "oldest_at": oldest_at}
    page = window | {"everyone": True, "client_id": partner.client_id, "webhook_id": None, "limit": 51}
    with psycopg.connect(dispatcher.database.app) as conn:
        conn.execute(SET_TENANT, (partner.tenant_id,))
        conn.execute(IN_ORDER)
        explain = "EXPLAIN (ANALYZE, FORMAT JSON) " + overview_queries.LIST_OF_APPS
        [(explained,)] = conn.execute(explain.encode(), page).fetchall()
    assert sum(read(explained[0]["Plan"])) < 2000


@pytest.mark.parametrize(
    ("module", "used", "method", "path"),
    [
        (overview, "page_of", "GET", "/v1/deliveries"),
        (events, "page_of", "GET", "/v1/events"),
        (consumers, "head_of", "GET", "/v1/consumers/inbox"),
        (takes, "within", "POST", "/v1/consumers/inbox/read"),
    ],
)
def test_a_list_of_a_part_of_an_organisation_is_read_in_the_order_of_an_index(
    partner: Partner,
    dispatcher: Dispatcher,
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    used: str,
    method: str,
    path: str,
) -> None:
    """With millions of rows of one webhook or kind, each call read and sorted all of them."""
    partner.call("POST", "/v1/consumers", json={"name": "inbox", "start": "beginning"})
    dispatcher.publish(partner.tenant_id, "incident.updated")
    sorting: list[Any] = []
    usual = getattr(module, used)

    async def looking(conn: Any, *rest: Any) -> Any:
        sorting.append(await (await conn.execute("SHOW enable_sort")).fetchone())
        return await usual(conn, *rest)

    monkeypatch.setattr(module, used, looking)
    assert partner.call(method, path, **({"json": {}} if method == "POST" else {})).status_code == 200
    assert sorting == [("off",)]


def test_the_list_of_what_waits_reads_no_more_of_it_than_a_page(partner: Partner, dispatcher: Dispatcher) -> None:
    """Where many organisations have something waiting, the planner takes each one's part to be small, and rather reads it all and sorts."""
    webhook = partner.subscribe("https://integrator.example/")
    pile(dispatcher, partner, webhook, WAITING)
    dispatcher.run(AS_IF_OF_MANY)
    page = {"subscription_id": webhook.rpartition("/")[2], "held": False, "status": "queued", "limit": 51}
    with psycopg.connect(dispatcher.database.app) as conn:
        conn.execute(SET_TENANT, (partner.tenant_id,))
        conn.execute(IN_ORDER)
        explain = "EXPLAIN (ANALYZE, FORMAT JSON) " + history_queries.LIST_QUEUED_DELIVERIES
        whole = {"oldest": "", "newest": "8", "oldest_at": "-infinity", "newest_at": "infinity", "event_type": None}
        [(explained,)] = conn.execute(explain.encode(), page | whole).fetchall()
    assert sum(read(explained[0]["Plan"])) < 2000
    assert len(partner.deliveries(webhook, status="queued", limit=50)) == 50


def read(node: dict[str, Any]) -> Iterator[float]:
    """How many rows each scan of a table brought up, with those it threw away."""
    if "Relation Name" in node:
        yield (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    for child in node.get("Plans", ()):
        yield from read(child)
