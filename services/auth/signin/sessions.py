"""Sessions: a random token in a cookie, its MAC in the database."""

from psycopg.rows import class_row
from starlette.requests import Request
from starlette.responses import Response

from services.auth.signin import cookies, queries
from services.auth.signin.models import Session, User
from shared import ids
from shared.database import AsyncConnection, aset_tenant
from shared.identity import Caller
from shared.identity import caller as caller_of

PURPOSE = "session"
LIFETIME = 12 * 3600
MAX_USER_AGENT = 200


async def current(request: Request, conn: AsyncConnection) -> Session | None:
    """Who is signed in here. Sets the transaction's tenant to theirs."""
    token = cookies.read(request, cookies.SESSION)
    if not token:
        return None
    for mac in request.state.keyring.macs(token.encode(), PURPOSE):
        async with conn.cursor(row_factory=class_row(Session)) as cursor:
            await cursor.execute(queries.FIND_SESSION, (mac,))
            session = await cursor.fetchone()
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
        "token_mac": request.state.keyring.mac(token.encode(), PURPOSE),
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
