"""The patient's identity in each encounter: the basis of pseudonyms, which encounters share it, and its correction.

Encounters of one tenant that have a number of the patient in common share a basis. The first encounter that is disclosed gives it. A
basis holds as long as the numbers connect the encounter with the number, or the encounter, from which the basis was made.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, LiteralString, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from services.epcr.deidentification.pseudonyms import Pseudonyms
from services.epcr.encounters import events, queries
from services.epcr.encounters.models import EncounterRow
from services.epcr.encounters.store import Stored, Unprepared, brief_of
from services.epcr.records.contradictions import words_of
from services.epcr.records.models import Encounter, KnownAs, Name, Patient, PatientIdentifier, Record
from shared.messaging import outbox
from shared.primitives.crypto import Keyring
from shared.storage import audit
from shared.storage.database import AsyncConnection, every
from shared.web import problems
from shared.web.identity import Caller
from shared.web.problems import FieldError

# The rule by which new bases are made. Rule 1 knew only the first number by system.
RULE = 2
# Encounters with one basis that a correction decides about. More are no person's: they share a number such as a placeholder.
MOST_IN_GROUP = 500


class Member(msgspec.Struct):
    """An encounter of a group with one basis. `numbers` are those of its patient, in the order of their systems."""

    id: str
    identity: int
    version: int
    test: bool
    numbers: list[bytes]


class Marks(NamedTuple):
    """By which the patients of an encounter are known, before and after a correction: keyed digests."""

    left: list[bytes]
    present: list[bytes]


class Identity(msgspec.Struct):
    """An identity that an encounter had: `patient` is the first one of its patient, who is known by `marks`."""

    identity: int
    patient: int
    marks: list[bytes]


async def lock(conn: AsyncConnection) -> None:
    """Waits for other decisions about identities of the tenant. Take it before the lock of any encounter."""
    await conn.execute(queries.LOCK_IDENTITIES)


async def lock_group(conn: AsyncConnection, encounter_id: str) -> None:
    """Locks the tenant's identities, the encounter and those that share its basis, in the order in which workers lock them."""
    await lock(conn)
    await conn.execute(queries.LOCK_GROUP, {"id": encounter_id, "most": MOST_IN_GROUP + 1})


async def fix(
    conn: AsyncConnection,
    fresh: Sequence[EncounterRow],
    pseudonyms: Pseudonyms,
    keyring: Keyring,
    statement: LiteralString = queries.FIX_BASES,
    *,
    requires: bool = True,
) -> dict[str, dict[str, Any]]:
    """Fixes the basis of encounters that are disclosed for the first time. Returns the columns that are now fixed, by encounter.

    Registers the numbers of encounters whose basis an older version of this service fixed. An encounter whose numbers only a heavy record
    has stays without a basis, unless it `requires` all: then it raises Unprepared.
    """
    if not fresh:
        return {}
    await lock(conn)
    # Read again: before the lock another caller may have fixed a basis or corrected a number.
    rows = await every(conn, EncounterRow, queries.FIND_BRIEF, ([row.id for row in fresh],))
    members: dict[str, Member] = {}
    for row in sorted(rows, key=lambda row: row.id):
        brief = brief_of(row, keyring)
        if brief is not None:
            members[row.id] = _member(row, brief.identifiers, pseudonyms)
        elif requires:
            raise Unprepared(row.id)
    rows = [row for row in rows if row.id in members]
    shared = await _shared(conn, members.values())
    bases: dict[str, tuple[bytes, int]] = {}
    for row in sorted(rows, key=lambda row: row.id):
        member, version = members[row.id], row.pseudonym_version or pseudonyms.current
        basis = row.patient_basis
        if not basis:
            alone = pseudonyms.basis_of_encounter(version, row.tenant_id, row.id, row.identity)
            basis = _basis(member, shared, alone)
        bases[row.id] = bytes(basis), version
        for number in member.numbers:
            shared.setdefault(number, (row.id, bytes(basis)))
    columns = [list(column) for column in zip(*((id, *fixed, RULE) for id, fixed in bases.items()), strict=True)]
    fixed = await (await conn.execute(statement, columns)).fetchall()
    await _register(conn, [members[id] for id, *_ in fixed])
    names = ("patient_basis", "pseudonym_version", "identity_rule", "identity", "moved_by")
    return {id: dict(zip(names, values, strict=True)) for id, *values in fixed}


