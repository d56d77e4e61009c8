"""Which subscriptions hear of an event, and the number each of them gives it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import msgspec

from services.webhook_dispatcher import event_types
from shared import http, ids
from shared.messages import Event


class EventRefused(Exception):
    """The event is not what its type promises; it is laid aside, not sent."""


class NewEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it is stored; `body` is the text every delivery signs and sends."""

    id: str
    at: datetime
    tenant_id: str
    type: str
    body: str
    traceparent: str | None
    about: str | None = None


class Listener(msgspec.Struct, kw_only=True):
    """A subscription with an approved interest in one of the events; its row is locked."""

    id: str
    tenant_id: str
    live_events: list[str]
    last_sequence: int


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery to be, with the next number of its subscription, as it is stored."""

    id: str
    at: datetime
    tenant_id: str
    subscription_id: str
    event_id: str
    event_at: datetime
    event_type: str
    sequence: int


def accept(tenant_id: str, event: Event, traceparent: str | None) -> NewEvent:
    """Raises EventRefused when the id, the type or the data is not what the catalogue says."""
    if not ids.is_id(event.event_id, "evt"):
        raise EventRefused("event id")
    reason = event_types.violation(event.type, event.data)
    if reason is not None:
        raise EventRefused(f"{event.type} {reason}")
    about = event.data["webhook_id"] if event.type == "webhook.disabled" else None
    return NewEvent(
        id=event.event_id,
        at=time_of(event.event_id),
        tenant_id=tenant_id,
        type=event.type,
        body=body(event.type, event.timestamp, event.data, test=event.test),
        traceparent=traceparent,
        about=about,
    )


def body(event_type: str, timestamp: datetime, data: object, *, test: bool = False) -> str:
    """The payload of Standard Webhooks: type, time of the event and data, serialised once for all deliveries.

    What happened in a rehearsal, or is sent as a test, says so in a member of its own, which nothing else has.
    """
    payload: dict[str, object] = {"type": event_type, "timestamp": timestamp.astimezone(UTC), "data": data}
    return http.encode(payload | ({"test": True} if test else {})).decode()


def listened_to(events: Iterable[NewEvent], listeners: Sequence[Listener]) -> set[str]:
    """The ids of the events that one of the listeners hears of."""
    heard = {(listener.tenant_id, name, listener.id) for listener in listeners for name in listener.live_events}
    pairs = Counter((tenant_id, name) for tenant_id, name, _ in heard)
    return {
        event.id
        for event in events
        if pairs[event.tenant_id, event.type] > ((event.tenant_id, event.type, event.about) in heard)
    }


def plan(events: Iterable[NewEvent], listeners: Sequence[Listener]) -> list[Planned]:
    """A delivery for every event and listener that match, numbered on from each listener's last.

    The numbers follow the events' ids, and so the time their producers made them, within what is fanned out together: one batch of the
    queue. Between batches they follow the order of arrival: an event that was held up on its way has a later number than younger ones.
    A webhook that was disabled is not told so itself.
    """
    by_tenant: dict[str, list[Listener]] = {}
    for listener in listeners:
        by_tenant.setdefault(listener.tenant_id, []).append(listener)
    planned: list[Planned] = []
    sequences = {listener.id: listener.last_sequence for listener in listeners}
    for event in sorted(events, key=lambda event: event.id):
        for listener in by_tenant.get(event.tenant_id, ()):
            if event.type in listener.live_events and event.about != listener.id:
                sequences[listener.id] += 1
                planned.append(_planned(event, listener, sequences[listener.id]))
    return planned


def time_of(identifier: str) -> datetime:
    """When an id was made, which names the partition its row lies in. Raises ValueError past the year 9999."""
    return datetime.fromtimestamp(ids.milliseconds(ids.uuid_of(identifier)) / 1000, UTC)


def _planned(event: NewEvent, listener: Listener, sequence: int) -> Planned:
    delivery_id = ids.new_id("dlv")
    return Planned(
        id=delivery_id,
        at=time_of(delivery_id),
        tenant_id=listener.tenant_id,
        subscription_id=listener.id,
        event_id=event.id,
        event_at=event.at,
        event_type=event.type,
        sequence=sequence,
    )
