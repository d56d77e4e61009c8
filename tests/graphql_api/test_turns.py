"""A document of many fragments, aliases or spaces takes no more of the loop than its plain form, and costly work waits for its turn."""

import asyncio
import random
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.graphql_api.acqi import report
from services.graphql_api.acqi.indicators import INDICATORS
from services.graphql_api.transport import documents, plans
from services.graphql_api.transport.documents import MAX_LENGTH, MAX_TOKENS
from shared.web import fairness
from tests.graphql_api.asking import Asking
from tests.graphql_api.test_projection import RANGE, answered

FRAGMENT = """fragment f on AcqiMetric { name description definitionVersion value unit numerator denominator excluded unknown ci95Low
    ci95High p90 suppressed sparkline { periodStart numerator denominator value } }"""


def attack(ranges: list[str]) -> str:
    return (
        FRAGMENT + " query { " + " ".join(f"a{n}: acqiMetrics({one}) {{ ...f }}" for n, one in enumerate(ranges)) + " }"
    )


def days(number: int) -> str:
    return f'fromDate: "2026-01-{number + 1:02d}T00:00:00Z", toDate: "2026-07-01T00:00:00Z"'


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """The turns that are taken, and whether each computation is beside the loop, in their order."""
    seen: list[tuple[str, bool]] = []

    @asynccontextmanager
    async def turn(request: Any, *, heavy: bool) -> AsyncIterator[None]:
        seen.append(("turn", heavy))
        yield
        seen.append(("end", heavy))

    original = report.metrics

    def metrics(*given: Any) -> Any:
        seen.append(("computed beside the loop", threading.current_thread() is not threading.main_thread()))
        return original(*given)

    monkeypatch.setattr(fairness, "turn_if_heavy", turn)
    monkeypatch.setattr(fairness, "aside", asyncio.to_thread)
    monkeypatch.setattr(report, "metrics", metrics)
    return seen


def test_many_different_ranges_are_computed_within_a_turn_beside_the_loop(work: list[tuple[str, bool]]) -> None:
    asyncio.run(answered(attack([days(number) for number in range(5)])))
    assert work == [("turn", True), *[("computed beside the loop", True)] * 5, ("end", True)]


def test_the_same_range_five_times_is_computed_once_and_waits_for_nobody(work: list[tuple[str, bool]]) -> None:
    asyncio.run(answered(attack([RANGE] * 5)))
    assert work == [("turn", False), ("computed beside the loop", False), ("end", False)]


def test_what_the_executor_shows_beside_indicators_takes_a_turn_where_it_is_much(work: list[tuple[str, bool]]) -> None:
    nested = "telephonyRoutes { provider { routes { id } } }"
    for text, heavy in ((f"{{ {nested} }}", False), (f"{{ a: {nested} b: {nested} c: {nested} }}", True)):
        document = documents.read(text)
        assert (plans.measure(document).cost > plans.HEAVY) == heavy
        work.clear()
        asyncio.run(answered(text))
        assert work == [("turn", heavy), ("end", heavy)]


def test_indicators_are_measured_by_their_number() -> None:
    assert plans.measure(documents.read(f"{{ acqiMetrics({RANGE}) {{ name }} }}")).cost == len(INDICATORS) // 2 * 2


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []
    original = report.metric
    monkeypatch.setattr(report, "metric", lambda *given: names.append(given[0].name) or original(*given))
    return names


def test_padding_misses_neither_the_plan_nor_the_answer(
    ask: Asking, computed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    original = documents.read
    monkeypatch.setattr(documents, "read", lambda text: read.append(text) or original(text))
    text = attack([RANGE] * 5)
    first = ask.raw(json={"query": text})
    assert first.status_code == 200
    computed.clear()
    for spaces in range(1, 20):
        padded = text.replace("{", "{" + " ,\n" * spaces, 3) + " " * spaces + "# nothing"
        assert ask.raw(json={"query": padded}).content == first.content
    assert computed == []
    assert len(read) == 1


def test_a_padded_question_without_the_scope_gets_no_kept_answer(ask: Asking) -> None:
    text = attack([RANGE])
    ask.document(text)
    (error,) = ask.document(text + " ", scopes=["argus:telephony:read"])["errors"]
    assert error["extensions"]["code"] == "FORBIDDEN"


TOKENS = [
    "a",
    "query",
    "fragment",
    "...",
    "{",
    "}",
    "(",
    ")",
    ":",
    "$",
    "1",
    "-1.5e3",
    '"a, # b"',
    '"""x\n  "y" # , \\""" z"""',
    '""',
    "[",
    "]",
    "!",
]
SPACES = [" ", "\t", ",", "\n", "\r\n", '# comment, "x\n', "\ufeff", "  ,, "]


@given(
    st.lists(st.tuples(st.sampled_from(TOKENS), st.lists(st.sampled_from(SPACES), min_size=1, max_size=3))),
    st.randoms(),
)
def test_spacing_between_tokens_makes_no_difference(parts: list[tuple[str, list[str]]], chance: random.Random) -> None:
    first = "".join(token + "".join(spaces) for token, spaces in parts)
    second = "".join(token + chance.choice(SPACES) for token, _ in parts)
    assert documents.condensed(first) == documents.condensed(second) == " ".join(token for token, _ in parts)


@pytest.mark.parametrize(
    "text", ['{ a(b: "c) }', '{ a(b: """c) }', '{ a } """"', "{ a } ?", "{ é ~ }", '{ a(b: "x\ny") }']
)
def test_a_text_that_is_no_list_of_tokens_stays_as_it_is(text: str) -> None:
    assert documents.condensed(text) == text


def test_a_text_without_end_is_left_to_the_parser() -> None:
    text = "{" * MAX_LENGTH
    assert documents.condensed(text) == text
    assert documents.condensed("{" * (MAX_TOKENS - 1)).count("{") == MAX_TOKENS - 1
