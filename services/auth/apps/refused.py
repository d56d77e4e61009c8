"""Calls that the API refused to an app: reports of gateways, and their rows, folded by day, reason, endpoint and scope."""

from typing import Annotated, ClassVar, Literal, LiteralString

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from services.auth.activity import Activity, CallKind, Calls
from services.auth.apps.models import RefusedCalls
from services.auth.revocations.endpoints import GATEWAY
from shared.storage import database
from shared.storage.database import AsyncConnection
from shared.web import http, identity

MOST_REPORTED = 1_000
MOST_GROUPS = 200
GROUPS: LiteralString = """
    SELECT status, reason, endpoint, scope, sum(count)::bigint AS count, min(first_at) AS first_at, max(last_at) AS last_at,
        (array_agg(trace_id ORDER BY last_at DESC))[1] AS trace_id
    FROM refused_calls
    WHERE tenant_id = %(tenant_id)s AND client_id = %(client_id)s AND day > (now() AT TIME ZONE 'UTC')::date - 30
    GROUP BY status, reason, endpoint, scope ORDER BY max(last_at) DESC LIMIT %(most)s
"""
Id = Annotated[str, Meta(min_length=1, max_length=64)]


class Refused(http.Body):
    """Calls of one kind since the last report. Times are the gateway's."""

    tenant_id: Id
    client_id: Id
    status: Literal[200, 401, 403, 429]
    reason: Annotated[str, Meta(pattern=r"^[a-z_]{1,40}\Z")]
    endpoint: Annotated[str, Meta(max_length=200)]
    scope: Annotated[str, Meta(max_length=64)]
    count: Annotated[int, Meta(ge=1, le=1 << 40)]
    first_at: http.Timestamp
    last_at: http.Timestamp
    trace_id: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]


class RefusedReport(http.Body):
    max_bytes: ClassVar[int] = http.MAX_BODY

    refusals: Annotated[list[Refused], Meta(max_length=MOST_REPORTED)]


async def refused_calls(request: Request) -> Response:
    """Takes a gateway's counts, which are written within a second."""
    identity.require(request, GATEWAY)
    report = await http.decode(request, RefusedReport)
    activity: Activity = request.state.activity
    for one in report.refusals:
        kind = CallKind(one.client_id, one.status, one.reason, one.endpoint, one.scope)
        activity.calls_refused(one.tenant_id, kind, Calls(one.count, one.first_at, one.last_at, one.trace_id))
    return http.no_content()


async def groups(conn: AsyncConnection, tenant_id: str, client_id: str) -> list[RefusedCalls]:
    """The newest groups of 30 days."""
    parameters = {"tenant_id": tenant_id, "client_id": client_id, "most": MOST_GROUPS}
    return await database.every(conn, RefusedCalls, GROUPS, parameters)
