"""Quality indicators of airways, breathing, low blood glucose, seizures, syncope, and drugs for children."""

import re

from services.graphql_api.acqi.definitions import (
    ASTHMA,
    RESPIRATORY_DISTRESS,
    STATUS_EPILEPTICUS,
    SYNCOPE,
    UNKNOWN_DRUG,
    Exclusion,
    Judgement,
    altered,
    declined,
    done,
    emergency,
    etco2_mmhg,
    given,
    glucose_mg_dl,
    has_impression,
    in_arrest,
    indicator,
    judged,
    numbers,
    recorded,
    vitals,
)
from shared.messaging.messages import AirwayFact, EncounterFacts

HYPOGLYCAEMIA_MG_DL = 60
HYPOXIA_PERCENT = 90
OXYGENATED_PERCENT = 94
LOW_PRESSURE = 90
WAVEFORM_MMHG = 5
CHILD = 18


@indicator(
    "Glucose, glucagon or food given for low blood glucose.",
    inclusion="Emergency responses, 24 hours or older, glucose under 60 mg/dL, Glasgow score under 15 or not alert",
    exclusion=UNKNOWN_DRUG,
    differs="newborn is younger than a day by the date of birth, since the hour is not recorded",
    source="NEMSQA Hypoglycemia-01",
    version="2",
)
def hypoglycaemia_treated(facts: EncounterFacts) -> Judgement | None:
    lowest = min(glucose_mg_dl(facts), default=None)
    if lowest is None or lowest >= HYPOGLYCAEMIA_MG_DL or not altered(facts):
        return None
    if not emergency(facts) or facts.newborn:
        return None
    return "met" if done(facts.procedures, "oral_glucose") else judged(given(facts, "glucose", "glucagon"))


@indicator(
    "End-tidal CO2 of at least 5 mm[Hg] after the last successful advanced airway.",
    inclusion="Emergency responses with a successful advanced airway of the crew",
    differs="an airway may be a procedure or an attempt; unknown when its time is not recorded; capnography of a monitor counts as "
    "waveform from 5 mm[Hg]",
    source="NEMSQA Airway-18",
    version="2",
)
def airway_capnography(facts: EncounterFacts) -> Judgement | None:
    airways = [airway.at for airway in done(facts.procedures, "advanced_airway") if airway.successful]
    airways += [tried.at for tried in facts.airways if tried.successful and not tried.prior_to_arrival]
    if not emergency(facts) or not airways:
        return None
    placed = [at for at in airways if at is not None]
    if len(placed) < len(airways):
        return "unknown"
    breaths = [vital for vital in vitals(facts, "etco2") if etco2_mmhg(vital) >= WAVEFORM_MMHG]
    return judged(any(breath.at is not None and breath.at >= max(placed) for breath in breaths))


@indicator(
    "Oxygen given for a saturation under 90 %.",
    inclusion="Emergency responses, 24 hours or older, SpO2 under 90 %",
    exclusion=f"oxygen refused or contraindicated; {UNKNOWN_DRUG}",
    differs="newborn is younger than a day by the date of birth, since the hour is not recorded",
    source="NEMSQA Respiratory-02",
    version="2",
)
def hypoxia_oxygen(facts: EncounterFacts) -> Judgement | None:
    if not emergency(facts) or facts.newborn or min(numbers(facts, "spo2"), default=100) >= HYPOXIA_PERCENT:
        return None
    acts = [*facts.medications, *facts.procedures]
    if done(acts, "oxygen"):
        return "met"
    return Exclusion("declined") if declined(acts, "oxygen") else judged(given(facts, "oxygen"))


@indicator(
    "Saturation and respiratory rate both recorded in respiratory distress.",
    inclusion="Emergency responses with a respiratory impression (ICD-10 J44 to J46, J80, J81, J96, J98.01, R06.0)",
    differs="a respiratory impression in place of the source's list of symptoms",
    source="NEMSQA Respiratory-01",
)
def resp_assessment(facts: EncounterFacts) -> Judgement | None:
    if not emergency(facts) or not has_impression(facts, RESPIRATORY_DISTRESS):
        return None
    return judged(recorded(facts, "spo2", "respiratory_rate"))


def _given_from_two_years(facts: EncounterFacts, codes: re.Pattern[str], drug: str) -> Judgement | None:
    if not emergency(facts) or not has_impression(facts, codes):
        return None
    if facts.age_years is None:
        return "unknown"
    return judged(given(facts, drug)) if facts.age_years >= 2 else None


