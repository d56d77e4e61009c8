"""The encounters that an app may read today: their present state or, where times are moved, their state at an earlier midnight.

An app that polls must learn no more than an app that reads once, later. So an app with moved times lives in the calendar that it is
shown: an encounter appears, and changes, at the midnight `HELD_DAYS` after the day in its moved times, whichever the exact day is. That
is one day more than times are moved back at most, so that the exact time has always passed. A sandbox holds nothing back, because
its data is invented.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import LiteralString
from uuid import UUID

from msgspec.structs import replace

from services.epcr.deidentification.projection import Disclosure, shift
from services.epcr.deidentification.pseudonyms import SHIFT_DAYS, Domain, Pseudonyms
from services.epcr.encounters import queries, store
from services.epcr.encounters.disclosure import Policy, rows_with_bases
from services.epcr.encounters.models import EncounterFilter, EncounterRow
from services.epcr.encounters.store import Readings, brief_of
from shared.primitives import ids
from shared.primitives.crypto import Keyring
from shared.storage.database import AsyncConnection, every
from shared.web import problems
from shared.web.identity import Caller
from shared.web.problems import FieldError
from shared.web.scopes import Mode

HELD_DAYS: dict[Mode, int] = {"shifted": SHIFT_DAYS + 1, "safe_harbor": 366 + 1}
# The random order of a list is cut into slices, each a power of two wide, in which there are so many encounters at most, about. A request
# looks at so many slices. A page ends at a visible encounter or at the end of a slice, a place that no encounter has: another end would
# show, from poll to poll, when the encounter there was made. The number of empty pages shows no more than the number of slices, which
# doubles as the encounters of the tenant do.
LOOKED_AT = 250
SLICES = 8
SPACE = 1 << 128
# A place at the end of a slice has no more bits than these, the first of its 128. No id of an encounter (UUIDv7) ends with so many zeros.
PLACE_BITS = 48
# The number of patients, about, whose pseudonyms one request fixes for its page; others appear with the next request. The briefs opened for
# that also have `BYTES_OPENED` at most, or are one.
OPENED = 1000
BYTES_OPENED = 256 << 10


class Present:
    """Reads the present state of encounters, by their own ids, newest first."""

    def __init__(self, conn: AsyncConnection, caller: Caller, policy: Policy, pseudonyms: Pseudonyms, keyring: Keyring):
        self.conn = conn
        self.caller = caller
        self.policy = policy
        self.pseudonyms = pseudonyms
        self.keyring = keyring
        self.now = datetime.now(UTC)
        self._domains: dict[int, Domain] = {}

    async def find(self, asked: str) -> EncounterRow:
        """With its record. Raises a 404 Problem for an encounter that the app may not see."""
        return await store.find(self.conn, asked)

    async def listed(self, page: EncounterFilter, after: str | None) -> tuple[list[EncounterRow], str | None]:
        """A page without records, and the id of the encounter after which the next page begins, if there is one."""
        shown, has_more = await store.listed(self.conn, page, after)
        return shown, shown[-1].id if has_more else None

    def has_patient(self, row: EncounterRow) -> bool:
        """Whether the record has a patient."""
        return brief_of(row, self.keyring).has_patient

    def readings_of(self, row: EncounterRow) -> Readings:
        """The devices' observations of this encounter up to its revision."""
        return Readings(row.id, row.tenant_id, row.revision)


