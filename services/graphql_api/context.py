"""What resolvers are given: who asks, and transactions that see that tenant alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

from graphql import GraphQLResolveInfo
from starlette.requests import Request

from services.graphql_api import errors
from services.graphql_api.loaders import Loader
from services.graphql_api.settings import Settings
from shared.crypto import Keyring
from shared.database import AsyncConnection, tenant_transaction
from shared.identity import Caller
from shared.problems import access_on_request


class Context:
    """One request's. A mutation has one transaction, `conn`, for all it does; each field of a query opens its own.

    `cause` are the automations that led to it, none where a partner asks.
    """

    def __init__(
        self, request: Request, caller: Caller, conn: AsyncConnection | None = None, cause: list[str] | None = None
    ) -> None:
        self.request = request
        self.caller = caller
        self.conn = conn
        self.cause = cause or []
        self.loaders: dict[str, Loader] = {}

    @property
    def settings(self) -> Settings:
        return self.request.state.settings

    @property
    def keyring(self) -> Keyring:
        return self.request.state.keyring

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        if self.conn is not None:
            yield self.conn
            return
        async with tenant_transaction(self.request, self.caller) as conn:
            yield conn

    def require(self, scope: str) -> Caller:
        """The caller, who must hold `scope`. Raises a FORBIDDEN Refusal naming it, and how it is asked for where it is on request."""
        if self.caller.has(scope):
            return self.caller
        if scope.startswith("argus:telephony:"):
            raise errors.forbidden(
                f"This field needs the scope {scope}, which is given on request.",
                scope=scope,
                **access_on_request("telephony").extra,
            )
        raise errors.forbidden(f"This field needs the scope {scope}.", scope=scope)

    def require_tenant(self, tenant_id: str | None) -> None:
        """A `tenantId` may only name the token's own tenant."""
        if tenant_id is not None and tenant_id != self.caller.tenant_id:
            raise errors.forbidden("The token belongs to another tenant.")


Info: TypeAlias = GraphQLResolveInfo[Context]
