"""The quality indicators, and the contribution of one encounter to them."""

import re

from services.graphql_api.acqi.facts import (
    ASTHMA,
    HEAD_INJURY,
    RESPIRATORY_DISTRESS,
    STATUS_EPILEPTICUS,
    SYNCOPE,
    Outcome,
    altered,
    declined,
    done,
    elapsed,
    emergency,
    etco2_mmhg,
    given,
    glucose_mg_dl,
    has_impression,
    indicator,
    injured,
    judged,
    numbers,
    recorded,
    seconds_between,
    stemi,
    suspected_stroke,
    unconscious,
    vitals,
)
from services.graphql_api.acqi.hospital import HOSPITAL
from shared.messaging.messages import ArrestFact, EncounterFacts

SHOCKABLE = frozenset({"vf", "pulseless_vt", "shockable_unknown"})
NOT_MEDICAL = frozenset({"trauma", "overdose", "drowning"})
PRESUMED_CARDIAC = frozenset({None, "presumed_cardiac"})
HYPOGLYCAEMIA_MG_DL = 60
HYPOXIA_PERCENT = 90
WAVEFORM_MMHG = 5
# Outcomes without transport that leave no patient behind whose vital signs could be taken.
NO_PATIENT_LEFT = frozenset({"no_patient_found", "cancelled", "dead_on_scene", "care_transferred"})
FINISHED = frozenset({"completed", "handed_over"})

ARRESTS = "Out-of-hospital cardiac arrests in which the ambulance service attempted resuscitation"
SHOCKABLE_ARRESTS = ARRESTS + ", with a shockable first rhythm"
ROSC = "recognised as dead, do-not-resuscitate order"
UNKNOWN_DRUG = "unknown when a drug was given whose code no table knows, and not in the denominator"
STEMIS = "ST-elevation myocardial infarction, by the 12-lead or the impression (ICD-10 I21.0 to I21.3)"


def _treated(facts: EncounterFacts) -> ArrestFact | None:
    arrest = facts.arrest
    return arrest if arrest is not None and arrest.resuscitation_attempted else None


@indicator(
    "Alive at hospital discharge after a cardiac arrest, all rhythms.",
    inclusion=ARRESTS,
    exclusion="none; without a known outcome a case is unknown and not in the denominator",
    source="IHE QORE CPR-8; NHS England Ambulance Quality Indicators",
)
def rosc_survival(facts: EncounterFacts) -> Outcome | None:
    arrest = _treated(facts)
    return None if arrest is None else judged(arrest.survived_to_discharge)


def _rosc(arrest: ArrestFact) -> Outcome:
    # Without a return of circulation there is none at the handover.
    return "not_met" if arrest.rosc_at_handover is None and arrest.rosc is False else judged(arrest.rosc_at_handover)


@indicator(
    "Spontaneous circulation at the handover in hospital after a cardiac arrest.",
    inclusion=ARRESTS,
    exclusion=f"{ROSC}, trauma, overdose, drowning",
    source="UK national ambulance clinical performance indicators C1 (Emerg Med J); IHE QORE CPR-7",
)
def rosc_at_hospital(facts: EncounterFacts) -> Outcome | None:
    arrest = _treated(facts)
    if arrest is None:
        return None
    if arrest.recognised_dead or arrest.dnar or arrest.aetiology in NOT_MEDICAL:
        return "excluded"
    return _rosc(arrest)


@indicator(
    "The same in the Utstein comparator group: adult, presumed cardiac, shockable, witnessed by a bystander.",
    inclusion=f"{SHOCKABLE_ARRESTS}, presumed cardiac, 18 or older, witnessed by a bystander",
    exclusion=f"witnessed by the crew, {ROSC}",
    source="Utstein template; Irish out-of-hospital cardiac arrest register (Emerg Med J 33:776)",
)
def rosc_utstein(facts: EncounterFacts) -> Outcome | None:
    arrest = _treated(facts)
    if arrest is None or arrest.aetiology not in PRESUMED_CARDIAC or arrest.initial_rhythm not in SHOCKABLE:
        return None
    if arrest.witnessed == "unwitnessed" or (facts.age_years is not None and facts.age_years < 18):
        return None
    if arrest.witnessed == "ems" or arrest.recognised_dead or arrest.dnar:
        return "excluded"
    if arrest.witnessed is None or facts.age_years is None:
        return "unknown"
    return _rosc(arrest)


