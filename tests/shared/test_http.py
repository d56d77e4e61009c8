"""Strict JSON and queries: any input gives a value, or a Problem that says which part is wrong and why."""

import asyncio
import json
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.web import http, strict_json
from shared.web.problems import Problem
from tests.shared.asking import request


class Part(http.Body):
    name: http.ExternalId
    at: http.Timestamp | None = None


class Sample(http.Body):
    number: http.Number | None = None
    count: int | None = None
    ratio: float | None = None
    text: str | None = None
    at: http.Timestamp | None = None
    kind: Literal["a", "b"] | None = None
    parts: list[Part] = msgspec.field(default_factory=list[Part])
    times: dict[str, http.Timestamp] = msgspec.field(default_factory=dict[str, http.Timestamp])
    free: Any = None


class Filter(http.Body):
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 50
    status: Literal["open", "closed"] | None = None
    since: http.Timestamp | None = None
    text: str | None = None
    deep: bool | None = None


def refusal(body: bytes) -> Problem:
    with pytest.raises(Problem) as refused:
        http.decode_bytes(body, Sample)
    return refused.value


def pointers(problem: Problem) -> list[str]:
    return [error.pointer for error in problem.errors]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b'{"text": "a"} x',
        b"\xef\xbb\xbf{}",  # a byte order mark
        b"\xff\xfe{\x00}\x00",
        b'{"text": "\xc3"}',
        b'{"text": "\xed\xa0\x80"}',  # half a surrogate pair, as bytes
        b"{'text': 'a'}",
        b'{"text": "a",}',
        b'{"count": 01}',
        b'{"count": +1}',
        b'{"number": .5}',
        b'{"number": NaN}',
        b'{"number": Infinity}',
        b'{"number": -Infinity}',
        b'{"free": [{"deep": NaN}]}',
        b'{"text": "a\nb"}',
    ],
)
def test_what_is_not_json_is_malformed(body: bytes) -> None:
    assert refusal(body).status == 400


@pytest.mark.parametrize(
    "body", [b'{"text":"a","text":"a"}', b'{"free":{"x":1,"y":2,"x":1}}', b'{"te\\u0078t":"a","text":"a"}']
)
def test_a_name_that_stands_twice_is_malformed_and_named(body: bytes) -> None:
    problem = refusal(body)
    assert problem.status == 400
    assert "twice" in problem.detail
    assert "'text'" in problem.detail or "'x'" in problem.detail


def test_finding_the_name_that_stands_twice_takes_no_longer_than_reading() -> None:
    members = ",".join(f'"{number}":0' for number in range(90_000))
    body = f'{{"free":{{{members},"89999":0}}}}'.encode()
    assert len(body) < http.MAX_BODY
    began = time.process_time()
    assert refusal(body).status == 400
    assert time.process_time() - began < 5  # a comparison of each name with each other takes minutes


@pytest.mark.parametrize(
    "number",
    [
        "1E+999999999",
        "1E-999999999",
        "1e9999999999999999999999",
        "0e-99999999999999999999",
        "0E999999999",
        "1e31",
        "1e-31",
        "1" * 41,
        "-" + "9" * 41,
        "0." + "1" * 41,
    ],
)
def test_a_number_beyond_every_measurement_is_malformed(number: str) -> None:
    problem = refusal(f'{{"number": {number}}}'.encode())
    assert (problem.status, "digits" in problem.detail) == (400, True)


@pytest.mark.parametrize("number", ["1e31", "1" * 41, "0e-99999999999999999999", "1e9999999999999999999999"])
def test_by_item_such_a_number_is_refused_where_it_stands_and_the_rest_kept(number: str) -> None:
    body = (
        f'[{{"number": {number}}}, {{"number": 0.0}}, {{"text": "a\\u0000"}}, {{"text": {number}}}, {{"\\ud800": 1}}]'
    )
    items = strict_json.parse(body.encode(), by_item=True)
    assert http.convert_item(items[1], Sample).number == Decimal("0.0")
    for index, pointer in ((0, "/number"), (2, "/text"), (3, "/text"), (4, "")):
        with pytest.raises(Problem) as refused:
            http.convert_item(items[index], Sample)
        assert (refused.value.status, pointers(refused.value)) == (422, [pointer])


@pytest.mark.parametrize("name", [" ", "\t\n", "\u00a0\u3000", ""])
def test_white_space_alone_is_no_name_of_anything(name: str) -> None:
    with pytest.raises(Problem) as refused:
        http.convert({"name": name}, Part)
    assert (refused.value.status, pointers(refused.value)) == (422, ["/name"])
    assert http.convert({"name": "CAD 7"}, Part).name == "CAD 7"


