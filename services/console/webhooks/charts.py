"""Positions of the bars and marks of two drawings, which the templates draw. Pure."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from services.console.webhooks.models import Attempt, History

WIDTH = 600.0
PAINTS = {
    "dns": "var(--sandbox)",
    "tcp": "var(--quiet)",
    "tls": "var(--warn)",
    "first_byte": "var(--brand)",
    "body": "var(--good)",
}


class Bar(NamedTuple):
    """One phase of an attempt, from `x` for `width`, in units of the drawing."""

    name: str
    ms: float
    x: float
    width: float
    paint: str


class Mark(NamedTuple):
    """One attempt, or the next one, on the line."""

    x: float
    kind: str
    number: int


def phases_of(timings: Mapping[str, float] | None) -> list[Bar]:
    """The phases of an attempt one after the other. `connect` includes TLS in the API; here TLS has a bar of its own."""
    known = dict(timings or {})
    if "connect" in known:
        known["tcp"] = max(0.0, known["connect"] - known.get("tls", 0.0))
    found = [(name, known[name]) for name in PAINTS if known.get(name, 0.0) > 0]
    total = sum(ms for _, ms in found)
    bars: list[Bar] = []
    place = 0.0
    for name, ms in found:
        width = WIDTH * ms / total
        bars.append(Bar(name, ms, round(place, 1), round(max(width, 1.0), 1), PAINTS[name]))
        place += width
    return bars


def marks_of(history: History) -> list[Mark]:
    """The attempts on a line that ends with the next one. Its scale is logarithmic, since waits grow from seconds to days."""
    ends = [one.attempted_at for one in history.attempts] + (
        [history.next_attempt_at] if history.next_attempt_at else []
    )
    if not ends:
        return []
    longest = max(1.0, max(_seconds(history.created_at, end) for end in ends))
    marks = [
        Mark(_place(history.created_at, one.attempted_at, longest), kind_of(one), one.number)
        for one in by_time(history.attempts)
    ]
    if history.next_attempt_at is not None:
        marks.append(Mark(_place(history.created_at, history.next_attempt_at, longest), "next", history.attempt + 1))
    return marks


def by_time(attempts: Sequence[Attempt]) -> list[Attempt]:
    return sorted(attempts, key=lambda one: one.attempted_at)


def kind_of(attempt: Attempt) -> str:
    taken = attempt.error is None and attempt.response_status is not None and 200 <= attempt.response_status < 300
    return "good" if taken else "bad"


def _seconds(begin: datetime, end: datetime) -> float:
    return max(0.0, (end - begin).total_seconds())


def _place(begin: datetime, at: datetime, longest: float) -> float:
    return round(12 + (WIDTH - 24) * math.log1p(_seconds(begin, at)) / math.log1p(longest), 1)
