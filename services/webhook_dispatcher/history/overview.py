"""The deliveries of all webhooks of an app, or of an organisation for its administrator."""

from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from services.webhook_dispatcher.fanout.intake import time_of
from services.webhook_dispatcher.history import queries
from services.webhook_dispatcher.history.endpoints import first_id_at
from services.webhook_dispatcher.history.models import AppDelivery, AppDeliveryPage
from services.webhook_dispatcher.sending.connection import BODY_KEPT
from services.webhook_dispatcher.settings import Settings
from services.webhook_dispatcher.subscriptions.administrators import whose
from shared.storage.database import page_of, tenant_transaction
from shared.web import http
from shared.web.identity import Caller

WINDOW = timedelta(days=1)
# A delivery's id may have been made by a clock that was a little ahead.
SOON = timedelta(minutes=15)
EARLIER = timedelta(days=2)


async def list_all_deliveries(request: Request, caller: Caller, page: AppDeliveryPage) -> Response:
    """One window of time in each call: where nothing is left of it, the cursor leads to the one before."""
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
    begins = max(page.since or oldest_kept, oldest_kept)
    oldest, oldest_at = first_id_at(max(begins, newest_at - WINDOW))
    parameters = whose(caller, page) | {
        "oldest": oldest,
        "oldest_at": oldest_at,
        "newest": newest,
        # The time in an id is cut to milliseconds, and a cursor's own delivery is not in the page again.
        "newest_at": newest_at + timedelta(milliseconds=1),
        "status": page.status,
        "limit": page.limit + 1,
    }
    reached = oldest if oldest_at > begins else None
    async with tenant_transaction(request, caller) as conn:
        await conn.execute(queries.IN_TIME)
        query = queries.LIST_OF_APPS if page.status is None else queries.LIST_TROUBLED_OF_APPS
        rows, fitting = await page_of(conn, AppDelivery, query, parameters, page, 6 * BODY_KEPT)
        if page.status is not None:
            (looked,) = await (await conn.execute(queries.REACHED_OF_APPS, parameters)).fetchone() or (None,)
            reached = max(filter(None, (reached, looked)), default=None)
            rows = [row for row in rows if looked is None or row.id[-26:] >= looked]
    place = None if reached is None else f"dlv_{reached}"
    return http.listed(request, "deliveries", rows, fitting, lambda row: row.id, reached=place)
