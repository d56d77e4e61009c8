"""A dispatcher on a database of its own: its web application, its handlers and its sender, driven by the test."""

import asyncio
import threading
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx2
import psycopg
import pytest
from psycopg.rows import dict_row

from deploy.local.databases import Database
from deploy.local.redis_server import RedisServer
from services.webhook_dispatcher.app import create_app
from services.webhook_dispatcher.fanout import event_types
from services.webhook_dispatcher.fanout.intake import Intake
from services.webhook_dispatcher.history import decisions
from services.webhook_dispatcher.sending import ladder
from services.webhook_dispatcher.sending.addresses import create_resolver
from services.webhook_dispatcher.sending.client import Client
from services.webhook_dispatcher.sending.sender import Pump
from services.webhook_dispatcher.sending.signing import Vault
from services.webhook_dispatcher.settings import Settings
from services.webhook_dispatcher.subscriptions import apps
from shared.messaging.messages import Event, WebhookApp
from shared.primitives import ids
from shared.primitives.crypto import Keyring
from shared.storage.database import AsyncConnection, open_tasks_pool, task_transaction
from tests.support import alone
from tests.support.alone import ENCRYPTION_KEYS
from tests.support.cluster import TestDatabases
from tests.support.messages import received
from tests.support.receiver import SECRET, Receiver, running
from tests.support.waiting import PATIENCE, wait_for

WEBHOOKS = "/v1/webhooks"


class Partner(alone.App):
    service = "webhook_dispatcher"
    scopes = ("webhooks:write",)

    def put(self, path: str, body: Any) -> httpx2.Response:
        return self.call("PUT", path, json=body)

    def subscribe(self, url: str, *events: str, **fields: Any) -> str:
        """The path of a new webhook."""
        body = {"url": url, "events": list(events or ("incident.updated",)), "secret": SECRET} | fields
        answer = self.post(WEBHOOKS, body)
        assert answer.status_code == 201, answer.text
        return f"{WEBHOOKS}/{answer.json()['id']}"

    def deliveries(self, webhook: str, **query: Any) -> list[dict[str, Any]]:
        answer = self.get(webhook + "/deliveries", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()["deliveries"]

    def books(self, webhook: str) -> dict[str, Any]:
        return self.get(webhook + "/reconciliation").json()


class Dispatcher:
    """The steps of worker and relay, one at a time, for the tests of one module."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database = database
        self.settings = settings
        self.pool = open_tasks_pool(database.worker, max_size=4)
        self.owner = psycopg.connect(database.migrator, autocommit=True)
        self.intake = Intake(settings)
        self.rings = 0
        self.intake.ring = self._ring

    def _ring(self, named: Collection[str]) -> None:
        self.rings += 1

    def close(self) -> None:
        self.pool.close()
        self.owner.close()

    def rows(self, statement: Any, *parameters: Any) -> list[dict[str, Any]]:
        """Rows as the owner of the tables sees them, past row-level security."""
        with self.owner.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement, parameters).fetchall()

    def run(self, statement: Any, *parameters: Any) -> None:
        self.owner.execute(statement, parameters)

    def publish(self, tenant_id: str, *types: str, traceparent: str | None = None, **changes: Any) -> list[str]:
        """Events of these types with their catalogue examples, as one batch from the queue. Returns their ids."""
        events = [event(name, **changes) for name in types]
        self.fan_out([(tenant_id, one) for one in events], traceparent)
        return [one.event_id for one in events]

    def fan_out(self, events: list[tuple[str, Event]], traceparent: str | None = None) -> None:
        messages = [received(tenant_id, body, traceparent) for tenant_id, body in events]
        with task_transaction(self.pool) as conn:
            self.intake.fan_out(conn, messages)

    def change_app(self, partner: Partner, version: int = 1, **changes: Any) -> None:
        app = {"status": "active", "approved_events": ["incident.*"]} | changes
        body = WebhookApp(client_id=partner.caller.client_id, version=version, **app)
        with task_transaction(self.pool) as conn:
            apps.change_apps(conn, [received(partner.tenant_id, body)])

    def approve(self, partner: Partner, *patterns: str, version: int = 1) -> None:
        self.change_app(partner, version, approved_events=list(patterns))

    def release(self) -> int:
        """A second of the relay's work for recoveries."""
        self.work_off()
        with task_transaction(self.pool) as conn:
            return decisions.release_held(conn)

    def work_off(self, seconds: float = 30) -> int:
        with task_transaction(self.pool) as conn:
            return decisions.Chores().work_off(conn, seconds)

    def disable_failing(self) -> int:
        with task_transaction(self.pool) as conn:
            return decisions.disable_long_failing(conn, days=5)

    def pump_until(
        self, condition: Callable[[], Any], *, deadline: float = 15, seconds: float = PATIENCE, slots: int = 1024
    ) -> None:
        """Runs the sender until the condition holds and everything in flight is recorded; fails the test if it never does."""
        met = threading.Event()
        ended = threading.Event()

        def watch() -> None:
            try:
                wait_for(lambda: ended.is_set() or condition(), seconds)
                met.set()
            except AssertionError:
                pass
            ended.set()

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            asyncio.run(self.pump(ended, deadline, slots))
        finally:
            ended.set()
            watcher.join()
        assert met.is_set(), "the condition was not met while the sender ran"

    def client(self, deadline: float) -> Client:
        policy = self.settings.policy()
        return Client(policy, create_resolver(self.settings.webhook_resolver), self.settings.webhook_ca_file, deadline)

    def new_pump(self, client: Client, stop: Callable[[], bool], slots: int = 1024) -> Pump:
        schedule = ladder.parse_schedule(self.settings.webhook_retry_schedule)
        connect = partial(AsyncConnection.connect, self.database.worker, autocommit=True)
        return Pump(client, Vault(Keyring.from_text(ENCRYPTION_KEYS)), schedule, slots, stop, connect)

    async def pump(self, ended: threading.Event, deadline: float, slots: int = 1024) -> None:
        """A sender until `ended`, and then until everything in flight is recorded."""
        async with (
            await AsyncConnection.connect(self.database.worker, autocommit=True) as conn,
            self.client(deadline) as client,
        ):
            pump = self.new_pump(client, ended.is_set, slots)
            while not ended.is_set():
                await pump.run(conn)
            await pump.drain(conn)


def event(name: str, **changes: Any) -> Event:
    data = event_types.catalogue()[name].example | changes
    return Event(event_id=ids.new_id("evt"), type=name, timestamp=datetime.now(UTC), data=data)


def settings_for(database: Database, redis_url: str, **changes: Any) -> Settings:
    values = {"webhook_allowed_networks": "127.0.0.1/32", "webhook_retry_schedule": "50ms,50ms,50ms"}
    return alone.settings_for(Settings, database, redis_url, **values | changes)


@pytest.fixture(scope="module")
def database(databases: TestDatabases) -> Iterator[Database]:
    with databases.lent("webhook-dispatcher") as database:
        yield database


@pytest.fixture(scope="module")
def settings(database: Database, redis_server: RedisServer) -> Settings:
    return settings_for(database, redis_server.url)


@pytest.fixture(scope="module")
def http(settings: Settings) -> Iterator[httpx2.Client]:
    with alone.client_of(create_app(settings)) as client:
        yield client


@pytest.fixture(scope="module")
def dispatcher(database: Database, settings: Settings) -> Iterator[Dispatcher]:
    dispatcher = Dispatcher(database, settings)
    yield dispatcher
    dispatcher.close()


@pytest.fixture
def partner(http: httpx2.Client) -> Partner:
    return Partner(http)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running(Receiver()) as receiver:
        yield receiver
