"""For gateways alone: what is revoked, and which service tokens were used."""

from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.auth.activity import Activity
from services.auth.revocations import queries
from services.auth.revocations.changes import Changes
from shared import calls, http, identity, problems
from shared.database import transaction

GATEWAY = "internal:gateway"
MAX_USES = 10_000
LONGEST_WAIT = 30.0


class After(http.Body):
    """What of the revocations: all changes after a number; and how many seconds the answer may take while there is none."""

    after: Annotated[int, msgspec.Meta(ge=0, le=1 << 60)]
    wait: Annotated[float, msgspec.Meta(ge=0, le=LONGEST_WAIT)] = 0


class TokenUse(http.Body):
    jti: UUID
    client_id: Annotated[str, msgspec.Meta(max_length=64)]
    tenant_id: Annotated[str, msgspec.Meta(max_length=64)]
    at: http.Timestamp


class TokenUses(http.Body):
    max_bytes: ClassVar[int] = http.MAX_BODY

    uses: Annotated[list[TokenUse], msgspec.Meta(max_length=MAX_USES)]


async def revocations(request: Request) -> Response:
    """For gateways and services: what changed after a number. Without one, the whole list, as gateways of the previous release ask."""
    if "after" not in request.query_params:
        return await _all(request)
    who = identity.caller(request)
    if not (who.has(GATEWAY) or who.has(calls.SCOPE)):
        raise problems.insufficient_scope(GATEWAY) if who.client_id else problems.unauthorized()
    asked = http.query(request, After)
    changes: Changes = request.state.changes
    return Response(
        await changes.answer(asked.after, asked.wait), 200, {"cache-control": "no-store"}, "application/json"
    )


async def _all(request: Request) -> Response:
    """The whole list of watermarks under one version; 304 while nothing was added."""
    identity.require(request, GATEWAY)
    async with transaction(request) as conn:
        # Version first: whatever is committed between the two statements is listed early, never missed.
        version = await _version(conn)
        etag = f'"{version}"'
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"etag": etag})
        rows = await (await conn.execute(queries.LIVE_WATERMARKS)).fetchall()
    watermarks = [dict(zip(("kind", "id", "not_before_ms", "expires_at"), row, strict=True)) for row in rows]
    return http.json({"version": version, "watermarks": watermarks}, headers={"etag": etag})


async def _version(conn: Any) -> int:
    row = await (await conn.execute(queries.VERSION)).fetchone()
    return int(row[0])


async def token_usage(request: Request) -> Response:
    """When service tokens were last used, in batches; written with everything else that can wait a second."""
    identity.require(request, GATEWAY)
    body = await http.decode(request, TokenUses)
    activity: Activity = request.state.activity
    latest: dict[tuple[str, str], datetime] = {}
    for use in body.uses:
        key = (use.tenant_id, str(use.jti))
        latest[key] = max(use.at, latest.get(key, use.at))
    for (tenant_id, jti), at in latest.items():
        activity.token_used(tenant_id, jti, at)
    return http.no_content()
