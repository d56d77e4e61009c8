"""Taking releases from state to state inside a tenant's transaction."""

from typing import Any

from psycopg.errors import UniqueViolation

from services.control_plane.marketplace.queries import WITHDRAW_RELEASE
from services.control_plane.packages import store as packages
from services.control_plane.packages.models import Package
from services.control_plane.releases import queries, rules
from services.control_plane.releases.models import Release, ReleaseDraft, Step
from shared import ids, problems, tracing
from shared.database import AsyncConnection
from shared.identity import Caller
from shared.problems import FieldError, Problem
from shared.rows import every, first


async def load(conn: AsyncConnection, release_id: str, *, lock: bool = False) -> Release:
    """Raises a 404 Problem for anything that is not a release of this tenant."""
    query = queries.FIND_TO_CHANGE if lock else queries.FIND
    found = await first(conn, Release, query, (release_id,)) if ids.is_id(release_id, "rel") else None
    if found is None:
        raise problems.not_found()
    return found


async def history(conn: AsyncConnection, release: Release) -> list[Step]:
    return await every(conn, Step, queries.HISTORY, (release.id,))


async def request(conn: AsyncConnection, caller: Caller, draft: ReleaseDraft) -> Release:
    """Raises Problem: 422 for a version that cannot be released, 409 where one of it is open already."""
    package, version_id = await _releasable(conn, caller, draft)
    row: dict[str, Any] = {
        "id": ids.new_id("rel"),
        "tenant_id": caller.tenant_id,
        "package_id": package.id,
        "version_id": version_id,
        "version": draft.version,
        "environment": draft.environment,
        "client_id": caller.client_id,
        "user_id": rules.user_of(caller),
    }
    made = await first(conn, Release, queries.INSERT, row)
    if made is None:
        known = await (await conn.execute(queries.FIND_OPEN, row)).fetchone()
        raise problems.conflict(
            "This version is on its way to this environment, or there, already.", id=known and known[0]
        )
    await _note(conn, caller, made, None)
    return made


async def _releasable(conn: AsyncConnection, caller: Caller, draft: ReleaseDraft) -> tuple[Package, str]:
    try:
        package = await packages.load_package(conn, draft.package_id)
    except Problem:
        raise _unfit("/package_id", "is no package of this organisation") from None
    try:
        version = await packages.load_version(conn, package.id, draft.version)
    except Problem:
        raise _unfit("/version", "is no version of this package") from None
    if version.published_at is None:
        raise _unfit("/version", "still awaits its content")
    row = await (await conn.execute(queries.TENANT_ENVIRONMENT, (caller.tenant_id,))).fetchone()
    if draft.environment == "production" and row is not None and row[0] == "sandbox":
        raise _unfit("/environment", "a sandbox organisation releases to the sandbox alone")
    return package, version.id


def _unfit(pointer: str, why: str) -> Problem:
    return problems.invalid("This cannot be released; see errors.", [FieldError(pointer, why)])


async def approve(conn: AsyncConnection, caller: Caller, release: Release, reason: str | None) -> Release:
    """Approves replacing what is live now. An approved release can be approved anew, where something else has gone live since."""
    if release.status not in rules.MAY_APPROVE:
        raise wrong_state(release, "approved")
    await _require_second_hand(conn, caller, release)
    await _require_trust(conn, release)
    return await _decide(conn, caller, release, "approved", reason, replaces=await live(conn, release))


async def _require_second_hand(conn: AsyncConnection, caller: Caller, release: Release) -> None:
    row = await (await conn.execute(queries.FOUR_EYES, (release.package_id,))).fetchone()
    if row == (True,) and rules.is_same_hand(release, caller):
        raise problems.forbidden("Releases of this package are approved by another person or app than asked for them.")


async def reject(conn: AsyncConnection, caller: Caller, release: Release, reason: str | None) -> Release:
    if release.status not in rules.MAY_REJECT:
        raise wrong_state(release, "rejected")
    return await _decide(conn, caller, release, "rejected", reason, replaces=None)


