import csv
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.device_ingest import checks, nomenclature
from services.device_ingest.models import ObservationDraft
from services.device_ingest.nomenclature import DATA, Metric, UnknownCode
from shared.web import http, problems
from tests.support.cases import cases

NOW = datetime(2026, 3, 23, 12, 0, tzinfo=UTC)
CLASSES = {"defib", "ecg", "oximeter", "bp", "glucose", "etco2", "thermometer", "multiparameter"}
ALL_UNITS = {unit for metric in nomenclature.metrics() for unit in metric.units}


def rows(accepted: bool) -> list[dict[str, str]]:
    with (DATA / "mdc_codes.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if (row["accept"] == "numeric") is accepted]


def plausible(metric: Metric, unit: str) -> Decimal:
    """A value in the middle of the metric's range in that unit."""
    low, high = metric.units[unit]
    return Decimal(1) if low is None or high is None else round((low + high) / 2, 1)


def check(mdc_code: str | int, value: Decimal, unit_code: str, device_class: str) -> checks.Checked:
    return checks.check(ObservationDraft(mdc_code=mdc_code, value=value, unit_code=unit_code), device_class, NOW)


def refusal(mdc_code: str | int, value: Decimal, unit_code: str, device_class: str) -> dict[str, str]:
    with pytest.raises(problems.Problem) as caught:
        check(mdc_code, value, unit_code, device_class)
    assert caught.value.status == 422
    return {error.pointer: error.detail for error in caught.value.errors}


def test_every_numeric_row_is_taken_with_each_of_its_units_and_classes_and_no_other() -> None:
    with cases() as every:
        for row in rows(accepted=True):
            with every.case(row["refid"]):
                is_taken_with_its_units_and_classes_alone(row)


def is_taken_with_its_units_and_classes_alone(row: dict[str, str]) -> None:
    metric = nomenclature.find(row["refid"])
    classes, units = set(row["device_classes"].split("|")), row["ucum_units"].split("|")
    assert classes <= CLASSES
    for device_class in classes:
        for unit in units:
            reading = check(row["refid"], plausible(metric, unit), unit, device_class)
            assert (reading.metric.code10, reading.unit_code, reading.flags) == (int(row["code10"]), unit, [])
    for other_class in CLASSES - classes:
        assert "/mdc_code" in refusal(row["refid"], plausible(metric, units[0]), units[0], other_class)
    for other_unit in ALL_UNITS - set(units):
        refused = refusal(row["refid"], Decimal(1), other_unit, next(iter(classes)))
        assert ", ".join(units) in refused["/unit_code"]


def test_every_numeric_row_flags_what_lies_beyond_its_range() -> None:
    with cases() as every:
        for row in rows(accepted=True):
            with every.case(row["refid"]):
                device_class, unit = row["device_classes"].split("|")[0], row["ucum_units"].split("|")[0]
                low, high = Decimal(row["plausible_low"]), Decimal(row["plausible_high"])
                assert check(row["refid"], low, unit, device_class).flags == []
                assert check(row["refid"], high, unit, device_class).flags == []
                assert check(row["refid"], low - Decimal("0.5"), unit, device_class).flags == ["out-of-range"]
                assert check(row["refid"], high + Decimal("0.5"), unit, device_class).flags == ["out-of-range"]


@pytest.mark.parametrize("row", rows(accepted=False), ids=lambda row: row["refid"])
def test_every_other_row_is_refused_saying_why(row: dict[str, str]) -> None:
    reasons = {"waveform": "waveform", "compound": "systolic, diastolic", "never": "control solution"}
    refused = refusal(row["refid"], Decimal(50), row["ucum_units"].split("|")[0], row["device_classes"].split("|")[0])
    assert reasons[row["accept"]] in refused["/mdc_code"]


def test_no_two_rows_share_a_code() -> None:
    codes = [metric.code10 for metric in nomenclature.metrics()]
    assert len(codes) == len(set(codes)) == 124


@pytest.mark.parametrize(
    "spelling", ["MDC_PULS_OXIM_SAT_O2", "150456", 150456, "150456^MDC_PULS_OXIM_SAT_O2^MDC"], ids=repr
)
def test_a_code_may_be_written_as_reference_id_as_number_or_as_both(spelling: str | int) -> None:
    assert nomenclature.find(spelling).refid == "MDC_PULS_OXIM_SAT_O2"


@pytest.mark.parametrize("spelling", ["MDC_ECG_CARD_BEAT_RATE", "147842^MDC_ECG_CARD_BEAT_RATE^MDC"])
def test_the_second_name_of_a_code_is_an_alias_of_the_first(spelling: str) -> None:
    assert nomenclature.find(spelling).refid == "MDC_ECG_HEART_RATE"


@pytest.mark.parametrize(
    ("spelling", "why"),
    [
        ("150017^MDC_PRESS_BLD_NONINV_SYS^MDC", "150017 is MDC_PRESS_BLD_SYS, and MDC_PRESS_BLD_NONINV_SYS is 150021"),
        ("150324^MDC_PULS_OXIM_SAT_O2^MDC", "150324 is MDC_SAT_O2_ART, and MDC_PULS_OXIM_SAT_O2 is 150456"),
        ("150456^MDC_PULS_OXIM_SAT_O2^LN", "code^refid^MDC"),
        ("150456^MDC_PULS_OXIM_SAT_O2", "code^refid^MDC"),
        ("MDC_PULS_OXIM_SAT_O2^150456^MDC", "not a known MDC code"),
        ("150456^MDC_NO_SUCH_THING^MDC", "not a known MDC code"),
        ("2708-6", "LOINC code; the MDC code for it is MDC_PULS_OXIM_SAT_O2"),
        ("mdc_puls_oxim_sat_o2", "upper-case: MDC_PULS_OXIM_SAT_O2"),
        ("19384", "without its partition; MDC_PULS_OXIM_SAT_O2 is 150456"),
        (0x2F123, "private code"),
        ("MDC_DEFIB_SHOCK_ENERGY", "not a known MDC"),
        (999999, "not a known MDC code"),
        ("", "not a known MDC"),
        ("٣٤", "not a known MDC"),
        (-1, "not a known MDC"),
    ],
    ids=repr,
)
def test_a_code_that_names_nothing_or_two_things_is_refused_saying_why(spelling: str | int, why: str) -> None:
    with pytest.raises(UnknownCode, match=why.replace("^", r"\^")):
        nomenclature.find(spelling)


@given(st.one_of(st.text(), st.integers()))
def test_whatever_the_code_it_is_found_or_refused_in_words(code: str | int) -> None:
    known = {name for metric in nomenclature.metrics() for name in (metric.refid, metric.code10, str(metric.code10))}
    if code in known:
        assert nomenclature.find(code) is not None
    else:
        with pytest.raises(UnknownCode, match=r"^(is|must|contradicts) .{10}"):
            nomenclature.find(code)


def test_a_number_in_json_may_name_a_code() -> None:
    body = b'{"mdc_code": 150456, "value": 98.0, "unit_code": "%"}'
    reading = checks.check(http.decode_bytes(body, ObservationDraft), "oximeter", NOW)
    assert (reading.metric.refid, str(reading.value)) == ("MDC_PULS_OXIM_SAT_O2", "98.0")
