"""The last contact of a device, and whether it is silent for longer than its own habit explains."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from services.console.operations.models import Observation
from services.console.pages.texts import is_number
from services.console.quality.chart import Chart, Month, chart

TIMES_ITS_INTERVAL = 10
FULL = 4
LADDER = (timedelta(hours=1), timedelta(days=1), timedelta(days=7), timedelta(days=30))
"""After each of these silences the battery has one bar less."""
LEAST = timedelta(minutes=5)
MOST_POINTS = 50


class Metric(NamedTuple):
    """The readings of one kind, the newest first."""

    code: str
    unit: str
    newest: Observation
    trend: Chart | None


class Contact(NamedTuple):
    last: datetime | None
    usual: timedelta | None
    is_silent: bool


def bars(last: datetime | None, now: datetime) -> int:
    """How full the battery of silence is, 0 to `FULL`: it empties while the device sends nothing."""
    return 0 if last is None else FULL - sum(now - last > step for step in LADDER)


def battery_of(now: datetime | None = None) -> Callable[[datetime | None], int]:
    """`bars` of one moment for a whole page."""
    at = now or datetime.now(UTC)
    return lambda last: bars(last, at)


def of(observations: Sequence[Observation], now: datetime) -> Contact:
    """`observations` are the newest ones. A device is silent after ten times its usual interval, and at least five minutes."""
    times = sorted({one.recorded_at for one in observations}, reverse=True)
    if not times:
        return Contact(None, None, False)
    gaps = [(later - earlier).total_seconds() for later, earlier in pairwise(times)]
    usual = timedelta(seconds=median(gaps)) if gaps else None
    allowed = max(LEAST, TIMES_ITS_INTERVAL * usual) if usual is not None else None
    return Contact(times[0], usual, allowed is not None and now - times[0] > allowed)


def by_metric(observations: Sequence[Observation]) -> list[Metric]:
    """In the order of their newest readings."""
    kinds: dict[tuple[str, str], list[Observation]] = {}
    for one in sorted(observations, key=lambda each: each.observed_at, reverse=True):
        kinds.setdefault((one.mdc_code, one.unit_code or ""), []).append(one)
    return [Metric(code, unit, found[0], _trend(found)) for (code, unit), found in kinds.items()]


def _trend(found: Sequence[Observation]) -> Chart | None:
    points = [
        Month(one.observed_at.date(), 1, 1, float(one.value))
        for one in reversed(found[:MOST_POINTS])
        if is_number(one.value)
    ]
    return chart(points, is_share=False) if len(points) > 1 and min(point.value or 0 for point in points) >= 0 else None
