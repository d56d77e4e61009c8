"""Internal calls: revocations for gateways and services, and uses of service tokens from gateways."""

from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.auth.activity import Activity
from services.auth.revocations.changes import Changes
from shared.web import http, identity, problems

GATEWAY = "internal:gateway"
MAX_USES = 10_000
LONGEST_WAIT = 30.0


class After(http.Body):
    """Asks for the changes after a number. `wait` is how many seconds the answer may take while there are none."""

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
    """Changes after a number."""
    who = identity.caller(request)
    if not (who.has(GATEWAY) or who.has(identity.SERVICE_SCOPE)):
        raise problems.insufficient_scope(GATEWAY) if who.client_id else problems.unauthorized()
    asked = http.query(request, After)
    changes: Changes = request.state.changes
    return Response(
        await changes.answer(asked.after, asked.wait), 200, {"cache-control": "no-store"}, "application/json"
    )


async def token_usage(request: Request) -> Response:
    """Takes batches of last uses of service tokens, which are written within a second."""
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
