"""Facts for the quality indicators, and events for subscribers."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.epcr.encounters import events
from services.epcr.encounters.facts import DRUGS, METRICS, PROCEDURES, facts_of, kind_of_drug, kind_of_procedure
from services.epcr.fhir import nomenclature
from services.epcr.records import amend
from services.epcr.records.care import ATC, RXNORM, SNOMED, is_snomed_id
from services.epcr.records.models import LinkedObservation, RecordPatch
from shared.messaging.messages import CodedFact, EncounterFacts, Event
from shared.web import http
from tests.epcr import golden
from tests.epcr.samples import EVERYTHING, MINIMAL, REFUSAL, TYPICAL, at
from tests.support.messages import require_valid

ROOT = Path(__file__).parents[2]
MESSAGES = ROOT / "tests" / "messages"
KNOWN = {metric.refid for metric in nomenclature.metrics().values()}


def facts(body: dict[str, Any], status: Any = "completed") -> EncounterFacts:
    return facts_of(golden.encounter(body, status), [])


def test_facts_of_everything_are_the_golden_message_that_graphql_api_reads() -> None:
    told = facts_of(golden.encounter(EVERYTHING, "handed_over", revision=7, test=True), [])
    expected = json.loads((MESSAGES / "graphql_api.encounter_facts.v1.json").read_text())
    assert json.loads(http.encode(told)) == expected


def test_a_heart_attack_is_told_by_kind() -> None:
    told = facts(TYPICAL)
    assert told.impressions == ["I21.1", "I10"]
    assert told.conditions == ["stemi"]
    assert [one.kind for one in told.medications] == ["aspirin", "analgesic", "gtn", "oxygen"]
    assert [one.not_done_reason for one in told.medications] == [None, None, "contraindicated", None]
    assert [one.kind for one in told.procedures] == ["ecg_12_lead", "other", "oxygen"]
    assert (told.age_years, told.sex, told.transported, told.prealert) == (67, "female", True, True)
    pains = [(str(one.value), one.at and one.at.isoformat()) for one in told.vitals if one.kind == "pain"]
    assert pains == [("8", "2026-03-23T10:12:00+00:00"), ("3", "2026-03-23T10:34:00+00:00")]


def test_nothing_of_the_patient_stands_in_the_facts() -> None:
    text = http.encode(facts(TYPICAL)).decode()
    for secret in (
        "Murphy",
        "Aoife",
        "1958",
        "7654321PA",
        "Weavers",
        "555 0100",
        "kitchen",
        "usr_1",
        "University",
        "Inferior",
        "AMB-42",
    ):
        assert secret not in text


def test_what_was_entered_in_error_is_no_fact() -> None:
    entry = {"entered_in_error": True}
    body = MINIMAL | {
        "vital_signs": [{"taken_at": at("10:00:00"), "spo2": 80} | entry],
        "procedures": [TYPICAL["procedures"][0] | entry],
        "medications": [TYPICAL["medications"][0] | entry],
    }
    told = facts(body)
    assert (told.vitals, told.procedures, told.medications, told.conditions) == ([], [], [], [])


def test_signs_of_a_stroke_are_told_as_one_result() -> None:
    told = facts(REFUSAL)
    assert [(one.kind, one.text) for one in told.vitals if one.kind == "fast"] == [("fast", "negative")]
    assert told.stroke is not None
    assert told.stroke.fast_assessed is True
    assert facts(MINIMAL | {"stroke": {"face": "abnormal"}}).vitals[0].text == "positive"


@pytest.mark.parametrize(
    ("patient", "age", "newborn"),
    [
        (None, None, None),
        ({"sex": "male"}, None, None),
        ({"birth_date": "2026-03-23"}, 0, True),
        ({"birth_date": "2026-03-22"}, 0, False),
        ({"age_years": 0}, 0, False),
        ({"birth_date": "1920-01-01"}, 90, False),
        # Born after midnight, of a call before it.
        ({"birth_date": "2026-03-24"}, 0, True),
    ],
)
def test_ages_are_told_as_far_as_they_are_known(patient: Any, age: int | None, newborn: bool | None) -> None:
    told = facts(MINIMAL | {"patient": patient})
    assert (told.age_years, told.newborn) == (age, newborn)


def test_a_mission_counts_on_the_day_of_its_call_however_late_that_is_written() -> None:
    told = golden.encounter(MINIMAL | {"patient": {"birth_date": "2026-03-22"}})
    before = facts_of(told, [])
    times = {"handover": "2026-03-23T00:40:00Z", "call": "2026-03-22T23:40:00Z"}
    told.record = amend.merge(
        told.record, http.convert({"times": times}, RecordPatch), {"times": times}, golden.counted()
    )
    after = facts_of(told, [])
    assert (before.day.isoformat(), before.newborn) == ("2026-03-23", False)
    assert (after.day.isoformat(), after.newborn, after.age_years) == ("2026-03-22", True, 0)
    assert told.record.anchor == golden.BEGAN


def test_of_a_monitors_many_readings_four_are_told() -> None:
    one = golden.readings()[0]
    values = ["95", "91", "99", "97", "96"]
    series = [
        msgspec.structs.replace(one, id=f"obs_{n}", value=golden.Decimal(value)) for n, value in enumerate(values)
    ]
    told = facts_of(golden.encounter(MINIMAL), series)
    assert [str(vital.value) for vital in told.vitals] == ["95", "91", "99", "96"]


def reading(refid: str, value: str, unit: str, minute: int = 0) -> LinkedObservation:
    return msgspec.structs.replace(
        golden.readings()[0],
        id=f"obs_{refid}_{minute}_{unit}",
        mdc_code=refid,
        value=golden.Decimal(value),
        unit_code=unit,
        observed_at=golden.BEGAN + timedelta(minutes=minute),
    )


def told_of(*readings: LinkedObservation, **record: Any) -> list[tuple[str, str, str | None]]:
    vitals = facts_of(golden.encounter(MINIMAL | record), list(readings)).vitals
    return [(one.kind, str(one.value), one.unit) for one in vitals]


def test_of_end_tidal_co2_the_highest_after_the_airway_is_told_too() -> None:
    airway = {"performed_at": at("10:05:00"), "procedure": {"system": SNOMED, "code": "112798008"}}
    breaths = [
        reading("MDC_CONC_AWAY_CO2_ET", value, "mm[Hg]", minute)
        for minute, value in ((1, "20"), (3, "45"), (5, "38"), (7, "36"), (30, "2"))
    ]
    placed = [airway | {"outcome": "successful"}]
    assert [value for _, value, _ in told_of(*breaths, procedures=placed)] == ["20", "2", "45", "38"]
    for none in (airway | {"outcome": "unsuccessful"}, placed[0] | {"entered_in_error": True}):
        assert [value for _, value, _ in told_of(*breaths, procedures=[none])] == ["20", "2", "45"]


def test_of_end_tidal_co2_the_highest_after_an_attempt_that_succeeded_is_told_too() -> None:
    tried = {"attempted_at": at("10:05:00"), "device": "endotracheal_tube", "successful": True}
    breaths = [
        reading("MDC_CONC_AWAY_CO2_ET", value, "mm[Hg]", minute)
        for minute, value in ((1, "20"), (3, "45"), (5, "38"), (7, "36"), (30, "2"))
    ]
    assert [value for _, value, _ in told_of(*breaths, airway_attempts=[tried])] == ["20", "2", "45", "38"]
    for none in ({"successful": False}, {"prior_to_arrival": True}, {"entered_in_error": True}):
        assert [value for _, value, _ in told_of(*breaths, airway_attempts=[tried | none])] == ["20", "2", "45"]


@pytest.mark.parametrize(
    ("ending", "alerted"),
    [
        ({"prealert_for": "trauma"}, True),
        ({"prealert_at": at("10:30:00")}, True),
        ({"prealert": True}, True),
        ({"prealert": False}, False),
        ({"outcome": "transported"}, None),
    ],
)
def test_an_alert_with_a_time_or_a_reason_was_given(ending: dict[str, Any], alerted: bool | None) -> None:
    assert facts(MINIMAL | {"disposition": ending}).prealert is alerted


def test_readings_in_two_units_are_not_ranked_against_each_other() -> None:
    glucose = "MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD"
    series = [("100", "mg/dL"), ("55", "mg/dL"), ("6.0", "mmol/L"), ("110", "mg/dL")]
    told = told_of(*(reading(glucose, value, unit, minute) for minute, (value, unit) in enumerate(series)))
    assert told == [("glucose", value, unit) for value, unit in (series[0], series[1], series[3], series[2])]


def test_a_pressure_in_kilopascals_is_told_in_the_unit_crews_write() -> None:
    told = told_of(
        reading("MDC_PRESS_BLD_NONINV_SYS", "16", "kPa"), reading("MDC_PRESS_BLD_NONINV_DIA", "80", "mm[Hg]", 1)
    )
    assert told == [("systolic", "120.00992", "mm[Hg]"), ("diastolic", "80", "mm[Hg]")]


def test_glucose_of_blood_is_told_whatever_the_sample_but_not_interstitial_glucose() -> None:
    blood = {refid for refid in KNOWN if refid.startswith("MDC_CONC_GLU_")} - {"MDC_CONC_GLU_ISF"}
    assert len(blood) == 9
    assert all(told_of(reading(refid, "4.0", "mmol/L")) == [("glucose", "4.0", "mmol/L")] for refid in blood)
    assert told_of(reading("MDC_CONC_GLU_ISF", "4.0", "mmol/L"), reading("MDC_CONC_GLU_CONTROL", "4", "mmol/L")) == []


def test_every_metric_told_is_one_that_devices_may_send() -> None:
    listed = [refid for refids in METRICS.values() for refid in refids]
    assert set(listed) <= KNOWN
    assert len(listed) == len(set(listed))


def test_neither_an_implausible_observation_nor_test_data_is_a_fact() -> None:
    one = golden.readings()[0]
    flagged = msgspec.structs.replace(one, id="obs_f", flags=["out-of-range"])
    tested = msgspec.structs.replace(one, id="obs_r", test=True)
    assert facts_of(golden.encounter(MINIMAL), [flagged, tested]).vitals == []
    assert len(facts_of(golden.encounter(MINIMAL), [flagged, one, tested]).vitals) == 1


@pytest.mark.parametrize(
    ("system", "code", "kind"),
    [
        (ATC, "B01AC06", "aspirin"),
        (ATC, "N02BA01", "aspirin"),
        (ATC, "N02AA01", "analgesic"),
        (ATC, "N05BA06", "benzodiazepine"),
        (ATC, "R03AC02", "beta_agonist"),
        (ATC, "R03AL01", "beta_agonist"),
        (ATC, "R03AL02", "beta_agonist"),
        (ATC, "R03AK13", "beta_agonist"),
        (ATC, "R03AL03", "other"),
        (ATC, "R03AK06", "other"),
        (ATC, "C01CA24", "other"),
        (RXNORM, "7806", "oxygen"),
        (SNOMED, "387404004", "gtn"),
        (RXNORM, "387404004", "unknown"),
        (RXNORM, "372326", "glucose"),
        (RXNORM, "214199", "beta_agonist"),
        (ATC, "R03CC03", "other"),
        (RXNORM, "7443", "unknown"),
    ],
)
def test_a_drug_is_of_a_kind_in_every_code_system(system: str, code: str, kind: str) -> None:
    assert kind_of_drug(system, code) == kind


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("71388002", "other"),
        ("78121007", "other"),
        ("232674004", "advanced_airway"),
        ("450611000124100", "advanced_airway"),
        ("450661000124102", "defibrillation"),
    ],
)
def test_a_procedure_is_of_the_kind_it_is_listed_under(code: str, kind: str) -> None:
    assert kind_of_procedure(code) == kind


def test_every_kind_of_act_that_the_message_names_has_codes() -> None:
    drugs, acts = re.findall(r"`(\w+(?: \w+)+ other(?: unknown)?)`", " ".join((CodedFact.__doc__ or "").split()))
    assert set(drugs.split()) == {*DRUGS, "other", "unknown"}
    assert set(acts.split()) == {*PROCEDURES, "other"}


@pytest.mark.parametrize(
    "code",
    [
        *(code for codes in PROCEDURES.values() for code in codes),
        *(code for systems in DRUGS.values() for code in systems.get(SNOMED, ())),
    ],
)
def test_snomed_codes_are_codes_that_a_record_takes(code: str) -> None:
    assert is_snomed_id(code)


def test_food_for_low_glucose_is_told_as_a_treatment_of_it() -> None:
    fed = {"performed_at": at("10:15:00"), "procedure": {"system": SNOMED, "code": "710925007"}}
    assert [one.kind for one in facts(MINIMAL | {"procedures": [fed]}).procedures] == ["oral_glucose"]


@pytest.mark.parametrize("before", ["in_progress", "completed"])
def test_events_follow_their_published_schemas(before: Any) -> None:
    encounter = golden.encounter(TYPICAL)
    sent: list[Event] = [
        events.created(encounter)[0],
        events.changed(encounter, before, facts_of(encounter, []), [])[0],
    ]
    assert [event.type for event in sent][1] == (
        "epcr.encounter.completed" if before == "in_progress" else "epcr.encounter.updated"
    )
    for event in sent:
        require_valid(event.type, event.data)
