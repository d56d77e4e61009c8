"""Runs: one for each automation and event, and one effect of each run.

A run is queued, then running, then succeeded; or failed, and running again after a wait; or dead, when it was refused, has no attempts
left or got no answer. A suppressed run never began. Dead and suppressed runs wait for a person. A run stays queued while the service
that performs it has not answered `MOST_UNANSWERED_RUNS` others of its tenant.

Runs begin when an event comes (waiting.py), and here when their next attempt is due. A transaction writes the run together with the
message for its effect, and the service that has the effect stores the run's id. So repeated messages and crashes cause no second run and
no second effect.
"""

import json
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple

from prometheus_client import Counter, Gauge
from psycopg.rows import class_row
from psycopg.types.json import Jsonb, set_json_loads

from services.control_plane.access import is_granted
from services.control_plane.automations import expressions, queries, rules
from services.control_plane.automations.expressions import Unfit, Unresolvable
from services.control_plane.automations.models import (
    DocumentAction,
    LiveAutomation,
    OpenIncident,
    Outcome,
    RunRow,
    Status,
    WebhookAction,
)
from services.control_plane.settings import Settings, parse_schedule
from shared.messaging import outbox
from shared.messaging.messages import (
    AutomationAction,
    AutomationDelivery,
    AutomationIncident,
    Received,
    RunDocument,
    RunFinished,
    consumer_of,
)
from shared.process import metrics
from shared.storage import jobs
from shared.storage.database import Connection, set_tenant
from shared.storage.jobs import Kept, Periodic, apart

# Services store a run's id longer than this, so that a retry cannot have a second effect.
RETRY_DAYS = 7
# Errors of a run whose last attempt may have had its effect.
UNKNOWN = frozenset({"no_answer", "moved"})
# Automations that may follow one another.
LONGEST_CHAIN = 3
# The services that perform runs. Each takes messages in the order in which they were written: few runs of a tenant are there at a time.
SERVICES = sorted({consumer_of(kind) for kind in (AutomationDelivery, AutomationIncident, RunDocument)})
# Tenants, and runs of all of them, that one portion of due runs looks at; and runs of one tenant.
MOST_TENANTS = 100
BEGIN_DUE = "begin due runs"
metrics.begin(metrics.rows_set_aside, [BEGIN_DUE])
DUE_OF_TENANT = 25
# Seconds of work before new runs have their turn.
DUE_SECONDS = 0.3
EXPIRY_SECONDS = 4

gauge = Gauge(
    "automation_runs", "Runs of automations that are not over well: dead, waiting for an attempt, running", ["status"]
)
# The gauge ends at 10,000: it does not show that more become dead.
dead_runs = Counter("automation_runs_dead_total", "Runs of automations that became dead")
oldest = Gauge(
    "automation_oldest_due_seconds",
    "Age of the oldest event whose runs have not all begun, of the oldest due run, and of the oldest attempt to give up (`answer`)",
    ["of"],
)
events_refused = Counter("automation_events_refused_total", "Events not stored: too many of their organisation wait")


class Moved(NamedTuple):
    """The next status of a run, and the seconds until its next attempt."""

    status: Status
    wait: float | None = None


def answered(status: Status, current: int, rung: int, attempt: int, outcome: Outcome, waits: Sequence[float]) -> Moved:
    """The state after the outcome of `attempt`, for a run at `status` in its attempt `current`.

    A success always counts, because the effect exists. Any other outcome counts for the running attempt only.
    `rung` is the number of failed attempts since a person last retried the run.
    """
    if outcome == "succeeded":
        return Moved("succeeded")
    if status != "running" or attempt != current:
        return Moved(status)
    if outcome == "refused" or rung >= len(waits):
        return Moved("dead")
    return Moved("failed", waits[rung])


def may_go(error: str | None, sent_to: str | None, consumer: str) -> bool:
    """Whether a run may be sent to that service: after an unknown effect only to the service that knows the run's id."""
    return error not in UNKNOWN or sent_to in (None, consumer)


def may_retry(status: Status, error: str | None, age: timedelta) -> str | None:
    """The reason why a person may not retry the run, or None."""
    if status not in ("dead", "suppressed"):
        return f"The run is {status}; only dead and suppressed ones are tried again."
    if status == "suppressed" and error == "loop":
        return "The run would continue a loop."
    if age > timedelta(days=RETRY_DAYS):
        return f"The run is over {RETRY_DAYS} days old."
    return None


def loop_error(automation_id: str, cause: Sequence[str]) -> str | None:
    """The reason why the automation does not run for an event that the automations in `cause` led to, or None."""
    if automation_id in cause:
        return "loop: this automation led to the event itself"
    if len(cause) >= LONGEST_CHAIN:
        return f"loop: {len(cause)} automations led to the event, and no more than {LONGEST_CHAIN} follow one another"
    return None


