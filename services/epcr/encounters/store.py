"""Encounters in the database: each write is the current row and an immutable version beside it.

The record is one ciphertext per row and version, bound to its tenant and encounter. Its length is the measure of how long work with it
takes: work with a long one is done in the Line (shared/web/heavy.py). A `brief` beside it has the values that decisions
about identities need.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, LiteralString, NamedTuple

import msgspec
from msgspec import inspect
from msgspec.structs import asdict

from services.epcr.encounters import queries
from services.epcr.encounters.facts import extremes_asked
from services.epcr.encounters.models import EncounterFilter, EncounterRow
from services.epcr.fhir.readings import Shape, Span
from services.epcr.records.models import Encounter, LinkedObservation, PatientIdentifier, Record
from shared.messaging.messages import EncounterFacts
from shared.primitives import ids
from shared.primitives.crypto import Keyring
from shared.process import telemetry
from shared.storage.caps import Cap, refusal
from shared.storage.database import IN_ORDER, AsyncConnection, every, first, found
from shared.web import http, problems
from shared.web.identity import Caller


class Stored(NamedTuple):
    """A row and its encounter, with the record decrypted.

    Unless it `is_whole`, this release does not know all fields of the record, and left them out: it may be read, and not written.
    """

    row: EncounterRow
    encounter: Encounter
    is_whole: bool = True


class Sealed(NamedTuple):
    """An encounter to write: its record and its brief are encrypted."""

    encounter: Encounter
    record: bytes
    brief: bytes


class Brief(msgspec.Struct, array_like=True):
    """The values of a record that decisions about identities need. `identifiers` are its patient's."""

    has_patient: bool
    identifiers: list[PatientIdentifier]

    @classmethod
    def of(cls, record: Record) -> "Brief":
        patient = record.patient
        return cls(patient is not None, patient.identifiers if patient else [])


async def insert(conn: AsyncConnection, caller: Caller, sealed: Sealed, pseudonym_version: int) -> EncounterRow:
    """The row, without its record.

    Raises a 409 Problem with the id of the existing encounter of the same incident, vehicle and patient number.
    """
    encounter = sealed.encounter
    row = row_of(sealed) | {"pseudonym_version": pseudonym_version, "anchor": encounter.record.anchor}
    inserted = await first(conn, EncounterRow, queries.INSERT_ENCOUNTER, row)
    if inserted is None:
        await refuse_twin(conn, row)
    assert inserted is not None
    await _add_version(conn, caller, row)
    return inserted


async def refuse_twin(conn: AsyncConnection, members: Mapping[str, Any]) -> None:
    """Raises a 409 Problem where there is an encounter of the same incident, vehicle and patient number."""
    existing = await (await conn.execute(queries.FIND_TWIN, members)).fetchone()
    if existing is not None:
        raise problems.conflict(
            "There is an encounter for this incident, vehicle and patient number.", encounter_id=existing[0]
        )


async def update(conn: AsyncConnection, caller: Caller, sealed: Sealed) -> int:
    """Writes the next version of a locked encounter. Returns its new revision."""
    row = row_of(sealed)
    written = await (await conn.execute(queries.UPDATE_ENCOUNTER, row)).fetchone()
    assert written is not None
    await _add_version(conn, caller, row)
    return written[0]


async def find(conn: AsyncConnection, encounter_id: str) -> EncounterRow:
    """With its record. Raises a 404 Problem where the caller's tenant has no such encounter."""
    return await _found(conn, queries.FIND_ENCOUNTER, encounter_id)


async def find_briefly(conn: AsyncConnection, encounter_id: str, *, lock: bool = False) -> EncounterRow:
    """With its brief, and without its record. Raises a 404 Problem, as `find`."""
    return await _found(conn, queries.LOCK_ENCOUNTER if lock else queries.FIND_BRIEF, encounter_id)


