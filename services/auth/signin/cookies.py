"""The cookies of the pages: of the browser, to which forms are tied; of a session; of a known device, which outlives both.

The `saml` cookie shows that the browser has signed in through a connection; see saml/readers.py.
"""

import hmac
import secrets

from starlette.requests import Request
from starlette.responses import Response

from shared.primitives.crypto import Keyring, base64url_encode
from shared.web.cookies import cookie_name

BROWSER = "browser"
SESSION = "session"
DEVICE = "device"
SAML = "saml"
PASS = "pass"
TOKEN_LENGTH = 43
# The purpose of the MAC of a password link's token.
LINK_PURPOSE = "password link"


def name_of(request: Request, kind: str) -> str:
    settings = request.state.settings
    return cookie_name(settings.issuer, settings.stack, kind)


def new_token() -> str:
    return base64url_encode(secrets.token_bytes(32))


def read(request: Request, kind: str) -> str:
    value = request.cookies.get(name_of(request, kind), "")
    return value if len(value) == TOKEN_LENGTH and value.isascii() else ""


def give(request: Request, response: Response, kind: str, value: str, max_age: int | None) -> None:
    response.set_cookie(
        name_of(request, kind),
        value,
        max_age=max_age,
        path="/",
        secure=request.state.settings.issuer.startswith("https://"),
        httponly=True,
        samesite="lax",
    )


def take(request: Request, response: Response, kind: str) -> None:
    give(request, response, kind, "", max_age=0)


def browser_of(request: Request) -> tuple[str, bool]:
    """The browser's token, and whether it is new."""
    known = read(request, BROWSER)
    return (known, False) if known else (new_token(), True)


def form_token(keyring: Keyring, browser: str) -> str:
    """The token of a form. Only our pages in this browser know it."""
    return base64url_encode(keyring.mac(browser.encode(), "form"))


def is_own_form(request: Request, token: str) -> bool:
    """Whether a POST comes from our form in the same browser, and not from another site."""
    browser = read(request, BROWSER)
    if not browser or request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    expected = [base64url_encode(mac) for mac in request.state.keyring.macs(browser.encode(), "form")]
    return any(hmac.compare_digest(one.encode(), token.encode("utf-8", "replace")) for one in expected)
