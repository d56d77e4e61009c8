"""Results of a webhook whose row is locked wait for it, and those of other webhooks do not."""

import asyncio
import threading

import psycopg
import pytest

from services.webhook_dispatcher.sending import recording, sender
from shared.storage.database import AsyncConnection
from tests.support.receiver import Received, Receiver, always, answer, running
from tests.webhook_dispatcher.conftest import Dispatcher, Partner

ATTEMPTS = """
    SELECT error, number FROM attempts WHERE delivery_id IN (SELECT id FROM deliveries WHERE subscription_id = %s)
"""


def test_a_webhook_whose_row_is_locked_holds_up_its_own_results_alone(partner: Partner, dispatcher: Dispatcher) -> None:
    """As by a worker that is frozen within the transaction that makes deliveries."""
    failing = "SELECT FROM subscriptions WHERE id = %s AND failing_since IS NOT NULL"

    def made(webhook: str) -> int:
        return len(dispatcher.rows(ATTEMPTS, webhook))

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


async def connect(dispatcher: Dispatcher) -> AsyncConnection:
    return await AsyncConnection.connect(dispatcher.database.worker, autocommit=True)


def test_a_result_of_a_locked_webhook_is_recorded_before_the_sender_ends(
    partner: Partner, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of a request that ended long after the sender was asked to end."""
    monkeypatch.setattr(sender, "LOCKED_SECONDS", 2.0)
    stopped, unlocked = threading.Event(), threading.Event()

    async def run() -> None:
        async with dispatcher.client(15) as client, await connect(dispatcher) as conn:
            pump = dispatcher.new_pump(client, stopped.is_set)
            running_pump = asyncio.create_task(pump.run(conn))
            while not pump.sending:  # noqa: ASYNC110 the pump has no event for it
                await asyncio.sleep(0.01)
            stopped.set()
            await running_pump
            asyncio.get_running_loop().call_later(2.5, opened.set)
            await pump.drain(conn)
            assert not pump.held

    opened = threading.Event()

    async def refuse_late(_: Received, writer: asyncio.StreamWriter) -> bool:
        while not opened.is_set():  # noqa: ASYNC110 a thread may set it
            await asyncio.sleep(0.02)
        writer.write(answer(503))
        return True

    with running(Receiver(behaviour=refuse_late)) as slow, psycopg.connect(dispatcher.database.admin) as conn:
        webhook = partner.subscribe(slow.url).rpartition("/")[2]
        dispatcher.publish(partner.tenant_id, "incident.updated")
        conn.execute("SELECT FROM subscriptions WHERE id = %s FOR UPDATE", (webhook,))
        threading.Timer(3.5, lambda: (conn.rollback(), unlocked.set())).start()
        asyncio.run(run())
        assert unlocked.is_set()
    assert len(dispatcher.rows(ATTEMPTS, webhook)) == 1


def test_the_result_of_a_later_attempt_is_recorded_when_the_row_is_free(
    partner: Partner, dispatcher: Dispatcher
) -> None:
    """The lease ended while the row was locked, and the same sender made another attempt."""

    async def run() -> None:
        async with dispatcher.client(15) as client, await connect(dispatcher) as conn:
            pump = dispatcher.new_pump(client, lambda: True)
            due = (await pump.claim(conn))[0]
            first = recording.expired(due) | {"wait": 60.0, "error": "refused: first"}
            later = first | {"attempt": 2, "error": "refused: second"}
            await conn.execute("UPDATE queue SET attempt = 2 WHERE delivery_id = %s", (due.delivery_id,))
            pump.held = [first, later]
            await pump._record_of_held(conn, [first])
            assert pump.held == [later]
            await pump._record_of_held(conn, [later])
            await pump._record_of_held(conn, [later])

    webhook = partner.subscribe("https://integrator.example/").rpartition("/")[2]
    dispatcher.publish(partner.tenant_id, "incident.updated")
    asyncio.run(run())
    [row] = dispatcher.rows(ATTEMPTS, webhook)
    assert row == {"error": "refused: second", "number": 2}
