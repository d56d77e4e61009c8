"""The patient's identity in each encounter: the basis of pseudonyms, which encounters share it, and its correction.

Encounters of one tenant that are known to be of one person (`people.py`) share a basis. The first encounter that is disclosed gives it. A
basis holds as long as the numbers connect the encounter with the number, or the encounter, from which the basis was made.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, LiteralString, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from services.epcr.deidentification.numbers import system_of
from services.epcr.deidentification.pseudonyms import Number, Pseudonyms
from services.epcr.encounters import events, queries
from services.epcr.encounters.models import EncounterRow
from services.epcr.encounters.people import Member, People, connected
from services.epcr.encounters.store import Stored, brief_of
from services.epcr.records.contradictions import words_of
from services.epcr.records.models import Encounter, KnownAs, Name, Patient, PatientIdentifier, Record
from shared.messaging import outbox
from shared.primitives.crypto import Keyring
from shared.storage import audit
from shared.storage.database import AsyncConnection, every
from shared.web import problems
from shared.web.identity import Caller
from shared.web.problems import FieldError

# Encounters with one basis that a correction decides about. More are no person's: they share a number such as a placeholder.
MOST_IN_GROUP = 500
# Bytes of the digest of a number, and of a name, in a mark.
_DIGEST = 32


class Marks(NamedTuple):
    """By which the patients of an encounter are known, before and after a correction: keyed digests.

    Of a number those of the number and its system.
    """

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
) -> dict[str, dict[str, Any]]:
    """Fixes the basis of encounters that are disclosed for the first time. Returns the columns that are now fixed, by encounter."""
    if not fresh:
        return {}
    await lock(conn)
    # Read again: before the lock another caller may have fixed a basis or corrected a number.
    rows = await every(conn, EncounterRow, queries.FIND_BRIEF, ([row.id for row in fresh],))
    if not rows:
        return {}
    systems = await person_systems(conn)
    members: dict[str, Member] = {}
    for row in sorted(rows, key=lambda row: row.id):
        members[row.id] = _member(row, brief_of(row, keyring).identifiers, pseudonyms, systems)
    people = await _people(conn, members.values(), without=members)
    bases: list[tuple[str, bytes, int]] = []
    # First those whose basis is fixed.
    for row in sorted(rows, key=lambda row: (row.patient_basis is None, row.id)):
        member, version = members[row.id], row.pseudonym_version or pseudonyms.current
        alone = pseudonyms.basis_of_encounter(version, row.tenant_id, row.id, row.identity)
        basis = bytes(row.patient_basis) if row.patient_basis else people.basis_of(member, alone)
        bases.append((row.id, basis, version))
        people.add(basis, member)
    columns = [list(column) for column in zip(*bases, strict=True)]
    fixed = await (await conn.execute(statement, columns)).fetchall()
    await _register(conn, [members[id] for id, *_ in fixed])
    names = ("patient_basis", "pseudonym_version", "identity", "moved_by")
    return {id: dict(zip(names, values, strict=True)) for id, *values in fixed}


async def person_systems(conn: AsyncConnection) -> frozenset[str]:
    """The systems that the organisation lists as those of numbers of one person."""
    [listed] = await (await conn.execute(queries.FIND_PERSON_SYSTEMS)).fetchone() or ([],)
    return frozenset(map(system_of, listed))


async def correct(
    conn: AsyncConnection,
    caller: Caller,
    before: Stored,
    after: Encounter,
    pseudonyms: Pseudonyms,
    *,
    is_other_patient: bool,
) -> None:
    """Gives a new identity to each encounter that the numbers no longer connect with its basis: `after`, and others that it connected.

    The tenant's identities and the encounters of the basis are locked. Apps that fetched a former identity get an event. Where more
    than `MOST_IN_GROUP` encounters share the basis, only `after` is decided about. Raises a 422 Problem if `is_other_patient` and a
    number stays, and a 409 Problem if the others could not keep their basis.
    """
    row = before.row
    systems = await person_systems(conn)
    was, now = (_numbers(row, one.record.patient, pseudonyms, systems) for one in (before.encounter, after))
    if is_other_patient and not _of_one(was).isdisjoint(_of_one(now)):
        errors = [FieldError("/is_other_patient", "a number of the former patient stays")]
        raise problems.invalid("Another patient has other numbers.", errors)
    leaves = is_other_patient or _are_replaced(was, now)
    if row.patient_basis is None or (_of_one(was) == _of_one(now) and not leaves):
        return
    left, present = (_member_of(row, one) for one in (was, now))
    group, leaving = await _leaving(conn, row, left, present, pseudonyms, leaves=leaves)
    people = await _people(conn, group.values(), without=leaving)
    marks = Marks(*(_marks(row, one, pseudonyms, systems) for one in (before.encounter, after)))
    for id in sorted(leaving):
        is_corrected = id == row.id
        await _leave(
            conn,
            caller,
            row,
            group[id],
            people,
            pseudonyms,
            after if is_corrected else None,
            marks if is_corrected else Marks(list(map(_mark, group[id].numbers)), []),
            is_another=is_corrected and leaves,
        )


def _numbers(
    row: EncounterRow, patient: Patient | None, pseudonyms: Pseudonyms, systems: Collection[str]
) -> list[Number]:
    version = row.pseudonym_version or pseudonyms.current
    return pseudonyms.numbers(version, row.tenant_id, patient.identifiers if patient else [], systems)


def _of_one(numbers: Iterable[Number]) -> set[Number]:
    """Those of one person. A family may share the others."""
    return {one for one in numbers if one.is_person}


def _are_replaced(was: Iterable[Number], now: Iterable[Number]) -> bool:
    """Whether all numbers, or all of one person, are other ones, or none any more: the patient is another one."""
    pairs = ((set(was), set(now)), (_of_one(was), _of_one(now)))
    return any(left and left.isdisjoint(present) for left, present in pairs)


async def refuse_unanswered(
    conn: AsyncConnection, before: Stored, after: Encounter, pseudonyms: Pseudonyms, answer: bool | UnsetType
) -> None:
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
    systems = await person_systems(conn)
    if _are_replaced(*(_numbers(row, one, pseudonyms, systems) for one in (was, now))):
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
    *,
    leaves: bool,
) -> tuple[dict[str, Member], set[str]]:
    """The encounters with the basis of `row`, by id, and those that leave it. Registers the numbers that `row` has `now`.

    Where more than `MOST_IN_GROUP` share the basis, `row` alone; then raises a 409 Problem if the others could not keep it.
    """
    group = await _group(conn, row)
    basis = bytes(row.patient_basis or b"")
    is_given_up = basis in _digests(was) and basis not in _digests(now)
    others = await _people(conn, [was, now], without=[row.id])
    if group is None and is_given_up and not others.has(basis):
        # A patient who has the number later would get the others' basis.
        detail = (
            f"More than {MOST_IN_GROUP} encounters are connected with this patient by a number that this encounter alone has. "
            "Correct a number that it shares with them first."
        )
        raise problems.conflict(detail, id=was.id)
    await _register(conn, [now])
    if group is None:
        return {row.id: now}, {row.id} if leaves or others.contradict(now, basis) else set()
    group[row.id] = now
    if set(group) == {row.id} and others.known(now) is not None:
        # The patient is known under the newly learned number: one person has one basis.
        return group, {row.id}
    return group, set(group) - _connected(basis, row, group, was, pseudonyms, leaves=leaves)


async def _leave(
    conn: AsyncConnection,
    caller: Caller,
    row: EncounterRow,
    member: Member,
    people: People,
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
    basis = people.basis_of(member, alone)
    people.add(basis, member)
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
    known = [one.patient for one in before if one.patient != left and _are_of_one(marks.present, one.marks)]
    return left, known[-1] if known else number


def _marks(row: EncounterRow, encounter: Encounter, pseudonyms: Pseudonyms, systems: Collection[str]) -> list[bytes]:
    assert row.pseudonym_version is not None
    patient = encounter.record.patient
    name = pseudonyms.name(row.pseudonym_version, row.tenant_id, patient) if patient else None
    numbers = _of_one(_numbers(row, patient, pseudonyms, systems))
    return [*sorted(map(_mark, numbers)), *([name] if name else [])]


def _mark(number: Number) -> bytes:
    return number.digest + number.space


def _are_of_one(present: Iterable[bytes], former: Iterable[bytes]) -> bool:
    """Whether marks are of one patient: one in common, and no two different numbers of one system."""
    told: list[dict[bytes, set[bytes]]] = [{}, {}]
    for numbers, marks in zip(told, (present, former), strict=True):
        for mark in marks:
            numbers.setdefault(mark[_DIGEST:], set()).add(mark[:_DIGEST])
    mine, theirs = told
    if any(space and theirs.get(space, numbers) != numbers for space, numbers in mine.items()):
        return False
    return not {mark[:_DIGEST] for mark in present}.isdisjoint(mark[:_DIGEST] for mark in former)


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

    roots = {id for id, member in remaining.items() if basis in _digests(member) or gave(member)}
    if not roots and basis not in _digests(was) and remaining:
        # No number makes this basis again, so that no other patient can get it: the oldest encounters keep it.
        roots = {min(remaining)}
    return connected(roots, remaining, last=row.id)


async def _group(conn: AsyncConnection, row: EncounterRow) -> dict[str, Member] | None:
    """The encounters with the basis of `row`, by id; None for more than `MOST_IN_GROUP`."""
    asked = {"patient_basis": row.patient_basis, "pseudonym_version": row.pseudonym_version, "most": MOST_IN_GROUP + 1}
    found = await (await conn.execute(queries.FIND_GROUP, asked)).fetchall()
    if len(found) > MOST_IN_GROUP:
        return None
    numbers = await _registered(conn, [id for id, *_ in found])
    return {id: Member(id, identity, version, test, numbers[id]) for id, identity, version, test in found}


async def _people(conn: AsyncConnection, members: Iterable[Member], *, without: Iterable[str]) -> People:
    """The groups of encounters that these members have a number in common with, `without` the encounters of these ids."""
    asked = {
        "numbers": sorted({digest for member in members for _, digest in member.joins()}),
        "leaving": list(without),
        "most": MOST_IN_GROUP + 1,
    }
    found = await (await conn.execute(queries.ALIKE, asked)).fetchall()
    numbers = await _registered(conn, [id for id, *_ in found])
    people = People()
    for id, identity, version, test, basis in found:
        people.add(bytes(basis), Member(id, identity, version, test, numbers[id]))
    return people


async def _registered(conn: AsyncConnection, encounter_ids: Sequence[str]) -> dict[str, list[Number]]:
    numbers: dict[str, list[Number]] = {id: [] for id in encounter_ids}
    for id, digest, space, position in await (
        await conn.execute(queries.NUMBERS_OF, (list(encounter_ids),))
    ).fetchall():
        numbers[id].append(Number(bytes(digest), bytes(space), is_person=True, is_long=position >= 0))
    return numbers


def _member(
    row: EncounterRow, identifiers: Sequence[PatientIdentifier], pseudonyms: Pseudonyms, systems: Collection[str]
) -> Member:
    return _member_of(row, _numbers(row, Patient(identifiers=list(identifiers)), pseudonyms, systems))


def _member_of(row: EncounterRow, numbers: Iterable[Number]) -> Member:
    return Member(row.id, row.identity, row.version, row.test, [one for one in numbers if one.is_person])


def _digests(member: Member) -> set[bytes]:
    return {digest for _, digest in member.joins()}


async def _register(conn: AsyncConnection, members: Sequence[Member]) -> None:
    """The numbers of these encounters, in the place of those that they had."""
    await conn.execute(queries.FORGET_NUMBERS, ([one.id for one in members],))
    rows = [
        (one.id, number.digest, position if number.is_long else -1 - position, number.space)
        for one in members
        for position, number in enumerate(one.numbers)
    ]
    if rows:
        await conn.execute(queries.ADD_NUMBERS, [list(column) for column in zip(*rows, strict=True)])
