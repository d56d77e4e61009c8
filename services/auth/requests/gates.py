"""What a surface on request answers to those it is not open to."""

from starlette.requests import Request
from starlette.responses import Response

from services.auth.apps import store
from shared import identity, problems
from shared.database import tenant_transaction


async def federation(request: Request) -> Response:
    """Whatever is no path of federation: 404 to a tenant it is open to, to all others how it is asked for."""
    caller = identity.caller(request)
    if caller.client_id:
        async with tenant_transaction(request, caller) as conn:
            if (await store.load_tenant(conn, caller.tenant_id)).federation:
                raise problems.not_found()
    raise problems.access_on_request("federation")
