"""A projection gives the executor's answer byte for byte, with any fragments and conditions, and computes each thing once."""

import asyncio
import json
import random
from collections.abc import Iterator
from inspect import isawaitable
from typing import Any

import pytest
from graphql import Lexer, Source, TokenKind, execute, validate
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from services.graphql_api import schema
from services.graphql_api.acqi import report
from services.graphql_api.acqi.cache import Cases, Period, Snapshot, pack, unpack
from services.graphql_api.acqi.indicators import INDICATORS
from services.graphql_api.context import RequestContext
from services.graphql_api.transport import documents, plans
from services.graphql_api.transport.documents import Catalogue
from services.graphql_api.transport.plans import Planner
from shared.web import http

SCHEMA = schema.build()
PLANNER = Planner(SCHEMA, Catalogue([]))
FIELDS = [
    "name",
    "description",
    "definitionVersion",
    "value",
    "unit",
    "numerator",
    "denominator",
    "excluded",
    "unknown",
    "ci95Low",
    "ci95High",
    "p90",
    "mean",
    "suppressed",
    "__typename",
]
POINT = ["periodStart", "numerator", "denominator", "value", "__typename"]
RANGE = 'fromDate: "2026-03-25T00:00:00Z", toDate: "2026-05-03T00:00:00Z"'
# A range that is answered where small counts are withheld.
MONTHS = 'fromDate: "2025-02-01T00:00:00Z", toDate: "2025-07-01T00:00:00Z"'


class Tenant(RequestContext):
    """A context whose tenant has these aggregates in every period."""

    tenant_id = "org_a"

    def __init__(self, suppress: bool) -> None:
        self.suppress, self.loaders, self.scope = suppress, {}, {}
        self.caller = self.request = self.state = self.answers = self.versions = self.snapshots = self

    def require(self, scope: str) -> Any:
        return self

    async def is_disconnected(self) -> bool:
        return False

    def require_tenant(self, tenant_id: str | None) -> None:
        return None

    def transaction(self) -> Any:
        raise AssertionError("nothing is to be read")

    async def current(self, tenant_id: str) -> int:
        return 1

    async def get(self, transaction: Any, tenant_id: str, version: int, periods: list[Period]) -> Snapshot:
        rows = {period: Cases() for period in periods}
        for period, cases in rows.items():
            chance = random.Random(str(period))
            for one in INDICATORS:
                bins = [chance.randrange(4) for _ in range(40)] if one.unit == "min" else []
                cases.put(one.name, [chance.randrange(4) for _ in range(4)], bins)
        return Snapshot(1, self.suppress, rows)


def keyed(names: list[str]) -> st.SearchStrategy[list[str]]:
    field = st.sampled_from(names)
    aliased = st.tuples(st.sampled_from("abcdef"), field).map(lambda pair: f"{pair[0]}: {pair[1]}")
    return st.lists(field | aliased, min_size=1, max_size=6, unique_by=lambda text: text.split(":")[0])


async def answered(text: str, suppress: bool = False, given: dict[str, Any] | None = None) -> bytes:
    """As a client gets it."""
    context: Any = Tenant(suppress)
    document = documents.read(text)
    assert validate(SCHEMA, document.ast) == []
    return http.encode(await plans.run(SCHEMA, PLANNER._planned("any", document, None), given or {}, context))


async def executed(text: str, suppress: bool = False, given: dict[str, Any] | None = None) -> bytes:
    """As graphql-core alone answers."""
    context: Any = Tenant(suppress)
    running: Any = execute(SCHEMA, documents.read(text).ast, context_value=context, variable_values=given)
    result = await running if isawaitable(running) else running
    return http.encode({"data": result.data})


