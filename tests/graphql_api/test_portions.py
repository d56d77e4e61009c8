"""A long list of objects holds the loop for a portion at a time, with the executor's own answer, and loads as much together as before."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from inspect import isawaitable
from types import SimpleNamespace
from typing import Any

import pytest
from graphql import (
    GraphQLField,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    execute,
    parse,
)
from graphql.execution.executor import Executor

from services.graphql_api import passage
from services.graphql_api.context import Loader
from services.graphql_api.passage import Passage, PortionedExecutor
from services.graphql_api.transport.plans import PortionedExecutor as InUse
from shared.web import problems

NUMBER = 60
DOCUMENT = parse("{ rows { id owner { id } parts { id owner { id } } } again: rows { id broken } }")


class Operation(SimpleNamespace):
    """The context of one operation: each batch of keys that was loaded, and the number of rounds of the loop until the answer."""

    def __init__(self) -> None:
        super().__init__(passage=Passage(), batches=[], rounds=0, turns=[])
        self.loader = Loader(self._load, self.passage)

    async def _load(self, keys: Sequence[Any]) -> Mapping[Any, Any]:
        self.batches.append(sorted(keys))
        await asyncio.sleep(0)
        return {key: {"id": key} for key in keys}


class Watched(dict[str, Any]):
    """A loaded row that notes whether it is shown in a turn."""

    def __init__(self, operation: Operation, seen: set[bool], row: dict[str, Any]) -> None:
        super().__init__(row)
        self._about = operation, seen

    def get(self, key: str, default: Any = None) -> Any:
        operation, seen = self._about
        seen.add(operation.turns[-1:] == ["begin"])
        return super().get(key, default)


def schema() -> GraphQLSchema:
    owner = GraphQLObjectType("Owner", {"id": GraphQLField(GraphQLInt)})
    owned = GraphQLField(owner, resolve=lambda row, info: info.context.loader.get(row["id"]))
    part = GraphQLObjectType("Part", {"id": GraphQLField(GraphQLInt), "owner": owned})
    row = GraphQLObjectType(
        "Row",
        {
            "id": GraphQLField(GraphQLInt),
            "owner": owned,
            "parts": GraphQLField(
                GraphQLList(part), resolve=lambda row, _: [{"id": 1000 + row["id"]}, {"id": 2000 + row["id"]}]
            ),
            "broken": GraphQLField(
                GraphQLNonNull(GraphQLInt), resolve=lambda row, _: 1 // (row["id"] % 7) if row else 0
            ),
        },
    )
    rows = GraphQLField(GraphQLList(row), resolve=lambda *_: [{"id": number} for number in range(NUMBER)])
    return GraphQLSchema(GraphQLObjectType("Query", {"rows": rows}))


async def executed(kind: type[Executor[Any]]) -> tuple[Any, Operation]:
    operation = Operation()

    async def others() -> None:
        while True:
            operation.rounds += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(others())
    await asyncio.sleep(0)
    running: Any = execute(schema(), DOCUMENT, context_value=operation, executor_class=kind)
    result = await running if isawaitable(running) else running
    counting.cancel()
    errors = sorted((str(error.path), error.message) for error in result.errors or [])
    return (result.data, errors), operation


def test_the_answer_is_the_executors_own(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, _ = asyncio.run(executed(Executor))
    assert len(plain[1]) == len([number for number in range(NUMBER) if number % 7 == 0])
    for portion in (0.0, 0.0001, 1000.0):
        monkeypatch.setattr(passage, "PORTION", portion)
        assert asyncio.run(executed(PortionedExecutor))[0] == plain


def test_others_have_the_loop_between_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the smallest portion each further row has a round of the loop of its own; without portions there are few rounds in all."""
    _, plain = asyncio.run(executed(Executor))
    monkeypatch.setattr(passage, "PORTION", 0.0)
    _, portioned = asyncio.run(executed(PortionedExecutor))
    assert plain.rounds < NUMBER / 2
    assert portioned.rounds >= 2 * (NUMBER - 1)


def test_a_short_answer_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passage, "PORTION", 1000.0)
    _, plain = asyncio.run(executed(Executor))
    _, portioned = asyncio.run(executed(PortionedExecutor))
    assert portioned.rounds <= plain.rounds + 2


def test_rows_in_portions_are_loaded_together_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    _, plain = asyncio.run(executed(Executor))
    monkeypatch.setattr(passage, "PORTION", 0.0)
    _, portioned = asyncio.run(executed(PortionedExecutor))
    assert sorted(key for batch in portioned.batches for key in batch) == sorted(
        key for batch in plain.batches for key in batch
    )
    assert len(portioned.batches) == len(plain.batches) == 1


def test_an_operation_that_is_cancelled_leaves_no_object_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passage, "PORTION", 0.0)

    async def cancelled() -> int:
        operation = Operation()
        running: Any = execute(schema(), DOCUMENT, context_value=operation, executor_class=PortionedExecutor)
        task = asyncio.ensure_future(running)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.wait_for(operation.passage.clear(), 10)
        return len(operation.passage._waiting)

    assert asyncio.run(cancelled()) == 0


def with_turns(operation: Operation, *faults: Exception | None) -> None:
    """Rows are shown in turns. The first ones fail with these."""
    left = list(faults)

    @asynccontextmanager
    async def turn() -> AsyncIterator[None]:
        await asyncio.sleep(0)
        if left and (fault := left.pop(0)):
            raise fault
        operation.turns.append("begin")
        yield
        operation.turns.append("end")

    operation.passage = Passage(turn)
    operation.loader = Loader(operation._load, operation.passage)


async def shown_in_turns(*faults: Exception | None) -> tuple[Any, Operation]:
    operation = Operation()
    with_turns(operation, *faults)
    running: Any = execute(schema(), DOCUMENT, context_value=operation, executor_class=PortionedExecutor)
    return await running, operation


@pytest.mark.parametrize("portion", [0.0, 1000.0])
def test_rows_and_loaded_values_are_shown_in_turns_and_loaded_outside_of_them(
    monkeypatch: pytest.MonkeyPatch, portion: float
) -> None:
    monkeypatch.setattr(passage, "PORTION", portion)
    in_turns: dict[str, set[bool]] = {"loaded": set(), "shown": set()}
    load = Operation._load

    async def loading(self: Operation, keys: Sequence[Any]) -> Mapping[Any, Any]:
        found = await load(self, keys)
        in_turns["loaded"].add(self.turns[-1:] == ["begin"])
        return {key: Watched(self, in_turns["shown"], value) for key, value in found.items()}

    monkeypatch.setattr(Operation, "_load", loading)
    plain, _ = asyncio.run(executed(Executor))
    in_turns["loaded"].clear()
    in_turns["shown"].clear()
    result, operation = asyncio.run(shown_in_turns())
    assert result.data == plain[0]
    assert in_turns == {"loaded": {False}, "shown": {True}}
    assert operation.turns == ["begin", "end"] * 2


def test_an_admitted_answer_waits_where_the_line_is_full_and_another_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(passage, "PAUSE", 0.0)
    plain, _ = asyncio.run(executed(Executor))
    result, operation = asyncio.run(shown_in_turns(None, problems.too_many("wait"), problems.too_many("wait")))
    assert (result.data, operation.passage.refused) == (plain[0], None)
    refusal = problems.too_many("wait")
    _, operation = asyncio.run(shown_in_turns(refusal))
    assert operation.passage.refused is refusal
    assert operation.turns == []


def test_the_transport_uses_it() -> None:
    assert InUse is PortionedExecutor
