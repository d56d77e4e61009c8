"""Contradictions within an outcome. Pure: each is an error with the pointer of both fields."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec

from services.epcr.outcomes.models import EmergencyDepartment, HospitalStay, Neurology, OutcomeDraft, Survival
from services.epcr.records.faults import blank_or_out_of_bounds, foreign_ids
from shared.web.problems import FieldError

_ALIVE_AFTER_ED = ("died", "dead_on_arrival")
_LEFT = frozenset(
    {
        *("discharged_home", "discharged_with_care", "rehabilitation", "nursing_facility", "hospice", "transferred"),
        "left_against_advice",
    }
)
DAYS = timedelta(days=30)
ARRIVES = timedelta(days=7)
"""A mission at sea or in the mountains takes days; a later arrival is that of another encounter."""


def check(outcome: OutcomeDraft, latest: datetime) -> list[FieldError]:
    """The errors; empty where nothing contradicts. No time may be after `latest`, no code the id of a description, and no text blank."""
    reported = (outcome.emergency_department, outcome.stay, outcome.procedures, outcome.survival, outcome.neurology)
    empty = [] if any(reported) else [FieldError("", "reports nothing", "empty")]
    contradictions = (*_deaths(outcome), *_days_of_death(outcome), *_stays(outcome), *_orders(outcome))
    return [
        *empty,
        *dict.fromkeys(contradictions),
        *_late(outcome, "", latest),
        *foreign_ids(outcome),
        *blank_or_out_of_bounds(outcome),
    ]


def check_day(outcome: OutcomeDraft, day: date) -> list[FieldError]:
    """Times of another encounter, and answers at 30 days that the days from the encounter's `day` to the death deny: no arrival has to be
    reported.
    """
    survival, elsewhere = outcome.survival or Survival(), list(_of_another_encounter(outcome, day))
    if survival.died_at is None:
        return elsewhere
    lived = (survival.died_at.astimezone(UTC).date() - day).days
    is_denied = (survival.alive_at_30_days == "yes" and lived < DAYS.days - 1) or (
        survival.alive_at_30_days == "no" and lived > DAYS.days + 1
    )
    return [*elsewhere, *_both({"/survival/died_at": True}, {"/survival/alive_at_30_days": is_denied})]


def _of_another_encounter(outcome: OutcomeDraft, day: date) -> Iterator[FieldError]:
    """Ends before the encounter began, and an arrival long before or after it. Patients in transfer were admitted before."""
    department, stay = outcome.emergency_department or EmergencyDepartment(), outcome.stay or HospitalStay()
    first, last = day - timedelta(days=1), day + ARRIVES
    times = {
        "/emergency_department/arrived_at": department.arrived_at,
        "/emergency_department/left_at": department.left_at,
        "/stay/discharged_at": stay.discharged_at,
    }
    for pointer, at in times.items():
        if at is not None and at.astimezone(UTC).date() < first:
            yield FieldError(pointer, "is before the encounter", "contradiction")
    if department.arrived_at is not None and department.arrived_at.astimezone(UTC).date() > last:
        yield FieldError(
            "/emergency_department/arrived_at", f"is more than {ARRIVES.days} days after the encounter", "contradiction"
        )


def _deaths(outcome: OutcomeDraft) -> Iterator[FieldError]:
    department = outcome.emergency_department or EmergencyDepartment()
    stay = outcome.stay or HospitalStay()
    survival, neurology = outcome.survival or Survival(), outcome.neurology or Neurology()
    dead = {
        "/emergency_department/disposition": department.disposition in _ALIVE_AFTER_ED,
        "/stay/disposition": stay.disposition == "died",
        "/survival/survived_to_discharge": survival.survived_to_discharge == "no",
    }
    alive = {
        "/survival/survived_to_discharge": survival.survived_to_discharge == "yes",
        "/stay/disposition": stay.disposition not in (None, "died", "unknown"),
    }
    yield from _both(dead, alive)
    # Death in the hospital is death at 30 days, unless it came later; the other way round it is not.
    died = {name: is_dead for name, is_dead in dead.items() if name != "/survival/survived_to_discharge"}
    early = died | {"/stay/disposition": died["/stay/disposition"] and not _died_late(outcome)}
    yield from _both(early, {"/survival/alive_at_30_days": survival.alive_at_30_days == "yes"})
    scales = {"/neurology/cpc": neurology.cpc == 5, "/neurology/mrs": neurology.mrs == 6}
    at_30_days = {"/survival/alive_at_30_days": survival.alive_at_30_days == "yes"} if survival.died_at is None else {}
    yield from _both(scales, at_30_days)
    living = {
        "/neurology/cpc": isinstance(neurology.cpc, int) and neurology.cpc < 5,
        "/neurology/mrs": isinstance(neurology.mrs, int) and neurology.mrs < 6,
    }
    yield from _both(died | scales, living)


def _died_late(outcome: OutcomeDraft) -> bool:
    """Whether the dates say that the patient lived for 30 days, or one day less."""
    department, stay = outcome.emergency_department or EmergencyDepartment(), outcome.stay or HospitalStay()
    came = department.arrived_at or stay.admitted_at
    died_at = (outcome.survival.died_at if outcome.survival else None) or stay.discharged_at
    return came is not None and died_at is not None and died_at >= came + DAYS - timedelta(days=1)


def _days_of_death(outcome: OutcomeDraft) -> Iterator[FieldError]:
    """Answers that the time of death denies. A day more or less is no contradiction, because 30 days are counted from the arrest."""
    department, stay = outcome.emergency_department or EmergencyDepartment(), outcome.stay or HospitalStay()
    survival, neurology = outcome.survival or Survival(), outcome.neurology or Neurology()
    died_at = survival.died_at
    if died_at is None:
        return
    came, day = department.arrived_at or stay.admitted_at, timedelta(days=1)
    died_in_stay = stay.discharged_at is not None and died_at < stay.discharged_at - day
    is_living = isinstance(neurology.cpc, int) and neurology.cpc < 5
    is_living = is_living or (isinstance(neurology.mrs, int) and neurology.mrs < 6)
    denied = {
        "/survival/alive_at_30_days": came is not None
        and (
            (survival.alive_at_30_days == "yes" and died_at < came + DAYS - day)
            or (survival.alive_at_30_days == "no" and died_at > came + DAYS + day)
        ),
        "/survival/survived_to_discharge": survival.survived_to_discharge == "yes" and died_in_stay,
        "/stay/disposition": stay.disposition in _LEFT and died_in_stay,
        "/neurology/assessed_at": is_living and neurology.assessed_at is not None and neurology.assessed_at > died_at,
    }
    yield from _both({"/survival/died_at": True}, denied)


def _stays(outcome: OutcomeDraft) -> Iterator[FieldError]:
    """Parts of a stay that there cannot have been."""
    department, stay = outcome.emergency_department or EmergencyDepartment(), outcome.stay or HospitalStay()
    is_still_there = stay.disposition == "still_admitted"
    survival = outcome.survival or Survival()
    left = {
        "/stay/discharged_at": stay.discharged_at is not None,
        "/survival/survived_to_discharge": survival.survived_to_discharge == "yes",
        "/survival/died_at": survival.died_at is not None,
    }
    yield from _both({"/stay/disposition": is_still_there}, left)
    cared = {
        "/stay/admitted_at": stay.admitted_at is not None,
        "/stay/intensive_care_days": bool(stay.intensive_care_days),
        "/stay/ventilator_days": bool(stay.ventilator_days),
    }
    yield from _both({"/emergency_department/disposition": department.disposition == "dead_on_arrival"}, cared)
    if stay.admitted_at is not None and stay.discharged_at is not None:
        # A stay of one night has two days.
        days = (stay.discharged_at - stay.admitted_at).days + 2
        for name in ("intensive_care_days", "ventilator_days"):
            yield from _both({f"/stay/{name}": (getattr(stay, name) or 0) > days}, {"/stay/discharged_at": True})


def _both(some: dict[str, bool], others: dict[str, bool]) -> Iterator[FieldError]:
    for one, holds in some.items():
        for other, too in others.items():
            if holds and too and one != other:
                yield FieldError(one, f"contradicts {other}", "contradiction")
                yield FieldError(other, f"contradicts {one}", "contradiction")


def _orders(outcome: OutcomeDraft) -> Iterator[FieldError]:
    department = outcome.emergency_department or EmergencyDepartment()
    stay, survival = outcome.stay or HospitalStay(), outcome.survival or Survival()
    clock = {
        "/emergency_department/arrived_at": department.arrived_at,
        "/emergency_department/left_at": department.left_at,
        "/stay/discharged_at": stay.discharged_at,
    }
    known = [(name, at) for name, at in clock.items() if at is not None]
    for (earlier, first), (later, second) in pairwise(known):
        if second < first:
            yield FieldError(later, f"is before {earlier}", "contradiction")
    if stay.admitted_at and stay.discharged_at and stay.discharged_at < stay.admitted_at:
        yield FieldError("/stay/discharged_at", "is before /stay/admitted_at", "contradiction")
    if department.disposition == "dead_on_arrival":
        return
    if survival.died_at and department.arrived_at and survival.died_at < department.arrived_at:
        yield FieldError("/survival/died_at", "is before /emergency_department/arrived_at", "contradiction")


def _late(part: Any, pointer: str, latest: datetime) -> Iterator[FieldError]:
    if isinstance(part, datetime) and part > latest:
        yield FieldError(pointer, "is in the future")
    if isinstance(part, list):
        for index, one in enumerate(part):
            yield from _late(one, f"{pointer}/{index}", latest)
    if isinstance(part, msgspec.Struct):
        for name in part.__struct_fields__:
            yield from _late(getattr(part, name), f"{pointer}/{name}", latest)
