"""Places in turn: a client that asks often waits longer, the queue is bounded, and a client that leaves loses no place for others."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from shared.web.fairness import Busy, Gone, Lines, Turns
from tests.support.waiting import PATIENCE


def run(test: Callable[[Turns, Lines], Coroutine[Any, Any, None]], places: int = 5) -> None:
    async def within() -> None:
        lines = Lines(places)
        turns = Turns(1, lines)
        await asyncio.wait_for(test(turns, lines), PATIENCE)

    asyncio.run(within())


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_key_with_one_passes_a_key_with_many() -> None:
    async def test(turns: Turns, lines: Lines) -> None:
        order = list[str]()

        async def work(key: str) -> None:
            async with turns.take(lines, key):
                order.append(key)
                await asyncio.sleep(0)

        async with turns.take(lines, "a"):
            tasks = [asyncio.create_task(work(key)) for key in ("a", "a", "a", "b")]
            await settle()
        await asyncio.gather(*tasks)
        assert order == ["a", "b", "a", "a"]

    run(test)


def test_a_full_queue_refuses_whoever_has_no_less_than_the_others_and_displaces_who_has_more() -> None:
    async def test(turns: Turns, lines: Lines) -> None:
        await turns.enter(lines, "z")
        waiting = [asyncio.create_task(turns.enter(lines, "a")) for _ in range(2)]
        await settle()
        with pytest.raises(Busy):
            await turns.enter(lines, "a")
        new = asyncio.create_task(turns.enter(lines, "b"))
        await settle()
        assert isinstance(waiting[1].exception(), Busy)
        with pytest.raises(Busy):
            await turns.enter(lines, "c")
        for _ in range(2):
            turns.leave()
        await asyncio.gather(waiting[0], new)

    run(test, places=2)


def test_a_place_is_passed_on_when_the_one_it_was_given_to_has_left() -> None:
    async def test(turns: Turns, lines: Lines) -> None:
        await turns.enter(lines, "a")
        leaving = asyncio.create_task(turns.enter(lines, "b"))
        staying = asyncio.create_task(turns.enter(lines, "c"))
        await settle()
        turns.leave()
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        await staying
        assert (turns.free, lines.number) == (0, 0)

    run(test)


def test_who_is_gone_leaves_the_queue_at_once_and_who_has_its_turn_keeps_it() -> None:
    async def test(turns: Turns, lines: Lines) -> None:
        left = asyncio.Event()

        async def gone() -> None:
            await left.wait()

        await turns.enter(lines, "a")
        first, second = (asyncio.create_task(turns.enter(lines, "b", gone=gone)) for _ in range(2))
        await settle()
        turns.leave()
        left.set()
        await first
        with pytest.raises(Gone):
            await second
        assert (turns.free, lines.number) == (0, 0)
        turns.leave()
        assert turns.free == 1

    run(test)


def test_no_place_is_lost_on_one_who_is_gone_and_cancelled_in_the_same_moment() -> None:
    async def test(turns: Turns, lines: Lines) -> None:
        async def gone() -> None:
            await asyncio.sleep(0)

        await turns.enter(lines, "a")
        leaving = asyncio.create_task(turns.enter(lines, "b", gone=gone))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        leaving.cancel()
        turns.leave()
        await asyncio.gather(leaving, return_exceptions=True)
        assert (turns.free, lines.number) == (1, 0)

    run(test)


def test_a_place_rests_only_while_it_has_to_and_no_longer_than_it_may() -> None:
    """The rest is a thousand million times the work, but for its bound."""

    async def test() -> None:
        has_to = False
        lines = Lines(5)
        turns = Turns(1, lines, rest=1e9, most_rest=0.01, rests=lambda: has_to)
        async with turns.take(lines, "a"):
            await asyncio.sleep(0)
        assert turns.free == 1
        has_to = True
        async with turns.take(lines, "a"):
            await asyncio.sleep(0)
        assert turns.free == 0
        async with turns.take(lines, "b"):
            has_to = False
        assert turns.free == 1

    asyncio.run(asyncio.wait_for(test(), PATIENCE))
