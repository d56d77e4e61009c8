"""What the token, revocation and introspection endpoints share: proving the client, its transaction, and the answer."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

from authlib.oauth2.rfc6749 import OAuth2Error
from starlette.requests import Request
from starlette.responses import Response

from services.auth.oauth import queries
from services.auth.oauth.errors import DESCRIPTIONS, UNDESCRIBED, InvalidClient, TemporarilyUnavailable
from services.auth.oauth.server import Answer, AuthorizationServer, OAuthRequest
from shared import http
from shared.database import AsyncConnection, aset_tenant, transaction
from shared.outages import UNAVAILABLE

NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}


async def answer_or_unavailable(
    server: AuthorizationServer, asked: OAuthRequest, deciding: Awaitable[Answer]
) -> Answer:
    """What `deciding` answers; every OAuth error in the words of RFC 6749 §5.2, a database that is away among them."""
    try:
        return await deciding
    except OAuth2Error as error:
        return server.handle_error_response(asked, error)
    except UNAVAILABLE:
        return server.handle_error_response(asked, TemporarilyUnavailable())


async def authenticate(request: Request, server: AuthorizationServer, asked: OAuthRequest) -> None:
    """Proves the client. The id of an assertion is good once (RFC 7523 §3): the database remembers it."""
    server.authenticate_client(asked, [asked.presented.method] if asked.presented is not None else [])
    if asked.assertion is None:
        return
    client = asked.authenticated.row
    async with client_transaction(request, asked) as conn:
        parameters = (client.tenant_id, client.client_id, *asked.assertion)
        if not (await conn.execute(queries.USE_ASSERTION, parameters)).rowcount:
            raise InvalidClient("The client assertion was used before.")


@asynccontextmanager
async def client_transaction(request: Request, asked: OAuthRequest) -> AsyncIterator[AsyncConnection]:
    """One transaction in the tenant of the client that has authenticated."""
    async with transaction(request) as conn:
        await aset_tenant(conn, asked.authenticated.row.tenant_id)
        yield conn


def render(answer: Any) -> Response:
    """An answer as JSON, never stored by anyone on the way (RFC 6749 §5.1)."""
    status, body, headers = answer
    if "error" in body:
        body = {"error_description": DESCRIPTIONS.get(body["error"], UNDESCRIBED)} | body
    kept = {name.lower(): value for name, value in headers if name.lower() not in ("content-type", *NO_STORE)}
    return Response(http.encode(body), status, {**NO_STORE, **kept}, "application/json")
