"""Events come in and become deliveries: one for each subscription that is approved for them, numbered without a gap."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from typing import Any

import jsonschema_rs
import msgspec
from msgspec.structs import asdict
from psycopg.rows import class_row
from redis import RedisError

from services.webhook_dispatcher import metrics
from services.webhook_dispatcher.fanout import event_types, queries
from services.webhook_dispatcher.fanout.event_types import ABOUT_WEBHOOKS
from services.webhook_dispatcher.notices import mail
from services.webhook_dispatcher.queues import MOST_NAMED, MOST_RINGS, SENDER
from services.webhook_dispatcher.settings import Settings
from shared.messaging import broker, outbox
from shared.messaging.event_types import catalogue
from shared.messaging.filters import Filter, filter_errors, matches
from shared.messaging.messages import Event, PlatformEvent, Received
from shared.primitives import ids
from shared.process import redis_clients
from shared.storage.database import Connection
from shared.web import http

# In the log, the audience of an event that is not for certain apps alone.
EVERY_APP = ""
# The time of the next place in the log of each tenant whose head this transaction has locked.
Heads = Mapping[str, datetime]
# Of one transaction of the worker.
MOST_LISTENERS = 4000
MOST_DELIVERIES = 5000
LAST_SEQUENCE = 10**18
"""No webhook has so many deliveries; past it PostgreSQL has no next number."""


class EventRefused(Exception):
    """The event breaks the rules of its type. It becomes a dead letter, not a delivery."""


class NewEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it is stored; every delivery signs and sends the text in `body`.

    `about` is the webhook that must not get the event, `recipients` the only apps that may; None is every app. `kind` and `key` are its
    place in the log that apps read (`event_log`).
    """

    id: str
    at: datetime
    tenant_id: str
    type: str
    body: str
    traceparent: str | None
    about: str | None = None
    recipients: frozenset[str] | None = None
    kind: str = ""
    key: str | None = None


class Stored(NewEvent, frozen=True, kw_only=True):
    """The same with the time at which it was accepted, and the apps that may read it: "" for every app."""

    accepted_at: datetime
    audiences: list[str]


class Listener(msgspec.Struct, kw_only=True):
    """A subscription with an approved interest in one of the events; its row is locked. `filter` is JSON."""

    id: str
    tenant_id: str
    client_id: str
    live_events: list[str]
    last_sequence: int
    filter: str | None = None


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery to insert, with the next number of its subscription."""

    id: str
    at: datetime
    tenant_id: str
    subscription_id: str
    event_id: str
    event_at: datetime
    event_type: str
    sequence: int


class Intake:
    """Fans events out, and wakes a sender once their deliveries are committed."""

    def __init__(self, settings: Settings) -> None:
        self._redis = redis_clients.client(settings.redis_url)

    def fan_out(self, conn: Connection, messages: Sequence[Received[Event]]) -> None:
        """Makes a delivery for each subscription that listens. Raises EventRefused for an event that breaks its schema.

        Every event that an app may read is stored: apps also fetch those for which no webhook waits. Where the deliveries are more than
        `MOST_DELIVERIES`, those of the tenants with the most wait for the relay (waiting.py).
        """
        events = [accept(message.tenant_id, message.body, message.traceparent) for message in messages]
        mail.enqueue(conn, messages)
        events, waiting, listeners = _divide(conn, events)
        tenants, types = ({one.tenant_id for one in messages}, {one.body.type for one in messages})
        interests = dict(conn.execute(queries.INTERESTED, (list(tenants), list(types))).fetchall())
        # The ids of the events that an automation waits for.
        wanted = {one.body.event_id for one in messages if one.body.type in interests.get(one.tenant_id, ())}
        heads = lock_heads(conn, [message.tenant_id for message in messages])
        new = self.queue(
            conn,
            [event for event in events if event.id in wanted or (event.recipients is None or event.recipients)],
            listeners,
            heads,
        )
        if waiting:
            later = sorted(_store(conn, waiting, heads), key=lambda event: event.id)
            conn.execute(queries.ADD_WAITING, (_rows(later),))
            new += later
        forwarded = wanted & {event.id for event in new}
        for event_id, message in {message.body.event_id: message for message in messages}.items():
            if event_id in forwarded:
                event = message.body
                passed = PlatformEvent(
                    event_id=event_id,
                    type=event.type,
                    timestamp=event.timestamp,
                    data=event.data,
                    cause=event.cause,
                    recipients=event.recipients,
                )
                outbox.add_sync(conn, message.tenant_id, passed, traceparent=message.traceparent)

    def queue(
        self, conn: Connection, events: list[NewEvent], listeners: Sequence[Listener], heads: Heads
    ) -> list[NewEvent]:
        """Stores events and their deliveries. Returns the events that were new; the others have their deliveries already."""
        new = _store(conn, events, heads)
        sieve = Sieve((listener.id, listener.filter) for listener in listeners)
        planned = plan(new, listeners, sieve)
        sieve.record(conn)
        if planned:
            insert_deliveries(conn, planned)
            named = dict.fromkeys(one.subscription_id for one in planned)
            conn.after_commit(lambda: self.ring(named))
        return new

    def ring(self, named: Collection[str]) -> None:
        """Wakes one sender that has room, and names at most 256 subscriptions with new deliveries. Redis holds 64 such calls.

        Senders also look by themselves, so that a lost call, or a subscription that was not named, costs half a second.
        """
        try:
            with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.lpush(broker.bell_key(SENDER), " ".join(islice(named, MOST_NAMED)))
                pipeline.ltrim(broker.bell_key(SENDER), 0, MOST_RINGS - 1)
                pipeline.execute()
        except (RedisError, OSError):
            return


def insert_deliveries(conn: Connection, planned: Sequence[Planned]) -> None:
    if planned:
        conn.execute(queries.INSERT_DELIVERIES, (_rows(planned),))


def accept(tenant_id: str, event: Event, traceparent: str | None) -> NewEvent:
    """Raises EventRefused when the id, the type or the data breaks the catalogue's rules."""
    if not ids.is_id(event.event_id, "evt"):
        raise EventRefused("event id")
    reason = violation(event.type, event.data)
    if reason is not None:
        raise EventRefused(f"{event.type} {reason}")
    if event.recipients is not None and not catalogue()[event.type].for_named_apps:
        raise EventRefused(f"{event.type} is not for named apps")
    about = event.data["webhook_id"] if event.type in ABOUT_WEBHOOKS else None
    return NewEvent(
        id=event.event_id,
        at=time_of(event.event_id),
        tenant_id=tenant_id,
        type=event.type,
        body=body(event.type, event.timestamp, event.data, test=event.test),
        traceparent=traceparent,
        about=about,
        recipients=None if event.recipients is None else frozenset(event.recipients),
        kind=event_types.kind_of(event.type, event.data),
        key=event.data[catalogue()[event.type].key],
    )


