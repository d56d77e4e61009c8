"""HTTP endpoints of releases."""

from collections.abc import Awaitable, Callable

from msgspec.structs import asdict
from starlette.requests import Request
from starlette.responses import Response

from services.control_plane import caps
from services.control_plane.access import BASE
from services.control_plane.releases import queries, store
from services.control_plane.releases.models import (
    Decision,
    Release,
    ReleaseDraft,
    ReleaseFilter,
    ReleaseWithHistory,
    RolledBack,
)
from shared.storage import audit, idempotency
from shared.storage.database import AsyncConnection, every, tenant_transaction
from shared.web import http
from shared.web.identity import Caller

Change = Callable[[AsyncConnection, Caller, Release, str | None], Awaitable[Release]]


async def list_releases(request: Request, caller: Caller, page: ReleaseFilter) -> Response:
    parameters = {
        "package_id": page.package_id,
        "environment": page.environment,
        "status": page.status,
        "after": http.page_after(request, page),
        "limit": page.limit + 1,
    }
    async with tenant_transaction(request, caller) as conn:
        releases = await every(conn, Release, queries.LIST, parameters)
    return http.listed(request, "releases", releases, page, lambda release: release.id)


async def request_release(request: Request, caller: Caller, draft: ReleaseDraft) -> Response:
    async with tenant_transaction(request, caller) as conn:
        if stored := await idempotency.stored(conn, request, caller):
            return stored
        await caps.require(conn, request.state.settings, caps.RELEASES, caller.tenant_id)
        release = await store.request(conn, caller, draft)
        await audit.record(conn, caller, "release.requested", release.id, {"environment": release.environment})
        response = http.created(await _with_history(conn, release), location=f"{BASE}/releases/{release.id}")
        return await idempotency.keep(conn, request, caller, response)


async def read_release(request: Request, caller: Caller, release_id: str) -> ReleaseWithHistory:
    async with tenant_transaction(request, caller) as conn:
        return await _with_history(conn, await store.load(conn, release_id))


async def approve(request: Request, caller: Caller, release_id: str, decision: Decision) -> Response:
    return await _change(request, caller, release_id, decision, "release.approved", store.approve)


async def reject(request: Request, caller: Caller, release_id: str, decision: Decision) -> Response:
    return await _change(request, caller, release_id, decision, "release.rejected", store.reject)


async def promote(request: Request, caller: Caller, release_id: str, decision: Decision) -> Response:
    return await _change(request, caller, release_id, decision, "release.promoted", store.promote)


async def _change(
    request: Request, caller: Caller, release_id: str, decision: Decision, action: str, change: Change
) -> Response:
    async with tenant_transaction(request, caller) as conn:
        if stored := await idempotency.stored(conn, request, caller):
            return stored
        release = await store.load(conn, release_id, lock=True)
        if change is store.promote:
            await caps.require(conn, request.state.settings, caps.RELEASES, caller.tenant_id)
        changed = await change(conn, caller, release, decision.reason)
        await audit.record(conn, caller, action, release.id, {"replaces": changed.replaces})
        return await idempotency.keep(conn, request, caller, http.json(await _with_history(conn, changed)))


async def roll_back(request: Request, caller: Caller, release_id: str, decision: Decision) -> Response:
    async with tenant_transaction(request, caller) as conn:
        if stored := await idempotency.stored(conn, request, caller):
            return stored
        release = await store.load(conn, release_id, lock=True)
        ended, restored = await store.roll_back(conn, caller, release, decision.reason)
        await audit.record(conn, caller, "release.rolled_back", release.id, {"restored": restored and restored.id})
        answer = RolledBack(**asdict(await _with_history(conn, ended)), restored=restored)
        return await idempotency.keep(conn, request, caller, http.json(answer))


async def _with_history(conn: AsyncConnection, release: Release) -> ReleaseWithHistory:
    return ReleaseWithHistory(**asdict(release), history=await store.history(conn, release))
