"""Stroke, hypoglycaemia, airway, breathing, seizure, syncope."""

import re

from services.graphql_api.acqi import readings
from services.graphql_api.acqi.outcome import Indicator, Outcome, judged
from services.graphql_api.acqi.readings import declined, done, emergency, has_impression, numbers, recorded
from shared.messages import EncounterFacts

HYPOGLYCAEMIA_MG_DL = 60
HYPOXIA_PERCENT = 90
WAVEFORM_MMHG = 5


def stroke_diagnostic_bundle(facts: EncounterFacts) -> Outcome | None:
    if not readings.suspected_stroke(facts):
        return None
    if readings.unconscious(facts) or has_impression(facts, readings.HEAD_INJURY):
        return "excluded"
    assessed = facts.stroke.fast_assessed is True if facts.stroke is not None else recorded(facts, "fast")
    return judged(assessed and recorded(facts, "glucose", "systolic", "diastolic"))


def stroke_lkw(facts: EncounterFacts) -> Outcome | None:
    if not readings.suspected_stroke(facts):
        return None
    return judged(facts.stroke is not None and facts.stroke.last_known_well_recorded is True)


def hypoglycaemia_treated(facts: EncounterFacts) -> Outcome | None:
    lowest = min(readings.glucose_mg_dl(facts), default=None)
    if lowest is None or lowest >= HYPOGLYCAEMIA_MG_DL or not readings.altered(facts):
        return None
    if not emergency(facts) or facts.newborn:
        return None
    return judged(bool(done(facts.medications, "glucose", "glucagon") or done(facts.procedures, "oral_glucose")))


def airway_capnography(facts: EncounterFacts) -> Outcome | None:
    airways = [airway for airway in done(facts.procedures, "advanced_airway") if airway.successful]
    if not emergency(facts) or not airways:
        return None
    placed = [airway.at for airway in airways if airway.at is not None]
    if len(placed) < len(airways):
        return "unknown"
    breaths = [vital for vital in readings.vitals(facts, "etco2") if readings.etco2_mmhg(vital) >= WAVEFORM_MMHG]
    return judged(any(breath.at is not None and breath.at >= max(placed) for breath in breaths))


def hypoxia_oxygen(facts: EncounterFacts) -> Outcome | None:
    if not emergency(facts) or facts.newborn or min(numbers(facts, "spo2"), default=100) >= HYPOXIA_PERCENT:
        return None
    acts = [*facts.medications, *facts.procedures]
    if done(acts, "oxygen"):
        return "met"
    return "excluded" if declined(acts, "oxygen") else "not_met"


def resp_assessment(facts: EncounterFacts) -> Outcome | None:
    if not emergency(facts) or not has_impression(facts, readings.RESPIRATORY_DISTRESS):
        return None
    return judged(recorded(facts, "spo2", "respiratory_rate"))


def seizure_benzo(facts: EncounterFacts) -> Outcome | None:
    return _given_from_two_years(facts, readings.STATUS_EPILEPTICUS, "benzodiazepine")


def asthma_beta_agonist(facts: EncounterFacts) -> Outcome | None:
    return _given_from_two_years(facts, readings.ASTHMA, "beta_agonist")


def _given_from_two_years(facts: EncounterFacts, codes: re.Pattern[str], drug: str) -> Outcome | None:
    if not emergency(facts) or not has_impression(facts, codes):
        return None
    if facts.age_years is None:
        return "unknown"
    return judged(bool(done(facts.medications, drug))) if facts.age_years >= 2 else None


def syncope_ecg(facts: EncounterFacts) -> Outcome | None:
    if not emergency(facts) or not has_impression(facts, readings.SYNCOPE):
        return None
    return judged(bool(done(facts.procedures, "ecg_12_lead")))


INDICATORS = (
    Indicator(
        name="stroke_diagnostic_bundle",
        version="1",
        description="FAST, blood glucose and blood pressure all recorded.",
        inclusion="Suspected stroke or TIA, by the crew or the impression (ICD-10 I60, I61, I63, I64, G45 without G45.4)",
        exclusion="unconscious, head injury",
        source="UK national ambulance clinical performance indicators S1, S2, S3",
        evaluate=stroke_diagnostic_bundle,
    ),
    Indicator(
        name="stroke_lkw",
        version="1",
        description="The time the patient was last known well is recorded.",
        inclusion="Suspected stroke or TIA",
        exclusion="none",
        source="IHE QORE Stroke-05",
        evaluate=stroke_lkw,
    ),
    Indicator(
        name="hypoglycaemia_treated",
        version="1",
        description="Glucose, glucagon or food given for low blood glucose.",
        inclusion="Emergency responses, 24 hours or older, glucose under 60 mg/dL, Glasgow score under 15 or not alert",
        exclusion="none",
        source="NEMSQA Hypoglycemia-01",
        evaluate=hypoglycaemia_treated,
    ),
    Indicator(
        name="airway_capnography",
        version="1",
        description="End-tidal CO2 of at least 5 mm[Hg] after the last successful advanced airway.",
        inclusion="Emergency responses with a successful advanced airway",
        exclusion="none; unknown when an airway's time is not recorded",
        source="NEMSQA Airway-18",
        evaluate=airway_capnography,
    ),
    Indicator(
        name="hypoxia_oxygen",
        version="1",
        description="Oxygen given for a saturation under 90 %.",
        inclusion="Emergency responses, 24 hours or older, SpO2 under 90 %",
        exclusion="oxygen refused or contraindicated",
        source="NEMSQA Respiratory-02",
        evaluate=hypoxia_oxygen,
    ),
    Indicator(
        name="resp_assessment",
        version="1",
        description="Saturation and respiratory rate both recorded in respiratory distress.",
        inclusion="Emergency responses with a respiratory impression (ICD-10 J44 to J46, J80, J81, J96, J98.01, R06.0)",
        exclusion="none",
        source="NEMSQA Respiratory-01",
        evaluate=resp_assessment,
    ),
    Indicator(
        name="seizure_benzo",
        version="1",
        description="A benzodiazepine given in status epilepticus.",
        inclusion="Emergency responses, 2 years or older, status epilepticus (ICD-10 G41, ICD-10-CM G40 with status)",
        exclusion="none",
        source="NEMSQA Seizure-02",
        evaluate=seizure_benzo,
    ),
    Indicator(
        name="asthma_beta_agonist",
        version="1",
        description="An inhaled beta agonist given in asthma or bronchospasm.",
        inclusion="Emergency responses, 2 years or older, ICD-10 J45, J46 or J98.01",
        exclusion="none",
        source="NEMSQA Asthma-01",
        evaluate=asthma_beta_agonist,
    ),
    Indicator(
        name="syncope_ecg",
        version="1",
        description="A 12-lead taken after syncope.",
        inclusion="Emergency responses with ICD-10 R55 or R40.4",
        exclusion="none",
        source="NEMSQA Syncope-01",
        evaluate=syncope_ecg,
    ),
)
