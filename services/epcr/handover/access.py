"""The right to read a patient's name: that of the app of the encounter's destination, or of an app with emergency access."""

from datetime import datetime
from typing import NamedTuple

import msgspec

from services.epcr.encounters.models import EncounterRow
from services.epcr.handover import queries
from services.epcr.handover.models import Destination, Purpose
from shared.storage.database import AsyncConnection, first
from shared.web import problems
from shared.web.identity import Caller
from shared.web.problems import Problem


class Right(NamedTuple):
    """The destination for which the app reads, and the end of its reading. `emergency_id` is that of emergency access."""

    destination: Destination
    purpose: Purpose
    until: datetime
    emergency_id: str | None = None


class Bound(msgspec.Struct, frozen=True):
    """The last time that an encounter was bound for a destination of the app."""

    destination: Destination
    ended_at: datetime | None
    until: datetime
    now: datetime


async def right_of(conn: AsyncConnection, caller: Caller, row: EncounterRow, *, hold: bool = False) -> Right:
    """Raises Problem: 404 where no destination of the app ever had the encounter, 403 `handover-closed` where the reading ended.

    With `hold` the right does not end before the transaction does.
    """
    bound = await bound_of(conn, caller, row, hold=hold)
    closed = None if bound is None else reason_closed(bound, row)
    if bound is not None and closed is None:
        return Right(bound.destination, "TREAT", bound.until)
    asked = {"encounter_id": row.id, "client_id": caller.client_id}
    found = await first(conn, _EmergencyRow, queries.HELD_EMERGENCY_OF if hold else queries.EMERGENCY_OF, asked)
    if found is not None:
        return Right(found.destination(), "BTG", found.until, found.emergency_id)
    raise closed or not_bound()


async def bound_of(conn: AsyncConnection, caller: Caller, row: EncounterRow, *, hold: bool = False) -> Bound | None:
    found = await first(
        conn, _BoundRow, queries.HELD_RIGHT_OF if hold else queries.RIGHT_OF, (row.id, caller.client_id)
    )
    return None if found is None else Bound(found.destination(), found.ended_at, found.until, found.now)


def reason_closed(bound: Bound, row: EncounterRow, *, ends: bool = True) -> Problem | None:
    """The reason why the app may not read, if there is one. Unless it `ends`, the number of days does not count."""
    if bound.ended_at is not None:
        return handover_closed("The encounter is no longer bound for a destination of your app.", "destination_changed")
    if not bound.destination.active:
        return handover_closed("The destination is closed.", "destination_closed")
    if row.status == "cancelled":
        return handover_closed("The encounter was cancelled.", "encounter_cancelled")
    if ends and bound.until <= bound.now:
        return handover_closed(f"The {bound.destination.readable_days} days of reading are over.", "days_are_over")
    return None


def handover_closed(detail: str, reason: str) -> Problem:
    return problems.Problem(403, "Handover closed", detail, extra={"reason": reason})


def not_bound() -> Problem:
    return problems.not_found("There is no such encounter that is bound for a destination of your app.")


class _OfDestination(Destination, frozen=True):
    def destination(self) -> Destination:
        return Destination(*(getattr(self, name) for name in Destination.__struct_fields__))


class _BoundRow(_OfDestination, frozen=True):
    ended_at: datetime | None
    named_at: datetime
    until: datetime
    now: datetime


class _EmergencyRow(_OfDestination, frozen=True):
    until: datetime
    emergency_id: str
