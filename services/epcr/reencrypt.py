"""Encrypts records with the current key, so that an older key can be removed."""

from collections.abc import Callable
from typing import Any, LiteralString, NamedTuple

import psycopg

from services.epcr.encounters import store as encounters
from services.epcr.handover import endpoints as handovers
from services.epcr.outcomes import store as outcomes
from shared.primitives.crypto import Keyring

BATCH = 200


class Store(NamedTuple):
    """A table of ciphertexts. The first byte of a ciphertext is the version of its key; `context` is that of a tenant and an id."""

    find: LiteralString
    write: LiteralString
    context: Callable[[str, str], bytes] = encounters.context


STORES = (
    Store(
        "SELECT tenant_id, id, 0, record FROM encounters WHERE get_byte(record, 0) <> %s LIMIT %s FOR UPDATE",
        "UPDATE encounters SET record = %s WHERE id = %s AND 0 = %s",
    ),
    Store(
        "SELECT tenant_id, id, 0, brief FROM encounters WHERE get_byte(brief, 0) <> %s LIMIT %s FOR UPDATE",
        "UPDATE encounters SET brief = %s WHERE id = %s AND 0 = %s",
        encounters.brief_context,
    ),
    Store(
        """SELECT tenant_id, encounter_id, version, record FROM encounter_versions
        WHERE get_byte(record, 0) <> %s LIMIT %s FOR UPDATE""",
        "UPDATE encounter_versions SET record = %s WHERE encounter_id = %s AND version = %s",
    ),
    Store(
        "SELECT tenant_id, encounter_id, version, content FROM outcomes WHERE get_byte(content, 0) <> %s LIMIT %s FOR UPDATE",
        "UPDATE outcomes SET content = %s WHERE encounter_id = %s AND version = %s",
        outcomes.context,
    ),
    Store(
        "SELECT tenant_id, id, 0, explanation FROM emergency_accesses WHERE get_byte(explanation, 0) <> %s LIMIT %s FOR UPDATE",
        "UPDATE emergency_accesses SET explanation = %s WHERE id = %s AND 0 = %s",
        handovers.explained,
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
            written: list[tuple[bytes, str, int]] = []
            for tenant_id, id, version, old in rows:
                context = store.context(tenant_id, id)
                written.append((keyring.encrypt(keyring.decrypt(old, context), context), id, version))
            cursor.executemany(store.write, written)
        if not rows:
            return done
        done += len(rows)
