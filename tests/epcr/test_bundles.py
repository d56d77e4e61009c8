"""The FHIR bundles: their content, no fault for validators, and a server that takes them again and again."""

import copy
import json
from decimal import Decimal
from typing import Any

import fhirkit
import msgspec
import pytest
from ucumvert import get_ucum_parser

from services.epcr.fhir import checks, measurements, nomenclature
from services.epcr.fhir.encode import encode, faults_of
from services.epcr.records import amend
from services.epcr.records.care import DOSE_UNITS, Measurement
from services.epcr.records.models import Encounter, RecordPatch
from shared.web import http
from tests.epcr import golden, handovers
from tests.epcr.faultless import document_of, fit, transaction_of
from tests.epcr.fhir_server import FhirServer, Refused
from tests.epcr.golden import bundle, split
from tests.epcr.samples import ARREST, MINIMAL, REFUSAL, SNOMED, TYPICAL

BUNDLES = golden.Bundles()
ALL = pytest.mark.parametrize("name", list(BUNDLES))


@ALL
def test_an_encounter_is_told_as_its_golden_bundle(name: str) -> None:
    assert golden.written(BUNDLES[name]) == (golden.FOLDER / f"{name}.json").read_bytes()


@ALL
def test_neither_fhir_resources_nor_our_checks_find_fault(name: str) -> None:
    fit(BUNDLES[name])


@ALL
def test_an_independent_validator_finds_no_fault(name: str) -> None:
    assert [str(issue) for issue in fhirkit.validate(encode(BUNDLES[name]).decode())] == []


def test_the_independent_validator_does_find_faults() -> None:
    wrong = json.loads(encode(BUNDLES["typical"]))
    del _entry("Observation", wrong)["resource"]["code"]
    assert fhirkit.validate(json.dumps(wrong))


@ALL
def test_a_server_makes_every_entry_once_and_finds_it_again(name: str) -> None:
    server = FhirServer()
    sent = json.loads(encode(BUNDLES[name]))
    assert set(server.transaction(sent)) == {"201"}
    made = copy.deepcopy(server.resources)
    assert len(made) == len(sent["entry"])
    assert set(server.transaction(sent)) == {"200"}
    assert server.resources == made
    assert server.dangling() == []
    assert server.duplicates() == []


def test_the_typical_bundle_has_about_thirty_entries_of_every_kind() -> None:
    kinds = [entry["resource"]["resourceType"] for entry in BUNDLES["typical"]["entry"]]
    assert 25 <= len(kinds) <= 35
    assert set(kinds) == {
        *("Patient", "Encounter", "Observation", "Procedure", "MedicationAdministration", "Composition"),
        *("Condition", "Organization", "Location"),
    }


def test_what_changes_is_put_in_place_and_what_does_not_is_made_once() -> None:
    for entry in BUNDLES["every_class_of_device"]["entry"]:
        kind = entry["resource"]["resourceType"]
        assert entry["request"]["method"] == ("PUT" if kind in ("Encounter", "Composition") else "POST")
        assert ("ifNoneExist" in entry["request"]) == (entry["request"]["method"] == "POST")


def test_a_device_reading_carries_mdc_and_loinc_and_its_last_digit() -> None:
    [spo2] = [one for one in _observations(BUNDLES["every_class_of_device"]) if _codes(one)[0] == "150456"]
    assert _codes(spo2) == ["150456", "2708-6", "59408-5"]
    assert spo2["code"]["coding"][0] == {
        "system": nomenclature.MDC,
        "code": "150456",
        "display": "MDC_PULS_OXIM_SAT_O2",
    }
    sent = encode(BUNDLES["every_class_of_device"])
    assert b'"valueQuantity":{"value":98.0,"unit":"%","system":"http://unitsofmeasure.org","code":"%"}' in sent
    assert b'"value":36.60,' in sent
    # 1.720 m is 172.0 cm: the unit the profile fixes, the precision the device had.
    assert b'"value":172.0,"unit":"cm"' in sent


def test_a_length_in_metres_keeps_every_digit_in_centimetres() -> None:
    assert nomenclature.in_expected_unit(Decimal("1." + "7" * 38), "m") == (Decimal("177." + "7" * 36), "cm")


def test_a_reading_without_a_value_says_why() -> None:
    [absent] = [one for one in _observations(BUNDLES["every_class_of_device"]) if "dataAbsentReason" in one]
    assert absent["dataAbsentReason"]["coding"][0]["code"] == "not-a-number"
    assert "valueQuantity" not in absent


