import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import psycopg
import pytest
from psycopg_pool import PoolTimeout

from services.device_ingest import group_commit
from services.device_ingest.group_commit import GroupCommit
from shared.web.problems import Problem
from tests.support.waiting import PATIENCE

Group = partial(GroupCommit[int, int], party=lambda number: f"org_{number // 1000}")


class Table:
    """A database that remembers its commits, waits at a gate and refuses 13."""

    def __init__(self) -> None:
        self.commits: list[list[int]] = []
        self.attempts = 0
        self.started = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception = psycopg.errors.CheckViolation("13")

    async def write(self, items: Sequence[int]) -> list[int]:
        self.attempts += 1
        self.started.set()
        await self.gate.wait()
        if 13 in items:
            raise self.error
        self.commits.append(list(items))
        return [item * 10 for item in items]


def run(test: Callable[[Table], Awaitable[None]]) -> None:
    async def main() -> None:
        await test(Table())

    asyncio.run(main())


async def all_submitted() -> None:
    """One turn of the loop, in which the tasks just made come as far as waiting for their answer."""
    await asyncio.sleep(0)


def test_a_lone_request_is_written_at_once() -> None:
    async def test(table: Table) -> None:
        assert await Group(table.write, rows=10, writers=1).submit([1]) == [10]
        assert table.commits == [[1]]

    run(test)


def test_what_arrives_during_a_commit_shares_the_next_and_each_gets_its_own_answer() -> None:
    async def test(table: Table) -> None:
        group = Group(table.write, rows=100, writers=1)
        table.gate.clear()
        first = asyncio.create_task(group.submit([0]))
        await table.started.wait()
        others = [asyncio.create_task(group.submit([n, n + 100])) for n in range(20, 39)]
        await all_submitted()
        assert not first.done()
        table.gate.set()
        assert await asyncio.gather(first, *others) == [[0], *([n * 10, n * 10 + 1000] for n in range(20, 39))]
        assert [len(commit) for commit in table.commits] == [1, 38]

    run(test)


def test_a_group_holds_no_more_rows_than_it_may_and_a_large_submission_still_goes_through() -> None:
    async def test(table: Table) -> None:
        group = Group(table.write, rows=5, writers=1)
        await asyncio.gather(*(group.submit([n, n]) for n in range(6)), group.submit(list(range(20, 30))))
        assert sorted(len(commit) for commit in table.commits) == [4, 4, 4, 10]

    run(test)


def test_one_row_a_group_gives_each_request_its_own_commit() -> None:
    async def test(table: Table) -> None:
        group = Group(table.write, rows=1, writers=3)
        await asyncio.gather(*(group.submit([n]) for n in range(9)))
        assert table.commits == [[n] for n in range(9)]

    run(test)


def test_a_second_writer_starts_for_many_and_leaves_few_to_the_one_at_work() -> None:
    async def test(table: Table) -> None:
        group = Group(table.write, rows=500, writers=2)
        table.gate.clear()
        first = asyncio.create_task(group.submit([0]))
        await table.started.wait()
        few = [asyncio.create_task(group.submit([n])) for n in range(20, 20 + group_commit.MANY - 1)]
        await all_submitted()
        await all_submitted()
        assert table.attempts == 1
        many = asyncio.create_task(group.submit([90]))
        await all_submitted()
        await all_submitted()
        assert table.attempts == 2
        table.gate.set()
        await asyncio.gather(first, *few, many)
        assert sorted(map(len, table.commits)) == [1, group_commit.MANY]

    run(test)


def test_one_bad_submission_fails_alone() -> None:
    async def test(table: Table) -> None:
        group = Group(table.write, rows=100, writers=1)
        results = await asyncio.gather(*(group.submit([n]) for n in range(10, 16)), return_exceptions=True)
        assert [r for r in results if not isinstance(r, Exception)] == [[100], [110], [120], [140], [150]]
        assert isinstance(results[3], psycopg.errors.CheckViolation)
        assert await group.submit([1]) == [10]

    run(test)


