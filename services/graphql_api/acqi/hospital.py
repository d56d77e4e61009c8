"""Quality indicators that need the hospital's report. Without a report, or an answer in it, an encounter is unknown."""

from services.graphql_api.acqi.arrests import is_dead_on_scene
from services.graphql_api.acqi.definitions import Outcome, indicator, judged
from shared.messaging.messages import EncounterFacts

MAJOR_TRAUMA = 15
"""An injury severity score above it is major trauma."""
GOOD_MRS = 3


@indicator(
    "Alive 30 days after a cardiac arrest, all rhythms.",
    inclusion="Out-of-hospital cardiac arrests in which the ambulance service attempted resuscitation",
    differs="arrests of every cause; dead on scene is not alive; without the hospital's answer or a date of death a case is unknown and "
    "not in the denominator",
    source="Utstein 2015 core outcome; NHS England AmbCO",
    version="2",
    within="rosc_survival",
)
def survival_30_days(facts: EncounterFacts) -> Outcome | None:
    if facts.arrest is None or not facts.arrest.resuscitation_attempted:
        return None
    alive = None if facts.hospital is None else facts.hospital.alive_at_30_days
    return judged(False if alive is None and is_dead_on_scene(facts) else alive)


@indicator(
    "Modified Rankin Scale 0 to 3 among those alive at discharge or at 30 days after a cardiac arrest.",
    inclusion="Out-of-hospital cardiac arrests in which resuscitation was attempted, alive at discharge or at 30 days",
    differs="the modified Rankin Scale in place of CPC; without a known score a case is unknown",
    source="Utstein 2015 core outcome",
    within="survival_30_days",
)
def good_mrs_outcome(facts: EncounterFacts) -> Outcome | None:
    if facts.arrest is None or not facts.arrest.resuscitation_attempted or facts.hospital is None:
        return None
    if not (facts.arrest.survived_to_discharge or facts.hospital.alive_at_30_days):
        return None
    return judged(None if facts.hospital.mrs is None else facts.hospital.mrs <= GOOD_MRS)


@indicator(
    "Major trauma that was not taken to a trauma centre.",
    inclusion="Patients transported whose injury severity score is above 15",
    differs="the score that the hospital reported, at every age; without the type of the destination a case is unknown",
    improves="decrease",
    source="American College of Surgeons, Resources for Optimal Care: under-triage by injury severity score",
)
def trauma_undertriage(facts: EncounterFacts) -> Outcome | None:
    score = _score(facts)
    if score is None or score <= MAJOR_TRAUMA:
        return None
    return judged(None if facts.destination_type is None else facts.destination_type != "trauma_centre")


@indicator(
    "Patients taken to a trauma centre without major trauma.",
    inclusion="Patients transported to a trauma centre whose injury severity score is known",
    differs="the score that the hospital reported, at every age",
    improves="decrease",
    source="American College of Surgeons, Resources for Optimal Care: over-triage by injury severity score",
)
def trauma_overtriage(facts: EncounterFacts) -> Outcome | None:
    score = _score(facts)
    if score is None or facts.destination_type != "trauma_centre":
        return None
    return judged(score <= MAJOR_TRAUMA)


def _score(facts: EncounterFacts) -> int | None:
    return facts.hospital.injury_severity_score if facts.hospital is not None and facts.transported else None


HOSPITAL = (survival_30_days, good_mrs_outcome, trauma_undertriage, trauma_overtriage)
