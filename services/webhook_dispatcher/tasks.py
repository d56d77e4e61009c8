"""The queue door: events and app changes come in, and a task of its own sends what is due."""

import asyncio
import logging
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import psycopg
import uvloop
from celery import Celery, signals
from psycopg.rows import class_row

from services.webhook_dispatcher import (
    automations,
    dispatch_queries,
    event_types,
    ladder,
    metrics,
    recovery_queries,
    resolver,
    stopping,
)
from services.webhook_dispatcher.addresses import Policy
from services.webhook_dispatcher.client import Client
from services.webhook_dispatcher.delivery import Vault
from services.webhook_dispatcher.fanout import Listener, NewEvent, Planned, accept, plan
from services.webhook_dispatcher.pump import Pump
from services.webhook_dispatcher.queues import SEND, SERVICE
from services.webhook_dispatcher.settings import Settings
from shared import broker, logs, partitions, worker
from shared.crypto import Keyring
from shared.database import OPTIONS, AsyncConnection, Connection
from shared.messages import AutomationDelivery, AutomationInterest, Event, WebhookApp, WebhookTenant
from shared.periodic import Periodic
from shared.settings import required
from shared.worker import Received

RECONNECT_SECONDS = 20
# Every statement of the sender goes from a few rows to others by key; where statistics are young, the planner would rather read history.
KEYED = f"{OPTIONS} -c enable_hashjoin=off -c enable_mergejoin=off -c enable_seqscan=off -c plan_cache_mode=force_generic_plan"
log = logging.getLogger(__name__)


def create_worker(settings: Settings) -> Celery:
    """Consumes `webhook_dispatcher` and `webhook_dispatcher.send`."""
    sender = Sender(settings)
    handlers = {
        Event: sender.fan_out,
        WebhookApp: change_apps,
        WebhookTenant: change_tenants,
        AutomationInterest: automations.change_interest,
        AutomationDelivery: sender.deliver,
    }
    celery = worker.create_worker(SERVICE, settings, handlers, sender.partitions)
    sender.celery = celery
    celery.task(sender.send, name=SEND, shared=False)
    signals.worker_shutting_down.connect(lambda **_: sender.stopping.set(), weak=False)
    return celery


def periodic(settings: Settings) -> list[Periodic]:
    """What the relay does for this service besides its outbox."""
    celery = broker.connect(SERVICE, settings.redis_url)
    return [
        Periodic("ring for due deliveries", 0.5, lambda conn: ring_if_due(conn, celery, settings.webhook_senders)),
        Periodic("release held deliveries", 1, stopping.release_held),
        Periodic(
            "disable failing webhooks",
            60,
            lambda conn: stopping.disable_long_failing(conn, settings.webhook_disable_after_days),
        ),
        Periodic("keep partitions", 3600, lambda conn: keep_partitions(conn, settings.webhook_retention_days)),
        Periodic("measure deliveries", 5, measure),
    ]


