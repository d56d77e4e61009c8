"""The books of a webhook: counts that are kept and equal the rows, however many there are and after each kind of change."""

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from services.webhook_dispatcher.history import book_queries as queries
from services.webhook_dispatcher.history.books import Books
from shared.primitives import ids
from shared.storage import partitions
from shared.storage.database import IN_ORDER, SET_TENANT, Connection
from tests.support.receiver import Receiver, always, answer
from tests.webhook_dispatcher.conftest import Dispatcher, Partner
from tests.webhook_dispatcher.test_replays import healthy, play, start

BY_ROWS = """
    SELECT count(*) AS accepted, count(*) FILTER (WHERE status = 'succeeded') AS delivered,
        count(*) FILTER (WHERE status IN ('queued', 'retrying')) AS pending, count(*) FILTER (WHERE status = 'failed') AS given_up,
        min(sequence) AS first_sequence, max(sequence) AS last_sequence
    FROM deliveries WHERE subscription_id = %s AND sequence IS NOT NULL
"""
FILL = """
    INSERT INTO deliveries (id, at, tenant_id, subscription_id, event_id, event_at, event_type, sequence, status, troubled)
    SELECT %(stem)s || lpad(number::text, 16, '0'), %(at)s, %(tenant)s, %(webhook)s, 'evt_1', %(at)s, 'incident.updated', number,
        %(status)s, %(status)s = 'failed'
    FROM generate_series(%(first)s::integer, %(last)s::integer) AS number
"""
OLD_DAY = "SELECT ensure_partition('deliveries', (now() AT TIME ZONE 'UTC')::date - %s)"


def require_exact(dispatcher: Dispatcher, partner: Partner, webhook: str) -> dict[str, Any]:
    """The books, which equal the rows, before and after the relay has added the changes up."""
    [counted] = dispatcher.rows(BY_ROWS, id_of(webhook))
    for _ in range(2):
        assert partner.books(webhook) == counted | {"complete": True}
        keep(dispatcher)
    return counted


def keep(dispatcher: Dispatcher) -> None:
    with Connection.connect(dispatcher.database.worker) as conn:
        books = Books()
        for _ in range(20):
            books.keep(conn)
            if not dispatcher.rows("SELECT 1 FROM delivery_changes"):
                return
    raise AssertionError("the changes are never added up")


def id_of(webhook: str) -> str:
    return webhook.rpartition("/")[2]


def fill(
    dispatcher: Dispatcher, partner: Partner, webhook: str, status: str, numbers: range, days_ago: int = 0
) -> None:
    at = datetime.now(UTC) - timedelta(days=days_ago)
    stem = ids.id_of("dlv", uuid.UUID(int=int(at.timestamp() * 1000) << 80))[:14]
    row = {"webhook": id_of(webhook), "tenant": partner.tenant_id, "status": status, "stem": stem, "at": at}
    dispatcher.owner.execute(FILL, row | {"first": numbers.start, "last": numbers.stop - 1})


@pytest.fixture
def webhook(partner: Partner, receiver: Receiver) -> str:
    return partner.subscribe(receiver.url, "incident.updated")


def test_the_books_equal_the_rows_after_successes_failures_retries_replays_and_tests(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, webhook: str
) -> None:
    dispatcher.publish(partner.tenant_id, *["incident.updated"] * 4)
    assert require_exact(dispatcher, partner, webhook)["pending"] == 4
    dispatcher.pump_until(lambda: partner.books(webhook)["delivered"] == 4)
    receiver.behaviour = always(answer(500))
    dispatcher.publish(partner.tenant_id, *["incident.updated"] * 3)
    dispatcher.pump_until(lambda: partner.books(webhook)["given_up"] == 3)
    assert require_exact(dispatcher, partner, webhook)["accepted"] == 7
    healthy(dispatcher, partner)
    failed = partner.deliveries(webhook, status="failed")[0]["id"]
    assert partner.post(f"{webhook}/deliveries/{failed}/retry").status_code == 202
    assert require_exact(dispatcher, partner, webhook)["given_up"] == 2
    receiver.behaviour = always(answer(200))
    dispatcher.pump_until(lambda: partner.books(webhook)["delivered"] == 5)
    healthy(dispatcher, partner)
    partner.post(f"{webhook}/test")
    receiver.requests.clear()
    play(dispatcher, partner, receiver, start(partner, webhook))
    dispatcher.pump_until(lambda: partner.books(webhook)["delivered"] == 7)
    assert require_exact(dispatcher, partner, webhook) == {
        "accepted": 7, "delivered": 7, "pending": 0, "given_up": 0, "first_sequence": 1, "last_sequence": 7,
    }  # fmt: skip


