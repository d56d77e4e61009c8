"""The last step of signing in through an identity provider, from our own page: the ticket its answer left becomes a session."""

from psycopg.rows import class_row
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.auth.oauth.reading import read_form
from services.auth.saml import queries, ranks, receiving
from services.auth.saml.models import OpenConnection, Ticket
from services.auth.signin import cookies, devices, pages, sessions
from services.auth.signin import queries as signin_queries
from services.auth.signin.models import User
from shared import audit, ids
from shared.database import AsyncConnection, aset_tenant, transaction


async def finish(request: Request) -> Response:
    """The last step, from our own page: only the browser that began gets the session. Where none of ours did, the person is asked."""
    connection = await receiving.connection_of(request)
    if connection is None:
        return receiving.closed(request)
    token = request.query_params.get("ticket", "")
    async with transaction(request) as conn:
        await aset_tenant(conn, connection.tenant_id)
        if not await receiving.hold(conn, connection, to_write=True):
            return receiving.closed(request)
        ticket = await _ticket(conn, request, connection, token)
        if ticket is None or not _is_its_browser(request, ticket):
            return pages.error(request, "saml_other_browser")
        user = await _user(conn, ticket)
        if user is None or request.method == "HEAD":
            return pages.error(request, "saml_other_browser")
        if ticket.browser_mac is None:
            return _ask(request, connection, user, token)
        session = await _start(conn, request, connection, ticket, user, token)
    return _signed_in(request, connection, ticket, session)


def _ask(request: Request, connection: OpenConnection, user: User, token: str) -> Response:
    """Nobody here asked for this sign-in: without a question, a stranger could sign a browser in as themselves."""
    return pages.render(
        request,
        "confirm_sign_in.html",
        organisation=connection.tenant_name,
        email=user.email,
        action=f"/v1/saml/{connection.connection_id}/finish",
        ticket=token,
    )


async def confirm(request: Request) -> Response:
    """The answer to that question."""
    connection = await receiving.connection_of(request)
    if connection is None:
        return receiving.closed(request)
    values = (await read_form(request)).values
    token = values.get("ticket", "")
    if not cookies.is_own_form(request, values.get("csrf", "")):
        return pages.error(request, "form_expired", 403)
    async with transaction(request) as conn:
        await aset_tenant(conn, connection.tenant_id)
        if not await receiving.hold(conn, connection, to_write=True):
            return receiving.closed(request)
        ticket = await _ticket(conn, request, connection, token)
        user = await _user(conn, ticket) if ticket is not None and ticket.browser_mac is None else None
        if ticket is None or user is None:
            return pages.error(request, "saml_other_browser")
        session = await _start(conn, request, connection, ticket, user, token)
    return _signed_in(request, connection, ticket, session)


def _signed_in(request: Request, connection: OpenConnection, ticket: Ticket, session: str) -> Response:
    """Leads on to where the person was going; the browser's next sign-in waits in a line of its own."""
    response = RedirectResponse(ticket.continue_to, 303, pages.headers())
    token = ranks.browser_token(request.state.keyring, connection.connection_id)
    cookies.give(request, response, cookies.SAML, token, max_age=devices.DAYS * 86_400)
    return sessions.signed_in(request, response, session)


def _macs(request: Request, token: str) -> list[bytes]:
    return request.state.keyring.macs(token.encode("utf-8", "replace"), receiving.TICKET_PURPOSE)


async def _ticket(conn: AsyncConnection, request: Request, connection: OpenConnection, token: str) -> Ticket | None:
    async with conn.cursor(row_factory=class_row(Ticket)) as cursor:
        await cursor.execute(queries.TICKET, (_macs(request, token), connection.connection_id))
        return await cursor.fetchone()


def _is_its_browser(request: Request, ticket: Ticket) -> bool:
    browser = cookies.read(request, cookies.BROWSER)
    if ticket.browser_mac is None:
        return True
    return bool(browser) and ticket.browser_mac in request.state.keyring.macs(
        browser.encode(), receiving.BROWSER_PURPOSE
    )


async def _user(conn: AsyncConnection, ticket: Ticket) -> User | None:
    async with conn.cursor(row_factory=class_row(User)) as cursor:
        await cursor.execute(queries.ACTIVE_USER, (ticket.user_id,))
        return await cursor.fetchone()


async def _start(
    conn: AsyncConnection, request: Request, connection: OpenConnection, ticket: Ticket, user: User, token: str
) -> str:
    """A session of its own for every sign-in, as with a password; returns the token for its cookie."""
    await conn.execute(queries.USE_TICKET, (_macs(request, token),))
    before = await sessions.current(request, conn)
    if before is not None:
        await conn.execute(signin_queries.END_SESSION, (before.session_id, before.user_id))
        await aset_tenant(conn, connection.tenant_id)
    session_id = ids.new_id("ses")
    started = await sessions.start(request, conn, user, session_id)
    row = {
        "session_id": session_id,
        "tenant_id": connection.tenant_id,
        "connection_id": connection.connection_id,
        "name_id": ticket.name_id,
        "name_id_format": ticket.name_id_format,
        "session_index": ticket.session_index,
    }
    await conn.execute(queries.NOTE_SESSION, row)
    if ticket.session_ends_at is not None:
        await conn.execute(queries.SHORTEN_SESSION, (ticket.session_ends_at, session_id))
    await conn.execute(queries.SIGNED_IN, (connection.connection_id,))
    actor, detail = sessions.actor(request, user.tenant_id, user.user_id), {"connection": connection.connection_id}
    await audit.record(conn, actor, "sign_in.succeeded", user.user_id, detail)
    return started
