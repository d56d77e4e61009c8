"""The queue door: events and app changes come in. Sending is a process of its own (sender.py)."""

import time
import uuid
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import msgspec
import psycopg
from celery import Celery
from psycopg.rows import class_row
from redis import RedisError

from services.webhook_dispatcher import (
    approval,
    automations,
    chore_queries,
    chores,
    dispatch_queries,
    event_types,
    metrics,
    recovery_queries,
    stopping,
)
from services.webhook_dispatcher.fanout import Listener, NewEvent, Planned, accept, listened_to, plan
from services.webhook_dispatcher.queues import MOST_NAMED, MOST_RINGS, SENDER, SERVICE
from services.webhook_dispatcher.settings import Settings
from shared import broker, ids, partitions, redis_clients, worker
from shared.database import Connection
from shared.messages import AutomationDelivery, AutomationInterest, Event, WebhookApp, WebhookTenant
from shared.periodic import Periodic
from shared.worker import Received

FIRST_PORTIONS_SECONDS = 0.5
FORGET_SECONDS = 5.0


def create_worker(settings: Settings) -> Celery:
    """Consumes `webhook_dispatcher`."""
    intake = Intake(settings)
    handlers = {
        Event: intake.fan_out,
        WebhookApp: change_apps,
        WebhookTenant: change_tenants,
        AutomationInterest: automations.change_interest,
        AutomationDelivery: intake.deliver,
    }
    return worker.create_worker(SERVICE, settings, handlers, partitions.Daily(*dispatch_queries.PARTITIONED))


def periodic(settings: Settings) -> list[Periodic]:
    """What the relay does for this service besides its outbox."""
    return [
        Periodic("release held deliveries", 1, lambda conn: stopping.release_held(conn, pause=0.9)),
        Periodic("do chores", 1, chores.work_off),
        Periodic(
            "disable failing webhooks",
            60,
            lambda conn: stopping.disable_long_failing(conn, settings.webhook_disable_after_days),
        ),
        Periodic("keep partitions", 3600, lambda conn: keep_partitions(conn, settings.webhook_retention_days)),
        Periodic("measure deliveries", 5, measure),
    ]


class Intake:
    """Fans events out, and rings for a sender once their deliveries are committed."""

    def __init__(self, settings: Settings) -> None:
        self._redis = redis_clients.client(settings.redis_url)

    def fan_out(self, conn: Connection, messages: Sequence[Received[Event]]) -> None:
        """A delivery for each subscription that listens. Raises EventRefused for an event that breaks its schema.

        An event that nobody listens to, neither a webhook nor an automation, is not stored.
        """
        events = [accept(message.tenant_id, message.body, message.traceparent) for message in messages]
        listeners = _lock_listeners(conn, events)
        wanted = automations.wanted(conn, messages)
        heard = wanted | listened_to(events, listeners)
        new = _store(conn, [event for event in events if event.id in heard])
        automations.forward(conn, messages, wanted & {event.id for event in new})
        self._enqueue(conn, plan(new, listeners))

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
            named = dict.fromkeys(one.subscription_id for one in planned)
            conn.after_commit(lambda: self.ring(named))

    def ring(self, named: Collection[str]) -> None:
        """Wakes one sender that has room, with the subscriptions that something waits for: at most 256, and 64 such calls in all.

        Senders look by themselves too, so that a bell not heard, and who was not named, costs half a second.
        """
        try:
            with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.lpush(broker.bell_key(SENDER), " ".join(islice(named, MOST_NAMED)))
                pipeline.ltrim(broker.bell_key(SENDER), 0, MOST_RINGS - 1)
                pipeline.execute()
        except (RedisError, OSError):
            return


def change_apps(conn: Connection, messages: Sequence[Received[WebhookApp]]) -> None:
    """Takes in what auth tells of apps; an older state never overwrites a newer.

    It holds for every claim and every event from the commit on, whatever waits: what follows for the rows of the past is done in portions.
    """
    # In the order of their ids, so that two batches never wait for each other; each app's changes in theirs.
    for message in sorted(messages, key=lambda message: (message.body.client_id, message.body.version)):
        app = message.body
        parameters = {"tenant_id": message.tenant_id, "client_id": app.client_id}
        conn.execute(dispatch_queries.LOCK_APP, parameters)
        state = {"version": app.version, "status": app.status, "approved_events": app.approved_events}
        changed = conn.execute(dispatch_queries.UPSERT_APP, parameters | state).fetchone()
        if changed is None:
            continue
        subscriptions = conn.execute(dispatch_queries.LOCK_SUBSCRIPTIONS_OF_APP, parameters).fetchall()
        names = [row[0] for row in subscriptions]
        if app.status == "deleted":
            conn.execute(dispatch_queries.DELETE_SUBSCRIPTIONS_OF_APP, parameters)
            _leave_chores(conn, names, message.tenant_id, "deleted")
        else:
            _apply_to_subscriptions(conn, subscriptions, app)
            if _withdrawn(changed[0], app.approved_events):
                _leave_chores(conn, names, message.tenant_id, "unapproved")


