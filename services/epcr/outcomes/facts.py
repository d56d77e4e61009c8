"""The part of an outcome in the facts of an encounter: codes, numbers and answers."""

from collections.abc import Sequence
from datetime import UTC, date
from functools import reduce

import msgspec

from services.epcr.outcomes.models import (
    Answer,
    EmergencyDepartment,
    HospitalStay,
    Neurology,
    OutcomeDraft,
    Survival,
)
from services.epcr.records.care import ICD10, ICD10_CM
from shared.messaging.messages import EncounterFacts, OutcomeFact

_KNOWN: dict[Answer | None, bool | None] = {"yes": True, "no": False, "unknown": None, None: None}
# Of a hospital that saw the patient leave alive and one that saw the patient die, the second knows the end, whichever reported last.
_FINAL = frozenset({"survived_to_discharge", "alive_at_30_days"})
DAYS = 30


def with_outcomes(facts: EncounterFacts, outcomes: Sequence[OutcomeDraft]) -> EncounterFacts:
    """The facts with the hospitals' answers, the newest report last. Where a hospital knows, its answer goes before the crew's.

    A report replaces no answer of another hospital by silence: of two answers to one question the newer counts, but a death goes before
    survival; of two lists both count.
    """
    if not outcomes:
        return facts
    hospital = reduce(_joined, (_fact(one, facts.day) for one in outcomes))
    arrest = facts.arrest
    if arrest is not None:
        answers = {"survived_to_discharge": hospital.survived_to_discharge, "cpc": hospital.cpc}
        known = {name: value for name, value in answers.items() if value is not None}
        arrest = msgspec.structs.replace(arrest, **known)
    return msgspec.structs.replace(facts, hospital=hospital, arrest=arrest)


def _joined(older: OutcomeFact, newer: OutcomeFact) -> OutcomeFact:
    answers = msgspec.structs.asdict(older)
    for name, value in msgspec.structs.asdict(newer).items():
        if isinstance(value, list):
            answers[name] = list(dict.fromkeys(value + answers[name]))
        elif name in _FINAL and False in (value, answers[name]):
            answers[name] = False
        elif value is not None:
            answers[name] = value
    return OutcomeFact(**answers)


def _fact(outcome: OutcomeDraft, day: date) -> OutcomeFact:
    """`day` is that of the encounter."""
    department = outcome.emergency_department or EmergencyDepartment()
    stay = outcome.stay or HospitalStay()
    survival, neurology = outcome.survival or Survival(), outcome.neurology or Neurology()
    # A death in the hospital is an answer, also where the question is left out.
    died = stay.disposition == "died" or department.disposition in ("died", "dead_on_arrival")
    return OutcomeFact(
        emergency_disposition=department.disposition,
        disposition=stay.disposition,
        emergency_diagnoses=_codes(department),
        diagnoses=_codes(stay),
        procedures=[one.kind for one in outcome.procedures],
        trauma_team=_KNOWN[department.trauma_team],
        injury_severity_score=stay.injury_severity_score,
        survived_to_discharge=False if died else _KNOWN[survival.survived_to_discharge],
        alive_at_30_days=_alive_at_30_days(department, stay, survival, day),
        cpc=neurology.cpc if isinstance(neurology.cpc, int) else None,
        mrs=neurology.mrs if isinstance(neurology.mrs, int) else None,
    )


def _alive_at_30_days(
    department: EmergencyDepartment, stay: HospitalStay, survival: Survival, day: date
) -> bool | None:
    """The answer; where it is left out or unknown, that of the day of death."""
    known = _KNOWN[survival.alive_at_30_days]
    if known is not None:
        return known
    if department.disposition in ("died", "dead_on_arrival"):
        return False
    died_at = survival.died_at or (stay.discharged_at if stay.disposition == "died" else None)
    return None if died_at is None else (died_at.astimezone(UTC).date() - day).days > DAYS


def _codes(part: EmergencyDepartment | HospitalStay) -> list[str]:
    return [one.code for one in part.diagnoses if one.system in (ICD10, ICD10_CM)]