def next_cause(automation_id: str, cause: Sequence[str]) -> list[str]:
    """The `cause` of events that the automation's action leads to."""
    return [*cause, automation_id]


class Decided(NamedTuple):
    """The next state of a run, and the message that has its effect if it is `running`."""

    status: Status
    error: str | None = None
    detail: str | None = None
    message: AutomationAction | None = None


class Engine:
    """`waits` are the seconds before each further attempt, `unanswered` is the limit of a tenant's runs at one service."""

    def __init__(self, waits: Sequence[float], unanswered: int) -> None:
        self.waits = waits
        self.unanswered = unanswered
        self._after = ""

    def take_answers(self, conn: Connection, messages: Sequence[Received[RunFinished]]) -> None:
        """Applies the outcomes of attempts."""
        for message in messages:
            set_tenant(conn, message.tenant_id)
            answer = message.body
            with conn.cursor(row_factory=class_row(RunRow)) as cursor:
                run = cursor.execute(queries.LOCK_RUN, (answer.run_id,)).fetchone()
            if run is None:
                continue
            moved = answered(run.status, run.attempt, run.rung, answer.attempt, answer.outcome, self.waits)
            if moved.status != run.status:
                _settle(conn, run, moved.status, answer.error, answer.detail, answer.result or None, moved.wait)
                if moved.status == "dead":
                    conn.after_commit(dead_runs.inc)

    def begin_due(self, conn: Connection) -> int:
        """Begins the first due runs of the next hundred tenants with waiting ones. Runs of stopped automations are dead.

        Returns how many were due.
        """
        walked = conn.execute(queries.DUE_TENANTS, {"after": self._after, "tenants": MOST_TENANTS}).fetchall()
        tenants = [tenant_id for (tenant_id,) in walked]
        self._after = tenants[-1] if len(tenants) == MOST_TENANTS else ""
        if not tenants:
            return 0
        limits = {
            "tenants": tenants,
            "services": SERVICES,
            "of_tenant": DUE_OF_TENANT,
            "unanswered": self.unanswered,
            "most": MOST_TENANTS,
        }

        def readable(text: str | bytes) -> Any:
            """Nothing for a number of more digits than Python reads, which no message of a service contains."""
            try:
                return json.loads(text)
            except ValueError:
                return {}

        with conn.cursor(row_factory=class_row(RunRow)) as cursor:
            set_json_loads(readable, cursor)
            due = cursor.execute(queries.LOCK_DUE_RUNS, limits).fetchall()

        dead: set[str] = set()  # one that is tried again alone counts once

        def end_unfit(run: RunRow) -> None:
            _settle(conn, run, "dead", "unfit", "The run cannot begin.")
            dead.add(run.id)

        apart(conn, BEGIN_DUE, {run.id: run for run in due}, partial(_begin, conn, dead), end_unfit)
        conn.after_commit(lambda: dead_runs.inc(len(dead)))
        return len(due)

    def begin_all_due(self, conn: Connection) -> int:
        """Does portions, each a transaction, until no run is due or the time is used. Returns how many runs were due."""
        until, total, before = time.monotonic() + DUE_SECONDS, 0, 0
        while time.monotonic() < until:
            total += self.begin_due(conn)
            conn.commit()
            conn.run_after_commit()
            if not self._after:  # all tenants were visited
                if total == before:
                    break
                before = total
        return total


def _begin(conn: Connection, dead: set[str], due: Sequence[RunRow]) -> None:
    """Adds the runs that could not begin to `dead`."""
    for run in due:
        with conn.cursor(row_factory=class_row(LiveAutomation)) as cursor:
            automation = cursor.execute(queries.FIND_LIVE_OF_RUN, (run.automation_id,)).fetchone()
        if automation is None and conn.execute(queries.FORGET_RUN_OF_DELETED, (run.id,)).rowcount:
            continue
        if automation is None or not allows(automation, run.event_type):
            _settle(conn, run, "dead", "stopped", "The automation, its app or an approval was withdrawn.")
            dead.add(run.id)
            continue
        status, error, detail, message = decide(run, automation)
        if message is None:
            _settle(conn, run, status, error, detail)
            dead.add(run.id)
            continue
        conn.execute(queries.BEGIN, (consumer_of(message), run.id))
        outbox.add_sync(conn, run.tenant_id, message, traceparent=run.traceparent)


def allows(automation: LiveAutomation, event_type: str) -> bool:
    return is_granted(automation.granted_scopes) and rules.covers(automation.approved_events, event_type)


