from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.device_ingest import checks, nomenclature
from services.device_ingest.models import AbsentReason, ObservationDraft
from shared.primitives import ids
from shared.web import http, problems

NOW = datetime(2026, 3, 23, 12, 0, tzinfo=UTC)


def check(device_class: str = "multiparameter", **fields: Any) -> checks.Checked:
    draft = {"mdc_code": "MDC_PULS_OXIM_SAT_O2", "value": Decimal("98.0"), "unit_code": "%"} | fields
    return checks.check(ObservationDraft(**draft), device_class, NOW)


def errors(device_class: str = "multiparameter", **fields: Any) -> dict[str, str]:
    with pytest.raises(problems.Problem) as caught:
        check(device_class, **fields)
    assert caught.value.status == 422
    return {error.pointer: error.detail for error in caught.value.errors}


def test_a_unit_that_is_refused_comes_with_the_accepted_ones_for_programs() -> None:
    for unit, code, nearest in (("mmHg", "enum", "mm[Hg]"), ("furlong", "enum", ""), (None, "required", "")):
        with pytest.raises(problems.Problem) as caught:
            check(mdc_code="MDC_AWAY_CO2_ET", value=Decimal(35), unit_code=unit)
        [fault] = caught.value.errors
        assert (fault.code, fault.allowed, fault.did_you_mean) == (code, ["mm[Hg]", "kPa"], nearest)


def test_a_value_keeps_the_digits_the_device_sent() -> None:
    assert str(check(value=Decimal("98.00")).value) == "98.00"


def test_all_that_is_wrong_is_named_at_once() -> None:
    wrong = errors(mdc_code="MDC_X", value=None, observed_at=NOW + timedelta(hours=1), encounter_id="enc_1")
    assert set(wrong) == {"/mdc_code", "/value", "/observed_at", "/encounter_id"}


@pytest.mark.parametrize("number", [-999, -100, 8388607, 2047, 8388608, 8388610, 2046, 2050, -8388608, -2048])
def test_a_sentinel_is_refused_with_the_reason_to_send_instead(number: int) -> None:
    assert "data_absent_reason" in errors(value=Decimal(number))["/value"]


@pytest.mark.parametrize("text", ["-999.0", "2047.00", "-1E+2"])
def test_a_sentinel_is_known_however_it_is_written(text: str) -> None:
    assert "data_absent_reason" in errors(value=Decimal(text))["/value"]


@pytest.mark.parametrize(
    ("number", "reason"),
    [(0x7FFFFF, "not-a-number"), (0x7FE, "positive-infinity"), (0x800002, "negative-infinity"), (0x800, "error")],
)
def test_the_reason_offered_is_the_one_the_special_stands_for(number: int, reason: str) -> None:
    assert f'"{reason}"' in errors(value=Decimal(number))["/value"]


@pytest.mark.parametrize(
    ("mdc_code", "value", "unit"),
    [
        ("MDC_ECG_AMPL_ST_II", 2047, "uV"),
        ("MDC_ECG_TIME_PD_RR_GL", 2047, "ms"),
        ("MDC_PULS_OXIM_SAT_O2_DIFF", -100, "%"),
        ("MDC_IMPED_TTHOR", 2048, "Ohm"),
    ],
)
def test_a_number_that_is_elsewhere_a_sentinel_stands_where_it_is_plausible(
    mdc_code: str, value: int, unit: str
) -> None:
    assert check(mdc_code=mdc_code, value=Decimal(value), unit_code=unit).flags == []


@pytest.mark.parametrize(
    ("mdc_code", "value", "unit"),
    [
        ("MDC_TEMP_BODY", "384.5", "Cel"),
        ("MDC_PULS_OXIM_SAT_O2", "0.98", "%"),
        ("MDC_ECG_HEART_RATE", "999", "/min"),
        ("MDC_CONC_AWAY_CO2_ET", "38", "%"),
        ("MDC_TEMP_BODY", "37.0", "[degF]"),
        ("MDC_TEMP_BODY", "98.6", "Cel"),
        ("MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD", "100", "mmol/L"),
        ("MDC_PRESS_BLD_NONINV_SYS", "120", "kPa"),
    ],
)
def test_an_implausible_value_is_kept_and_flagged(mdc_code: str, value: str, unit: str) -> None:
    reading = check(mdc_code=mdc_code, value=Decimal(value), unit_code=unit)
    assert (str(reading.value), reading.flags) == (value, ["out-of-range"])


