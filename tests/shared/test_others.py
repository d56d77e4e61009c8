"""Long work knows whether its process serves anyone beside it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from shared.web import others
from shared.web.others import Others
from tests.shared.asking import scope_of
from tests.support.waiting import PATIENCE


def run(test: Callable[[Others], Coroutine[Any, Any, None]]) -> None:
    async def within() -> None:
        await asyncio.wait_for(test(others.of_this_loop()), PATIENCE)

    asyncio.run(within())


def test_a_request_counts_while_it_is_under_way_and_a_moment_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(found: Others) -> None:
        assert not found.are_served()
        with found.counted(scope_of()):
            assert found.are_served()
        monkeypatch.setattr(others, "LATELY", PATIENCE)
        assert found.are_served()
        monkeypatch.setattr(others, "LATELY", 0)
        assert not found.are_served()

    run(test)


def test_a_request_that_fails_is_under_way_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(others, "LATELY", 0)

    async def test(found: Others) -> None:
        with pytest.raises(ValueError, match="fault"), found.counted(scope_of()):
            raise ValueError("fault")
        assert not found.are_served()

    run(test)


def test_long_work_is_no_other_neither_during_it_nor_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(others, "LATELY", PATIENCE)

    async def test(found: Others) -> None:
        long, short = scope_of(), scope_of()
        with found.counted(long):
            found.leave_out(long)
            assert not found.are_served()
            with found.counted(short):
                assert found.are_served()
            monkeypatch.setattr(others, "LATELY", 0)
            assert not found.are_served()

    run(test)


def test_each_loop_has_its_own() -> None:
    async def mine() -> Others:
        return others.of_this_loop()

    assert asyncio.run(mine()) is not asyncio.run(mine())
