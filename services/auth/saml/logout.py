"""Ending a session here and asking the identity provider to end its own."""

from datetime import UTC, datetime

from psycopg.rows import class_row
from starlette.requests import Request

from services.auth.saml import bindings, messages, queries, receiving, store
from services.auth.saml.models import StartedSession
from services.auth.signin.models import Session
from shared.database import AsyncConnection

LOGOUT_SECONDS = 15 * 60


async def begin(conn: AsyncConnection, request: Request, session: Session, continue_to: str) -> str | None:
    """Where the browser goes so that the identity provider ends its session too; None where it has none, or wants no word of it."""
    async with conn.cursor(row_factory=class_row(StartedSession)) as cursor:
        await cursor.execute(queries.STARTED_SESSION, (session.session_id,))
        started = await cursor.fetchone()
    connection = await store.find(conn, started.connection_id) if started is not None else None
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
        "connection_id": connection.connection_id,
        "kind": "logout",
        "browser_mac": None,
        "relay_state": "",
        "continue_to": continue_to,
        "fresh": False,
        "lives": LOGOUT_SECONDS,
    }
    await conn.execute(queries.ADD_REQUEST, row)
    key = receiving.own_key(request.state.keyring, connection)
    return bindings.to_url(connection.slo_url, "SAMLRequest", message, "", key)
