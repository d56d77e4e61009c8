"""When a signing key is published, signs and disappears. Pure: time in, decisions out.

pending  → published, so that every verifier's cache can learn it, but not signing
active   → the newest key whose time has come; it alone signs
retiring → signs no more, published until the last token it signed is dead
retired  → gone from the JWKS
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, Protocol, TypeVar

JWKS_MAX_AGE = timedelta(seconds=300)
LONGEST_TOKEN = timedelta(days=30)
CLOCK_SKEW = timedelta(minutes=5)

# An emergency's key signs after this, by when every replica of auth has read it.
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
    """The keys of the JWKS at `now`."""
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
    """When what came before a key activating then may leave the JWKS: its last token has expired, on slow clocks too."""
    return activates_at + CLOCK_SKEW + LONGEST_TOKEN


def next_kid(now: datetime, taken: Sequence[str]) -> str:
    """`2026-03-signing-key`, then `2026-03-signing-key-2` and on."""
    first = f"{now:%Y-%m}-signing-key"
    number = 1
    while (kid := first if number == 1 else f"{first}-{number}") in taken:
        number += 1
    return kid
