"""Devices known for an account: a random token in a cookie, given after a full sign-in, and its MAC beside the user.

Strangers' failures never count in a known device. A new password and ending all sessions forget every device.
"""

import msgspec
from psycopg.rows import class_row
from starlette.requests import Request
from starlette.responses import Response

from services.auth.signin import cookies, queries
from services.auth.signin.models import User
from shared.database import AsyncConnection, aset_tenant

PURPOSE = "known device"
MOST = 20
# Browsers keep no cookie for longer (RFC 6265bis §5.5).
DAYS = 400
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
    macs = request.state.keyring.macs(token.encode(), PURPOSE) if token else []
    await aset_tenant(conn, user.tenant_id if user is not None else "")
    async with conn.cursor(row_factory=class_row(Standing)) as cursor:
        await cursor.execute(queries.STANDING, {"user_id": user.user_id if user is not None else "", "macs": macs})
        found = await cursor.fetchone()
    assert found is not None
    return found


async def remember(request: Request, conn: AsyncConnection, user: User) -> str:
    """Makes the browser a known device of the user's; returns the token for its cookie. The tenant must be set."""
    token = cookies.read(request, cookies.DEVICE) or cookies.new_token()
    row = {"tenant_id": user.tenant_id, "user_id": user.user_id, "most": MOST}
    await conn.execute(queries.REMEMBER_DEVICE, row | {"mac": request.state.keyring.mac(token.encode(), PURPOSE)})
    await conn.execute(queries.FORGET_OLD_DEVICES, row)
    return token


def known(request: Request, response: Response, token: str) -> Response:
    cookies.give(request, response, cookies.DEVICE, token, max_age=DAYS * 86_400)
    return response