class Edition(Present):
    """Reads earlier states of encounters, by aliases, in a random order. The revision counts only visible changes."""

    async def find(self, asked: str) -> EncounterRow:
        ids = self.pseudonyms.ids_of(self.caller.tenant_id, self.policy.domain, self.policy.mode, asked)
        rows = await every(self.conn, EncounterRow, queries.FIND_BRIEF, (ids,))
        visible = await self._visible(rows, waits=True)
        visible = await rows_with_bases(self.conn, visible, self.pseudonyms, self.keyring)
        for row in await self._as_of_their_ends(visible, queries.RECORDS_BEFORE):
            # The revision names the visible state: it grows with each visible version and observation.
            parameters = (row.id, row.tenant_id, self._end(row))
            counted = await (await self.conn.execute(queries.COUNT_OBSERVATIONS_BEFORE, parameters)).fetchone()
            assert counted is not None
            return replace(row, revision=row.version + counted[0])
        raise problems.not_found()

    def has_patient(self, row: EncounterRow) -> bool:
        """An edition's basis is fixed when it is found."""
        return True

    async def listed(self, page: EncounterFilter, after: str | None) -> tuple[list[EncounterRow], str | None]:
        # The results of a filter by a hidden field would show the field. The shuffled list has no order by vehicles.
        hidden = [name for name in ("cad_incident_id", "vehicle_id") if getattr(page, name) is not None]
        if hidden:
            errors = [FieldError(name, "not a filter for an application that is shown moved times") for name in hidden]
            raise problems.invalid("An application that is shown moved times filters by status alone.", errors)
        # An encounter made later is seen by no app of this mode, however its times are moved.
        latest = _midnight(self.now) - timedelta(days=1)
        if self.caller.is_sandbox:
            latest = self.now + timedelta(days=1)
        shown, opened = list[EncounterRow](), list[int]()
        place = await self._place_of(after)
        # A slice is as wide as the greatest power of two before the place of the encounter of number `LOOKED_AT`.
        row = await (await self.conn.execute(queries.PLACE_OF_NUMBER, {"number": LOOKED_AT})).fetchone()
        width = SPACE
        if row is not None and row[0] is not None:
            width = max(SPACE >> PLACE_BITS, 1 << (row[0].int.bit_length() - 1))
        for _ in range(SLICES):
            end = (place // width + 1) * width
            while place < end and len(shown) <= page.limit:
                left = BYTES_OPENED - sum(opened) if len(opened) < OPENED else 0
                bounds = {"place": _uuid(place), "end": _uuid(end), "latest": latest, "limit": LOOKED_AT}
                opening = {"moves": self.policy.mode == "shifted", "bytes": left}
                rows = await every(self.conn, EncounterRow, queries.LIST_SHUFFLED, bounds | opening)
                opened += [len(row.brief) for row in rows if row.brief]
                shown += await self._visible(rows)
                place = await self._place_of(rows[-1].id) if len(rows) == LOOKED_AT else end
            if place == SPACE or len(shown) > page.limit:
                break
        states = await self._as_of_their_ends(shown[: page.limit], queries.STATES_BEFORE)
        matching = [one for one in states if page.status in (None, one.status)]
        if len(shown) > page.limit:
            return matching, shown[page.limit - 1].id
        return matching, ids.id_of("enc", _uuid(place)) if place < SPACE else None

    async def _place_of(self, after: str | None) -> int:
        """The place in the random order after which a page begins: that of an encounter, or the end of a slice."""
        if after is None:
            return 0
        number = ids.uuid_of(after).int
        if number % (SPACE >> PLACE_BITS) == 0:
            return number
        row = await (await self.conn.execute(queries.FIND_PLACE, (after,))).fetchone()
        return row[0].int if row is not None else SPACE

    def readings_of(self, row: EncounterRow) -> Readings:
        return Readings(row.id, row.tenant_id, self._end(row))

    async def _visible(self, rows: Sequence[EncounterRow], *, waits: bool = False) -> list[EncounterRow]:
        """The encounters that were made before their editions end. Unless it `waits`, those whose basis stays unfixed are left out."""
        if self.policy.mode == "shifted":
            found = await rows_with_bases(self.conn, rows, self.pseudonyms, self.keyring, waits=waits)
            rows = [row for row in found if row.patient_basis is not None]
        return [row for row in rows if row.created_at < self._end(row)]

    def _end(self, row: EncounterRow) -> datetime:
        """The end of the encounter's edition: later changes are not visible yet."""
        version = row.pseudonym_version or self.pseudonyms.current
        if version not in self._domains:
            tenant_id, name = self.caller.tenant_id, self.policy.domain
            self._domains[version] = self.pseudonyms.domain(version, tenant_id, name, self.policy.mode)
        basis = bytes(row.moved_by or row.patient_basis or b"")
        moved = shift(Disclosure(self._domains[version], self.policy.mode, basis), row.anchor)
        return end_of_edition(self.policy.mode, moved, self.now, is_held=not self.caller.is_sandbox)

    async def _as_of_their_ends(self, rows: Sequence[EncounterRow], states: LiteralString) -> list[EncounterRow]:
        """The states at the ends of the editions, as the query `states` reads them.

        A patient's basis comes from today's identifiers, not from those of the state.
        """
        asked = [row.id for row in rows], [self._end(row) for row in rows]
        found = {row.id: row for row in await every(self.conn, EncounterRow, states, asked)}
        return [found[row.id] for row in rows if row.id in found]


def reader_for(
    conn: AsyncConnection, caller: Caller, policy: Policy, pseudonyms: Pseudonyms, keyring: Keyring
) -> Present | Edition:
    kind = Present if policy.mode == "exact" else Edition
    return kind(conn, caller, policy, pseudonyms, keyring)


def end_of_edition(mode: Mode, moved: timedelta, now: datetime, *, is_held: bool = True) -> datetime:
    """The end of the edition of an encounter whose times are moved by `moved`. It changes only at midnight (UTC)."""
    if not is_held:
        return now + timedelta(days=1)
    return _midnight(now) - timedelta(days=HELD_DAYS[mode]) - moved


def _uuid(place: int) -> UUID:
    """The end of the order is its last place, which no encounter has: a random UUID has its version in it."""
    return UUID(int=min(place, SPACE - 1))


def _midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)
