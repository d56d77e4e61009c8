"""Errors name the expected value and never the received one: a person's name in the wrong field must not reach an answer or a log."""

import json
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
import pytest

from shared.web import http, strict_json
from shared.web.problems import Problem
from tests.hostile.entries import KINDS
from tests.support.cases import cases

pytestmark = pytest.mark.full

CANARY = "Aoife Brennan, canary 7391"
NUMBER = 73917391739173917391
PYTHON = (
    "`int`",
    "`str`",
    "`bool`",
    "`float`",
    "`NoneType`",
    "Decimal",
    "msgspec",
    "None",
    "True",
    "False",
    "dict",
    "Struct",
)


def bodies(kind: Any, value: Any, depth: int = 0) -> Iterator[Any]:
    """JSON values in the shape of that type, each with `value` in another place."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    origin = get_origin(kind)
    if origin in (Union, type(int | str)):
        for one in get_args(kind):
            if one not in (type(None), msgspec.UnsetType):
                yield from bodies(one, value, depth)
    elif origin is list:
        yield from ([one] for one in bodies(get_args(kind)[0], value, depth + 1))
    elif origin is dict:
        yield from ({"a": one} for one in bodies(get_args(kind)[1], value, depth + 1))
    elif origin is not Literal and isinstance(kind, type) and issubclass(kind, msgspec.Struct) and depth < 6:
        tag = {kind.__struct_config__.tag_field: kind.__struct_config__.tag} if kind.__struct_config__.tag_field else {}
        for field in msgspec.structs.fields(kind):
            yield from (tag | {field.encode_name: one} for one in bodies(field.type, value, depth + 1))
    else:
        yield value


def refusals(name: str, value: Any) -> Iterator[str]:
    for body in bodies(KINDS[name], value):
        try:
            http.decode_bytes(json.dumps(body).encode(), KINDS[name])
        except Problem as problem:
            yield bytes(problem.response().body).decode()


@pytest.mark.parametrize(
    "value",
    [CANARY, CANARY * 3000, NUMBER, [CANARY], {CANARY: CANARY}],
    ids=["text", "long", "number", "array", "object"],
)
def test_no_value_comes_back_in_what_is_said_of_it(value: Any) -> None:
    with cases() as every:
        for name in KINDS:
            with every.case(name):
                for text in refusals(name, value):
                    assert "Aoife" not in text
                    assert str(NUMBER) not in text
                    assert not [word for word in PYTHON if word in text], text


class Inner(http.Body):
    size: Annotated[int, msgspec.Meta(ge=1, le=9)]
    kind: Literal["small", "large"] = "small"


class Outer(http.Body):
    name: Annotated[str, msgspec.Meta(min_length=2, max_length=5)]
    inner: list[Inner]
    at: http.Timestamp | None = None
    weight: http.Number | None = None
    code: Annotated[str, msgspec.Meta(pattern=r"^[a-z]\Z")] | None = None


def found(body: str) -> list[dict[str, Any]]:
    with pytest.raises(Problem) as refused:
        http.decode_bytes(body.encode(), Outer)
    return refused.value.document()["errors"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("7", {"pointer": "", "code": "type", "detail": "Expected object, got integer."}),
        ('{"name": 7, "inner": []}', {"pointer": "/name", "code": "type", "detail": "Expected string, got integer."}),
        (
            '{"name": "a", "inner": []}',
            {"pointer": "/name", "code": "length", "detail": "Expected at least 2 characters.", "limit": 2},
        ),
        ('{"inner": []}', {"pointer": "/name", "code": "missing", "detail": "Required, and missing."}),
        (
            '{"name": "ab", "inner": [{"size": 10}]}',
            {"pointer": "/inner/0/size", "code": "range", "detail": "Expected at most 9.", "limit": 9},
        ),
        (
            '{"name": "ab", "inner": [{"size": 1, "kind": "Aoife"}]}',
            {
                "pointer": "/inner/0/kind",
                "code": "enum",
                "detail": "Not one of those allowed: small, large.",
                "allowed": ["small", "large"],
            },
        ),
        (
            '{"name": "ab", "inner": [{"size": 1, "kind": "smal"}]}',
            {
                "pointer": "/inner/0/kind",
                "code": "enum",
                "detail": "Not one of those allowed: small, large.",
                "allowed": ["small", "large"],
                "did_you_mean": "small",
            },
        ),
        (
            '{"name": "ab", "innr": [], "inner": []}',
            {"pointer": "/innr", "code": "unknown", "detail": "No such field.", "did_you_mean": "inner"},
        ),
        (
            '{"name": "ab", "inner": [], "at": "soon"}',
            {"pointer": "/at", "code": "format", "detail": "Not a well-formed time with an offset (RFC 3339)."},
        ),
        (
            '{"name": "ab", "inner": [], "weight": "5"}',
            {"pointer": "/weight", "code": "type", "detail": "Expected number or null, got string."},
        ),
        (
            '{"name": "ab", "inner": [], "code": "AB"}',
            {"pointer": "/code", "code": "pattern", "detail": "Expected a string that matches ^[a-z]$"},
        ),
    ],
)
def test_a_fault_is_told_in_words_of_json_with_what_would_do(body: str, expected: dict[str, Any]) -> None:
    assert found(body) == [expected]


def test_all_that_is_wrong_is_told_at_once_up_to_fifty() -> None:
    assert [one["pointer"] for one in found('{"name": 1, "inner": [{}, {"size": "x"}], "more": 1}')] == [
        "/name",
        "/inner/0/size",
        "/inner/1/size",
        "/more",
    ]
    with pytest.raises(Problem) as refused:
        http.decode_bytes(json.dumps({"name": "ab", "inner": [{}] * 80}).encode(), Outer)
    document = refused.value.document()
    assert (len(document["errors"]), document["more"]) == (strict_json.MOST_FAULTS, True)
