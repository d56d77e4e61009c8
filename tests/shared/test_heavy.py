"""Large requests take turns: a few of each client, and a quarter of the loop's time for all; small requests do not wait for them."""

import asyncio
import json
import sys
import time

import msgspec
import pytest
from starlette.requests import Request

from shared import heavy, http
from shared.identity import Caller
from shared.problems import Problem
from tests.shared.asking import request


class Large(http.Body):
    max_bytes = http.MAX_BODY

    items: list[int] = msgspec.field(default_factory=list[int])


def asked(client: str, items: int, tenant: str = "") -> Request:
    made = request(json.dumps({"items": [1000] * items}).encode())
    made.scope["caller"] = Caller(client_id=client, tenant_id=tenant or client)
    return made


def test_of_one_client_only_so_many_large_requests_wait_and_others_still_may() -> None:
    async def test() -> None:
        async with heavy.turn(asked("greedy", 0), heavy=True):
            waiting = [
                asyncio.create_task(http.decode(asked("greedy", 5_000), Large)) for _ in range(heavy.PER_CLIENT - 1)
            ]
            await asyncio.sleep(0.01)
            with pytest.raises(Problem) as refused:
                await http.decode(asked("greedy", 5_000), Large)
            assert (refused.value.status, refused.value.headers) == (429, {"retry-after": "1"})
            assert (await http.decode(asked("greedy", 10), Large)).items  # a small one passes
            other = asyncio.create_task(http.decode(asked("other", 5_000), Large))
            await asyncio.sleep(0.01)
            assert not other.done()
        done, _ = await asyncio.wait([other, *waiting], return_when=asyncio.FIRST_COMPLETED)
        await other
        assert len(done) <= 2
        await asyncio.gather(*waiting)

    asyncio.run(asyncio.wait_for(test(), 30))


def test_the_loop_goes_on_while_the_largest_bodies_are_read() -> None:
    """Twenty thousand decimals take twenty milliseconds. With the switch interval of web processes the loop has hundreds of turns
    meanwhile.
    """
    usual = sys.getswitchinterval()
    sys.setswitchinterval(heavy.SWITCH_SECONDS)
    body = b'{"items":[' + b",".join([b"1.23456789012345678901234567890"] * 20_000) + b"]}"

    async def test() -> None:
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        running = asyncio.create_task(others())
        await asyncio.sleep(0)
        before = turns
        with pytest.raises(Problem):
            await http.decode(request(body), Large)
        running.cancel()
        assert turns - before > 100

    try:
        asyncio.run(asyncio.wait_for(test(), 30))
    finally:
        sys.setswitchinterval(usual)


def test_a_caller_that_leaves_while_its_body_is_read_lets_no_other_in_before_it_is() -> None:
    async def test() -> None:
        working, ended = 0, 0

        def work() -> None:
            nonlocal working, ended
            working += 1
            assert working - ended == 1
            time.sleep(0.02)
            ended += 1

        async def one() -> None:
            async with heavy.turn(asked("a", 0), heavy=True):
                await heavy.aside(work)

        tasks = [asyncio.create_task(one()) for _ in range(5)]
        for task in tasks[:4]:
            await asyncio.sleep(0.005)
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert working == ended >= 1

    asyncio.run(asyncio.wait_for(test(), 30))


def test_after_a_large_request_the_loop_is_free_for_as_long() -> None:
    async def test() -> None:
        async with heavy.turn(asked("a", 0), heavy=True):
            time.sleep(0.05)  # noqa: ASYNC251 - as decoding does
            began = time.perf_counter()
        async with heavy.turn(asked("b", 0), heavy=True):
            assert time.perf_counter() - began > 0.04

    asyncio.run(asyncio.wait_for(test(), 30))


def test_many_apps_of_one_tenant_take_neither_the_queue_nor_the_turns_of_another() -> None:
    async def test() -> None:
        async with heavy.turn(asked("many-0", 0, "many"), heavy=True):
            waiting = [
                asyncio.create_task(http.decode(asked(f"many-{number % 8}", 5_000, "many"), Large))
                for number in range(heavy.WAITING + 64)
            ]
            await asyncio.sleep(0.01)
            other = asyncio.create_task(http.decode(asked("other", 5_000, "other"), Large))
            await asyncio.sleep(0.01)
        assert (await other).items
        served = [task for task in waiting if task.done() and task.exception() is None]
        assert len(served) <= 2
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        refused = [one for one in outcomes if isinstance(one, Problem)]
        assert {problem.status for problem in refused} == {429}

    asyncio.run(asyncio.wait_for(test(), 30))


def test_many_addresses_without_a_token_do_not_fill_the_queue() -> None:
    async def test() -> None:
        def stranger(number: int) -> Request:
            made = asked("", 5_000)
            made.scope["caller"] = Caller(address=f"198.51.100.{number % 16}")
            return made

        async with heavy.turn(asked("many", 0), heavy=True):
            waiting = [asyncio.create_task(http.decode(stranger(number), Large)) for number in range(heavy.WAITING)]
            await asyncio.sleep(0.01)
            other = asyncio.create_task(http.decode(asked("other", 5_000), Large))
            await asyncio.sleep(0.01)
        assert (await other).items
        await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(asyncio.wait_for(test(), 30))
