"""Tools of resolvers: the caller, transactions of the caller's tenant, and loading in bulk."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from graphql import GraphQLResolveInfo
from starlette.requests import Request

from services.graphql_api import errors
from services.graphql_api.settings import Settings
from shared.primitives.crypto import Keyring
from shared.storage.database import AsyncConnection, tenant_transaction
from shared.web.identity import Caller
from shared.web.problems import access_on_request

Load = Callable[[Sequence[Any]], Awaitable[Mapping[Any, Any]]]


class Loader:
    """Collects the keys that fields of one level ask for, and loads them together. An unknown key gives None.

    An error of `load` is raised for every key.
    """

    def __init__(self, load: Load) -> None:
        self._load = load
        self._waiting: dict[Any, asyncio.Future[Any]] = {}
        self._task: asyncio.Task[None] | None = None  # kept, because the loop keeps weak references

    def get(self, key: Any) -> asyncio.Future[Any]:
        if not self._waiting:
            loop = asyncio.get_running_loop()

            def begin() -> None:
                self._task = loop.create_task(self._answer())

            loop.call_soon(begin)
        if key not in self._waiting:
            self._waiting[key] = asyncio.get_running_loop().create_future()
        return self._waiting[key]

    async def _answer(self) -> None:
        waiting, self._waiting = self._waiting, {}
        try:
            found = await self._load(list(waiting))
            for key, future in waiting.items():
                if not future.done():
                    future.set_result(found.get(key))
        except Exception as error:  # raised for each key, not in this task
            for future in waiting.values():
                if not future.done():
                    future.set_exception(error)


class Context:
    """One operation's. A mutation has one transaction, `conn`, for all its effects.

    `cause` lists the automations that led to the operation; it is empty for a partner's request.
    """

    def __init__(
        self,
        caller: Caller,
        conn: AsyncConnection | None,
        settings: Settings,
        cause: Sequence[str] = (),
    ) -> None:
        self.caller = caller
        self.conn = conn
        self.settings = settings
        self.cause = list(cause)
        self.loaders: dict[str, Loader] = {}

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """The operation's transaction."""
        assert self.conn is not None
        yield self.conn

    def require(self, scope: str) -> Caller:
        """The caller. Raises a FORBIDDEN Refusal that names the missing scope, and the way to a scope that is given on request."""
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
        """Raises a FORBIDDEN Refusal unless an argument `tenantId` is absent or names the token's tenant."""
        if tenant_id is not None and tenant_id != self.caller.tenant_id:
            raise errors.forbidden("The token belongs to another tenant.")


class RequestContext(Context):
    """The context of a partner's request. Each field of a query opens its own transaction."""

    def __init__(self, request: Request, caller: Caller, conn: AsyncConnection | None = None) -> None:
        super().__init__(caller, conn, request.state.settings)
        self.request = request

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


Info: TypeAlias = GraphQLResolveInfo[Context]
RequestInfo: TypeAlias = GraphQLResolveInfo[RequestContext]
"""Of fields that need the request itself, and so run in no automation."""
