"""To whom an encounter is shown, and how: the app's own pseudonyms, in the mode its tenant chose."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from services.epcr import store
from services.epcr.deidentify import Disclosure, Mode
from services.epcr.models.record import Encounter
from services.epcr.pseudonyms import Pseudonyms
from services.epcr.queries import FIND_APP, FIX_BASES
from services.epcr.sealing import Stored
from shared import ids, pagination
from shared.database import AsyncConnection
from shared.identity import Caller


class Policy(NamedTuple):
    """How one app sees encounters. Apps that share a domain share pseudonyms."""

    domain: str
    mode: Mode


async def policy_for(conn: AsyncConnection, caller: Caller) -> Policy:
    """What auth told of the app; one it has not told of yet has a domain of its own and sees exact times."""
    row = await (await conn.execute(FIND_APP, (caller.client_id,))).fetchone()
    domain, mode = row or ("", "exact")
    return Policy(domain or caller.client_id, mode)


async def find(conn: AsyncConnection, caller: Caller, policy: Policy, asked: str, state: Any) -> Stored:
    """The encounter an app asks for, by its id or by the alias that stood in a list. Raises a 404 Problem where there is none."""
    aliased = state.pseudonyms.aliased(caller.tenant_id, policy.domain, asked)
    return await store.find(conn, asked, state.keyring, aliased=aliased)


def place(caller: Caller, policy: Policy, pseudonyms: Pseudonyms, encounter_id: str) -> str:
    """What a cursor says of the last encounter of a page: its id, or to an app that is shown moved times an alias and its key's version."""
    if policy.mode == "exact":
        return encounter_id
    domain = pseudonyms.domain(pseudonyms.current, caller.tenant_id, policy.domain)
    return f"{pseudonyms.current} {domain.alias(encounter_id)}"


def placed(caller: Caller, policy: Policy, pseudonyms: Pseudonyms, place: str | None) -> str | None:
    """The encounter's id again. Raises a 422 Problem for what `place` did not make in this mode."""
    if place is None or (policy.mode == "exact" and ids.is_id(place, "enc")):
        return place
    version, _, alias = place.partition(" ")
    if policy.mode == "exact" or not ids.is_id(alias, "enc") or not pseudonyms.has(version):
        raise pagination.not_ours()
    return pseudonyms.domain(int(version), caller.tenant_id, policy.domain).aliased(alias)


def shows_patient(encounter: Encounter, policy: Policy) -> bool:
    """Whether even the plain view depends on who the patient is: something of the patient stands in it, or moves its times."""
    return encounter.record.patient is not None or policy.mode == "shifted"


async def fixed(conn: AsyncConnection, found: Sequence[Stored], policy: Policy, pseudonyms: Pseudonyms) -> list[Stored]:
    """The encounters of a page, each patient's basis fixed where its view depends on one. Once for all, before any is shown."""
    return await _fix(conn, [(one, shows_patient(one.encounter, policy)) for one in found], pseudonyms)


async def disclose(conn: AsyncConnection, stored: Stored, policy: Policy, pseudonyms: Pseudonyms) -> Disclosure:
    """Fixes what the patient's pseudonyms are made from, if this is the first time the patient is shown."""
    [known] = await _fix(conn, [(stored, True)], pseudonyms)
    basis, version = known.row.patient_basis, known.row.pseudonym_version
    assert basis is not None
    assert version is not None
    return Disclosure(pseudonyms.domain(version, known.row.tenant_id, policy.domain), policy.mode, bytes(basis))


async def _fix(conn: AsyncConnection, found: Sequence[tuple[Stored, bool]], pseudonyms: Pseudonyms) -> list[Stored]:
    """The same encounters; those that need a basis and have none yet with the one that stands from now on."""
    fresh = [_fresh(one, pseudonyms) for one, needs_basis in found if needs_basis and one.row.patient_basis is None]
    if not fresh:
        return [one for one, _ in found]
    columns = [list(column) for column in zip(*fresh, strict=True)]
    rows = await (await conn.execute(FIX_BASES, columns)).fetchall()
    bases = {id: {"patient_basis": basis, "pseudonym_version": version} for id, basis, version in rows}
    return [one._replace(row=one.row._replace(**bases.get(one.row.id, {}))) for one, _ in found]


def _fresh(stored: Stored, pseudonyms: Pseudonyms) -> tuple[str, bytes, int]:
    """The parameters of FIX_BASES, in its order."""
    row, patient = stored.row, stored.encounter.record.patient
    version = row.pseudonym_version or pseudonyms.current
    basis = pseudonyms.basis(version, row.tenant_id, row.id, patient.identifiers if patient else [])
    return row.id, basis, version


def provisional(stored: Stored, policy: Policy, pseudonyms: Pseudonyms) -> Disclosure:
    """For a view that does not depend on who the patient is: of the patient nothing is fixed yet."""
    version = stored.row.pseudonym_version or pseudonyms.current
    domain = pseudonyms.domain(version, stored.row.tenant_id, policy.domain)
    return Disclosure(domain, policy.mode, b"")
