"""An app's view of an encounter: pseudonyms, the mode that its tenant chose, the de-identified JSON; and the record of each fetch."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from msgspec.structs import replace

from services.epcr.deidentification.projection import Disclosure, Moves, project
from services.epcr.deidentification.pseudonyms import Domain, Pseudonyms
from services.epcr.encounters import identities
from services.epcr.encounters.models import EncounterRow, EncounterSummary
from services.epcr.encounters.queries import ADD_RECIPIENT, FIND_APP, FIX_BASES, FIX_FREE_BASES, HAS_RECIPIENT
from services.epcr.encounters.store import Readings, Stored
from services.epcr.fhir.readings import Form
from services.epcr.records.models import Encounter
from shared.primitives import ids
from shared.primitives.crypto import Keyring
from shared.storage.database import AsyncConnection
from shared.web import http
from shared.web.identity import Caller
from shared.web.scopes import Mode, strictest_mode

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
    return Policy(domain or caller.client_id, strictest_mode(mode, caller.deidentification))


def view_of(stored: Stored, policy: Policy, pseudonyms: Pseudonyms) -> dict[str, Any]:
    """An `EncounterView`, with the fields of the summary first. Its basis is fixed if it shows the patient."""
    row, encounter = stored.row, stored.encounter
    is_shown = shows_patient(has_patient=encounter.record.patient is not None, policy=policy)
    return _view(
        encounter, disclosure_of(row, policy, pseudonyms) if is_shown else undisclosed(row, policy, pseudonyms)
    )


def view_of_new(encounter: Encounter, policy: Policy, pseudonyms: Pseudonyms) -> dict[str, Any]:
    """As `view_of`, of an encounter that is no row yet. The patient's pseudonym in it is none."""
    domain = pseudonyms.domain(pseudonyms.current, encounter.tenant_id, policy.domain, policy.mode)
    return _view(encounter, Disclosure(domain, policy.mode, b""))


def _view(encounter: Encounter, disclosure: Disclosure) -> dict[str, Any]:
    view = project(encounter, disclosure).view
    if encounter.record.patient is None:
        del view["patient"]
    head = {name: view[name] for name in SUMMARY if name in view}
    rest = {name: value for name, value in view.items() if name not in head and name not in _INTERNAL}
    return head | rest


def summary_of(row: EncounterRow, policy: Policy, pseudonyms: Pseudonyms) -> dict[str, Any]:
    """An `EncounterSummary`, without the record. Where a patient's basis moves times, it is known."""
    disclosed = undisclosed(row, policy, pseudonyms)._replace(basis=bytes(row.moved_by or row.patient_basis or b""))
    members = {name: getattr(row, "tenant_id" if name == "organization_id" else name) for name in SUMMARY}
    return Moves(disclosed, row.anchor, row.created_at).apply(members, "")


def undisclosed(row: EncounterRow, policy: Policy, pseudonyms: Pseudonyms) -> Disclosure:
    """The disclosure of an encounter of whose patient nothing is shown."""
    return Disclosure(_domain(row, row.pseudonym_version or pseudonyms.current, policy, pseudonyms), policy.mode, b"")


def shows_patient(*, has_patient: bool, policy: Policy) -> bool:
    """Whether the plain view depends on the patient's identity: it has data of the patient, or the patient moves its times."""
    return has_patient or policy.mode == "shifted"


async def with_basis(
    conn: AsyncConnection, row: EncounterRow, pseudonyms: Pseudonyms, keyring: Keyring
) -> EncounterRow:
    """The row with the basis of the patient's pseudonyms, which is fixed if this is the patient's first disclosure."""
    [fixed] = await rows_with_bases(conn, [row], pseudonyms, keyring)
    return fixed


def disclosure_of(row: EncounterRow, policy: Policy, pseudonyms: Pseudonyms) -> Disclosure:
    """The disclosure of an encounter whose basis is fixed."""
    assert row.patient_basis is not None
    assert row.pseudonym_version is not None
    domain = _domain(row, row.pseudonym_version, policy, pseudonyms)
    return Disclosure(domain, policy.mode, bytes(row.patient_basis), row.moved_by and bytes(row.moved_by))


async def rows_with_bases(
    conn: AsyncConnection,
    rows: Sequence[EncounterRow],
    pseudonyms: Pseudonyms,
    keyring: Keyring,
    *,
    waits: bool = True,
) -> list[EncounterRow]:
    """The same rows, each with its patient's basis fixed.

    Unless it `waits`, a row that is locked, or was read without its brief, stays without a basis.
    """
    fresh = [row for row in rows if row.patient_basis is None and (waits or row.brief)]
    fixed = await identities.fix(conn, fresh, pseudonyms, keyring, FIX_BASES if waits else FIX_FREE_BASES)
    return [replace(row, **fixed.get(row.id, {})) for row in rows]


def _domain(row: EncounterRow, version: int, policy: Policy, pseudonyms: Pseudonyms) -> Domain:
    return pseudonyms.domain(version, row.tenant_id, policy.domain, policy.mode, row.identity)


async def add_recipient(
    conn: AsyncConnection,
    caller: Caller,
    policy: Policy,
    row: EncounterRow,
    readings: Readings | None = None,
    form: Form | None = None,
) -> bool:
    """Records that the app fetches this state: a bundle with `readings` in that form, or JSON.

    False if the identity was corrected since the row was read: read it again. Nothing is recorded where no basis is fixed, because no
    identity was disclosed.
    """
    if row.patient_basis is None:
        return True
    until = readings.end if readings is not None and isinstance(readings.end, datetime) else None
    values: dict[str, Any] = {
        "encounter_id": row.id,
        "identity": row.identity,
        "client_id": caller.client_id,
        "domain": policy.domain,
        "mode": policy.mode,
        "version": None if form is None else row.version,
        "revision": None if form is None else row.revision,
        "until": until,
        "forms": [] if form is None else [form],
    }
    for statement in (HAS_RECIPIENT, ADD_RECIPIENT):
        if await (await conn.execute(statement, values)).fetchone() is not None:
            return True
    return False


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
        raise http.foreign_cursor()
    return pseudonyms.domain(int(version), caller.tenant_id, policy.domain, policy.mode).id_of(alias)
