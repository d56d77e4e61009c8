"""Encrypts records with the current key, so that an older key can be removed."""

from typing import Any, LiteralString, NamedTuple

import psycopg

from services.epcr.encounters.store import seal, unseal
from shared.primitives.crypto import Keyring

BATCH = 200


class Store(NamedTuple):
    """A table of ciphertexts. The first byte of a ciphertext is the version of its key."""

    find: LiteralString
    write: LiteralString


STORES = (
    Store(
        "SELECT tenant_id, id, 0, record FROM encounters WHERE get_byte(record, 0) <> %s LIMIT %s FOR UPDATE",
        "UPDATE encounters SET record = %s WHERE id = %s AND 0 = %s",
    ),
    Store(
        """SELECT tenant_id, encounter_id, version, record FROM encounter_versions
        WHERE get_byte(record, 0) <> %s LIMIT %s FOR UPDATE""",
        "UPDATE encounter_versions SET record = %s WHERE encounter_id = %s AND version = %s",
    ),
)


def reencrypt(conn: psycopg.Connection[Any], keyring: Keyring) -> int:
    """Returns the number of ciphertexts. Works in small transactions while the service runs.

    `conn` is the owner's, because versions are append-only for all other roles.
    """
    return sum(_batch(conn, keyring, store) for store in STORES)


def _batch(conn: psycopg.Connection[Any], keyring: Keyring, store: Store) -> int:
    done = 0
    while True:
        with conn.transaction(), conn.cursor() as cursor:
            rows = cursor.execute(store.find, (keyring.version, BATCH)).fetchall()
            cursor.executemany(store.write, [_again(keyring, *row) for row in rows])
        if not rows:
            return done
        done += len(rows)


def _again(keyring: Keyring, tenant_id: str, encounter_id: str, version: int, record: bytes) -> tuple[bytes, str, int]:
    text = unseal(record, keyring, tenant_id, encounter_id)
    return seal(text, keyring, tenant_id, encounter_id), encounter_id, version
