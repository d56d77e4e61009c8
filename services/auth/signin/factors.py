"""The stored second factor: one authenticator and its recovery codes. Each code works once."""

from typing import Any, Literal

import msgspec
from starlette.requests import Request

from services.auth import seals
from services.auth.people import rights
from services.auth.signin import codes, metrics, queries, sessions
from services.auth.signin.models import User
from services.auth.signin.sessions import MOST_WRONG_CODES as MOST_WRONG_CODES_OF_DEVICE
from services.auth.signin.sessions import MOST_WRONG_CODES_ELSEWHERE as MOST_WRONG_CODES
from services.auth.signin.sessions import Standing
from shared.primitives.crypto import Keyring
from shared.storage import audit, database
from shared.storage.database import AsyncConnection, aset_tenant

Used = Literal["authenticator", "recovery code", ""]


class _RecoveryCode(msgspec.Struct, frozen=True):
    user_id: str
    tenant_id: str
    code_mac: bytes
    seal: bytes | None


class _WrongCodes(msgspec.Struct, frozen=True):
    """Wrong codes in a row: of a person in unknown devices, or of a known device."""

    user_id: str
    tenant_id: str
    wrong_codes: int
    codes_seal: bytes | None
    device_mac: bytes | None = None

    def is_genuine(self, keyring: Keyring) -> bool:
        return self._kept.holds(keyring, msgspec.structs.asdict(self), self.codes_seal)

    def with_number(self, keyring: Keyring, number: int) -> dict[str, Any]:
        row = msgspec.structs.asdict(self) | {"wrong_codes": number}
        return row | {"codes_seal": self._kept.seal(keyring, row)}

    @property
    def _kept(self) -> seals.Sealed:
        return seals.WRONG_CODES if self.device_mac is None else seals.WRONG_CODES_OF_DEVICE


async def find_user(conn: AsyncConnection, keyring: Keyring, email: str) -> User | None:
    """None also for a person whose authenticator or rights were changed in the database."""
    user = await database.first(conn, User, queries.FIND_USER, (email.strip(),))
    if user is None or not seals.FACTORS.holds(keyring, msgspec.structs.asdict(user), user.factor_seal):
        return None
    user = rights.believed(keyring, user)
    return user if user.is_active else None


async def is_unchanged(conn: AsyncConnection, user: User, *, to_write: bool = False) -> bool:
    """Whether password, second factor and rights of the user are those that were verified.

    The tenant must be set. A later change of any of them waits for this transaction and then ends the session that it started.
    `to_write` takes the lock for a change in this transaction.
    """
    held = queries.HOLD_USER_TO_WRITE if to_write else queries.HOLD_USER
    row = await (await conn.execute(held, (user.user_id,))).fetchone()
    return row == (user.password_hash, user.totp_secret, user.rights_version)


async def use_at_sign_in(request: Request, conn: AsyncConnection, user: User, standing: Standing, code: str) -> Used:
    """As `use`, before the sign-in: too many wrong codes block authenticator codes for the account, or make the device unknown.

    The code is counted before its check, so that parallel attempts gain nothing. The user must be locked for writing.
    """
    await aset_tenant(conn, user.tenant_id)
    keyring: Keyring = request.state.keyring
    wrong = await database.found(conn, _WrongCodes, queries.WRONG_CODES, {"user_id": user.user_id})
    before = wrong.wrong_codes if wrong.is_genuine(keyring) else MOST_WRONG_CODES
    stopped = standing.device is None and before >= MOST_WRONG_CODES
    if standing.device is None:
        if not stopped:
            await conn.execute(queries.SET_WRONG_CODES, wrong.with_number(keyring, before + 1))
        if before + 1 == MOST_WRONG_CODES:
            metrics.codes_stopped.inc()
            actor = sessions.actor(request, user.tenant_id, user.user_id)
            await audit.record(conn, actor, "user.second_factor_stopped", user.user_id)
    else:
        await _count_in_device(conn, keyring, user.user_id, standing.device)
    used = await use(request, conn, user, code, recovery_only=stopped)
    if used and (before or standing.device is None):
        await conn.execute(queries.SET_WRONG_CODES, seals.no_wrong_codes(keyring, wrong.tenant_id, wrong.user_id))
    return used


async def _count_in_device(conn: AsyncConnection, keyring: Keyring, user_id: str, device: bytes) -> None:
    """With too many wrong codes, or a count that is not as we wrote it, the device is no longer a known one."""
    whose = {"user_id": user_id, "device_mac": device}
    wrong = await database.first(conn, _WrongCodes, queries.WRONG_CODES_OF_DEVICE, whose)
    if wrong is None or not wrong.is_genuine(keyring) or wrong.wrong_codes + 1 >= MOST_WRONG_CODES_OF_DEVICE:
        await conn.execute(queries.FORGET_DEVICE, (user_id, device))
    else:
        await conn.execute(queries.SET_WRONG_CODES_OF_DEVICE, wrong.with_number(keyring, wrong.wrong_codes + 1))


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
    macs = keyring.macs(meant, codes.RECOVERY_PURPOSE)
    used = await database.first(conn, _RecoveryCode, queries.USE_RECOVERY_CODE, (user.user_id, macs))
    is_good = used is not None and seals.RECOVERY_CODES.holds(keyring, msgspec.structs.asdict(used), used.seal)
    return "recovery code" if is_good else ""


async def renew_recovery_codes(conn: AsyncConnection, keyring: Keyring, tenant_id: str, user_id: str) -> list[str]:
    """Makes new recovery codes and deletes the old ones. The tenant must be set."""
    await conn.execute(queries.DELETE_RECOVERY_CODES, (user_id,))
    renewed = codes.new_recovery_codes()
    macs = [keyring.mac(codes.recovery_code_text(user_id, code) or b"", codes.RECOVERY_PURPOSE) for code in renewed]
    rows = [{"tenant_id": tenant_id, "user_id": user_id, "code_mac": mac} for mac in macs]
    sealed = [row | {"seal": seals.RECOVERY_CODES.seal(keyring, row)} for row in rows]
    async with conn.cursor() as cursor:
        await cursor.executemany(queries.INSERT_RECOVERY_CODES, sealed)
    return renewed
