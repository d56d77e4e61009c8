"""The deliveries of all webhooks of an app, or of an organisation for its administrator."""

from datetime import UTC, datetime, timedelta
from typing import LiteralString, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from services.webhook_dispatcher.fanout.intake import time_of
from services.webhook_dispatcher.history import overview_queries as queries
from services.webhook_dispatcher.history.endpoints import first_id_at, refuse_unknown_type
from services.webhook_dispatcher.history.models import AppDelivery, AppDeliveryPage
from services.webhook_dispatcher.history.queries import IN_TIME
from services.webhook_dispatcher.sending.connection import BODY_KEPT
from services.webhook_dispatcher.settings import Settings
from services.webhook_dispatcher.subscriptions.administrators import whose
from shared.storage.database import IN_ORDER, page_of, tenant_transaction
from shared.web import http
from shared.web.identity import Caller

WINDOW = timedelta(days=1)
# A delivery's id may have been made by a clock that was a little ahead.
SOON = timedelta(minutes=15)
EARLIER = timedelta(days=2)
# With a filter a call looks at so many deliveries, shared between the webhooks.
LOOKED = 10_000
# Of more webhooks than these, troubled deliveries are found among all of the organisation.
MANY = 200


class Listing(NamedTuple):
    """The statement of a list, and the one of the place that it reached; None for a list that looks at all of its window."""

    rows: LiteralString
    reached: LiteralString | None


def listing_of(page: AppDeliveryPage, webhooks: int) -> Listing:
    """Where only troubled deliveries can fit, the others are passed over. `webhooks` is the number of those that the page may show."""
    if page.event_id is not None:
        return Listing(queries.LIST_OF_EVENT, None)
    answered = page.response is not None or page.trace_id is not None
    if page.status in ("failed", "retrying") or page.response not in (None, "2xx"):
        if webhooks > MANY:
            walk = queries.WALK_TROUBLED_ANSWERED if answered else queries.WALK_TROUBLED
            return Listing(walk, queries.REACHED_WALKING)
        rows = queries.LIST_TROUBLED_ANSWERED if answered else queries.LIST_TROUBLED
        return Listing(rows, queries.REACHED_TROUBLED)
    if answered:
        return Listing(queries.LIST_ANSWERED, queries.REACHED)
    if page.status is not None or page.event_type is not None:
        return Listing(queries.LIST_FITTING, queries.REACHED)
    return Listing(queries.LIST_OF_APPS, None)


async def list_all_deliveries(request: Request, caller: Caller, page: AppDeliveryPage) -> Response:
    """One window of time in each call: where nothing is left of it, the cursor leads to the one before."""
    refuse_unknown_type(page.event_type)
    after = http.page_after(request, page)
    settings: Settings = request.state.settings
    now = datetime.now(UTC)
    oldest_kept = now - timedelta(days=settings.webhook_retention_days) - EARLIER
    newest, newest_at = first_id_at(min(page.until or now + SOON, now + SOON))
    if after is not None:
        try:
            newest, newest_at = min((newest, newest_at), (after[-26:], time_of(after)))
        except ValueError:
            raise http.foreign_cursor() from None
    begins = min(max(page.since or oldest_kept, oldest_kept), now + SOON)
    whole = page.event_id is not None
    oldest, oldest_at = first_id_at(newest_at - WINDOW if newest_at > begins + WINDOW and not whole else begins)
    parameters = whose(caller, page) | {
        "oldest": oldest,
        "oldest_at": oldest_at,
        "newest": newest,
        # The time in an id is cut to milliseconds, and a cursor's own delivery is not in the page again.
        "newest_at": newest_at + timedelta(milliseconds=1),
        "webhook_id": page.webhook_id,
        "status": page.status,
        "response": page.response,
        "event_type": page.event_type,
        "event_id": page.event_id,
        "trace_id": page.trace_id,
        "limit": page.limit + 1,
    }
    reached = oldest if oldest_at > begins else None
    async with tenant_transaction(request, caller) as conn:
        await conn.execute(IN_TIME)
        await conn.execute(IN_ORDER)
        listing = listing_of(page, 0)
        if listing.reached is not None:
            (number,) = await (await conn.execute(queries.COUNT_WEBHOOKS, parameters)).fetchone() or (0,)
            listing = listing_of(page, number)
            parameters["looked"] = max(1, LOOKED // max(1, number))
        rows, fitting = await page_of(conn, AppDelivery, listing.rows, parameters, page, 6 * BODY_KEPT)
        if listing.reached is not None:
            (looked,) = await (await conn.execute(listing.reached, parameters)).fetchone() or (None,)
            reached = max(filter(None, (reached, looked)), default=None)
            rows = [row for row in rows if looked is None or row.id[-26:] >= looked]
    place = None if reached is None else f"dlv_{reached}"
    return http.listed(request, "deliveries", rows, fitting, lambda row: row.id, reached=place)
