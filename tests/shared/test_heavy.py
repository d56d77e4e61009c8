"""Large requests take turns: a few of each client, and a quarter of the loop's time for all; small requests do not wait for them."""

import asyncio
import json
import sys
import time

import msgspec
import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from shared.web import fairness, http
from shared.web.identity import Caller
from shared.web.problems import Problem
from tests.shared.asking import request


class Large(http.Body):
    max_bytes = http.MAX_BODY

    items: list[int] = msgspec.field(default_factory=list[int])


def asked(client: str, items: int, tenant: str = "") -> Request:
    made = request(json.dumps({"items": [1000] * items}).encode())
    made.scope["caller"] = Caller(client_id=client, tenant_id=tenant or client)
    return made


async def until_waiting(number: int) -> None:
    while fairness._of_this_loop().waiting.number < number:  # noqa: ASYNC110 - nothing announces it
        await asyncio.sleep(0)


def test_of_one_client_only_so_many_large_requests_wait_and_others_still_may() -> None:
    async def test() -> None:
        async with fairness.turn_if_heavy(asked("greedy", 0), heavy=True):
            waiting = [
                asyncio.create_task(http.decode(asked("greedy", 5_000), Large))
                for _ in range(fairness.MOST_OF_CLIENT - 1)
            ]
            await until_waiting(len(waiting))
            with pytest.raises(Problem) as refused:
                await http.decode(asked("greedy", 5_000), Large)
            assert (refused.value.status, refused.value.headers) == (429, {"retry-after": "1"})
            assert (await http.decode(asked("greedy", 10), Large)).items  # a small one passes
            other = asyncio.create_task(http.decode(asked("other", 5_000), Large))
            await until_waiting(len(waiting) + 1)
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
    sys.setswitchinterval(fairness.SWITCH_SECONDS)
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
            async with fairness.turn_if_heavy(asked("a", 0), heavy=True):
                await fairness.aside(work)

        tasks = [asyncio.create_task(one()) for _ in range(5)]
        for task in tasks[:4]:
            await asyncio.sleep(0.005)
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert working == ended >= 1

    asyncio.run(asyncio.wait_for(test(), 30))


def test_after_a_large_request_the_loop_is_free_for_as_long() -> None:
    async def test() -> None:
        async with fairness.turn_if_heavy(asked("a", 0), heavy=True):
            time.sleep(0.05)  # noqa: ASYNC251 - as decoding does
            began = time.perf_counter()
        async with fairness.turn_if_heavy(asked("b", 0), heavy=True):
            assert time.perf_counter() - began > 0.04

    asyncio.run(asyncio.wait_for(test(), 30))


def test_a_place_rests_for_no_longer_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fairness, "MOST_REST", 0.01)

    async def test() -> None:
        async with fairness.turn_if_heavy(asked("a", 0), heavy=True):
            time.sleep(1)  # noqa: ASYNC251 - as decoding does
            began = time.perf_counter()
        async with fairness.turn_if_heavy(asked("b", 0), heavy=True):
            assert time.perf_counter() - began < 2

    asyncio.run(asyncio.wait_for(test(), 30))


