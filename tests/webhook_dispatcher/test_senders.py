"""Senders as processes: how they share the work and the limit of a receiver, and how one ends."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx2
import psycopg
import pytest

from deploy.local import ports
from deploy.local.table import ROOT
from services.webhook_dispatcher.fanout.intake import Intake
from services.webhook_dispatcher.sending import queries, recording
from services.webhook_dispatcher.sending.sender import Pump
from services.webhook_dispatcher.settings import Settings
from shared.storage.database import AsyncConnection, clock
from tests.support.alone import environment_of
from tests.support.child import start_child
from tests.support.plain import PLAIN
from tests.support.receiver import Behaviour, Received, Receiver, always, answer, hang, running
from tests.support.waiting import PATIENCE, TIMES, wait_for
from tests.webhook_dispatcher.conftest import Dispatcher, Partner


@contextmanager
def sending(settings: Settings, **changes: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A sender process that is ready, and the address of its ops port."""
    port = ports.free_port(0)
    environment = environment_of(settings, ops_port=port) | {"PATH": os.defpath} | changes
    process = start_child([sys.executable, "-m", "services.webhook_dispatcher", "sender"], cwd=ROOT, env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: is_ready(url))
        yield process, url
    finally:
        process.kill()
        process.wait()


def is_ready(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/readyz", timeout=PATIENCE, verify=PLAIN).status_code == 200
    except httpx2.TransportError:
        return False


def test_a_sender_process_is_woken_by_the_bell_and_shows_its_metrics(
    partner: Partner, dispatcher: Dispatcher, settings: Settings, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    with sending(settings) as (_, url):
        dispatcher.publish(partner.tenant_id, "incident.updated")
        Intake(settings).ring([webhook.rpartition("/")[2]])
        wait_for(lambda: partner.books(webhook)["delivered"] == 1)
        assert httpx2.get(f"{url}/livez", verify=PLAIN).status_code == 200
        assert 'webhook_attempts_total{outcome="succeeded"} 1.0' in httpx2.get(f"{url}/metrics", verify=PLAIN).text
        assert (
            dispatcher.rows("SELECT count(*) AS number FROM senders WHERE seen_at > now() - interval '10 s'")[0][
                "number"
            ]
            >= 1
        )


def test_a_sender_told_to_stop_finishes_what_is_in_flight_and_claims_no_more(
    partner: Partner, dispatcher: Dispatcher, settings: Settings, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    held = threading.Event()

    async def slowly(request: Received, writer: asyncio.StreamWriter) -> bool:
        await asyncio.to_thread(held.wait, PATIENCE)
        writer.write(answer(200))
        return True

    receiver.behaviour = slowly
    dispatcher.publish(partner.tenant_id, "incident.updated")
    with sending(settings) as (process, url):
        wait_for(lambda: receiver.requests)
        process.send_signal(signal.SIGTERM)
        wait_for(lambda: not is_ready(url))
        dispatcher.publish(partner.tenant_id, "incident.updated")
        held.set()
        assert process.wait(PATIENCE) == 0
    assert sorted(one["status"] for one in partner.deliveries(webhook)) == ["queued", "succeeded"]


def test_a_sender_told_to_stop_records_the_result_of_a_webhook_whose_row_is_locked(
    partner: Partner, dispatcher: Dispatcher, settings: Settings, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url).rpartition("/")[2]
    receiver.behaviour = always(answer(503))
    attempts = "SELECT FROM attempts JOIN deliveries d ON d.id = delivery_id WHERE d.subscription_id = %s"
    dispatcher.publish(partner.tenant_id, "incident.updated")
    with psycopg.connect(dispatcher.database.admin) as conn:
        conn.execute("SELECT FROM subscriptions WHERE id = %s FOR UPDATE", (webhook,))
        with sending(settings) as (process, url):
            wait_for(lambda: receiver.requests)
            process.send_signal(signal.SIGTERM)
            wait_for(lambda: not is_ready(url))
            assert not dispatcher.rows(attempts, webhook)
            conn.rollback()
            assert process.wait(PATIENCE) == 0
    assert len(dispatcher.rows(attempts, webhook)) == 1


def test_what_a_killed_sender_held_is_sent_by_another_when_its_lease_ends(
    partner: Partner, dispatcher: Dispatcher, settings: Settings, receiver: Receiver
) -> None:
    webhook = partner.subscribe(receiver.url)
    held = threading.Event()

    async def never(request: Received, writer: asyncio.StreamWriter) -> bool:
        await asyncio.to_thread(held.wait, PATIENCE)
        return False

    receiver.behaviour = never
    dispatcher.publish(partner.tenant_id, "incident.updated")
    with sending(settings) as (process, _):
        wait_for(lambda: receiver.requests)
        process.kill()
        process.wait()
    held.set()
    dispatcher.run("UPDATE queue SET due_at = now() WHERE tenant_id = %s", partner.tenant_id)
    receiver.behaviour = Receiver().behaviour
    with sending(settings):
        wait_for(lambda: partner.books(webhook)["delivered"] == 1)


@pytest.mark.full
@pytest.mark.parametrize("number", [2, 4])
def test_senders_share_a_backlog_and_no_receiver_gets_more_than_its_limit_from_all_of_them(
    partner: Partner, dispatcher: Dispatcher, number: int
) -> None:
    dispatcher.run("DELETE FROM queue")
    dispatcher.run("DELETE FROM senders")
    most, limit, webhooks, each = Counter[str](), 8, 20, 120
    with running(Receiver(behaviour=counting(most))) as receiver:
        for index in range(webhooks):
            partner.subscribe(f"{receiver.url}/{index}")
        dispatcher.run("UPDATE subscriptions SET concurrency = %s WHERE tenant_id = %s", limit, partner.tenant_id)
        for _ in range(each // 20):
            dispatcher.publish(partner.tenant_id, *["incident.updated"] * 20)
        sent = asyncio.run(pump_together(dispatcher, number, lambda: len(receiver.requests) >= webhooks * each))
    assert len(set(zip((one.path for one in receiver.requests), receiver.ids(), strict=True))) == webhooks * each
    assert sum(sent) == webhooks * each
    assert min(sent) >= sum(sent) / number / 10, (
        "every sender has a part; how equal the parts are is measured in tests/bench"
    )
    # Successes raise the limit while it lasts, so that it is read at the end.
    [row] = dispatcher.rows(
        "SELECT max(concurrency) AS most FROM subscriptions WHERE tenant_id = %s", partner.tenant_id
    )
    assert max(most.values()) <= row["most"]


@pytest.mark.full
def test_four_sender_processes_give_no_receiver_more_than_its_limit_and_nothing_twice(
    partner: Partner, dispatcher: Dispatcher, settings: Settings
) -> None:
    dispatcher.run("DELETE FROM queue")
    dispatcher.run("DELETE FROM senders")
    most, webhooks, each = Counter[str](), 10, 60
    with running(Receiver(behaviour=counting(most))) as receiver, ExitStack() as stack:
        for index in range(webhooks):
            partner.subscribe(f"{receiver.url}/{index}")
        dispatcher.run("UPDATE subscriptions SET concurrency = 2 WHERE tenant_id = %s", partner.tenant_id)
        for _ in range(each // 20):
            dispatcher.publish(partner.tenant_id, *["incident.updated"] * 20)
        urls = [stack.enter_context(sending(settings))[1] for _ in range(4)]
        wait_for(lambda: len(receiver.requests) >= webhooks * each)
        wait_for(lambda: sum(map(sent_by, urls)) == webhooks * each)
    assert len(set(zip((one.path for one in receiver.requests), receiver.ids(), strict=True))) == webhooks * each
    [row] = dispatcher.rows(
        "SELECT max(concurrency) AS most FROM subscriptions WHERE tenant_id = %s", partner.tenant_id
    )
    assert max(most.values()) <= row["most"]


def sent_by(url: str) -> int:
    metrics = httpx2.get(f"{url}/metrics", verify=PLAIN).text
    return int(sum(float(found) for found in re.findall(r"^webhook_attempts_total{.*} (\S+)$", metrics, re.MULTILINE)))


def counting(most: Counter[str]) -> Behaviour:
    """Takes 20 ms over each request, and notes how many of a path it has had at a time."""
    flying = Counter[str]()

    async def behave(request: Received, writer: asyncio.StreamWriter) -> bool:
        flying[request.path] += 1
        most[request.path] = max(most[request.path], flying[request.path])
        await asyncio.sleep(0.02)
        flying[request.path] -= 1
        writer.write(answer(200))
        return True

    return behave


async def pump_together(dispatcher: Dispatcher, number: int, done: Callable[[], bool]) -> list[int]:
    """How many deliveries each of them has sent when it is done."""
    ended = threading.Event()
    async with dispatcher.client(15) as client:
        pumps = [dispatcher.new_pump(client, ended.is_set) for _ in range(number)]
        sent = [0] * number
        for pump in pumps:  # each knows of all from the beginning
            dispatcher.run(queries.SEEN.replace("%(id)s", "%s"), pump.id)
        for index, pump in enumerate(pumps):
            _count_into(sent, index, pump)

        async def run(pump: Pump) -> None:
            async with await AsyncConnection.connect(dispatcher.database.worker, autocommit=True) as conn:
                await pump.run(conn)
                await pump.drain(conn)

        running_pumps = [asyncio.create_task(run(pump)) for pump in pumps]
        try:
            await asyncio.to_thread(wait_for, done)
        finally:
            ended.set()
            await asyncio.gather(*running_pumps)
    return sent


def _count_into(sent: list[int], index: int, pump: Pump) -> None:
    take = pump.take

    def count(claimed: list[object]) -> None:
        sent[index] += len(claimed)
        take(claimed)  # type: ignore[arg-type]

    pump.take = count  # type: ignore[method-assign, assignment]


def latencies(dispatcher: Dispatcher, partner: Partner, receiver: Receiver, number: int) -> list[float]:
    """Seconds from the publishing of an event to its request, one after another."""
    seen = []
    for _ in range(number):
        before, began = len(receiver.requests), time.monotonic()
        dispatcher.publish(partner.tenant_id, "incident.updated")
        wait_for(lambda before=before: len(receiver.requests) > before)
        seen.append(time.monotonic() - began)
    return sorted(seen)


def test_a_sender_that_stood_still_after_its_claim_sends_nothing_that_another_may_have_sent(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its clock is half a minute on when it reads the claim's answer. It gives all back, and sends each once with its next claim."""
    dispatcher.run("DELETE FROM queue")
    partner.subscribe(receiver.url, "incident.updated")
    events = dispatcher.publish(partner.tenant_id, *["incident.updated"] * 5)
    claims: list[int] = []
    claim, now = recording.claim, clock.now

    async def slow(*arguments: Any) -> list[tuple[Any, ...]]:
        rows = await claim(*arguments)
        claimed = sum(row[2] is not None for row in rows)
        late = 30 if claimed and not sum(claims) else 0
        claims.append(claimed)
        monkeypatch.setattr(clock, "now", lambda: now() + late)
        return rows

    monkeypatch.setattr(recording, "claim", slow)
    dispatcher.pump_until(lambda: len(receiver.requests) >= len(events))
    assert sorted(request.headers["webhook-id"] for request in receiver.requests) == sorted(events)
    assert sum(claims) > len(events)


@pytest.mark.full
@pytest.mark.parametrize(("tenants", "hanging"), [(40, 10), (1, 99)], ids=["forty tenants", "the same tenant"])
def test_a_healthy_webhook_is_no_second_later_beside_many_that_hang(
    partner: Partner, dispatcher: Dispatcher, receiver: Receiver, tenants: int, hanging: int
) -> None:
    dispatcher.run("DELETE FROM queue")
    partner.subscribe(receiver.url, "incident.updated")
    others = [partner] if tenants == 1 else [Partner(partner.http) for _ in range(tenants)]
    measured: dict[str, list[float]] = {}
    with running(Receiver(behaviour=hang)) as silent:
        for other in others:
            for _ in range(hanging):
                other.subscribe(silent.url, "incident.closed")

        def measure() -> None:
            measured["alone"] = latencies(dispatcher, partner, receiver, 20)
            for other in others:
                dispatcher.publish(other.tenant_id, *["incident.closed"] * 3)
            wait_for(lambda: len(silent.requests) > 0.9 * tenants * hanging)
            measured["beside"] = latencies(dispatcher, partner, receiver, 20)

        measuring = threading.Thread(target=measure)
        measuring.start()
        dispatcher.pump_until(lambda: not measuring.is_alive(), deadline=4, seconds=2 * PATIENCE)
        measuring.join()
        for other in others:
            dispatcher.run("DELETE FROM queue WHERE tenant_id = %s", other.tenant_id)
    assert measured["beside"][-1] < TIMES * measured["alone"][-1] + 1
