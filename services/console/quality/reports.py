"""The pages of reports: the list, asking for one, following and downloading it, and deleting it."""

from datetime import UTC, date, datetime

from starlette.responses import Response

from services.console.pages.downloads import Download
from services.console.pages.visit import Fault, Visit
from services.console.quality import periods
from services.console.quality.models import Report, Reports
from services.console.upstream.errors import Refused

ADMINISTRATOR = "platform:apps"
MAKE = "argus:acqi:schedule"
"""Not of the auditor, who changes nothing."""
REPORTS = "/api/v1/acqi/reports"
REPORT = REPORTS + "/{id}"
PAGE = 50
CHOICES = {"quarter": 8, "month": 12, "year": 3}
"""How many periods of each length the form offers."""
FILES = {
    "csv-en": ("csv", "en", "en.csv", "text/csv; charset=utf-8"),
    "csv-it": ("csv", "it", "it.csv", "text/csv; charset=utf-8"),
    "fhir": ("fhir", "en", "fhir.json", "application/fhir+json"),
}
TAGS = {"waiting": "info", "ready": "good", "failed": "bad"}
SOON, LATER = 2, 30
"""Seconds until a page looks again: while a report waits, and else."""


async def list_reports(visit: Visit) -> Response:
    query = {"schedule_id": visit.query("schedule_id", most=64), "cursor": visit.cursor()}
    found = await visit.load(REPORTS, Reports, limit=PAGE, **{name: value or None for name, value in query.items()})
    waits = not found.failure and any(one.state == "waiting" for one in found.value.reports)
    return visit.page("quality/reports.html", found=found, query=query, tags=TAGS, seconds=SOON if waits else LATER)


async def ask_report(visit: Visit, *, faults: list[Fault] | None = None) -> Response:
    chosen = visit.form("period") or next(iter(options(visit)))[0]
    return visit.page(
        "quality/new_report.html",
        status=422 if faults else 200,
        faults=faults or [],
        options=options(visit),
        chosen=chosen,
    )


async def make_report(visit: Visit) -> Response:
    period, _, first = visit.form("period").partition(" ")
    if visit.form("period") not in [value for value, _ in options(visit)]:
        return await ask_report(visit, faults=[Fault("period", visit.t("fault.period_unknown"))])
    try:
        answer = await visit.send("POST", REPORTS, {"period": period, "from_date": first})
    except Refused as refused:
        if refused.status not in (409, 422):
            raise
        return await ask_report(visit, faults=visit.faults(refused, from_date="period"))
    return visit.redirect(visit.path_of("/quality/reports/{id}", id=answer.read(Report).id), done="report_asked")


async def show_report(visit: Visit) -> Response:
    report = await _find(visit)
    first = f"csv-{visit.t.language}"
    return visit.page(
        "quality/report.html",
        report=report,
        tag=TAGS.get(report.state, "off"),
        files=[first, *(one for one in FILES if one != first)],
        seconds=SOON if report.state == "waiting" else LATER,
        deletes=visit.may(ADMINISTRATOR),
    )


async def file(visit: Visit) -> Response:
    format, language, ending, media = FILES[visit.query("as", tuple(FILES)) or f"csv-{visit.t.language}"]
    report = await _find(visit)
    period = report.period if report.period in CHOICES else "period"
    name = f"{'sandbox-' if report.sandbox else ''}indicators-{report.from_date:%Y-%m}-{period}.{ending}"
    path = visit.path_of(REPORT + "/content", id=report.id)
    return Download(visit, path, {"format": format, "language": language}, name, media)


async def ask_delete(visit: Visit) -> Response:
    return visit.page("quality/delete_report.html", report=await _find(visit))


async def delete_report(visit: Visit) -> Response:
    await visit.send("DELETE", visit.path_of(REPORT, id=visit.ids["report_id"]))
    return visit.redirect("/quality/reports", done="report_deleted")


def options(visit: Visit) -> list[tuple[str, str]]:
    """The periods of the form as pairs of value and text; quarters first."""
    today = datetime.now(UTC).date()
    return [
        (f"{length} {period.start.isoformat()}", text_of(visit, length, period.start, period.last_month))
        for length, most in CHOICES.items()
        for period in periods.ended(length, today, most)
    ]


def text_of(visit: Visit, length: str, first: date, last: date) -> str:
    return visit.t(f"choice.{length}", first=f"{first:%Y-%m}", last=f"{last:%Y-%m}", year=str(first.year))


async def _find(visit: Visit) -> Report:
    return await visit.get(visit.path_of(REPORT, id=visit.ids["report_id"]), Report)