def test_many_apps_of_one_tenant_take_neither_the_queue_nor_the_turns_of_another() -> None:
    async def test() -> None:
        async with fairness.turn_if_heavy(asked("many-0", 0, "many"), heavy=True):
            waiting = [
                asyncio.create_task(http.decode(asked(f"many-{number % 8}", 5_000, "many"), Large))
                for number in range(fairness.MOST_WAITING + 64)
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

        async with fairness.turn_if_heavy(asked("many", 0), heavy=True):
            waiting = [
                asyncio.create_task(http.decode(stranger(number), Large)) for number in range(fairness.MOST_WAITING)
            ]
            await asyncio.sleep(0.01)
            other = asyncio.create_task(http.decode(asked("other", 5_000), Large))
            await asyncio.sleep(0.01)
        assert (await other).items
        await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(asyncio.wait_for(test(), 30))


@pytest.mark.parametrize("hoarders", [2, 3, 10])
def test_however_many_tenants_fill_the_queue_anothers_body_waits_for_one_turn_of_each(hoarders: int) -> None:
    async def test() -> None:
        turns: list[str] = []

        async def one(client: str, tenant: str) -> None:
            async with fairness.turn_if_heavy(asked(client, 0, tenant), heavy=True):
                turns.append(tenant)
                time.sleep(0.0005)  # noqa: ASYNC251 - as decoding does

        async def hoard(client: str, tenant: str) -> None:
            while True:
                try:
                    await one(client, tenant)
                except Problem:
                    await asyncio.sleep(0.2)

        crowd = [
            asyncio.create_task(hoard(f"{tenant}-{number % 2}", f"hoarder-{tenant}"))
            for tenant in range(hoarders)
            for number in range(min(fairness.MOST_OF_TENANT, 2 * fairness.MOST_WAITING // hoarders))
        ]
        await asyncio.sleep(0.05)
        for _ in range(5):
            before = len(turns)
            await one("other", "other")
            met = turns[before : turns.index("other", before)]
            # One more may have had its turn between two rounds.
            assert max(map(met.count, met), default=0) <= 2
            assert len(met) <= hoarders + 1
        for task in crowd:
            task.cancel()
        await asyncio.gather(*crowd, return_exceptions=True)

    asyncio.run(asyncio.wait_for(test(), 60))


def test_a_tenant_that_fills_the_queue_gives_way_and_is_answered_429() -> None:
    async def test() -> None:
        async with fairness.turn_if_heavy(asked("first", 0), heavy=True):
            crowd = [
                asyncio.create_task(http.decode(asked(f"{tenant}-{number % 2}", 5_000, tenant), Large))
                for tenant in ("a", "b")
                for number in range(fairness.MOST_OF_TENANT)
            ]
            await asyncio.sleep(0.05)
            newcomers = [
                asyncio.create_task(http.decode(asked(f"other-{number}", 5_000), Large)) for number in range(20)
            ]
            await asyncio.sleep(0.05)
            refused = [task.exception() for task in crowd if task.done()]
            assert len(refused) == 20
            assert {problem.status for problem in refused if isinstance(problem, Problem)} == {429}
        await asyncio.gather(*newcomers)
        for task in crowd:
            task.cancel()
        await asyncio.gather(*crowd, return_exceptions=True)

    asyncio.run(asyncio.wait_for(test(), 60))


def test_callers_that_left_give_up_their_turns_before_any_work() -> None:
    async def test() -> None:
        worked = 0

        async def one(left: asyncio.Event) -> None:
            nonlocal worked
            made = asked("leaver", 0)

            async def receive() -> Message:
                await left.wait()
                return {"type": "http.disconnect"}

            made._receive = receive
            async with fairness.turn_if_heavy(made, heavy=True):
                worked += 1

        left = asyncio.Event()
        async with fairness.turn_if_heavy(asked("first", 0), heavy=True):
            waiting = [asyncio.create_task(one(left)) for _ in range(fairness.MOST_OF_CLIENT)]
            await until_waiting(len(waiting))
            left.set()
            ended = await asyncio.gather(*waiting, return_exceptions=True)
            # Those who left before they had to wait take no turn either.
            ended += await asyncio.gather(*(one(left) for _ in range(200)), return_exceptions=True)
            assert fairness._of_this_loop().waiting.number == 0
        await asyncio.sleep(0.01)
        ended += await asyncio.gather(*(one(left) for _ in range(200)), return_exceptions=True)
        assert {type(error) for error in ended} == {ClientDisconnect}
        assert worked == 0
        async with fairness.turn_if_heavy(asked("other", 0), heavy=True):
            pass

    asyncio.run(asyncio.wait_for(test(), 30))


def test_a_request_that_something_still_refers_to_holds_no_body_after_its_answer() -> None:
    async def test() -> None:
        asked = request(b'{"items":[1]}')
        await http.decode(asked, Large)
        assert asked.scope["state"]
        fairness.release_memory(asked.scope)
        assert not asked.scope["state"]

    asyncio.run(asyncio.wait_for(test(), 30))