@settings(max_examples=40)
@given(keyed(FIELDS), st.none() | keyed(POINT), st.booleans())
def test_the_short_cut_answers_as_the_executor_answers(
    metric: list[str], trend: list[str] | None, suppress: bool
) -> None:
    inside = " ".join(metric) + (f" sparkline {{ {' '.join(trend)} }}" if trend else "")
    asked = MONTHS if suppress else RANGE
    text = f"{{ mine: acqiMetrics({asked}) {{ {inside} }} acqiMetrics({asked}) {{ name }} }}"
    assert asyncio.run(answered(text, suppress)) == asyncio.run(executed(text, suppress))


CONDITIONS = ["", " @include(if: $yes)", " @skip(if: $no)", " @include(if: true)", " @skip(if: false)"]
NEVER = [" @include(if: $no)", " @skip(if: $yes)", " @include(if: false)"]


class Written:
    """A selection in two ways: `plain` fields alone, and `wrapped` in fragments of every kind; `fragments` are the named ones."""

    def __init__(self) -> None:
        self.fragments: list[str] = []

    def wrap(self, fields: list[str], kind: str, draw: st.DrawFn, depth: int = 0) -> str:
        """The same fields: some as they are, the others in nested fragments, with conditions that hold, beside some that do not."""
        if not fields:
            return ""
        cut = draw(st.integers(0, len(fields)))
        parts = [" ".join(fields[:cut])]
        inner = self.wrap(fields[cut:], kind, draw, depth + 1) if depth < 3 else " ".join(fields[cut:])
        condition = draw(st.sampled_from(CONDITIONS))
        way = draw(st.sampled_from(["plain", "inline", "typed", "named"]))
        if not inner or way == "plain":
            parts.append(inner)
        elif way == "named":
            name = f"F{len(self.fragments)}"
            self.fragments.append(f"fragment {name} on {kind} {{ {inner} }}")
            parts.append(f"...{name}{condition}" + draw(st.sampled_from(["", f" ...{name}"])))
        else:
            parts.append(f"...{f' on {kind}' if way == 'typed' else ''}{condition} {{ {inner} }}")
        if draw(st.booleans()):
            parts.append(f"...{draw(st.sampled_from(NEVER))} {{ never: __typename }}")
        return " ".join(parts)


@st.composite
def twice(draw: st.DrawFn) -> tuple[str, str]:
    """(with fragments, without them): two documents that select the same."""
    written = Written()
    head = "query($yes: Boolean!, $no: Boolean!) "
    plain: list[str] = []
    wrapped: list[str] = []
    for number in range(draw(st.integers(1, 4))):
        metric, trend = draw(keyed(FIELDS)), draw(st.none() | keyed(POINT))
        asked = draw(st.sampled_from([RANGE, RANGE, f'{MONTHS}, names: ["{INDICATORS[3].name}"]']))
        points = [f"sparkline {{ {' '.join(trend)} }}"] if trend else []
        folded = [f"sparkline {{ {written.wrap(trend, 'AcqiPoint', draw)} }}"] if trend else []
        plain.append(f"a{number}: acqiMetrics({asked}) {{ {' '.join(metric + points)} }}")
        wrapped.append(f"a{number}: acqiMetrics({asked}) {{ {written.wrap(metric + folded, 'AcqiMetric', draw)} }}")
    # A document declares no variable that it does not use.
    used = "...@include(if: $yes) @skip(if: $no) { __typename } "
    roots = written.wrap(wrapped, "Query", draw)
    return f"{head}{{ {used}{roots} }} {' '.join(written.fragments)}", f"{head}{{ {used}{' '.join(plain)} }}"


@pytest.fixture(scope="module")
def computed() -> Iterator[list[str]]:
    """The names of all indicators that are computed."""
    names: list[str] = []
    original = report.metric
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "metric", lambda *given: names.append(given[0].name) or original(*given))
        yield names


def tokens(text: str) -> int:
    lexer = Lexer(Source(text))
    return sum(1 for _ in iter(lambda: lexer.advance().kind, TokenKind.EOF))


