"""Quality indicators of cardiac arrests."""

from decimal import Decimal

from services.graphql_api.acqi.definitions import (
    Exclusion,
    Judgement,
    Outcome,
    done,
    elapsed,
    indicator,
    judged,
    seconds_between,
    since,
)
from shared.messaging.messages import ArrestFact, CprFact, EncounterFacts

SHOCKABLE = frozenset({"vf", "pulseless_vt", "shockable_unknown"})
# Bleeding without an injury is a medical cause (NEMSIS eArrest.02).
NOT_MEDICAL = frozenset({"trauma", "overdose", "drowning", "electrocution"})
PRESUMED_CARDIAC = frozenset({None, "presumed_cardiac"})
ADULT = 18
# Compressions a minute and their depth in mm, of adults (ERC and AHA guidelines 2020 and 2021).
RATE, DEPTH = (100, 120), (50, 60)

ARRESTS = "Out-of-hospital cardiac arrests in which the ambulance service attempted resuscitation"
SHOCKABLE_ARRESTS = ARRESTS + ", with a shockable first rhythm"
COMPARATOR = f"{SHOCKABLE_ARRESTS}, presumed cardiac, 18 or older, witnessed by a bystander"
OTHER_CAUSES = "trauma, overdose, drowning, electrocution"
HOPELESS = "recognised as dead, do-not-resuscitate order"
BY_CREW = "witnessed by the crew"


def treated(facts: EncounterFacts) -> ArrestFact | None:
    """The arrest, where resuscitation was attempted."""
    arrest = facts.arrest
    return arrest if arrest is not None and arrest.resuscitation_attempted else None


def is_dead_on_scene(facts: EncounterFacts) -> bool:
    """Whether the crew left a dead patient behind: an end that no hospital has to report."""
    return facts.outcome == "dead_on_scene" or (facts.arrest is not None and facts.arrest.recognised_dead is True)


def survived(facts: EncounterFacts, arrest: ArrestFact) -> bool | None:
    """Whether the patient left the hospital alive."""
    if arrest.survived_to_discharge is None and is_dead_on_scene(facts):
        return False
    return arrest.survived_to_discharge


def is_medical(arrest: ArrestFact) -> bool:
    return arrest.aetiology not in NOT_MEDICAL


@indicator(
    "Alive at hospital discharge after a cardiac arrest, all rhythms.",
    inclusion=ARRESTS,
    exclusion=OTHER_CAUSES,
    differs="dead on scene is not alive; a case without a known outcome is unknown and not in the denominator; England now publishes "
    "survival at 30 days",
    source="IHE QORE CPR-8; NHS England Ambulance Quality Indicators",
    version="3",
)
def rosc_survival(facts: EncounterFacts) -> Judgement | None:
    arrest = treated(facts)
    if arrest is None:
        return None
    return judged(survived(facts, arrest)) if is_medical(arrest) else Exclusion("other_cause")


def _hopeless(arrest: ArrestFact) -> Exclusion | None:
    if arrest.recognised_dead:
        return Exclusion("recognised_dead")
    return Exclusion("do_not_resuscitate") if arrest.dnar else None


def _rosc(facts: EncounterFacts, arrest: ArrestFact) -> Outcome:
    # Without a return of circulation, or a living patient, there is none at the handover.
    is_lost = arrest.rosc is False or is_dead_on_scene(facts)
    return "not_met" if arrest.rosc_at_handover is None and is_lost else judged(arrest.rosc_at_handover)


@indicator(
    "Spontaneous circulation at the handover in hospital after a cardiac arrest.",
    inclusion=ARRESTS,
    exclusion=f"{HOPELESS}, {OTHER_CAUSES}",
    differs="circulation for 30 seconds, as QORE asks, is not recorded: the crew's answer counts, and of a patient dead on scene there is "
    "none",
    source="UK national ambulance clinical performance indicators C1 (Emerg Med J); IHE QORE CPR-7",
    version="3",
    within="rosc_survival",
)
def rosc_at_hospital(facts: EncounterFacts) -> Judgement | None:
    arrest = treated(facts)
    if arrest is None:
        return None
    hopeless = _hopeless(arrest)
    if hopeless is not None:
        return hopeless
    return _rosc(facts, arrest) if is_medical(arrest) else Exclusion("other_cause")


