"""The pages of the area `quality`."""

from services.console.pages.registry import Area, Page
from services.console.quality import reports, schedules, views

AREA = Area("quality", 40)
SCOPE = views.INDICATORS
ONE, EXAMPLE = "/quality/indicators/{name}", {"name": "rosc_at_hospital"}
REPORT, OF_REPORT = "/quality/reports/{report_id}", {"report_id": "rep_01jdkfx3c8e2r9v5m7q4t6w0ya"}
SCHEDULE, OF_SCHEDULE = "/quality/schedules/{schedule_id}", {"schedule_id": "sch_01jdkfx3c8e2r9v5m7q4t6w0yb"}
ADMINISTRATOR = reports.ADMINISTRATOR
PAGES = [
    Page("indicators", "/quality", views.indicators, SCOPE, in_navigation=True),
    Page("print", "/quality/print", views.printed, SCOPE),
    Page("csv", "/quality/indicators.csv", views.as_csv, SCOPE, is_html=False),
    Page("indicator", ONE, views.indicator, SCOPE, examples=EXAMPLE),
    Page("encounters", ONE + "/encounters", views.encounters, views.RECORDS, examples=EXAMPLE),
    Page("reports", "/quality/reports", reports.list_reports, SCOPE),
    Page("new_report", "/quality/reports/new", reports.ask_report, reports.MAKE, reports.make_report),
    Page("report", REPORT, reports.show_report, SCOPE, examples=OF_REPORT),
    Page("report_file", REPORT + "/file", reports.file, SCOPE, examples=OF_REPORT, is_html=False),
    Page(
        "delete_report",
        REPORT + "/delete",
        reports.ask_delete,
        ADMINISTRATOR,
        reports.delete_report,
        examples=OF_REPORT,
    ),
    Page("schedules", "/quality/schedules", schedules.list_schedules, SCOPE),
    Page("new_schedule", "/quality/schedules/new", schedules.ask_schedule, schedules.SCOPE, schedules.make_schedule),
    Page("pause_schedule", SCHEDULE + "/pause", None, schedules.SCOPE, schedules.pause, examples=OF_SCHEDULE),
    Page("resume_schedule", SCHEDULE + "/resume", None, schedules.SCOPE, schedules.resume, examples=OF_SCHEDULE),
    Page(
        "delete_schedule",
        SCHEDULE + "/delete",
        schedules.ask_delete,
        schedules.SCOPE,
        schedules.delete_schedule,
        examples=OF_SCHEDULE,
    ),
]