async def listed(conn: AsyncConnection, page: EncounterFilter, after: str | None) -> tuple[list[EncounterRow], bool]:
    """A page without records, newest first, and whether there are more encounters."""
    parameters = asdict(page) | {"after": after, "limit": page.limit + 1}
    rows = await every(conn, EncounterRow, queries.LIST_ENCOUNTERS, parameters)
    return rows[: page.limit], len(rows) > page.limit


async def extremes_of(conn: AsyncConnection, tenant_id: str, facts: EncounterFacts) -> list[LinkedObservation]:
    """The devices' observations up to the revision of these facts that they need, oldest first."""
    return await every(conn, LinkedObservation, queries.EXTREMES_OF, extremes_asked(tenant_id, facts))


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

    async def shapes(self, conn: AsyncConnection, *, with_steps: bool) -> dict[Shape, Span]:
        """In the order of their first observations. Raises Problem, 422, for more than `MOST_SHAPES`. Sets IN_ORDER as `portion` does."""
        await conn.execute(IN_ORDER)
        parameters = self._parameters() | {"most": MOST_SHAPES + 1}
        rows = await (await conn.execute(self._either(queries.SHAPES_OF, queries.SHAPES_BEFORE), parameters)).fetchall()
        if len(rows) > MOST_SHAPES:
            raise problems.invalid(TOO_MANY_SHAPES)
        steps: dict[int, timedelta | None] = {}
        if with_steps:
            statement = self._either(queries.STEPS_OF, queries.STEPS_BEFORE)
            steps = dict(await (await conn.execute(statement, self._parameters())).fetchall())
        found: dict[Shape, Span] = {}
        for row in rows:
            device_id, device_class, mdc_code, mdc_code10, unit_code, reason, flags, test, has_value = row[:9]
            count, since, until, series = row[9:]
            shape = Shape(
                device_id, device_class, mdc_code, mdc_code10, unit_code, reason, tuple(flags), test, has_value
            )
            found[shape] = Span(count, since, until, steps.get(series))
        return found

    def _either(self, of_revision: LiteralString, before: LiteralString) -> LiteralString:
        return of_revision if isinstance(self.end, int) else before

    async def portion(
        self, conn: AsyncConnection, after: tuple[datetime, str] | None, limit: int
    ) -> tuple[str, tuple[datetime, str] | None]:
        """The next ones `after` that time and id, oldest first, as JSON for `read_portion`; time and id of the last, None if none follow.

        Sets IN_ORDER for the rest of the transaction.

        The planner expects as many readings as an encounter has on average; of a long one it would read and sort all for each portion.
        """
        await conn.execute(IN_ORDER)
        statement = self._either(queries.PORTION_OF, queries.PORTION_BEFORE)
        at, id = after or ("-infinity", "")
        parameters = self._parameters() | {"at": at, "after": id, "limit": limit}
        text, at, id = await (await conn.execute(statement, parameters)).fetchone() or ("[]", None, "")
        return text, at and (at, id)

    def _parameters(self) -> dict[str, Any]:
        return {"id": self.encounter_id, "tenant_id": self.tenant_id, "end": self.end}


read_portion = msgspec.json.Decoder(list[LinkedObservation]).decode
"""The observations of a portion. The text comes from the database: no error is expected."""


def opened(row: EncounterRow, keyring: Keyring) -> Stored:
    return read(decrypted(row, keyring))._replace(row=row)


def decrypted(row: EncounterRow, keyring: Keyring) -> EncounterRow:
    """The row with its record in the clear, for `read`: a millisecond, also for the largest record.

    Raises UnreadableCiphertext for a ciphertext of another encounter or tenant.
    """
    return msgspec.structs.replace(row, record=keyring.decrypt(row.record, context(row.tenant_id, row.id)))


def read(row: EncounterRow) -> Stored:
    """As `opened`, of a row that is `decrypted`."""
    record, is_whole = _decode(row.record)
    members: dict[str, Any] = asdict(row) | {"record": record}
    for name in ("patient_basis", "pseudonym_version", "moved_by", "anchor", "brief"):
        del members[name]
    return Stored(row, Encounter(**members), is_whole)


