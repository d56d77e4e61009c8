"""How an app sees an encounter: its pseudonyms, the mode that its tenant chose, and the de-identified JSON."""

from collections.abc import Sequence
from typing import Any, LiteralString, NamedTuple

from msgspec.structs import replace

from services.epcr.deidentification.projection import Disclosure, project
from services.epcr.deidentification.pseudonyms import Domain, Pseudonyms
from services.epcr.encounters.models import EncounterRow, EncounterSummary
from services.epcr.encounters.queries import FIND_APP, FIX_BASES, FIX_FREE_BASES
from services.epcr.encounters.store import Stored, opened
from services.epcr.records.models import Encounter
from shared.primitives import ids
from shared.primitives.crypto import Keyring
from shared.storage.database import AsyncConnection
from shared.web import pagination
from shared.web.deidentification import Mode, strictest
from shared.web.identity import Caller

SUMMARY = EncounterSummary.__struct_fields__
_INTERNAL = frozenset({"anchor", "revision", "amended"})


class Policy(NamedTuple):
    """How one app sees encounters. Apps of one domain share pseudonyms."""

    domain: str
    mode: Mode


async def policy_for(conn: AsyncConnection, caller: Caller) -> Policy:
    """The stricter mode of the app's row and of its token. An app without a domain has one of its own."""
    row = await (await conn.execute(FIND_APP, (caller.client_id,))).fetchone()
    domain, mode = row or ("", "exact")
    return Policy(domain or caller.client_id, strictest(mode, caller.deidentification))


class PlainView(NamedTuple):
    content: dict[str, Any]
    disclosure: Disclosure


async def plain_view(conn: AsyncConnection, stored: Stored, policy: Policy, pseudonyms: Pseudonyms) -> PlainView:
    """An `EncounterView`, with the fields of the summary first."""
    if shows_patient(stored.encounter, policy):
        disclosure = await disclose(conn, stored, policy, pseudonyms)
    else:
        disclosure = _without_patient(stored, policy, pseudonyms)
    view = project(stored.encounter, [], disclosure).view
    if stored.encounter.record.patient is None:
        del view["patient"]
    head = {name: view[name] for name in SUMMARY if name in view}
    rest = {name: value for name, value in view.items() if name not in head and name not in _INTERNAL}
    return PlainView(head | rest, disclosure)


def summary(view: PlainView) -> dict[str, Any]:
    """An `EncounterSummary`."""
    return {name: view.content[name] for name in SUMMARY if name in view.content}


def shows_patient(encounter: Encounter, policy: Policy) -> bool:
    """Whether the plain view depends on the patient's identity: it has data of the patient, or the patient moves its times."""
    return encounter.record.patient is not None or policy.mode == "shifted"


async def disclose(conn: AsyncConnection, stored: Stored, policy: Policy, pseudonyms: Pseudonyms) -> Disclosure:
    """Fixes the basis of the patient's pseudonyms if this is the patient's first disclosure."""
    row = _based(stored.row, await _bases(conn, [stored], pseudonyms))
    basis, version = row.patient_basis, row.pseudonym_version
    assert basis is not None
    assert version is not None
    return Disclosure(_domain(row, version, policy, pseudonyms), policy.mode, bytes(basis))


def _without_patient(stored: Stored, policy: Policy, pseudonyms: Pseudonyms) -> Disclosure:
    """For a view that does not depend on the patient's identity: fixes no basis."""
    version = stored.row.pseudonym_version or pseudonyms.current
    return Disclosure(_domain(stored.row, version, policy, pseudonyms), policy.mode, b"")


async def with_bases(
    conn: AsyncConnection, stored: Sequence[Stored], policy: Policy, pseudonyms: Pseudonyms
) -> list[Stored]:
    """The encounters of a page, with each basis fixed on which a view depends: all at once, before any is shown."""
    bases = await _bases(conn, [one for one in stored if shows_patient(one.encounter, policy)], pseudonyms)
    return [one._replace(row=_based(one.row, bases)) for one in stored]


async def rows_with_bases(
    conn: AsyncConnection,
    rows: Sequence[EncounterRow],
    pseudonyms: Pseudonyms,
    keyring: Keyring,
    *,
    waits: bool = True,
) -> list[EncounterRow]:
    """The same rows, each with its patient's basis fixed. A row that has one may lack its record.

    Unless it `waits`, a row that is locked, or has neither basis nor record, stays without a basis.
    """
    fresh = [opened(row, keyring) for row in rows if row.patient_basis is None and row.record]
    bases = await _bases(conn, fresh, pseudonyms, FIX_BASES if waits else FIX_FREE_BASES)
    return [_based(row, bases) for row in rows]


async def _bases(
    conn: AsyncConnection, stored: Sequence[Stored], pseudonyms: Pseudonyms, statement: LiteralString = FIX_BASES
) -> dict[str, dict[str, Any]]:
    """By encounter, the columns that are now fixed, of the encounters that had no basis."""
    fresh: list[tuple[str, bytes, int]] = []
    for row, encounter in stored:
        if row.patient_basis is None:
            version = row.pseudonym_version or pseudonyms.current
            identifiers = encounter.record.patient.identifiers if encounter.record.patient else []
            fresh.append((row.id, pseudonyms.basis(version, row.tenant_id, row.id, identifiers), version))
    if not fresh:
        return {}
    columns = [list(column) for column in zip(*fresh, strict=True)]
    rows = await (await conn.execute(statement, columns)).fetchall()
    return {id: {"patient_basis": basis, "pseudonym_version": version} for id, basis, version in rows}


def _based(row: EncounterRow, bases: dict[str, dict[str, Any]]) -> EncounterRow:
    return replace(row, **bases.get(row.id, {}))


def _domain(row: EncounterRow, version: int, policy: Policy, pseudonyms: Pseudonyms) -> Domain:
    return pseudonyms.domain(version, row.tenant_id, policy.domain, policy.mode)


def cursor_of(caller: Caller, policy: Policy, pseudonyms: Pseudonyms, encounter_id: str) -> str:
    """The content of a cursor after `encounter_id`: the id, or where times are moved the key's version and an alias."""
    if policy.mode == "exact":
        return encounter_id
    domain = pseudonyms.domain(pseudonyms.current, caller.tenant_id, policy.domain, policy.mode)
    return f"{pseudonyms.current} {domain.alias(encounter_id)}"


def id_in_cursor(caller: Caller, policy: Policy, pseudonyms: Pseudonyms, content: str | None) -> str | None:
    """The encounter's id. Raises a 422 Problem unless `cursor_of` made the content in this mode."""
    if content is None or (policy.mode == "exact" and ids.is_id(content, "enc")):
        return content
    version, _, alias = content.partition(" ")
    if policy.mode == "exact" or not ids.is_id(alias, "enc") or not pseudonyms.has(version):
        raise pagination.not_ours()
    return pseudonyms.domain(int(version), caller.tenant_id, policy.domain, policy.mode).id_of(alias)
