"""Clients for the token endpoint, always as they are now: requests that wait at the same time share one query."""

import asyncio
from typing import Any

from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from services.auth.oauth import queries
from services.auth.oauth.client import Client, ClientRow
from shared import ids
from shared.database import AsyncConnection


class ClientLoader:
    """A query begins only after the requests it serves have asked, so that nothing it returns is older than they are."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection]) -> None:
        self._pool = pool
        self._waiting: dict[str, asyncio.Future[Client | None]] = {}
        self._task: asyncio.Task[None] | None = None

    async def load(self, client_id: str) -> Client | None:
        if not ids.is_id(client_id, "app"):
            return None
        future = self._waiting.get(client_id)
        if future is None:
            future = self._waiting[client_id] = asyncio.get_running_loop().create_future()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain())
        # One caller that goes away must not cancel the answer of the others.
        return await asyncio.shield(future)

    async def _drain(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, {}
            try:
                found = await self._query(list(batch))
            except Exception as error:  # each waiting request gets it and answers for itself
                _settle(batch, error)
            else:
                for client_id, future in batch.items():
                    if not future.done():
                        future.set_result(found.get(client_id))

    async def _query(self, client_ids: list[str]) -> dict[str, Client]:
        """One statement is a transaction of its own: BEGIN and COMMIT would be two more round trips."""
        async with self._pool.connection() as conn:
            await conn.set_autocommit(True)
            try:
                async with conn.cursor(row_factory=class_row(ClientRow)) as cursor:
                    await cursor.execute(queries.FIND_CLIENTS, (client_ids,))
                    return {row.client_id: Client(row) for row in await cursor.fetchall()}
            finally:
                if not conn.closed:
                    await conn.set_autocommit(False)


def _settle(batch: dict[str, asyncio.Future[Any]], error: Exception) -> None:
    for future in batch.values():
        if not future.done():
            future.set_exception(error)
            # Nobody may be waiting any more, which is no error.
            future.exception()
