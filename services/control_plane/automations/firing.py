"""Events come in, runs begin, answers come back, what is due begins again. Each in the transaction of the message that tells of it.

The run and the message that has its effect are written together, and the effect is known by the run's id where it happens: whatever is
killed or told twice in between, there is one run for an automation and an event, and one effect of it.
"""

import functools
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import msgspec
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from services.control_plane.access import is_granted
from services.control_plane.automations import actions, authority, filters, interest, loops, queries, runs
from services.control_plane.automations.models import App, Automation, Run
from services.control_plane.automations.templates import Unfit, Unresolvable
from shared import ids, outbox, tracing
from shared.database import Connection, set_tenant
from shared.messages import PlatformApp, PlatformEvent, RunFinished, consumer_of
from shared.worker import Received

Live = tuple[Automation, App]


class Engine:
    """`per_minute` is the ceiling of one automation's runs, `waits` the seconds before each further attempt."""

    def __init__(self, waits: Sequence[float], per_minute: int) -> None:
        self.waits = waits
        self.per_minute = per_minute

    def hear(self, conn: Connection, messages: Sequence[Received[PlatformEvent]]) -> None:
        """Begins a run for each automation whose trigger an event meets, unless it has one for that event."""
        by_tenant = sorted(messages, key=lambda message: (message.tenant_id, message.body.event_id))
        for tenant_id, of_tenant in groupby(by_tenant, key=lambda message: message.tenant_id):
            set_tenant(conn, tenant_id)
            heard = list(of_tenant)
            live = _live(conn, sorted({message.body.type for message in heard}))
            for message in heard:
                for automation, app in live:
                    if _meets(automation, app, message.body):
                        self._begin(conn, message, automation, app)

    def finish(self, conn: Connection, messages: Sequence[Received[RunFinished]]) -> None:
        """Takes in what became of attempts."""
        for message in messages:
            set_tenant(conn, message.tenant_id)
            run = _fetch(conn, queries.LOCK_RUN, message.body.run_id)
            if run is not None:
                self._answer(conn, run, message.body)

    def begin_due(self, conn: Connection) -> int:
        """Begins runs whose next attempt is due, across tenants; those whose automation was stopped meanwhile are dead."""
        with conn.cursor(row_factory=class_row(Run)) as cursor:
            due = cursor.execute(queries.DUE).fetchall()
        for run in due:
            live = _rows(conn, queries.LIVE_OF_RUN, run.automation_id)
            if live and _allows(live[0][1], run.event_type):
                _start(conn, run, *live[0])
            else:
                _settle(conn, run, "dead", "stopped", "The automation, its app or an approval was withdrawn.")
        return len(due)

    def _begin(self, conn: Connection, message: Received[PlatformEvent], automation: Automation, app: App) -> None:
        with tracing.span("automation run", parent=message.traceparent):
            run = _add(conn, message, automation)
            if run is None:
                return
            loop = loops.objection(automation.id, run.cause)
            if loop is not None:
                _settle(conn, run, "suppressed", "loop", loop)
            elif _take_place(conn, automation.id) > self.per_minute:
                ceiling = f"More than {self.per_minute} runs in a minute."
                _settle(conn, run, "suppressed", "rate_ceiling", ceiling)
            else:
                _start(conn, run, automation, app)

    def _answer(self, conn: Connection, run: Run, told: RunFinished) -> None:
        moved = runs.answered(run.status, run.attempt, run.rung, told.attempt, told.outcome, self.waits)
        if moved.status != run.status:
            _settle(conn, run, moved.status, told.error, told.detail, told.result or None, moved.wait)


def store_apps(conn: Connection, messages: Sequence[Received[PlatformApp]]) -> None:
    """Takes in what auth tells of apps; a deleted one's automations stop for good."""
    for message in messages:
        app = message.body
        set_tenant(conn, message.tenant_id)
        row = msgspec.structs.asdict(app) | {"tenant_id": message.tenant_id}
        if conn.execute(queries.STORE_APP, row).rowcount and app.status == "deleted":
            conn.execute(queries.STOP_THOSE_OF_APP, {"client_id": app.client_id, "reason": "app_deleted"})
            interest.tell_sync(conn, message.tenant_id)


def _start(conn: Connection, run: Run, automation: Automation, app: App) -> None:
    try:
        message = actions.message(run, automation, app)
    except Unresolvable as error:
        _settle(conn, run, "dead", "unresolvable", f"The event has nothing at {error}.")
        return
    except Unfit as error:
        _settle(conn, run, "dead", "unfit", str(error))
        return
    door = consumer_of(message)
    if not runs.may_go(run.error, run.sent_to, door):
        changed = f"Its automation acts elsewhere by now, and what {run.sent_to} did of it is not known."
        _settle(conn, run, "dead", "moved", changed)
        return
    conn.execute(queries.BEGIN, (door, run.id))
    outbox.add_sync(conn, run.tenant_id, message, traceparent=run.traceparent)


def _settle(
    conn: Connection,
    run: Run,
    status: runs.Status,
    error: str | None = None,
    detail: str | None = None,
    result: dict[str, Any] | None = None,
    wait: float | None = None,
) -> None:
    row = {"id": run.id, "status": status, "error": error, "detail": detail, "wait": wait}
    conn.execute(queries.SETTLE, row | {"result": Jsonb(result) if result is not None else None})


def _meets(automation: Automation, app: App, event: PlatformEvent) -> bool:
    if event.type != automation.event_type or not _allows(app, event.type):
        return False
    wanted = filters.read(automation.filter)
    return wanted is None or filters.matches(wanted, event.data)


def _allows(app: App, event_type: str) -> bool:
    return is_granted(app.granted_scopes) and authority.covers(app.approved_events, event_type)


def _add(conn: Connection, message: Received[PlatformEvent], automation: Automation) -> Run | None:
    """None when the automation has a run for this event already."""
    event = message.body
    row = {
        "id": ids.new_id("run"),
        "tenant_id": message.tenant_id,
        "automation_id": automation.id,
        "client_id": automation.client_id,
        "event_id": event.event_id,
        "event_type": event.type,
        "event": Jsonb(event.data),
        "cause": event.cause,
        "traceparent": tracing.traceparent() or message.traceparent,
    }
    with conn.cursor(row_factory=class_row(Run)) as cursor:
        return cursor.execute(queries.ADD_RUN, row).fetchone()


def _take_place(conn: Connection, automation_id: str) -> int:
    row = conn.execute(queries.TAKE_PLACE, (automation_id,)).fetchone()
    return int(row[0]) if row else 0


def _fetch(conn: Connection, statement: Any, run_id: str) -> Run | None:
    with conn.cursor(row_factory=class_row(Run)) as cursor:
        return cursor.execute(statement, (run_id,)).fetchone()


def _live(conn: Connection, types: list[str]) -> list[Live]:
    return _rows(conn, queries.LIVE, types)


def _rows(conn: Connection, statement: Any, parameter: Any) -> list[Live]:
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(statement, (parameter,)).fetchall()
    return [(_of(Automation, row), _of(App, row)) for row in rows]


@functools.cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    return kind.__struct_fields__


def _of(kind: type[Any], row: dict[str, Any]) -> Any:
    return kind(**{name: row[name] for name in _names(kind)})
