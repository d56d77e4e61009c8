"""Publishing the next signing key: the relay does it when due, an operator whenever they like."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from psycopg import Connection
from psycopg.rows import class_row

from services.auth.keys import queries, schedule, signing
from services.auth.keys.models import SigningKeyRow
from shared.crypto import Keyring


def load_keys(conn: Connection[Any]) -> list[SigningKeyRow]:
    with conn.cursor(row_factory=class_row(SigningKeyRow)) as cursor:
        return cursor.execute(queries.KEYS).fetchall()


def rotate(conn: Connection[Any], keyring: Keyring, *, bits: int, wait: timedelta) -> str:
    """Publishes a new key that signs once `wait` is over, and returns its kid. The very first key signs at once."""
    key = signing.generate(bits)  # which takes a while, and none of the wait
    conn.execute(queries.LOCK_ROTATION)
    now = datetime.now(UTC)
    activates_at = now + wait if load_keys(conn) else now
    taken = [kid for (kid,) in conn.execute(queries.KIDS, (f"{now:%Y-%m}-",))]
    kid = schedule.next_kid(now, taken)
    jwk = msgspec.json.encode(signing.public_jwk(kid, key.public_key())).decode()
    conn.execute(queries.INSERT_KEY, (kid, signing.seal(kid, key, keyring), jwk, now, activates_at))
    gone = schedule.removal_of_older(activates_at)
    conn.execute(queries.LIMIT_OTHER_KEYS, {"kid": kid, "activates_at": activates_at, "gone": gone, "now": now})
    conn.execute(queries.TELL_FOLLOWERS)
    return kid


def distrust_older(conn: Connection[Any], kid: str) -> None:
    """Takes every key but `kid` out of the JWKS now, and refuses all they signed: at gateways and services within a second."""
    now = datetime.now(UTC)
    conn.execute(queries.DISTRUST_OTHER_KEYS, (kid,))
    # Not before the new one signs: until then there would be none.
    gone = max([now, *(key.activates_at for key in load_keys(conn) if key.kid == kid)])
    conn.execute(queries.LIMIT_OTHER_KEYS, {"kid": kid, "activates_at": gone, "gone": gone, "now": gone})


def rotate_if_due(
    conn: Connection[Any], keyring: Keyring, *, bits: int, every: timedelta, wait: timedelta
) -> str | None:
    """The relay's hourly look. Also forgets keys long gone from the JWKS."""
    conn.execute(queries.LOCK_ROTATION)
    conn.execute(queries.DELETE_REMOVED_KEYS)
    if not schedule.rotation_due(load_keys(conn), datetime.now(UTC), every):
        return None
    return rotate(conn, keyring, bits=bits, wait=wait)
