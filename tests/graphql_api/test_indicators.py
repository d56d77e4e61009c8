"""Each indicator by hand: who counts, who does not, and why."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.graphql_api.acqi.indicators import BY_NAME, INDICATORS, judgements, outcomes_of
from shared.messaging.messages import (
    AirwayFact,
    ArrestFact,
    CodedFact,
    CprFact,
    EncounterFacts,
    OutcomeFact,
    StrokeFact,
    VitalFact,
)
from tests.support.cases import cases

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
# The last score is lower than the highest, not lower than the first.
RISING = [vital("pain", 3), vital("pain", 8, minutes=4), vital("pain", 5, minutes=9)]
PRESSURE = [vital("systolic", 150), vital("diastolic", 90)]
SIGNS = [*PRESSURE, vital("heart_rate", 80), vital("respiratory_rate", 14), vital("spo2", 98)]
INJURED: dict[str, Any] = {"injury": True}
AIRWAY = act("advanced_airway", minutes=5, successful=True)
LOW_SUGAR = vital("glucose", 3.2, "mmol/L")


def reported(**fields: Any) -> dict[str, Any]:
    return {"hospital": OutcomeFact(**fields)}


def cpr(**fields: Any) -> dict[str, Any]:
    return arrest() | {"cpr": CprFact(**fields)}


def returned(*vitals: VitalFact, ecg: float = 12, **fields: Any) -> dict[str, Any]:
    """Circulation came back ten minutes after arrival, and was followed by a 12-lead."""
    acts = {"vitals": list(vitals), "procedures": [act("ecg_12_lead", minutes=ecg), act("oxygen", minutes=1)]}
    return arrest(**({"rosc": True, "rosc_at": at(10)} | fields)) | acts


def tube(**fields: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {"at": at(3), "device": "endotracheal_tube", "successful": True}
    values: dict[str, Any] = {"spo2_before": Decimal(94), "spo2_lowest": Decimal(90), "systolic_lowest": Decimal(90)}
    return {"airways": [AirwayFact(**(usual | values | fields))]}


# A patient with an order not to resuscitate who is in no arrest.
ORDER: dict[str, Any] = {"arrest": ArrestFact(dnar=True)}


def clock(**minutes: float) -> dict[str, Any]:
    """Times of the mission, in minutes since the call."""
    return {"times": {name: CALL + timedelta(minutes=count) for name, count in minutes.items()}}


def answered(category: str, minutes: float = 7) -> dict[str, Any]:
    return {"dispatch_category": category} | clock(call=0, on_scene=minutes)


CENTRE, WARD = {"destination_type": "trauma_centre"}, {"destination_type": "emergency_department"}
LATE = [vital("glucose", 6, "mmol/L", 11), vital("etco2", 38, "mm[Hg]", 11), vital("systolic", 110, "mm[Hg]", 11)]
CRITERIA = {"trauma_criteria": ["ejection"]}
BRAIN = {"impressions": ["S06.0"]}
DAZED = [*SIGNS, vital("gcs", 14)]
CHILD = {"age_years": 7, "medications": [act("analgesic")]}
FULL_STROKE = stroke(fast_assessed=True)
FURTHER: list[tuple[str, Any, dict[str, Any]]] = [
    ("cpr_coached", "met", cpr(dispatcher_instructed=True)),
    ("cpr_coached", "not_met", cpr(dispatcher_instructed=False)),
    ("cpr_coached", "unknown", arrest()),
    ("cpr_coached", "excluded", arrest(witnessed="ems")),
    ("cpr_coached", None, arrest(aetiology="drowning")),
    ("call_to_compressions", 60, arrest(cpr_started_at=CALL + timedelta(minutes=6))),
    ("call_to_compressions", "excluded", arrest(cpr_started_at=CALL - timedelta(minutes=1))),
    ("call_to_compressions", "excluded", arrest(witnessed="ems", cpr_started_at=SCENE)),
    ("call_to_compressions", "unknown", arrest()),
    ("call_to_compressions", None, arrest(aetiology="trauma", cpr_started_at=SCENE)),
    *(("compression_rate", "met", cpr(compression_rate=Decimal(rate))) for rate in (100, 120)),
    *(("compression_rate", "not_met", cpr(compression_rate=Decimal(rate))) for rate in (99, 121)),
    ("compression_rate", "unknown", cpr()),
    ("compression_rate", None, {"cpr": CprFact(compression_rate=Decimal(110))}),
    *(("compression_depth", "met", cpr(compression_depth=Decimal(depth))) for depth in (50, 60)),
    *(("compression_depth", "not_met", cpr(compression_depth=Decimal(depth))) for depth in (49, 61)),
    ("compression_depth", "unknown", cpr()),
    ("compression_depth", "unknown", cpr(compression_depth=Decimal(55)) | {"age_years": None}),
    ("compression_depth", "excluded", cpr(compression_depth=Decimal(55)) | {"age_years": 17}),
    ("compression_depth", None, arrest(aetiology="overdose")),
    ("post_rosc_bundle", "met", returned(*LATE)),
    ("post_rosc_bundle", "met", returned(*LATE, ecg=10)),
    ("post_rosc_bundle", "not_met", returned(*LATE, ecg=9)),
    ("post_rosc_bundle", "not_met", returned(*LATE[1:])),
    ("post_rosc_bundle", "not_met", returned(*LATE[:2], vital("systolic", 110, "mm[Hg]", 9))),
    ("post_rosc_bundle", "not_met", returned(*LATE) | {"procedures": [act("ecg_12_lead", minutes=12)]}),
    ("post_rosc_bundle", "unknown", returned(*LATE, rosc_at=None)),
    ("post_rosc_bundle", "unknown", returned(*LATE) | {"age_years": None}),
    ("post_rosc_bundle", "excluded", returned(*LATE, aetiology="trauma")),
    ("post_rosc_bundle", None, returned(*LATE, rosc=None)),
    ("post_rosc_bundle", None, returned(*LATE) | {"age_years": 17}),
    ("post_rosc_bundle", None, returned(*LATE) | {"transported": False}),
    ("stemi_call_to_door", 550, stemi() | clock(call=0, at_destination=55)),
    ("stemi_call_to_door", "unknown", stemi() | clock(call=0)),
    ("stemi_call_to_door", "excluded", stemi() | clock(call=1, at_destination=0)),
    ("stemi_call_to_door", None, stemi(transported=False) | clock(call=0, at_destination=55)),
    ("stroke_call_to_door", 550, stroke() | clock(call=0, at_destination=55)),
    ("stroke_call_to_door", "excluded", stroke() | clock(call=1, at_destination=0)),
    ("stroke_call_to_door", None, stroke(suspected=False) | clock(call=0, at_destination=55)),
    ("stroke_assessed", "met", FULL_STROKE),
    ("stroke_assessed", "met", stroke(nihss_recorded=True)),
    ("stroke_assessed", "not_met", stroke()),
    ("stroke_assessed", "met", {"impressions": ["I63.9"], "vitals": [vital("fast", "negative")]}),
    ("stroke_assessed", "excluded", FULL_STROKE | {"vitals": [vital("gcs", 9), vital("gcs", 15)]}),
    ("stroke_assessed", "excluded", FULL_STROKE | {"vitals": [vital("avpu", "unresponsive"), vital("avpu", "alert")]}),
    ("stroke_assessed", "met", FULL_STROKE | {"vitals": [vital("gcs", 10)]}),
    ("stroke_assessed", None, FULL_STROKE | {"response": "interfacility_transfer"}),
    ("airway_first_pass", "met", tube()),
    ("airway_first_pass", "not_met", tube(successful=False)),
    ("airway_first_pass", "not_met", tube(spo2_lowest=Decimal("89.9"))),
    ("airway_first_pass", "not_met", tube(systolic_lowest=Decimal(89), spo2_lowest=None)),
    ("airway_first_pass", "unknown", tube(spo2_lowest=None)),
    ("airway_first_pass", "unknown", tube(successful=None)),
    ("airway_first_pass", "not_met", {"airways": [*tube()["airways"], *tube(at=at(1), successful=False)["airways"]]}),
    ("airway_first_pass", "excluded", tube() | arrest(resuscitation_attempted=False)),
    ("airway_first_pass", "met", tube() | ORDER),
    ("airway_oxygenated", "met", tube() | ORDER),
    ("airway_oxygenated", "met", tube() | {"arrest": ArrestFact(dnar=False, recognised_dead=False)}),
    ("airway_oxygenated", "excluded", tube() | {"arrest": ArrestFact(recognised_dead=True)}),
    ("airway_oxygenated", "excluded", tube() | {"arrest": ArrestFact(dnar=False, witnessed="ems")}),
    ("airway_first_pass", None, tube(prior_to_arrival=True)),
    ("airway_first_pass", None, tube(device="supraglottic_airway")),
    ("airway_first_pass", None, tube() | {"newborn": True}),
    ("airway_oxygenated", "met", tube(successful=False)),
    ("airway_oxygenated", "not_met", tube(spo2_before=Decimal("93.9"))),
    ("airway_oxygenated", "unknown", tube(spo2_before=None)),
    ("airway_oxygenated", "excluded", tube() | arrest()),
    ("airway_oxygenated", None, tube() | {"response": "event_medical"}),
    ("child_weight", "met", CHILD | {"weight_recorded": True}),
    ("child_weight", "not_met", CHILD),
    ("child_weight", "not_met", CHILD | {"weight_recorded": False, "age_years": 17}),
    ("child_weight", "unknown", CHILD | {"weight_recorded": True, "age_years": None}),
    ("child_weight", None, CHILD | {"age_years": 18}),
    ("child_weight", None, CHILD | {"medications": [act("oxygen"), act("analgesic", "refused")]}),
    ("trauma_pain_assessed", "met", INJURED | {"vitals": [*PAIN, vital("avpu", "alert")]}),
    ("trauma_pain_assessed", "met", INJURED | {"vitals": [vital("pain", 0), vital("gcs", 15), vital("gcs", 3)]}),
    ("trauma_pain_assessed", "not_met", INJURED | {"vitals": [vital("gcs", 15)]}),
    ("trauma_pain_assessed", None, INJURED | {"vitals": [*PAIN, vital("gcs", 14)]}),
    ("trauma_pain_assessed", None, {"vitals": [*PAIN, vital("gcs", 15)]}),
    ("trauma_to_centre", "met", CRITERIA | CENTRE),
    ("trauma_to_centre", "not_met", CRITERIA | WARD),
    ("trauma_to_centre", "unknown", CRITERIA),
    ("trauma_to_centre", None, CENTRE),
    ("trauma_to_centre", None, CRITERIA | CENTRE | {"transported": False}),
    ("trauma_prealert", "met", CRITERIA | {"prealert": True, "prealert_for": "trauma"}),
    ("trauma_prealert", "not_met", CRITERIA | {"prealert": True, "prealert_for": "stroke"}),
    ("trauma_prealert", "not_met", CRITERIA | {"prealert": False}),
    ("trauma_prealert", "unknown", CRITERIA | {"prealert": True}),
    ("trauma_prealert", "unknown", CRITERIA),
    ("trauma_prealert", None, {"prealert": True, "prealert_for": "trauma"}),
    ("tbi_monitored", "met", BRAIN | {"vitals": [*DAZED, vital("etco2", 38, "mm[Hg]")]}),
    ("tbi_monitored", "not_met", BRAIN | {"vitals": DAZED}),
    ("tbi_monitored", None, BRAIN | {"vitals": [*SIGNS, vital("gcs", 15)]}),
    ("tbi_monitored", None, {"impressions": ["S09.1"], "vitals": DAZED}),
    ("tbi_monitored", "not_met", {"impressions": ["S09.90"], "vitals": DAZED}),
    ("tbi_monitored", None, BRAIN | {"vitals": DAZED, "transported": False}),
    ("response_c1", 70, answered("england_c1")),
    ("response_c1", 70, answered("england_c1t")),
    ("response_c1", "excluded", answered("england_c1", -1)),
    ("response_c1", "unknown", {"dispatch_category": "england_c1", "times": {}}),
    ("response_c1", None, answered("england_c2")),
    ("response_c2", 70, answered("england_c2")),
    ("response_c2", None, answered("england_c2") | {"response": "event_medical"}),
    ("response_c3", 70, answered("england_c3")),
    ("response_c3", None, answered("england_c1")),
    ("response_c4", 1800, answered("england_c4", 999)),
    ("response_c4", None, answered("england_c3")),
    ("response_echo_delta", "met", answered("mpds_echo", 18 + 59 / 60)),
    ("response_echo_delta", "not_met", answered("mpds_delta", 19)),
    ("response_echo_delta", "excluded", answered("mpds_delta", -1)),
    ("response_echo_delta", "unknown", {"dispatch_category": "mpds_echo", "times": {}}),
    ("response_echo_delta", None, answered("mpds_charlie")),
    ("response_red_yellow", 70, answered("italy_red")),
    ("response_red_yellow", 70, answered("italy_yellow")),
    ("response_red_yellow", None, answered("italy_green")),
    ("response_no_lights", "met", {"responded_with_lights_and_sirens": False}),
    ("response_no_lights", "not_met", {"responded_with_lights_and_sirens": True}),
    ("response_no_lights", "unknown", {}),
    ("response_no_lights", None, {"response": "event_medical"}),
    ("conveyance", "met", {"outcome": "transported"}),
    ("conveyance", "not_met", {"outcome": "treated_and_released", "transported": False}),
    ("conveyance", "unknown", {"transported": None}),
    ("conveyance", "excluded", {"outcome": "dead_on_scene", "transported": False}),
    ("conveyance", "excluded", {"outcome": "care_transferred", "transported": False}),
    ("conveyance", None, {"response": "interfacility_transfer"}),
    ("handover_time", 150, clock(at_destination=30, handover=45)),
    ("handover_time", "excluded", clock(at_destination=30, handover=29)),
    ("handover_time", "unknown", clock(at_destination=30)),
    ("handover_time", None, clock(at_destination=30, handover=45) | {"transported": False}),
    ("handover_within_15", "met", clock(at_destination=30, handover=45)),
    ("handover_within_15", "not_met", clock(at_destination=30, handover=45.1)),
    ("handover_within_15", "excluded", clock(at_destination=30, handover=29)),
    ("handover_within_15", "unknown", clock(handover=29)),
    ("child_restraint", "met", {"age_years": 7, "restrained_in_transport": True}),
    ("child_restraint", "not_met", {"age_years": 7, "restrained_in_transport": False}),
    ("child_restraint", "unknown", {"age_years": 0, "response": "interfacility_transfer"}),
    ("child_restraint", "excluded", {"age_years": 0} | arrest()),
    ("child_restraint", "met", {"age_years": 7, "restrained_in_transport": True} | ORDER),
    ("child_restraint", "excluded", {"age_years": 0} | CRITERIA),
    ("child_restraint", "excluded", {"age_years": 0} | tube(prior_to_arrival=True)),
    ("child_restraint", "excluded", {"age_years": 0, "procedures": [AIRWAY]}),
    ("child_restraint", None, {"age_years": 8, "restrained_in_transport": True}),
    ("child_restraint", None, {"restrained_in_transport": True, "age_years": None}),
    ("child_restraint", None, {"age_years": 7, "transported": False}),
]

CASES: list[tuple[str, Any, dict[str, Any]]] = [
    ("survival_30_days", "met", arrest() | reported(alive_at_30_days=True)),
    ("survival_30_days", "not_met", arrest() | reported(alive_at_30_days=False)),
    ("survival_30_days", "unknown", arrest() | reported()),
    ("survival_30_days", "unknown", arrest()),
    ("survival_30_days", "not_met", arrest(survived_to_discharge=None) | {"outcome": "dead_on_scene"}),
    ("survival_30_days", "not_met", arrest(survived_to_discharge=None, recognised_dead=True) | reported()),
    ("survival_30_days", "met", arrest() | {"outcome": "dead_on_scene"} | reported(alive_at_30_days=True)),
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
    ("rosc_at_hospital", "not_met", arrest(rosc_at_handover=None, rosc=None) | {"outcome": "dead_on_scene"}),
    ("rosc_at_hospital", "excluded", arrest(dnar=True)),
    ("rosc_at_hospital", "excluded", arrest(recognised_dead=True)),
    ("rosc_at_hospital", "excluded", arrest(aetiology="drowning")),
    ("rosc_at_hospital", "excluded", arrest(aetiology="electrocution")),
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
    ("rosc_survival", "met", arrest(initial_rhythm="asystole", aetiology="exsanguination")),
    *(
        ("rosc_survival", "excluded", arrest(aetiology=cause))
        for cause in ("trauma", "overdose", "drowning", "electrocution")
    ),
    ("rosc_survival", "not_met", arrest(survived_to_discharge=False)),
    ("rosc_survival", "unknown", arrest(survived_to_discharge=None)),
    ("rosc_survival", "not_met", arrest(survived_to_discharge=None) | {"outcome": "dead_on_scene"}),
    ("rosc_survival", "not_met", arrest(survived_to_discharge=None, recognised_dead=True)),
    ("survival_utstein", "met", arrest()),
    ("survival_utstein", "not_met", arrest(survived_to_discharge=False)),
    ("survival_utstein", "excluded", arrest(witnessed="ems")),
    ("survival_utstein", "excluded", arrest(dnar=True)),
    ("survival_utstein", "unknown", arrest(witnessed=None)),
    ("survival_utstein", None, arrest(aetiology="overdose")),
    ("survival_utstein", None, arrest(aetiology="electrocution")),
    ("survival_utstein", None, arrest(aetiology="exsanguination")),
    ("survival_utstein", None, arrest() | {"age_years": 17}),
    ("survival_utstein", None, arrest(witnessed="unwitnessed")),
    ("survival_utstein", "unknown", arrest(survived_to_discharge=None)),
    ("survival_utstein", "not_met", arrest(survived_to_discharge=None) | {"outcome": "dead_on_scene"}),
    ("rosc_utstein", "not_met", arrest(rosc_at_handover=None, rosc=None) | {"outcome": "dead_on_scene"}),
    ("good_neuro_outcome", "met", arrest(cpc=2)),
    ("good_neuro_outcome", "not_met", arrest(cpc=3)),
    ("good_neuro_outcome", "unknown", arrest(cpc=None)),
    ("good_neuro_outcome", None, arrest(survived_to_discharge=False)),
    ("good_neuro_outcome", "excluded", arrest(aetiology="trauma")),
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
    ("airway_capnography", "not_met", tube()),
    ("airway_capnography", "met", tube() | {"vitals": [vital("etco2", 38, "mm[Hg]", 4)]}),
    ("airway_capnography", "not_met", tube() | {"procedures": [AIRWAY], "vitals": [vital("etco2", 38, "mm[Hg]", 4)]}),
    ("airway_capnography", None, tube(successful=False)),
    ("airway_capnography", None, tube(prior_to_arrival=True)),
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
    # Of the epilepsies of G40.8 those that are intractable with status end in 3.
    *(("seizure_benzo", "not_met", {"impressions": [code]}) for code in ("G40.803", "G40.813", "G40.821", "G40.833")),
    *(("seizure_benzo", None, {"impressions": [code]}) for code in ("G40.909", "G40.802", "G40.814", "G40.89")),
    ("seizure_benzo", None, {"impressions": ["G41.0"], "age_years": 1}),
    ("seizure_benzo", "unknown", {"impressions": ["G41.0"], "age_years": None}),
    ("asthma_beta_agonist", "met", {"impressions": ["J98.01"], "medications": [act("beta_agonist")]}),
    ("asthma_beta_agonist", "not_met", {"impressions": ["J46"], "medications": [act("beta_agonist", "refused")]}),
    ("syncope_ecg", "met", {"impressions": ["R55"], "procedures": [act("ecg_12_lead")]}),
    ("syncope_ecg", "not_met", {"impressions": ["R40.4"]}),
    ("trauma_pain_improved", "met", INJURED | {"vitals": PAIN}),
    ("trauma_pain_improved", "not_met", INJURED | {"vitals": PAIN[::-1][1:]}),
    ("trauma_pain_improved", "met", {"impressions": ["S72.0"], "vitals": PAIN[::-1]}),
    ("trauma_pain_improved", "not_met", INJURED | {"vitals": RISING}),
    ("trauma_pain_improved", "met", {"impressions": ["T24.3"], "vitals": PAIN}),
    ("trauma_pain_improved", None, {"impressions": ["T36.0"], "vitals": PAIN}),
    ("trauma_pain_improved", None, INJURED | {"vitals": [vital("pain", 0), vital("pain", 5, minutes=4)]}),
    ("trauma_pain_improved", None, INJURED | {"vitals": [vital("pain", 0)]}),
    ("trauma_pain_improved", None, INJURED | {"vitals": PAIN, "transported": False}),
    ("trauma_pain_improved", None, {"impressions": ["S72.0"], "injury": False, "vitals": PAIN}),
    ("trauma_vitals", "met", INJURED | {"vitals": [*SIGNS, vital("gcs", 15)]}),
    ("trauma_vitals", "not_met", INJURED | {"vitals": SIGNS}),
    ("nontransport_vitals", "met", {"transported": False, "vitals": [*SIGNS, vital("avpu", "alert")]}),
    ("nontransport_vitals", "not_met", {"transported": False, "vitals": SIGNS}),
    ("nontransport_vitals", "not_met", {"transported": False, "vitals": SIGNS} | ORDER),
    ("nontransport_vitals", "not_met", {"transported": False, "vitals": SIGNS, "arrest": ArrestFact(dnar=False)}),
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
    ("incident_response_time", 75, {}),
    ("incident_response_time", "unknown", {"times": {"call": CALL}}),
    ("incident_response_time", "excluded", {"times": {"call": SCENE, "on_scene": CALL}}),
    ("incident_response_time", None, {"response": "event_medical"}),
    *FURTHER,
]


def test_a_case_counts_as_its_definition_says() -> None:
    with cases() as every:
        for place, (name, outcome, facts) in enumerate(CASES):
            with every.case(f"{name}, {outcome}, row {place}"):
                assert BY_NAME[name].evaluate(encounter(**facts)) == outcome
                assert outcomes_of(judgements(encounter(**facts))).get(name) == outcome


def test_every_indicator_has_cases_within_and_outside_its_population() -> None:
    for indicator in INDICATORS:
        outcomes = {outcome for name, outcome, _ in CASES if name == indicator.name}
        assert len(outcomes) >= 2, indicator.name


def test_there_are_at_least_40_indicators_each_with_its_definition() -> None:
    assert len(BY_NAME) == len(INDICATORS) >= 40
    for indicator in INDICATORS:
        stated = (indicator.description, indicator.inclusion, indicator.exclusion, indicator.differs, indicator.source)
        assert all(stated)
        assert indicator.version


@pytest.mark.parametrize("change", [{"status": "in_progress"}, {"status": "cancelled"}])
def test_only_finished_encounters_count(change: dict[str, Any]) -> None:
    assert outcomes_of(judgements(encounter()))
    assert outcomes_of(judgements(encounter(**change))) == {}


def test_encounters_of_a_sandbox_count_in_the_sandbox() -> None:
    """All encounters of a sandbox are tests, and no other tenant has any."""
    assert outcomes_of(judgements(encounter(test=True))) == outcomes_of(judgements(encounter()))
