"""A document of many fragments, aliases or spaces takes no more of the loop than its plain form, and costly work waits for its turn."""

import asyncio
import random
import threading
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.databases import Database
from services.graphql_api.acqi import report
from services.graphql_api.acqi.cache import Cases, Period, Snapshot, size_of
from services.graphql_api.acqi.indicators import INDICATORS
from services.graphql_api.telephony.models import ROW_BYTES
from services.graphql_api.transport import documents, plans
from services.graphql_api.transport.documents import MAX_LENGTH, MAX_TOKENS
from services.graphql_api.transport.endpoints import LONG
from shared.primitives import ids
from shared.web import fairness, problems
from shared.web.identity import HEADER
from tests.graphql_api.asking import Asking
from tests.graphql_api.test_measure_reports import PATH
from tests.graphql_api.test_projection import RANGE, answered
from tests.graphql_api.test_telephony import provider, route

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
    """The turns and the memory that are taken, and whether each computation is beside the loop, in their order."""
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
    monkeypatch.setattr(fairness, "reserve_memory", lambda *_: seen.append(("memory", True)))
    return seen


def test_many_different_ranges_are_computed_within_a_turn_beside_the_loop(work: list[tuple[str, bool]]) -> None:
    asyncio.run(answered(attack([days(number) for number in range(5)])))
    assert work == [("memory", True), ("turn", True), *[("computed beside the loop", True)] * 5, ("end", True)]


def test_the_same_range_five_times_is_computed_once_and_waits_for_nobody(work: list[tuple[str, bool]]) -> None:
    asyncio.run(answered(attack([RANGE] * 5)))
    assert work == [("turn", False), ("computed beside the loop", False), ("end", False)]


NESTED = "telephonyRoutes { id provider { id routes { id } } }"
ROUTES = f"{{ a: {NESTED} b: {NESTED} c: {NESTED} }}"


@pytest.fixture
def routed(ask: Asking) -> Asking:
    """A tenant with a route."""
    ask.grant("telephony-admin")
    route(ask, provider(ask)["id"], "+390551234567")
    return ask


def test_what_the_executor_shows_beside_indicators_takes_turns_where_it_is_much(
    routed: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    original = fairness.turn_if_heavy

    def turn(request: Any, *, heavy: bool) -> Any:
        seen.append(heavy)
        return original(request, heavy=heavy)

    monkeypatch.setattr(fairness, "turn_if_heavy", turn)
    plain = routed.document(f"{{ {NESTED} }}")["data"]["telephonyRoutes"]
    assert not any(seen)
    assert plans.measure(documents.read(ROUTES)).cost > plans.HEAVY
    assert routed.document(ROUTES) == {"data": dict.fromkeys("abc", plain)}
    assert sum(seen) >= 3  # the routes, their providers, and the routes of these


def test_rows_that_wait_for_a_turn_reserve_their_memory(routed: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    monkeypatch.setattr(fairness, "reserve_memory", lambda _, size, *__: sizes.append(size))
    routed.document(f"{{ {NESTED} }}")
    assert sizes.count(ROW_BYTES) == 0
    routed.document(ROUTES)
    assert sizes.count(ROW_BYTES) >= 5  # the routes three times, their providers, and the routes of these


def test_ranges_that_share_their_periods_reserve_them_once() -> None:
    one, other = Period("month", date(2026, 1, 1)), Period("month", date(2026, 2, 1))
    cases = {one: Cases(size=1000), other: Cases(size=500)}
    first, second = (Snapshot(1, False, periods) for periods in (cases, cases | {}))
    assert size_of([(first, [one]), (second, [one, other]), (second, [other])]) == 1500


def test_where_the_line_is_full_many_rows_are_refused_as_a_whole(
    routed: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def turn(request: Any, *, heavy: bool) -> AsyncIterator[None]:
        if heavy:
            raise problems.too_many("wait")
        yield

    monkeypatch.setattr(fairness, "turn_if_heavy", turn)
    assert routed.raw(json={"query": ROUTES}).status_code == 429


WAITING = "SELECT FROM pg_locks WHERE relation = %s::regclass AND NOT granted"
YEARS = {"from_date": "2017-01-02", "to_date": "2026-04-01"}
METRICS = '{ acqiMetrics(fromDate: "2017-01-02T00:00:00Z", toDate: "2026-04-01T00:00:00Z") { name value } }'


@pytest.mark.parametrize(
    ("table", "request_of_one"),
    [
        ("acqi_aggregates", {"json": {"query": METRICS}}),
        ("acqi_aggregates", {"method": "GET", "path": PATH, "params": YEARS}),
        ("telephony_routes", {"json": {"query": ROUTES}}),
        ("telephony_providers", {"json": {"query": ROUTES}}),
    ],
)
def test_a_tenant_that_waits_for_the_database_holds_no_turn_that_others_need(
    routed: Asking, database: Database, table: str, request_of_one: dict[str, Any]
) -> None:
    """Another tenant sends a large body with a long document meanwhile."""
    large = {"query": "{ " + "no_such_field_of_ours " * 400 + "}"}
    other = {HEADER: routed.identity(tenant=routed.other_tenant, client_id=ids.new_id("app"))}
    assert len(large["query"]) > max(fairness.LARGE_BODY, LONG)
    with (
        ThreadPoolExecutor(1) as threads,
        psycopg.connect(database.admin) as lock,
        psycopg.connect(database.admin, autocommit=True) as watch,
    ):
        lock.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        one = threads.submit(routed.raw, **request_of_one)
        try:
            until = time.monotonic() + 10
            while watch.execute(WAITING, (table,)).fetchone() is None:
                assert time.monotonic() < until
                time.sleep(0.01)
            answer = routed.raw(json=large, headers=other, timeout=5)
            assert answer.json()["errors"][0]["extensions"]["code"] == "OPERATION_NOT_APPROVED"
            assert not one.done()
        finally:
            lock.rollback()
        answer = one.result(20)
    assert answer.status_code == 200
    assert "errors" not in answer.json()


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
