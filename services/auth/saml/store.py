"""Reading and writing connections inside a tenant's transaction."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from cryptography.x509 import Certificate
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from services.auth.saml import certificates, queries, signatures
from services.auth.saml.models import CertificateRow, Connection, DomainRow, OpenConnection
from shared import ids, problems
from shared.crypto import Keyring
from shared.database import AsyncConnection

PREFIX = "samlc"


def key_context(connection_id: str) -> bytes:
    """What our private key of a connection is encrypted for."""
    return f"saml_connections/{connection_id}/own_key".encode()


async def load(conn: AsyncConnection, connection_id: str, *, lock: bool = False) -> Connection:
    """Raises a 404 Problem for anything that is not a connection of this tenant."""
    if not ids.is_id(connection_id, PREFIX):
        raise problems.not_found()
    async with conn.cursor(row_factory=class_row(Connection)) as cursor:
        await cursor.execute(queries.CONNECTION_FOR_UPDATE if lock else queries.CONNECTION, (connection_id,))
        connection = await cursor.fetchone()
    if connection is None:
        raise problems.not_found()
    return connection


async def find(conn: AsyncConnection, connection_id: str) -> OpenConnection | None:
    """The connection an address of ours names, whoever's it is."""
    if not ids.is_id(connection_id, PREFIX):
        return None
    async with conn.cursor(row_factory=class_row(OpenConnection)) as cursor:
        await cursor.execute(queries.FIND_CONNECTION, (connection_id,))
        return await cursor.fetchone()


async def insert(
    conn: AsyncConnection,
    keyring: Keyring,
    tenant_id: str,
    fields: dict[str, Any],
    own_key: bytes,
    own_certificate: str,
) -> Connection:
    connection_id = ids.new_id(PREFIX)
    row = _row(fields) | {
        "connection_id": connection_id,
        "tenant_id": tenant_id,
        "own_key": keyring.encrypt(own_key, key_context(connection_id)),
        "own_certificate": own_certificate,
    }
    return await _returned(conn, queries.INSERT_CONNECTION, row)


async def save(conn: AsyncConnection, connection: Connection, changes: dict[str, Any]) -> Connection:
    """Writes `changes` to a connection that is locked."""
    return await _returned(conn, queries.UPDATE_CONNECTION, _row(msgspec.structs.asdict(connection) | changes))


def _row(fields: dict[str, Any]) -> dict[str, Any]:
    return fields | {name: Jsonb(msgspec.to_builtins(fields[name])) for name in ("attribute_mapping", "role_mapping")}


async def _returned(conn: AsyncConnection, query: Any, row: dict[str, Any]) -> Connection:
    async with conn.cursor(row_factory=class_row(Connection)) as cursor:
        await cursor.execute(query, row)
        connection = await cursor.fetchone()
    assert connection is not None
    return connection


async def pin(conn: AsyncConnection, connection: Connection, wanted: Sequence[Certificate]) -> list[str]:
    """Pins these and no others. Returns the fingerprints."""
    fingerprints = [signatures.fingerprint(certificate) for certificate in wanted]
    await conn.execute(queries.KEEP_CERTIFICATES, (connection.connection_id, fingerprints))
    for fingerprint, certificate in zip(fingerprints, wanted, strict=True):
        validity = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        row = (connection.connection_id, fingerprint, connection.tenant_id, certificates.pem(certificate), *validity)
        await conn.execute(queries.ADD_CERTIFICATE, row)
    return fingerprints


async def certificates_of(conn: AsyncConnection, connection_id: str) -> list[CertificateRow]:
    async with conn.cursor(row_factory=class_row(CertificateRow)) as cursor:
        await cursor.execute(queries.CERTIFICATES, (connection_id,))
        return await cursor.fetchall()


async def domains_of(conn: AsyncConnection, connection_id: str) -> list[DomainRow]:
    async with conn.cursor(row_factory=class_row(DomainRow)) as cursor:
        await cursor.execute(queries.DOMAINS, (connection_id,))
        return await cursor.fetchall()


def new_own(issuer: str) -> tuple[bytes, str]:
    """A key and certificate of ours, for one connection; takes a moment of a core."""
    return certificates.new_own(issuer.partition("://")[2].partition(":")[0][:64], datetime.now(UTC))
