"""The quality indicators in the order of answers, and the contribution of one encounter to them."""

from collections.abc import Mapping

from services.graphql_api.acqi.arrests import ARREST, FURTHER_ARREST
from services.graphql_api.acqi.breathing_and_drugs import BREATHING_AND_DRUGS, FURTHER_BREATHING_AND_DRUGS
from services.graphql_api.acqi.definitions import (
    Exclusion,
    Indicator,
    Judgement,
    Outcome,
    Reason,
    emergency,
    outcome_of,
)
from services.graphql_api.acqi.heart_and_brain import FURTHER_HEART_AND_BRAIN, HEART_AND_BRAIN
from services.graphql_api.acqi.injuries import FURTHER_INJURIES, INJURIES
from services.graphql_api.acqi.system import FURTHER_SYSTEM, HOSPITAL, SYSTEM
from shared.messaging.messages import EncounterFacts

FINISHED = frozenset({"completed", "handed_over"})
NEVER = 1e12
"""Seconds of the epoch later than each arrival."""
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

OF_INCIDENT = [one.name for one in INDICATORS if one.of_incident]


def judgements(facts: EncounterFacts, *, is_first: bool = True) -> dict[str, Judgement]:
    """The judgement of each indicator to which the encounter counts. Only finished encounters count; those of a sandbox, in the sandbox.

    `is_first`: no other encounter of its incident has an earlier `arrival`.
    """
    if facts.status not in FINISHED:
        return {}
    found: dict[str, Judgement] = {}
    for one in INDICATORS:
        judgement = one.judge(facts) if is_first or not one.of_incident else None
        if judgement is not None:
            found[one.name] = judgement
    return found


def arrival(facts: EncounterFacts) -> float | None:
    """Seconds of the epoch by which an incident's first crew is found; NEVER if unknown, None for an encounter that does not count."""
    if facts.status not in FINISHED or not emergency(facts):
        return None
    at = facts.times.get("on_scene")
    return NEVER if at is None else at.timestamp()


def outcomes_of(found: Mapping[str, Judgement]) -> dict[str, Outcome]:
    return {name: outcome_of(judgement) for name, judgement in found.items()}


def reasons_of(found: Mapping[str, Judgement]) -> dict[str, Reason]:
    """The reason of each indicator from which the encounter is excluded."""
    return {name: judgement.reason for name, judgement in found.items() if isinstance(judgement, Exclusion)}
