"""Reads an organisation's entries, in windows of an index, and notes who reads."""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

import msgspec

from shared.primitives import ids
from shared.storage import audit
from shared.storage.database import AsyncConnection, first, within
from shared.trail import queries
from shared.trail.models import LONGEST_VALUE, AuditEntry, AuditFilter, ExportQuery, Row, Verification
from shared.web import problems
from shared.web.identity import Caller
from shared.web.problems import FieldError

PREFIX = "aud"
LARGEST = 76 << 10
"""About the bytes of the largest entry."""
NO_ID = UUID(int=0)
OURS = re.compile(r"[a-z]{2,8}_[0-7][0-9a-hjkmnp-tv-z]{25}|[0-9a-f]{32}|\d{4}-\d\d-\d\dT[\d:.+-]{2,30}")
ACTION = re.compile(r"[a-z_]{1,40}\.[a-z_.]{1,40}")
"""Values of a question that the trail may keep: an id, a trace or a time; and of an action. Any other may be a person's name."""


class Place(NamedTuple):
    """Of an entry, or between entries, in the order of time."""

    at: datetime
    id: UUID


BEGINNING = Place(datetime.min.replace(tzinfo=UTC), NO_ID)
END = Place(datetime.max.replace(tzinfo=UTC), NO_ID)


class Asked(NamedTuple):
    """A question: the values that entries must have, and the places that they are between.

    `follows` is the filter whose index it follows, "" without one.
    """

    follows: str
    values: dict[str, Any]
    low: Place
    high: Place
    is_narrow: bool

    @classmethod
    def of(cls, caller: Caller, asked: AuditFilter | ExportQuery, until: datetime | None) -> "Asked":
        """The question, with that end. Raises a 422 Problem for a value that is too long in bytes."""
        filters = filters_of(asked)
        for name, value in filters.items():
            if len(value.encode()) > LONGEST_VALUE:
                text = f"at most {LONGEST_VALUE} bytes"
                raise problems.invalid("The query does not fit; see errors.", [FieldError(name, text, "length")])
        follows = next((name for name in queries.COLUMNS if name in filters), "")
        values = dict.fromkeys(queries.COLUMNS) | filters | {"tenant_id": caller.tenant_id}
        low = BEGINNING if asked.since is None else Place(asked.since, NO_ID)
        high = END if until is None else Place(until, NO_ID)
        return cls(follows, values, low, high, len(filters) > 1)

    def parameters(self, limit: int, *, after: Place = BEGINNING, before: Place = END) -> dict[str, Any]:
        """Of a statement, whose entries are between these places too."""
        low, high = max(self.low, after), min(self.high, before)
        return self.values | {
            "low_at": low.at,
            "low_id": low.id,
            "high_at": high.at,
            "high_id": high.id,
            "limit": limit,
        }


def filters_of(asked: AuditFilter | ExportQuery) -> dict[str, str]:
    """The values that entries must have."""
    return {name: value for name in queries.COLUMNS if (value := getattr(asked, name)) is not None}


def shown(row: Row) -> AuditEntry:
    detail: Any = msgspec.Raw(row.detail.encode())
    values = {name: getattr(row, name) for name in row.__struct_fields__}
    return AuditEntry(**values | {"id": ids.id_of(PREFIX, row.id), "detail": detail})


async def place_of(conn: AsyncConnection, entry_id: str) -> Place | None:
    """The place of an entry of the caller's own; None if there is none with that id."""
    if not ids.is_id(entry_id, PREFIX):
        return None
    row = await (await conn.execute(queries.PLACE, (ids.uuid_of(entry_id),))).fetchone()
    return None if row is None else Place(*row)


async def portion(conn: AsyncConnection, asked: Asked, after: Place, most: int) -> tuple[list[Row], Place | None]:
    """The next entries after a place, oldest first, and the place after which to go on; None where nothing is left."""
    parameters = asked.parameters(most, after=after)
    rows, fitting = await within(conn, Row, queries.OLDEST_FIRST[asked.follows], parameters, LARGEST)
    if fitting < len(rows) or len(rows) == most:
        last = rows[fitting - 1]
        return rows[:fitting], Place(last.at, last.id)
    reached = await reached_by(conn, asked, queries.REACHED_UP, parameters)
    return [row for row in rows if reached is None or (row.at, row.id) <= reached], reached


async def reached_by(
    conn: AsyncConnection, asked: Asked, table: Mapping[str, LiteralString], parameters: dict[str, Any]
) -> Place | None:
    """The last entry that a statement with these parameters looked at, if its index has more."""
    if not asked.is_narrow:
        return None
    row = await (await conn.execute(table[asked.follows], parameters)).fetchone()
    return None if row is None else Place(*row)


class Checked(msgspec.Struct):
    checked_at: datetime | None
    sealed_until: datetime | None
    head: str | None
    broken: bool


async def verification(conn: AsyncConnection, service: str) -> Verification:
    """The state of the service's own check. It reveals nothing of other tenants: the head is the one of the last check."""
    row = await first(conn, Checked, queries.CHECKED)
    if row is None or (row.checked_at is None and not row.broken):
        return Verification(service=service, state="unchecked", checked_at=None, sealed_until=None, head=None)
    return Verification(
        service=service,
        state="broken" if row.broken else "holds",
        checked_at=row.checked_at,
        sealed_until=row.sealed_until,
        head=row.head,
    )


async def note(conn: AsyncConnection, caller: Caller, action: str, service: str, question: dict[str, str]) -> None:
    """Writes that the caller reads the trail: one entry for each reader, question and hour, so that reading does not fill the trail."""
    asked = [caller.client_id, caller.subject, action, question]
    digest = hashlib.sha256(msgspec.json.encode(asked, order="deterministic")).digest()
    if await (await conn.execute(queries.NOTE, (caller.tenant_id, digest))).fetchone():
        kept = {
            name: value if (ACTION if name == "action" else OURS).fullmatch(value) else "given"
            for name, value in question.items()
        }
        await audit.record(conn, caller, action, service, {"filters": kept})
