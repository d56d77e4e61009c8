"""Events wait in a table until their runs have begun.

The message only stores its event. The relay begins runs in portions, each of the tenant that waits longest: a tenant with many
automations or events delays another by one portion. A portion is a transaction: after a kill only the last one is done again.
Per minute, an automation and a tenant begin only so many runs; one suppressed run counts the other events of the minute.
"""

import logging
import time
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

import msgspec
import psycopg
from psycopg.rows import class_row

from services.control_plane.automations import queries
from services.control_plane.automations.models import LiveAutomation, RunRow
from services.control_plane.automations.runs import (
    SERVICES,
    Decided,
    allows,
    dead_runs,
    decide,
    events_refused,
    loop_error,
    oldest,
)
from services.control_plane.settings import Settings
from shared.messaging import broker, outbox
from shared.messaging.filters import matches, read_filter
from shared.messaging.messages import PlatformEvent, Received, consumer_of
from shared.primitives import ids
from shared.process import metrics, redis_clients, telemetry
from shared.storage.database import Connection, is_outage, set_tenant
from shared.storage.jobs import Periodic

# Automations that one portion looks at; an event counts like so many.
PORTION = 100
EVENT_COST = 10
# Seconds of work before the due runs have their turn.
SECONDS = 0.5
# Seconds until the next turn of a tenant whose portion failed.
FAILED_SECONDS = 2.0
# An event at which so many portions failed waits for an operator, as NEXT_EVENT has it.
MOST_FAILURES = 5
BEGIN = "begin runs"
metrics.begin(metrics.rows_set_aside, [BEGIN])
log = logging.getLogger(__name__)


class WaitingEvent(msgspec.Struct, kw_only=True):
    """A row of `automation_events`. `after` is the last automation looked at, `at` the time of the transaction."""

    tenant_id: str
    event_id: str
    event_type: str
    event: dict[str, Any]
    cause: list[str]
    recipients: list[str] | None
    traceparent: str | None
    after: str
    at: datetime


class New(NamedTuple):
    """A new run of an automation."""

    id: str
    automation_id: str
    client_id: str
    decided: Decided
    sent_to: str | None

    def row(self) -> dict[str, Any]:
        status, error, detail, _ = self.decided
        named = {"id": self.id, "automation_id": self.automation_id, "client_id": self.client_id}
        return named | {"status": status, "error": error, "detail": detail, "sent_to": self.sent_to}


