"""Every body is decoded or refused with its faults; a refused one with many members costs no more than its first fifty faults."""

import time
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.epcr.records.models import EncounterDraft
from shared.web import http, strict_json
from shared.web.problems import Problem
from tests.hostile.entries import KINDS

pytestmark = pytest.mark.full

STRUCTS = [kind for kind in KINDS.values() if isinstance(kind, type)]
NAMES = sorted({field.encode_name for kind in STRUCTS for field in msgspec.structs.fields(kind)})
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-5, 500)
    | st.sampled_from(["", "a", "2026-01-01T00:00:00Z", "SN-1", *NAMES])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)
MINIMUM = {"care_model": "prehospital_emergency", "vehicle_id": "A", "crew_ids": ["u"], "cad_incident_id": "c"}


def decoded(value: Any, kind: Any) -> list[strict_json.FieldError]:
    """The faults of a body; none if it is decoded."""
    try:
        http.convert(value, kind)
    except Problem as problem:
        return problem.errors
    return []


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=30, deadline=None)
@given(value=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6))
def test_a_body_is_refused_with_faults_or_has_none(name: str, value: Any) -> None:
    kind = KINDS[name]
    errors = decoded(value, kind)
    accepted = True
    try:
        http._converted(value, kind)  # the judge
    except msgspec.ValidationError:
        accepted = False
    assert accepted or errors
    assert len({(one.pointer, one.code, one.detail) for one in errors}) == len(errors)
    for error in errors:
        assert error.did_you_mean == "" or error.code in ("unknown", "enum")


def test_an_array_beyond_its_limit_is_one_fault_and_its_items_are_not_read() -> None:
    (error,) = decoded(MINIMUM | {"vital_signs": [1] * 501}, EncounterDraft)
    assert (error.pointer, error.code, error.limit) == ("/vital_signs", "length", 500)


def test_a_misspelt_value_and_a_misspelt_field_have_the_nearest_one() -> None:
    found = decoded(MINIMUM | {"care_model": "prehospital_emergncy", "vital_sign": []}, EncounterDraft)
    assert [(one.pointer, one.code, one.did_you_mean) for one in found] == [
        ("/care_model", "enum", "prehospital_emergency"),
        ("/vital_sign", "unknown", "vital_signs"),
    ]


def test_the_nearest_name_is_found_whatever_its_capitals() -> None:
    known = ["high", "incident.created", "MDC_PULS_OXIM_SAT_O2", "cadIncidentId"]
    for refused, meant in (
        ("HIGH", "high"),
        ("Incident.Create", "incident.created"),
        ("mdc_puls_oxim_sat_o2", "MDC_PULS_OXIM_SAT_O2"),
        ("cadincidentid", "cadIncidentId"),
        ("zzz", ""),
    ):
        assert strict_json.nearest(refused, known) == meant, refused


def test_a_thousand_faults_cost_little_more_than_fifty() -> None:
    def seconds(count: int) -> float:
        body = MINIMUM | {f"vital_sign{number}": 1 for number in range(count)}
        return min(_timed(body) for _ in range(5))

    assert seconds(30_000) < 20 * seconds(60)


def _timed(body: dict[str, Any]) -> float:
    began = time.process_time()
    assert len(decoded(body, EncounterDraft)) == strict_json.MOST_FAULTS
    return time.process_time() - began