@indicator(
    "Alive at hospital discharge after a witnessed, shockable, medical cardiac arrest.",
    inclusion=f"{SHOCKABLE_ARRESTS}, witnessed, not of trauma, overdose or drowning",
    exclusion="none; without a known outcome a case is unknown and not in the denominator",
    source="IHE QORE CPR-9",
)
def survival_utstein(facts: EncounterFacts) -> Outcome | None:
    arrest = _treated(facts)
    if arrest is None or arrest.aetiology in NOT_MEDICAL or arrest.initial_rhythm not in SHOCKABLE:
        return None
    if arrest.witnessed == "unwitnessed":
        return None
    return "unknown" if arrest.witnessed is None else judged(arrest.survived_to_discharge)


@indicator(
    "Cerebral performance category 1 or 2 among those alive at discharge.",
    inclusion=f"{ARRESTS}, alive at hospital discharge",
    exclusion="none; without a known category a case is unknown",
    source="IHE QORE CPR-10",
)
def good_neuro_outcome(facts: EncounterFacts) -> Outcome | None:
    arrest = _treated(facts)
    if arrest is None or not arrest.survived_to_discharge:
        return None
    return judged(None if arrest.cpc is None else arrest.cpc <= 2)


@indicator(
    "Resuscitation by bystanders under way when the crew arrived.",
    inclusion=f"{ARRESTS}, not of trauma, overdose or drowning",
    exclusion="witnessed by the crew",
    source="IHE QORE CPR-1",
)
def bystander_cpr(facts: EncounterFacts) -> Outcome | None:
    arrest = _treated(facts)
    if arrest is None or arrest.aetiology in NOT_MEDICAL:
        return None
    return "excluded" if arrest.witnessed == "ems" else judged(arrest.bystander_cpr)


@indicator(
    "Minutes from arrival on scene to the first shock.",
    inclusion=SHOCKABLE_ARRESTS,
    exclusion="witnessed by the crew, shocked before arrival",
    source="IHE QORE CPR-4",
    unit="min",
)
def time_to_first_shock(facts: EncounterFacts) -> Outcome | None:
    arrest = _treated(facts)
    if arrest is None or arrest.initial_rhythm not in SHOCKABLE:
        return None
    if arrest.witnessed == "ems":
        return "excluded"
    seconds = seconds_between(facts.times.get("on_scene"), arrest.first_shock_at)
    return "unknown" if seconds is None else elapsed(seconds)


@indicator(
    "Aspirin, nitrate, pain scored twice and analgesia, each given unless there was a recorded reason.",
    inclusion=STEMIS,
    exclusion=f"a reason against every element: refused, contraindicated, unconscious, not in pain; {UNKNOWN_DRUG}",
    source="UK national ambulance clinical performance indicators M1, M2, M3, M5",
    version="2",
)
def stemi_care_bundle(facts: EncounterFacts) -> Outcome | None:
    if not stemi(facts):
        return None
    pain = numbers(facts, "pain")
    no_pain = bool(pain) and pain[0] == 0
    drugs = facts.medications
    # Each element: whether it was done, and whether there was a reason against it.
    elements = [
        (given(facts, "aspirin"), declined(drugs, "aspirin")),
        (given(facts, "gtn"), declined(drugs, "gtn")),
        (len(pain) >= 2, unconscious(facts)),
        (given(facts, "analgesic"), declined(drugs, "analgesic") or no_pain or unconscious(facts)),
    ]
    if not any(was_done for was_done, _ in elements) and all(reason for _, reason in elements):
        return "excluded"
    open_ones = {was_done for was_done, reason in elements if not was_done and not reason}
    return judged(None if open_ones == {None} else not open_ones)


@indicator(
    "Minutes from arrival on scene to the first 12-lead.",
    inclusion=STEMIS,
    exclusion="12-lead before arrival",
    source="IHE QORE STEMI-1",
    unit="min",
)
def stemi_scene_to_ecg(facts: EncounterFacts) -> Outcome | None:
    if not stemi(facts):
        return None
    times = [ecg.at for ecg in done(facts.procedures, "ecg_12_lead") if ecg.at is not None]
    seconds = seconds_between(facts.times.get("on_scene"), min(times, default=None))
    return "unknown" if seconds is None else elapsed(seconds)


@indicator(
    "The hospital was alerted before arrival.",
    inclusion=STEMIS,
    exclusion="not transported",
    source="IHE QORE STEMI-2",
)
def stemi_prealert(facts: EncounterFacts) -> Outcome | None:
    if not stemi(facts):
        return None
    return "excluded" if facts.transported is False else judged(facts.prealert)


