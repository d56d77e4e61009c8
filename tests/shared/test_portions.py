"""Long work in portions: each has a turn of its own, and nobody waits for the whole of another's work."""

import asyncio
import time
from collections.abc import Generator, Iterator

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from shared.web import fairness, portions, problems
from shared.web.identity import Caller
from shared.web.problems import Problem
from tests.shared.asking import request


def asked(tenant: str) -> Request:
    made = request(b"")
    made.scope["caller"] = Caller(client_id=f"app of {tenant}", tenant_id=tenant)
    return made


def run(test: Generator[None, None, None] | object) -> None:
    asyncio.run(asyncio.wait_for(test, 60))  # pyright: ignore[reportArgumentType] - a coroutine


def test_work_beside_the_loop_needs_a_turn() -> None:
    """Without one it would wait in the thread's own line, which no tenant shares fairly, and be done for callers who left."""

    async def test() -> None:
        with pytest.raises(RuntimeError):
            await fairness.aside(lambda: None)
        async with fairness.turn_if_heavy(asked("a"), heavy=True):
            assert await fairness.aside(lambda: 1) == 1
            other = asyncio.create_task(fairness.aside(lambda: 2))
            with pytest.raises(RuntimeError):
                await other
        with pytest.raises(RuntimeError):
            await fairness.aside(lambda: None)

    run(test())


def test_anothers_work_has_its_turn_between_two_portions_of_long_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portions, "SECONDS", 0.0)
    order: list[str] = []

    def work(tenant: str, steps: int) -> Generator[None, None, None]:
        for _ in range(steps):
            order.append(tenant)
            time.sleep(0.001)
            yield

    async def test() -> None:
        long = [asyncio.create_task(portions.finished(asked("long"), work("long", 30))) for _ in range(4)]
        await asyncio.sleep(0.01)
        await portions.finished(asked("short"), work("short", 3))
        assert not any(one.done() for one in long)
        first, last = order.index("short"), len(order) - order[::-1].index("short")
        assert order[first:last].count("long") <= 2 * 3
        await asyncio.gather(*long)

    run(test())


def test_the_work_of_callers_who_left_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portions, "SECONDS", 0.0)
    done = 0

    async def test() -> None:
        left = asyncio.Event()
        made = asked("leaver")

        async def receive() -> Message:
            await left.wait()
            return {"type": "http.disconnect"}

        made._receive = receive

        def work() -> Generator[None, None, None]:
            nonlocal done
            for _ in range(1000):
                done += 1
                yield

        tasks = [asyncio.create_task(portions.finished(made, work())) for _ in range(5)]
        await asyncio.sleep(0.02)
        left.set()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(one) for one in ended} == {ClientDisconnect}
        before = done
        await portions.result(asked("other"), lambda: None)
        assert done == before < 5000

    run(test())


def test_an_error_of_the_work_is_raised_and_no_turn_is_asked_for_again() -> None:
    """A Problem of the work is none of the line: work that was admitted would otherwise be tried without end."""

    async def test() -> None:
        def refused() -> Iterator[bytes]:
            yield b"first"
            raise problems.invalid("The record contradicts itself.")

        work = portions.each(asked("a"), refused(), is_admitted=True)
        with pytest.raises(Problem) as raised:
            await anext(work)
        assert raised.value.status == 422

    run(test())


def test_admitted_work_waits_again_where_the_line_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    turn, refused = fairness.turn_if_heavy, iter([True, False, True, True])
    monkeypatch.setattr(portions, "PAUSE", 0.001)

    def busy(made: Request, *, heavy: bool) -> object:
        if next(refused, False):
            raise problems.too_many("Wait.")
        return turn(made, heavy=heavy)

    monkeypatch.setattr(fairness, "turn_if_heavy", busy)

    async def test() -> None:
        with pytest.raises(Problem):
            await portions.result(asked("a"), lambda: 1)
        assert await portions.result(asked("a"), lambda: 1) == 1
        assert await portions.result(asked("a"), lambda: 1, is_admitted=True) == 1

    run(test())


def test_a_portion_ends_when_it_is_long_enough() -> None:
    async def test() -> None:
        sizes = [
            sum(map(len, some)) async for some in portions.each(asked("a"), iter([b"x" * (portions.BYTES // 2)] * 6))
        ]
        assert sum(sizes) == 3 * portions.BYTES
        assert max(sizes) <= portions.BYTES

    run(test())
