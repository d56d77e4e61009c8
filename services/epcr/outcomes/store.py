"""Outcomes in the database: each report is a new version, encrypted, bound to its tenant and encounter. None is ever changed."""

from typing import Any

import msgspec
import psycopg
from psycopg.rows import class_row

from services.epcr.outcomes import queries
from services.epcr.outcomes.models import Outcome, OutcomeDraft, OutcomeRow
from shared.primitives.crypto import Keyring
from shared.storage.database import AsyncConnection, first


async def newest(conn: AsyncConnection, encounter_id: str, keyring: Keyring) -> Outcome | None:
    row = await first(conn, OutcomeRow, queries.NEWEST, (encounter_id,))
    return None if row is None else opened(row, keyring)


async def current(conn: AsyncConnection, encounter_id: str, keyring: Keyring) -> OutcomeDraft | None:
    row = await first(conn, OutcomeRow, queries.CURRENT, (encounter_id,))
    return None if row is None else opened(row, keyring).outcome


def current_sync(conn: psycopg.Connection[Any], encounter_id: str, keyring: Keyring) -> OutcomeDraft | None:
    with conn.cursor(row_factory=class_row(OutcomeRow)) as cursor:
        row = cursor.execute(queries.CURRENT, (encounter_id,)).fetchone()
    return None if row is None else opened(row, keyring).outcome


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
