"""The HTTP endpoint of the indicators: their export as FHIR MeasureReports."""

from datetime import UTC, date, datetime, time
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.graphql_api.acqi import measure_reports, report, resolvers
from services.graphql_api.acqi.indicators import BY_NAME
from services.graphql_api.acqi.models import FHIR, ReadMeasureReports
from services.graphql_api.acqi.report import Days, InvalidRange
from services.graphql_api.acqi.resolvers import HEAVY, NAMES, Asked
from shared.storage import audit
from shared.storage.database import tenant_transaction
from shared.web import heavy, http, problems, strict_json
from shared.web.identity import Caller
from shared.web.problems import FieldError


async def read_measure_reports(request: Request, caller: Caller, asked: ReadMeasureReports) -> Response:
    """A batch of MeasureReports. Raises Problem: 422 for a wrong range or name, 429 and 503 where there is too much to compute."""
    days, names = whole_days(asked.from_date, asked.to_date), _names(asked)
    is_heavy = resolvers.cost(Asked(days, names), with_sparkline=False) > HEAVY
    whole = report.periods(days)
    state, tenant_id = request.state, caller.tenant_id
    version = await state.answers.versions.current(tenant_id)
    transaction = partial(tenant_transaction, request, caller)
    snapshot = await state.snapshots.get(transaction, tenant_id, version, whole)
    now = datetime.now(UTC)
    if snapshot.suppress:
        try:
            report.check_is_published(days, now.date())
        except InvalidRange as error:
            raise problems.invalid(str(error), [FieldError("from_date", str(error), "range")]) from None

    async with heavy.turn(request, is_heavy=is_heavy):
        metrics = report.metrics(snapshot, names, whole, ())
        body = http.encode(measure_reports.batch(tenant_id, days, metrics, now, test=caller.is_sandbox))
    async with tenant_transaction(request, caller) as conn:
        detail: dict[str, Any] = {"from": days.start.isoformat(), "to": days.end.isoformat(), "indicators": len(names)}
        await audit.record(conn, caller, "indicators.export", tenant_id, detail)
    # The bytes are the same.
    accepted = ",".join(request.headers.getlist("accept"))
    media = "application/json" if "application/json" in accepted and FHIR not in accepted else FHIR
    return Response(body, 200, {"cache-control": "no-store", "vary": "accept"}, media)


def whole_days(from_date: date, to_date: date) -> Days:
    """The days of a query. Raises a 422 Problem."""
    start, end = (datetime.combine(day, time(), UTC) for day in (from_date, to_date))
    try:
        return report.of_days(start, end)
    except InvalidRange as error:
        text = str(error).replace("fromDate", "from_date").replace("toDate", "to_date")
        raise problems.invalid(text, [FieldError("to_date", text, "range")]) from None


def _names(asked: ReadMeasureReports) -> tuple[str, ...]:
    """The named indicators, each once, in the order of answers."""
    if asked.names is None:
        return NAMES
    given = asked.names.split(",")
    for name in given:
        if name not in BY_NAME:
            near = strict_json.nearest(name, NAMES)
            error = FieldError("names", "There is no indicator of that name.", "enum", list(NAMES), did_you_mean=near)
            raise problems.invalid("The query does not fit; see errors.", [error])
    return tuple(name for name in NAMES if name in given)