def _comparator(facts: EncounterFacts) -> ArrestFact | Judgement | None:
    """The arrest of a case of the Utstein comparator group, or why it does not count."""
    arrest = treated(facts)
    if arrest is None or arrest.aetiology not in PRESUMED_CARDIAC or arrest.initial_rhythm not in SHOCKABLE:
        return None
    if arrest.witnessed == "unwitnessed" or (facts.age_years is not None and facts.age_years < ADULT):
        return None
    if arrest.witnessed == "ems":
        return Exclusion("by_crew")
    hopeless = _hopeless(arrest)
    if hopeless is not None:
        return hopeless
    return "unknown" if arrest.witnessed is None or facts.age_years is None else arrest


@indicator(
    "The same in the Utstein comparator group: adult, presumed cardiac, shockable, witnessed by a bystander.",
    inclusion=COMPARATOR,
    exclusion=f"{BY_CREW}, {HOPELESS}",
    differs="a cause that is not recorded counts as presumed cardiac, as the template says; dead on scene is without circulation",
    source="Utstein template; Irish out-of-hospital cardiac arrest register (Emerg Med J 33:776)",
    version="2",
)
def rosc_utstein(facts: EncounterFacts) -> Judgement | None:
    arrest = _comparator(facts)
    return _rosc(facts, arrest) if isinstance(arrest, ArrestFact) else arrest


@indicator(
    "Alive at hospital discharge in the Utstein comparator group.",
    inclusion=COMPARATOR,
    exclusion=f"{BY_CREW}, {HOPELESS}",
    differs="adults with a presumed cardiac cause alone, so that it compares with `rosc_utstein`; QORE counts every medical cause and age",
    source="Utstein template; IHE QORE CPR-9",
    within="rosc_utstein",
    version="3",
)
def survival_utstein(facts: EncounterFacts) -> Judgement | None:
    arrest = _comparator(facts)
    return judged(survived(facts, arrest)) if isinstance(arrest, ArrestFact) else arrest


@indicator(
    "Cerebral performance category 1 or 2 among those alive at discharge.",
    inclusion=f"{ARRESTS}, alive at hospital discharge",
    exclusion=OTHER_CAUSES,
    differs="a case without a known category is unknown and not in the denominator",
    source="IHE QORE CPR-10",
    version="2",
    within="rosc_survival",
)
def good_neuro_outcome(facts: EncounterFacts) -> Judgement | None:
    arrest = treated(facts)
    if arrest is None or not arrest.survived_to_discharge:
        return None
    return judged(None if arrest.cpc is None else arrest.cpc <= 2) if is_medical(arrest) else Exclusion("other_cause")


@indicator(
    "Resuscitation by bystanders under way when the crew arrived.",
    inclusion=f"{ARRESTS}, not of {OTHER_CAUSES}",
    exclusion=BY_CREW,
    source="IHE QORE CPR-1",
    version="2",
    within="rosc_survival",
)
def bystander_cpr(facts: EncounterFacts) -> Judgement | None:
    arrest = treated(facts)
    if arrest is None or not is_medical(arrest):
        return None
    return Exclusion("by_crew") if arrest.witnessed == "ems" else judged(arrest.bystander_cpr)


def _cpr(facts: EncounterFacts) -> CprFact:
    return facts.cpr or CprFact()


@indicator(
    "The dispatch centre instructed a bystander in compressions.",
    inclusion=f"{ARRESTS}, not of {OTHER_CAUSES}",
    exclusion=BY_CREW,
    differs="a call at which bystanders already pressed counts too, and is not met unless the dispatch centre instructed them",
    source="IHE QORE CPR-2",
    within="bystander_cpr",
)
def cpr_coached(facts: EncounterFacts) -> Judgement | None:
    arrest = treated(facts)
    if arrest is None or not is_medical(arrest):
        return None
    return Exclusion("by_crew") if arrest.witnessed == "ems" else judged(_cpr(facts).dispatcher_instructed)