async def _decide(
    conn: AsyncConnection, caller: Caller, release: Release, status: str, reason: str | None, *, replaces: str | None
) -> Release:
    row = {
        "id": release.id,
        "status": status,
        "client_id": caller.client_id,
        "user_id": rules.user_of(caller),
        "replaces": replaces,
    }
    decided = await first(conn, Release, queries.DECIDE, row)
    assert decided is not None
    await _note(conn, caller, decided, reason)
    return decided


async def promote(conn: AsyncConnection, caller: Caller, release: Release, reason: str | None) -> Release:
    """Puts an approved release in the place of the one it was approved to replace, or, if another is there by now, raises 409."""
    if release.status != "approved":
        raise wrong_state(release, "promoted")
    await _require_trust(conn, release)
    if await live(conn, release) != release.replaces:
        raise _overtaken()
    if release.replaces is not None:
        await _end(conn, caller, release.replaces, "superseded", f"replaced by {release.id}")
    return await _go_live(conn, caller, release.id, reason)


async def roll_back(
    conn: AsyncConnection, caller: Caller, release: Release, reason: str | None
) -> tuple[Release, Release | None]:
    """Takes a live release back, from the marketplace too, whatever became of others; the one it replaced is live again where it may be."""
    if release.status != "live":
        raise wrong_state(release, "rolled back")
    ended = await _end(conn, caller, release.id, "rolled_back", reason)
    await conn.execute(WITHDRAW_RELEASE, {"release_id": release.id, "tenant_id": caller.tenant_id})
    before = await _restorable(conn, caller, release)
    if before is None:
        return ended, None
    return ended, await _go_live(conn, caller, before.id, f"restored from {release.id}")


async def _restorable(conn: AsyncConnection, caller: Caller, release: Release) -> Release | None:
    """What it replaced. None where that was nothing, or is signed by a key that was revoked since: then nothing is live.

    Where the same version was asked for anew meanwhile, that request is answered by this.
    """
    if release.replaces is None:
        return None
    before = await load(conn, release.replaces, lock=True)
    if not await _is_trusted(conn, before):
        return None
    where = {"version_id": before.version_id, "environment": before.environment}
    asked = where | {"client_id": caller.client_id, "user_id": rules.user_of(caller)}
    for needless in await every(conn, Release, queries.REJECT_OPEN, asked):
        await _note(conn, caller, needless, f"{before.id} is restored")
    return before


async def live(conn: AsyncConnection, release: Release) -> str | None:
    """The release that is live where this one would be."""
    where = {"package_id": release.package_id, "environment": release.environment}
    row = await (await conn.execute(queries.LIVE, where)).fetchone()
    return row[0] if row is not None else None


async def _end(conn: AsyncConnection, caller: Caller, release_id: str, status: str, reason: str | None) -> Release:
    ended = await first(conn, Release, queries.END, {"id": release_id, "status": status})
    if ended is None:
        raise _overtaken()
    await _note(conn, caller, ended, reason)
    return ended


async def _go_live(conn: AsyncConnection, caller: Caller, release_id: str, reason: str | None) -> Release:
    try:
        promoted = await first(conn, Release, queries.GO_LIVE, (release_id,))
    except UniqueViolation:
        raise _overtaken() from None
    assert promoted is not None
    await _note(conn, caller, promoted, reason)
    return promoted


def _overtaken() -> Problem:
    return problems.conflict(
        "Another release has gone live, or was taken back, since this one was approved; approve it anew."
    )


def wrong_state(release: Release, done: str) -> Problem:
    return problems.conflict(f"A release that is {release.status} cannot be {done}.", status_now=release.status)


async def _require_trust(conn: AsyncConnection, release: Release) -> None:
    if not await _is_trusted(conn, release):
        raise problems.conflict(
            f"The key that signed version {release.version} was revoked; publish one under another key."
        )


async def _is_trusted(conn: AsyncConnection, release: Release) -> bool:
    return await (await conn.execute(queries.IS_TRUSTED, (release.version_id,))).fetchone() == (True,)


async def _note(conn: AsyncConnection, caller: Caller, release: Release, reason: str | None) -> None:
    step = (ids.uuid7(), caller.tenant_id, release.id, release.status, caller.client_id, rules.user_of(caller), reason)
    await conn.execute(queries.ADD_STEP, (*step, tracing.trace_id()))