@indicator(
    "A benzodiazepine given in status epilepticus.",
    inclusion="Emergency responses, 2 years or older, status epilepticus (ICD-10 G41, ICD-10-CM G40 with status)",
    exclusion=UNKNOWN_DRUG,
    differs="any benzodiazepine by any route counts",
    source="NEMSQA Seizure-02",
    version="3",
)
def seizure_benzo(facts: EncounterFacts) -> Judgement | None:
    return _given_from_two_years(facts, STATUS_EPILEPTICUS, "benzodiazepine")


@indicator(
    "An inhaled beta agonist given in asthma or bronchospasm.",
    inclusion="Emergency responses, 2 years or older, ICD-10 J45, J46 or J98.01",
    exclusion=UNKNOWN_DRUG,
    differs="inhaled agonists alone; a systemic one is another treatment",
    source="NEMSQA Asthma-01",
    version="2",
)
def asthma_beta_agonist(facts: EncounterFacts) -> Judgement | None:
    return _given_from_two_years(facts, ASTHMA, "beta_agonist")


@indicator(
    "A 12-lead taken after syncope.",
    inclusion="Emergency responses with ICD-10 R55 or R40.4",
    differs="a 12-lead counts also where its time is not recorded",
    source="NEMSQA Syncope-01",
)
def syncope_ecg(facts: EncounterFacts) -> Judgement | None:
    if not emergency(facts) or not has_impression(facts, SYNCOPE):
        return None
    return judged(bool(done(facts.procedures, "ecg_12_lead")))


@indicator(
    "The first attempt at intubation succeeded without hypoxia or low blood pressure.",
    inclusion="Emergency responses, 24 hours or older, intubation attempted by the crew",
    exclusion="cardiac arrest",
    differs="the lowest values that the crew recorded around the attempt, where the source searches the monitor's; unknown without them",
    source="NEMSQA Airway-01",
    version="3",
)
def airway_first_pass(facts: EncounterFacts) -> Judgement | None:
    first = _first_intubation(facts)
    if not isinstance(first, AirwayFact):
        return first
    values = (first.spo2_lowest, HYPOXIA_PERCENT), (first.systolic_lowest, LOW_PRESSURE)
    if first.successful is False or any(value is not None and value < least for value, least in values):
        return "not_met"
    return judged(None if first.successful is None or any(value is None for value, _ in values) else True)


@indicator(
    "A saturation of at least 94 % before the first attempt at intubation.",
    inclusion="Emergency responses, 24 hours or older, intubation attempted by the crew",
    exclusion="cardiac arrest",
    differs="the value that the crew recorded before the attempt, where the source searches the monitor's three minutes before it",
    source="NEMSQA Airway-05",
    version="3",
    within="airway_first_pass",
)
def airway_oxygenated(facts: EncounterFacts) -> Judgement | None:
    first = _first_intubation(facts)
    if not isinstance(first, AirwayFact):
        return first
    return judged(None if first.spo2_before is None else first.spo2_before >= OXYGENATED_PERCENT)


def _first_intubation(facts: EncounterFacts) -> AirwayFact | Judgement | None:
    tries = [one for one in facts.airways if one.device == "endotracheal_tube" and not one.prior_to_arrival]
    if not emergency(facts) or facts.newborn or not tries:
        return None
    return Exclusion("cardiac_arrest") if in_arrest(facts) else min(tries, key=lambda one: one.at)


@indicator(
    "The weight recorded, in numbers or by the colour of a tape.",
    inclusion="Emergency responses, younger than 18, a drug other than oxygen given",
    differs="every drug but oxygen counts, where the source leaves out a list of drugs that are not dosed by weight",
    source="NEMSQA Pediatrics-03b",
)
def child_weight(facts: EncounterFacts) -> Judgement | None:
    drugs = [one for one in facts.medications if one.not_done_reason is None and one.kind != "oxygen"]
    if not emergency(facts) or not drugs:
        return None
    if facts.age_years is None:
        return "unknown"
    return judged(facts.weight_recorded is True) if facts.age_years < CHILD else None


BREATHING_AND_DRUGS = (
    hypoglycaemia_treated,
    airway_capnography,
    hypoxia_oxygen,
    resp_assessment,
    seizure_benzo,
    asthma_beta_agonist,
    syncope_ecg,
)
FURTHER_BREATHING_AND_DRUGS = (airway_first_pass, airway_oxygenated, child_weight)
