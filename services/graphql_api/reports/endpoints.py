"""HTTP endpoints of reports: asking for one, following it, its files, and deleting it."""

import asyncio
import gzip
from datetime import UTC, date, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.graphql_api.acqi import queries as indicator_queries
from services.graphql_api.acqi.indicators import BY_NAME
from services.graphql_api.acqi.models import FHIR
from services.graphql_api.acqi.report import Days
from services.graphql_api.acqi.resolvers import NAMES
from services.graphql_api.reports import calendar, queries
from services.graphql_api.reports.making import cap_of
from services.graphql_api.reports.models import Format, ListReports, ReadContent, ReportDraft, ReportRow
from services.graphql_api.settings import Settings
from shared.primitives import ids
from shared.storage import audit, idempotency
from shared.storage.caps import require_room
from shared.storage.database import AsyncConnection, every, found, tenant_transaction
from shared.web import http, problems
from shared.web.identity import Caller
from shared.web.problems import FieldError
from shared.web.strict_json import nearest

MEDIA: dict[Format, tuple[str, str]] = {"csv": ("text/csv; charset=utf-8", "csv"), "fhir": (FHIR, "fhir.json")}
"""The media type of each format, and the end of its file's name."""


async def create_report(request: Request, caller: Caller, draft: ReportDraft) -> Response:
    """Raises Problem: 422 for a period that is none or unknown indicators, 409 where the organisation has no room for a report."""
    days, names = _chosen(draft, datetime.now(UTC).date())
    settings: Settings = request.state.settings
    async with tenant_transaction(request, caller) as conn:
        stored = await idempotency.stored(conn, request, caller)
        if stored is not None:
            return stored
        await require_room(conn, cap_of(settings), caller.tenant_id, queries.COUNT, (caller.tenant_id,))
        row: dict[str, Any] = {
            "id": ids.new_id("rep"),
            "tenant_id": caller.tenant_id,
            "period": draft.period,
            "from_date": days.start,
            "to_date": days.end,
            "names": names,
            "schedule_id": None,
            "sandbox": caller.is_sandbox,
        }
        report = await found(conn, ReportRow, queries.ADD, row)
        detail: dict[str, Any] = {"from": days.start.isoformat(), "to": days.end.isoformat()}
        detail |= {"indicators": len(NAMES if names is None else names)}
        await audit.record(conn, caller, "report.requested", report.id, detail)
        conn.has_messages = True  # wakes the relay, which makes it
        location = {"location": f"/api/v1/acqi/reports/{report.id}"}
        answer = http.json(report.shown(settings.reports_kept_days), 202, location)
        return await idempotency.keep(conn, request, caller, answer)


async def list_reports(request: Request, caller: Caller, page: ListReports) -> Response:
    kept_days = request.state.settings.reports_kept_days
    parameters = {
        "tenant_id": caller.tenant_id,
        "after": http.page_after(request, page),
        "schedule_id": page.schedule_id,
        "limit": page.limit + 1,
    }
    async with tenant_transaction(request, caller) as conn:
        rows = await every(conn, ReportRow, queries.LIST, parameters)
    return http.listed(request, "reports", rows, page, lambda row: row.id, lambda row: row.shown(kept_days))


async def read_report(request: Request, caller: Caller, report_id: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        report = await _find(conn, caller, report_id)
    shown = report.shown(request.state.settings.reports_kept_days)
    headers = {"etag": http.tag_of(http.encode(shown))}
    if http.is_known(request.headers.getlist("if-none-match"), headers["etag"]):
        return http.not_modified(headers)
    return http.json(shown, headers=headers)


async def download_report(request: Request, caller: Caller, report_id: str, asked: ReadContent) -> Response:
    """A file. Raises Problem: 409 while the report is not ready, and for one with small counts that the organisation withholds by now."""
    async with tenant_transaction(request, caller) as conn:
        report = await _find(conn, caller, report_id)
        if report.state != "ready":
            state = "is not made yet" if report.state == "waiting" else "could not be made; ask for it again"
            raise problems.conflict(f"The report {state}.", state=report.state)
        withholds = await (await conn.execute(indicator_queries.WITHHOLDS, (caller.tenant_id,))).fetchone()
        if withholds == (True,) and not report.withheld:
            raise problems.conflict(
                "The report is from before your organisation withheld small counts; ask for it again."
            )
        query = queries.CONTENT[asked.format, asked.language]
        (packed,) = await (await conn.execute(query, (caller.tenant_id, report.id))).fetchone() or (b"",)
        detail = {"format": asked.format, "from": report.from_date.isoformat(), "to": report.to_date.isoformat()}
        await audit.record(conn, caller, "report.downloaded", report.id, detail)
    body = await asyncio.to_thread(gzip.decompress, packed)
    media, ending = MEDIA[asked.format]
    name = f"{'sandbox-' if report.sandbox else ''}indicators-{report.from_date:%Y-%m}-{report.period}.{ending}"
    headers = {"cache-control": "no-store", "content-disposition": f'attachment; filename="{name}"'}
    return Response(body, 200, headers, media)


async def delete_report(request: Request, caller: Caller, report_id: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        await _find(conn, caller, report_id)
        report = await found(conn, ReportRow, queries.DELETE, (caller.tenant_id, report_id))
        detail = {"from": report.from_date.isoformat(), "to": report.to_date.isoformat()}
        await audit.record(conn, caller, "report.deleted", report.id, detail)
    return http.no_content()


def faults_of_names(names: list[str] | None) -> list[FieldError]:
    """A fault for each name that no indicator has."""
    return [
        FieldError(
            f"/names/{place}",
            "There is no indicator of that name.",
            "enum",
            list(NAMES),
            did_you_mean=nearest(name, NAMES),
        )
        for place, name in enumerate(names or ())
        if name not in BY_NAME
    ]


def in_order(names: list[str] | None) -> list[str] | None:
    """Each indicator once, in the order of answers."""
    return None if names is None else [name for name in NAMES if name in names]


def _chosen(draft: ReportDraft, today: date) -> tuple[Days, list[str] | None]:
    """The days and the indicators of a report. Raises a 422 Problem with all faults."""
    faults = faults_of_names(draft.names)
    days: Days | None = calendar.last_ended(draft.period, today)
    if draft.from_date is not None:
        days = calendar.beginning(draft.period, draft.from_date)
        if days is None:
            faults.append(FieldError("/from_date", f"not the first day of a calendar {draft.period}"))
        elif days.end > today:
            faults.append(FieldError("/from_date", f"the {draft.period} has not ended, in UTC", "range"))
    if faults or days is None:
        raise problems.invalid("The report does not fit; see errors.", faults)
    return days, in_order(draft.names)


async def _find(conn: AsyncConnection, caller: Caller, report_id: str) -> ReportRow:
    if not ids.is_id(report_id, "rep"):
        raise problems.not_found()
    return await found(conn, ReportRow, queries.FIND, (caller.tenant_id, report_id))
