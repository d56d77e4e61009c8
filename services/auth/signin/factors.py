"""The second factor as it is stored: one authenticator and its recovery codes, each code good once."""

from typing import Literal

from psycopg.rows import class_row
from starlette.requests import Request

from services.auth.signin import queries, recovery, totp
from services.auth.signin.models import User
from shared.crypto import Keyring
from shared.database import AsyncConnection, aset_tenant

Used = Literal["authenticator", "recovery code", ""]


async def find_user(conn: AsyncConnection, email: str) -> User | None:
    async with conn.cursor(row_factory=class_row(User)) as cursor:
        await cursor.execute(queries.FIND_USER, (email.strip(),))
        return await cursor.fetchone()


async def is_unchanged(conn: AsyncConnection, user: User) -> bool:
    """Whether the user may still sign in, and by what was verified: this password, and this second factor or none.

    The tenant must be set. Whoever changes any of it from now on waits for this transaction, and then ends the session it started.
    """
    row = await (await conn.execute(queries.HOLD_USER, (user.user_id,))).fetchone()
    return row == (user.password_hash, user.totp_secret)


async def use(request: Request, conn: AsyncConnection, user: User, code: str) -> Used:
    """Which of the user's codes this is, used from now on; empty for a wrong one, or one that was used before."""
    if user.totp_secret is None:
        return ""
    await aset_tenant(conn, user.tenant_id)
    keyring: Keyring = request.state.keyring
    step = totp.step_of(keyring.decrypt(user.totp_secret, totp.context(user.user_id)).decode(), code)
    if step is not None:
        used = await conn.execute(queries.USE_TOTP_STEP, (step, user.user_id, step))
        return "authenticator" if used.rowcount else ""
    meant = recovery.to_mac(user.user_id, code)
    if meant is None:
        return ""
    used = await conn.execute(queries.USE_RECOVERY_CODE, (user.user_id, keyring.macs(meant, recovery.PURPOSE)))
    return "recovery code" if used.rowcount else ""


async def renew_recovery_codes(conn: AsyncConnection, keyring: Keyring, tenant_id: str, user_id: str) -> list[str]:
    """New codes, shown once; those from before are worth nothing any more. The tenant must be set."""
    await conn.execute(queries.DELETE_RECOVERY_CODES, (user_id,))
    codes = recovery.new_codes()
    macs = [keyring.mac(recovery.to_mac(user_id, code) or b"", recovery.PURPOSE) for code in codes]
    await conn.execute(queries.INSERT_RECOVERY_CODES, (tenant_id, user_id, macs))
    return codes
