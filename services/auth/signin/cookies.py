"""The cookies of the pages: of the browser, to which forms are tied; of a session; of a known device, which outlives both.

The `saml` cookie shows that the browser has signed in through a connection; see saml/readers.py.
"""

import hmac
import secrets
import time

from starlette.requests import Request
from starlette.responses import Response

from shared.primitives.crypto import Keyring
from shared.primitives.encoding import base64url_encode
from shared.web import passes

BROWSER = "browser"
SESSION = "session"
DEVICE = "device"
SAML = "saml"
TOKEN_LENGTH = 43
# The purpose of the MAC of a password link's token.
LINK_PURPOSE = "password link"
PASS_PURPOSE = "pass"
PASS_BYTES = 16


def name_of(request: Request, kind: str) -> str:
    """`__Host-` binds a cookie to https and this host. Over plain http browsers refuse the prefix.

    There the name includes the stack's name, because cookies ignore ports.
    """
    settings = request.state.settings
    if settings.issuer.startswith("https://"):
        return f"__Host-knogin-{kind}"
    return f"knogin-{settings.stack or 'local'}-{kind}"


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


async def give_pass(request: Request, response: Response, tenant_id: str, user_id: str) -> None:
    """Gives the browser the pass of the account that has just signed in.

    Browsers send it with the form of an identity provider too, which other cookies of ours are not sent with: it admits nobody.
    """
    settings, keyring = request.state.settings, request.state.keyring
    account, organisation = (
        base64url_encode(keyring.mac(name.encode(), PASS_PURPOSE)[:PASS_BYTES]) for name in (user_id, tenant_id)
    )
    await request.state.keys.fresh_if_possible()
    claims = passes.Pass(settings.issuer, int(time.time()) + passes.LIFETIME, account, organisation)
    is_secure = settings.issuer.startswith("https://")
    response.set_cookie(
        passes.cookie_name(settings.issuer),
        request.state.keys.signer().sign(claims, passes.TYPE),
        max_age=passes.LIFETIME,
        path="/",
        secure=is_secure,
        httponly=True,
        samesite="none" if is_secure else "lax",
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