@settings(
    max_examples=30,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(twice())
def test_fragments_change_neither_the_answer_nor_the_number_of_computed_indicators(
    computed: list[str], texts: tuple[str, str]
) -> None:
    assume(all(tokens(text) <= documents.MAX_TOKENS for text in texts))
    given = {"yes": True, "no": False}
    found: list[tuple[bytes, list[str]]] = []
    for text in texts:
        computed.clear()
        found.append((asyncio.run(answered(text, given=given)), list(computed)))
    assert found[0] == found[1]
    assert found[0][0] == asyncio.run(executed(texts[0], given=given))
    assert found[0][0] == asyncio.run(executed(texts[1], given=given))


def test_aliases_that_ask_for_the_same_are_computed_once(computed: list[str]) -> None:
    fields = ["name", "value", "name sparkline { value }", "...F", "... { name }"]
    aliases = " ".join(f"a{n}: acqiMetrics({RANGE}) {{ {fields[n % 5]} }}" for n in range(15))
    text = f"{{ {aliases} }} fragment F on AcqiMetric {{ value p90 }}"
    computed.clear()
    assert asyncio.run(answered(text)) == asyncio.run(executed(text))
    once = len(INDICATORS)
    assert len(computed) == once + 15 * once  # ours, then the executor's


def test_only_the_named_indicators_are_computed(computed: list[str]) -> None:
    computed.clear()
    asyncio.run(answered(f'{{ acqiMetrics({RANGE}, names: ["{INDICATORS[3].name}"]) {{ ... {{ value }} }} }}'))
    assert computed == [INDICATORS[3].name]


@pytest.mark.parametrize(
    "text",
    [
        f"{{ __typename a: acqiMetrics({RANGE}) {{ ...F }} }} fragment F on AcqiMetric {{ value sparkline {{ value }} }}",
        f"{{ a: acqiMetrics({RANGE}) {{ name name @skip(if: true) value @skip(if: true) }} t: __typename }}",
        f"{{ a: acqiMetrics({RANGE}) {{ sparkline {{ value }} ... {{ sparkline {{ numerator }} }} }} }}",
        f"{{ ...Q b: acqiMetrics({RANGE}) @skip(if: true) {{ name }} }} fragment Q on Query {{ acqiMetrics({RANGE}) {{ name }} }}",
        f"{{ ... @include(if: false) {{ acqiMetrics({RANGE}) {{ name }} }} }}",
        "{ __typename ... { __typename } }",
    ],
)
def test_other_roots_repeated_fields_and_absent_ones_are_answered_as_by_the_executor(text: str) -> None:
    assert asyncio.run(answered(text)) == asyncio.run(executed(text))


def test_an_argument_that_does_not_fit_takes_no_other_field_past_the_short_cut(computed: list[str]) -> None:
    wrong = "wrong: acqiMetrics(fromDate: $no, toDate: $no) { name }"
    aliases = " ".join(f"a{n}: acqiMetrics({RANGE}) {{ name }}" for n in range(10))
    computed.clear()
    head = 'query($no: DateTime = "2026-03-05T00:00:00Z") '
    answer = json.loads(asyncio.run(answered(f"{head}{{ {wrong} {aliases} }}", given={"no": None})))
    assert answer["data"]["wrong"] is None
    assert [error["path"] for error in answer["errors"]] == [["wrong"]]
    assert len(computed) == len(INDICATORS)


@given(st.lists(st.lists(st.integers(0, 10**6), min_size=4, max_size=40), min_size=1, max_size=40))
def test_packed_counts_add_up_number_by_number(rows: list[list[int]]) -> None:
    length = max(map(len, rows))
    wanted = [sum(row[place] for row in rows if place < len(row)) for place in range(length)]
    while len(wanted) > 4 and wanted[-1] == 0:
        wanted.pop()
    assert list(unpack(sum(pack(row) for row in rows), 4)) == wanted
