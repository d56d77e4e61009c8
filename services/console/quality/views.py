"""The pages of quality indicators: a report of a period, one indicator, the encounters behind it, the report for print, and as CSV."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from starlette.responses import Response

from services.console.pages import render
from services.console.pages.visit import Loaded, Visit
from services.console.quality import asked, reading, report, spreadsheet
from services.console.quality.asked import Asked
from services.console.quality.models import EncountersBehind
from services.console.quality.report import Definition, Metric, Row
from services.console.upstream.errors import Refused

INDICATORS = "argus:acqi:read"
PAGE = 50
GROUPS = ("denominator", "numerator", "not_met", "excluded", "unknown")
OF_SHARES = ("numerator", "not_met")
"""Groups that an indicator of times does not have, or that are all that were measured."""
RECORDS = "argus:epcr:read"
CSV = {"content-type": "text/csv; charset=utf-8"}


async def indicators(visit: Visit) -> Response:
    """All indicators of a period, by field of care."""
    return await _report(visit, "quality/indicators.html")


async def printed(visit: Visit) -> Response:
    """The report with definitions and trends, laid out for paper."""
    return await _report(visit, "quality/print.html")


async def indicator(visit: Visit) -> Response:
    """One indicator: its figures, trend and definition."""
    wanted, name = asked.of(visit), visit.ids["name"]
    known = await reading.definitions(visit)
    if known and name not in known:
        raise Refused(404, "not-found", "", "")
    found = await _rows(visit, wanted, known, [name])
    if found.failure is not None and found.failure.status in (400, 404):
        raise Refused(404, "not-found", "", "")
    row = None if found.failure else found.value[0]
    title = known[name].description if name in known else name
    return visit.page(
        "quality/indicator.html",
        title=title,
        asked=wanted,
        row=row,
        failure=found.failure,
        months_of=asked.months_of,
        lists=visit.may(RECORDS),
    )


async def encounters(visit: Visit) -> Response:
    """The encounters behind a count of an indicator, without who the patients are."""
    wanted, name = asked.of(visit), visit.ids["name"]
    group = visit.query("group", GROUPS) or "denominator"
    cursor = visit.cursor()
    path = visit.path_of("/api/v1/acqi/indicators/{name}/encounters", name=name)
    days = {"from_date": wanted.period.start.isoformat(), "to_date": wanted.period.end.isoformat()}
    found = await visit.load(path, EncountersBehind, limit=PAGE, population=group, cursor=cursor, **days)
    if found.failure is not None and found.failure.status == 404:
        raise Refused(404, "not-found", "", "")
    known = (await reading.definitions(visit)).get(name)
    return visit.page(
        "quality/encounters.html",
        name=name,
        asked=wanted,
        definition=known,
        group=group,
        groups=[one for one in GROUPS if known is None or known.unit == "1" or one not in OF_SHARES],
        found=found,
        is_withholding=found.failure is not None and found.failure.status == 403 and visit.may(INDICATORS),
        query=wanted.query | {"group": group, "cursor": cursor},
    )


async def as_csv(visit: Visit) -> Response:
    """The report as a file, of one indicator with `?name=`. There is none of a period that is none."""
    wanted, name = asked.of(visit), visit.query("name", most=64)
    if wanted.fault:
        return visit.page("quality/no_file.html", status=422, failure=None, fault=wanted.fault)
    known = await reading.definitions(visit)
    if name and known and name not in known:
        raise Refused(404, "not-found", "", "")
    found = await _rows(visit, wanted, known, [name] if name else None)
    if found.failure is not None:
        if name and found.failure.status in (400, 404):
            raise Refused(404, "not-found", "", "")
        return visit.page("quality/no_file.html", status=503, failure=found.failure, fault="")
    text = spreadsheet.written(found.value, wanted.period, wanted.against, visit.t.language)
    file = f"indicators-{wanted.first}-{wanted.last}.csv"
    headers = render.HEADERS | CSV | {"content-disposition": f'attachment; filename="{file}"'}
    return Response(text, headers=headers)


async def _report(visit: Visit, template: str) -> Response:
    wanted = asked.of(visit)
    found = await _rows(visit, wanted, await reading.definitions(visit))
    rows = [] if found.failure else report.matching(found.value, wanted.words)
    return visit.page(
        template,
        asked=wanted,
        groups=report.by_group(rows),
        lists=visit.may(RECORDS),
        failure=found.failure,
        is_withholding=any(row.metric.suppressed for row in rows),
        as_of=datetime.now(UTC),
    )


async def _rows(
    visit: Visit, wanted: Asked, known: Mapping[str, Definition], names: list[str] | None = None
) -> Loaded[Sequence[Row]]:
    now: Loaded[list[Metric]]
    before: Loaded[list[Metric]]
    now, before = await visit.together(
        reading.metrics(visit, wanted.period, names), reading.metrics(visit, wanted.against, names)
    )
    if now.failure is not None:
        return Loaded(None, now.failure)
    return Loaded(report.rows(now.value, before.value if before.failure is None else [], known))
