"""Encounters in the database: every write is the current row and a version beside it."""

from typing import Any, LiteralString

from psycopg.rows import class_row

from services.epcr import queries
from services.epcr.models.observations import LinkedObservation
from services.epcr.models.record import Encounter
from services.epcr.models.requests import EncounterFilter
from services.epcr.queries import EncounterRow
from services.epcr.sealing import Stored, opened, seal
from shared import ids, problems, tracing
from shared.crypto import Keyring
from shared.database import AsyncConnection
from shared.identity import Caller


async def insert(
    conn: AsyncConnection, caller: Caller, encounter: Encounter, keyring: Keyring, pseudonym_version: int
) -> Stored:
    """Raises a 409 Problem with the id of the encounter that is there for the same incident, vehicle and patient."""
    row = _row(encounter, keyring) | {"pseudonym_version": pseudonym_version, "anchor": encounter.record.anchor}
    cursor = await conn.execute(queries.INSERT_ENCOUNTER, row)
    if await cursor.fetchone() is None:
        raise problems.conflict(
            "There is an encounter for this incident, vehicle and patient number.",
            encounter_id=await _twin(conn, encounter),
        )
    await _keep_version(conn, caller, row)
    return await find(conn, encounter.id, keyring)


async def update(conn: AsyncConnection, caller: Caller, encounter: Encounter, keyring: Keyring) -> None:
    """Writes the next version of a locked encounter, whose `revision` is set to what it became."""
    row = _row(encounter, keyring)
    written = await (await conn.execute(queries.UPDATE_ENCOUNTER, row)).fetchone()
    assert written is not None
    encounter.revision = written[0]
    await _keep_version(conn, caller, row)


async def find(conn: AsyncConnection, encounter_id: str, keyring: Keyring, *, lock: bool = False) -> Stored:
    """Raises a 404 Problem where the caller's tenant has no such encounter."""
    if not ids.is_id(encounter_id, "enc"):
        raise problems.not_found()
    statement: LiteralString = queries.LOCK_ENCOUNTER if lock else queries.FIND_ENCOUNTER
    async with conn.cursor(row_factory=class_row(EncounterRow)) as cursor:
        row = await (await cursor.execute(statement, ([encounter_id],))).fetchone()
    if row is None:
        raise problems.not_found()
    return opened(row, keyring)


async def listed(conn: AsyncConnection, page: EncounterFilter, after: str | None, keyring: Keyring) -> list[Stored]:
    """One row more than the page holds, newest first."""
    filters = {"cad_incident_id": page.cad_incident_id, "status": page.status}
    paging = {"after": after, "limit": page.limit + 1}
    async with conn.cursor(row_factory=class_row(EncounterRow)) as cursor:
        rows = await (await cursor.execute(queries.LIST_ENCOUNTERS, filters | paging)).fetchall()
    return [opened(row, keyring) for row in rows]


async def observations_of(conn: AsyncConnection, row: EncounterRow | Encounter) -> list[LinkedObservation]:
    """What devices observed in this encounter up to the row's revision, oldest first."""
    async with conn.cursor(row_factory=class_row(LinkedObservation)) as cursor:
        return await (await cursor.execute(queries.OBSERVATIONS_OF, (row.id, row.tenant_id, row.revision))).fetchall()


async def _twin(conn: AsyncConnection, encounter: Encounter) -> str:
    key = (encounter.cad_incident_id, encounter.vehicle_id, encounter.patient_number)
    row = await (await conn.execute(queries.FIND_TWIN, key)).fetchone()
    assert row is not None
    return row[0]


async def _keep_version(conn: AsyncConnection, caller: Caller, row: dict[str, Any]) -> None:
    who = {"client_id": caller.client_id, "actor": caller.subject, "trace_id": tracing.trace_id()}
    await conn.execute(queries.INSERT_VERSION, row | who)


def _row(encounter: Encounter, keyring: Keyring) -> dict[str, Any]:
    members = {name: getattr(encounter, name) for name in encounter.__struct_fields__}
    return members | {"record": seal(encounter.record, keyring, encounter.tenant_id, encounter.id)}
