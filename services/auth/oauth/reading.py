"""Reads a POST to an OAuth endpoint: its form and its client."""

from authlib.oauth2.rfc6749 import OAuth2Error
from starlette.requests import Request

from services.auth.oauth import clients, forms
from services.auth.oauth.clients import Client
from services.auth.oauth.forms import TemporarilyUnavailable
from services.auth.oauth.server import OAuthRequest
from shared.storage.database import UNAVAILABLE
from shared.web import http, problems


class TooLarge(OAuth2Error):
    error = "invalid_request"
    status_code = 413
    description = "The body is too large."


async def read_request(request: Request) -> OAuthRequest:
    """Raises OAuth2Error for an unreadable form or unreadable credentials."""
    form = await read_form(request)
    shown = clients.read_credentials(request.headers, form)
    return OAuthRequest("POST", form, shown, await load_client(request, shown.client_id))


async def read_form(request: Request) -> forms.Form:
    try:
        body = await http.read_body(request, forms.MAX_BYTES)
    except problems.Problem:
        raise TooLarge from None
    return forms.parse_body(request.headers.get("content-type", ""), body)


async def load_client(request: Request, client_id: str) -> Client | None:
    try:
        return await request.state.clients.load(client_id)
    except UNAVAILABLE:
        raise TemporarilyUnavailable from None