@pytest.mark.parametrize("error", [PoolTimeout(), psycopg.OperationalError(), psycopg.errors.AdminShutdown()])
def test_an_outage_is_told_to_all_without_trying_each(error: Exception) -> None:
    async def test(table: Table) -> None:
        table.error = error
        group = Group(table.write, rows=100, writers=1)
        results = await asyncio.gather(*(group.submit([n]) for n in range(10, 16)), return_exceptions=True)
        assert results == [error] * 6
        assert table.attempts == 1

    run(test)


def test_a_deadlock_is_no_outage() -> None:
    async def test(table: Table) -> None:
        table.error = psycopg.errors.DeadlockDetected()
        group = Group(table.write, rows=100, writers=1)
        results = await asyncio.gather(group.submit([13]), group.submit([1]), return_exceptions=True)
        assert results == [table.error, [10]]

    run(test)


def test_a_caller_who_gave_up_leaves_the_others_alone() -> None:
    async def test(table: Table) -> None:
        group = Group(table.write, rows=100, writers=1)
        table.gate.clear()
        tasks = [asyncio.create_task(group.submit([n])) for n in range(3)]
        await table.started.wait()
        tasks[1].cancel()
        table.gate.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert (results[0], results[2]) == ([0], [20])
        assert isinstance(results[1], asyncio.CancelledError)

    run(test)


def test_too_many_waiting_are_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "MAX_WAITING", 4)

    async def test(table: Table) -> None:
        group = Group(table.write, rows=1, writers=1)
        table.gate.clear()
        tasks = [asyncio.create_task(group.submit([0]))]
        await table.started.wait()
        tasks += [asyncio.create_task(group.submit([n])) for n in (1, 2)]
        await all_submitted()
        with pytest.raises(Problem) as caught:
            await group.submit([9])
        assert (caught.value.status, caught.value.headers) == (429, {"retry-after": "1"})
        with pytest.raises(Problem) as caught:
            await group.submit([1000, 1001, 1002])
        assert (caught.value.status, caught.value.headers) == (503, {"retry-after": "1"})
        table.gate.set()
        assert await asyncio.gather(*tasks) == [[0], [10], [20]]

    run(test)


def test_a_party_that_floods_leaves_room_and_the_next_turn_to_others() -> None:
    """Before, 60 batches of 500 rows filled the only queue: another organisation's single row got 503 in 57 of 60 tries."""

    async def test(table: Table) -> None:
        group = Group(table.write, rows=500, writers=1)
        table.gate.clear()
        flood = [asyncio.create_task(group.submit([1] * 500)) for _ in range(60)]
        await table.started.wait()
        await all_submitted()
        others = [asyncio.create_task(group.submit([n * 1000])) for n in range(1, 11)]
        await all_submitted()
        table.gate.set()
        assert await asyncio.gather(*others) == [[n * 10_000] for n in range(1, 11)]
        results = await asyncio.gather(*flood, return_exceptions=True)
        assert [each.status for each in results if isinstance(each, Problem)] == [429] * 40
        # The one at work, one more of the flood, then the others together.
        assert [len(commit) for commit in table.commits[:3]] == [500, 500, 10]

    run(test)


def test_closing_waits_for_what_was_submitted() -> None:
    async def test(table: Table) -> None:
        group = Group(table.write, rows=1, writers=2)
        tasks = [asyncio.create_task(group.submit([n])) for n in range(5)]
        await all_submitted()
        await group.close()
        assert sorted(table.commits) == [[n] for n in range(5)]
        await asyncio.gather(*tasks)

    run(test)


def test_whoever_submits_again_the_moment_it_is_answered_is_not_forgotten() -> None:
    async def test(table: Table) -> None:
        group = Group(table.write, rows=10, writers=1)
        async with asyncio.timeout(PATIENCE):
            assert [await group.submit([n]) for n in range(3)] == [[0], [10], [20]]

    run(test)
