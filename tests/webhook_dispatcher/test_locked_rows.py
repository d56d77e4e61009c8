"""Senders pass over deliveries that somebody has locked, so that nobody waits for them. For how long that goes on is bounded."""

import contextlib
import threading

import psycopg
from psycopg import sql

from deploy.local.databases import Database
from shared.storage import sessions
from shared.storage.database import open_tasks_pool
from shared.storage.jobs import Periodic, PeriodicRunner
from tests.support.receiver import Receiver, always, answer, running
from tests.support.waiting import PATIENCE, joined, wait_for
from tests.webhook_dispatcher.conftest import Dispatcher, Partner

WATCH = Periodic("end sessions in the way", sessions.EVERY_SECONDS, sessions.end_those_in_the_way)


class Attackers:
    """Sessions of the web role, two at least of which keep or await the locks of all deliveries of a tenant. None is ever old."""

    def __init__(self, database: Database, tenant_id: str) -> None:
        self.database, self.tenant_id = database, tenant_id
        self.stopping, self.holding = threading.Event(), threading.Event()
        self.threads = [threading.Thread(target=self._attack, daemon=True) for _ in range(3)]

    def _attack(self) -> None:
        while not self.stopping.is_set():
            with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self.database.app) as conn:
                conn.execute("SET lock_timeout = 0")
                conn.execute("SELECT set_config('app.tenant_id', %s, false)", (self.tenant_id,))
                conn.commit()
                while not self.stopping.is_set():
                    conn.execute("SELECT FROM queue FOR UPDATE")
                    self.holding.set()
                    self.stopping.wait(1)
                    conn.rollback()


def test_a_delivery_that_is_always_locked_when_a_sender_comes_is_sent_all_the_same(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver
) -> None:
    partner.subscribe(receiver.url, "incident.updated")
    dispatcher.publish(partner.tenant_id, "incident.updated")
    database, stopping = dispatcher.database, threading.Event()
    attackers = Attackers(database, partner.tenant_id)
    pool = open_tasks_pool(database.worker, max_size=1)
    relay = PeriodicRunner(pool, [WATCH], stopping)
    for thread in attackers.threads:
        thread.start()
    wait_for(attackers.holding.is_set)
    relay.start()
    try:
        dispatcher.pump_until(lambda: len(receiver.requests) == 1, seconds=45)
    finally:
        for event in (attackers.stopping, stopping):
            event.set()
        for thread in attackers.threads:
            joined(thread)
        relay.join(PATIENCE)
        pool.close()
        with psycopg.connect(database.admin, autocommit=True) as admin:
            admin.execute("DELETE FROM ended_sessions")
            admin.execute(
                sql.SQL("GRANT CONNECT ON DATABASE {} TO webhook_dispatcher_app").format(sql.Identifier(database.name))
            )


def test_a_webhook_whose_row_is_locked_holds_up_its_own_results_alone(partner: Partner, dispatcher: Dispatcher) -> None:
    """As by a worker that stands still within the transaction that makes deliveries."""
    attempts = "SELECT FROM attempts WHERE delivery_id IN (SELECT id FROM deliveries WHERE subscription_id = %s)"
    failing = "SELECT FROM subscriptions WHERE id = %s AND failing_since IS NOT NULL"

    def made(webhook: str) -> int:
        return len(dispatcher.rows(attempts, webhook))

    with running(Receiver(behaviour=always(answer(503)))) as ill, psycopg.connect(dispatcher.database.admin) as conn:
        locked, free = (partner.subscribe(ill.url).rpartition("/")[2] for _ in range(2))
        dispatcher.publish(partner.tenant_id, "incident.updated")
        conn.execute("SELECT FROM subscriptions WHERE id = %s FOR UPDATE", (locked,))
        unlocked = threading.Event()

        def is_done() -> bool:
            if not unlocked.is_set() and made(free) >= 2:
                assert dispatcher.rows(failing, free)
                assert not made(locked)
                conn.rollback()
                unlocked.set()
            return unlocked.is_set() and made(locked) >= 2

        dispatcher.pump_until(is_done)
        assert dispatcher.rows(failing, locked)