class Waiting:
    """`per_minute` and `most_runs` are the ceilings of an automation's and a tenant's runs of a minute."""

    def __init__(self, settings: Settings) -> None:
        self.per_minute = settings.automation_runs_per_minute
        self.most_runs = settings.most_runs_per_minute
        self.most_events = settings.most_waiting_events
        self.unanswered = settings.most_unanswered_runs
        self._redis = redis_clients.client(settings.redis_url)

    def store(self, conn: Connection, messages: Sequence[Received[PlatformEvent]]) -> None:
        """Stores events whose runs are to begin, unless too many of their tenant wait."""
        by_tenant = sorted(messages, key=lambda message: message.tenant_id)
        for tenant_id, group in groupby(by_tenant, key=lambda message: message.tenant_id):
            set_tenant(conn, tenant_id)
            conn.execute(queries.BEGIN_TURN, (tenant_id,))
            rows = [
                {
                    "event_id": message.body.event_id,
                    "event_type": message.body.type,
                    "event": message.body.data,
                    "cause": message.body.cause,
                    "recipients": message.body.recipients,
                    "traceparent": message.traceparent,
                }
                for message in group
            ]
            events = msgspec.json.encode(rows).decode()
            parameters = {"tenant_id": tenant_id, "most": self.most_events, "events": events}
            (over,) = conn.execute(queries.STORE_EVENTS, parameters).fetchone() or (0,)
            conn.has_messages = True  # wakes the relay, which begins the runs
            if over:
                log.warning("%s has %d waiting events; %d are refused", tenant_id, self.most_events, over)
                conn.after_commit(lambda over=over: events_refused.inc(over))

    def begin(self, conn: Connection) -> int:
        """Does portions until no event is due or the time is used. Returns their number."""
        until, portions = time.monotonic() + SECONDS, 0
        while time.monotonic() < until and self._work(conn):
            portions += 1
        return portions

    def _work(self, conn: Connection) -> bool:
        """One portion. False where no tenant waits."""
        turn = conn.execute(queries.TAKE_TURN, {"services": SERVICES, "unanswered": self.unanswered}).fetchone()
        if turn is None:
            return False
        tenant_id, begun, unanswered = turn
        set_tenant(conn, tenant_id)
        conn.has_messages = False
        rooms = {service: self.unanswered - number for service, number in unanswered.items()}
        wait, begun_now = self._portion(conn, tenant_id, self.most_runs - begun, rooms)
        conn.execute(queries.END_TURN, {"tenant_id": tenant_id, "wait": wait, "begun": begun_now})
        conn.commit()
        conn.run_after_commit()
        if conn.has_messages:
            broker.ring(self._redis, "control_plane")
        return True

    def _portion(self, conn: Connection, tenant_id: str, room: int, rooms: dict[str, int]) -> tuple[float | None, int]:
        """The seconds until the tenant's next turn, None where no event is left; and the number of runs begun.

        `room` is the number of runs that it may still begin, and `rooms` how many of them each service may be sent now.
        """
        looked = begun = 0
        while looked < PORTION:
            with conn.cursor(row_factory=class_row(WaitingEvent)) as cursor:
                event = cursor.execute(queries.NEXT_EVENT, (tenant_id,)).fetchone()
            if event is None:
                return None, begun
            try:
                with conn.transaction():
                    seen, begun_now = self._begin_some(conn, event, PORTION - looked, room - begun, rooms)
            except Exception as error:
                if is_outage(error):
                    raise
                log.warning("runs of %s did not begin: %s", event.event_id, telemetry.describe(error))
                if not isinstance(error, psycopg.OperationalError):  # which other transactions cause
                    (failures,) = conn.execute(queries.COUNT_FAILURE, (tenant_id, event.event_id)).fetchone() or (0,)
                    if failures == MOST_FAILURES:
                        conn.after_commit(metrics.rows_set_aside.labels(BEGIN).inc)
                return FAILED_SECONDS, begun
            looked += EVENT_COST + seen
            begun += begun_now
        return 0, begun

    def _begin_some(
        self, conn: Connection, event: WaitingEvent, most: int, room: int, rooms: dict[str, int]
    ) -> tuple[int, int]:
        """Begins the event's runs of the next automations. Returns how many it looked at, and how many runs it began."""
        where = {"tenant_id": event.tenant_id, "event_type": event.event_type, "event_id": event.event_id}
        with conn.cursor(row_factory=class_row(LiveAutomation)) as cursor:
            live = cursor.execute(queries.FIND_LIVE, where | {"after": event.after, "most": most}).fetchall()
        triggered = [one for one in live if _is_triggered(one, event)]
        begun = 0
        if triggered:
            with telemetry.span("automation run", parent=event.traceparent):
                begun = self._begin_all(conn, event, triggered, room, rooms)
        if len(live) < most:
            conn.execute(queries.FORGET_EVENT, (event.tenant_id, event.event_id))
        else:
            conn.execute(queries.MOVE_ON, (live[-1].id, event.tenant_id, event.event_id))
        return len(live), begun

    def _begin_all(
        self, conn: Connection, event: WaitingEvent, triggered: list[LiveAutomation], room: int, rooms: dict[str, int]
    ) -> int:
        """Stores runs, and the messages for the effects of those that begin at once. Returns the number within the ceilings."""
        traceparent = telemetry.traceparent() or event.traceparent
        begun: list[New] = []
        suppressed: list[New] = []
        for automation in triggered:
            run = _new_run(event, automation, traceparent)
            refusal = self._refusal(event, automation, room - len(begun))
            decided = refusal or decide(run, automation)
            sent_to = consumer_of(decided.message) if decided.message is not None else None
            if sent_to is not None:
                rooms[sent_to] -= 1
                if rooms[sent_to] < 0:
                    decided = Decided("queued")
            new = New(run.id, automation.id, automation.client_id, decided, sent_to)
            (begun if refusal is None else suppressed).append(new)
        where = {"tenant_id": event.tenant_id, "event_id": event.event_id, "traceparent": traceparent}
        if begun:
            conn.execute(queries.ADD_RUNS, where | {"new": _rows(begun)})
            conn.execute(queries.COUNT_RUNS, (event.tenant_id, [new.automation_id for new in begun]))
            messages = [new.decided.message for new in begun if new.decided.message is not None]
            outbox.add_sync(conn, event.tenant_id, *messages, traceparent=traceparent)
            dead = sum(new.decided.status == "dead" for new in begun)
            conn.after_commit(lambda: dead_runs.inc(dead))
        if suppressed:
            conn.execute(queries.SUPPRESS, where | {"new": _rows(suppressed)})
        return len(begun)

    def _refusal(self, event: WaitingEvent, automation: LiveAutomation, room: int) -> Decided | None:
        """The state of a run that does not begin. `room` is the number of runs that the tenant may still begin."""
        loop = loop_error(automation.id, event.cause)
        if loop is not None:
            return Decided("suppressed", "loop", loop)
        if automation.minute_runs >= self.per_minute:
            return Decided("suppressed", "rate_ceiling", f"More than {self.per_minute} runs in a minute.")
        if room <= 0:
            detail = f"More than {self.most_runs} runs of the organisation in a minute."
            return Decided("suppressed", "organisation_ceiling", detail)
        return None


def periodic(settings: Settings) -> list[Periodic]:
    return [Periodic(BEGIN, 0.2, Waiting(settings).begin, behind=oldest, rest_seconds=2)]


def _is_triggered(automation: LiveAutomation, event: WaitingEvent) -> bool:
    if not allows(automation, event.event_type):
        return False
    if event.recipients is not None and automation.client_id not in event.recipients:
        return False
    wanted = read_filter(automation.filter)
    return wanted is None or matches(wanted, event.event)


def _new_run(event: WaitingEvent, automation: LiveAutomation, traceparent: str | None) -> RunRow:
    return RunRow(
        id=ids.new_id("run"),
        tenant_id=event.tenant_id,
        automation_id=automation.id,
        client_id=automation.client_id,
        event_id=event.event_id,
        event_type=event.event_type,
        event=event.event,
        cause=event.cause,
        status="queued",
        error=None,
        detail=None,
        result=None,
        attempt=0,
        rung=0,
        next_attempt_at=None,
        traceparent=traceparent,
        trace_id=None,
        sent_to=None,
        created_at=event.at,
        started_at=None,
        finished_at=None,
    )


def _rows(new: list[New]) -> str:
    return msgspec.json.encode([one.row() for one in new]).decode()