def test_days_past_their_retention_leave_the_books_with_their_partition(
    partner: Partner, dispatcher: Dispatcher, webhook: str
) -> None:
    dispatcher.run(OLD_DAY, 40)
    fill(dispatcher, partner, webhook, "failed", range(1, 31), days_ago=40)
    fill(dispatcher, partner, webhook, "succeeded", range(31, 51))
    assert require_exact(dispatcher, partner, webhook)["accepted"] == 50
    fill(dispatcher, partner, webhook, "queued", range(51, 56))
    with Connection.connect(dispatcher.database.worker) as conn:
        assert partitions.drop_older(conn, "deliveries", 30) > 0
    assert require_exact(dispatcher, partner, webhook) == {
        "accepted": 25, "delivered": 20, "pending": 5, "given_up": 0, "first_sequence": 31, "last_sequence": 55,
    }  # fmt: skip
    old = "SELECT 1 FROM delivery_counts WHERE day < (now() AT TIME ZONE 'UTC')::date - 30"
    assert dispatcher.rows(old) == []


def test_rows_that_are_deleted_and_transactions_that_die_leave_no_count(
    partner: Partner, dispatcher: Dispatcher, webhook: str
) -> None:
    fill(dispatcher, partner, webhook, "succeeded", range(1, 21))
    dispatcher.run("DELETE FROM deliveries WHERE subscription_id = %s AND sequence <= 5", id_of(webhook))
    with psycopg.connect(dispatcher.database.worker) as dying:
        dying.execute("UPDATE deliveries SET status = 'failed' WHERE subscription_id = %s", (id_of(webhook),))
        pid = dying.info.backend_pid
        with psycopg.connect(dispatcher.database.admin) as admin:
            admin.execute("SELECT pg_terminate_backend(%s)", (pid,))
        dying.close()
    assert require_exact(dispatcher, partner, webhook)["delivered"] == 15


def test_changes_made_at_once_while_the_relay_adds_up_are_counted_once_each(
    partner: Partner, dispatcher: Dispatcher, webhook: str
) -> None:
    fill(dispatcher, partner, webhook, "queued", range(1, 401))
    done = threading.Event()

    def change(first: int) -> None:
        with psycopg.connect(dispatcher.database.worker, autocommit=True) as conn:
            for number in range(first, 401, 4):
                for status in ("retrying", "failed", "retrying", "succeeded" if number % 3 else "failed"):
                    conn.execute(
                        "UPDATE deliveries SET status = %s WHERE subscription_id = %s AND sequence = %s",
                        (status, id_of(webhook), number),
                    )

    def add_up() -> None:
        with Connection.connect(dispatcher.database.worker) as conn:
            while not done.is_set():
                Books().keep(conn)
                conn.commit()

    with ThreadPoolExecutor(6) as threads:
        adding = [threads.submit(add_up) for _ in range(2)]
        changing = [threads.submit(change, first) for first in range(1, 5)]
        try:
            for one in changing:
                one.result(timeout=120)
                counted = partner.books(webhook)
                assert counted["accepted"] == counted["delivered"] + counted["pending"] + counted["given_up"]
        finally:
            done.set()
        for one in adding:
            one.result(timeout=120)
    assert require_exact(dispatcher, partner, webhook)["given_up"] == 133


def test_the_books_read_as_much_of_a_long_history_as_of_a_short_one(partner: Partner, dispatcher: Dispatcher) -> None:
    read: list[float] = []
    for number in (2_000, 60_000):
        webhook = partner.subscribe("https://integrator.example/")
        for status, part in (("succeeded", 0), ("queued", 1), ("failed", 2)):
            third = number // 3
            fill(dispatcher, partner, webhook, status, range(part * third + 1, (part + 1) * third + 1))
        keep(dispatcher)
        dispatcher.run("ANALYZE deliveries, delivery_counts, delivery_changes")
        assert require_exact(dispatcher, partner, webhook)["accepted"] == number // 3 * 3
        with psycopg.connect(dispatcher.database.worker) as conn:
            conn.execute(IN_ORDER)
            explained = "EXPLAIN (ANALYZE, FORMAT JSON) " + queries.READ
            ((plan,),) = conn.execute(explained.encode(), {"subscription_id": id_of(webhook)}).fetchall()
        read.append(sum(rows_of(node) for node in scans(plan[0]["Plan"])))
    assert read[1] <= read[0] + 100
    assert read[1] <= 2_500


def rows_of(node: dict[str, Any]) -> float:
    passed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return (node["Actual Rows"] + passed) * node["Actual Loops"]


def scans(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "Relation Name" in node and node["Relation Name"].startswith("deliver"):
        yield node
    for child in node.get("Plans", ()):
        yield from scans(child)


def test_a_web_process_reads_the_counts_of_its_organisation_and_writes_none(
    partner: Partner, dispatcher: Dispatcher, webhook: str
) -> None:
    fill(dispatcher, partner, webhook, "succeeded", range(1, 4))
    keep(dispatcher)
    for tenant, seen in ((partner.tenant_id, 1), (ids.new_id("org"), 0)):
        with psycopg.connect(dispatcher.database.app) as conn:
            conn.execute(SET_TENANT, (tenant,))
            query = "SELECT count(*) FROM delivery_counts WHERE subscription_id = %s"
            assert conn.execute(query, (id_of(webhook),)).fetchone() == (seen,)
            for table in ("delivery_counts", "delivery_changes"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege), conn.transaction():
                    conn.execute(f"INSERT INTO {table} VALUES ('wh_1', now()::date, %s, 1, 0, 0)", (tenant,))