@pytest.mark.parametrize(
    ("refid", "code10", "unit", "loinc"),
    [
        ("MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD", 160184, None, []),
        ("MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD", 160184, "mmol/L", ["14743-9", "15074-8"]),
        ("MDC_CONC_AWAY_CO2_ET", 151708, None, []),
        ("MDC_CONC_AWAY_CO2_ET", 151708, "%", ["19889-5"]),
        ("MDC_PULS_OXIM_SAT_O2", 150456, None, ["2708-6", "59408-5"]),
    ],
)
def test_a_reading_without_a_value_is_never_coded_as_two_things_at_once(
    refid: str, code10: int, unit: str | None, loinc: list[str]
) -> None:
    """Of glucose without a unit nobody knows whether it would have been a mass or an amount."""
    reading = msgspec.structs.replace(
        golden.readings()[0],
        mdc_code=refid,
        mdc_code10=code10,
        value=None,
        unit_code=unit,
        data_absent_reason="error",
    )
    sent = fit(bundle(golden.projection(golden.encounter(MINIMAL), [reading])))
    assert [_codes(one)[1:] for one in _observations(sent)] == [loinc]


def test_glucose_is_coded_by_what_its_unit_says() -> None:
    by_unit = {
        one["valueQuantity"]["unit"]: _codes(one)[1:]
        for one in _observations(BUNDLES["every_class_of_device"])
        if one["code"]["coding"][0]["display"].startswith("MDC_CONC_GLU")
    }
    assert by_unit == {"mmol/L": ["14743-9", "15074-8"], "mg/dL": ["2339-0"]}


def test_parts_of_a_pressure_that_came_together_are_one_panel() -> None:
    alone, together = [one for one in _observations(BUNDLES["every_class_of_device"]) if "component" in one]
    assert _codes(together) == ["150020", "85354-9"]
    values = [(_codes(part), part["valueQuantity"]["value"]) for part in together["component"]]
    assert values == [
        (["8480-6", "150021"], Decimal(131)),
        (["8462-4", "150022"], Decimal(79)),
        (["8478-0", "150023"], Decimal("96.5")),
    ]
    assert _codes(alone) == ["150020", "85354-9"]
    assert [_codes(part) for part in alone["component"]] == [["8480-6", "150021"], ["8462-4"]]
    assert alone["component"][1]["dataAbsentReason"]["coding"][0]["code"] == "unknown"


@pytest.mark.parametrize(
    ("kind", "unit", "loinc"),
    [("etco2", "%", ["19889-5"]), ("etco2", "kPa", ["19891-1"]), ("glucose", "mmol/L", ["15074-8", "14743-9"])],
)
def test_a_measurement_taken_out_keeps_the_code_it_was_sent_under(kind: str, unit: str, loinc: list[str]) -> None:
    first = {"taken_at": "2026-03-23T10:12:00Z", "heart_rate": 80}
    encounter = golden.encounter(MINIMAL | {"vital_signs": [first | {kind: {"value": 5, "unit": unit}}]})
    for rate in (80, 81):
        sent = {"vital_signs": [first | {"heart_rate": rate, "id": encounter.record.vital_signs[0].id}]}
        patch = http.convert(sent, RecordPatch)
        encounter.record = amend.merge(encounter.record, patch, sent, golden.counted())
        made = fit(bundle(golden.projection(encounter)))
        [gone] = [one for one in _observations(made) if one["status"] == "entered-in-error"]
        assert _codes(gone) == loinc


def test_a_part_that_came_later_makes_a_panel_of_its_own() -> None:
    encounter, readings = golden.encounter(MINIMAL), golden.readings()
    [systolic, diastolic] = [one for one in readings if one.observed_at.second == 40][:2]
    before = _observations(bundle(golden.projection(encounter, [systolic])))
    diastolic.revision += 1
    after = _observations(bundle(golden.projection(encounter, [systolic, diastolic])))
    assert after[0] == before[0]
    assert len(after) == 2


def test_a_pressure_in_kilopascals_keeps_its_digits_under_its_own_code() -> None:
    [one] = [one for one in _observations(BUNDLES["every_class_of_device"]) if _codes(one)[0] == "150022"]
    assert _codes(one) == ["150022"]
    assert str(one["valueQuantity"]["value"]) == "11.30"


