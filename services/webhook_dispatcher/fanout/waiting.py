"""Events with many deliveries: a transaction of the worker stores them, and the relay makes their deliveries in portions.

Tenants take turns. A portion is a transaction, so that after a kill only the last one is made again, and each delivery once.
"""

import time
from datetime import datetime
from functools import partial

import msgspec
from psycopg.rows import class_row

from services.webhook_dispatcher.failing import attempt
from services.webhook_dispatcher.fanout import queries
from services.webhook_dispatcher.fanout.intake import Intake, Listener, NewEvent, Sieve, insert_deliveries, plan
from shared.storage.database import Connection

# Webhooks that one portion looks at.
PORTION = 1000
SECONDS = 0.5


class WaitingEvent(msgspec.Struct, kw_only=True):
    """A row of `waiting_events`."""

    event_id: str
    event_at: datetime
    tenant_id: str
    event_type: str
    about: str | None
    recipients: list[str] | None
    after: str


class Waiting:
    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._after = ""

    def go_on(self, conn: Connection, seconds: float = SECONDS) -> int:
        """Makes portions until no event is due or the time is used. Returns the number of deliveries."""
        until, made = time.monotonic() + seconds, 0
        while (event := self._next(conn)) is not None:
            named: list[str] = []
            put_off = queries.PUT_OFF_WAITING, {"event_id": event.event_id}
            made += attempt(conn, "fan-out", event.event_id, partial(make_portion, conn, event, named), put_off)
            conn.commit()
            if named:
                self._intake.ring(named)
            if time.monotonic() > until:
                break
        conn.commit()
        return made

    def _next(self, conn: Connection) -> WaitingEvent | None:
        """The oldest due event of the next tenant, locked."""
        for after in dict.fromkeys((self._after, "")):
            with conn.cursor(row_factory=class_row(WaitingEvent)) as cursor:
                event = cursor.execute(queries.TAKE_WAITING, {"after": after}).fetchone()
            if event is not None:
                self._after = event.tenant_id
                return event
        return None


def make_portion(conn: Connection, event: WaitingEvent, named: list[str]) -> int:
    """The number of deliveries made. Adds their webhooks to `named`."""
    parameters = {
        "tenants": [event.tenant_id],
        "types": [event.event_type],
        "after": event.after,
        "most": PORTION,
    }
    with conn.cursor(row_factory=class_row(Listener)) as cursor:
        listeners = cursor.execute(queries.LOCK_LISTENERS, parameters).fetchall()
    body = ""
    if any(listener.filter is not None for listener in listeners):
        row = conn.execute(queries.EVENT_BODY, {"event_id": event.event_id, "event_at": event.event_at}).fetchone()
        # Without data past the retention, when nothing can be sent any more.
        body = '{"data":null}' if row is None else row[0]
    new = NewEvent(
        id=event.event_id,
        at=event.event_at,
        tenant_id=event.tenant_id,
        type=event.event_type,
        body=body,
        traceparent=None,
        about=event.about,
        recipients=None if event.recipients is None else frozenset(event.recipients),
    )
    sieve = Sieve((listener.id, listener.filter) for listener in listeners)
    planned = plan([new], listeners, sieve)
    sieve.record(conn)
    insert_deliveries(conn, planned)
    if len(listeners) < PORTION:
        conn.execute(queries.FORGET_WAITING, {"event_id": event.event_id})
    else:
        conn.execute(queries.MOVE_WAITING_ON, {"event_id": event.event_id, "after": listeners[-1].id})
    named += [one.subscription_id for one in planned]
    return len(planned)