@pytest.mark.parametrize("number", ["98.0", "384.50", "0", "-0.5", "1e30", "1E-30", "12345678901234567890.123456789"])
def test_a_number_is_kept_as_exactly_as_it_was_written(number: str) -> None:
    sample = http.decode_bytes(f'{{"number": {number}}}'.encode(), Sample)
    assert isinstance(sample.number, Decimal)
    assert sample.number == Decimal(number)
    assert http.decode_bytes(http.encode(sample), Sample).number == Decimal(number)


def test_trailing_zeros_of_a_measurement_survive() -> None:
    sample = http.decode_bytes(b'{"number": 384.50}', Sample)
    assert b'"number":384.50' in http.encode(sample)


@pytest.mark.parametrize("value", ['"NaN"', '"98.0"', "true", "[1]", "{}"])
def test_only_a_number_is_a_number(value: str) -> None:
    problem = refusal(f'{{"number": {value}}}'.encode())
    assert (problem.status, pointers(problem)) == (422, ["/number"])


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'{"text": "a\\u0000b"}', "/text"),
        (b'{"text": "\\ud800"}', "/text"),
        (b'{"free": {"a/b": ["\\udfff"]}}', "/free/a~1b/0"),
        (b'{"free": {"\\u0000": 1}}', "/free"),
        (b'{"free": {"\\ud800": 1}}', "/free"),
    ],
)
def test_text_that_postgres_cannot_hold_is_refused_where_it_stands(body: bytes, pointer: str) -> None:
    problem = refusal(body)
    assert (problem.status, pointers(problem)) == (422, [pointer])


def test_a_whole_surrogate_pair_is_text() -> None:
    assert http.decode_bytes(b'{"text": "\\ud83d\\ude91"}', Sample).text == "🚑"


@pytest.mark.parametrize("depth", [strict_json.MAX_DEPTH + 1, 500, 990, 5_000, 200_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
@pytest.mark.parametrize("inner", ["1", '"\\u0041"'])
def test_deep_nesting_is_malformed(depth: int, opening: str, closing: str, inner: str) -> None:
    with pytest.raises(Problem) as refused:
        strict_json.parse((opening * depth + inner + closing * depth).encode())
    assert refused.value.status == 400


def test_a_wide_body_is_not_taken_for_a_deep_one() -> None:
    body = b'{"free": [' + b",".join([b'{"a": [1]}'] * 1_000) + b"]}"
    assert len(http.decode_bytes(body, Sample).free) == 1_000


def test_nesting_as_deep_as_allowed_comes_out_again() -> None:
    body = b"[" * strict_json.MAX_DEPTH + b"]" * strict_json.MAX_DEPTH
    assert http.encode(strict_json.parse(body)) == body


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'{"unknown": 1}', "/unknown"),
        (b'{"parts": [{"name": "a"}, {"name": "b", "nmae": "c"}]}', "/parts/1/nmae"),
        (b'{"parts": [{}]}', "/parts/0/name"),
        (b'{"parts": [{"name": ""}]}', "/parts/0/name"),
        (b'{"parts": [{"name": 7}]}', "/parts/0/name"),
        (b'{"parts": {}}', "/parts"),
        (b'{"kind": "c"}', "/kind"),
        (b'{"count": 1.5}', "/count"),
        (b'{"count": "1"}', "/count"),
        (b'{"count": true}', "/count"),
        (b'{"at": "2026-03-23T12:00:00"}', "/at"),
        (b'{"at": "yesterday"}', "/at"),
        (b'{"at": 1774267200}', "/at"),
        (b'{"at": "2026-02-30T12:00:00Z"}', "/at"),
        (b"[]", ""),
        (b"null", ""),
    ],
)
def test_what_does_not_fit_is_refused_with_a_pointer_to_it(body: bytes, pointer: str) -> None:
    problem = refusal(body)
    assert (problem.status, pointers(problem)) == (422, [pointer])


def test_a_name_as_long_as_the_body_is_not_sent_back() -> None:
    problem = refusal(b'{"' + b"x" * 500_000 + b'": 1}')
    assert problem.status == 422
    assert len(problem.response().body) < 1_000


def test_a_name_made_to_look_like_a_place_costs_nothing() -> None:
    began = time.process_time()
    problem = refusal(b'{"' + b" - at `$" * 100_000 + b'": 1}')
    assert (problem.status, time.process_time() - began < 5) == (422, True)


def test_times_become_utc_wherever_they_stand() -> None:
    body = b"""{"at": "2026-03-23T12:00:00+02:00", "parts": [{"name": "a", "at": "2026-03-23T00:30:00+05:30"}],
               "times": {"call": "2026-03-23T12:00:00-01:00"}}"""
    sample = http.decode_bytes(body, Sample)
    assert sample.at == datetime(2026, 3, 23, 10, tzinfo=UTC)
    answer = http.encode(sample)
    for text in (b"2026-03-23T10:00:00Z", b"2026-03-22T19:00:00Z", b"2026-03-23T13:00:00Z"):
        assert text in answer


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-10:00"])
def test_a_time_that_utc_has_no_year_for_is_refused(at: str) -> None:
    assert refusal(f'{{"at": "{at}"}}'.encode()).status == 422


