"""Questions that indicators ask of an encounter's facts."""

import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from shared.messaging.messages import CodedFact, EncounterFacts, VitalFact

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
MINUTE = 60


def emergency(facts: EncounterFacts) -> bool:
    return facts.response == "emergency"


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
