"""FHIR's definitions are checked once for entries that differ in values of the same kinds, and refuse the same entries as before."""

import copy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.epcr.fhir import encode
from tests.epcr import golden
from tests.support.records import heavy

UUID = "12345678-1234-8234-9234-123456789abc"
OBSERVATION: dict[str, Any] = {
    "fullUrl": f"urn:uuid:{UUID}",
    "resource": {
        "resourceType": "Observation",
        "meta": {
            "security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "PSEUDED"}]
        },
        "identifier": [{"system": "urn:oid:1.2.3", "value": UUID}],
        "status": "final",
        "code": {
            "coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}],
            "text": "Pulse",
        },
        "subject": {"reference": f"urn:uuid:{UUID}", "type": "Patient"},
        "effectiveDateTime": "2026-03-23T10:15:00Z",
        "valueQuantity": {
            "value": Decimal("98.0"),
            "unit": "/min",
            "system": "http://unitsofmeasure.org",
            "code": "/min",
        },
    },
    "request": {"method": "POST", "url": "Observation", "ifNoneExist": f"identifier=urn:oid:1.2.3|{UUID}"},
}
# Places of values, each in a copy of the entry, for which the definitions take others.
PLACES: list[tuple[str | int, ...]] = [
    ("fullUrl",),
    ("resource", "status"),
    ("resource", "identifier", 0, "system"),
    ("resource", "identifier", 0, "value"),
    ("resource", "code", "text"),
    ("resource", "code", "coding", 0, "system"),
    ("resource", "code", "coding", 0, "code"),
    ("resource", "code", "coding", 0, "display"),
    ("resource", "subject", "reference"),
    ("resource", "effectiveDateTime"),
    ("resource", "valueQuantity", "value"),
    ("resource", "valueQuantity", "code"),
    ("request", "method"),
]
VALUES = st.one_of(
    st.sampled_from(
        [
            *("2026-03-23T10:15:00Z", "2026-02-30T10:15:00Z", "2026-13-01T00:00:00Z", "2026-03-23T24:15:00Z"),
            *("2026-03-23T10:15:60Z", "0000-01-01T00:00:00Z", "2026-03-23T10:15:00.5Z", "2026-03-23T10:15:00.1234567Z"),
            *("2026", "2026-03", "2026-03-23", UUID, UUID.upper(), f"urn:uuid:{UUID}", "urn:uuid:x"),
            *(
                "8867-4",
                " 8867-4",
                "8867-4 ",
                "8867  4",
                "8867 4",
                "",
                " ",
                "\u00a0",
                "a\nb",
                "1",
                "-1",
                "01.5",
                "\\",
                '"',
            ),
            *(
                0,
                1,
                -1,
                1.5,
                10**30,
                True,
                None,
                Decimal("1E+3"),
                Decimal("0.10"),
                Decimal("NaN"),
                Decimal("-Infinity"),
            ),
            *([], {}, ["x"], {"value": 1}, {"code": "x"}, {"display": "x"}),
        ]
    ),
    st.text(max_size=6),
    st.decimals(allow_nan=True),
)


def with_value(place: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    entry: Any = copy.deepcopy(OBSERVATION)
    within = entry
    for step in place[:-1]:
        within = within[step]
    within[place[-1]] = value
    return entry


def bundle(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}


def validated(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of entries that each validation had, one after the other. Nothing has passed before."""
    monkeypatch.setattr(encode, "_passed", set())
    seen: list[int] = []
    faults = encode.faults

    def noted(of: dict[str, Any]) -> list[str]:
        seen.append(len(of["entry"]))
        return faults(of)

    monkeypatch.setattr(encode, "faults", noted)
    return seen


@given(place=st.sampled_from(PLACES), value=VALUES, other=VALUES)
def test_an_entry_is_refused_as_by_the_definitions_alone_whatever_passed_before(
    place: tuple[str | int, ...], value: Any, other: Any
) -> None:
    for entry in (OBSERVATION, with_value(place, other), with_value(place, value)):
        try:
            encode.encode(entry)
        except (TypeError, ValueError):  # no JSON: refused before
            continue
        assert encode.definitions(bundle(entry)) == encode.faults(bundle(entry))


def test_entries_that_differ_in_values_of_the_same_kinds_are_validated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = validated(monkeypatch)
    golden.exported(golden.projection(golden.encounter(heavy(10, 2))))
    seen.clear()
    golden.exported(golden.projection(golden.encounter(heavy(60, 10, cad_incident_id="cad_other"))))
    assert sum(seen) < 20, seen


def test_the_shapes_of_all_bundles_are_fit_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """No entry is validated a second time with its own values."""
    seen = validated(monkeypatch)
    dict(golden.Bundles())
    assert sum(seen) == len(encode._passed) > 20


@pytest.mark.parametrize(
    ("one", "other", "are_alike"),
    [
        (b'{"code":"8867-4"}', b'{"code":"9279-1"}', True),
        (b'{"code":"a"}', b'{"code":"a "}', False),
        (b'{"value":1.5}', b'{"value":-70}', True),
        (b'{"value":1.5}', b'{"value":"1.5"}', False),
        (b'{"valueInteger":1}', b'{"valueInteger":2}', False),
        (b'{"at":"2026-03-23T10:15:00Z"}', b'{"at":"1999-12-31T00:00:00Z"}', True),
        (b'{"at":"2026-03-23T10:15:00Z"}', b'{"at":"2026-02-30T10:15:00Z"}', False),
        (b'{"display":"a b"}', b'{"display":"c"}', True),
        (b'{"display":"a"}', b'{"display":""}', False),
        (b'{"system":"http://a"}', b'{"system":"http://b"}', False),
        (b'{"status":"final"}', b'{"status":"other"}', False),
    ],
)
def test_values_are_alike_where_the_type_takes_or_refuses_both(one: bytes, other: bytes, are_alike: bool) -> None:
    assert (encode.shape_of(one) == encode.shape_of(other)) is are_alike
