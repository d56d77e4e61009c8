"""Contradictions within an outcome. Pure: each is an error with the pointer of both fields."""

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

import msgspec

from services.epcr.outcomes.models import EmergencyDepartment, HospitalStay, Neurology, OutcomeDraft, Survival
from shared.web.problems import FieldError

_ALIVE_AFTER_ED = ("died", "dead_on_arrival")


def check(outcome: OutcomeDraft, latest: datetime) -> list[FieldError]:
    """The errors; empty where nothing contradicts. No time may be after `latest`."""
    reported = (outcome.emergency_department, outcome.stay, outcome.procedures, outcome.survival, outcome.neurology)
    empty = [] if any(reported) else [FieldError("", "reports nothing", "empty")]
    return [*empty, *_deaths(outcome), *_orders(outcome), *_late(outcome, "", latest)]


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
    # Death within the days that a hospital saw is death at 30 days; the other way round it is not.
    died = {name: is_dead for name, is_dead in dead.items() if name != "/survival/survived_to_discharge"}
    yield from _both(died, {"/survival/alive_at_30_days": survival.alive_at_30_days == "yes"})
    scales = {"/neurology/cpc": neurology.cpc == 5, "/neurology/mrs": neurology.mrs == 6}
    at_30_days = {"/survival/alive_at_30_days": survival.alive_at_30_days == "yes"} if survival.died_at is None else {}
    yield from _both(scales, at_30_days)
    living = {
        "/neurology/cpc": isinstance(neurology.cpc, int) and neurology.cpc < 5,
        "/neurology/mrs": isinstance(neurology.mrs, int) and neurology.mrs < 6,
    }
    yield from _both(died | scales, living)


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
