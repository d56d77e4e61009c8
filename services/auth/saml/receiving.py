"""The common part of the endpoints for browsers: the connection in the path, a message in a form, and the page of a refusal."""

from datetime import datetime

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.auth.apps.queries import HOLD_TENANT
from services.auth.saml import connections, messages, metadata, queries
from services.auth.saml.documents import MessageRefused, refuse
from services.auth.saml.metadata import Own
from services.auth.saml.models import OpenConnection, PendingRequest
from services.auth.saml.readers import Sender
from services.auth.signin import pages
from shared.primitives.crypto import Keyring
from shared.process import telemetry
from shared.storage import database
from shared.storage.database import AsyncConnection, transaction
from shared.web import http, identity, problems
from shared.web.identity import networks_of

# A document of 256 KiB in base64 in a form, where each +, / and = takes three characters.
MAX_FORM = 512 * 1024
REPLAY_PURPOSE = "saml message"
BROWSER_PURPOSE = "saml browser"
TICKET_PURPOSE = "saml ticket"
MOST_WAITING = 1_000
"""Requests of a connection that wait for their answers, of browsers that signed in before and of all others."""
STATUSES = {"too_large": 413, "too_many": 429, "busy": 503}
ABOUT_OTHERS = frozenset({"too_many", "busy"})
# Refusals of genuine answers.
ABOUT_THE_PERSON = frozenset(
    {"user_disabled", "domain", "email", "email_taken", "already_linked", "no_role", "too_many_people"}
)


async def connection_of(request: Request) -> OpenConnection | None:
    """The connection in the path, or None unless people may sign in through it."""
    async with transaction(request) as conn:
        found = await connections.find(conn, request.path_params["connection"])
    return found if found is not None and found.is_open else None


async def hold(conn: AsyncConnection, connection: OpenConnection, *, to_write: bool = False) -> bool:
    """Whether the connection is still active. It stays active until this transaction ends."""
    if to_write:
        await conn.execute(HOLD_TENANT, (connection.tenant_id,))
    query = queries.HOLD_CONNECTION_TO_WRITE if to_write else queries.HOLD_CONNECTION
    return (await conn.execute(query, (connection.connection_id,))).rowcount == 1


async def hold_or_refuse(conn: AsyncConnection, connection: OpenConnection) -> OpenConnection:
    """The connection, locked, with its present mappings; these may have changed since the message came. Raises MessageRefused: `closed`."""
    row = await (await conn.execute(queries.HOLD_CONNECTION, (connection.connection_id,))).fetchone()
    if row is None:
        refuse("closed", "the connection was switched off while the message was read")
    attributes, roles, default = row
    return msgspec.structs.replace(connection, attribute_mapping=attributes, role_mapping=roles, default_role=default)


def closed(request: Request) -> Response:
    return pages.error(request, "saml_closed", 404, gives_cookie=False)


def own_of(request: Request, connection: OpenConnection) -> Own:
    return metadata.own(request.state.settings.issuer, connection.connection_id, connection.own_certificate)


def signed_url(
    request: Request, connection: OpenConnection, url: str, kind: str, message: bytes, relay_state: str = ""
) -> str:
    """The address of the identity provider that brings it our message. `kind` is SAMLRequest or SAMLResponse."""
    context = connections.key_context(connection.connection_id)
    key = metadata.private_key(request.state.keyring.decrypt(connection.own_key, context))
    return messages.to_url(url, kind, message, relay_state, key)


async def read_body(request: Request) -> bytes:
    """The raw form. Raises MessageRefused: `too_large`."""
    try:
        return await http.read_body(request, MAX_FORM)
    except problems.Problem as problem:
        refuse("too_large", problem.detail)


def sender_of(request: Request, connection: OpenConnection, raw: bytes) -> Sender:
    """The sender by address, and by the RelayState in `raw`, the form or query."""
    rank = request.state.ranks.of(connection.connection_id, raw)
    return Sender(rank, networks_of(identity.caller(request).address))


async def remember(
    conn: AsyncConnection, request: Request, connection: OpenConnection, message_id: str, expires_at: datetime
) -> None:
    """Stores the message's id for as long as the message is valid. Raises MessageRefused: `replayed`."""
    keyring: Keyring = request.state.keyring
    macs = keyring.macs(message_id.encode(), REPLAY_PURPOSE)
    seen = await (await conn.execute(queries.SEEN_MESSAGE, (connection.connection_id, macs))).fetchone()
    row = (connection.connection_id, macs[0], connection.tenant_id, expires_at)
    if (seen is not None and seen[0]) or not (await conn.execute(queries.REMEMBER_MESSAGE, row)).rowcount:
        refuse("replayed", "this very message came before")


async def add_request(
    conn: AsyncConnection, request: Request, connection_id: str, row: dict[str, object], *, is_returning: bool
) -> None:
    """Stores a request that we send. Beyond `MOST_WAITING` requests of a connection the oldest of the busiest network is deleted.

    Requests of browsers that signed in before have as much room again, so that strangers displace none of them.
    """
    network, _ = networks_of(identity.caller(request).address)
    whose = {"connection_id": connection_id, "is_returning": is_returning, "network": network}
    await conn.execute(queries.ADD_REQUEST, row | whose)
    await conn.execute(queries.FORGET_REQUESTS, whose | {"most": MOST_WAITING})


async def use_request(conn: AsyncConnection, connection: OpenConnection, request_id: str, kind: str) -> PendingRequest:
    """Our open request with that id, which is then used. Raises MessageRefused: `in_response_to`."""
    pending = await database.first(
        conn, PendingRequest, queries.USE_REQUEST, (request_id, connection.connection_id, kind)
    )
    if pending is None:
        refuse("in_response_to", "it answers no open request of this connection: unknown, answered before, or too old")
    return pending


def refusal(request: Request, connection: OpenConnection, refused: MessageRefused) -> Response:
    """A page for the person, with a code and a trace id, and a line in the connection's event list for the administrator."""
    if refused.reason not in ABOUT_OTHERS:  # the message is not their cause
        request.state.activity.refused(connection.tenant_id, connection.connection_id, refused.reason, refused.detail)
    status = STATUSES.get(refused.reason, 403 if refused.reason in ABOUT_THE_PERSON else 400)
    response = pages.render(
        request,
        "saml_error.html",
        status,
        gives_cookie=False,
        organisation=connection.tenant_name,
        code=refused.reason,
        trace=telemetry.trace_id(),
    )
    if refused.reason in ABOUT_OTHERS:
        response.headers["retry-after"] = "2"
    return response
