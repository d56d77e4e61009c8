"""HTTP endpoints of the schedules of reports."""

from datetime import UTC, datetime
from typing import Any, LiteralString

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from services.graphql_api.reports import calendar, queries
from services.graphql_api.reports.calendar import LAST_DAY, Timing
from services.graphql_api.reports.endpoints import faults_of_names, in_order
from services.graphql_api.reports.models import ReportSchedule, ScheduleChange, ScheduleDraft, ScheduleRow
from services.graphql_api.settings import Settings
from shared.primitives import ids
from shared.primitives.time_zones import zone_of
from shared.storage import audit, idempotency
from shared.storage.caps import Cap, require_room
from shared.storage.database import AsyncConnection, every, found, tenant_transaction
from shared.web import http, problems
from shared.web.http import Page
from shared.web.identity import Caller
from shared.web.problems import FieldError


async def create_report_schedule(request: Request, caller: Caller, draft: ScheduleDraft) -> Response:
    period = draft.period or ("quarter" if draft.every == "quarter" else "month")
    timing = Timing(draft.every, draft.day, draft.time_zone, period)
    _check(timing, draft.names)
    settings: Settings = request.state.settings
    async with tenant_transaction(request, caller) as conn:
        stored = await idempotency.stored(conn, request, caller)
        if stored is not None:
            return stored
        cap = Cap("schedules of reports", settings.most_report_schedules)
        await require_room(conn, cap, caller.tenant_id, queries.COUNT_SCHEDULES, (caller.tenant_id,))
        row: dict[str, Any] = timing._asdict() | {
            "id": ids.new_id("sch"),
            "tenant_id": caller.tenant_id,
            "names": in_order(draft.names),
            "sandbox": caller.is_sandbox,
            "next_run_at": calendar.next_run(timing, datetime.now(UTC)),
        }
        schedule = await found(conn, ScheduleRow, queries.ADD_SCHEDULE, row)
        await audit.record(conn, caller, "report_schedule.created", schedule.id, timing._asdict())
        answer = http.created(schedule.shown(), f"/api/v1/acqi/report-schedules/{schedule.id}")
        return await idempotency.keep(conn, request, caller, answer)


async def list_report_schedules(request: Request, caller: Caller, page: Page) -> Response:
    after = http.page_after(request, page)
    parameters = {"tenant_id": caller.tenant_id, "after": after, "limit": page.limit + 1}
    async with tenant_transaction(request, caller) as conn:
        rows = await every(conn, ScheduleRow, queries.LIST_SCHEDULES, parameters)
    return http.listed(request, "schedules", rows, page, lambda row: row.id, lambda row: row.shown())


async def read_report_schedule(request: Request, caller: Caller, schedule_id: str) -> ReportSchedule:
    async with tenant_transaction(request, caller) as conn:
        return (await _find(conn, caller, schedule_id, queries.FIND_SCHEDULE)).shown()


async def change_report_schedule(
    request: Request, caller: Caller, schedule_id: str, change: ScheduleChange
) -> ReportSchedule:
    """The next run is the first after now where its time changed, or where the schedule was paused: runs of a pause are not made up."""
    async with tenant_transaction(request, caller) as conn:
        before = await _find(conn, caller, schedule_id, queries.LOCK_SCHEDULE)
        given: dict[str, Any] = {
            name: value for name, value in msgspec.structs.asdict(change).items() if value is not UNSET
        }
        paused = given.pop("paused", before.next_run_at is None)
        after = msgspec.structs.replace(before, **given)
        _check(after.timing, after.names if "names" in given else None)
        after.names = in_order(after.names)
        if paused:
            after.next_run_at = None
        elif before.next_run_at is None or after.timing != before.timing:
            after.next_run_at = calendar.next_run(after.timing, datetime.now(UTC))
        changed = await found(conn, ScheduleRow, queries.CHANGE_SCHEDULE, msgspec.structs.asdict(after))
        await audit.record(conn, caller, "report_schedule.changed", changed.id, given | {"paused": paused})
    return changed.shown()


async def delete_report_schedule(request: Request, caller: Caller, schedule_id: str) -> Response:
    """Its reports stay."""
    async with tenant_transaction(request, caller) as conn:
        await _find(conn, caller, schedule_id, queries.LOCK_SCHEDULE)
        gone = await found(conn, ScheduleRow, queries.DELETE_SCHEDULE, (caller.tenant_id, schedule_id))
        await audit.record(conn, caller, "report_schedule.deleted", gone.id, gone.timing._asdict())
    return http.no_content()


def _check(timing: Timing, names: list[str] | None) -> None:
    """Raises a 422 Problem with the faults of all fields."""
    faults = faults_of_names(names)
    last = LAST_DAY[timing.every]
    if timing.day > last:
        faults.append(FieldError("/day", f"at most {last}, for every {timing.every}", "too_large", limit=last))
    try:
        zone_of(timing.time_zone)
    except ValueError:
        faults.append(FieldError("/time_zone", "not in the IANA time zone database", "enum"))
    if faults:
        raise problems.invalid("The schedule does not fit; see errors.", faults)


async def _find(conn: AsyncConnection, caller: Caller, schedule_id: str, query: LiteralString) -> ScheduleRow:
    if not ids.is_id(schedule_id, "sch"):
        raise problems.not_found()
    return await found(conn, ScheduleRow, query, (caller.tenant_id, schedule_id))
