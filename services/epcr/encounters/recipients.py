"""The apps that fetched an encounter, under which identity of the patient, and the contents of their bundles."""

from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from services.epcr.deidentification.projection import project
from services.epcr.deidentification.pseudonyms import Pseudonyms
from services.epcr.encounters import queries
from services.epcr.encounters.disclosure import Policy, disclosure_of
from services.epcr.encounters.models import EncounterRow
from services.epcr.encounters.store import Readings, opened
from services.epcr.fhir.export import Content
from services.epcr.fhir.readings import Form
from shared.primitives.crypto import Keyring
from shared.storage.database import AsyncConnection, every, found
from shared.web.identity import Caller
from shared.web.scopes import Mode


class Source(NamedTuple):
    """The content of a bundle, and its readings."""

    content: Content
    readings: Readings


class Sent(msgspec.Struct):
    """The newest bundle that was fetched under a former identity, and the forms in which readings were fetched."""

    identity: int
    domain: str
    patient_basis: bytes
    version: int
    revision: int
    until: datetime | None
    forms: list[Form]


async def add(
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
) -> list[Source]:
    """The newest bundles that the app, or another of its domain, fetched under former identities."""
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
    return [await _source(conn, one, row, policy.mode, pseudonyms, keyring) for one in sent]


async def _source(
    conn: AsyncConnection, sent: Sent, row: EncounterRow, mode: Mode, pseudonyms: Pseudonyms, keyring: Keyring
) -> Source:
    asked = msgspec.structs.asdict(sent) | {"encounter_id": row.id}
    former = await found(conn, EncounterRow, queries.FIND_VERSION, asked)
    readings = Readings(row.id, row.tenant_id, sent.until or sent.revision)
    disclosure = disclosure_of(former, Policy(sent.domain, mode), pseudonyms)
    projection = project(opened(former, keyring).encounter, disclosure)
    shapes = await readings.shapes(conn) if set(sent.forms) != {"none"} else {}
    return Source(Content(projection, shapes, frozenset(sent.forms)), readings)