class Sender:
    """Fans events out and runs pumps; at most `webhook_senders` of them at a time, over all processes."""

    celery: Celery

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.partitions = partitions.Daily(*dispatch_queries.PARTITIONED)
        self.stopping = threading.Event()
        self.pumps: list[Pump] = []
        self.lock = threading.Lock()

    def fan_out(self, conn: Connection, messages: Sequence[Received[Event]]) -> None:
        """Stores new events and a delivery for each subscription that hears of them. Raises EventRefused for one that breaks its schema."""
        events = [accept(message.tenant_id, message.body, message.traceparent) for message in messages]
        new = _store(conn, events)
        automations.forward(conn, messages, {event.id for event in new})
        self._enqueue(conn, plan(new, _lock_listeners(conn, events)))

    def deliver(self, conn: Connection, messages: Sequence[Received[AutomationDelivery]]) -> None:
        """Queues what automations send to webhooks of their own app, and tells control-plane what became of each run."""
        automations.lock_listeners(conn, messages)
        for message in messages:
            event = automations.fired(message)
            listeners = automations.listeners(conn, message)
            refused = automations.objection(conn, message, event, listeners)
            if event is not None and refused is None:
                self._enqueue(conn, plan(_store(conn, [event]), listeners))
            automations.answer(conn, message, refused)

    def _enqueue(self, conn: Connection, planned: list[Planned]) -> None:
        if planned:
            conn.execute(dispatch_queries.INSERT_DELIVERIES, (_rows(planned),))
            conn.after_commit(self.ring)

    def ring(self) -> None:
        """Starts a pump unless enough are running; the one that is running looks again before it ends."""
        with self.lock:
            for pump in self.pumps:
                pump.wake()
            if self.pumps:
                return
        pool = self.celery.consumer.pool  # type: ignore[attr-defined]
        with pool.connection() as conn:
            running = _count(conn.execute(dispatch_queries.COUNT_SENDERS))
        if running < self.settings.webhook_senders:
            call_sender(self.celery)

    def send(self) -> None:
        """One turn of a pump. Does nothing when enough of them are running."""
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._turn())
        except (psycopg.OperationalError, OSError) as error:
            log.warning("sender stopped: %s; what it held comes due again", logs.describe(error))
        except Exception as error:  # Celery would log the error's text, which may quote a value
            log.error("sender failed: %s", logs.describe(error))

    async def _turn(self) -> None:
        async with await self._connect() as conn:
            await self.partitions.ensure_over(conn)
            number = await self._take_turn(conn)
            if number is None:
                return
            async with self._client() as client:
                pump = self._pump(client)
                try:
                    await self._run(pump, conn, number)
                except psycopg.OperationalError:
                    await self._finish(pump)

    async def _run(self, pump: Pump, conn: AsyncConnection, number: int) -> None:
        with self.lock:
            self.pumps.append(pump)
        try:
            await pump.run(conn)
        finally:
            with self.lock:
                self.pumps.remove(pump)
        # The next pump may begin while this one waits for slow receivers.
        await conn.execute(dispatch_queries.RELEASE_SENDER, {"number": number})
        if not self.stopping.is_set() and await self._anything_due(conn):
            call_sender(self.celery)
        await pump.drain(conn)

    async def _finish(self, pump: Pump) -> None:
        """The database went away: what is in flight is recorded over the next connection, or its lease ends and it is sent again."""
        patience = time.monotonic() + RECONNECT_SECONDS
        while pump.is_busy and time.monotonic() < patience:
            try:
                async with await self._connect() as conn:
                    await pump.drain(conn)
            except psycopg.OperationalError:
                await asyncio.sleep(0.3)

    async def _connect(self) -> AsyncConnection:
        dsn = required(self.settings.worker_database_url, "WORKER_DATABASE_URL")
        return await AsyncConnection.connect(dsn, options=KEYED, autocommit=True, prepare_threshold=1)

    def _pump(self, client: Client) -> Pump:
        vault = Vault(Keyring.from_text(self.settings.encryption_keys))
        schedule = ladder.parse_schedule(self.settings.webhook_retry_schedule)
        return Pump(client, vault, schedule, self.settings.webhook_sender_slots, self.stopping.is_set)

    async def _take_turn(self, conn: AsyncConnection) -> int | None:
        for number in range(self.settings.webhook_senders):
            cursor = await conn.execute(dispatch_queries.TAKE_SENDER, {"number": number})
            if await cursor.fetchone() == (True,):
                return number
        return None

    async def _anything_due(self, conn: AsyncConnection) -> bool:
        return await (await conn.execute(dispatch_queries.ANYTHING_DUE, {"after": ""})).fetchone() == (True,)

    def _client(self) -> Client:
        policy = Policy.from_text(self.settings.webhook_allowed_networks)
        return Client(policy, resolver.create(self.settings.webhook_resolver), self.settings.webhook_ca_file)


def change_apps(conn: Connection, messages: Sequence[Received[WebhookApp]]) -> None:
    """Takes in what auth tells of apps; an older state never overwrites a newer."""
    # In the order of their ids, so that two batches never wait for each other; each app's changes in theirs.
    for message in sorted(messages, key=lambda message: (message.body.client_id, message.body.version)):
        app = message.body
        parameters = {"tenant_id": message.tenant_id, "client_id": app.client_id}
        conn.execute(dispatch_queries.LOCK_APP, parameters)
        state = {"version": app.version, "status": app.status, "approved_events": app.approved_events}
        if conn.execute(dispatch_queries.UPSERT_APP, parameters | state).rowcount == 0:
            continue
        if app.status == "deleted":
            conn.execute(dispatch_queries.LOCK_SUBSCRIPTIONS_OF_APP, parameters)
            conn.execute(dispatch_queries.DELETE_QUEUED_OF_APP, parameters)
            conn.execute(dispatch_queries.DELETE_SUBSCRIPTIONS_OF_APP, parameters)
        else:
            _apply_to_subscriptions(conn, parameters, app)


