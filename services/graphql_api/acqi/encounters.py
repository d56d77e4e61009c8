"""The encounters behind a count of an indicator: those in the numerator, in the denominator, excluded, or without an answer.

Each page is one entry of the audit trail. Where small counts are withheld, nothing is listed: the same encounter is in the lists of many
indicators, so that lists of large counts have withheld ones in common.
"""

from datetime import date
from typing import Any, get_args

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.graphql_api.acqi import queries
from services.graphql_api.acqi.definitions import Reason
from services.graphql_api.acqi.endpoints import whole_days
from services.graphql_api.acqi.indicators import BY_NAME
from services.graphql_api.acqi.models import IndicatorEncounter, ListIndicatorEncounters, Population, ShownOutcome
from shared.primitives import ids
from shared.storage import audit, database
from shared.storage.database import tenant_transaction
from shared.web import http, identity, problems
from shared.web.identity import Caller
from shared.web.problems import FieldError

RECORDS = "argus:epcr:read"
"""A list names encounters, so it needs this scope beside that of the indicators."""
LOOKED = 5_000
"""Encounters that one page looks at."""
OUTCOMES: dict[Population, tuple[str, ...]] = {
    "numerator": ("met",),
    "denominator": ("met", "not_met"),
    "not_met": ("not_met",),
    "excluded": ("excluded",),
    "unknown": ("unknown",),
}
LAST = date.max, ""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    encounter_id: str
    day: date
    outcome: str
    reason: Any


class Place(msgspec.Struct, frozen=True, kw_only=True):
    encounter_id: str
    day: date


async def list_indicator_encounters(
    request: Request, caller: Caller, name: str, page: ListIndicatorEncounters
) -> Response:
    """One page, which is audited. Raises Problem: 403 without the scope of records or where small counts are withheld, 404, 422."""
    identity.require(request, RECORDS)
    indicator = BY_NAME.get(name)
    if indicator is None:
        raise problems.not_found("There is no indicator of that name.")
    if indicator.is_time and page.population == "not_met":
        error = "A time has no numerator that a case could miss."
        raise problems.invalid(error, [FieldError("population", error, "enum")])
    days = whole_days(page.from_date, page.to_date)
    before_day, before_id = _before(http.page_after(request, page))
    timed = indicator.is_time and page.population in ("numerator", "denominator")
    parameters: dict[str, Any] = {
        "tenant_id": caller.tenant_id,
        "name": name,
        "start": days.start,
        "end": days.end,
        "before_day": before_day,
        "before_id": before_id,
        "outcomes": [] if timed else [f'"{outcome}"' for outcome in OUTCOMES[page.population]],
        "is_time": timed,
        "looked": LOOKED,
        "limit": page.limit + 1,
    }
    async with tenant_transaction(request, caller) as conn:
        if await (await conn.execute(queries.WITHHOLDS, (caller.tenant_id,))).fetchone() == (True,):
            raise problems.forbidden(
                "Your organisation withholds small counts, which would follow from lists of encounters: none is given."
            )
        rows = await database.every(conn, Found, queries.ENCOUNTERS, parameters)
        last = await database.every(conn, Place, queries.REACHED, parameters) if len(rows) <= page.limit else []
        detail: dict[str, Any] = {
            "from": days.start.isoformat(),
            "to": days.end.isoformat(),
            "population": page.population,
            "encounters": min(len(rows), page.limit),
        }
        await audit.record(conn, caller, "indicators.encounters", name, detail)
    return http.listed(request, "encounters", rows, page, _key, _shown, _key(last[0]) if last else None)


def _before(after: str | None) -> tuple[date, str]:
    """The place of a cursor: the page has the encounters before it."""
    if after is None:
        return LAST
    day, _, encounter_id = after.partition(" ")
    try:
        place = date.fromisoformat(day), encounter_id
    except ValueError:
        raise http.foreign_cursor() from None
    if not ids.is_id(encounter_id, "enc"):
        raise http.foreign_cursor()
    return place


def _key(one: Found | Place) -> str:
    return f"{one.day.isoformat()} {one.encounter_id}"


def _shown(one: Found) -> IndicatorEncounter:
    value: ShownOutcome | int = msgspec.json.decode(one.outcome, type=ShownOutcome | int)
    return IndicatorEncounter(
        encounter_id=one.encounter_id,
        day=one.day,
        outcome="measured" if isinstance(value, int) else value,
        minutes=value / 10 if isinstance(value, int) else None,
        # A reason of a later release has no name here.
        reason=one.reason if one.reason in get_args(Reason) else None,
    )
