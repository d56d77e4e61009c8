"""Gives the browser the pass of the account that signed in, and reads it. See `shared.web.identity`."""

import time

from starlette.requests import Request
from starlette.responses import Response

from services.auth.signin import cookies
from shared.primitives.crypto import UnreadableCiphertext, base64url_decode, base64url_encode
from shared.web import identity

PURPOSE = "pass"
HOLDER_CONTEXT = b"holder of a pass"
BYTES = 16


async def give(request: Request, response: Response, tenant_id: str, user_id: str) -> None:
    """Browsers send it with the form of an identity provider too, unlike our other cookies: it admits nobody."""
    settings, keyring = request.state.settings, request.state.keyring
    macs = (keyring.mac(name.encode(), PURPOSE)[:BYTES] for name in (user_id, tenant_id))
    account, organisation = map(base64url_encode, macs)
    await request.state.keys.fresh_if_possible()
    holder = base64url_encode(keyring.encrypt(user_id.encode(), HOLDER_CONTEXT))
    claims = identity.Pass(
        settings.issuer, int(time.time()) + identity.PASS_LIFETIME, account, organisation, holder=holder
    )
    is_secure = settings.issuer.startswith("https://")
    response.set_cookie(
        cookies.name_of(request, cookies.PASS),
        request.state.keys.signer().sign(claims, identity.PASS_TYPE),
        max_age=identity.PASS_LIFETIME,
        path="/",
        secure=is_secure,
        httponly=True,
        samesite="none" if is_secure else "lax",
    )


def holder(request: Request) -> str:
    """The id of the user who signed in in this browser, or "" without a genuine pass. The user may have been disabled since."""
    issuer = request.state.settings.issuer
    found = identity.read_pass(
        request.cookies.get(cookies.name_of(request, cookies.PASS), ""), issuer, request.state.keys.public_key
    )
    if found is None:
        return ""
    try:
        return request.state.keyring.decrypt(base64url_decode(found[1].holder), HOLDER_CONTEXT).decode()
    except (ValueError, UnreadableCiphertext):
        return ""