def test_test_data_and_an_implausible_value_are_labelled() -> None:
    observations = _observations(BUNDLES["every_class_of_device"])
    tests = [one for one in observations if any(label["code"] == "HTEST" for label in one["meta"]["security"])]
    assert [_codes(one)[0] for one in tests] == ["153728"]
    flagged = [one for one in observations if "tag" in one["meta"]]
    assert [_codes(one)[0] for one in flagged] == ["150368"]


@pytest.mark.parametrize("body", [MINIMAL, TYPICAL, ARREST, REFUSAL])
@pytest.mark.parametrize("max_entries", [4, 5, 7, 10, 1000])
def test_a_split_is_whole_transactions_that_make_the_same_resources(body: dict[str, Any], max_entries: int) -> None:
    projection = golden.projection(golden.encounter(body), golden.readings())
    whole, parts = FhirServer(), FhirServer()
    whole.transaction(json.loads(encode(bundle(projection))))
    for part in split(projection, max_entries):
        assert len(fit(part)["entry"]) <= max_entries
        assert fhirkit.validate(encode(part).decode()) == []
        parts.transaction(json.loads(encode(part)))
    assert parts.dangling() == parts.duplicates() == []
    assert {_key(one) for one in parts.resources.values()} == {_key(one) for one in whole.resources.values()}


def _entry(kind: str, bundle: dict[str, Any]) -> dict[str, Any]:
    return next(entry for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind)


def _panel(bundle: dict[str, Any]) -> dict[str, Any]:
    return next(one for one in _observations(bundle) if _codes(one)[-1] == "85354-9")


def _spoil(bundle: dict[str, Any], what: str) -> None:
    observation, patient = _entry("Observation", bundle), _entry("Patient", bundle)
    resource = observation["resource"]
    match what:
        case "bogus status":
            resource["status"] = "bogus"
        case "Patient with data":
            patient["resource"]["gender"] = "female"
        case "value and reason":
            resource["dataAbsentReason"] = {"text": "why"}
        case "neither value nor reason":
            del resource["valueQuantity"]
        case "unit that is not UCUM":
            resource["valueQuantity"]["code"] = "bpm"
        case "quantity without system":
            del resource["valueQuantity"]["system"]
        case "dangling reference":
            resource["subject"]["reference"] = "urn:uuid:00000000-0000-8000-8000-000000000000"
        case "reference to the wrong kind":
            resource["subject"]["reference"] = _entry("Encounter", bundle)["fullUrl"]
        case "upper-case fullUrl":
            observation["fullUrl"] = observation["fullUrl"].upper()
        case "the same fullUrl twice":
            bundle["entry"].append(copy.deepcopy(observation))
        case "question mark in ifNoneExist":
            observation["request"]["ifNoneExist"] = "?" + observation["request"]["ifNoneExist"]
        case "no condition":
            del observation["request"]["ifNoneExist"]
        case "id of our own":
            resource["id"] = "1"
        case "empty object":
            resource["bodySite"] = {}
        case "no label":
            resource["meta"]["security"] = resource["meta"]["security"][:1]
        case "float":
            resource["valueQuantity"]["value"] = 1.5
        case "empty section":
            section = _entry("Composition", bundle)["resource"]["section"][0]
            del section["entry"], section["text"]
        case "dosage without dose":
            _entry("MedicationAdministration", bundle)["resource"]["dosage"] = {"route": {"text": "iv"}}
        case "period that ends before it starts":
            _entry("Encounter", bundle)["resource"]["period"]["end"] = "2020-01-01T00:00:00Z"
        case "naive time":
            resource["effectiveDateTime"] = "2026-03-23T10:00:00"
        case "no encounter":
            bundle["entry"].remove(_entry("Encounter", bundle))
        case "unknown member":
            resource["colour"] = "red"
        case "vital sign in a unit its profile does not take":
            resource["valueQuantity"]["unit"] = resource["valueQuantity"]["code"] = "1"
        case "half a blood pressure":
            del _panel(bundle)["component"][1]
        case "blood pressure in kPa":
            _panel(bundle)["component"][0]["valueQuantity"]["code"] = "kPa"
        case "component with nothing in it":
            del _panel(bundle)["component"][0]["valueQuantity"]
        case "pressure outside its panel":
            resource["code"]["coding"].append({"system": "http://loinc.org", "code": "8480-6"})
        case "batch":
            bundle["type"] = "batch"
        case _:
            raise AssertionError(what)


