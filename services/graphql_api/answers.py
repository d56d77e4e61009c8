"""Answers kept as bytes, for as long as the tenant's aggregates have not changed."""

import asyncio
import time
from collections import OrderedDict

from psycopg_pool import AsyncConnectionPool

from services.graphql_api.acqi import queries
from shared.database import AsyncConnection, aset_tenant

# A correction shows within this time; metrics come through queues that take longer.
FRESH_SECONDS = 0.1
TENANTS = 10_000
LONGEST_BODY = 8_192
# What an entry takes beside its bytes.
ENTRY = 500


class Versions:
    """The version of each tenant's aggregates, read at most ten times a second however many ask."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection]) -> None:
        self._pool = pool
        self._known: dict[str, tuple[float, int]] = {}
        self._reading: dict[str, asyncio.Task[int]] = {}

    async def current(self, tenant_id: str) -> int:
        known = self._known.get(tenant_id)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        reading = self._reading.get(tenant_id)
        if reading is None:
            reading = self._reading[tenant_id] = asyncio.create_task(self._read(tenant_id))
            reading.add_done_callback(lambda _: self._reading.pop(tenant_id, None))
        return await asyncio.shield(reading)

    async def _read(self, tenant_id: str) -> int:
        # Counted from before the reading, so that nothing older than FRESH_SECONDS is ever taken for current.
        fresh_until = time.monotonic() + FRESH_SECONDS
        async with self._pool.connection() as conn:
            await aset_tenant(conn, tenant_id)
            row = await (await conn.execute(queries.VERSION, (tenant_id,))).fetchone()
        version = int(row[0]) if row else 0
        if len(self._known) >= TENANTS:
            self._known.clear()
        self._known[tenant_id] = (fresh_until, version)
        return version


class Answers:
    """The last answers that fit in `room` bytes, by tenant and request body. One of an older version is forgotten when asked for."""

    def __init__(self, versions: Versions, room: int) -> None:
        self.versions = versions
        self.room = room
        self._kept: OrderedDict[tuple[str, bytes], tuple[int, bytes]] = OrderedDict()

    async def find(self, tenant_id: str, body: bytes) -> bytes | None:
        kept = self._kept.get((tenant_id, body))
        if kept is None:
            return None
        version, answer = kept
        if version != await self.versions.current(tenant_id):
            self._forget((tenant_id, body))
            return None
        return answer

    def keep(self, tenant_id: str, body: bytes, version: int, answer: bytes) -> None:
        """`version` is the one known before the answer was made: if the aggregates changed meanwhile, it is soon forgotten."""
        key = (tenant_id, body)
        self._forget(key)
        if len(body) > LONGEST_BODY:
            return
        self._kept[key] = (version, answer)
        self.room -= _size(key, answer)
        while self.room < 0:
            self._forget(next(iter(self._kept)))

    def _forget(self, key: tuple[str, bytes]) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self.room += _size(key, kept[1])


def _size(key: tuple[str, bytes], answer: bytes) -> int:
    return len(key[1]) + len(answer) + ENTRY
