"""When a signing key is published, signs and disappears, and its rotation by the relay or an operator.

pending  → published, so that every verifier's cache can learn it, but not signing
active   → the newest key whose time has come; only this one signs
retiring → signs no more, published until the last token it signed has expired
retired  → no longer in the JWKS
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Protocol, TypeVar

import msgspec
from psycopg import Connection
from psycopg.rows import class_row

from services.auth.keys import queries, signing
from services.auth.keys.models import SigningKeyRow
from shared.primitives.crypto import Keyring

JWKS_MAX_AGE = timedelta(seconds=300)
LONGEST_TOKEN = timedelta(days=30)
CLOCK_SKEW = timedelta(minutes=5)
# A key made in an emergency signs after this. By then every replica of auth has read it.
EMERGENCY_WAIT = timedelta(seconds=1)
State = Literal["pending", "active", "retiring", "retired"]


class Timed(Protocol):
    @property
    def kid(self) -> str: ...
    @property
    def activates_at(self) -> datetime: ...
    @property
    def removed_at(self) -> datetime | None: ...


Key = TypeVar("Key", bound=Timed)


def published(keys: Sequence[Key], now: datetime) -> list[Key]:
    """The keys in the JWKS at `now`."""
    return [key for key in keys if key.removed_at is None or key.removed_at > now]


def active(keys: Sequence[Key], now: datetime) -> Key | None:
    """The key that signs at `now`: the last one whose time has come."""
    ready = [key for key in published(keys, now) if key.activates_at <= now]
    return max(ready, key=lambda key: (key.activates_at, key.kid), default=None)


def state(key: Key, keys: Sequence[Key], now: datetime) -> State:
    if key not in published(keys, now):
        return "retired"
    if key.activates_at > now:
        return "pending"
    return "active" if key is active(keys, now) else "retiring"


def rotation_due(keys: Sequence[Key], now: datetime, every: timedelta) -> bool:
    """Whether a successor should be published: none is waiting, and the newest key has signed for `every`."""
    newest = max((key.activates_at for key in published(keys, now)), default=None)
    return newest is None or newest + every <= now


def removal_of_older(activates_at: datetime) -> datetime:
    """When the keys before one that activates then may leave the JWKS: their last tokens have expired, also by slow clocks."""
    return activates_at + CLOCK_SKEW + LONGEST_TOKEN


def next_kid(now: datetime, taken: Sequence[str]) -> str:
    """`2026-03-signing-key`, then `2026-03-signing-key-2` and on."""
    first = f"{now:%Y-%m}-signing-key"
    number = 1
    while (kid := first if number == 1 else f"{first}-{number}") in taken:
        number += 1
    return kid


# --- Rotation ---------------------------------------------------------------------------------------------------------


def load_keys(conn: Connection[Any]) -> list[SigningKeyRow]:
    with conn.cursor(row_factory=class_row(SigningKeyRow)) as cursor:
        return cursor.execute(queries.KEYS).fetchall()


def rotate(conn: Connection[Any], keyring: Keyring, *, bits: int, wait: timedelta) -> str:
    """Publishes a new key that signs once `wait` is over, and returns its kid. The very first key signs at once."""
    key = signing.generate(bits)  # takes seconds, so it comes before the wait begins
    conn.execute(queries.LOCK_ROTATION)
    now = datetime.now(UTC)
    activates_at = now + wait if load_keys(conn) else now
    taken = [kid for (kid,) in conn.execute(queries.KIDS, (f"{now:%Y-%m}-",))]
    kid = next_kid(now, taken)
    jwk = msgspec.json.encode(signing.public_jwk(kid, key.public_key())).decode()
    conn.execute(queries.INSERT_KEY, (kid, signing.seal(kid, key, keyring), jwk, now, activates_at))
    gone = removal_of_older(activates_at)
    conn.execute(queries.LIMIT_OTHER_KEYS, {"kid": kid, "activates_at": activates_at, "gone": gone, "now": now})
    conn.execute(queries.WAKE_FOLLOWERS)
    return kid


def distrust_older(conn: Connection[Any], kid: str) -> None:
    """Removes every key but `kid` from the JWKS. Gateways and services refuse all tokens of those keys within a second."""
    now = datetime.now(UTC)
    conn.execute(queries.DISTRUST_OTHER_KEYS, (kid,))
    # Not before the new key signs, because until then no key would.
    gone = max([now, *(key.activates_at for key in load_keys(conn) if key.kid == kid)])
    conn.execute(queries.LIMIT_OTHER_KEYS, {"kid": kid, "activates_at": gone, "gone": gone, "now": gone})


def rotate_if_due(
    conn: Connection[Any], keyring: Keyring, *, bits: int, every: timedelta, wait: timedelta
) -> str | None:
    """Rotates if the newest key has signed long enough. Deletes keys that left the JWKS 90 days ago."""
    conn.execute(queries.LOCK_ROTATION)
    conn.execute(queries.DELETE_REMOVED_KEYS)
    if not rotation_due(load_keys(conn), datetime.now(UTC), every):
        return None
    return rotate(conn, keyring, bits=bits, wait=wait)