@pytest.mark.parametrize(
    ("mdc_code", "value", "unit"),
    [
        ("MDC_ECG_HEART_RATE", "0", "/min"),
        ("MDC_CONC_AWAY_CO2_ET", "5.1", "%"),
        ("MDC_CONC_AWAY_CO2_ET", "38", "mm[Hg]"),
        ("MDC_CONC_AWAY_CO2_ET", "5.1", "kPa"),
        ("MDC_TEMP_BODY", "98.6", "[degF]"),
        ("MDC_TEMP_BODY", "13.7", "Cel"),
        ("MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD", "5.5", "mmol/L"),
        ("MDC_CONC_HBA1C", "48", "mmol/mol"),
        ("MDC_PRESS_BLD_NONINV_SYS", "16.0", "kPa"),
        ("MDC_TEMP_DIFF", "-3", "[degF]"),
        ("MDC_PRESS_BLD_VEN_CENT_MEAN", "8", "cm[H2O]"),
        ("MDC_CONC_AWAY_O2_INSP", "160", "mm[Hg]"),
        ("MDC_MASS_BODY_ACTUAL", "180", "[lb_av]"),
        ("MDC_ECG_TIME_PD_QT_GL", "0.41", "s"),
    ],
)
def test_the_range_holds_in_each_unit(mdc_code: str, value: str, unit: str) -> None:
    device_class = min(nomenclature.find(mdc_code).device_classes)
    assert check(device_class, mdc_code=mdc_code, value=Decimal(value), unit_code=unit).flags == []


@pytest.mark.parametrize(
    ("mdc_code", "unit", "hint"),
    [
        ("MDC_ECG_HEART_RATE", "bpm", "write /min"),
        ("MDC_ECG_HEART_RATE", "BPM", "write /min"),
        ("MDC_PRESS_BLD_NONINV_SYS", "mmHg", "write mm[Hg]"),
        ("MDC_TEMP_BODY", "°C", "write Cel"),
        ("MDC_TEMP_BODY", "C", "write Cel"),
        ("MDC_TEMP_BODY", "MDC_DIM_FAHR", "write [degF]"),
        ("MDC_TEMP_BODY", "266560^MDC_DIM_FAHR^MDC", "write [degF]"),
        ("MDC_PULS_OXIM_SAT_O2", "percent", "write %"),
        ("MDC_PULS_OXIM_SAT_O2", "262688", "write %"),
        ("MDC_CONC_GLU_GEN", "mg/dl", "write mg/dL"),
        ("MDC_CONC_GLU_GEN", "mmol/l", "write mmol/L"),
        ("MDC_ECG_HEART_RATE", "264864", "write {beat}/min"),
    ],
)
def test_a_unit_that_is_not_ucum_is_refused_with_a_hint(mdc_code: str, unit: str, hint: str) -> None:
    assert hint in errors(mdc_code=mdc_code, value=Decimal(100), unit_code=unit)["/unit_code"]


@pytest.mark.parametrize("unit", ["268224^MDC_DIM_DEGF^MDC", "MDC_DIM_DEGF", " Cel", "Cel ", "cel", "", "%"])
def test_a_unit_that_means_nothing_here_is_refused(unit: str) -> None:
    assert "Cel, [degF]" in errors(mdc_code="MDC_TEMP_BODY", value=Decimal(37), unit_code=unit)["/unit_code"]


def test_ucum_in_another_case_is_another_unit_and_gets_the_right_spelling() -> None:
    assert errors(mdc_code="MDC_TEMP_BODY", value=Decimal(37), unit_code="cel")["/unit_code"].endswith("write Cel")


