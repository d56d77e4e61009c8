"""To whom an encounter is shown, and how: the app's own pseudonyms, in the mode its tenant chose."""

from collections.abc import Sequence
from typing import Any, LiteralString, NamedTuple

from services.epcr.deidentify import Disclosure
from services.epcr.models.record import Encounter
from services.epcr.pseudonyms import Domain, Pseudonyms
from services.epcr.queries import FIND_APP, FIX_BASES, FIX_FREE_BASES, EncounterRow
from services.epcr.sealing import Stored, opened
from shared import ids, pagination
from shared.crypto import Keyring
from shared.database import AsyncConnection
from shared.deidentification import Mode, strictest
from shared.identity import Caller


class Policy(NamedTuple):
    """How one app sees encounters. Apps that share a domain share pseudonyms."""

    domain: str
    mode: Mode


async def policy_for(conn: AsyncConnection, caller: Caller) -> Policy:
    """By what auth has said of the app, in its token and since: what hides more holds. An app without a domain has one of its own."""
    row = await (await conn.execute(FIND_APP, (caller.client_id,))).fetchone()
    domain, mode = row or ("", "exact")
    return Policy(domain or caller.client_id, strictest(mode, caller.deidentification))


def place(caller: Caller, policy: Policy, pseudonyms: Pseudonyms, encounter_id: str) -> str:
    """What a cursor says of the last encounter of a page: its id, or to an app that is shown moved times an alias and its key's version."""
    if policy.mode == "exact":
        return encounter_id
    domain = pseudonyms.domain(pseudonyms.current, caller.tenant_id, policy.domain, policy.mode)
    return f"{pseudonyms.current} {domain.alias(encounter_id)}"


def placed(caller: Caller, policy: Policy, pseudonyms: Pseudonyms, place: str | None) -> str | None:
    """The encounter's id again. Raises a 422 Problem for what `place` did not make in this mode."""
    if place is None or (policy.mode == "exact" and ids.is_id(place, "enc")):
        return place
    version, _, alias = place.partition(" ")
    if policy.mode == "exact" or not ids.is_id(alias, "enc") or not pseudonyms.has(version):
        raise pagination.not_ours()
    return pseudonyms.domain(int(version), caller.tenant_id, policy.domain, policy.mode).aliased(alias)


def shows_patient(encounter: Encounter, policy: Policy) -> bool:
    """Whether even the plain view depends on who the patient is: something of the patient stands in it, or moves its times."""
    return encounter.record.patient is not None or policy.mode == "shifted"


async def fixed(conn: AsyncConnection, found: Sequence[Stored], policy: Policy, pseudonyms: Pseudonyms) -> list[Stored]:
    """The encounters of a page, each patient's basis fixed where its view depends on one. Once for all, before any is shown."""
    bases = await _bases(conn, [one for one in found if shows_patient(one.encounter, policy)], pseudonyms)
    return [one._replace(row=_based(one.row, bases)) for one in found]


async def fix(
    conn: AsyncConnection,
    rows: Sequence[EncounterRow],
    pseudonyms: Pseudonyms,
    keyring: Keyring,
    *,
    waits: bool = True,
) -> list[EncounterRow]:
    """The same rows, every patient's basis fixed. Of those that have one the record may be left out.

    Unless it `waits`, a row that is locked or has neither stays without.
    """
    fresh = [opened(row, keyring) for row in rows if row.patient_basis is None and row.record]
    bases = await _bases(conn, fresh, pseudonyms, FIX_BASES if waits else FIX_FREE_BASES)
    return [_based(row, bases) for row in rows]


async def disclose(conn: AsyncConnection, stored: Stored, policy: Policy, pseudonyms: Pseudonyms) -> Disclosure:
    """Fixes what the patient's pseudonyms are made from, if this is the first time the patient is shown."""
    row = _based(stored.row, await _bases(conn, [stored], pseudonyms))
    basis, version = row.patient_basis, row.pseudonym_version
    assert basis is not None
    assert version is not None
    return Disclosure(_domain(row, version, policy, pseudonyms), policy.mode, bytes(basis))


async def _bases(
    conn: AsyncConnection, found: Sequence[Stored], pseudonyms: Pseudonyms, statement: LiteralString = FIX_BASES
) -> dict[str, dict[str, Any]]:
    """The columns that stand from now on, by encounter, of those that had no basis yet."""
    fresh = [_fresh(one, pseudonyms) for one in found if one.row.patient_basis is None]
    if not fresh:
        return {}
    columns = [list(column) for column in zip(*fresh, strict=True)]
    rows = await (await conn.execute(statement, columns)).fetchall()
    return {id: {"patient_basis": basis, "pseudonym_version": version} for id, basis, version in rows}


def _based(row: EncounterRow, bases: dict[str, dict[str, Any]]) -> EncounterRow:
    return row._replace(**bases.get(row.id, {}))


def _fresh(stored: Stored, pseudonyms: Pseudonyms) -> tuple[str, bytes, int]:
    """The parameters of FIX_BASES, in its order."""
    row, patient = stored.row, stored.encounter.record.patient
    version = row.pseudonym_version or pseudonyms.current
    basis = pseudonyms.basis(version, row.tenant_id, row.id, patient.identifiers if patient else [])
    return row.id, basis, version


def provisional(stored: Stored, policy: Policy, pseudonyms: Pseudonyms) -> Disclosure:
    """For a view that does not depend on who the patient is: of the patient nothing is fixed yet."""
    version = stored.row.pseudonym_version or pseudonyms.current
    return Disclosure(_domain(stored.row, version, policy, pseudonyms), policy.mode, b"")


def _domain(row: EncounterRow, version: int, policy: Policy, pseudonyms: Pseudonyms) -> Domain:
    return pseudonyms.domain(version, row.tenant_id, policy.domain, policy.mode)
