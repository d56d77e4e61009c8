"""The second factor as it is stored: one authenticator and its recovery codes, each code good once."""

from typing import Literal

from starlette.requests import Request

from services.auth.signin import codes, metrics, queries, sessions
from services.auth.signin.models import User
from services.auth.signin.sessions import MOST_WRONG_CODES as MOST_WRONG_CODES_OF_DEVICE
from services.auth.signin.sessions import Standing
from shared import audit, rows
from shared.crypto import Keyring
from shared.database import AsyncConnection, aset_tenant

Used = Literal["authenticator", "recovery code", ""]
# After so many wrong codes in devices that are not known, only a recovery code counts there (NIST SP 800-63B-4 §3.2.2 allows 100).
MOST_WRONG_CODES = 20


async def find_user(conn: AsyncConnection, email: str) -> User | None:
    return await rows.first(conn, User, queries.FIND_USER, (email.strip(),))


async def is_unchanged(conn: AsyncConnection, user: User, *, to_write: bool = False) -> bool:
    """Whether the user may still sign in, and by what was verified: this password, and this second factor or none.

    The tenant must be set. Whoever changes any of it from now on waits for this transaction, and then ends the session it started.
    `to_write` where this transaction is about to change any of it itself.
    """
    held = queries.HOLD_USER_TO_WRITE if to_write else queries.HOLD_USER
    row = await (await conn.execute(held, (user.user_id,))).fetchone()
    return row == (user.password_hash, user.totp_secret)


async def use_at_sign_in(request: Request, conn: AsyncConnection, user: User, standing: Standing, code: str) -> Used:
    """As `use`, by someone who is not signed in: wrong codes are counted, and too many of them end it for this account or device.

    Counted before the code is looked at, so that many at once are not more. The user must be held to be written.
    """
    await aset_tenant(conn, user.tenant_id)
    stopped = False
    if standing.device is None:
        counted = await (await conn.execute(queries.COUNT_CODE, (user.user_id, MOST_WRONG_CODES))).fetchone()
        stopped = counted is None
        if counted is not None and counted[0] == MOST_WRONG_CODES:
            await _note_stop(request, conn, user)
    else:
        counted = await (await conn.execute(queries.COUNT_CODE_OF_DEVICE, (user.user_id, standing.device))).fetchone()
        if counted is None or counted[0] >= MOST_WRONG_CODES_OF_DEVICE:
            await conn.execute(queries.FORGET_DEVICE, (user.user_id, standing.device))
    used = await use(request, conn, user, code, recovery_only=stopped)
    if used:
        await conn.execute(queries.FORGET_WRONG_CODES, (user.user_id,))
    return used


async def _note_stop(request: Request, conn: AsyncConnection, user: User) -> None:
    metrics.codes_stopped.inc()
    actor = sessions.actor(request, user.tenant_id, user.user_id)
    await audit.record(conn, actor, "user.second_factor_stopped", user.user_id)


async def use(request: Request, conn: AsyncConnection, user: User, code: str, *, recovery_only: bool = False) -> Used:
    """Which of the user's codes this is, used from now on; empty for a wrong one, or one that was used before."""
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
    """New codes, shown once; those from before are worth nothing any more. The tenant must be set."""
    await conn.execute(queries.DELETE_RECOVERY_CODES, (user_id,))
    renewed = codes.new_recovery_codes()
    macs = [keyring.mac(codes.recovery_code_text(user_id, code) or b"", codes.RECOVERY_PURPOSE) for code in renewed]
    await conn.execute(queries.INSERT_RECOVERY_CODES, (tenant_id, user_id, macs))
    return renewed
