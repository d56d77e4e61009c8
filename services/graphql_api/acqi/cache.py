"""Answers and aggregates in memory, each of one version of its tenant's aggregates."""

import asyncio
import struct
import sys
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date
from typing import Any, Literal, NamedTuple
from weakref import WeakValueDictionary

import msgspec
import psycopg
from psycopg_pool import AsyncConnectionPool

from services.graphql_api.acqi import queries
from services.graphql_api.acqi.indicators import INDICATORS
from shared.storage.database import AsyncConnection, aset_tenant

# Seconds until a correction shows. Facts take longer on their way through queues.
FRESH_SECONDS = 0.1
TENANTS = 10_000
LONGEST_BODY = 8_192
SHARES = 8
"""A tenant's answers, and its snapshot, take at most the eighth part: one organisation's production and sandboxes leave room to others."""
# Bytes of an entry beside its body and answer.
ENTRY = 500


class Versions:
    """The version of each tenant's aggregates, read at most ten times a second for any number of requests."""

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
        # Counted from before the query, so that a version in use is never older than FRESH_SECONDS.
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
    """The last answers that fit in `room` bytes, by tenant and question: the request's body, or its document with the variables.

    A tenant's answers take at most the eighth part (`SHARES`); beyond, its own oldest ones go. An answer of an older version is forgotten
    when it is looked up.
    """

    def __init__(self, versions: Versions, room: int) -> None:
        self.versions = versions
        self.room = room
        self._share = room // SHARES
        # Tenants and their answers; of both, those that were asked for the longest ago come first.
        self._kept: OrderedDict[str, OrderedDict[bytes, tuple[int, bytes]]] = OrderedDict()
        self._taken: Counter[str] = Counter()

    async def find(self, tenant_id: str, body: bytes) -> bytes | None:
        kept = self._kept.get(tenant_id, {}).get(body)
        if kept is None:
            return None
        version, answer = kept
        if version != await self.versions.current(tenant_id):
            self._forget(tenant_id, body)
            return None
        if body in self._kept.get(tenant_id, {}):
            self._kept.move_to_end(tenant_id)
            self._kept[tenant_id].move_to_end(body)
        return answer

    def store(self, tenant_id: str, body: bytes, version: int, answer: bytes) -> None:
        """`version` is from before the answer was made: if the aggregates changed meanwhile, the answer is soon forgotten."""
        self._forget(tenant_id, body)
        size = _size(body, answer)
        if len(body) > LONGEST_BODY or size > self._share:
            return
        while self._taken[tenant_id] + size > self._share:
            self._forget(tenant_id, next(iter(self._kept[tenant_id])))
        while self.room < size:
            oldest = next(iter(self._kept))
            self._forget(oldest, next(iter(self._kept[oldest])))
        self._kept.setdefault(tenant_id, OrderedDict())[body] = (version, answer)
        self._kept.move_to_end(tenant_id)
        self._taken[tenant_id] += size
        self.room -= size

    def _forget(self, tenant_id: str, body: bytes) -> None:
        of_tenant = self._kept.get(tenant_id, OrderedDict())
        kept = of_tenant.pop(body, None)
        if kept is not None:
            size = _size(body, kept[1])
            self.room += size
            self._taken[tenant_id] -= size
            if not of_tenant:
                del self._kept[tenant_id], self._taken[tenant_id]


def _size(body: bytes, answer: bytes) -> int:
    return len(body) + len(answer) + ENTRY


SNAPSHOTS = 200
PERIODS = 2_000
ROOM = 64 << 20
"""Bytes of all snapshots. A period has 30 KB of times up to an hour; one case of three hours in each makes it 92 KB."""
PERIOD = 1_200
"""Bytes of a period beside its times, which take `TIMES` more than their numbers."""
TIMES = 80
ROWS_AT_ONCE = 500
"""Rows that are put into a snapshot before others have the loop; they take some 3 ms."""


class Period(NamedTuple):
    grain: Literal["day", "month"]
    start: date


# Counts side by side in one integer, 32 bits each, so that the sum of two periods is one addition in C.
Packed = int
PLACES = {indicator.name: place for place, indicator in enumerate(INDICATORS)}


class Counts(msgspec.Struct, frozen=True):
    """Cases of one indicator in one range. `bins` counts times by tenths of a minute."""

    met: int = 0
    not_met: int = 0
    excluded: int = 0
    unknown: int = 0
    bins: Sequence[int] = ()


class Cases(msgspec.Struct):
    """The cases of one period: `counts` of all indicators (met, not met, excluded, unknown), `times` by indicator, `size` in bytes."""

    counts: Packed = 0
    times: dict[str, Packed] = {}
    size: int = PERIOD

    def put(self, name: str, numbers: Sequence[int], bins: Sequence[int]) -> None:
        """Is called once for each indicator."""
        self.counts += pack(numbers) << (128 * PLACES[name])
        if bins:
            self.times[name] = packed = pack(bins)
            self.size += TIMES + sys.getsizeof(packed)