@indicator(
    "Minutes from the call to the first compression.",
    inclusion=f"{ARRESTS}, not of {OTHER_CAUSES}",
    exclusion=f"{BY_CREW}, compressions before the call",
    differs="median and 90th percentile beside QORE's mean; the first compression of anybody, as the crew recorded it",
    source="IHE QORE CPR-3",
    unit="min",
    within="bystander_cpr",
)
def call_to_compressions(facts: EncounterFacts) -> Judgement | None:
    arrest = treated(facts)
    if arrest is None or not is_medical(arrest):
        return None
    if arrest.witnessed == "ems":
        return Exclusion("by_crew")
    return elapsed(seconds_between(facts.times.get("call"), arrest.cpr_started_at))


@indicator(
    "Minutes from arrival on scene to the first shock.",
    inclusion=SHOCKABLE_ARRESTS,
    exclusion=f"{BY_CREW}, shocked before arrival",
    differs="a shockable first rhythm alone, of every cause; median and 90th percentile beside QORE's mean",
    source="IHE QORE CPR-4",
    unit="min",
)
def time_to_first_shock(facts: EncounterFacts) -> Judgement | None:
    arrest = treated(facts)
    if arrest is None or arrest.initial_rhythm not in SHOCKABLE:
        return None
    if arrest.witnessed == "ems":
        return Exclusion("by_crew")
    return elapsed(seconds_between(facts.times.get("on_scene"), arrest.first_shock_at))


def _is_between(value: Decimal | None, limits: tuple[int, int]) -> bool | None:
    return None if value is None else limits[0] <= value <= limits[1]


@indicator(
    "Compressions at 100 to 120 a minute on average.",
    inclusion=f"{ARRESTS}, not of {OTHER_CAUSES}",
    differs="the share of patients within the guidelines' range, where QORE publishes the mean of all rates",
    source="IHE QORE CPR-5; ERC Guidelines 2021",
    within="bystander_cpr",
)
def compression_rate(facts: EncounterFacts) -> Judgement | None:
    arrest = treated(facts)
    if arrest is None or not is_medical(arrest):
        return None
    return judged(_is_between(_cpr(facts).compression_rate, RATE))


@indicator(
    "Compressions 50 to 60 mm deep on average.",
    inclusion=f"{ARRESTS}, not of {OTHER_CAUSES}",
    exclusion="younger than 18, for whom the depth is another",
    differs="the share of adults within the guidelines' range, where QORE publishes the mean of all depths",
    source="IHE QORE CPR-6; ERC Guidelines 2021",
    within="bystander_cpr",
)
def compression_depth(facts: EncounterFacts) -> Judgement | None:
    arrest = treated(facts)
    if arrest is None or not is_medical(arrest):
        return None
    if facts.age_years is None:
        return "unknown"
    return (
        Exclusion("under_age") if facts.age_years < ADULT else judged(_is_between(_cpr(facts).compression_depth, DEPTH))
    )


@indicator(
    "12-lead, blood glucose, end-tidal CO2, blood pressure and oxygen after the return of circulation.",
    inclusion=f"{ARRESTS}, with a return of circulation, transported, 18 or older",
    exclusion=OTHER_CAUSES,
    differs="without fluids, which are not indicated for everyone; oxygen at any time counts; unknown without the time of the return",
    source="NHS England Ambulance Quality Indicators, post-ROSC care bundle",
    within="rosc_at_hospital",
)
def post_rosc_bundle(facts: EncounterFacts) -> Judgement | None:
    arrest = treated(facts)
    if arrest is None or not arrest.rosc or not facts.transported:
        return None
    if facts.age_years is not None and facts.age_years < ADULT:
        return None
    if not is_medical(arrest):
        return Exclusion("other_cause")
    start = arrest.rosc_at
    if start is None or facts.age_years is None:
        return "unknown"
    traced = any(ecg.at is not None and ecg.at >= start for ecg in done(facts.procedures, "ecg_12_lead"))
    measured = all(since(facts, kind, start) for kind in ("glucose", "etco2", "systolic"))
    return judged(traced and measured and bool(done([*facts.medications, *facts.procedures], "oxygen")))


ARREST = (
    rosc_survival,
    rosc_at_hospital,
    rosc_utstein,
    survival_utstein,
    good_neuro_outcome,
    bystander_cpr,
    time_to_first_shock,
)
FURTHER_ARREST = (cpr_coached, call_to_compressions, compression_rate, compression_depth, post_rosc_bundle)
