"""Sessions and known devices: random tokens in cookies, their MACs in the database.

A device becomes known for an account at a full sign-in. Failures of strangers do not count in a known device. A new password, and
ending all sessions, make every device unknown.
"""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.auth.signin import cookies, passes, queries
from services.auth.signin.models import Session, User
from shared.primitives import ids
from shared.storage import database
from shared.storage.database import AsyncConnection, aset_tenant
from shared.web.identity import Caller
from shared.web.identity import caller as caller_of

SESSION_PURPOSE = "session"
LIFETIME = 12 * 3600
MAX_USER_AGENT = 200
MOST_SESSIONS = 100
"""Sessions of a person, with those that have ended. A new one displaces the oldest."""


async def current(request: Request, conn: AsyncConnection) -> Session | None:
    """The session of the request, or None. Sets the transaction's tenant."""
    token = cookies.read(request, cookies.SESSION)
    if not token:
        return None
    for mac in request.state.keyring.macs(token.encode(), SESSION_PURPOSE):
        session = await database.first(conn, Session, queries.FIND_SESSION, (mac,))
        if session is not None:
            await aset_tenant(conn, session.tenant_id)
            await conn.execute(queries.TOUCH_SESSION, (session.session_id,))
            return session
    return None


async def start(
    request: Request,
    conn: AsyncConnection,
    user: User,
    session_id: str | None = None,
    *,
    second_factor: bool = False,
) -> str:
    """Starts a session and returns the token for its cookie. The tenant must be set.

    `second_factor`: the person has shown one to auth; the statement of an identity provider is none.
    """
    token = cookies.new_token()
    user_agent = "".join(one for one in request.headers.get("user-agent", "") if one.isprintable())
    row = {
        "session_id": session_id or ids.new_id("ses"),
        "tenant_id": user.tenant_id,
        "user_id": user.user_id,
        "token_mac": request.state.keyring.mac(token.encode(), SESSION_PURPOSE),
        "user_agent": user_agent[:MAX_USER_AGENT],
        "address": caller_of(request).address,
        "second_factor": second_factor,
    }
    await conn.execute(queries.START_SESSION, row)
    await conn.execute(queries.NOTE_SIGN_IN, row)
    await conn.execute(queries.FORGET_OLD_SESSIONS, (user.user_id, MOST_SESSIONS))
    return token


def signed_in(request: Request, response: Response, token: str) -> Response:
    cookies.give(request, response, cookies.SESSION, token, max_age=LIFETIME)
    return response


async def end_all(conn: AsyncConnection, user_id: str) -> None:
    """Ends every session of the person, and makes every device unknown."""
    await conn.execute(queries.END_SESSIONS, (user_id,))
    await conn.execute(queries.FORGET_DEVICES, (user_id,))


def actor(request: Request, tenant_id: str, user_id: str) -> Caller:
    """The user as an actor of the audit trail."""
    return Caller(tenant_id=tenant_id, subject=user_id, address=caller_of(request).address, token_use="access")


# --- Known devices ----------------------------------------------------------------------------------------------------

DEVICE_PURPOSE = "known device"
MOST_DEVICES = 20
# The longest life of a cookie (RFC 6265bis §5.5).
DEVICE_DAYS = 400
# After this number of wrong codes in a row a device is unknown again.
MOST_WRONG_CODES = 10


class Standing(msgspec.Struct, frozen=True):
    """A request's relation to an account. `device` is the MAC of a known device, None for any other.

    `colleague` is the active user of the same organisation who has the browser's pass: the person, or somebody else there.
    """

    device: bytes | None = None
    wrong_codes: int = 0
    break_glass: bool = False
    colleague: str | None = None


async def standing(request: Request, conn: AsyncConnection, user: User | None) -> Standing:
    """Runs the same query without a user, so that its time reveals nothing. Sets the transaction's tenant to the user's."""
    token = cookies.read(request, cookies.DEVICE)
    macs = request.state.keyring.macs(token.encode(), DEVICE_PURPOSE) if token else []
    await aset_tenant(conn, user.tenant_id if user is not None else "")
    named = {"user_id": user.user_id if user is not None else "", "macs": macs, "holder": passes.holder(request)}
    found = await database.first(conn, Standing, queries.STANDING, named)
    assert found is not None
    return found


async def remember_device(request: Request, conn: AsyncConnection, user: User) -> str:
    """Makes the browser a known device and returns the token for its cookie. The tenant must be set."""
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
