"""The stored second factor: one authenticator and its recovery codes. Each code works once."""

from typing import Literal

from starlette.requests import Request

from services.auth.signin import codes, metrics, queries, sessions
from services.auth.signin.models import User
from services.auth.signin.sessions import MOST_WRONG_CODES as MOST_WRONG_CODES_OF_DEVICE
from services.auth.signin.sessions import Standing
from shared.primitives.crypto import Keyring
from shared.storage import audit, database
from shared.storage.database import AsyncConnection, aset_tenant

Used = Literal["authenticator", "recovery code", ""]
# After this number of wrong codes in unknown devices only a recovery code works there (NIST SP 800-63B-4 §3.2.2 allows 100).
MOST_WRONG_CODES = 20


async def find_user(conn: AsyncConnection, email: str) -> User | None:
    return await database.first(conn, User, queries.FIND_USER, (email.strip(),))


async def is_unchanged(conn: AsyncConnection, user: User, *, to_write: bool = False) -> bool:
    """Whether status, password and second factor of the user are those that were verified.

    The tenant must be set. A later change of any of them waits for this transaction and then ends the session that it started.
    `to_write` takes the lock for a change in this transaction.
    """
    held = queries.HOLD_USER_TO_WRITE if to_write else queries.HOLD_USER
    row = await (await conn.execute(held, (user.user_id,))).fetchone()
    return row == (user.password_hash, user.totp_secret)


async def use_at_sign_in(request: Request, conn: AsyncConnection, user: User, standing: Standing, code: str) -> Used:
    """As `use`, before the sign-in: too many wrong codes block authenticator codes for the account, or make the device unknown.

    The code is counted before its check, so that parallel attempts gain nothing. The user must be locked for writing.
    """
    await aset_tenant(conn, user.tenant_id)
    stopped = False
    if standing.device is None:
        counted = await (await conn.execute(queries.COUNT_CODE, (user.user_id, MOST_WRONG_CODES))).fetchone()
        stopped = counted is None
        if counted is not None and counted[0] == MOST_WRONG_CODES:
            metrics.codes_stopped.inc()
            actor = sessions.actor(request, user.tenant_id, user.user_id)
            await audit.record(conn, actor, "user.second_factor_stopped", user.user_id)
    else:
        counted = await (await conn.execute(queries.COUNT_CODE_OF_DEVICE, (user.user_id, standing.device))).fetchone()
        if counted is None or counted[0] >= MOST_WRONG_CODES_OF_DEVICE:
            await conn.execute(queries.FORGET_DEVICE, (user.user_id, standing.device))
    used = await use(request, conn, user, code, recovery_only=stopped)
    if used:
        await conn.execute(queries.FORGET_WRONG_CODES, (user.user_id,))
    return used


async def use(request: Request, conn: AsyncConnection, user: User, code: str, *, recovery_only: bool = False) -> Used:
    """The kind of the user's code, which is then used; empty for a wrong code, or one that was used before."""
    if user.totp_secret is None:
        return ""
    await aset_tenant(conn, user.tenant_id)
    keyring: Keyring = request.state.keyring
    step = codes.step_of(keyring.decrypt(user.totp_secret, codes.secret_context(user.user_id)).decode(), code)
    if step is not None and not recovery_only:
        used = await conn.execute(queries.USE_TOTP_STEP, (step, user.user_id, step))
        return "authenticator" if used.rowcount else ""
    meant = codes.recovery_code_text(user.user_id, code)
    if meant is None:
        return ""
    used = await conn.execute(queries.USE_RECOVERY_CODE, (user.user_id, keyring.macs(meant, codes.RECOVERY_PURPOSE)))
    return "recovery code" if used.rowcount else ""


async def renew_recovery_codes(conn: AsyncConnection, keyring: Keyring, tenant_id: str, user_id: str) -> list[str]:
    """Makes new recovery codes and deletes the old ones. The tenant must be set."""
    await conn.execute(queries.DELETE_RECOVERY_CODES, (user_id,))
    renewed = codes.new_recovery_codes()
    macs = [keyring.mac(codes.recovery_code_text(user_id, code) or b"", codes.RECOVERY_PURPOSE) for code in renewed]
    await conn.execute(queries.INSERT_RECOVERY_CODES, (tenant_id, user_id, macs))
    return renewed