def sealed(encounter: Encounter, keyring: Keyring, most: int, before: int = 0) -> Sealed:
    """Raises a 409 Problem for a record of more than `most` bytes, unless it has no more than the `before` bytes of its former version."""
    tenant_id, id = encounter.tenant_id, encounter.id
    record = seal(encounter.record, keyring, tenant_id, id)
    if len(record) > max(most, before):
        raise refusal(Cap("bytes of its record", most, "An encounter", f"with this one it would have {len(record)}"))
    return Sealed(encounter, record, seal_brief(Brief.of(encounter.record), keyring, tenant_id, id))


def seal(record: Record, keyring: Keyring, tenant_id: str, encounter_id: str) -> bytes:
    return keyring.encrypt(_encode(record), context(tenant_id, encounter_id))


def seal_brief(brief: Brief, keyring: Keyring, tenant_id: str, encounter_id: str) -> bytes:
    return keyring.encrypt(_encode(brief), brief_context(tenant_id, encounter_id))


def brief_of(row: EncounterRow, keyring: Keyring) -> Brief:
    """The brief of a row that was read with it."""
    assert row.brief is not None
    return _decode_brief(keyring.decrypt(row.brief, brief_context(row.tenant_id, row.id)))


def context(tenant_id: str, encounter_id: str) -> bytes:
    return f"epcr record {tenant_id} {encounter_id}".encode()


def brief_context(tenant_id: str, encounter_id: str) -> bytes:
    return f"epcr brief {tenant_id} {encounter_id}".encode()


async def _found(conn: AsyncConnection, statement: LiteralString, encounter_id: str) -> EncounterRow:
    if not ids.is_id(encounter_id, "enc"):
        raise problems.not_found()
    return await found(conn, EncounterRow, statement, ([encounter_id],), binary=True)


async def _add_version(conn: AsyncConnection, caller: Caller, row: dict[str, Any]) -> None:
    author = {"client_id": caller.client_id, "actor": caller.subject, "trace_id": telemetry.trace_id()}
    await conn.execute(queries.INSERT_VERSION, row | author)


def row_of(sealed: Sealed) -> dict[str, Any]:
    """The parameters that the statements of encounters and versions have in common."""
    return asdict(sealed.encounter) | {"record": sealed.record, "brief": sealed.brief}


def _number(kind: type, value: Any) -> Any:
    """Decimals are stored as text, with their exact digits."""
    if kind is http.Number:
        return Decimal(value)
    raise TypeError(kind.__name__)


_encode = msgspec.msgpack.Encoder().encode
_decode_whole = msgspec.msgpack.Decoder(Record, dec_hook=_number).decode
_type_of = cache(inspect.type_info)


def _decode(content: bytes) -> tuple[Record, bool]:
    """The record without fields of a newer release, and whether it has none. Raises ValidationError for one that is none."""
    try:
        return _decode_whole(content), True
    except msgspec.ValidationError:
        found = msgspec.msgpack.decode(content)
        known = _known(found, _type_of(Record))
        if known == found:
            raise
        return msgspec.convert(known, Record, dec_hook=_number), False


def _known(value: Any, kind: inspect.Type) -> Any:
    """`value`, as it was decoded without a type, with the fields alone that this release knows, at every depth."""
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    if isinstance(kind, inspect.UnionType):
        # A field has one kind of object, or of list, and others that are neither.
        for one in kind.types:
            value = _known(value, one)
    elif isinstance(kind, inspect.StructType) and isinstance(value, dict):
        fields = {field.encode_name: field.type for field in kind.fields}
        return {name: _known(one, fields[name]) for name, one in value.items() if name in fields}
    elif isinstance(kind, inspect.ListType) and isinstance(value, list):
        return [_known(one, kind.item_type) for one in value]
    return value


_decode_brief = msgspec.msgpack.Decoder(Brief).decode
