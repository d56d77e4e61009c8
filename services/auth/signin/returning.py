"""Where a sign-in leads: to an authorization request, to the console or to the person's own pages, so that it is no open redirect."""

import re
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from authlib.oauth2.rfc6749 import OAuth2Error
from starlette.requests import Request
from starlette.responses import Response

from services.auth.oauth import forms
from services.auth.oauth.common_clients import load_asking
from services.auth.signin import pages

AUTHORIZE = "/v1/oauth/authorize?"
SESSIONS = "/v1/auth/sessions"
AUTHENTICATOR = "/v1/auth/authenticator"
DEVICE = "/device"
CONSOLE = "console"
"""The common app of people who come from no app."""
MAX_LENGTH = 8000
_DEVICE = re.compile(re.escape(DEVICE) + r"(?:\?user_code=[A-Za-z-]{1,12})?")


class Destination(NamedTuple):
    """`path` is on this host, or is the console's address. `redirect_uri` and `tenant_id` are the app's; a common app has no tenant."""

    path: str
    app_name: str = ""
    redirect_uri: str = ""
    tenant_id: str = ""


async def destination_of(request: Request, path: str) -> Destination:
    if path == AUTHENTICATOR or _DEVICE.fullmatch(path):
        return Destination(path)
    if path.startswith(("https://", "http://")):
        console = await to_console(request)
        return console if console.path == path else Destination(SESSIONS)
    if len(path) > MAX_LENGTH or not path.startswith(AUTHORIZE) or not path.isprintable() or not path.isascii():
        return Destination(SESSIONS)
    try:
        values = forms.parse_pairs(path.removeprefix(AUTHORIZE)).values
    except OAuth2Error:
        return Destination(path)
    client = await load_asking(request, values.get("client_id", ""))
    if client is None:
        return Destination(path)
    wanted = values.get("redirect_uri") or client.get_default_redirect_uri()
    redirect_uri = wanted if client.check_redirect_uri(wanted) else ""
    return Destination(path, client.row.name, redirect_uri, client.row.tenant_id)


async def to_console(request: Request) -> Destination:
    """The console's front page; the person's own pages on a platform without a console."""
    client = await load_asking(request, CONSOLE)
    redirect_uri = client.get_default_redirect_uri() if client is not None else None
    if client is None or not redirect_uri:
        return Destination(SESSIONS)
    parts = urlsplit(redirect_uri)
    return Destination(f"{parts.scheme}://{parts.netloc}/", client.row.name, redirect_uri)


async def first_sign_in(request: Request, email: str, notice: str) -> Response:
    """The sign-in page of somebody who has just chosen a password; it leads into the console. `notice` is the name of its text."""
    destination = await to_console(request)
    return pages.render(
        request,
        "sign_in.html",
        redirects_to=destination.redirect_uri,
        notice=pages.words(request)[notice],
        email=email,
        app_name=destination.app_name,
        continue_to=destination.path,
        address_first=False,
        fresh=False,
    )


def to_sign_in(path: str, *, fresh: bool = False, with_password: bool = False) -> str:
    """The sign-in page that leads on to `path`. `fresh` asks an identity provider for a new sign-in."""
    marks = ({"fresh": "1"} if fresh else {}) | ({"with": "password"} if with_password else {})
    return f"/v1/auth/sign-in?{urlencode({'continue': path} | marks)}"


def to_organisation(connection_id: str, path: str, *, fresh: bool = False) -> str:
    """The organisation's own sign-in, which leads on to `path`."""
    marks = {"fresh": "1"} if fresh else {}
    return f"/v1/saml/{connection_id}/login?{urlencode({'continue': path} | marks)}"