@indicator(
    "FAST, blood glucose and blood pressure all recorded.",
    inclusion="Suspected stroke or TIA, by the crew or the impression (ICD-10 I60, I61, I63, I64, G45 without G45.4)",
    exclusion="unconscious, head injury",
    source="UK national ambulance clinical performance indicators S1, S2, S3",
)
def stroke_diagnostic_bundle(facts: EncounterFacts) -> Outcome | None:
    if not suspected_stroke(facts):
        return None
    if unconscious(facts) or has_impression(facts, HEAD_INJURY):
        return "excluded"
    assessed = facts.stroke.fast_assessed is True if facts.stroke is not None else recorded(facts, "fast")
    return judged(assessed and recorded(facts, "glucose", "systolic", "diastolic"))


@indicator(
    "The time the patient was last known well is recorded.",
    inclusion="Suspected stroke or TIA",
    exclusion="none",
    source="IHE QORE Stroke-05",
)
def stroke_lkw(facts: EncounterFacts) -> Outcome | None:
    if not suspected_stroke(facts):
        return None
    return judged(facts.stroke is not None and facts.stroke.last_known_well_recorded is True)


@indicator(
    "Glucose, glucagon or food given for low blood glucose.",
    inclusion="Emergency responses, 24 hours or older, glucose under 60 mg/dL, Glasgow score under 15 or not alert",
    exclusion=UNKNOWN_DRUG,
    source="NEMSQA Hypoglycemia-01",
    version="2",
)
def hypoglycaemia_treated(facts: EncounterFacts) -> Outcome | None:
    lowest = min(glucose_mg_dl(facts), default=None)
    if lowest is None or lowest >= HYPOGLYCAEMIA_MG_DL or not altered(facts):
        return None
    if not emergency(facts) or facts.newborn:
        return None
    return "met" if done(facts.procedures, "oral_glucose") else judged(given(facts, "glucose", "glucagon"))


@indicator(
    "End-tidal CO2 of at least 5 mm[Hg] after the last successful advanced airway.",
    inclusion="Emergency responses with a successful advanced airway",
    exclusion="none; unknown when an airway's time is not recorded",
    source="NEMSQA Airway-18",
)
def airway_capnography(facts: EncounterFacts) -> Outcome | None:
    airways = [airway for airway in done(facts.procedures, "advanced_airway") if airway.successful]
    if not emergency(facts) or not airways:
        return None
    placed = [airway.at for airway in airways if airway.at is not None]
    if len(placed) < len(airways):
        return "unknown"
    breaths = [vital for vital in vitals(facts, "etco2") if etco2_mmhg(vital) >= WAVEFORM_MMHG]
    return judged(any(breath.at is not None and breath.at >= max(placed) for breath in breaths))


@indicator(
    "Oxygen given for a saturation under 90 %.",
    inclusion="Emergency responses, 24 hours or older, SpO2 under 90 %",
    exclusion=f"oxygen refused or contraindicated; {UNKNOWN_DRUG}",
    source="NEMSQA Respiratory-02",
    version="2",
)
def hypoxia_oxygen(facts: EncounterFacts) -> Outcome | None:
    if not emergency(facts) or facts.newborn or min(numbers(facts, "spo2"), default=100) >= HYPOXIA_PERCENT:
        return None
    acts = [*facts.medications, *facts.procedures]
    if done(acts, "oxygen"):
        return "met"
    return "excluded" if declined(acts, "oxygen") else judged(given(facts, "oxygen"))


@indicator(
    "Saturation and respiratory rate both recorded in respiratory distress.",
    inclusion="Emergency responses with a respiratory impression (ICD-10 J44 to J46, J80, J81, J96, J98.01, R06.0)",
    exclusion="none",
    source="NEMSQA Respiratory-01",
)
def resp_assessment(facts: EncounterFacts) -> Outcome | None:
    if not emergency(facts) or not has_impression(facts, RESPIRATORY_DISTRESS):
        return None
    return judged(recorded(facts, "spo2", "respiratory_rate"))


def _given_from_two_years(facts: EncounterFacts, codes: re.Pattern[str], drug: str) -> Outcome | None:
    if not emergency(facts) or not has_impression(facts, codes):
        return None
    if facts.age_years is None:
        return "unknown"
    return judged(given(facts, drug)) if facts.age_years >= 2 else None


@indicator(
    "A benzodiazepine given in status epilepticus.",
    inclusion="Emergency responses, 2 years or older, status epilepticus (ICD-10 G41, ICD-10-CM G40 with status)",
    exclusion=UNKNOWN_DRUG,
    source="NEMSQA Seizure-02",
    version="2",
)
def seizure_benzo(facts: EncounterFacts) -> Outcome | None:
    return _given_from_two_years(facts, STATUS_EPILEPTICUS, "benzodiazepine")


