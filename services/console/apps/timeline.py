"""The live secrets of an app as bars on a time line: shares of the width, so that an SVG needs no style and no script. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from services.console.apps.models import Secret

ROW, TOP = 46, 24
"""Pixels: the height of a secret's row, of the line with "now", and of a bar."""


class Bar(NamedTuple):
    """Percents of the width, pixels of the height. `mark` is the last use."""

    secret: Secret
    x: float
    width: float
    y: int
    mark: float | None
    is_old: bool


class Line(NamedTuple):
    bars: list[Bar]
    now: float
    height: int


def line_of(secrets: Sequence[Secret], now: datetime | None = None) -> Line | None:
    """The line of the secrets, newest first. It shows the overlap in full, and older times only as far as a third of it."""
    if not secrets:
        return None
    now = now or datetime.now(UTC)
    made = max(secret.created_at for secret in secrets)
    ends = [secret.expires_at for secret in secrets if secret.expires_at is not None]
    end = max([*ends, now]) if ends else now
    span = max(end - made, timedelta(hours=1))
    start, end = made - span / 3, end + span / 5

    def share(at: datetime) -> float:
        return round(min(1.0, max(0.0, (at - start) / (end - start))) * 100, 2)

    bars = [
        Bar(
            secret,
            x=share(secret.created_at),
            width=round(max(0.5, share(secret.expires_at or end) - share(secret.created_at)), 2),
            y=TOP + index * ROW,
            mark=share(secret.last_used_at) if secret.last_used_at is not None else None,
            is_old=secret.expires_at is not None,
        )
        for index, secret in enumerate(secrets)
    ]
    return Line(bars, share(now), TOP + len(bars) * ROW)


def old_may_end(secrets: Sequence[Secret]) -> bool:
    """Whether the new secret has been used since the old one was."""
    new = next((one.last_used_at for one in secrets if one.expires_at is None), None)
    old = [one.last_used_at for one in secrets if one.expires_at is not None]
    return new is not None and all(used is None or used < new for used in old)
