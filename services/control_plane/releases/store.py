"""Takes releases from state to state inside a tenant's transaction."""

from psycopg.errors import UniqueViolation

from services.control_plane.marketplace.queries import WITHDRAW_RELEASE
from services.control_plane.packages import store as packages
from services.control_plane.releases import queries
from services.control_plane.releases.models import Release, ReleaseDraft, Step
from shared.primitives import ids
from shared.process import telemetry
from shared.storage.database import AsyncConnection, every, first, found
from shared.web import problems
from shared.web.identity import Caller
from shared.web.problems import FieldError, Problem

# The states in which a release is approved or rejected.
UNDECIDED = frozenset({"requested", "approved"})


async def load(conn: AsyncConnection, release_id: str, *, lock: bool = False) -> Release:
    """Raises a 404 Problem for an id that is not a release of this tenant."""
    if not ids.is_id(release_id, "rel"):
        raise problems.not_found()
    return await found(conn, Release, queries.LOCK if lock else queries.FIND, (release_id,))


async def history(conn: AsyncConnection, release: Release) -> list[Step]:
    """Oldest step first."""
    return await every(conn, Step, queries.HISTORY, (release.id,))


async def request(conn: AsyncConnection, caller: Caller, draft: ReleaseDraft) -> Release:
    """Raises Problem: 422 for a version that cannot be released, 409 where a release of it is open."""
    try:
        package = await packages.load_package(conn, draft.package_id)
    except Problem:
        raise _unreleasable("/package_id", "is no package of this organisation") from None
    try:
        version = await packages.load_version(conn, package.id, draft.version)
    except Problem:
        raise _unreleasable("/version", "is no version of this package") from None
    if version.published_at is None:
        raise _unreleasable("/version", "still awaits its content")
    where = await (await conn.execute(queries.TENANT_ENVIRONMENT, (caller.tenant_id,))).fetchone()
    if draft.environment == "production" and where == ("sandbox",):
        raise _unreleasable("/environment", "a sandbox organisation releases to the sandbox alone")
    row = {
        "id": ids.new_id("rel"),
        "tenant_id": caller.tenant_id,
        "package_id": package.id,
        "version_id": version.id,
        "version": draft.version,
        "environment": draft.environment,
        "client_id": caller.client_id,
        "user_id": caller.person_id,
    }
    made = await first(conn, Release, queries.INSERT, row)
    if made is None:
        known = await (await conn.execute(queries.FIND_OPEN, row)).fetchone()
        raise problems.conflict(
            "This version is on its way to this environment, or there, already.", id=known and known[0]
        )
    await _note(conn, caller, made, None)
    return made


def _unreleasable(pointer: str, why: str) -> Problem:
    return problems.invalid("This cannot be released; see errors.", [FieldError(pointer, why)])


async def approve(conn: AsyncConnection, caller: Caller, release: Release, reason: str | None) -> Release:
    """Approves replacing the live release of this moment. A release may be approved again after another one has gone live."""
    if release.status not in UNDECIDED:
        raise _wrong_state(release, "approved")
    row = await (await conn.execute(queries.FOUR_EYES, (release.package_id,))).fetchone()
    if row == (True,) and _is_requester(caller, release):
        raise problems.forbidden("Releases of this package are approved by another person or app than asked for them.")
    await _require_trust(conn, release)
    return await _decide(conn, caller, release, "approved", reason, replaces=await _live(conn, release))


def _is_requester(caller: Caller, release: Release) -> bool:
    """Whether the same person requested the release, through any app; or the same app, where either person is unknown."""
    person = caller.person_id
    if person is not None and release.requested_by_user is not None:
        return person == release.requested_by_user
    return caller.client_id == release.requested_by


async def reject(conn: AsyncConnection, caller: Caller, release: Release, reason: str | None) -> Release:
    if release.status not in UNDECIDED:
        raise _wrong_state(release, "rejected")
    return await _decide(conn, caller, release, "rejected", reason, replaces=None)


async def _decide(
    conn: AsyncConnection, caller: Caller, release: Release, status: str, reason: str | None, *, replaces: str | None
) -> Release:
    row = {
        "id": release.id,
        "status": status,
        "client_id": caller.client_id,
        "user_id": caller.person_id,
        "replaces": replaces,
    }
    decided = await found(conn, Release, queries.DECIDE, row)
    await _note(conn, caller, decided, reason)
    return decided


async def promote(conn: AsyncConnection, caller: Caller, release: Release, reason: str | None) -> Release:
    """Replaces the release that the approval names. Raises a 409 Problem where another one is live."""
    if release.status != "approved":
        raise _wrong_state(release, "promoted")
    await _require_trust(conn, release)
    if await _live(conn, release) != release.replaces:
        raise _overtaken()
    if release.replaces is not None:
        await _end(conn, caller, release.replaces, "superseded", f"replaced by {release.id}")
    return await _go_live(conn, caller, release.id, reason)


async def roll_back(
    conn: AsyncConnection, caller: Caller, release: Release, reason: str | None
) -> tuple[Release, Release | None]:
    """Ends a live release and its listing, and makes the release it replaced live again, if `_restorable` finds it.

    Returns the ended release and the restored one.
    """
    if release.status != "live":
        raise _wrong_state(release, "rolled back")
    ended = await _end(conn, caller, release.id, "rolled_back", reason)
    await conn.execute(WITHDRAW_RELEASE, {"release_id": release.id, "tenant_id": caller.tenant_id})
    before = await _restorable(conn, caller, release)
    if before is None:
        return ended, None
    return ended, await _go_live(conn, caller, before.id, f"restored from {release.id}")


async def _restorable(conn: AsyncConnection, caller: Caller, release: Release) -> Release | None:
    """The release that `release` replaced; None where there is none, or its key was revoked since.

    Rejects open requests for the same version, which the restored release fulfils.
    """
    if release.replaces is None:
        return None
    before = await load(conn, release.replaces, lock=True)
    if not await _is_trusted(conn, before):
        return None
    where = {"version_id": before.version_id, "environment": before.environment}
    asked = where | {"client_id": caller.client_id, "user_id": caller.person_id}
    for needless in await every(conn, Release, queries.REJECT_OPEN, asked):
        await _note(conn, caller, needless, f"{before.id} is restored")
    return before


async def _live(conn: AsyncConnection, release: Release) -> str | None:
    """The id of the live release of the same package and environment."""
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
        promoted = await found(conn, Release, queries.GO_LIVE, (release_id,))
    except UniqueViolation:
        raise _overtaken() from None
    await _note(conn, caller, promoted, reason)
    return promoted


def _overtaken() -> Problem:
    return problems.conflict(
        "Another release has gone live, or was taken back, since this one was approved; approve it again."
    )


def _wrong_state(release: Release, done: str) -> Problem:
    return problems.conflict(f"A release that is {release.status} cannot be {done}.", status_now=release.status)


async def _require_trust(conn: AsyncConnection, release: Release) -> None:
    if not await _is_trusted(conn, release):
        raise problems.conflict(
            f"The key that signed version {release.version} was revoked; publish one under another key."
        )


async def _is_trusted(conn: AsyncConnection, release: Release) -> bool:
    return await (await conn.execute(queries.IS_TRUSTED, (release.version_id,))).fetchone() == (True,)


async def _note(conn: AsyncConnection, caller: Caller, release: Release, reason: str | None) -> None:
    step = (ids.uuid7(), caller.tenant_id, release.id, release.status, caller.client_id, caller.person_id, reason)
    await conn.execute(queries.ADD_STEP, (*step, telemetry.trace_id()))
