"""The deliveries that automations of control-plane send, and the event types they wait for."""

from collections.abc import Sequence

from psycopg.rows import class_row

from services.webhook_dispatcher.fanout import event_types, queries
from services.webhook_dispatcher.fanout.intake import EventRefused, Intake, Listener, NewEvent, accept, lock_heads
from shared.messaging import outbox
from shared.messaging.messages import AutomationDelivery, AutomationInterest, Event, Received, RunFinished
from shared.storage.database import Connection


def change_interest(conn: Connection, messages: Sequence[Received[AutomationInterest]]) -> None:
    """Stores the event types that a tenant's automations wait for; an older state never overwrites a newer."""
    for message in messages:
        state = message.body
        conn.execute(queries.CHANGE_INTEREST, (message.tenant_id, state.version, state.event_types))


def deliver(intake: Intake, conn: Connection, messages: Sequence[Received[AutomationDelivery]]) -> None:
    """Queues deliveries of automations to webhooks of their own app, and answers control-plane for each run."""
    # All webhooks of the batch at once, in the order of their ids, as every other statement locks them.
    tenants, clients = [message.tenant_id for message in messages], [message.body.client_id for message in messages]
    conn.execute(queries.LOCK_LISTENERS_OF_APPS, (tenants, clients))
    heads = lock_heads(conn, tenants)
    for message in messages:
        run, event = message.body, fired(message)
        # The app's webhooks that take `automation.fired`, or the one that the action names.
        app = {"tenant_id": message.tenant_id, "client_id": run.client_id, "webhook_id": run.webhook_id}
        with conn.cursor(row_factory=class_row(Listener)) as cursor:
            listeners = cursor.execute(queries.LISTENERS_OF_APP, app).fetchall()
        refusal = _refusal(conn, message, event, listeners)
        if refusal is None:
            assert event is not None
            intake.queue(conn, [event], listeners, heads)
            # A run succeeds once its deliveries are queued; the retries of webhooks follow.
            result = {"event_id": event.id}
            finished = RunFinished(run_id=run.run_id, attempt=run.attempt, outcome="succeeded", result=result)
        else:
            error, detail = refusal
            finished = RunFinished(
                run_id=run.run_id, attempt=run.attempt, outcome="refused", error=error, detail=detail
            )
        outbox.add_sync(conn, message.tenant_id, finished, traceparent=message.traceparent)


def fired(message: Received[AutomationDelivery]) -> NewEvent | None:
    """The run as an event, whose id comes from the run's: a repeated message gives the same event. None when its data breaks the schema."""
    run = message.body
    event = Event(
        event_id="evt_" + run.run_id.rpartition("_")[2],
        type=event_types.FIRED,
        timestamp=run.timestamp,
        data=run.data,
        test=run.environment == "sandbox",
        recipients=[run.client_id],
    )
    try:
        return accept(message.tenant_id, event, message.traceparent)
    except EventRefused:
        return None


def _refusal(
    conn: Connection, message: Received[AutomationDelivery], event: NewEvent | None, listeners: Sequence[Listener]
) -> tuple[str, str] | None:
    """Why a run sends nothing, as error and detail. An approval may have been withdrawn while the message was on its way."""
    if event is None:
        return "invalid_event", "The event is not what its type says."
    approved = _approved(conn, message, listeners)
    if approved is None:
        named = f"{message.body.webhook_id} of this app" if message.body.webhook_id else "No webhook of this app"
        verb = "does not take" if message.body.webhook_id else "takes"
        return "no_webhook", f"{named} {verb} {event_types.FIRED}."
    trigger = message.body.data["event_type"]
    if not event_types.is_approved(trigger, approved):
        return "stopped", f"This app is not approved for {trigger}."
    return None


def _approved(
    conn: Connection, message: Received[AutomationDelivery], listeners: Sequence[Listener]
) -> list[str] | None:
    """The approvals of the app, if a webhook or, for a run that names no webhook, a consumer of it takes the event."""
    if listeners:
        return event_types.approved_patterns(conn, listeners[0].id)
    if message.body.webhook_id is not None:
        return None
    app = {"tenant_id": message.tenant_id, "client_id": message.body.client_id, "default": event_types.DEFAULT}
    row = conn.execute(queries.READER_OF_APP, app).fetchone()
    return row[0] if row is not None and event_types.is_approved(event_types.FIRED, row[0]) else None
