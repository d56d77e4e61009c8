"""What one encounter says to one indicator."""

from collections.abc import Callable
from typing import Literal

import msgspec

from shared.messages import EncounterFacts

# An integer is a time in tenths of a minute.
Outcome = Literal["met", "not_met", "excluded", "unknown"] | int
LONGEST = 1_800


class Indicator(msgspec.Struct, frozen=True, kw_only=True):
    """A quality indicator: who counts, who does not, what counts as met, and who defined it so.

    `evaluate` gives None for an encounter outside the population. `version` changes whenever the same facts could give another outcome.
    """

    name: str
    version: str
    description: str
    inclusion: str
    exclusion: str
    source: str
    unit: Literal["1", "min"] = "1"
    evaluate: Callable[[EncounterFacts], Outcome | None]


def judged(met: bool | None) -> Outcome:
    """`unknown` when the record does not say."""
    if met is None:
        return "unknown"
    return "met" if met else "not_met"


def elapsed(seconds: float) -> Outcome:
    """A time in tenths of a minute, three hours at most; one that ran backwards is nobody's performance."""
    if seconds < 0:
        return "excluded"
    return min(round(seconds / 6), LONGEST)
