"""The form of an indicator's definition, the outcomes that a case can have, the reasons for which it does not count, and the
questions that indicators ask of an encounter's facts.
"""

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec

from shared.messaging.messages import ArrestFact, CodedFact, EncounterFacts, VitalFact

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
UNKNOWN_DRUG = "unknown when a drug was given whose code no table knows, and not in the denominator"
AS_ITS_SOURCE = "in nothing that is intended"


class Indicator(msgspec.Struct, frozen=True, kw_only=True):
    """A quality indicator. `description` is the numerator, or the time that is measured; `inclusion` and `exclusion` state its population.

    `source` defined it, and `differs` says how this definition intentionally differs from it. `improves` is the direction that is better.
    `version` changes when the same facts can give another outcome. `judge` gives None for an encounter outside the population.
    Where `of_incident`, of the crews and patients of one incident only the one with the first arrival counts.

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
    of_incident: bool = False
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
    of_incident: bool = False,
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
            of_incident=of_incident,
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


MG_DL_PER_MMOL_L = Decimal("18.0156")
MMHG_PER_KPA = Decimal("7.50062")
MMHG_PER_PERCENT = Decimal("7.6")
REFUSED = frozenset({"refused", "contraindicated"})
STEMI = re.compile(r"I21\.[0-3]")
STROKE = re.compile(r"I6[0134]|G45(?!\.4)")
STATUS_EPILEPTICUS = re.compile(r"G41|G40\.(?:[0-79A-D][01]1|8[0-4][13])")
ASTHMA = re.compile(r"J45|J46|J98\.01")
SYNCOPE = re.compile(r"R55|R40\.4")
RESPIRATORY_DISTRESS = re.compile(r"J4[456]|J8[01]|J96|J98\.01|R06\.0")
HEAD_INJURY = re.compile(r"S06")
BRAIN_INJURY = re.compile(r"S02|S04\.4|S06|S07\.1|S09\.90|T74\.4")
# Injuries, burns, frostbite; neither poisoning nor complications of care.
INJURY = re.compile(r"S|T[0-2]|T3[0-5]")


def emergency(facts: EncounterFacts) -> bool:
    return facts.response == "emergency"


def in_arrest(facts: EncounterFacts) -> bool:
    """Whether the patient was in cardiac arrest. The answer about an order not to resuscitate, or that the patient is not dead, is none."""
    if facts.arrest is None:
        return False
    is_dead = facts.arrest.recognised_dead or None
    return msgspec.structs.replace(facts.arrest, dnar=None, recognised_dead=is_dead) != ArrestFact()


def has_impression(facts: EncounterFacts, codes: re.Pattern[str]) -> bool:
    return any(codes.match(code) for code in facts.impressions)


def stemi(facts: EncounterFacts) -> bool:
    return "stemi" in facts.conditions or has_impression(facts, STEMI)


def suspected_stroke(facts: EncounterFacts) -> bool:
    return (facts.stroke is not None and facts.stroke.suspected is True) or has_impression(facts, STROKE)


def injured(facts: EncounterFacts) -> bool:
    return facts.injury if facts.injury is not None else has_impression(facts, INJURY)


def vitals(facts: EncounterFacts, kind: str) -> list[VitalFact]:
    """The facts of one kind that have a value, oldest first. Facts without a time come first."""
    found = [vital for vital in facts.vitals if vital.kind == kind and (vital.value is not None or vital.text)]
    return sorted(found, key=lambda vital: vital.at.timestamp() if vital.at else 0)


def numbers(facts: EncounterFacts, kind: str) -> list[Decimal]:
    return [vital.value for vital in vitals(facts, kind) if vital.value is not None]


def since(facts: EncounterFacts, kind: str, start: datetime) -> bool:
    """Whether there is a fact of that kind from `start` on. One without a time does not count."""
    return any(vital.at is not None and vital.at >= start for vital in vitals(facts, kind))


def recorded(facts: EncounterFacts, *kinds: str) -> bool:
    """Whether there is at least one fact of each kind."""
    return all(vitals(facts, kind) for kind in kinds)


def glucose_mg_dl(facts: EncounterFacts) -> list[Decimal]:
    measured = [vital for vital in vitals(facts, "glucose") if vital.value is not None]
    return [(vital.value or Decimal()) * (MG_DL_PER_MMOL_L if vital.unit == "mmol/L" else 1) for vital in measured]


def etco2_mmhg(vital: VitalFact) -> Decimal:
    factor = {"kPa": MMHG_PER_KPA, "%": MMHG_PER_PERCENT}.get(vital.unit or "", Decimal(1))
    return (vital.value or Decimal()) * factor


def unconscious(facts: EncounterFacts) -> bool:
    """Whether the Glasgow score never exceeded 8, or AVPU was never better than pain."""
    scores = numbers(facts, "gcs")
    levels = [vital.text for vital in vitals(facts, "avpu")]
    return (bool(scores) and max(scores) <= 8) or (bool(levels) and set(levels) <= {"pain", "unresponsive"})


def altered(facts: EncounterFacts) -> bool:
    """Whether a Glasgow score was below 15, or the patient was not alert, at some time."""
    return any(score < 15 for score in numbers(facts, "gcs")) or any(
        vital.text != "alert" for vital in vitals(facts, "avpu")
    )


def done(acts: Iterable[CodedFact], *kinds: str) -> list[CodedFact]:
    return [act for act in acts if act.kind in kinds and act.not_done_reason is None]


def given(facts: EncounterFacts, *kinds: str) -> bool | None:
    """Whether a drug of these kinds was given. None when that is unknown: a drug was given whose code no table knows."""
    if done(facts.medications, *kinds):
        return True
    return None if done(facts.medications, "unknown") else False


def declined(acts: Iterable[CodedFact], *kinds: str) -> bool:
    """Whether an act was recorded as refused by the patient or as contraindicated."""
    return any(act.kind in kinds and act.not_done_reason in REFUSED for act in acts)


def seconds_between(start: datetime | None, end: datetime | None) -> float | None:
    return (end - start).total_seconds() if start is not None and end is not None else None


def between(facts: EncounterFacts, start: str, end: str) -> float | None:
    """Seconds between two times of the mission."""
    return seconds_between(facts.times.get(start), facts.times.get(end))