class Snapshot(msgspec.Struct):
    """`periods` has the periods that were read so far; one without cases is present and empty. `size` is theirs, in bytes."""

    version: int
    suppress: bool
    periods: dict[Period, Cases]
    size: int = 0

    def total(self, periods: Collection[Period], names: Collection[str]) -> dict[str, Counts]:
        """The sum of each of these indicators' cases over several periods."""
        cases = [self.periods[period] for period in periods]
        numbers = unpack(sum(one.counts for one in cases), 4 * len(PLACES))
        found: dict[str, Counts] = {}
        for name in names:
            times = unpack(sum(one.times.get(name, 0) for one in cases))
            met, not_met, excluded, unknown = numbers[4 * PLACES[name] : 4 * PLACES[name] + 4]
            found[name] = Counts(met, not_met, excluded, unknown, times)
        return found


class Snapshots:
    """The snapshots of the tenants with the latest requests that fit in `room` bytes."""

    def __init__(self, room: int = ROOM) -> None:
        self.room = room
        self._share = room // SHARES
        self._kept: OrderedDict[str, Snapshot] = OrderedDict()
        self._reading: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def get(
        self,
        transaction: Callable[[], AbstractAsyncContextManager[psycopg.AsyncConnection[Any]]],
        tenant_id: str,
        version: int,
        periods: Collection[Period],
    ) -> Snapshot:
        """A snapshot that has `periods` and is not older than `version`. `transaction` is called only when a period must be read."""
        if (found := self._holding(tenant_id, version, periods)) is not None:
            return found
        async with self._reading.setdefault(tenant_id, asyncio.Lock()):
            if (found := self._holding(tenant_id, version, periods)) is not None:
                return found
            async with transaction() as conn:
                return await self._read(conn, tenant_id, version, periods)

    def _holding(self, tenant_id: str, version: int, periods: Collection[Period]) -> Snapshot | None:
        kept = self._kept.get(tenant_id)
        if kept is None or kept.version < version or not kept.periods.keys() >= set(periods):
            return None
        self._kept.move_to_end(tenant_id)
        return kept

    async def _read(
        self, conn: psycopg.AsyncConnection[Any], tenant_id: str, version: int, periods: Collection[Period]
    ) -> Snapshot:
        """Reads the missing periods; if their version is another than the snapshot's, reads all of `periods`."""
        kept = self._kept.get(tenant_id)
        if kept is not None and kept.version >= version and len(kept.periods) + len(periods) <= PERIODS:
            more = await read(conn, tenant_id, set(periods) - kept.periods.keys())
            if (more.version, more.suppress) == (kept.version, kept.suppress):
                known = kept.periods | more.periods
                if _size_of(known) > self._share:
                    known = {period: known[period] for period in periods}
                return self._keep(tenant_id, Snapshot(kept.version, kept.suppress, known))
        return self._keep(tenant_id, await read(conn, tenant_id, periods))

    def _keep(self, tenant_id: str, snapshot: Snapshot) -> Snapshot:
        """Forgets those that were asked for the longest ago. One beyond its share is not kept: each request reads it again."""
        self._forget(tenant_id)
        snapshot.size = _size_of(snapshot.periods)
        if snapshot.size <= self._share:
            self._kept[tenant_id] = snapshot
            self.room -= snapshot.size
        while self.room < 0 or len(self._kept) > SNAPSHOTS:
            self._forget(next(iter(self._kept)))
        return snapshot

    def _forget(self, tenant_id: str) -> None:
        kept = self._kept.pop(tenant_id, None)
        if kept is not None:
            self.room += kept.size


def _size_of(periods: Mapping[Period, Cases]) -> int:
    return sum(cases.size for cases in periods.values())


async def read(conn: psycopg.AsyncConnection[Any], tenant_id: str, periods: Collection[Period]) -> Snapshot:
    """Reads version and aggregates with one statement, so that they fit."""
    rows = await (await conn.execute(queries.SNAPSHOT, _asked(tenant_id, periods))).fetchall()
    snapshot = _empty(rows[0], periods)
    for number, row in enumerate(rows, 1):
        _put(snapshot, row)
        if number % ROWS_AT_ONCE == 0:
            await asyncio.sleep(0)
    return snapshot


def read_for_task(conn: psycopg.Connection[Any], tenant_id: str, periods: Collection[Period]) -> Snapshot:
    """The same in a process that answers nobody."""
    rows = conn.execute(queries.SNAPSHOT, _asked(tenant_id, periods)).fetchall()
    snapshot = _empty(rows[0], periods)
    for row in rows:
        _put(snapshot, row)
    return snapshot


def _asked(tenant_id: str, periods: Collection[Period]) -> dict[str, Any]:
    return {
        "tenant_id": tenant_id,
        "days": [period.start for period in periods if period.grain == "day"],
        "months": [period.start for period in periods if period.grain == "month"],
    }


def _empty(row: Sequence[Any], periods: Collection[Period]) -> Snapshot:
    return Snapshot(row[0] or 0, bool(row[1]), {period: Cases() for period in periods})


def _put(snapshot: Snapshot, row: Sequence[Any]) -> None:
    _, _, grain, start, name, *counts, bins = row
    # A removed indicator may still have rows.
    if name in PLACES:
        snapshot.periods[Period(grain, start)].put(name, counts, bins)


def pack(numbers: Sequence[int]) -> Packed:
    return int.from_bytes(struct.pack(f"<{len(numbers)}I", *numbers), "little")


def unpack(packed: Packed, length: int = 0) -> tuple[int, ...]:
    """The numbers up to the last that is not 0, but at least `length` of them."""
    length = max(length, (packed.bit_length() + 31) // 32)
    return struct.unpack(f"<{length}I", packed.to_bytes(length * 4, "little"))
