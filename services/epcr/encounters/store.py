"""Encounters in the database: each write is the current row and an immutable version beside it.

The record is one ciphertext per row and version, bound to its tenant and encounter.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any, LiteralString, NamedTuple

import msgspec
from msgspec.structs import asdict

from services.epcr.encounters import queries
from services.epcr.encounters.facts import extremes_asked
from services.epcr.encounters.models import EncounterFilter, EncounterRow
from services.epcr.fhir.readings import Shape, Span
from services.epcr.records.models import Encounter, LinkedObservation, Record
from shared.primitives import ids
from shared.primitives.crypto import Keyring
from shared.process import telemetry
from shared.storage.database import AsyncConnection, every, found
from shared.web import http, problems
from shared.web.identity import Caller

RECORDS_OF_A_PAGE = 4 << 20
"""Bytes of encrypted records after which a page of the list ends. Its last record may exceed them."""


class Stored(NamedTuple):
    """A row and its encounter, with the record decrypted."""

    row: EncounterRow
    encounter: Encounter


async def insert(
    conn: AsyncConnection, caller: Caller, encounter: Encounter, keyring: Keyring, pseudonym_version: int
) -> Stored:
    """Raises a 409 Problem with the id of the existing encounter of the same incident, vehicle and patient number."""
    row = _row(encounter, keyring) | {"pseudonym_version": pseudonym_version, "anchor": encounter.record.anchor}
    if await (await conn.execute(queries.INSERT_ENCOUNTER, row)).fetchone() is None:
        existing = await (await conn.execute(queries.FIND_TWIN, row)).fetchone()
        assert existing is not None
        raise problems.conflict(
            "There is an encounter for this incident, vehicle and patient number.", encounter_id=existing[0]
        )
    await _add_version(conn, caller, row)
    return await find(conn, encounter.id, keyring)


async def update(conn: AsyncConnection, caller: Caller, encounter: Encounter, keyring: Keyring) -> None:
    """Writes the next version of a locked encounter, and sets its `revision` to the new one."""
    row = _row(encounter, keyring)
    written = await (await conn.execute(queries.UPDATE_ENCOUNTER, row)).fetchone()
    assert written is not None
    encounter.revision = written[0]
    await _add_version(conn, caller, row)


async def find(conn: AsyncConnection, encounter_id: str, keyring: Keyring, *, lock: bool = False) -> Stored:
    """Raises a 404 Problem where the caller's tenant has no such encounter."""
    if not ids.is_id(encounter_id, "enc"):
        raise problems.not_found()
    statement: LiteralString = queries.LOCK_ENCOUNTER if lock else queries.FIND_ENCOUNTER
    return opened(await found(conn, EncounterRow, statement, ([encounter_id],)), keyring)


async def listed(
    conn: AsyncConnection, page: EncounterFilter, after: str | None, keyring: Keyring
) -> tuple[list[Stored], bool]:
    """A page, newest first, and whether there are more encounters. It ends early where its records are large."""
    parameters = asdict(page) | {"after": after, "limit": page.limit + 1, "bytes": RECORDS_OF_A_PAGE}
    rows = await every(conn, EncounterRow, queries.LIST_ENCOUNTERS, parameters)
    shown = [row for row in rows[: page.limit] if row.record]
    return [opened(row, keyring) for row in shown], len(rows) > len(shown)


async def extremes_of(conn: AsyncConnection, encounter: Encounter) -> list[LinkedObservation]:
    """The devices' observations up to this revision that its facts need, oldest first."""
    return await every(conn, LinkedObservation, queries.EXTREMES_OF, extremes_asked(encounter))


# Devices, metrics, units and reasons of absence that differ, in the readings of one encounter. A monitor's mission has some hundred.
MOST_SHAPES = 2000
TOO_MANY_SHAPES = (
    f"The readings of this encounter are of more than {MOST_SHAPES:,} kinds (device, metric, unit, reason of absence, flags), "
    "more than a bundle may have. Ask for readings=none."
)


class Readings(NamedTuple):
    """The devices' observations of an encounter up to a revision or, of an edition, before a moment. They never change."""

    encounter_id: str
    tenant_id: str
    end: int | datetime

    async def shapes(self, conn: AsyncConnection) -> dict[Shape, Span]:
        """In the order of their first observations. Raises Problem, 422, for more than `MOST_SHAPES`."""
        statement = queries.SHAPES_OF if isinstance(self.end, int) else queries.SHAPES_BEFORE
        rows = await (await conn.execute(statement, self._parameters() | {"most": MOST_SHAPES + 1})).fetchall()
        if len(rows) > MOST_SHAPES:
            raise problems.invalid(TOO_MANY_SHAPES)
        found: dict[Shape, Span] = {}
        for row in rows:
            device_id, device_class, mdc_code, mdc_code10, unit_code, reason, flags, test, has_value, *span = row
            shape = Shape(
                device_id, device_class, mdc_code, mdc_code10, unit_code, reason, tuple(flags), test, has_value
            )
            found[shape] = Span(*span)
        return found

    async def portion(self, conn: AsyncConnection, after: tuple[datetime, str] | None, limit: int) -> str:
        """As JSON, the next ones `after` that time and id, oldest first."""
        statement = queries.PORTION_OF if isinstance(self.end, int) else queries.PORTION_BEFORE
        at, id = after or ("-infinity", "")
        parameters = self._parameters() | {"at": at, "after": id, "limit": limit}
        [text] = await (await conn.execute(statement, parameters)).fetchone() or ("[]",)
        return text

    def _parameters(self) -> dict[str, Any]:
        return {"id": self.encounter_id, "tenant_id": self.tenant_id, "end": self.end}


def opened(row: EncounterRow, keyring: Keyring) -> Stored:
    members = asdict(row)
    for name in ("patient_basis", "pseudonym_version", "moved_by", "identity_rule", "anchor"):
        del members[name]
    members["record"] = unseal(row.record, keyring, row.tenant_id, row.id)
    return Stored(row, Encounter(**members))


def seal(record: Record, keyring: Keyring, tenant_id: str, encounter_id: str) -> bytes:
    return keyring.encrypt(_encode(record), context(tenant_id, encounter_id))


def unseal(ciphertext: bytes, keyring: Keyring, tenant_id: str, encounter_id: str) -> Record:
    """Raises UnreadableCiphertext for a ciphertext of another encounter or tenant."""
    return _decode(keyring.decrypt(ciphertext, context(tenant_id, encounter_id)))


def context(tenant_id: str, encounter_id: str) -> bytes:
    return f"epcr record {tenant_id} {encounter_id}".encode()


async def _add_version(conn: AsyncConnection, caller: Caller, row: dict[str, Any]) -> None:
    author = {"client_id": caller.client_id, "actor": caller.subject, "trace_id": telemetry.trace_id()}
    await conn.execute(queries.INSERT_VERSION, row | author)


def _row(encounter: Encounter, keyring: Keyring) -> dict[str, Any]:
    record = seal(encounter.record, keyring, encounter.tenant_id, encounter.id)
    return asdict(encounter) | {"record": record}


def _number(kind: type, value: Any) -> Any:
    """Decimals are stored as text, with their exact digits."""
    if kind is http.Number:
        return Decimal(value)
    raise TypeError(kind.__name__)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Record, dec_hook=_number).decode
