"""Whom a report is about: the patient of the handover that the hospital read, who is no longer the present one after a correction.

Without a name for it, a hospital's report about the former patient would count for the next one.
"""

from collections.abc import Sequence
from typing import NamedTuple

from services.epcr.deidentification.pseudonyms import Pseudonyms
from services.epcr.encounters.models import EncounterRow
from services.epcr.outcomes import queries
from shared.storage.database import AsyncConnection
from shared.web import problems
from shared.web.problems import FieldError


class Mentioned(NamedTuple):
    """An identifier of an Encounter in a bundle."""

    pointer: str
    system: str
    value: str


class Named(NamedTuple):
    """The `identity` in the handover that a report is about, and the identifiers in it that may be those of the handover's Encounter."""

    identity: int | None
    encounters: Sequence[Mentioned] = ()


async def require_present(
    conn: AsyncConnection,
    row: EncounterRow,
    destination_id: str,
    named: Named,
    pseudonyms: Pseudonyms,
    *,
    is_correction: bool,
) -> None:
    """Raises a Problem unless the report is about the present patient of the locked encounter.

    422 for an identity, or an Encounter, that this encounter never had; 409 `patient-corrected` for those of a former patient and,
    where there was a former patient, for a report that names none. One that `is_correction` of a version names it by its ETag.
    """
    mentioned, errors = _mentioned(row, destination_id, named, pseudonyms)
    if named.identity is not None and named.identity > row.identity:
        errors.append(FieldError("identity", "is no identity that this encounter had", "unknown"))
    if errors:
        raise problems.invalid("The report names another encounter.", errors)
    identities = mentioned | ({named.identity} if named.identity is not None else set())
    since, same = await (await conn.execute(queries.PATIENT, {"encounter_id": row.id})).fetchone() or (row.identity, [])
    is_of_former = any(one < since and one not in same for one in identities)
    if is_of_former or (since > 1 and not identities and not is_correction):
        reason = (
            "The report is about the patient whom this encounter was recorded for before a correction."
            if is_of_former
            else "This encounter was first recorded for another patient, and the report does not say whom it is about."
        )
        detail = f"{reason} Read the handover again, and send the report about the patient in it with its identity."
        handover = f"/api/v1/epcr/encounters/{row.id}/handover"
        raise problems.Problem(409, "Patient corrected", detail, extra={"handover": handover})


def _mentioned(
    row: EncounterRow, destination_id: str, named: Named, pseudonyms: Pseudonyms
) -> tuple[set[int], list[FieldError]]:
    """The identities under which handovers had the Encounters of the bundle. Identifiers of other systems are the hospital's own."""
    if not named.encounters:
        return set(), []
    version = row.pseudonym_version or pseudonyms.current
    known: dict[tuple[str, str], int] = {}
    for identity in range(1, row.identity + 1):
        domain = pseudonyms.handover_domain(version, row.tenant_id, destination_id, identity)
        known[domain.system("encounter"), domain.uuid("encounter", row.id)] = identity
    systems = {system for system, _ in known}
    identities, errors = set[int](), list[FieldError]()
    for pointer, system, value in named.encounters:
        if system not in systems:
            continue
        identity = known.get((system, value.lower().removeprefix("urn:uuid:")))
        if identity is None:
            errors.append(FieldError(pointer, "is the Encounter of another handover", "unknown"))
        else:
            identities.add(identity)
    return identities, errors
