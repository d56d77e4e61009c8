"""Places in turn: a client that asks often waits longer, the queue is bounded, and a client that leaves loses no place for others."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from shared.turns import Crowded, Turns
from tests.support.waiting import PATIENCE


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), PATIENCE))


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_key_with_one_passes_a_key_with_many() -> None:
    async def test() -> None:
        turns, order = Turns(1, 10, 10), list[str]()

        async def work(key: str) -> None:
            async with turns.take(key):
                order.append(key)
                await asyncio.sleep(0)

        async with turns.take("a"):
            tasks = [asyncio.create_task(work(key)) for key in ("a", "a", "a", "b")]
            await settle()
        await asyncio.gather(*tasks)
        assert order == ["a", "b", "a", "a"]

    run(test)


def test_the_queue_has_an_end_for_all_and_for_each() -> None:
    async def test() -> None:
        turns = Turns(1, 2, 2)
        async with turns.take("a"):
            waiting = [asyncio.create_task(turns.take(key).__aenter__()) for key in ("a", "b")]
            await settle()
            with pytest.raises(Crowded):
                await turns.take("a").__aenter__()
            with pytest.raises(Crowded):
                await turns.take("c").__aenter__()
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        async with turns.take("c"):
            pass

    run(test)


def test_a_place_is_passed_on_when_the_one_it_was_given_to_has_left() -> None:
    async def test() -> None:
        turns = Turns(1, 5, 5)
        held = turns.take("a")
        await held.__aenter__()
        leaving = asyncio.create_task(turns.take("b").__aenter__())
        staying = asyncio.create_task(turns.take("c").__aenter__())
        await settle()
        await held.__aexit__(None, None, None)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        await asyncio.wait_for(staying, PATIENCE)
        assert turns._held == {"c": 1}

    run(test)


def test_no_place_is_lost_on_one_who_is_cancelled_in_the_moment_of_its_turn() -> None:
    async def test() -> None:
        turns, done = Turns(1, 5, 5), asyncio.Event()

        async def work(key: str, until: asyncio.Event) -> None:
            async with turns.take(key):
                await until.wait()

        holding = asyncio.create_task(work("a", done))
        await settle()
        leaving = asyncio.create_task(work("b", done))
        await settle()
        done.set()
        leaving.cancel()
        assert (await asyncio.gather(holding, leaving, return_exceptions=True))[0] is None
        await asyncio.wait_for(work("c", done), PATIENCE)
        assert (turns._free, turns._room, turns._held) == (1, 5, {})

    run(test)
