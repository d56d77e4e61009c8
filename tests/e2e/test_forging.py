"""An attacker has the Redis password and the signing key of one service. Messages that this service may not send have no effect.

The tests run on the real stack: its Redis with its users, its workers with their keys.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from psycopg import sql
from redis import Redis
from redis.exceptions import NoPermissionError

from deploy.local import databases
from deploy.local.table import SERVICES, by_name
from shared.messaging import authenticity
from shared.messaging.broker import Call
from shared.messaging.messages import (
    EVENT_TYPES,
    MESSAGES,
    PRODUCERS,
    TIMED,
    acknowledgements_queue,
    batches_queue,
    consumer_of,
    name_of,
    queues_of,
)
from shared.primitives import ids
from shared.primitives.crypto import Signer
from tests.support.messages import envelope
from tests.support.plain import PLAIN
from tests.support.stack import App, Stack
from tests.support.waiting import wait_for

GOLDEN = Path(__file__).parents[1] / "messages"
SERVED = {queue for service in SERVICES for queue in queues_of(service.database)}
FUTURE = 4 * 10**18


class Attacker:
    """Has the Redis password and the signing key of one service."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.name = name
        secrets = json.loads((Path(stack.described["state"]) / "secrets.json").read_text())
        self.signer = Signer(secrets[f"signing key of {by_name(name).name}"])
        url = databases.address(stack.described["redis_url"], "0", name, secrets[f"redis user {name}"])
        self.redis = Redis.from_url(url)
        self.sent: Counter[str] = Counter()

    def batch(self, consumer: str, *bodies: dict[str, Any], tenant: str, sender: str = "") -> list[Any]:
        """The arguments of a signed Celery call, in the name of another service if `sender` is given."""
        text = json.dumps([envelope(tenant, body) for body in bodies])
        return list(authenticity.seal(self.signer, "batch", sender or self.name, consumer, text))

    def push(self, queue: str, task: str, args: list[Any]) -> bool:
        """Appends the call to the queue. False if Redis refuses that."""
        try:
            self.redis.lpush(queue, msgspec.json.encode(Call(task, args)))
        except NoPermissionError:
            self.sent["refused by Redis"] += 1
            return False
        if queue not in SERVED:
            self.redis.ltrim(queue, 1, 0)  # its own queue, which no worker reads
            self.sent["read by nobody"] += 1
            return False
        self.sent["put into a queue"] += 1
        return True

    def close(self) -> None:
        self.redis.close()


@pytest.fixture(params=[service.database for service in SERVICES])
def attacker(request: pytest.FixtureRequest, stack: Stack) -> Iterator[Attacker]:
    attacker = Attacker(stack, request.param)
    yield attacker
    attacker.close()


@pytest.fixture(scope="module")
def victim(stack: Stack) -> App:
    """An app of the other tenant. Waits until every service knows it."""
    app = stack.register_app(["webhooks:write"], admin_token=stack.other.access_token)
    wait_for(lambda: states(stack, app), what="the app everywhere")
    return app


def states(stack: Stack, app: App) -> list[Any] | None:
    """The app's state in each service."""
    found: list[Any] = []
    for name in ("webhook-dispatcher", "graphql-api", "epcr", "control-plane"):
        table = sql.Identifier("graphql_apps" if name == "graphql-api" else "apps")
        query = sql.SQL("SELECT to_jsonb(kept) FROM {} AS kept WHERE client_id = %s").format(table)
        with stack.database(name, "admin") as conn:
            row = conn.execute(query, (app.client_id,)).fetchone()
        if row is None:
            return None
        found.append(row[0])
    return found


def counts(stack: Stack) -> dict[str, Any]:
    """The numbers of rows that a forged message could make or end."""
    asked = {
        "webhook-dispatcher": "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM dead_letters)",
        "graphql-api": "SELECT (SELECT count(*) FROM incidents), (SELECT count(*) FROM dead_letters)",
        "epcr": "SELECT (SELECT count(*) FROM observations), (SELECT count(*) FROM dead_letters)",
        "device-ingest": "SELECT (SELECT count(*) FROM observations), (SELECT count(*) FROM dead_letters)",
        "control-plane": "SELECT (SELECT count(*) FROM automation_runs), (SELECT count(*) FROM dead_letters)",
        "auth": "SELECT (SELECT count(*) FROM apps), (SELECT count(*) FROM dead_letters)",
    }
    answers: dict[str, Any] = {}
    for name, query in asked.items():
        with stack.database(name, "admin") as conn:
            answers[name] = conn.execute(query).fetchone()  # type: ignore[arg-type]
    return answers


