"""Sign-in through an organisation's identity provider: our metadata, the request, the answer, and the session.

The answer is a POST from another site, to which browsers send no cookie of ours. It therefore starts no session. It makes a ticket
that is good once, and our own page leads on to where the browser's cookie shows whether the sign-in began there.
"""

from datetime import UTC, datetime
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.auth.oauth.clients import read_form
from services.auth.revocations import bell
from services.auth.saml import messages, metadata, people, queries, readers, receiving
from services.auth.saml.assertions import SKEW, Verified
from services.auth.saml.documents import MessageRefused, refuse
from services.auth.saml.models import OpenConnection, PendingRequest, Ticket
from services.auth.saml.people import Admitted
from services.auth.saml.reader import ResponseForm
from services.auth.signin import cookies, pages, passes, sessions
from services.auth.signin import queries as signin_queries
from services.auth.signin.models import User
from services.auth.signin.returning import SESSIONS, destination_of
from shared.primitives import ids
from shared.storage import audit, database
from shared.storage.database import AsyncConnection, aset_tenant, transaction
from shared.web import problems
from shared.web.identity import PASS_LIFETIME

SIGN_IN_SECONDS = 15 * 60
FORMATS = {"any": "", "persistent": metadata.PERSISTENT, "email": metadata.EMAIL}


async def read_metadata(request: Request, connection: str) -> Response:
    """Our metadata for the identity provider's administrator, without secrets."""
    found = await receiving.connection_of(request)
    if found is None:
        raise problems.not_found()
    async with transaction(request) as conn:
        await aset_tenant(conn, found.tenant_id)
        following = await (await conn.execute(queries.NEXT_CERTIFICATE, (found.connection_id,))).fetchone()
    document = metadata.write(receiving.own_of(request, found), following[0] if following is not None else None)
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    return Response(document, 200, headers, "application/samlmetadata+xml")


async def login(request: Request) -> Response:
    """Sends the browser to the identity provider with a request that is good once. The request's row stores the destination."""
    connection = await receiving.connection_of(request)
    if connection is None:
        return receiving.closed(request)
    destination = await destination_of(request, request.query_params.get("continue", ""))
    browser, is_new = cookies.browser_of(request)
    request_id, keyring = messages.new_id(), request.state.keyring
    returning = request.state.ranks.is_returning(connection.connection_id, cookies.read(request, cookies.SAML))
    rank = readers.RETURNING if returning else readers.BEGUN
    relay_state = readers.relay_state(keyring, connection.connection_id, rank, SIGN_IN_SECONDS)
    fresh = request.query_params.get("fresh") == "1"
    row = {
        "request_id": request_id,
        "tenant_id": connection.tenant_id,
        "kind": "sign_in",
        "browser_mac": keyring.mac(browser.encode(), receiving.BROWSER_PURPOSE),
        "relay_state": relay_state,
        "continue_to": destination.path,
        "fresh": fresh,
        "lives": SIGN_IN_SECONDS,
    }
    async with transaction(request) as conn:
        await aset_tenant(conn, connection.tenant_id)
        if not await receiving.hold(conn, connection):
            return receiving.closed(request)
        await receiving.add_request(conn, request, connection.connection_id, row, is_returning=returning)
    mine = receiving.own_of(request, connection)
    message = messages.authn_request(
        request_id,
        mine.entity_id,
        mine.acs_url,
        connection.sso_url,
        name_id_format=FORMATS[connection.name_id_format],
        fresh=fresh,
        now=datetime.now(UTC),
    )
    location = receiving.signed_url(request, connection, connection.sso_url, "SAMLRequest", message, relay_state)
    # Not Starlette's redirect, which would rewrite characters of the registered address.
    response = Response(status_code=303, headers={**pages.headers(), "location": location})
    if is_new:
        cookies.give(request, response, cookies.BROWSER, browser, max_age=None)
    return response


async def acs(request: Request) -> Response:
    """The assertion consumer service. Uses nothing before the signature by a pinned certificate is verified."""
    connection = await receiving.connection_of(request)
    if connection is None:
        return receiving.closed(request)
    try:
        body = await receiving.read_body(request)
        sender = receiving.sender_of(request, connection, body)
        mine = receiving.own_of(request, connection)
        verified, relay_state = await request.state.readers.response(
            ResponseForm(
                content_type=request.headers.get("content-type", ""),
                body=body,
                issuer=connection.entity_id,
                audience=mine.entity_id,
                acs_url=mine.acs_url,
                certificates=connection.certificates,
                now=datetime.now(UTC),
            ),
            sender,
        )
        taken = await _take(request, connection, verified, relay_state)
    except MessageRefused as refused:
        if refused.reason == "no_role":
            await bell.ring(request.state.redis)
        return receiving.refusal(request, connection, refused)
    if taken.revoked:
        await bell.ring(request.state.redis)
    lead_on = f"/v1/saml/{connection.connection_id}/finish?ticket={taken.ticket}"
    return pages.render(request, "signing_in.html", gives_cookie=False, refresh_to=lead_on)


class Taken(NamedTuple):
    """The ticket for the browser, and whether apps lost access."""

    ticket: str
    revoked: bool


