"""A projection gives the executor's answer byte for byte. Other documents have none, and are executed."""

import asyncio
import random
from typing import Any

import pytest
from graphql import execute
from hypothesis import given, settings
from hypothesis import strategies as st

from services.graphql_api import schema
from services.graphql_api.acqi import resolvers
from services.graphql_api.acqi.cache import Cases, Period, Snapshot, pack, unpack
from services.graphql_api.acqi.indicators import INDICATORS
from services.graphql_api.transport import documents
from shared.web import http

SCHEMA = schema.build()
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
    "suppressed",
    "__typename",
]
POINT = ["periodStart", "numerator", "denominator", "value", "__typename"]
RANGE = 'fromDate: "2026-03-05T00:00:00Z", toDate: "2026-05-03T00:00:00Z"'
# A range that is answered where small counts are withheld.
MONTHS = 'fromDate: "2025-02-01T00:00:00Z", toDate: "2025-07-01T00:00:00Z"'


class Tenant:
    """A context whose tenant has these aggregates in every period."""

    tenant_id = "org_a"

    def __init__(self, suppress: bool) -> None:
        self.suppress = suppress
        self.caller = self.request = self.state = self.answers = self.versions = self.snapshots = self

    def require(self, scope: str) -> Any:
        return self

    def require_tenant(self, tenant_id: str | None) -> None:
        return None

    def transaction(self) -> None:
        raise AssertionError("nothing is to be read")

    async def current(self, tenant_id: str) -> int:
        return 1

    async def get(self, transaction: Any, tenant_id: str, version: int, periods: list[Period]) -> Snapshot:
        chance = random.Random(5)
        rows = {period: Cases() for period in sorted(set(periods))}
        for cases in rows.values():
            for one in INDICATORS:
                bins = [chance.randrange(4) for _ in range(40)] if one.unit == "min" else []
                cases.put(one.name, [chance.randrange(4) for _ in range(4)], bins)
        return Snapshot(1, self.suppress, rows)


def keyed(names: list[str]) -> st.SearchStrategy[list[str]]:
    field = st.sampled_from(names)
    aliased = st.tuples(st.sampled_from("abcdef"), field).map(lambda pair: f"{pair[0]}: {pair[1]}")
    return st.lists(field | aliased, min_size=1, max_size=6, unique_by=lambda text: text.split(":")[0])


@settings(max_examples=40)
@given(keyed(FIELDS), st.none() | keyed(POINT), st.booleans())
def test_the_short_cut_answers_what_the_executor_answers(
    metric: list[str], trend: list[str] | None, suppress: bool
) -> None:
    inside = " ".join(metric) + (f" sparkline {{ {' '.join(trend)} }}" if trend else "")
    asked = MONTHS if suppress else RANGE
    document = documents.read(f"{{ mine: acqiMetrics({asked}) {{ {inside} }} acqiMetrics({asked}) {{ name }} }}")
    short = resolvers.projection_of(SCHEMA, document)
    assert short is not None

    async def both() -> tuple[Any, Any]:
        context: Any = Tenant(suppress)
        running: Any = execute(SCHEMA, document.ast, context_value=context)
        return await resolvers.project(SCHEMA, document, short, {}, context), {"data": (await running).data}

    answered, wanted = asyncio.run(both())
    assert http.encode(answered) == http.encode(wanted)


@pytest.mark.parametrize(
    "text",
    [
        f"{{ acqiMetrics({RANGE}) {{ ...F }} }} fragment F on AcqiMetric {{ name }}",
        f"{{ acqiMetrics({RANGE}) {{ ... {{ name }} }} }}",
        f"{{ ... {{ acqiMetrics({RANGE}) {{ name }} }} }}",
        f"{{ acqiMetrics({RANGE}) {{ name name }} }}",
        f"{{ acqiMetrics({RANGE}) {{ name @skip(if: true) value }} }}",
        f"{{ acqiMetrics({RANGE}) @include(if: true) {{ name }} }}",
        f"{{ acqiMetrics({RANGE}) {{ sparkline {{ value }} sparkline {{ numerator }} }} }}",
        f"{{ acqiMetrics({RANGE}) {{ name }} telephonyProviders {{ id }} }}",
        "{ telephonyProviders { id } }",
    ],
)
def test_what_it_does_not_cover_is_left_to_the_executor(text: str) -> None:
    assert resolvers.projection_of(SCHEMA, documents.read(text)) is None


@given(st.lists(st.lists(st.integers(0, 10**6), min_size=4, max_size=40), min_size=1, max_size=40))
def test_packed_counts_add_up_number_by_number(rows: list[list[int]]) -> None:
    length = max(map(len, rows))
    wanted = [sum(row[place] for row in rows if place < len(row)) for place in range(length)]
    while len(wanted) > 4 and wanted[-1] == 0:
        wanted.pop()
    assert list(unpack(sum(pack(row) for row in rows), 4)) == wanted
