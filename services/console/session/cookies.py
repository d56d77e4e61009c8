"""The console's cookies, and the checks that a POST comes from the console's own page."""

import hmac
import secrets

from starlette.requests import Request
from starlette.responses import Response

from services.console.settings import Settings
from shared.primitives.crypto import Keyring, base64url_encode
from shared.web.cookies import cookie_name

SESSION, BEGUN, LANGUAGE, PORTAL, ENDED = "console", "begun", "language", "portal", "ended"
"""`ENDED` notes that a session of this browser is over: the next sign-in asks for the password, though auth may still know the person."""
TOKEN_LENGTH = 43
FORM_PURPOSE = "form"


def name_of(settings: Settings, kind: str) -> str:
    return cookie_name(settings.console_base_url, settings.stack, kind)


def new_token() -> str:
    return base64url_encode(secrets.token_bytes(32))


def read(request: Request, kind: str) -> str:
    return request.cookies.get(name_of(request.state.settings, kind), "")


def give(request: Request, response: Response, kind: str, value: str, *, max_age: int | None, strict: bool) -> None:
    """A strict cookie comes with no request that another site began."""
    settings: Settings = request.state.settings
    response.set_cookie(
        name_of(settings, kind),
        value,
        max_age=max_age,
        path="/",
        secure=settings.is_secure,
        httponly=True,
        samesite="strict" if strict else "lax",
    )


def take(request: Request, response: Response, kind: str) -> None:
    give(request, response, kind, "", max_age=0, strict=False)


def form_token(keyring: Keyring, session_token: str) -> str:
    """The token of every form of a session. Only its own pages know it."""
    return base64url_encode(keyring.mac(session_token.encode(), FORM_PURPOSE))


def is_own_form(request: Request, session_token: str, given: str) -> bool:
    """Whether a POST comes from a page of this session: its form's token is right, and the browser names no other origin."""
    if not is_own_origin(request):
        return False
    keyring: Keyring = request.state.keyring
    expected = [base64url_encode(mac) for mac in keyring.macs(session_token.encode(), FORM_PURPOSE)]
    return any(hmac.compare_digest(one.encode(), given.encode("utf-8", "replace")) for one in expected)


def is_own_origin(request: Request) -> bool:
    """Whether `Origin` and `Sec-Fetch-Site`, as far as the browser sends them, name the console itself. A POST names one of them."""
    settings: Settings = request.state.settings
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if origin is not None and origin != settings.console_base_url:
        return False
    if site is not None and site != "same-origin":
        return False
    return origin is not None or site is not None
