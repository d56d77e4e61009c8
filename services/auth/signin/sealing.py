"""Hashes of passwords, encrypted for their person, so that a writer of the database's table can make no account their own.

Encryption in place of a key within the hash: stored hashes are sealed without their passwords. The database says when it begins
(`passwords_are_sealed`): a day after the migration, so that processes of the previous release, which read hashes alone, can run until then.
"""

import logging
import time

from services.auth import seals
from services.auth.signin import queries
from services.auth.signin.models import User
from shared.primitives.crypto import Keyring, UnreadableCiphertext, base64url_decode, base64url_encode
from shared.storage.database import Connection

SEALED = "sealed."
SECONDS = 2.0
log = logging.getLogger(__name__)


def either(keyring: Keyring, tenant_id: str, user_id: str, hashed: str) -> dict[str, str]:
    """Both forms of a hash; the database stores one of them."""
    return {"hashed": hashed, "sealed": seal(keyring, tenant_id, user_id, hashed)}


def seal(keyring: Keyring, tenant_id: str, user_id: str, hashed: str) -> str:
    """`sealed.`, the time and random bytes by which the database takes it once, and the encrypted hash (migration 0129)."""
    once = seals.once().hex()
    return f"{SEALED}{once}.{base64url_encode(keyring.encrypt(hashed.encode(), _context(tenant_id, user_id, once)))}"


def hash_of(keyring: Keyring, user: User | None) -> str | None:
    """The hash of a person's password; None without one, and for one that was sealed for somebody else or whose key is gone."""
    stored = user.password_hash if user is not None else None
    if user is None or stored is None or not stored.startswith(SEALED):
        return stored
    try:
        once, sealed = _parts(stored)
        return keyring.decrypt(sealed, _context(user.tenant_id, user.user_id, once)).decode()
    except (UnreadableCiphertext, ValueError):
        log.error("the password of %s cannot be opened", user.user_id)
        return None


def is_of_an_older_key(keyring: Keyring, stored: str) -> bool:
    """Whether a sealed hash that `hash_of` opens is not under the current key."""
    return stored.startswith(SEALED) and _parts(stored)[1][0] != keyring.version


def seal_stored(keyring: Keyring, conn: Connection) -> int:
    """Seals the hashes from before. Each portion commits by itself. Returns how many it sealed."""
    sealed, after, until = 0, "", time.monotonic() + SECONDS
    while time.monotonic() < until:
        rows = conn.execute(queries.UNSEALED, {"after": after}).fetchall()
        for user_id, tenant_id, hashed in rows:
            conn.execute(queries.SEAL, {"user_id": user_id, "sealed": seal(keyring, tenant_id, user_id, hashed)})
        conn.commit()
        sealed += len(rows)
        if not rows:
            break
        after = rows[-1][0]
    return sealed


def _parts(stored: str) -> tuple[str, bytes]:
    """Sealed hashes of before have no time. Raises ValueError."""
    once, _, sealed = stored.removeprefix(SEALED).rpartition(".")
    return once, base64url_decode(sealed)


def _context(tenant_id: str, user_id: str, once: str) -> bytes:
    return f"password of {tenant_id} {user_id} {once}".rstrip().encode()