@pytest.mark.parametrize(
    "content_type", [None, "", "text/plain", "application/jsonp", "application/x-www-form-urlencoded"]
)
def test_another_content_type_is_unsupported(content_type: str | None) -> None:
    with pytest.raises(Problem) as refused:
        asyncio.run(http.decode(request(b"{}", content_type=content_type), Sample))
    assert refused.value.status == 415


@pytest.mark.parametrize("content_type", ["application/json", "APPLICATION/JSON; charset=utf-8", " application/json "])
def test_json_is_recognised_with_its_parameters(content_type: str) -> None:
    assert asyncio.run(http.decode(request(b'{"count": 1}', content_type=content_type), Sample)).count == 1


class LargeSample(Sample):
    max_bytes = http.MAX_BODY


@pytest.mark.parametrize(("kind", "limit"), [(Sample, http.SMALL), (LargeSample, http.MAX_BODY)])
def test_a_body_over_the_limit_of_its_kind_is_too_large_and_one_of_that_size_is_not(
    kind: type[Sample], limit: int
) -> None:
    whole = b'{"text": "' + b"x" * (limit - 12) + b'"}'
    assert len(whole) == limit
    assert asyncio.run(http.decode(request(whole), kind)).text
    with pytest.raises(Problem) as refused:
        asyncio.run(http.decode(request(whole + b" "), kind))
    assert (refused.value.status, f"{limit} bytes" in refused.value.detail) == (413, True)


def test_a_body_can_be_asked_for_twice() -> None:
    async def twice() -> tuple[bytes, bytes]:
        asked = request(b'{"count": 1}')
        return await http.read_body(asked), await http.read_body(asked)

    assert asyncio.run(twice()) == (b'{"count": 1}', b'{"count": 1}')


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.datetimes().map(str),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*Sample.__struct_fields__, "name", "other"]), inner, max_size=4)
    ),
)


def settles(body: bytes) -> None:
    try:
        http.encode(http.decode_bytes(body, Sample))
    except Problem as problem:
        refused = problem
    else:
        return
    assert refused.status in (400, 422)
    assert refused.response().body


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_a_problem(body: bytes) -> None:
    settles(body)


@given(JSON)
def test_any_json_is_a_value_or_a_problem(value: Any) -> None:
    settles(json.dumps(value).encode())


@given(st.dictionaries(st.sampled_from(Sample.__struct_fields__), JSON, max_size=3))
def test_any_values_of_known_fields_are_a_value_or_a_problem(value: Any) -> None:
    settles(json.dumps(value).encode())


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        (b"limit=0", "limit"),
        (b"limit=101", "limit"),
        (b"limit=ten", "limit"),
        (b"limit=1e1", "limit"),
        (b"limit=7.0", "limit"),
        (b"limit=007", "limit"),
        (b"limit=1&limit=1", "limit"),
        (b"limit=" + b"9" * 5_000, "limit"),
        (b"page=2", "page"),
        (b"status=done", "status"),
        (b"since=2026-03-23T12:00:00", "since"),
        (b"text=a%00b", "text"),
        (b"deep=perhaps", "deep"),
        (b"since=null", "since"),
        (b"status=NULL", "status"),
    ],
)
def test_a_query_that_does_not_fit_names_its_parameter(query: bytes, pointer: str) -> None:
    with pytest.raises(Problem) as refused:
        http.query(request(query=query), Filter)
    assert (refused.value.status, pointers(refused.value)) == (422, [pointer])


@pytest.mark.parametrize(
    ("query", "detail", "limit"),
    [
        (b"limit=0", "Expected at least 1.", 1),
        (b"limit=101", "Expected at most 100.", 100),
        (b"limit=" + b"9" * 40, "Expected at most 100.", 100),
        (b"limit=ten", "Expected integer, got string.", None),
    ],
)
def test_a_number_of_a_query_that_is_too_small_or_too_large_is_not_called_a_string(
    query: bytes, detail: str, limit: int | None
) -> None:
    with pytest.raises(Problem) as refused:
        http.query(request(query=query), Filter)
    (fault,) = refused.value.errors
    assert (fault.detail, fault.limit) == (detail, limit)


def test_a_query_is_read_into_its_types() -> None:
    found = http.query(request(query=b"limit=7&status=open&since=2026-03-23T12:00:00%2B02:00&text=&deep=true"), Filter)
    assert (found.limit, found.status, found.text, found.deep) == (7, "open", "", True)
    assert found.since == datetime(2026, 3, 23, 10, tzinfo=UTC)


@given(st.binary(max_size=60))
def test_any_query_is_a_value_or_a_problem(query: bytes) -> None:
    try:
        http.query(request(query=query), Filter)
    except Problem as problem:
        refused = problem
    else:
        return
    assert refused.status == 422
    assert refused.response().body
