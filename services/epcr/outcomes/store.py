"""Outcomes in the database: each report is a new version, encrypted, bound to its tenant and encounter. None is ever changed.

The current outcomes of an encounter are the newest of each destination under the patient's present identity.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import psycopg
from psycopg.rows import class_row

from services.epcr.outcomes import queries
from services.epcr.outcomes.models import Outcome, OutcomeDraft, OutcomeRow
from shared.primitives.crypto import Keyring
from shared.storage.database import AsyncConnection, every


async def rows(conn: AsyncConnection, encounter_id: str) -> list[OutcomeRow]:
    """The current outcomes, sealed, in the order of their reports."""
    return await every(conn, OutcomeRow, queries.CURRENT, {"encounter_id": encounter_id})


async def of_destination(
    conn: AsyncConnection, encounter_id: str, destination_id: str, keyring: Keyring
) -> Outcome | None:
    """The current outcome that this destination reported."""
    found = [row for row in await rows(conn, encounter_id) if row.destination_id == destination_id]
    return opened(found[0], keyring) if found else None


async def current(conn: AsyncConnection, encounter_id: str, keyring: Keyring) -> list[OutcomeDraft]:
    return _drafts(await rows(conn, encounter_id), keyring)


def current_sync(conn: psycopg.Connection[Any], encounter_id: str, keyring: Keyring) -> list[OutcomeDraft]:
    with conn.cursor(row_factory=class_row(OutcomeRow)) as cursor:
        found = cursor.execute(queries.CURRENT, {"encounter_id": encounter_id}).fetchall()
    return _drafts(found, keyring)


def _drafts(found: Sequence[OutcomeRow], keyring: Keyring) -> list[OutcomeDraft]:
    return [opened(row, keyring).outcome for row in found]


def opened(row: OutcomeRow, keyring: Keyring) -> Outcome:
    content = keyring.decrypt(row.content, context(row.tenant_id, row.encounter_id))
    return Outcome(
        encounter_id=row.encounter_id,
        version=row.version,
        identity=row.identity,
        destination_id=row.destination_id,
        client_id=row.client_id,
        recorded_at=row.recorded_at,
        outcome=_decode(content),
    )


def seal(outcome: OutcomeDraft, keyring: Keyring, tenant_id: str, encounter_id: str) -> bytes:
    return keyring.encrypt(_encode(outcome), context(tenant_id, encounter_id))


def context(tenant_id: str, encounter_id: str) -> bytes:
    return f"epcr outcome {tenant_id} {encounter_id}".encode()


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(OutcomeDraft).decode
