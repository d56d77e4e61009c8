"""Every call about reports of indicators and their schedules."""

from services.graphql_api.acqi.models import BATCH, FHIR
from services.graphql_api.reports import endpoints, schedules
from services.graphql_api.reports.models import (
    ListReports,
    ReadContent,
    Report,
    ReportDraft,
    Reports,
    ReportSchedule,
    ReportSchedules,
    ScheduleChange,
    ScheduleDraft,
)
from services.graphql_api.transport.endpoints import require_own_tenant
from shared.web.http import Page
from shared.web.routing import Content, Operation

READ = "argus:acqi:read"
SCHEDULE_REPORTS = "argus:acqi:schedule"
"""Not of the auditor, who changes nothing: a schedule works on when nobody looks."""
ADMINISTRATOR = "platform:apps"
"""Of an app that administers the organisation: a deleted report is gone for all."""
REPORTS = "/api/v1/acqi/reports"
REPORT = REPORTS + "/{report_id}"
SCHEDULES = "/api/v1/acqi/report-schedules"
SCHEDULE = SCHEDULES + "/{schedule_id}"
TENANT = "X-Tenant-ID names another tenant"

OPERATIONS = [
    Operation(
        "POST",
        REPORTS,
        endpoints.create_report,
        "Make a report of the quality indicators",
        READ,
        {202: Report},
        "Of a calendar month, quarter or year that has ended, in UTC; without `from_date` of the last one. The figures are those of"
        " `acqiMetrics` at the time when it is made, within seconds: follow it, or wait for the event `report.ready`. Small counts are"
        " withheld as there. A report is kept until `expires_at`; later corrections of records do not change it.",
        body=ReportDraft,
        headers=("X-Tenant-ID", "Idempotency-Key"),
        refusals={
            403: TENANT,
            409: "The organisation has as many reports as it may have, or a call with this Idempotency-Key is under way",
        },
        example={"period": "quarter", "from_date": "2026-07-01"},
        guard=require_own_tenant,
    ),
    Operation(
        "GET",
        REPORTS,
        endpoints.list_reports,
        "List reports",
        READ,
        {200: Reports},
        "Those of the organisation, newest first, or those of a schedule.",
        query=ListReports,
        headers=("X-Tenant-ID",),
        refusals={403: TENANT},
        guard=require_own_tenant,
    ),
    Operation(
        "GET",
        REPORT,
        endpoints.read_report,
        "Follow a report",
        READ,
        {200: Report},
        "Poll it with `If-None-Match`: while nothing changes the answer is 304.",
        headers=("X-Tenant-ID",),
        refusals={403: TENANT},
        has_etag=True,
        guard=require_own_tenant,
    ),
    Operation(
        "GET",
        REPORT + "/content",
        endpoints.download_report,
        "Download a report",
        READ,
        {200: (Content("text/csv", None), Content(FHIR, BATCH))},
        "As CSV for a spreadsheet, in English or Italian, or as the FHIR R4 batch of MeasureReports that the export of indicators gives."
        " Each download is an entry of the audit trail. Files of a sandbox are marked: the column `sandbox`, and `HTEST`.",
        query=ReadContent,
        headers=("X-Tenant-ID",),
        refusals={
            403: TENANT,
            409: "The report is not made yet or could not be made (`state`), or it is from before the organisation withheld small counts",
        },
        guard=require_own_tenant,
    ),
    Operation(
        "DELETE",
        REPORT,
        endpoints.delete_report,
        "Delete a report",
        ADMINISTRATOR,
        {204: None},
        "For the whole organisation, before it expires.",
        headers=("X-Tenant-ID",),
        refusals={403: TENANT},
        guard=require_own_tenant,
    ),
    Operation(
        "POST",
        SCHEDULES,
        schedules.create_report_schedule,
        "Schedule reports",
        SCHEDULE_REPORTS,
        {201: ReportSchedule},
        "A report every week, month or quarter, at six in the morning of the time zone: each of the last `period` that has ended. A run"
        " that was missed is made up.",
        body=ScheduleDraft,
        headers=("X-Tenant-ID", "Idempotency-Key"),
        refusals={
            403: TENANT,
            409: "The organisation has as many schedules as it may have, or a call with this Idempotency-Key is under way",
        },
        example={"every": "month", "day": 5, "time_zone": "Europe/Rome"},
        guard=require_own_tenant,
    ),
    Operation(
        "GET",
        SCHEDULES,
        schedules.list_report_schedules,
        "List schedules of reports",
        READ,
        {200: ReportSchedules},
        "Those of the organisation, newest first, each with its next run, its last one and that one's error.",
        query=Page,
        headers=("X-Tenant-ID",),
        refusals={403: TENANT},
        guard=require_own_tenant,
    ),
    Operation(
        "GET",
        SCHEDULE,
        schedules.read_report_schedule,
        "Read a schedule of reports",
        READ,
        {200: ReportSchedule},
        "With its next run, its last one and that one's error.",
        headers=("X-Tenant-ID",),
        refusals={403: TENANT},
        guard=require_own_tenant,
    ),
    Operation(
        "PATCH",
        SCHEDULE,
        schedules.change_report_schedule,
        "Change, pause or resume a schedule of reports",
        SCHEDULE_REPORTS,
        {200: ReportSchedule},
        "Only the given fields change. A paused schedule has no next run; once resumed, it goes on with the first run after now.",
        body=ScheduleChange,
        headers=("X-Tenant-ID",),
        refusals={403: TENANT},
        example={"paused": True},
        guard=require_own_tenant,
    ),
    Operation(
        "DELETE",
        SCHEDULE,
        schedules.delete_report_schedule,
        "Delete a schedule of reports",
        SCHEDULE_REPORTS,
        {204: None},
        "Its reports stay until they expire.",
        headers=("X-Tenant-ID",),
        refusals={403: TENANT},
        guard=require_own_tenant,
    ),
]
