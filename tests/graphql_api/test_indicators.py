"""Each indicator by hand: who counts, who does not, and why."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.graphql_api.acqi.indicators import BY_NAME, INDICATORS, contributions
from shared.messaging.messages import ArrestFact, CodedFact, EncounterFacts, OutcomeFact, StrokeFact, VitalFact

CALL = datetime(2026, 3, 1, 12, tzinfo=UTC)
SCENE = CALL + timedelta(minutes=7, seconds=30)


def at(minutes: float) -> datetime:
    return SCENE + timedelta(minutes=minutes)


def encounter(**facts: Any) -> EncounterFacts:
    usual: dict[str, Any] = {
        "encounter_id": "enc_1",
        "version": 1,
        "day": date(2026, 3, 1),
        "status": "completed",
        "care_model": "prehospital_emergency",
        "response": "emergency",
        "age_years": 60,
        "times": {"call": CALL, "on_scene": SCENE},
        "transported": True,
    }
    return EncounterFacts(**(usual | facts))


def vital(kind: str, value: float | str, unit: str | None = None, minutes: float = 1) -> VitalFact:
    if isinstance(value, str):
        return VitalFact(kind=kind, text=value, at=at(minutes))
    return VitalFact(kind=kind, value=Decimal(str(value)), unit=unit, at=at(minutes))


def act(kind: str, reason: str | None = None, minutes: float = 2, successful: bool | None = None) -> CodedFact:
    return CodedFact(kind=kind, at=at(minutes), not_done_reason=reason, successful=successful)


def arrest(**fields: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "resuscitation_attempted": True,
        "aetiology": "presumed_cardiac",
        "witnessed": "bystander",
        "initial_rhythm": "vf",
        "rosc_at_handover": True,
        "first_shock_at": at(2.5),
        "bystander_cpr": True,
        "survived_to_discharge": True,
        "cpc": 1,
    }
    return {"arrest": ArrestFact(**(usual | fields))}


def stemi(*medications: CodedFact, **more: Any) -> dict[str, Any]:
    return {"conditions": ["stemi"], "medications": list(medications)} | more


def stroke(**fields: Any) -> dict[str, Any]:
    return {"stroke": StrokeFact(**({"suspected": True} | fields))}


TREATED = (act("aspirin"), act("gtn"), act("analgesic"))
PAIN = [vital("pain", 8, minutes=1), vital("pain", 3, minutes=9)]
PRESSURE = [vital("systolic", 150), vital("diastolic", 90)]
SIGNS = [*PRESSURE, vital("heart_rate", 80), vital("respiratory_rate", 14), vital("spo2", 98)]
INJURED: dict[str, Any] = {"injury": True}
AIRWAY = act("advanced_airway", minutes=5, successful=True)
LOW_SUGAR = vital("glucose", 3.2, "mmol/L")


def reported(**fields: Any) -> dict[str, Any]:
    return {"hospital": OutcomeFact(**fields)}


CENTRE, WARD = {"destination_type": "trauma_centre"}, {"destination_type": "emergency_department"}
CASES: list[tuple[str, Any, dict[str, Any]]] = [
    ("survival_30_days", "met", arrest() | reported(alive_at_30_days=True)),
    ("survival_30_days", "not_met", arrest() | reported(alive_at_30_days=False)),
    ("survival_30_days", "unknown", arrest() | reported()),
    ("survival_30_days", "unknown", arrest()),
    ("survival_30_days", None, arrest(resuscitation_attempted=False) | reported(alive_at_30_days=True)),
    ("survival_30_days", None, reported(alive_at_30_days=True)),
    ("good_mrs_outcome", "met", arrest() | reported(mrs=3)),
    ("good_mrs_outcome", "not_met", arrest() | reported(mrs=4)),
    ("good_mrs_outcome", "unknown", arrest() | reported()),
    ("good_mrs_outcome", None, arrest()),
    ("good_mrs_outcome", None, arrest(survived_to_discharge=False) | reported(mrs=6)),
    ("good_mrs_outcome", "met", arrest(survived_to_discharge=None) | reported(alive_at_30_days=True, mrs=0)),
    ("trauma_undertriage", "met", WARD | reported(injury_severity_score=16)),
    ("trauma_undertriage", "not_met", CENTRE | reported(injury_severity_score=16)),
    ("trauma_undertriage", "unknown", reported(injury_severity_score=16)),
    ("trauma_undertriage", None, WARD | reported(injury_severity_score=15)),
    ("trauma_undertriage", None, WARD | reported(injury_severity_score=16) | {"transported": False}),
    ("trauma_undertriage", None, WARD),
    ("trauma_overtriage", "met", CENTRE | reported(injury_severity_score=15)),
    ("trauma_overtriage", "not_met", CENTRE | reported(injury_severity_score=16)),
    ("trauma_overtriage", None, WARD | reported(injury_severity_score=15)),
    ("trauma_overtriage", None, CENTRE | reported()),
    ("rosc_at_hospital", "met", arrest()),
    ("rosc_at_hospital", "not_met", arrest(rosc_at_handover=False)),
    ("rosc_at_hospital", "not_met", arrest(rosc_at_handover=None, rosc=False)),
    ("rosc_at_hospital", "unknown", arrest(rosc_at_handover=None, rosc=True)),
    ("rosc_at_hospital", "excluded", arrest(dnar=True)),
    ("rosc_at_hospital", "excluded", arrest(recognised_dead=True)),
    ("rosc_at_hospital", "excluded", arrest(aetiology="drowning")),
    ("rosc_at_hospital", "met", arrest(aetiology="respiratory")),
    ("rosc_at_hospital", None, arrest(resuscitation_attempted=False)),
    ("rosc_at_hospital", None, arrest(resuscitation_attempted=None)),
    ("rosc_at_hospital", None, {}),
    ("rosc_utstein", "met", arrest()),
    ("rosc_utstein", "met", arrest(aetiology=None)),
    ("rosc_utstein", None, arrest(aetiology="other")),
    ("rosc_utstein", None, arrest(initial_rhythm="asystole")),
    ("rosc_utstein", None, arrest(witnessed="unwitnessed")),
    ("rosc_utstein", "excluded", arrest(witnessed="ems")),
    ("rosc_utstein", "unknown", arrest(witnessed=None)),
    ("rosc_utstein", None, arrest() | {"age_years": 17}),
    ("rosc_utstein", "met", arrest() | {"age_years": 18}),
    ("rosc_utstein", "unknown", arrest() | {"age_years": None}),
    ("rosc_survival", "met", arrest(initial_rhythm="asystole", aetiology="trauma")),
    ("rosc_survival", "not_met", arrest(survived_to_discharge=False)),
    ("rosc_survival", "unknown", arrest(survived_to_discharge=None)),
    ("survival_utstein", "met", arrest(witnessed="ems")),
    ("survival_utstein", None, arrest(aetiology="overdose")),
    ("survival_utstein", None, arrest(witnessed="unwitnessed")),
    ("survival_utstein", "unknown", arrest(survived_to_discharge=None)),
    ("good_neuro_outcome", "met", arrest(cpc=2)),
    ("good_neuro_outcome", "not_met", arrest(cpc=3)),
    ("good_neuro_outcome", "unknown", arrest(cpc=None)),
    ("good_neuro_outcome", None, arrest(survived_to_discharge=False)),
    ("bystander_cpr", "met", arrest()),
    ("bystander_cpr", "not_met", arrest(bystander_cpr=False)),
    ("bystander_cpr", "excluded", arrest(witnessed="ems")),
    ("bystander_cpr", None, arrest(aetiology="trauma")),
    ("time_to_first_shock", 25, arrest()),
    ("time_to_first_shock", "excluded", arrest(first_shock_at=at(-1))),
    ("time_to_first_shock", "unknown", arrest(first_shock_at=None)),
    ("time_to_first_shock", None, arrest(initial_rhythm="pea")),
    ("stemi_care_bundle", "met", stemi(*TREATED, vitals=PAIN)),
    ("stemi_care_bundle", "not_met", stemi(*TREATED[:2], vitals=PAIN)),
    ("stemi_care_bundle", "not_met", stemi(*TREATED, vitals=PAIN[:1])),
    ("stemi_care_bundle", "met", stemi(act("aspirin", "contraindicated"), *TREATED[1:], vitals=PAIN)),
    ("stemi_care_bundle", "not_met", stemi(act("aspirin", "unable"), *TREATED[1:], vitals=PAIN)),
    ("stemi_care_bundle", "met", stemi(*TREATED[:2], vitals=[vital("pain", 0), vital("pain", 0, minutes=5)])),
    (
        "stemi_care_bundle",
        "excluded",
        stemi(act("aspirin", "refused"), act("gtn", "contraindicated"), vitals=[vital("gcs", 3)]),
    ),
    ("stemi_care_bundle", "not_met", {"impressions": ["I21.1"]}),
    ("stemi_care_bundle", None, {"impressions": ["I21.4"]}),
    ("stemi_scene_to_ecg", 40, stemi(procedures=[act("ecg_12_lead", minutes=9), act("ecg_12_lead", minutes=4)])),
    ("stemi_scene_to_ecg", "unknown", stemi(procedures=[act("ecg_12_lead", "refused", minutes=4)])),
    ("stemi_scene_to_ecg", "excluded", stemi(procedures=[act("ecg_12_lead", minutes=-4)])),
    ("stemi_prealert", "met", stemi(prealert=True)),
    ("stemi_prealert", "unknown", stemi()),
    ("stemi_prealert", "excluded", stemi(transported=False)),
    ("stroke_diagnostic_bundle", "met", stroke(fast_assessed=True) | {"vitals": [*PRESSURE, LOW_SUGAR]}),
    ("stroke_diagnostic_bundle", "not_met", stroke(fast_assessed=True) | {"vitals": PRESSURE}),
    ("stroke_diagnostic_bundle", "not_met", stroke() | {"vitals": [*PRESSURE, LOW_SUGAR, vital("fast", "positive")]}),
    (
        "stroke_diagnostic_bundle",
        "met",
        {"impressions": ["G45.9"], "vitals": [*PRESSURE, LOW_SUGAR, vital("fast", "positive")]},
    ),
    ("stroke_diagnostic_bundle", "excluded", stroke() | {"vitals": [vital("avpu", "unresponsive")]}),
    ("stroke_diagnostic_bundle", "excluded", stroke() | {"impressions": ["S06.0"]}),
    ("stroke_diagnostic_bundle", None, {"impressions": ["G45.4"]}),
    ("stroke_diagnostic_bundle", None, stroke(suspected=False)),
    ("stroke_lkw", "met", stroke(last_known_well_recorded=True)),
    ("stroke_lkw", "not_met", {"impressions": ["I63.9"]}),
    ("hypoglycaemia_treated", "met", {"vitals": [LOW_SUGAR, vital("gcs", 14)], "medications": [act("glucose")]}),
    ("hypoglycaemia_treated", "met", {"vitals": [LOW_SUGAR, vital("gcs", 14)], "procedures": [act("oral_glucose")]}),
    ("hypoglycaemia_treated", "not_met", {"vitals": [LOW_SUGAR, vital("avpu", "verbal")]}),
    ("hypoglycaemia_treated", None, {"vitals": [LOW_SUGAR, vital("gcs", 15)]}),
    ("hypoglycaemia_treated", None, {"vitals": [vital("glucose", 60, "mg/dL"), vital("gcs", 3)]}),
    ("hypoglycaemia_treated", None, {"vitals": [vital("glucose", 3.4, "mmol/L"), vital("gcs", 3)]}),
    ("hypoglycaemia_treated", None, {"vitals": [LOW_SUGAR, vital("gcs", 3)], "newborn": True}),
    ("hypoglycaemia_treated", None, {"vitals": [LOW_SUGAR, vital("gcs", 3)], "response": "event_medical"}),
    ("airway_capnography", "met", {"procedures": [AIRWAY], "vitals": [vital("etco2", 38, "mm[Hg]", 6)]}),
    ("airway_capnography", "met", {"procedures": [AIRWAY], "vitals": [vital("etco2", 0.7, "kPa", 6)]}),
    ("airway_capnography", "not_met", {"procedures": [AIRWAY], "vitals": [vital("etco2", 38, "mm[Hg]", 4)]}),
    ("airway_capnography", "not_met", {"procedures": [AIRWAY], "vitals": [vital("etco2", 4, "mm[Hg]", 6)]}),
    ("airway_capnography", "unknown", {"procedures": [CodedFact(kind="advanced_airway", successful=True)]}),
    ("airway_capnography", None, {"procedures": [act("advanced_airway", successful=False)]}),
    ("hypoxia_oxygen", "met", {"vitals": [vital("spo2", 89.9)], "procedures": [act("oxygen")]}),
    ("hypoxia_oxygen", "not_met", {"vitals": [vital("spo2", 89)]}),
    ("hypoxia_oxygen", "excluded", {"vitals": [vital("spo2", 89)], "medications": [act("oxygen", "refused")]}),
    ("hypoxia_oxygen", "not_met", {"vitals": [vital("spo2", 89)], "medications": [act("oxygen", "unable")]}),
    ("hypoxia_oxygen", None, {"vitals": [vital("spo2", 90)]}),
    ("resp_assessment", "met", {"impressions": ["J45.9"], "vitals": SIGNS}),
    ("resp_assessment", "not_met", {"impressions": ["R06.02"], "vitals": [vital("spo2", 95)]}),
    ("resp_assessment", None, {"impressions": ["R05"]}),
    ("seizure_benzo", "met", {"impressions": ["G41.0"], "medications": [act("benzodiazepine")]}),
    ("seizure_benzo", "not_met", {"impressions": ["G40.901"]}),
    ("seizure_benzo", None, {"impressions": ["G40.909"]}),
    ("seizure_benzo", None, {"impressions": ["G41.0"], "age_years": 1}),
    ("seizure_benzo", "unknown", {"impressions": ["G41.0"], "age_years": None}),
    ("asthma_beta_agonist", "met", {"impressions": ["J98.01"], "medications": [act("beta_agonist")]}),
    ("asthma_beta_agonist", "not_met", {"impressions": ["J46"], "medications": [act("beta_agonist", "refused")]}),
    ("syncope_ecg", "met", {"impressions": ["R55"], "procedures": [act("ecg_12_lead")]}),
    ("syncope_ecg", "not_met", {"impressions": ["R40.4"]}),
    ("trauma_pain_improved", "met", INJURED | {"vitals": PAIN}),
    ("trauma_pain_improved", "not_met", INJURED | {"vitals": PAIN[::-1][1:]}),
    ("trauma_pain_improved", "met", {"impressions": ["S72.0"], "vitals": PAIN[::-1]}),
    ("trauma_pain_improved", None, INJURED | {"vitals": [vital("pain", 0)]}),
    ("trauma_pain_improved", None, INJURED | {"vitals": PAIN, "transported": False}),
    ("trauma_pain_improved", None, {"impressions": ["S72.0"], "injury": False, "vitals": PAIN}),
    ("trauma_vitals", "met", INJURED | {"vitals": [*SIGNS, vital("gcs", 15)]}),
    ("trauma_vitals", "not_met", INJURED | {"vitals": SIGNS}),
    ("nontransport_vitals", "met", {"transported": False, "vitals": [*SIGNS, vital("avpu", "alert")]}),
    ("nontransport_vitals", "not_met", {"transported": False, "vitals": SIGNS}),
    ("nontransport_vitals", None, {"transported": None}),
    ("nontransport_vitals", "not_met", {"transported": False, "outcome": "refused"}),
    ("nontransport_vitals", "not_met", {"transported": False, "outcome": "treated_and_released"}),
    ("nontransport_vitals", "not_met", {"transported": False, "outcome": "no_treatment_needed"}),
    ("nontransport_vitals", None, {"transported": False, "outcome": "no_patient_found"}),
    ("nontransport_vitals", None, {"transported": False, "outcome": "cancelled"}),
    ("nontransport_vitals", None, {"transported": False, "outcome": "dead_on_scene"}),
    ("nontransport_vitals", None, {"transported": False, "outcome": "care_transferred"}),
    ("nontransport_vitals", None, arrest() | {"transported": False}),
    ("no_lights_sirens", "met", {"lights_and_sirens": False}),
    ("no_lights_sirens", "not_met", {"lights_and_sirens": True}),
    ("no_lights_sirens", "unknown", {}),
    ("no_lights_sirens", None, {"transported": False}),
    ("response_time", 75, {}),
    ("response_time", "unknown", {"times": {"call": CALL}}),
    ("response_time", "excluded", {"times": {"call": SCENE, "on_scene": CALL}}),
    ("response_time", 1800, {"times": {"call": CALL, "on_scene": CALL + timedelta(hours=9)}}),
    ("response_time", None, {"response": "interfacility_transfer"}),
]


@pytest.mark.parametrize(("name", "outcome", "facts"), CASES)
def test_a_case_counts_as_its_definition_says(name: str, outcome: Any, facts: dict[str, Any]) -> None:
    assert BY_NAME[name].evaluate(encounter(**facts)) == outcome
    assert contributions(encounter(**facts)).get(name) == outcome


def test_every_indicator_has_cases_within_and_outside_its_population() -> None:
    for indicator in INDICATORS:
        outcomes = {outcome for name, outcome, _ in CASES if name == indicator.name}
        assert len(outcomes) >= 2, indicator.name


def test_there_are_at_least_20_indicators_each_with_its_source() -> None:
    assert len(BY_NAME) == len(INDICATORS) >= 20
    for indicator in INDICATORS:
        assert all((indicator.description, indicator.inclusion, indicator.exclusion, indicator.source))
        assert indicator.version


@pytest.mark.parametrize("change", [{"status": "in_progress"}, {"status": "cancelled"}])
def test_only_finished_encounters_count(change: dict[str, Any]) -> None:
    assert contributions(encounter())
    assert contributions(encounter(**change)) == {}


def test_encounters_of_a_sandbox_count_in_the_sandbox() -> None:
    """All encounters of a sandbox are tests, and no other tenant has any."""
    assert contributions(encounter(test=True)) == contributions(encounter())
