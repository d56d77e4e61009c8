"""The check before every route: only organisations with a grant use the control plane."""

import re
from collections.abc import Iterable

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from services.control_plane import queries
from shared.storage.database import UNAVAILABLE, tenant_transaction
from shared.web import identity, problems
from shared.web.problems import Problem

READ = "argus:platform:read"
WRITE = "argus:platform:write"
CAPABILITY = "platform_api"
BASE = "/api/v1/platform"


def is_granted(scopes: Iterable[str]) -> bool:
    """Whether these on-request scopes of an organisation include the control plane."""
    return not {READ, WRITE}.isdisjoint(scopes)


class GrantMiddleware:
    """Answers 401 without a token and 403 `access-on-request` without the grant, the same for every path below `BASE`.

    Endpoints of paths that `public` matches check their callers by other means.
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
    caller = identity.caller(request)
    if not caller.client_id:
        return problems.unauthorized()
    try:
        async with tenant_transaction(request, caller) as conn:
            row = await (await conn.execute(queries.GRANTED_SCOPES, (caller.tenant_id,))).fetchone()
    except UNAVAILABLE:
        return problems.unavailable()
    except Problem as problem:
        return problem
    return None if row is not None and is_granted(row[0]) else problems.access_on_request(CAPABILITY)
