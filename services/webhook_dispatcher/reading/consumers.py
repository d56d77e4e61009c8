"""HTTP endpoints of consumers: the named readers of an app, and where they begin."""

import re
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from services.webhook_dispatcher.reading import cursors, queries
from services.webhook_dispatcher.reading.cursors import Place, UnreadableCursor
from services.webhook_dispatcher.reading.models import NAME, Consumer, ConsumerRow, NewConsumer, Seek, Unread
from services.webhook_dispatcher.reading.rights import require_known, rights_of
from services.webhook_dispatcher.settings import Settings
from services.webhook_dispatcher.subscriptions import approvals
from services.webhook_dispatcher.subscriptions.administrators import AppPage, whose
from shared.storage import audit, idempotency
from shared.storage.caps import Cap, require_room
from shared.storage.database import IN_ORDER, AsyncConnection, first, found, page_of, tenant_transaction
from shared.web import http, problems
from shared.web.identity import Caller
from shared.web.problems import FieldError

PATH = "/v1/consumers"
MOST_UNREAD = 1000
_NAME = re.compile(NAME)
# Before every place: the organisation has had no event yet.
_NOWHERE = Place(datetime.fromtimestamp(0, UTC), 0)


async def create_consumer(request: Request, caller: Caller, draft: NewConsumer) -> Response:
    if draft.event_types is not None:
        require_known(draft.event_types, "/event_types/{}")
        await approvals.await_approvals(request, caller, caller.client_id, draft.event_types)
    async with tenant_transaction(request, caller) as conn:
        stored = await idempotency.stored(conn, request, caller)
        if stored is not None:
            return stored
        rights = await rights_of(conn, caller)
        rights.require(draft.event_types or ())
        settings: Settings = request.state.settings
        of_app = Cap("consumers", settings.most_consumers_of_app, "An app", "delete some first")
        await require_room(conn, of_app, caller.client_id, queries.COUNT_OF_APP, (caller.client_id,))
        of_tenant = Cap("consumers", settings.most_consumers)
        await require_room(conn, of_tenant, caller.tenant_id, queries.COUNT_OF_TENANT)
        place = await _beginning(conn, draft.since, from_start=draft.start == "beginning")
        row = {
            "tenant_id": caller.tenant_id,
            "client_id": caller.client_id,
            "name": draft.name,
            "event_types": draft.event_types,
            "at": place.at,
            "position": place.position,
        }
        consumer = await first(conn, ConsumerRow, queries.INSERT_CONSUMER, row)
        if consumer is None:
            raise problems.conflict("This app has a consumer of that name.")
        await audit.record(conn, caller, "consumer.created", draft.name, {"event_types": draft.event_types})
        created = http.created(consumer.shown(), f"{PATH}/{draft.name}")
        return await idempotency.keep(conn, request, caller, created)


async def list_consumers(request: Request, caller: Caller, page: AppPage) -> Response:
    app, _, name = (http.page_after(request, page) or "").partition("/")
    parameters = whose(caller, page) | {"after_app": app, "after": name, "limit": page.limit + 1}
    async with tenant_transaction(request, caller) as conn:
        rows, fitting = await page_of(conn, ConsumerRow, queries.LIST_CONSUMERS, parameters, page, http.SMALL)
    return http.listed(
        request, "consumers", rows, fitting, lambda row: f"{row.client_id}/{row.name}", ConsumerRow.shown
    )


async def read_consumer(request: Request, caller: Caller, consumer_name: str) -> Consumer:
    async with tenant_transaction(request, caller) as conn:
        rights = await rights_of(conn, caller)
        consumer = await found(conn, ConsumerRow, queries.FIND_CONSUMER, key_of(caller, consumer_name))
        parameters = rights.branches(consumer.event_types) | {"at": consumer.at, "position": consumer.position}
        await conn.execute(IN_ORDER)
        number, oldest_at = await (await conn.execute(queries.UNREAD, parameters)).fetchone() or (0, None)
        expired = await is_expired(request, conn, consumer, await head_of(conn))
    unread = Unread(number, number >= MOST_UNREAD, oldest_at)
    return consumer.shown(unread, expired=expired)


async def delete_consumer(request: Request, caller: Caller, consumer_name: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        deleted = await conn.execute(queries.DELETE_CONSUMER, key_of(caller, consumer_name))
        if not deleted.rowcount:
            raise problems.not_found()
        await audit.record(conn, caller, "consumer.deleted", consumer_name)
    return http.no_content()


async def seek_consumer(request: Request, caller: Caller, consumer_name: str, asked: Seek) -> Consumer:
    """Moves the consumer, forwards or backwards. A lease ends: its events can no longer be committed."""
    given = [member for member in asked.__struct_fields__ if getattr(asked, member) is not None]
    if len(given) != 1:
        raise problems.invalid("Name one place.", [FieldError("", "Expected one of to, since and cursor", "rule")])
    async with tenant_transaction(request, caller) as conn:
        await found(conn, ConsumerRow, queries.LOCK_CONSUMER, key_of(caller, consumer_name))
        if asked.cursor is not None:
            place = opened(request, caller, consumer_name, asked.cursor).place
        else:
            place = await _beginning(conn, asked.since, from_start=asked.to == "beginning")
        moved = key_of(caller, consumer_name) | {"at": place.at, "position": place.position}
        consumer = await found(conn, ConsumerRow, queries.SEEK, moved)
        await audit.record(conn, caller, "consumer.moved", consumer_name, {"at": place.at, "by": given[0]})
        return consumer.shown()


def key_of(caller: Caller, name: str) -> dict[str, str]:
    """The parameters of one consumer of the app. Raises a 404 Problem for a text that is no name."""
    if not _NAME.match(name):
        raise problems.not_found()
    return {"client_id": caller.client_id, "name": name}


def opened(request: Request, caller: Caller, name: str, cursor: str) -> cursors.Handed:
    """Raises a 422 Problem for a cursor that this consumer did not give out."""
    try:
        return cursors.open_handed(request, caller, name, cursor)
    except UnreadableCursor:
        detail = "The cursor is not one that reading this consumer gave out."
        raise problems.invalid(detail, [FieldError("/cursor", "not a cursor of this consumer")]) from None


async def head_of(conn: AsyncConnection) -> Place:
    """The newest place of the tenant. A reader that sees it sees every event up to it."""
    row = await (await conn.execute(queries.HEAD)).fetchone()
    return Place(*row) if row is not None else _NOWHERE


async def is_expired(request: Request, conn: AsyncConnection, consumer: ConsumerRow, head: Place) -> bool:
    """Whether events after the consumer's place have been dropped with their day."""
    settings: Settings = request.state.settings
    recent = datetime.now(UTC) - timedelta(days=settings.webhook_retention_days - 1)
    if consumer.at > recent or consumer.position >= head.position:
        return False
    row = await (await conn.execute(queries.FIRST_KEPT)).fetchone()
    return row is None or consumer.position < Place(*row).position - 1


async def _beginning(conn: AsyncConnection, since: datetime | None, *, from_start: bool) -> Place:
    """The place before the first event since that time, before the oldest that is kept, or after the newest."""
    head = await head_of(conn)
    if since is None and not from_start:
        return head
    query = queries.FIRST_KEPT if since is None else queries.FIRST_SINCE
    row = await (await conn.execute(query, None if since is None else {"since": since})).fetchone()
    return head if row is None else Place(row[0], row[1] - 1)