def counts_at_rest(stack: Stack) -> dict[str, Any]:
    """Relays may still be at the work of tests before, such as the runs of an automation that was deleted."""

    def steady() -> dict[str, Any] | None:
        seen = counts(stack)
        time.sleep(2)
        return seen if counts(stack) == seen else None

    return wait_for(steady, what="the work of earlier tests to be done")


def refusals(stack: Stack) -> float:
    """The number of refused messages of all workers."""
    total = 0.0
    workers = [
        service["ops"]["worker"] for service in stack.described["services"].values() if "worker" in service["ops"]
    ]
    for url in workers:
        text = httpx2.get(f"{url}/metrics", trust_env=False, verify=PLAIN).text
        total += sum(
            float(line.split()[-1]) for line in text.splitlines() if line.startswith("messages_refused_total{")
        )
    return total


def golden(kind: Any, victim: App, tenant: str) -> dict[str, Any]:
    """A message of that kind that would change the victim."""
    body: dict[str, Any] = json.loads((GOLDEN / f"{name_of(kind)}.json").read_text())
    if "client_id" in body:
        body["client_id"] = victim.client_id
    if "tenant_id" in body:
        body["tenant_id"] = tenant
    if "status" in body and kind in TIMED:
        body["version"] = time.time_ns() // 1_000_000 + 60_000
    if "event_id" in body:
        body["event_id"] = ids.new_id("evt")
        body["data"].pop("organization_id", None)
    return body


def test_a_service_in_strange_hands_says_nothing_that_is_not_its_own_to_say(
    stack: Stack, attacker: Attacker, victim: App
) -> None:
    tenant = stack.other.id
    before, known, was_refused = counts_at_rest(stack), states(stack, victim), refusals(stack)
    # In its own name and in the name of a service that may send it, into its own queue and into that service's queue.
    for kind in MESSAGES:
        consumer = consumer_of(kind)
        for sender in {attacker.name, *PRODUCERS[kind]}:
            if attacker.name in PRODUCERS[kind] and sender == attacker.name:
                continue
            args = attacker.batch(consumer, golden(kind, victim, tenant), tenant=tenant, sender=sender)
            for queue in {batches_queue(consumer, attacker.name), batches_queue(consumer, sender)}:
                attacker.push(queue, "consume", args)
    # Kinds that it may send, but with a future version, without a tenant, unsigned, old, or garbage.
    for kind in MESSAGES:
        consumer = consumer_of(kind)
        if attacker.name not in PRODUCERS[kind]:
            continue
        queue, body = batches_queue(consumer, attacker.name), golden(kind, victim, tenant)
        if "version" in kind.__struct_fields__:
            attacker.push(queue, "consume", attacker.batch(consumer, body | {"version": FUTURE}, tenant=tenant))
        for nobody in ("", "platform", "org_'", "*"):
            attacker.push(queue, "consume", attacker.batch(consumer, body, tenant=nobody))
        signed = attacker.batch(consumer, body, tenant=tenant)
        attacker.push(queue, "consume", signed[:3])
        attacker.push(queue, "consume", [signed[0], 1, *signed[2:]])
        attacker.push(queue, "celery.map", signed)
        attacker.redis.lpush(queue, b"\xff garbage")
        attacker.sent["put into a queue"] += 1
        if name_of(kind).startswith("webhook_dispatcher.event"):
            for owner, types in EVENT_TYPES.items():
                if owner != attacker.name:
                    for one in types:
                        forged = attacker.batch(consumer, body | {"type": one}, tenant=tenant)
                        attacker.push(queue, "consume", forged)
    assert attacker.sent.total() >= 40
    expected = was_refused + attacker.sent["put into a queue"]
    wait_for(lambda: refusals(stack) >= expected, what=f"{expected:.0f} refusals")
    assert states(stack, victim) == known
    assert counts(stack) == before


def test_nobody_acknowledges_for_others(stack: Stack, attacker: Attacker) -> None:
    """Sends acknowledgements to every queue for them, signed with its own key in the name of the consumer."""
    was_refused, reached = refusals(stack), 0
    for kind, producers in PRODUCERS.items():
        for producer in producers:
            consumer = consumer_of(kind)
            if consumer == attacker.name:
                continue
            sealed = list(authenticity.seal(attacker.signer, "acknowledgement", consumer, producer, "[]"))
            for queue in {acknowledgements_queue(producer, consumer), acknowledgements_queue(producer, attacker.name)}:
                reached += attacker.push(queue, "acknowledge", sealed)
    wait_for(lambda: refusals(stack) >= was_refused + reached, what="refusals")
