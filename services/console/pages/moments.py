"""Moments in words, with the exact time beside them. Pure."""

from datetime import UTC, datetime
from typing import NamedTuple

from services.console.pages.texts import Texts

UNITS = (("minutes", 60), ("hours", 3600), ("days", 86_400))
NEAR_DAYS = 14


class Moment(NamedTuple):
    """`iso` for machines, `exact` for people, with its zone; `near` in relation to now, or `exact` where that is long ago or far ahead."""

    iso: str
    exact: str
    near: str


def parsed(value: datetime | str | float) -> datetime:
    """Raises ValueError for a text that is no time of RFC 3339."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    elif isinstance(value, int | float):
        value = datetime.fromtimestamp(value, UTC)
    return value.astimezone(UTC)


def moment(value: datetime | str | float, t: Texts, now: datetime | None = None) -> Moment:
    at, now = parsed(value), now or datetime.now(UTC)
    month = t(f"month.{at.month}")
    exact = f"{at.day} {month} {at.year}, {at:%H:%M:%S} UTC"
    seconds = (now - at).total_seconds()
    direction = "ago" if seconds >= 0 else "ahead"
    distance = abs(seconds)
    near = exact
    if distance < 60:
        near = t(f"{direction}.now")
    elif distance < NEAR_DAYS * 86_400:
        # The future is rounded: a link for seven days, made a moment ago, ends in seven days and not in six. The past is cut off.
        distance += 0 if direction == "ago" else next(size for _, size in reversed(UNITS) if distance >= size) / 2
        unit, size = next((unit, size) for unit, size in reversed(UNITS) if distance >= size)
        near = t(f"{direction}.{unit}", count=int(distance // size))
    return Moment(at.strftime("%Y-%m-%dT%H:%M:%SZ"), exact, near)
