"""A tenant's aggregates in memory: always of one version, read no more than needed, within a room of bytes."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Any

import pytest

from services.graphql_api.acqi import cache
from services.graphql_api.acqi.cache import ROOM, SHARES, Cases, Period, Snapshot, Snapshots
from services.graphql_api.acqi.definitions import LONGEST
from services.graphql_api.acqi.indicators import INDICATORS

FIRST, SECOND = Period("day", date(2026, 3, 1)), Period("day", date(2026, 3, 2))


class Table:
    """In place of the database: each period has as many cases as the number of the version."""

    def __init__(self) -> None:
        self.version = 1
        self.suppress = False
        self.reads: list[set[Period]] = []

    async def read(self, conn: Any, tenant_id: str, periods: Collection[Period]) -> Snapshot:
        self.reads.append(set(periods))
        return Snapshot(self.version, self.suppress, {period: Cases(self.version) for period in periods})


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Table:
    table = Table()
    monkeypatch.setattr(cache, "read", table.read)
    return table


@asynccontextmanager
async def transaction() -> AsyncIterator[Any]:
    yield None


async def ask(snapshots: Snapshots, version: int, *periods: Period, tenant: str = "org_a") -> list[int]:
    found = await snapshots.get(transaction, tenant, version, periods)
    return [found.periods[period].counts for period in periods]


def test_what_was_read_is_not_read_again_until_the_version_moves(table: Table) -> None:
    async def story() -> None:
        snapshots = Snapshots()
        assert await ask(snapshots, 1, FIRST) == [1]
        assert await ask(snapshots, 1, FIRST, SECOND) == [1, 1]
        assert await ask(snapshots, 1, SECOND, FIRST) == [1, 1]
        table.version = 2
        assert await ask(snapshots, 2, FIRST) == [2]

    asyncio.run(story())
    assert table.reads == [{FIRST}, {SECOND}, {FIRST}]


def test_periods_of_two_versions_are_never_mixed(table: Table) -> None:
    async def story() -> None:
        snapshots = Snapshots()
        assert await ask(snapshots, 1, FIRST) == [1]
        table.version = 2
        # The known version is still 1, but the aggregates are already of version 2.
        assert await ask(snapshots, 1, FIRST, SECOND) == [2, 2]

    asyncio.run(story())


def test_a_change_of_the_tenants_wish_is_a_change(table: Table) -> None:
    async def story() -> None:
        snapshots = Snapshots()
        await ask(snapshots, 1, FIRST)
        table.suppress = True
        assert (await snapshots.get(transaction, "org_a", 1, [FIRST, SECOND])).suppress

    asyncio.run(story())


def test_many_who_ask_at_once_cause_one_reading(table: Table) -> None:
    async def story() -> None:
        snapshots = Snapshots()
        assert await asyncio.gather(*(ask(snapshots, 1, FIRST) for _ in range(50))) == [[1]] * 50

    asyncio.run(story())
    assert len(table.reads) == 1


def test_tenants_have_snapshots_of_their_own_and_only_so_many_are_kept(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "SNAPSHOTS", 2)

    async def story() -> None:
        snapshots = Snapshots()
        for tenant in ("org_a", "org_b", "org_c", "org_c", "org_a"):
            await ask(snapshots, 1, FIRST, tenant=tenant)

    asyncio.run(story())
    assert len(table.reads) == 4


def test_a_tenant_that_asks_for_ever_more_periods_starts_afresh(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "PERIODS", 3)

    async def story() -> None:
        snapshots = Snapshots()
        for day in range(1, 10):
            await ask(snapshots, 1, Period("day", date(2026, 3, day)))
        assert len((await snapshots.get(transaction, "org_a", 1, [FIRST])).periods) <= 3

    asyncio.run(story())


DAYS = [Period("day", date(2020, 1, 1) + timedelta(number)) for number in range(400)]
SHARE = ROOM // SHARES


@pytest.fixture
def long_times(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """In place of the database: in each period one case of three hours in every time. The tenants of the readings."""
    tenants: list[str] = []

    async def read(conn: Any, tenant_id: str, periods: Collection[Period]) -> Snapshot:
        tenants.append(tenant_id)
        snapshot = Snapshot(1, False, {period: Cases() for period in periods})
        for cases in snapshot.periods.values():
            for one in INDICATORS:
                cases.put(one.name, (1, 0, 0, 0), [0] * LONGEST + [1] if one.is_time else [])
        return snapshot

    monkeypatch.setattr(cache, "read", read)
    return tenants


async def right(snapshots: Snapshots, tenant: str, periods: list[Period]) -> None:
    found = await snapshots.get(transaction, tenant, 1, periods)
    for name, counts in found.total(periods, [one.name for one in INDICATORS if one.is_time]).items():
        assert (counts.met, counts.bins[LONGEST], sum(counts.bins)) == (len(periods), len(periods), len(periods)), name


def test_long_times_of_many_periods_and_tenants_stay_within_the_room(long_times: list[str]) -> None:
    async def story() -> None:
        snapshots = Snapshots(ROOM // 8)
        tracemalloc.start()
        try:
            for number in range(12):
                for first in range(0, 40, 5):
                    await right(snapshots, f"org_{number}", DAYS[first : first + 5])
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert 0 <= snapshots.room <= SHARE // 8
        assert held < 1.1 * ROOM // 8

    asyncio.run(story())


def test_a_tenant_beyond_its_share_evicts_no_other_and_has_right_answers(long_times: list[str]) -> None:
    async def story() -> None:
        snapshots = Snapshots()
        await right(snapshots, "org_b", DAYS[:3])
        for first in range(0, 400, 20):
            await right(snapshots, "org_a", DAYS[first : first + 20])
        assert ROOM - snapshots.room <= 2 * SHARE
        # More than a share at once is answered, and not kept.
        await right(snapshots, "org_a", DAYS[:200])
        await right(snapshots, "org_a", DAYS[:200])
        del long_times[:]
        await right(snapshots, "org_b", DAYS[:3])
        assert long_times == []
        await right(snapshots, "org_a", DAYS[:2])
        assert long_times == ["org_a"]

    asyncio.run(story())
