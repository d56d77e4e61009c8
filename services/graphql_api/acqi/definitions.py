"""The form of an indicator's definition, the outcomes that a case can have, and the reasons for which it does not count."""

from collections.abc import Callable
from typing import Literal

import msgspec

from shared.messaging.messages import EncounterFacts

# An integer is a time in tenths of a minute.
Outcome = Literal["met", "not_met", "excluded", "unknown"] | int
Reason = Literal[
    "backwards",
    "by_crew",
    "cardiac_arrest",
    "declined",
    "do_not_resuscitate",
    "head_injury",
    "no_patient_left",
    "not_transported",
    "other_cause",
    "recognised_dead",
    "too_ill",
    "unconscious",
    "under_age",
]


class Exclusion(msgspec.Struct, frozen=True):
    """A case of the population that does not count, and the first reason for it."""

    reason: Reason


Judgement = Outcome | Exclusion
"""Never the bare outcome `excluded`."""
Judge = Callable[[EncounterFacts], Judgement | None]
LONGEST = 1_800
NO_EXCLUSION = "none"
AS_ITS_SOURCE = "in nothing that is intended"


class Indicator(msgspec.Struct, frozen=True, kw_only=True):
    """A quality indicator. `description` is the numerator, or the time that is measured; `inclusion` and `exclusion` state its population.

    `source` defined it, and `differs` says how this definition intentionally differs from it. `improves` is the direction that is better.
    `version` changes when the same facts can give another outcome. `judge` gives None for an encounter outside the population.

    Small counts must not follow from those of another indicator: `part_of` names the one whose population divides into those of its parts
    and a rest; `within` names one whose population holds this one's, or is the same.
    """

    name: str
    version: str
    description: str
    inclusion: str
    exclusion: str
    differs: str
    source: str
    unit: Literal["1", "min"] = "1"
    improves: Literal["increase", "decrease"] = "increase"
    part_of: str | None = None
    within: str | None = None
    judge: Judge

    @property
    def is_time(self) -> bool:
        return self.unit == "min"

    def evaluate(self, facts: EncounterFacts) -> Outcome | None:
        """None for an encounter outside the population."""
        found = self.judge(facts)
        return None if found is None else outcome_of(found)


def indicator(
    description: str,
    *,
    inclusion: str,
    source: str,
    exclusion: str = NO_EXCLUSION,
    differs: str = AS_ITS_SOURCE,
    unit: Literal["1", "min"] = "1",
    improves: Literal["increase", "decrease"] | None = None,
    part_of: str | None = None,
    within: str | None = None,
    version: str = "1",
) -> Callable[[Judge], Indicator]:
    """Makes a function the indicator of its name. Of a share more is better and of a time less, unless `improves` says otherwise."""

    def make(judge: Judge) -> Indicator:
        return Indicator(
            name=judge.__name__,
            version=version,
            description=description,
            inclusion=inclusion,
            exclusion=exclusion,
            differs=differs,
            source=source,
            unit=unit,
            improves=improves or ("decrease" if unit == "min" else "increase"),
            part_of=part_of,
            within=within,
            judge=judge,
        )

    return make


def outcome_of(judgement: Judgement) -> Outcome:
    """The judgement without a reason."""
    return "excluded" if isinstance(judgement, Exclusion) else judgement


def judged(met: bool | None) -> Outcome:
    """`unknown` when the record lacks the fact."""
    if met is None:
        return "unknown"
    return "met" if met else "not_met"


def elapsed(seconds: float | None) -> Judgement:
    """A time in tenths of a minute, three hours at most; `unknown` for None. A negative time is excluded."""
    if seconds is None:
        return "unknown"
    if seconds < 0:
        return Exclusion("backwards")
    return min(round(seconds / 6), LONGEST)