@pytest.mark.parametrize(
    "what",
    [
        "bogus status",
        "Patient with data",
        "value and reason",
        "neither value nor reason",
        "unit that is not UCUM",
        "quantity without system",
        "dangling reference",
        "reference to the wrong kind",
        "upper-case fullUrl",
        "the same fullUrl twice",
        "question mark in ifNoneExist",
        "no condition",
        "id of our own",
        "empty object",
        "no label",
        "float",
        "empty section",
        "dosage without dose",
        "period that ends before it starts",
        "naive time",
        "no encounter",
        "unknown member",
        "vital sign in a unit its profile does not take",
        "half a blood pressure",
        "blood pressure in kPa",
        "component with nothing in it",
        "pressure outside its panel",
        "batch",
    ],
)
def test_a_fault_of_a_spoilt_bundle_is_found(what: str) -> None:
    spoilt = copy.deepcopy(BUNDLES["typical"])
    _spoil(spoilt, what)
    assert faults_of(spoilt)


@pytest.mark.parametrize("mode", ["exact", "shifted", "safe_harbor"])
def test_what_lasts_less_than_a_second_leaves(mode: Any) -> None:
    brief = {
        "performed_at": "2026-03-23T12:00:00Z",
        "ended_at": "2026-03-23T12:00:00.350Z",
        "procedure": {"system": SNOMED, "code": "426220008"},
    }
    times = {"call": "2026-03-23T12:00:00.000Z", "handover": "2026-03-23T12:00:00.5Z"}
    made = bundle(golden.projection(golden.encounter(MINIMAL | {"times": times, "procedures": [brief]}), mode=mode))
    fit(made)
    for kind, member in (("Encounter", "period"), ("Procedure", "performedPeriod")):
        period = _entry(kind, made)["resource"][member]
        if mode == "exact":
            assert period["end"] < period["start"], "as texts, the later of the two comes first"
        else:
            assert period["end"] == period["start"], "moved times are told to the minute"


def test_faults_quote_no_value() -> None:
    spoilt = copy.deepcopy(BUNDLES["typical"])
    _entry("Patient", spoilt)["resource"]["gender"] = "CANARY"
    _entry("Observation", spoilt)["resource"]["CANARY2"] = "CANARY3"
    reasons = faults_of(spoilt)
    assert reasons
    assert "CANARY3" not in str(reasons)


def test_the_small_server_refuses_what_a_real_one_would() -> None:
    sent = json.loads(encode(BUNDLES["typical"]))
    sent["entry"][5]["resource"]["subject"]["reference"] = "urn:uuid:00000000-0000-8000-8000-000000000000"
    server = FhirServer()
    with pytest.raises(Refused):
        server.transaction(sent)
    assert server.resources == {}


@pytest.mark.full
def test_every_metric_a_device_may_send_makes_a_bundle_without_fault() -> None:
    one = golden.readings()[0]
    encounter = golden.encounter(MINIMAL)
    for metric in nomenclature.metrics().values():
        for unit in (
            "%",
            "/min",
            "{beats}/min",
            "mm[Hg]",
            "kPa",
            "Cel",
            "[degF]",
            "mg/dL",
            "mmol/L",
            "m",
            "cm",
            "kg",
            "mV",
        ):
            reading = copy.copy(one)
            reading.mdc_code, reading.mdc_code10, reading.unit_code = metric.refid, metric.code10, unit
            reading.value = Decimal("36.60")
            made = fit(bundle(golden.projection(encounter, [reading])))
            assert fhirkit.validate(encode(made).decode()) == []
    assert len(nomenclature.metrics()) == 121


def test_checks_find_nothing_in_what_they_are_meant_to_pass() -> None:
    assert [checks.problems_of(bundle) for bundle in BUNDLES.values()] == [[]] * len(BUNDLES)