def decide(run: RunRow, automation: LiveAutomation) -> Decided:
    """The state of a run after its next attempt has begun, or could not begin."""
    try:
        message = _message(run, automation)
    except Unresolvable as error:
        return Decided("dead", "unresolvable", f"The event has nothing at {error}.")
    except Unfit as error:
        return Decided("dead", "unfit", str(error))
    consumer = consumer_of(message)
    if not may_go(run.error, run.sent_to, consumer):
        detail = f"The automation now acts through {consumer}, and the outcome at {run.sent_to} is unknown."
        return Decided("dead", "moved", detail)
    return Decided("running", message=message)


def _message(run: RunRow, automation: LiveAutomation) -> AutomationAction:
    """The message that has the run's effect.

    Raises Unresolvable where the event lacks a value of the action, Unfit where the values cannot be used.
    """
    action = automation.read_action()
    templates = rules.templates(action)
    expressions.require_small([template for _, template in templates], run.event)
    filled = {name: expressions.fill(template, run.event) for name, template in templates}
    # The consumer cannot decode a message with another type here.
    if wrong := [name for name, value in filled.items() if name in rules.OBJECTS and not isinstance(value, dict)]:
        raise Unfit(f"The event's value for {wrong[0]} is no object.")
    common: dict[str, Any] = {
        "run_id": run.id,
        "attempt": run.attempt + 1,
        "automation_id": automation.id,
        "client_id": automation.client_id,
        "scopes": rules.allowed_scopes(automation.scopes, automation.requested_scopes, automation.granted_scopes),
        "cause": next_cause(automation.id, run.cause),
        "environment": automation.environment,
    }
    if isinstance(action, WebhookAction):
        data = {
            "automation_id": run.automation_id,
            "run_id": run.id,
            "event_id": run.event_id,
            "event_type": run.event_type,
            "event": run.event,
            "fields": filled["fields"],
        }
        return AutomationDelivery(**common, webhook_id=action.webhook_id, timestamp=run.created_at, data=data)
    if isinstance(action, DocumentAction):
        return RunDocument(**common, bundle=action.bundle, operation=action.operation, **filled)
    if isinstance(action, OpenIncident):
        return AutomationIncident(**common, **filled)
    # The event may hold any type here. The consumer refuses an empty id or code.
    texts = {name: value if isinstance(value, str) else "" for name, value in filled.items()}
    return AutomationIncident(**common, incident_id=texts["incident_id"], note=texts["note"])


def _settle(
    conn: Connection,
    run: RunRow,
    status: Status,
    error: str | None = None,
    detail: str | None = None,
    result: dict[str, Any] | None = None,
    wait: float | None = None,
) -> None:
    row = {"id": run.id, "status": status, "error": error, "detail": detail, "wait": wait}
    conn.execute(queries.SETTLE, row | {"result": Jsonb(result) if result is not None else None})


def engine(settings: Settings) -> Engine:
    return Engine(parse_schedule(settings.automation_retry_schedule), settings.most_unanswered_runs)


def periodic(settings: Settings) -> list[Periodic]:
    """The relay's work for runs."""
    answer, days = settings.automation_answer_seconds, settings.automation_runs_kept_days
    return [
        Periodic(BEGIN_DUE, 0.5, engine(settings).begin_all_due, behind=oldest),
        Periodic("give up unanswered runs", 30, partial(give_up_unanswered, seconds=answer), behind=oldest),
        Periodic("expire runs", 60, partial(expire, days=days), lane="retention", behind=metrics.retention_overdue),
        Periodic("measure runs", 5, partial(measure, answer=answer), behind="a measurement"),
    ]


def give_up_unanswered(conn: Connection, seconds: int) -> int:
    """Runs without an answer for so long are dead; a late answer still counts. Returns how many."""
    given_up = conn.execute(queries.GIVE_UP_UNANSWERED, (seconds,)).rowcount
    conn.after_commit(lambda: dead_runs.inc(given_up))
    return given_up


def expire(conn: Connection, days: int) -> int:
    """Deletes old runs, and events that never began theirs. Returns how many."""
    return jobs.forget(conn, kept(days), EXPIRY_SECONDS)


def kept(days: int) -> list[Kept]:
    return [Kept("automation_events", "stored_at", days), Kept("automation_runs", "created_at", days)]


def measure(conn: Connection, answer: int) -> None:
    """`answer` is the number of seconds after which an attempt without an answer is given up."""
    dead, waiting, running, event_age, run_age, attempt_age = conn.execute(queries.MEASURE).fetchone() or (0,) * 6
    gauge.labels("dead").set(dead)
    gauge.labels("waiting").set(waiting)
    gauge.labels("running").set(running)
    oldest.labels("event").set(max(0, event_age))
    oldest.labels("run").set(max(0, run_age))
    oldest.labels("answer").set(max(0, attempt_age - answer))
