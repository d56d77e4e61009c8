"""Single logout (SAML profiles §4.4), from both sides and with both bindings. Each message is signed."""

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from services.auth.saml import connections, messages, queries, receiving
from services.auth.saml.documents import MessageRefused
from services.auth.saml.messages import LogoutRequest
from services.auth.saml.models import OpenConnection, StartedSession
from services.auth.saml.reader import LogoutMessage
from services.auth.signin import pages, sessions
from services.auth.signin.models import Session
from services.auth.signin.returning import SESSIONS, to_sign_in
from shared.storage import audit, database
from shared.storage.database import AsyncConnection, aset_tenant, transaction

LOGOUT_SECONDS = 15 * 60


async def begin(conn: AsyncConnection, request: Request, session: Session, continue_to: str) -> str | None:
    """The address at which the identity provider ends its session too; None without such a session or without single logout."""
    started = await database.first(conn, StartedSession, queries.STARTED_SESSION, (session.session_id,))
    connection = await connections.find(conn, started.connection_id) if started is not None else None
    if started is None or connection is None or not connection.is_open or not connection.slo_url:
        return None
    if not await receiving.hold(conn, connection):
        return None
    mine, request_id = receiving.own_of(request, connection), messages.new_id()
    message = messages.logout_request(
        request_id,
        mine.entity_id,
        connection.slo_url,
        started.name_id,
        started.name_id_format,
        started.session_index,
        datetime.now(UTC),
    )
    row = {
        "request_id": request_id,
        "tenant_id": connection.tenant_id,
        "kind": "logout",
        "browser_mac": None,
        "relay_state": "",
        "continue_to": continue_to,
        "fresh": False,
        "lives": LOGOUT_SECONDS,
    }
    await receiving.add_request(conn, request, connection.connection_id, row, is_returning=True)
    return receiving.signed_url(request, connection, connection.slo_url, "SAMLRequest", message)


async def slo(request: Request) -> Response:
    """A logout request ends the sessions that it names, and is answered. A response completes our own request."""
    connection = await receiving.connection_of(request)
    if connection is None:
        return receiving.closed(request)
    try:
        query: bytes = request.scope["query_string"]
        body = await receiving.read_body(request) if request.method == "POST" else None
        message = LogoutMessage(
            query=query.decode("latin-1"),
            content_type=request.headers.get("content-type", ""),
            body=body,
            issuer=connection.entity_id,
            slo_url=receiving.own_of(request, connection).slo_url,
            certificates=connection.certificates,
            now=datetime.now(UTC),
        )
        sender = receiving.sender_of(request, connection, query if body is None else body)
        received = await request.state.readers.logout(message, sender)
        if received.request is None:
            # An answer to our own logout request: the identity provider has ended its session.
            async with transaction(request) as conn:
                await aset_tenant(conn, connection.tenant_id)
                pending = await receiving.use_request(conn, connection, received.answers, "logout")
            goes_to = to_sign_in(pending.continue_to or SESSIONS)
            return pages.render(request, "signed_out.html", gives_cookie=False, goes_to=goes_to)
        return await _ended(request, connection, received.request, received.relay_state)
    except MessageRefused as refused:
        return receiving.refusal(request, connection, refused)


async def _ended(request: Request, connection: OpenConnection, asked: LogoutRequest, relay_state: str) -> Response:
    named = {
        "connection_id": connection.connection_id,
        "name_id": asked.name_id,
        "indexes": [index for index in asked.session_indexes if index],
    }
    async with transaction(request) as conn:
        await aset_tenant(conn, connection.tenant_id)
        await receiving.hold_or_refuse(conn, connection)
        await receiving.remember(conn, request, connection, asked.request_id, asked.expires_at)
        await conn.execute(queries.DELETE_TICKETS_OF_NAME, named)
        ended = await (await conn.execute(queries.END_SESSIONS_OF_NAME, named)).fetchall()
        for user_id in sorted({user_id for (user_id,) in ended}):
            actor = sessions.actor(request, connection.tenant_id, user_id)
            await audit.record(conn, actor, "session.ended", user_id, {"by": connection.connection_id})
    if not connection.slo_url:
        return pages.render(request, "signed_out.html", gives_cookie=False, goes_to="")
    mine = receiving.own_of(request, connection)
    answer = messages.logout_response(mine.entity_id, connection.slo_url, asked.request_id, datetime.now(UTC))
    location = receiving.signed_url(request, connection, connection.slo_url, "SAMLResponse", answer, relay_state)
    return Response(status_code=303, headers={**pages.headers(), "location": location})