async def correct(
    conn: AsyncConnection,
    caller: Caller,
    before: Stored,
    after: Encounter,
    pseudonyms: Pseudonyms,
    keyring: Keyring,
    *,
    is_other_patient: bool,
) -> None:
    """Gives a new identity to each encounter that the numbers no longer connect with its basis: `after`, and others that it connected.

    The tenant's identities and the encounters of the basis are locked. Apps that fetched a former identity get an event. Where more
    than `MOST_IN_GROUP` encounters share the basis, only `after` is decided about. Raises a 422 Problem if `is_other_patient` and a
    number stays, and a 409 Problem if the others could not keep their basis.
    """
    row = before.row
    was, now = (
        _member(row, patient.identifiers if patient else [], pseudonyms)
        for patient in (before.encounter.record.patient, after.record.patient)
    )
    if is_other_patient and set(was.numbers) & set(now.numbers):
        errors = [FieldError("/is_other_patient", "a number of the former patient stays")]
        raise problems.invalid("Another patient has other numbers.", errors)
    if row.patient_basis is None or (set(was.numbers) == set(now.numbers) and not is_other_patient):
        return
    leaves = is_other_patient or (bool(was.numbers) and not set(was.numbers) & set(now.numbers))
    group, leaving = await _leaving(conn, row, was, now, pseudonyms, keyring, leaves=leaves)
    shared = await _shared(conn, group.values(), leaving)
    marks = Marks(*(_marks(row, one, pseudonyms) for one in (before.encounter, after)))
    for id in sorted(leaving):
        is_corrected = id == row.id
        await _leave(
            conn,
            caller,
            row,
            group[id],
            shared,
            pseudonyms,
            after if is_corrected else None,
            marks if is_corrected else Marks(group[id].numbers, []),
            is_another=is_corrected and leaves,
        )


def refuse_unanswered(before: Stored, after: Encounter, pseudonyms: Pseudonyms, answer: bool | UnsetType) -> None:
    """Raises a 422 Problem where the write may put one patient's name on the record of another, and does not say whether it does.

    Name and date of birth were known, and neither is kept, in this write or in several: a person with corrected data, or another one
    whose number, if there is one, was not corrected too. A change of all numbers is an answer. Nobody has to answer before somebody
    read who the patient is.
    """
    row, was, now = before.row, before.encounter.record.patient, after.record.patient
    known = _known_as(before.encounter)
    if answer is not UNSET or row.patient_basis is None or known is UNSET:
        return
    if _words(known.name) & _words(now and now.name) or (now is not None and now.birth_date == known.birth_date):
        return
    left, present = (_member(row, one.identifiers if one else [], pseudonyms).numbers for one in (was, now))
    if left and not set(left) & set(present):
        return
    detail = "true for another patient, who has other numbers too; false for the same patient with corrected name and date of birth"
    error = FieldError("/is_other_patient", detail, "missing", allowed=[True, False])
    raise problems.invalid("Name and date of birth are both others: answer whether this is another patient.", [error])


def with_known(before: Encounter, record: Record, answer: bool | UnsetType) -> Record:
    """The new `record` of an encounter that somebody may have read, with the name and date of birth that stay for `refuse_unanswered`."""
    known = _known_as(before) if answer is UNSET else _named(before.identity, record.patient)
    return msgspec.structs.replace(record, known_as=known)


def _known_as(encounter: Encounter) -> KnownAs | UnsetType:
    known = encounter.record.known_as
    # Of another identity it is another patient's, or the crew's application answered by new numbers.
    is_present = known is not UNSET and known.identity == encounter.identity
    return known if is_present else _named(encounter.identity, encounter.record.patient)


def _named(identity: int, patient: Patient | None) -> KnownAs | UnsetType:
    if patient is None or patient.name is None or patient.birth_date is None or not _words(patient.name):
        return UNSET
    return KnownAs(identity=identity, name=patient.name, birth_date=patient.birth_date)


def _words(name: Name | None) -> set[str]:
    """In any order: a name may be moved from one field to another."""
    return words_of(name.family, *name.given, name.text) if name else set()