async def _take(request: Request, connection: OpenConnection, verified: Verified, relay_state: str) -> Taken:
    """Marks the assertion and its request as used, and makes a ticket, in one transaction. Raises MessageRefused."""
    ticket = cookies.new_token()
    async with transaction(request) as conn:
        await aset_tenant(conn, connection.tenant_id)
        connection = await receiving.hold_or_refuse(conn, connection)
        await receiving.remember(conn, request, connection, verified.assertion_id, verified.expires_at)
        pending = await _answered(conn, connection, verified, relay_state)
        used = await conn.execute(queries.CERTIFICATE_USED, (connection.connection_id, verified.certificate))
        if not used.rowcount:
            refuse("signature", "the certificate was unpinned while the message was read")
        outcome = await _admit(conn, request, connection, verified)
        if isinstance(outcome, Admitted):
            row = {
                "ticket_mac": request.state.keyring.mac(ticket.encode(), receiving.TICKET_PURPOSE),
                "tenant_id": connection.tenant_id,
                "connection_id": connection.connection_id,
                "user_id": outcome.user_id,
                "browser_mac": pending.browser_mac if pending is not None else None,
                "continue_to": pending.continue_to if pending is not None else SESSIONS,
                "name_id": verified.name_id,
                "name_id_format": verified.name_id_format,
                "session_index": verified.session_index,
                "session_ends_at": verified.session_ends_at,
            }
            await conn.execute(queries.ADD_TICKET, row)
    if isinstance(outcome, MessageRefused):
        raise outcome
    return Taken(ticket, outcome.revoked)


async def _answered(
    conn: AsyncConnection, connection: OpenConnection, verified: Verified, relay_state: str
) -> PendingRequest | None:
    """Our request that the assertion answers, then used; None if the identity provider began and may. Raises MessageRefused."""
    if verified.in_response_to is None:
        if not connection.allow_idp_initiated:
            refuse("idp_initiated", "the identity provider began, which allow_idp_initiated does not allow")
        return None
    pending = await receiving.use_request(conn, connection, verified.in_response_to, "sign_in")
    if relay_state != pending.relay_state:
        refuse("relay_state", "the RelayState is not the one that was sent with the request")
    if pending.fresh and verified.signed_in_at < pending.made_at - SKEW:
        refuse("not_fresh", "a new sign-in was asked for (ForceAuthn), and an earlier one was answered")
    return pending


async def _admit(
    conn: AsyncConnection, request: Request, connection: OpenConnection, verified: Verified
) -> Admitted | MessageRefused:
    """The user, or a refusal. A refused answer was genuine: the audit trail records it, and it counts as used."""
    actor = sessions.actor(request, connection.tenant_id, "")
    try:
        async with conn.transaction():
            admitted = await people.admit(conn, request.state.settings, connection, verified)
    except MessageRefused as refused:
        await audit.record(conn, actor, "sign_in.refused", connection.connection_id, {"reason": refused.reason})
        if refused.reason == "no_role" and (known := await people.without_role(conn, connection, verified.name_id)):
            await audit.record(conn, actor, "saml.roles_lost", known, {"connection": connection.connection_id})
        return refused
    if admitted.is_new:
        detail = {"connection": connection.connection_id}
        await audit.record(conn, actor, "saml.user_linked", admitted.user_id, detail)
    return admitted


# --- The last step ----------------------------------------------------------------------------------------------------


async def finish(request: Request) -> Response:
    """The last step, from our own page. Only the browser that began gets the session. Asks the person if the provider began."""
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
            # Asks the person. Otherwise a stranger could sign the browser in with the stranger's account.
            return pages.render(
                request,
                "confirm_sign_in.html",
                organisation=connection.tenant_name,
                email=user.email,
                action=f"/v1/saml/{connection.connection_id}/finish",
                ticket=token,
            )
        session = await _start(conn, request, connection, ticket, user, token)
    return await _signed_in(request, connection, ticket, session)


async def confirm(request: Request) -> Response:
    """The person's answer."""
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
    return await _signed_in(request, connection, ticket, session)


async def _signed_in(request: Request, connection: OpenConnection, ticket: Ticket, session: str) -> Response:
    """Redirects to the person's destination, and gives the cookie that ranks the browser's next sign-in."""
    response = RedirectResponse(ticket.continue_to, 303, pages.headers())
    token = readers.browser_token(request.state.keyring, connection.connection_id)
    cookies.give(request, response, cookies.SAML, token, max_age=PASS_LIFETIME)
    await passes.give(request, response, connection.tenant_id, ticket.user_id)
    return sessions.signed_in(request, response, session)


def _macs(request: Request, token: str) -> list[bytes]:
    return request.state.keyring.macs(token.encode("utf-8", "replace"), receiving.TICKET_PURPOSE)


async def _ticket(conn: AsyncConnection, request: Request, connection: OpenConnection, token: str) -> Ticket | None:
    return await database.first(conn, Ticket, queries.TICKET, (_macs(request, token), connection.connection_id))


def _is_its_browser(request: Request, ticket: Ticket) -> bool:
    browser = cookies.read(request, cookies.BROWSER)
    if ticket.browser_mac is None:
        return True
    return bool(browser) and ticket.browser_mac in request.state.keyring.macs(
        browser.encode(), receiving.BROWSER_PURPOSE
    )


async def _user(conn: AsyncConnection, ticket: Ticket) -> User | None:
    return await database.first(conn, User, queries.ACTIVE_USER, (ticket.user_id,))


async def _start(
    conn: AsyncConnection, request: Request, connection: OpenConnection, ticket: Ticket, user: User, token: str
) -> str:
    """Starts a new session, as after a password, and returns the token for its cookie."""
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