def change_tenants(conn: Connection, messages: Sequence[Received[WebhookTenant]]) -> None:
    """A sandbox's webhooks from before that was kept are a sandbox's too."""
    sandboxes = sorted({one.tenant_id for one in messages if one.body.environment == "sandbox"})
    if sandboxes:
        conn.execute(dispatch_queries.REHEARSE, (sandboxes,))


def keep_partitions(conn: Connection, days: int) -> None:
    """Makes partitions ahead, and drops what is older than the retention, once what still waits of it is given up."""
    for table in dispatch_queries.PARTITIONED:
        partitions.ensure(conn, table, days_ahead=8, days_back=8)
    conn.commit()
    before = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days)
    if all(_forget_expired(conn, before, prefix) for prefix in ("dlv", "dlv_test")):
        for table in dispatch_queries.PARTITIONED:
            partitions.drop_older(conn, table, days)


def measure(conn: Connection) -> None:
    due, held, waiting, oldest = conn.execute(dispatch_queries.MEASURE).fetchone() or (0, 0, 0, 0)
    metrics.due.set(due)
    metrics.held.set(held)
    metrics.waiting.set(waiting)
    metrics.oldest.set(max(0, oldest))
    number, age = conn.execute(chore_queries.MEASURE).fetchone() or (0, 0)
    metrics.chores.set(number)
    metrics.chore_age.set(max(0, age))
    metrics.senders.set(_count(conn.execute(dispatch_queries.COUNT_SENDERS)))


def _forget_expired(conn: Connection, before: datetime, prefix: str) -> bool:
    """Gives up what is past its retention, in portions. False where time ran out first.

    An event may be a little older than its delivery: two further days are looked through for such.
    """
    until = time.monotonic() + FORGET_SECONDS
    end_ms = int((before + timedelta(days=2)).timestamp() * 1000)
    after, end = prefix + "_", ids.id_of(prefix, uuid.UUID(int=end_ms << 80))
    while time.monotonic() < until:
        parameters = {"before": before, "after": after, "until": end, "portion": chore_queries.PORTION}
        looked, after = conn.execute(recovery_queries.FORGET_EXPIRED, parameters).fetchone() or (0, "")
        conn.commit()
        if looked < chore_queries.PORTION:
            return True
    return False


def _store(conn: Connection, events: list[NewEvent]) -> list[NewEvent]:
    """The events that were not known yet."""
    if not events:
        return []
    # In the order of their ids, so that two batches with the same events wait for each other instead of locking up.
    ordered = sorted(events, key=lambda event: event.id)
    new = {row[0] for row in conn.execute(dispatch_queries.INSERT_EVENTS, (_rows(ordered),))}
    return list({event.id: event for event in events if event.id in new}.values())


def _lock_listeners(conn: Connection, events: list[NewEvent]) -> list[Listener]:
    tenants = list({event.tenant_id for event in events})
    types = list({event.type for event in events})
    with conn.cursor(row_factory=class_row(Listener)) as cursor:
        return cursor.execute(dispatch_queries.LOCK_LISTENERS, (tenants, types)).fetchall()


def _rows(structs: Sequence[msgspec.Struct]) -> str:
    """As JSON, whose encoding costs a tenth of that of arrays."""
    return msgspec.json.encode(structs).decode()


def _apply_to_subscriptions(conn: Connection, subscriptions: Sequence[tuple[Any, ...]], app: WebhookApp) -> None:
    for subscription_id, events in subscriptions:
        parameters = {
            "subscription_id": subscription_id,
            "live_events": [name for name in events if event_types.is_approved(name, app.approved_events)],
            "paused": app.status == "disabled",
        }
        conn.execute(dispatch_queries.SET_LIVE_EVENTS, parameters)


def _withdrawn(before: list[str] | None, now: list[str]) -> bool:
    """Whether an app may be sent less than before."""
    known = approval.DEFAULT if before is None else before
    return any(
        event_types.is_approved(name, known) and not event_types.is_approved(name, now)
        for name in event_types.catalogue()
    )


def _leave_chores(conn: Connection, subscriptions: Sequence[str], tenant_id: str, kind: str) -> None:
    """Writes them down, and does the first portions while it is quick."""
    conn.execute(*chores.begin_all(subscriptions, tenant_id, kind))
    until = time.monotonic() + FIRST_PORTIONS_SECONDS
    for subscription_id in subscriptions:
        if time.monotonic() < until:
            chores.first_portion_sync(conn, subscription_id, kind)


def _count(cursor: psycopg.Cursor[Any]) -> int:
    row = cursor.fetchone()
    return int(row[0]) if row else 0
