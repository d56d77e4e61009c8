"""Single logout (SAML profiles §4.4), both ways and both bindings, each message signed: theirs to us, and their answers to ours."""

from collections.abc import Mapping
from datetime import UTC, datetime

import anyio
from starlette.requests import Request
from starlette.responses import Response

from services.auth.saml import bindings, certificates, messages, queries, receiving, signatures
from services.auth.saml.bindings import Received
from services.auth.saml.documents import Element, Refused, parse, refuse
from services.auth.saml.messages import LogoutRequest
from services.auth.saml.models import OpenConnection
from services.auth.signin import pages, sessions
from services.auth.signin.returning import SESSIONS, to_sign_in
from shared import audit
from shared.database import aset_tenant, transaction


async def slo(request: Request) -> Response:
    """A logout request ends the sessions it names and is answered; a response to ours ends the matter."""
    connection = await receiving.connection_of(request)
    if connection is None:
        return receiving.closed(request)
    try:
        kind, root, relay_state = await _received(request, connection)
        if kind == "SAMLResponse":
            return await _finished(request, connection, root)
        return await _ended(request, connection, root, relay_state)
    except Refused as refused:
        return receiving.refusal(request, connection, refused)


async def _received(request: Request, connection: OpenConnection) -> tuple[str, Element, str]:
    """The kind of message, its root as it was signed, and the RelayState. Raises Refused."""
    pinned = [certificates.read(text) for text in connection.certificates]
    if request.method != "POST":
        received = bindings.from_query(request.scope["query_string"].decode("latin-1"), pinned)
        return received.kind, parse(received.document), received.relay_state
    received = _out_of_form((await receiving.read_form(request)).values)

    def verified() -> Element:
        return signatures.verify(received.document, parse(received.document), pinned, "./")[0]

    root = await anyio.to_thread.run_sync(verified, limiter=receiving.verifying)
    return received.kind, root, received.relay_state


def _out_of_form(values: Mapping[str, str]) -> Received:
    kinds = [kind for kind in ("SAMLRequest", "SAMLResponse") if kind in values]
    if len(kinds) != 1:
        refuse("malformed", "one of SAMLRequest and SAMLResponse is expected")
    relay_state = values.get("RelayState", "")[: bindings.MAX_RELAY_STATE]
    return Received(kinds[0], bindings.decode(values[kinds[0]]), relay_state)


async def _ended(request: Request, connection: OpenConnection, root: Element, relay_state: str) -> Response:
    mine, now = receiving.own_of(request, connection), datetime.now(UTC)
    asked = messages.read_logout_request(root, connection.entity_id, mine.slo_url, now)
    await _end_sessions(request, connection, asked)
    if not connection.slo_url:
        return pages.render(request, "signed_out.html", gives_cookie=False, goes_to="")
    answer = messages.logout_response(mine.entity_id, connection.slo_url, asked.request_id, now)
    key = receiving.own_key(request.state.keyring, connection)
    location = bindings.to_url(connection.slo_url, "SAMLResponse", answer, relay_state, key)
    return Response(status_code=303, headers={**pages.headers(), "location": location})


async def _end_sessions(request: Request, connection: OpenConnection, asked: LogoutRequest) -> None:
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


async def _finished(request: Request, connection: OpenConnection, root: Element) -> Response:
    """The identity provider has ended its session too, or says why not."""
    mine = receiving.own_of(request, connection)
    answered = messages.read_logout_response(root, connection.entity_id, mine.slo_url, datetime.now(UTC))
    async with transaction(request) as conn:
        await aset_tenant(conn, connection.tenant_id)
        pending = await receiving.use_request(conn, connection, answered, "logout")
    goes_to = to_sign_in(pending.continue_to or SESSIONS)
    return pages.render(request, "signed_out.html", gives_cookie=False, goes_to=goes_to)
