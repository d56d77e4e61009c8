"""What an app may read today: an encounter as it stands or, where times are moved, as it stood at an earlier day.

Who watches when things appear must learn no more than who reads once, later. So an app that is shown moved times lives in the calendar
it is shown: an encounter appears, and changes, at the midnight that is `HELD_DAYS` after the day its moved times say, whichever day it
really was. They are as many as times are moved back at most, and one, so that it has always happened by then. A sandbox holds nothing
back: nobody is in it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

from psycopg.rows import class_row

from services.epcr import queries, store
from services.epcr.deidentify import Disclosure, shift
from services.epcr.disclosure import Policy, fix
from services.epcr.models.observations import LinkedObservation
from services.epcr.models.requests import EncounterFilter
from services.epcr.pseudonyms import SHIFT_DAYS, Domain, Pseudonyms
from services.epcr.queries import EncounterRow
from services.epcr.sealing import Stored, opened, unseal
from shared import problems
from shared.crypto import Keyring
from shared.database import AsyncConnection
from shared.deidentification import Mode
from shared.identity import Caller
from shared.problems import FieldError

HELD_DAYS: dict[Mode, int] = {"shifted": SHIFT_DAYS + 1, "safe_harbor": 366 + 1}
# Encounters a list looks at with one statement, until a page of those that may be seen yet is full. No page ends at another one: where
# it ended would tell, by and by, from when on there was that encounter.
LOOKED_AT = 250
# Patients whose pseudonyms one request fixes on the way to its page, about; others appear with the next request.
OPENED = 1000


class Present:
    """Reads everything as it stands, by its own id, newest first."""

    def __init__(self, conn: AsyncConnection, caller: Caller, policy: Policy, pseudonyms: Pseudonyms, keyring: Keyring):
        self.conn = conn
        self.caller = caller
        self.policy = policy
        self.pseudonyms = pseudonyms
        self.keyring = keyring
        self.now = datetime.now(UTC)
        self._domains: dict[int, Domain] = {}

    async def find(self, asked: str) -> Stored:
        """Raises a 404 Problem for what the app may not see."""
        return await store.find(self.conn, asked, self.keyring)

    async def listed(self, page: EncounterFilter, after: str | None) -> tuple[list[Stored], str | None]:
        """A page, and the id of the encounter after which the next one begins, if there is one."""
        found = await store.listed(self.conn, page, after, self.keyring)
        shown = found[: page.limit]
        return shown, shown[-1].row.id if len(found) > page.limit else None

    async def observations_of(self, stored: Stored) -> list[LinkedObservation]:
        """What devices observed in this encounter up to its revision, oldest first."""
        return await store.observations_of(self.conn, stored.row)


class Edition(Present):
    """Reads everything as it stood, by its alias, in an order that means nothing. The revision counts what may be seen alone."""

    async def find(self, asked: str) -> Stored:
        ids = self.pseudonyms.aliased(self.caller.tenant_id, self.policy.domain, self.policy.mode, asked)
        for stored in await self._as_they_stood(await self._visible(await self._rows(queries.FIND_ENCOUNTER, (ids,)))):
            return await self._counted(stored)
        raise problems.not_found()

    async def listed(self, page: EncounterFilter, after: str | None) -> tuple[list[Stored], str | None]:
        if page.cad_incident_id is not None:
            # A filter by what the app is not shown would tell it all the same, by what it finds.
            hidden = FieldError("cad_incident_id", "not a filter for an application that is shown moved times")
            raise problems.invalid("The incident is not shown to this application.", [hidden])
        shown, looks, opened = list[EncounterRow](), True, 0
        while looks and len(shown) <= page.limit:
            begins = self.policy.mode == "safe_harbor"
            paging = {"after": after, "latest": self._latest, "limit": LOOKED_AT}
            opening = {"opens": begins or opened < OPENED, "begins": begins}
            rows = await self._rows(queries.LIST_SHUFFLED, paging | opening)
            opened += sum(1 for row in rows if row.record)
            shown += await self._visible(rows)
            looks, after = len(rows) == LOOKED_AT, rows[-1].id if rows else None
        taken = shown[: page.limit]
        stood = await self._as_they_stood(taken)
        kept = [one for one in stood if page.status in (None, one.encounter.status)]
        return kept, taken[-1].id if len(shown) > page.limit else None

    async def observations_of(self, stored: Stored) -> list[LinkedObservation]:
        parameters = (stored.row.id, stored.row.tenant_id, self._end(stored.row))
        async with self.conn.cursor(row_factory=class_row(LinkedObservation)) as cursor:
            return await (await cursor.execute(queries.OBSERVATIONS_BEFORE, parameters)).fetchall()

    async def _rows(self, statement: LiteralString, parameters: Any) -> list[EncounterRow]:
        async with self.conn.cursor(row_factory=class_row(EncounterRow)) as cursor:
            return await (await cursor.execute(statement, parameters)).fetchall()

    @property
    def _latest(self) -> datetime:
        """What was made since is seen by no app of this mode, however its times are moved."""
        return self.now + timedelta(days=1) if self.caller.is_sandbox else _midnight(self.now) - timedelta(days=1)

    async def _visible(self, rows: Sequence[EncounterRow]) -> list[EncounterRow]:
        """Those that were made before their edition ends."""
        if self.policy.mode == "shifted":
            found = await fix(self.conn, rows, self.pseudonyms, self.keyring, waits=False)
            rows = [row for row in found if row.patient_basis is not None]
        return [row for row in rows if row.created_at < self._end(row)]

    async def _based(self, rows: Sequence[EncounterRow]) -> list[EncounterRow]:
        """With each patient's basis fixed, by what is known of the patient today and not by what was known then."""
        return await fix(self.conn, rows, self.pseudonyms, self.keyring)

    def _end(self, row: EncounterRow) -> datetime:
        """Up to when the encounter may be seen."""
        anchor = row.anchor or row.created_at
        if row.anchor is None and self.policy.mode == "safe_harbor":
            anchor = unseal(row.record, self.keyring, row.tenant_id, row.id).anchor
        version = row.pseudonym_version or self.pseudonyms.current
        moved = shift(Disclosure(self._domain(version), self.policy.mode, bytes(row.patient_basis or b"")), anchor)
        return until(self.policy.mode, moved, self.now, held=not self.caller.is_sandbox)

    def _domain(self, version: int) -> Domain:
        if version not in self._domains:
            tenant_id, name = self.caller.tenant_id, self.policy.domain
            self._domains[version] = self.pseudonyms.domain(version, tenant_id, name, self.policy.mode)
        return self._domains[version]

    async def _as_they_stood(self, rows: Sequence[EncounterRow]) -> list[Stored]:
        rows = await self._based(rows)
        columns = [row.id for row in rows], [self._end(row) for row in rows]
        stood = {row.id: row for row in await self._rows(queries.AS_THEY_STOOD, columns)}
        return [opened(stood[row.id], self.keyring) for row in rows if row.id in stood]

    async def _counted(self, stored: Stored) -> Stored:
        """With the revision that names what may be seen: it grows with each version and each reading."""
        parameters = (stored.row.id, stored.row.tenant_id, self._end(stored.row))
        counted = await (await self.conn.execute(queries.COUNT_OBSERVATIONS_BEFORE, parameters)).fetchone()
        assert counted is not None
        return stored._replace(row=stored.row._replace(revision=stored.row.version + counted[0]))


def reader_for(
    conn: AsyncConnection, caller: Caller, policy: Policy, pseudonyms: Pseudonyms, keyring: Keyring
) -> Present | Edition:
    kind = Present if policy.mode == "exact" else Edition
    return kind(conn, caller, policy, pseudonyms, keyring)


def until(mode: Mode, moved: timedelta, now: datetime, *, held: bool = True) -> datetime:
    """Up to when an app sees an encounter whose times it is shown moved by that much. It changes at midnight (UTC) alone."""
    if not held:
        return now + timedelta(days=1)
    return _midnight(now) - timedelta(days=HELD_DAYS[mode]) - moved


def _midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)
