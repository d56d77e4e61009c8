"""Any value in place of any part of a record, new or patched, gets an answer with the reason, never a 500."""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.epcr.conftest import ENCOUNTERS, RECORDS, Organisation
from tests.epcr.samples import EVERYTHING, TYPICAL

pytestmark = pytest.mark.full

MANY = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
FEW = settings(MANY, max_examples=25)
SAMPLE = EVERYTHING | {"patient": TYPICAL["patient"], "narrative": TYPICAL["narrative"]}
ODD = st.sampled_from(
    [
        *(
            None,
            True,
            -1,
            0,
            10**18,
            10**30,
            1e-29,
            -0.0,
            98.123456789012345,
            "",
            " ",
            "x" * 300,
            "\ud800",
            "\x00",
            "NaN",
            "98",
        ),
        *(
            "0001-01-01",
            "9999-12-31T23:59:59Z",
            "2026-02-30",
            "2026-03-23T10:00:00+14:00",
            "2026-03-23T24:00:00Z",
            "0000-00-00",
        ),
        *(
            [],
            {},
            [[]],
            [None],
            {"a": {}},
            {"system": "http://snomed.info/sct", "code": "268400002"},
            [{"id": "vit_1"}],
        ),
    ]
)
JUNK = ODD | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, road: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The road to every part of a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in items:
        yield (*road, name)
        yield from places(part, (*road, name))


ROADS = list(places(SAMPLE))
CHANGES = st.lists(st.tuples(st.sampled_from(ROADS), JUNK), min_size=1, max_size=3)


def spoilt(changes: list[tuple[tuple[Any, ...], Any]]) -> dict[str, Any]:
    record = copy.deepcopy(SAMPLE)
    for road, junk in changes:
        holder: Any = record
        try:
            for name in road[:-1]:
                holder = holder[name]
            holder[road[-1]] = copy.deepcopy(junk)  # used twice, it could come to hold itself
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took that part away
    return record


def check(answer: httpx2.Response, *expected: int) -> None:
    assert answer.status_code in expected, answer.text
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code


@MANY
@given(CHANGES)
def test_any_record_is_taken_or_refused_and_what_is_taken_can_be_read(organisation: Organisation, changes: Any) -> None:
    answer = organisation.partner.post_encounter(json.dumps(spoilt(changes)))
    check(answer, 201, 400, 409, 422)
    if answer.status_code == 201:
        id = answer.json()["id"]
        check(organisation.partner.get(f"{ENCOUNTERS}/{id}/fhir-bundle"), 200)
        check(organisation.partner.get(f"{ENCOUNTERS}/{id}"), 200)
        check(organisation.crew.get(f"{RECORDS}/{id}"), 200)


@MANY
@given(CHANGES, st.sampled_from(sorted(SAMPLE)), st.booleans())
def test_any_patch_is_taken_or_refused_and_the_record_stays_readable(
    organisation: Organisation, changes: Any, section: str, is_whole: bool
) -> None:
    id = organisation.partner.create(**SAMPLE)
    record = spoilt(changes)
    patch = {name: value for name, value in record.items() if is_whole or name == section}
    for name in ("vehicle_id", "cad_incident_id"):
        patch.pop(name, None)
    headers = {"if-match": '"1"', "content-type": "application/json"}
    check(
        organisation.crew.call("PATCH", f"{RECORDS}/{id}", content=json.dumps(patch), headers=headers),
        200,
        400,
        409,
        422,
    )
    check(organisation.partner.get(f"{ENCOUNTERS}/{id}/fhir-bundle"), 200)


HEADERS: dict[str, Callable[[], st.SearchStrategy[str]]] = {
    "if-none-match": lambda: st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40).map(str.strip),
    "accept": lambda: st.sampled_from(
        ["", "*/*", "application/fhir+json", "application/fhir+json;q=0", "text/html, ;;", ","]
    ),
    "idempotency-key": lambda: st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=300).map(str.strip),
}


@FEW
@given(st.fixed_dictionaries({}, optional={name: make() for name, make in HEADERS.items()}))
def test_any_header_is_understood_or_refused(organisation: Organisation, headers: dict[str, str]) -> None:
    id = organisation.partner.create()
    for path in (f"{ENCOUNTERS}/{id}", f"{ENCOUNTERS}/{id}/fhir-bundle"):
        check(organisation.partner.get(path, headers=headers), 200, 304, 400)
    check(
        organisation.partner.post_encounter(
            SAMPLE, **{name.replace("-", "_"): value for name, value in headers.items()}
        ),
        201,
        400,
        409,
        422,
    )
