"""Gives the browser the pass of the account that signed in, and reads it. See `shared.web.passes`."""

import hmac
import time

from starlette.requests import Request
from starlette.responses import Response

from shared.primitives.encoding import base64url_encode
from shared.web import passes

PURPOSE = "pass"
BYTES = 16


async def give(request: Request, response: Response, tenant_id: str, user_id: str) -> None:
    """Browsers send it with the form of an identity provider too, unlike our other cookies: it admits nobody."""
    settings, keyring = request.state.settings, request.state.keyring
    account, organisation = (_text(keyring.mac(name.encode(), PURPOSE)) for name in (user_id, tenant_id))
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


def is_of(request: Request, tenant_id: str) -> bool:
    """Whether somebody of the tenant has signed in in this browser and the pass has not expired."""
    issuer = request.state.settings.issuer
    found = passes.read(request.cookies.get(passes.cookie_name(issuer), ""), issuer, request.state.keys.public_key)
    macs = request.state.keyring.macs(tenant_id.encode(), PURPOSE)
    return found is not None and any(hmac.compare_digest(_text(mac), found[1].org) for mac in macs)


def _text(mac: bytes) -> str:
    return base64url_encode(mac[:BYTES])
