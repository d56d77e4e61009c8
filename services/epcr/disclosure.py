"""To whom an encounter is shown, and how: the app's own pseudonyms, in the mode its tenant chose."""

from typing import NamedTuple

from services.epcr.deidentify import Disclosure, Mode
from services.epcr.models.record import Encounter
from services.epcr.pseudonyms import Pseudonyms
from services.epcr.queries import FIND_APP, FIX_BASIS
from services.epcr.sealing import Stored
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


def shows_patient(encounter: Encounter, policy: Policy) -> bool:
    """Whether even the plain view depends on who the patient is: something of the patient stands in it, or moves its times."""
    return encounter.record.patient is not None or policy.mode == "shifted"


async def disclose(conn: AsyncConnection, stored: Stored, policy: Policy, pseudonyms: Pseudonyms) -> Disclosure:
    """Fixes what the patient's pseudonyms are made from, if this is the first time the patient is shown."""
    row, patient = stored.row, stored.encounter.record.patient
    basis, version = row.patient_basis, row.pseudonym_version
    if basis is None or version is None:
        fresh = pseudonyms.basis(row.tenant_id, row.id, patient.identifiers if patient else [])
        parameters = {"id": row.id, "basis": fresh, "version": pseudonyms.current}
        fixed = await (await conn.execute(FIX_BASIS, parameters)).fetchone()
        assert fixed is not None
        basis, version = fixed
    return Disclosure(pseudonyms.domain(version, row.tenant_id, policy.domain), policy.mode, bytes(basis))


def provisional(stored: Stored, policy: Policy, pseudonyms: Pseudonyms) -> Disclosure:
    """For a view that does not depend on who the patient is: nothing is fixed yet."""
    domain = pseudonyms.domain(pseudonyms.current, stored.row.tenant_id, policy.domain)
    return Disclosure(domain, policy.mode, b"")
