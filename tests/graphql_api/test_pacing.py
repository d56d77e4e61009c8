"""A large document leaves the event loop to others between the items of its lists."""

import asyncio
import itertools
from typing import Any
from unittest.mock import Mock

import pytest
from graphql import build_schema, execute, parse

from services.graphql_api.transport import pacing
from services.graphql_api.transport.pacing import PacedExecutor

SCHEMA = build_schema("type Row { name: String!, more: [Row!] } type Query { rows: [Row!]!, broken: [Row!] }")
ROWS = [{"name": str(number), "more": [{"name": f"{number}.{one}"} for one in range(12)]} for number in range(40)]
DOCUMENT = parse("{ rows { name more { name } } again: rows { name } broken { name } }")


class Root:
    async def rows(self, _: Any) -> list[Any]:
        return ROWS

    def broken(self, _: Any) -> list[Any]:
        return [*ROWS[:20], {"name": None}]


async def executed(**named: Any) -> tuple[Any, int]:
    """The result, and in how many turns of the loop others ran meanwhile."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(others())
    result: Any = execute(SCHEMA, DOCUMENT, root_value=Root(), **named)
    if asyncio.iscoroutine(result):
        result = await result
    beside.cancel()
    return result, turns


def test_others_run_between_the_items_and_the_answer_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that goes on by a second whenever it is asked."""
    plain, few = asyncio.run(executed())
    seconds = itertools.count()
    monkeypatch.setattr(pacing, "time", Mock(monotonic=lambda: next(seconds)))
    monkeypatch.setattr(pacing, "SECONDS", 1)
    paced, many = asyncio.run(executed(executor_class=PacedExecutor))
    assert paced.data == plain.data
    assert [error.message for error in paced.errors] == [error.message for error in plain.errors]
    assert few < 10
    assert many > len(ROWS)