@indicator(
    "An inhaled beta agonist given in asthma or bronchospasm.",
    inclusion="Emergency responses, 2 years or older, ICD-10 J45, J46 or J98.01",
    exclusion=UNKNOWN_DRUG,
    source="NEMSQA Asthma-01",
    version="2",
)
def asthma_beta_agonist(facts: EncounterFacts) -> Outcome | None:
    return _given_from_two_years(facts, ASTHMA, "beta_agonist")


@indicator(
    "A 12-lead taken after syncope.",
    inclusion="Emergency responses with ICD-10 R55 or R40.4",
    exclusion="none",
    source="NEMSQA Syncope-01",
)
def syncope_ecg(facts: EncounterFacts) -> Outcome | None:
    if not emergency(facts) or not has_impression(facts, SYNCOPE):
        return None
    return judged(bool(done(facts.procedures, "ecg_12_lead")))


@indicator(
    "The last pain score is lower than the highest.",
    inclusion="Emergency responses, injured, transported, a pain score above 0",
    exclusion="none",
    source="NEMSQA Trauma-03",
)
def trauma_pain_improved(facts: EncounterFacts) -> Outcome | None:
    pain = numbers(facts, "pain")
    if not emergency(facts) or not injured(facts) or not facts.transported or max(pain, default=0) == 0:
        return None
    return judged(pain[-1] < max(pain))


@indicator(
    "Glasgow score, systolic pressure and respiratory rate all recorded.",
    inclusion="Emergency responses, injured, transported",
    exclusion="none",
    source="NEMSQA Trauma-08",
)
def trauma_vitals(facts: EncounterFacts) -> Outcome | None:
    if not emergency(facts) or not injured(facts) or not facts.transported:
        return None
    return judged(recorded(facts, "gcs", "systolic", "respiratory_rate"))


@indicator(
    "Blood pressure, heart rate, respiratory rate, saturation and consciousness recorded before leaving a patient.",
    inclusion="Emergency responses, a patient found, alive and left behind, not in cardiac arrest",
    exclusion="none",
    source="NEMSQA TTR-01",
    version="2",
)
def nontransport_vitals(facts: EncounterFacts) -> Outcome | None:
    left_behind = facts.transported is False and facts.outcome not in NO_PATIENT_LEFT
    if not emergency(facts) or not left_behind or facts.arrest is not None:
        return None
    measured = recorded(facts, "systolic", "diastolic", "heart_rate", "respiratory_rate", "spo2")
    return judged(measured and (recorded(facts, "gcs") or recorded(facts, "avpu")))


@indicator(
    "Transported without lights and sirens.",
    inclusion="Emergency responses, transported",
    exclusion="none",
    source="NEMSQA Safety-02",
)
def no_lights_sirens(facts: EncounterFacts) -> Outcome | None:
    if not emergency(facts) or not facts.transported:
        return None
    return judged(None if facts.lights_and_sirens is None else not facts.lights_and_sirens)


@indicator(
    "Minutes from the call to arrival on scene.",
    inclusion="Emergency responses",
    exclusion="arrival before the call",
    source="NHS England ambulance response programme; HIQA pre-hospital emergency care indicators",
    unit="min",
)
def response_time(facts: EncounterFacts) -> Outcome | None:
    if not emergency(facts):
        return None
    seconds = seconds_between(facts.times.get("call"), facts.times.get("on_scene"))
    return "unknown" if seconds is None else elapsed(seconds)


INDICATORS = (
    rosc_survival,
    rosc_at_hospital,
    rosc_utstein,
    survival_utstein,
    good_neuro_outcome,
    bystander_cpr,
    time_to_first_shock,
    stemi_care_bundle,
    stemi_scene_to_ecg,
    stemi_prealert,
    stroke_diagnostic_bundle,
    stroke_lkw,
    hypoglycaemia_treated,
    airway_capnography,
    hypoxia_oxygen,
    resp_assessment,
    seizure_benzo,
    asthma_beta_agonist,
    syncope_ecg,
    trauma_pain_improved,
    trauma_vitals,
    nontransport_vitals,
    no_lights_sirens,
    response_time,
    *HOSPITAL,
)
"""In the order of answers."""
BY_NAME = {one.name: one for one in INDICATORS}


def contributions(facts: EncounterFacts) -> dict[str, Outcome]:
    """The outcome of each indicator to which the encounter counts. Only finished encounters count; those of a sandbox, in the sandbox."""
    if facts.status not in FINISHED:
        return {}
    outcomes: dict[str, Outcome] = {}
    for one in INDICATORS:
        outcome = one.evaluate(facts)
        if outcome is not None:
            outcomes[one.name] = outcome
    return outcomes
