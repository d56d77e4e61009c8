"""A tenant's aggregates in memory, period by period as they are asked for, all of one version."""

import asyncio
import struct
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date
from typing import Any, Literal, NamedTuple

import msgspec
import psycopg

from services.graphql_api.acqi import queries
from services.graphql_api.acqi.definitions import INDICATORS
from services.graphql_api.acqi.metrics import Counts

TENANTS = 200
PERIODS = 2_000


class Period(NamedTuple):
    grain: Literal["day", "month"]
    start: date


# Counts side by side in one integer, 32 bits each, so that periods are added up in one C addition.
Packed = int
PLACES = {indicator.name: place for place, indicator in enumerate(INDICATORS)}


class Cases(msgspec.Struct):
    """What one period holds: `counts` of all indicators (met, not met, excluded, unknown), `times` by indicator."""

    counts: Packed = 0
    times: dict[str, Packed] = {}

    def put(self, name: str, numbers: Sequence[int], bins: Sequence[int]) -> None:
        """Once for each indicator."""
        self.counts += pack(numbers) << (128 * PLACES[name])
        if bins:
            self.times[name] = pack(bins)


class Snapshot(msgspec.Struct):
    """`periods` holds what was read so far; a period without cases is there and empty."""

    version: int
    suppress: bool
    periods: dict[Period, Cases]

    def total(self, periods: Collection[Period]) -> dict[str, Counts]:
        """Every indicator's cases over several periods."""
        cases = [self.periods[period] for period in periods]
        times: dict[str, Packed] = {}
        for one in cases:
            for name, packed in one.times.items():
                times[name] = times.get(name, 0) + packed
        numbers = unpack(sum(one.counts for one in cases), 4 * len(PLACES))
        return {
            name: _counts(numbers[4 * place : 4 * place + 4], unpack(times.get(name, 0)))
            for name, place in PLACES.items()
        }


def _counts(numbers: Sequence[int], bins: Sequence[int]) -> Counts:
    met, not_met, excluded, unknown = numbers
    return Counts(met, not_met, excluded, unknown, bins)


class Snapshots:
    """The snapshots of the tenants that asked last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Snapshot] = OrderedDict()
        self._reading: dict[str, asyncio.Lock] = {}

    async def get(
        self,
        transaction: Callable[[], AbstractAsyncContextManager[psycopg.AsyncConnection[Any]]],
        tenant_id: str,
        version: int,
        periods: Collection[Period],
    ) -> Snapshot:
        """One that holds `periods` and is not older than `version`. `transaction` is called only where something must be read."""
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
        """Reads what is missing; if that is of another version than what is there, reads all that is asked for."""
        kept = self._kept.get(tenant_id)
        if kept is not None and kept.version >= version and len(kept.periods) + len(periods) <= PERIODS:
            more = await read(conn, tenant_id, set(periods) - kept.periods.keys())
            if (more.version, more.suppress) == (kept.version, kept.suppress):
                kept.periods |= more.periods
                return kept
        self._kept[tenant_id] = fresh = await read(conn, tenant_id, periods)
        if len(self._kept) > TENANTS:
            forgotten, _ = self._kept.popitem(last=False)
            self._reading.pop(forgotten, None)
        return fresh


async def read(conn: psycopg.AsyncConnection[Any], tenant_id: str, periods: Collection[Period]) -> Snapshot:
    """Version and aggregates in one statement, so that they belong together."""
    where = {
        "tenant_id": tenant_id,
        "days": [period.start for period in periods if period.grain == "day"],
        "months": [period.start for period in periods if period.grain == "month"],
    }
    rows = await (await conn.execute(queries.SNAPSHOT, where)).fetchall()
    snapshot = Snapshot(rows[0][0] or 0, bool(rows[0][1]), {period: Cases() for period in periods})
    for _, _, grain, start, name, *counts, bins in rows:
        # An indicator that is no more may still have rows.
        if name in PLACES:
            snapshot.periods[Period(grain, start)].put(name, counts, bins)
    return snapshot


def pack(numbers: Sequence[int]) -> Packed:
    return int.from_bytes(struct.pack(f"<{len(numbers)}I", *numbers), "little")


def unpack(packed: Packed, length: int = 0) -> tuple[int, ...]:
    """The numbers again, as many as there are up to the last that is not 0, but at least `length`."""
    length = max(length, (packed.bit_length() + 31) // 32)
    return struct.unpack(f"<{length}I", packed.to_bytes(length * 4, "little"))
