"""A sandbox's example webhook: deliveries that were never sent, and erasing that touches no webhook of production."""

from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from msgspec import structs

from services.webhook_dispatcher.fanout import sandbox as work
from services.webhook_dispatcher.sending.signing import Vault
from shared.messaging.messages import SandboxDeliveries
from shared.primitives import ids
from shared.primitives.crypto import Keyring
from shared.storage.database import task_transaction
from tests.support.alone import ENCRYPTION_KEYS
from tests.support.messages import received
from tests.webhook_dispatcher.conftest import WEBHOOKS, Dispatcher, Partner, event


class Sandbox:
    """A sandbox and its administrator app, which the example webhook is of."""

    def __init__(self, dispatcher: Dispatcher, http: httpx2.Client) -> None:
        self.dispatcher = dispatcher
        self.partner = Partner(http, environment="sandbox")
        self.id = self.partner.tenant_id
        self.fields: dict[str, Any] = {
            "sandbox_id": ids.new_id("sbx"),
            "client_id": self.partner.client_id,
            "generation": 1,
            "seed": 3,
            "until": datetime.now(UTC),
        }
        dispatcher.approve(self.partner, "incident.*")

    def perform(self, task: str, tenant_id: str = "", **more: Any) -> None:
        fields: dict[str, Any] = {**self.fields, "task": task, **more}
        body = SandboxDeliveries(**fields)
        with task_transaction(self.dispatcher.pool) as conn:
            work.perform(Vault(Keyring.from_text(ENCRYPTION_KEYS)), conn, [received(tenant_id or self.id, body)])

    def left(self) -> bool:
        rows = self.dispatcher.rows(
            "SELECT body FROM outbox WHERE tenant_id = %s AND name = 'auth.sandbox_portion_done.v1' ORDER BY id",
            self.id,
        )
        return rows[-1]["body"]["left"]

    def count(self, table: str, tenant_id: str = "") -> int:
        statement = f"SELECT count(*) AS number FROM {table} WHERE tenant_id = %s"
        return self.dispatcher.rows(statement, tenant_id or self.id)[0]["number"]

    def erase(self, task: str = "erase") -> None:
        for _ in range(100):
            self.perform(task)
            if not self.left():
                return
        raise AssertionError("erasing does not end")

    def webhook(self) -> str:
        [one] = self.partner.get(WEBHOOKS).json()["webhooks"]
        assert one["enabled"] is False
        return f"{WEBHOOKS}/{one['id']}"


@pytest.fixture
def sandbox(dispatcher: Dispatcher, http: httpx2.Client) -> Sandbox:
    return Sandbox(dispatcher, http)


def test_its_history_shows_successes_failures_and_attempts(sandbox: Sandbox) -> None:
    sandbox.perform("seed")
    webhook = sandbox.webhook()
    deliveries = sandbox.partner.deliveries(webhook, limit=100)
    assert {"succeeded", "failed"} <= {one["status"] for one in deliveries}
    assert sorted(one["sequence"] for one in deliveries) == list(range(1, len(deliveries) + 1))
    failed = next(one for one in deliveries if one["status"] == "failed")
    history = sandbox.partner.get(f"{webhook}/deliveries/{failed['id']}").json()
    assert len(history["attempts"]) == 3
    assert '"test":true' in history["request_body"].replace(" ", "")


def test_nothing_of_it_waits_to_be_sent(sandbox: Sandbox) -> None:
    sandbox.perform("seed")
    sandbox.dispatcher.publish(sandbox.id, "incident.created")
    assert sandbox.count("queue") == 0


def test_seeding_again_changes_nothing(sandbox: Sandbox) -> None:
    sandbox.perform("seed")
    before = {table: sandbox.count(table) for table in ("subscriptions", "events", "deliveries", "attempts")}
    sandbox.perform("seed")
    assert before == {table: sandbox.count(table) for table in before}


def test_a_failing_receiver_recovers_at_its_third_attempt(sandbox: Sandbox) -> None:
    sandbox.perform("failing_receiver", number=1, at=datetime.now(UTC))
    webhook = sandbox.webhook()
    [delivery] = sandbox.partner.deliveries(webhook)
    history = sandbox.partner.get(f"{webhook}/deliveries/{delivery['id']}").json()
    assert (delivery["status"], delivery["attempt"]) == ("succeeded", 3)
    assert [one["response_status"] for one in history["attempts"]] in ([503, None, 200], [200, None, 503])


def test_erasing_takes_deliveries_and_leaves_the_webhooks_that_callers_made(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "ERASED", 10)
    sandbox.perform("seed")
    own = sandbox.partner.subscribe("https://integrator.example/", "incident.created")
    sandbox.dispatcher.publish(sandbox.id, "incident.created")
    sandbox.erase()
    for table in ("events", "deliveries", "attempts", "queue"):
        assert sandbox.count(table) == 0, table
    assert [one["id"] for one in sandbox.partner.get(WEBHOOKS).json()["webhooks"]] == [own.rpartition("/")[2]]
    sandbox.erase("end")
    assert sandbox.count("subscriptions") == 0


def test_erased_events_can_be_fetched_by_nobody_and_a_deleted_sandbox_keeps_no_address(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "ERASED", 10)
    sent = [structs.replace(event("incident.created"), test=True) for _ in range(12)]
    sandbox.dispatcher.fan_out([(sandbox.id, one) for one in sent])
    assert sandbox.partner.post("/v1/consumers", {"name": "inbox"}).status_code == 201
    assert sandbox.partner.put(f"{WEBHOOKS}/contacts", {"emails": ["ops@integrator.example"]}).status_code == 200
    assert len(sandbox.partner.get("/v1/events").json()["events"]) == 12
    sandbox.erase()
    assert sandbox.partner.get("/v1/events").json()["events"] == []
    tables = ("events", "event_log", "contacts", "consumers")
    assert {table: sandbox.count(table) for table in tables} == dict(zip(tables, (0, 0, 1, 1), strict=True))
    sandbox.perform("seed")
    seeded = sandbox.partner.get("/v1/events", params={"limit": 100}).json()["events"]
    assert len(seeded) == len({one["id"] for one in seeded}) > 10
    assert sandbox.partner.get(f"/v1/events/{seeded[0]['id']}").json() == seeded[0]
    sandbox.erase()
    sandbox.erase("end")
    assert {table: sandbox.count(table) for table in tables} == dict.fromkeys(tables, 0)


def test_erasing_touches_no_webhook_of_production_whoever_asks(
    sandbox: Sandbox, partner: Partner, dispatcher: Dispatcher
) -> None:
    """Not even where a message names the tenant of production, which auth never sends."""
    dispatcher.approve(partner, "incident.*")
    partner.subscribe("https://integrator.example/", "incident.created")
    partner.post("/v1/consumers", {"name": "inbox"})
    partner.put(f"{WEBHOOKS}/contacts", {"emails": ["ops@integrator.example"]})
    dispatcher.publish(partner.tenant_id, "incident.created", "incident.created")
    sandbox.perform("seed")
    for task in ("erase", "end"):
        sandbox.perform(task, tenant_id=partner.tenant_id)
    sandbox.erase("end")
    tables = ("subscriptions", "events", "deliveries", "event_log", "consumers", "contacts")
    counts = {table: sandbox.count(table, partner.tenant_id) for table in tables}
    assert counts == dict(zip(tables, (1, 2, 2, 2, 1, 1), strict=True))
