"""What automations of control-plane have to do with this service: events they wait for go there, what they send comes from there."""

from collections.abc import Collection, Sequence
from typing import Any

from psycopg.rows import class_row

from services.webhook_dispatcher import approval, dispatch_queries
from services.webhook_dispatcher.fanout import EventRefused, Listener, NewEvent, accept
from shared import outbox
from shared.database import Connection
from shared.messages import AutomationDelivery, AutomationInterest, Event, PlatformEvent, RunFinished
from shared.worker import Received


def change_interest(conn: Connection, messages: Sequence[Received[AutomationInterest]]) -> None:
    """Takes in which event types a tenant's automations wait for; an older state never overwrites a newer."""
    for message in messages:
        state = message.body
        conn.execute(dispatch_queries.CHANGE_INTEREST, (message.tenant_id, state.version, state.event_types))


def wanted(conn: Connection, messages: Sequence[Received[Event]]) -> set[str]:
    """The ids of those events that an automation waits for."""
    interests = _interests(conn, messages)
    return {message.body.event_id for message in messages if message.body.type in interests.get(message.tenant_id, ())}


def forward(conn: Connection, messages: Sequence[Received[Event]], wanted: Collection[str]) -> None:
    """Passes those events on to control-plane, in the transaction that stores them."""
    for message in {message.body.event_id: message for message in messages}.values():
        if message.body.event_id in wanted:
            outbox.add_sync(conn, message.tenant_id, _passed_on(message.body), traceparent=message.traceparent)


def lock_listeners(conn: Connection, messages: Sequence[Received[AutomationDelivery]]) -> None:
    """All that the batch is for, in the order of their ids, as everyone locks them."""
    tenants, clients = [message.tenant_id for message in messages], [message.body.client_id for message in messages]
    conn.execute(dispatch_queries.LOCK_LISTENERS_OF_APPS, (tenants, clients))


def listeners(conn: Connection, message: Received[AutomationDelivery]) -> list[Listener]:
    """The app's webhooks that take `automation.fired`, or the one that the action names."""
    app = {"tenant_id": message.tenant_id, "client_id": message.body.client_id, "webhook_id": message.body.webhook_id}
    with conn.cursor(row_factory=class_row(Listener)) as cursor:
        return cursor.execute(dispatch_queries.LISTENERS_OF_APP, app).fetchall()


def event_id(message: Received[AutomationDelivery]) -> str:
    return "evt_" + message.body.run_id.rpartition("_")[2]


def fired(message: Received[AutomationDelivery]) -> NewEvent | None:
    """The run as an event, whose id is the run's: told again, it is known. None when its data breaks the schema."""
    run = message.body
    rehearsal = run.environment == "sandbox"
    event = Event(
        event_id=event_id(message), type=approval.FIRED, timestamp=run.timestamp, data=run.data, test=rehearsal
    )
    try:
        return accept(message.tenant_id, event, message.traceparent)
    except EventRefused:
        return None


def objection(
    conn: Connection, message: Received[AutomationDelivery], event: NewEvent | None, listeners: Sequence[Listener]
) -> tuple[str, str] | None:
    """Why a run sends nothing, as an error and what to say of it. Its trigger may have been withdrawn while it was on its way."""
    if event is None:
        return "invalid_event", "The event is not what its type says."
    if not listeners:
        named = f"{message.body.webhook_id} of this app" if message.body.webhook_id else "No webhook of this app"
        verb = "does not take" if message.body.webhook_id else "takes"
        return "no_webhook", f"{named} {verb} {approval.FIRED}."
    trigger = message.body.data["event_type"]
    if not approval.covers(conn, listeners[0].id, trigger):
        return "stopped", f"This app is not approved for {trigger}."
    return None


def answer(
    conn: Connection,
    message: Received[AutomationDelivery],
    refused: tuple[str, str] | None,
) -> None:
    """A run has succeeded once its deliveries are queued: from there the retries of webhooks take over."""
    run: dict[str, Any] = {"run_id": message.body.run_id, "attempt": message.body.attempt}
    if refused is not None:
        error, detail = refused
        told = RunFinished(**run, outcome="refused", error=error, detail=detail)
    else:
        told = RunFinished(**run, outcome="succeeded", result={"event_id": event_id(message)})
    outbox.add_sync(conn, message.tenant_id, told, traceparent=message.traceparent)


def _interests(conn: Connection, messages: Sequence[Received[Event]]) -> dict[str, list[str]]:
    tenants = list({message.tenant_id for message in messages})
    types = list({message.body.type for message in messages})
    return dict(conn.execute(dispatch_queries.INTERESTED, (tenants, types)).fetchall())


def _passed_on(event: Event) -> PlatformEvent:
    return PlatformEvent(
        event_id=event.event_id, type=event.type, timestamp=event.timestamp, data=event.data, cause=event.cause
    )
