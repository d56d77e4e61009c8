"""The relay's work on reports: it runs the schedules that are due, and makes the reports that wait.

Each is a transaction that holds its row. After a kill in the middle it is done again, with one effect.
"""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, LiteralString, TypeVar

from psycopg.rows import class_row

from services.graphql_api import metrics
from services.graphql_api.acqi import cache, report
from services.graphql_api.acqi.report import Days
from services.graphql_api.acqi.resolvers import NAMES
from services.graphql_api.reports import calendar, queries
from services.graphql_api.reports.files import files
from services.graphql_api.reports.models import ReportRow, RunError, ScheduleRow
from services.graphql_api.settings import Settings
from shared.messaging import outbox
from shared.messaging.messages import Event
from shared.primitives import ids
from shared.process import telemetry
from shared.storage import audit, caps
from shared.storage.caps import Cap
from shared.storage.database import Connection, is_outage, set_tenant
from shared.storage.turns import Turns
from shared.web.identity import Caller

# Of work in one run.
SECONDS = 0.5
MOST_ATTEMPTS = 5
BY_SCHEDULE = "schedule"
log = logging.getLogger(__name__)
Row = TypeVar("Row", ReportRow, ScheduleRow)


def cap_of(settings: Settings) -> Cap:
    return Cap("quality reports", settings.most_reports)


class Making:
    """The work of the relay. Organisations take turns at schedules, and at reports."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._schedules, self._reports = Turns(queries.DUE_SCHEDULE), Turns(queries.DUE_REPORT)

    def go_on(self, conn: Connection, seconds: float = SECONDS) -> int:
        """Works until nothing is due, or the time is used, half of it on schedules. Returns how many runs and reports it made."""
        began, done = time.monotonic(), 0
        while time.monotonic() < began + seconds / 2 and self._run_next(conn):
            done += 1
        while time.monotonic() < began + seconds and self._make_next(conn):
            done += 1
        conn.commit()
        (behind,) = conn.execute(queries.BEHIND).fetchone() or (0,)
        metrics.reports_behind.set(behind or 0)
        return done

    def _run_next(self, conn: Connection) -> bool:
        schedule = _take(conn, self._schedules, queries.TAKE_SCHEDULE, ScheduleRow)
        if schedule is None:
            return False
        key = {"tenant_id": schedule.tenant_id, "id": schedule.id}
        _attempt(conn, schedule.id, lambda: run(conn, schedule, self._settings), queries.PUT_OFF_SCHEDULE, key)
        conn.commit()
        return True

    def _make_next(self, conn: Connection) -> bool:
        row = _take(conn, self._reports, queries.TAKE, ReportRow)
        if row is None:
            return False
        key = {"tenant_id": row.tenant_id, "id": row.id}
        if not _attempt(conn, row.id, lambda: make(conn, row), queries.PUT_OFF, key | {"most": MOST_ATTEMPTS}):
            conn.execute(queries.NOTE_FAILURE, key | {"schedule_id": row.schedule_id})
        conn.commit()
        return True


def run(conn: Connection, schedule: ScheduleRow, settings: Settings) -> None:
    """Asks for the report of a due run, and moves the schedule to its next run: runs that were missed are made up, one by one."""
    assert schedule.next_run_at is not None
    tenant_id, cap = schedule.tenant_id, cap_of(settings)
    conn.execute(caps.LOCK, (f"{cap.things} {tenant_id}",))
    (number,) = conn.execute(queries.COUNT, (tenant_id,)).fetchone() or (0,)
    report_id: str | None = None
    error: RunError | None = "too_many_reports"
    if number < cap.most:
        report_id, error = ids.new_id("rep"), None
        days = calendar.days_of(schedule.timing, schedule.next_run_at)
        conn.execute(
            queries.ADD,
            {
                "id": report_id,
                "tenant_id": tenant_id,
                "period": schedule.period,
                "from_date": days.start,
                "to_date": days.end,
                "names": schedule.names,
                "schedule_id": schedule.id,
                "sandbox": schedule.sandbox,
            },
        )
        detail = {"schedule": schedule.id, "from": days.start.isoformat(), "to": days.end.isoformat()}
        caller = Caller(tenant_id=tenant_id, client_id=BY_SCHEDULE)
        conn.execute(audit.RECORD, audit.entry(caller, "report.requested", report_id, detail))
    ran = {"tenant_id": tenant_id, "id": schedule.id, "report_id": report_id, "error": error}
    ran |= {"next_run_at": calendar.next_run(schedule.timing, schedule.next_run_at), "run_at": datetime.now(UTC)}
    conn.execute(queries.RAN, ran)


def make(conn: Connection, row: ReportRow) -> None:
    """Counts the indicators as the indicators' API does now, and stores the files."""
    days, now = Days(row.from_date, row.to_date), datetime.now(UTC)
    whole = report.periods(days)
    snapshot = cache.read_for_task(conn, row.tenant_id, whole)
    names = [name for name in NAMES if row.names is None or name in row.names]
    made = files(row.tenant_id, days, report.metrics(snapshot, names, whole, ()), now, sandbox=row.sandbox)
    stored = {"tenant_id": row.tenant_id, "id": row.id, "made_at": now, "withheld": snapshot.suppress}
    conn.execute(queries.MADE, stored | made._asdict())
    outbox.add_sync(conn, row.tenant_id, ready(row, now))


def ready(row: ReportRow, now: datetime) -> Event:
    """`report.ready`, as the catalogue of event types describes it."""
    data: dict[str, Any] = {
        "report_id": row.id,
        "period": row.period,
        "from_date": row.from_date.isoformat(),
        "to_date": row.to_date.isoformat(),
    }
    if row.schedule_id is not None:
        data["schedule_id"] = row.schedule_id
    return Event(event_id=ids.new_id("evt"), type="report.ready", timestamp=now, data=data, cause=[], test=row.sandbox)


def _take(conn: Connection, turns: Turns, take: LiteralString, kind: type[Row]) -> Row | None:
    """The row whose turn it is, in the tenant of the row; None where nothing is due."""
    due = turns.next(conn)
    if due is None:
        return None
    with conn.cursor(row_factory=class_row(kind)) as cursor:
        row = cursor.execute(take, due).fetchone()
    assert row is not None
    set_tenant(conn, row.tenant_id)
    return row


def _attempt(
    conn: Connection, of: str, do: Callable[[], None], put_off: LiteralString, parameters: dict[str, Any]
) -> bool:
    """Whether `do` succeeded; its changes are undone where it raises, and the row is put off. Raises only where the database is away."""
    try:
        with conn.transaction():
            do()
        return True
    except Exception as error:
        if is_outage(error):
            raise
        metrics.reports_failed.inc()
        log.error("%s failed and is put off: %s", of, telemetry.describe(error))
    conn.execute(put_off, parameters)
    return False
