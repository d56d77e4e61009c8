"""To whom an encounter is shown, and how: the app's own pseudonyms, in the mode its tenant chose."""

from typing import Any, NamedTuple

from services.epcr import store
from services.epcr.deidentify import Disclosure, Mode
from services.epcr.models.record import Encounter
from services.epcr.pseudonyms import Pseudonyms
from services.epcr.queries import FIND_APP, FIX_BASIS
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


async def disclose(conn: AsyncConnection, stored: Stored, policy: Policy, pseudonyms: Pseudonyms) -> Disclosure:
    """Fixes what the patient's pseudonyms are made from, if this is the first time the patient is shown."""
    row, patient = stored.row, stored.encounter.record.patient
    basis, version = row.patient_basis, row.pseudonym_version or pseudonyms.current
    if basis is None:
        fresh = pseudonyms.basis(version, row.tenant_id, row.id, patient.identifiers if patient else [])
        parameters = {"id": row.id, "basis": fresh, "version": version}
        fixed = await (await conn.execute(FIX_BASIS, parameters)).fetchone()
        assert fixed is not None
        basis, version = fixed
    return Disclosure(pseudonyms.domain(version, row.tenant_id, policy.domain), policy.mode, bytes(basis))


def provisional(stored: Stored, policy: Policy, pseudonyms: Pseudonyms) -> Disclosure:
    """For a view that does not depend on who the patient is: of the patient nothing is fixed yet."""
    version = stored.row.pseudonym_version or pseudonyms.current
    domain = pseudonyms.domain(version, stored.row.tenant_id, policy.domain)
    return Disclosure(domain, policy.mode, b"")
