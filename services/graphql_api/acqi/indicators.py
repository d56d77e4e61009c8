"""The quality indicators in the order of answers, and the contribution of one encounter to them."""

from collections.abc import Mapping

from services.graphql_api.acqi.arrests import ARREST, FURTHER_ARREST
from services.graphql_api.acqi.breathing_and_drugs import BREATHING_AND_DRUGS, FURTHER_BREATHING_AND_DRUGS
from services.graphql_api.acqi.definitions import Exclusion, Indicator, Judgement, Outcome, Reason, outcome_of
from services.graphql_api.acqi.heart_and_brain import FURTHER_HEART_AND_BRAIN, HEART_AND_BRAIN
from services.graphql_api.acqi.injuries import FURTHER_INJURIES, INJURIES
from services.graphql_api.acqi.system import FURTHER_SYSTEM, HOSPITAL, SYSTEM
from shared.messaging.messages import EncounterFacts

FINISHED = frozenset({"completed", "handed_over"})
INDICATORS: tuple[Indicator, ...] = (
    *ARREST,
    *HEART_AND_BRAIN,
    *BREATHING_AND_DRUGS,
    *INJURIES,
    *SYSTEM,
    *HOSPITAL,
    *FURTHER_ARREST,
    *FURTHER_HEART_AND_BRAIN,
    *FURTHER_BREATHING_AND_DRUGS,
    *FURTHER_INJURIES,
    *FURTHER_SYSTEM,
)
"""In the order of answers, to which later ones are added at the end."""
BY_NAME = {one.name: one for one in INDICATORS}
PARTS = {whole.name: tuple(one for one in INDICATORS if one.part_of == whole.name) for whole in INDICATORS}


def judgements(facts: EncounterFacts) -> dict[str, Judgement]:
    """The judgement of each indicator to which the encounter counts. Only finished encounters count; those of a sandbox, in the sandbox."""
    if facts.status not in FINISHED:
        return {}
    found: dict[str, Judgement] = {}
    for one in INDICATORS:
        judgement = one.judge(facts)
        if judgement is not None:
            found[one.name] = judgement
    return found


def outcomes_of(found: Mapping[str, Judgement]) -> dict[str, Outcome]:
    return {name: outcome_of(judgement) for name, judgement in found.items()}


def reasons_of(found: Mapping[str, Judgement]) -> dict[str, Reason]:
    """The reason of each indicator from which the encounter is excluded."""
    return {name: judgement.reason for name, judgement in found.items() if isinstance(judgement, Exclusion)}