async def _leaving(
    conn: AsyncConnection,
    row: EncounterRow,
    was: Member,
    now: Member,
    pseudonyms: Pseudonyms,
    keyring: Keyring,
    *,
    leaves: bool,
) -> tuple[dict[str, Member], set[str]]:
    """The encounters with the basis of `row`, by id, and those that leave it. Registers the numbers that `row` has `now`.

    Where more than `MOST_IN_GROUP` share the basis, `row` alone; then raises a 409 Problem if the others could not keep it.
    """
    group = await _group(conn, row, pseudonyms, keyring)
    basis = bytes(row.patient_basis or b"")
    is_given_up = basis in was.numbers and basis not in now.numbers
    if group is None and is_given_up and basis not in await _shared(conn, [was], [was.id]):
        # A patient who has the number later would get the others' basis.
        detail = (
            f"More than {MOST_IN_GROUP} encounters are connected with this patient by a number that this encounter alone has. "
            "Correct a number that it shares with them first."
        )
        raise problems.conflict(detail, id=was.id)
    await conn.execute(queries.FORGET_NUMBERS, (row.id,))
    await _register(conn, [now])
    if group is None:
        return {row.id: now}, {row.id} if leaves else set()
    group[row.id] = now
    if set(group) == {row.id} and await _shared(conn, [now], {row.id}):
        # The patient is known under the newly learned number: one person has one basis.
        return group, {row.id}
    return group, set(group) - _connected(basis, row, group, was, pseudonyms, leaves=leaves)


async def _leave(
    conn: AsyncConnection,
    caller: Caller,
    row: EncounterRow,
    member: Member,
    shared: dict[bytes, tuple[str, bytes]],
    pseudonyms: Pseudonyms,
    after: Encounter | None,
    marks: Marks,
    *,
    is_another: bool,
) -> None:
    """The encounter gets its next identity. `row` is an encounter with the former basis, `after` the new version, if there is one.

    Unless it `is_another` patient, the same person gets another pseudonym.
    """
    assert row.pseudonym_version is not None
    former, number = bytes(row.patient_basis or b""), member.identity + 1
    alone = pseudonyms.basis_of_encounter(row.pseudonym_version, row.tenant_id, member.id, number)
    basis = _basis(member, shared, alone)
    for one in member.numbers:
        shared.setdefault(one, (member.id, basis))
    if basis == former:
        return
    left, patient = await _patients(conn, member, marks, number, is_another=is_another)
    values = {
        "id": member.id,
        "left": left,
        "patient": patient,
        "marks": marks.left,
        "former": former,
        "basis": basis,
        "identity": number,
        "rule": RULE,
        "is_another": is_another,
    }
    began = (await (await conn.execute(queries.CORRECT_IDENTITY, values)).fetchone() or (None,))[0]
    await conn.execute(queries.ADD_IDENTITIES, values | {"tenant_id": row.tenant_id, "began_at": began})
    notified = await (await conn.execute(queries.RECIPIENTS_OF, (member.id, member.identity))).fetchall()
    version = member.version if after is None else after.version
    if notified:
        event = events.identity_corrected(
            row.tenant_id, member.id, number, version, [client for (client,) in notified], test=member.test
        )
        await outbox.add(conn, row.tenant_id, event)
    await audit.record(conn, caller, "identity.correct", member.id, {"identity": number})


async def _patients(
    conn: AsyncConnection, member: Member, marks: Marks, number: int, *, is_another: bool
) -> tuple[int, int]:
    """The first identity of the patient whom the encounter leaves, and that of the patient whom it has now, under identity `number`.

    A patient whom it had before is known by a mark. The one whom it leaves is not: the crew says that the patient is another one.
    """
    before = await every(conn, Identity, queries.IDENTITIES_OF, (member.id,))
    left = next((one.patient for one in before if one.identity == member.identity), member.identity)
    if not is_another:
        return left, left
    known = [one.patient for one in before if one.patient != left and not set(marks.present).isdisjoint(one.marks)]
    return left, known[-1] if known else number


