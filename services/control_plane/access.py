"""Who may come in at all: the control plane is opened to organisations on request, and says so on every path it has."""

import re
from collections.abc import Iterable

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from services.control_plane import queries
from shared import identity, problems
from shared.database import tenant_transaction
from shared.identity import Caller
from shared.outages import UNAVAILABLE
from shared.problems import Problem

READ = "argus:platform:read"
WRITE = "argus:platform:write"
CAPABILITY = "platform_api"
BASE = "/api/v1/platform"


def is_granted(scopes: Iterable[str]) -> bool:
    """Whether an organisation that was granted these on-request scopes has the control plane."""
    return not {READ, WRITE}.isdisjoint(scopes)


class GrantMiddleware:
    """401 without a token, 403 `access-on-request` for a tenant without the grant, before anything is said of a path below `BASE`.

    Paths that `public` matches whole are for callers that the endpoint knows by other means.
    """

    def __init__(self, app: ASGIApp, public: re.Pattern[str]) -> None:
        self.app = app
        self.public = public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(BASE + "/") or self.public.fullmatch(scope["path"]):
            await self.app(scope, receive, send)
            return
        refusal = await _refusal(Request(scope))
        await (self.app if refusal is None else refusal.response())(scope, receive, send)


async def _refusal(request: Request) -> Problem | None:
    who = identity.caller(request)
    if not who.client_id:
        return problems.unauthorized()
    try:
        granted = await _granted(request, who)
    except UNAVAILABLE:
        return problems.unavailable()
    return None if granted else problems.access_on_request(CAPABILITY)


async def _granted(request: Request, who: Caller) -> bool:
    async with tenant_transaction(request, who) as conn:
        row = await (await conn.execute(queries.GRANTED_SCOPES, (who.tenant_id,))).fetchone()
    return row is not None and is_granted(row[0])
