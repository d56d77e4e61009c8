"""Sessions: a random token in a cookie, its MAC in the database."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.auth.signin import cookies, queries
from services.auth.signin.models import Session, User
from shared import ids, rows
from shared.database import AsyncConnection, aset_tenant
from shared.identity import Caller
from shared.identity import caller as caller_of

SESSION_PURPOSE = "session"
LIFETIME = 12 * 3600
MAX_USER_AGENT = 200


async def current(request: Request, conn: AsyncConnection) -> Session | None:
    """Who is signed in here. Sets the transaction's tenant to theirs."""
    token = cookies.read(request, cookies.SESSION)
    if not token:
        return None
    for mac in request.state.keyring.macs(token.encode(), SESSION_PURPOSE):
        session = await rows.first(conn, Session, queries.FIND_SESSION, (mac,))
        if session is not None:
            await aset_tenant(conn, session.tenant_id)
            await conn.execute(queries.TOUCH_SESSION, (session.session_id,))
            return session
    return None


async def start(request: Request, conn: AsyncConnection, user: User, session_id: str | None = None) -> str:
    """A new session for `user`, and the token for its cookie. The tenant must be set."""
    token = cookies.new_token()
    row = {
        "session_id": session_id or ids.new_id("ses"),
        "tenant_id": user.tenant_id,
        "user_id": user.user_id,
        "token_mac": request.state.keyring.mac(token.encode(), SESSION_PURPOSE),
        "user_agent": _printable(request.headers.get("user-agent", "")),
        "address": caller_of(request).address,
    }
    await conn.execute(queries.START_SESSION, row)
    return token


def signed_in(request: Request, response: Response, token: str) -> Response:
    cookies.give(request, response, cookies.SESSION, token, max_age=LIFETIME)
    return response


def actor(request: Request, tenant_id: str, user_id: str) -> Caller:
    """The user, as the audit trail names who acted."""
    return Caller(tenant_id=tenant_id, subject=user_id, address=caller_of(request).address, token_use="access")


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())[:MAX_USER_AGENT]


DEVICE_PURPOSE = "known device"
MOST_DEVICES = 20
# Browsers keep no cookie for longer (RFC 6265bis §5.5).
DEVICE_DAYS = 400
# A device in which so many codes in a row were wrong is known no more.
MOST_WRONG_CODES = 10


class Standing(msgspec.Struct, frozen=True):
    """What a request is to an account: `device` the MAC of the known device it comes from, None for any other."""

    device: bytes | None = None
    wrong_codes: int = 0
    break_glass: bool = False


async def standing(request: Request, conn: AsyncConnection, user: User | None) -> Standing:
    """Asks as much where there is no such user, so that time tells nothing. Sets the transaction's tenant to the user's."""
    token = cookies.read(request, cookies.DEVICE)
    macs = request.state.keyring.macs(token.encode(), DEVICE_PURPOSE) if token else []
    await aset_tenant(conn, user.tenant_id if user is not None else "")
    found = await rows.first(
        conn, Standing, queries.STANDING, {"user_id": user.user_id if user is not None else "", "macs": macs}
    )
    assert found is not None
    return found


async def remember_device(request: Request, conn: AsyncConnection, user: User) -> str:
    """Makes the browser a known device of the user's; returns the token for its cookie. The tenant must be set."""
    token = cookies.read(request, cookies.DEVICE) or cookies.new_token()
    row = {"tenant_id": user.tenant_id, "user_id": user.user_id, "most": MOST_DEVICES}
    await conn.execute(
        queries.REMEMBER_DEVICE, row | {"mac": request.state.keyring.mac(token.encode(), DEVICE_PURPOSE)}
    )
    await conn.execute(queries.FORGET_OLD_DEVICES, row)
    return token


def give_device_cookie(request: Request, response: Response, token: str) -> Response:
    cookies.give(request, response, cookies.DEVICE, token, max_age=DEVICE_DAYS * 86_400)
    return response