def change_tenants(conn: Connection, messages: Sequence[Received[WebhookTenant]]) -> None:
    """A sandbox's webhooks from before that was kept are a sandbox's too."""
    sandboxes = sorted({one.tenant_id for one in messages if one.body.environment == "sandbox"})
    if sandboxes:
        conn.execute(dispatch_queries.REHEARSE, (sandboxes,))


def ring_if_due(conn: Connection, celery: Celery, senders: int) -> None:
    """Calls a sender for what has come due: a retry, a lease that ended with its sender, a call that Redis lost."""
    running = _count(conn.execute(dispatch_queries.COUNT_SENDERS))
    if running < senders and conn.execute(dispatch_queries.ANYTHING_DUE, {"after": ""}).fetchone() == (True,):
        call_sender(celery)


def call_sender(celery: Celery) -> None:
    try:
        celery.send_task(SEND, queue=SEND)
    except Exception as error:  # without its broker a sender is called for again, twice a second, until one comes
        log.debug("sender not called: %s", type(error).__name__)


def keep_partitions(conn: Connection, days: int) -> None:
    """Makes partitions ahead, and drops what is older than the retention, waiting deliveries with it."""
    for table in dispatch_queries.PARTITIONED:
        partitions.ensure(conn, table, days_ahead=8, days_back=8)
        partitions.drop_older(conn, table, days)
    conn.execute(recovery_queries.FORGET_EXPIRED, (datetime.now(UTC).date() - timedelta(days=days),))


def measure(conn: Connection) -> None:
    due, held, waiting, oldest = conn.execute(dispatch_queries.MEASURE).fetchone() or (0, 0, 0, 0)
    metrics.due.set(due)
    metrics.held.set(held)
    metrics.waiting.set(waiting)
    metrics.oldest.set(max(0, oldest))


def _store(conn: Connection, events: list[NewEvent]) -> list[NewEvent]:
    """The events that were not known yet."""
    new = {row[0] for row in conn.execute(dispatch_queries.INSERT_EVENTS, (_rows(events),))}
    return list({event.id: event for event in events if event.id in new}.values())


def _lock_listeners(conn: Connection, events: list[NewEvent]) -> list[Listener]:
    tenants = list({event.tenant_id for event in events})
    types = list({event.type for event in events})
    with conn.cursor(row_factory=class_row(Listener)) as cursor:
        return cursor.execute(dispatch_queries.LOCK_LISTENERS, (tenants, types)).fetchall()


def _rows(structs: Sequence[msgspec.Struct]) -> str:
    """As JSON, whose encoding costs a tenth of that of arrays."""
    return msgspec.json.encode(structs).decode()


def _apply_to_subscriptions(conn: Connection, app_key: dict[str, Any], app: WebhookApp) -> None:
    paused = app.status == "disabled"
    approved = [name for name in event_types.catalogue() if event_types.is_approved(name, app.approved_events)]
    for subscription_id, events, was_paused in conn.execute(
        dispatch_queries.LOCK_SUBSCRIPTIONS_OF_APP, app_key
    ).fetchall():
        live = [name for name in events if name in approved]
        parameters = {
            "subscription_id": subscription_id,
            "live_events": live,
            "approved_types": approved,
            "paused": paused,
        }
        conn.execute(dispatch_queries.SET_LIVE_EVENTS, parameters)
        conn.execute(dispatch_queries.GIVE_UP_UNAPPROVED, parameters)
        if paused and not was_paused:
            conn.execute(recovery_queries.HOLD, parameters)


def _count(cursor: psycopg.Cursor[Any]) -> int:
    row = cursor.fetchone()
    return int(row[0]) if row else 0
