"""Out-of-hospital cardiac arrest (Utstein) and ST-elevation myocardial infarction."""

from services.graphql_api.acqi.outcome import Indicator, Outcome, elapsed, judged
from services.graphql_api.acqi.readings import declined, done, numbers, seconds_between, stemi, unconscious
from shared.messages import ArrestFact, EncounterFacts

SHOCKABLE = frozenset({"vf", "pulseless_vt", "shockable_unknown"})
NOT_MEDICAL = frozenset({"trauma", "overdose", "drowning"})
PRESUMED_CARDIAC = frozenset({None, "presumed_cardiac"})


def _treated(facts: EncounterFacts) -> ArrestFact | None:
    arrest = facts.arrest
    return arrest if arrest is not None and arrest.resuscitation_attempted else None


def _rosc(arrest: ArrestFact) -> Outcome:
    # A heart that never started again was not beating at the handover either.
    return "not_met" if arrest.rosc_at_handover is None and arrest.rosc is False else judged(arrest.rosc_at_handover)


def rosc_at_hospital(facts: EncounterFacts) -> Outcome | None:
    arrest = _treated(facts)
    if arrest is None:
        return None
    if arrest.recognised_dead or arrest.dnar or arrest.aetiology in NOT_MEDICAL:
        return "excluded"
    return _rosc(arrest)


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


def rosc_survival(facts: EncounterFacts) -> Outcome | None:
    arrest = _treated(facts)
    return None if arrest is None else judged(arrest.survived_to_discharge)


def survival_utstein(facts: EncounterFacts) -> Outcome | None:
    arrest = _treated(facts)
    if arrest is None or arrest.aetiology in NOT_MEDICAL or arrest.initial_rhythm not in SHOCKABLE:
        return None
    if arrest.witnessed == "unwitnessed":
        return None
    return "unknown" if arrest.witnessed is None else judged(arrest.survived_to_discharge)


def good_neuro_outcome(facts: EncounterFacts) -> Outcome | None:
    arrest = _treated(facts)
    if arrest is None or not arrest.survived_to_discharge:
        return None
    return judged(None if arrest.cpc is None else arrest.cpc <= 2)


def bystander_cpr(facts: EncounterFacts) -> Outcome | None:
    arrest = _treated(facts)
    if arrest is None or arrest.aetiology in NOT_MEDICAL:
        return None
    return "excluded" if arrest.witnessed == "ems" else judged(arrest.bystander_cpr)


def time_to_first_shock(facts: EncounterFacts) -> Outcome | None:
    arrest = _treated(facts)
    if arrest is None or arrest.initial_rhythm not in SHOCKABLE:
        return None
    if arrest.witnessed == "ems":
        return "excluded"
    seconds = seconds_between(facts.times.get("on_scene"), arrest.first_shock_at)
    return "unknown" if seconds is None else elapsed(seconds)


def stemi_care_bundle(facts: EncounterFacts) -> Outcome | None:
    if not stemi(facts):
        return None
    pain = numbers(facts, "pain")
    no_pain = bool(pain) and pain[0] == 0
    drugs = facts.medications
    # Each element: done, and else whether there was a reason not to.
    elements = [
        (bool(done(drugs, "aspirin")), declined(drugs, "aspirin")),
        (bool(done(drugs, "gtn")), declined(drugs, "gtn")),
        (len(pain) >= 2, unconscious(facts)),
        (bool(done(drugs, "analgesic")), declined(drugs, "analgesic") or no_pain or unconscious(facts)),
    ]
    if not any(was_done for was_done, _ in elements) and all(reason for _, reason in elements):
        return "excluded"
    return judged(all(was_done or reason for was_done, reason in elements))


def stemi_scene_to_ecg(facts: EncounterFacts) -> Outcome | None:
    if not stemi(facts):
        return None
    times = [ecg.at for ecg in done(facts.procedures, "ecg_12_lead") if ecg.at is not None]
    seconds = seconds_between(facts.times.get("on_scene"), min(times, default=None))
    return "unknown" if seconds is None else elapsed(seconds)


def stemi_prealert(facts: EncounterFacts) -> Outcome | None:
    if not stemi(facts):
        return None
    return "excluded" if facts.transported is False else judged(facts.prealert)


