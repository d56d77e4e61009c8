"""The limits of a document, measured before its validation."""

import pytest

from services.graphql_api.transport import documents, plans
from services.graphql_api.transport.plans import Extent, LimitExceeded
from tests.graphql_api.asking import Asking


def measured(text: str) -> Extent:
    return plans.measure(documents.read(text))


def test_depth_is_counted_through_fragments() -> None:
    assert measured("{ a }").depth == 1
    assert measured("{ a { b { c } } d }").depth == 3
    assert measured("{ a { ...F ... on T { x } } } fragment F on T { b { c } }").depth == 3


def test_aliases_are_counted_wherever_a_fragment_is_used() -> None:
    assert measured("{ x: a y: a z }").aliases == 2
    assert measured("{ a { ...F } b { ...F } } fragment F on T { x: c y: c }").aliases == 4


def test_cost_multiplies_down_the_lists() -> None:
    assert measured("{ a b { c } }").cost == 3
    assert measured("{ incidents(first: 10) { nodes { id timeline { at } } } }").cost == 10 * (1 + (1 + 1 + 10 * 2))
    assert measured("query($n: Int!) { incidents(first: $n) { nodes { id } } }").cost == 100 * 3
    assert measured("{ incidents { nodes { id } } }").cost == 50 * 3


def test_fragments_that_go_round_in_circles_are_refused() -> None:
    with pytest.raises(LimitExceeded):
        measured("{ ...A } fragment A on T { ...B } fragment B on T { a { ...A } }")


def test_fragments_that_double_again_and_again_are_measured_at_once() -> None:
    fragments = " ".join(f"fragment F{n} on T {{ ...F{n + 1} ...F{n + 1} }}" for n in range(40))
    extent = measured("{ ...F0 } " + fragments + " fragment F40 on T { x: a }")
    assert extent.aliases == 2**40


@pytest.mark.parametrize(
    ("document", "limit"),
    [
        ("{ telephonyProviders " + "{ routes { provider " * 5 + "{ id }" + " } }" * 5 + " }", "depth"),
        ("{ " + " ".join(f"a{n}: telephonyProviders {{ id }}" for n in range(16)) + " }", "aliases"),
        ("{ telephonyRoutes { provider { routes { provider { routes { id isActive } } } } } }", "cost"),
    ],
)
def test_a_documented_query_beyond_a_limit_is_told_which(ask: Asking, document: str, limit: str) -> None:
    (error,) = ask.document(document)["errors"]
    assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert limit in error["message"]


def test_a_very_long_or_very_deep_document_is_only_not_approved(ask: Asking) -> None:
    for document in (
        "{ " + "a " * 50_000 + "}",
        "{a" * 1_500 + "}" * 1_500,
        "[" * 1_000,
        "{ a(b: " + "[" * 900 + "]" * 900 + ") }",
    ):
        (error,) = ask.document(document)["errors"]
        assert error["extensions"]["code"] == "OPERATION_NOT_APPROVED"