def _marks(row: EncounterRow, encounter: Encounter, pseudonyms: Pseudonyms) -> list[bytes]:
    assert row.pseudonym_version is not None
    patient = encounter.record.patient
    if patient is None:
        return []
    name = pseudonyms.name(row.pseudonym_version, row.tenant_id, patient)
    return [*_member(row, patient.identifiers, pseudonyms).numbers, *([name] if name else [])]


def _connected(
    basis: bytes,
    row: EncounterRow,
    group: Mapping[str, Member],
    was: Member,
    pseudonyms: Pseudonyms,
    *,
    leaves: bool,
) -> set[str]:
    """The encounters of the group that keep its basis."""
    assert row.pseudonym_version is not None
    version, tenant_id = row.pseudonym_version, row.tenant_id
    remaining = {id: member for id, member in group.items() if not (leaves and id == row.id)}

    def gave(member: Member) -> bool:
        """Whether the basis was made from this encounter, whose patient had no number."""
        made = (pseudonyms.basis_of_encounter(version, tenant_id, member.id, n) for n in range(1, member.identity + 1))
        return basis in made

    roots = {id for id, member in remaining.items() if basis in member.numbers or gave(member)}
    if not roots and basis not in was.numbers and remaining:
        # No number makes this basis again, so that no other patient can get it: the oldest encounters keep it.
        roots = {min(remaining)}
    having: dict[bytes, list[str]] = {}
    for id, member in remaining.items():
        for number in member.numbers:
            having.setdefault(number, []).append(id)
    reached, waiting = set(roots), list(roots)
    while waiting:
        for number in remaining[waiting.pop()].numbers:
            found = [id for id in having.pop(number, ()) if id not in reached]
            reached.update(found)
            waiting += found
    return reached


async def _group(
    conn: AsyncConnection, row: EncounterRow, pseudonyms: Pseudonyms, keyring: Keyring
) -> dict[str, Member] | None:
    """The encounters with the basis of `row`, by id; None for more than `MOST_IN_GROUP`."""
    asked = {"patient_basis": row.patient_basis, "pseudonym_version": row.pseudonym_version, "most": MOST_IN_GROUP + 1}
    found = await every(conn, EncounterRow, queries.FIND_GROUP, asked)
    if len(found) > MOST_IN_GROUP:
        return None
    old = [one for one in found if one.identity_rule < RULE]
    await fix(conn, old, pseudonyms, keyring)
    ids = [one.id for one in found]
    numbers: dict[str, list[bytes]] = {id: [] for id in ids}
    for id, number in await (await conn.execute(queries.NUMBERS_OF, (ids,))).fetchall():
        numbers[id].append(bytes(number))
    return {one.id: Member(one.id, one.identity, one.version, one.test, numbers[one.id]) for one in found}


async def _shared(
    conn: AsyncConnection, members: Iterable[Member], leaving: Iterable[str] = ()
) -> dict[bytes, tuple[str, bytes]]:
    """By number, the oldest encounter that has it, and its basis. The encounters that are `leaving` their basis do not count."""
    numbers = sorted({number for member in members for number in member.numbers})
    rows = await (await conn.execute(queries.SHARED_NUMBERS, (numbers, list(leaving)))).fetchall()
    return {bytes(number): (id, bytes(basis)) for number, id, basis in rows}


def _basis(member: Member, shared: Mapping[bytes, tuple[str, bytes]], alone: bytes) -> bytes:
    """The basis of the oldest encounter with a number in common; else made from the first number; else `alone`."""
    known = sorted(shared[number] for number in member.numbers if number in shared)
    if known:
        return known[0][1]
    return member.numbers[0] if member.numbers else alone


def _member(row: EncounterRow, identifiers: Sequence[PatientIdentifier], pseudonyms: Pseudonyms) -> Member:
    version = row.pseudonym_version or pseudonyms.current
    numbers = pseudonyms.numbers(version, row.tenant_id, identifiers)
    return Member(row.id, row.identity, row.version, row.test, numbers)


async def _register(conn: AsyncConnection, members: Sequence[Member]) -> None:
    rows = [(one.id, number, position) for one in members for position, number in enumerate(one.numbers)]
    if rows:
        await conn.execute(queries.ADD_NUMBERS, [list(column) for column in zip(*rows, strict=True)])
