"""What POST /graphql takes."""

from decimal import Decimal
from typing import Any, ClassVar

import msgspec
from starlette.requests import Request

from services.graphql_api import errors
from services.graphql_api.limits import MAX_VARIABLES_BYTES
from shared import http, problems
from shared.identity import Caller

TENANT_HEADER = "x-tenant-id"


class GraphqlRequest(http.Body, kw_only=True, rename="camel"):
    """GraphQL over HTTP. `extensions` must be empty: persisted queries and their like are not offered."""

    max_bytes: ClassVar[int] = 128 << 10
    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    extensions: dict[str, Any] | None = None


async def require_own_tenant(request: Request, caller: Caller) -> None:
    """Raises a 403 Problem where X-Tenant-ID names another tenant than the token's."""
    named = request.headers.getlist(TENANT_HEADER)
    if named and named != [caller.tenant_id]:
        raise problems.forbidden("X-Tenant-ID is given once, and names the tenant of the token.")


def variables_of(wanted: GraphqlRequest) -> dict[str, Any]:
    """Raises LIMIT_EXCEEDED for too many of them, OPERATION_NOT_APPROVED for an extension."""
    if wanted.extensions:
        raise errors.not_approved()
    try:
        variables = _plain(wanted.variables or {})
        size = len(msgspec.json.encode(variables))
    except RecursionError:
        raise errors.Refusal("LIMIT_EXCEEDED", "The variables are nested too deeply.") from None
    if size > MAX_VARIABLES_BYTES:
        raise errors.Refusal("LIMIT_EXCEEDED", f"The variables are over {MAX_VARIABLES_BYTES} bytes.")
    return variables


def _plain(value: Any) -> Any:
    """Exact decimals as the floats that GraphQL knows."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