@pytest.mark.parametrize("reason", get_args(AbsentReason))
def test_a_reason_may_stand_instead_of_a_value(reason: AbsentReason) -> None:
    reading = check(value=None, unit_code=None, data_absent_reason=reason)
    assert (reading.value, reading.data_absent_reason, reading.unit_code, reading.flags) == (None, reason, None, [])


def test_a_reason_may_name_the_unit_but_only_one_of_the_code() -> None:
    assert check(value=None, data_absent_reason="error").unit_code == "%"
    assert set(errors(value=None, unit_code="Cel", data_absent_reason="error")) == {"/unit_code"}


def test_a_reason_beside_a_value_is_refused() -> None:
    assert set(errors(data_absent_reason="error")) == {"/data_absent_reason"}


def test_neither_value_nor_reason_is_refused() -> None:
    assert set(errors(value=None)) == {"/value"}


def test_a_value_without_a_unit_is_refused_naming_the_units() -> None:
    assert errors(unit_code=None)["/unit_code"].endswith("MDC_PULS_OXIM_SAT_O2 allows %")


@pytest.mark.parametrize("ago", [timedelta(days=7), timedelta(0), -timedelta(minutes=5)])
def test_the_bounds_of_time_are_inclusive(ago: timedelta) -> None:
    assert check(observed_at=NOW - ago).observed_at == NOW - ago


@pytest.mark.parametrize("ago", [timedelta(days=7, microseconds=1), -timedelta(minutes=5, microseconds=1)])
def test_a_time_too_old_or_ahead_is_refused(ago: timedelta) -> None:
    assert set(errors(observed_at=NOW - ago)) == {"/observed_at"}


def test_without_a_time_it_is_now() -> None:
    assert check().observed_at == NOW


def test_an_encounter_is_named_by_an_id_of_ours() -> None:
    encounter_id = ids.new_id("enc")
    assert check(encounter_id=encounter_id).encounter_id == encounter_id
    for other in ("", "enc_1", ids.new_id("dev"), encounter_id.upper()):
        assert set(errors(encounter_id=other)) == {"/encounter_id"}


def test_a_demonstration_is_marked_as_a_test() -> None:
    assert check(test=True).test is True
    assert check().test is False


@pytest.mark.parametrize("text", [b'"98.0"', b"true", b'"NaN"', b"[98]", b"{}"])
def test_a_value_is_a_json_number_or_nothing(text: bytes) -> None:
    body = b'{"mdc_code": "MDC_PULS_OXIM_SAT_O2", "unit_code": "%", "value": ' + text + b"}"
    with pytest.raises(problems.Problem) as caught:
        http.decode_bytes(body, ObservationDraft)
    assert (caught.value.status, caught.value.errors[0].pointer) == (422, "/value")


@pytest.mark.parametrize("text", [b"NaN", b"Infinity", b"-Infinity", b"1e999999999"])
def test_a_bare_special_or_a_monstrous_number_is_malformed(text: bytes) -> None:
    body = b'{"mdc_code": "MDC_PULS_OXIM_SAT_O2", "unit_code": "%", "value": ' + text + b"}"
    with pytest.raises(problems.Problem) as caught:
        http.decode_bytes(body, ObservationDraft)
    assert caught.value.status == 400


@given(
    st.sampled_from([metric for metric in nomenclature.metrics() if metric.accept == "numeric"]),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9),
    st.data(),
)
def test_any_value_of_a_known_metric_is_kept_as_it_is_or_refused_as_a_sentinel(
    metric: nomenclature.Metric, value: Decimal, data: st.DataObject
) -> None:
    unit = data.draw(st.sampled_from(list(metric.units)))
    device_class = data.draw(st.sampled_from(sorted(metric.device_classes)))
    try:
        reading = check(device_class, mdc_code=metric.refid, value=value, unit_code=unit)
    except problems.Problem:
        assert value in checks.SENTINELS
    else:
        assert reading.value is value
        assert bool(reading.flags) is not metric.units[unit].holds(value)
