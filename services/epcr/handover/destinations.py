"""HTTP endpoints of destinations: an administrator defines them, and an encounter is bound for one."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import UNSET
from msgspec.structs import asdict
from starlette.requests import Request
from starlette.responses import Response

from services.epcr.encounters import store
from services.epcr.encounters.models import EncounterRow
from services.epcr.handover import events, queries
from services.epcr.handover.models import (
    Destination,
    DestinationChange,
    DestinationDraft,
    DestinationNamed,
    DestinationPage,
    EncounterDestination,
    Reopening,
    Sender,
)
from shared.messaging import outbox
from shared.primitives import ids
from shared.process import telemetry
from shared.storage import audit, idempotency
from shared.storage.caps import Cap, require_room
from shared.storage.database import AsyncConnection, every, first, found, tenant_transaction
from shared.web import http, problems
from shared.web.arrival import arrive
from shared.web.identity import Caller
from shared.web.problems import FieldError

PATH = "/api/v1/epcr/destinations"
ADMINISTRATOR = "platform:apps"
DESTINATIONS = Cap("destinations", 1000, instead="delete some that no encounter ever had, or give one another use")
NAMINGS = Cap("destinations in all", 50, "An encounter", "end the encounter and begin another")


async def create_destination(request: Request, caller: Caller, draft: DestinationDraft) -> Response:
    async def is_known() -> bool:
        async with tenant_transaction(request, caller) as conn:
            return await (await conn.execute(queries.FIND_APP, (draft.client_id,))).fetchone() is not None

    await arrive(request, caller, is_known)
    async with tenant_transaction(request, caller) as conn:
        if answer := await idempotency.stored(conn, request, caller):
            return answer
        await require_room(conn, DESTINATIONS, caller.tenant_id, queries.COUNT_DESTINATIONS)
        await _require_app(conn, draft.client_id)
        row = asdict(draft) | {"id": ids.new_id("dst")}
        made = await first(conn, Destination, queries.INSERT_DESTINATION, row)
        if made is None:
            raise await _twin(conn, row)
        await audit.record(conn, caller, "destination.create", made.id, _audited(made))
        return await idempotency.keep(conn, request, caller, http.created(made, f"{PATH}/{made.id}"))


async def list_destinations(request: Request, caller: Caller, page: DestinationPage) -> Response:
    parameters = asdict(page) | {"after": http.page_after(request, page), "limit": page.limit + 1}
    async with tenant_transaction(request, caller) as conn:
        rows = await every(conn, Destination, queries.LIST_DESTINATIONS, parameters)
    return http.listed(request, "destinations", rows, page, lambda row: row.id)


async def read_destination(request: Request, caller: Caller, destination_id: str) -> Destination:
    async with tenant_transaction(request, caller) as conn:
        return await found(conn, Destination, queries.FIND_DESTINATION, (destination_id,))


async def change_destination(
    request: Request, caller: Caller, destination_id: str, change: DestinationChange
) -> Destination:
    given = {name: value for name, value in asdict(change).items() if value is not UNSET}
    async with tenant_transaction(request, caller) as conn:
        before = await found(conn, Destination, queries.LOCK_DESTINATION, (destination_id,))
        row = asdict(before) | given
        if row == asdict(before):
            return before
        if row["client_id"] != before.client_id:
            await _require_app(conn, row["client_id"])
        twin = await (await conn.execute(queries.FIND_CODE, row)).fetchone()
        if twin is not None and twin[0] != destination_id:
            raise await _twin(conn, row)
        after = await found(conn, Destination, queries.UPDATE_DESTINATION, row)
        await audit.record(conn, caller, "destination.change", after.id, _audited(after) | {"fields": sorted(given)})
    return after


async def delete_destination(request: Request, caller: Caller, destination_id: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        destination = await found(conn, Destination, queries.LOCK_DESTINATION, (destination_id,))
        if (await conn.execute(queries.DELETE_DESTINATION, {"id": destination.id})).rowcount == 0:
            raise problems.conflict("Encounters had this destination, so that it stays on record; set active to false.")
        await audit.record(conn, caller, "destination.delete", destination.id)
    return http.no_content()


async def name_destination(
    request: Request, caller: Caller, encounter_id: str, named: DestinationNamed
) -> EncounterDestination:
    if named.reopening and ADMINISTRATOR not in caller.scopes:
        raise problems.insufficient_scope(ADMINISTRATOR)
    async with tenant_transaction(request, caller) as conn:
        row = await store.find_briefly(conn, encounter_id, lock=True)
        destination = await first(conn, Destination, queries.HOLD_DESTINATION, (named.destination_id,))
        if destination is None or not destination.active:
            error = FieldError("/destination_id", "not an active destination of your organisation", "unknown")
            raise problems.invalid("There is no such destination.", [error])
        if destination.client_id == caller.client_id:
            raise problems.forbidden("An app cannot bind an encounter for its own destination.")
        if row.status == "cancelled":
            raise problems.conflict("A cancelled encounter has no destination.")
        present = await _present(conn, encounter_id)
        is_bound = present is not None and present.destination_id == destination.id
        if present is None or not is_bound or named.reopening or present.readable_until <= datetime.now(UTC):
            await require_room(conn, NAMINGS, encounter_id, queries.COUNT_NAMED, (encounter_id,))
            await _end(conn, row, destination.client_id)
            await _bind(conn, caller, row, destination, named.reopening)
            present = await _present(conn, encounter_id)
    assert present is not None
    return present


async def read_destination_of(request: Request, caller: Caller, encounter_id: str) -> EncounterDestination:
    async with tenant_transaction(request, caller) as conn:
        await store.find_briefly(conn, encounter_id)
        present = await _present(conn, encounter_id)
    if present is None:
        raise problems.not_found("The encounter has no destination.")
    return present


async def end_destination(request: Request, caller: Caller, encounter_id: str) -> Response:
    """The encounter is bound for no destination. Repeating it changes nothing."""
    async with tenant_transaction(request, caller) as conn:
        row = await store.find_briefly(conn, encounter_id, lock=True)
        if await _end(conn, row):
            await audit.record(conn, caller, "destination.end", encounter_id)
    return http.no_content()


async def read_sender(request: Request, caller: Caller) -> Sender:
    async with tenant_transaction(request, caller) as conn:
        return await sender_of(conn, caller.tenant_id)


async def set_sender(request: Request, caller: Caller, sender: Sender) -> Sender:
    async with tenant_transaction(request, caller) as conn:
        await conn.execute(queries.SET_SENDER, asdict(sender))
        await audit.record(conn, caller, "sender.set", caller.tenant_id)
    return sender


async def sender_of(conn: AsyncConnection, tenant_id: str) -> Sender:
    return await first(conn, Sender, queries.FIND_SENDER) or Sender(name=tenant_id)


async def _present(conn: AsyncConnection, encounter_id: str) -> EncounterDestination | None:
    return await first(conn, EncounterDestination, queries.PRESENT_OF, (encounter_id,))


async def _bind(
    conn: AsyncConnection, caller: Caller, row: EncounterRow, destination: Destination, reopening: Reopening | None
) -> None:
    """Raises Problem: 409 where the days of reading are over, unless an administrator opens reading again."""
    author = {"named_by": caller.client_id, "actor": caller.subject, "trace_id": telemetry.trace_id()}
    bound = {"encounter_id": row.id, "destination_id": destination.id, "reopened": reopening}
    await conn.execute(queries.NAME_DESTINATION, author | bound)
    present = await _present(conn, row.id)
    if present is None or present.readable_until <= datetime.now(UTC):
        detail = f"The {destination.readable_days} days of reading are over. An administrator may open it again, with `reopening`."
        raise problems.conflict(detail, reason="days_are_over")
    await outbox.add(conn, caller.tenant_id, events.destination_changed(row, destination, "bound"))
    detail = {"destination": destination.id} | ({"reopening": reopening} if reopening else {})
    await audit.record(conn, caller, "destination.name", row.id, detail)


async def _end(conn: AsyncConnection, row: EncounterRow, next_app: str | None = None) -> bool:
    """Ends the reading of the present destination. Its app is notified, unless it is that of the next one. False if there is none."""
    present = await (await conn.execute(queries.LOCK_PRESENT, (row.id,))).fetchone()
    if present is None:
        return False
    await conn.execute(queries.END_PRESENT, (row.id,))
    former = await found(conn, Destination, queries.FIND_DESTINATION, (present[1],))
    if former.client_id != next_app:
        await outbox.add(conn, row.tenant_id, events.destination_changed(row, former, "ended"))
    return True


async def _require_app(conn: AsyncConnection, client_id: str) -> None:
    row = await (await conn.execute(queries.FIND_APP, (client_id,))).fetchone()
    if row is None or row[0] != "active":
        error = FieldError("/client_id", "not an active app of your organisation", "unknown")
        raise problems.invalid("There is no such app.", [error])
    if row[1] != "exact":
        error = FieldError("/client_id", f"an app in mode {row[1]} reads no identified data")
        raise problems.invalid("The app is shown moved times.", [error])


async def _twin(conn: AsyncConnection, row: Mapping[str, Any]) -> problems.Problem:
    twin = await (await conn.execute(queries.FIND_CODE, row)).fetchone()
    return problems.conflict("There is a destination with this code.", destination_id=twin and twin[0])


def _audited(destination: Destination) -> dict[str, Any]:
    names = ("client_id", "legal_basis", "readable_days", "allows_break_glass", "active")
    return {name: getattr(destination, name) for name in names}