def violation(event_type: str, data: dict[str, Any]) -> str | None:
    """Where `data` breaks the schema of this type, and by which rule, never the value. None when it fits."""
    if event_type not in catalogue():
        return "unknown event type"
    error = next(_validator(event_type).iter_errors(data), None)
    if error is None:
        return None
    place = "/".join(str(part) for part in error.instance_path)
    rule = error.schema_path[-1] if error.schema_path else "schema"
    return f"/{place}: {rule}"


@cache
def _validator(event_type: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(catalogue()[event_type].schema, validate_formats=True)


def body(event_type: str, timestamp: datetime, data: object, *, test: bool = False) -> str:
    """The payload of Standard Webhooks: type, time of the event and data, serialised once for all deliveries.

    Only events of a sandbox and test deliveries have the member `test`.
    """
    payload: dict[str, object] = {"type": event_type, "timestamp": timestamp.astimezone(UTC), "data": data}
    return http.encode(payload | ({"test": True} if test else {})).decode()


class Filtered(msgspec.Struct, kw_only=True):
    """The events that one webhook's filter held back in this transaction, and the last of them."""

    id: str
    number: int = 0
    event_id: str = ""
    event_type: str = ""


# Holds back every event, in place of a filter that no call can have stored.
UNREADABLE = Filter(pointer="", exists=False)


def _readable(stored: str) -> Filter:
    try:
        found = msgspec.json.decode(stored, type=Filter)
    except (msgspec.DecodeError, RecursionError):
        return UNREADABLE
    return UNREADABLE if filter_errors(found, "") else found


class Sieve:
    """`filters` maps webhooks to their filters as JSON, or None. An event's data is read once, and only for a webhook with a filter."""

    def __init__(self, filters: Iterable[tuple[str, str | None]]) -> None:
        self._filters = {webhook: _readable(stored) for webhook, stored in filters if stored is not None}
        self._data: dict[str, Any] = {}
        self._held_back: dict[str, Filtered] = {}

    def passes(self, webhook: str, event_id: str, event_type: str, body: str) -> bool:
        """Whether the webhook gets the event. Counts it if not."""
        given = self._filters.get(webhook)
        if given is None:
            return True
        if event_id not in self._data:
            self._data[event_id] = msgspec.json.decode(body)["data"]
        if matches(given, self._data[event_id]):
            return True
        held_back = self._held_back.setdefault(webhook, Filtered(id=webhook))
        held_back.number += 1
        held_back.event_id, held_back.event_type = event_id, event_type
        return False

    def record(self, conn: Connection) -> None:
        """Adds the counts to the webhooks, whose rows are locked."""
        if self._held_back:
            held_back = list(self._held_back.values())
            conn.execute(queries.COUNT_FILTERED, (msgspec.json.encode(held_back).decode(),))
            metrics.filtered.inc(sum(one.number for one in held_back))


def plan(events: Iterable[NewEvent], listeners: Sequence[Listener], sieve: Sieve) -> list[Planned]:
    """A delivery for every event and listener that match, numbered on from each listener's last.

    Within one batch of the queue the numbers follow the events' ids, and so the time at which their producers made them. Between batches
    they follow the order of arrival: an event that was delayed on its way has a later number than younger ones.
    A webhook gets no event about itself, and none after a number that no call can have stored.
    """
    by_tenant: dict[str, list[Listener]] = {}
    for listener in listeners:
        if 0 <= listener.last_sequence < LAST_SEQUENCE:
            by_tenant.setdefault(listener.tenant_id, []).append(listener)
    planned: list[Planned] = []
    sequences = {listener.id: listener.last_sequence for listener in listeners}
    for event in sorted(events, key=lambda event: event.id):
        for listener in by_tenant.get(event.tenant_id, ()):
            may_get = event.recipients is None or listener.client_id in event.recipients
            if event.type not in listener.live_events or event.about == listener.id or not may_get:
                continue
            if not sieve.passes(listener.id, event.id, event.type, event.body):
                continue
            sequences[listener.id] += 1
            delivery_id = ids.new_id("dlv")
            planned.append(
                Planned(
                    id=delivery_id,
                    at=time_of(delivery_id),
                    tenant_id=listener.tenant_id,
                    subscription_id=listener.id,
                    event_id=event.id,
                    event_at=event.at,
                    event_type=event.type,
                    sequence=sequences[listener.id],
                )
            )
    return planned


def time_of(identifier: str) -> datetime:
    """When an id was made, which names the partition of its row. Raises ValueError past the year 9999."""
    return datetime.fromtimestamp(ids.milliseconds(ids.uuid_of(identifier)) / 1000, UTC)


def _divide(conn: Connection, events: list[NewEvent]) -> tuple[list[NewEvent], list[NewEvent], list[Listener]]:
    """The events to fan out now, those of tenants with too many deliveries, and the locked listeners of the first."""
    listeners = _lock_listeners(conn, events)
    takers = Counter((listener.tenant_id, name) for listener in listeners for name in listener.live_events)
    deliveries = sum(takers[event.tenant_id, event.type] for event in events)
    if len(listeners) <= MOST_LISTENERS and deliveries <= MOST_DELIVERIES:
        return events, [], listeners
    per_event = dict(conn.execute(queries.COUNT_LISTENERS, _heard(events)).fetchall())
    number = Counter(event.tenant_id for event in events)
    now, listening, deliveries = set[str](), 0, 0
    for tenant_id in sorted(number, key=lambda tenant_id: number[tenant_id] * per_event.get(tenant_id, 0)):
        listening += per_event.get(tenant_id, 0)
        deliveries += number[tenant_id] * per_event.get(tenant_id, 0)
        if listening > MOST_LISTENERS or deliveries > MOST_DELIVERIES:
            break
        now.add(tenant_id)
    first = [event for event in events if event.tenant_id in now]
    return first, [event for event in events if event.tenant_id not in now], _lock_listeners(conn, first)


def _lock_listeners(conn: Connection, events: list[NewEvent]) -> list[Listener]:
    """At most one more than `MOST_LISTENERS`."""
    with conn.cursor(row_factory=class_row(Listener)) as cursor:
        parameters = _heard(events) | {"after": "", "most": MOST_LISTENERS + 1}
        return cursor.execute(queries.LOCK_LISTENERS, parameters).fetchall()


def _heard(events: list[NewEvent]) -> dict[str, list[str]]:
    return {"tenants": list({event.tenant_id for event in events}), "types": list({event.type for event in events})}


def lock_heads(conn: Connection, tenants: Iterable[str]) -> Heads:
    """Locks the logs of these tenants until the transaction ends: their readers see its events after all earlier ones, or none of them.

    Lock the listeners first. One call for all tenants of a transaction, so that two transactions never wait for each other.
    """
    names = sorted(set(tenants))
    heads = dict(conn.execute(queries.LOCK_HEADS, (names,)).fetchall())
    if missing := [name for name in names if name not in heads]:
        conn.execute(queries.ADD_HEADS, (missing,))
        heads = dict(conn.execute(queries.LOCK_HEADS, (names,)).fetchall())
    return heads


def _store(conn: Connection, events: list[NewEvent], heads: Heads) -> list[NewEvent]:
    """The events that were not stored before."""
    if not events:
        return []
    # In the order of their ids, so that two batches with the same events wait for each other without a deadlock.
    once = {event.id: event for event in sorted(events, key=lambda event: event.id)}
    ordered = [
        Stored(
            **asdict(event),
            accepted_at=heads[event.tenant_id],
            audiences=[EVERY_APP] if event.recipients is None else sorted(event.recipients),
        )
        for event in once.values()
    ]
    new = {row[0] for row in conn.execute(queries.INSERT_EVENTS, (_rows(ordered),))}
    return [event for event in once.values() if event.id in new]


def _rows(structs: Sequence[msgspec.Struct]) -> str:
    """As JSON, whose encoding costs a tenth of that of arrays."""
    return msgspec.json.encode(structs).decode()
