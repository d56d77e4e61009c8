"""Every indicator, in the order in which they are answered, and what one encounter contributes to them."""

from services.graphql_api.acqi import cardiac, medical, operations
from services.graphql_api.acqi.outcome import Indicator, Outcome
from shared.messages import EncounterFacts

INDICATORS: tuple[Indicator, ...] = (*cardiac.INDICATORS, *medical.INDICATORS, *operations.INDICATORS)
BY_NAME = {indicator.name: indicator for indicator in INDICATORS}
FINISHED = frozenset({"completed", "handed_over"})


def contributions(facts: EncounterFacts) -> dict[str, Outcome]:
    """The encounter's outcome for each indicator it counts towards: finished encounters of real patients only."""
    if facts.test or facts.status not in FINISHED:
        return {}
    outcomes: dict[str, Outcome] = {}
    for indicator in INDICATORS:
        outcome = indicator.evaluate(facts)
        if outcome is not None:
            outcomes[indicator.name] = outcome
    return outcomes
