"""HTTP endpoints of the event log: lists of events and single ones."""

from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from services.webhook_dispatcher.fanout.intake import time_of
from services.webhook_dispatcher.reading import cursors, queries
from services.webhook_dispatcher.reading.cursors import BEGINNING, END, UnreadableCursor
from services.webhook_dispatcher.reading.models import EventPage, LogRow, StoredEvent
from services.webhook_dispatcher.reading.rights import require_known, rights_of
from shared.primitives import ids
from shared.storage.database import IN_ORDER, found, page_of, tenant_transaction
from shared.web import http, problems
from shared.web.identity import Caller
from shared.web.problems import FieldError

MOST_TYPES = 20
QUERIES = {
    ("newest", False): queries.NEWEST,
    ("newest", True): queries.NEWEST_OF_KEY,
    ("oldest", False): queries.OLDEST,
    ("oldest", True): queries.OLDEST_OF_KEY,
}


async def list_events(request: Request, caller: Caller, page: EventPage) -> Response:
    wanted: list[str] | None = None
    if page.event_types is not None:
        wanted = page.event_types.split(",")
        if len(wanted) > MOST_TYPES:
            raise problems.invalid(
                "The query does not fit; see errors.",
                [FieldError("event_types", f"Expected at most {MOST_TYPES} types.", "length", limit=MOST_TYPES)],
            )
        require_known(wanted, "event_types")
    # The time of a page and its beginning.
    after = http.page_after(request, page)
    try:
        place = cursors.open_sealed(request, after) if after is not None else None
    except UnreadableCursor:
        raise http.foreign_cursor() from None
    if place is None:
        place = END if page.order == "newest" else BEGINNING
    since, until = page.since or BEGINNING.at, page.until or END.at + timedelta(microseconds=1)
    bounds = {"since": since, "until": until, "at": place.at, "position": place.position}
    async with tenant_transaction(request, caller) as conn:
        rights = await rights_of(conn, caller)
        rights.require(wanted or ())
        parameters = bounds | rights.branches(wanted) | {"key": page.key, "limit": page.limit + 1}
        await conn.execute(IN_ORDER)
        query = QUERIES[page.order, page.key is not None]
        rows, fitting = await page_of(conn, LogRow, query, parameters, page, http.SMALL)
    return http.listed(request, "events", rows, fitting, lambda row: cursors.seal(request, row.place), LogRow.shown)


async def read_event(request: Request, caller: Caller, event_id: str) -> StoredEvent:
    if not ids.is_id(event_id, "evt"):
        raise problems.not_found()
    try:
        at = time_of(event_id)
    except ValueError as error:  # an id of a time past the year 9999
        raise problems.not_found() from error
    async with tenant_transaction(request, caller) as conn:
        rights = await rights_of(conn, caller)
        key = {"id": event_id, "at": at} | rights.branches()
        return (await found(conn, LogRow, queries.FIND_EVENT, key)).shown()