ARRESTS = "Out-of-hospital cardiac arrests in which the ambulance service attempted resuscitation"
SHOCKABLE_ARRESTS = ARRESTS + ", with a shockable first rhythm"
ROSC = "recognised as dead, do-not-resuscitate order"
STEMIS = "ST-elevation myocardial infarction, by the 12-lead or the impression (ICD-10 I21.0 to I21.3)"

INDICATORS = (
    Indicator(
        name="rosc_survival",
        version="1",
        description="Alive at hospital discharge after a cardiac arrest, all rhythms.",
        inclusion=ARRESTS,
        exclusion="none; without a known outcome a case is unknown and not in the denominator",
        source="IHE QORE CPR-8; NHS England Ambulance Quality Indicators",
        evaluate=rosc_survival,
    ),
    Indicator(
        name="rosc_at_hospital",
        version="1",
        description="Spontaneous circulation at the handover in hospital after a cardiac arrest.",
        inclusion=ARRESTS,
        exclusion=f"{ROSC}, trauma, overdose, drowning",
        source="UK national ambulance clinical performance indicators C1 (Emerg Med J); IHE QORE CPR-7",
        evaluate=rosc_at_hospital,
    ),
    Indicator(
        name="rosc_utstein",
        version="1",
        description="The same in the Utstein comparator group: adult, presumed cardiac, shockable, witnessed by a bystander.",
        inclusion=f"{SHOCKABLE_ARRESTS}, presumed cardiac, 18 or older, witnessed by a bystander",
        exclusion=f"witnessed by the crew, {ROSC}",
        source="Utstein template; Irish out-of-hospital cardiac arrest register (Emerg Med J 33:776)",
        evaluate=rosc_utstein,
    ),
    Indicator(
        name="survival_utstein",
        version="1",
        description="Alive at hospital discharge after a witnessed, shockable, medical cardiac arrest.",
        inclusion=f"{SHOCKABLE_ARRESTS}, witnessed, not of trauma, overdose or drowning",
        exclusion="none; without a known outcome a case is unknown and not in the denominator",
        source="IHE QORE CPR-9",
        evaluate=survival_utstein,
    ),
    Indicator(
        name="good_neuro_outcome",
        version="1",
        description="Cerebral performance category 1 or 2 among those alive at discharge.",
        inclusion=f"{ARRESTS}, alive at hospital discharge",
        exclusion="none; without a known category a case is unknown",
        source="IHE QORE CPR-10",
        evaluate=good_neuro_outcome,
    ),
    Indicator(
        name="bystander_cpr",
        version="1",
        description="Resuscitation by bystanders under way when the crew arrived.",
        inclusion=f"{ARRESTS}, not of trauma, overdose or drowning",
        exclusion="witnessed by the crew",
        source="IHE QORE CPR-1",
        evaluate=bystander_cpr,
    ),
    Indicator(
        name="time_to_first_shock",
        version="1",
        description="Minutes from arrival on scene to the first shock.",
        inclusion=SHOCKABLE_ARRESTS,
        exclusion="witnessed by the crew, shocked before arrival",
        source="IHE QORE CPR-4",
        unit="min",
        evaluate=time_to_first_shock,
    ),
    Indicator(
        name="stemi_care_bundle",
        version="1",
        description="Aspirin, nitrate, pain scored twice and analgesia, each given unless there was a recorded reason.",
        inclusion=STEMIS,
        exclusion="a reason against every element: refused, contraindicated, unconscious, not in pain",
        source="UK national ambulance clinical performance indicators M1, M2, M3, M5",
        evaluate=stemi_care_bundle,
    ),
    Indicator(
        name="stemi_scene_to_ecg",
        version="1",
        description="Minutes from arrival on scene to the first 12-lead.",
        inclusion=STEMIS,
        exclusion="12-lead before arrival",
        source="IHE QORE STEMI-1",
        unit="min",
        evaluate=stemi_scene_to_ecg,
    ),
    Indicator(
        name="stemi_prealert",
        version="1",
        description="The hospital was alerted before arrival.",
        inclusion=STEMIS,
        exclusion="not transported",
        source="IHE QORE STEMI-2",
        evaluate=stemi_prealert,
    ),
)
