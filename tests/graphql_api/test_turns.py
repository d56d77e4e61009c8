"""A document of many fragments, aliases or spaces takes no more of the loop than its plain form, and costly work waits for its turn."""

import json
import random
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

import httpx2
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.databases import Database
from services.graphql_api.acqi import report
from services.graphql_api.acqi.indicators import INDICATORS
from services.graphql_api.transport import documents, plans
from services.graphql_api.transport.documents import MAX_LENGTH, MAX_TOKENS
from services.graphql_api.transport.endpoints import LONG
from shared.primitives import ids
from shared.web import http
from shared.web.identity import HEADER
from tests.graphql_api.asking import Asking
from tests.graphql_api.test_measure_reports import PATH
from tests.graphql_api.test_projection import RANGE
from tests.graphql_api.test_telephony import provider, route
from tests.support.waiting import wait_for

FRAGMENT = """fragment f on AcqiMetric { name description definitionVersion value unit numerator denominator excluded unknown ci95Low
    ci95High p90 suppressed sparkline { periodStart numerator denominator value } }"""


def attack(ranges: list[str]) -> str:
    return (
        FRAGMENT + " query { " + " ".join(f"a{n}: acqiMetrics({one}) {{ ...f }}" for n, one in enumerate(ranges)) + " }"
    )


NESTED = "telephonyRoutes { id provider { id routes { id } } }"
ROUTES = f"{{ a: {NESTED} b: {NESTED} c: {NESTED} }}"


@pytest.fixture
def routed(ask: Asking) -> Asking:
    """A tenant with a route."""
    ask.grant("telephony-admin")
    route(ask, provider(ask)["id"], "+390551234567")
    return ask


def test_a_list_that_is_asked_for_three_times_is_the_same_each_time(routed: Asking) -> None:
    plain = routed.document(f"{{ {NESTED} }}")["data"]["telephonyRoutes"]
    assert plans.measure(documents.read(ROUTES)).cost > plans.HEAVY
    assert routed.document(ROUTES) == {"data": dict.fromkeys("abc", plain)}


MANY = 90
"""More than run at a time and wait, of one tenant."""
WAITING = "SELECT FROM pg_locks WHERE relation = %s::regclass AND NOT granted"
YEARS = {"from_date": "2017-01-02", "to_date": "2026-04-01"}
METRICS = '{ acqiMetrics(fromDate: "2017-01-02T00:00:00Z", toDate: "2026-04-01T00:00:00Z") { name value } }'


class Lock:
    """A table that nobody else can read until the lock is released."""

    def __init__(self, table: str, lock: psycopg.Connection[Any], watch: psycopg.Connection[Any]) -> None:
        self._table, self._lock, self._watch = table, lock, watch
        self.release = lock.rollback

    def wait(self) -> None:
        """Until somebody waits to read it."""
        wait_for(lambda: self._watch.execute(WAITING, (self._table,)).fetchone() is not None)


@contextmanager
def locked(database: Database, table: str) -> Iterator[Lock]:
    with psycopg.connect(database.admin) as lock, psycopg.connect(database.admin, autocommit=True) as watch:
        lock.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        try:
            yield Lock(table, lock, watch)
        finally:
            lock.rollback()


def of_another(asking: Asking, asked: dict[str, Any]) -> httpx2.Response:
    """The answer to another tenant, which comes soon."""
    header = asking.identity(tenant=asking.other_tenant, client_id=ids.new_id("app"))
    return asking.raw(json=asked, headers={HEADER: header}, timeout=5)


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
    """Another tenant sends a large body with a long document, and a question of much work meanwhile."""
    large: dict[str, Any] = {"query": "{ " + "no_such_field_of_ours " * 400 + "}", "variables": {"no": "x" * 60_000}}
    assert len(large["query"]) > LONG
    assert len(json.dumps(large)) > http.SMALL
    with ThreadPoolExecutor(1) as threads, locked(database, table) as lock:
        one = threads.submit(routed.raw, **request_of_one)
        lock.wait()
        (error,) = of_another(routed, large).json()["errors"]
        assert error["extensions"]["code"] == "OPERATION_NOT_APPROVED"
        answer = of_another(routed, {"query": ROUTES if table == "acqi_aggregates" else METRICS})
        assert "errors" not in answer.json()
        assert not one.done()
        lock.release()
        answer = one.result(20)
    assert answer.status_code == 200
    assert "errors" not in answer.json()


def test_a_flood_of_long_answers_is_refused_in_part_and_delays_nobody_else(routed: Asking, database: Database) -> None:
    """The one tenant's wait for the database, and so for each other."""
    with ThreadPoolExecutor(MANY) as threads, locked(database, "telephony_routes") as lock:
        flood = [threads.submit(routed.raw, json={"query": ROUTES}) for _ in range(MANY)]
        refused, waiting = wait(flood, 10, FIRST_COMPLETED)
        assert {(one.result().status_code, one.result().headers["retry-after"]) for one in refused} == {(429, "1")}
        answer = of_another(routed, {"query": METRICS})
        assert "errors" not in answer.json()
        lock.release()
        answers = [one.result(30) for one in waiting]
    assert {answer.status_code for answer in answers} <= {200, 429}
    assert sum(answer.status_code == 200 for answer in answers) > MANY / 2


def test_indicators_are_measured_by_their_number() -> None:
    assert plans.measure(documents.read(f"{{ acqiMetrics({RANGE}) {{ name }} }}")).cost == len(INDICATORS) // 2 * 2


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []
    original = report.metric
    monkeypatch.setattr(report, "metric", lambda *given: names.append(given[0].name) or original(*given))
    return names


def test_the_same_range_four_times_is_computed_once(ask: Asking, computed: list[str]) -> None:
    assert "errors" not in ask.document(attack([RANGE] * 4))
    assert len(computed) == len(set(computed)) == len(INDICATORS)


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
