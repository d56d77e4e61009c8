"""Places: one group alone gets most of them, a newcomer finds one, groups take turns, and a flood waits behind itself."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.fairness.places import Crowded, Gone, Group, NoPlace, Places

HOG, SIBLING, OTHER = ("org_1", "app_1"), ("org_1", "app_2"), ("org_2", "app_3")
SHARES = (4, 8)


def run(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 30))


def fill(places: Places, path: Sequence[str]) -> list[Group]:
    """Takes as many places as the path can get."""
    taken: list[Group] = []
    while (place := places.take(path)) is not None:
        taken.append(place)
    places.tidy()
    return taken


def test_who_is_alone_gets_most_of_the_places_and_never_the_last() -> None:
    places = Places(256, shares=SHARES)
    assert 0.6 * 256 < len(fill(places, HOG)) < 0.8 * 256
    assert len(fill(places, SIBLING)) > 5
    assert len(fill(places, OTHER)) > 25


def test_of_a_small_number_one_organisation_leaves_places_to_others() -> None:
    for total in range(3, 20):
        places = Places(total, shares=(1.5, 4))
        assert 0 < len(fill(places, HOG)) < total, total
        assert fill(places, OTHER), total


def test_greedy_organisations_get_equal_shares_and_a_newcomer_finds_a_place() -> None:
    places = Places(256, shares=SHARES)
    got = Counter[str]()
    for _ in range(256):
        for number in range(10):
            if places.take((f"org_{number}", "app")) is not None:
                got[f"org_{number}"] += 1
    assert max(got.values()) - min(got.values()) <= 1
    assert min(got.values()) >= 20
    assert places.take(("newcomer", "app")) is not None


def test_an_organisation_with_many_apps_gets_no_more_than_an_organisation() -> None:
    places = Places(256, shares=SHARES)
    for number in range(300):
        fill(places, ("org_1", f"app_{number}"))
    assert places.largest() <= 205
    assert len(fill(places, OTHER)) > 25


def test_a_place_that_becomes_free_goes_to_each_group_that_waits_in_turn() -> None:
    async def story() -> None:
        places = Places(2)
        first, second = fill(places, HOG)
        order: list[str] = []

        async def ask(path: Sequence[str]) -> None:
            async with places.held(path, 10):
                order.append(path[1])
                await asyncio.sleep(0)

        waiting = [asyncio.create_task(ask(path)) for path in (HOG, HOG, HOG, SIBLING, OTHER)]
        while places.waiting < len(waiting):  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(0)
        places.leave(first)
        places.leave(second)
        await asyncio.gather(*waiting)
        assert order.index("app_3") <= 1
        assert order.index("app_2") <= 3
        places.tidy()
        assert (places.taken, places.waiting, places._root.groups) == (0, 0, {})

    run(story)


def test_in_a_full_queue_a_flood_displaces_itself_alone() -> None:
    async def story() -> None:
        places = Places(1, waiting=8)
        [place] = fill(places, HOG)
        flood = [places.waiter(HOG) for _ in range(8)]
        with pytest.raises(Crowded):
            places.waiter(HOG)
        newcomers = [places.waiter(path) for path in (SIBLING, OTHER, ("org_3", "app_4"))]
        for waiter in flood[:-4:-1]:
            with pytest.raises(NoPlace):
                await places.wait(waiter, 1)
        assert places.waiting == 8
        places.leave(place)
        order: list[str] = []
        left = [*flood[:5], *newcomers]
        while len(order) < len(left):
            for waiter in left:
                if waiter.future.done() and not waiter.future.exception() and waiter.group.name not in order[-1:]:
                    waiter.future = asyncio.get_running_loop().create_future()
                    order.append(waiter.group.name)
                    places.leave(waiter.group)
                    break
            else:
                break
        assert {"app_2", "app_3", "app_4"} <= set(order[:5])

    run(story)


def test_a_wait_ends_in_time_and_with_the_client() -> None:
    async def story() -> None:
        places = Places(1)
        [place] = fill(places, HOG)
        with pytest.raises(Crowded):
            await places.enter(HOG, 0.01)
        with pytest.raises(NoPlace) as refused:
            await places.enter(OTHER, 0.01)
        assert not isinstance(refused.value, Crowded)

        async def leaves() -> None:
            await asyncio.sleep(0.01)

        with pytest.raises(Gone):
            await places.enter(OTHER, 10, leaves)
        cancelled = asyncio.create_task(places.enter(OTHER, 10))
        await asyncio.sleep(0)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        places.leave(place)
        places.tidy()
        assert (places.taken, places.waiting, places._root.groups) == (0, 0, {})

    run(story)


MOVES = st.lists(st.tuples(st.sampled_from("tlwgc"), st.integers(0, 3), st.integers(0, 3)), max_size=80)


@settings(deadline=None)
@given(st.integers(1, 12), st.sampled_from([(), (1.5, 4), (4, 8)]), st.integers(1, 20), MOVES)
def test_no_place_is_ever_lost_or_given_twice(
    total: int, shares: tuple[float, ...], room: int, moves: list[tuple[str, int, int]]
) -> None:
    async def story() -> None:
        places = Places(total, shares=shares, waiting=room)
        mine: list[Group] = []
        tasks: list[asyncio.Task[None]] = []

        async def wait(path: Sequence[str]) -> None:
            try:
                mine.append(await places.enter(path, 5))
            except NoPlace:
                return

        for move, tenant, client in moves:
            path = (f"org_{tenant}", f"app_{client}")
            if move == "t" and (place := places.take(path)) is not None:
                mine.append(place)
            elif move == "l" and mine:
                places.leave(mine.pop(client % len(mine)))
            elif move == "w":
                tasks.append(asyncio.create_task(wait(path)))
            elif move == "g":
                places.tidy()
            elif move == "c" and tasks:
                tasks.pop(client % len(tasks)).cancel()
            await asyncio.sleep(0)
            assert places.taken == len(mine) <= total
            assert places.waiting <= room
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for place in list(mine):
            places.leave(place)
        places.tidy()
        assert (places.taken, places.waiting, places._root.groups) == (0, 0, {})

    run(story)
