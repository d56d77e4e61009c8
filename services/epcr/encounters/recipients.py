"""The apps that fetched an encounter, under which identity of the patient, and the contents of their bundles."""

from datetime import datetime
from typing import Any

import msgspec

from services.epcr.deidentification.projection import Projection, project
from services.epcr.deidentification.pseudonyms import Pseudonyms
from services.epcr.encounters import queries, store
from services.epcr.encounters.disclosure import Policy, disclosure_of
from services.epcr.encounters.models import EncounterRow
from services.epcr.encounters.store import opened
from shared.primitives.crypto import Keyring
from shared.storage.database import AsyncConnection
from shared.storage.rows import every, found
from shared.web.deidentification import Mode
from shared.web.identity import Caller


class Sent(msgspec.Struct):
    """The newest bundle that was fetched under a former identity."""

    identity: int
    domain: str
    patient_basis: bytes
    version: int
    revision: int
    until: datetime | None


async def add(
    conn: AsyncConnection,
    caller: Caller,
    policy: Policy,
    row: EncounterRow,
    *,
    is_bundle: bool = False,
    until: datetime | None = None,
) -> bool:
    """Records that the app fetches this state. False if the identity was corrected since the row was read: read it again.

    Nothing is recorded where no basis is fixed, because no identity was disclosed. `until` is the end of an edition.
    """
    if row.patient_basis is None:
        return True
    values: dict[str, Any] = {
        "encounter_id": row.id,
        "identity": row.identity,
        "client_id": caller.client_id,
        "domain": policy.domain,
        "mode": policy.mode,
        "version": row.version if is_bundle else None,
        "revision": row.revision if is_bundle else None,
        "until": until if is_bundle else None,
    }
    for statement in (queries.HAS_RECIPIENT, queries.ADD_RECIPIENT):
        if await (await conn.execute(statement, values)).fetchone() is not None:
            return True
    return False


async def sent_before(
    conn: AsyncConnection,
    caller: Caller,
    policy: Policy,
    row: EncounterRow,
    pseudonyms: Pseudonyms,
    keyring: Keyring,
) -> list[Projection]:
    """The contents of the newest bundles that the app, or another of its domain, fetched under former identities."""
    if row.identity == 1:
        return []
    asked = {
        "encounter_id": row.id,
        "identity": row.identity,
        "mode": policy.mode,
        "domain": policy.domain,
        "client_id": caller.client_id,
    }
    sent = await every(conn, Sent, queries.SENT_BEFORE, asked)
    return [await _content(conn, one, row, policy.mode, pseudonyms, keyring) for one in sent]


async def _content(
    conn: AsyncConnection, sent: Sent, row: EncounterRow, mode: Mode, pseudonyms: Pseudonyms, keyring: Keyring
) -> Projection:
    asked = msgspec.structs.asdict(sent) | {"encounter_id": row.id}
    former = await found(conn, EncounterRow, queries.FIND_VERSION, asked)
    if sent.until is None:
        observations = await store.observations_of(conn, former)
    else:
        observations = await store.observations_before(conn, former, sent.until)
    return project(
        opened(former, keyring).encounter, observations, disclosure_of(former, Policy(sent.domain, mode), pseudonyms)
    )