def _observations(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    return [one["resource"] for one in bundle["entry"] if one["resource"]["resourceType"] == "Observation"]


def _codes(resource: dict[str, Any]) -> list[str]:
    return [coding["code"] for coding in resource["code"]["coding"]]


def _key(resource: dict[str, Any]) -> str:
    identifier = resource["identifier"]
    return str((identifier[0] if isinstance(identifier, list) else identifier)["value"])


def test_an_encounter_begins_with_its_first_time_though_the_record_was_begun_later() -> None:
    told = golden.encounter(MINIMAL, "in_progress")
    times = {"on_scene": "2026-03-23T09:20:00Z", "handover": "2026-03-23T09:50:00Z"}
    patch = http.convert({"times": times}, RecordPatch)
    told.record = amend.merge(told.record, patch, {"times": times}, golden.counted(100))
    period = _entry("Encounter", bundle(golden.projection(told)))["resource"]["period"]
    assert told.record.anchor == golden.BEGAN
    assert period == {"start": "2026-03-23T09:20:00Z", "end": "2026-03-23T09:50:00Z"}


# Sections whose Observations have no time of their own.
TIMELESS: dict[str, Any] = MINIMAL | {
    "times": {"call": "2025-03-23T10:00:00Z"},
    "patient": {"sex": "female", "age_years": 40},
    "complaint": {"text": "Chest pain", "informant": "patient"},
    "dispatch": {"category": "england_c1"},
    "triage": {"scale": "esi", "initial": "level_2"},
    "weight": {"value": {"value": 70, "unit": "kg"}},
    "pregnancy": {"status": "not_pregnant"},
    "directives": {"status": "none_known"},
    "injury": {"mechanism": "burn"},
    "arrest": {"rosc": True},
    "cpr": {"mechanical_device": True},
    "stroke": {"face": "abnormal", "nihss": 4},
    "disposition": {"outcome": "transported"},
}


def with_times(told: Encounter, **times: str | None) -> Encounter:
    """The encounter after a correction of its clock."""
    patch = http.convert({"times": times}, RecordPatch)
    record = amend.merge(told.record, patch, {"times": times}, golden.counted(100))
    return msgspec.structs.replace(told, record=record)


def times_of(found: dict[str, Any]) -> set[str]:
    resources = [entry["resource"] for entry in found["entry"]]
    return {one["effectiveDateTime"] for one in resources if one["resourceType"] == "Observation"}


def test_a_corrected_call_moves_all_that_has_no_time_of_its_own_also_where_it_was_sent() -> None:
    """The call was typed in the wrong year: a hospital that took the first state reads the second."""
    server, typed = FhirServer(), golden.encounter(TIMELESS)
    sent = bundle(golden.projection(typed))
    assert times_of(sent) == {"2025-03-23T10:00:00Z"}
    server.transaction(json.loads(encode(sent)))
    mended = with_times(typed, call="2026-03-23T10:00:00Z")
    server.transaction(json.loads(encode(bundle(golden.projection(mended)))))
    observations = server.of("Observation")
    assert len(observations) == 13
    assert {one["effectiveDateTime"] for one in observations} == {"2026-03-23T10:00:00Z"}
    told = handovers.source(mended)
    for made in (document_of(told, handovers.PDF), transaction_of(told, handovers.PDF)):
        assert times_of(made) == {"2026-03-23T10:00:00Z"}


def test_a_clock_that_was_corrected_back_is_sent_back() -> None:
    server, typed = FhirServer(), golden.encounter(TIMELESS)
    mended = with_times(typed, call="2026-03-23T10:00:00Z")
    server.transaction(json.loads(encode(bundle(golden.projection(mended)))))
    back = with_times(mended, call="2025-03-23T10:00:00Z")
    server.transaction(json.loads(encode(bundle(golden.projection(back)))))
    assert {one["effectiveDateTime"] for one in server.of("Observation")} == {"2025-03-23T10:00:00Z"}


def test_a_corrected_clock_changes_nothing_that_has_a_time_of_its_own() -> None:
    body = TIMELESS | {"weight": {"value": {"value": 70, "unit": "kg"}, "weighed_at": "2025-03-23T10:20:00Z"}}
    mended = with_times(golden.encounter(body), call="2025-03-23T10:05:00Z")
    methods = {
        entry["resource"]["effectiveDateTime"]: entry["request"]["method"]
        for entry in bundle(golden.projection(mended))["entry"]
        if entry["resource"]["resourceType"] == "Observation"
    }
    assert methods == {"2025-03-23T10:20:00Z": "POST", "2025-03-23T10:05:00Z": "PUT"}


def test_every_unit_is_ucum_and_what_crews_may_send_may_leave() -> None:
    parser = get_ucum_parser()
    for unit in sorted(checks.UNITS):
        parser.parse(unit)
    sent = (
        DOSE_UNITS
        | set(measurements.UNITS.values())
        | {unit for kind in Measurement.__subclasses__() for unit in kind.units}
    )
    assert sent <= checks.UNITS
