"""The token endpoint: read what the decision needs, let Authlib decide, sign, answer."""

import asyncio
from typing import Any

import psycopg
from authlib.oauth2.rfc6749 import OAuth2Error
from psycopg_pool import PoolTimeout
from starlette.requests import Request
from starlette.responses import Response

from services.auth.oauth import forms, grants, presented
from services.auth.oauth.client import Client
from services.auth.oauth.errors import TemporarilyUnavailable, reason_of
from services.auth.oauth.server import Answer, AuthorizationServer, OAuthRequest
from shared import http, problems

NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}


async def token(request: Request) -> Response:
    try:
        asked = await read_request(request)
    except OAuth2Error as error:
        return render(error())
    server: AuthorizationServer = request.state.oauth.for_client(asked.known_client)
    answer = await decide(server, asked)
    note(request, asked, answer)
    if asked.claims is not None:
        signer = request.state.keys.signer()
        answer.body["access_token"] = await asyncio.to_thread(signer.sign, asked.claims)
    return render(answer)


async def read_request(request: Request) -> OAuthRequest:
    """The form, what the client presents, and the client as it is now. Raises OAuth2Error."""
    form = await read_form(request)
    shown = presented.read(request.headers, form)
    try:
        client: Client | None = await request.state.clients.load(shown.client_id)
    except (psycopg.OperationalError, PoolTimeout):
        raise TemporarilyUnavailable from None
    return OAuthRequest("POST", form, shown, client)


async def read_form(request: Request) -> forms.Form:
    try:
        body = await http.read_body(request, forms.MAX_BYTES)
    except problems.Problem:
        raise TooLarge from None
    return forms.parse_body(request.headers.get("content-type", ""), body)


class TooLarge(OAuth2Error):
    error = "invalid_request"
    status_code = 413
    description = "The body is too large."


async def decide(server: AuthorizationServer, asked: OAuthRequest) -> Answer:
    try:
        server.authenticate_client(asked, presented_methods(asked))
        grants.check_grant_type(asked, server)
    except OAuth2Error as error:
        return server.handle_error_response(asked, error)
    answer = server.create_token_response(asked)
    assert isinstance(answer, Answer)
    return answer


def presented_methods(asked: OAuthRequest) -> list[str]:
    return [asked.presented.method] if asked.presented is not None else []


def note(request: Request, asked: OAuthRequest, answer: Answer) -> None:
    """Counts, last uses and, for a call that failed, the reason its integrator will look for."""
    client, activity = asked.known_client, request.state.activity
    if client is None:
        return
    if asked.error is not None:
        activity.refused(client.row.tenant_id, client.row.client_id, str(asked.error.error), reason_of(asked.error))
        return
    activity.count(client.row.tenant_id, client.row.client_id, "token", asked.values["grant_type"])
    if asked.secret_id is not None:
        activity.secret_used(client.row.tenant_id, asked.secret_id)


def render(answer: Any) -> Response:
    """An answer as JSON, never stored by anyone on the way (RFC 6749 §5.1)."""
    status, body, headers = answer
    kept = {name.lower(): value for name, value in headers if name.lower() not in ("content-type", *NO_STORE)}
    return Response(http.encode(body), status, {**NO_STORE, **kept}, "application/json")
